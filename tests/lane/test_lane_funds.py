"""Money: held before an order leaves, set free by evidence, conserved; and fills that come late."""

import pytest

from runtime._shm import lib
from strategies import Strategy
from tests import lane_rig

MS = 1_000_000
E8 = 100_000_000
USDT, BNB = 1, 3
TERMS = {
    "settle_asset": USDT, "leverage": 10, "margin": lib.HP_MARGIN_CROSS, "fee_rate_e8": 50_000,
}  # fmt: skip


class Wisher(Strategy):
    """Buys or sells what the test wants; keeps verdicts."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.wishes, self.verdicts = [], []

    def on_book(self, book):
        for kind, arguments in self.wishes:
            getattr(self, kind)(**arguments)
        self.wishes = []

    def on_order(self, order):
        self.verdicts.append(order.verdict)


class Stage:
    """A rig whose account has 1000 USDT; an order of 10 lots at 60000.0 needs 600 x 10.05 %."""

    def __init__(self, wallet_e8=1000 * E8):
        self.r = lane_rig.Rig(Wisher(), terms=TERMS)
        self.r.lane.add_asset(USDT, "USDT")
        self.wallet = wallet_e8
        self.match_ns = 1_000
        if wallet_e8:
            self.balance()
        self.r.sync()

    def balance(self, e8=None, match_ns=None):
        self.match_ns += 1
        self.r.report(
            "BALANCE", 0, asset=USDT, balance_e8=self.wallet if e8 is None else e8,
            match_ns=match_ns or self.match_ns,
        )  # fmt: skip

    def wish(self, kind, **arguments):
        self.r.lane.strategies[0].wishes.append((kind, arguments))
        self.r.depth()

    def buy(self, lots=10, price=600_000, **more):
        self.wish("buy", instrument=1, price_ticks=price, lots=lots, **more)
        return self.r.lane.orders()[-1]["client_id"] if self.r.lane.orders() else 0

    def fill(self, order, lots, trade_id, price=600_000, pnl=0, fee=0, **more):
        self.match_ns += 1
        more.setdefault("match_ns", self.match_ns)
        self.r.report(
            "FILL", order, last_lots=lots, last_ticks=price, trade_id=trade_id, fee_e8=fee,
            pnl_e8=pnl, **more,
        )  # fmt: skip

    @property
    def money(self):
        found = self.r.lane.funds()["USDT"]
        parts = sum(found["reserved_e8"]) + sum(found["used_e8"])
        assert found["free_e8"] + parts == found["total_e8"]  # conservation, after every look
        return found

    @property
    def reserved(self):
        return self.money["reserved_e8"][lib.HP_MARGIN_CROSS]

    @property
    def used(self):
        return self.money["used_e8"][lib.HP_MARGIN_CROSS]


NEED = 600 * E8 * 1005 // 10_000  # 10 % margin and 5 basis points of 600 USDT


@pytest.fixture
def stage():
    return Stage()


def test_order_holds_margin_and_fee_before_it_leaves(stage):
    stage.buy()
    assert (stage.reserved, stage.money["free_e8"]) == (NEED, 1000 * E8 - NEED)


@pytest.mark.parametrize(
    ("word", "fields"),
    [
        ("REJECT", {}), ("CANCELED", {}), ("EXPIRED", {}),
        ("STATUS", {"state": lib.HP_ORDER_CANCELED}),
    ],
)  # fmt: skip
def test_evidence_of_the_end_sets_free_once(stage, word, fields):
    order = stage.buy()
    for _ in range(3):
        stage.r.report(word, order, **fields)
    assert (stage.reserved, stage.money["free_e8"]) == (0, 1000 * E8)


def test_unknown_order_keeps_its_reservation_whatever_the_time(stage):
    order = stage.buy()
    stage.r.lane.turn(1_001 * MS)
    stage.r.lane.turn(3_600_000 * MS)
    assert (stage.r.state(order), stage.reserved) == ("UNKNOWN", NEED)
    stage.r.report("NOT_FOUND", order)
    assert (stage.r.state(order), stage.reserved) == ("REJECTED", 0)


def test_send_that_failed_holds_nothing(stage):
    stage.r.lane.is_send_broken = True
    stage.buy()
    assert stage.reserved == 0


@pytest.mark.parametrize(("wallet", "sent"), [(NEED - 1, 0), (NEED, 1), (NEED + 1, 1)])
def test_reservation_refuses_what_is_not_covered(wallet, sent):
    stage = Stage(wallet_e8=wallet)
    stage.buy()
    assert stage.r.count.orders_sent == sent
    if not sent:
        assert stage.r.lane.strategies[0].verdicts == [lib.HP_VERDICT_RESERVATION]
        assert stage.money["refused"] == 1


def test_nothing_is_free_before_the_venue_has_told_the_wallet():
    stage = Stage(wallet_e8=0)
    stage.buy(lots=1)
    assert stage.r.count.orders_sent == 0


def test_order_that_only_reduces_needs_nothing(stage):
    order = stage.buy()
    stage.fill(order, 10, 1)
    stage.balance(e8=0)
    stage.wish("sell", instrument=1, price_ticks=600_001, lots=10, reduce_only=True)
    assert (stage.r.count.orders_sent, stage.reserved) == (2, 0)


def test_sell_below_the_bid_holds_by_the_bid(stage):
    stage.wish("sell", instrument=1, price_ticks=599_000, lots=10)
    assert stage.reserved == NEED  # it would trade at 60000.0


def test_fill_moves_from_reserved_to_used_and_closing_sets_free(stage):
    order = stage.buy()
    stage.fill(order, 4, 1, fee=7)
    assert (stage.reserved, stage.used) == (NEED * 6 // 10, 24 * E8)
    assert stage.money["total_e8"] == 1000 * E8 - 7
    stage.fill(order, 6, 2)
    assert (stage.reserved, stage.used) == (0, 60 * E8)
    stage.wish("sell", instrument=1, price_ticks=600_001, lots=10, reduce_only=True)
    stage.fill(stage.r.only(), 10, 3, price=600_001, pnl=123)
    assert (stage.used, stage.money["total_e8"]) == (0, 1000 * E8 - 7 + 123)


def test_fee_in_another_asset_is_no_money_of_the_position(stage):
    order = stage.buy()
    stage.fill(order, 4, 1, fee=7)
    stage.fill(order, 6, 2, fee=500, asset=BNB)
    assert stage.r.lane.position(1)["fees_e8"] == 7
    assert stage.money["total_e8"] == 1000 * E8 - 7


def test_replace_in_flight_holds_the_dearer_version(stage):
    order = stage.buy()
    stage.r.report("ACK", order, lots=10, price_ticks=600_000, match_ns=5)
    stage.wish("replace", client_id=order, lots=4)
    assert stage.reserved == NEED
    request = stage.r.lane.order(order)["replace_request"]
    stage.r.report(
        "REPLACED", order, request=lib.HP_REQUEST_REPLACE, request_id=request, lots=4,
        price_ticks=600_000, match_ns=9,
    )  # fmt: skip
    assert stage.reserved == NEED * 4 // 10
    stage.wish("replace", client_id=order, lots=20)
    assert stage.reserved == NEED * 2
    request = stage.r.lane.order(order)["replace_request"]
    stage.r.report(
        "CANCEL_REJECT", order, request=lib.HP_REQUEST_REPLACE, request_id=request,
        error=lib.HP_ERROR_FILTER,
    )  # fmt: skip
    assert stage.reserved == NEED * 4 // 10


def test_replace_needs_only_the_difference():
    stage = Stage(wallet_e8=NEED * 15 // 10)
    order = stage.buy()
    stage.r.report("ACK", order, lots=10, price_ticks=600_000, match_ns=5)
    stage.wish("replace", client_id=order, lots=16)
    assert stage.r.lane.strategies[0].verdicts[-1] == lib.HP_VERDICT_RESERVATION
    stage.wish("replace", client_id=order, lots=15)
    assert (stage.r.count.replaces_sent, stage.money["free_e8"]) == (1, 0)


def test_wallet_is_the_newest_word_and_the_fills_after_it_whatever_comes_first(stage):
    order = stage.buy()
    stage.fill(order, 1, 1, pnl=100, fee=1)  # at 1002
    stage.fill(order, 1, 2, pnl=200, fee=2)  # at 1003
    stage.balance(e8=500 * E8, match_ns=1_002)  # heard late: it holds the first fill
    assert stage.money["total_e8"] == 500 * E8 + 198
    stage.balance(e8=400 * E8, match_ns=999)  # older
    assert stage.money["total_e8"] == 500 * E8 + 198
    stage.balance(e8=300 * E8, match_ns=1_003)
    assert stage.money["total_e8"] == 300 * E8


@pytest.mark.parametrize("is_booked_early", [False, True], ids=["by its event", "before it"])
def test_wallet_follows_the_accounts_own_order_not_that_of_the_matches(stage, is_booked_early):
    """Two markets match at 1005 and 1004 and the account settles them in that order: the word about
    the second one is younger by the venue's event time, and older by the time of its match."""
    order = stage.buy()

    def fill(trade_id, fee, **times):
        stage.fill(order, 1, trade_id, fee=fee, **times)

    def word(e8, **times):
        stage.r.report("BALANCE", 0, asset=USDT, balance_e8=e8, **times)
        return stage.money["total_e8"]

    if is_booked_early:
        fill(2, 20, match_ns=1_004)
    assert word(1000 * E8 - 1, match_ns=1_005, event_ns=2_000) == 1000 * E8 - 1
    fill(1, 1, match_ns=1_005, event_ns=2_000)
    assert word(1000 * E8 - 21, match_ns=1_004, event_ns=2_001) == 1000 * E8 - 21
    if not is_booked_early:
        fill(2, 20, match_ns=1_004, event_ns=2_001)
    assert stage.money["total_e8"] == 1000 * E8 - 21
    assert word(1000 * E8 - 1, match_ns=1_005, event_ns=2_000) == 1000 * E8 - 21  # said again
    fill(3, 300, match_ns=1_006)  # its event is still to come
    assert stage.money["total_e8"] == 1000 * E8 - 321
    assert word(1000 * E8 - 321, match_ns=1_006, event_ns=2_003) == 1000 * E8 - 321


