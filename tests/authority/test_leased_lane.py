"""A lane under a lease: what passes, until when, what it shows, and what a freeze takes back."""

import contextlib
import os

import pytest

from runtime._shm import lib
from runtime.authority import pages as limit_pages
from runtime.authority.leases import NONE
from runtime.authority.pages import LeasePage, read_lane
from runtime.authority.records import Key, record
from strategies import Strategy
from tests.lane_rig import Rig

ACCOUNT, STRATEGY = Key(lib.HP_DIMENSION_ACCOUNT, 0), Key(lib.HP_DIMENSION_STRATEGY, 0)
MS = 1_000_000


class Quiet(Strategy):
    """Does what the test tells it."""


class Leased:
    """A real lane that needs a lease, and the authority's page beside it."""

    def __init__(self, deployment):
        self.out = LeasePage(limit_pages.make(deployment, 0))
        self.strategy = Quiet()
        self.rig = Rig(self.strategy)
        self.lane = self.rig.lane
        self.lane.set_limit_lease(0, 0)
        self.rig.sync()
        self.fence = 0

    def lend(self, until_ms, **figures):
        """Lend other limits of the account until so many ms from now; True when taken."""
        self.fence += 1
        self.out.put([(ACCOUNT, record(figures))], self.fence)
        return self.renew(until_ms)

    def renew(self, until_ms):
        self.out.lease(self.fence, self.lane.now_ns + until_ms * MS)
        return self.lane.take_limits(self.out.page.map)

    def buy(self, lots=1, **more):
        """Want an order in this turn; return the verdicts that it got."""
        before = self.lane.verdicts
        self.strategy.buy(1, price_ticks=600000, lots=lots, **more)
        self.lane.turn()
        return {
            lib_name(n): times - before.get(n, 0)
            for n, times in self.lane.verdicts.items()
            if times != before.get(n, 0)
        }

    def sell(self, lots, **more):
        before = self.lane.verdicts
        self.strategy.sell(1, price_ticks=600001, lots=lots, **more)
        self.lane.turn()
        return {
            lib_name(n): times - before.get(n, 0)
            for n, times in self.lane.verdicts.items()
            if times != before.get(n, 0)
        }

    def shown(self):
        self.lane.show_uses()
        return read_lane(self.rig.view, True)


def lib_name(number):
    from runtime.pages import names

    return names.VERDICTS[number]


@pytest.fixture
def leased():
    deployment = f"t{os.getpid()}l"
    one = Leased(deployment)
    yield one
    one.out.page.remove()
    with contextlib.suppress(BufferError):
        one.out.page.close()


def test_without_a_lease_nothing_new_passes(leased):
    assert leased.buy() == {"limit_lease": 1}
    leased.lend(100)
    assert leased.buy() == {"pass": 1}


def test_a_page_that_nobody_has_written_frees_nobody_of_the_lease(leased):
    assert leased.lane.take_limits(leased.out.page.map)
    assert leased.buy() == {"limit_lease": 1}


def test_an_expired_lease_leaves_cancels_and_reducing_orders_in_the_very_turn(leased):
    """Counted in turns: the last turn inside passes, the first one at the end refuses."""
    leased.lend(100)
    assert leased.buy(2) == {"pass": 1}
    first = leased.rig.only()
    leased.rig.report("ACK", first, instrument=1)
    leased.rig.report(
        "FILL", first, instrument=1, last_lots=1, last_ticks=600000, trade_id=1, cum_lots=1
    )
    leased.lane.now_ns = leased.out.until_ns - 1
    leased.rig.sync()
    assert leased.buy() == {"pass": 1}
    leased.lane.now_ns = leased.out.until_ns
    assert leased.buy() == {"limit_lease": 1}
    assert leased.sell(1, reduce_only=True) == {"pass": 1}
    leased.strategy.cancel(first)
    leased.lane.turn()
    assert leased.rig.count.cancels_sent == 1
    assert leased.renew(100) and leased.buy() == {"pass": 1}


def test_spending_ends_at_the_share_and_says_so(leased):
    leased.lend(1000, gross_notional_e8_max=121 * 10**8)
    assert leased.buy() == {"pass": 1} and leased.buy() == {"pass": 1}
    assert leased.buy() == {"gross_notional": 1}
    shown = leased.shown()
    use = shown.uses[ACCOUNT]
    assert (use.gross_e8, use.net_e8, use.open_orders) == (120 * 10**8, 120 * 10**8, 2)
    assert use.refused == 1
    assert shown.heard.fence == 1 and shown.heard.is_open


def test_a_smaller_lease_is_obeyed_before_it_is_acknowledged(leased):
    leased.lend(1000)
    leased.buy()
    leased.lend(1000, open_orders_max=1)
    assert leased.shown().heard.fence == 2
    assert leased.buy() == {"open_orders": 1}


