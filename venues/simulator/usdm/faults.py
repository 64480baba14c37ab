"""Misbehaviour on demand.

Owns:    which faults are armed, for what, how often; their list with one line each.
Refuses: carrying them out: each stands where the honest code would have acted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DELAY_MS = 100  # where a fault does not say how long

# kind -> what it does; `count` is how many times (default 1), `ms` how long
ARMED: dict[str, str] = {
    "drop_depth": "lose the next count depth events of symbol: a sequence gap",
    "duplicate_depth": "send the next count depth events of symbol twice",
    "reorder_depth": "send the next depth event of symbol after the one that follows it",
    "drop_trade": "lose the next count aggTrade events of symbol: a hole in their numbers",
    "drop_answer": "take the next count order requests and never answer them",
    "delay_answer": "answer the next count order requests ms later",
    "timeout_answer": "take the next count order requests and answer -1007",
    "late_request": "hold the next count order requests ms long before they are matched",
    "refuse_order": "answer the next count order requests with code and message, not taken",
    "throttle": "answer the next count order requests with -1008, not taken",
    "expire_post_only": "take the next count post-only orders that would take, then expire them",
    "rest_status": "answer the next count REST requests (path) with HTTP status, retry_after (s)",
    "slow_rest": "answer the next count REST requests (path) ms later",
    "old_snapshot": "answer the next count depth requests of symbol with the book as it was armed",
}
AT_ONCE: dict[str, str] = {
    "disarm": "forget what is armed of fault (a kind), whatever was left of its count",
    "close_socket": "close all sockets of group (public market private ws-api all); code, or abort",
    "half_open": "sockets of group stay open and send nothing more",
    "silence_stream": "send nothing on stream for ms",
    "drop_stream": "forget who listens to stream: it is silent until it is subscribed anew",
    "expire_listen_key": "all listen keys expire now",
    "pause": "symbol takes no new orders",
    "resume": "symbol takes new orders again",
    "clock_skew": "the venue's clock is ms ahead",
    "funding": "funding is settled now, at rate_e8 of each position's mark (above 0: longs pay)",
    "withdraw": "percent of the first account's wallet is gone",
}


@dataclass(slots=True)
class Fault:
    """One armed fault; an empty symbol means any."""

    kind: str
    symbol: str
    count: int
    details: dict[str, Any]


class Faults:
    """Armed faults, oldest first."""

    def __init__(self) -> None:
        self.armed: list[Fault] = []
        self.done: dict[str, int] = {}

    def arm(self, kind: str, symbol: str, count: int, details: dict[str, Any]) -> None:
        self.armed.append(Fault(kind, symbol, count, details))

    def disarm(self, kind: str) -> int:
        """Forget what is armed of a kind; return how many faults that were."""
        kept = [fault for fault in self.armed if fault.kind != kind]
        gone, self.armed = len(self.armed) - len(kept), kept
        return gone

    def note(self, kind: str) -> None:
        self.done[kind] = self.done.get(kind, 0) + 1

    def take(self, kind: str, symbol: str = "", path: str = "") -> Fault | None:
        """Use up one occurrence of a fault that is armed for this symbol (and part of a path)."""
        for fault in self.armed:
            if fault.kind != kind or fault.details.get("path", "") not in path:
                continue
            if fault.symbol in ("", symbol):
                fault.count -= 1
                if fault.count <= 0:
                    self.armed.remove(fault)
                self.note(kind)
                return fault
        return None
