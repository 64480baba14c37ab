"""The ledger: positions, fills, fees, funding and PnL out of a journal, and of nothing else.

Owns:    what each record means for money; books per position and per strategy; the state at any
         past time; what must be conserved.
Refuses: venues (their frames are read by their own folder), files (recording.py), floats.

Two sets of books are kept with the arithmetic of the lane's (hotpath/order/position.h): one per
position (account, instrument, position side), which must be what the lane carries in each segment,
and one per strategy, whose lots and cash must add up to the first.

    ledger = read(Path("RUN"), until_ns=...)  # from the beginning; journal/recovery.py goes on
                                              # from a checkpoint
    for line in ledger.lines(): ...
    for problem in ledger.problems(): ...
"""

from __future__ import annotations

import heapq
import importlib
import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hotpath.decode.json import Status
from hotpath.journal.tail import Record
from runtime._shm import ffi, lib
from runtime.journal import recording, records
from runtime.journal.fill_keys import Account, Fill, FillKeys
from runtime.journal.recording import Damage, LaneRun, Limit, Point
from runtime.journal.tailer import Hole
from runtime.journal.wallet import ANSWER_NS, Wallet
from runtime.pages import names
from runtime.session import evidence

NOBODY = 2**32 - 1  # strategy of fills that no order of ours explains
FRAMES_KEPT = 400  # of the newest market frames: the marks of open positions are in them
OWNERS_KEPT = 200_000  # of a life's newest orders: whose they were, for fills that come late
KINDS = frozenset(
    (
        lib.HP_RECORD_CLOCK,
        lib.HP_RECORD_LANE,
        lib.HP_RECORD_INSTRUMENT,
        lib.HP_RECORD_STRATEGY,
        lib.HP_RECORD_INTENT,
        lib.HP_RECORD_VERDICT,
        lib.HP_RECORD_ORDER,
        lib.HP_RECORD_FILL,
        lib.HP_RECORD_CORRECTION,
        lib.HP_RECORD_OPENING,
        lib.HP_RECORD_CARRY,
        lib.HP_RECORD_POSITION,
        lib.HP_RECORD_REPORT_FRAME,
        lib.HP_RECORD_FRAME,
    )
)
Key = tuple[str, int, int, int]  # venue, account, instrument, position side
LaneEpoch = tuple[int, int]  # epoch, lane


class Entry(NamedTuple):
    """One thing that moved money or lots."""

    kind: str  # fill | recovered | opening | correction | funding
    real_ns: int  # of the record, by the journal's clock
    venue_ns: int  # by the venue's word; 0 = it did not say
    lane: int
    epoch: int
    sequence: int
    venue: str
    account: int
    instrument: int
    symbol: str
    strategy: str
    position_side: int
    side: int
    price_ticks: int
    lots: int
    fee_e8: int
    asset: str
    amount_e8: int  # of funding; realised by a fill
    trade_id: int
    client_id: int
    is_maker: bool


@dataclass
class Book:
    """Lots and money of one position, or of one strategy's share of it."""

    lots: int = 0
    cost_e8: int = 0
    realised_e8: int = 0
    cash_e8: int = 0  # notionals sold less notionals bought, and openings at their cost
    bought: int = 0
    sold: int = 0
    fills: int = 0
    venue_pnl_e8: int = 0  # what the venue says that these fills realised
    is_moved: bool = False  # lots came that no fill explains
    fees: dict[str, int] = field(default_factory=dict)  # by asset

    def fill(self, about: Any, side: int, price: int, lots: int, fee_e8: int, asset: str) -> int:
        """Book one fill as the lane does; return what it realised."""
        sign = 1 if side == lib.HP_SIDE_BUY else -1
        notional = money(about, side, price, lots)
        closing = min(abs(self.lots), lots) if self.lots * sign < 0 else 0
        closed_cost = closed_value = 0
        if closing:
            closed_cost = divide(about, self.cost_e8 * closing, abs(self.lots))
            closed_value = notional if closing == lots else money(about, side, price, closing)
        realised = int(lib.hp_instrument_sign(about)) * (-sign * closed_value - closed_cost)
        self.cost_e8 += sign * (notional - closed_value) - closed_cost
        self.realised_e8 += realised
        self.lots += sign * lots
        self.cash_e8 -= sign * notional
        self.fees[asset] = self.fees.get(asset, 0) + fee_e8
        self.bought += lots if sign > 0 else 0
        self.sold += lots if sign < 0 else 0
        self.fills += 1
        return realised


