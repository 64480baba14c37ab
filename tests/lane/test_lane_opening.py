"""Any history, cut anywhere, and any order of answers: the next lane's figures are the venue's.

A small venue in Python is the oracle.  A lane is real (codec, gate, journal ring); it dies at any
moment, having heard any prefix of what the venue did; the next life gets the facts that
runtime/session/opening.py makes of its ring and the venue's answers, in any order and partly twice.
"""

import random
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runtime._shm import ffi, lib
from runtime.lanes.spec import ASSETS
from runtime.session import evidence
from runtime.session.opening import Instrument, VenueFacts, client_of, client_text, merge, report_of
from strategies import Strategy

PREFIX = ""
INSTRUMENTS = {
    number: Instrument(number, symbol, 1, 3, lib.HP_CONTRACT_LINEAR, 10**8)
    for number, symbol in ((1, "BTCUSDT"), (2, "ETHUSDT"))
}
MS = 1_000_000
LAG_NS = 5_000_000_000
UNIT = 10**4  # one tick x one lot in 1e-8


class Idle(Strategy):
    """Does what the test tells it."""

    def __init__(self):
        super().__init__()
        self.told = []

    def on_order(self, order):
        self.told.append((order.client_id, order.state))


class Venue:
    """The oracle: orders, fills and positions, as plainly as they can be said."""

    def __init__(self):
        self.orders = {}  # client id: row
        self.trades = []
        self.news = []  # reports for whoever listens, oldest first
        self.lots, self.cost, self.realised, self.fees = ({1: 0, 2: 0} for _ in range(4))

    def place(self, client_id, instrument, side, lots, ticks):
        self.orders[client_id] = {
            "clientOrderId": client_text(PREFIX, client_id),
            "orderId": 1000 + len(self.orders),
            "symbol": INSTRUMENTS[instrument].symbol,
            "side": "BUY" if side == 1 else "SELL",
            "positionSide": "BOTH",
            "type": "LIMIT",
            "timeInForce": "GTX",
            "price": f"{ticks / 10:.1f}",
            "origQty": f"{lots / 1000:.3f}",
            "lots": lots,
            "done": 0,
            "instrument": instrument,
            "status": "NEW",
        }
        self.say("ACK", client_id)

    def say(self, kind, client_id, **fields):
        row = self.orders[client_id]
        fields |= {"instrument": row["instrument"], "venue_id": row["orderId"]}
        self.news.append((kind, client_id, fields | {"cum_lots": row["done"]}))

    def working(self):
        return {c: r for c, r in self.orders.items() if r["status"] in ("NEW", "PARTIALLY_FILLED")}

    def fill(self, client_id, lots, ticks):
        row = self.orders[client_id]
        i, sign = row["instrument"], 1 if row["side"] == "BUY" else -1
        lots = min(lots, row["lots"] - row["done"])
        row["done"] += lots
        row["status"] = "FILLED" if row["done"] == row["lots"] else "PARTIALLY_FILLED"
        fee = ticks * lots % 977
        closing = min(lots, abs(self.lots[i])) if self.lots[i] * sign < 0 else 0
        released = 0
        if closing:
            share = Fraction(abs(self.cost[i]) * closing, abs(self.lots[i]))
            released = int(share) * (1 if self.cost[i] > 0 else -1)
        realised = -sign * ticks * closing * UNIT - released
        self.cost[i] += sign * ticks * (lots - closing) * UNIT - released
        self.lots[i] += sign * lots
        self.realised[i] += realised
        asset = "BNB" if len(self.trades) % 3 == 2 else "USDT"
        self.fees[i] += fee if asset == "USDT" else 0  # what is paid in BNB is no USDT
        self.trades.append(
            {
                "id": 5000 + 3 * len(self.trades),
                "orderId": row["orderId"],
                "instrument": i,
                "symbol": row["symbol"],
                "side": row["side"],
                "positionSide": "BOTH",
                "price": f"{ticks / 10:.1f}",
                "qty": f"{lots / 1000:.3f}",
                "commission": f"{fee / 10**8:.8f}",
                "commissionAsset": asset,
                "realizedPnl": f"{Fraction(realised, 10**8).__float__():.8f}",
                "maker": True,
                "time": len(self.trades),
            }
        )
        self.say(
            "FILL",
            client_id,
            side=1 if sign > 0 else 2,
            trade_id=self.trades[-1]["id"],
            last_lots=lots,
            last_ticks=ticks,
            fee_e8=fee,
            asset=ASSETS[asset],
            is_maker=1,
            match_ns=self.trades[-1]["time"] * MS,
        )

    def cancel(self, client_id):
        self.orders[client_id]["status"] = "CANCELED"
        self.say("CANCELED", client_id)

    def facts(self, found, now_ns, shuffle):
        """Answer all questions as of now; rows in any order."""
        facts = VenueFacts()
        for row in self.working().values():
            facts.open_orders.append(row | {"executedQty": f"{row['done'] / 1000:.3f}"})
        for number, about in INSTRUMENTS.items():
            mine = [t for t in self.trades if t["instrument"] == number]
            facts.cuts[number] = max((t["id"] for t in mine), default=0)
            cut = found.bases[number].trade_cut if found is not None else facts.cuts[number]
            facts.trades[number] = [t for t in mine if t["id"] > cut]
            shuffle(facts.trades[number])
            if self.lots[number]:
                entry = Fraction(self.cost[number], UNIT * 10 * self.lots[number])
                facts.positions.append(
                    {
                        "symbol": about.symbol,
                        "positionSide": "BOTH",
                        "positionAmt": f"{self.lots[number] / 1000:.3f}",
                        "entryPrice": f"{float(entry):.8f}",
                    }
                )
        shuffle(facts.open_orders)
        shown = {client_of(PREFIX, row["clientOrderId"]) for row in facts.open_orders}
        for order in found.working() if found is not None else []:
            if order.client_id not in shown:
                row = self.orders.get(order.client_id)
                facts.answers[order.client_id] = (
                    None if row is None else row | {"executedQty": f"{row['done'] / 1000:.3f}"}
                )
                facts.answered_ns[order.client_id] = now_ns
        return facts


