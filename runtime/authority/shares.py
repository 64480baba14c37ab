"""Who should get how much of a bound: by demand, with a floor, and not at every whim.

Owns:    the targets that leases move towards.
Refuses: what may be raised (authority/leases.py decides by evidence), time, pages.

Each lane that may use a bound keeps a floor of it.  The rest follows demand: what a lane uses and
room for as much again, or twice its share when the gate refused it for want of more.  What nobody
asks for is dealt out evenly, so that a lone lane has everything.  A target that is close to what is
granted stays (hysteresis): a moved share costs a file write and two turns of the lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runtime.authority.leases import NONE


@dataclass(frozen=True)
class Policy:
    """How shares are dealt."""

    floor_percent: int = 10  # of an equal part, that each lane keeps whatever its demand
    hysteresis_percent: int = 10  # of the limit: smaller moves are not made


@dataclass(frozen=True)
class Demand:
    """One lane's use of one bound."""

    granted: int
    used: int
    is_refused: bool  # since the last look the gate refused it for want of this


def wish(one: Demand, floor: int) -> int:
    """Return what a lane asks for."""
    if one.is_refused:
        return max(floor, 2 * one.granted, 2 * one.used)
    return max(floor, 2 * one.used)


def split(limit: int, lanes: Mapping[int, Demand], policy: Policy) -> dict[int, int]:
    """Return each lane's part of a limit; the sum is never above it."""
    if not lanes or limit <= 0:
        return dict.fromkeys(lanes, 0)
    if limit == NONE:
        return dict.fromkeys(lanes, NONE)
    floor = limit * policy.floor_percent // 100 // len(lanes)
    wishes = {lane: wish(one, floor) for lane, one in lanes.items()}
    asked = sum(wishes.values())
    if asked <= limit:
        spare = (limit - asked) // len(lanes)
        parts = {lane: asked_for + spare for lane, asked_for in wishes.items()}
    else:
        rest = limit - floor * len(lanes)
        over = sum(asked_for - floor for asked_for in wishes.values())
        parts = {
            lane: floor + rest * (asked_for - floor) // over for lane, asked_for in wishes.items()
        }
    return keep_close(limit, parts, lanes, policy)


def keep_close(
    limit: int, parts: dict[int, int], lanes: Mapping[int, Demand], policy: Policy
) -> dict[int, int]:
    """Leave everything as it is where no part would move far, if that is within the limit."""
    near = limit * policy.hysteresis_percent // 100
    granted = {lane: one.granted for lane, one in lanes.items()}
    moves = max(abs(parts[lane] - granted[lane]) for lane in lanes)
    is_dealt = 0 <= limit - sum(granted.values()) <= len(lanes)  # and not another limit's
    return granted if is_dealt and moves <= near else parts
