"""State of the deployments that these tests make up goes to a folder that goes with them."""

import os

import pytest


@pytest.fixture(autouse=True, scope="package")
def state_home(tmp_path_factory):
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    if before is None:
        del os.environ["XDG_STATE_HOME"]
    else:
        os.environ["XDG_STATE_HOME"] = before
