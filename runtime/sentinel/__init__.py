"""The process that trusts nobody here and can empty the venue's order list alone."""
