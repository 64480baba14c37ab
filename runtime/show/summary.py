"""What a run comes to: orders, fills, positions and PnL by symbol, as its lane's page has them.

Owns:    the figures that `corelane run` prints at its end and holds against the venue's record.
Refuses: judging them (ops/run.py), a running appliance's screen (status.py).
"""

from __future__ import annotations

from typing import Any


def summary(view: Any, feed: Any, symbols: dict[int, str], about: dict[int, Any]) -> dict[str, Any]:
    """Return the figures of a lane page; `feed` is the counters of the lane that has the books.

    symbols, about: by instrument number, as the appliance has them.  Money in 1e-8.
    """
    c = view.counters
    of_symbols = {}
    for number, name in symbols.items():
        p = view.positions[number]
        of_symbols[name] = {
            "position_lots": sum(p.lots),
            "venue_position_lots": sum(p.venue_lots),
            "bought_lots": p.bought_lots,
            "sold_lots": p.sold_lots,
            "realised_e8": p.realised_e8,
            "fees_e8": p.fees_e8,
            "venue_realised_e8": p.venue_pnl_e8,
            "size_decimals": about[number]["size_decimals"],
        }
    return {
        "orders": c.orders_sent - c.orders_absent,
        "orders_accepted": c.orders_sent - c.orders_absent - c.orders_refused,
        "cancels": c.cancels_sent,
        "fills": c.fills,
        "fills_buy": c.fills_buy,
        "fills_sell": c.fills_sell,
        "rejects": c.rejects,
        "open_orders": c.open_orders,
        "unknown": c.unknown_now,
        "messages": feed.messages,
        "gaps": feed.gaps,
        "resyncs": feed.resyncs,
        "symbols": of_symbols,
        "realised_e8": sum(s["realised_e8"] for s in of_symbols.values()),
        "fees_e8": sum(s["fees_e8"] for s in of_symbols.values()),
    }
