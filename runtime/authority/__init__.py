"""Limits of all lanes together: owned, leased, kept."""
