"""The strategy of the backlog benchmark.

Join the bid, cancel as soon as the acknowledgement is there.
"""

from strategies import Book, Order, Strategy


class CancelOnAck(Strategy):
    """One order at a time; its acknowledgement is answered by a cancel."""

    def on_book(self, book: Book) -> None:
        if not self.working(book.instrument):
            self.buy(book.instrument, price_ticks=book.bid_ticks, lots=5, post_only=True)

    def on_order(self, order: Order) -> None:
        if order.state == "LIVE":
            self.cancel(order.client_id)