def test_word_that_is_told_again_after_another_of_its_millisecond_does_not_stand_over_it(stage):
    def word(e8, event_ns):
        stage.r.report(
            "BALANCE", 0, asset=USDT, balance_e8=e8, match_ns=event_ns, event_ns=event_ns
        )
        return stage.money["total_e8"]

    words = [1000 * E8 - n for n in range(5)]
    for e8 in words:
        assert word(e8, 2_000) == e8
    for e8 in words:
        assert word(e8, 2_000) == words[-1]
    assert word(words[0], 2_001) == words[0]  # of another time it is news
    assert word(words[1], 2_001) == words[1]
    assert word(words[0], 2_001) == words[1]


def test_event_from_before_an_answer_does_not_stand_over_it(stage):
    """An answer is newer than the stream: what was settled before it is in it."""
    stage.r.report(
        "BALANCE", 0, asset=USDT, balance_e8=900 * E8, match_ns=5_000, request=lib.HP_REQUEST_STATUS
    )
    for e8, match_ns, wanted in ((950 * E8, 4_999, 900), (880 * E8, 5_001, 880)):
        stage.r.report(
            "BALANCE", 0, asset=USDT, balance_e8=e8, match_ns=match_ns, event_ns=6_000 + match_ns
        )
        assert stage.money["total_e8"] == wanted * E8


