"""The whole judgement: sources, the clock itself, profile, rule book, record, authority."""

import json
import math
import time
from dataclasses import replace

import pytest
from fake_ptp4l import FakePtp4l, facts_of, locked

from tuning.time import (
    Role,
    SourceKind,
    TimeAuthority,
    TimeFacts,
    TimeRecord,
    Verdict,
    Where,
    coordinate_with_time_authority,
    judge,
    load_limits,
    validate_ptp_sync,
)
from tuning.time.authority import no_record
from tuning.time.chrony import ChronyFacts, NtpData, Source, Tracking
from tuning.time.kernel import STA_UNSYNC, TIME_ERROR, Instant, KernelFacts, Writer, read_kernel
from tuning.time.phc import Cross, CrossMethod, PhcFacts
from tuning.time.status import check_json

SECOND = 10**9
STEERED = KernelFacts(
    state=0, status=0x2001, frequency_ppm=-4.2, maxerror_ns=400_000, esterror_ns=900,
    tick_us=10_000, tai_s=37, resolution_ns=1,
    instant=Instant(10**18, 5 * SECOND, 5 * SECOND, 10**18 + 37 * SECOND, 80),
    writers=(Writer(11, "chronyd", "started without -x"),),
)  # fmt: skip


@pytest.fixture(scope="module")
def ptp(tmp_path_factory):
    return facts_of(tmp_path_factory.mktemp("ptp"), locked())


def chrony(offset_ns: int = 0) -> ChronyFacts:
    now = time.time_ns()
    return ChronyFacts(
        tracking=Tracking("0A630001", "ntp1", 2, now, -offset_ns, 0, 0, 0.0, 0.0, 0.1, 2000, 3000,
                          1.0, "Normal"),
        sources=(Source("^", "*", "ntp1", 1, 0, 0o377, 0, 0, 0, 0),),
        ntpdata=(NtpData("ntp1", "Normal", 1, 0, 0, "50505300", 0, 0, True, False, "K", "K"),),
        taken_ns=now,
        taken_monotonic_ns=time.monotonic_ns(),
    )  # fmt: skip


def verdict_of(status, id: str) -> Verdict:
    return {one.id: one.verdict for one in status.all_checks()}[id]


def test_locked_slave_on_a_steered_clock_is_synced_and_gives_a_record(ptp):
    facts = TimeFacts(STEERED, ptp)
    status = judge(facts, load_limits("cloud-vm", "rts25-hft"), Where(role=Role.SLAVE))
    assert (status.verdict, status.role) == (Verdict.OK, Role.SLAVE)
    record = status.record
    assert (record.source, record.traceable) == (SourceKind.PTP_SOFTWARE, True)
    assert (record.offset_ns, record.uncertainty_ns) == (94, 2260)
    assert record.taken_ns == ptp.taken_monotonic_ns
    assert record.is_valid(record.taken_ns) and not record.is_valid(record.taken_ns + 3 * SECOND)


def test_same_slave_is_only_tolerated_on_bare_metal(ptp):
    status = judge(TimeFacts(STEERED, ptp), load_limits("bare-metal"))
    assert status.verdict is verdict_of(status, "time.source") is Verdict.WARN


def test_nothing_anywhere_is_a_failure_without_a_record():
    nobody = replace(STEERED, state=TIME_ERROR, status=STA_UNSYNC, writers=())
    status = judge(TimeFacts(nobody), load_limits("bare-metal", "rts25-hft"))
    assert status.verdict is Verdict.FAIL
    assert status.source is None
    assert status.record.source is SourceKind.NONE
    assert verdict_of(status, "utc.divergence") is Verdict.FAIL


def test_kernel_alone_is_a_source_when_nobody_else_can_be_asked():
    status = judge(TimeFacts(STEERED), load_limits("dev"))
    assert (status.source.kind, status.record.uncertainty_ns) == (SourceKind.KERNEL, 400_000)
    assert judge(TimeFacts(STEERED), load_limits("bare-metal")).verdict is Verdict.FAIL


