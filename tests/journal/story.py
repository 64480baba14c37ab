"""A lane by hand with a ring, driven by a list of things that happen to it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hotpath.lane.manual import ManualLane
from runtime._shm import ffi, lib
from runtime.authority import pages as limit_pages
from runtime.authority.leases import NONE
from runtime.authority.pages import LeasePage
from runtime.authority.records import Key, record
from runtime.journal import recording
from runtime.journal.archiver import Archiver
from runtime.lanes.spec import fit
from runtime.pages.page import LANE_BYTES, Page
from venues.binance.usdm.codec import Codec

SEGMENT = 65536
SYMBOLS = {1: "BTCUSDT", 2: "ETHUSDT"}
LIMITS = {
    "strategies": 0b11,
    "accounts": 1,
    "order_lots_max": 1000,
    "position_lots_max": 1000,
    "open_orders_max": 5,
    "band_bps": 100,
    "stale_ms": 1000,
}
TRADER = '''
from strategies import Strategy


class Trader(Strategy):
    """Joins the touch while flat, sells what it holds; cancels or changes some orders by hand."""

    def on_start(self):
        self.seen = 0

    def on_book(self, book):
        self.seen += 1
        held = self.position(book.instrument)
        if self.working(book.instrument):
            return
        if held > 0:
            self.sell(book.instrument, price_ticks=book.ask_ticks, lots=held, ttl_ms=40)
        else:
            layer = (None, "touch", "near", "deep")[self.seen % 4]
            tries, lots = self.seen % 3, 1 + self.seen % 4
            wish = {"price_ticks": book.bid_ticks, "ttl_ms": 90, "layer": layer, "tries": tries}
            wish |= {"side": "BUY", "instrument": book.instrument}
            self.place_batch([{"lots": n, **wish} for n in (lots, 1)])

    def on_missed(self, trade):
        if trade.trade_id % 4 == 0 and not self.working(trade.instrument):
            self.buy(trade.instrument, price_ticks=trade.price_ticks, lots=1, ttl_ms=20)

    def on_order(self, order):
        if order.state == "LIVE" and order.client_id % 3 == 0:
            self.cancel(order.client_id, "price" if order.client_id % 2 else None)
        if order.state == "LIVE" and order.client_id % 5 == 0:
            self.set_dynamic_ttl(order.client_id, 30, layer="touch", queue=order.client_id % 200)
        if order.state == "LIVE" and order.client_id % 3 == 1 and order.lots < 4:
            self.replace(order.client_id, price_ticks=order.price_ticks - 1, lots=order.lots + 1)
        if order.state == "LIVE" and order.client_id & 0xFFFF >= 180:
            raise RuntimeError("as planned")
'''


def instruments(abouts: dict[int, dict[str, int]] | None = None) -> list[dict[str, object]]:
    """Return the lane's instruments; `abouts` has those that are not linear with 1 + 3 decimals."""
    plain = {"price_decimals": 1, "size_decimals": 3}
    return [
        {"id": n, "symbol": symbol, "about": (abouts or {}).get(n, plain), "limits": LIMITS}
        for n, symbol in SYMBOLS.items()
    ]


def spec(strategy: Path, **more: object) -> dict[str, object]:
    return {
        "codec": "venues.binance.usdm.codec",
        "prefix": "story",
        "rate": [2000, 200, 20],
        "cancel_again_ms": [2, 16],
        "flatten": {
            "policy": lib.HP_FLATTEN_IOC,
            "band_bps": 10,
            "tries_max": 3,
            "wait_ms": 2,
            "time_ms_max": 100,
            "slice_e8_max": 120 * 10**8,
        },
        "clock_ns_max": 0,
        "clock_warns": True,
        "strategies": [f"{strategy}:Trader"],
        "parameters": [{}],
        "instruments": instruments(),
        **more,
    }


