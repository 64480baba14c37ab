"""Verdicts about PTP: a good slave, and each trap by itself.

The good slave is the fixture of fake_ptp4l.py read through the real client; hardware clocks are
constructed, since no machine of the tests has one.
"""

from dataclasses import replace

import pytest
from fake_ptp4l import facts_of, locked

from tuning.time import Role, SourceKind, Verdict, load_limits
from tuning.time.datasets import PortState, Stamping, Uncertain
from tuning.time.judge_phc import tai_slip
from tuning.time.judge_ptp import judge_ptp
from tuning.time.management import PtpFacts
from tuning.time.phc import Cross, CrossMethod, PhcFacts, PpsFacts
from tuning.time.phc import Stamping as CardStamping
from tuning.time.role import role_of

LIMITS = load_limits("bare-metal")
SECOND = 1_000_000_000
GRANDMASTER = "f6c894.fffe.c9990b"


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> PtpFacts:
    return facts_of(tmp_path_factory.mktemp("ptp"), locked())


@pytest.fixture(scope="module")
def hardware(good) -> PtpFacts:
    ports = tuple(replace(one, stamping=Stamping.HARDWARE) for one in good.port_properties)
    status = replace(good.status, ingress_ns=good.status.ingress_ns + 37 * SECOND)  # TAI
    return replace(good, port_properties=ports, status=status)


def phc(offset_ns: int = 37 * SECOND, **changes) -> PhcFacts:
    cross = Cross(offset_ns, 0, 400, CrossMethod.EXTENDED)
    card = CardStamping(0x5F, 0, 12)
    base = PhcFacts("/dev/ptp0", "card", ("vB",), "", cross, -3.5, 0.8, True, None, card)
    return replace(base, **changes)


def verdicts(facts, **more) -> dict[str, Verdict]:
    return {one.id: one.verdict for one in judge_ptp(facts, LIMITS, **more).checks}


def only_bad(facts, **more) -> tuple[str, Verdict]:
    bad = {id: v for id, v in verdicts(facts, **more).items() if v is not Verdict.OK}
    assert len(bad) == 1, bad
    return next(iter(bad.items()))


def test_locked_slave_under_a_traceable_grandmaster_is_good(good):
    known = frozenset({GRANDMASTER})
    status = judge_ptp(good, LIMITS, grandmasters=known, expected_role=Role.SLAVE)
    assert (status.verdict, status.role) == (Verdict.OK, Role.SLAVE)
    assert (status.kind, status.traceable) == (SourceKind.PTP_SOFTWARE, True)
    assert status.offset_ns == 94
    assert status.uncertainty_ns == 2160 + 100  # path delay, accuracy 0x21


def test_locked_slave_with_a_hardware_clock_adds_the_way_to_the_system_clock(hardware):
    status = judge_ptp(hardware, LIMITS, phc=phc(37 * SECOND - 600))
    assert (status.verdict, status.kind) == (Verdict.OK, SourceKind.PTP_HARDWARE)
    assert status.offset_ns == 94 + 600  # card 94 ns fast, system clock 600 ns faster than the card
    assert status.uncertainty_ns == 2160 + 100 + 200


@pytest.mark.parametrize("state", [one for one in PortState if one is not PortState.SLAVE])
def test_no_other_state_is_good(good, state):
    ports = tuple(replace(one, state=state) for one in good.ports)
    assert verdicts(replace(good, ports=ports))["ptp.state"] is Verdict.FAIL


def test_stale_offset_is_betrayed_by_the_age_of_the_last_sync(tmp_path):
    old = facts_of(tmp_path, locked(), age_ns=7 * SECOND)
    assert only_bad(old) == ("ptp.fresh", Verdict.FAIL)
    none = replace(old, status=replace(old.status, ingress_ns=0))
    assert only_bad(none) == ("ptp.fresh", Verdict.FAIL)


