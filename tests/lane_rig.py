"""A lane by hand: real codec, real book, virtual clock; and shorthand for what a venue sends it."""

from __future__ import annotations

import mmap

from hotpath.lane.manual import ManualLane
from runtime._shm import ffi, lib
from runtime.pages.page import LANE_BYTES
from venues.binance.usdm.codec import Codec

LIMITS = {
    "strategies": 0b11,
    "accounts": 1,
    "order_lots_max": 1000,
    "position_lots_max": 1000,
    "open_orders_max": 5,
    "band_bps": 100,
    "stale_ms": 1000,
}
SYMBOLS = {1: "BTCUSDT", 2: "ETHUSDT"}


class Rig:
    """A lane with two instruments and shorthand for the venue's side."""

    def __init__(
        self,
        *strategies,
        journal=False,
        segment_bytes=65536 * 16,
        lines=1,
        terms=None,
        limits=LIMITS,
        page=None,
        account=0,
        **settings,
    ):
        """page: any writable buffer of LANE_BYTES; a private one if none is given."""
        self.page = mmap.mmap(-1, LANE_BYTES) if page is None else page
        extra = dict(settings)
        self.journal = None
        if journal:
            self.journal = mmap.mmap(-1, 4096 + 4 * segment_bytes)
            extra |= {
                "journal": self.journal,
                "segment_bytes": segment_bytes,
                "segment_count": 4,
            }
        self.lane = ManualLane(Codec(), self.page, **extra)
        self.lane.calibrate(1_000_000)
        if lines > 1:
            self.lane.set_lines(lines, 1)
        for number, symbol in SYMBOLS.items():
            self.lane.add_instrument(
                number, symbol, price_decimals=1, size_decimals=3, limits=limits, **(terms or {})
            )
        for strategy in strategies:
            self.lane.add_strategy(strategy, account)
        self.lane.start_strategies()
        self.lane.session()
        self.lane.arm()
        self.update = {1: 100, 2: 100}
        self.trades = 0
        self.view = ffi.cast("hp_lane_page_t *", ffi.from_buffer(self.page))

    @property
    def count(self):
        return self.view.counters

    def depth(self, bids=(), asks=(), instrument=1, skip=0, at_ms=1723161258284):
        """A depth frame that continues the book (or leaves `skip` ids out)."""
        before = self.update[instrument] + skip
        self.update[instrument] = before + 10
        levels = [",".join(f'["{p:.2f}","{q:.3f}"]' for p, q in side) for side in (bids, asks)]
        symbol = SYMBOLS[instrument]
        self.lane.frame(
            (
                f'{{"stream":"{symbol.lower()}@depth@0ms","data":{{"e":"depthUpdate",'
                f'"E":{at_ms},"T":{at_ms},"s":"{symbol}",'
                f'"U":{before + 1},"u":{before + 10},"pu":{before},'
                f'"b":[{levels[0]}],"a":[{levels[1]}]}}}}'
            ).encode()
        )

    def event(self, stream, instrument, text):
        """One combined frame; S stands for the symbol."""
        symbol = SYMBOLS[instrument]
        whole = f'{{"stream":"{symbol.lower()}@{stream}","data":{{{text}}}}}'
        self.lane.frame(whole.replace('"S"', f'"{symbol}"').encode())

    def ticker(self, bid=60000.0, ask=60000.1, instrument=1, at_ms=1723161258284):
        """A best-bid/ask frame."""
        sides = f'"b":"{bid:.2f}","B":"1.000","a":"{ask:.2f}","A":"1.000"'
        times = f'"T":{at_ms},"E":{at_ms}'
        self.event("bookTicker", instrument, f'"e":"bookTicker","u":1,"s":"S",{sides},{times}')

    def trade(self, price=60000.0, size=0.1, instrument=1, at_ms=1723161258284):
        """An aggregated trade."""
        self.trades += 1
        ids = f'"f":{self.trades},"l":{self.trades}'
        price_size = f'"a":{self.trades},"s":"S","p":"{price:.2f}","q":"{size:.3f}"'
        head = f'"e":"aggTrade","E":{at_ms}'
        self.event("aggTrade", instrument, f'{head},{price_size},{ids},"T":{at_ms},"m":true')

    def mark(self, instrument=1):
        """A mark price."""
        prices = '"p":"60000.00000000","i":"60000.00000000","P":"60000.00000000","r":"0.00010000"'
        head = '"e":"markPriceUpdate","E":1723161258284,"s":"S"'
        self.event("markPrice@1s", instrument, f'{head},{prices},"T":1723190400000')

    def book_text(self, bid=60000.0, ask=60000.1, bid_size=1.0, ask_size=1.0, update_id=0):
        """A REST snapshot of one level a side."""
        return (
            f'{{"lastUpdateId":{update_id},"E":1,"T":1,"bids":[["{bid:.2f}","{bid_size:.3f}"]],'
            f'"asks":[["{ask:.2f}","{ask_size:.3f}"]]}}'
        ).encode()

    def sync(self, bid=60000.0, ask=60000.1, bid_size=1.0, ask_size=1.0, instrument=1, **when):
        """Bring a book to SYNCED at this touch."""
        self.depth(instrument=instrument, **when)
        self.lane.snapshot(
            instrument,
            self.book_text(bid, ask, bid_size, ask_size, self.update[instrument]),
        )

    def report(self, kind, client_id, **fields):
        """A decoded report of the venue."""
        record = ffi.new("hp_report_t *")
        record.kind = getattr(lib, f"HP_REPORT_{kind}")
        record.client_id = client_id
        for name, value in fields.items():
            setattr(record, name, value)
        self.lane.report(bytes(ffi.buffer(record)))

    def state(self, client_id):
        return (
            ffi.typeof("enum hp_order_state")
            .elements[self.lane.order(client_id)["state"]]
            .removeprefix("HP_ORDER_")
        )

    def only(self):
        """The client id of the one working order."""
        orders = self.lane.orders()
        assert len(orders) == 1
        return orders[0]["client_id"]
