"""Lists of the venue that lag: a trade that the position holds is not booked on top of it."""

import asyncio

import pytest

from hotpath.journal.tail import Record
from runtime._shm import ffi, lib
from runtime.session.evidence import Evidence, Reading
from runtime.session.opening import Instrument, Opener, OpeningError, merge

BTC = Instrument(1, "BTCUSDT", 1, 3, 1, 10**8)
LAG_S = 3600.0  # it does not pass within a test


def trade(number, lots, side="BUY"):
    return {
        "id": number,
        "side": side,
        "price": "60000.0",
        "qty": f"{lots / 1000:.3f}",
        "commission": "0",
        "realizedPnl": "0",
        "maker": True,
        "time": 1000 + number,
        "orderId": 7,
    }


class Lagging:
    """An account whose positions are of now; its list of trades shows `shown(question)` of them."""

    def __init__(self, trades, held, shown):
        self.trades, self.held, self.shown = trades, held, shown
        self.questions = 0

    async def user_trades(self, symbol, limit=1000, from_id=None):
        self.questions += 1
        rows = self.trades[: self.shown(self.questions)]
        rows = [row for row in rows if row["id"] >= (from_id or 0)]
        return rows[:limit] if from_id else rows[-limit:]

    async def open_orders(self):
        return []

    async def balances(self):
        return []

    async def positions(self):
        if not self.held:
            return []
        amount = f"{self.held / 1000:.3f}"
        return [
            {
                "symbol": "BTCUSDT",
                "positionAmt": amount,
                "entryPrice": "60000.0",
                "positionSide": "BOTH",
            }
        ]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """No test waits for real."""

    async def soon(seconds):
        pass

    monkeypatch.setattr(asyncio, "sleep", soon)


def opened(session, evidence, lag_s=LAG_S):
    opener = Opener(session, {1: BTC}, "desk1", None, print, read_lag_s=lag_s)
    facts = asyncio.run(opener.gather(evidence))
    return facts, merge(evidence, facts, {1: BTC}, "desk1")


def carried(lots, cut):
    base = ffi.new("hp_base_t *", {"instrument": 1, "trade_cut": cut})
    base.position.lots[0] = lots
    return Evidence(epoch=1, bases={1: base})


@pytest.mark.parametrize("questions", [0, 2, 5])
def test_opening_waits_until_the_trades_explain_the_position(questions):
    """The dead lane carried 5 lots; trade 12 brought 3 more, and the list shows it late."""
    session = Lagging([trade(11, 5), trade(12, 3)], 8, lambda n: 2 if n > questions else 1)
    facts, opening = opened(session, carried(5, 11))
    assert facts.cuts == {1: 12}
    assert [(b.trade_id, b.lots) for b in opening.booked] == [(12, 3)]


def test_position_that_no_trade_explains_is_the_venues_after_its_lag():
    """A position that was moved otherwise (a settlement, say) is corrected, not waited for."""
    session = Lagging([trade(11, 5)], 9, lambda n: 1)
    facts, opening = opened(session, carried(5, 11), lag_s=0.0)
    assert facts.cuts == {1: 11} and not opening.booked
    assert opening.bases[0].venue_lots[0] == 9


def test_first_opening_of_a_used_account_cuts_behind_trades_that_are_listed_late():
    """Without a carry the venue's position is the base: what it holds must lie under the cut."""
    opener_asks = 8  # of a used account the lag must pass: nothing tells whether the list is whole
    session = Lagging([trade(11, 5), trade(12, 3)], 8, lambda n: 2 if n > opener_asks else 1)
    with pytest.raises(OpeningError):
        opened(session, None)
    facts, opening = opened(session, None, lag_s=0.0)
    assert facts.cuts == {1: 12}
    assert opening.bases[0].trade_cut == 12
    assert opening.bases[0].position.lots[0] == 8


def test_first_opening_of_an_unused_account_waits_for_nothing():
    session = Lagging([], 0, lambda n: 0)
    facts, _ = opened(session, None)
    assert facts.cuts == {1: 0}
    assert session.questions == 2


def test_opening_on_trades_that_never_explain_the_position_is_given_up():
    """New trades keep coming and the position is always ahead of them: ask again, later."""
    session = Lagging([trade(n, 1) for n in range(11, 999)], 900, lambda n: n)
    opener = Opener(session, {1: BTC}, "desk1", None, print, read_lag_s=LAG_S)
    with pytest.raises(OpeningError):
        asyncio.run(opener.gather(carried(5, 11)))


@pytest.mark.parametrize(
    ("words", "sent", "refused"),
    [
        (["absent"], 0, 0),
        (["refused"], 1, 1),
        (["absent", "refused"], 1, 1),
        (["absent", "live"], 1, 0),
    ],
)
def test_order_whose_absence_was_proven_counts_again_when_the_venue_speaks_of_it(
    words, sent, refused
):
    """NOT_FOUND behind deadline and read lag, and then the venue's own refusal comes after all."""
    reading = Reading(epoch=1, deadline_ns=1)
    reading.now = Evidence(epoch=1, orders_sent=1, counted={9})
    for sequence, word in enumerate(words, 1):
        order = ffi.new("hp_order_t *", {"client_id": 9, "instrument": 1})
        order.state = lib.HP_ORDER_LIVE if word == "live" else lib.HP_ORDER_REJECTED
        order.flags = lib.HP_ORDER_ABSENT if word == "absent" else 0
        payload = bytes(ffi.buffer(order))
        reading.take(Record(sequence, lib.HP_RECORD_ORDER, 0, 1, 0, 0, payload))
    assert (reading.now.orders_sent, len(reading.now.refused)) == (sent, refused)


def test_refusal_of_an_order_that_was_absent_before_the_carry_counts_it_again():
    """The carry tells of working orders only; what is refused behind it had ended as absent."""
    reading = Reading(epoch=1, deadline_ns=1)
    reading.now = Evidence(epoch=1, orders_sent=4)
    order = ffi.new("hp_order_t *", {"client_id": 9, "instrument": 1})
    order.state = lib.HP_ORDER_REJECTED
    reading.take(Record(1, lib.HP_RECORD_ORDER, 0, 1, 0, 0, bytes(ffi.buffer(order))))
    assert (reading.now.orders_sent, reading.now.refused) == (5, {9})
