"""Watch a host: report drift within two polls, name who did it, cost next to nothing.

Owns:    what is read again and how often, two samples before a word, flapping, own cost.
Refuses: repairing.

A first full look notes which addresses each knob was judged by.  A poll reads those again and
compares texts; only a knob whose text changed is judged anew.  Lists of threads and sockets are
dear: they are read as often as half of the allowed cost pays for, at least at every tenth poll.
Where the kernel names the writer (writers.py), the event says so.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuning import check, probes
from tuning.codecs import CODECS
from tuning.context import Context
from tuning.host import Host
from tuning.model import WRONG, Finding, Knob, Settable, Sight, State
from tuning.writers import Notices, Writer, suspects

RARE_EVERY_MAX = 10  # polls between two looks at what is dear to read
FLAP_SECONDS = 600.0
CPU_SHARE_MAX = 0.001  # of one core
INTERVAL_S_MAX = 300.0
RARE = ("tasks:", "socket:", "epoll:", "unit:", "can:", "/proc/self/", "/sys/kernel/tracing/")
FIXED = (
    "/proc/cpuinfo",
    "/proc/cmdline",
    "/proc/config.gz",
    "/proc/interrupts",
    "/proc/meminfo",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/version",
    "/sys/class/dmi/",
    "/boot/",
    "clock:",
    "msr:",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that the watch has to say."""

    kind: str  # drift, restored, changed, conflict, slowed
    knob: str
    target: str
    was: str
    found: str
    want: str
    suspects: tuple[str, ...] = ()
    certain: bool = False
    at: float = field(default_factory=time.time)

    def line(self) -> str:
        """Return the event as one log line."""
        by = ",".join(self.suspects) or "unknown"
        sure = "" if not self.suspects else " certain" if self.certain else " suspected"
        target = f" target={self.target!r}" if self.target else ""
        return (
            f"baseline.{self.kind} knob={self.knob}{target} found={self.found!r} was={self.was!r} "
            f"want={self.want!r} by={by}{sure}"
        )

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


