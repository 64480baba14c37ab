"""exchangeInfo to a lane's instrument, exactly."""

import pytest

from venues.binance.usdm import reference

ENTRY = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "filters": [
        {
            "filterType": "PRICE_FILTER",
            "tickSize": "0.10",
            "minPrice": "556.80",
            "maxPrice": "4529764",
        },
        {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
    ],
}


def test_filters_become_ticks_and_lots():
    found = reference.instrument(ENTRY)
    assert (found["price_decimals"], found["size_decimals"]) == (1, 3)
    assert (found["tick_size_ticks"], found["price_min_ticks"], found["price_max_ticks"]) == (
        1,
        5568,
        45297640,
    )
    assert (found["step_size_lots"], found["size_min_lots"], found["size_max_lots"]) == (
        1,
        1,
        1_000_000,
    )
    assert (found["notional_min_e8"], found["open_orders_max"], found["status"]) == (
        100 * 10**8,
        200,
        1,
    )


def test_tick_larger_than_its_last_decimal_is_kept():
    entry = {
        **ENTRY,
        "filters": [{**ENTRY["filters"][0], "tickSize": "0.5"}, *ENTRY["filters"][1:]],
    }
    assert reference.instrument(entry)["tick_size_ticks"] == 5


def test_missing_filter_is_named():
    with pytest.raises(reference.ReferenceDataError, match="BTCUSDT has no filter LOT_SIZE"):
        reference.instrument({**ENTRY, "filters": ENTRY["filters"][:1]})


def test_value_finer_than_its_scale_is_refused():
    with pytest.raises(reference.ReferenceDataError, match="finer than 1 decimals"):
        reference.scaled("0.25", 1, "x")


def test_unknown_status_trades_nothing():
    assert reference.instrument({**ENTRY, "status": "SOMETHING_NEW"})["status"] == 0
