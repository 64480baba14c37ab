"""A record of limits: open limits nothing, zero permits nothing, the tighter of two wins."""

import pytest

from runtime._shm import ffi, lib

BOUNDS = [name for name, _ in ffi.typeof("hp_limit_t").fields][2:-1]
PAUSES = {"cool_down_ns", "fast_window_ns", "fast_freeze_ns", "budget_window_ns", "token_reserve"}


def limit(**bounds):
    out = ffi.new("hp_limit_t *")
    lib.hp_limit_open(out, lib.HP_DIMENSION_ACCOUNT, 3)
    for name, value in bounds.items():
        setattr(out, name, value)
    return out


def test_open_record_limits_nothing():
    out = limit()
    assert (out.dimension, out.id) == (lib.HP_DIMENSION_ACCOUNT, 3)
    none = {name for name in BOUNDS if getattr(out, name) == lib.HP_LIMIT_NONE}
    assert set(BOUNDS) - none == {*PAUSES, "base_pnl_e8", "budget_free_count"}
    assert all(getattr(out, name) == 0 for name in set(BOUNDS) - none)


@pytest.mark.parametrize("name", BOUNDS)
def test_the_tighter_of_two_bounds_wins_whichever_comes_first(name):
    want = 7 if name in PAUSES else 5
    for first, second in ((5, 7), (7, 5)):
        out = limit(**{name: first})
        lib.hp_limit_tighten(out, limit(**{name: second}))
        assert getattr(out, name) == want
        assert out.id == 3
