"""Management messages: captured bytes, refused bytes, any bytes."""

import contextlib
import struct

import pytest
from clock_lab import replies
from hypothesis import given
from hypothesis import strategies as st

from tuning.time import datasets, wire
from tuning.time.datasets import Id, PortState, Stamping, WireError

SLAVE = replies("slave")
ALL = [message for found in SLAVE.values() for message in found]


def test_request_is_the_message_that_the_standard_describes():
    message = wire.request(Id.CURRENT_DATA_SET, sequence=0x1234, domain=24, transport=1)
    assert message == bytes.fromhex(
        "1d02003618000000000000000000000000000000"  # header, 54 bytes, domain 24
        "00000000000000000000" "1234" "04" "7f"  # source port, sequence, control, interval
        "ffffffffffffffffffff" "0000" "00" "00"  # all ports, no hops, GET
        "0001" "0002" "2001"  # management TLV
    )  # fmt: skip


def content(name: str):
    return wire.parse(SLAVE[name][0]).content


def test_captured_replies_say_what_pmc_said_at_that_moment():
    assert content("DEFAULT_DATA_SET") == datasets.DefaultDataSet(
        two_step=True, slave_only=True, ports=1, priority1=128,
        quality=datasets.Quality(255, 0xFE, 0xFFFF), priority2=128,
        clock="72b0ee.fffe.39f826", domain=0,
    )  # fmt: skip
    assert content("PARENT_DATA_SET") == datasets.ParentDataSet(
        parent_port="f6c894.fffe.c9990b-1", priority1=10,
        quality=datasets.Quality(6, 0x21, 0xFFFF), priority2=128,
        grandmaster="f6c894.fffe.c9990b",
    )  # fmt: skip
    current = content("CURRENT_DATA_SET")
    assert (current.steps_removed, current.offset_ns, current.mean_path_delay_ns) == (1, 94, 2160)
    port = content("PORT_DATA_SET")
    assert (port.state, port.log_announce, port.log_sync) == (PortState.UNCALIBRATED, -2, -3)
    assert content("PORT_PROPERTIES_NP").interface == "vB"
    assert content("PORT_PROPERTIES_NP").stamping is Stamping.SOFTWARE
    assert content("TIME_PROPERTIES_DATA_SET").utc_offset_s == 37
    assert content("TIME_STATUS_NP").grandmaster_present
    assert not content("SYNCHRONIZATION_UNCERTAIN_NP").is_uncertain
    assert content("PORT_STATS_NP").received[0] == content("PORT_STATS_NP").received[8] > 0


def test_negative_offset_and_fractions_of_nanoseconds_survive():
    body = struct.pack(">Hqq", 3, -(869 << 16) - 32768, 1 << 15)
    assert datasets.current_data_set(body) == datasets.CurrentDataSet(3, -869.5, 0.5)


def test_error_tlv_names_the_question_and_the_error():
    ok = wire.request(0x2007)
    message = ok[:46] + b"\x02\x00" + struct.pack(">HHHHI", 2, 8, 6, 0x2007, 0)
    message = message[:2] + struct.pack(">H", len(message)) + message[4:]
    reply = wire.parse(message)
    assert (reply.id, reply.content) == (0x2007, datasets.Refused("NOT_SUPPORTED"))


@pytest.mark.parametrize(
    ("at", "value", "text"),
    [
        (0, b"\x00", "message type 0"),
        (1, b"\x01", "PTP 1"),
        (2, b"\xff\xff", "header says 65535"),
        (46, b"\x00", "action 0 is no answer"),
        (48, b"\x00\x05", "TLV type 5"),
        (50, b"\x7f\xff", "management TLV says"),
        (52, b"\x20\x07", "0x2007 is not one of ours"),
    ],
)
def test_message_that_is_not_as_defined_is_refused(at, value, text):
    message = SLAVE["CURRENT_DATA_SET"][0]
    with pytest.raises(WireError, match=text):
        wire.parse(message[:at] + value + message[at + len(value) :])


def test_unknown_port_state_is_refused():
    message = SLAVE["PORT_DATA_SET"][0]
    with pytest.raises(WireError, match="port state 11 is unknown"):
        wire.parse(message[:64] + b"\x0b" + message[65:])


@given(st.sampled_from(ALL), st.integers(min_value=0, max_value=400))
def test_truncated_message_is_refused(message, length):
    if length < len(message):
        with pytest.raises(WireError):
            wire.parse(message[:length])


@given(st.sampled_from(ALL), st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4))))
def test_damaged_message_is_read_or_refused_but_never_breaks_the_reader(message, damages):
    damaged = bytearray(message)
    for at, value in damages:
        damaged[at : at + len(value)] = value
    with contextlib.suppress(WireError):
        wire.parse(bytes(damaged))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(datagram):
    with pytest.raises(WireError):
        wire.parse(datagram)
