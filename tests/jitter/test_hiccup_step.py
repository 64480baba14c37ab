"""The idle-turn step of abi/hiccup.h against an obviously right Python version."""

from hypothesis import given
from hypothesis import strategies as st

from runtime import _shm

ffi, lib = _shm.ffi, _shm.lib

HALF_NS = 1 << 31  # a TSC of 2 GHz: half a nanosecond per tick
PAUSE = None

steps = st.integers(min_value=-50, max_value=5_000)
turns = st.lists(st.one_of(st.just(PAUSE), steps), max_size=60)


def new(threshold_ns: int, ns_per_tick_q32: int = HALF_NS):
    calibration = ffi.new("hp_calibration_t *")
    calibration.ns_per_tick_q32 = ns_per_tick_q32
    hiccup = ffi.new("hp_hiccup_t *")
    lib.hp_hiccup_init(hiccup, calibration, threshold_ns)
    return hiccup, calibration


@given(turns, st.integers(min_value=0, max_value=1_000))
def test_hiccup_step_equals_list_of_gaps(stream, threshold_ns):
    """Feed both the same turns: numbers move the TSC, None is a turn that did work."""
    hiccup, calibration = new(threshold_ns)
    tsc, last = 10_000, None
    observed, found = [], []
    for turn in stream:
        if turn is PAUSE:
            lib.hp_hiccup_pause(hiccup)
            last = None
            continue
        tsc += turn
        answer = lib.hp_hiccup_step(hiccup, calibration, tsc)
        gap = tsc - last if last is not None and tsc >= last else 0
        if last is not None and tsc >= last:
            observed.append(gap)
        is_hiccup = gap > threshold_ns * 2
        assert answer == (gap if is_hiccup else 0)
        if is_hiccup:
            found.append((gap, tsc))
        last = tsc
    assert hiccup.steps == len(observed)
    assert hiccup.observed_ticks == sum(observed)
    assert hiccup.stolen_ticks == sum(gap for gap, _ in found)
    assert hiccup.gaps.count == len(found)
    assert hiccup.gaps.sum == sum(gap // 2 for gap, _ in found)
    if found:
        assert (hiccup.latest_ticks, hiccup.latest_tsc) == found[-1]
        assert hiccup.gaps.max == max(gap // 2 for gap, _ in found)
        assert hiccup.worst_tsc in {at for gap, at in found if gap // 2 == hiccup.gaps.max}


def test_first_step_only_takes_a_reference():
    hiccup, calibration = new(0)
    assert lib.hp_hiccup_step(hiccup, calibration, 1 << 62) == 0
    assert (hiccup.steps, hiccup.gaps.count) == (0, 0)


def test_tsc_that_went_back_is_no_hiccup():
    hiccup, calibration = new(100)
    lib.hp_hiccup_step(hiccup, calibration, 5_000)
    assert lib.hp_hiccup_step(hiccup, calibration, 4_000) == 0
    assert lib.hp_hiccup_step(hiccup, calibration, 4_100) == 0
    assert (hiccup.observed_ticks, hiccup.gaps.count) == (100, 0)


def test_threshold_is_kept_in_ticks_of_the_calibration():
    hiccup, _ = new(1_000, ns_per_tick_q32=(1 << 32) // 4)
    assert hiccup.threshold_ticks == 4_000
