"""`corelane time`, as a user calls it."""

import json

import pytest
from clock_lab import replies
from fake_ptp4l import FakePtp4l, locked

from ops.cli import main


def call(*words: str) -> list[str]:
    return ["time", "--between", "0", "--chrony-socket", "/nowhere", *words]


@pytest.fixture
def slave(tmp_path):
    with FakePtp4l(tmp_path / "ptp4l", locked()):
        yield str(tmp_path / "ptp4l")


def test_locked_slave_gives_exit_code_0_and_a_record(slave, capsys):
    assert main(call("--profile", "dev", "--ptp-socket", slave, "--role", "slave")) == 0
    text = capsys.readouterr().out
    assert "role=slave" in text
    assert "record: ptp-software  offset 94 ns +- 2.26 us  valid 3 s  traceable to UTC" in text
    assert all(len(line) <= 100 for line in text.splitlines() if "tmp" not in line)


def test_unlocked_slave_gives_exit_code_1_and_says_why(tmp_path, capsys):
    with FakePtp4l(tmp_path / "ptp4l", replies("slave")):
        assert main(call("--profile", "dev", "--ptp-socket", str(tmp_path / "ptp4l"))) == 1
    text = capsys.readouterr().out
    assert "UNCALIBRATED" in text and "record: no time is known" in text


def test_json_has_verdict_record_checks_sources_drift_and_stamps(slave, capsys):
    words = call("--profile", "dev", "--ptp-socket", slave, "--json", "--drift", "0.1", "--stamps")
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["record"]["source"] == "ptp-software"
    assert {one["id"] for one in document["sources"][0]["checks"]} >= {"ptp.state", "ptp.fresh"}
    assert document["drift"]["samples"] >= 3
    assert document["stamps"]["packets"] == 200
    assert document["hardware"]["quality"] in ("none", "hardware_read", "hardware_extended",
                                               "hardware_precise")  # fmt: skip


def test_wrong_grandmaster_gives_exit_code_1(slave):
    words = call("--profile", "dev", "--ptp-socket", slave, "--grandmaster", "000000.fffe.000001")
    assert main(words) == 1

