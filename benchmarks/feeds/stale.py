"""How long from the moment at which a book is too old to the last cancel on the wire?

Input:  the embedded venue; a lane that keeps some orders resting on each of two books
Load:   the depth stream of one book falls silent on a live socket, again and again
Needs:  two cores: the lane on one (spinning, unless asked to block), the venue on the other
Bar:    p99 at most 5 ms
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime._shm import ffi, lib
from runtime.appliance import Appliance, Settings
from runtime.embedded import EmbeddedVenue

SYMBOLS = ["BTCUSDT", "ETHUSDT"]
QUOTER = "benchmarks.feeds.quoter:Quoter"
WAIT_S = 30.0
SILENCE_MS = 1200  # longer than any bound of a book


class StaleBenchError(RuntimeError):
    """The lane or the venue did not do what a trial needs."""


async def until(wanted: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WAIT_S
    while not wanted():
        if time.monotonic() > end:
            raise StaleBenchError(f"{what}: not within {WAIT_S:.0f} s")
        await asyncio.sleep(0.005)


async def trials(appliance: Appliance, venue: EmbeddedVenue, count: int, orders: int) -> None:
    view = appliance.lane_page.view
    ids = {symbol: number for number, symbol in appliance.symbols.items()}
    hop = view.hops[lib.HP_HOP_STALE_OUT]
    for n in range(count):
        symbol = SYMBOLS[n % 2]
        await until(
            lambda: view.counters.open_orders >= orders * len(SYMBOLS), "orders that rest again"
        )
        before = hop.count
        silence = {"kind": "silence_stream", "stream": f"{symbol.lower()}@depth@0ms"}
        await venue.call("POST", "/sim/fault", {**silence, "ms": SILENCE_MS})
        await until(lambda b=before: hop.count > b, f"cancels of {symbol}")  # type: ignore[misc]
        top = view.tops[ids[symbol]]
        await until(
            lambda t=top: t.state == lib.HP_BOOK_SYNCED,  # type: ignore[misc]
            f"{symbol} in sequence again",
        )


async def play(folder: Path, count: int, orders: int, spin: bool) -> dict[str, Any]:
    said: list[str] = []
    settings = Settings(
        deployment=f"bench{os.getpid()}",
        symbols=SYMBOLS,
        strategies=[QUOTER],
        parameters=[{"orders": orders}],
        spin=spin,
        core=1 if spin else None,
        open_orders_max=orders * 2,
        order_notional_max=20_000,
        position_notional_max=1_000_000,
        rate=(250, 250, 50),
    )
    os.environ["XDG_STATE_HOME"] = str(folder)
    async with EmbeddedVenue(folder, SYMBOLS, core=0, rate=2.0) as venue:
        appliance = Appliance(
            settings, venue.endpoints, venue.api_key, venue.key_path, venue.ca, said.append
        )
        try:
            await appliance.start()
            await trials(appliance, venue, count, orders)
            view = appliance.lane_page.view
            hop = ffi.addressof(view.hops, lib.HP_HOP_STALE_OUT)
            figures = {
                "mode": "spinning" if spin else "blocking",
                "count": int(hop.count),
                "orders": orders,
                "bound_ms": appliance.feed_limits.book_quote_ms,
                **{
                    f"{name}_us": lib.hp_histogram_quantile(hop, share) / 1000
                    for name, share in (("p50", 500_000), ("p99", 990_000))
                },
                "max_us": hop.max / 1000,
                # what others took of the lane's core: with much of it the figures are theirs
                "taken_max_us": view.hiccup.gaps.max / 1000 if spin else None,
            }
            await appliance.drain()
            return figures
        except StaleBenchError as error:
            raise StaleBenchError(f"{error}; the lane said {said[-5:]}") from error
        finally:
            await appliance.abandon()
            await appliance.close()


def stale(count: int, orders: int = 4) -> list[dict[str, Any]]:
    """Return the figures of a spinning and of a blocking lane."""
    affinity = os.sched_getaffinity(0)
    out = []
    for spin in (True, False):
        if spin:
            os.sched_setaffinity(0, {0})
        try:
            with tempfile.TemporaryDirectory(prefix="corelane-bench-") as folder:
                out.append(asyncio.run(play(Path(folder), count, orders, spin)))
        finally:
            os.sched_setaffinity(0, affinity)
    return out


if __name__ == "__main__":
    print(stale(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
