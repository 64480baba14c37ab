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
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

from runtime._shm import ffi, lib
from runtime.pages.clock import ClockPage
from runtime.pages.page import LANE_BYTES, Mail, Page, stale

P = ParamSpec("P")
ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "wire"
SNAPSHOT = (
    b'{"lastUpdateId":%d,"E":1,"T":1,"bids":[["60000.00","40.000"],["59000.00","1.000"]],'
    b'"asks":[["60100.00","1.000"]]}'
)
PEER_CORE, LANE_CORE = 0, 1
SEGMENT_BYTES, SEGMENTS = 16 * 1024 * 1024, 4
HOPS = ("decode", "book", "decide", "gate", "send", "ack", "tick_to_trade")
LIMITS = {
    "strategies": 1,
    "accounts": 1,
    "order_lots_max": 10**6,
    "position_lots_max": 10**9,
    "open_orders_max": 100,
    "band_bps": 10000,
    "stale_ms": 10**6,
}
MUCH = 10**18  # a bound that is looked at and never reached
WHOLE_LIMIT = {
    "order_notional_e8_max": MUCH,
    "net_notional_e8_max": MUCH,
    "gross_notional_e8_max": MUCH,
    "open_orders_max": 10**6,
    "leverage_e4_max": 10**9,
    "capital_e8": MUCH,
    "daily_loss_e8_max": MUCH,
    "drawdown_bps_max": 9999,
    "failures_max": 10**6,
    "cool_down_ns": 10**9,
    "fast_move_bps_max": 9999,
    "fast_window_ns": 10**9,
    "fast_freeze_ns": 10**9,
    "order_to_trade_max": 10**9,
    "cancel_rate_bps_max": 10**9,
    "budget_window_ns": 10**10,
    "token_rate": 10**6,
    "token_burst": 10**6,
    "token_reserve": 10,
}
WHOLE_RULE = {
    "sigma_tenths": 10**6,
    "sigma_floor_e8": 10**6,
    "typical_lots": 10**5,
    "typical_times_max": 10,
    "distance_bps_max": 9999,
    "daily_volume_lots": 10**9,
    "volume_share_bps_max": 9999,
    "windows": [[0, 1, 0, 1]],
}
WHOLE_ABOUT = {
    "settle_asset": 1,
    "leverage": 20,
    "fee_rate_e8": 50_000,
    "margin": lib.HP_MARGIN_CROSS,
    "tick_size_ticks": 1,
    "notional_min_e8": 1,
    "band_up_bps": 5000,
    "band_down_bps": 5000,
    "size_max_lots": 10**6,
    "price_max_ticks": 10**9,
}


def whole(spec: dict[str, Any]) -> dict[str, Any]:
    """Turn on every check of the gate in a lane's specification, and its reservation."""
    (one,) = spec["instruments"]
    scopes = [("ACCOUNT", 0), ("VENUE", 0), ("STRATEGY", 0), ("INSTRUMENT", 1)]
    return {
        **spec,
        "rate": [10**6, 10**6, 10],
        "assets": {"USDT": 1},
        "funds": ["USDT"],
        "limits": [
            {"dimension": getattr(lib, f"HP_DIMENSION_{name}"), "id": n, "bounds": WHOLE_LIMIT}
            for name, n in scopes
        ],
        "quota": {
            "rule": {"busy": 50, "slow": 70, "no_risk": 90, "reserve": 95, "kept": 10},
            "windows": [[lib.HP_QUOTA_WEIGHT, 60, 10**9], [lib.HP_QUOTA_ORDERS, 10, 10**9]],
        },
        "instruments": [
            {
                **one,
                "limits": {**one["limits"], **WHOLE_RULE},
                "about": {**one["about"], **WHOLE_ABOUT},
            }
        ],
    }


def compiler(source: str, target: str, *flags: str) -> Path:
    """Compile one C program when it is older than its source."""
    path, origin = BUILD / target, ROOT / "benchmarks" / "wire" / source
    if not path.exists() or path.stat().st_mtime < origin.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [
                shutil.which("gcc") or "cc",
                "-O2",
                "-Wall",
                "-Wextra",
                str(origin),
                "-o",
                str(path),
                *flags,
            ],
            check=True,
        )
    return path