def test_sync_from_the_future_is_not_fresh(tmp_path):
    assert only_bad(facts_of(tmp_path, locked(), age_ns=-5 * SECOND)) == ("ptp.fresh", Verdict.FAIL)


def test_age_is_unknown_without_the_hardware_clock_and_shown_by_a_second_reading(hardware):
    blind = phc(error="/dev/ptp0: Permission denied", cross=None, rate_ppm=None)
    assert verdicts(hardware, phc=blind)["ptp.fresh"] is Verdict.UNKNOWN
    later = replace(hardware, taken_monotonic_ns=hardware.taken_monotonic_ns + 2 * SECOND)
    assert verdicts(later, phc=blind, previous=hardware)["ptp.fresh"] is Verdict.FAIL
    status = replace(later.status, ingress_ns=later.status.ingress_ns + SECOND)
    moved = replace(later, status=status)
    assert verdicts(moved, phc=blind, previous=hardware)["ptp.fresh"] is Verdict.OK


def test_grandmaster_present_flag_proves_nothing(good):
    status = replace(good.status, grandmaster_present=False)
    assert verdicts(replace(good, status=status)) == verdicts(good)


def test_other_grandmaster_fails_when_named_and_warns_when_only_changed(good):
    named = only_bad(good, grandmasters=frozenset({"000000.fffe.000001"}))
    assert named == ("ptp.grandmaster", Verdict.FAIL)
    before = replace(good, parent=replace(good.parent, grandmaster="000000.fffe.000001"))
    assert only_bad(good, previous=before) == ("ptp.grandmaster", Verdict.WARN)


def test_slave_that_is_its_own_grandmaster_follows_nobody(good):
    alone = replace(good, parent=replace(good.parent, grandmaster=good.default.clock))
    assert verdicts(alone)["ptp.grandmaster"] is Verdict.FAIL


def test_clock_that_promoted_itself_plays_the_wrong_role(good):
    ports = tuple(replace(one, state=PortState.MASTER) for one in good.ports)
    promoted = replace(
        good, ports=ports, parent=replace(good.parent, grandmaster=good.default.clock)
    )
    assert role_of(promoted) is Role.GRANDMASTER
    assert verdicts(promoted, expected_role=Role.SLAVE)["ptp.role"] is Verdict.FAIL


@pytest.mark.parametrize(
    ("clock_class", "verdict"),
    [(6, Verdict.OK), (7, Verdict.WARN), (52, Verdict.FAIL), (187, Verdict.FAIL),
     (248, Verdict.FAIL), (255, Verdict.FAIL)],
)  # fmt: skip
def test_clock_class_says_how_the_grandmaster_is(good, clock_class, verdict):
    quality = replace(good.parent.quality, clock_class=clock_class)
    facts = replace(good, parent=replace(good.parent, quality=quality))
    assert verdicts(facts)["ptp.class"] is verdict
    assert judge_ptp(facts, LIMITS).traceable is (verdict is Verdict.OK)


@pytest.mark.parametrize(
    "flag", ["time_traceable", "frequency_traceable", "ptp_timescale", "utc_offset_valid"]
)
def test_each_missing_flag_takes_traceability_away(good, flag):
    facts = replace(good, properties=replace(good.properties, **{flag: False}))
    assert only_bad(facts) == ("ptp.traceable", Verdict.WARN)
    assert not judge_ptp(facts, LIMITS).traceable


def test_wrong_leap_seconds_of_the_grandmaster_fail(good):
    facts = replace(good, properties=replace(good.properties, utc_offset_s=36))
    assert only_bad(facts) == ("ptp.traceable", Verdict.FAIL)


@pytest.mark.parametrize(
    ("offset", "verdict"), [(20_000, Verdict.OK), (-20_001, Verdict.WARN), (100_001, Verdict.FAIL)]
)
def test_offset_is_judged_by_its_size(good, offset, verdict):
    facts = replace(good, current=replace(good.current, offset_ns=offset))
    assert verdicts(facts)["ptp.offset"] is verdict


