"""Orders: any order of arrival converges, UNKNOWN ends by evidence only."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.steps.naive_venue import DEADLINE_NS, LAG_NS, NaiveVenue

WORDS = ["ACK", "REJECT", "FILL", "CANCELED", "EXPIRED", "TIMEOUT", "AMBIGUOUS", "CANCEL_REJECT"]
TERMINAL = {"FILLED", "CANCELED", "REJECTED", "EXPIRED"}


def state_name(steps, order):
    return steps.ffi.typeof("enum hp_order_state").elements[order.state].removeprefix("HP_ORDER_")


def new_order(steps, lots=10, deadline_ns=1_000):
    order = steps.ffi.new("hp_order_t *")
    order.client_id = 1
    order.state = steps.lib.HP_ORDER_SENT
    order.lots = lots
    order.deadline_ns = deadline_ns
    return order


def report(steps, kind, lots=0, state=0, recv_ns=0):
    r = steps.ffi.new("hp_report_t *")
    r.kind = getattr(steps.lib, f"HP_REPORT_{kind}")
    r.last_lots = lots
    r.state = state
    r.recv_ns = recv_ns
    return r


def apply(steps, order, kind, now=5_000, lag=100, **fields):
    return steps.lib.t_apply(order, report(steps, kind, **fields), now, lag)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(WORDS[:5]), min_size=1, max_size=5, unique=True))
def test_order_converges_whatever_the_order_of_arrival(steps, facts):
    """The final state is a function of the set of the venue's facts."""
    seen = set()
    for arrangement in itertools.permutations(facts):
        order = new_order(steps)
        for kind in arrangement:
            apply(steps, order, kind, lots=4 if kind == "FILL" else 0)
        seen.add((state_name(steps, order), order.filled_lots))
    assert len(seen) == 1, (facts, seen)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8))
def test_repeated_word_changes_nothing(steps, words):
    """Every report but a fill (deduplicated by its key before) is idempotent."""
    once, twice = new_order(steps), new_order(steps)
    for kind in words:
        lots = 1 if kind == "FILL" else 0
        apply(steps, once, kind, lots=lots)
        apply(steps, twice, kind, lots=lots)
        if kind != "FILL":
            apply(steps, twice, kind)
    assert (once.state, once.filled_lots) == (twice.state, twice.filled_lots)


def test_partial_then_full_fill_by_cumulative_size(steps):
    order = new_order(steps, lots=10)
    apply(steps, order, "FILL", lots=4)
    assert state_name(steps, order) == "PARTIAL"
    apply(steps, order, "FILL", lots=6)
    assert state_name(steps, order) == "FILLED"


def test_fill_after_cancel_is_booked(steps):
    order = new_order(steps, lots=10)
    apply(steps, order, "CANCELED")
    assert apply(steps, order, "FILL", lots=3) == steps.lib.HP_MOVED_FACT
    assert (state_name(steps, order), order.filled_lots) == ("CANCELED", 3)


def test_timeout_makes_unknown_and_no_timer_ends_it(steps):
    order = new_order(steps)
    apply(steps, order, "TIMEOUT", now=7)
    assert (state_name(steps, order), order.unknown_since_ns) == ("UNKNOWN", 7)
    for _ in range(5):
        apply(steps, order, "TIMEOUT", now=10**12)
        apply(steps, order, "AMBIGUOUS", now=10**12)
    assert state_name(steps, order) == "UNKNOWN"


@pytest.mark.parametrize(("recv_ns", "ends"), [(1_000, False), (1_100, False), (1_101, True)])
def test_not_found_ends_unknown_only_after_deadline_and_read_lag(steps, recv_ns, ends):
    order = new_order(steps, deadline_ns=1_000)
    apply(steps, order, "TIMEOUT")
    apply(steps, order, "NOT_FOUND", recv_ns=recv_ns, lag=100)
    assert (state_name(steps, order) == "REJECTED") is ends


def test_not_found_never_ends_a_live_order(steps):
    order = new_order(steps, deadline_ns=1)
    apply(steps, order, "ACK")
    apply(steps, order, "NOT_FOUND", recv_ns=10**15)
    assert state_name(steps, order) == "LIVE"


def test_refusal_then_acceptance_counts_as_alive(steps):
    order = new_order(steps)
    apply(steps, order, "REJECT")
    apply(steps, order, "ACK")
    assert state_name(steps, order) == "LIVE"


