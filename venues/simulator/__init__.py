"""The embedded venue: matching engine, participants, dialects over real sockets.

It encodes and parses with its own code and shares nothing with hotpath or with another venue
folder, so that a shared mistake cannot hide.  See README.md.
"""