def test_path_delay_is_judged_by_its_change(hardware):
    def with_delay(ns):
        return replace(hardware, current=replace(hardware.current, mean_path_delay_ns=ns))

    card = phc()
    for before, now, verdict in (
        (2_000, 2_400, Verdict.OK),
        (2_000, 2_401, Verdict.WARN),  # more than 20 %
        (100, 140, Verdict.OK),  # 40 %, but less than the clocks can tell
        (10_000, 10_501, Verdict.WARN),  # more than 500 ns
        (2_000, 0, Verdict.FAIL),
    ):
        found = verdicts(with_delay(now), phc=card, previous=with_delay(before))
        assert found["ptp.path"] is verdict, (before, now)


def test_boundary_clock_above_that_is_not_sure_fails(good):
    facts = replace(good, uncertain=Uncertain(1))
    assert only_bad(facts) == ("ptp.certain", Verdict.FAIL)


def test_frozen_hardware_clock_is_found(hardware):
    frozen = phc(rate_ppm=-1e6, is_alive=False)
    assert only_bad(hardware, phc=frozen) == ("phc.alive", Verdict.FAIL)


@pytest.mark.parametrize("seconds", [0, 74])
def test_tai_offset_left_out_or_applied_twice_is_named(hardware, seconds):
    checks = {one.id: one for one in judge_ptp(hardware, LIMITS, phc=phc(seconds * SECOND)).checks}
    assert checks["phc.offset"].verdict is Verdict.FAIL
    assert "TAI" in checks["phc.offset"].reason


def test_clock_of_a_virtual_machine_shows_utc(hardware):
    status = replace(hardware.status, ingress_ns=hardware.status.ingress_ns - 37 * SECOND)
    facts = replace(hardware, status=status)
    virtual = phc(500, name="KVM virtual PTP")
    assert verdicts(facts, phc=virtual)["phc.offset"] is Verdict.OK


def test_tai_slip_is_whole_offsets_only():
    assert tai_slip(37 * SECOND, LIMITS) == 1
    assert tai_slip(-74 * SECOND + 1000, LIMITS) == -2
    assert tai_slip(36 * SECOND, LIMITS) == tai_slip(900, LIMITS) == 0


def test_receive_filter_that_is_off_fails(hardware):
    off = phc(stamping=CardStamping(0x5F, 0, 0))
    assert only_bad(hardware, phc=off) == ("phc.filter", Verdict.FAIL)


def test_frequency_jump_warns(hardware):
    now, before = phc(frequency_ppm=2.0), phc(frequency_ppm=0.5)
    assert only_bad(hardware, phc=now, previous_phc=before) == ("phc.frequency", Verdict.WARN)


def test_cloud_error_bound_is_judged(hardware):
    bound = phc(error_bound_ns=70_000)
    assert only_bad(hardware, phc=bound) == ("phc.bound", Verdict.WARN)


def test_hardware_stamps_without_a_readable_clock_are_unknown(hardware):
    assert judge_ptp(hardware, LIMITS, phc=None).verdict is Verdict.UNKNOWN


def test_grandmaster_needs_a_pulse_to_prove_its_reference(good):
    ports = tuple(replace(one, state=PortState.GRAND_MASTER) for one in good.ports)
    own = replace(good, ports=ports, parent=replace(good.parent, grandmaster=good.default.clock))
    assert only_bad(own) == ("ptp.reference", Verdict.WARN)
    assert only_bad(own, pps=(PpsFacts("pps0", 9.0),)) == ("ptp.reference", Verdict.FAIL)
    status = judge_ptp(own, LIMITS, pps=(PpsFacts("pps0", 0.4),))
    assert (status.verdict, status.role) == (Verdict.OK, Role.GRANDMASTER)
    assert (status.offset_ns, status.uncertainty_ns) == (0, 100)


def test_nothing_answered_is_never_good():
    assert judge_ptp(PtpFacts("nowhere"), LIMITS).verdict is Verdict.FAIL
