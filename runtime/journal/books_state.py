"""Books and evidence as plain data: what a checkpoint holds.

Owns:    the ledger, its sources and the reading of what lanes know <-> JSON, exactly and in one
         form: equal states are equal bytes.
Refuses: files, checksums (checkpoint.py), reading journals (recovery.py).

Left out, because records tell it again or nobody asks: entries and orders of the ledger (they are
shown and exported out of the whole journal), orders that had ended before the lane's newest carry
(a ring does not tell of those either), codecs (made anew of the lane's description), all but the
place of lives that two others followed.  So the size is bounded but for a row for each life.
Structs of the lane are kept as their bytes; SHAPE says of which layout.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from hotpath.journal.tail import Record
from runtime._shm import ffi, lib
from runtime.journal.books import Book, Entry, Problem
from runtime.journal.fill_keys import FillKeys
from runtime.journal.ledger import Ledger, Reader
from runtime.journal.recording import Point
from runtime.journal.source import Source
from runtime.journal.wallet import Wallet
from runtime.session import evidence
from runtime.session.evidence import Evidence, Reading

FORMAT = 2
STRUCTS = ("hp_base_t", "hp_booked_t", "hp_order_t", "hp_intent_t", "hp_instrument_t")


def layout_of(kind: Any) -> str:
    if kind.kind == "struct":
        rows = [f"{name}@{one.offset}:{layout_of(one.type)}" for name, one in kind.fields]
        return f"{{{ffi.sizeof(kind)} {' '.join(rows)}}}"
    return str(kind.cname)


def shape() -> str:
    """Return what tells one layout of the structs from another."""
    text = ";".join(layout_of(ffi.typeof(name)) for name in STRUCTS)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


SHAPE = shape()


def text(value: Any) -> str:
    """Return bytes, or a struct's bytes, as text."""
    data = value if isinstance(value, bytes) else bytes(ffi.buffer(value))
    return base64.b64encode(data).decode()


def raw(found: str) -> bytes:
    return base64.b64decode(found, validate=True)


def struct(kind: str, found: str) -> Any:
    data = raw(found)
    if len(data) != ffi.sizeof(kind):
        raise ValueError(f"{len(data)} bytes are no {kind} of {ffi.sizeof(kind)}")
    return evidence.record_of(kind, data)


def pairs(found: dict[Any, Any]) -> list[list[Any]]:
    """Return a dict as rows: key, value; a tuple's members one by one."""
    return [[*(key if isinstance(key, tuple) else (key,)), value] for key, value in found.items()]


def keyed(rows: Iterable[list[Any]]) -> dict[tuple[Any, ...], Any]:
    return {tuple(row[:-1]): row[-1] for row in rows}


def single(rows: Iterable[list[Any]]) -> dict[Any, Any]:
    return {row[0]: row[1] for row in rows}


# -- evidence: what a successor of a lane takes over ---------------------------------------------


def of_evidence(found: Evidence) -> dict[str, Any]:
    since = found.counted | found.refused | found.absent  # as a ring from its newest carry on
    kept = {
        client_id: order
        for client_id, order in found.orders.items()
        if client_id in since or lib.hp_order_is_working(order.state)
    }
    return {
        "epoch": found.epoch,
        "bases": [text(found.bases[n]) for n in sorted(found.bases)],
        "keys": [text(found.keys[k]) for k in sorted(found.keys)],
        "fills": [text(found.fills[k]) for k in sorted(found.fills)],
        "times": sorted([*k, at] for k, at in found.times.items()),
        "orders": [text(kept[n]) for n in sorted(kept)],
        "orders_sent": found.orders_sent,
        "refused": sorted(found.refused),
        "refused_before": found.refused_before,
        "fills_before": list(found.fills_before),
        "last_mono_ns": found.last_mono_ns,
        "counted": sorted(found.counted),
        "absent": sorted(found.absent),
    }


