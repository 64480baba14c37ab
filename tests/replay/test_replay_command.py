"""`corelane replay` as a command: what it refuses, what it prints, its exit codes."""

import subprocess
import sys

import pytest

from ops import cli
from tests.replay import recorder


@pytest.fixture
def refused(capsys):
    """Return a function: arguments -> the one line of a run that exits 2."""

    def run(*arguments):
        assert cli.main(["replay", *map(str, arguments)]) == 2
        out, errors = capsys.readouterr()
        assert out == ""
        assert errors.startswith("replay: ")
        assert errors.count("\n") == 1
        return errors

    return run


def test_missing_file_is_named(refused, tmp_path):
    assert "nowhere.jsonl: No such file" in refused(tmp_path / "nowhere.jsonl")


def test_folder_without_captures_is_refused(refused, tmp_path):
    assert "no *.jsonl file in this folder" in refused(tmp_path)


@pytest.mark.parametrize("text", [b"", b"\n\n \n"])
def test_empty_file_is_refused(refused, capture, text):
    assert "no message in it" in refused(capture([text], end=b""))


def test_renamed_file_is_refused(refused, capture):
    assert "does not begin like a .gz file" in refused(capture(recorder.good(), "capture.gz"))


def test_side_file_alone_is_refused_with_what_to_name(refused, capture):
    line = b"https://fapi.binance.com/fapi/v1/depth?symbol=A&limit=5 -> 172.1: {}"
    assert "name the WebSocket file" in refused(capture([line], "x.http.0.0"))


@pytest.mark.parametrize(
    "message",
    [
        b'{"channel":"book","type":"snapshot","data":[{"symbol":"XRP/USD"}]}',  # Kraken
        b'{"channel":"l2_data","sequence_num":1,"events":[{"type":"update"}]}',  # Coinbase
        b'{"e":"aggTrade","E":1,"a":2,"s":"BTCUSDT"}',  # Binance's word, no market's message
        b"\x00\x01\x02",
    ],
)
def test_capture_of_no_known_venue_is_refused_with_those_known(refused, capture, message):
    text = refused(capture([b"1723161255030314667 " + message] * 3))
    assert "binance_usdm" in text
    assert "--venue" in text


def test_venue_that_is_not_known_is_refused(refused, capture):
    assert "want one of: binance_coinm, binance_spot, binance_usdm" in refused(
        capture(recorder.good()), "--venue", "nyse"
    )


def test_venue_may_be_named_where_nothing_is_recognised(capture, capsys):
    path = capture([b"1723161255030314667 hello"])
    assert cli.main(["replay", str(path), "--venue", "binance_usdm"]) == 1
    assert "1 malformed, first in line 1" in capsys.readouterr().out


def test_output_that_cannot_be_written_is_named(refused, capture, tmp_path):
    target = tmp_path / "no" / "tops.csv"
    assert f"{target}: No such file" in refused(capture(recorder.good()), "--tops", target)


def test_table_fits_into_100_columns_and_says_the_verdict(capture, capsys):
    path = capture(recorder.good())
    assert cli.main(["replay", str(path)]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    assert out.splitlines()[-1].startswith("good")


def test_command_prints_one_object_and_keeps_standard_error_empty(capture):
    path = capture(recorder.good())
    command = [sys.executable, "-m", "ops", "replay", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    assert done.stdout.startswith('{"venue": "binance_usdm"')
