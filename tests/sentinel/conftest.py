"""Stages: venue, appliance and sentinel as real processes; of one test, or shared and at rest."""

import itertools
import json
import os
import tempfile

import pytest

from ops.sentinel_drill import DrillFailed, Stage, settled
from runtime._shm import lib
from runtime.pages.page import SHM
from runtime.supervise import control_socket
from runtime.supervise.peer import CommandError
from tests.tuning.conftest import pytest_runtest_setup  # noqa: F401  (requires_root)

numbers = itertools.count()
ORDERS = 12


class Stages:
    """Every stage of this folder; those that are shared, by what they were told."""

    def __init__(self, folder):
        self.folder, self.logs, self.shared = folder, [], {}

    def start(self, orders=ORDERS, **spec):
        log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.logs.append(log)
        number = next(numbers)
        folder = self.folder / str(number)
        folder.mkdir()
        told = {"parameters": {"orders": max(1, orders // 2)}, **spec}
        one = Stage(folder, f"sen{os.getpid()}x{number}", log, **told)
        try:
            if orders:
                one.until(f"{orders} resting orders", lambda: settled(one, orders))
        except BaseException:
            one.close()
            raise
        return one

    def common(self, **spec):
        key = json.dumps(spec, sort_keys=True)
        for other in [one for one in self.shared if one != key]:
            self.drop(other)  # one at a time: a stage that nobody asks costs a tenth of a core
        if key not in self.shared:
            self.shared[key] = self.start(**spec)
        return key, self.shared[key]

    def drop(self, key):
        self.shared.pop(key).close()

    def close(self):
        for key in list(self.shared):
            self.drop(key)
        for log in self.logs:
            log.close()


@pytest.fixture(scope="package")  # they end with this folder's tests: others have the cores
def stages(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("sentinel")
    patch.setenv("XDG_STATE_HOME", str(folder / "state"))
    made = Stages(folder)
    yield made
    made.close()
    patch.undo()


@pytest.fixture
def stage(stages):
    """`stage(**specification)`: started, with twelve orders resting; ended by the fixture."""
    made = []

    def start(orders=ORDERS, **spec):
        made.append(stages.start(orders, **spec))
        return made[-1]

    yield start
    for one in made:
        one.close()
        for path in SHM.glob(f"corelane.{one.deployment}.*"):  # of a supervisor that was killed
            path.unlink(missing_ok=True)


@pytest.fixture
def common(stages):
    """The same, but one that tests with this specification share.

    It is brought to rest behind each test; one that does not come to rest is ended, and the next
    test has a new one.
    """
    used = []

    def take(**spec):
        key, one = stages.common(**spec)
        used.append(key)
        return one

    yield take
    for key in used:
        try:
            rest(stages.shared[key])
        except (DrillFailed, CommandError, OSError, AssertionError):
            stages.drop(key)


def rest(one):
    """Nothing tripped, no word, no fault of the clock, twelve orders of ours and no other."""
    one.venue("/sim/fault", {"kind": "clock_skew", "ms": 0})

    def released():
        try:
            if one.ask("status")["tripped"]:
                one.ask("release", reason="rest")
        except CommandError:
            return False  # not yet: the venue has not called the list empty
        return True

    one.until("the sentinel holds nothing", released, 60)
    control_socket.ask(one.deployment, {"command": "resume", "reason": "rest"})

    def calm():
        own = released() and settled(one, ORDERS) and is_calm(one)
        return own and one.open_orders() == ORDERS

    one.until("twelve orders and no other", calm, 60)


def is_calm(one):
    lane = one.page("lane.0", "hp_lane_page_t")
    found = one.page("sentinel", "hp_sentinel_page_t")
    return lane.words == 0 and found.state == lib.HP_SENTINEL_WATCHING
