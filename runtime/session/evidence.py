"""What a dead lane knew: its journal ring, read backwards to the last carry, then forwards.

Owns:    finding the newest complete carry in a ring; orders, fills and bases since.
Refuses: the venue (opening.py), keeping rings (lanes/rings.py), deciding what becomes of an order,
         the lane's page: a lane that is killed between two stores leaves half a position there,
         never half a record here.

A ring without a complete carry belongs to a lane that died inside its opening: it had sent nothing
and booked nothing, so the ring before it stays the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hotpath.journal.tail import SEGMENT_BYTES, Record, records, segment
from runtime._shm import ffi, lib
from runtime.pages.page import Page, PageError

KINDS = frozenset(
    (
        lib.HP_RECORD_CARRY,
        lib.HP_RECORD_FILL,
        lib.HP_RECORD_ORDER,
        lib.HP_RECORD_INTENT,
        lib.HP_RECORD_VERDICT,
    )
)
RING = "journal.0"


Key = tuple[int, int, int]  # of a fill: instrument, trade id, side


@dataclass
class Evidence:
    """One lane's last known state.  Structs are cffi records that own their memory."""

    epoch: int = 0
    bases: dict[int, Any] = field(default_factory=dict)  # instrument: hp_base_t
    keys: dict[Key, Any] = field(default_factory=dict)  # in the bases: hp_booked_t
    fills: dict[Key, Any] = field(default_factory=dict)  # since: hp_booked_t
    orders: dict[int, Any] = field(default_factory=dict)  # client id: hp_order_t, newest record
    orders_sent: int = 0  # over all lives, less those proven never to have arrived
    refused: set[int] = field(default_factory=set)  # of those since the carry
    refused_before: int = 0
    fills_before: tuple[int, int, int] = (0, 0, 0)  # in the bases: all, buy, sell
    last_mono_ns: int = 0
    times: dict[Key, int] = field(default_factory=dict)  # of fills, venue's ns
    counted: set[int] = field(default_factory=set)  # client ids that are in orders_sent
    absent: set[int] = field(default_factory=set)  # that were, until their absence was proven

    def working(self) -> list[Any]:
        """Return the orders that may work at the venue."""
        return [o for o in self.orders.values() if lib.hp_order_is_working(o.state)]


def segments(ring: memoryview) -> list[memoryview]:
    """Return the ring's segments as far as they are published, oldest first."""
    head = ffi.cast("hp_journal_head_t *", ffi.from_buffer(ring) + ffi.sizeof("hp_page_t"))
    size, count, published = int(head.segment_bytes), int(head.segment_count), int(head.published)
    if size == 0 or published == 0:
        return []
    newest = (published - 1) // size
    out = []
    for number in range(max(0, newest - count + 1), newest + 1):
        start = lib.HP_JOURNAL_HEAD_BYTES + number % count * size
        used = published - number * size if number == newest else size
        part = ring[start : start + used]
        found = segment(part)
        if found is not None and found.number == number:
            out.append(part)
    return out


def record_of(kind: str, data: bytes) -> Any:
    """Return a struct of its own from a payload."""
    out = ffi.new(f"{kind} *")
    ffi.memmove(out, data, min(len(data), ffi.sizeof(kind)))
    return out


def key(booked: Any) -> Key:
    """Return what a fill is known by: instrument, trade id, side."""
    return (booked.instrument, booked.trade_id, booked.side)


def booked_of(payload: bytes) -> list[Any]:
    size = ffi.sizeof("hp_booked_t")
    return [
        record_of("hp_booked_t", payload[at : at + size]) for at in range(0, len(payload), size)
    ]


def fill_of(report: Any) -> Any:
    """Return a fill report as hp_booked_t."""
    out = ffi.new("hp_booked_t *")
    out.trade_id, out.client_id = report.trade_id, report.client_id
    out.instrument, out.account = report.instrument, report.account
    out.side, out.position_side = report.side, report.position_side
    out.price_ticks, out.lots = report.last_ticks, report.last_lots
    out.fee_e8, out.pnl_e8 = report.fee_e8, report.pnl_e8
    out.flags = lib.HP_BOOKED_MAKER if report.is_maker else 0
    out.flags |= report.asset << lib.HP_BOOKED_ASSET_SHIFT
    return out


