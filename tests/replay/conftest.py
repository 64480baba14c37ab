"""Run the command as a person would, and read back what it wrote."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops import cli
from tests.replay.oracle import exact

ROOT = Path(__file__).resolve().parents[2]
RECORDING = "binance_usdm/btcusdt_20240808.jsonl.xz"


def pytest_collection_modifyitems(items):
    """Skip by name what needs the recorded feeds, where they are absent."""
    if not data_folder().is_dir():
        skip = pytest.mark.skip(reason=f"requires_data: no recorded feeds at {data_folder()}")
        for item in items:
            if "requires_data" in item.keywords:
                item.add_marker(skip)


def data_folder() -> Path:
    return Path(os.environ.get("CORELANE_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture
def recording() -> Path:
    return data_folder() / RECORDING


@dataclass
class Answer:
    code: int
    result: dict
    errors: str
    tops: list
    book: dict

    def __getitem__(self, name):
        return self.result[name]


def number(text):
    """Empty text is an empty side."""
    return exact(text) if text else None


@pytest.fixture
def replay(tmp_path, capsys):
    """Return a function: files and options -> Answer of `corelane replay --json --tops --book`."""

    def run(*arguments, **_):
        tops, book = tmp_path / "tops.csv", tmp_path / "book.csv"
        code = cli.main(
            ["replay", *map(str, arguments), "--json", "--tops", str(tops), "--book", str(book)]
        )
        out = capsys.readouterr()
        if code == 2:
            return Answer(code, {}, out.err, [], {})
        rows = list(csv.DictReader(tops.open()))
        columns = ("bid", "bid_size", "ask", "ask_size")
        levels = {}
        for row in csv.DictReader(book.open()):
            side = levels.setdefault((row["symbol"], row["side"]), {})
            side[exact(row["price"])] = exact(row["size"])
        return Answer(
            code,
            json.loads(out.out),
            out.err,
            [
                (int(row["line"]), int(row["update_id"]), *(number(row[c]) for c in columns))
                for row in rows
            ],
            levels,
        )

    return run


@pytest.fixture
def capture(tmp_path):
    """Return a function: lines -> path of a capture."""

    def write(lines, name="capture.jsonl", end=b"\n"):
        path = tmp_path / name
        path.write_bytes(b"\n".join(lines) + end)
        return path

    return write
