"""`corelane record` over real sockets: what it writes can be replayed, whatever befell it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import zstandard

from runtime.replay.capture import Capture, CaptureError, in_order
from runtime.replay.capture_writer import CaptureWriter
from runtime.replay.replay import Run
from venues.simulator.options import ServeOptions
from venues.simulator.spawn import spawn

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120
CORELANE = [sys.executable, "-m", "ops"]


@pytest.fixture(scope="module")
def venue():
    with spawn(ServeOptions(rate=2.0)) as venue:
        yield venue.addresses["rest"]


def record(venue, folder, *arguments, **settings):
    command = [*CORELANE, "record", str(folder), "--venue", venue, "--json", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings
    )


def finish(process):
    out, err = process.communicate(timeout=PATIENCE_S)
    rows = [json.loads(line) for line in out.splitlines()]
    return process.returncode, rows, err


def seen(process, wanted):
    """Read status lines, one a second, until one is as wanted; return it."""
    for line in process.stdout:
        row = json.loads(line)
        if wanted(row):
            return row
    raise AssertionError(process.stderr.read())


def stopped(process, wanted):
    """Let it record until a status line is as wanted; return code, rows and errors of the end."""
    seen(process, wanted)
    process.send_signal(signal.SIGINT)
    return finish(process)


def replayed(*paths):
    run = Run(list(paths))
    run.run()
    return run.result()


def fault(venue, **details):
    request = urllib.request.Request(
        venue + "/sim/fault", json.dumps(details).encode(), {"Content-Type": "application/json"}
    )
    return json.loads(urllib.request.urlopen(request, timeout=30).read())


def test_recording_of_two_symbols_in_several_files_replays_without_a_gap(venue, tmp_path):
    process = record(venue, tmp_path, "--symbols", "BTCUSDT,ETHUSDT", "--rotate-s", "0.9")
    code, rows, _ = stopped(process, lambda row: row["files"] >= 3 and not row["awaiting"])
    assert code == 0
    end = rows[-1]
    assert (end["event"], end["reconnects"]) == ("record.end", 0)
    whole = replayed(tmp_path)
    assert whole["problems"] == []
    assert whole["gaps"] == whole["ambiguous_snapshots"] == 0
    assert whole["events"]["snapshot"] == sum(end["snapshots"].values())
    assert whole["messages"] == end["messages"] + whole["events"]["snapshot"]
    assert whole["ticker_agreement"]["compared"] > 0
    for path in in_order([tmp_path])[:2]:
        each = replayed(path)
        assert each["gaps"] == each["crossed"] == each["ambiguous_snapshots"] == 0
        assert each["states"].keys() == {"BTCUSDT", "ETHUSDT"}


def test_killed_recorder_loses_at_most_the_open_frame(venue, tmp_path):
    process = record(venue, tmp_path, "--rotate-s", "600")
    told = [seen(process, lambda row: row["messages"]) for _ in range(3)]
    process.kill()
    process.communicate()
    result = replayed(tmp_path)
    assert result["broken_files"] == {} and result["problems"] == []
    # one loop prints and flushes, each once a second: between the first and the third it flushed
    assert result["messages"] >= told[0]["messages"]


def test_torn_last_frame_is_cut_and_said(tmp_path):
    writer = CaptureWriter(tmp_path, "x", 1 << 30, 1e9)
    for n in range(3):
        for k in range(100):
            writer.line(n * 100 + k, b'{"n":%d}' % k)
        writer.flush()
    writer.close()
    whole = writer.files[0].read_bytes()
    writer.files[0].write_bytes(whole[:-5])
    capture = Capture(writer.files[0])
    lines = b"".join(iter(lambda: capture.read(1 << 20), b"")).splitlines()
    assert lines[:200] == [b'%d {"n":%d}' % (n, n % 100) for n in range(200)]
    assert capture.broken


def test_gap_on_the_way_is_counted_and_a_snapshot_follows_it(venue, tmp_path):
    process = record(venue, tmp_path, "--symbols", "ETHUSDT")
    first = seen(process, lambda row: row["depth"] and not row["awaiting"])
    fault(venue, kind="drop_depth", symbol="ETHUSDT")
    code, rows, _ = stopped(process, lambda row: row["gaps"]["ETHUSDT"] and not row["awaiting"])
    assert first["event"] == "record.status"
    assert (code, rows[-1]["gaps"]) == (1, {"ETHUSDT": 1})
    result = replayed(tmp_path)
    assert (result["gaps"], result["states"]) == (1, {"ETHUSDT": "SYNCED"})


def test_lost_connection_comes_back_with_a_snapshot_of_each_book(venue, tmp_path):
    process = record(venue, tmp_path, "--kinds", "depth,book_ticker")
    seen(process, lambda row: row["depth"] and not row["awaiting"])
    fault(venue, kind="close_socket", group="public", abort=True)
    code, rows, _ = stopped(
        process, lambda row: row["snapshots"]["BTCUSDT"] == 2 and not row["awaiting"]
    )
    assert (code, rows[-1]["reconnects"]) == (1, 1)
    assert rows[-1]["snapshots"]["BTCUSDT"] == 2
    assert replayed(tmp_path)["states"] == {"BTCUSDT": "SYNCED"}


def test_stopped_recorder_writes_what_it_has(venue, tmp_path):
    process = record(venue, tmp_path)
    seen(process, lambda row: row["messages"])
    process.send_signal(signal.SIGTERM)
    code, rows, _ = finish(process)
    assert (code, rows[-1]["event"]) == (0, "record.end")
    assert replayed(tmp_path)["messages"] >= rows[-1]["messages"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kinds", "klines"], "kinds klines"),
        (["--symbols", ""], "symbols none"),
        (["--venue", "nowhere"], "venue 'nowhere' cannot be recorded"),
    ],
)
def test_wish_that_makes_no_sense_is_refused_by_name(tmp_path, arguments, said):
    command = [*CORELANE, "record", str(tmp_path / "out"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2 and said in done.stderr
    assert not (tmp_path / "out").exists()


def test_files_rotate_by_size_and_their_names_sort_in_the_order_of_writing(tmp_path):
    writer = CaptureWriter(tmp_path, "x", 200, 1e9, level=1)
    for n in range(12):
        writer.line(n, b'{"noise":"%s"}' % str(hash(str(n) * 9)).encode() * 20)
        writer.flush()
        if writer.is_full():
            writer.rotate()
    writer.close()
    assert in_order([tmp_path]) == writer.files and len(writer.files) >= 3
    texts = [zstandard.ZstdDecompressor().stream_reader(p.open("rb")).read() for p in writer.files]
    assert [line.split(b" ")[0] for line in b"".join(texts).splitlines()] == [
        b"%d" % n for n in range(12)
    ]
    assert time.monotonic() > writer.opened_s


def test_folder_without_captures_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("no")
    with pytest.raises(CaptureError, match=r"no \*\.jsonl file"):
        in_order([tmp_path])
