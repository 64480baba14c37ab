"""The archiver under kills, errors of the kernel, full disks and cuts of power.

What it has acknowledged (the watermark in the ring) is there afterwards, whole, and what is there
is a prefix of what the lane wrote.  `make faults N=1000` does each of these N times.
"""

import contextlib
import errno
import fcntl
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from hotpath.journal.trial import torn_tails
from runtime._shm import ffi, lib
from runtime.journal import audit, recording
from runtime.journal.archive import ArchiveDamaged, ArchiveFull
from runtime.journal.archiver import (
    KEPT_HEADS,
    NO_ARCHIVER,
    Archiver,
    Rules,
    is_archived,
    kept_heads,
)
from runtime.journal.archiver import finish as finish_rings
from runtime.supervise.state import state_dir

from .rings import SEGMENT, RingLane

ROOT = Path(__file__).resolve().parents[2]
TRIALS = int(os.environ.get("CORELANE_FAULTS", "0"))  # 0 = a short share
EXT4_IOC_SHUTDOWN, NO_FLUSH = 0x8004587D, 2
READY_S = 60


@pytest.fixture
def ring():
    made = RingLane("faults", segments=16)
    made.head = ffi.cast("hp_journal_head_t *", made.page.header + 1)
    yield made
    made.remove()


def numbers(directory):
    """The numbers that frames carry, in order; nothing else may be between them."""
    found = []
    for run in recording.lanes(directory):
        for item in run.read():
            assert hasattr(item, "payload"), item
            if item.kind == lib.HP_RECORD_FRAME:
                found.append(int(item.payload))
    return found


def archived_bytes(directory):
    """How far the files of lane 0 go, in the ring's count."""
    folder = recording.epoch_folder(directory, 0, 7)
    paths = recording.segment_paths(folder)
    if not paths:
        return 0
    number, path = list(paths.items())[-1]
    return number * SEGMENT + len(recording.load(path))


class Process:
    """An archiver of its own, perhaps under a tracer that makes system calls fail."""

    def __init__(self, ring, directory, *tracer, **more):
        self.process = subprocess.Popen(
            [*tracer, sys.executable, "-m", "runtime.journal.archiver",
             "--deployment", ring.deployment, "--directory", str(directory)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, **more,
        )  # fmt: skip

    def ready(self):
        assert self.process.stdout.readline() in ("archiving\n", "")

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def end(self):
        _, self.error = self.process.communicate(timeout=READY_S)
        return self.process.returncode


def forked(deployment, directory):
    """An archiver in a process of its own, without the start of an interpreter; its pid."""
    child = os.fork()
    if child:
        return child
    try:
        archiver = Archiver(deployment, directory, Rules(head_ms=20), say=lambda _: None)
        archiver.look()
        archiver.finish_former()
        while True:
            time.sleep(archiver.turn())
    finally:
        os._exit(1)


def finish(ring, directory):
    """A clean archiver takes over and copies to the end."""
    ring.frames(3)
    archiver = Process(ring, directory)
    archiver.ready()
    assert archiver.end() == 0, archiver.error


# -- torn tails, in memory ------------------------------------------------------------------------


def test_torn_tails_lose_nothing_that_was_whole_and_give_nothing_that_was_not():
    """`make faults N=...` tells a thousand times as many as its N."""
    trials = TRIALS * 1000 or 50_000
    found = torn_tails(trials, 1)
    assert found["trials"] == trials
    assert found["given"] > found["lost"] > 0


# -- kill -9 ---------------------------------------------------------------------------------------


def test_archiver_killed_at_random_instants_under_load_keeps_what_it_acknowledged(ring, tmp_path):
    dice = random.Random(11)
    run = tmp_path / "run"
    finish(ring, run)  # from here on nothing may be overwritten
    for trial in range(TRIALS or 12):
        child = forked(ring.deployment, run)
        until = time.monotonic() + dice.random() * 0.15
        while time.monotonic() < until:
            ring.frames(dice.randrange(20))
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), f"trial {trial}: it had left by itself"
        watermark = ring.head.archived
        if watermark == NO_ARCHIVER:
            continue
        assert archived_bytes(run) >= watermark or watermark % SEGMENT == 0
        if trial % 20 == 0 or not TRIALS:
            assert audit.verify(run).faults == [], trial
            found = numbers(run)
            assert found == ring.kept[: len(found)]
    finish(ring, run)
    assert numbers(run) == ring.kept
    assert audit.verify(run).findings == []


# -- errors of the kernel -------------------------------------------------------------------------

