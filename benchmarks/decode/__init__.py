"""Decoders against each other; the compiled half is built on first use."""
