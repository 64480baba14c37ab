"""Captures: read, written, replayed through decode and book, or traded on paper."""
