"""How a capture begins: its venue, its instruments, their scales.

Owns:    what the first megabyte of a capture says about it.
Refuses: reading files (capture.py), venues' words (venues/*/capture.py), the replay itself.

The venue is the one whose messages the head holds, more of them than of its kin's.  A symbol has a
depth stream when two of its depth events follow one another.  Where the head holds a snapshot, the
instruments are the symbols with a depth stream, and with one such symbol the first snapshot's
significant decimals are its scale.  Otherwise every symbol of the head is an instrument, and its
scale comes from its own first values.  What names another symbol is counted as unknown.  A snapshot
whose owner the recorder wrote before it is its owner's.  Reference data beside a capture makes
scales finer, never coarser.
"""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from runtime.replay.capture import Capture, CaptureError, message_of

VENUES = {
    "binance_coinm": "venues.binance.coinm.capture",
    "binance_spot": "venues.binance.spot.capture",
    "binance_usdm": "venues.binance.usdm.capture",
    "bybit": "venues.bybit.capture",
    "hyperliquid": "venues.hyperliquid.capture",
    "okx": "venues.okx.capture",
}
HEAD_BYTES = (1 << 20, 1 << 22, 1 << 24)  # read ahead so much, and more if nothing is known yet
DECIMALS_MAX = 18
TICKS_MAX = 2**62  # a scale must leave room for the largest value seen
PLAIN = re.compile(r"\d+(?:\.(\d*))?")


@dataclass
class Scale:
    """Decimals that the values seen so far need, and the largest of them."""

    price_decimals: int = 0
    size_decimals: int = 0
    price_max: int = 0
    size_max: int = 0

    def see(self, price: str, size: str) -> None:
        """Take one more pair of values; what is no plain number is left to the codec."""
        for name, text in (("price", price), ("size", size)):
            match = PLAIN.fullmatch(text[:64])
            if not match:
                continue
            decimals = len((match[1] or "").rstrip("0"))
            whole = int(text.partition(".")[0]) + 1
            if decimals > DECIMALS_MAX or whole * 10**decimals >= TICKS_MAX:
                continue
            setattr(self, f"{name}_decimals", max(decimals, getattr(self, f"{name}_decimals")))
            setattr(self, f"{name}_max", max(whole, getattr(self, f"{name}_max")))

    def allows(self, price_decimals: int, size_decimals: int) -> bool:
        """Say whether the values seen would still fit at these decimals."""
        prices = self.price_max * 10**price_decimals
        return bool(max(prices, self.size_max * 10**size_decimals) < TICKS_MAX)


@dataclass
class Beginning:
    """What a capture's head says: the venue and its instruments."""

    venue: str
    dialect: ModuleType
    scales: dict[str, Scale] = field(default_factory=dict)
    head: list[dict[str, Any]] = field(default_factory=list)  # its messages


def dialects(venue: str | None) -> dict[str, ModuleType]:
    """Return the venues that may be meant, by name."""
    if venue is not None and venue not in VENUES:
        raise CaptureError(f"venue {venue!r} is not known; want one of: {', '.join(VENUES)}")
    names = [venue] if venue is not None else list(VENUES)
    return {name: importlib.import_module(VENUES[name]) for name in names}


def is_symbol(text: str) -> bool:
    """Say whether an instrument may be called so."""
    return text.isprintable() and 0 < len(text.encode()) <= 32 and not set(text) & set('\\"')


def parsed(head: bytes) -> list[dict[str, Any]]:
    """Return the JSON objects among the lines of a head; its last line may be cut."""
    out = []
    for line in head.split(b"\n"):
        try:
            message = json.loads(message_of(line))
        except (ValueError, RecursionError):
            continue
        if isinstance(message, dict):
            out.append(message)
    return out


def begin(capture: Capture, venue: str | None) -> Beginning:
    """Read a capture's head."""
    known = dialects(venue)
    for size in HEAD_BYTES:
        head = capture.head(size)
        messages = parsed(head)
        votes = {name: sum(map(module.kinship, messages)) for name, module in known.items()}
        best = max(votes, key=lambda name: votes[name])
        if votes[best] > 0 or len(head) < size:
            break
    if votes[best] <= 0 and venue is None:
        raise CaptureError(
            f"{capture.path}: the first {len(messages)} messages are of no known venue "
            f"({', '.join(VENUES)}); name it with --venue"
        )
    beginning = beginning_of(messages, best, known[best])
    beginning.head = messages
    for body in capture.references:
        refine(beginning, body)
    return beginning


def refine(beginning: Beginning, body: dict[str, Any]) -> None:
    """Give scales the decimals that an instrument list says, where the values leave room."""
    listed = getattr(beginning.dialect, "scales", None)
    for symbol, decimals in (listed(body) if listed else {}).items():
        scale = beginning.scales.get(symbol)
        if scale is None:
            continue
        price = max(decimals[0], scale.price_decimals)
        size = max(decimals[1], scale.size_decimals)
        if scale.allows(price, size):
            scale.price_decimals, scale.size_decimals = price, size


def beginning_of(messages: list[dict[str, Any]], venue: str, dialect: ModuleType) -> Beginning:
    """Say what the head's messages tell about instruments and scales."""
    values: dict[str, Scale] = {}
    last: dict[str, int] = {}
    chained: set[str] = set()
    snapshot: Scale | None = None
    owner = ""
    for message in messages:
        if message.keys() == {"snapshot"}:  # our recorder's word on the next one
            owner = str(message["snapshot"])
            continue
        if dialect.is_snapshot(message):
            named, owner = owner or dialect.symbol(message), ""
            scale = values.setdefault(named, Scale()) if is_symbol(named) else Scale()
            chained |= {named} if is_symbol(named) else set()
            snapshot = snapshot or scale
        elif is_symbol(symbol := dialect.symbol(message)):
            scale = values.setdefault(symbol, Scale())
        else:
            continue
        for pair in dialect.numbers(message):
            scale.see(*pair)
        if ids := dialect.chain(message):
            if last.get(symbol) == ids[0]:
                chained.add(symbol)
            last[symbol] = ids[1]
    streams = [symbol for symbol in last if symbol in chained] or list(last)
    if snapshot is None or not streams:
        return Beginning(venue, dialect, values)
    scales = {symbol: values[symbol] for symbol in streams}
    if len(streams) == 1:
        own = scales[streams[0]]
        snapshot.price_max = max(snapshot.price_max, own.price_max)
        snapshot.size_max = max(snapshot.size_max, own.size_max)
        scales[streams[0]] = snapshot
    return Beginning(venue, dialect, scales)
