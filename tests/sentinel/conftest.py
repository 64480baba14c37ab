"""A stage of its own for each test: embedded venue, appliance and sentinel as real processes."""

import itertools
import os
import tempfile

import pytest

from ops.sentinel_drill import Stage, settled

numbers = itertools.count()
ORDERS = 12


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """`stage(**specification)`: started, with twelve orders resting; ended by the fixture."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made, logs = [], []

    def start(orders=ORDERS, **spec):
        log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        logs.append(log)
        one = Stage(
            tmp_path,
            f"sen{os.getpid()}x{next(numbers)}",
            log,
            **{"parameters": {"orders": max(1, orders // 2)}, **spec},
        )
        made.append(one)
        if orders:
            one.until(f"{orders} resting orders", lambda: settled(one, orders))
        return one

    yield start
    for one in made:
        one.close()
    for log in logs:
        log.close()
