"""Named skips of the host tests: a test that needs root or a tool says so when it cannot run."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.host_guard import host_is_left_as_it_was  # noqa: F401 - a fixture of every test here


def pytest_runtest_setup(item):
    if item.get_closest_marker("requires_root") and os.geteuid() != 0:
        pytest.skip("requires root")


@pytest.fixture
def needs_ip():
    if shutil.which("ip") is None or shutil.which("unshare") is None:
        pytest.skip("requires ip and unshare (packages iproute2, util-linux)")


@pytest.fixture
def tmp_path():
    """A folder in memory where there is one: these tests fsync some thousand times."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place, prefix="corelane-test-") as folder:
        yield Path(folder)
