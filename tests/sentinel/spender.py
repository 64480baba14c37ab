"""A strategy that buys, sells what it holds and quotes far from the touch, with every book."""

from strategies import Strategy


class Spender(Strategy):
    def on_start(self):
        self.books = 0

    def on_book(self, book):
        self.books += 1
        where, step = book.instrument, self.books % 4
        if step == 0 and self.position(where) >= 5:
            self.sell(where, price_ticks=book.bid_ticks, lots=5, tif="IOC", reduce_only=True)
        elif step == 1:
            price = book.bid_ticks - book.bid_ticks // 50
            self.buy(where, price_ticks=price // 10 * 10, lots=5, post_only=True, ttl_ms=500)
        else:
            self.buy(where, price_ticks=book.ask_ticks, lots=5, tif="IOC")