class Story:
    """One lane epoch; `end()` leaves a RUN in `directory`."""

    def __init__(
        self,
        directory: Path,
        strategy: Path,
        epoch: int = 7,
        segments: int = 16,
        archived: bool = True,
        real_ns: int = 1_700_000_000_000_000_000,
        **more: object,
    ) -> None:
        self.directory = directory
        self.deployment = f"story{os.getpid()}"
        recording.open_run(directory, self.deployment)
        self.page = Page.make(
            self.deployment,
            "journal.0",
            "hp_page_t",
            lib.HP_PAGE_JOURNAL,
            4096 + segments * SEGMENT,
        )
        memory = bytearray(LANE_BYTES)
        self.lane_page = ffi.cast("hp_lane_page_t *", ffi.from_buffer(memory))
        self.lane = ManualLane(
            Codec(prefix="story"),
            memory,
            epoch=epoch,
            journal=self.page.map,
            segment_bytes=SEGMENT,
            segment_count=segments,
            clock=(1_000_000_000, real_ns),
        )
        self.archiver = Archiver(self.deployment, directory) if archived else None
        if self.archiver:
            self.archiver.look()
        fit(self.lane, json.loads(json.dumps(spec(strategy, **more))))
        self.lane.start_strategies()
        self.update = {1: 100, 2: 100}
        self.trade = 0
        self.limits = LeasePage(limit_pages.make(self.deployment, 0))
        self.fence = 0

    def happen(self, what: str, a: int, b: int) -> None:
        """Let one thing happen; a and b are small numbers that vary it."""
        getattr(self, what)(a, b)
        if self.archiver:
            self.archiver.copy()

    def pass_time(self, a: int, b: int) -> None:
        self.lane.turn(a * 700_000 + b)

    def frame(self, a: int, b: int) -> None:
        instrument = 1 + a % 2
        before = self.update[instrument] + (5 if b % 13 == 12 else 0)  # a gap now and then
        self.update[instrument] = before + 10
        symbol, price = SYMBOLS[instrument], 60_000 + b % 3 / 10
        self.lane.now_ns += 1000 + a
        self.lane.frame(
            (
                f'{{"stream":"{symbol.lower()}@depth@0ms","data":{{"e":"depthUpdate",'
                f'"E":1723161258284,"T":1723161258280,"s":"{symbol}",'
                f'"U":{before + 1},"u":{before + 10},"pu":{before},'
                f'"b":[["{price:.2f}","{1 + a}.000"]],"a":[["60000.50","{1 + b}.000"]]}}}}'
            ).encode(),
            socket=a % 2,
        )

    def market(self, a: int, b: int) -> None:
        """The market trades, often enough to be fast at times."""
        self.trade += 1
        symbol = SYMBOLS[1 + a % 2]
        self.lane.frame(
            (
                f'{{"stream":"{symbol.lower()}@aggTrade","data":{{"e":"aggTrade",'
                f'"E":1723161258284,"a":{self.trade},"s":"{symbol}","p":"60000.00","q":"0.0{b:02}",'
                f'"f":{self.trade},"l":{self.trade + b},"T":1723161258284,"m":true}}}}'
            ).encode()
        )

    def missed(self, a: int, b: int) -> None:
        """The venue lists trades that the stream lost: some of them, or all and more."""
        instrument = 1 + a % 2
        feed = self.lane_page.feeds[instrument]
        rows = ffi.new("hp_missed_t[]", 1 + b)
        for n, row in enumerate(rows):
            row.trade_id = max(1, feed.missed_from + n - a % 3)
            row.price_ticks, row.lots, row.event_ns = 600_000 - b, 1 + a, 1_723_161_258 * 10**9
        self.lane.missed(instrument, bytes(ffi.buffer(rows)))

    def signal(self, a: int, b: int) -> None:
        """Somebody says how toxic an instrument's flow is, or that there is an emergency."""
        self.lane.signal(a % 3, toxicity_permille=b * 25, is_emergency=a % 7 == 6)

    def snapshot(self, a: int, b: int) -> None:
        instrument = 1 + a % 2
        self.lane.snapshot(
            instrument,
            f'{{"lastUpdateId":{self.update[instrument]},"E":1,"T":1,'
            f'"bids":[["59999.90","{1 + b}.000"]],"asks":[["60000.60","3.000"]]}}'.encode(),
        )

    def answer(self, a: int, b: int) -> None:
        """The venue speaks of a working order."""
        orders = self.lane.orders()
        if not orders:
            return
        order = orders[a % len(orders)]
        kinds = (
            "ACK", "FILL", "CANCELED", "REJECT", "STATUS", "CANCEL_REJECT", "AMBIGUOUS", "REPLACED"
        )  # fmt: skip
        kind = kinds[b % len(kinds)]
        report = ffi.new("hp_report_t *")
        report.kind = getattr(lib, f"HP_REPORT_{kind}")
        report.client_id = order["client_id"]
        report.instrument = order["instrument"]
        if kind == "FILL":
            self.trade += 1
            report.last_lots, report.last_ticks, report.trade_id = 1, 600_000, self.trade
        if kind == "STATUS":
            report.state = lib.HP_ORDER_LIVE
        if kind == "REPLACED":
            report.lots, report.price_ticks = order["asked_lots"], order["asked_ticks"]
            report.match_ns = a + 1
        self.lane.report(bytes(ffi.buffer(report)))

    def session(self, a: int, b: int) -> None:
        self.lane.session(order_ready=a % 5 != 4, user_ready=b % 5 != 4)
        self.lane.arm(a % 7 != 6)

    def words(self, a: int, b: int) -> None:
        word = {3: lib.HP_WORD_FREEZE, 5: lib.HP_WORD_FLATTEN, 6: lib.HP_WORD_FLATTEN}
        self.lane.words(word.get(a % 8, 0))

    def leader(self, a: int, b: int) -> None:
        """The leader lease is renewed, or (a third of the time) runs out soon."""
        until_ns = self.lane.now_ns + (a % 3) * 20_000_000
        self.lane.set_leader_lease(until_ns, 1 + b % 3, a % 4 > 0)

    def send(self, a: int, b: int) -> None:
        self.lane.is_send_broken = a % 3 == 2

    def archive(self, a: int, b: int) -> None:
        """The archiver syncs, or the lane sees how far it lags; it may lag far, for a while."""
        head = ffi.cast("hp_journal_head_t *", self.page.header + 1)
        if a % 2 and self.archiver:
            for ring in self.archiver.rings.values():
                ring.sync()
        head.archive_state = lib.HP_ARCHIVE_FULL if b % 9 == 8 else lib.HP_ARCHIVE_COPYING
        self.lane.archive(self.view_words())

    def view_words(self) -> int:
        return int(self.lane_page.words) & lib.HP_WORD_FREEZE

    def lend(self, a: int, b: int) -> None:
        """The authority renews a lease, moves shares, freezes the account, or is late."""
        if a % 3 or not self.fence:
            self.fence += 1
            figures = {
                "open_orders_max": b % 4,
                "gross_notional_e8_max": (a + 1) * 10**12,
                "order_notional_e8_max": 0 if b % 7 == 6 else NONE,
            }
            self.limits.put([(Key(1 + a % 4, a % 2), record(figures))], self.fence)
        self.limits.lease(self.fence, self.lane.now_ns + (a - 3) * 1_000_000)
        self.lane.take_limits(self.limits.page.map)

    def refer(self, a: int, b: int) -> None:
        """The venue has other steps and bands for an instrument, or halts it."""
        number = 1 + a % 2
        about = {"price_decimals": 1, "size_decimals": 3, "step_size_lots": 1 + b % 2}
        about |= {"status": lib.HP_STATUS_HALT if a % 9 == 8 else lib.HP_STATUS_TRADING}
        about |= {"notional_min_e8": b * 10**8, "version": 2 + a}
        self.lane.put_instrument(number, SYMBOLS[number], **about)

    def reload(self, a: int, b: int) -> None:
        """A person changes limits."""
        self.lane.put_rule(1 + a % 2, **{**LIMITS, "order_lots_max": b % 5, "band_bps": 20 + a})
        self.lane.put_limit(1 + a % 4, a % 2, open_orders_max=b % 6, failures_max=a % 3)
        self.lane.put_policy(self_trade=("reject", "oldest", "smallest", "warn")[b % 4])

    def socket(self, a: int, b: int) -> None:
        self.lane.socket(a % 2, b % 2 == 0)

    def clocks(self, a: int, b: int) -> None:
        self.lane.clocks(1_700_000_000_000_000_000 + self.lane.now_ns + a)

    def opening(self, a: int, b: int) -> None:
        """The cold side tells a position, an order of a former life, and that this is all."""
        generation = self.lane.begin_opening()
        base = ffi.new("hp_base_t *", {"instrument": 1 + a % 2, "trade_cut": b})
        order = ffi.new("hp_order_t *", {"client_id": 2**50 + b, "instrument": 1, "lots": 1 + a})
        order.state, order.side, order.price_ticks = lib.HP_ORDER_LIVE, 1, 600_000
        said = ffi.new("hp_opening_t *", {"base_count": 1, "order_count": 1, "policy": a % 2})
        facts = [
            (lib.HP_MAIL_BASE, base),
            (lib.HP_MAIL_ORDER, order),
            (lib.HP_MAIL_OPENING, said),
        ]
        for kind, fact in facts[: 1 + b % 4]:
            self.lane.fact(kind, generation, bytes(ffi.buffer(fact)))

    def report_frame(self, a: int, b: int) -> None:
        self.lane.report_frame(b'{"id":"x","status":200,"result":{}}', socket=lib.HP_SOCKET_ORDER)

    def end(self) -> None:
        self.lane.end()
        self.kill()

    def kill(self) -> None:
        """End without a word, as kill -9 does."""
        self.page.header.writer_pid = NOBODY  # the archiver signs that nothing follows
        if self.archiver:
            self.archiver.close()
        self.page.remove()
        self.limits.page.remove()
        self.limits.page.close()


NOBODY = 1 << 22  # no process has this number
OPEN = [("session", 0, 0), ("frame", 0, 0), ("frame", 1, 0), ("snapshot", 0, 0), ("snapshot", 1, 0)]


def trade(count: int) -> list[tuple[str, int, int]]:
    """A day with everything in it."""
    out = list(OPEN)
    for n in range(count):
        out += [("frame", n, n), ("answer", n, n // 2), ("pass_time", n % 5, n)]
        if n % 13 == 12:
            out += [("snapshot", n, n)]
    return out
