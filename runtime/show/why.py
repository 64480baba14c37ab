"""What became of an order or intent, from the lanes' journals, in sentences.

Owns:    finding the newest intent, verdict and order records of one id: in the rings of lanes, dead
         ones included while they are kept, and in a RUN.
Refuses: asking the venue, records that are nowhere any more (it says how far back journals reach).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hotpath.journal.tail import Record
from runtime._shm import ffi, lib
from runtime.journal.recording import lanes
from runtime.journal.tailer import Tailer, rings
from runtime.pages import names
from runtime.pages.figures import duration
from runtime.pages.page import Page, PageError
from runtime.show.snapshot import Snapshot
from runtime.show.verdicts import Scale, explained, figure

CAUSES = {
    lib.HP_CANCEL_TTL: "its time to live was over",
    lib.HP_CANCEL_STRATEGY: "its strategy wanted it gone",
    lib.HP_CANCEL_QUEUE: "its strategy's advice: too many orders ahead",
    lib.HP_CANCEL_PRICE: "its strategy's advice: too far from the price",
    lib.HP_CANCEL_SPEED: "its strategy's advice: the market has slowed down",
    lib.HP_CANCEL_TOXICITY: "its strategy's advice: informed flow",
    lib.HP_CANCEL_INVENTORY: "its strategy's advice: too much is held",
    lib.HP_CANCEL_OWN: "it would have traded with a newer order of ours",
    lib.HP_CANCEL_BOOK: "its book was lost, stale or doubted",
    lib.HP_CANCEL_HALT: "its strategy failed",
    lib.HP_CANCEL_EMERGENCY: "an emergency was signalled for its market",
    lib.HP_CANCEL_WORD: "a control word (kill, freeze, flatten, drain) or the archive's lag",
}
SIDES = names.of("hp_side", "HP_SIDE_")
INTENT_KINDS = names.of("hp_intent_kind", "HP_INTENT_")
KINDS = frozenset((lib.HP_RECORD_INTENT, lib.HP_RECORD_VERDICT, lib.HP_RECORD_ORDER))
DECISIONS_MAX = 16


def offset(struct: str, field: str) -> int:
    return int(ffi.offsetof(struct, field))


class IdError(Exception):
    """The text is no client order id and no intent id."""


def parse_id(text: str) -> int:
    """Return the number of an id: decimal, or the venue's own text (<prefix>-<16 hex digits>)."""
    if text.isdecimal() and 0 < int(text) < 2**64:
        return int(text)
    venue = re.fullmatch(r"[.A-Z:/a-z0-9_-]{0,12}-([0-9a-f]{16})", text)
    if venue is None:
        raise IdError(f"id {text!r}: want a decimal number, or the venue's text <prefix>-<16 hex>")
    return int(venue[1], 16)


@dataclass
class Trace:
    """What one journal holds about an id: decisions (intent or None, verdict), the newest order."""

    lane: int
    epoch: int = 0
    decisions: list[tuple[bytes | None, bytes]] = field(default_factory=list)
    intent: bytes | None = None  # asked for by its own id, not judged yet
    order: bytes | None = None
    oldest_ns: int = 0  # how far back the journal reaches

    @property
    def is_empty(self) -> bool:
        return not self.decisions and self.order is None and self.intent is None


def word(payload: bytes, offset: int) -> int:
    return int.from_bytes(payload[offset : offset + 8], "little")


AT = {  # where the ids stand in each record, by the headers
    "verdict": (offset("hp_verdict_t", "client_id"), offset("hp_verdict_t", "intent_id")),
    "order": (offset("hp_order_t", "client_id"), offset("hp_order_t", "intent_id")),
}


def search(records: Iterable[Record], lane: int, epoch: int, wanted: int) -> Trace:
    """Read a journal once.  An intent's record stands right before its verdict's."""
    found, last = Trace(lane, epoch), b""
    for record in records:
        found.oldest_ns = found.oldest_ns or record.mono_ns
        payload = record.payload
        if record.kind == lib.HP_RECORD_INTENT:
            last = payload
            if word(payload, 0) == wanted:
                found.intent = payload
            continue
        kind = "verdict" if record.kind == lib.HP_RECORD_VERDICT else "order"
        client_at, intent_at = AT[kind]
        if wanted not in (word(payload, client_at), word(payload, intent_at)):
            continue
        if kind == "order":
            found.order = payload
            continue
        intent = last if last and word(last, 0) == word(payload, intent_at) else None
        found.decisions = [*found.decisions[: DECISIONS_MAX - 1], (intent, payload)]
        found.intent = None
    return found


def trace_rings(deployment: str, wanted: int) -> Iterator[Trace]:
    """Search every ring of a deployment, oldest life first."""
    opened = []
    for path in rings(deployment):
        try:
            opened.append(Tailer(Page.open_path(path, "hp_page_t")))
        except PageError:
            continue
    for tailer in sorted(opened, key=lambda one: one.epoch):
        lane = int(tailer.page.path.name.split(".journal.")[1].split(".")[0])
        yield search(tailer.read(kinds=KINDS), lane, tailer.epoch, wanted)
        tailer.close()


def trace_run(directory: Path, wanted: int) -> Iterator[Trace]:
    """Search every lane epoch of a RUN, oldest first; RecordingError when the folder is none."""
    for run in lanes(directory):
        found = (item for item in run.read(KINDS) if isinstance(item, Record))
        yield search(found, run.lane, run.epoch, wanted)


