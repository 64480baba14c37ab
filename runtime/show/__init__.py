"""What people and machines see: snapshots, scrape, status, events, reasons, logs."""
