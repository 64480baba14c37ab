"""Events as lines for people, at most 100 columns.

Owns:    one sentence per kind, in the instrument's own decimals; time of day in UTC.
Refuses: reading journals (runtime/show/events.py), wording of verdicts (runtime/show/verdicts.py).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from runtime.journal.records import VERDICT_NUMBERS
from runtime.pages.figures import INT64_MAX, duration, money
from runtime.show.events import Event
from runtime.show.verdicts import figure, sentence

COLUMNS = 100
TIMED = {"time", "late", "stale", "silent", "synced", "spare"}  # troubles whose figures are times


def size(event: Event, lots: int) -> str:
    return figure(lots, "size", event.scale)


def price(event: Event, ticks: int) -> str:
    return figure(ticks, "price", event.scale)


def intent(event: Event, f: dict[str, Any]) -> str:
    if f["kind"] != "place":
        return f"intent {f['id']}: {f['kind']} order {f['target']}"
    extra = "".join(f", {name}" for name in ("post_only", "reduce_only") if f[name])
    return (
        f"intent {f['id']}: {f['side']} {size(event, f['lots'])} at"
        f" {price(event, f['price_ticks'])}{extra}, strategy {f['strategy']}"
    )


def order(event: Event, f: dict[str, Any]) -> str:
    error = f", {f['error']}" if f["error"] != "none" else ""
    return (
        f"order {f['client_id']} {str(f['state']).upper()} {f['side']} {size(event, f['lots'])} at"
        f" {price(event, f['price_ticks'])}, filled {size(event, f['filled_lots'])}{error}"
    )


def fill(event: Event, f: dict[str, Any]) -> str:
    return (
        f"{f['side']} {size(event, f['last_lots'])} at {price(event, f['last_ticks'])},"
        f" fee {money(f['fee_e8'])}, {'maker' if f['is_maker'] else 'taker'},"
        f" order {f['client_id']}, trade {f['trade_id']}"
    )


def correction(event: Event, f: dict[str, Any]) -> str:
    before, after = size(event, f["lots_before"]), size(event, f["lots_after"])
    return f"{f['cause']}: position {f['position_side']} {before} is {after} now"


def verdict(event: Event, f: dict[str, Any]) -> str:
    number = VERDICT_NUMBERS.get(f["verdict"], -1)
    said = sentence(
        number, f["found"], f["wanted"], event.scale, of_dimension=bool(f["dimension"])
    )
    return f"intent {f['intent_id']} {said}"


def position(event: Event, f: dict[str, Any]) -> str:
    if f["kind"] == "position":
        return f"the venue holds {size(event, f['position_lots'])} ({f['position_side']})"
    return f"the venue says {f['kind']}, order {f['client_id']}"


LEASES = {  # nobody has to hold it, it is held, it is over
    "limit_lease": (
        "limits: nobody lends them",
        "limits: lent for {left} more (fence {fence})",
        "limits: not lent, cancels and reduce-only orders alone pass",
    ),
    "leader_lease": (
        "leader: nobody else could write",
        "leader: for {left} more (epoch {epoch})",
        "leader: the lease is over (epoch {epoch}), nothing is sent",
    ),
}


def words(event: Event, f: dict[str, Any]) -> str:
    if "words" in f:
        return f"control words: {', '.join(f['words']) or 'none'}"
    for name, (free, held, over) in LEASES.items():
        if name in f:
            lease = f[name]
            left = lease["until_ns"] - event.mono_ns
            said = free if not lease["is_required"] else held if left > 0 else over
            return said.format(left=duration(left), **lease)
    clock = f["clock"]
    if not clock["source"]:
        return "clock: nobody vouches for it"
    return f"clock: {duration(clock['offset_ns'])} from UTC, +- {duration(clock['uncertainty_ns'])}"


def quota(event: Event, f: dict[str, Any]) -> str:
    window = f"{f['kind']} of {f['length_s']} s"
    if f["used"] >= 0:
        return f"{window}: {f['used']} used by the venue's count"
    if f["stop_ns"]:
        return f"{f['kind']}: refused ({f['status']}) for {duration(f['stop_ns'])}"
    return f"{window}: at most {f['limit']}" if f["limit"] else f"{f['kind']}: one of {f['cost']}"


def quota_mode(event: Event, f: dict[str, Any]) -> str:
    if f["mode"] == "stopped":
        left = duration(max(0, f["stop_until_ns"] - event.mono_ns))
        return f"venue's quota: {f['before']}, now stopped: it refuses {f['kind']} for {left}"
    said = f"venue's quota: {f['before']}, now {f['mode']}"
    window = f"{f['used']} of {f['limit']} {f['kind']} of {f['length_s']} s"
    return f"{said}: {window} are used" if f["length_s"] else said


def feed(event: Event, f: dict[str, Any]) -> str:
    unit = "ns" if f["trouble"] in TIMED else ""
    what = "" if f["stream"] == "none" else f"{f['stream']} "
    if f["trouble"] == "missed":
        return f"{what}missed: {f['found']} trades from {f['wanted']} on"
    found, bound = figure(f["found"], unit, None), figure(f["wanted"], unit, None)
    return f"{what}{f['trouble']}: {found}" + (f" (bound {bound})" if f["wanted"] else "")


SENTENCES = {
    "intent": intent,
    "order": order,
    "fill": fill,
    "correction": correction,
    "verdict": verdict,
    "position": position,
    "words": words,
    "feed": feed,
    "quota": quota,
    "quota_mode": quota_mode,
}
PLAIN = {
    "hole": "records {first} and on, {records} in all, were overwritten before they were read",
    "damage": "bytes that are no record: {error}",
    "lag": "this reader is {behind_bytes} bytes behind the lane, {percent} % of the ring",
    "session": "socket {socket}: {session}",
    "command": "{command}",
    "wish": "the lane wishes for an opening (generation {generation})",
    "resync": "the book is out of sequence: a snapshot is wanted",
    "unsent": "the session took nothing of the request before this",
    "strategy": "strategy {strategy} is {class}",
    "instrument": "{symbol}, {price_decimals} and {size_decimals} decimals, {status}",
    "timer": "turn, due {due}",
    "quota_rule": "quota: busy from {busy_percent} %, slow {slow_percent}, no new risk"
    " {no_risk_percent}, reserve {reserve_percent}",
    "clock": "both clocks read",
}


def text(event: Event) -> str:
    """Return what happened as a sentence."""
    if event.kind in SENTENCES:
        return SENTENCES[event.kind](event, event.fields)
    if event.kind in PLAIN:
        known = {"error": "", **event.fields}
        return PLAIN[event.kind].format(**known)
    if event.kind == "lane":
        spec = event.fields.get("lane", {})
        return f"built for {spec.get('codec', '?')}: {', '.join(spec.get('strategies', []))}"
    if event.kind == "halt":
        return "a strategy failed: its orders are cancelled"
    if "text" in event.fields:
        return str(event.fields["text"])
    return " ".join(f"{k}={v}" for k, v in event.fields.items() if v not in (0, "", INT64_MAX))


def line(event: Event) -> str:
    """Return one line: time, lane, kind, symbol, sentence."""
    when = "-" * 12
    if event.real_ns:
        moment = datetime.fromtimestamp(event.real_ns // 10**9, UTC)
        when = f"{moment:%H:%M:%S}.{event.real_ns // 10**6 % 1000:03d}"
    head = f"{when} {event.lane} {event.kind:<10} "
    out = head + (f"{event.symbol} " if event.symbol else "") + text(event).replace("\n", " ")
    return out if len(out) <= COLUMNS else out[: COLUMNS - 3] + "..."
