"""Signals: what is held, what is refused, and the record that a lane takes."""

import pytest

from runtime._shm import ffi, lib
from runtime.config.signals import Signals

SYMBOLS = {"BTCUSDT": 1, "ETHUSDT": 2}


def records(mails):
    out = {}
    for mail in mails.values():
        assert mail.kind == lib.HP_MAIL_SIGNAL
        record = ffi.from_buffer("hp_signal_t *", mail.data)
        assert record.instrument == mail.aux
        out[record.instrument] = (record.toxicity_permille, bool(record.is_emergency))
    return out


def test_what_is_not_said_stays_as_it_was():
    signals = Signals()
    assert records(signals.take({"symbol": "BTCUSDT", "toxicity": 1000}, SYMBOLS)) == {1: (1000, 0)}
    signals.take({"symbol": "BTCUSDT", "emergency": True}, SYMBOLS)
    signals.take({"emergency": True}, SYMBOLS)
    assert records(signals.mails()) == {1: (1000, True), 0: (0, True)}
    assert signals.shown(SYMBOLS) == [
        {"symbol": None, "toxicity": 0, "emergency": True},
        {"symbol": "BTCUSDT", "toxicity": 1000, "emergency": True},
    ]


def test_what_was_taken_back_is_still_told_but_not_shown():
    """A lane may hold it: no word is a word only for a lane that never heard one."""
    signals = Signals()
    signals.take({"toxicity": 5}, SYMBOLS)
    assert records(signals.take({"toxicity": 0}, SYMBOLS)) == {0: (0, False)}
    assert signals.shown(SYMBOLS) == []


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"symbol": "NOSUCH", "toxicity": 1}, "symbol is 'NOSUCH'; want one of BTCUSDT, ETHUSDT"),
        ({"symbol": 7, "toxicity": 1}, "symbol is 7"),
        ({"symbol": ["BTCUSDT"], "toxicity": 1}, "symbol is "),
        ({"toxicity": -1}, "toxicity is -1; want 0 to 1000"),
        ({"toxicity": 1001}, "toxicity is 1001"),
        ({"toxicity": True}, "toxicity is True"),
        ({"toxicity": "9"}, "toxicity is '9'"),
        ({"emergency": 1}, "emergency is 1; want true or false"),
    ],
)
def test_bad_request_is_refused_and_changes_nothing(request_, words):
    signals = Signals()
    with pytest.raises(ValueError, match=words):
        signals.take(request_, SYMBOLS)
    assert signals.mails() == {}
