"""Cancel everything of the scope at the venue, and ask it until nothing is left.

Owns:    whose orders are meant, which requests that takes, when the list counts as empty.
Refuses: sockets (sentinel/wire.py), words for lanes, deciding when.

scope `ours`: orders whose client id this deployment wrote.  scope `all`: every order of the
account, by the venue's own cancel-all as well.  With `epoch_max` (the leader lease is lost) only
ours of that epoch or older are touched, whatever the scope: younger ones are another leader's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from runtime.sentinel.wire import Call, Reply, Wire
from venues.binance.usdm import rescue
from venues.binance.usdm.rescue import Ask, OpenOrder

PAUSE_S = 0.01  # between two rounds that changed nothing
PAUSE_S_MAX = 1.0
NEARLY_USED_PERCENT = 90  # of the address's weight: routine questions then wait
REFUSED_S = 60  # where a refusal does not say how long


def nothing() -> None:
    pass


class Venue:
    """The wire in the venue's words: signed, counted, with the clock that the venue accepts."""

    def __init__(
        self,
        wire: Wire,
        sign: Callable[[str], str],
        weight_per_minute: int,
        weight_limit: int = 0,
    ) -> None:
        """weight_limit: what the venue allows our address a minute; 0 = not known."""
        self.wire = wire
        self.sign = sign
        self.rate = weight_per_minute / 60  # of its own budget
        self.tokens = self.room = float(weight_per_minute)
        self.filled_s = time.monotonic()
        self.ahead_ms = 0
        self.spent = self.overdrafts = self.refusals = 0
        self.used_weight = 0  # by the venue's own count, of everybody at our address
        self.used_minute = 0  # in which it said so
        self.weight_limit = weight_limit
        self.refused_until_s = 0.0  # 429, 418: CLOCK_MONOTONIC
        self.heard_ns = 0
        self.last_error = ""

    def refill(self) -> float:
        now = time.monotonic()
        self.tokens = min(self.room, self.tokens + (now - self.filled_s) * self.rate)
        self.filled_s = now
        return self.tokens

    def may(self, ask: Ask) -> bool:
        """Say whether a routine question may be asked: most of the budget is for emergencies.

        Not while the venue refuses, nor when our address has used most of this minute's weight.
        """
        if time.monotonic() < self.refused_until_s or self.is_nearly_used():
            return False
        return self.refill() - ask.weight >= 0.6 * self.room

    def is_nearly_used(self) -> bool:
        is_now = self.used_minute == int(time.time() // 60)
        most = self.weight_limit * NEARLY_USED_PERCENT
        return is_now and 0 < most <= self.used_weight * 100

    def heed(self, reply: Reply) -> None:
        """Take what an answer says of the quota."""
        used = reply.headers.get(rescue.WEIGHT_HEADER, "")
        if used.isdigit():
            self.used_weight, self.used_minute = int(used), int(time.time() // 60)
        if reply.status in (418, 429):
            retry = reply.headers.get("retry-after", "")
            seconds = int(retry) if retry.isdigit() else REFUSED_S
            self.refused_until_s = max(self.refused_until_s, time.monotonic() + seconds)

    def ask(
        self, ask: Ask, done: Callable[[Reply | None], None], urgent: bool = False, tries: int = 3
    ) -> None:
        """Send a request; `done` gets the answer of status 200, None for anything else."""
        self.refill()
        self.tokens -= ask.weight
        self.spent += ask.weight
        self.overdrafts += self.tokens < 0

        def answered(reply: Reply | None) -> None:
            if reply is None:
                self.last_error = self.wire.last_error
                done(None)
                return
            self.heard_ns = time.monotonic_ns()
            self.heed(reply)
            if reply.status != 200:
                self.refusals += 1
                self.last_error = f"{ask.method} {ask.path} {reply.status} {reply.body[:120]!r}"
                if rescue.error_code(reply.body) == rescue.OFF_TIME:
                    self.correct_clock()
                done(None)
                return
            done(reply)

        self.wire.submit(
            Call(ask.method, lambda: rescue.text(ask, self.sign, self.ahead_ms), answered, tries),
            urgent,
        )

    def correct_clock(self) -> None:
        """The venue refuses our time stamps: sign by its clock from now on."""
        asked = time.time_ns()

        def heard(reply: Reply | None) -> None:
            if reply is not None:
                middle = (asked + time.time_ns()) // 2
                self.ahead_ms = rescue.read_time_ms(reply.body) - middle // 1_000_000

        self.ask(rescue.server_time(), heard, urgent=True)


@dataclass
class Sweep:
    """One emergency: from the first request to the venue's word that nothing is open."""

    venue: Venue
    symbols: list[str]
    prefix: str
    scope: str  # ours | all
    epoch_max: int = 0  # 0 = no bound
    cancelled: int = 0  # orders that were open when it first asked
    left: int = -1  # at the last question; -1 = not asked yet
    rounds: int = 0
    answered_ns: int = 0  # of the last list
    open: list[OpenOrder] = field(default_factory=list)
    sent: Callable[[], None] = nothing  # called once, when the first requests have left

    @property
    def is_blunt(self) -> bool:
        """Say whether the venue's own cancel-all may be used."""
        return self.scope == "all" and not self.epoch_max

    def means(self, order: OpenOrder) -> bool:
        if self.is_blunt:
            return True
        epoch = rescue.epoch(self.prefix, order.client_text)
        return epoch > 0 and (not self.epoch_max or epoch <= self.epoch_max)

    def run(self, seconds: float, beat: Callable[[], None]) -> bool:
        """Cancel and ask until the venue says that nothing is open; False: the time is over."""
        until, pause = time.monotonic() + seconds, PAUSE_S
        asks = [rescue.cancel_all(symbol) for symbol in self.symbols] if self.is_blunt else []
        while True:
            first = self.rounds == 0
            if asks and not first:
                self.exchange(asks, until, beat)
                asks = []
            listed = self.exchange([*asks, rescue.open_orders()][::-1], until, beat)[0]
            self.rounds += 1
            if listed is not None:
                before = self.left
                self.open = [o for o in rescue.read_orders(listed.body) if self.means(o)]
                self.left, self.answered_ns = len(self.open), time.monotonic_ns()
                if first or before < 0:
                    self.cancelled = self.left
                if self.left == 0:
                    return True
                pause = PAUSE_S if self.left < before or before < 0 else min(2 * pause, PAUSE_S_MAX)
            else:
                pause = min(2 * pause, PAUSE_S_MAX)
            if time.monotonic() > until or self.venue.wire.is_gone:
                return False
            if first and self.is_blunt:
                asks = []  # everything was asked for beside the first list: look again
                continue
            if not first:
                self.wait(pause, beat)
            asks = self.cancels()

    def cancels(self) -> list[Ask]:
        if self.is_blunt:
            return [rescue.cancel_all(s) for s in sorted({o.symbol for o in self.open})]
        return rescue.cancel_batches(self.open)

    def wait(self, seconds: float, beat: Callable[[], None]) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.venue.wire.pump(min(left, 0.05))
            beat()

    def exchange(
        self, asks: list[Ask], until: float, beat: Callable[[], None]
    ) -> list[Reply | None]:
        """Send requests side by side and wait for all answers, or for the time to be over."""
        out: list[Reply | None] = [None] * len(asks)
        missing = set(range(len(asks)))

        def done(n: int) -> Callable[[Reply | None], None]:
            def answered(reply: Reply | None) -> None:
                out[n] = reply
                missing.discard(n)

            return answered

        for n in range(len(asks) - 1, -1, -1):  # urgent ones are put in front of each other
            self.venue.ask(asks[n], done(n), urgent=True)
        self.venue.wire.step(time.monotonic())
        self.sent()  # the first requests are on their way
        self.sent = nothing
        while missing and time.monotonic() < until and not self.venue.wire.is_gone:
            self.venue.wire.pump(0.05)
            beat()
        return out
