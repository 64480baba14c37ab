"""OKX's instrument lists to a lane's instrument, exactly."""

from __future__ import annotations

import json
import lzma

import pytest

from benchmarks.decode import capture
from venues.okx import reference

SWAP = {
    "instId": "ETH-USDT-SWAP",
    "instType": "SWAP",
    "ctType": "linear",
    "ctVal": "0.1",
    "ctMult": "1",
    "tickSz": "0.01",
    "lotSz": "0.01",
    "minSz": "0.01",
    "maxLmtSz": "100000",
    "state": "live",
}
RECORDED = "okx/cryptofeed_OKX.0.xz"


def test_swap_counts_contracts_and_says_what_one_is_worth():
    assert reference.instrument(SWAP) == {
        "status": 1,
        "contract": reference.LINEAR,
        "price_decimals": 2,
        "size_decimals": 2,
        "tick_size_ticks": 1,
        "step_size_lots": 1,
        "size_min_lots": 1,
        "size_max_lots": 10_000_000,
        "multiplier_e8": 10_000_000,
    }


def test_inverse_contract_is_worth_quote():
    entry = {**SWAP, "ctType": "inverse", "ctVal": "100", "tickSz": "0.5", "lotSz": "1"}
    found = reference.instrument({**entry, "minSz": "1"})
    assert (found["contract"], found["multiplier_e8"]) == (reference.INVERSE, 100 * 10**8)
    assert (found["price_decimals"], found["tick_size_ticks"]) == (1, 5)


def test_spot_has_no_contract_and_the_finer_of_two_steps():
    entry = {**SWAP, "instType": "SPOT", "ctType": "", "ctVal": "", "ctMult": ""}
    found = reference.instrument({**entry, "lotSz": "0.00000001", "minSz": "0.00001"})
    assert (found["contract"], found["size_decimals"], found["size_min_lots"]) == (3, 8, 1000)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tickSz": ""}, "tickSz is ''"),
        ({"ctType": ""}, "ctType is ''"),
        ({"ctVal": "x"}, "ctVal is 'x'"),
        ({"ctVal": "0.000000001"}, "finer than 8 decimals"),
    ],
)
def test_what_a_lane_cannot_use_is_named(change, said):
    with pytest.raises(reference.ReferenceDataError, match=said):
        reference.instrument({**SWAP, **change})


def test_answer_that_failed_is_refused():
    with pytest.raises(reference.ReferenceDataError, match="50011"):
        reference.instruments({"code": "50011", "msg": "Too Many Requests", "data": []})


@pytest.mark.requires_data
@pytest.mark.skipif(
    not capture.path(RECORDED).exists(),
    reason=f"requires recorded feeds: no {capture.path(RECORDED)} (CORELANE_DATA)",
)
def test_every_recorded_instrument_is_read():
    found: dict[str, dict[str, int]] = {}
    count = 0
    with lzma.open(capture.path(RECORDED), "rt") as lines:
        for line in lines:
            if not line.startswith("https://"):
                continue
            answer = json.loads(line.partition(" -> ")[2].partition(": ")[2])
            rows = reference.instruments(answer)
            assert len(rows) == len(answer["data"])
            count += len(rows)
            found.update(rows)
    assert count > len(found) > 1000
    assert found["UNI-USD-SWAP"]["multiplier_e8"] == 10 * 10**8
    assert found["UNI-USD-SWAP"]["contract"] == reference.INVERSE
    assert (found["BTC-USDT"]["price_decimals"], found["BTC-USDT"]["size_decimals"]) == (1, 8)