# Every call that an archiver makes on its files, and an error that ends it.  A sync is never tried
# again, whatever it says.
CALLS = [
    ("write", "EIO"), ("fdatasync", "EIO"), ("fsync", "EIO"), ("openat", "EIO"),
    ("fdatasync", "ENOSPC"), ("openat", "EMFILE"), ("fsync", "ENOSPC"), ("mkdir", "EIO"),
    ("close", "EIO"), ("statfs", "EIO"), ("newfstatat", "EIO"),
]  # fmt: skip
PASSING = [("write", "ENOSPC"), ("write", "EDQUOT"), ("openat", "ENOSPC"), ("mkdir", "ENOSPC")]
RETRIED = [("write", "EINTR"), ("fdatasync", "EINTR"), ("fsync", "EINTR"), ("openat", "EINTR")]
FILES = ["00000000.journal", "00000001.journal", "chain", "heads"]
OF_THE_FOLDER = ("fsync", "mkdir")
OF_THE_RUN = ("statfs",)
OF_READERS_TOO = ("close", "newfstatat")  # which need not stop for what harms no byte
HEAD_ASIDE = f"{KEPT_HEADS}.new"
OF_THE_KEPT_HEAD = [
    ("write", "EIO", 1), ("fsync", "EIO", 1), ("openat", "EIO", 1),
    ("write", "ENOSPC", 0), ("fsync", "ENOSPC", 0), ("openat", "ENOSPC", 0),
]  # fmt: skip
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="requires strace")


def traced(ring, run, call, error, when, name):
    folder = recording.epoch_folder(run, 0, 7)
    if call != "mkdir":
        folder.mkdir(parents=True, exist_ok=True)
    target = folder if call in OF_THE_FOLDER else run if call in OF_THE_RUN else folder / name
    if name == HEAD_ASIDE:
        target = state_dir(ring.deployment) / name
    return Process(
        ring, run, "strace", "-f", "-q", "-o", str(run.parent / "trace"), "-P", str(target),
        "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}",
    )  # fmt: skip


def injections(calls):
    """Every system call and file in the long loop, a few in the short one."""
    out = []
    for call, error in calls:
        for name in FILES[:1] if call in OF_THE_FOLDER + OF_THE_RUN else FILES:
            # of chain and heads the first is a look whether they are there: that needs no room
            first = 2 if (call, error) == ("openat", "ENOSPC") and name in FILES[2:] else 1
            for when in range(first, first + (min(TRIALS, 5) or 1)):
                is_short = name in ("chain", "00000000.journal") and error in ("EIO", "ENOSPC")
                if TRIALS or is_short:
                    out.append((call, error, when, name))
    return out if TRIALS else out[::2]


def load(ring, archiver, seconds):
    until = time.monotonic() + seconds
    while archiver.process.poll() is None and time.monotonic() < until:
        ring.frames(4)
        time.sleep(0.01)


def what(call, name):
    """What a call was about."""
    return "its folder" if call in OF_THE_FOLDER else "RUN" if call in OF_THE_RUN else name


def hit(run):
    """How many calls the tracer made fail."""
    return (run.parent / "trace").read_text().count("(INJECTED)")


@pytest.fixture(scope="module")
def injected(request):
    """Count of calls that were made fail by (call, error, file); the long loop prints it."""
    found = Counter()
    yield found
    if TRIALS and found:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\ncalls made to fail: {found.total()}")
            for (call, error, name), count in sorted(found.items()):
                print(f"  {call:<10}{error:<8}{name:<24}{count:>4}")


@needs_strace
@pytest.mark.parametrize(("call", "error", "when", "name"), injections(CALLS))
def test_failed_call_stops_the_archiver_and_loses_nothing(
    ring, tmp_path, injected, call, error, when, name
):
    run = tmp_path / "run"
    recording.open_run(run, ring.deployment)
    archiver = traced(ring, run, call, error, when, name)
    archiver.ready()
    load(ring, archiver, 8)
    if not hit(run):  # this file does not see that many of these calls
        archiver.end()
        pytest.skip("requires more calls than the archiver makes")
    code = archiver.end()
    injected[call, error, what(call, name)] += hit(run)
    if code == 0 and call in OF_READERS_TOO:
        assert numbers(run) == ring.kept
    else:
        assert code == 1, archiver.error
        assert "archive.failed" in archiver.error
        watermark = ring.head.archived
        assert watermark == NO_ARCHIVER or ring.head.archive_state == lib.HP_ARCHIVE_FAILED
    finish(ring, run)
    assert numbers(run) == ring.kept
    assert audit.verify(run).findings == []


@needs_strace
@pytest.mark.parametrize(
    ("call", "error", "when", "name"), injections(PASSING) + injections(RETRIED)
)
def test_want_of_room_and_interruption_pass(ring, tmp_path, injected, call, error, when, name):
    run = tmp_path / "run"
    recording.open_run(run, ring.deployment)
    archiver = traced(ring, run, call, error, when, name)
    archiver.ready()
    load(ring, archiver, 2)
    assert archiver.end() == 0, archiver.error
    if error in ("ENOSPC", "EDQUOT") and hit(run):
        assert "archive.full" in archiver.error
    assert numbers(run) == ring.kept
    assert audit.verify(run).findings == []
    injected[call, error, what(call, name)] += hit(run)
    if not hit(run):
        pytest.skip("requires more calls than the archiver makes")