def test_answer_of_the_millisecond_of_an_event_does_not_stand_over_it(stage):
    """The venue answered, then an order filled, both in one millisecond; the answer came later."""
    order = stage.buy()
    stage.fill(order, 2, 1, fee=7)
    stage.balance(e8=1000 * E8 - 7, match_ns=stage.match_ns)
    stage.match_ns -= 1  # balance() has moved it on
    for e8, wanted in ((1000 * E8, 1000 * E8 - 7), (1000 * E8 - 7, 1000 * E8 - 7)):
        stage.r.report(
            "BALANCE", 0, asset=USDT, balance_e8=e8, match_ns=stage.match_ns,
            request=lib.HP_REQUEST_STATUS,
        )  # fmt: skip
        stage.match_ns -= 1  # and what is older still
        assert stage.money["total_e8"] == wanted
    stage.r.report(
        "BALANCE", 0, asset=USDT, balance_e8=900 * E8, match_ns=stage.match_ns + 9,
        request=lib.HP_REQUEST_STATUS,
    )  # fmt: skip
    assert stage.money["total_e8"] == 900 * E8


def test_older_fill_that_is_fetched_later_does_not_move_the_wallet_again(stage):
    order = stage.buy()
    stage.r.report("ACK", order, venue_id=7)
    stage.balance(e8=900 * E8, match_ns=5_000)
    stage.r.report(
        "FILL", 0, request=lib.HP_REQUEST_STATUS, venue_id=7, instrument=1, side=1, last_lots=2,
        last_ticks=600_000, trade_id=3, pnl_e8=50, fee_e8=5, match_ns=4_000,
    )  # fmt: skip
    assert stage.money["total_e8"] == 900 * E8
    assert stage.used == 12 * E8


