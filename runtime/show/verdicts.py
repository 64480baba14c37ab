"""A verdict of the gate as a sentence: what was found, against what, in which unit.

Owns:    one row per verdict code: the sentence, and the units of `found` and `wanted`.
Refuses: judging, colours, guessing a unit that a row does not name.

A row says {found} and {wanted}; prices and sizes are shown in the instrument's own decimals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from runtime._shm import ffi, lib
from runtime.pages import names
from runtime.pages.figures import duration, money, scaled

INTENT_KINDS = names.of("hp_intent_kind", "HP_INTENT_")
STATUSES = names.of("hp_instrument_status", "HP_STATUS_")


class Row(NamedTuple):
    sentence: str
    found: str = ""  # unit
    wanted: str = ""


@dataclass(frozen=True)
class Scale:
    """What is needed to show an instrument's figures."""

    symbol: str
    price_decimals: int
    size_decimals: int


V = {
    name.removeprefix("HP_VERDICT_"): number
    for name, number in (
        (text, n) for n, text in ffi.typeof("enum hp_verdict_code").elements.items()
    )
}

QUOTAS = {number for name, number in V.items() if name.startswith("QUOTA_")}
IN_MONEY = {
    V["ORDER_LIMIT"]: Row(
        "refused: order notional {found}; the limit is {wanted}", "money", "money"
    )
}
ROWS: dict[int, Row] = {
    lib.HP_BLOCKED: Row("refused: an intent of kind {found} cannot be carried out yet", "kind"),
    lib.HP_PASS: Row("passed every check, notional {found}", "money"),
    V["NOT_ALLOWED"]: Row(
        "refused: account, strategy or kind {found} is not on the instrument's allow-list", "kind"
    ),
    V["NOT_ARMED"]: Row("refused: the lane was not armed (sessions or opening positions missing)"),
    V["LEADER_LEASE"]: Row(
        "refused: the leader lease had {found} left; {wanted} is needed", "ns", "ns"
    ),
    V["LIMIT_LEASE"]: Row(
        "refused: the limit lease ended {found} ago; cancels and reducing orders pass", "ns"
    ),
    V["KILLED"]: Row("refused: killed (words: {found}); `corelane resume` takes it back", "words"),
    V["FROZEN"]: Row("refused: frozen for new risk (words: {found})", "words"),
    V["DRAINING"]: Row("refused: draining, no new risk (words: {found})", "words"),
    V["INSTRUMENT_STATUS"]: Row(
        "refused: the instrument is {found} at the venue; it must be {wanted}", "status", "status"
    ),
    V["SESSION_CLOSED"]: Row("refused: outside the instrument's trading session"),
    V["BOOK_NOT_SYNCED"]: Row("refused: the book was {found}; it must be {wanted}", "book", "book"),
    V["BOOK_STALE"]: Row(
        "refused: the top was {found} old when judged; at most {wanted} is quoted on", "ns", "ns"
    ),
    V["BOOK_CROSSED"]: Row(
        "refused: the book was crossed or one-sided, bid {found}, ask {wanted}", "price", "price"
    ),
    V["CLOCK_UNSURE"]: Row(
        "refused: this host's clock may be {found} from UTC; at most {wanted} is allowed",
        "ns",
        "ns",
    ),
    V["PRECISION"]: Row(
        "refused: price, size or side is out of range: {found} against a bound of {wanted}",
        "count",
        "count",
    ),
    V["TICK_SIZE"]: Row(
        "refused: price {found} is no multiple of the venue's tick {wanted}", "price", "price"
    ),
    V["STEP_SIZE"]: Row(
        "refused: size {found} is no multiple of the venue's step {wanted}", "size", "size"
    ),
    V["SIZE_RANGE"]: Row(
        "refused: size {found} is outside the venue's bound {wanted}", "size", "size"
    ),
    V["MIN_NOTIONAL"]: Row(
        "refused: notional {found} is below the venue's minimum {wanted}", "money", "money"
    ),
    V["VENUE_BAND"]: Row(
        "refused: price {found} is outside the venue's band, bound {wanted}", "price", "price"
    ),
    V["FENCE_VOLATILITY"]: Row(
        "refused: {found} from the mid; volatility allows {wanted}", "bps", "bps"
    ),
    V["FENCE_HARD"]: Row("refused: {found} from the mid; the hard fence is {wanted}", "bps", "bps"),
    V["FAT_FINGER_SIZE"]: Row(
        "refused: size {found} is far above the typical; at most {wanted}", "size", "size"
    ),
    V["FAT_FINGER_DISTANCE"]: Row(
        "refused: price is {found} from the mid; at most {wanted} for one order", "bps", "bps"
    ),
    V["FAT_FINGER_VOLUME"]: Row(
        "refused: size {found}; its share of the market's daily volume permits {wanted}",
        "size",
        "size",
    ),
    V["REDUCE_ONLY"]: Row(
        "refused: reduce-only for {found}, but only {wanted} of position can be reduced",
        "size",
        "size",
    ),
    V["POSITION_TRUTH"]: Row(
        "refused: orders would close {found} of this leg; it holds {wanted}",
        "size",
        "size",
    ),
    V["SELF_TRADE"]: Row(
        "refused: it would trade with our own order: {found} against {wanted}", "price", "price"
    ),
    V["ORDER_LIMIT"]: Row("refused: order size {found}; the limit is {wanted}", "size", "size"),
    V["POSITION_LIMIT"]: Row(
        "refused: the position could reach {found}; the limit is {wanted}", "size", "size"
    ),
    V["OPEN_ORDERS"]: Row(
        "refused: {found} orders are open already; the limit is {wanted}", "count", "count"
    ),
    V["GROSS_NOTIONAL"]: Row(
        "refused: gross notional would be {found}; the limit is {wanted}", "money", "money"
    ),
    V["NET_NOTIONAL"]: Row(
        "refused: net notional would be {found}; the limit is {wanted}", "money", "money"
    ),
    V["LEVERAGE"]: Row(
        "refused: gross notional would be {found}; the equity and its leverage carry {wanted}",
        "money",
        "money",
    ),
    V["DAILY_LOSS"]: Row(
        "refused: today's loss is {found}; the limit is {wanted}", "money", "money"
    ),
    V["DRAWDOWN"]: Row(
        "refused: drawdown from the highest equity is {found}; the limit is {wanted}", "bps", "bps"
    ),
    V["FAILURES"]: Row(
        "refused: {found} failures in a row; the limit is {wanted}", "count", "count"
    ),
    V["COOL_DOWN"]: Row("refused: cooling down for another {found}", "ns"),
    V["FAST_MARKET"]: Row(
        "refused: fast market, the mid moved more than {wanted}; frozen for another {found}",
        "ns",
        "bps",
    ),
    V["ORDER_TO_TRADE"]: Row(
        "refused: it would be order {found} of the window; what traded permits {wanted}",
        "count",
        "count",
    ),
    V["CANCEL_RATE"]: Row(
        "refused: {found} orders of the window are cancelled; its orders permit {wanted}",
        "count",
        "count",
    ),
    V["RATE_BUCKET"]: Row("throttled: no order token for another {found}", "ns"),
    V["QUOTA_SLOW"]: Row(
        "throttled: {found} of the venue's quota of {wanted} are used; new orders are spread",
        "count",
        "count",
    ),
    V["QUOTA_NO_RISK"]: Row(
        "refused: {found} of the venue's quota of {wanted} are used; no new risk, cancels pass",
        "count",
        "count",
    ),
    V["QUOTA_RESERVE"]: Row(
        "refused: {found} of the venue's quota of {wanted} are used; the rest is a reserve",
        "count",
        "count",
    ),
    V["QUOTA_STOPPED"]: Row(
        "refused: the venue answered 429 or 418; nothing of the kind for another {found}", "ns"
    ),
    V["RESERVATION"]: Row("refused: {found} must be reserved, {wanted} is free", "money", "money"),
    V["UNKNOWN_ORDER"]: Row(
        "refused: the order to cancel or replace is {found}, not working", "order"
    ),
    V["ORDER_BUSY"]: Row(
        "refused: the order to replace is {found}; want an acknowledged one with no cancel or"
        " replace in flight",
        "order",
    ),
    V["TABLE_FULL"]: Row(
        "refused: the order table holds {found} working orders; it has room for {wanted}",
        "count",
        "count",
    ),
    V["OVERFLOW"]: Row(
        "refused: price {found} times size {wanted} leaves 64 bits", "price", "size"
    ),
    V["ARCHIVE_LAG"]: Row(
        "refused: the journal is not reaching the disk (words: {found}); cancels still pass",
        "words",
    ),
    V["SEND_FAILED"]: Row("passed, but was not sent: no session, or the socket refused"),
}


