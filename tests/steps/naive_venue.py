"""One order at a venue that is obviously right, and the words that leave it: the oracle of states.

The venue knows one truth.  Its words may be delivered in any order, twice, or (answers) never; when
all that can be told has been told, an order's record must say the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MS = 1_000_000
DEADLINE_NS = 10_000 * MS  # of the order; of a replace: its number x this
LAG_NS = 500 * MS


@dataclass
class NaiveVenue:
    """The truth about one order, and what was said of it."""

    lots: int
    price: int
    start: str  # accepted | refused | lost
    now_ms: int = 1_000
    filled: int = 0
    state: str = "NONE"
    trades: int = 0
    words: list[dict] = field(default_factory=list)  # told, but perhaps not heard yet

    def arrive(self) -> None:
        """The order reaches the venue, or does not."""
        if self.start == "accepted":
            self.state = "LIVE"
            self.say("ACK")
            self.say("ACK", request=1)
        elif self.start == "refused":
            self.state = "REJECTED"
            self.say("REJECT", request=1, lots=0)

    @property
    def is_open(self) -> bool:
        return self.state in ("LIVE", "PARTIAL")

    def say(self, kind: str, **more: object) -> None:
        word = {
            "kind": kind,
            "lots": self.lots,
            "price_ticks": self.price,
            "cum_lots": self.filled,
            "match_ns": self.now_ms * MS,
        }
        self.words.append(word | more)

    def pass_ms(self, ms: int) -> None:
        self.now_ms += ms

    def fill(self, lots: int) -> None:
        lots = min(lots, self.lots - self.filled)
        if not self.is_open or lots <= 0:
            return
        self.filled += lots
        self.trades += 1
        self.state = "FILLED" if self.filled == self.lots else "PARTIAL"
        self.say("FILL", last_lots=lots, trade_id=self.trades, state=self.state)

    def end(self, state: str) -> None:
        if self.is_open:
            self.state = state
            self.say(state)

    def replace(self, request_id: int, price: int, lots: int, is_heard: bool) -> None:
        """Take a change as it arrives; `is_heard`: its answer will reach us."""
        answer = {"request": 5, "request_id": request_id}
        if not self.is_open or (price, lots) == (self.price, self.lots):
            if is_heard:
                self.say("CANCEL_REJECT", lots=0, cum_lots=0, **answer)
        elif lots <= self.filled:
            self.end("CANCELED")
            if is_heard:
                self.say("CANCELED", **answer)
        else:
            self.price, self.lots = price, lots
            self.say("REPLACED", state=self.state)
            if is_heard:
                self.say("REPLACED", state=self.state, **answer)

    def answer_status(self, recv_ns: int) -> None:
        """Answer an inquiry: what it finds now, heard at `recv_ns`."""
        if self.state in ("NONE", "REJECTED"):
            self.words.append({"kind": "NOT_FOUND", "recv_ns": recv_ns, "request": 3})
        else:
            self.say("STATUS", state=self.state, recv_ns=recv_ns, request=3)
