"""Limits, writers of the clock, hardware clocks, drift, packet stamps."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning._host import ffi, lib
from tuning.time import (
    DriftError,
    DriftMonitor,
    LimitsError,
    Quality,
    Verdict,
    check_packet_stamps,
    get_clock_drift,
    get_hardware_timestamp,
    load_limits,
)
from tuning.time.drift import Sample, find_steps, theil_sen
from tuning.time.kernel import Instant, find_writers
from tuning.time.limits import SHIPPED, names
from tuning.time.packets import PacketStamps, StampKind, judge_stamps
from tuning.time.phc import find_phcs, read_phc, read_pps, read_stamping
from tuning.time.verdict import combine, duration

# limits


@pytest.mark.parametrize("profile", names()[0])
@pytest.mark.parametrize("rule", [None, *names()[1]])
def test_shipped_limits_load(profile, rule):
    limits = load_limits(profile, rule)
    assert limits.ptp_hardware.offset_warn_ns < limits.ptp_hardware.offset_fail_ns
    assert (limits.rule.name if limits.rule else None) == rule


def test_rts_25_for_high_frequency_trading_is_100_us_and_1_us():
    rule = load_limits("bare-metal", "rts25-hft").rule
    assert (rule.divergence_ns, rule.granularity_ns, rule.traceable) == (100_000, 1_000, True)


def test_profile_overrides_single_keys_of_a_table(tmp_path):
    path = tmp_path / "limits.toml"
    path.write_text(SHIPPED.read_text() + "\n[profile.mine.phc]\noffset_warn_ns = 7\n")
    limits = load_limits("mine", path=path)
    assert (limits.phc.offset_warn_ns, limits.phc.offset_fail_ns) == (7, 10_000)


def test_wrong_limits_are_all_named_at_once(tmp_path):
    path = tmp_path / "limits.toml"
    path.write_text(SHIPPED.read_text() + "\n[profile.mine]\nstep_ns = '1'\nstepp = 2\n")
    with pytest.raises(LimitsError, match=r"(?s)mine.stepp is unknown.*step_ns is '1'; want int"):
        load_limits("mine", path=path)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(LimitsError, match=r"'metal' is unknown.*bare-metal"):
        load_limits("metal")
    with pytest.raises(LimitsError, match=r"'rts' is unknown.*rts25-hft"):
        load_limits("dev", "rts")


# verdicts


@given(st.lists(st.sampled_from(Verdict), max_size=6))
def test_combined_verdict_is_never_better_than_the_worst(found):
    order = [Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN, Verdict.OK]
    assert combine(found) == (min(found, key=order.index) if found else Verdict.UNKNOWN)


def test_duration_keeps_numbers_short():
    assert [duration(ns) for ns in (0, -869, 1_500, 2_000_000, 37e9)] == [
        "0 ns", "-869 ns", "1.5 us", "2 ms", "37 s",
    ]  # fmt: skip


# writers of CLOCK_REALTIME


def process(root: Path, pid: int, name: str, *arguments: str, parent: int = 1) -> None:
    folder = root / f"proc/{pid}"
    folder.mkdir(parents=True)
    (folder / "comm").write_text(name + "\n")
    (folder / "cmdline").write_bytes(b"\0".join([name.encode(), *map(str.encode, arguments), b""]))
    (folder / "stat").write_text(f"{pid} ({name}) S {parent} 0 0\n")


@pytest.mark.parametrize(
    ("name", "arguments", "steers"),
    [
        ("chronyd", ["-F", "1"], True),
        ("chronyd", ["-x", "-d"], False),
        ("phc2sys", ["-s", "eth0", "-w"], True),
        ("phc2sys", ["-s", "CLOCK_REALTIME", "-c", "eth0"], False),
        ("phc2sys", ["-a"], False),
        ("phc2sys", ["-ar"], True),
        ("phc2sys", ["-a", "-r", "-r"], True),
        ("ptp4l", ["-i", "eth0"], False),
        ("ptp4l", ["-S", "-i", "eth0"], True),
        ("ptp4l", ["-i", "eth0", "--time_stamping=software"], True),
        ("ptp4l", ["-S", "--free_running=1"], False),
        ("ntpd", ["-g"], True),
        ("systemd-timesyn", [], True),
        ("sshd", ["-x"], False),
    ],
)
def test_writer_is_recognised_by_its_command_line(tmp_path, name, arguments, steers):
    process(tmp_path, 40, name, *arguments)
    assert [one.pid for one in find_writers(tmp_path)] == ([40] if steers else [])


def test_ptp4l_is_judged_by_its_configuration_file(tmp_path):
    (tmp_path / "etc").mkdir()
    config = tmp_path / "etc/ptp4l.conf"
    process(tmp_path, 40, "ptp4l", "-f", "/etc/ptp4l.conf")
    config.write_text("[global]\ntime_stamping software\n")
    assert len(find_writers(tmp_path)) == 1
    config.write_text("[global]\ntime_stamping software\nfree_running 1\n")
    assert find_writers(tmp_path) == ()


def test_helper_process_of_chronyd_counts_once(tmp_path):
    process(tmp_path, 40, "chronyd")
    process(tmp_path, 41, "chronyd", parent=40)
    process(tmp_path, 50, "phc2sys")
    assert [one.pid for one in find_writers(tmp_path)] == [40, 50]


# hardware clocks

rows = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-5, 10**6)),
    min_size=1, max_size=25,
)  # fmt: skip


@given(rows)
def test_best_cross_stamp_is_the_narrowest(samples):
    records = ffi.new("host_sample_t[]", len(samples))
    for record, (before, phc, width) in zip(records, samples, strict=True):
        record.before_ns, record.phc_ns, record.after_ns = before, phc, before + width
    out = ffi.new("host_cross_t *")
    usable = [one for one in samples if one[2] >= 0]
    error = lib.host_cross_best(records, len(samples), out)
    assert (error == 0) is bool(usable)
    if usable:
        width = min(one[2] for one in usable)
        before, phc, _ = next(one for one in usable if one[2] == width)
        assert (out.width_ns, out.phc_ns) == (width, phc)
        assert out.system_ns == before + width // 2
        assert out.samples == len(usable)


@pytest.mark.parametrize("method", [1, 2, 3])
def test_device_that_is_no_clock_gives_no_cross_stamp(method):
    out = ffi.new("host_cross_t *")
    with open(os.devnull) as nothing:
        assert lib.host_phc_cross(nothing.fileno(), method, out) < 0
    assert (out.phc_ns, out.method) == (0, 0)


def test_host_without_hardware_clock_gives_no_stamp_and_says_so(tmp_path):
    stamp = get_hardware_timestamp(root=tmp_path)
    assert (stamp.quality, stamp.ns) == (Quality.NONE, 0)
    assert "no PTP hardware clock" in stamp.reason
    asked = get_hardware_timestamp(root=tmp_path, software=True)
    assert asked.quality is Quality.SOFTWARE and asked.ns > 0


def test_device_that_is_no_clock_is_an_error_text(tmp_path):
    (tmp_path / "sys/class/ptp/ptp0").mkdir(parents=True)
    (tmp_path / "sys/class/ptp/ptp0/clock_name").write_text("card\n")
    (tmp_path / "sys/class/net/eth1/device/ptp/ptp0").mkdir(parents=True)
    (tmp_path / "sys/class/net/eth1/device/phc_error_bound").write_text("21000\n")
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/ptp0").symlink_to(os.devnull)
    assert find_phcs(tmp_path) == [0]
    facts = read_phc(0, tmp_path)
    assert (facts.name, facts.interfaces, facts.is_alive) == ("card", ("eth1",), False)
    assert "Inappropriate ioctl" in facts.error
    assert facts.error_bound_ns == 21_000
    assert get_hardware_timestamp(root=tmp_path).quality is Quality.NONE


def test_device_that_may_not_be_opened_is_an_error_text(tmp_path):
    assert "No such file" in read_phc(3, tmp_path).error


def test_age_of_the_last_pulse_is_read(tmp_path):
    for name, text in (("pps0", "1000.250000000#77\n"), ("pps1", "0.000000000#0\n")):
        (tmp_path / "sys/class/pps" / name).mkdir(parents=True)
        (tmp_path / "sys/class/pps" / name / "assert").write_text(text)
    first, second = read_pps(tmp_path)
    assert first.age_s > 1e9 and second.age_s is None


def test_loopback_offers_software_stamps_only():
    stamping = read_stamping("lo")
    assert stamping is not None and not stamping.is_hardware
    assert read_stamping("no-such-link") is None
    assert read_stamping("a-name-that-is-too-long") is None


# drift


@given(
    st.integers(-500_000, 500_000),
    st.integers(-10**18, 10**18),
    st.integers(10, 60),
    st.randoms(use_true_random=False),
)
def test_slope_is_found_in_spite_of_wrong_readings(ppb, start, count, random):
    """A quarter of the readings is anywhere; the rest lies on the line."""
    points = []
    for i in range(count):
        x = i * 10**8
        wrong = random.random() < 0.2 and len(points) - i // 4 >= 0 and i % 4 == 0
        points.append((x, start + x * ppb // 10**9 + (random.randrange(10**9) if wrong else 0)))
    slope = theil_sen(points)
    assert abs(slope.ppb - ppb) < 50
    assert slope.points == count


def test_offset_of_the_line_is_exact_for_large_numbers():
    base = 1_795_204_519_748_892_793
    slope = theil_sen([(x, base + x // 1_000) for x in range(0, 10**10, 10**9)])
    assert abs(slope.offset_ns - (base + 9 * 10**6)) <= 1


def test_two_readings_make_no_slope():
    with pytest.raises(DriftError, match="want at least 3"):
        theil_sen([(0, 0), (1, 1)])
    with pytest.raises(DriftError):
        DriftMonitor().metrics()


def instant(at_ns: int, offset_ns: int = 0) -> Instant:
    return Instant(10**18 + at_ns + offset_ns, at_ns, at_ns, 0, 100)


def test_step_is_found_and_taken_out_of_the_slope():
    monitor = DriftMonitor()
    for i in range(40):
        at = i * 10**8
        monitor.samples.append(Sample(instant(at, at * 3 // 10**6 + (5 * 10**9 if i > 20 else 0))))
    # CLOCK_REALTIME gains 3 ppm on both other clocks here, far below a step between neighbours
    metrics = monitor.metrics()
    assert len(metrics.steps) == 1 and abs(metrics.steps[0] - 5 * 10**9) < 1_000
    assert abs(metrics.system_vs_raw.ppb - 3_000) < 100


def test_slewing_is_no_step():
    assert find_steps([instant(0), instant(10**8, 800)]) == []


def test_hardware_slope_is_given_where_there_are_readings():
    monitor = DriftMonitor()
    for i in range(30):
        at = i * 10**8
        monitor.samples.append(Sample(instant(at), 37 * 10**9 + at // 10**6))
    metrics = monitor.metrics()
    assert abs(metrics.phc_vs_system.ppb - 1_000) < 1
    assert metrics.phc_vs_system.offset_ns // 10**9 == 37


def test_window_leaves_old_readings_out():
    monitor = DriftMonitor()
    for i in range(100):
        monitor.samples.append(Sample(instant(i * 10**9)))
    assert monitor.metrics(window_s=10).samples == 11


def test_live_drift_is_measured():
    metrics = get_clock_drift(seconds=0.2, interval=0.01)
    assert metrics.samples >= 3
    assert abs(metrics.system_vs_raw.ppb) < 1_000_000
    assert (metrics.phc_vs_system is None) is bool(metrics.reason)


# packet stamps


def test_kernel_stamps_on_loopback_stand_between_the_readings_of_the_program():
    found = check_packet_stamps(50)
    assert found.kind is StampKind.SOFTWARE
    assert found.stamped > 0 and found.disordered == 0
    assert {one.id: one.verdict for one in found.checks}["stamps.order"] is Verdict.OK


def test_stamps_of_another_clock_are_out_of_order():
    shifted = [PacketStamps(1_000, 37 * 10**9 + 2_000, 37 * 10**9 + 3_000, 4_000)] * 10
    found = judge_stamps(shifted, 10)
    assert found.disordered == 10
    assert {one.id: one.verdict for one in found.checks}["stamps.order"] is Verdict.FAIL


def test_no_stamps_are_unknown_and_never_good():
    found = judge_stamps([PacketStamps(1_000, 0, 0, 4_000)] * 10, 10)
    assert found.kind is StampKind.NONE
    assert {one.verdict for one in found.checks} == {Verdict.UNKNOWN}


def hardware_stamps(difference_ns: int) -> list[PacketStamps]:
    raw = 37 * 10**9
    return [PacketStamps(1_000, 2_000, 9_000, 12_000, raw + 1_500, raw + 9_000 + difference_ns)] * 9


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [(-3_000, Verdict.OK), (20_000, Verdict.FAIL), (-37 * 10**9, Verdict.FAIL)],
)
def test_card_must_see_a_packet_shortly_before_the_kernel(difference, verdict):
    found = judge_stamps(hardware_stamps(difference), 9, phc_minus_system_ns=37 * 10**9)
    assert found.kind is StampKind.HARDWARE
    assert found.hardware_minus_software_ns == difference
    assert {one.id: one.verdict for one in found.checks}["stamps.hardware"] is verdict


def test_time_package_stands_alone():
    """It is used by a root helper: nothing of the appliance's hot side may come with it."""
    code = "import sys, tuning.time; print([m for m in sys.modules if m.split('.')[0] in " \
           "('hotpath', 'runtime', 'venues', 'strategies', 'ops')])"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
