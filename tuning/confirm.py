"""Dead-man's rollback: what may cut the link goes back by itself unless a person confirms it.

Owns:    a process of its own session that waits for the confirmation, and undoes without it.
Refuses: deciding what is risky (the catalogue), and depending on whoever started it.

It is armed before the first risky write.  It ends when the journal says confirm, or when nothing
risky of the plan is live any more.  At the deadline it takes the journal's lock; a process that
still holds it is the apply that hung on its dead terminal, and is killed; then the risky part is
rolled back.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from tuning.change import Changer
from tuning.facts import Facts
from tuning.host import LiveHost
from tuning.journal import Busy, Journal

SECONDS = 60.0
POLL_SECONDS = 0.2
GRACE_SECONDS = 3.0


def arm(journal: Journal, plan: str, boot: str, seconds: float = SECONDS, root: str = "/") -> int:
    """Start the guard and wait until it watches; return its process id.  Raises RuntimeError."""
    deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + seconds
    command = [
        sys.executable,
        "-m",
        "tuning.confirm",
        str(journal.folder),
        plan,
        str(deadline),
        root,
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
    )
    answer = child.stdout
    assert answer is not None
    ready = select.poll()  # select() knows no descriptor beyond 1,023
    ready.register(answer, select.POLLIN)
    if not ready.poll(10_000) or answer.read(1) != b"!":
        child.kill()
        raise RuntimeError("the guard did not start; nothing risky was written")
    answer.close()
    journal.append("guard", plan=plan, boot=boot, pid=child.pid, until=deadline, seconds=seconds)
    return child.pid


def confirm(journal: Journal, boot: str) -> str | None:
    """Confirm the plan that waits; return its digest, None if none does."""
    waiting = journal.unconfirmed(boot)
    if waiting is None:
        return None
    journal.append("confirm", plan=waiting["plan"], boot=boot)
    return str(waiting["plan"])


def overdue(journal: Journal, boot: str) -> str | None:
    """Return a plan whose deadline passed unconfirmed, if its guard did not do its work."""
    waiting = journal.unconfirmed(boot)
    if (
        waiting is None
        or time.clock_gettime(time.CLOCK_BOOTTIME) < waiting["until"] + GRACE_SECONDS
    ):
        return None
    return str(waiting["plan"])


def guard(folder: Path, plan: str, deadline: float, root: str) -> int:
    """Wait for the confirmation, or undo."""
    host = LiveHost(root)
    boot = Facts(host).boot_id
    seen = False
    while time.clock_gettime(time.CLOCK_BOOTTIME) < deadline:
        time.sleep(POLL_SECONDS)
        try:
            journal = Journal(folder)
        except (OSError, RuntimeError):
            continue
        waiting = journal.unconfirmed(boot)
        seen = seen or waiting is not None
        confirmed = any(r["step"] == "confirm" and r["plan"] == plan for r in journal.records)
        if confirmed or (seen and waiting is None):
            return 0
    give_up = time.monotonic() + GRACE_SECONDS
    while True:
        journal = Journal(folder)
        try:
            with journal.lock():
                changer = Changer(host, journal, boot)
                changer.recover()
                changer.rollback(plan=plan, risky=True)
            return 0
        except Busy as busy:
            if time.monotonic() > give_up:
                _kill_holder(journal, plan, str(busy))
            time.sleep(POLL_SECONDS)


def _kill_holder(journal: Journal, plan: str, text: str) -> None:
    """End the apply process of this very plan, if it is what holds the lock."""
    begun = [r for r in journal.records if r["step"] == "begin" and r["plan"] == plan]
    if begun and f"process {begun[-1]['pid']} " in text:
        with contextlib.suppress(ProcessLookupError):
            os.kill(begun[-1]["pid"], signal.SIGKILL)


def main() -> int:
    parser = argparse.ArgumentParser(description="dead-man's rollback of one plan")
    parser.add_argument("folder", type=Path)
    parser.add_argument("plan")
    parser.add_argument("deadline", type=float)
    parser.add_argument("root")
    arguments = parser.parse_args()
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    sys.stdout.write("!")
    sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return guard(arguments.folder, arguments.plan, arguments.deadline, arguments.root)


if __name__ == "__main__":
    sys.exit(main())
