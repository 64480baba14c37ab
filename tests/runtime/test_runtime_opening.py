"""Judging answers: whose an order is, who may carry it, what silence means."""

import pytest

from runtime._shm import ffi, lib
from runtime.session.evidence import Evidence
from runtime.session.opening import Instrument, VenueFacts, client_of, client_text, held_of, merge
from venues.binance.usdm.codec import Codec

BTC = Instrument(1, "BTCUSDT", 1, 3, 1, 10**8)
PREFIX = "desk1"
PLACE, STATUS = 1, 3


def row(client_id, **change):
    return {
        "orderId": 77,
        "symbol": "BTCUSDT",
        "status": "NEW",
        "clientOrderId": client_text(PREFIX, client_id),
        "price": "60000.0",
        "origQty": "0.005",
        "executedQty": "0.000",
        "timeInForce": "GTX",
        "type": "LIMIT",
        "reduceOnly": False,
        "side": "BUY",
        "positionSide": "BOTH",
        **change,
    }


def order(client_id, instrument=1, deadline_ns=100):
    out = ffi.new("hp_order_t *")
    out.client_id, out.state, out.instrument = client_id, lib.HP_ORDER_SENT, instrument
    out.lots, out.side, out.deadline_ns = 5, lib.HP_SIDE_BUY, deadline_ns
    return out


def judge(evidence, venue, **settings):
    return merge(evidence, venue, {1: BTC}, PREFIX, read_lag_ns=1000, **settings)


@pytest.mark.parametrize("client_id", [1, 0x0001_0800_0000_002A, 2**64 - 1])
def test_client_text_is_the_codecs_own(client_id):
    codec = Codec(prefix=PREFIX)
    assert codec.put_instrument("BTCUSDT", 1, 1, 3)
    sent = codec.encode(
        kind=STATUS, client_id=client_id, instrument=1, request_id=1, timestamp_ms=1
    )
    assert client_text(PREFIX, client_id).encode() in sent
    assert client_of(PREFIX, client_text(PREFIX, client_id)) == client_id


@pytest.mark.parametrize(
    "text", ["", "web_1", "desk1-", "desk1-12", "desk2-0000000000000001", "desk1-000000000000000G"]
)
def test_text_that_is_not_exactly_ours_names_nothing(text):
    assert client_of(PREFIX, text) == 0


def test_foreign_order_is_left_alone():
    venue = VenueFacts(open_orders=[row(5, clientOrderId="web_1")])
    found = judge(None, venue)
    assert (found.orders, found.strangers) == ([], [])


def test_order_in_a_symbol_that_the_lane_lacks_is_to_be_cancelled():
    venue = VenueFacts(open_orders=[row(5, symbol="XRPUSDT")])
    found = judge(None, venue)
    assert (found.orders, found.strangers) == ([], [("XRPUSDT", client_text(PREFIX, 5))])


def test_silence_about_an_order_is_no_evidence():
    """A question that failed leaves the order UNKNOWN, however late it is."""
    evidence = Evidence(orders={5: order(5)}, orders_sent=1, counted={5})
    found = judge(evidence, VenueFacts())
    assert [(o.client_id, o.state) for o in found.orders] == [(5, lib.HP_ORDER_UNKNOWN)]
    assert found.end.orders == 1


@pytest.mark.parametrize(("answered_ns", "left"), [(1100, 1), (1101, 0)])
def test_not_found_counts_behind_deadline_and_read_lag(answered_ns, left):
    evidence = Evidence(orders={5: order(5)}, orders_sent=1, counted={5})
    venue = VenueFacts(answers={5: None}, answered_ns={5: answered_ns})
    found = judge(evidence, venue)
    assert (len(found.orders), found.end.orders) == (left, left)


def test_order_that_ended_is_not_adopted():
    evidence = Evidence(orders={5: order(5)}, orders_sent=1, counted={5})
    venue = VenueFacts(answers={5: row(5, status="FILLED")}, answered_ns={5: 1})
    found = judge(evidence, venue)
    assert (found.orders, found.end.orders) == ([], 1)


def test_order_that_appeared_between_two_questions_is_adopted_as_alive():
    evidence = Evidence(orders={5: order(5)}, orders_sent=1, counted={5})
    venue = VenueFacts(answers={5: row(5, executedQty="0.002")}, answered_ns={5: 1})
    (found,) = judge(evidence, venue).orders
    assert (found.state, found.filled_lots, found.venue_id) == (lib.HP_ORDER_PARTIAL, 2, 77)


@pytest.mark.parametrize(
    ("listed_ms", "wanted"), [(1_000, (5, 600_000, 2, 1_001)), (1_002, (9, 600_005, 1, 1_002))]
)
def test_version_of_an_adopted_order_is_the_newer_of_journal_and_list(listed_ms, wanted):
    """A list that lags shows a replaced order as it was; fills that were booked stay booked."""
    known = order(5)
    known.price_ticks, known.lots, known.filled_lots = 600_000, 5, 2
    known.venue_update_ns = 1_001 * 10**6
    evidence = Evidence(orders={5: known}, orders_sent=1, counted={5})
    shown = row(5, price="60000.5", origQty="0.009", executedQty="0.001", updateTime=listed_ms)
    if listed_ms > 1_001:
        known.filled_lots = 0
    (found,) = judge(evidence, VenueFacts(open_orders=[shown])).orders
    version = (found.lots, found.price_ticks, found.filled_lots, found.venue_update_ns // 10**6)
    assert version == wanted
    assert found.state == lib.HP_ORDER_PARTIAL


@pytest.mark.parametrize(
    ("contract", "size_decimals", "multiplier", "amount", "cost"),
    [
        (lib.HP_CONTRACT_LINEAR, 3, 1, "-0.002", -100 * 10**8),  # 0.002 x 50,000
        (lib.HP_CONTRACT_INVERSE, 0, 100, "-5", -1_000_000),  # 5 x 100 / 50,000 coins
    ],
)
def test_cost_of_the_venues_position_is_in_the_asset_that_it_settles_in(
    contract, size_decimals, multiplier, amount, cost
):
    about = Instrument(1, "BTCUSDT", 1, size_decimals, contract, multiplier * 10**8)
    position = {"symbol": "BTCUSDT", "positionAmt": amount, "entryPrice": "50000.0"}
    empty = {"symbol": "BTCUSDT", "positionAmt": "0", "entryPrice": "0.0", "positionSide": "LONG"}
    held = held_of(about, [{**position, "positionSide": "BOTH"}, empty])
    assert held == {0: (about.lots(amount), cost), 1: (0, 0), 2: (0, 0)}
