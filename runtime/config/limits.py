"""Limits of the configuration as the records that a gate holds: one per dimension and id.

Owns:    keys to fields and units, named risk profiles (profiles.toml), the tighter of two.
Refuses: judging, defaults (runtime/config/keys.py), leases (the authority owns those).
"""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

from runtime._shm import ffi, lib
from runtime.config.keys import Config, Gate
from runtime.show.verdicts import V

E8, MS, SECOND = 10**8, 10**6, 10**9
# key of the configuration -> (field of hp_limit_t, units of the field in one of the key)
FIELDS: dict[str, tuple[str, int]] = {
    "order_notional_max": ("order_notional_e8_max", E8),
    "net_notional_max": ("net_notional_e8_max", E8),
    "gross_notional_max": ("gross_notional_e8_max", E8),
    "open_orders_max": ("open_orders_max", 1),
    "leverage_tenths_max": ("leverage_e4_max", 1000),
    "capital": ("capital_e8", E8),
    "daily_loss_max": ("daily_loss_e8_max", E8),
    "drawdown_bps_max": ("drawdown_bps_max", 1),
    "failures_max": ("failures_max", 1),
    "cool_down_s": ("cool_down_ns", SECOND),
    "fast_move_bps_max": ("fast_move_bps_max", 1),
    "fast_window_ms": ("fast_window_ns", MS),
    "fast_freeze_ms": ("fast_freeze_ns", MS),
    "order_to_trade_max": ("order_to_trade_max", 1),
    "cancel_rate_bps_max": ("cancel_rate_bps_max", 1),
    "budget_window_s": ("budget_window_ns", SECOND),
    "budget_free_orders": ("budget_free_count", 1),
    "requests_per_second": ("token_rate", 1),
    "request_burst": ("token_burst", 1),
    "request_reserve": ("token_reserve", 1),
}
PARTS = {  # parts of a capital -> the key that they bound
    "order_capital_bps_max": "order_notional_max",
    "daily_loss_capital_bps_max": "daily_loss_max",
}
BOUNDS = [name for name, _ in ffi.typeof("hp_limit_t").fields if not name.startswith("pad")][2:]
FAST = ("fast_move_bps_max", "fast_window_ns", "fast_freeze_ns")


def load_profiles() -> dict[str, dict[str, Any]]:
    """Return the named profiles as they are shipped."""
    text = Path(__file__).with_name("profiles.toml").read_text()
    return tomllib.loads(text)


PROFILES = load_profiles()


def record(dimension: int, number: int, keys: dict[str, Any]) -> Any:
    """Return a hp_limit_t of these keys; -1 and absent ones limit nothing."""
    out = ffi.new("hp_limit_t *")
    lib.hp_limit_open(out, dimension, number)
    for key, (field, unit) in FIELDS.items():
        value = keys.get(key, -1)
        if value >= 0:
            setattr(out, field, min(value * unit, lib.HP_LIMIT_NONE))
    return out


