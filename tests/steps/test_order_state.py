"""Orders: any order of arrival converges, UNKNOWN ends by evidence only."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@settings(max_examples=300, deadline=None)
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


@settings(max_examples=300, deadline=None)
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


@settings(max_examples=150, deadline=None)
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