def record(struct: str, payload: bytes) -> Any:
    out = ffi.new(f"{struct} *")
    ffi.memmove(out, payload, min(len(payload), ffi.sizeof(struct)))
    return out


def scale_of(snapshot: Snapshot, instrument: int) -> Scale | None:
    for one in snapshot.instruments:
        if one.id == instrument:
            return Scale(one.symbol, one.price_decimals, one.size_decimals)
    return None


def say_intent(lane: int, i: Any, scale: Scale | None, symbol: str) -> str:
    text = f"lane-{lane} intent {i.id}: {INTENT_KINDS.get(i.kind, i.kind)}"
    if i.kind == lib.HP_INTENT_PLACE:
        text += (
            f" {SIDES.get(i.side, i.side)} {figure(i.lots, 'size', scale)} {symbol}"
            f" at {figure(i.price_ticks, 'price', scale)}"
        )
    else:
        text += f" order {i.target} of {symbol}"
    if i.reason:
        text += f" ({CAUSES.get(i.reason, i.reason)})"
    if i.kind == lib.HP_INTENT_REPLACE:
        text += (
            f" by {figure(i.lots, 'size', scale)} in all at {figure(i.price_ticks, 'price', scale)}"
        )
    return f"{text}, strategy {i.strategy}"


def say_order(o: Any, scale: Scale | None) -> str:
    text = f"order {o.client_id}: {names.ORDER_STATES.get(o.state, o.state)}"
    filled, size = (figure(lots, "size", scale) for lots in (o.filled_lots, o.lots))
    text += f", {filled} of {size} filled"
    if o.venue_id:
        text += f", venue id {o.venue_id}"
    if o.cancel_cause:
        text += f", marked to go: {CAUSES.get(o.cancel_cause, o.cancel_cause)}"
    if o.parent:
        text += f", in place of order {o.parent}, which never arrived"
    if o.error:
        text += f", the venue's last refusal: {names.ERRORS.get(o.error, o.error)}"
    if o.flags & lib.HP_ORDER_CANCEL_IN_FLIGHT and lib.hp_order_is_working(o.state):
        text += ", a cancel is in flight"
    if o.flags & lib.HP_ORDER_REPLACE_IN_FLIGHT and lib.hp_order_is_working(o.state):
        size, price = figure(o.asked_lots, "size", scale), figure(o.asked_ticks, "price", scale)
        text += f", a replace by {size} at {price} is in flight"
    return text


def explain(found: Trace, snapshot: Snapshot) -> list[str]:
    """Say what the records of a trace mean: what was wanted, what the gate said, what became."""
    out = []
    for intent, verdict in found.decisions:
        v = record("hp_verdict_t", verdict)
        scale = scale_of(snapshot, v.instrument)
        symbol = scale.symbol if scale else f"instrument {v.instrument}"
        if intent is not None:
            out.append(say_intent(found.lane, record("hp_intent_t", intent), scale, symbol))
        out.append(f"gate: {explained(v, scale)}")
        warned = [name for n, name in names.VERDICTS.items() if v.warnings >> n & 1]
        if warned:
            out.append(f"gate: policy WARN noted {', '.join(warned)}")
    if found.intent is not None:
        i = record("hp_intent_t", found.intent)
        scale = scale_of(snapshot, i.instrument)
        symbol = scale.symbol if scale else f"instrument {i.instrument}"
        out += [say_intent(found.lane, i, scale, symbol), "gate: not judged yet"]
    if found.order is not None:
        o = record("hp_order_t", found.order)
        out.append(say_order(o, scale_of(snapshot, o.instrument)))
    return out


def why(
    deployment: str, wanted: int, snapshot: Snapshot, directory: Path | None = None
) -> tuple[bool, list[str]]:
    """Return (found, sentences) for a client order id or an intent id.

    `directory` is a RUN to search too: it reaches further back than the rings.  RecordingError
    when it is none.
    """
    traces = list(trace_run(directory, wanted)) if directory else []
    traces += list(trace_rings(deployment, wanted))
    # the same life may stand in the RUN and in its ring: the ring, read last, knows the newest
    hits = {(one.lane, one.epoch): one for one in traces if not one.is_empty}
    judged = {key: one for key, one in hits.items() if one.decisions or one.order}
    hits = judged or hits  # of a pair the market lane wants and the order lane judges
    if hits:
        return True, [line for one in hits.values() for line in explain(one, snapshot)]
    if not traces:
        return False, [f"deployment {deployment!r} has no journal ring: it does not run"]
    now = time.monotonic_ns()
    reach = ", ".join(
        f"lane-{one.lane} epoch {one.epoch} {duration(max(0, now - one.oldest_ns))}"
        for one in traces
        if one.oldest_ns
    )
    out = f"no record of {wanted} in the journals (they reach back: {reach or 'nothing'})"
    epoch = wanted >> (lib.HP_CLIENT_LANE_BITS + lib.HP_CLIENT_SEQUENCE_BITS)
    if epoch and directory is None and epoch not in {one.epoch for one in traces}:
        out += (
            f"; it is an order of epoch {epoch}, a life whose ring is gone:"
            " name the RUN of `corelane run --journal DIR` with --journal DIR"
        )
    return False, [out]
