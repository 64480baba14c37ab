"""A strategy over a capture: a lane on paper beside the replay, and what came of it.

Owns:    the limits of such a lane, the figures of the strategy.
Refuses: a finer scale in mid-run: positions and orders are in today's ticks, so the run ends there.
"""

from __future__ import annotations

import mmap
from typing import Any

from hotpath.lane.paper import PaperLane
from hotpath.lane.replay import Replay
from runtime._shm import ffi, lib
from runtime.pages.names import VERDICTS
from runtime.pages.page import LANE_BYTES

LIMITS = {
    "strategies": 1,
    "accounts": 1,
    "order_lots_max": 10**9,
    "position_lots_max": 10**12,
    "open_orders_max": 200,
    "band_bps": 1000,
    "stale_ms": 5000,
}


class PaperRun:
    """One strategy bound to one replay."""

    def __init__(self, replay: Replay, scales: dict[str, tuple[int, int]], strategy: Any) -> None:
        self.page = mmap.mmap(-1, LANE_BYTES)
        self.lane = PaperLane(replay.codec, self.page)
        self.lane.calibrate(1_000_000)
        for number, (symbol, (price_decimals, size_decimals)) in enumerate(scales.items(), 1):
            if number > 255:
                break
            self.lane.add_instrument(
                number,
                symbol,
                price_decimals=price_decimals,
                size_decimals=size_decimals,
                limits=LIMITS,
            )
        self.lane.follow(replay)
        self.lane.add_strategy(strategy)
        self.strategy = strategy
        self.symbols = list(scales)[:255]
        self.lane.start_strategies()

    def result(self) -> dict[str, Any]:
        """Return orders, fills, positions and PnL of the strategy; money in 1e-8 of quote."""
        self.lane.finish()
        self.lane.stop_strategies()
        view = ffi.cast("hp_lane_page_t *", ffi.from_buffer(self.page))
        count = view.counters
        positions = {}
        for number, symbol in enumerate(self.symbols, 1):
            held = view.positions[number]
            if held.bought_lots or held.sold_lots:
                positions[symbol] = {
                    "lots": sum(held.lots),
                    "bought_lots": held.bought_lots,
                    "sold_lots": held.sold_lots,
                    "realised_e8": held.realised_e8,
                    "fees_e8": held.fees_e8,
                }
        return {
            "class": type(self.strategy).__name__,
            "intents": count.intents,
            "orders": count.orders_sent,
            "cancels": count.cancels_sent,
            "rejects": count.rejects,
            "fills": count.fills,
            "fills_buy": count.fills_buy,
            "fills_sell": count.fills_sell,
            "open_orders": count.open_orders,
            "verdicts": {
                name: view.verdicts[n] for n, name in VERDICTS.items() if view.verdicts[n]
            },
            "positions": positions,
            "realised_e8": sum(p["realised_e8"] for p in positions.values()),
            "fees_e8": sum(p["fees_e8"] for p in positions.values()),
            "error": self.strategy.error,
            "callbacks": count.callbacks,
            "callback_ns": count.callback_ns // count.callbacks if count.callbacks else 0,
            "unknown": count.order_states[lib.HP_ORDER_UNKNOWN],
        }