class Life:
    """One life of the lane under test."""

    def __init__(self, rig, epoch, now_ns, segment_bytes=65536):
        terms = {"settle_asset": ASSETS["USDT"]}
        self.r = rig(Idle(), journal=True, epoch=epoch, segment_bytes=segment_bytes, terms=terms)
        self.r.lane.now_ns = now_ns
        for number in INSTRUMENTS:
            self.r.sync(instrument=number)

    def open(self, facts, mix=None):
        """Tell the facts, in the order and as often as `mix` makes them; True when it is open."""
        generation = self.r.lane.begin_opening()
        told = list(facts)
        if mix is not None:
            told += mix.sample(told, mix.randint(0, len(told)))
            mix.shuffle(told)
        return [self.r.lane.fact(kind, generation, data) for kind, data in told][-1]

    def place(self, instrument, side, lots, away):
        """Send one order; return its client id and price, or None when the gate refused."""
        before = {o["client_id"] for o in self.r.lane.orders()}
        ticks = 600000 - away if side == 1 else 600001 + away
        act = self.r.lane.strategies[0].buy if side == 1 else self.r.lane.strategies[0].sell
        act(instrument, price_ticks=ticks, lots=lots, post_only=True, ttl_ms=60_000)
        self.r.lane.turn(MS)
        new = {o["client_id"] for o in self.r.lane.orders()} - before  # cancels are sent too
        return (new.pop(), ticks) if new else None

    def hear(self, kind, client_id, fields):
        self.r.report(kind, client_id, **fields)

    def ring(self):
        return evidence.read(memoryview(self.r.journal))

    def figures(self, number):
        p = self.r.lane.position(number)
        return p["lots"][0], p["cost_e8"][0], p["realised_e8"], p["fees_e8"]


