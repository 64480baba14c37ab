"""How long from the moment at which a book is too old to the last cancel on the wire?

Input:  the embedded venue; a lane that keeps some orders resting on each of two books
Load:   the depth stream of one book falls silent on a live socket, again and again
Needs:  two cores: the lane on one (spinning, unless asked to block), the venue on the other
Bar:    p99 at most 5 ms

Beside each trial stands what others took: how long the lane was ready to run and did not, by
the kernel's count, from two looks before the cancels (10 ms each) to the look that sees them.
Trials in which that is next to nothing are the lane's figure; all of them are this machine's.
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
from runtime.appliance import Appliance, plan
from runtime.settings import Settings
from runtime.supervise.embedded import EmbeddedVenue
from runtime.supervise.topology import Topology

SYMBOLS = ["BTCUSDT", "ETHUSDT"]
QUOTER = "benchmarks.feeds.quoter:Quoter"
WAIT_S = 30.0
SILENCE_MS = 600  # longer than any bound of a book
LOOK_S = 0.01
UNDISTURBED_US = 100.0


class StaleBenchError(RuntimeError):
    """The lane or the venue did not do what a trial needs."""


class Waits:
    """What others took of a process, in nanoseconds, look by look."""

    def __init__(self, pid: int) -> None:
        self.path = Path(f"/proc/{pid}/schedstat")
        self.looks = [self.read()] * 3

    def read(self) -> int:
        return int(self.path.read_text().split()[1])

    def look(self) -> None:
        self.looks = [*self.looks[1:], self.read()]

    @property
    def recent_us(self) -> float:
        return (self.looks[-1] - self.looks[0]) / 1000


async def until(wanted: Callable[[], bool], what: str, waits: Waits) -> None:
    end = time.monotonic() + WAIT_S
    while not wanted():
        if time.monotonic() > end:
            raise StaleBenchError(f"{what}: not within {WAIT_S:.0f} s")
        await asyncio.sleep(LOOK_S)
        waits.look()


async def trials(
    appliance: Appliance, venue: EmbeddedVenue, count: int, orders: int
) -> list[tuple[float, float]]:
    """Return of each trial the microseconds that it took, and those that others took."""
    view = appliance.lane_page.view
    waits = Waits(view.page.writer_pid)
    ids = {symbol: number for number, symbol in appliance.symbols.items()}
    hop = view.hops[lib.HP_HOP_STALE_OUT]
    wanted = orders * len(SYMBOLS)
    out = []
    for n in range(count):
        symbol = SYMBOLS[n % 2]
        await until(lambda: view.counters.open_orders >= wanted, "orders that rest again", waits)
        before, spent = hop.count, hop.sum
        silence = {"kind": "silence_stream", "stream": f"{symbol.lower()}@depth@0ms"}
        await venue.call("POST", "/sim/fault", {**silence, "ms": SILENCE_MS})
        await until(lambda b=before: hop.count > b, f"cancels of {symbol}", waits)  # type: ignore[misc]
        out.append(((hop.sum - spent) / (hop.count - before) / 1000, waits.recent_us))
        top = view.tops[ids[symbol]]
        await until(
            lambda t=top: t.state == lib.HP_BOOK_SYNCED,  # type: ignore[misc]
            f"{symbol} in sequence again",
            waits,
        )
    return out


def quantiles(values: list[float]) -> dict[str, Any]:
    """Return count, median, p99 and the largest, exact."""
    ranked = sorted(values)
    if not ranked:
        return {"count": 0, "p50_us": None, "p99_us": None, "max_us": None}
    at = [ranked[min(len(ranked) - 1, int(len(ranked) * share))] for share in (0.5, 0.99)]
    return {"count": len(ranked), "p50_us": at[0], "p99_us": at[1], "max_us": ranked[-1]}


def settings_of(orders: int, spin: bool) -> Settings:
    return Settings(
        deployment=f"bench{os.getpid()}",
        symbols=SYMBOLS,
        strategies=[QUOTER],
        parameters=[{"orders": orders}],
        spin=spin,
        core=1,
        open_orders_max=orders * 2,
        order_notional_max=20_000,
        position_notional_max=1_000_000,
        rate=(250, 250, 50),
    )


async def play(
    folder: Path, count: int, orders: int, settings: Settings, topology: Topology
) -> dict[str, Any]:
    said: list[str] = []
    os.environ["XDG_STATE_HOME"] = str(folder)
    async with EmbeddedVenue(folder, SYMBOLS, core=0, rate=2.0) as venue:
        appliance = Appliance(
            settings,
            venue.endpoints,
            venue.api_key,
            venue.key_path,
            venue.ca,
            said.append,
            topology=topology,
        )
        try:
            await appliance.start()
            view = appliance.lane_page.view
            if bool(view.is_spinning) != settings.spin:
                raise StaleBenchError(
                    f"the lane {'spins' if view.is_spinning else 'blocks'} on core {view.core};"
                    f" planned was {topology.text}"
                )
            found = await trials(appliance, venue, count, orders)
            hop = ffi.addressof(view.hops, lib.HP_HOP_STALE_OUT)
            figures = {
                "mode": "spinning" if settings.spin else "blocking",
                "orders": orders,
                "bound_ms": appliance.rules.feed_limits.book_quote_ms,
                **quantiles([took for took, _ in found]),
                "histogram_p99_us": lib.hp_histogram_quantile(hop, 990_000) / 1000,
                "undisturbed": quantiles([t for t, taken in found if taken < UNDISTURBED_US]),
                "taken_us": quantiles([taken for _, taken in found]),
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
        settings = settings_of(orders, spin)
        topology = plan(settings)  # while this process may still use the lane's core
        os.sched_setaffinity(0, topology.cold_cores)
        try:
            with tempfile.TemporaryDirectory(prefix="corelane-bench-") as folder:
                out.append(asyncio.run(play(Path(folder), count, orders, settings, topology)))
        finally:
            os.sched_setaffinity(0, affinity)
    return out


if __name__ == "__main__":
    print(stale(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