def echo(kind: str, count: int) -> dict[str, Any]:
    """One run of an anchor."""
    out = subprocess.run(
        [compiler("echo.c", "echo"), str(count), kind, str(PEER_CORE), str(LANE_CORE)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    figures: dict[str, Any] = json.loads(out)
    return figures


def make_chain(folder: Path) -> tuple[Path, Path]:
    """Make a self-signed certificate for 127.0.0.1.

    Returns (what a client trusts, chain with key).
    """
    folder.mkdir(parents=True, exist_ok=True)
    key, cert, chain = folder / "key.pem", folder / "cert.pem", folder / "chain.pem"
    if not chain.exists():
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "30",
                "-subj",
                "/CN=127.0.0.1",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                str(key),
                "-out",
                str(cert),
            ],
            check=True,
            capture_output=True,
        )
        chain.write_text(cert.read_text() + key.read_text())
        chain.chmod(0o600)
    return cert, chain


class Rig:
    """One lane process against one peer; pages and processes are gone when the block ends.

    is_whole: every check of the gate is on.  When this process is killed the lane finds out as the
    appliance's do, by its supervisor's pidfd, and the kernel ends the peer.
    """

    def __init__(
        self,
        strategy: str,
        count: int,
        mode: str = "trade",
        tls: bool = False,
        warmup: int = 3000,
        is_whole: bool = False,
    ) -> None:
        scheme, cert, ca = "ws", "-", None
        if tls:
            trusted, chain = make_chain(BUILD / "tls")
            scheme, cert, ca = "wss", str(chain), str(trusted)
        peer = (
            compiler("peer.c", "peer-tls", "-DWITH_TLS", "-lssl", "-lcrypto")
            if tls
            else compiler("peer.c", "peer")
        )
        for path in stale("bench[0-9]*"):
            path.unlink()  # of a bench that was killed
        deployment = f"bench{os.getpid()}"
        self.pidfd = os.pidfd_open(os.getpid())
        self.peer = subprocess.Popen(
            ["taskset", "-c", str(PEER_CORE), peer, str(count), str(warmup), mode, cert],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.peer.stdout is not None
        port = json.loads(self.peer.stdout.readline())["port"]
        self.page = Page.make(
            deployment, "lane.0", "hp_lane_page_t", lib.HP_PAGE_LANE, LANE_BYTES, 1
        )
        journal = Page.make(
            deployment,
            "journal.0",
            "hp_page_t",
            lib.HP_PAGE_JOURNAL,
            4096 + SEGMENT_BYTES * SEGMENTS,
            1,
        )
        mail_in, mail_out, log = (
            Mail.make(deployment, f"{ring}.0", 1 << 20) for ring in ("mail.in", "mail.out", "log")
        )
        clock = ClockPage(deployment)
        self.pages = [self.page, journal, mail_in.page, mail_out.page, log.page, clock.page]
        where = f"{scheme}://127.0.0.1:{port}"
        spec = {
            "deployment": deployment,
            "codec": "venues.binance.usdm.codec",
            "prefix": "bench",
            "epoch": 1,
            "controls": [],
            "has_authority": False,
            "is_archived": False,
            "read_lag_ms": 2000,
            "bells": {},
            "supervisor": self.pidfd,
            "segment_bytes": SEGMENT_BYTES,
            "segment_count": SEGMENTS,
            "market": [f"{where}/market"],
            "orders": f"{where}/orders",
            "spin": True,
            "core": LANE_CORE,
            "lock": True,
            "ca": ca,
            "rate": [0, 0, 0],
            "clock_ns_max": 50_000_000,  # the check is on, as in `corelane run`
            "clock_warns": True,
            "strategies": [strategy],
            "parameters": [{}],
            "instruments": [
                {
                    "id": 1,
                    "symbol": "BTCUSDT",
                    "limits": LIMITS,
                    "about": {"price_decimals": 1, "size_decimals": 3},
                }
            ],
        }
        self.lane = subprocess.Popen(
            [sys.executable, "-m", "runtime.lanes.process"],
            stdin=subprocess.PIPE,
            cwd=ROOT,
            pass_fds=(self.pidfd,),
        )
        assert self.lane.stdin is not None
        self.lane.stdin.write(json.dumps(whole(spec) if is_whole else spec).encode())
        self.lane.stdin.close()
        mail_in.put(lib.HP_MAIL_LISTEN_KEY, f"{where}/user".encode())
        until, waiting = time.monotonic() + 20, {lib.HP_WANT_LOGON, lib.HP_WANT_OPENING}
        while time.monotonic() < until and self.peer.poll() is None and self.lane.poll() is None:
            taken = mail_out.take()
            if taken is None:
                time.sleep(0.01)
            elif taken[0] == lib.HP_MAIL_WANT and taken[1] == lib.HP_WANT_OPENING:
                end = ffi.new("hp_opening_t *")  # nothing held, nothing working
                end.generation = int.from_bytes(taken[2][4:8], "little")
                mail_in.put(lib.HP_MAIL_OPENING, bytes(ffi.buffer(end)), end.generation)
                money = ffi.new("hp_report_t *", {"kind": lib.HP_REPORT_BALANCE, "asset": 1})
                money.balance_e8, money.match_ns = MUCH, 1
                mail_in.put(lib.HP_MAIL_REPORT, bytes(ffi.buffer(money)))
                waiting.discard(lib.HP_WANT_OPENING)
            elif taken[0] == lib.HP_MAIL_WANT and taken[1] == lib.HP_WANT_LOGON:
                mail_in.put(
                    lib.HP_MAIL_LOGON,
                    b'{"id":"40000000000000000.1","method":"session.logon","params":{"apiKey":"x"}}',
                )
                mail_in.put(
                    lib.HP_MAIL_SNAPSHOT, SNAPSHOT % 1000003 + bytes(lib.HP_FRAME_PAD_BYTES), 1
                )
                waiting.discard(lib.HP_WANT_LOGON)
            if not waiting:
                return
        said: list[str] = []
        while (line := log.take()) is not None:
            said.append(line[2].decode(errors="replace"))
        self.__exit__()
        raise RuntimeError(f"the lane did not come up; it waits for {waiting}, it said {said}")

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.peer, self.lane):
            if process.poll() is None:
                process.kill()
                process.wait()
        os.close(self.pidfd)
        for page in self.pages:
            page.remove()
            page.close()

    def played(self) -> dict[str, Any]:
        """Wait until the peer has played all; return its figures and the lane's counts."""
        out, _ = self.peer.communicate(timeout=900)
        if self.peer.returncode != 0:
            raise RuntimeError(
                f"the peer ended with {self.peer.returncode}; its reason stands above"
            )
        figures: dict[str, Any] = json.loads(out.splitlines()[-1])
        count_of = self.page.view.counters
        for name in (
            "orders_sent",
            "journal_records",
            "fallbacks",
            "frames_parked",
            "frames_before_ack_max",
        ):
            figures[name] = getattr(count_of, name)
        figures["hops_ns"] = {name: self.quantile(n, 500_000) for n, name in enumerate(HOPS)}
        return figures

    def quantile(self, hop: int, per_million: int) -> int:
        return int(lib.hp_histogram_quantile(ffi.addressof(self.page.view.hops, hop), per_million))


