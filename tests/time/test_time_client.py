"""The management client against a socket that answers from a capture."""

import os
import socket

import pytest
from clock_lab import replies
from fake_ptp4l import FakePtp4l, facts_of, locked

from tuning.time import datasets
from tuning.time.datasets import Id, PortState
from tuning.time.management import ManagementClient, ManagementError, find_socket


def test_facts_hold_every_data_set(tmp_path):
    facts = facts_of(tmp_path, replies("slave"))
    assert facts.missing == {}
    assert None not in vars(facts).values()
    assert [port.state for port in facts.ports] == [PortState.UNCALIBRATED]


def test_slave_state_comes_through(tmp_path):
    assert facts_of(tmp_path, locked()).ports[0].state is PortState.SLAVE


def test_client_leaves_nothing_behind(tmp_path):
    with FakePtp4l(tmp_path / "ptp4l", replies("slave")):
        with ManagementClient(tmp_path / "ptp4l") as client:
            folder = client.folder
            assert os.path.isdir(folder)
        assert not os.path.exists(folder)


def test_only_get_is_ever_sent(tmp_path):
    """The fake answers by id alone; it records what was asked."""
    with FakePtp4l(tmp_path / "ptp4l", replies("slave")) as fake:
        with ManagementClient(tmp_path / "ptp4l") as client:
            client.facts()
        assert set(fake.asked) == {id.value for id in Id} - {Id.SUBSCRIBE_EVENTS_NP}


def test_other_domain_is_found_when_none_is_named(tmp_path):
    path = tmp_path / "ptp4l"
    with FakePtp4l(path, replies("slave"), domain=44), ManagementClient(path) as client:
        assert client.facts().default is not None
        assert client.domain == 44


def test_named_domain_that_is_wrong_is_an_error_and_not_a_guess(tmp_path):
    path = tmp_path / "ptp4l"
    with (
        FakePtp4l(path, replies("slave"), domain=44),
        ManagementClient(path, domain=0, transport=0, timeout_s=0.05) as client,
        pytest.raises(ManagementError, match="no answer to 0x2001"),
    ):
        client.get(Id.CURRENT_DATA_SET)


def test_garbage_between_the_answers_is_discarded_and_counted(tmp_path):
    with FakePtp4l(tmp_path / "ptp4l", replies("slave")) as fake:
        fake.before = [b"\x00" * 70, replies("slave")["PORT_DATA_SET"][0][:60]]
        with ManagementClient(tmp_path / "ptp4l") as client:
            assert client.facts().missing == {}
            assert client.discarded >= 2 * len(Id) - 2


def test_late_answer_to_an_older_question_is_not_taken(tmp_path):
    """Answers to questions that are no longer awaited carry an old sequence."""
    path = tmp_path / "ptp4l"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(path))
        with ManagementClient(path, domain=0, transport=0, timeout_s=0.05) as client:
            with pytest.raises(ManagementError):
                client.get(Id.DEFAULT_DATA_SET)
            question, sender = server.recvfrom(2000)
            old = replies("slave")["DEFAULT_DATA_SET"][0]
            server.sendto(old[:30] + question[30:32] + old[32:], sender)
            with pytest.raises(ManagementError):
                client.get(Id.CURRENT_DATA_SET)
            assert client.discarded == 1


def test_data_set_that_is_refused_is_named_in_missing(tmp_path):
    answers = replies("slave")
    refusal = answers["CURRENT_DATA_SET"][0]
    error = b"\x00\x02\x00\x08\x00\x02" + b"\xc0\x06" + b"\0" * 4
    message = refusal[:48] + error
    message = message[:2] + len(message).to_bytes(2, "big") + message[4:]
    with FakePtp4l(tmp_path / "ptp4l", answers) as fake:
        fake.answers[Id.SYNCHRONIZATION_UNCERTAIN_NP] = [message]
        with ManagementClient(tmp_path / "ptp4l") as client:
            facts = client.facts()
    assert facts.missing == {"SYNCHRONIZATION_UNCERTAIN_NP": "NO_SUCH_ID"}
    assert facts.uncertain is None


def test_port_that_does_not_answer_is_missed(tmp_path):
    """Two ports are announced, one answers."""
    answers = replies("slave")
    default = answers["DEFAULT_DATA_SET"][0]
    answers["DEFAULT_DATA_SET"] = [default[:56] + b"\x00\x02" + default[58:]]
    path = tmp_path / "ptp4l"
    with FakePtp4l(path, answers), ManagementClient(path, timeout_s=0.1) as client:
        facts = client.facts()
    assert facts.missing["PORT_DATA_SET"] == "1 of 2 ports answered"
    assert isinstance(facts.ports[0], datasets.PortDataSet)


def test_socket_that_is_not_there_is_an_error_that_says_where(tmp_path):
    with pytest.raises(ManagementError, match=r"nobody: No such file.*is ptp4l running"):
        ManagementClient(tmp_path / "nobody")


def test_read_only_socket_is_preferred(tmp_path):
    assert find_socket(tmp_path) is None
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as writable:
        writable.bind(str(tmp_path / "run/ptp4l"))
        assert find_socket(tmp_path) == tmp_path / "run/ptp4l"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reading:
            reading.bind(str(tmp_path / "run/ptp4lro"))
            assert find_socket(tmp_path) == tmp_path / "run/ptp4lro"