@needs_strace
@pytest.mark.parametrize(
    ("call", "error", "code"), OF_THE_KEPT_HEAD if TRIALS else OF_THE_KEPT_HEAD[1::3]
)
def test_head_kept_outside_is_synced_or_said(ring, tmp_path, injected, call, error, code):
    """A sync that fails is no word on a disk: the archiver ends, or says that there is no room."""
    run = tmp_path / "run"
    recording.open_run(run, ring.deployment)
    ring.frames(5)
    archiver = traced(ring, run, call, error, 1, HEAD_ASIDE)
    archiver.ready()
    load(ring, archiver, 8 if code else 2)
    assert archiver.end() == code, archiver.error
    assert hit(run) == 1
    injected[call, error, KEPT_HEADS] += 1
    assert ("archive.failed" if code else "archive.head_not_kept") in archiver.error
    finish(ring, run)
    assert numbers(run) == ring.kept
    assert audit.verify(run, heads=kept_heads(state_dir(ring.deployment), run)).findings == []


def test_short_write_and_the_error_behind_it_lose_nothing(ring, tmp_path):
    """A limit of the file's size inside a chunk: the kernel takes what fits, then fails."""
    run = tmp_path / "run"
    ring.frames(20)
    limit = 9_000
    archiver = Process(
        ring, run, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    archiver.ready()
    load(ring, archiver, READY_S)
    assert archiver.end() == 1
    (path,) = run.rglob("00000000.journal")
    assert path.stat().st_size <= limit
    assert ring.head.archived in (NO_ARCHIVER, 0)
    finish(ring, run)
    assert numbers(run) == ring.kept
    assert audit.verify(run).findings == []


def test_disk_without_room_stops_quoting_and_recovers(ring, tmp_path, capsys):
    run = tmp_path / "run"
    archiver = Archiver(ring.deployment, run, Rules(reserve_bytes=2**62))
    archiver.look()
    ring.frames(5)
    archiver.copy()
    assert ring.head.archive_state == lib.HP_ARCHIVE_FULL
    ring.lane.archive()
    assert "archive.room_low" in capsys.readouterr().err
    object.__setattr__(archiver.rules, "reserve_bytes", 0)
    archiver.room_ns = 0
    archiver.copy()
    assert ring.head.archive_state == lib.HP_ARCHIVE_COPYING
    assert "archive.room_back" in capsys.readouterr().err
    archiver.close()
    assert numbers(run) == list(range(5))


def test_lane_that_begins_on_a_full_disk_takes_no_risk_and_loses_nothing(
    ring, tmp_path, monkeypatch, capsys
):
    """Not even its folder can be made: the ring says so, keeps what it holds, and is taken up when
    there is room."""
    run = tmp_path / "run"
    archiver = Archiver(ring.deployment, run)
    ring.frames(20)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "mkdir", full)
    for _ in range(3):
        archiver.look()
    assert archiver.rings == {} and ring.head.archive_state == lib.HP_ARCHIVE_FULL
    assert ring.head.archived == 0  # nothing from there on is overwritten
    assert capsys.readouterr().err.count("archive.full") == 1
    ring.lane.archive()
    ring.frames(5)
    monkeypatch.undo()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    archiver.look()
    archiver.copy()
    assert ring.head.archive_state == lib.HP_ARCHIVE_COPYING
    archiver.close()
    assert numbers(run) == list(range(25))
    assert audit.verify(run).findings == []


def test_full_disk_at_a_lanes_end_is_waited_for(ring, tmp_path, monkeypatch):
    run = tmp_path / "run"
    archiver = Archiver(ring.deployment, run)
    archiver.look()
    ring.frames(20)
    archiver.copy()
    (held,) = archiver.rings.values()
    monkeypatch.setattr(type(held), "is_done", True)
    monkeypatch.setattr(held.writer, "head", raises_full)
    archiver.copy()
    assert list(archiver.rings.values()) == [held] and held.again_ns > 0
    assert ring.head.archive_state == lib.HP_ARCHIVE_FULL
    monkeypatch.undo()
    archiver.close()
    assert numbers(run) == list(range(20))


def raises_full(**_):
    raise ArchiveFull("no space")


