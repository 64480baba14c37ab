"""The strategy of a story: quotes, takes, replaces, cancels, exits; its chance is its own.

Owns:    nothing that a user's strategy could not do.
Refuses: being clever: it must meet as many edges of the lane as it can in a short life.
"""

from __future__ import annotations

import random
from typing import Any

from strategies import Param, Strategy


class Trader(Strategy):
    """Draws what to do next, a few times a second."""

    seed = Param(0)
    orders_max = Param(60)
    eager = Param(1)
    lots_least = Param(1)
    lots_most = Param(21)
    is_hedged = Param(0)

    def on_start(self) -> None:
        self.chance = random.Random(f"{self.seed}/trader")
        self.left = self.orders_max  # that are permitted: a refusal costs none
        self.live: dict[int, tuple[int, int, int]] = {}
        self.next_ns = 0
        self.fails_at = self.chance.randrange(40, 80) if self.chance.random() < 0.1 else -1

    def on_timer(self, now_ns: int) -> None:
        self.act()

    def on_book(self, book: Any) -> None:
        for _ in range(self.eager * self.chance.choice((0, 1, 2, 3))):
            self.act(book.instrument)

    def on_top(self, top: Any) -> None:
        if self.chance.random() < 0.5:
            self.act(top.instrument)

    def act(self, instrument: int = 0) -> None:
        chance = self.chance
        instrument = instrument or chance.choice(list(self.instruments().values()))
        if self.live and chance.random() < 0.3:
            client_id = chance.choice(list(self.live))
            _, price, lots = self.live[client_id]
            if chance.random() < 0.7:
                self.cancel(client_id, chance.choice((None, "price", "inventory")))
            else:
                move = chance.choice((-2, -1, 1, 2))
                size = self.size(lots + chance.choice((-3, 0, 4, 12)))
                self.replace(client_id, price_ticks=price + move, lots=size)
            return
        if self.left <= 0:
            return
        book = self.book(instrument)
        bid, ask = book.bid_ticks, book.ask_ticks
        if not bid or not ask:
            return
        self.left -= 1
        leg = chance.choice(("LONG", "SHORT")) if self.is_hedged else None
        held = self.position(instrument) if leg is None else self.leg(instrument, leg)
        is_buy = chance.random() < (0.3 if held > 0 else 0.7 if held < 0 else 0.5)
        kind = chance.random()
        lots = self.size(chance.randrange(1, chance.choice((5, 10, 22))))
        more: dict[str, Any] = {"tries": chance.choice((0, 0, 1, 2)), "position_side": leg}
        if leg is not None and chance.random() < 0.6:  # else it may be more than the leg has
            is_buy = leg == "LONG"
        if kind < 0.5:
            price = (bid if is_buy else ask) - (1 if is_buy else -1) * chance.randrange(0, 3)
            more |= {"post_only": chance.random() < 0.5, "ttl_ms": chance.choice((0, 150, 600))}
        elif kind < 0.8:
            price = ask + 2 if is_buy else bid - 2
            more |= {"tif": chance.choice((None, "IOC", "IOC", "FOK")), "ttl_ms": 300}
        elif held:
            is_buy, lots = held < 0, abs(held)
            price = ask + 2 if is_buy else bid - 2
            more |= {"reduce_only": True, "tif": "IOC"}
        else:
            price = bid - 5 if is_buy else ask + 5
            more |= {"ttl_ms": 1000}
        place = self.buy if is_buy else self.sell
        place(instrument, price_ticks=price, lots=lots, **more)

    def size(self, lots: int) -> int:
        return max(self.lots_least, min(self.lots_most, lots))

    def on_order(self, order: Any) -> None:
        if order.client_id == 0:
            self.left += 1
            return
        if order.state in ("LIVE", "PARTIAL"):
            self.live[order.client_id] = (order.instrument, order.price_ticks, order.lots)
            if order.client_id % 1024 == self.fails_at:
                raise RuntimeError("as planned")
        elif order.state not in ("SENT", "PENDING"):
            self.live.pop(order.client_id, None)
