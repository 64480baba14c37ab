"""An appliance over real sockets against the embedded venue, on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from runtime._shm import ffi
from runtime.appliance import Appliance
from runtime.settings import Settings
from venues.binance.usdm.session import Endpoints
from venues.simulator.options import ServeOptions
from venues.simulator.spawn import spawn

SYMBOLS = ("BTCUSDT", "ETHUSDT")
PATIENCE_S = 90.0  # for what is sure to come, however busy the machine is
QUOTER = f"{Path(__file__).with_name('quoter.py')}:Quoter"


class LiveStage:
    """`with LiveStage(folder) as stage`: a lane quotes both instruments until the block ends.

    A spinning lane would take half of a small machine from other tests: it blocks here.
    """

    def __init__(
        self,
        folder: Path,
        name="feeds",
        spin=False,
        streams=None,
        prepare=None,
        venue=None,
        **settings,
    ):
        """streams: {kind: changed bounds of limits.toml}; prepare(appliance): before it starts;
        venue: other options of the embedded venue.
        """
        self.venue_options = {"rate": 2.0, "symbols": SYMBOLS, **(venue or {})}
        self.folder = folder
        self.streams = streams or {}
        self.prepare = prepare or (lambda appliance: None)
        self.name = f"{name}{os.getpid()}"
        self.settings = {"spin": spin, "stale_ms": 1500, **settings}
        self.lines = []

    def __enter__(self):
        self.patch = pytest.MonkeyPatch()  # a stage of other tests may have a home of its own
        self.patch.setenv("XDG_STATE_HOME", str(self.folder))
        try:
            return self.start()
        except BaseException:
            self.patch.undo()
            raise

    def start(self):
        self.venue = spawn(ServeOptions(directory=self.folder, **self.venue_options))
        self.venue.__enter__()
        self.ready, self.over = threading.Event(), None
        self.thread = threading.Thread(target=lambda: asyncio.run(self.main()))
        self.thread.start()
        assert self.ready.wait(PATIENCE_S), self.lines
        if self.over is None:
            self.thread.join()
            self.venue.__exit__(None, None, None)
            raise RuntimeError(f"the appliance did not start: {self.lines}")
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join(PATIENCE_S)
        self.venue.__exit__(None, None, None)
        self.patch.undo()

    async def main(self):
        self.loop = asyncio.get_running_loop()
        at, keys = self.venue.addresses, self.venue.credentials()["ed25519"]
        endpoints = Endpoints(rest=at["rest"], streams=at["ws"], orders=at["ws_api"])
        settings = Settings(
            deployment=self.name,
            symbols=list(SYMBOLS),
            lock=False,
            **{"strategies": [QUOTER], **self.settings},
        )
        self.appliance = Appliance(
            settings,
            endpoints,
            keys["api_key"],
            Path(keys["private_key_file"]),
            None,
            self.lines.append,
        )
        for kind, bounds in self.streams.items():
            self.appliance.rules.feed_limits.streams[kind].update(bounds)
        self.prepare(self.appliance)
        try:
            await self.appliance.start()
            self.over = asyncio.Event()
            self.ready.set()
            await self.over.wait()
            self.code = await self.appliance.drain()
        except Exception as error:
            self.lines.append(repr(error))
            raise
        finally:
            self.ready.set()
            await self.appliance.abandon()
            await self.appliance.close()

    # what tests ask

    @property
    def page(self):
        return self.appliance.lane_page.view

    def id(self, symbol):
        return next(n for n, name in self.appliance.symbols.items() if name == symbol)

    def feed(self, symbol="BTCUSDT"):
        return self.page.feeds[self.id(symbol)]

    def top(self, symbol="BTCUSDT"):
        return self.page.tops[self.id(symbol)]

    def wanted(self, symbol="BTCUSDT"):
        """Snapshots asked for, by cause."""
        causes = ffi.typeof("enum hp_resync_reason").elements
        return {
            causes[n].removeprefix("HP_RESYNC_"): count
            for n, count in enumerate(self.feed(symbol).wanted)
            if count
        }

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.venue.addresses["rest"] + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        return json.loads(urllib.request.urlopen(request, timeout=30).read())

    def fault(self, kind, **details):
        return self.call("POST", "/sim/fault", {"kind": kind, **details})

    @contextlib.contextmanager
    def armed(self, kind, **details):
        """Arm a fault for as long as the block lasts: whoever asks meets it, polls too."""
        self.fault(kind, **details, count=1_000_000)
        try:
            yield
        finally:
            self.fault("disarm", fault=kind)

    def open_orders(self, symbol):
        found = self.call("GET", "/sim/record?lists=1")["orders"]
        done = ("FILLED", "CANCELED", "EXPIRED", "REJECTED")
        return [o for o in found if o["symbol"] == symbol and o["status"] not in done]

    def until(self, wanted, seconds=PATIENCE_S):
        """Wait until something is true; say what was seen when it never is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = wanted()
            if found:
                return found
            time.sleep(0.01)
        raise AssertionError(f"not within {seconds} s; the lane said {self.lines[-8:]}")

    def quoting(self):
        """Wait until both books are good and both quotes rest."""
        self.until(lambda: all(self.top(s).state == 2 for s in SYMBOLS))
        self.until(lambda: self.page.counters.open_orders >= len(SYMBOLS))
        return self
