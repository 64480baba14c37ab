"""The metric families of leased limits.

Owns:    names and meanings of what is exported of the authority's page and of lanes' leases.
Refuses: the pages (limit_look.py), a lane's own limits (metrics.py: gate_limit_*).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runtime._shm import lib
from runtime.show.family import Family, Labels, Value, seconds, single
from runtime.show.limit_look import LOSS, ROW
from runtime.show.snapshot import Authority, LimitRow, Snapshot

MOST = f"{lib.HP_LEASED_LIMITS_MAX}"
FIGURES = f"{lib.HP_LEASED_LIMITS_MAX} x {len((*ROW, LOSS))}"


def of_authority(kind: str, name: str, text: str, read: Callable[[Authority], float]) -> Family:
    return single(kind, name, text, lambda f: None if f.authority is None else read(f.authority))


def rows(found: Snapshot) -> list[LimitRow]:
    return [] if found.authority is None else found.authority.rows


def each(name: str, text: str, read: Callable[[LimitRow], float]) -> Family:
    def every(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        return (((one.name,), read(one)) for one in rows(found))

    return Family(name, "gauge", text, ("limit",), MOST, every)


def figures(name: str, text: str, read: Callable[[LimitRow], dict[str, float]]) -> Family:
    def every(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
        return (
            ((one.name, figure), value)
            for one in rows(found)
            for figure, value in read(one).items()
        )

    return Family(name, "gauge", text, ("limit", "figure"), FIGURES, every)


def leases(found: Snapshot) -> Iterator[tuple[Labels, Value]]:
    for one in found.lanes:
        if one.lease is not None:
            left = seconds(one.lease.left_ns)
            yield (one.number,), 0.0 if left is None else max(0.0, left)


FAMILIES = [
    figures("limit_bound", "A limit of the whole deployment; absent: none.", lambda r: r.bounds),
    figures("limit_used", "What all lanes hold of it now, as they show it.", lambda r: r.used),
    figures(
        "limit_leased",
        "What all lanes together may come to hold under the leases that stand.",
        lambda r: r.worst,
    ),
    each("limit_day_profit_quote", "PnL since 00:00 UTC, of all lanes.", lambda r: r.day_pnl),
    each("limit_is_frozen", "1 while nothing of it is lent.", lambda r: int(r.is_frozen)),
    Family(
        "limit_lease_left_seconds",
        "gauge",
        "Time until a lane's lease ends unless it is renewed; 0: no new risk passes.",
        ("lane",),
        "lanes",
        leases,
    ),
    of_authority("gauge", "authority_term", "Lives that it has had.", lambda one: one.term),
    of_authority("counter", "authority_renewals", "Rounds of renewals.", lambda one: one.renewals),
    of_authority(
        "counter",
        "authority_late_renewals",
        "Renewals later than half a lease after the one before.",
        lambda one: one.late,
    ),
    of_authority("counter", "authority_moves", "Leases with other figures.", lambda r: r.moves),
    of_authority("counter", "authority_freezes", "Limits that were frozen.", lambda r: r.freezes),
]
