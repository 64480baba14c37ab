"""The authority: it owns the limits of a deployment and leases them to its lanes.

Owns:    the limits as configured and as set since, whose part is whose, freezes, the limits pages,
         the authority's control word.
Refuses: orders (the gate judges each by the lane's own lease), threads and clocks: time is an
         argument, and whoever calls says when a file has been written.

One round: look() at the lanes, judge() losses, move() shares.  What move() found may be raised is
written down first (text() is the ledger), then raise_shares() publishes it.  renew() prolongs what
stands, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime._shm import lib
from runtime.authority.leases import NONE, Amounts, Bound, Leases, kept
from runtime.authority.memory import FENCES_PER_TERM, Ledger
from runtime.authority.pages import LeasePage, Shown, read_lane
from runtime.authority.profit import DAY_NS, Profit
from runtime.authority.records import (
    DEALT,
    NOTHING,
    SHARED,
    Key,
    Record,
    key_of,
    record,
    widens,
)
from runtime.authority.shares import Demand, Policy, split
from runtime.pages.page import Control, Page, is_owned
from runtime.pages.page_set import PageSet

SHARES = frozenset(SHARED.values())
PNL_STEPS = 100
LEVERAGE_STEPS = 100  # the bound that the leverage leaves moves in hundredths: not at every tick


class LimitError(Exception):
    """A limit cannot be set as asked; the text is for a person."""


@dataclass
class Terms:
    """How leases are given."""

    lease_ns: int = 1_000_000_000
    renew_ns: int = 200_000_000
    policy: Policy = field(default_factory=Policy)


@dataclass
class Move:
    """Shares to be raised, once they are durable."""

    raised: dict[int, Amounts]
    targets: dict[int, Amounts]
    limits: Amounts  # under which they were found


class Authority:
    """The authority of one deployment, in one life."""

    def __init__(
        self,
        deployment: str,
        directory: Path,
        lanes: dict[int, list[Key]],
        limits: dict[Key, Record],
        terms: Terms,
        say: Callable[[str], None],
        utc_ns: int,
    ) -> None:
        """lanes: the limits that each may spend.  Takes the next term, durable, before any page."""
        self.deployment, self.terms, self.say = deployment, terms, say
        self.ledger = Ledger(directory)
        self.term = self.ledger.take_term()
        self.fence = self.term * FENCES_PER_TERM
        self.pages = PageSet(deployment)
        self.configured: dict[Key, Record] = {}
        self.limits: dict[Key, Record] = {}
        self.frozen = {key_of(k): why for k, why in self.ledger.memory.frozen.items()}
        memory = self.ledger.memory
        carried = {key_of(k): n for k, n in memory.carried.items()}
        day = utc_ns // DAY_NS
        self.profit = Profit(
            day,
            carried if memory.day == day else {},
            {key_of(k): n for k, n in memory.peaks.items()},
        )
        self.lanes = lanes
        self.leases = Leases(lanes, self.ledger.shares())
        self.out: dict[int, LeasePage] = {}
        self.leased_now: dict[int, dict[Key, Record]] = {lane: {} for lane in lanes}
        self.shown: dict[int, Shown] = {}
        self.refused: dict[tuple[int, Key], int] = {}
        self.renewed_ns = 0
        self.is_behind = False  # a limit was tightened and leases do not say so yet
        self.late = self.moves = self.freezes = self.renewals = 0
        self.control = Control.adopt(deployment, "authority")
        for lane in lanes:
            page = Page.open(deployment, f"limits.{lane}", "hp_limits_page_t", writable=True)
            self.out[lane] = LeasePage(page)
        self.configure(limits)
        self.obey_freezes()

    def close(self) -> None:
        """Let go of the pages; they stay for lanes and successors."""
        for out in self.out.values():
            out.page.close()
        self.control.page.close()
        self.pages.close()

    # -- limits ------------------------------------------------------------------------------

    def configure(self, limits: dict[Key, Record]) -> None:
        """Take limits from the configuration; what a person set since stands over them."""
        for key in limits.keys() & self.configured.keys():
            if limits[key]["capital_e8"] != self.configured[key]["capital_e8"]:
                self.profit.peaks.pop(key, None)
        self.configured = limits
        self.is_behind = True
        overrides = self.ledger.memory.overrides
        self.limits = {
            key: {**figures, **overrides.get(key.text, {})} for key, figures in limits.items()
        }

    def set_limit(self, key: Key, name: str, value: int, who: dict[str, Any]) -> dict[str, Any]:
        """Change one figure; it is leased with the next move, and durable when the ledger is."""
        self.must_know(key)
        before = self.limits[key]
        if name not in before:
            raise LimitError(f"limit {key.text} has no figure {name}; want of {', '.join(before)}")
        try:
            after = record({**before, name: value})
        except ValueError as error:
            raise LimitError(str(error)) from error
        is_wider, same = widens(name, before[name], value), before[name] == after[name]
        change = {
            "limit": key.text,
            "figure": name,
            "from": before[name],
            "to": value,
            "way": "widened" if is_wider else "unchanged" if same else "tightened",
            **who,
        }
        self.ledger.memory.overrides.setdefault(key.text, {})[name] = value
        self.limits[key] = after
        self.is_behind = True
        if name == "capital_e8":
            self.profit.peaks.pop(key, None)
        self.say("limits.set " + " ".join(f"{k}={v}" for k, v in change.items()))
        return change

    def set_limits(
        self, key: Key, figures: dict[str, int], may_widen: bool, who: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Change several figures of one limit, or none: what permits more must be meant."""
        known = self.limits.get(key, {})
        wider = [n for n, v in figures.items() if n in known and widens(n, known[n], v)]
        if wider and not may_widen:
            raise LimitError(
                f"limit {key.text}: {', '.join(wider)} would permit more than now; say --widen"
            )
        before = self.limits.get(key)
        overrides = dict(self.ledger.memory.overrides.get(key.text, {}))
        try:
            return [self.set_limit(key, name, value, who) for name, value in figures.items()]
        except LimitError:
            if before is not None:
                self.limits[key] = before
                self.ledger.memory.overrides[key.text] = overrides
            raise

    def must_know(self, key: Key) -> None:
        if key not in self.limits:
            known = ", ".join(one.text for one in sorted(self.limits))
            raise LimitError(f"no limit {key.text}; there are {known}")

    def effective(self, key: Key) -> Record:
        """Return a limit as it holds now: with freezes and what the leverage leaves."""
        figures = self.limits[key]
        if key in self.frozen:
            return {**figures, **NOTHING}
        capital, leverage = figures["capital_e8"], figures["leverage_e4_max"]
        if NONE in (capital, leverage):
            return figures
        equity = max(0, capital + self.profit.today(key))
        gross = equity * leverage // 10_000
        step = max(1, capital * leverage // 10_000 // LEVERAGE_STEPS)
        left = gross // step * step
        return {**figures, "gross_notional_e8_max": min(left, figures["gross_notional_e8_max"])}

    def bounds(self) -> Amounts:
        """Return every figure that is shared out; NONE is no limit, and whole for each."""
        out: Amounts = {}
        for key in self.limits:
            figures = self.effective(key)
            for figure, name in SHARED.items():
                out[Bound(*key, figure)] = figures[name]
        return out

    # -- freezes ------------------------------------------------------------------------------

    def freeze(self, key: Key, why: str) -> None:
        """Let nothing new pass under a limit, until thaw()."""
        if key in self.frozen:
            return
        self.frozen[key] = why
        self.is_behind = True
        self.freezes += 1
        self.obey_freezes()  # the word first: it acts within a turn
        self.remember_freezes()
        self.say(f"limits.frozen limit={key.text} cause={why!r}")

    def thaw(self, key: Key) -> None:
        """Take a freeze back: a person's word."""
        if key not in self.frozen:
            raise LimitError(f"limit {key.text} is not frozen")
        if key in self.limits:  # else it was of a strategy or an instrument that is gone
            self.must_stand(key)
        del self.frozen[key]
        self.remember_freezes()
        self.obey_freezes()
        self.say(f"limits.thawed limit={key.text}")

    def must_stand(self, key: Key) -> None:
        """Refuse to thaw what would freeze again."""
        loss, most = self.profit.loss(key), self.limits[key]["daily_loss_e8_max"]
        if loss and loss >= most:
            raise LimitError(
                f"limit {key.text} has lost {loss} of {most} (1e-8) today; it would freeze again:"
                " set daily_loss_max first"
            )
        down = self.profit.drawdown_bps(key, self.limits[key]["capital_e8"])
        if down and down >= self.limits[key]["drawdown_bps_max"]:
            raise LimitError(  # each lane keeps its own peak, too
                f"limit {key.text} has fallen by {down} bps from its peak; it would freeze again:"
                " set drawdown_bps_max first, or capital, which begins a new peak"
            )

    def remember_freezes(self) -> None:
        self.ledger.memory.frozen = {key.text: why for key, why in self.frozen.items()}

    def obey_freezes(self) -> None:
        """Set the word while an account is frozen; other limits are frozen by their leases."""
        accounts = [key for key in self.frozen if key.dimension == lib.HP_DIMENSION_ACCOUNT]
        if accounts and not self.control.word & lib.HP_WORD_FREEZE:
            reason = f"{accounts[0].text} {self.frozen[accounts[0]]}"
            self.control.set(lib.HP_WORD_FREEZE, reason)
        elif not accounts and self.control.word & lib.HP_WORD_FREEZE:
            self.control.clear(lib.HP_WORD_FREEZE)

    def judge(self) -> None:
        """Freeze what has lost too much: the loss of all lanes together."""
        for key, figures in self.limits.items():
            if key in self.frozen:
                continue
            loss, most = self.profit.loss(key), figures["daily_loss_e8_max"]
            down = self.profit.drawdown_bps(key, figures["capital_e8"])
            if loss and loss >= most:
                self.freeze(key, f"daily loss {loss} of {most} (1e-8)")
            elif down and down >= figures["drawdown_bps_max"]:
                self.freeze(key, f"drawdown {down} of {figures['drawdown_bps_max']} bps")

    # -- rounds ------------------------------------------------------------------------------

    def look(self, utc_ns: int) -> None:
        """Read every lane's page."""
        self.pages.refresh()
        self.profit.roll(utc_ns)
        for lane in self.lanes:
            held = self.pages.held.get(f"lane.{lane}")
            if held is None:
                continue
            shown = read_lane(held.page.view, is_owned(held.page.path))
            self.shown[lane] = shown
            self.leases.hear(lane, shown.heard)
            self.profit.hear(lane, shown)

    def renew(self, now_ns: int) -> None:
        """Prolong every lease; `now_ns` was read before anything was looked at.

        What was tightened is published first: a lease that has ended must not come back as it was.
        """
        if self.renewed_ns and now_ns - self.renewed_ns > self.terms.lease_ns // 2:
            self.late += 1
            self.say(f"limits.renewed_late after_ms={(now_ns - self.renewed_ns) // 1_000_000}")
        self.renewed_ns = now_ns
        self.renewals += 1
        if self.is_behind:
            self.lower(now_ns)
        for lane, out in self.out.items():
            fence = self.leases.lanes[lane].fence
            if fence:
                out.lease(fence, now_ns + self.terms.lease_ns)

    def lower(self, now_ns: int) -> dict[int, Amounts]:
        """Publish smaller leases where shares shrink; return what each lane should have."""
        self.leases.limits = self.bounds()
        self.is_behind = False
        targets = self.targets()
        for lane, wanted in targets.items():
            is_first = not self.leases.lanes[lane].fence
            if is_first:  # what was durable before this life may be granted again at once
                self.leases.take(lane, {}, wanted)
            if self.leases.shrink(lane, wanted) or is_first or self.is_outdated(lane):
                self.publish(lane, now_ns)
        return targets

    def move(self, now_ns: int) -> Move | None:
        """Publish smaller leases where shares shrink; return what may be raised."""
        targets = self.lower(now_ns)
        raised = self.leases.raised(targets)
        is_due = any(
            self.leases.lanes[lane].grant.get(bound, 0) < min(n, self.share(lane, bound, raised))
            for lane, wanted in targets.items()
            for bound, n in wanted.items()
        )
        if not is_due:
            return None
        self.ledger.put_shares(self.leases.durable(raised))
        return Move(raised, targets, dict(self.leases.limits))

    def share(self, lane: int, bound: Bound, raised: dict[int, Amounts]) -> int:
        held = self.leases.lanes[lane].share.get(bound, 0)
        return raised.get(lane, {}).get(bound, held)

    def raise_shares(self, move: Move, now_ns: int) -> None:
        """Publish what was raised; it is durable by now."""
        bounds = self.bounds()
        for lane, wanted in move.targets.items():
            allowed = kept(wanted, move.limits, bounds)
            if self.leases.take(lane, move.raised.get(lane, {}), allowed):
                self.publish(lane, now_ns)

    def text(self) -> str:
        """Return the ledger's text with the day's PnL as it is now."""
        memory, profit = self.ledger.memory, self.profit
        memory.day = profit.day
        memory.carried = {key.text: n for key, n in profit.carried.items()}
        memory.peaks = {key.text: n for key, n in profit.peaks.items()}
        return self.ledger.text()

    def targets(self) -> dict[int, Amounts]:
        """Return what each lane should have of each bound."""
        out: dict[int, Amounts] = {lane: {} for lane in self.lanes}
        for bound, limit in self.leases.limits.items():
            key = Key(bound.dimension, bound.id)
            demands = {
                lane: self.demand(lane, key, bound)
                for lane, keys in self.lanes.items()
                if key in keys
            }
            for lane, part in split(limit, demands, self.terms.policy).items():
                out[lane][bound] = part
        for lane, shown in self.shown.items():
            for key, use in shown.uses.items():
                self.refused[lane, key] = use.refused
        return out

    def demand(self, lane: int, key: Key, bound: Bound) -> Demand:
        one = self.leases.lanes[lane]
        use = self.shown[lane].uses.get(key) if lane in self.shown else None
        is_refused = use is not None and use.refused > self.refused.get((lane, key), use.refused)
        return Demand(one.grant.get(bound, 0), one.used.get(bound, 0), is_refused)

    def is_outdated(self, lane: int) -> bool:
        """Say whether a figure that is not shared out has changed since it was leased.

        PnL that other lanes make counts once it is a hundredth of what may be lost.
        """
        for key, before in self.leased_now[lane].items():
            now = self.leased(lane, key)
            moved = abs(now["base_pnl_e8"] - before["base_pnl_e8"])
            most = min(now["daily_loss_e8_max"], now["capital_e8"])
            if moved > most // PNL_STEPS:
                return True
            if any(now[n] != before[n] for n in now if n not in SHARES and n != "base_pnl_e8"):
                return True
        return False

    def publish(self, lane: int, now_ns: int) -> None:
        """Write a lane's lease with a new fence."""
        out = self.out[lane]
        self.fence += 1
        self.moves += 1
        before_ns = out.until_ns
        records = {key: self.leased(lane, key) for key in self.lanes[lane]}
        out.put(list(records.items()), self.fence)
        self.leased_now[lane] = records
        out.lease(self.fence, now_ns + self.terms.lease_ns)
        self.leases.published(lane, self.fence, before_ns)

    def leased(self, lane: int, key: Key) -> Record:
        """Return a lane's part of a limit."""
        figures = dict(self.effective(key))
        grant = self.leases.lanes[lane].grant
        for figure, name in SHARED.items():
            figures[name] = grant.get(Bound(*key, figure), 0)
        sharers = sum(key in keys for keys in self.lanes.values())
        for name in DEALT:
            if figures[name] != NONE and sharers > 1:
                figures[name] = -(-figures[name] // sharers) if name == "token_reserve" else (
                    figures[name] // sharers
                )  # fmt: skip
        figures["base_pnl_e8"] = self.profit.others(key, lane)
        return figures

    # -- figures ------------------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """Return every limit with what all lanes hold of it: for people, and for the page."""
        out = []
        for key in sorted(self.limits):
            figures = self.effective(key)
            row: dict[str, Any] = {
                "limit": key.text,
                "dimension": key.dimension,
                "id": key.id,
                "lane_count": sum(key in keys for keys in self.lanes.values()),
                "is_frozen": key in self.frozen,
                "cause": self.frozen.get(key, ""),
                "day_pnl_e8": self.profit.today(key),
                "daily_loss_e8_max": figures["daily_loss_e8_max"],
                "drawdown_bps": self.profit.drawdown_bps(key, figures["capital_e8"]),
                "drawdown_bps_max": figures["drawdown_bps_max"],
            }
            for figure, name in SHARED.items():
                bound = Bound(*key, figure)
                held = [one for one in self.leases.lanes.values()]
                row[figure] = {
                    "limit": figures[name],
                    "used": sum(one.used.get(bound, 0) for one in held),
                    "worst": 0 if figures[name] == NONE else self.leases.total(bound),
                    "shares": {
                        f"lane-{lane}": one.grant.get(bound, 0)
                        for lane, one in self.leases.lanes.items()
                    }
                    if figures[name] != NONE
                    else {},
                }
            out.append(row)
        return out
