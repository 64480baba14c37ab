"""What lanes are held against: instruments, limits, gate rules, the venue's quotas.

Owns:    the settings and the venue's reference data as lanes get them: as a part of their
         specification, as mail, as limits that the authority lends.
Refuses: telling anybody (notices.py, the appliance), judging (the gate), lending (the authority).
"""

from __future__ import annotations

import dataclasses
from typing import Any

from runtime._shm import lib
from runtime.authority.records import Key
from runtime.config import limits
from runtime.config.hours import windows
from runtime.config.lane_mail import Mail, Scope, mails
from runtime.feeds import supply as feeds
from runtime.lanes.spec import ASSETS
from runtime.sentinel.plan import lane_rate
from runtime.session import quota
from runtime.settings import Settings
from runtime.supervise.child import Message


class Rules:
    """The rules of one appliance; `settings` may be replaced while lanes run."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.feed_limits = feeds.limits()
        self.quota = quota.load(feeds.LIMITS)
        self.quota_told: list[dict[str, int]] = []  # by the venue, before this life of the lane
        self.quotas: list[Any] = []  # as the venue's reference data names them
        self.symbols: dict[int, str] = {}
        self.about: dict[int, Any] = {}
        self.prices: dict[str, int] = {}

    def learn(self, ids: dict[str, int], found: dict[str, Any], quotas: list[Any]) -> None:
        """Take the venue's word: instruments by symbol, and its quotas; ids by symbol."""
        self.quotas = quotas
        self.symbols = {number: symbol for symbol, number in ids.items()}
        self.prices = {symbol: found[symbol]["price"] for symbol in ids}
        self.about = {
            number: found[symbol]["about"]
            | self.settings.terms.of(ASSETS[found[symbol]["settles_in"]], 0)
            for number, symbol in self.symbols.items()
        }

    @property
    def is_known(self) -> bool:
        """Whether the venue's instruments are known: no lane is built before."""
        return bool(self.about)

    # -- in what shapes they are told ----------------------------------------------------------

    def specification(self) -> Message:
        """Return the part of a lane's specification."""
        s = self.settings
        return {
            "clock_ns_max": 0 if s.clock_policy == "off" else s.clock_ms_max * 1_000_000,
            "clock_warns": s.clock_policy == "warn",
            "limits": self.limit_records(),
            "gate_policy": s.gate_policy,
            "quota": {
                **self.quota.lane_spec(self.quotas, self.quota_rule()),
                "told": self.quota_told,
            },
            "instruments": [
                {
                    "id": number,
                    "symbol": symbol,
                    "about": self.about[number],
                    "limits": self.instrument_limits(number, self.prices[symbol]),
                }
                for number, symbol in self.symbols.items()
            ],
        }

    def mails(self) -> dict[Scope, Mail]:
        """Return what running lanes would be told, as all of it stands now."""
        return mails(self.specification(), self.leased())

    def leased(self) -> set[tuple[int, int]]:
        """Return what the authority lends, (dimension, id): every limit, or none."""
        rows = self.limit_records() if self.settings.has_authority else []
        return {(row["dimension"], row["id"]) for row in rows}

    def lent(self) -> Message:
        """Return what the authority is told: every limit, which lane may spend it, the terms."""
        rows = {
            Key(row["dimension"], row["id"]).text: row["bounds"] for row in self.limit_records()
        }
        return {
            "limits": rows,
            "lanes": {"0": list(rows)},
            "names": self.limit_names(),
            "terms": self.settings.limit_lease,
        }

    # -- what they are made of -----------------------------------------------------------------

    def quota_rule(self) -> dict[str, int]:
        """Return where the modes begin; the sentinel's share of the weight is not the lane's."""
        guard = self.settings.guard
        return {**self.settings.quota, "kept": 0 if guard is None else guard.budget_percent}

    def limit_records(self) -> list[dict[str, Any]]:
        """Return the limits of the four dimensions: what all lanes together may do."""
        s = self.settings
        out = limits.records(**s.scopes, instruments=list(self.symbols))
        held = {number: self.held(symbol) for number, symbol in self.symbols.items()}
        each = {n: (one.position_notional_max, one.open_orders_max) for n, one in held.items()}
        limits.bind(out, lane_rate(s.rate, s.guard), each)
        return out

    def limit_names(self) -> dict[str, str]:
        """Return what people call the limits of instruments and strategies."""
        symbols = {Key(lib.HP_DIMENSION_INSTRUMENT, n).text: one for n, one in self.symbols.items()}
        sources = enumerate(self.settings.strategies)
        return symbols | {Key(lib.HP_DIMENSION_STRATEGY, n).text: one for n, one in sources}

    def held(self, symbol: str) -> Settings:
        """Return the settings with what is said of one symbol."""
        return dataclasses.replace(self.settings, **self.settings.overrides.get(symbol, {}))

    def instrument_limits(self, number: int, price: int) -> dict[str, Any]:
        """Turn the settings' money limits into lots at today's price."""
        s, held = self.settings, self.held(self.symbols[number])
        per_unit = 10 ** self.about[number]["size_decimals"]

        def lots(notional: int) -> int:
            """At least one: a limit below the price of a lot is no order to stand still."""
            return max(1, notional * per_unit // price) if notional else 0

        return {
            "strategies": (1 << max(1, len(s.strategies))) - 1,
            "accounts": 1,
            "order_lots_max": lots(held.order_notional_max),
            "position_lots_max": lots(held.position_notional_max),
            "open_orders_max": held.open_orders_max,
            "band_bps": held.band_bps,
            "stale_ms": self.feed_limits.book_quote_ms if held.stale_ms is None else held.stale_ms,
            "sigma_tenths": limits.unlimited(held.sigma_tenths),
            "sigma_alpha_e4": held.sigma_alpha_percent * 100,
            "sigma_floor_e8": held.sigma_floor_bps * 10_000,
            "sigma_sample_ms": held.sigma_sample_ms,
            "typical_lots": held.typical_notional * per_unit // price,
            "typical_times_max": limits.unlimited(held.typical_times_max),
            "distance_bps_max": limits.unlimited(held.distance_bps_max),
            "daily_volume_lots": held.daily_volume * per_unit,
            "volume_share_bps_max": limits.unlimited(held.volume_share_bps_max),
            "windows": windows(held.sessions, held.maintenance),
        }
