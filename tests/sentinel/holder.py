"""A strategy that holds a position in each instrument and has a quote resting beside it."""

from strategies import Strategy


class Holder(Strategy):
    def on_book(self, book):
        if self.working(book.instrument):
            return
        if self.position(book.instrument) < 40:
            self.buy(book.instrument, price_ticks=book.ask_ticks, lots=20, tif="IOC")
        else:
            price = book.bid_ticks - book.bid_ticks // 50
            self.buy(book.instrument, price_ticks=price // 10 * 10, lots=20, post_only=True)
