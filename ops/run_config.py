"""What one `corelane run` is told: file, then command line, as settings.

Owns:    options of the command line that win over the file; settings from a configuration.
Refuses: keys, bounds and defaults (runtime/config/keys.py).
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.config import archive
from runtime.config.file import ConfigError, Problem, load
from runtime.config.keys import Clock, Config, Limits, StrategyEntry
from runtime.config.limits import gate_policy, scopes
from runtime.lanes.spec import TTL, load_strategy
from runtime.sentinel.plan import Bounds, Guard
from runtime.session.funds import Terms
from runtime.settings import Settings
from tuning.time import Where

# option -> where it goes; absent options leave the file's word
OPTIONS: dict[str, Callable[[Config, Any], None]] = {
    "deployment": lambda c, v: setattr(c, "deployment", v),
    "symbols": lambda c, v: setattr(c.venue, "symbols", [s for s in v.split(",") if s]),
    "tls": lambda c, v: setattr(c.venue, "tls", v),
    "seed": lambda c, v: setattr(c.venue, "seed", v),
    "metrics_port": lambda c, v: setattr(c.metrics, "port", v),
    "journal": lambda c, v: setattr(c.journal, "directory", str(v)),
    "blocking": lambda c, v: setattr(c.topology, "loop", "block"),
    "topology": lambda c, v: setattr(c.topology, "kind", v),
    "lane_core": lambda c, v: setattr(c.topology, "lane_core", v),
    "clock": lambda c, v: setattr(c.clock, "policy", v),
    "clock_ms_max": lambda c, v: setattr(c.clock, "distance_ms_max", v),
    "strategy": lambda c, v: setattr(c, "strategies", [StrategyEntry(v)]),
}


def strategy_problem(entry: StrategyEntry) -> str | None:
    """Say what is wrong with a strategy before anything is started."""
    try:
        load_strategy(entry.source)(**entry.parameters)
    except (ValueError, ImportError, TypeError) as error:
        return str(error)
    return None


def configured(arguments: argparse.Namespace) -> tuple[Config, Config | None]:
    """Return (what holds, what the file alone says).  Raises ConfigError."""
    path: Path | None = arguments.config
    config = Config() if path is None else load(path, strategy_problem)
    alone = None if path is None else load(path)
    for name, apply in OPTIONS.items():
        if hasattr(arguments, name):
            apply(config, getattr(arguments, name))
    for item in arguments.param:
        name, sign, value = item.partition("=")
        if not sign:
            raise ConfigError([Problem("--param", repr(item), "NAME=VALUE", "add the value")])
        config.strategies[0].parameters[name] = value
    if archive.durable(config) and not config.journal.directory:
        raise ConfigError(
            [
                Problem(
                    "durability.order",
                    "'local-disk' without an archive: no order would ever leave",
                    "journal.directory",
                    "name a folder there, or with --journal DIR",
                )
            ]
        )
    for entry in config.strategies:
        wrong = strategy_problem(entry)
        if wrong is not None:
            raise ConfigError(
                [Problem("--strategy", wrong, "a strategy that starts", "correct it")]
            )
    return config, alone


def limits(held: Limits) -> dict[str, Any]:
    """Return the settings of one table of limits; no bound of age is the venue's own."""
    out = {one.name: getattr(held, one.name) for one in dataclasses.fields(Limits)}
    return {**out, "stale_ms": held.stale_ms or None}


def where(clock: Clock) -> Where:
    """Return where the clock watch looks, and what the owner has declared."""
    return Where(
        ptp_socket=clock.ptp_socket or None,
        chrony_socket=clock.chrony_socket or None,
        grandmasters=frozenset(clock.grandmasters),
        utc_sources=frozenset(clock.utc_sources),
    )


def guard(config: Config, key: tuple[str, Path]) -> Guard | None:
    """Return what the sentinel is told; None where none is wanted.  key: its own, and its file."""
    one = config.sentinel
    if one.mode == "off":
        return None
    bounds = {each.name: getattr(one, each.name) for each in dataclasses.fields(Bounds)}
    return Guard(
        *key,
        bounds=Bounds(**bounds),
        budget_percent=one.budget_percent,
        connections=one.connections,
    )


