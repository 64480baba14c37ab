"""What a deployment is told: keys, files, reload, limits and hours as records."""
