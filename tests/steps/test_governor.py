"""The venue's quota: modes at their boundaries, ranks, figures, windows, refusals."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.steps.gate_case import NOW as ASKED
from tests.steps.gate_case import reducing, verdict
from tests.steps.naive_governor import Window

SECOND = 10**9
AHEAD = 1_700_000_000 * SECOND  # of UTC over CLOCK_MONOTONIC; begins a ten seconds' window
NOW = 3 * SECOND
END = 10 * SECOND  # of the ten seconds
MINUTE_ENDS = 40 * SECOND
SLACK = 500_000_000
LIMIT = 200
MODES = ["STOPPED", "RESERVE", "NO_RISK", "SLOW", "BUSY", "NORMAL"]
BEGINS = {"BUSY": 100, "SLOW": 140, "NO_RISK": 180, "RESERVE": 190}  # of 200
RANKS = ["QUERY", "PLACE", "REDUCE", "CANCEL"]


class Stage:
    """A governor with windows as told; costs are one order, one weight, unless said."""

    def __init__(self, steps, **rule):
        self.lib, self.ffi = steps.lib, steps.ffi
        self.g = self.ffi.new("hp_governor_t *")
        self.lib.hp_governor_init(self.g)
        self.g.utc_less_mono_ns = AHEAD
        self.rule(**rule)

    def rule(self, cost=(1, 1), **figures):
        rule = self.ffi.new("hp_quota_rule_t *")
        self.lib.hp_quota_open(rule)
        for name, value in figures.items():
            setattr(rule, name, value)
        for one in rule.costs:
            one.weight, one.orders = cost
        self.lib.hp_governor_put_rule(self.g, rule)
        return rule

    def cost(self, what, weight, orders):
        one = self.g.rule.costs[getattr(self.lib, f"HP_COST_{what}")]
        one.weight, one.orders = weight, orders

    def told(self, kind="WEIGHT", length=60, now=NOW, **fields):
        told = self.ffi.new("hp_quota_told_t *")
        told.kind, told.length_s, told.used = getattr(self.lib, f"HP_QUOTA_{kind}"), length, -1
        for name, value in {"limit": LIMIT, **fields}.items():
            setattr(told, name, value)
        return self.lib.hp_governor_told(self.g, told, now)

    def send(self, weight=1, orders=1, request=0, now=NOW):
        cost = self.ffi.new("hp_quota_cost_t *", (weight, orders))
        return self.lib.hp_governor_sent(self.g, cost, request, now)

    def turn(self, now):
        return self.lib.hp_governor_turn(self.g, AHEAD, now)

    def allows(self, rank, what="LIMIT", now=NOW):
        self.no = self.ffi.new("hp_quota_no_t *")
        rank, what = getattr(self.lib, f"HP_RANK_{rank}"), getattr(self.lib, f"HP_COST_{what}")
        return bool(self.lib.hp_governor_allows(self.g, rank, what, now, self.no))

    @property
    def mode(self):
        return MODES[self.g.now.mode]

    def row(self, n=0):
        return self.g.now.rows[n]


@pytest.fixture
def stage(steps):
    return Stage(steps)


@pytest.mark.parametrize("kind", ["WEIGHT", "ORDERS"])
@pytest.mark.parametrize("mode", BEGINS)
@pytest.mark.parametrize("over", [-1, 0, 1])
def test_mode_begins_at_its_part_of_the_window(stage, kind, mode, over):
    stage.told(kind, used=BEGINS[mode] + over)
    before = {"BUSY": "NORMAL", "SLOW": "BUSY", "NO_RISK": "SLOW", "RESERVE": "NO_RISK"}[mode]
    assert stage.mode == (before if over < 0 else mode)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10, 11, 19, 99, 101, 2400, 10**12])
def test_part_of_a_request_is_a_whole_one(stage, limit):
    stage.told(used=0, limit=limit)
    row = stage.row()
    for n, percent in enumerate((95, 90, 70, 50)):
        assert row.begins[n] == -(-limit * percent // 100)


def test_what_is_kept_for_the_sentinel_is_out_of_reach(stage):
    stage.rule(kept_percent=10)
    stage.told(used=161)
    assert (stage.row().limit, stage.row().most) == (200, 180)
    assert stage.mode == "SLOW" and stage.row().begins[1] == 162  # 90 % of 180
    stage.told("ORDERS", 10, used=0, limit=300)
    assert stage.row(1).most == 300  # it places none
    for kept, most in ((99, 2), (100, 200)):  # all of it is no share
        stage.rule(kept_percent=kept)
        assert stage.row().most == most


@pytest.mark.parametrize(
    ("figures", "begins"),
    [
        ({"busy_percent": 101, "slow_percent": 102}, (190, 180, 180, 180)),
        ({"reserve_percent": 50}, (100, 100, 100, 100)),
        ({"reserve_percent": 2**32 - 1}, (200, 180, 140, 100)),
    ],
)
def test_modes_begin_in_their_order_whatever_the_rule_says(stage, figures, begins):
    stage.told(used=0)
    stage.rule(**figures)
    assert tuple(stage.row().begins) == begins


def test_worst_window_decides(stage):
    stage.told("WEIGHT", 60, used=10)
    stage.told("ORDERS", 10, used=BEGINS["NO_RISK"])
    stage.told("ORDERS", 60, used=BEGINS["BUSY"])
    assert stage.mode == "NO_RISK"
    assert [MODES[stage.row(n).mode] for n in range(3)] == ["NORMAL", "NO_RISK", "BUSY"]


@pytest.mark.parametrize(
    ("rank", "last"), [("QUERY", 179), ("PLACE", 179), ("REDUCE", 194), ("CANCEL", 199)]
)
@pytest.mark.parametrize("over", [-1, 0, 1])
def test_each_rank_ends_at_its_bound(stage, rank, last, over):
    """Of the reserve of 10, half is for cancels alone."""
    stage.g.pace_ns = 0
    stage.told(used=last + over)
    assert stage.allows(rank) is (over <= 0)
    if over > 0:
        assert MODES[stage.no.mode] == ("NO_RISK" if rank in ("QUERY", "PLACE") else "RESERVE")
        assert stage.no.retry_ns == MINUTE_ENDS + SLACK
    assert stage.row().used == last + over


def test_no_more_than_what_is_left_of_a_tiny_window(stage):
    stage.cost("LIMIT", 5, 1)
    stage.told(used=5, limit=10)
    assert stage.allows("CANCEL") and stage.allows("REDUCE") and stage.allows("PLACE")
    stage.told(used=6, limit=10)
    assert not any(stage.allows(rank) for rank in RANKS)


def test_request_that_costs_nothing_there_is_refused_only_as_new_risk(stage):
    stage.cost("CANCEL", 1, 0)
    stage.told("ORDERS", 10, used=LIMIT)
    assert stage.allows("CANCEL", "CANCEL") and stage.allows("REDUCE", "CANCEL")
    assert stage.allows("QUERY", "CANCEL")
    assert not stage.allows("PLACE", "CANCEL")
    assert not stage.allows("REDUCE", "LIMIT")


@settings(max_examples=150)
@given(data=st.data())
def test_higher_rank_passes_wherever_a_lower_one_does(steps, data):
    """Over any figures, limits, bounds and costs: cancel > reduce > place, and > query."""
    small = st.integers(0, 60)
    percents = st.integers(0, 100)
    stage = Stage(
        steps,
        busy_percent=data.draw(percents),
        slow_percent=data.draw(percents),
        no_risk_percent=data.draw(percents),
        reserve_percent=data.draw(percents),
        kept_percent=data.draw(st.integers(0, 50)),
    )
    stage.cost("LIMIT", data.draw(st.integers(0, 9)), data.draw(st.integers(0, 9)))
    for length in (10, 60):
        for kind in ("WEIGHT", "ORDERS"):
            if data.draw(st.booleans()):
                limit = data.draw(st.integers(1, 50))
                stage.told(kind, length, used=data.draw(small), limit=limit)
    stage.g.pace_ns = data.draw(st.sampled_from([0, NOW, NOW + 1]))
    for kind in (1, 2):
        stage.g.now.stop_until_ns[kind] = data.draw(st.sampled_from([0, NOW, NOW + 1]))
    query, place, reduce, cancel = (stage.allows(rank) for rank in RANKS)
    assert place <= reduce <= cancel
    assert query <= reduce
    if stage.g.rule.costs[0].orders == 0 and not any(
        row.kind == stage.lib.HP_QUOTA_ORDERS for row in stage.g.now.rows
    ):
        assert stage.g.now.stop_until_ns[2] > NOW or stage.g.pace_ns > NOW or query <= place


# -- figures ---------------------------------------------------------------------------------------


def test_venue_wins_over_what_was_counted(stage):
    stage.told("ORDERS", 10, used=0)
    for n in range(50):
        stage.send(request=n + 1)
        stage.lib.hp_governor_answered(stage.g, n + 1)
    assert stage.row().used == 50
    stage.told("ORDERS", 10, used=120)  # somebody else trades this account
    assert stage.row().used == 120 and stage.mode == "BUSY"
    stage.told("ORDERS", 10, used=3)  # and the other way round
    assert stage.row().used == 3 and stage.mode == "NORMAL"


def test_figure_without_what_is_in_flight_counts_it_too(stage):
    stage.told("ORDERS", 10, used=0)
    for n in range(5):
        stage.send(request=n + 1)
    stage.lib.hp_governor_answered(stage.g, 1)
    stage.told("ORDERS", 10, used=1)  # the answer to the first
    assert stage.row().used == 1 + 4


def test_request_that_nobody_answers_is_not_in_flight_for_ever(stage):
    stage.told("ORDERS", 60, used=0)
    stage.send(request=1)
    for after, used in ((10 * SECOND - 1, 8), (10 * SECOND, 7)):
        stage.told("ORDERS", 60, used=7, now=NOW + after)
        assert stage.row().used == used


def test_cold_figure_counts_what_left_after_its_question(stage):
    stage.told("WEIGHT", 60, used=0)
    for at, request in ((NOW + 10, 1), (NOW + 20, 2)):
        stage.send(request=request, now=at)
        stage.lib.hp_governor_answered(stage.g, request)
    stage.told("WEIGHT", 60, used=30, asked_ns=NOW + 20, now=NOW + 30)
    assert stage.row().used == 31
    stage.told("WEIGHT", 60, used=30, asked_ns=NOW + 21, now=NOW + 30)
    assert stage.row().used == 31  # asked before the newest figure, and lower: it is older


def test_newer_cold_figure_may_be_lower(stage):
    stage.told("WEIGHT", 60, used=100)
    stage.told("WEIGHT", 60, used=30, asked_ns=NOW, now=NOW + 30)
    assert stage.row().used == 30
    stage.told("WEIGHT", 60, used=20, asked_ns=NOW + 29, now=NOW + 40)
    assert stage.row().used == 30
    stage.told("WEIGHT", 60, used=40, asked_ns=NOW + 29, now=NOW + 40)
    assert stage.row().used == 40


def test_older_figure_that_says_the_same_is_heard_too(stage):
    stage.told("WEIGHT", 60, used=30)
    stage.told("WEIGHT", 60, used=30, asked_ns=NOW - 1, now=NOW + 5)
    assert (stage.row().told_ns, stage.row().told_count) == (NOW + 5, 2)


def test_figure_holds_what_its_own_request_costs(stage):
    stage.told("WEIGHT", 60, used=0, cost=5)
    assert stage.row().used == 0


def test_missing_figure_is_our_own_count(stage):
    stage.told("WEIGHT", 60, used=10)
    stage.told("WEIGHT", 0, limit=0, cost=25)
    assert stage.row().used == 35
    stage.told("WEIGHT", 0, limit=0, cost=2**32 - 1)
    assert stage.row().used == 35 + 65535  # as much as a request can say
    stage.told("WEIGHT", 60, used=0)
    assert stage.row().used == 0


def test_window_that_the_venue_names_is_learnt(stage):
    assert stage.g.now.window_count == 0 and stage.mode == "NORMAL"
    stage.told("ORDERS", 86400, used=1)
    assert stage.g.now.window_count == 1
    stage.told("ORDERS", 86400, used=1, limit=0)  # a figure without a limit
    assert (stage.row().limit, stage.g.now.window_count) == (LIMIT, 1)
    stage.told("ORDERS", 86400, used=1, limit=10)
    assert stage.row().limit == 10
    stage.told("ORDERS", 5, used=9, limit=0)  # nothing to hold it against
    assert stage.g.now.window_count == 1


def test_more_windows_than_there_is_room_for_are_left_out(stage):
    for length in range(1, 7):
        stage.told("ORDERS", length, used=length)
    assert stage.g.now.window_count == 4
    assert [stage.row(n).length_s for n in range(4)] == [1, 2, 3, 4]
    stage.told("ORDERS", 4, used=44)
    assert stage.row(3).used == 44


@pytest.mark.parametrize(("kind", "length"), [(0, 60), (3, 60), (1, 0)])
def test_what_is_no_window_is_none(stage, kind, length):
    told = stage.ffi.new("hp_quota_told_t *")
    told.kind, told.length_s, told.limit, told.used = kind, length, 100, 99
    told.stop_ns = 5 if kind == 3 else 0
    stage.lib.hp_governor_told(stage.g, told, NOW)
    assert stage.g.now.window_count == 0 and stage.mode == "NORMAL"
    assert list(stage.g.now.refusals) == [0, 0]


# -- windows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "used"), [(END + SLACK - 1, 80), (END + SLACK, 0)])
def test_window_ends_by_the_clock_and_some_slack(stage, at, used):
    stage.told("ORDERS", 10, used=80)
    stage.turn(at)
    assert stage.row().used == used
    assert stage.row().told == (80 if used else -1)


@pytest.mark.parametrize(("at", "used"), [(END - SLACK - 1, 0), (END - SLACK, 1)])
def test_ours_of_the_last_moments_are_taken_along(stage, at, used):
    stage.told("ORDERS", 10, used=0)
    stage.send(now=at)
    stage.turn(END + SLACK)
    assert stage.row().used == used


def test_what_is_in_flight_is_taken_along(stage):
    stage.told("ORDERS", 10, used=0)
    stage.send(request=1)
    stage.turn(END + SLACK)
    assert stage.row().used == 1


def test_what_others_weighed_is_taken_along_until_the_venue_speaks(stage):
    stage.told("WEIGHT", 10, used=0)
    stage.send(weight=20)
    stage.told("WEIGHT", 10, used=170)  # 150 of others
    stage.turn(END + SLACK)
    assert stage.row().used == 150 and stage.mode == "SLOW"
    stage.told("WEIGHT", 10, used=5, now=END + SLACK)
    assert stage.row().used == 5 and stage.mode == "NORMAL"


def test_unheard_of_window_takes_nothing_along(stage):
    stage.told("WEIGHT", 10, used=150)
    stage.turn(END + SLACK)
    stage.turn(2 * END + SLACK)
    assert stage.row().used == 0


def test_others_are_never_fewer_than_none(stage):
    stage.told("WEIGHT", 10, used=0)
    stage.send(weight=30)
    stage.told("WEIGHT", 10, used=10)
    stage.turn(END + SLACK)
    assert stage.row().used == 0


@pytest.mark.parametrize(("at", "rolled"), [(END - SLACK - 1, False), (END - SLACK, True)])
def test_figure_that_falls_near_the_end_begins_the_next_window(stage, at, rolled):
    """Then the clock does not begin it once more."""
    stage.told("ORDERS", 10, used=80)
    stage.told("ORDERS", 10, used=4, now=at)
    stage.turn(END + SLACK)
    assert stage.row().used == (4 if rolled else 0)


def test_figure_that_stands_near_the_end_begins_nothing(stage):
    stage.told("ORDERS", 10, used=80)
    stage.told("ORDERS", 10, used=80, now=END - 1)
    stage.turn(END + SLACK)
    assert stage.row().used == 0


def test_pace_spreads_what_may_still_be_placed(stage):
    stage.told("ORDERS", 10, used=BEGINS["SLOW"])
    assert stage.allows("PLACE")
    stage.lib.hp_governor_paced(stage.g, NOW)
    left = END + SLACK - NOW
    assert stage.g.pace_ns == NOW + left // 40  # 180 less 140
    assert not stage.allows("PLACE", now=stage.g.pace_ns - 1)
    assert (MODES[stage.no.mode], stage.no.retry_ns) == ("SLOW", stage.g.pace_ns)
    assert (stage.no.found, stage.no.wanted) == (BEGINS["SLOW"], LIMIT)
    assert stage.allows("PLACE", now=stage.g.pace_ns)
    assert stage.allows("REDUCE") and stage.allows("CANCEL") and stage.allows("QUERY")


@pytest.mark.parametrize("mode", ["NORMAL", "BUSY", "NO_RISK"])
def test_pace_is_for_slow_alone(stage, mode):
    stage.told("ORDERS", 10, used=BEGINS.get(mode, 0))
    stage.lib.hp_governor_paced(stage.g, NOW)
    assert stage.g.pace_ns == 0


def test_pace_of_a_window_that_should_be_over_is_none(stage):
    stage.told("ORDERS", 10, used=BEGINS["SLOW"])
    for at, pace in ((END + SLACK, 0), (END + SLACK - 40, END + SLACK - 39)):
        stage.lib.hp_governor_paced(stage.g, at)
        assert stage.g.pace_ns == pace


def test_slowest_of_several_windows_sets_the_pace(stage):
    stage.told("ORDERS", 10, used=BEGINS["SLOW"])
    stage.told("WEIGHT", 60, used=BEGINS["SLOW"] + 20)
    stage.told("ORDERS", 60, used=0)
    stage.lib.hp_governor_paced(stage.g, NOW)
    assert stage.g.pace_ns == NOW + (MINUTE_ENDS + SLACK - NOW) // 20
    before = stage.g.pace_ns
    stage.lib.hp_governor_paced(stage.g, NOW)
    assert stage.g.pace_ns == before


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "stopped"), [(NOW + 99, True), (NOW + 100, False)])
def test_refusal_for_weight_stops_everything_until_then(stage, at, stopped):
    assert stage.told("WEIGHT", 0, limit=0, stop_ns=100, status=429) == 1
    assert stage.mode == "STOPPED"
    assert [stage.allows(rank, "CANCEL", at) for rank in RANKS] == [not stopped] * 4
    if stopped:
        assert (MODES[stage.no.mode], stage.no.retry_ns) == ("STOPPED", NOW + 100)
        assert (stage.no.found, stage.no.wanted) == (1, stage.lib.HP_QUOTA_WEIGHT)
    stage.turn(at)
    assert stage.mode == ("STOPPED" if stopped else "NORMAL")


@pytest.mark.parametrize(("at", "stopped"), [(NOW + 99, True), (NOW + 100, False)])
def test_refusal_for_orders_stops_what_counts_as_one(stage, at, stopped):
    stage.cost("CANCEL", 1, 0)
    stage.cost("STATUS", 1, 0)
    stage.told("ORDERS", 0, limit=0, stop_ns=100, status=429)
    assert stage.mode == "STOPPED"
    assert stage.allows("CANCEL", "CANCEL", at) and stage.allows("REDUCE", "STATUS", at)
    assert stage.allows("REDUCE", "LIMIT", at) is not stopped
    assert stage.allows("PLACE", "CANCEL", at) is not stopped
    stage.turn(at)
    assert stage.mode == ("STOPPED" if stopped else "NORMAL")


def test_refusals_are_counted_apart_and_the_longest_holds(stage):
    stage.told("WEIGHT", 0, limit=0, stop_ns=100, status=418)
    stage.told("WEIGHT", 0, limit=0, stop_ns=40, status=429)
    stage.told("WEIGHT", 0, limit=0, stop_ns=2**64 - 1, status=429)
    assert list(stage.g.now.refusals) == [2, 1]
    assert stage.g.now.stop_until_ns[1] == 2**64 - 1


def test_rows_of_a_refused_kind_say_so(stage):
    stage.told("WEIGHT", 60, used=0)
    stage.told("ORDERS", 10, used=0)
    stage.told("ORDERS", 0, limit=0, stop_ns=100, status=429)
    assert [MODES[stage.row(n).mode] for n in range(2)] == ["NORMAL", "STOPPED"]


def test_change_of_mode_is_told_once(stage):
    assert stage.told(used=BEGINS["BUSY"]) == 1
    assert stage.told(used=BEGINS["BUSY"]) == 0
    assert stage.send(weight=40) == 1 and stage.mode == "SLOW"
    assert stage.g.now.changes == 2


# -- against the naive one -------------------------------------------------------------------------

OPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "answer", "figure", "cold", "foreign", "pass"]),
        st.integers(0, 30),
        st.integers(0, 4 * SECOND),
    ),
    max_size=60,
)


@settings(max_examples=120)
@given(ops=OPS)
def test_governor_equals_the_naive_one(steps, ops):
    stage = Stage(steps)
    rows = [("WEIGHT", 60), ("ORDERS", 10)]
    naive = [Window(n * SECOND, SLACK, kind == "WEIGHT", AHEAD) for kind, n in rows]
    now, request = NOW, 0
    for (kind, length), one in zip(rows, naive, strict=True):
        stage.told(kind, length, now=now)
        one.number = (now + AHEAD) // one.length
    for op, number, gap in ops:
        if op == "send":
            request += 1
            stage.send(number % 6, 1, request, now)
            naive[0].send(number % 6, request, now)
            naive[1].send(1, request, now)
        elif op == "foreign":
            stage.send(0, 1, 0, now)
            naive[0].send(0, 0, now)
            naive[1].send(1, 0, now)
        elif op == "answer" and request:
            stage.lib.hp_governor_answered(stage.g, 1 + number % request)
            for one in naive:
                one.answer(1 + number % request)
        elif op in ("figure", "cold"):
            asked = max(1, now - gap) if op == "cold" else 0
            kind, length = rows[number % 2]
            stage.told(kind, length, used=number, asked_ns=asked, now=now)
            naive[number % 2].figure(number, asked, now)
        elif op == "pass":
            now += gap
            stage.turn(now)
            for one in naive:
                one.turn(AHEAD, now)
        for n, one in enumerate(naive):
            assert stage.row(n).used == one.used(), (op, n)
            assert stage.row(n).told == one.told


def test_more_requests_than_are_kept_lose_none(stage):
    stage.told("ORDERS", 60, used=0, limit=10_000)
    for n in range(1000):
        stage.send(request=n + 1)
    assert stage.row().used == 1000
    stage.lib.hp_governor_answered(stage.g, 1000)
    stage.told("ORDERS", 60, used=500, limit=10_000)
    assert stage.row().used == 500 + 255  # what is remembered of those in flight


# -- the gate --------------------------------------------------------------------------------------


def govern(case, used, kind="ORDERS", **told):
    """Let the case's gate have a window of 200 of which so much is used."""
    g = case.ffi.addressof(case.gate, "quota")
    g.utc_less_mono_ns = AHEAD
    for one in g.rule.costs:
        one.weight = one.orders = 1
    record = case.ffi.new("hp_quota_told_t *")
    record.kind, record.length_s = getattr(case.lib, f"HP_QUOTA_{kind}"), 60
    record.limit, record.used = LIMIT, used
    for name, value in told.items():
        setattr(record, name, value)
    case.lib.hp_governor_told(g, record, ASKED)
    return g