def test_hardware_clock_that_no_ptp4l_uses_is_judged_and_decides_nothing():
    """A cloud's clock under chronyd: its death is shown, and chronyd's word about time stands."""
    cross = Cross(37 * SECOND, 0, 400, CrossMethod.EXTENDED)
    good = PhcFacts("/dev/ptp0", "ena-ptp", ("eth0",), "", cross, -3.5, 0.8, True, 40_000)
    facts = TimeFacts(STEERED, chrony=chrony(), phcs=(good,))
    without = judge(TimeFacts(STEERED, chrony=chrony()), load_limits("cloud-vm"))
    status = judge(facts, load_limits("cloud-vm"))
    assert status.verdict is without.verdict and status.record.source is SourceKind.NTP
    assert verdict_of(status, "phc.alive") is verdict_of(status, "phc.bound") is Verdict.OK
    assert "phc.offset" not in {one.id for one in status.all_checks()}  # TAI or UTC: not known
    frozen = replace(good, rate_ppm=-1e6, is_alive=False, error_bound_ns=200_000)
    status = judge(replace(facts, phcs=(frozen,)), load_limits("cloud-vm"))
    assert verdict_of(status, "phc.alive") is verdict_of(status, "phc.bound") is Verdict.FAIL
    assert status.verdict is without.verdict
    virtual = replace(good, name="KVM virtual PTP", interfaces=())
    status = judge(replace(facts, phcs=(virtual,)), load_limits("cloud-vm"))
    assert verdict_of(status, "phc.offset") is Verdict.FAIL  # such a clock shows UTC


def test_kernel_does_not_stand_in_for_a_ptp_clock_that_failed(tmp_path):
    lost = facts_of(tmp_path, locked(), age_ns=9 * SECOND)
    status = judge(TimeFacts(STEERED, lost), load_limits("dev"))
    assert status.source is None and status.record.source is SourceKind.NONE


def test_chrony_takes_over_from_a_ptp_clock_that_failed(tmp_path):
    lost = facts_of(tmp_path, locked(), age_ns=9 * SECOND)
    status = judge(TimeFacts(STEERED, lost, chrony(700)), load_limits("cloud-vm"))
    assert (status.record.source, status.record.offset_ns) == (SourceKind.NTP, 700)


def test_better_source_is_chosen_and_the_other_bears_witness(ptp):
    status = judge(TimeFacts(STEERED, ptp, chrony(5_000)), load_limits("cloud-vm"))
    assert status.record.source is SourceKind.PTP_SOFTWARE
    assert verdict_of(status, "time.agreement") is Verdict.OK


def test_grandmaster_that_is_37_s_off_is_betrayed_by_chrony(ptp):
    """The PTP clock is locked and content; only the second source shows that all of it is wrong."""
    status = judge(TimeFacts(STEERED, ptp, chrony(37 * SECOND)), load_limits("cloud-vm"))
    assert status.source.kind is SourceKind.PTP_SOFTWARE
    assert verdict_of(status, "time.agreement") is status.verdict is Verdict.FAIL
    assert status.record.source is SourceKind.NONE


def test_source_that_lost_its_server_is_no_witness(ptp):
    lost = replace(chrony(37 * SECOND), sources=())
    status = judge(TimeFacts(STEERED, ptp, lost), load_limits("cloud-vm"))
    assert "time.agreement" not in {one.id for one in status.checks}
    assert status.record.source is SourceKind.PTP_SOFTWARE


def test_unsteered_clock_fails_but_in_development(ptp):
    adrift = replace(STEERED, state=TIME_ERROR, status=STA_UNSYNC)
    assert judge(TimeFacts(adrift, ptp), load_limits("cloud-vm")).verdict is Verdict.FAIL
    assert judge(TimeFacts(adrift, ptp), load_limits("dev")).verdict is Verdict.WARN


def test_two_writers_spoil_the_record(ptp):
    both = (*STEERED.writers, Writer(12, "phc2sys", "target CLOCK_REALTIME"))
    status = judge(TimeFacts(replace(STEERED, writers=both), ptp), load_limits("cloud-vm"))
    assert verdict_of(status, "clock.writer") is Verdict.FAIL
    assert status.record.source is SourceKind.NONE and "clock.writer" in status.record.reason


def test_step_of_the_clock_between_two_readings_spoils_the_record(ptp):
    before = TimeFacts(STEERED, ptp)
    instant = replace(STEERED.instant, realtime_ns=10**18 + SECOND + 4_000,
                      monotonic_ns=6 * SECOND)  # fmt: skip
    stepped = TimeFacts(replace(STEERED, instant=instant), ptp)
    status = judge(stepped, load_limits("cloud-vm"), previous=before)
    assert verdict_of(status, "clock.step") is Verdict.FAIL
    assert status.record.source is SourceKind.NONE
    slewed = replace(instant, realtime_ns=10**18 + SECOND + 500)
    quiet = TimeFacts(replace(STEERED, instant=slewed), ptp)
    assert judge(quiet, load_limits("cloud-vm"), previous=before).verdict is Verdict.OK


