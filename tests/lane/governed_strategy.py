"""The strategy of the governor's live test: quotes that never rest for long."""

from strategies import Strategy


class Restless(Strategy):
    """One buy far below each book, a fifth of a second at a time."""

    def on_book(self, book):
        if not self.working(book.instrument):
            price = book.bid_ticks - book.bid_ticks // 400
            self.buy(
                book.instrument, price_ticks=price, lots=20, post_only=True, ttl_ms=200
            )
