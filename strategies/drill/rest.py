"""Orders that only rest, far from the touch: what a sentinel's drill has to clear.

It places until so many rest and keeps their number; it takes nothing, on purpose, and must not meet
a venue that takes money.
"""

from strategies import Book, Param, Strategy


class Rest(Strategy):
    """Keep many orders resting on both sides of each instrument."""

    orders = Param(100, minimum=1, maximum=200, doc="orders per instrument")
    size_lots = Param(5, minimum=1, maximum=100_000, doc="lots of an order: 200 fit the wallet")
    away_bps = Param(200, minimum=1, maximum=2000, doc="distance of the nearest from the touch")
    at_once = Param(16, minimum=1, maximum=32, doc="orders per book event")

    def on_book(self, book: Book) -> None:
        instrument = book.instrument
        missing = min(self.at_once, self.orders - self.working(instrument))
        for n in range(missing):
            step = (self.working(instrument) + n) % 50
            if (book.update_id + n) & 1:
                price = book.bid_ticks - book.bid_ticks * self.away_bps // 10_000 - 10 * step
                self.buy(
                    instrument, price_ticks=price // 10 * 10, lots=self.size_lots, post_only=True
                )
            else:
                price = book.ask_ticks + book.ask_ticks * self.away_bps // 10_000 + 10 * step
                self.sell(
                    instrument, price_ticks=price // 10 * 10, lots=self.size_lots, post_only=True
                )