def test_a_renewal_moves_the_end_and_nothing_else(leased):
    leased.lend(100, open_orders_max=5)
    assert leased.renew(900)
    assert leased.rig.view.limit_until_ns == leased.out.until_ns
    assert leased.shown().heard.fence == 1


def test_a_lease_whose_table_is_not_there_is_not_taken(leased):
    leased.lend(100)
    leased.out.lease(2, leased.lane.now_ns + 500 * MS)  # its limits were never written
    assert leased.lane.take_limits(leased.out.page.map) is False
    assert leased.shown().heard.fence == 1


def test_a_page_that_is_being_written_is_tried_again(leased):
    leased.lend(100)
    leased.out.view.seq += 1
    assert leased.lane.take_limits(leased.out.page.map) is False
    successor = LeasePage(leased.out.page)  # a new writer repairs what a killed one left
    successor.lease(1, leased.lane.now_ns + 500 * MS)
    assert leased.lane.take_limits(leased.out.page.map) is True


def test_an_older_fence_is_never_taken(leased):
    leased.lend(100)
    leased.lend(100, open_orders_max=1)
    leased.out.lease(1, leased.lane.now_ns + 900 * MS)
    leased.lane.take_limits(leased.out.page.map)
    assert leased.shown().heard.fence == 2
    assert leased.rig.view.limit_until_ns < leased.out.until_ns


@pytest.mark.parametrize("key", [ACCOUNT, STRATEGY, Key(lib.HP_DIMENSION_INSTRUMENT, 1)])
def test_a_frozen_scope_takes_back_what_rests_and_leaves_what_reduces(leased, key):
    leased.lend(1000)
    leased.buy(2)
    first = leased.rig.only()
    leased.rig.report("ACK", first, instrument=1)
    leased.rig.report(
        "FILL", first, instrument=1, last_lots=1, last_ticks=600000, trade_id=1, cum_lots=1
    )
    assert leased.sell(1, reduce_only=True, post_only=True) == {"pass": 1}
    leased.fence += 1
    leased.out.put([(key, record({"order_notional_e8_max": 0}))], leased.fence)
    leased.renew(1000)
    going = [
        o["client_id"] for o in leased.lane.orders() if o["flags"] & lib.HP_ORDER_CANCEL_IN_FLIGHT
    ]
    assert going == [first] and len(leased.lane.orders()) == 2
    assert leased.buy() == {"order_limit": 1}


def test_a_moved_share_forgives_nothing_and_another_limit_does(leased):
    figures = {"failures_max": 1, "cool_down_ns": 10**12, "open_orders_max": 5}
    leased.lend(1000, **figures)
    leased.buy()
    leased.rig.report("REJECT", leased.rig.only(), instrument=1, error=lib.HP_ERROR_FILTER)
    assert leased.buy() == {"cool_down": 1}
    leased.lend(1000, **{**figures, "open_orders_max": 4})
    assert leased.buy() == {"cool_down": 1}
    leased.lend(1000, **{**figures, "failures_max": 2})
    assert leased.buy() == {"pass": 1}


def test_limits_that_this_lane_has_no_scope_for_are_left_out(leased):
    leased.fence += 1
    leased.out.put([(Key(3, 63), record({})), (ACCOUNT, record({}))], leased.fence)
    leased.renew(100)
    assert list(leased.shown().uses) == [ACCOUNT]


def test_record_of_a_limit_round_trips_and_knows_what_widens():
    from runtime.authority.records import key_of, widens

    assert key_of("account:0") == ACCOUNT and ACCOUNT.text == "account:0"
    assert record({})["gross_notional_e8_max"] == NONE
    assert widens("gross_notional_e8_max", 5, 6) and not widens("gross_notional_e8_max", 6, 5)
    assert widens("cool_down_ns", 6, 5) and not widens("cool_down_ns", 5, 6)
    for bad in ("account", "account:x", "nobody:1"):
        with pytest.raises(ValueError, match="want DIMENSION:ID"):
            key_of(bad)
    with pytest.raises(ValueError, match="limit figures typo"):
        record({"typo": 1})


def test_a_look_that_takes_several_beats_says_the_turn_in_which_it_began(leased):
    """Else what was bought between two beats would count as not spent at the turn that is shown."""
    leased.fence += 1
    leased.out.put([(ACCOUNT, record({})), (STRATEGY, record({}))], leased.fence)
    leased.renew(1000)
    began = leased.lane.now_ns
    leased.lane.show_uses(1)
    leased.lane.turn(5)
    leased.buy()
    leased.lane.show_uses(1)
    uses = read_lane(leased.rig.view, True)
    assert uses.heard.turn_ns == began
    assert [uses.uses[key].open_orders for key in (ACCOUNT, STRATEGY)] == [0, 1]
    leased.lane.show_uses(1)
    leased.lane.show_uses(1)
    uses = read_lane(leased.rig.view, True)
    assert uses.heard.turn_ns == leased.lane.now_ns > began
    assert [uses.uses[key].open_orders for key in (ACCOUNT, STRATEGY)] == [1, 1]