def test_older_status_does_not_bring_an_order_back(steps):
    order = new_order(steps)
    apply(steps, order, "CANCELED")
    apply(steps, order, "STATUS", state=steps.lib.HP_ORDER_LIVE)
    assert state_name(steps, order) == "CANCELED"


def test_report_for_a_free_slot_is_refused(steps):
    order = steps.ffi.new("hp_order_t *")
    for kind in WORDS:
        assert apply(steps, order, kind, lots=1) == steps.lib.HP_MOVED_REFUSED
    assert order.state == steps.lib.HP_ORDER_NONE


def test_unknown_report_kind_is_refused(steps):
    order = new_order(steps)
    r = steps.ffi.new("hp_report_t *")
    r.kind = 200
    assert steps.lib.t_apply(order, r, 1, 1) == steps.lib.HP_MOVED_REFUSED


@settings(max_examples=150)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 63)), max_size=200))
def test_table_equals_dict(steps, actions):
    """Add, finish and find over a small table.

    Finished orders may be forgotten, working ones never.
    """
    capacity = 16
    memory = steps.ffi.new("uint64_t[]", steps.lib.hp_orders_bytes(capacity) // 8 + 8)
    table = steps.ffi.new("hp_orders_t *")
    steps.lib.hp_orders_init(table, memory, capacity)
    working, next_id = {}, 1
    for add, pick in actions:
        if add or not working:
            order = steps.lib.hp_orders_add(table, next_id)
            if len(working) == capacity:
                assert order == steps.ffi.NULL
            else:
                working[next_id] = order
                order.lots = next_id
            next_id += 1
        else:
            key = sorted(working)[pick % len(working)]
            order = working.pop(key)
            order.state = steps.lib.HP_ORDER_CANCELED
            steps.lib.hp_orders_settle(table, order)
        assert steps.lib.t_working_count(table) == len(working)
        for key, order in working.items():
            assert steps.lib.hp_orders_find(table, key) == order
            assert order.lots == key
        dense = {steps.lib.hp_orders_working(table, n).client_id for n in range(len(working))}
        assert dense == set(working)
    assert steps.lib.hp_orders_find(table, 10**9) == steps.ffi.NULL


class Teller:
    """Our record of one order beside a naive venue: sends changes, hears words."""

    def __init__(self, steps, venue):
        self.steps, self.venue = steps, venue
        self.order = new_order(steps, lots=venue.lots, deadline_ns=DEADLINE_NS)
        self.order.price_ticks = venue.price
        self.order.type = steps.lib.HP_TYPE_LIMIT
        self.heard = []  # words delivered
        self.booked = set()
        self.requests = 0
        self.coming = []  # changes on their way to the venue

    def may_replace(self):
        lib, order = self.steps.lib, self.order
        busy = lib.HP_ORDER_CANCEL_IN_FLIGHT | lib.HP_ORDER_REPLACE_IN_FLIGHT
        return state_name(self.steps, order) in ("LIVE", "PARTIAL") and not order.flags & busy

    def replace(self, price, lots, is_heard):
        """Send a change, as the lane does."""
        self.requests += 1
        self.order.asked_ticks, self.order.asked_lots = price, lots
        self.order.replace_request = self.requests
        self.order.replace_deadline_ns = DEADLINE_NS * (1 + self.requests)
        self.order.flags |= self.steps.lib.HP_ORDER_REPLACE_IN_FLIGHT
        self.coming.append((self.requests, price, lots, is_heard))

    def take(self, word):
        """Deliver one word; fills pass the memory of keys first."""
        self.heard.append(word)
        if word["kind"] == "FILL":
            if word["trade_id"] in self.booked:
                return
            self.booked.add(word["trade_id"])
        fields = dict(word)
        r = self.steps.ffi.new("hp_report_t *")
        r.kind = getattr(self.steps.lib, f"HP_REPORT_{fields.pop('kind')}")
        said = fields.pop("state", None)
        if said:
            r.state = getattr(self.steps.lib, f"HP_ORDER_{said}")
        for name, value in fields.items():
            setattr(r, name, value)
        before = self.record()
        self.steps.lib.t_apply(self.order, r, 5_000, LAG_NS)
        after = self.record()
        if word["kind"] != "FILL":  # the same word again changes nothing
            moved = self.steps.lib.t_apply(self.order, r, 5_000, LAG_NS)
            assert moved in (self.steps.lib.HP_MOVED_REPEAT, self.steps.lib.HP_MOVED_REFUSED)
            assert self.record() == after, (word, before, after)
        assert self.order.filled_lots == sum(
            w["last_lots"] for w in {w["trade_id"]: w for w in self.fills()}.values()
        )

    def fills(self):
        return [w for w in self.heard if w["kind"] == "FILL"]

    def record(self):
        return bytes(self.steps.ffi.buffer(self.order))


@settings(max_examples=400)
@given(data=st.data())
def test_order_tells_the_truth_when_all_words_have_come_in_whatever_order(steps, data):
    """Fills, changes, ends, time-outs and inquiries, heard late, twice and out of order.

    The naive venue is the oracle.  Answers to changes may be lost: then a status decides that
    nothing of ours can follow.
    """
    draw = data.draw
    lots = draw(st.integers(1, 12))
    venue = NaiveVenue(lots, 100, draw(st.sampled_from(["accepted"] * 4 + ["refused", "lost"])))
    us = Teller(steps, venue)
    pending = []  # told and not delivered
    acts = st.sampled_from(
        ["arrive", "again", "cancel", "expire", "timeout", "ambiguous", "ask", "reject_cancel"]
        + ["hear"] * 3
        + ["fill", "replace", "reach"] * 2
    )
    has_arrived = False
    for act in draw(st.lists(acts, max_size=40)):
        venue.pass_ms(draw(st.integers(0, 1)))
        told = len(venue.words)
        if act == "arrive" and not has_arrived:
            has_arrived = True
            venue.arrive()
        elif act == "hear" and pending:
            us.take(pending.pop(draw(st.integers(0, len(pending) - 1))))
        elif act == "again" and us.heard:
            us.take(us.heard[draw(st.integers(0, len(us.heard) - 1))])
        elif act == "fill":
            venue.fill(draw(st.integers(1, 6)))
        elif act == "replace" and us.may_replace():
            us.replace(
                draw(st.integers(99, 101)), draw(st.integers(1, 15)), draw(st.booleans())
            )
        elif act == "reach" and us.coming:
            venue.replace(*us.coming.pop(0))
        elif act == "cancel":
            venue.end("CANCELED")
        elif act == "expire":
            venue.end("EXPIRED")
        elif act == "timeout":
            us.take({"kind": "TIMEOUT"})
        elif act == "ambiguous":
            us.take({"kind": "AMBIGUOUS"})
        elif act == "reject_cancel":
            us.take({"kind": "CANCEL_REJECT", "request": 2})
        elif act == "ask":
            venue.answer_status(recv_ns=draw(st.integers(0, DEADLINE_NS)))
        pending += venue.words[told:]
        if us.order.flags & steps.lib.HP_ORDER_REPLACE_IN_FLIGHT and venue.is_open:
            assert us.order.state not in [
                getattr(steps.lib, f"HP_ORDER_{name}") for name in ("CANCELED", "EXPIRED")
            ]
    told = len(venue.words)
    if not has_arrived:
        venue.arrive()
    for change in us.coming:
        venue.replace(*change)
    venue.pass_ms(1)
    pending += venue.words[told:]
    repeats = draw(st.lists(st.sampled_from(venue.words), max_size=6)) if venue.words else []
    for word in draw(st.permutations(pending + repeats)):
        us.take(word)
    late = DEADLINE_NS * (2 + us.requests) + LAG_NS + 1
    venue.words.clear()
    venue.answer_status(recv_ns=late)
    last = venue.words[0]
    if venue.start == "lost" or us.order.flags & steps.lib.HP_ORDER_REPLACE_IN_FLIGHT:
        us.take(last)  # else what was heard must be enough
    elif draw(st.booleans()):
        us.take(last)
    truth = {"NONE": "REJECTED"}.get(venue.state, venue.state)
    found = state_name(steps, us.order)
    assert (found, us.order.filled_lots) == (truth, venue.filled)
    assert not us.order.flags & steps.lib.HP_ORDER_REPLACE_IN_FLIGHT
    absent = bool(us.order.flags & steps.lib.HP_ORDER_ABSENT)
    assert absent == (venue.start == "lost")
    if venue.start == "accepted":
        assert (us.order.lots, us.order.price_ticks) == (venue.lots, venue.price)
        assert us.order.said_lots == venue.filled


def replaced(steps, **fields):
    """An order of 10 lots at 100 with a change to 20 lots at 101 in flight (request 7)."""
    order = new_order(steps, lots=10, deadline_ns=1_000)
    order.type, order.price_ticks = steps.lib.HP_TYPE_LIMIT, 100
    tell(steps, order, "ACK", match_ns=5, lots=10, price_ticks=100)
    order.asked_ticks, order.asked_lots, order.replace_request = 101, 20, 7
    order.replace_deadline_ns = 5_000
    order.flags |= steps.lib.HP_ORDER_REPLACE_IN_FLIGHT
    return order


def tell(steps, order, kind, **fields):
    r = steps.ffi.new("hp_report_t *")
    r.kind = getattr(steps.lib, f"HP_REPORT_{kind}")
    for name, value in fields.items():
        setattr(r, name, value)
    return steps.lib.t_apply(order, r, 5_000, 100)


def in_flight(steps, order):
    return bool(order.flags & steps.lib.HP_ORDER_REPLACE_IN_FLIGHT)


def test_fill_of_the_old_size_does_not_end_an_order_that_may_have_grown(steps):
    order = replaced(steps)
    tell(steps, order, "FILL", last_lots=10)
    assert (state_name(steps, order), in_flight(steps, order)) == ("PARTIAL", True)
    tell(steps, order, "CANCEL_REJECT", request=5, request_id=7)
    assert (state_name(steps, order), in_flight(steps, order)) == ("FILLED", False)


def test_late_version_brings_an_order_back_that_its_old_size_had_ended(steps):
    order = new_order(steps, lots=10)
    tell(steps, order, "FILL", last_lots=10, lots=0)
    assert state_name(steps, order) == "FILLED"
    tell(steps, order, "REPLACED", lots=20, price_ticks=100, match_ns=9)
    assert (state_name(steps, order), order.lots) == ("PARTIAL", 20)


def test_answer_to_an_earlier_change_decides_nothing_about_the_next(steps):
    order = replaced(steps)
    tell(steps, order, "REPLACED", request=5, request_id=7, lots=20, price_ticks=101, match_ns=9)
    assert (order.lots, in_flight(steps, order)) == (20, False)
    order.asked_lots, order.replace_request = 5, 8
    order.flags |= steps.lib.HP_ORDER_REPLACE_IN_FLIGHT
    for kind in ("REPLACED", "CANCEL_REJECT"):
        said = {} if kind == "CANCEL_REJECT" else {"lots": 20, "price_ticks": 101, "match_ns": 9}
        tell(steps, order, kind, request=5, request_id=7, **said)
        assert (order.lots, in_flight(steps, order)) == (20, True)
    tell(steps, order, "REPLACED", request=5, request_id=8, lots=5, price_ticks=101, match_ns=9)
    assert (order.lots, in_flight(steps, order)) == (5, False)
    tell(steps, order, "REPLACED", lots=20, price_ticks=101, match_ns=8)  # late and old
    assert order.lots == 5


@pytest.mark.parametrize(("recv_ns", "ends"), [(5_000, False), (5_100, False), (5_101, True)])
def test_unanswered_change_ends_by_a_status_after_its_deadline_and_the_read_lag(
    steps, recv_ns, ends
):
    order = replaced(steps)
    said = {"state": steps.lib.HP_ORDER_LIVE, "lots": 10, "price_ticks": 100, "match_ns": 5}
    tell(steps, order, "STATUS", recv_ns=recv_ns, **said)
    assert in_flight(steps, order) is not ends
    assert (order.lots, order.price_ticks) == (10, 100)


def test_fills_that_the_venue_counts_stay_exposed_until_they_are_booked(steps):
    order = new_order(steps, lots=10)
    tell(steps, order, "FILL", last_lots=2)
    tell(steps, order, "CANCELED", cum_lots=5)
    assert steps.lib.hp_order_exposed_lots(order) == 3
    tell(steps, order, "FILL", last_lots=3)
    assert (state_name(steps, order), steps.lib.hp_order_exposed_lots(order)) == ("CANCELED", 0)


def test_fill_of_the_old_version_in_the_same_millisecond_does_not_undo_the_change(steps):
    order = replaced(steps)
    tell(steps, order, "REPLACED", lots=20, price_ticks=101, match_ns=9)
    tell(steps, order, "FILL", last_lots=1, lots=10, price_ticks=100, match_ns=9)
    assert (order.lots, order.price_ticks, in_flight(steps, order)) == (20, 101, False)
