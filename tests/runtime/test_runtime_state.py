"""Epochs and instrument ids survive and never go back."""

import json

import pytest

from runtime.supervise import state


def test_epoch_rises_and_is_on_disk_before_it_is_returned(tmp_path):
    assert [state.next_epoch(tmp_path) for _ in range(3)] == [1, 2, 3]
    assert (tmp_path / "epoch").read_text() == "3\n"


def test_used_up_epochs_refuse(tmp_path):
    (tmp_path / "epoch").write_text("65534\n")
    with pytest.raises(state.StateError, match="used up"):
        state.next_epoch(tmp_path)


def test_damaged_epoch_is_never_guessed(tmp_path):
    (tmp_path / "epoch").write_text("")
    with pytest.raises(state.StateError, match="holds no number"):
        state.next_epoch(tmp_path)


def test_crash_while_writing_keeps_the_old_epoch(tmp_path, monkeypatch):
    state.next_epoch(tmp_path)
    monkeypatch.setattr(state.os, "rename", lambda *_: (_ for _ in ()).throw(OSError("power cut")))
    with pytest.raises(OSError, match="power cut"):
        state.next_epoch(tmp_path)
    assert (tmp_path / "epoch").read_text() == "1\n"


def test_instrument_ids_are_appended_and_never_reused(tmp_path):
    assert state.instrument_ids(tmp_path, ["v:B", "v:A"]) == {"v:B": 1, "v:A": 2}
    assert state.instrument_ids(tmp_path, ["v:C", "v:A"]) == {"v:C": 3, "v:A": 2}
    assert json.loads((tmp_path / "instruments.json").read_text()) == {"v:B": 1, "v:A": 2, "v:C": 3}


def test_too_many_instruments_are_refused(tmp_path):
    with pytest.raises(state.StateError, match="at most 255"):
        state.instrument_ids(tmp_path, [f"v:{n}" for n in range(256)])


def test_state_directory_follows_xdg_and_is_private(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = state.state_dir("desk")
    assert path == tmp_path / "corelane" / "desk"
    assert path.stat().st_mode & 0o777 == 0o700


def test_unwritable_state_directory_is_a_clear_error(monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    with pytest.raises(state.StateError, match="set XDG_STATE_HOME"):
        state.state_dir("desk")
