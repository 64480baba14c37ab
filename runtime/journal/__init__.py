"""What lanes journal: followed, archived, audited, run again; checkpoints, the ledger."""
