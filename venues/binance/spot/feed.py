"""Public streams of Binance spot: their names, their sockets, how to ask for one anew.

Owns:    which streams there are; all of them stand on one socket.
Refuses: opening sockets, decoding, REST; what all markets do alike (../feed.py).

Times come in milliseconds; append &timeUnit=MICROSECOND to a socket's address for microseconds.
"""

from __future__ import annotations

from venues.binance.feed import Feed, Stream, snapshot_id, subscriptions

__all__ = ["REST", "STREAMS", "TAILS", "Stream", "snapshot_id", "subscriptions"]

REST = "https://api.binance.com"
STREAMS = "wss://stream.binance.com:9443"
TAILS = {
    "depth": "@depth@100ms",
    "book_ticker": "@bookTicker",
    "trade": "@trade",
    "agg_trade": "@aggTrade",
}
FEED = Feed(TAILS, (("", tuple(TAILS)),), "/api/v3/depth", is_chained=False)
streams, sockets = FEED.streams, FEED.sockets
snapshot_path, depth_of = FEED.snapshot_path, FEED.depth_of
