"""Processes of a deployment: planned, started, watched, ended; the operators' door."""
