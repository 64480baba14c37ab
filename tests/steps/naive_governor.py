"""The governor, obviously right: everything that was sent is kept and added up anew each time."""

from __future__ import annotations

from dataclasses import dataclass, field

SECOND = 10**9
OPEN_NS = 10 * SECOND


@dataclass
class Sent:
    at: int
    cost: int
    request: int  # 0: nobody will answer it
    is_open: bool


@dataclass
class Window:
    """One window; times are CLOCK_MONOTONIC, UTC is that and `ahead`."""

    length: int
    slack: int
    is_shared: bool  # weight: what others used is taken along
    ahead: int = 0
    number: int = 0
    limit: int = 0
    base: int = 0  # figure, or what was taken along
    base_at: int = 0  # order of events
    told: int = -1
    told_ns: int = 0
    ours: int = 0
    sent: list[Sent] = field(default_factory=list)

    def used(self) -> int:
        return self.base + sum(one.cost for one in self.sent[self.base_at :])

    def loose(self, since: int | None, now: int) -> int:
        return sum(
            one.cost
            for one in self.sent
            if (since is not None and one.at >= since) or (one.is_open and now - one.at < OPEN_NS)
        )

    def send(self, cost: int, request: int, now: int) -> None:
        self.sent.append(Sent(now, cost, request, request != 0))
        self.ours += cost

    def answer(self, request: int) -> None:
        for one in self.sent:
            if one.request == request:
                one.is_open = False

    def begin(self, number: int, now: int) -> None:
        others = max(0, self.used() - self.ours) if self.is_shared and self.told >= 0 else 0
        self.ours = self.loose(number * self.length - self.ahead - self.slack, now)
        self.number, self.told = number, -1
        self.base, self.base_at = self.ours + others, len(self.sent)

    def turn(self, ahead: int, now: int) -> None:
        self.ahead = ahead
        number = (now + ahead - self.slack) // self.length
        if number > self.number:
            self.begin(number, now)

    def figure(self, used: int, asked: int, now: int) -> None:
        end = (self.number + 1) * self.length - self.ahead
        if used < self.told and now >= end - self.slack:
            self.begin(self.number + 1, now)
        total = used + self.loose(asked or None, now)
        if asked and asked < self.told_ns and total < self.used():
            return
        self.base, self.base_at = total, len(self.sent)
        self.told, self.told_ns = used, now
