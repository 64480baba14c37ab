"""Rate limits on a virtual clock and over a socket; the dead-man timer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from sim_client import limit
from sim_stage import Stage

from venues.simulator.options import ServeOptions
from venues.simulator.spawn import spawn
from venues.simulator.usdm.errors import VenueError
from venues.simulator.usdm.quota import BAN_MS, WARNINGS, Limits, Quota

NOW = 1_700_000_040_000  # the first ms of a minute


def refusal(quota: Quota, weight: int, now_ms: int) -> VenueError:
    with pytest.raises(VenueError) as caught:
        quota.spend("a", weight, now_ms)
    return caught.value


def test_weight_is_refused_over_the_limit_and_returns_with_the_minute():
    quota = Quota(Limits(weight_1m=10))
    assert quota.spend("a", 4, NOW) == 4
    assert quota.spend("a", 6, NOW + 59_999) == 10
    error = refusal(quota, 1, NOW + 59_999)
    assert (error.status, error.code, error.retry_s) == (429, -1003, 1)
    assert quota.spend("b", 10, NOW + 59_999) == 10  # another address
    assert quota.spend("a", 10, NOW + 60_000) == 10


def test_address_that_does_not_stop_is_banned():
    quota = Quota(Limits(weight_1m=1))
    quota.spend("a", 1, NOW)
    statuses = [refusal(quota, 1, NOW + 1).status for _ in range(WARNINGS + 2)]
    assert statuses == [429] * WARNINGS + [418] * 2
    assert refusal(quota, 0, NOW + BAN_MS - 1).status == 418
    assert quota.spend("a", 1, NOW + BAN_MS + 1) == 1


def test_orders_are_counted_in_both_windows():
    quota = Quota(Limits(orders_10s=3, orders_1m=5))
    for number in range(3):
        assert quota.spend_order(1, NOW) == (number + 1, number + 1)
    with pytest.raises(VenueError) as caught:
        quota.spend_order(1, NOW)
    assert (caught.value.code, caught.value.status) == (-1015, 429)
    assert quota.spend_order(2, NOW) == (1, 1)
    quota.spend_order(1, NOW + 10_000)
    assert quota.spend_order(1, NOW + 10_000) == (2, 5)
    with pytest.raises(VenueError, match="5 orders per 1 MINUTE"):
        quota.spend_order(1, NOW + 20_000)


@pytest.fixture(scope="module")
def strict() -> Iterator[Stage]:
    with spawn(ServeOptions(rate=0.0, accounts=("a", "b", "c"))) as venue:
        yield Stage(venue)


def test_headers_count_weight_and_orders_and_429_comes_with_retry_after(strict):
    async def scenario(client):
        await client.rest("POST", "/fapi/v1/order", limit("BUY", "99000.1"), "hmac")
        assert client.headers["X-MBX-ORDER-COUNT-10S"] == "1"
        assert client.headers["X-MBX-ORDER-COUNT-1M"] == "1"
        before = int(client.headers["X-MBX-USED-WEIGHT-1M"])
        async with client.api(logon=False) as api:
            answer = await api.call("depth", {"symbol": "BTCUSDT", "limit": "1000"})
            (report,) = answer["rateLimits"]
            assert report["limit"] == 2_400 and report["count"] == before + 20
            for _ in range(1_000):  # 120 fill a minute's weight; a slow minute may end before
                answer = await api.call("depth", {"symbol": "BTCUSDT", "limit": "1000"})
                if answer["status"] != 200:
                    break
            assert (answer["status"], answer["error"]["code"]) == (429, -1003)
            assert answer["error"]["data"]["retryAfter"] > answer["error"]["data"]["serverTime"]
            wanted = {"symbol": "BTCUSDT", "limit": 1000}
            await client.rest("GET", "/fapi/v1/depth", wanted, status=429)
            assert 1 <= int(client.headers["Retry-After"]) <= 61
            # orders weigh nothing here: they still pass
            await client.rest("POST", "/fapi/v1/order", limit("BUY", "99000.1"), "hmac")
            for _ in range(WARNINGS + 1):
                answer = await api.call("depth", wanted)
            assert answer["status"] == 418
            await client.rest("GET", "/fapi/v1/ping", status=418)
            # the clock is the venue's own: two minutes later the ban is over
            await client.fault(kind="clock_skew", ms=BAN_MS + 61_000)
            assert await client.rest("GET", "/fapi/v1/ping") == {}

    strict.play(scenario, clean=False)


def test_dead_mans_timer_cancels_its_symbol_only_when_not_refreshed(still):
    async def scenario(client):
        path = "/fapi/v1/countdownCancelAll"

        async def arm(ms):
            wanted = {"symbol": "BTCUSDT", "countdownTime": ms}
            answer = await client.rest("POST", path, wanted, "hmac")
            assert answer == {"symbol": "BTCUSDT", "countdownTime": str(ms)}

        async with client.user() as told:
            eth = limit("BUY", "5900") | {"symbol": "ETHUSDT"}
            await client.rest("POST", "/fapi/v1/order", eth, "hmac")
            for number in range(3):
                wanted = limit("BUY", "99000.1", newClientOrderId=f"d{number}")
                await client.rest("POST", "/fapi/v1/order", wanted, "hmac")
            await arm(100_000)
            await arm(0)
            await arm(1500)
            await asyncio.sleep(0.2)
            refreshed = time.monotonic()
            await arm(1500)  # nothing happens 1500 ms after the first
            gone = []
            while len(gone) < 3:
                event = await told.next()
                if event["o"]["X"] == "CANCELED":
                    gone.append(event["o"]["c"])
            assert time.monotonic() - refreshed >= 1.5
            assert gone == ["d0", "d1", "d2"]
            left = await client.rest("GET", "/fapi/v1/openOrders", sign="hmac")
            assert [order["symbol"] for order in left] == ["ETHUSDT"]

    still.play(scenario)


def test_listen_key_lives_as_long_as_it_is_extended():
    with spawn(ServeOptions(rate=0.0, listen_key_ms=1500)) as venue:

        async def scenario(client):
            async with client.user() as told:
                await asyncio.sleep(0.2)
                extended = time.monotonic()
                await client.rest("PUT", "/fapi/v1/listenKey", sign="key")
                assert (await told.next())["e"] == "listenKeyExpired"
                assert time.monotonic() - extended >= 1.5

        Stage(venue).play(scenario)
