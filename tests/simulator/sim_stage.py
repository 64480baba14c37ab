"""A running venue and scenarios played on it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import aiohttp
from sim_client import Client

from venues.simulator.spawn import SpawnedVenue

SCENARIO_S_MAX = 120.0
Scenario = Callable[..., Awaitable[None]]


class Stage:
    """A running venue and a way to play scenarios on it with accounts nobody used before."""

    def __init__(self, venue: SpawnedVenue) -> None:
        self.venue = venue
        self.addresses = venue.addresses
        self._keys = iter(venue.credentials()["accounts"])

    def play(self, scenario: Scenario, accounts: int = 1, clean: bool = True) -> None:
        """Run a coroutine with one client per account; cancel afterwards what still rests."""
        keys = list(itertools.islice(self._keys, accounts))
        assert len(keys) == accounts, "the shared venue has no unused account left"

        async def main() -> None:
            async with aiohttp.ClientSession() as http:
                clients = [Client(self.addresses, http, one) for one in keys]
                try:
                    async with asyncio.timeout(SCENARIO_S_MAX):
                        await scenario(*clients)
                finally:
                    for client in clients if clean else ():
                        for order in await client.rest("GET", "/fapi/v1/openOrders", sign="hmac"):
                            named = {"symbol": order["symbol"]}
                            await client.rest("DELETE", "/fapi/v1/allOpenOrders", named, "hmac")

        asyncio.run(main())