def test_gate_passes_while_normal_and_busy(case):
    for used in (0, BEGINS["BUSY"], BEGINS["SLOW"] - 1):
        g = govern(case, used)
        for one in g.rule.costs:
            one.orders = LIMIT  # more than is left: nobody asks before it is slow
        assert case.ask() == case.lib.HP_PASS


def test_gate_throttles_while_slow(case):
    g = govern(case, BEGINS["SLOW"])
    case.gate.rule.throttles |= 1 << verdict(case, "QUOTA_SLOW")
    assert case.ask() == case.lib.HP_PASS
    g.pace_ns = ASKED + 1000
    assert case.ask() == verdict(case, "QUOTA_SLOW")
    assert case.verdict.retry_ns == ASKED + 1000
    assert (case.verdict.found, case.verdict.wanted) == (BEGINS["SLOW"], LIMIT)
    assert case.verdict.scope == case.lib.HP_QUOTA_ORDERS << 24 | 60
    reducing(case)
    assert case.ask() == case.lib.HP_PASS


def test_gate_that_only_warns_of_slow_notes_it(case):
    g = govern(case, BEGINS["SLOW"])
    g.pace_ns = ASKED + 1000
    code = verdict(case, "QUOTA_SLOW")
    case.gate.rule.warns |= 1 << code
    assert case.ask() == case.lib.HP_PASS
    assert case.verdict.warnings >> code & 1


