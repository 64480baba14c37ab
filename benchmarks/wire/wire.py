"""How long from a market frame written to the order that it causes read, over a real socket?

Input:  depth frames of about 300 bytes whose best bid moves each time (benchmarks/wire/peer.c)
Load:   one frame at a time, 60 us apart; journal, gate and counters on
Needs:  two quiet cores: the C peer spins on core 0, the lane on core 1
Anchor: a C echo over the same loopback, spinning and in epoll, in the same interleaved run
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from runtime._shm import ffi, lib
from runtime.pages import LANE_BYTES, Mail, Page

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "wire"
SNAPSHOT = b'{"lastUpdateId":%d,"E":1,"T":1,"bids":[["60000.00","40.000"],["59000.00","1.000"]],"asks":[["60100.00","1.000"]]}'
PEER_CORE, LANE_CORE = 0, 1
LIMITS = {"strategies": 1, "accounts": 1, "order_lots_max": 10**6, "position_lots_max": 10**9, "open_orders_max": 100,
          "band_bps": 10000, "stale_ms": 10**6}


def compiler(source: str, target: str, *flags: str) -> Path:
    """Compile one C program when it is older than its source."""
    path, origin = BUILD / target, ROOT / "benchmarks" / "wire" / source
    if not path.exists() or path.stat().st_mtime < origin.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run([shutil.which("gcc") or "cc", "-O2", "-Wall", "-Wextra", str(origin), "-o", str(path), *flags], check=True)
    return path


def echo(kind: str, count: int) -> dict[str, Any]:
    """One run of an anchor."""
    out = subprocess.run([compiler("echo.c", "echo"), str(count), kind, str(PEER_CORE), str(LANE_CORE)],
                         check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a test CA's file and a server chain with its key, for wss."""
    from venues.simulator import credentials

    made = credentials.make_chain(folder)
    return made


def wire(strategy: str, count: int, mode: str = "trade", tls: bool = False, warmup: int = 3000) -> dict[str, Any]:
    """Play frames through one lane process; returns the peer's figures and what the lane counted."""
    deployment = f"bench{os.getpid()}"
    scheme, cert, ca = "ws", "-", None
    if tls:
        folder = BUILD / "tls"
        folder.mkdir(parents=True, exist_ok=True)
        ca_path, chain = certificate(folder)
        scheme, cert, ca = "wss", str(chain), str(ca_path)
    peer_path = compiler("peer.c", "peer-tls", "-DWITH_TLS", "-lssl", "-lcrypto") if tls else compiler("peer.c", "peer")
    peer = subprocess.Popen(["taskset", "-c", str(PEER_CORE), peer_path, str(count), str(warmup), mode, cert],
                            stdout=subprocess.PIPE, text=True)
    assert peer.stdout is not None
    port = json.loads(peer.stdout.readline())["port"]
    page = Page.make(deployment, "lane.0", "hp_lane_page_t", lib.HP_PAGE_LANE, LANE_BYTES, 1)
    segment_bytes, segment_count = 16 * 1024 * 1024, 4
    journal = Page.make(deployment, "journal.0", "hp_page_t", lib.HP_PAGE_JOURNAL, 4096 + segment_bytes * segment_count, 1)
    mail_in, mail_out = (Mail.make(deployment, f"mail.{way}.0", 1 << 20) for way in ("in", "out"))
    spec = {
        "deployment": deployment, "codec": "venues.binance.usdm.codec", "prefix": "bench", "epoch": 1, "controls": [],
        "segment_bytes": segment_bytes, "segment_count": segment_count, "market": [f"{scheme}://127.0.0.1:{port}/market"],
        "orders": f"{scheme}://127.0.0.1:{port}/orders", "spin": True, "core": LANE_CORE, "lock": True, "ca": ca,
        "rate": [0, 0, 0], "strategies": [strategy], "parameters": {},
        "instruments": [{"id": 1, "symbol": "BTCUSDT", "limits": LIMITS,
                         "about": {"price_decimals": 1, "size_decimals": 3}}],
    }
    lane = subprocess.Popen([sys.executable, "-m", "runtime.lane_process"], stdin=subprocess.PIPE, cwd=ROOT)
    assert lane.stdin is not None
    lane.stdin.write(json.dumps(spec).encode())
    lane.stdin.close()
    try:
        mail_in.put(lib.HP_MAIL_OPENING, b"")
        mail_in.put(lib.HP_MAIL_LISTEN_KEY, f"{scheme}://127.0.0.1:{port}/user".encode())
        snapshot = False
        until = time.monotonic() + 20
        while not snapshot and time.monotonic() < until and peer.poll() is None:
            taken = mail_out.take()
            if taken is None:
                time.sleep(0.01)
                continue
            kind, aux, payload = taken
            if kind != lib.HP_MAIL_WANT:
                continue
            if aux == lib.HP_WANT_LOGON:
                mail_in.put(lib.HP_MAIL_LOGON, b'{"id":"4","method":"session.logon","params":{"apiKey":"x"}}')
                mail_in.put(lib.HP_MAIL_SNAPSHOT, SNAPSHOT % 1000003 + bytes(64), 1)
                snapshot = True
        out, _ = peer.communicate(timeout=600)
        if peer.returncode != 0:
            raise RuntimeError(f"the peer ended with {peer.returncode}; its reason stands above")
        figures = json.loads(out.splitlines()[-1])
        view = page.view
        figures["orders"] = view.counters.orders_sent
        figures["journal_records"] = view.counters.journal_records
        figures["fallbacks"] = view.counters.fallbacks
        figures["frames_parked"] = view.counters.frames_parked
        figures["frames_before_ack_max"] = view.counters.frames_before_ack_max
        figures["hops_ns"] = {name: lib.hp_histogram_quantile(ffi.addressof(view.hops, n), 500_000)
                              for n, name in enumerate(("decode", "book", "decide", "gate", "send", "ack", "tick_to_trade"))}
        return figures
    finally:
        for process in (peer, lane):
            if process.poll() is None:
                process.kill()
                process.wait()
        for item in (page, journal, mail_in.page, mail_out.page):
            item.remove()