def opening(venue, found, now_ns, mix, policy=lib.HP_RESTART_CANCEL):
    facts = venue.facts(found, now_ns, mix.shuffle)
    return merge(found, facts, INSTRUMENTS, PREFIX, policy=policy, read_lag_ns=LAG_NS)


def check(venue, life, sent, arrived):
    """Every figure of the lane is the venue's."""
    for number in INSTRUMENTS:
        assert life.figures(number) == (
            venue.lots[number],
            venue.cost[number],
            venue.realised[number],
            venue.fees[number],
        ), number
    assert life.r.count.fills == len(venue.trades)
    mine = {o["client_id"]: o for o in life.r.lane.orders()}
    assert set(venue.working()) <= set(mine)  # none forgotten
    for client_id, order in mine.items():
        row = venue.orders.get(client_id)
        assert order["state"] == lib.HP_ORDER_UNKNOWN or row is not None
        if row is not None and row["status"] in ("NEW", "PARTIALLY_FILLED"):
            assert order["filled_lots"] == row["done"]
    unresolved = len([c for c in mine if c not in venue.orders])
    assert life.r.count.orders_sent - life.r.count.orders_absent - unresolved == arrived
    exposed = sum(life.r.lane.exposure(n)["open_orders"] for n in INSTRUMENTS)
    assert exposed == len(mine)


STEP = st.tuples(
    st.sampled_from(["place", "place", "fill", "fill", "cancel"]),
    st.integers(1, 2),  # instrument
    st.integers(1, 2),  # side
    st.integers(1, 40),  # lots
    st.integers(0, 9),  # which order, how far from the touch
    st.booleans(),  # whether a request arrives
)
LIFE = st.tuples(
    st.lists(STEP, max_size=14),
    st.integers(0, 12),  # news that it never heard
    st.lists(STEP, max_size=5),  # what the venue does when it is dead
    st.sampled_from(["whole", "whole", "part"]),  # how far the next opening comes
)


def act(venue, life, step):
    """One step of history; return (orders sent, orders that arrived)."""
    what, instrument, side, lots, pick, arrives = step
    if what == "place":
        placed = life.place(instrument, side, lots, pick) if life is not None else None
        if placed is None:
            return 0, 0
        if arrives:
            venue.place(placed[0], instrument, side, lots, placed[1])
        return 1, int(arrives)
    working = sorted(venue.working())
    if working:
        client_id = working[pick % len(working)]
        if what == "cancel":
            venue.cancel(client_id)
        else:
            venue.fill(client_id, lots, 600000 + (pick - 5) * 7)
    return 0, 0


@settings(max_examples=60)
@given(st.lists(LIFE, min_size=1, max_size=4), st.integers(0, 2**32))
@example([([("place", 1, 1, 5, 0, True), ("fill", 1, 1, 5, 0, True)], 9, [], "whole")], 1)
@example([([("place", 1, 1, 5, 0, False)], 0, [], "part")], 1)
def test_lane_converges_to_the_venue_whatever_was_cut(rig, lives, seed):
    mix, venue, now_ns = random.Random(seed), Venue(), 1_000_000_000
    sent = arrived = 0
    life = Life(rig, 1, now_ns)
    assert life.open(opening(venue, None, now_ns, mix).facts())
    found, heard = life.ring(), 0
    for number, (steps, deaf, meanwhile, how) in enumerate(lives, 2):
        for step in steps:
            s, a = act(venue, life, step)
            sent, arrived = sent + s, arrived + a
            if len(venue.news) - heard > deaf:  # it hears late, but in order
                life.hear(*venue.news[heard])
                heard += 1
        now_ns = life.r.lane.now_ns + mix.randint(0, 3) * LAG_NS
        for step in meanwhile:
            if step[0] != "place":
                act(venue, None, step)
        found = life.ring()
        assert found is not None
        if how == "part":  # a life that dies in its opening is as good as none
            facts = list(opening(venue, found, now_ns, mix).facts())
            dead = Life(rig, 100 + number, now_ns)
            assert not dead.open(
                mix.sample(facts, len(facts) - 1) if len(facts) > 1 else [(0, b"")]
            )
            assert dead.ring() is None
        life = Life(rig, number, now_ns)
        assert life.open(opening(venue, found, now_ns, mix).facts(), mix)
        heard = len(venue.news)  # its stream begins here
        check(venue, life, sent, arrived)


