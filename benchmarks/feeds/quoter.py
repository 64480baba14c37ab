"""The strategy of the stale bench: buys far below each book, placed again when they are gone."""

from strategies import Param, Strategy


class Quoter(Strategy):
    """Keeps `orders` buys resting where nothing trades."""

    orders = Param(4, minimum=1, maximum=16)

    def on_book(self, book):
        step = book.bid_ticks // 5000
        for n in range(self.working(book.instrument), self.orders):
            price = book.bid_ticks - (12 + n) * step
            self.buy(book.instrument, price_ticks=price, lots=20, post_only=True)
