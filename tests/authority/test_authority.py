"""The authority itself, over real pages, with real lanes: shares, losses, words, kills."""

import contextlib
import itertools
import os
import random
from collections import Counter

import pytest

from runtime._shm import lib
from runtime.authority import pages as limit_pages
from runtime.authority.authority import Authority, LimitError, Terms
from runtime.authority.leases import NONE, Leases
from runtime.authority.records import Key, record
from runtime.pages.page import LANE_BYTES, SHM, Control, Page
from strategies import Strategy
from tests.lane_rig import LIMITS, Rig

ACCOUNT = Key(lib.HP_DIMENSION_ACCOUNT, 0)
MS = 1_000_000
E8 = 10**8
LEASE, RENEW = 100 * MS, 20 * MS
GROSS, OPEN = "gross_notional_e8_max", "open_orders_max"
LOT_E8, MID_E8 = 600_001 * 10**4, 6_000_005 * 10**3  # of a lot: as it is bid for, at the mid
DAY = 20_000 * 86_400 * 10**9
numbers = itertools.count()


class Quiet(Strategy):
    """Does what the test tells it."""


class Spender:
    """A real lane under a lease, on a page that the authority reads; the venue is the test."""

    def __init__(self, world, number, account=0):
        self.world, self.number = world, number
        self.out = limit_pages.make(world.deployment, number)
        kind = "hp_lane_page_t"
        name = f"lane.{number}"
        self.page = Page.make(world.deployment, name, kind, lib.HP_PAGE_LANE, LANE_BYTES, 1)
        self.page.own()
        self.account = account
        self.strategies = [Quiet(), Quiet()]
        self.strategy = self.strategies[0]
        limits = {**LIMITS, "open_orders_max": 1000, "accounts": 2**32 - 1, "stale_ms": 10**6}
        self.rig = Rig(*self.strategies, limits=limits, page=self.page.map, account=account)
        self.lane = self.rig.lane
        self.lane.now_ns = world.now
        self.lane.set_limit_lease(0, 0)
        for instrument in (1, 2):
            self.rig.sync(instrument=instrument)
        self.open = {}  # client id -> (strategy, instrument, lots): working at the venue
        self.held = Counter()  # (strategy, instrument) -> lots
        self.trades = 0
        self.is_stopped = False
        self.taken = {}  # the limits of the lease that it has
        self.seen = set()

    def turn(self):
        """One turn of the lane, as live.pyx takes it: limits first, then what it wants."""
        self.lane.now_ns = self.world.now
        self.lane.take_limits(self.out.map)
        if self.rig.view.limit_fence == self.out.view.table_fence:
            self.taken = leased(self.out.view)
        self.lane.turn()
        for order in self.lane.orders():
            if order["client_id"] not in self.seen:
                self.seen.add(order["client_id"])
                about = (order["strategy"], order["instrument"], order["lots"])
                self.open[order["client_id"]] = about
        self.lane.show_uses(self.world.uses_a_beat)

    def buy(self, lots, strategy=0, instrument=1, **more):
        """Want a buy above the mid: a fill then never counts for more than the order did."""
        self.rig.ticker(instrument=instrument)
        self.strategies[strategy].buy(instrument, price_ticks=600_001, lots=lots, **more)
        self.turn()

    def close(self, about):
        """Sell what a strategy holds of an instrument; it is filled at once."""
        strategy, instrument = about
        self.rig.ticker(instrument=instrument)
        lots = self.held.pop(about)
        self.strategies[strategy].sell(instrument, price_ticks=600_002, lots=lots, reduce_only=True)
        before = set(self.open)
        self.turn()
        (client_id,) = set(self.open) - before
        del self.open[client_id]
        self.report_fill(client_id, instrument, lots, 600_002)

    def fill(self, client_id, fee_e8=0):
        strategy, instrument, lots = self.open.pop(client_id)
        self.held[strategy, instrument] += lots
        self.report_fill(client_id, instrument, lots, 600_001, fee_e8)

    def report_fill(self, client_id, instrument, lots, ticks, fee_e8=0):
        self.trades += 1
        about = {"last_lots": lots, "last_ticks": ticks, "cum_lots": lots, "fee_e8": fee_e8}
        trade_id = 10**6 * instrument + self.trades
        self.rig.report("FILL", client_id, instrument=instrument, trade_id=trade_id, **about)
        self.lane.show_uses(self.world.uses_a_beat)

    def cancel(self, client_id):
        self.rig.report("CANCELED", client_id, instrument=self.open.pop(client_id)[1])
        self.lane.show_uses(self.world.uses_a_beat)

    def spent(self):
        """What the venue knows of it, (limit, figure) -> amount: positions and orders."""
        out = Counter()
        rows = [(*about, lots * MID_E8, 0) for about, lots in self.held.items()]
        rows += [(*about, lots * LOT_E8, 1) for *about, lots in self.open.values()]
        for strategy, instrument, worth, orders in rows:
            scopes = {
                lib.HP_DIMENSION_ACCOUNT: self.account,
                lib.HP_DIMENSION_VENUE: 0,
                lib.HP_DIMENSION_STRATEGY: strategy,
                lib.HP_DIMENSION_INSTRUMENT: instrument,
            }
            for scope in scopes.items():
                out[Key(*scope), GROSS] += worth
                out[Key(*scope), OPEN] += orders
        return out