class Tap:
    """A host that notes which addresses are read."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.kind = host.kind
        self.read_ones: dict[str, str | None] = {}

    def read(self, address: str) -> str:
        self.read_ones[address] = None
        text = self.host.read(address)
        self.read_ones[address] = text
        return text

    def write(self, address: str, text: str) -> None:
        raise PermissionError("the watch changes nothing")

    def list(self, directory: str) -> list[str]:
        return self.host.list(directory)

    def link(self, path: str) -> str:
        return self.host.link(path)

    def pause(self, seconds: float) -> float:
        return 0.0


class Watch:
    """Polls one host.  Use run(), or poll() from a loop of your own; then close()."""

    def __init__(
        self, context: Context, knobs: Sequence[Knob], *, interval_s: float = 30.0
    ) -> None:
        probes.load()
        self.tap = Tap(context.host)
        self.context = dataclasses.replace(context, host=self.tap, brief=True).fresh()
        self.interval_s = interval_s
        self.knobs = [k for k in knobs if k.watch and k.probe not in probes.SAMPLERS]
        self.findings: dict[str, Finding] = {}
        self.texts: dict[str, dict[str, str | None]] = {}
        self.drifted = 0
        self._doubtful: dict[str, Finding] = {}
        self._drifts: dict[str, list[float]] = {}
        self._written: dict[str, Writer] = {}
        self._polls = 0
        self._rare_at = 0  # the poll that last read what is dear
        self._rare_cpu_s = 0.0  # and what that poll cost
        for knob in self.knobs:
            self._look(knob)
        self.notices = Notices(self._settable()) if context.host.kind == "live" else Notices(())
        self._started, self._cpu = time.monotonic(), time.process_time()

    def _look(self, knob: Knob) -> None:
        self.tap.read_ones = {}
        self.findings[knob.id] = check.examine(self.context, knob)
        self.texts[knob.id] = {
            a: t for a, t in self.tap.read_ones.items() if not a.startswith(FIXED)
        }

    def _settable(self) -> set[str]:
        """Return the files that a knob's writes would go to."""
        return {
            sight.address
            for finding in self.findings.values()
            if finding.knob.settable in (Settable.RSW, Settable.RW)
            for sight in finding.sights
            if sight.address.startswith("/")
        }

    def describe(self) -> str:
        """Say what is watched and whether writers can be named."""
        addresses = {address for texts in self.texts.values() for address in texts}
        named = f"writers named for {self.notices.marked} files" if self.notices.marked else ""
        parts = (
            f"{len(self.knobs)} knobs",
            f"{len(addresses)} addresses",
            named or self.notices.reason,
        )
        return f"every {self.interval_s:g} s: {', '.join(part for part in parts if part)}"

    def run(self, *, polls: int = 0) -> Iterator[Event]:
        """Wait and poll for ever, or so many times; yield events as they are sure."""
        while not polls or self._polls < polls:
            self._note(self.notices.wait(self.interval_s))
            yield from self.poll()
            share = self.cpu_share()
            if share > CPU_SHARE_MAX and self._polls >= 3 and self.interval_s < INTERVAL_S_MAX:
                self.interval_s = min(2 * self.interval_s, INTERVAL_S_MAX)
                found = f"{100 * share:.2f} % of a core"
                yield Event("slowed", "", "", "", found, f"<= {100 * CPU_SHARE_MAX:g} %")

    def _note(self, writes: list[Writer]) -> None:
        for write in writes:
            self._written[write.address] = write

    def poll(self) -> list[Event]:
        """Read again, judge what changed, and return what is sure by now."""
        self._note(self.notices.wait(0))
        self._polls += 1
        started, rare = time.process_time(), self._polls - self._rare_at >= self._rare_every()
        self.context = self.context.fresh()
        seen: dict[str, str | None] = {}
        out: list[Event] = []
        for knob in self.knobs:
            changed = [a for a in self.texts[knob.id] if self._differs(knob, a, rare, seen)]
            if changed or knob.id in self._doubtful:
                out += self._judge_again(knob)
        self._written = {}
        if rare:
            self._rare_at, self._rare_cpu_s = self._polls, time.process_time() - started
        return out

    def _rare_every(self) -> int:
        """Return the polls from one dear look to the next."""
        allowed_s = CPU_SHARE_MAX / 2 * self.interval_s
        return min(RARE_EVERY_MAX, max(1, math.ceil(self._rare_cpu_s / allowed_s)))

    def _differs(self, knob: Knob, address: str, rare: bool, seen: dict[str, str | None]) -> bool:
        if address.startswith(RARE) and not rare:
            return False
        if address not in seen:
            try:
                seen[address] = self.tap.host.read(address)
            except OSError:
                seen[address] = None
        return seen[address] != self.texts[knob.id][address]

    def _judge_again(self, knob: Knob) -> list[Event]:
        """Compare a knob with what it was; say so once two looks agree or its writer was seen."""
        before = self.findings[knob.id]
        self._look(knob)
        now = self.findings[knob.id]
        if _same(before, now):
            self._doubtful.pop(knob.id, None)
            return []
        writes = [
            self._written[sight.address] for sight in now.sights if sight.address in self._written
        ]
        doubted = self._doubtful.get(knob.id)
        if not writes and (doubted is None or not _same(doubted, now)):
            self._doubtful[knob.id] = now
            self.findings[knob.id] = before  # not believed yet
            return []
        self._doubtful.pop(knob.id, None)
        return [self._event(before, now, writes)]

    def _event(self, before: Finding, now: Finding, writes: list[Writer]) -> Event:
        knob = now.knob
        kind = "changed"
        if now.state in WRONG:
            kind = "drift"
            self.drifted += 1
            moment = time.monotonic()
            recent = [t for t in self._drifts.get(knob.id, []) if moment - t < FLAP_SECONDS]
            self._drifts[knob.id] = [*recent, moment]
            if recent:
                kind = "conflict"
                self.findings[knob.id] = dataclasses.replace(now, state=State.CONFLICT)
        elif before.state in WRONG and now.state is State.OK:
            kind = "restored"
        names = tuple(dict.fromkeys(str(write) for write in writes))
        old, new = _difference(before, now)
        return Event(
            kind,
            knob.id,
            new.target,
            old.shown if old else "",
            new.shown or str(now.state),  # a process that ended shows nothing any more
            new.expected,
            names or tuple(suspects(self.context.facts, knob)),
            bool(names),
        )

    def cpu_share(self) -> float:
        """Return the share of one core that watching took so far, the first full look left out."""
        elapsed = time.monotonic() - self._started
        return (time.process_time() - self._cpu) / elapsed if elapsed > 0 else 0.0

    def cost(self) -> str:
        used = 1000 * (time.process_time() - self._cpu)
        per_poll = used / self._polls if self._polls else 0.0
        share = 100 * self.cpu_share()
        return f"polls={self._polls} cpu_ms_per_poll={per_poll:.2f} share_of_core={share:.3f}%"

    def close(self) -> None:
        self.notices.close()


def _mark(sight: Sight) -> tuple[str, str]:
    """Return what makes two sights of one target the same."""
    if sight.address and sight.raw:
        return sight.target, CODECS[sight.codec].canonical(sight.raw)
    return sight.target, sight.shown


def _same(one: Finding, other: Finding) -> bool:
    if (one.state in WRONG) != (other.state in WRONG):
        return False
    return [_mark(s) for s in one.sights] == [_mark(s) for s in other.sights]


def _difference(before: Finding, now: Finding) -> tuple[Sight | None, Sight]:
    """Return the first sight that changed, as it was and as it is."""
    old = {sight.target: sight for sight in before.sights}
    for sight in now.sights:
        earlier = old.get(sight.target)
        if earlier is None or _mark(earlier) != _mark(sight):
            return earlier, sight
    return before.sights[0], now.sights[0]
