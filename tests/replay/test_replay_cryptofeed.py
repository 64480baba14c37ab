"""Recordings of cryptofeed's recorder: a WebSocket file, answers of REST beside it."""

import pytest

from runtime.replay.cryptofeed import lines_of
from tests.replay import recorder

URL = b"https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
CONNECTED = b"wss://fstream.binance.com/stream?streams=btcusdt@depth@100ms <-> 1723161255.1"


def split(lines):
    """Turn lines of ours into a WebSocket file's and a side file's."""
    main, side = [CONNECTED], [b""]
    for line in lines:
        time, message = line.split(b" ", 1)
        stamp = time[:-9] + b"." + time[-9:]
        if message.startswith(b'{"lastUpdateId"'):
            side.append(URL + b" -> " + stamp + b": " + message)
        else:
            main.append(stamp + b": " + message)
    return main, side


@pytest.mark.parametrize("is_named", [False, True], ids=["found beside it", "named"])
def test_recording_of_cryptofeed_replays_as_the_same_lines_of_ours(
    replay, capture, tmp_path, is_named
):
    ours = replay(capture(recorder.good()))
    main, side = split(recorder.good())
    paths = [capture(main, "rec.ws.1.0"), capture(side, "rec.http.0.0")]
    theirs = replay(*paths[: 1 + is_named])
    assert (theirs.code, theirs["problems"]) == (0, [])
    for name in ("messages", "events", "gaps", "dropped", "states", "ticker_agreement", "levels"):
        assert theirs[name] == ours[name], name
    assert [row[1:] for row in theirs.tops] == [row[1:] for row in ours.tops]
    assert theirs.book == ours.book


def test_line_of_no_kind_stays_as_it_is():
    text = b'1626992741.06217: {"a":1}\nwhat is this\n' + CONNECTED + b'\n5.5: {"b":2}\n'
    assert lines_of(text) == [
        (1626992741062170000, b'{"a":1}'),
        (1626992741062170000, b"what is this"),
        (5500000000, b'{"b":2}'),
    ]