def evidence_of(state: dict[str, Any]) -> Evidence:
    bases = [struct("hp_base_t", one) for one in state["bases"]]
    keys = [struct("hp_booked_t", one) for one in state["keys"]]
    fills = [struct("hp_booked_t", one) for one in state["fills"]]
    orders = [struct("hp_order_t", one) for one in state["orders"]]
    all_, buy, sell = state["fills_before"]
    return Evidence(
        epoch=state["epoch"],
        bases={one.instrument: one for one in bases},
        keys={evidence.key(one): one for one in keys},
        fills={evidence.key(one): one for one in fills},
        orders={one.client_id: one for one in orders},
        orders_sent=state["orders_sent"],
        refused=set(state["refused"]),
        refused_before=state["refused_before"],
        fills_before=(all_, buy, sell),
        last_mono_ns=state["last_mono_ns"],
        times={(a, b, c): at for a, b, c, at in state["times"]},
        counted=set(state["counted"]),
        absent=set(state["absent"]),
    )


def of_reading(found: Reading) -> dict[str, Any]:
    return {
        "deadline_ns": found.deadline_ns,
        "now": None if found.now is None else of_evidence(found.now),
        "carry": of_evidence(found.carry),
        "intents": [text(one) for one in found.intents.values()],
    }


def reading_of(epoch: int, state: dict[str, Any]) -> Reading:
    out = Reading(epoch, state["deadline_ns"])
    out.now = None if state["now"] is None else evidence_of(state["now"])
    out.carry = evidence_of(state["carry"])
    intents = [struct("hp_intent_t", one) for one in state["intents"]]
    out.intents = {one.id: one for one in intents}
    return out


# -- the ledger ----------------------------------------------------------------------------------


def of_record(record: Record) -> list[Any]:
    return [*record[:-1], text(record.payload)]


def record_of(row: list[Any]) -> Record:
    sequence, kind, lane, aux, recv_ns, mono_ns, payload = row
    return Record(sequence, kind, lane, aux, recv_ns, mono_ns, raw(payload))


def of_source(source: Source) -> dict[str, Any]:
    out = {
        "lane": source.lane,
        "epoch": source.epoch,
        "offset_ns": source.offset_ns,
        "last_ns": source.last_ns,
        "place": list(source.place),
        "told": sorted(source.told),
    }
    if source.is_over:
        return out
    return {
        **out,
        "spec": source.spec,
        "account": source.account,
        "abouts": [text(one) for one in source.abouts.values()],
        "names": pairs(source.names),
        "owners": pairs(source.owners),
        "intents": [text(one) for one in source.intents.values()],
        "facts": [of_record(one) for one in source.facts],
        "carry": [text(one) for one in source.carry.bases.values()],
        "has_hole": source.has_hole,
        "balances_ns": source.balances_ns,
        "frames": [of_record(one) for one in source.frames],
    }


def source_of(state: dict[str, Any], ledger: Ledger) -> Source:
    out = Source(state["lane"], state["epoch"], state["offset_ns"], ledger)
    out.last_ns, out.place = state["last_ns"], Point(*state["place"])
    out.told, out.is_over = set(state["told"]), "spec" not in state
    if out.is_over:
        return out
    if state["spec"]:
        out.describe(state["spec"])
    out.account = state["account"]
    for about in state["abouts"]:
        out.add_instrument(struct("hp_instrument_t", about))
    out.names, out.owners = single(state["names"]), single(state["owners"])
    intents = [struct("hp_intent_t", one) for one in state["intents"]]
    out.intents = {int(one.id): one for one in intents}
    out.facts = [record_of(one) for one in state["facts"]]
    bases = [struct("hp_base_t", one) for one in state["carry"]]
    out.carry.bases = {one.instrument: one for one in bases}
    out.has_hole, out.balances_ns = state["has_hole"], state["balances_ns"]
    out.frames.extend(record_of(one) for one in state["frames"])
    return out


