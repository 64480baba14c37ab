"""A lane by hand: real codec, real book, virtual clock."""

from __future__ import annotations

import mmap

import pytest

from hotpath.lane.manual import ManualLane
from runtime._shm import ffi, lib
from runtime.pages import LANE_BYTES
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

    def __init__(self, *strategies, journal=False, segment_bytes=65536 * 16, **settings):
        self.page = mmap.mmap(-1, LANE_BYTES)
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
        for number, symbol in SYMBOLS.items():
            self.lane.add_instrument(
                number, symbol, price_decimals=1, size_decimals=3, limits=LIMITS
            )
        for strategy in strategies:
            self.lane.add_strategy(strategy)
        self.lane.start_strategies()
        self.lane.session()
        self.lane.arm()
        self.update = {1: 100, 2: 100}
        self.view = ffi.cast("hp_lane_page_t *", ffi.from_buffer(self.page))

    @property
    def count(self):
        return self.view.counters

    def depth(self, bids=(), asks=(), instrument=1, skip=0):
        """A depth frame that continues the book (or leaves `skip` ids out)."""
        before = self.update[instrument] + skip
        self.update[instrument] = before + 10
        levels = [",".join(f'["{p:.2f}","{q:.3f}"]' for p, q in side) for side in (bids, asks)]
        symbol = SYMBOLS[instrument]
        self.lane.frame(
            (
                f'{{"stream":"{symbol.lower()}@depth@0ms","data":{{"e":"depthUpdate",'
                f'"E":1723161258284,"T":1723161258280,"s":"{symbol}",'
                f'"U":{before + 1},"u":{before + 10},"pu":{before},'
                f'"b":[{levels[0]}],"a":[{levels[1]}]}}}}'
            ).encode()
        )

    def sync(self, bid=60000.0, ask=60000.1, bid_size=1.0, ask_size=1.0, instrument=1):
        """Bring a book to SYNCED at this touch."""
        self.depth(instrument=instrument)
        self.lane.snapshot(
            instrument,
            f'{{"lastUpdateId":{self.update[instrument]},"E":1,"T":1,"bids":[["{bid:.2f}","{bid_size:.3f}"]],'
            f'"asks":[["{ask:.2f}","{ask_size:.3f}"]]}}'.encode(),
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


@pytest.fixture(scope="session")
def rig():
    return Rig
