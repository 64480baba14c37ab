"""Boxes that fall short: each condition made for real where possible, else constructed."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runtime._shm import ffi, lib
from runtime.supervise import conditions
from tests.supervise.running import ROOT, Running

MB = 1024 * 1024
WRAP_NO_PIN = """
import ctypes, struct, sys, os
# seccomp: sched_setaffinity (203 on x86-64) answers EPERM, everything else is allowed
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 203), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
steps = b"".join(struct.pack("HBBI", *step) for step in code)
held = ctypes.create_string_buffer(steps)
program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(held))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, program, 0, 0) == 0, ctypes.get_errno()
os.execvp(sys.argv[1], sys.argv[1:])
"""


def degraded(run):
    view = run.page("supervisor", "hp_supervisor_page_t").view
    return ffi.string(view.degraded).decode().splitlines()


def said_of(run, *patterns):
    """Wait until the page says each; the console must say them too."""
    for pattern in patterns:
        run.until(lambda p=pattern: any(re.search(p, line) for line in degraded(run)), pattern)
        assert re.search(f"degraded .*{pattern}", run.said), run.said


def ends_well(run):
    code, end = run.end()
    assert (code, end["agrees_with_venue"], end["open_orders"]) == (0, True, 0), run.said
    return end


@pytest.mark.requires_root
def test_locked_memory_port_and_core_are_degraded_and_said(tmp_path):
    """RLIMIT_MEMLOCK without CAP_IPC_LOCK, a bound port, a core that is not there: it runs."""
    wrapper = ("setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock")
    wrapper += ("prlimit", "--memlock=65536:65536")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ("--blocking", "--lane-core", "977", "--metrics-port", str(port))
        with Running(tmp_path, *arguments, wrapper=wrapper) as run:
            run.until_armed()
            said_of(
                run,
                r"memory is not locked, none of it is \(RLIMIT_MEMLOCK is 64 KiB",
                f"metrics port {port}: Address already in use; serving on port",
                "core 977 is absent, offline or not allowed",
            )
            assert run.lane().is_locked == 0
            end = ends_well(run)
            assert len(end["degraded"]) >= 3


@pytest.mark.requires_root
def test_small_limit_locks_the_tables_only(tmp_path):
    wrapper = ("setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock")
    wrapper += ("prlimit", f"--memlock={8 * MB}:{8 * MB}")
    with Running(tmp_path, "--blocking", wrapper=wrapper) as run:
        run.until_armed()
        said_of(run, "only its tables are")
        assert run.lane().is_locked == 2
        ends_well(run)


def test_one_core_blocks_and_merges_the_cold_processes(tmp_path):
    core = max(os.sched_getaffinity(0))
    with Running(tmp_path, wrapper=("taskset", "-c", str(core))) as run:
        run.until_armed()
        said_of(run, "lanes block instead of spinning: fused needs 2 cores to spin")
        rows = run.rows()
        assert set(rows) == {"supervisor", "cold", "sentinel", "lane-0"}
        assert rows["cold"].role == lib.HP_PROCESS_COLD
        assert not run.lane().is_spinning
        run.until_trading()
        run.until_back("cold", run.kill("cold"))
        ends_well(run)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="requires two cores")
def test_lane_that_may_not_be_pinned_blocks(tmp_path):
    wrapper = (sys.executable, "-c", WRAP_NO_PIN)
    with Running(tmp_path, wrapper=wrapper) as run:
        run.until_armed()
        said_of(
            run,
            "could not be pinned to core .*it blocks instead of spinning",
            "cold processes stay where they are, beside the lane: Operation not permitted",
        )
        assert (run.lane().core, run.lane().is_spinning) == (-1, 0)
        assert run.rows()["lane-0"].core == -1
        ends_well(run)


def in_small_shm(tmp_path, size, command, before=""):
    """Run a command with a tmpfs of this size over /dev/shm, seen by nobody else."""
    script = f"mount -t tmpfs -o size={size} tmpfs /dev/shm && {before} exec {command}"
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )


RUN = (
    f"{sys.executable} -m ops run --deployment shm --metrics-port 0 --duration 2 --blocking --json"
)


@pytest.mark.requires_root
@pytest.mark.parametrize(
    ("size", "before", "words"),
    [
        ("8m", "", r"/dev/shm is too small: the pages of one lane need \d+ MB, 8 of 8 MB are free"),
        (
            "200m",
            "fallocate -l 190m /dev/shm/other;",
            "/dev/shm is too full: .* of 200 MB are free",
        ),
    ],
    ids=["small", "full"],
)
def test_shared_memory_without_room_is_refused_before_anything_starts(
    tmp_path, size, before, words
):
    done = in_small_shm(tmp_path, size, RUN, before)
    assert done.returncode == 2, done.stderr
    assert re.search(words, done.stderr)
    assert "--shm-size" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "corelane" / "shm" / "epoch").exists()


@pytest.mark.requires_root
def test_shared_memory_with_room_for_one_ring_runs_and_says_so(tmp_path):
    done = in_small_shm(tmp_path, "120m", RUN)
    assert done.returncode == 0, done.stderr
    assert "degraded /dev/shm has room for one journal ring only" in done.stderr


def test_huge_pages_follow_the_mount_option(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    mounts = tmp_path / "proc/self/mounts"
    mounts.write_text("tmpfs /dev/shm tmpfs rw,nosuid 0 0\n")
    assert "mounted without huge=" in conditions.huge_pages(Path("/dev/shm"), tmp_path)[0]
    mounts.write_text("tmpfs /dev/shm tmpfs rw,huge=within_size 0 0\n")
    assert conditions.huge_pages(Path("/dev/shm"), tmp_path) == []
    mounts.write_text("tmpfs /dev/shm tmpfs rw,huge=never 0 0\n")
    assert len(conditions.huge_pages(Path("/dev/shm"), tmp_path)) == 1


@pytest.mark.parametrize(
    ("group", "files", "available"),
    [
        ("", {}, 8000 * 1024),
        ("0::/a/b", {"a/memory.max": "3000", "a/memory.current": "1000"}, 2000),
        ("0::/a", {"a/memory.max": "max", "a/memory.current": "1000"}, 8000 * 1024),
        (
            "7:memory:/a",
            {"memory/a/memory.limit_in_bytes": "5000", "memory/a/memory.usage_in_bytes": "6000"},
            0,
        ),
    ],
)
def test_memory_is_the_tightest_of_host_and_groups(tmp_path, group, files, available):
    for name, text in {
        "proc/self/cgroup": group,
        "proc/meminfo": "MemTotal: 9000 kB\nMemAvailable: 8000 kB\n",
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert conditions.memory_available(tmp_path) == available
    assert conditions.memory(tmp_path) == [
        f"{available // MB} MB of memory available, 400 wanted:"
        " the kernel may end a lane for want of it"
    ]


@pytest.mark.parametrize(
    ("limit", "capabilities", "can"),
    [(-1, "0", True), (65536, "0", False), (65536, "4000", True), (65536, "3fff", False)],
)
def test_lane_locks_all_only_where_later_memory_may_be_locked_too(
    tmp_path, limit, capabilities, can
):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text(f"CapEff:\t{capabilities:0>16}\n")
    assert conditions.can_lock_all(tmp_path, limit) is can
