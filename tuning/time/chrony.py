"""Ask chronyd what it does, through `chronyc -c`.

Owns:    one reading of tracking, sources, sourcestats, ntpdata and selectdata (ChronyFacts).
Refuses: changing chronyd, verdicts (judge_chrony.py).  A line that does not have the wanted form
         is reported in `missing`, never half read.

chronyc is the interface that chrony keeps stable; its wire protocol is not.  Times come as decimal
text and are kept as whole nanoseconds.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TypeVar

TIMEOUT_S = 3.0
NEVER_S = 4294967295  # last_rx of a source that never answered
COMMANDS = ("tracking", "sources", "sourcestats", "ntpdata", "selectdata")

T = TypeVar("T")


@dataclass(frozen=True)
class Tracking:
    reference_id: str
    name: str
    stratum: int
    reference_time_ns: int
    system_time_ns: int  # + = the system clock is slow
    last_offset_ns: int
    rms_offset_ns: int
    frequency_ppm: float
    residual_ppm: float
    skew_ppm: float
    root_delay_ns: int
    root_dispersion_ns: int
    update_interval_s: float
    leap: str

    @property
    def bound_ns(self) -> int:
        """Return the greatest distance of the system clock from the reference."""
        return abs(self.system_time_ns) + self.uncertainty_ns

    @property
    def uncertainty_ns(self) -> int:
        return self.root_dispersion_ns + self.root_delay_ns // 2


@dataclass(frozen=True)
class Source:
    mode: str  # ^ server, = peer, # reference clock
    state: str  # * selected, + combined, - not combined, ? unusable, x false, ~ variable
    name: str
    stratum: int
    poll: int  # log2 seconds
    reach: int  # one bit per poll, the newest lowest
    last_rx_s: int | None
    offset_ns: int
    measured_ns: int
    error_ns: int


@dataclass(frozen=True)
class SourceStats:
    name: str
    points: int
    runs: int
    span_s: int
    frequency_ppm: float
    skew_ppm: float
    offset_ns: int
    deviation_ns: int


@dataclass(frozen=True)
class NtpData:
    name: str
    leap: str
    stratum: int
    root_delay_ns: int
    root_dispersion_ns: int
    reference_id: str
    offset_ns: int
    peer_delay_ns: int
    interleaved: bool
    authenticated: bool
    tx_stamping: str  # Daemon, Kernel, Hardware
    rx_stamping: str


@dataclass(frozen=True)
class Selection:
    name: str
    state: str
    score: float
    low_ns: int
    high_ns: int


@dataclass(frozen=True)
class ChronyFacts:
    """One reading.  `missing` says, by command, why something is not known."""

    tracking: Tracking | None = None
    sources: tuple[Source, ...] = ()
    stats: tuple[SourceStats, ...] = ()
    ntpdata: tuple[NtpData, ...] = ()
    selection: tuple[Selection, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)
    taken_ns: int = 0  # CLOCK_REALTIME
    taken_monotonic_ns: int = 0

    @property
    def selected(self) -> Source | None:
        return next((source for source in self.sources if source.state == "*"), None)


def ns(text: str) -> int:
    """Return the nanoseconds of a decimal text in seconds."""
    return int(Decimal(text).scaleb(9))


def tracking(cells: Sequence[str]) -> Tracking:
    (reference, name, stratum, at, system, last, rms, freq, residual, skew, delay, dispersion,
     interval, leap) = cells  # fmt: skip
    return Tracking(
        reference, name, int(stratum), ns(at), ns(system), ns(last), ns(rms), float(freq),
        float(residual), float(skew), ns(delay), ns(dispersion), float(interval), leap,
    )  # fmt: skip


def source(cells: Sequence[str]) -> Source:
    mode, state, name, stratum, poll, reach, last, offset, measured, error = cells
    return Source(
        mode, state, name, int(stratum), int(poll), int(reach, 8),
        None if int(last) == NEVER_S else int(last), ns(offset), ns(measured), ns(error),
    )  # fmt: skip


def source_stats(cells: Sequence[str]) -> SourceStats:
    name, points, runs, span, freq, skew, offset, deviation = cells
    return SourceStats(
        name, int(points), int(runs), int(span), float(freq), float(skew), ns(offset), ns(deviation)
    )


def ntp_data(cells: Sequence[str]) -> NtpData:
    """Later versions append counters; what is read here has kept its place since 3.0."""
    return NtpData(
        name=cells[0], leap=cells[5], stratum=int(cells[8]), root_delay_ns=ns(cells[13]),
        root_dispersion_ns=ns(cells[14]), reference_id=cells[15], offset_ns=ns(cells[18]),
        peer_delay_ns=ns(cells[19]), interleaved=cells[26] == "Yes",
        authenticated=cells[27] == "Yes", tx_stamping=cells[28], rx_stamping=cells[29],
    )  # fmt: skip


def selection(cells: Sequence[str]) -> Selection:
    """Option columns in the middle grew with the versions; the last five have kept their place."""
    score, low, high = cells[-4:-1]
    return Selection(cells[1], cells[0], float(score), ns(low), ns(high))


def parse(text: str, reader: Callable[[Sequence[str]], T]) -> tuple[T, ...]:
    """Read all lines of one answer.  ValueError names the line that is not as wanted."""
    out = []
    for line in text.splitlines():
        try:
            out.append(reader(line.split(",")))
        except (ValueError, IndexError, InvalidOperation) as error:
            raise ValueError(f"chronyc answered {line!r}: {error}") from error
    return tuple(out)


class Chronyc:
    """The command-line client, asked for comma-separated answers."""

    def __init__(self, socket: str | None = None, binary: str = "chronyc") -> None:
        self.binary = binary
        self.where = ["-h", socket] if socket else []

    def ask(self, command: str) -> str:
        """Return the answer.  Raises ValueError with the reason."""
        path = shutil.which(self.binary)
        if path is None:
            raise ValueError(f"{self.binary} is not installed")
        try:
            done = subprocess.run(
                [path, "-c", "-n", *self.where, command],
                capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ValueError(f"chronyc {command} gave no answer in {TIMEOUT_S} s") from error
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from error
        if done.returncode:
            raise ValueError((done.stdout + done.stderr).strip() or f"exit {done.returncode}")
        return done.stdout

    def facts(self) -> ChronyFacts:
        """Take one reading; what could not be had is named in `missing`."""
        missing: dict[str, str] = {}

        def get(command: str, reader: Callable[[Sequence[str]], T]) -> tuple[T, ...]:
            if "tracking" in missing:  # nobody there: do not wait for each answer
                return ()
            try:
                return parse(self.ask(command), reader)
            except ValueError as error:
                missing[command] = str(error)
                return ()

        found = get("tracking", tracking)
        taken, taken_monotonic = time.time_ns(), time.monotonic_ns()
        return ChronyFacts(
            tracking=found[0] if found else None,
            sources=get("sources", source),
            stats=get("sourcestats", source_stats),
            ntpdata=get("ntpdata", ntp_data),
            selection=get("selectdata", selection),
            missing=missing,
            taken_ns=taken,
            taken_monotonic_ns=taken_monotonic,
        )