@settings(max_examples=30)
@given(st.lists(STEP, max_size=20), st.integers(0, 2**32))
def test_second_opening_changes_nothing(rig, steps, seed):
    """A set of facts for a lane that is open, and the events that it already holds, are no news."""
    mix, venue = random.Random(seed), Venue()
    life = Life(rig, 1, 1_000_000_000)
    life.open(opening(venue, None, 0, mix).facts())
    for step in steps:
        act(venue, life, step)
    found = life.ring()
    facts = list(opening(venue, found, life.r.lane.now_ns, mix).facts())
    after = Life(rig, 2, life.r.lane.now_ns)
    assert after.open(facts, mix)
    before = (after.figures(1), after.figures(2), after.r.count.fills, after.r.lane.orders())
    for kind, data in facts:
        after.r.lane.fact(kind, 1, data)
    for news in venue.news:
        if news[0] == "FILL":
            after.hear(*news)
    for row in venue.trades:
        after.r.lane.report(bytes(ffi.buffer(report_of(INSTRUMENTS[row["instrument"]], row))))
    assert before[:3] == (after.figures(1), after.figures(2), after.r.count.fills)
    assert {o["client_id"]: o["filled_lots"] for o in before[3]} == {
        o["client_id"]: o["filled_lots"] for o in after.r.lane.orders()
    }


def test_ring_that_was_overwritten_many_times_still_tells_all(rig):
    """The carry is repeated in each segment: the newest two are enough."""
    mix, venue = random.Random(1), Venue()
    life = Life(rig, 1, 1_000_000_000)
    life.open(opening(venue, None, 0, mix).facts())
    rest = life.place(2, 1, 7, 9)
    venue.place(rest[0], 2, 1, 7, rest[1])
    life.hear(*venue.news[-1])
    for n in range(400):
        placed = life.place(1, 1 + n % 2, 3, 0)
        venue.place(placed[0], 1, 1 + n % 2, 3, placed[1])
        venue.fill(placed[0], 3, 600000 + n)
        for news in venue.news[-2:]:
            life.hear(*news)
    assert life.r.count.fills == 400
    head = ffi.cast("hp_journal_head_t *", ffi.from_buffer(life.r.journal) + 128)
    assert head.overwritten > 4
    after = Life(rig, 2, life.r.lane.now_ns)
    assert after.open(opening(venue, life.ring(), 0, mix).facts())
    check(venue, after, 401, 401)
    assert after.r.count.fills_recovered == 0


