"""Load for drills: places, crosses and cancels on every instrument, to no end of its own.

It decides by the book's update id alone, so that a recorded run replays; it is no example of a
strategy and must not meet a venue that takes money.
"""

from strategies import Book, Order, Param, Strategy


class Load(Strategy):
    """Keep a few orders working on both sides; take now and then; cancel a third."""

    working_max = Param(3, minimum=1, maximum=20, doc="orders per instrument")
    size_lots = Param(3, minimum=1, maximum=1000, doc="lots of an order")
    held_lots_max = Param(12, minimum=1, maximum=100_000, doc="position at which it only reduces")
    ttl_ms = Param(2000, minimum=1, maximum=600_000, doc="life of a resting order")

    def on_book(self, book: Book) -> None:
        instrument = book.instrument
        if self.working(instrument) >= self.working_max:
            return
        pick = book.update_id * 2654435761 >> 8
        held = self.position(instrument)
        sells = held > self.held_lots_max or (held >= -self.held_lots_max and pick & 1)
        takes = pick >> 1 & 7 == 0
        act = self.sell if sells else self.buy
        if takes:
            price = book.bid_ticks if sells else book.ask_ticks
            act(instrument, price_ticks=price, lots=self.size_lots, tif="IOC")
        else:
            price = book.ask_ticks if sells else book.bid_ticks
            act(
                instrument,
                price_ticks=price,
                lots=self.size_lots,
                post_only=True,
                ttl_ms=self.ttl_ms,
            )

    def on_order(self, order: Order) -> None:
        if order.state == "LIVE" and order.client_id % 3 == 0:
            self.cancel(order.client_id)
