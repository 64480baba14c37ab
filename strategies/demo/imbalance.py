"""The demo strategy in Python: join the heavier side of the touch, leave the mirrored way.

Flat and the best levels lean to the bid: a post-only buy at the bid.  Long and they lean to the
ask: a post-only sell of the whole position at the ask.  It exists to exercise the appliance, not to
earn.
"""

from strategies import Book, Param, Strategy


class Imbalance(Strategy):
    """Join the heavier side of the touch; long or flat."""

    depth = Param(5, minimum=1, maximum=20, doc="levels per side that are weighed")
    threshold_bps = Param(
        6000, minimum=5000, maximum=10000, doc="share of the bid that counts as heavy"
    )
    size_lots = Param(5, minimum=1, maximum=1_000_000, doc="lots of an entry")
    ttl_ms = Param(500, minimum=1, maximum=60_000, doc="life of a resting order")

    def on_book(self, book: Book) -> None:
        instrument = book.instrument
        if self.working(instrument):
            return
        held = self.position(instrument)
        lean = book.imbalance_bps(self.depth)
        if held == 0:
            if lean > self.threshold_bps:
                self.buy(
                    instrument,
                    price_ticks=book.bid_ticks,
                    lots=self.size_lots,
                    post_only=True,
                    ttl_ms=self.ttl_ms,
                )
        elif held > 0 and lean < 10000 - self.threshold_bps:
            self.sell(
                instrument,
                price_ticks=book.ask_ticks,
                lots=held,
                post_only=True,
                ttl_ms=self.ttl_ms,
            )