def profile(name: str, capital: int, number: int) -> Any:
    """Return the record of a strategy under a named profile; capital in quote units, -1 unknown.

    Raises ValueError when the profile is in parts of a capital that nobody said.
    """
    about = PROFILES[name]
    out = record(lib.HP_DIMENSION_STRATEGY, number, {**about, "capital": capital})
    for part, key in PARTS.items():
        if part not in about:
            continue
        if capital < 0:
            raise ValueError(f"profile {name} has {part}: say the strategy's capital")
        bound = record(0, 0, {key: capital * about[part] // 10_000})
        lib.hp_limit_tighten(out, bound)
    return out


def tighter(one: Any, other: Any) -> Any:
    """Return `one` with every bound at least as tight as `other` has it."""
    lib.hp_limit_tighten(one, other)
    return one


def unlimited(value: int) -> int:
    """Return a bound as the gate holds it: -1 is no limit."""
    return value if value >= 0 else int(lib.HP_LIMIT_NONE)


def bounds(limit: Any) -> dict[str, int]:
    """Return the bounds of a record by name, as Lane.put_limit takes them."""
    return {name: int(getattr(limit, name)) for name in BOUNDS}


def fast_of(limit: Any) -> Any:
    """Return only what a profile says about fast markets: that is an instrument's."""
    out = record(lib.HP_DIMENSION_INSTRUMENT, 0, {})
    for name in FAST:
        setattr(out, name, getattr(limit, name))
    return out


def records(
    account: dict[str, int],
    venue: dict[str, int],
    instrument: dict[str, int],
    strategy: dict[str, int],
    profiles: list[tuple[str, int]],
    instruments: list[int],
) -> list[dict[str, Any]]:
    """Return {dimension, id, bounds} of every scope of one lane, as its specification holds them.

    profiles: (name or "", capital) of each strategy in turn.
    """
    out = [record(lib.HP_DIMENSION_ACCOUNT, 0, account), record(lib.HP_DIMENSION_VENUE, 0, venue)]
    every = record(lib.HP_DIMENSION_INSTRUMENT, 0, instrument)
    for number, (name, capital) in enumerate(profiles):
        one = record(lib.HP_DIMENSION_STRATEGY, number, {**strategy, "capital": capital})
        if name:
            shipped = profile(name, capital, number)
            tighter(one, shipped)
            tighter(every, fast_of(shipped))
        out.append(one)
    for number in instruments:
        one = ffi.new("hp_limit_t *", every[0])
        one.id = number
        out.append(one)
    return [{"dimension": o.dimension, "id": o.id, "bounds": bounds(o)} for o in out]


def bind(
    rows: list[dict[str, Any]], rate: list[int], instruments: dict[int, tuple[int, int]]
) -> None:
    """Tighten the records of a deployment by what [rate] and [limits] say.

    instruments: largest position (quote units) and most open orders of each, all lanes together.
    Both sides of a position may work, so twice as much may stand there without its sign.
    """
    def least(to: dict[str, int], positions: int, orders: int) -> None:
        for name, value in (
            ("net_notional_e8_max", positions * E8),
            ("gross_notional_e8_max", 2 * positions * E8),
            ("open_orders_max", orders),
        ):
            to[name] = min(to[name], value)

    for row in rows:
        if row["dimension"] == lib.HP_DIMENSION_INSTRUMENT:
            least(row["bounds"], *instruments[row["id"]])
        elif row["dimension"] == lib.HP_DIMENSION_ACCOUNT:
            account = row["bounds"]
            every = instruments.values()
            least(account, sum(one[0] for one in every), sum(one[1] for one in every))
            account["token_rate"] = min(account["token_rate"], rate[0])
            account["token_burst"] = min(account["token_burst"], rate[1])
            account["token_reserve"] = max(account["token_reserve"], rate[2])


POLICIES = [one.name for one in dataclasses.fields(Gate) if "block" in one.metadata["choices"]]


def scopes(config: Config) -> dict[str, Any]:
    """Return what the configuration says of the four dimensions, keys as they stand there."""
    return {
        "account": dataclasses.asdict(config.account_limits),
        "venue": dataclasses.asdict(config.venue_limits),
        "instrument": dataclasses.asdict(config.instrument_limits),
        "strategy": dataclasses.asdict(config.strategy_limits),
        "profiles": [(one.profile, one.capital) for one in config.strategies],
    }


def gate_policy(config: Config) -> dict[str, Any]:
    """Return the policies of the checks, as Lane.put_policy takes them."""
    chosen = {V[name.upper()]: getattr(config.gate, name) for name in POLICIES}
    return {
        "self_trade": config.gate.self_trade,
        "throttle_ms": config.gate.throttle_ms,
        "warns": [number for number, word in chosen.items() if word == "warn"],
        "throttles": [number for number, word in chosen.items() if word == "throttle"],
    }
