"""Recorded USD-M messages as lists of frames.

Owns:    where recorded data lies (CORELANE_DATA, else shared/data beside the project), its lines.
Refuses: decoding.
"""

from __future__ import annotations

import lzma
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BTCUSDT = "binance_usdm/btcusdt_20240808.jsonl.xz"
MANY = "binance_usdm/cryptofeed_BINANCE_FUTURES.ws.1.0.xz"


def path(name: str) -> Path:
    """Return where a recording is, or would be."""
    root = os.environ.get("CORELANE_DATA")
    return (Path(root) if root else ROOT.parent / "shared" / "data") / name


def messages(name: str) -> list[bytes]:
    """Return the raw messages of a recording: lines of messages, with their time or without."""
    with lzma.open(path(name)) as lines:
        texts = [line.rstrip(b"\r\n") for line in lines]
    parts = (text if text.startswith(b"{") else text.partition(b" ")[2] for text in texts)
    return [message for message in parts if message.startswith(b"{")]


def stream_frames(name: str) -> list[bytes]:
    """Return only the frames of combined streams: REST bodies in between are left out."""
    return [message for message in messages(name) if message.startswith(b'{"stream":')]


def with_2026_fields(frame: bytes) -> bytes:
    """Return a frame of 2024 as the venue writes it today: "ps" behind "s", "st" at the end."""
    head, mark, rest = frame.partition(b'"s":"')
    symbol, quote, rest = rest.partition(b'"')
    return head + mark + symbol + quote + b',"ps":"' + symbol + quote + rest[:-2] + b',"st":1}}'
