"""Hours, band, fences, fat fingers, hedged legs, leases and self-trade at their boundaries."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.steps.gate_case import BUY, NOW, SELL, reducing, verdict

MID = 1_200_001  # half ticks of the picture
NONE = 2**63 - 1
SECOND = 10**9
MONDAY = 4 * 86400 * SECOND  # 1970-01-05


def passes_or(case, name, passes):
    """Ask; it passes or this check refuses."""
    assert case.ask() == (case.lib.HP_PASS if passes else verdict(case, name))


class TestLeader:
    @pytest.mark.parametrize(("left", "passes"), [(201, True), (200, False), (199, False)])
    @pytest.mark.parametrize("kind", ["PLACE", "CANCEL"])
    def test_nothing_is_sent_when_the_lease_may_end_before(self, case, kind, left, passes):
        case.gate.leader.is_required, case.gate.leader.until_ns = 1, NOW + left
        case.gate.leader.epoch, case.gate.rule.send_budget_ns = 7, 200
        case.intent.kind = getattr(case.lib, f"HP_INTENT_{kind}")
        passes_or(case, "LEADER_LEASE", passes)
        assert (case.verdict.leader_epoch, case.verdict.leader_until_ns) == (7, NOW + left)
        if not passes:
            assert (case.verdict.found, case.verdict.wanted) == (left, 200)

    def test_no_reduction_passes_without_the_leader(self, case):
        reducing(case).gate.leader.is_required = 1
        passes_or(case, "LEADER_LEASE", False)

    def test_unarmed_comes_before_the_lease(self, case):
        case.gate.leader.is_required, case.gate.is_armed = 1, 0
        passes_or(case, "NOT_ARMED", False)


class TestHours:
    def window(self, case, *windows, at):
        for n, (from_s, until_s, days, is_closed) in enumerate(windows):
            w = case.limits.windows[n]
            w.from_s, w.until_s, w.days, w.is_closed = from_s, until_s, days, is_closed
        case.limits.window_count = len(windows)
        case.gate.utc_less_mono_ns = MONDAY + at * SECOND - NOW

    @pytest.mark.parametrize(
        ("at", "passes"), [(7199, True), (7200, False), (8999, False), (9000, True)]
    )
    def test_maintenance(self, case, at, passes):
        self.window(case, (7200, 9000, 0x7F, 1), at=at)
        passes_or(case, "SESSION_CLOSED", passes)

    @pytest.mark.parametrize(
        ("at", "passes"), [(7199, False), (7200, True), (8999, True), (9000, False)]
    )
    def test_session(self, case, at, passes):
        self.window(case, (7200, 9000, 0x7F, 0), at=at)
        passes_or(case, "SESSION_CLOSED", passes)

    @pytest.mark.parametrize("day", range(7))
    def test_days_begin_with_monday(self, case, day):
        self.window(case, (0, 86400, 1 << day, 0), at=0)
        passes_or(case, "SESSION_CLOSED", day == 0)
        self.window(case, (0, 86400, 1 << day, 0), at=6 * 86400)
        passes_or(case, "SESSION_CLOSED", day == 6)

    def test_maintenance_inside_a_session_closes(self, case):
        self.window(case, (0, 86400, 0x7F, 0), (7200, 9000, 0x7F, 1), at=8000)
        passes_or(case, "SESSION_CLOSED", False)

    def test_any_of_several_sessions_opens(self, case):
        self.window(case, (0, 100, 0x7F, 0), (7200, 9000, 0x7F, 0), at=8000)
        passes_or(case, "SESSION_CLOSED", True)


class TestVenueBand:
    """5 % around a mark price of 60,000.03: buys to 63,000.0, sells from 57,000.1."""

    @pytest.fixture
    def banded(self, case):
        case.rule(band_bps=2000)
        case.about.band_up_bps = case.about.band_down_bps = 500
        case.lib.hp_pulse_mark(case.lib.t_pulse(case.gate, 1), case.about, 60_000_03 * 10**6)
        return case

    @pytest.mark.parametrize(
        ("side", "price", "passes"),
        [
            (BUY, 629_999, True),
            (BUY, 630_000, True),
            (BUY, 630_001, False),
            (SELL, 570_002, True),
            (SELL, 570_001, True),
            (SELL, 570_000, False),
            (SELL, 630_001, True),
            (BUY, 570_000, True),
        ],
    )
    def test_band_is_for_the_side_that_would_take(self, banded, side, price, passes):
        banded.intent.side, banded.intent.price_ticks = side, price
        passes_or(banded, "VENUE_BAND", passes)
        if not passes:
            assert banded.verdict.wanted == (630_000 if side == BUY else 570_001)

    def test_no_band_before_the_first_mark_price(self, case):
        case.about.band_up_bps = 1
        case.rule()
        passes_or(case, "VENUE_BAND", True)

    def test_venue_without_a_band(self, banded):
        banded.about.band_up_bps = banded.about.band_down_bps = 0
        banded.lib.hp_pulse_mark(banded.lib.t_pulse(banded.gate, 1), banded.about, 6 * 10**12)
        banded.intent.price_ticks = 650_000
        passes_or(banded, "VENUE_BAND", True)

    def test_warning_cannot_weaken_the_venues_filters(self, banded):
        banded.gate.rule.warns = 2**64 - 1
        banded.intent.price_ticks = 630_001
        passes_or(banded, "VENUE_BAND", False)


class TestVolatility:
    """A fence of 2 standard moves: alpha 0.2, floor 0.5 % (REQUIREMENTS F4, M7)."""

    @pytest.fixture
    def fenced(self, case):
        case.rule(
            band_bps=5000,
            sigma_tenths=20,
            sigma_alpha_e4=2000,
            sigma_floor_e8=500_000,
            sigma_sample_ns=SECOND,
        )
        return case

    def mids(self, case, *mids, every=SECOND):
        """Feed mids, one a sample."""
        pulse = case.lib.t_pulse(case.gate, 1)
        limit = case.scope("INSTRUMENT").limit
        for n, half in enumerate(mids):
            case.lib.hp_pulse_mid(
                pulse, case.limits, case.ffi.addressof(limit), half, NOW + n * every
            )
        return pulse

    @pytest.mark.parametrize(
        ("price", "passes"), [(606_000, True), (606_001, False), (594_001, True), (594_000, False)]
    )
    def test_floor_holds_before_any_move(self, fenced, price, passes):
        """1 % of 60,000.05: 59,400.0495 to 60,600.0505."""
        fenced.intent.price_ticks = price
        passes_or(fenced, "FENCE_VOLATILITY", passes)
        if not passes:
            assert (fenced.verdict.found, fenced.verdict.wanted) == (100, 100)

    @pytest.mark.parametrize(("price", "passes"), [(612_000, True), (612_001, False)])
    def test_first_move_is_taken_as_it_is(self, fenced, price, passes):
        pulse = self.mids(fenced, 1_000_000, 1_010_000)
        assert pulse.sigma_e8 == 1_000_000
        fenced.intent.price_ticks = price
        passes_or(fenced, "FENCE_VOLATILITY", passes)

    def test_later_moves_are_weighed(self, fenced):
        pulse = self.mids(fenced, 1_000_000, 980_000, 980_000)
        assert pulse.sigma_e8 == 1_600_000
        assert pulse.fence_e8 == 3_200_000

    @given(st.lists(st.integers(500_000, 1_500_000), min_size=2, max_size=40))
    @settings(max_examples=60)
    def test_estimate_equals_its_formula(self, steps, mids):
        """v = a x |p / prev - 1| + (1 - a) x v, first as is, never below the floor."""
        from tests.steps.gate_case import Case

        case = Case(steps)
        case.rule(sigma_tenths=20, sigma_alpha_e4=2000, sigma_floor_e8=500_000, sigma_sample_ns=1)
        pulse = self.mids(case, *mids)
        v = 0
        for before, after in pairwise(mids):
            move = abs(after - before) * 10**8 // before
            v = move if v == 0 else move * 2000 // 10000 + v * 8000 // 10000
            v = max(v, 500_000)
        assert pulse.sigma_e8 == v

    def test_mids_between_samples_change_nothing(self, fenced):
        pulse = self.mids(fenced, 1_000_000, 1_100_000, 1_200_000, every=SECOND // 2 - 1)
        assert (pulse.sigma_e8, pulse.half_ticks) == (0, 1_200_000)

    def test_policy_warn(self, fenced):
        fenced.gate.rule.warns = 1 << verdict(fenced, "FENCE_VOLATILITY")
        fenced.intent.price_ticks = 610_000
        assert fenced.ask() == fenced.lib.HP_PASS
        assert fenced.verdict.warnings == fenced.gate.rule.warns

    def test_zero_permits_nothing(self, fenced):
        fenced.rule(sigma_tenths=0)
        passes_or(fenced, "FENCE_VOLATILITY", False)


class TestFatFinger:
    @pytest.mark.parametrize(("lots", "passes"), [(69, True), (70, True), (71, False)])
    def test_size_against_the_usual_one(self, case, lots, passes):
        case.rule(typical_lots=7, typical_times_max=10)
        case.intent.lots = lots
        passes_or(case, "FAT_FINGER_SIZE", passes)
        if not passes:
            assert (case.verdict.found, case.verdict.wanted) == (71, 70)

    @pytest.mark.parametrize(("orders", "passes"), [(7, True), (8, False)])
    def test_usual_size_is_learnt_from_eight_orders(self, case, orders, passes):
        case.rule(typical_times_max=10)
        pulse = case.lib.t_pulse(case.gate, 1)
        for _ in range(orders):
            case.lib.hp_pulse_placed(pulse, case.limits, 4)
        case.intent.lots = 41
        passes_or(case, "FAT_FINGER_SIZE", passes)
        case.intent.lots = 40
        passes_or(case, "FAT_FINGER_SIZE", True)

    def test_usual_size_follows_by_a_sixteenth(self, case):
        case.rule(typical_times_max=10)
        pulse = case.lib.t_pulse(case.gate, 1)
        case.lib.hp_pulse_placed(pulse, case.limits, 10)
        case.lib.hp_pulse_placed(pulse, case.limits, 26)
        assert pulse.usual_e4 == 110_000

    def test_told_size_is_not_learnt_over(self, case):
        case.rule(typical_lots=7, typical_times_max=10)
        pulse = case.lib.t_pulse(case.gate, 1)
        case.lib.hp_pulse_placed(pulse, case.limits, 10**6)
        assert pulse.usual_count == 0

    @pytest.mark.parametrize(("price", "passes"), [(630_000, True), (630_001, False)])
    def test_distance_from_the_mid(self, case, price, passes):
        """5 % of 60,000.05 is 3,000.0025."""
        case.rule(band_bps=1000, distance_bps_max=500)
        case.intent.price_ticks = price
        passes_or(case, "FAT_FINGER_DISTANCE", passes)
        if not passes:
            assert (case.verdict.found, case.verdict.wanted) == (500, 500)

    @pytest.mark.parametrize(("mid", "price"), [(10_000, 10_500), (10_000, 9_500)])
    def test_distance_to_the_last_tick(self, case, mid, price):
        case.rule(band_bps=1000, distance_bps_max=500)
        case.intent.bid_ticks, case.intent.ask_ticks = mid - 1, mid + 1
        case.intent.price_ticks = price
        passes_or(case, "FAT_FINGER_DISTANCE", True)
        case.intent.price_ticks += 1 if price > mid else -1
        passes_or(case, "FAT_FINGER_DISTANCE", False)

    @pytest.mark.parametrize(("tenths", "band"), [(5, NONE), (NONE, 500)])
    def test_other_fences_to_the_last_tick(self, case, tenths, band):
        """A hard band of 5 %, or half a standard move of 10 %."""
        case.rule(band_bps=min(band, 9999), sigma_tenths=tenths, sigma_floor_e8=10**7)
        case.intent.bid_ticks, case.intent.ask_ticks = 9_999, 10_001
        name = "FENCE_HARD" if tenths == NONE else "FENCE_VOLATILITY"
        for price, passes in ((10_500, True), (10_501, False), (9_500, True), (9_499, False)):
            case.intent.price_ticks = price
            passes_or(case, name, passes)

    @pytest.mark.parametrize(("lots", "passes"), [(9, True), (10, True), (11, False)])
    def test_share_of_daily_volume(self, case, lots, passes):
        case.rule(daily_volume_lots=1000, volume_share_bps_max=100)
        case.intent.lots = lots
        passes_or(case, "FAT_FINGER_VOLUME", passes)

    def test_share_of_an_unknown_volume_is_not_judged(self, case):
        case.rule(volume_share_bps_max=1)
        passes_or(case, "FAT_FINGER_VOLUME", True)

    @pytest.mark.parametrize(
        ("field", "name"),
        [
            ("typical_times_max", "FAT_FINGER_SIZE"),
            ("distance_bps_max", "FAT_FINGER_DISTANCE"),
            ("volume_share_bps_max", "FAT_FINGER_VOLUME"),
        ],
    )
    def test_zero_permits_nothing_and_warn_notes(self, case, field, name):
        case.rule(**{field: 0})
        passes_or(case, name, False)
        case.gate.rule.warns = 1 << verdict(case, name)
        assert case.ask() == case.lib.HP_PASS
        assert case.verdict.warnings == case.gate.rule.warns

    def test_closing_a_whole_position_is_no_fat_finger(self, case):
        case.rule(typical_lots=1, typical_times_max=1, volume_share_bps_max=0)
        reducing(case)
        assert case.ask() == case.lib.HP_PASS
        names = ("FAT_FINGER_SIZE", "FAT_FINGER_VOLUME")
        assert case.verdict.warnings == sum(1 << verdict(case, name) for name in names)


class TestHedgedLegs:
    """The venue refuses the flag in hedge mode: side + position side + size <= position."""

    @pytest.fixture(params=[(1, SELL, 50), (2, BUY, -50)])
    def leg(self, case, request):
        side, closes, held = request.param
        case.position.lots[side] = held
        case.intent.position_side, case.intent.side = side, closes
        return case

    @pytest.mark.parametrize(("lots", "passes"), [(49, True), (50, True), (51, False)])
    def test_nothing_closes_more_than_there_is(self, leg, lots, passes):
        leg.intent.lots = lots
        passes_or(leg, "POSITION_TRUTH", passes)
        if not passes:
            assert (leg.verdict.found, leg.verdict.wanted) == (51, 50)

    @pytest.mark.parametrize(("lots", "passes"), [(19, True), (20, True), (21, False)])
    def test_what_works_against_the_leg_counts(self, leg, lots, passes):
        price = 600_100 if leg.intent.side == SELL else 599_900
        o = leg.rests(
            side=leg.intent.side, price=price, lots=30, position_side=leg.intent.position_side
        )
        leg.intent.lots = lots
        passes_or(leg, "POSITION_TRUTH", passes)
        leg.lib.hp_gate_expose(leg.gate, leg.about, leg.exposure, o, -1)
        passes_or(leg, "POSITION_TRUTH", True)

    def test_closing_a_leg_passes_a_freeze_without_the_flag(self, leg):
        leg.gate.words = leg.lib.HP_WORD_FREEZE
        passes_or(leg, "FROZEN", True)
        leg.intent.side = BUY + SELL - leg.intent.side  # it opens
        passes_or(leg, "FROZEN", False)

    def test_opening_a_leg_asks_for_no_position(self, leg):
        leg.intent.side = BUY + SELL - leg.intent.side
        leg.position.lots[leg.intent.position_side] = 0
        passes_or(leg, "POSITION_TRUTH", True)
        o = leg.order(side=leg.intent.side, position_side=leg.intent.position_side)
        leg.lib.hp_gate_expose(leg.gate, leg.about, leg.exposure, o, 1)
        assert list(leg.exposure.closing_lots) == [0, 0, 0]


class TestSelfTrade:
    @pytest.mark.parametrize(
        ("side", "price", "passes"),
        [
            (BUY, 600_009, True),
            (BUY, 600_010, False),
            (BUY, 600_011, False),
            (SELL, 599_991, True),
            (SELL, 599_990, False),
            (SELL, 599_989, False),
        ],
    )
    def test_over_strategies_of_an_account(self, case, side, price, passes):
        case.rests(slot=0, side=SELL, price=600_010, strategy=5)
        case.rests(slot=1, side=BUY, price=599_990, strategy=6)
        case.intent.side, case.intent.price_ticks = side, price
        passes_or(case, "SELF_TRADE", passes)
        if not passes:
            assert (case.verdict.found, case.verdict.wanted) == (
                price,
                600_010 if side == BUY else 599_990,
            )
            assert case.verdict.retry_ns == 0

    @pytest.mark.parametrize("other", [{"account": 1}, {"instrument": 2}])
    def test_other_accounts_and_instruments_do_not_meet(self, case, other):
        o = case.order(price=600_000, **other)
        case.lib.hp_own_add(case.ffi.addressof(case.gate.own), o)
        passes_or(case, "SELF_TRADE", True)

    @pytest.mark.parametrize("side", [BUY, SELL])
    def test_a_market_order_meets_whatever_rests(self, case, side):
        case.rests(slot=0, side=SELL, price=606_000)
        case.rests(slot=1, side=BUY, price=594_500)
        case.intent.side = side
        passes_or(case, "SELF_TRADE", True)
        case.intent.type = case.lib.HP_TYPE_MARKET
        passes_or(case, "SELF_TRADE", False)

    def test_oldest_throttles_the_new_one(self, case):
        case.gate.rule.self_trade = case.lib.HP_SELF_TRADE_OLDEST
        case.gate.rule.throttle_ns = 1000
        case.rests(price=600_000, lots=1000)
        passes_or(case, "SELF_TRADE", False)
        assert case.verdict.retry_ns == NOW + 1000

    @pytest.mark.parametrize(("rest", "throttles"), [(9, True), (10, False), (11, False)])
    def test_smallest_throttles_only_for_a_smaller_one(self, case, rest, throttles):
        case.gate.rule.self_trade = case.lib.HP_SELF_TRADE_SMALLEST
        case.gate.rule.throttle_ns = 1000
        case.rests(price=600_000, lots=rest + 5, filled_lots=5)
        passes_or(case, "SELF_TRADE", False)
        assert case.verdict.retry_ns == (NOW + 1000 if throttles else 0)

    @pytest.mark.parametrize("mode", ["DEFAULT", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"])
    def test_warn_sends_only_with_the_venues_own_prevention(self, case, mode):
        case.gate.rule.self_trade = case.lib.HP_SELF_TRADE_WARN
        case.rests(price=600_000)
        case.intent.self_trade_mode = getattr(case.lib, f"HP_STP_{mode}")
        passes_or(case, "SELF_TRADE", mode != "DEFAULT")
        if mode != "DEFAULT":
            assert case.verdict.warnings == 1 << verdict(case, "SELF_TRADE")
        for policy in ("REJECT", "OLDEST", "SMALLEST"):
            case.gate.rule.self_trade = getattr(case.lib, f"HP_SELF_TRADE_{policy}")
            passes_or(case, "SELF_TRADE", False)


@pytest.mark.parametrize("seed", range(4))
def test_index_of_our_own_orders_equals_a_walk_over_all(steps, seed):
    """The oracle is a list and min()."""
    mix = random.Random(seed)
    lib, ffi = steps.lib, steps.ffi
    slots = ffi.new("hp_order_t[]", 256)
    gate = ffi.gc(lib.t_gate(slots, 256), lib.t_gate_free)
    own = ffi.addressof(gate.own)
    inside = set()
    for _ in range(4000):
        slot = mix.randrange(256)
        o = slots + slot
        if slot in inside:
            lib.hp_own_remove(own, o)
            inside.remove(slot)
        elif len(inside) < mix.choice([4, 250]):
            o.account, o.instrument = mix.randrange(2), 1 + mix.randrange(2)
            o.side, o.price_ticks = mix.choice([BUY, SELL]), mix.randrange(1, 40)
            lib.hp_own_add(own, o)
            inside.add(slot)
        account, instrument, side = mix.randrange(2), 1 + mix.randrange(2), mix.choice([BUY, SELL])
        facing = [
            slots[n].price_ticks
            for n in inside
            if (slots[n].account, slots[n].instrument) == (account, instrument)
            and slots[n].side != side
        ]
        top = lib.hp_own_facing(own, account, instrument, side)
        best = (min if side == BUY else max)(facing, default=None)
        assert (None if top == ffi.NULL else top.price_ticks) == best
        assert own.count == len(inside)
    for slot in inside:
        lib.hp_own_remove(own, slots + slot)
        lib.hp_own_remove(own, slots + slot)  # once is enough
    assert own.count == 0


class TestFastMarket:
    """0.5 % within a second freezes for five (REQUIREMENTS F8)."""

    @pytest.fixture
    def watched(self, case):
        case.limit(
            "INSTRUMENT",
            fast_move_bps_max=50,
            fast_window_ns=SECOND,
            fast_freeze_ns=5 * SECOND,
        )
        case.limits.stale_ns = 10**12
        return case

    def mid(self, case, half, at):
        limit = case.scope("INSTRUMENT").limit
        case.lib.hp_pulse_mid(
            case.lib.t_pulse(case.gate, 1), case.limits, case.ffi.addressof(limit), half, NOW + at
        )

    @pytest.mark.parametrize(
        ("to", "passes"),
        [
            (1_006_000, False),
            (1_005_001, False),
            (1_005_000, True),
            (995_000, True),
            (994_999, False),
        ],
    )
    def test_move_within_the_window(self, watched, to, passes):
        self.mid(watched, 1_000_000, 0)
        self.mid(watched, to, SECOND // 2)
        assert watched.ask(NOW + SECOND // 2) == (
            watched.lib.HP_PASS if passes else verdict(watched, "FAST_MARKET")
        )
        if not passes:
            end = NOW + SECOND // 2 + 5 * SECOND
            assert (watched.verdict.retry_ns, watched.verdict.wanted) == (end, 50)
            assert watched.ask(end - 1) == verdict(watched, "FAST_MARKET")
            assert watched.ask(end) == watched.lib.HP_PASS

    def test_slow_move_is_none(self, watched):
        for n in range(20):
            self.mid(watched, 1_000_000 + n * 1000, n * SECOND)
        assert watched.ask(NOW + 20 * SECOND) == watched.lib.HP_PASS

    def test_reducing_order_passes(self, watched):
        self.mid(watched, 1_000_000, 0)
        self.mid(watched, 1_010_000, 1)
        reducing(watched)
        assert watched.ask(NOW + 1) == watched.lib.HP_PASS
        assert watched.verdict.warnings == 1 << verdict(watched, "FAST_MARKET")

    @given(
        st.lists(
            st.tuples(st.integers(990_000, 1_010_000), st.integers(0, SECOND // 3)), max_size=60
        )
    )
    @settings(max_examples=80)
    def test_equals_a_walk_over_the_past(self, steps, path):
        """Every move over the window freezes; none older than it by a slot does."""
        from tests.steps.gate_case import Case

        case = Case(steps)
        case.limit("INSTRUMENT", fast_move_bps_max=50, fast_window_ns=SECOND, fast_freeze_ns=1)
        pulse = case.lib.t_pulse(case.gate, 1)
        at, past, slack = 0, [], SECOND // 8 + 1
        for half, step in path:
            at += step
            pulse.frozen_until_ns = 0  # a freeze of this very instant is another mid's
            self.mid(case, half, at)
            froze = pulse.frozen_until_ns == NOW + at + 1
            moved = lambda span, half=half, at=at: any(  # noqa: E731
                abs(half - before) * 10000 > before * 50
                for before, then in past
                if at - then < span
            )
            assert froze or not moved(SECOND - slack)
            assert not froze or moved(SECOND + slack)
            past.append((half, at))


def test_warnings_of_one_intent_add_up(case):
    case.rule(typical_lots=1, typical_times_max=1, distance_bps_max=0, volume_share_bps_max=0)
    names = ("FAT_FINGER_SIZE", "FAT_FINGER_DISTANCE", "FAT_FINGER_VOLUME")
    case.gate.rule.warns = sum(1 << verdict(case, name) for name in names)
    assert case.ask() == case.lib.HP_PASS
    assert case.verdict.warnings == case.gate.rule.warns