def divide(about: Any, a: int, b: int) -> int:
    """Divide as the lane does: an inverse contract's cost down, others toward zero."""
    return a // b if a >= 0 or lib.hp_instrument_sign(about) < 0 else -(abs(a) // b)


def money(about: Any, side: int, price_ticks: int, lots: int) -> int:
    """Return the notional of a fill, rounded against us."""
    rounding = lib.hp_instrument_rounding(about, side == lib.HP_SIDE_BUY)
    found = int(lib.hp_instrument_notional(about, price_ticks, lots, rounding))
    if found == -(2**63):
        raise OverflowError(f"{price_ticks} ticks x {lots} lots leave 64 bits")
    return found


class Problem(NamedTuple):
    """Something that is not conserved, and where it shows."""

    what: str
    text: str
    lane: int = 0
    epoch: int = 0
    sequence: int = 0


class Ledger:
    """Takes records in order of time and keeps the books."""

    def __init__(self) -> None:
        self.positions: dict[Key, Book] = {}
        self.strategies: dict[tuple[str, Key], Book] = {}
        self.funding: dict[tuple[str, int, str, str], int] = {}  # venue, account, symbol, asset
        self.entries: list[Entry] = []  # since the beginning or the checkpoint gone on from
        self.entered = 0  # entries ever
        self.told_lots: dict[Key, int] = {}  # by all entries
        self.orders: dict[int, Any] = {}
        self.marks: dict[tuple[str, int], tuple[int, int, str]] = {}  # twice the price, ns, source
        self.abouts: dict[tuple[str, int], Any] = {}
        self.seen = FillKeys()
        self.wallets: dict[tuple[str, int, str], Wallet] = {}  # by venue, account, asset
        self.newest: dict[Key, tuple[int, int]] = {}  # trade of a position: id, venue's time
        self.offsets: dict[tuple[str, int, int], tuple[int, ...]] = {}  # see reopened()
        self.breaks: list[Problem] = []
        self.lanes: dict[LaneEpoch, Source] = {}  # in the order in which they were opened
        self.carries = 0
        self.records = 0
        self.last_ns = 0

    # -- books ---------------------------------------------------------------------------

    def book(self, key: Key) -> Book:
        return self.positions.setdefault(key, Book())

    def sign(self, key: Key) -> int:
        """Return 1, or -1 where a long position gains when its notional shrinks.

        An archive whose beginning is gone may carry a position before it names its instrument.
        """
        about = self.abouts.get((key[0], key[2]))
        return 1 if about is None else int(lib.hp_instrument_sign(about))

    def share(self, strategy: str, key: Key) -> Book:
        return self.strategies.setdefault((strategy, key), Book())

    def add_fill(self, source: Source, record: Record, kind: str, booked: Any, more: Any) -> None:
        """Book a fill once; `booked` is hp_booked_t, `more` the report it came by, or None."""
        about = source.abouts.get(booked.instrument)
        if about is None or not self.seen.take(*fill_key(source, booked)):
            return
        place = (source.venue, booked.account, booked.instrument, booked.position_side)
        asset = source.asset(booked.flags >> lib.HP_BOOKED_ASSET_SHIFT)
        what = (about, booked.side, booked.price_ticks, booked.lots, booked.fee_e8, asset)
        strategy = source.strategy_of(booked.client_id)
        book = self.book(place)
        realised = book.fill(*what)
        book.venue_pnl_e8 += booked.pnl_e8
        self.share(strategy, place).fill(*what)
        self.move_wallets(source, place, booked, more, asset)
        self.mark(source, booked.instrument, 2 * booked.price_ticks, source.real(record), "fill")
        self.enter(
            Entry(
                kind,
                source.real(record),
                int(more.match_ns) if more else 0,
                source.lane,
                source.epoch,
                record.sequence,
                source.venue,
                booked.account,
                booked.instrument,
                source.symbol(booked.instrument),
                strategy,
                booked.position_side,
                booked.side,
                booked.price_ticks,
                booked.lots,
                booked.fee_e8,
                asset,
                realised,
                booked.trade_id,
                booked.client_id,
                bool(booked.flags & lib.HP_BOOKED_MAKER),
            )
        )

    def enter(self, entry: Entry) -> None:
        """Keep an entry, and count what it says beside the books."""
        self.entries.append(entry)
        self.entered += 1
        if entry.kind != "funding":
            place = (entry.venue, entry.account, entry.instrument, entry.position_side)
            sign = -1 if entry.side == lib.HP_SIDE_SELL else 1
            self.told_lots[place] = self.told_lots.get(place, 0) + sign * entry.lots

    def move(
        self,
        source: Source,
        record: Record,
        kind: str,
        place: Key,
        lots: int,
        cost: int,
        **money: Any,
    ) -> None:
        """Book lots that no fill explains: an opening balance, or the venue's word."""
        sign = self.sign(place)
        for book in (self.book(place), self.share("none", place)):
            book.is_moved = True
            book.lots += lots
            book.cost_e8 += cost
            book.cash_e8 -= cost
            book.realised_e8 += money.get("realised", 0)
            book.cash_e8 += sign * money.get("realised", 0)
            book.bought += money.get("bought", 0)
            book.sold += money.get("sold", 0)
            if money.get("fees"):
                asset = source.asset(0)
                book.fees[asset] = book.fees.get(asset, 0) + money["fees"]
        self.enter(
            Entry(
                kind,
                source.real(record),
                0,
                source.lane,
                source.epoch,
                record.sequence,
                *place[:3],
                source.symbol(place[2]),
                "none",
                place[3],
                0,
                0,
                lots,
                money.get("fees", 0),
                source.asset(0),
                cost,
                0,
                0,
                False,
            )
        )

    def mark(self, source: Source, instrument: int, twice: int, real_ns: int, what: str) -> None:
        """Remember twice a price that was seen; the newest one stays."""
        found = self.marks.get((source.venue, instrument))
        if found is None or found[1] <= real_ns:
            self.marks[source.venue, instrument] = (twice, real_ns, what)

    def begin(self, source: Source) -> None:
        """A life has begun: what the ones before it in its lane still kept is settled."""
        former = [
            one for key, one in self.lanes.items()
            if one.lane == source.lane and key < source.key
        ]
        for one in former:
            one.finish()
            one.intents = {}
        for one in former[:-1]:  # a late fill is looked for in the present life and the one before
            one.owners, one.is_over = {}, True

    # -- what must hold ------------------------------------------------------------------

    def carried(self, source: Source, record: Record, base: Any) -> None:
        """Hold the books against what the lane itself carries."""
        self.carries += 1
        p, instrument = base.position, base.instrument
        fees = realised = bought = sold = 0
        for side in range(lib.HP_POSITION_SIDE_COUNT):
            place = (source.venue, source.account, instrument, side)
            book = self.positions.get(place, Book())
            if (book.lots, book.cost_e8) != (p.lots[side], p.cost_e8[side]):
                self.differ(
                    source,
                    record,
                    place,
                    f"position {source.symbol(instrument)}: the ledger has {book.lots} lots at cost"
                    f" {book.cost_e8}, the lane carries {p.lots[side]} at {p.cost_e8[side]}",
                )
                self.move(
                    source,
                    record,
                    "opening",
                    place,
                    p.lots[side] - book.lots,
                    p.cost_e8[side] - book.cost_e8,
                )
            fees += source.settled_fees(book, instrument)
            realised += book.realised_e8
            bought, sold = bought + book.bought, sold + book.sold
        offset = self.offsets.get((source.venue, source.account, instrument), (0, 0, 0, 0))
        carried = (p.realised_e8, p.fees_e8, p.bought_lots, p.sold_lots)
        theirs = tuple(a + b for a, b in zip(carried, offset, strict=True))
        if (realised, fees, bought, sold) != theirs:
            place = (source.venue, source.account, instrument, 0)
            self.differ(
                source,
                record,
                place,
                f"money {source.symbol(instrument)}: the ledger has realised {realised},"
                f" fees {fees}, bought {bought}, sold {sold}; the lane carries {theirs}",
            )
            self.move(
                source,
                record,
                "opening",
                place,
                0,
                0,
                realised=theirs[0] - realised,
                fees=theirs[1] - fees,
                bought=theirs[2] - bought,
                sold=theirs[3] - sold,
            )

    def reopened(self, source: Source, record: Record, base: Any) -> None:
        """A life that knew nothing of the ones before took the venue's word for its position.

        Lots that differ are an opening entry; the same lots at the venue's cost are a revaluation,
        which moves PnL between open and realised and changes no sum.  Such a life counts its money
        from zero: the offset is what the ledger had before.
        """
        account, instrument = source.account, int(base.instrument)
        totals = [0, 0, 0, 0]
        for side in range(lib.HP_POSITION_SIDE_COUNT):
            place = (source.venue, account, instrument, side)
            book = self.positions.get(place, Book())
            lots = base.position.lots[side] - book.lots
            cost = base.position.cost_e8[side] - book.cost_e8
            if lots:
                self.move(source, record, "opening", place, lots, cost)
            elif cost:
                realised = self.sign(place) * cost
                self.move(source, record, "revalued", place, 0, cost, realised=realised)
            book = self.positions.get(place, Book())
            fees = source.settled_fees(book, instrument)
            counts = (book.realised_e8, fees, book.bought, book.sold)
            totals = [a + b for a, b in zip(totals, counts, strict=True)]
        p = base.position
        before = (p.realised_e8, p.fees_e8, p.bought_lots, p.sold_lots)
        self.offsets[source.venue, account, instrument] = tuple(
            a - b for a, b in zip(totals, before, strict=True)
        )

    def differ(self, source: Source, record: Record, place: Key, text: str) -> None:
        """A difference is a fault, unless the archive begins here or has a hole behind it."""
        if source.is_new(place[2]):
            return
        self.breaks.append(Problem("carry", text, source.lane, source.epoch, record.sequence))

    def wallet(self, source: Source, asset: str) -> Wallet:
        return self.wallets.setdefault((source.venue, source.account, asset), Wallet())

    def move_wallets(
        self, source: Source, place: Key, booked: Any, more: Any, fee_asset: str
    ) -> None:
        """Tell wallets what a fill moved: profit by the venue's figure, and the fee.

        One that no event told has bounds: around its match, or (learnt at an opening) between the
        trade before it and the balances that the opening began with.
        """
        if source.reader is None:
            return  # a venue that says nothing of wallets
        settled = source.abouts[booked.instrument].settle_asset
        pnl_asset = source.asset(settled) if settled else fee_asset
        trade_id, match_ns = self.newest.get(place, (0, 0))
        first_ns = match_ns - ANSWER_NS if booked.trade_id > trade_id else 0
        last_ns = source.balances_ns + ANSWER_NS
        if more and booked.trade_id > trade_id:
            self.newest[place] = (int(booked.trade_id), int(more.match_ns))
        if more and more.request == lib.HP_REQUEST_NONE and more.event_ns:
            first_ns = last_ns = int(more.event_ns)
        elif more:
            first_ns, last_ns = int(more.match_ns) - ANSWER_NS, int(more.match_ns) + ANSWER_NS
        amounts = (pnl_asset, int(booked.pnl_e8)), (fee_asset, -int(booked.fee_e8))
        for asset, amount in amounts:
            self.wallet(source, asset).move_between(first_ns, last_ns, amount)

    def problems(self) -> list[Problem]:
        """Return everything that is not conserved."""
        out = list(self.breaks)
        for key, book in self.positions.items():
            shares = [share for (_, place), share in self.strategies.items() if place == key]
            for name in ("lots", "cash_e8", "bought", "sold", "fills"):
                total = sum(getattr(share, name) for share in shares)
                if total != getattr(book, name):
                    out.append(
                        Problem("strategies", f"{name} of {key}: {total} by strategies, "
                                f"{getattr(book, name)} of the position")
                    )
            if book.cash_e8 != self.sign(key) * book.realised_e8 - book.cost_e8:
                out.append(
                    Problem("cash", f"{key}: cash {book.cash_e8} is not realised"
                            f" {book.realised_e8} less cost {book.cost_e8}")
                )
            moved = self.told_lots.get(key, 0)
            if moved != book.lots:
                out.append(Problem("fills", f"{key}: entries add up to {moved}, the position is"
                                   f" {book.lots}"))
            # the venue rounds what a fill realised, and so do we
            differs = abs(book.realised_e8 - book.venue_pnl_e8) > 2 * book.fills
            if book.venue_pnl_e8 and not book.is_moved and differs:
                out.append(
                    Problem("pnl", f"{key}: realised {book.realised_e8}, by the venue's words about"
                            f" each fill {book.venue_pnl_e8}")
                )
        for (venue, account, asset), wallet in self.wallets.items():
            for one in wallet.problems():
                text = (
                    f"{venue} account {account} {asset}: the venue's wallet moved by"
                    f" {one.venue_e8}, the ledger by {one.booked_e8} (1e-8), from the venue's"
                    f" {one.after_ns} to {one.at_ns}"
                )
                out.append(Problem("wallet", text, one.lane, one.epoch, one.sequence))
        return out

    # -- what people see -----------------------------------------------------------------

    def unrealised(self, key: Key, book: Book) -> int | None:
        """Return what a position would bring at its mark above its cost; None without a mark."""
        mark = self.marks.get((key[0], key[2]))
        if not book.lots:
            return 0
        if mark is None:
            return None
        about = self.abouts[key[0], key[2]]
        found = int(lib.hp_instrument_open(about, mark[0], book.lots, book.cost_e8))
        return None if found == -(2**63) else found

    def lines(self, by_strategy: bool = True) -> list[dict[str, Any]]:
        """Return a line for each strategy's share of each position, or for each position.

        Shares have costs of their own: what they realised need not add up to what the position
        realised; realised and unrealised together do.
        """
        out = []
        shares = self.strategies if by_strategy else {("", k): b for k, b in self.positions.items()}
        for (strategy, key), book in sorted(shares.items(), key=lambda item: item[0]):
            venue, account, instrument, side = key
            about = self.abouts[venue, instrument]
            mark = self.marks.get((venue, instrument))
            out.append(
                {
                    "venue": venue,
                    "account": account,
                    "strategy": strategy,
                    "instrument": instrument,
                    "symbol": ffi.string(about.symbol).decode(),
                    "position_side": names.POSITION_SIDES.get(side, side),
                    "lots": book.lots,
                    "size_decimals": about.size_decimals,
                    "price_decimals": about.price_decimals,
                    "cost_e8": book.cost_e8,
                    "realised_e8": book.realised_e8,
                    "unrealised_e8": self.unrealised(key, book),
                    "fees_e8": dict(book.fees),
                    "fills": book.fills,
                    "bought_lots": book.bought,
                    "sold_lots": book.sold,
                    "mark_half_ticks": mark[0] if mark else None,
                    "mark_source": mark[2] if mark else None,
                    "mark_age_ns": self.last_ns - mark[1] if mark else None,
                }
            )
        return out


