"""Verify by effect: what a setting was for, seen to happen.

Owns:    four proofs: interrupts arrive where they should, a spinning core has no tick, large pages
         can be used, a pinned thread is on its core.
Refuses: trusting what reads back; and disturbing lanes: nothing spins on a core that a lane uses.
"""

from __future__ import annotations

import errno
import mmap
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from tuning import cpus
from tuning.context import Context
from tuning.host import peek
from tuning.model import Finding, State
from tuning.probes.irq import lines

MAP_HUGETLB = 0x40000
TICKS_PER_SECOND_MAX = 2.0
MOVE_SECONDS = 0.2
SPIN_SECONDS = 1.0
SPIN = (
    "import os,sys,time\n"
    "os.sched_setaffinity(0,{int(sys.argv[1])})\n"
    "print('on',flush=True)\n"
    "end=time.monotonic()+float(sys.argv[2])\n"
    "while time.monotonic()<end: pass\n"
)


FIFO_SPIN = (
    "import os,signal,sys,time\n"
    "os.sched_setaffinity(0,{int(sys.argv[1])})\n"
    "me=os.getpid(); rival=os.fork()\n"
    "while not rival and os.getppid()==me: pass\n"
    "rival or os._exit(0)\n"
    "os.sched_setscheduler(0,os.SCHED_FIFO,os.sched_param(1))\n"
    "now=time.monotonic_ns; start=last=now(); own=time.thread_time_ns()\n"
    "end=start+int(float(sys.argv[2])*1e9); gap=0\n"
    "while last<end:\n"
    "    t=now()\n"
    "    if t-last>gap: gap=t-last\n"
    "    last=t\n"
    "own=time.thread_time_ns()-own\n"
    "os.kill(rival,signal.SIGKILL); os.waitpid(rival,0)\n"
    "print(last-start,own,gap)\n"
)


@dataclass(frozen=True, slots=True)
class Proof:
    knob: str
    state: State  # OK, DRIFT, PENDING or UNKNOWN
    detail: str


def prove(context: Context, finding: Finding) -> Proof | None:
    """Run the proof that a knob names; None if it names none or there is nothing to prove."""
    if finding.state is not State.OK or context.host.kind == "captured":
        return None
    proofs = {"irq": _irq, "ticks": _ticks, "hugepages": _hugepages, "thread": _thread}
    if finding.knob.effect not in proofs:
        return None
    return proofs[finding.knob.effect](context, finding)


def _irq(context: Context, finding: Finding) -> Proof:
    """Each interrupt must really arrive within its mask; one that has not come yet is pending."""
    waiting = []
    for sight in finding.sights:
        mask = cpus.parse_list(peek(context.host, sight.address) or "")
        effective = cpus.parse_list(
            peek(
                context.host, sight.address.replace("smp_affinity_list", "effective_affinity_list")
            )
            or ""
        )
        if effective and not effective <= mask:
            waiting.append(sight.target)
    if waiting:
        return Proof(
            finding.knob.id,
            State.PENDING,
            f"{', '.join(waiting[:3])}: not until the next interrupt",
        )
    return Proof(
        finding.knob.id, State.OK, f"{len(finding.sights)} interrupts arrive within their masks"
    )


def _ticks(context: Context, finding: Finding) -> Proof:
    free = sorted(undisturbed(context))
    if not free:
        return Proof(finding.knob.id, State.UNKNOWN, "every isolated core is in use; not disturbed")
    rate = ticks_while_spinning(context, free[-1])
    state = State.OK if rate <= TICKS_PER_SECOND_MAX else State.DRIFT
    return Proof(
        finding.knob.id, state, f"core {free[-1]}: {rate:.1f} ticks a second while spinning"
    )


def undisturbed(context: Context) -> frozenset[int]:
    """Return the isolated cores where nothing of a user's was put."""
    busy = {lane.cpu for lane in context.lanes}
    for task in context.facts.tasks:
        allowed = cpus.parse_list(str(task["allowed"]))
        if not task["kernel"] and allowed <= context.roles.isolated:
            busy |= allowed
    return context.roles.isolated - busy


def ticks_while_spinning(context: Context, cpu: int, seconds: float = SPIN_SECONDS) -> float:
    """Spin one process on a core and return how many timer interrupts a second it had."""
    command = [sys.executable, "-I", "-S", "-c", SPIN, str(cpu), str(seconds + 0.5)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        if child.stdout is None or child.stdout.readline() != b"on\n":
            return float("inf")  # could not be put there: never good
        time.sleep(0.2)
        before, started = _ticks_of(context, cpu), time.monotonic()
        time.sleep(seconds)
        after, ended = _ticks_of(context, cpu), time.monotonic()
        child.kill()
    return (after - before) / (ended - started)


def _ticks_of(context: Context, cpu: int) -> int:
    rows = lines(context.host.read("/proc/interrupts"))
    return next(line.counts[cpu] for line in rows if line.number == "LOC")


@dataclass(frozen=True, slots=True)
class Held:
    """What a thread that never sleeps under FIFO got of its core."""

    cpu: int
    seconds: float
    share: float  # of the time, by its own CPU clock
    longest_gap_ms: float


def spin_under_fifo(cpu: int, seconds: float) -> Held:
    """Spin a real-time child on a core: throttling takes 50 ms of each second from it.

    Everything else on that core waits meanwhile.  An ordinary thread spins beside it: since kernel
    6.12 throttling is a server for ordinary threads and takes nothing while none of them waits.
    Raises OSError without the right to do so.
    """
    command = [sys.executable, "-I", "-S", "-c", FIFO_SPIN, str(cpu), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 20)
    words = done.stdout.split()
    if done.returncode or len(words) != 3:
        raise OSError(errno.EPERM, (done.stderr.strip().splitlines() or ["no answer"])[-1])
    wall, own, gap = (int(word) for word in words)
    return Held(cpu, wall / 1e9, own / wall, gap / 1e6)


def _hugepages(context: Context, finding: Finding) -> Proof:
    """Map one large page and touch it: the number alone does not say that a page can be had."""
    size = 2 << 20
    try:
        with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB) as page:
            page[0] = 1
            page[size - 1] = 1
    except OSError as error:
        return Proof(finding.knob.id, State.DRIFT, f"a page cannot be mapped: {error.strerror}")
    return Proof(finding.knob.id, State.OK, "a large page was mapped and touched")


def _thread(context: Context, finding: Finding) -> Proof:
    """Each lane's main thread must be on the core that its mask names.

    A thread moves when it wakes, and a lane that blocks beats every 10 ms: it has MOVE_SECONDS.
    """
    end = time.monotonic() + MOVE_SECONDS
    while (found := _threads(context, finding)).state is State.PENDING and time.monotonic() < end:
        time.sleep(0.005)
    return found


def _threads(context: Context, finding: Finding) -> Proof:
    wrong, seen = [], 0
    for lane in context.lanes:
        try:
            with open(f"/proc/{lane.pid}/stat") as stream:
                here = int(stream.read().rpartition(")")[2].split()[36])
            mask = os.sched_getaffinity(lane.pid)
            seen += 1
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended since it was looked at
        except (OSError, ValueError):
            wrong.append(f"{lane.name} cannot be seen")
            continue
        if here not in mask or len(mask) != 1:
            wrong.append(f"{lane.name} on {here}, mask {cpus.format_list(mask)}")
    if wrong:
        return Proof(finding.knob.id, State.PENDING, "; ".join(wrong))
    if not seen:
        return Proof(finding.knob.id, State.UNKNOWN, "the lanes ended meanwhile")
    return Proof(finding.knob.id, State.OK, f"{seen} lanes on their cores")
