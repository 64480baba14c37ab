"""The strategy of the live test of second tries: two orders at a time, far below, none kept."""

from strategies import Strategy


class Tries(Strategy):
    """Wants two orders to rest for a moment; what never arrived it wants placed again."""

    def on_book(self, book):
        if not self.working(book.instrument):
            price = book.bid_ticks - book.bid_ticks // 400
            wish = {"side": "BUY", "instrument": book.instrument, "lots": 20, "tries": 2}
            self.place_batch([{"price_ticks": price - n, **wish} for n in (0, 1)])

    def on_order(self, order):
        if order.state == "LIVE":
            self.cancel(order.client_id, "price")