def figure(value: int, unit: str, scale: Scale | None) -> str:
    """Return a figure in its unit; ticks and lots as they are when no scale is known."""
    match unit:
        case "ns":
            return duration(value)
        case "bps":
            return f"{value} bps"
        case "money":
            return f"{money(value)} quote"
        case "price":
            return scaled(value, scale.price_decimals) if scale else f"{value} ticks"
        case "size":
            return scaled(value, scale.size_decimals) if scale else f"{value} lots"
        case "words":
            return ", ".join(names.words(value)) or "none"
        case "kind":
            return INTENT_KINDS.get(value, str(value))
        case "status":
            return STATUSES.get(value, str(value))
        case "book":
            return names.BOOK_STATES.get(value, str(value))
        case "order":
            return names.ORDER_STATES.get(value, str(value)) if value else "not known here"
        case _:
            return str(value)


def sentence(
    code: int, found: int, wanted: int, scale: Scale | None = None, *, of_dimension: bool = False
) -> str:
    """Say a verdict; an unknown code says so with its figures.

    of_dimension: an account's, venue's, strategy's or instrument's limit, which is money, not lots.
    """
    row = ROWS.get(code)
    if row is None:
        return f"verdict {code}, which this build does not know: found {found}, wanted {wanted}"
    if of_dimension:
        row = IN_MONEY.get(code, row)
    return row.sentence.format(
        found=figure(found, row.found, scale), wanted=figure(wanted, row.wanted, scale)
    )


def explained(v: Any, scale: Scale | None = None) -> str:
    """Say a verdict record: the sentence, whose limit it was, when it is worth asking again."""
    text = sentence(v.verdict, v.found, v.wanted, scale, of_dimension=bool(v.dimension))
    if v.dimension:
        whose = names.DIMENSIONS.get(v.dimension, str(v.dimension))
        name = scale.symbol if scale and v.dimension == lib.HP_DIMENSION_INSTRUMENT else v.scope
        text += f" ({whose} {name})"
    elif v.verdict in QUOTAS and v.scope:
        kind = names.QUOTAS.get(v.scope >> 24, str(v.scope >> 24))
        length_s = v.scope & 0xFFFFFF
        text += f" ({kind} of {length_s} s)" if length_s else f" ({kind})"
    if v.retry_ns > v.now_ns:
        text += f"; worth asking again after {duration(v.retry_ns - v.now_ns)}"
    return text