def test_head_that_cannot_be_kept_outside_is_said_and_no_end(ring, tmp_path, monkeypatch, capsys):
    """The disk of the state is full, the archive's is not: archiving goes on."""
    run = tmp_path / "run"
    archiver = Archiver(ring.deployment, run)
    archiver.look()
    ring.frames(20)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("runtime.supervise.state.write_durably", full)
        archiver.copy()
        archiver.close()
    assert "archive.head_not_kept" in capsys.readouterr().err
    assert numbers(run) == list(range(20))
    assert audit.verify(run).findings == []


def test_two_archivers_never_write_one_run(ring, tmp_path):
    archiver = Process(ring, tmp_path / "run")
    archiver.ready()
    other = Process(ring, tmp_path / "run")
    assert other.end() == 2
    assert "is written by another archiver" in other.error
    assert archiver.end() == 0


def test_damage_under_a_signed_head_stops_the_archiver_with_the_remedy(ring, tmp_path):
    run = tmp_path / "run"
    ring.frames(30)
    finish(ring, run)
    (path,) = run.rglob("00000000.journal")
    data = bytearray(path.read_bytes())
    data[2000] ^= 1
    path.write_bytes(data)
    archiver = Archiver(ring.deployment, run)
    with pytest.raises(ArchiveDamaged, match="which a signed head covers"):
        archiver.look()
    os.close(archiver.lock)


def test_what_a_dead_archiver_left_is_finished_before_a_ring_goes(ring, tmp_path):
    run = tmp_path / "run"
    ring.frames(5)
    archiver = Archiver(ring.deployment, run)
    archiver.look()
    archiver.copy()
    ring.frames(20)
    assert not is_archived(ring.page.path)
    assert not finish_rings(ring.deployment, run, Rules(), print)  # the other still holds the RUN
    for held in archiver.rings.values():
        held.close()
    os.close(archiver.lock)
    assert finish_rings(ring.deployment, run, Rules(), print)
    assert is_archived(ring.page.path)
    assert numbers(run) == ring.kept
    assert audit.verify(run).findings == []


# -- cuts of power --------------------------------------------------------------------------------


@contextlib.contextmanager
def image(folder):
    """A small ext4 of our own on a loop device; its path, and what mounts it again."""
    place, file = folder / "mnt", folder / "disk"
    place.mkdir()
    with file.open("wb") as out:
        out.truncate(64 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(file)], check=True)
    mount = ["mount", "-o", "loop", str(file), str(place)]
    subprocess.run(mount, check=True)
    try:
        yield place, mount
    finally:
        subprocess.run(["umount", str(place)], check=False)


def can_mount():
    has_loop = Path("/dev/loop-control").exists() and shutil.which("mkfs.ext4") is not None
    return os.geteuid() == 0 and has_loop


def cut_power(place):
    handle = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_FLUSH))
    finally:
        os.close(handle)


@pytest.mark.requires_root
@pytest.mark.skipif(not can_mount(), reason="requires root and loop devices")
def test_cut_of_power_loses_nothing_that_was_acknowledged(tmp_path, monkeypatch):
    """The file system goes down at a random instant, without its unsynced pages."""
    dice = random.Random(23)
    torn = heads = 0
    with image(tmp_path) as (place, mount):
        monkeypatch.setenv("XDG_STATE_HOME", str(place / "state"))
        for _ in range(TRIALS or 12):
            ring = RingLane("power", segments=16)
            head = ffi.cast("hp_journal_head_t *", ring.page.header + 1)
            run = place / "run"
            rules = Rules(block_bytes=4096, head_ms=dice.choice((0, 10**6)), reserve_bytes=0)
            archiver = Archiver(ring.deployment, run, rules)
            archiver.look()
            for _ in range(dice.randrange(1, 30)):
                ring.frames(dice.randrange(8))
                archiver.copy()
                if dice.random() < 0.3:
                    for held in archiver.rings.values():
                        held.sync()
            watermark = int(head.archived)
            state = state_dir(ring.deployment)
            kept = kept_heads(state, run)
            cut_power(place)
            for held in archiver.rings.values():
                held.close()
            os.close(archiver.lock)
            subprocess.run(["umount", str(place)], check=True)
            subprocess.run(mount, check=True)
            ring.remove()  # memory is gone as well
            assert kept_heads(state, run) == kept  # the newest head that was said to be kept
            heads += len(kept)
            before = [one for one in audit.verify(run, heads=kept).findings if not one.is_note]
            assert before == []
            after = Archiver(ring.deployment, run)
            after.finish_former()
            after.close()
            assert archived_bytes(run) >= watermark
            assert audit.verify(run).findings == []
            found = numbers(run)
            assert found == ring.kept[: len(found)]
            torn += len(found) < ring.count
            shutil.rmtree(run)
            (state / KEPT_HEADS).unlink(missing_ok=True)  # of another archive from here on
    assert heads > 0
    assert torn > 0  # some cuts did hit bytes that nobody had acknowledged