def test_kernel_that_was_never_told_tai_warns(ptp):
    status = judge(TimeFacts(replace(STEERED, tai_s=0), ptp), load_limits("cloud-vm"))
    assert verdict_of(status, "clock.tai") is Verdict.WARN


def test_rule_book_asks_for_distance_and_chain(ptp):
    rule = load_limits("dev", "rts25-hft")
    untraced = replace(ptp, properties=replace(ptp.properties, time_traceable=False))
    status = judge(TimeFacts(STEERED, untraced), rule)
    assert verdict_of(status, "utc.traceable") is Verdict.FAIL
    assert verdict_of(status, "utc.divergence") is Verdict.OK
    far = replace(ptp, current=replace(ptp.current, offset_ns=99_000))
    status = judge(TimeFacts(STEERED, far), rule)
    assert verdict_of(status, "utc.divergence") is Verdict.FAIL  # 99 us + 2.3 us
    coarse = replace(STEERED, resolution_ns=4_000_000)
    found = verdict_of(judge(TimeFacts(coarse, ptp), rule), "clock.granularity")
    assert found is Verdict.FAIL


def test_live_kernel_is_read():
    kernel = read_kernel()
    assert kernel.instant.realtime_ns > 1_600_000_000 * SECOND
    assert kernel.resolution_ns > 0
    assert kernel.instant.tai_ns - kernel.instant.realtime_ns - kernel.tai_s * SECOND < SECOND


def test_validate_reads_a_live_socket_twice_and_hands_the_record_over(tmp_path):
    answers = locked()
    with FakePtp4l(tmp_path / "ptp4l", answers):
        where = Where(ptp_socket=str(tmp_path / "ptp4l"), chrony_socket="/nowhere")
        status = validate_ptp_sync("dev", where=where, between_s=0.01)
        json.dumps(status.to_json())
        assert status.role is Role.SLAVE
        assert verdict_of(status, "ptp.state") is Verdict.OK
        assert verdict_of(status, "clock.step") is Verdict.OK
        authority = TimeAuthority()
        known = coordinate_with_time_authority(authority, status)
        assert known is (status.record.source is not SourceKind.NONE)
        assert authority.record == status.record


def record(**changes) -> TimeRecord:
    now = time.monotonic_ns()
    base = TimeRecord(1_500, 800, SourceKind.NTP, True, now, now + 60 * SECOND, 1_000)
    return replace(base, **changes)


def test_authority_gives_utc_with_its_uncertainty():
    authority = TimeAuthority()
    assert authority.accept(record(offset_ns=5 * SECOND))
    stamp = authority.get_processing_time()
    assert abs(time.time_ns() - 5 * SECOND - stamp.ns) < 60 * SECOND
    assert stamp.traceable and stamp.uncertainty_ns >= 800
    assert authority.detect_clock_drift() >= 5_000


def test_authority_stops_calling_it_utc_when_the_record_runs_out():
    authority = TimeAuthority()
    now = time.monotonic_ns()
    authority.accept(record(valid_until_ns=now + 1))
    stamp = authority.get_processing_time()
    assert stamp.uncertainty_ns is None and not stamp.traceable
    assert authority.detect_clock_drift() == math.inf


def test_authority_loses_the_time_at_once_and_refuses_older_records():
    authority = TimeAuthority()
    old = record()
    assert authority.accept(record())
    assert not authority.accept(no_record("grandmaster lost"))
    assert authority.get_processing_time().source is SourceKind.NONE
    assert not authority.accept(old)
    assert authority.refused == 1
    assert not authority.accept(record(taken_ns=time.monotonic_ns() + SECOND))


def test_uncertainty_grows_with_age():
    one = record(uncertainty_ns=800, growth_ppb=2_000)
    assert one.uncertainty_at(one.taken_ns) == 800
    assert one.uncertainty_at(one.taken_ns + SECOND) == 2_800
    assert one.divergence_at(one.taken_ns + SECOND) == 4_300


def test_check_is_json_with_its_words():
    status = judge(TimeFacts(STEERED), load_limits("dev"))
    assert check_json(status.checks[0])["verdict"] == "OK"