# Late and missing fills: every path ends right to the last unit.


def ends(stage, order, state, lots, fees):
    """Nothing is exposed or held for the order, and its fills are in the position."""
    assert stage.r.state(order) == state
    held = stage.r.lane.position(1)
    assert (held["lots"][0], held["cost_e8"][0]) == (lots, lots * 60 * E8)
    assert held["fees_e8"] == fees
    exposure = stage.r.lane.exposure(1)
    assert (exposure["working_buy_lots"], exposure["open_orders"]) == (0, 0)
    assert (stage.reserved, stage.used) == (0, lots * 6 * E8)


def test_partial_fill_then_cancel(stage):
    order = stage.buy()
    stage.fill(order, 3, 1, fee=9)
    stage.r.report("CANCELED", order, cum_lots=3)
    ends(stage, order, "CANCELED", 3, 9)


def test_fill_after_cancel(stage):
    order = stage.buy()
    stage.r.report("CANCELED", order, cum_lots=3)
    assert stage.reserved == NEED * 3 // 10  # filled by the venue's word, booked by nobody yet
    stage.fill(order, 3, 1, fee=9)
    ends(stage, order, "CANCELED", 3, 9)


def test_filled_by_status_fetches_the_trades_and_holds_until_they_are_booked(stage):
    order = stage.buy()
    stage.r.report("ACK", order, venue_id=7)
    stage.r.report("STATUS", order, state=lib.HP_ORDER_FILLED, cum_lots=10)
    assert (stage.r.state(order), stage.reserved) == ("FILLED", NEED)
    assert stage.r.lane.exposure(1)["working_buy_lots"] == 10
    stage.r.lane.turn(301 * MS)
    assert (lib.HP_WANT_TRADES, 1) in stage.r.lane.wanted
    for trade_id, lots in ((1, 4), (2, 6), (1, 4)):
        stage.r.report(
            "FILL", 0, request=lib.HP_REQUEST_STATUS, venue_id=7, instrument=1, side=1,
            last_lots=lots, last_ticks=600_000, trade_id=trade_id, fee_e8=lots,
        )  # fmt: skip
    ends(stage, order, "FILLED", 10, 10)


def test_cancel_whose_last_fill_no_event_brought(stage):
    order = stage.buy()
    stage.fill(order, 2, 1, fee=2)
    stage.r.report("ACK", order, venue_id=7)
    stage.r.report("CANCELED", order, cum_lots=5)
    stage.r.lane.turn(301 * MS)
    assert (lib.HP_WANT_TRADES, 1) in stage.r.lane.wanted
    stage.r.report(
        "FILL", 0, request=lib.HP_REQUEST_STATUS, venue_id=7, instrument=1, side=1, last_lots=3,
        last_ticks=600_000, trade_id=2, fee_e8=3,
    )  # fmt: skip
    ends(stage, order, "CANCELED", 5, 5)


def test_liquidation_that_is_not_ours_moves_position_and_margin(stage):
    order = stage.buy()
    stage.fill(order, 10, 1)
    stage.r.report(
        "FILL", 0, foreign=1, instrument=1, side=lib.HP_SIDE_SELL, last_lots=4,
        last_ticks=600_000, trade_id=2, fee_e8=11, pnl_e8=-5, match_ns=9_000,
    )  # fmt: skip
    ends(stage, order, "FILLED", 6, 11)
    assert stage.money["total_e8"] == 1000 * E8 - 16


def test_execution_without_a_trade_id_asks_for_the_list_and_books_nothing(stage):
    stage.r.report("FILL", 0, foreign=1, instrument=1, side=2, last_lots=4, last_ticks=600_000)
    assert stage.r.lane.position(1)["lots"][0] == 0
    stage.r.lane.turn(301 * MS)
    assert (lib.HP_WANT_TRADES, 1) in stage.r.lane.wanted


def test_order_with_missing_fills_keeps_its_slot():
    stage = Stage(wallet_e8=10**6 * E8)
    stage.r = None
    rig = lane_rig.Rig(Wisher(), terms=TERMS, order_capacity=16)
    rig.lane.add_asset(USDT, "USDT")
    stage.r = rig
    stage.balance()
    rig.sync()
    order = stage.buy(lots=1)
    rig.report("CANCELED", order, cum_lots=1)
    for _ in range(40):
        rig.report("CANCELED", stage.buy(lots=1))
    assert rig.lane.order(order) is not None
    assert rig.lane.exposure(1)["working_buy_lots"] == 1
