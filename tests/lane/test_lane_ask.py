"""What the gate would say, asked of the lane itself; and that nobody can tell that it was asked."""

import itertools

import pytest

from runtime._shm import ffi, lib
from runtime.show.verdicts import V
from runtime.supervise import pre_check
from runtime.supervise.pre_check import CHECKS
from strategies import Strategy
from tests.lane.test_lane_funds import TERMS, USDT
from tests.pair_rig import PairRig

MS = 1_000_000
ABOUT = {1: {"price_decimals": 1, "size_decimals": 3}}
SYMBOLS = {"BTCUSDT": 1}
GOOD = {"symbol": "BTCUSDT", "side": "BUY", "price": "60000.0", "size": "0.010"}
BUDGETS = {"budget_window_ns": 10_000 * MS, "budget_free_count": 0}


class Buyer(Strategy):
    """Buys what its test wants."""

    def __init__(self, **parameters):
        super().__init__(**parameters)
        self.wishes, self.verdicts = [], []

    def on_book(self, book):
        while self.wishes:
            self.buy(book.instrument, **self.wishes.pop(0))

    def on_order(self, order):
        self.verdicts.append(order.verdict)


@pytest.fixture
def r(rig):
    r = rig(Buyer(), journal=True, terms=TERMS)
    r.lane.add_asset(USDT, "USDT")
    r.report("BALANCE", 0, asset=USDT, balance_e8=1000 * 10**8, match_ns=1)
    r.sync()
    return r


def ask(r, what="pre_check_order", top=None, **change):
    request = {"what": what, "order": {**GOOD, **change}}
    record = pre_check.question(request, SYMBOLS, ABOUT, 1, top or ffi.new("hp_top_t *"))
    record.intent.id = 77
    said = r.lane.ask(bytes(ffi.buffer(record)))
    assert ffi.from_buffer("hp_verdict_t *", said).intent_id == 77
    return pre_check.answer(said, what, "BTCUSDT", ABOUT[1])


def buy(r, price=600_000, lots=10, **more):
    r.lane.strategies[0].wishes.append({"price_ticks": price, "lots": lots, **more})
    r.depth()
    return r.lane.orders()


def test_answer_is_what_the_order_itself_is_told(r):
    """Approved, beyond the band, too large, too dear: asked first, then wished for."""
    for price, lots in itertools.product((600_000, 500_000, 599_990), (1, 10, 2000, 900)):
        told = ask(r, price=f"{price // 10}.{price % 10}", size=f"{lots / 1000:.3f}")
        r.lane.strategies[0].verdicts.clear()
        orders = len(buy(r, price, lots))
        verdicts = r.lane.strategies[0].verdicts
        if told["approved"]:
            assert (orders, verdicts) == (1, [])
            (order,) = r.lane.orders()
            r.report("CANCELED", order["client_id"], match_ns=9)
        else:
            assert (orders, verdicts) == (0, [V[told["verdict"]]])


def test_nothing_shows_that_it_was_asked(r):
    """Page, journal and exposure stay byte for byte, whatever is asked, however often."""
    r.lane.put_limit(lib.HP_DIMENSION_ACCOUNT, 0, token_rate=10, token_burst=2, token_reserve=0)
    buy(r)
    before = bytes(r.page), bytes(r.journal), r.lane.exposure(1), r.lane.working_count
    for what, price, size, side in itertools.product(
        CHECKS, ("60000.0", "70000.0"), ("0.010", "9.000"), ("BUY", "SELL")
    ):
        for _ in range(3):
            ask(r, what, price=price, size=size, side=side)
    assert (bytes(r.page), bytes(r.journal), r.lane.exposure(1), r.lane.working_count) == before
    assert ask(r)["approved"]  # the token is still there
    assert len(buy(r)) == 2
    assert ask(r)["verdict"] == "RATE_BUCKET"
    assert ask(r)["retry_ms"] > 0