def leased(view):
    """The bounds of the lease in a limits page."""
    out = {}
    for n in range(view.limit_count):
        one = view.limits[n]
        out[Key(one.dimension, one.id), GROSS] = int(one.gross_notional_e8_max)
        out[Key(one.dimension, one.id), OPEN] = int(one.open_orders_max)
    return out


class World:
    """Lanes, the authority and its disk; time is a number."""

    def __init__(self, folder, lanes=3, **figures):
        self.deployment = f"t{os.getpid()}a{next(numbers)}"
        self.folder, self.now = folder, 1_000_000_000
        self.control = Control(self.deployment, "authority")
        self.lanes = [Spender(self, n) for n in range(lanes)]
        self.limits = {ACCOUNT: record(figures)}
        self.said = []
        self.whose = {}  # lane -> limits; the others spend every one
        self.uses_a_beat = 0  # scopes that a lane shows at a time; 0 = all
        self.authority = None

    def start(self):
        keys = {one.number: list(self.limits) for one in self.lanes}
        keys |= self.whose
        terms = Terms(LEASE, RENEW)
        self.authority = Authority(
            self.deployment, self.folder, keys, self.limits, terms, self.said.append, DAY
        )
        return self.authority

    def kill(self):
        """Nothing is written, prolonged or taken back; only its maps go."""
        self.authority.close()
        self.authority = None

    def round(self):
        """A whole round, as the process does it."""
        a = self.authority
        a.look(DAY)
        a.judge()
        a.renew(self.now)
        move = a.move(self.now)
        if move is not None:
            a.ledger.write(a.text())
            a.raise_shares(move, self.now)

    def close(self):
        if self.authority is not None:
            self.kill()
        for path in SHM.glob(f"corelane.{self.deployment}.*"):
            path.unlink()
        with contextlib.suppress(BufferError):
            for one in self.lanes:
                one.out.close()


