"""Rate limits: request weight per address, orders per account, the ban that follows.

Owns:    the windows (aligned to the clock, as the venue's), counts, 429 and 418.
Refuses: knowing what a request weighs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from venues.simulator.usdm.errors import VenueError

MINUTE_MS = 60_000
BAN_MS = 120_000
WARNINGS = 10  # refused requests in one window before the address is banned


@dataclass(slots=True, frozen=True)
class Limits:
    """How much is allowed; 0 means no limit."""

    weight_1m: int = 2_400
    orders_10s: int = 300
    orders_1m: int = 1_200


class Window:
    """A count in the current aligned window."""

    __slots__ = ("count", "length_ms", "start_ms")

    def __init__(self, length_ms: int) -> None:
        self.length_ms = length_ms
        self.start_ms = 0
        self.count = 0

    def at(self, now_ms: int) -> int:
        start = now_ms - now_ms % self.length_ms
        if start != self.start_ms:
            self.start_ms, self.count = start, 0
        return self.count

    def left_s(self, now_ms: int) -> int:
        return 1 + (self.start_ms + self.length_ms - now_ms) // 1_000


class Quota:
    """Counts of all addresses and accounts."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.weights: dict[str, Window] = {}
        self.warned: dict[str, int] = {}
        self.banned_until: dict[str, int] = {}
        self.orders: dict[int, tuple[Window, Window]] = {}

    def weight(self, address: str, now_ms: int) -> Window:
        window = self.weights.get(address)
        if window is None:
            window = self.weights[address] = Window(MINUTE_MS)
        if not window.at(now_ms):
            self.warned[address] = 0
        return window

    def spend(self, address: str, weight: int, now_ms: int) -> int:
        """Count a request and give the weight used in this minute, or raise 429 or 418."""
        until = self.banned_until.get(address, 0)
        if now_ms < until:
            raise self._banned(address, until, now_ms)
        window = self.weight(address, now_ms)
        limit = self.limits.weight_1m
        if limit and window.count + weight > limit:
            self.warned[address] += 1
            if self.warned[address] > WARNINGS:
                self.banned_until[address] = until = now_ms + BAN_MS
                raise self._banned(address, until, now_ms)
            raise VenueError(
                -1003,
                f"Too many requests; current limit of IP({address}) is {limit} requests per "
                "minute. Please use the websocket for live updates to avoid polling the API.",
                429,
                window.left_s(now_ms),
            )
        window.count += weight
        return window.count

    @staticmethod
    def _banned(address: str, until: int, now_ms: int) -> VenueError:
        return VenueError(
            -1003,
            f"Way too many requests; IP({address}) banned until {until}. Please use the "
            "websocket for live updates to avoid bans.",
            418,
            1 + (until - now_ms) // 1_000,
        )

    def order_windows(self, owner: int, now_ms: int) -> tuple[Window, Window]:
        windows = self.orders.get(owner)
        if windows is None:
            windows = self.orders[owner] = (Window(10_000), Window(MINUTE_MS))
        for window in windows:
            window.at(now_ms)
        return windows

    def spend_order(self, owner: int, now_ms: int) -> tuple[int, int]:
        """Count an order and give both counts, or raise -1015."""
        windows = self.order_windows(owner, now_ms)
        limits = (self.limits.orders_10s, self.limits.orders_1m)
        for window, limit, text in zip(windows, limits, ("10 SECOND", "1 MINUTE"), strict=True):
            if limit and window.count >= limit:
                raise VenueError(
                    -1015,
                    f"Too many new orders; current limit is {limit} orders per {text}.",
                    429,
                    window.left_s(now_ms),
                )
        for window in windows:
            window.count += 1
        return windows[0].count, windows[1].count

    def weight_report(self, address: str, now_ms: int) -> list[dict[str, Any]]:
        """The rateLimits array of a WebSocket answer."""
        count = self.weight(address, now_ms).count
        return [_limit("REQUEST_WEIGHT", "MINUTE", 1, self.limits.weight_1m, count)]

    def order_report(self, owner: int, now_ms: int) -> list[dict[str, Any]]:
        short, long = self.order_windows(owner, now_ms)
        return [
            _limit("ORDERS", "SECOND", 10, self.limits.orders_10s, short.count),
            _limit("ORDERS", "MINUTE", 1, self.limits.orders_1m, long.count),
        ]

    def rules(self) -> list[dict[str, Any]]:
        """The rateLimits array of exchangeInfo."""
        report = [
            _limit("REQUEST_WEIGHT", "MINUTE", 1, self.limits.weight_1m, 0),
            _limit("ORDERS", "MINUTE", 1, self.limits.orders_1m, 0),
            _limit("ORDERS", "SECOND", 10, self.limits.orders_10s, 0),
        ]
        for rule in report:
            del rule["count"]
        return report


UNLIMITED = 1_000_000_000  # what is shown where there is no limit


def _limit(kind: str, interval: str, number: int, limit: int, count: int) -> dict[str, Any]:
    return {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": number,
        "limit": limit or UNLIMITED,
        "count": count,
    }
