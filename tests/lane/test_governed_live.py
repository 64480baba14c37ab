"""The governor against the embedded venue: quotas are small, and another client uses them too."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from pathlib import Path

import aiohttp

from runtime._shm import lib
from tests.feeds.live_stage import LiveStage
from venues.binance.usdm.session import Endpoints, Session, VenueError, load_key

STRATEGY = f"{Path(__file__).with_name('governed_strategy.py')}:Restless"
WEIGHT, ORDERS = 900, 60
REFUSED = (lib.HP_VERDICT_QUOTA_NO_RISK, lib.HP_VERDICT_QUOTA_RESERVE)
TIGHT = (lib.HP_QUOTA_NO_RISK, lib.HP_QUOTA_RESERVE)


async def place_foreign(stage, until, seconds=40):
    """Place orders of another client at the lane's own account, far from the market."""
    at, keys = stage.venue.addresses, stage.venue.credentials()["ed25519"]
    endpoints = Endpoints(rest=at["rest"], streams=at["ws"], orders=at["ws_api"])
    top = stage.top()
    price = top.bid_ticks // 10**top.price_decimals * 98 // 100
    async with aiohttp.ClientSession() as http:
        key = load_key(Path(keys["private_key_file"]))
        session = Session(endpoints, keys["api_key"], key, http)
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTX"}
        order |= {"quantity": "0.010", "price": str(price)}
        ends = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < ends
            try:
                await session.request("POST", "/fapi/v1/order", order)
            except VenueError as error:  # it heeds nothing, and is refused at last
                assert error.code == -1015, error
                await asyncio.sleep(0.1)
        await session.cancel_all("BTCUSDT")


def burn_weight(stage, until):
    """Ask for books as another client of this address, until so much of the minute is used."""
    used = 0
    while used < until:
        url = f"{stage.venue.addresses['rest']}/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
        with urllib.request.urlopen(url, timeout=30) as answer:
            used = int(answer.headers["X-MBX-USED-WEIGHT-1M"])


def mode(stage):
    return stage.page.quota.mode


def test_lane_stays_within_a_quota_that_others_use_too(tmp_path):
    """The venue refuses no order; cancels pass, what is UNKNOWN is found out; then it goes on."""
    stage = LiveStage(
        tmp_path,
        name="govern",
        strategies=[STRATEGY],
        venue={"weight_1m": WEIGHT, "orders_10s": ORDERS, "orders_1m": 1000},
        rate=(500, 500, 50),
        guard=None,
        read_lag_ms=200,
    )
    with stage:
        counters, verdicts = stage.page.counters, stage.page.verdicts
        # orders: what it wants is more than it may have, and somebody else takes a third of it
        stage.until(lambda: verdicts[lib.HP_VERDICT_QUOTA_SLOW] > 0)
        asyncio.run(place_foreign(stage, lambda: any(verdicts[code] > 0 for code in REFUSED)))
        assert stage.page.quota.foreign > 0
        left = stage.until(lambda: counters.open_orders == 0 and counters.cancels_sent)
        assert left > 0  # what rested has left although nothing new may come
        sent = counters.orders_sent
        stage.until(lambda: mode(stage) == lib.HP_QUOTA_NORMAL and counters.orders_sent > sent)

        # weight: somebody else at this address uses it up while the fate of orders is not known
        time.sleep(60 - time.time() % 60 if time.time() % 60 > 35 else 0)
        burn_weight(stage, WEIGHT * 80 // 100)
        stage.fault("timeout_answer", count=500)  # whatever is asked of orders: outcome not known
        stage.until(lambda: counters.unknown > 0)
        burn_weight(stage, WEIGHT * 91 // 100)
        stage.until(lambda: mode(stage) in TIGHT)
        stage.until(lambda: counters.unknown_now == 0 and counters.open_orders == 0)
        assert mode(stage) in TIGHT
        assert stage.page.quota.held[lib.HP_RANK_PLACE] > 0
        assert list(stage.page.quota.refusals) == [0, 0], stage.lines[-5:]
        assert counters.orders_refused == 0