def test_single_checks_answer_for_themselves(r):
    buy(r, 599_000, 1)
    far, large = {"price": "70000.0"}, {"size": "0.900"}
    own = {"side": "SELL", "price": "59900.0"}
    r.lane.put_rule(1, strategies=1, accounts=1, order_lots_max=1000, position_lots_max=1000,
                    open_orders_max=5, band_bps=100, stale_ms=1000, typical_lots=10,
                    typical_times_max=10)  # fmt: skip
    assert ask(r, "validate_price_fence", **far)["verdict"] == "FENCE_HARD"
    assert ask(r, "validate_price_fence", **large)["approved"]
    assert ask(r, "detect_fat_finger", **large)["verdict"] == "FAT_FINGER_SIZE"
    assert ask(r, "detect_fat_finger", **far)["approved"]
    assert ask(r, "detect_self_trade", **own)["verdict"] == "SELF_TRADE"
    assert ask(r, "detect_self_trade", **far)["reason"] == "nothing against it by self_trade"
    for name in ("check_otr_compliance", "monitor_cancel_ratio"):
        assert ask(r, name, **far)["approved"]
    r.lane.put_limit(lib.HP_DIMENSION_STRATEGY, 0, order_to_trade_max=1, **BUDGETS)
    buy(r, 599_100, 1)
    found = ask(r, "check_otr_compliance")
    assert (found["verdict"], found["approved"]) == ("ORDER_TO_TRADE", False)
    assert "strategy 0" in found["reason"]
    assert ask(r, "monitor_cancel_ratio")["approved"]
    r.lane.put_limit(lib.HP_DIMENSION_STRATEGY, 0, cancel_rate_bps_max=1, **BUDGETS)
    for order in r.lane.orders():
        r.report("ACK", order["client_id"], venue_id=order["client_id"])
    r.lane.words(lib.HP_WORD_KILL)  # cancels both
    assert ask(r, "monitor_cancel_ratio")["verdict"] == "CANCEL_RATE"
    assert ask(r)["verdict"] == "KILLED"


def test_money_session_and_picture_are_asked_too(r):
    assert ask(r, size="0.400")["verdict"] == "RESERVATION"
    r.lane.session(order_ready=False)
    assert ask(r)["verdict"] == "SEND_FAILED"
    r.lane.session()
    r.lane.now_ns += 2000 * MS
    assert ask(r)["verdict"] == "BOOK_STALE"
    assert ask(r, "validate_price_fence")["verdict"] == "BOOK_STALE"
    assert ask(r, "detect_self_trade")["approved"]  # needs no picture


def test_lane_without_a_book_judges_the_picture_that_it_is_given():
    """Of a pair the order half has the gate; the market half's top comes with the question."""
    r = PairRig(Buyer())
    r.sync()
    assert ask(r)["verdict"] == "BOOK_NOT_SYNCED"
    sides = {"bid_ticks": 600_000, "bid_lots": 1, "ask_ticks": 600_001, "ask_lots": 1}
    top = ffi.new("hp_top_t *", {**sides, "state": lib.HP_BOOK_SYNCED, "recv_ns": r.lane.now_ns})
    assert ask(r, top=top)["approved"]
    assert ask(r, top=top, price="70000.0")["verdict"] == "FENCE_HARD"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"symbol": "NOSUCH"}, "symbol is 'NOSUCH'; want one of BTCUSDT"),
        ({"side": "LONG"}, "side is 'LONG'; want one of BUY, SELL"),
        ({"price": 60000.0}, "price is 60000.0; want decimal text above 0, at most 1 decimals"),
        ({"price": "60000.05"}, "at most 1 decimals"),
        ({"size": "0"}, "size is '0'"),
        ({"size": "1e30"}, "size is '1e30'"),
        ({"size": "much"}, "size is 'much'"),
        ({"position_side": "FLAT"}, "want one of BOTH, LONG, SHORT"),
        ({"reduce_only": 1}, "reduce_only is 1; want true or false"),
        ({"strategy": 1}, "strategy is 1; want 0..0"),
        ({"colour": "red"}, "want an object of"),
    ],
)
def test_order_that_cannot_be_read_says_what_is_wanted(change, said):
    request = {"order": {**GOOD, **change}}
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        pre_check.question(request, SYMBOLS, ABOUT, 1, ffi.new("hp_top_t *"))


def test_unknown_question_names_the_known_ones():
    with pytest.raises(ValueError, match="what is 'all'; want one of pre_check_order"):
        pre_check.question({"what": "all", "order": GOOD}, SYMBOLS, ABOUT, 1, None)