@pytest.fixture
def world(tmp_path):
    made = []

    def make(**more):
        made.append(World(tmp_path, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def settle(one, rounds=4):
    """Let shares and evidence go to and fro."""
    for _ in range(rounds):
        one.round()
        for lane in one.lanes:
            lane.turn()


# -- limits by a person -------------------------------------------------------------------------


def test_figures_are_set_together_or_not_at_all_and_what_widens_must_be_meant(world):
    one = world(lanes=1, open_orders_max=5, daily_loss_e8_max=100)
    a = one.start()
    with pytest.raises(LimitError, match="open_orders_max would permit more than now; say --widen"):
        a.set_limits(ACCOUNT, {"daily_loss_e8_max": 50, "open_orders_max": 6}, False, {})
    assert a.limits[ACCOUNT]["daily_loss_e8_max"] == 100
    with pytest.raises(LimitError, match="has no figure typo"):
        a.set_limits(ACCOUNT, {"daily_loss_e8_max": 50, "typo": 1}, False, {})
    assert a.limits[ACCOUNT]["daily_loss_e8_max"] == 100
    assert "daily_loss_e8_max" not in a.ledger.memory.overrides.get("account:0", {})
    with pytest.raises(LimitError, match=r"no limit account:7; there are account:0"):
        a.set_limits(Key(1, 7), {"open_orders_max": 1}, False, {})
    done = a.set_limits(ACCOUNT, {"open_orders_max": 6, "daily_loss_e8_max": 50}, True, {"uid": 5})
    assert [(c["figure"], c["way"], c["uid"]) for c in done] == [
        ("open_orders_max", "widened", 5),
        ("daily_loss_e8_max", "tightened", 5),
    ]


def test_what_was_set_reaches_the_lane_and_outlives_the_authority(world):
    one = world(lanes=1, open_orders_max=5)
    one.start()
    settle(one)
    lane = one.lanes[0]
    lane.buy(1)
    assert len(lane.open) == 1
    one.authority.set_limits(ACCOUNT, {"open_orders_max": 2}, False, {})
    one.authority.ledger.write(one.authority.text())
    settle(one)
    for _ in range(3):
        lane.buy(1)
    assert len(lane.open) == 2
    one.kill()
    one.start()
    settle(one)
    lane.buy(1)
    assert len(lane.open) == 2 and one.authority.limits[ACCOUNT]["open_orders_max"] == 2


def test_limits_of_another_account_bind_that_account_alone(world):
    one = world(lanes=1)
    other = Key(lib.HP_DIMENSION_ACCOUNT, 3)
    one.limits = {ACCOUNT: record({GROSS: 0}), other: record({"open_orders_max": 1})}
    one.lanes.append(Spender(one, 1, account=3))
    one.whose = {0: [ACCOUNT], 1: [other]}
    one.start()
    settle(one, 8)
    for lane in one.lanes:
        for _ in range(3):
            lane.buy(1)
    assert [len(lane.open) for lane in one.lanes] == [0, 1]
    settle(one)
    row = {row["limit"]: row for row in one.authority.rows()}["account:3"]
    assert (row["open"]["used"], row["open"]["limit"]) == (1, 1)


# -- losses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figures", "lost", "cause"),
    [
        ({"daily_loss_e8_max": 200}, 199, None),
        ({"daily_loss_e8_max": 200}, 200, "daily loss 200 of 200"),
        ({"drawdown_bps_max": 100, "capital_e8": 10_000}, 99, None),
        ({"drawdown_bps_max": 100, "capital_e8": 10_000}, 100, "drawdown 100 of 100 bps"),
    ],
)
def test_loss_of_all_lanes_together_sets_the_word_and_stands_until_a_person_thaws(
    world, figures, lost, cause
):
    """Each lane alone is far from the bound: two lanes lose a half each."""
    one = world(lanes=2, **figures)
    one.start()
    settle(one)
    for n, lane in enumerate(one.lanes):
        lane.strategy.buy(1, price_ticks=600_001, lots=1)
        lane.turn()
        fee = lost // 2 + (lost % 2 if n else 0)
        # bought above the mid: half a tick of one lot is 5000 (1e-8); the rebate takes it back
        lane.fill(next(iter(lane.open)), fee_e8=fee - 5_000)
    settle(one, 1)
    a = one.authority
    assert a.profit.loss(ACCOUNT) == lost
    word = one.control.page.view.word
    if cause is None:
        assert (a.frozen, word) == ({}, 0)
        return
    assert a.frozen[ACCOUNT].startswith(cause) and word == lib.HP_WORD_FREEZE
    settle(one)
    for lane in one.lanes:
        lane.buy(1)
        assert not lane.open  # nothing of it is lent
    a.ledger.write(a.text())
    one.kill()  # another life knows it
    a = one.start()
    assert ACCOUNT in a.frozen and one.control.page.view.word == lib.HP_WORD_FREEZE
    settle(one)
    with pytest.raises(LimitError, match="would freeze again"):
        a.thaw(ACCOUNT)
    a.set_limits(ACCOUNT, {next(iter(figures)): 201}, True, {})
    a.thaw(ACCOUNT)
    assert one.control.page.view.word == 0
    settle(one)
    one.lanes[0].buy(1)
    assert len(one.lanes[0].open) == 1


@pytest.mark.parametrize(("capital", "lost", "bps"), [(0, 0, 0), (0, 1, 10_000), (100, 1, 100)])
def test_drawdown_of_an_account_that_had_nothing_is_whole(capital, lost, bps):
    from runtime.authority.profit import Life, Profit

    profit = Profit(0, {})
    profit.drawdown_bps(ACCOUNT, capital)
    profit.lives[0] = Life(1, {ACCOUNT: -lost})
    assert profit.drawdown_bps(ACCOUNT, capital) == bps
    assert profit.drawdown_bps(ACCOUNT, NONE) == 0


# -- kills --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_lanes_never_hold_more_than_the_limit_whoever_is_killed_or_stopped(world, seed):
    """Three real lanes spend as fast as they may; the authority dies between any two steps of its
    round and comes back from its disk, lanes stand still past the ends of their leases and go on.

    After each step what the venue holds, all lanes together, is within the limit, and so is what
    they may come to hold by the leases that they still have.
    """
    play(world, seed)


def test_the_property_sees_an_authority_that_counts_wrong(world, monkeypatch):
    monkeypatch.setattr(Leases, "total", lambda self, bound: 0)
    with pytest.raises(AssertionError, match="may come to hold"):
        for seed in range(3):
            play(world, seed)


OTHER = Key(lib.HP_DIMENSION_ACCOUNT, 3)
LOTS = {  # of each limit: so that every one is the tightest at times
    ACCOUNT: 30,
    OTHER: 16,
    Key(lib.HP_DIMENSION_VENUE, 0): 40,
    Key(lib.HP_DIMENSION_STRATEGY, 0): 26,
    Key(lib.HP_DIMENSION_STRATEGY, 1): 18,
    Key(lib.HP_DIMENSION_INSTRUMENT, 1): 26,
    Key(lib.HP_DIMENSION_INSTRUMENT, 2): 18,
}


def play(world, seed):
    one = world(lanes=0)
    one.lanes = [Spender(one, n, account) for n, account in enumerate((0, 0, 3))]
    one.limits = {key: record({GROSS: n * LOT_E8, OPEN: n // 3}) for key, n in LOTS.items()}
    shared = [key for key in LOTS if key.dimension != lib.HP_DIMENSION_ACCOUNT]
    one.whose = {0: [ACCOUNT, *shared], 1: [ACCOUNT, *shared], 2: [OTHER, *shared]}
    one.uses_a_beat = seed % 4  # all of a lane's six, or fewer
    chance, kills, steps = random.Random(seed), 0, []
    most = dict.fromkeys(itertools.product(LOTS, (GROSS, OPEN)), 0)
    ceiling = {(key, name): one.limits[key][name] for key, name in most}
    for _ in range(2_500):
        one.now += chance.choice((0, 1, 1, 2, 6)) * MS
        if chance.random() < 0.3:
            if one.authority is None:
                if chance.random() < 0.15:
                    one.start()
                    steps = []
            elif chance.random() < 0.02:
                one.kill()
                kills += 1
            elif chance.random() < 0.01:
                change_a_limit(one, chance)
            else:
                steps = steps or round_steps(one)
                steps.pop(0)()
        else:
            live(one, chance.choice(one.lanes), chance)
        limits = {key: one.limits[key] for key in LOTS}
        if one.authority is not None:
            limits = dict(one.authority.limits)
            one.known = limits
        elif hasattr(one, "known"):
            limits = one.known
        spent = [lane.spent() for lane in one.lanes]
        loans = [lent(one, lane) for lane in one.lanes]
        for bound in most:
            key, name = bound
            held = sum(each[bound] for each in spent)
            each = zip(spent, loans, strict=True)
            may = sum(max(had[bound], *(loan.get(bound, 0) for loan in may)) for had, may in each)
            limit = limits[key][name]
            assert may <= max(limit, ceiling[bound]), (
                f"seed {seed}: lanes may come to hold {may} of {limit} of {key.text} {name}"
            )
            ceiling[bound] = max(limit, may)
            most[bound] = max(most[bound], held)
    near = [held > one.limits[key][name] // 2 for (key, name), held in most.items()]
    assert kills > 3 and sum(near) > len(near) // 2, f"seed {seed}: it tried too little"


def change_a_limit(one, chance):
    """A person sets a limit, lower or as it was; durable as the process makes it."""
    key, name = chance.choice(list(LOTS)), chance.choice((GROSS, OPEN))
    value = one.limits[key][name] // chance.choice((1, 1, 2, 4))
    one.authority.set_limits(key, {name: value}, True, {})
    one.authority.ledger.write(one.authority.text())


def round_steps(one):
    """The authority's round, cut where a kill may come."""
    a, kept = one.authority, {}

    def write():
        if kept["move"] is not None:
            a.ledger.write(a.text())

    def publish():
        if kept["move"] is not None:
            a.raise_shares(kept["move"], one.now)

    return [
        lambda: a.look(DAY),
        lambda: a.renew(one.now),
        lambda: kept.update(move=a.move(one.now)),
        write,
        publish,
    ]


def live(one, lane, chance):
    """One thing that happens to a lane."""
    if lane.is_stopped:
        lane.is_stopped = chance.random() > 0.05
        return
    kind = chance.random()
    if kind < 0.02:
        lane.is_stopped = True
    elif kind < 0.7:
        lane.buy(1 + chance.randrange(5), chance.randrange(2), 1 + chance.randrange(2))
    elif lane.open and kind < 0.8:
        lane.fill(chance.choice(list(lane.open)))
    elif lane.open and kind < 0.9:
        lane.cancel(chance.choice(list(lane.open)))
    elif lane.held and kind < 0.95:
        lane.close(chance.choice(list(lane.held)))
    else:
        lane.turn()


def lent(one, lane):
    """The leases by which a lane may spend: that it has taken, and that it may take."""
    out = [{}]
    if lane.rig.view.limit_until_ns > one.now:
        out.append(lane.taken)
    page = lane.out.view
    if page.lease.until_ns > one.now and page.table_fence == page.lease.fence:
        out.append(leased(page))
    return out
