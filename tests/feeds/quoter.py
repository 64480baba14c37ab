"""The strategy of the live tests: one buy far below each book, placed again when it is gone."""

from strategies import Strategy


class Quoter(Strategy):
    """Quotes where nothing trades."""

    def on_book(self, book):
        if not self.working(book.instrument):
            price = book.bid_ticks - book.bid_ticks // 400
            self.buy(book.instrument, price_ticks=price, lots=20, post_only=True)