def flatten(config: Config) -> dict[str, int]:
    """Return the lane's rule (Lane.set_flatten)."""
    one = config.flatten
    return {
        "policy": {"nothing": 0, "ioc": 1, "market": 2}[one.policy],
        "band_bps": one.band_bps,
        "tries_max": one.tries_max,
        "wait_ms": one.wait_ms,
        "time_ms_max": one.time_s_max * 1000,
        "slice_e8_max": one.slice_notional_max * 10**8,
    }


def times_to_live(config: Config) -> dict[str, Any]:
    """Return what Lane.put_ttl takes; the bands are the seeds' and no keys."""
    c = config.ttl
    fast, quick = c.fast_trades_per_second, c.quick_trades_per_second
    return {
        "layers": {
            layer: (base, *TTL["layers"][layer][1:])
            for layer, base in (("touch", c.touch_ms), ("near", c.near_ms), ("deep", c.deep_ms))
        },
        "speeds": ((max(fast, quick), 300), (quick, 500)),
        "queue_max": c.queue_orders_max,
        "volatility_e8_max": c.volatility_bps_max * 10_000,
        "emergency_ms": c.emergency_ms,
    }


def quota(config: Config) -> dict[str, int]:
    """Return where the governor's modes begin, as Lane.put_quota_rule takes it."""
    one = config.quota
    return {
        "busy": one.busy_percent,
        "slow": one.slow_percent,
        "no_risk": one.no_risk_percent,
        "reserve": one.reserve_percent,
        "slack_ms": one.slack_ms,
        "stop_ms": one.refused_s * 1000,
    }


def terms(config: Config) -> dict[str, int]:
    """Return how the authority lends (authority.Terms)."""
    one = config.authority
    return {
        "lease_ms": one.lease_ms,
        "renew_ms": min(one.renew_ms, one.lease_ms // 3),
        "floor_percent": one.floor_percent,
        "hysteresis_percent": one.hysteresis_percent,
    }


def limit_settings(config: Config) -> dict[str, Any]:
    """Return the settings that a reload may change: what orders are held against."""
    return {
        "limit_lease": terms(config),
        "quota": quota(config),
        "rate": (config.rate.orders_per_second, config.rate.burst, config.rate.reserve),
        **limits(config.limits),
        "scopes": scopes(config),
        "gate_policy": gate_policy(config),
        "overrides": {symbol: limits(one) for symbol, one in config.limits.instruments.items()},
    }


def settings(config: Config, **others: Any) -> Settings:
    """Return the appliance's settings; `others` are what the host decides."""
    return Settings(
        deployment=config.deployment,
        symbols=list(config.venue.symbols),
        lines=config.venue.lines,
        strategies=[one.source for one in config.strategies],
        parameters=[one.parameters for one in config.strategies],
        topology=config.topology.kind,
        spin=config.topology.loop != "block",
        core=config.topology.lane_core if config.topology.lane_core >= 0 else None,
        lock=config.topology.lock_memory,
        segment_bytes=config.journal.segment_mib * 2**20,
        segment_count=config.journal.segments,
        cancel_again_ms=(
            config.rate.cancel_again_ms,
            max(config.rate.cancel_again_ms, config.rate.cancel_again_ms_max),
        ),
        inquiries=(config.rate.inquiries_per_second, config.rate.inquiries_per_second),
        terms=Terms(config.funds.leverage, config.funds.margin, config.funds.fee_bps),
        **limit_settings(config),
        on_restart=config.on_restart,
        has_authority=config.authority.enabled,
        journal=Path(config.journal.directory) if config.journal.directory else None,
        cancel_scope=config.account.cancel_scope,
        dead_man_ms=config.account.dead_man_ms,
        flatten=flatten(config),
        ttl=times_to_live(config),
        lease_ms=config.lease.time_ms if config.lease.provider == "sim" else 0,
        archive=archive.rules(config),
        durable=archive.durable(config),
        clock_policy=config.clock.policy,
        clock_ms_max=config.clock.distance_ms_max,
        clock_where=where(config.clock),
        **others,
    )
