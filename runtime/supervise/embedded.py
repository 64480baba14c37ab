"""The embedded venue as a child process of `corelane run`.

Owns:    its start, its addresses and credentials, its record, its end.
Refuses: knowing how it works inside (venues/simulator).
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from venues.binance.usdm.session import Endpoints

START_SECONDS = 20.0


class VenueStartError(Exception):
    """The embedded venue did not come up."""


class EmbeddedVenue:
    """`async with EmbeddedVenue(folder, symbols) as venue`: serving until the block ends."""

    def __init__(
        self,
        folder: Path,
        symbols: list[str],
        *,
        seed: int = 1,
        tls: bool = False,
        rate: float = 1.0,
        core: int | None = None,
        limits: bool = True,
    ) -> None:
        self.folder = folder
        core_arguments = [] if core is None else [f"--core={core}"]
        self.command = [
            sys.executable,
            "-m",
            "venues.simulator",
            f"--symbols={','.join(symbols)}",
            f"--seed={seed}",
            f"--rate={rate}",
            f"--directory={folder}",
            "--json",
            "--exit-with-stdin",
            *(["--tls"] if tls else []),
            *([] if limits else ["--no-limits"]),
            *core_arguments,
        ]
        self.process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> EmbeddedVenue:
        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # a terminal's Ctrl-C must not end the venue before the drain
        )
        assert self.process.stdout is not None
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), START_SECONDS)
        except TimeoutError:
            self.process.kill()
            raise VenueStartError(
                f"the embedded venue said nothing for {START_SECONDS:.0f} s"
            ) from None
        if not line:
            raise VenueStartError(
                f"the embedded venue ended with code {await self.process.wait()}; "
                "its reason stands above"
            )
        facts = json.loads(line)
        credentials = json.loads(Path(facts["credentials"]).read_text())
        self.endpoints = Endpoints(rest=facts["rest"], streams=facts["ws"], orders=facts["ws_api"])
        self.api_key: str = credentials["ed25519"]["api_key"]
        self.key_path = Path(credentials["ed25519"]["private_key_file"])
        # The account's second key: the sentinel's own.
        self.sentinel_key = (
            str(credentials["hmac"]["api_key"]),
            Path(credentials["hmac"]["secret_file"]),
        )
        self.ca: str | None = facts.get("ca")
        self.pid: int = facts["pid"]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            assert self.process.stdin is not None
            self.process.stdin.close()  # --exit-with-stdin
            try:
                await asyncio.wait_for(self.process.wait(), 5)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call a /sim endpoint."""
        context = ssl.create_default_context(cafile=self.ca) if self.ca else True
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http,
            http.request(method, self.endpoints.rest + path, json=body, ssl=context) as answer,
        ):
            return json.loads(await answer.read())

    async def record(self) -> dict[str, Any]:
        """Return the venue's own sums.

        Orders, fills, positions (lots by symbol), realised PnL, fees.
        """
        found = await self.call("GET", "/sim/record")
        if os.environ.get("CORELANE_KEEP_RECORD"):
            Path(os.environ["CORELANE_KEEP_RECORD"]).write_text(json.dumps(found))
        positions: dict[str, int] = {}
        for held in found["positions"]:
            positions[held["symbol"]] = positions.get(held["symbol"], 0) + held["lots"]
        return {
            "orders": found["counts"]["order"] + rejected_orders(found),
            "orders_accepted": found["counts"]["order"],
            "fills": found["counts"]["fill"],
            "fills_buy": found["filled"]["BUY"]["fills"],
            "fills_sell": found["filled"]["SELL"]["fills"],
            "open_orders": found["open_orders"],
            "positions": positions,
            "realised_e8": e8(found["realized"]),
            "fees_e8": e8(found["fees"]),
        }


def rejected_orders(found: dict[str, Any]) -> int:
    """Count order.place requests that the venue refused: they were sent all the same."""
    return int(found["refused"]["place"])


def e8(text: str) -> int:
    """Return a decimal text in 1e-8 units, exactly."""
    return int(Decimal(text).scaleb(8))
