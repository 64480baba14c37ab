"""The cold half of market data: snapshots, polls, bounds, recording."""
