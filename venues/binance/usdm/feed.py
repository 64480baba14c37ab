"""Public streams of Binance USD-M: their names, their sockets, how to ask for one anew.

Owns:    the routed paths since 2026-04-23 and what belongs on which; a wrongly routed stream is
         acknowledged and stays silent.
Refuses: opening sockets, decoding, REST; what all markets do alike (../feed.py).
"""

from __future__ import annotations

from venues.binance.feed import Feed, Stream, snapshot_id, subscriptions

__all__ = ["REST", "STREAMS", "TAILS", "Stream", "snapshot_id", "subscriptions"]

REST = "https://fapi.binance.com"
STREAMS = "wss://fstream.binance.com"
TAILS = {
    "depth": "@depth@0ms",
    "book_ticker": "@bookTicker",
    "agg_trade": "@aggTrade",
    "mark_price": "@markPrice@1s",
}
ROUTES = (("public", ("depth", "book_ticker")), ("market", ("agg_trade", "mark_price")))
FEED = Feed(TAILS, ROUTES, "/fapi/v1/depth", is_chained=True)
streams, sockets = FEED.streams, FEED.sockets
snapshot_path, depth_of = FEED.snapshot_path, FEED.depth_of