@pytest.mark.parametrize(
    ("over", "code"), [(-1, "PASS"), (0, "QUOTA_NO_RISK"), (10, "QUOTA_RESERVE")]
)
def test_gate_takes_no_new_risk_from_ninety_percent_on(case, over, code):
    g = govern(case, BEGINS["NO_RISK"] + over)
    wanted = case.lib.HP_PASS if code == "PASS" else verdict(case, code)
    assert case.ask() == wanted
    assert case.verdict.retry_ns == 0  # policy block
    assert g.now.held[case.lib.HP_RANK_PLACE] == (code != "PASS")
    case.intent.kind = case.lib.HP_INTENT_CANCEL
    assert case.ask() == case.lib.HP_PASS
    reducing(case)
    case.intent.kind = case.lib.HP_INTENT_PLACE
    assert case.ask() == case.lib.HP_PASS


@pytest.mark.parametrize(("used", "passes"), [(194, True), (195, False), (196, False)])
def test_gate_leaves_half_the_reserve_to_cancels(case, used, passes):
    govern(case, used)
    reducing(case)
    code = case.lib.HP_PASS if passes else verdict(case, "QUOTA_RESERVE")
    assert case.ask() == code
    case.intent.kind = case.lib.HP_INTENT_CANCEL
    assert case.ask() == case.lib.HP_PASS


