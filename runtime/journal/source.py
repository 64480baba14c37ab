"""One life of a lane as the ledger hears it: what each of its records means for money.

Owns:    what later records of a life need of earlier ones: instruments, whose an order is, the
         opening that is being told, the newest frames.
Refuses: books and what must be conserved (ledger.py), the order of several lives (its Reader).
"""

from __future__ import annotations

import importlib
import json
from collections import deque
from typing import TYPE_CHECKING, Any

from hotpath.decode.json import Status
from hotpath.journal.tail import Record
from runtime._shm import ffi, lib
from runtime.journal import records
from runtime.journal.books import Book, Entry, LaneEpoch
from runtime.journal.fill_keys import Account, Fill
from runtime.journal.recording import LaneRun, Point
from runtime.pages import names
from runtime.session import evidence

if TYPE_CHECKING:
    from runtime.journal.ledger import Ledger

NOBODY = 2**32 - 1  # strategy of fills that no order of ours explains
FRAMES_KEPT = 400  # of the newest market frames: the marks of open positions are in them
OWNERS_KEPT = 200_000  # of a life's newest orders: whose they were, for fills that come late


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
