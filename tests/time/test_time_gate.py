"""The gate of a running appliance, when the time server that its host follows dies."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from clock_lab import wait_until

pytestmark = pytest.mark.requires_root

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
[clock]
policy = "block"
distance_ms_max = 1000
chrony_socket = "{}"
"""


def figures(address: str) -> dict[str, float]:
    """Return the figures of a scrape, by name and labels."""
    with urllib.request.urlopen(address, timeout=10) as reply:
        rows = (line.rpartition(" ") for line in reply.read().decode().splitlines())
        return {name: float(value) for name, _, value in rows if not name.startswith("#")}


@pytest.fixture
def appliance(lab, tmp_path):
    """`corelane run` on a host that follows a chronyd, which follows one that can be killed."""
    lab.chronyd("witness", "c", "local stratum 1\nallow all\n")
    socket = lab.chronyd(
        "follower", "b", "server 10.99.2.2 iburst minpoll -4 maxpoll -4 xleave\n"
    )
    (tmp_path / "site.toml").write_text(CONFIG.format(socket))
    words = ["--deployment", f"gate{os.getpid()}", "--metrics-port", "0", "--blocking"]
    command = [sys.executable, "-m", "ops", "run", "-c", str(tmp_path / "site.toml"), *words]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**lab.environment, "XDG_STATE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "said").open("w"),
        text=True,
    ) as process:
        process.said = tmp_path / "said"
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            for name in ("witness", "follower"):
                if name in lab.processes:
                    lab.kill(name)


def test_dead_time_server_stops_new_risk_and_the_run_still_ends_well(lab, appliance):
    head = appliance.stdout.readline()
    address = re.search(r"metrics (http://\S+)", head)[1]
    def verdicts(name: str) -> float:
        found = figures(address).items()
        mine = [key for key, _ in found if "gate_verdicts" in key and f'verdict="{name}"' in key]
        assert mine, f"no verdict {name} is exported"
        return sum(one for key, one in found if key in mine)

    def divergence() -> float:
        return figures(address)["corelane_clock_divergence_seconds"]

    # Before the first answer of the server, and where a busy machine starves chronyd, the clock
    # may be in doubt for a while; what counts is what changes with the server's death.
    wait_until(lambda: verdicts("pass") and divergence() < 1)
    lab.kill("witness")
    wait_until(lambda: divergence() == float("inf"))
    refused = verdicts("clock_unsure")
    wait_until(lambda: verdicts("clock_unsure") > refused)
    assert divergence() == float("inf")
    appliance.send_signal(signal.SIGTERM)
    out, _ = appliance.communicate(timeout=60)
    said = appliance.said.read_text()
    assert appliance.returncode == 0, said
    assert "lane and venue agree" in out
    assert re.search(r"clock\.known source=ntp.*clock\.unsure", said, re.S), said
