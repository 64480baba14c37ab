"""Public streams of Binance COIN-M: their names, their sockets, how to ask for one anew.

Owns:    which streams there are; all of them stand on one socket.
Refuses: opening sockets, decoding, REST; what all markets do alike (../feed.py).
"""

from __future__ import annotations

from venues.binance.feed import Feed, Stream, snapshot_id, subscriptions

__all__ = ["REST", "STREAMS", "TAILS", "Stream", "snapshot_id", "subscriptions"]

REST = "https://dapi.binance.com"
STREAMS = "wss://dstream.binance.com"
TAILS = {
    "depth": "@depth@0ms",
    "book_ticker": "@bookTicker",
    "agg_trade": "@aggTrade",
    "mark_price": "@markPrice@1s",
}
FEED = Feed(TAILS, (("", tuple(TAILS)),), "/dapi/v1/depth", is_chained=True)
streams, sockets = FEED.streams, FEED.sockets
snapshot_path, depth_of = FEED.snapshot_path, FEED.depth_of
