"""A supervisor for a drill, as a process of its own: embedded venue, appliance, sentinel.

    python -m ops.sentinel_stage < specification.json

Prints one line of JSON when its lane is armed, leaves when its standard input ends.  The drill
stops this very process: whoever drives it must not live in it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.appliance import Appliance
from runtime.sentinel.plan import Bounds, Guard
from runtime.settings import FLATTEN, Settings
from runtime.supervise.control_socket import ControlServer
from runtime.supervise.embedded import EmbeddedVenue
from venues.binance.usdm.session import Endpoints

DRILL_WEIGHT = 1_000_000  # the embedded venue has no limits here: rounds follow each other


def settings(spec: dict[str, Any]) -> Settings:
    """Return what the drill's appliance is told."""
    return Settings(
        deployment=spec["deployment"],
        symbols=spec["symbols"],
        strategies=[spec.get("strategy", "strategies.drill.rest:Rest")],
        parameters=[spec.get("parameters", {})],
        lock=False,
        spin=spec.get("spin", False),
        rate=(20_000, 20_000, 100),
        order_notional_max=10**7,
        position_notional_max=spec.get("position_notional_max", 10**9),
        open_orders_max=220,
        band_bps=2_000,
        sigma_tenths=-1,  # its orders rest far from the touch on purpose
        distance_bps_max=-1,
        typical_times_max=-1,
        segment_bytes=4 * 1024 * 1024,
        read_lag_ms=300,
        cancel_scope=spec["cancel_scope"],
        lease_ms=spec.get("lease_ms", 0),
        flatten={**FLATTEN, **spec.get("flatten", {})},
        dead_man_ms=spec.get("dead_man_ms", 0),
    )


class Served:
    """A venue that somebody else serves: it outlives this process."""

    def __init__(self, addresses: dict[str, Any]) -> None:
        keys = json.loads(Path(addresses["credentials"]).read_text())
        self.endpoints = Endpoints(
            rest=addresses["rest"], streams=addresses["ws"], orders=addresses["ws_api"]
        )
        self.api_key: str = keys["ed25519"]["api_key"]
        self.key_path = Path(keys["ed25519"]["private_key_file"])
        self.sentinel_key = (str(keys["hmac"]["api_key"]), Path(keys["hmac"]["secret_file"]))
        self.ca: str | None = addresses.get("ca")
        self.pid = 0

    async def __aenter__(self) -> Served:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


async def serve(spec: dict[str, Any], say: Callable[[str], None]) -> None:
    told = settings(spec)
    folder = Path(spec["folder"])
    served: EmbeddedVenue | Served
    if "venue" in spec:
        served = Served(spec["venue"])
    else:
        served = EmbeddedVenue(
            folder, spec["symbols"], rate=spec.get("rate", 1.0), limits=False, tls=spec["tls"]
        )
    async with served as venue:
        key = venue.sentinel_key
        if spec.get("pem"):  # the other kind of key
            key = (venue.api_key, venue.key_path)
        told.guard = Guard(
            *key,
            bounds=Bounds(**spec.get("bounds", {})),
            weight_per_minute=spec.get("weight_per_minute", DRILL_WEIGHT),
        )
        appliance = Appliance(
            told, venue.endpoints, venue.api_key, venue.key_path, venue.ca, say
        )
        asked = asyncio.Event()
        door = None
        try:
            await appliance.start()
            door = ControlServer(
                told.deployment,
                appliance.control,
                asked.set,
                say,
                asked=appliance.asked,
                signal=appliance.signalled,
                check=appliance.pre_check,
                limits=appliance.ask_authority,
            )
            await door.start()
            if spec.get("waits", True):
                await appliance.armed()
            print(
                json.dumps(
                    {
                        "rest": venue.endpoints.rest,
                        "venue_pid": venue.pid,
                        "ca": venue.ca,
                        "api_key": venue.api_key,
                        "key_path": str(venue.key_path),
                    }
                ),
                flush=True,
            )
            reader = asyncio.StreamReader()
            await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
            )
            ends = {asyncio.ensure_future(reader.read()), asyncio.ensure_future(asked.wait())}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await appliance.drain(3)
        finally:
            if door is not None:
                await door.close()
            await appliance.abandon()
            await appliance.close()


def main() -> int:
    import uvloop

    spec = json.loads(sys.stdin.readline())

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(spec, say))
    return 0


if __name__ == "__main__":
    sys.exit(main())
