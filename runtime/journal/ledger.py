"""The ledger: positions, fills, fees, funding and PnL out of a journal, and of nothing else.

Owns:    books per position and per strategy; the state at any past time; what must be conserved;
         the order in which records of several lives are taken.
Refuses: what a record means (source.py), a fill's arithmetic (books.py), files (recording.py).

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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hotpath.journal.tail import Record
from runtime._shm import ffi, lib
from runtime.journal import recording, records
from runtime.journal.books import Book, Entry, Key, LaneEpoch, Problem
from runtime.journal.fill_keys import FillKeys
from runtime.journal.recording import Damage, LaneRun, Limit, Point
from runtime.journal.source import Source, fill_key
from runtime.journal.tailer import Hole
from runtime.journal.wallet import ANSWER_NS, Wallet
from runtime.pages import names
from runtime.session import evidence

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
