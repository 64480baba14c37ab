"""What the screen says that an open position would bring."""

import pytest

from runtime._shm import ffi, lib
from runtime.show.observer import open_value


def top_of(contract, multiplier, size_decimals, bid=499_999, ask=500_001):
    return ffi.new(
        "hp_top_t *",
        {
            "contract": contract,
            "multiplier_e8": multiplier * 10**8,
            "price_decimals": 1,
            "size_decimals": size_decimals,
            "bid_ticks": bid,
            "bid_lots": 1,
            "ask_ticks": ask,
            "ask_lots": 1,
        },
    )


@pytest.mark.parametrize(
    ("contract", "multiplier", "size_decimals", "lots", "cost", "brings"),
    [
        (lib.HP_CONTRACT_LINEAR, 1, 3, 10, 400 * 10**8, 100 * 10**8),  # 0.010 at 40,000 quote
        (lib.HP_CONTRACT_LINEAR, 1, 3, -10, -400 * 10**8, -100 * 10**8),
        (lib.HP_CONTRACT_INVERSE, 100, 0, 10, 2_500_000, 500_000),  # 1000 USD at 40,000: coins
        (lib.HP_CONTRACT_INVERSE, 100, 0, -10, -2_500_000, -500_000),
    ],
)
def test_open_position_brings_what_its_contract_settles_in(
    contract, multiplier, size_decimals, lots, cost, brings
):
    assert open_value(top_of(contract, multiplier, size_decimals), lots, cost) == brings


def test_position_without_both_sides_of_a_book_brings_nothing_yet():
    top = top_of(lib.HP_CONTRACT_LINEAR, 1, 3)
    top.ask_lots = 0
    assert open_value(top, 10, 400 * 10**8) == 0
