"""exchangeInfo of spot and COIN-M to a lane's instrument, exactly."""

from __future__ import annotations

import json
import lzma

import pytest

from tests.venues.conftest import data_folder
from venues.binance.coinm import reference as coinm
from venues.binance.reference import INVERSE, SPOT, ReferenceDataError
from venues.binance.spot import reference as spot
from venues.binance.usdm import reference as usdm

SPOT_ENTRY = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAssetPrecision": 8,
    "filters": [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": "0.01000000",
            "maxPrice": "1000000.00000000",
            "tickSize": "0.01000000",
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": "0.00001000",
            "maxQty": "9000.00000000",
            "stepSize": "0.00001000",
        },
        {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    ],
}
COINM_ENTRY = {
    "symbol": "BTCUSD_PERP",
    "contractStatus": "TRADING",
    "contractSize": 100,
    "filters": [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": "1000",
            "maxPrice": "1000000",
            "tickSize": "0.1",
        },
        {"filterType": "LOT_SIZE", "stepSize": "1", "maxQty": "1000000", "minQty": "1"},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
    ],
}


def test_spot_sizes_are_on_the_assets_scale_because_old_levels_are_finer_than_the_step():
    found = spot.instrument(SPOT_ENTRY)
    assert (found["price_decimals"], found["size_decimals"]) == (2, 8)
    assert (found["step_size_lots"], found["size_min_lots"]) == (1000, 1000)
    assert (found["contract"], found["notional_min_e8"]) == (SPOT, 5 * 10**8)
    assert (found["open_orders_max"], found["status"]) == (200, 1)


def test_spot_scale_of_a_coin_traded_in_billions_leaves_room_for_a_level():
    filters = [dict(f) for f in SPOT_ENTRY["filters"]]
    filters[1] |= {"minQty": "1.00", "stepSize": "1.00", "maxQty": "92141578000.00"}
    found = spot.instrument({**SPOT_ENTRY, "filters": filters})
    assert found["size_decimals"] == 4
    assert found["size_max_lots"] * 1000 < 2**62


def test_bound_finer_than_its_tick_is_the_last_tick_inside():
    filters = [dict(f) for f in SPOT_ENTRY["filters"]]
    filters[0] |= {"minPrice": "1.7433", "maxPrice": "112.383", "tickSize": "0.10"}
    found = spot.instrument({**SPOT_ENTRY, "filters": filters})
    assert (found["price_min_ticks"], found["price_max_ticks"]) == (18, 1123)


def test_coin_margined_contract_is_inverse_and_so_many_units_of_quote():
    found = coinm.instrument(COINM_ENTRY)
    assert (found["contract"], found["multiplier_e8"]) == (INVERSE, 100 * 10**8)
    assert (found["price_decimals"], found["size_decimals"]) == (1, 0)
    assert "notional_min_e8" not in found


def test_contract_without_its_size_is_refused():
    entry = {key: value for key, value in COINM_ENTRY.items() if key != "contractSize"}
    with pytest.raises(ReferenceDataError, match="BTCUSD_PERP has no contractSize"):
        coinm.instrument(entry)


@pytest.mark.requires_data
@pytest.mark.parametrize(
    ("market", "path", "count"),
    [
        (spot, "binance_spot/cryptofeed_BINANCE.0.xz", 1695),
        (usdm, "binance_usdm/cryptofeed_BINANCE_FUTURES.0.xz", 122),
        (coinm, "binance_coinm/cryptofeed_BINANCE_DELIVERY.0.xz", 36),
    ],
)
def test_every_symbol_of_a_recorded_exchange_info_is_an_instrument(market, path, count):
    if not (data_folder() / path).exists():
        pytest.skip(f"requires_data: no {data_folder() / path} (CORELANE_DATA)")
    with lzma.open(data_folder() / path, "rt") as lines:
        symbols = json.loads(next(lines).partition(": ")[2])["symbols"]
    found = [market.instrument(entry) for entry in symbols]
    assert len(found) == count
    assert all(one["tick_size_ticks"] > 0 and one["step_size_lots"] > 0 for one in found)