def playing(make: Callable[P, Rig]) -> Callable[P, dict[str, Any]]:
    """Return what plays frames through one lane process, told as its rig is.

    It returns the peer's figures and what the lane counted.
    """

    def play(*how: P.args, **more: P.kwargs) -> dict[str, Any]:
        with make(*how, **more) as rig:
            return rig.played()

    return play


wire = playing(Rig)


def memory_kib(pid: int) -> int:
    """RssAnon + RssFile of a process: shared pages (lane page, journal, mail) do not count."""
    lines = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if ":" in line
    )
    return sum(int(lines[name].split()[0]) for name in ("RssAnon", "RssFile"))


def memory(millions: int = 5) -> dict[str, Any]:
    """Play millions of frames; returns the lane's resident memory after each of them, KiB."""
    with Rig("demo", millions * 1_000_000, "flood") as rig:
        assert rig.peer.stdout is not None and rig.peer.stdin is not None
        sizes = []
        for n in range(millions):
            if not rig.peer.stdout.readline():
                raise RuntimeError("the peer ended early")
            while rig.page.view.counters.messages < (n + 1) * 1_000_000:
                time.sleep(0.01)
            sizes.append(memory_kib(rig.lane.pid))
            rig.peer.stdin.write("\n")
            rig.peer.stdin.flush()
        return {
            "messages": millions * 1_000_000,
            "kib_after_each_million": sizes,
            "growth_kib": sizes[-1] - sizes[0],
        }
