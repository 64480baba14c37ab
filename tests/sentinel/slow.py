"""A strategy whose every decision takes three milliseconds."""

import time

from strategies import Strategy


class Slow(Strategy):
    def on_book(self, book):
        if self.working(book.instrument) >= 4:
            return
        until = time.monotonic() + 0.003
        while time.monotonic() < until:
            pass
        price = book.bid_ticks - book.bid_ticks // 50
        self.buy(
            book.instrument, price_ticks=price // 10 * 10, lots=20, post_only=True, ttl_ms=50
        )
