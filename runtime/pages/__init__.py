"""Shared pages: made, opened, read; the clock's and the host's page; names of what they hold."""