class Source:
    """What is known about one lane epoch while its records are taken."""

    def __init__(self, lane: int, epoch: int, offset_ns: int, ledger: Ledger) -> None:
        self.ledger = ledger
        self.lane, self.epoch = lane, epoch
        self.offset_ns = offset_ns
        self.last_ns = 0  # time of the newest record, which never goes back
        self.place = Point(0, 0)  # of the newest record
        self.spec: dict[str, Any] = {}
        self.venue, self.account = "", 0
        self.abouts: dict[int, Any] = {}
        self.names: dict[int, str] = {}  # of strategies
        self.assets: dict[int, str] = {}
        self.owners: dict[int, int] = {}  # client id: strategy
        self.intents: dict[int, Any] = {}
        self.facts: list[Record] = []  # of the opening that is being told
        self.balances_ns = 0  # venue's time of the newest balances that were asked for
        self.carry = evidence.Evidence(epoch)
        self.told: set[int] = set()  # instruments that have been carried once
        self.has_hole = False
        self.is_over = False  # its lane has had two lives since
        self.frames: deque[Record] = deque(maxlen=FRAMES_KEPT)
        self.codec: Any = None
        self.reader: Any = None

    @classmethod
    def of_run(cls, run: LaneRun, ledger: Ledger) -> Source:
        head = run.head
        return cls(run.lane, run.epoch, head.opened_real_ns - head.opened_mono_ns, ledger)

    @property
    def key(self) -> LaneEpoch:
        return self.epoch, self.lane

    @property
    def where(self) -> tuple[int, int]:
        return self.lane, self.epoch

    def real(self, record: Record) -> int:
        return record.mono_ns + self.offset_ns

    def own(self, client_id: int, strategy: int) -> None:
        """Remember whose an order is; the oldest that nothing was said about goes."""
        self.owners.pop(client_id, None)
        self.owners[client_id] = strategy
        if len(self.owners) > OWNERS_KEPT:
            del self.owners[next(iter(self.owners))]

    def asset(self, number: int) -> str:
        return self.assets.get(number, self.assets.get(0, "USDT") if number == 0 else f"#{number}")

    def settled_fees(self, book: Book, instrument: int) -> int:
        """Return the fees that the lane has in its position: those in the settlement asset."""
        about = self.abouts.get(instrument)
        if about is None or about.settle_asset == 0:
            return sum(book.fees.values())
        settled = {self.asset(about.settle_asset), self.asset(0)}
        return sum(book.fees.get(name, 0) for name in settled)

    def symbol(self, instrument: int) -> str:
        about = self.abouts.get(instrument)
        return ffi.string(about.symbol).decode() if about else str(instrument)

    def strategy_of(self, client_id: int) -> str:
        """Return whose order it was: our own records say, or those of a former life."""
        for source in (self, *self.ledger.lanes.values()):
            number = source.owners.get(client_id)
            if number is not None:
                return source.names.get(number, "none" if number == NOBODY else str(number))
        return "none"

    def is_new(self, instrument: int) -> bool:
        """Whether a difference is explained: nothing was carried before, or records are missing."""
        known = any(instrument in source.told for source in self.ledger.lanes.values())
        return self.has_hole or not known

    def take(self, record: Record) -> None:
        """Take one record."""
        self.ledger.records += 1
        self.ledger.last_ns = max(self.ledger.last_ns, self.real(record))
        match record.kind:
            case lib.HP_RECORD_CLOCK:
                pair = records.struct("hp_journal_clock_t", record.payload)
                self.offset_ns = int(pair.real_ns) - int(pair.mono_ns)
            case lib.HP_RECORD_LANE:
                self.describe(json.loads(record.payload))
            case lib.HP_RECORD_INSTRUMENT:
                self.add_instrument(records.struct("hp_instrument_t", record.payload))
            case lib.HP_RECORD_STRATEGY:
                name = record.payload[8:].decode(errors="replace")
                taken = set(self.names.values())
                self.names[record.aux] = name if name not in taken else f"{name}#{record.aux}"
            case lib.HP_RECORD_INTENT:
                self.take_intent(record)
            case lib.HP_RECORD_VERDICT:
                verdict = records.struct("hp_verdict_t", record.payload)
                intent = self.intents.get(verdict.intent_id)
                if verdict.client_id and intent is not None and intent.kind == lib.HP_INTENT_PLACE:
                    self.own(int(verdict.client_id), int(intent.strategy))
            case lib.HP_RECORD_ORDER:
                order = records.struct("hp_order_t", record.payload)
                self.own(int(order.client_id), int(order.strategy))
                self.ledger.orders[int(order.client_id)] = (self, record, order)
            case lib.HP_RECORD_FILL:
                report = records.struct("hp_report_t", record.payload)
                self.ledger.add_fill(self, record, "fill", evidence.fill_of(report), report)
            case lib.HP_RECORD_CORRECTION:
                self.correct(record)
            case lib.HP_RECORD_OPENING:
                self.facts.append(record)
            case lib.HP_RECORD_CARRY:
                self.take_carry(record)
            case lib.HP_RECORD_POSITION:
                self.take_answer(record)
            case lib.HP_RECORD_REPORT_FRAME:
                self.take_frame(record)
            case lib.HP_RECORD_FRAME:
                self.frames.append(record)

    def describe(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        parts = str(spec.get("codec", "")).split(".")
        self.venue = "_".join(parts[1:-1])
        self.assets = {int(n): name for name, n in spec.get("assets", {}).items()}
        self.assets.setdefault(0, "USDT")
        folder = ".".join(parts[:-1])
        try:
            self.codec = importlib.import_module(spec["codec"]).Codec(prefix=spec.get("prefix", ""))
            self.reader = importlib.import_module(f"{folder}.cash")
        except (ImportError, KeyError):
            pass  # a venue that is gone, or that says nothing about cash: books need neither

    def add_instrument(self, about: Any) -> None:
        self.abouts[int(about.id)] = about
        self.ledger.abouts[self.venue, int(about.id)] = about
        if self.codec is not None:
            self.codec.put_instrument(
                ffi.string(about.symbol).decode(),
                int(about.id),
                int(about.price_decimals),
                int(about.size_decimals),
                contract=int(about.contract),
                multiplier_e8=int(about.multiplier_e8),
            )

    def take_intent(self, record: Record) -> None:
        intent = records.struct("hp_intent_t", record.payload)
        self.intents = {int(intent.id): intent}  # its verdict follows at once
        if intent.bid_ticks > 0 and intent.ask_ticks > 0:
            twice = int(intent.bid_ticks + intent.ask_ticks)
            self.ledger.mark(self, int(intent.instrument), twice, self.real(record), "intent")

    def correct(self, record: Record) -> None:
        """The venue's position was another one: it wins, and the ledger says so."""
        found = records.struct("hp_correction_t", record.payload)
        if found.cause != lib.HP_CORRECTION_POSITION:
            return  # its fill is booked as a fill
        self.settle_facts(record)
        place = (self.venue, self.account, int(found.instrument), int(found.position_side))
        lots = found.lots_after - found.lots_before
        cost = found.cost_after_e8 - found.cost_before_e8
        self.ledger.move(self, record, "correction", place, int(lots), int(cost))

    def settle_facts(self, record: Record) -> None:
        """Book what an opening told: fills that no life of ours had booked."""
        facts, self.facts = self.facts, []
        booked: dict[evidence.Key, Any] = {}
        for fact in facts:
            if fact.aux == lib.HP_MAIL_BASE:
                base = evidence.record_of("hp_base_t", fact.payload)
                is_known = any(base.instrument in one.told for one in self.ledger.lanes.values())
                if base.flags & lib.HP_BASE_FROM_VENUE and is_known:
                    self.ledger.reopened(self, record, base)
            if fact.aux == lib.HP_MAIL_BOOKED:
                booked.update({evidence.key(b): b for b in evidence.booked_of(fact.payload)})
            elif fact.aux == lib.HP_MAIL_ORDER:
                order = records.struct("hp_order_t", fact.payload)
                self.owners.setdefault(int(order.client_id), int(order.strategy))
        for one in sorted(booked.values(), key=lambda b: b.rank):
            if one.flags & lib.HP_BOOKED_IN_BASE:
                self.ledger.seen.take(*fill_key(self, one))
            else:
                self.ledger.add_fill(self, record, "recovered", one, None)

    def take_carry(self, record: Record) -> None:
        """Collect a carry; when it is whole, the books must be what it says."""
        if record.aux == lib.HP_MAIL_BASE:
            if not self.carry.bases and self.facts:
                self.settle_facts(record)  # the opening has been taken: the carry follows at once
            base = evidence.record_of("hp_base_t", record.payload)
            self.carry.bases[base.instrument] = base
        elif record.aux == lib.HP_MAIL_ORDER:
            order = records.struct("hp_order_t", record.payload)
            self.own(int(order.client_id), int(order.strategy))
        elif record.aux == lib.HP_MAIL_OPENING:
            end = evidence.record_of("hp_opening_t", record.payload)
            if len(self.carry.bases) == end.base_count:
                for instrument, base in self.carry.bases.items():
                    self.ledger.carried(self, record, base)
                    self.told.add(instrument)
                self.has_hole = False
            self.carry = evidence.Evidence(self.epoch)

    def take_frame(self, record: Record) -> None:
        """What the venue says about money beside fills: funding, wallets."""
        if self.reader is None:
            return
        for word in self.reader.words(record.payload):
            if word.kind == "funding":
                key = (self.venue, self.account, word.symbol, word.asset)
                self.ledger.funding[key] = self.ledger.funding.get(key, 0) + word.amount_e8
                self.ledger.enter(
                    Entry(
                        "funding",
                        self.real(record),
                        word.event_ns,
                        self.lane,
                        self.epoch,
                        record.sequence,
                        self.venue,
                        self.account,
                        0,
                        word.symbol,
                        "none",
                        0,
                        0,
                        0,
                        0,
                        0,
                        word.asset,
                        word.amount_e8,
                        0,
                        0,
                        False,
                    )
                )
                wallet = self.ledger.wallet(self, word.asset)
                wallet.move(word.event_ns, word.amount_e8)
            elif word.kind == "wallet":
                wallet = self.ledger.wallet(self, word.asset)
                wallet.say(word.event_ns, word.amount_e8, (*self.where, record.sequence))

    def take_answer(self, record: Record) -> None:
        """What the venue answered: balances, that an opening begins with."""
        report = records.struct("hp_report_t", record.payload)
        if report.kind != lib.HP_REPORT_BALANCE or self.reader is None:
            return
        self.balances_ns = int(report.match_ns)
        wallet = self.ledger.wallet(self, self.asset(report.asset))
        where = (*self.where, record.sequence)
        wallet.say(self.balances_ns, int(report.balance_e8), where, is_event=False)

    def finish(self) -> None:
        """Read the newest market frames: the marks of what is held."""
        frames, self.frames = self.frames, deque(maxlen=FRAMES_KEPT)
        if self.codec is None:
            return
        for record in frames:
            status, events = self.codec.decode_all(record.payload)
            if status != Status.EVENT:
                continue
            for event in events:
                twice = twice_price(event)
                if twice and event.get("instrument") in self.abouts:
                    kind = names.EVENTS.get(int(event.get("kind", 0)), "frame")
                    self.ledger.mark(self, event["instrument"], twice, self.real(record), kind)


def fill_key(source: Source, booked: Any) -> tuple[Account, Fill]:
    """Return what a fill is known by: its account, and its key there."""
    account = (source.venue, int(booked.account))
    return account, (int(booked.instrument), int(booked.trade_id), int(booked.side))


def twice_price(event: dict[str, Any]) -> int:
    """Return twice the price that an event tells, in ticks; 0 when it tells none."""
    if event.get("bid_ticks", 0) > 0 and event.get("ask_ticks", 0) > 0:
        return int(event["bid_ticks"] + event["ask_ticks"])
    return 0


class Reader:
    """Takes the records of a RUN's lanes in one order of time.

    sources: of lane epochs that a checkpoint has told of; those are read from their place on.
    """

    def __init__(self, ledger: Ledger, sources: Mapping[LaneEpoch, Source] | None = None) -> None:
        self.ledger = ledger
        self.readings: dict[LaneEpoch, evidence.Reading] = {}  # who wants them makes them
        self.damage: list[tuple[LaneEpoch, Damage]] = []
        self.unread: set[LaneEpoch] = set()  # those that have records after the time read up to
        ledger.lanes = dict(sources or {})

    def stamped(
        self,
        runs: list[LaneRun],
        until_ns: int | None,
        limits: Mapping[LaneEpoch, Limit],
    ) -> Iterator[tuple[int, int, int, int, int, Any]]:
        """Give the items of one lane's lives up to a time, with what they are sorted by.

        A life follows the one before, whatever its clock says: time stands still until it is later.
        """
        lane = runs[0].lane
        last = max(one.last_ns for one in self.ledger.lanes.values() if one.lane == lane)
        for run in runs:
            source = self.ledger.lanes[run.epoch, run.lane]
            offset_ns = source.offset_ns
            limit = limits.get(source.key)
            for number, item in run.read_placed(KINDS, source.place, limit):
                if isinstance(item, Record):
                    if item.kind == lib.HP_RECORD_CLOCK:  # its own clock holds from here on
                        pair = records.struct("hp_journal_clock_t", item.payload)
                        offset_ns = int(pair.real_ns) - int(pair.mono_ns)
                    last = max(last, item.mono_ns + offset_ns)
                    if until_ns is not None and last > until_ns:
                        self.unread.add(source.key)
                        return
                sequence = item.sequence if isinstance(item, Record) else 0
                yield last, source.epoch, source.lane, sequence, number, item

    def read(
        self,
        runs: list[LaneRun],
        until_ns: int | None = None,
        limits: Mapping[LaneEpoch, Limit] | None = None,
    ) -> None:
        """Take what there is, up to a time, and (limits) up to these bytes of each lane epoch."""
        lanes = self.ledger.lanes
        lives: dict[int, list[LaneRun]] = {}
        for run in sorted(runs, key=lambda run: run.epoch):
            lives.setdefault(run.lane, []).append(run)
            if (run.epoch, run.lane) not in lanes:
                lanes[run.epoch, run.lane] = Source.of_run(run, self.ledger)
        self.ledger.lanes = lanes = dict(sorted(lanes.items()))
        merged = heapq.merge(
            *(self.stamped(one, until_ns, limits or {}) for one in lives.values()),
            key=lambda row: row[:4],
        )
        for at, epoch, lane, _, number, item in merged:
            source = lanes[epoch, lane]
            if not isinstance(item, Record):
                self.miss(source, item)
                continue
            if source.last_ns == 0:
                self.ledger.begin(source)
            source.last_ns, source.place = at, Point(number, item.sequence)
            source.take(item)
            reading = self.readings.get((epoch, lane))
            if reading is not None and item.kind in evidence.KINDS:
                reading.take(item)

    def miss(self, source: Source, item: Hole | Damage) -> None:
        """A hole or damage is a problem of the ledger, which goes on behind it from the lane's own
        carry."""
        source.has_hole = True
        if isinstance(item, Hole):
            what, text = "hole", f"{item.records} records from {item.first} on are missing"
            first = item.first
        else:
            self.damage.append((source.key, item))
            what, text = "damage", f"{item.path.name}: byte {item.offset} begins no record"
            first = 0
        self.ledger.breaks.append(Problem(what, text, source.lane, source.epoch, first))

    def finish(self) -> Ledger:
        """Settle what was kept for the end: marks."""
        for source in self.ledger.lanes.values():
            source.finish()
        return self.ledger


def read(directory: Path, until_ns: int | None = None) -> Ledger:
    """Return the ledger of a RUN from its beginning, as it was at a time (CLOCK_REALTIME, ns) or at
    its end."""
    reader = Reader(Ledger())
    reader.read(recording.lanes(directory), until_ns)
    return reader.finish()