def test_carry_of_an_opening_repeats_the_newest_keys_of_every_instrument(rig):
    """Keys are dropped by age: else a fill of one instrument that comes late would be lost."""
    mix, venue = random.Random(1), Venue()
    life = Life(rig, 1, 1_000_000_000)
    life.open(opening(venue, None, 0, mix).facts())
    for n in range(400):  # nobody listens
        client_id = 100 + n
        venue.place(client_id, 1 + n % 2, 1 + n // 2 % 2, 3, 600000)
        venue.fill(client_id, 3, 600000 + n)
    after = Life(rig, 2, life.r.lane.now_ns)
    assert after.open(opening(venue, life.ring(), 0, mix).facts(), mix)
    assert after.r.count.fills_recovered == 400
    carried = after.ring()
    newest = {t["id"] for t in venue.trades[-lib.HP_CARRIED_KEYS :]}
    assert {trade_id for _, trade_id, _ in carried.keys} == newest
    last = Life(rig, 3, life.r.lane.now_ns)
    assert last.open(opening(venue, carried, 0, mix).facts(), mix)
    assert [last.figures(n) for n in INSTRUMENTS] == [after.figures(n) for n in INSTRUMENTS]
    assert last.r.count.fills == 400


def test_intent_to_cancel_is_no_second_order(rig):
    """Its verdict passes and names the order: the ring must still tell one order, and its price."""
    mix, venue = random.Random(1), Venue()
    life = Life(rig, 1, 1_000_000_000)
    life.open(opening(venue, None, 0, mix).facts())
    client_id, ticks = life.place(1, 1, 5, 3)
    venue.place(client_id, 1, 1, 5, ticks)
    life.hear(*venue.news[-1])
    life.r.lane.strategies[0].cancel(client_id)
    life.r.lane.turn(MS)
    assert b"order.cancel" in life.r.lane.sent[-1]
    found = life.ring()
    assert found.orders_sent == 1
    assert (found.orders[client_id].price_ticks, found.orders[client_id].lots) == (ticks, 5)


def test_set_whose_ranks_are_none_is_not_taken(rig):
    mix, venue = random.Random(1), Venue()
    life = Life(rig, 1, 1_000_000_000)
    life.open(opening(venue, None, 0, mix).facts())
    for client_id in (7, 8):
        venue.place(client_id, 1, 1, 3, 600000)
        venue.fill(client_id, 3, 600000)
    found = opening(venue, life.ring(), 0, mix)
    found.booked[1].rank = 0
    after = Life(rig, 2, life.r.lane.now_ns)
    assert not after.open(found.facts())
    assert after.r.count.reports_refused == 1
    assert after.ring() is None


def test_lost_ring_leaves_the_venue_alone_to_tell(rig):
    mix, venue = random.Random(1), Venue()
    life = Life(rig, 1, 1_000_000_000)
    life.open(opening(venue, None, 0, mix).facts())
    for lots in (5, 7):
        placed = life.place(1, 1, lots, 0)
        venue.place(placed[0], 1, 1, lots, placed[1])
    venue.fill(placed[0], 3, 600000)
    after = Life(rig, 2, life.r.lane.now_ns)
    assert after.open(opening(venue, None, 0, mix, policy=lib.HP_RESTART_ADOPT).facts())
    assert after.figures(1)[:2] == (3, 3 * 600000 * UNIT)
    assert {o["client_id"] for o in after.r.lane.orders()} == set(venue.orders)
    for order in after.r.lane.orders():  # nobody knows whose they were: cancelled, whatever is set
        assert order["strategy"] == lib.HP_STRATEGY_NONE
    after.r.lane.turn(2 * MS)
    assert sum(b"order.cancel" in text for text in after.r.lane.sent) == 2


@pytest.mark.parametrize("policy", ["CANCEL", "ADOPT"])
def test_policy_decides_about_orders_that_still_work(rig, policy):
    mix, venue = random.Random(1), Venue()
    life = Life(rig, 1, 1_000_000_000)
    life.open(opening(venue, None, 0, mix).facts())
    client_id, ticks = life.place(1, 1, 5, 3)
    venue.place(client_id, 1, 1, 5, ticks)
    expire_ns = life.r.lane.order(client_id)["expire_ns"]
    after = Life(rig, 2, life.r.lane.now_ns + 10 * MS)
    number = getattr(lib, f"HP_RESTART_{policy}")
    assert after.open(opening(venue, life.ring(), 0, mix, policy=number).facts())
    assert after.r.lane.strategies[0].told == [(client_id, "LIVE")]
    assert after.r.lane.strategies[0].working(1) == 1
    after.r.lane.turn(2 * MS)
    cancels = [text for text in after.r.lane.sent if b"order.cancel" in text]
    if policy == "CANCEL":
        assert len(cancels) == 1
    else:
        assert not cancels
        assert after.r.lane.order(client_id)["expire_ns"] == expire_ns  # what is left of its time
        after.r.lane.now_ns = expire_ns
        after.r.lane.turn(2 * MS)
        assert any(b"order.cancel" in text for text in after.r.lane.sent)


@pytest.mark.parametrize(("late", "ends"), [(0, False), (6_100, True)])
def test_order_that_the_venue_does_not_know_is_unknown_until_that_is_proof(rig, late, ends):
    """A NOT_FOUND is evidence after deadline (1 s) and read lag (5 s) only."""
    mix, venue = random.Random(1), Venue()
    life = Life(rig, 1, 1_000_000_000)
    life.open(opening(venue, None, 0, mix).facts())
    client_id, _ = life.place(1, 1, 5, 3)
    now_ns = life.r.lane.now_ns + late * MS
    after = Life(rig, 2, now_ns)
    assert after.open(opening(venue, life.ring(), now_ns, mix).facts())
    assert after.r.count.orders_sent == (0 if ends else 1)
    if ends:
        assert after.r.lane.orders() == []
        return
    assert after.r.state(client_id) == "UNKNOWN"
    assert after.r.lane.exposure(1)["working_buy_lots"] == 5
    after.r.lane.now_ns += 7_000 * MS
    after.r.report("NOT_FOUND", client_id)
    assert after.r.state(client_id) == "REJECTED"
    assert (after.r.count.orders_sent, after.r.count.orders_absent) == (1, 1)


def test_venue_position_wins_and_is_journaled_as_a_correction(rig):
    mix, venue = random.Random(1), Venue()
    life = Life(rig, 1, 1_000_000_000)
    life.open(opening(venue, None, 0, mix).facts())
    venue.lots[1], venue.cost[1] = 11, 11 * 600000 * UNIT  # a transfer that no trade explains
    after = Life(rig, 2, life.r.lane.now_ns)
    assert after.open(opening(venue, life.ring(), 0, mix).facts())
    assert after.figures(1)[:2] == (11, 11 * 600000 * UNIT)
    assert after.r.count.position_corrections == 1
    assert lib.HP_RECORD_CORRECTION in kinds(after)


def kinds(life):
    from hotpath.journal.tail import SEGMENT_BYTES, records

    return {
        r.kind
        for part in evidence.segments(memoryview(life.r.journal))
        for r in records(part, SEGMENT_BYTES)
    }


def test_status_that_counts_more_than_was_booked_fetches_the_trades(rig):
    life = Life(rig, 1, 1_000_000_000)
    venue = Venue()
    life.open(opening(venue, None, 0, random.Random(1)).facts())
    client_id, ticks = life.place(1, 1, 5, 0)
    venue.place(client_id, 1, 1, 5, ticks)
    venue.fill(client_id, 5, ticks)
    venue_id = venue.orders[client_id]["orderId"]
    life.r.report("STATUS", client_id, state=lib.HP_ORDER_FILLED, cum_lots=5, venue_id=venue_id)
    assert life.figures(1)[0] == 0
    wanted = (lib.HP_WANT_TRADES, 1)
    life.r.lane.turn(200 * MS)
    assert wanted not in life.r.lane.wanted  # the fill may only be on its way
    life.r.lane.turn(200 * MS)
    assert life.r.lane.wanted.count(wanted) == 1
    for _ in range(2):
        life.r.lane.report(bytes(ffi.buffer(report_of(INSTRUMENTS[1], venue.trades[0]))))
    assert (life.figures(1)[0], life.r.lane.order(client_id)["filled_lots"]) == (5, 5)
    assert life.r.count.fills_recovered == 1
    life.r.lane.turn(3_000 * MS)
    assert life.r.lane.wanted.count(wanted) == 1


def test_status_that_overtook_its_fill_fetches_nothing(rig):
    life = Life(rig, 1, 1_000_000_000)
    life.open(opening(Venue(), None, 0, random.Random(1)).facts())
    client_id, ticks = life.place(1, 1, 5, 0)
    life.r.report("STATUS", client_id, state=lib.HP_ORDER_FILLED, cum_lots=5)
    life.r.report("FILL", client_id, last_lots=5, last_ticks=ticks, trade_id=9, cum_lots=5)
    life.r.lane.turn(3_000 * MS)
    assert (lib.HP_WANT_TRADES, 1) not in life.r.lane.wanted