def of_ledger(found: Ledger) -> dict[str, Any]:
    return {
        "positions": pairs({key: vars(book) for key, book in found.positions.items()}),
        "strategies": [[who, *key, vars(b)] for (who, key), b in found.strategies.items()],
        "funding": pairs(found.funding),
        "entered": found.entered,
        "told_lots": pairs(found.told_lots),
        "marks": pairs({key: list(one) for key, one in found.marks.items()}),
        "seen": found.seen.as_rows(),
        "newest": pairs({key: list(one) for key, one in found.newest.items()}),
        "wallets": pairs({key: vars(one) for key, one in found.wallets.items()}),
        "offsets": pairs({key: list(one) for key, one in found.offsets.items()}),
        "breaks": [list(one) for one in found.breaks],
        "carries": found.carries,
        "records": found.records,
        "last_ns": found.last_ns,
        "lanes": [of_source(one) for one in found.lanes.values() if one.last_ns],
    }


def ledger_of(state: dict[str, Any]) -> Ledger:
    out = Ledger()
    out.positions = {k: Book(**one) for k, one in keyed(state["positions"]).items()}
    out.strategies = {(k[0], k[1:]): Book(**b) for k, b in keyed(state["strategies"]).items()}
    out.funding = keyed(state["funding"])
    out.entered, out.told_lots = state["entered"], keyed(state["told_lots"])
    out.marks = {k: (one[0], one[1], one[2]) for k, one in keyed(state["marks"]).items()}
    out.seen = FillKeys.of_rows(state["seen"])
    out.newest = {k: (one[0], one[1]) for k, one in keyed(state["newest"]).items()}
    out.wallets = {k: Wallet(**one) for k, one in keyed(state["wallets"]).items()}
    out.offsets = {k: tuple(one) for k, one in keyed(state["offsets"]).items()}
    out.breaks = [Problem(*row) for row in state["breaks"]]
    out.carries, out.records, out.last_ns = state["carries"], state["records"], state["last_ns"]
    sources = [source_of(one, out) for one in state["lanes"]]
    out.lanes = {one.key: one for one in sources}
    return out


# -- both ----------------------------------------------------------------------------------------


def pack(reader: Reader) -> bytes:
    """Return all of it as canonical JSON.  Not after finish(), which settles what is still open."""
    state = {
        "ledger": of_ledger(reader.ledger),
        "readings": [
            [epoch, lane, of_reading(one)]
            for (epoch, lane), one in sorted(reader.readings.items())
            if reader.ledger.lanes[epoch, lane].last_ns
        ],
    }
    return json.dumps(state, sort_keys=True, separators=(",", ":")).encode()


def from_1(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state of format 1, which held every entry, as one of format 2.

    What wallets were compared with is not in it: they begin anew.
    """
    found = state["ledger"]
    entries, seen = [Entry(*row) for row in found.pop("entries")], FillKeys()
    for venue, account, *fill in found.pop("in_base"):
        seen.take((venue, account), (fill[0], fill[1], fill[2]))
    counted = Ledger()
    for one in entries:
        counted.enter(one)
        if one.kind in ("fill", "recovered"):
            seen.take((one.venue, one.account), (one.instrument, one.trade_id, one.side))
    found |= {
        "entered": len(entries),
        "told_lots": pairs(counted.told_lots),
        "seen": seen.as_rows(),
        "newest": [],
        "wallets": [],
    }
    for row in (*found["positions"], *found["strategies"]):
        row[-1] |= {"venue_pnl_e8": 0, "is_moved": True}  # nobody added up the venue's words
    for source in found["lanes"]:
        source["balances_ns"] = 0
    return state


def unpack(data: bytes, layout: int = FORMAT) -> Reader:
    """Return what goes on where pack() was made.  ValueError, KeyError, TypeError: it is none."""
    state = json.loads(data)
    for number in range(layout, FORMAT):
        state = CONVERTERS[number](state)
    ledger = ledger_of(state["ledger"])
    reader = Reader(ledger, ledger.lanes)
    for epoch, lane, one in state["readings"]:
        reader.readings[epoch, lane] = reading_of(epoch, one)
    return reader


CONVERTERS = {1: from_1}
FORMATS = (*CONVERTERS, FORMAT)

__all__ = ["FORMAT", "FORMATS", "SHAPE", "pack", "unpack"]