@pytest.mark.parametrize(("used", "passes"), [(199, True), (200, False), (201, False)])
def test_gate_sends_cancels_up_to_the_limit(case, used, passes):
    g = govern(case, used)
    case.intent.kind = case.lib.HP_INTENT_CANCEL
    code = case.lib.HP_PASS if passes else verdict(case, "QUOTA_RESERVE")
    assert case.ask() == code
    assert g.now.held[case.lib.HP_RANK_CANCEL] == (not passes)


def test_gate_sends_nothing_while_the_venue_refuses(case):
    govern(case, -1, "WEIGHT", stop_ns=500, status=429)
    case.gate.rule.throttles |= 1 << verdict(case, "QUOTA_STOPPED")
    for kind in ("PLACE", "CANCEL"):
        case.intent.kind = getattr(case.lib, f"HP_INTENT_{kind}")
        assert case.ask() == verdict(case, "QUOTA_STOPPED")
        assert case.verdict.retry_ns == ASKED + 500
        assert case.verdict.scope == case.lib.HP_QUOTA_WEIGHT << 24


@pytest.mark.parametrize(
    ("kind", "type_", "post_only", "what"),
    [
        ("PLACE", "LIMIT", 0, "LIMIT"),
        ("PLACE", "LIMIT", 1, "POST_ONLY"),
        ("PLACE", "MARKET", 0, "MARKET"),
        ("PLACE", "STOP_MARKET", 0, "STOP"),
        ("REPLACE", "LIMIT", 1, "REPLACE"),
        ("CANCEL", "LIMIT", 1, "CANCEL"),
    ],
)
def test_each_order_type_has_its_own_cost(case, kind, type_, post_only, what):
    case.intent.kind = getattr(case.lib, f"HP_INTENT_{kind}")
    case.intent.type = getattr(case.lib, f"HP_TYPE_{type_}")
    case.intent.post_only = post_only
    assert case.lib.hp_governor_what(case.intent) == getattr(case.lib, f"HP_COST_{what}")
