"""Signals about markets that a person or a cold process gives: toxicity, emergency.

Owns:    reading a request, the record by which lanes take it (hp_signal_t, by mail), which hold.
Refuses: what follows from one (hotpath/lane/age.h), rings (the session mails them).

A signal holds until the next word about the same scope, over lives of lanes and of the session.
"""

from __future__ import annotations

from typing import Any

from runtime._shm import ffi, lib
from runtime.config.lane_mail import Mail, Scope

TOXICITY_PERMILLE_MAX = 1000
ALL = 0  # instrument number: every one


class Signals:
    """Which signals hold, by instrument."""

    def __init__(self) -> None:
        self.held: dict[int, tuple[int, bool]] = {}  # toxicity in permille, emergency

    def take(self, request: dict[str, Any], symbols: dict[str, int]) -> dict[Scope, Mail]:
        """Hold what is said; return the mail about it.

        request: {"symbol": name, absent = all; "toxicity": 0..1000; "emergency": true or false}; a
        figure that is absent stays as it was.  ValueError says what is wrong with it.
        """
        symbol = request.get("symbol")
        if symbol is not None and not (isinstance(symbol, str) and symbol in symbols):
            known = ", ".join(sorted(symbols))
            raise ValueError(f"symbol is {symbol!r:.40}; want one of {known}, or none for all")
        number = ALL if symbol is None else symbols[symbol]
        toxicity, is_emergency = self.held.get(number, (0, False))
        said = request.get("toxicity", toxicity)
        if type(said) is not int or not 0 <= said <= TOXICITY_PERMILLE_MAX:
            want = f"want 0 to {TOXICITY_PERMILLE_MAX} permille"
            raise ValueError(f"toxicity is {said!r:.40}; {want}")
        word = request.get("emergency", is_emergency)
        if type(word) is not bool:
            raise ValueError(f"emergency is {word!r:.40}; want true or false")
        self.held[number] = (said, word)
        return self.mails()

    def mails(self) -> dict[Scope, Mail]:
        """Return all that was said, as mail: for a lane that begins, too."""
        out: dict[Scope, Mail] = {}
        for number, (toxicity, is_emergency) in self.held.items():
            record = ffi.new("hp_signal_t *")
            record.instrument, record.toxicity_permille = number, toxicity
            record.is_emergency = is_emergency
            data = bytes(ffi.buffer(record))
            out[lib.HP_MAIL_SIGNAL, number, 0] = Mail(lib.HP_MAIL_SIGNAL, number, data)
        return out

    def shown(self, symbols: dict[str, int]) -> list[dict[str, Any]]:
        """Return what holds and is not the usual state, as rows for people and machines."""
        by_number = {number: symbol for symbol, number in symbols.items()}
        return [
            {"symbol": by_number.get(number), "toxicity": toxicity, "emergency": is_emergency}
            for number, (toxicity, is_emergency) in sorted(self.held.items())
            if toxicity or is_emergency
        ]