class Reading:
    """Takes records in order and keeps the state that they tell."""

    def __init__(self, epoch: int, deadline_ns: int) -> None:
        self.epoch = epoch
        self.deadline_ns = deadline_ns
        self.now: Evidence | None = None  # None until a carry is complete
        self.carry = Evidence(epoch)
        self.intents: dict[int, Any] = {}

    def take(self, record: Record) -> None:
        if record.kind == lib.HP_RECORD_CARRY:
            self.take_carry(record)
        elif self.now is not None:
            self.now.last_mono_ns = record.mono_ns
            self.take_change(self.now, record)

    def take_carry(self, record: Record) -> None:
        carry = self.carry
        if record.aux == lib.HP_MAIL_BASE:
            base = record_of("hp_base_t", record.payload)
            carry.bases[base.instrument] = base
        elif record.aux == lib.HP_MAIL_BOOKED:
            carry.keys.update({key(b): b for b in booked_of(record.payload)})
        elif record.aux == lib.HP_MAIL_ORDER:
            order = record_of("hp_order_t", record.payload)
            carry.orders[order.client_id] = order
        elif record.aux == lib.HP_MAIL_OPENING:
            end = record_of("hp_opening_t", record.payload)
            found = (len(carry.bases), len(carry.keys), len(carry.orders))
            if found == (end.base_count, end.booked_count, end.order_count):
                carry.orders_sent, carry.refused_before = end.orders, end.refused
                carry.fills_before = (end.fills, end.fills_buy, end.fills_sell)
                carry.last_mono_ns = record.mono_ns
                carry.counted = set(carry.orders)
                if self.now is not None:  # orders that ended since the last carry explain trades
                    carry.orders = {**self.now.orders, **carry.orders}
                self.now = carry
            self.carry = Evidence(self.epoch)

    def take_change(self, now: Evidence, record: Record) -> None:
        if record.kind == lib.HP_RECORD_FILL:
            report = record_of("hp_report_t", record.payload)
            fill = fill_of(report)
            now.fills[key(fill)] = fill
            now.times[key(fill)] = report.match_ns
        elif record.kind == lib.HP_RECORD_ORDER:
            order = record_of("hp_order_t", record.payload)
            is_new = order.client_id not in now.orders and order.client_id not in now.counted
            now.orders[order.client_id] = order
            absent = bool(order.flags & lib.HP_ORDER_ABSENT)
            if order.state == lib.HP_ORDER_REJECTED and not absent:
                now.refused.add(order.client_id)
            else:
                now.refused.discard(order.client_id)
            if absent and order.client_id in now.counted:
                now.counted.discard(order.client_id)
                now.absent.add(order.client_id)
                now.orders_sent -= 1
            elif is_new and order.state == lib.HP_ORDER_REJECTED and not absent:
                # it had ended before the carry, and not by a refusal: as absent
                now.counted.add(order.client_id)
                now.orders_sent += 1
            elif not absent and order.client_id in now.absent:  # the venue has spoken of it
                now.absent.discard(order.client_id)
                now.counted.add(order.client_id)
                now.orders_sent += 1
        elif record.kind == lib.HP_RECORD_INTENT:
            intent = record_of("hp_intent_t", record.payload)
            self.intents = {intent.id: intent}  # its verdict follows at once
        elif record.kind == lib.HP_RECORD_VERDICT:
            verdict = record_of("hp_verdict_t", record.payload)
            if verdict.verdict == lib.HP_PASS and verdict.client_id:
                self.take_permit(now, verdict)

    def take_permit(self, now: Evidence, verdict: Any) -> None:
        """Enter an order at its permit: from here on its bytes may have left."""
        intent = self.intents.get(verdict.intent_id)
        if intent is None or intent.kind != lib.HP_INTENT_PLACE:
            return  # a cancel's verdict names the order that it is about
        now.counted.add(verdict.client_id)
        now.orders_sent += 1
        order = ffi.new("hp_order_t *")
        order.client_id, order.state = verdict.client_id, lib.HP_ORDER_PENDING
        order.strategy, order.account = intent.strategy, intent.account
        order.instrument, order.side = intent.instrument, intent.side
        order.position_side, order.type = intent.position_side, intent.type
        order.time_in_force = intent.time_in_force
        order.price_ticks, order.lots = intent.price_ticks, intent.lots
        order.flags = (lib.HP_ORDER_POST_ONLY if intent.post_only else 0) | (
            lib.HP_ORDER_REDUCE_ONLY if intent.reduce_only else 0
        )
        order.sent_ns = verdict.now_ns
        if order.side == lib.HP_SIDE_SELL and not intent.post_only:  # as the lane reserves it
            order.touch_ticks = intent.bid_ticks if intent.bid_ticks > intent.price_ticks else 0
        order.deadline_ns = verdict.now_ns + (intent.deadline_ns or self.deadline_ns)
        order.expire_ns = verdict.now_ns + intent.ttl_ns if intent.ttl_ns else 0
        now.orders[order.client_id] = order


def read(ring: memoryview, deadline_ns: int = 1_000_000_000) -> Evidence | None:
    """Return what a ring tells, or None when it holds no complete carry.

    Only the segments from the newest complete carry on are read.
    """
    parts = segments(ring)
    epoch = int(ffi.cast("hp_page_t *", ffi.from_buffer(ring)).epoch)
    for first in range(len(parts) - 1, -1, -1):
        reading = Reading(epoch, deadline_ns)
        for part in parts[first:]:
            for record in records(part, SEGMENT_BYTES, kinds=KINDS):
                reading.take(record)
        if reading.now is not None:
            return reading.now
    return None


def look(deployment: str, page_name: str) -> Evidence | None:
    """Return what a ring of this build tells; None when there is none that could be read."""
    try:
        page = Page.open(deployment, page_name, "hp_page_t")
    except (PageError, OSError, ValueError):
        return None
    try:
        return read(memoryview(page.map))
    finally:
        page.close()


def newest(deployment: str, rings: list[str]) -> Evidence | None:
    """Return what the last lane that was open knew; `rings` are of dead lanes, oldest first."""
    for ring in reversed(rings):
        found = look(deployment, ring)
        if found is not None:
            return found
    return None
