"""kill -9 between any two steps: the host is as before or as asked, and the journal says which.

A child process applies (or rolls back, or recovers) on a tree of real files with a real journal and
kills itself at its n-th step; n runs over all of them.  A step is a moment before or after a record
reaches the disk, and before or after a value is written.
"""

import itertools
import os
import signal
import sys

import pytest
from test_tuning_change import action, plan_of

from tuning.change import Changer
from tuning.host import LiveHost
from tuning.journal import Journal

FILES = {
    "/proc/sys/vm/swappiness": "60\n",
    "/proc/sys/vm/stat_interval": "1\n",
    "/proc/irq/9/smp_affinity_list": "0-3\n",
}
PLAN = plan_of(
    action("/proc/sys/vm/swappiness", "1"),
    action("/proc/sys/vm/stat_interval", "30"),
    action("/proc/irq/9/smp_affinity_list", "2", codec="cpulist"),
)
APPLIED = {"/proc/sys/vm/swappiness": "1\n", "/proc/sys/vm/stat_interval": "30\n",
           "/proc/irq/9/smp_affinity_list": "2\n"}  # fmt: skip


class Fuse:
    """Kills this very process at the n-th step."""

    def __init__(self, steps):
        self.left = steps

    def burn(self):
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


class FusedHost(LiveHost):
    def __init__(self, root, fuse):
        super().__init__(root)
        self.fuse = fuse

    def write(self, address, text):
        self.fuse.burn()
        super().write(address, text)
        self.fuse.burn()


class FusedJournal(Journal):
    fuse = None

    def append(self, step, **fields):
        self.fuse.burn()
        number = super().append(step, **fields)
        self.fuse.burn()
        return number


def tree(root):
    for path, text in FILES.items():
        file = root / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def now(root):
    return {path: (root / path[1:]).read_text() for path in FILES}


def changer(root, journal=None):
    journal = journal or Journal(root / "state")
    return Changer(LiveHost(str(root)), journal, "boot-1")


def child_dies(root, steps, work):
    """Run `work` in a child that kills itself; return False when it came to its end."""
    pid = os.fork()
    if pid == 0:
        try:
            fuse = Fuse(steps)
            journal = FusedJournal(root / "state")
            journal.fuse = fuse
            with journal.lock():
                work(Changer(FusedHost(str(root), fuse), journal, "boot-1"))
        except BaseException as error:
            print(f"child: {error!r}", file=sys.stderr)
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "the child failed by itself"
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def recovered(root):
    again = changer(root)
    with again.journal.lock():
        again.recover()
        assert again.journal.unfinished() is None
        return again.journal


def test_apply_killed_at_any_step_is_undone_or_complete(tmp_path):
    for steps in itertools.count():
        root = tree(tmp_path / str(steps))
        if not child_dies(root, steps, lambda c: c.apply(PLAN)):
            break
        journal = recovered(root)
        if now(root) == FILES:
            assert journal.changes() == []
        else:  # killed after the last record: the plan was complete
            assert now(root) == APPLIED and len(journal.changes()) == 3
    assert steps == 2 * (1 + 3 * 2 + 1) + 2 * 3  # every record and every write, before and after
    assert now(root) == APPLIED


def test_rollback_killed_at_any_step_ends_with_the_originals(tmp_path):
    for steps in itertools.count():
        root = tree(tmp_path / str(steps))
        first = changer(root)
        with first.journal.lock():
            first.apply(PLAN)
        if not child_dies(root, steps, lambda c: c.rollback()):
            break
        journal = recovered(root)
        if now(root) == APPLIED:  # killed before its first record: nothing was begun
            assert len(journal.changes()) == 3 and steps == 0
        else:
            assert now(root) == FILES and journal.changes() == []
    assert steps > 15 and now(root) == FILES


@pytest.mark.parametrize("first", [4, 7, 12, 17])
def test_recovery_killed_at_any_step_is_recovered_by_the_next(tmp_path, first):
    for steps in itertools.count():
        root = tree(tmp_path / str(steps))
        assert child_dies(root, first, lambda c: c.apply(PLAN))
        died = child_dies(root, steps, lambda c: c.recover())
        assert recovered(root).changes() == []
        assert now(root) == FILES
        if not died:
            break
    assert steps >= 2


def test_value_that_somebody_changed_after_the_kill_is_left(tmp_path):
    root = tree(tmp_path)
    assert child_dies(root, 10, lambda c: c.apply(PLAN))  # inside the second action
    (root / "proc/sys/vm/swappiness").write_text("44\n")
    again = changer(root)
    with again.journal.lock():
        outcomes = {o.address: o.what for o in again.recover()}
    assert outcomes["/proc/sys/vm/swappiness"] == "conflict"
    assert now(root)["/proc/sys/vm/swappiness"] == "44\n"
    assert now(root)["/proc/sys/vm/stat_interval"] == "1\n"
