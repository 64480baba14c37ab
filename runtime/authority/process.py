"""The authority as a process: it looks, judges, moves shares and renews, by the clock.

Owns:    when: a look and a renewal each renewal period, a round of shares a few times a second;
         the page that shows the limits of the deployment; answers to what people ask.
Refuses: what is right (authority/authority.py), who may ask (the supervisor's control socket).

A renewal waits for nothing: files are written by a thread.  It is dated by the clock as it was
before the lanes were looked at, so what delays this process shortens leases, never prolongs them.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from runtime._shm import ffi, lib
from runtime.authority.authority import Authority, LimitError, Terms
from runtime.authority.records import Key, key_of, record
from runtime.authority.shares import Policy
from runtime.pages.page import Page, ring
from runtime.supervise import cold
from runtime.supervise.child import Message
from runtime.supervise.state import StateError

ROUND_S = 0.25
DAY_WRITE_S = 5.0
AUTHORITY_BYTES = ffi.sizeof("hp_authority_page_t")


def terms_of(message: Message) -> Terms:
    return Terms(
        message["lease_ms"] * 1_000_000,
        message["renew_ms"] * 1_000_000,
        Policy(message["floor_percent"], message["hysteresis_percent"]),
    )


def limits_of(message: Message) -> dict[Key, dict[str, int]]:
    """Read {"account:0": figures}."""
    return {key_of(text): record(figures) for text, figures in message["limits"].items()}


class AuthorityPart(cold.Part):
    """Owns the limits of one deployment."""

    name = "authority"
    authority: Authority | None = None
    names: dict[str, str]  # of limits, as people call them

    async def start(self) -> Message:
        self.again = asyncio.Event()
        self.writing = asyncio.Lock()
        self.page = Page.make(
            self.specification["deployment"],
            "authority",
            "hp_authority_page_t",
            lib.HP_PAGE_AUTHORITY,
            AUTHORITY_BYTES,
        )
        return {}

    async def told(self, message: Message) -> None:
        """Take the limits (also anew), or a question that wants an answer."""
        if "limits" in message:
            self.take_limits(message)
        elif "ask" in message:
            try:
                answer = await self.answer(message)
            except (LimitError, ValueError, OSError) as error:
                answer = {"refused": str(error)}
            except (KeyError, TypeError, AttributeError) as error:
                answer = {"refused": f"the question lacks or garbles a field: {error}"}
            self.tell({"answer": message["ask"], **answer})

    def take_limits(self, message: Message) -> None:
        limits = limits_of(message)
        self.names = message["names"]
        terms = terms_of(message["terms"])
        if self.authority is not None:
            self.authority.configure(limits)
            if terms != self.authority.terms:  # from the next renewal on; what stands ends as said
                self.authority.terms = terms
                self.say(
                    f"authority.terms lease_ms={terms.lease_ns // 1_000_000}"
                    f" renew_ms={terms.renew_ns // 1_000_000}"
                )
            self.again.set()
            return
        lanes = {int(lane): [key_of(k) for k in keys] for lane, keys in message["lanes"].items()}
        try:
            self.authority = Authority(
                self.specification["deployment"],
                Path(self.specification["directory"]),
                lanes,
                limits,
                terms,
                self.say,
                time.time_ns(),
            )
        except (StateError, OSError) as error:
            self.say(f"authority.refused error={str(error)!r}")
            return
        self.authority.control.bells += self.bells()
        self.say(
            f"authority.started term={self.authority.term} lease_ms={terms.lease_ns // 1_000_000}"
            f" renew_ms={terms.renew_ns // 1_000_000} lanes={len(lanes)} limits={len(limits)}"
        )
        self.spawn(self.renew())
        self.spawn(self.rounds())

    def bells(self) -> list[int]:
        return [int(bell) for bell in self.specification["bells"].values()]

    # -- by the clock ------------------------------------------------------------------------------

    async def renew(self) -> None:
        """Look and prolong, on the beat: a round that was late does not shift the next ones."""
        authority = self.authority
        assert authority is not None
        due_s = time.monotonic()
        while True:
            period_s = authority.terms.renew_ns / 1e9
            now_ns = time.monotonic_ns()
            authority.look(time.time_ns())
            authority.judge()
            authority.renew(now_ns)
            self.show()
            due_s = max(due_s + period_s, time.monotonic())
            await asyncio.sleep(due_s - time.monotonic())

    async def rounds(self) -> None:
        """Move shares; what is raised is durable before it is published."""
        authority = self.authority
        assert authority is not None
        written_s = time.monotonic()
        while True:
            self.again.clear()
            moves = authority.moves
            move = authority.move(time.monotonic_ns())
            if move is not None:
                await self.write()
                authority.raise_shares(move, time.monotonic_ns())
                written_s = time.monotonic()
            elif time.monotonic() - written_s > DAY_WRITE_S:
                written_s = time.monotonic()
                await self.write()
            if authority.moves != moves:
                for bell in self.bells():
                    ring(bell)  # lanes that block take it now
            try:
                await asyncio.wait_for(self.again.wait(), ROUND_S)
            except TimeoutError:
                continue

    async def write(self) -> None:
        """Make durable what the authority remembers: by a thread, one file at a time."""
        authority = self.authority
        assert authority is not None
        async with self.writing:
            await asyncio.to_thread(authority.ledger.write, authority.text())

    # -- what people ask --------------------------------------------------------------------------

    async def answer(self, message: Message) -> Message:
        authority = self.authority
        if authority is None:
            raise LimitError("the authority has no limits yet")
        who = {name: message.get(name) for name in ("uid", "pid", "reason", "utc_ns")}
        match message["action"]:
            case "show":
                rows = [
                    {**row, "name": self.names.get(row["limit"], "")} for row in authority.rows()
                ]
                return {"term": authority.term, "limits": rows}
            case "set":
                key = self.key(message["limit"])
                wanted = {str(name): int(n) for name, n in message["figures"].items()}
                changes = authority.set_limits(key, wanted, bool(message.get("widen")), who)
                if any(one["way"] == "tightened" for one in changes):
                    self.again.set()
                for change in changes:
                    await asyncio.to_thread(authority.ledger.note_change, change)
                await self.write()
                self.again.set()
                return {"changes": changes}
            case "freeze" | "thaw" as action:
                key = self.key(message["limit"])
                if action == "freeze":
                    authority.must_know(key)
                    authority.freeze(key, message.get("reason") or "asked")
                else:
                    authority.thaw(key)
                self.again.set()
                await self.write()
                return {"frozen": [one.text for one in authority.frozen]}
            case other:
                raise LimitError(f"no action {other!r}")

    def key(self, text: str) -> Key:
        """Read `instrument:1`, or `instrument:BTCUSDT` where one alone is called so."""
        dimension, _, name = text.partition(":")
        called = [key for key, one in self.names.items() if one == name]
        known = [key for key in called if key.startswith(f"{dimension}:")]
        return key_of(known[0] if len(known) == 1 else text)

    # -- the page ------------------------------------------------------------------------------

    def show(self) -> None:
        authority, view = self.authority, self.page.view
        assert authority is not None
        seq = ffi.addressof(view, "seq")
        lib.hp_seq_begin(seq)
        view.term, view.renewals, view.late = authority.term, authority.renewals, authority.late
        view.lease_ns, view.renew_ns = authority.terms.lease_ns, authority.terms.renew_ns
        view.moves, view.freezes = authority.moves, authority.freezes
        rows = authority.rows()[: lib.HP_LEASED_LIMITS_MAX]
        view.limit_count, view.frozen_count = len(rows), len(authority.frozen)
        for n, row in enumerate(rows):
            put_row(view.rows[n], row)
        lib.hp_seq_end(seq)
        self.page.header.heartbeat_ns = time.monotonic_ns()

    async def close(self) -> None:
        await super().close()
        if self.authority is not None:
            self.authority.close()
        self.page.remove()


def put_row(to: Any, row: dict[str, Any]) -> None:
    """Write one row of the page."""
    for name in ("dimension", "id", "lane_count", "is_frozen", "day_pnl_e8", "daily_loss_e8_max"):
        setattr(to, name, int(row[name]))
    to.drawdown_bps, to.drawdown_bps_max = row["drawdown_bps"], row["drawdown_bps_max"]
    to.net_e8_max, to.net_e8, to.net_used_e8 = figures(row["net"])
    to.gross_e8_max, to.gross_e8, to.gross_used_e8 = figures(row["gross"])
    to.open_max, to.open_orders, to.open_used = figures(row["open"])


def figures(row: dict[str, int]) -> tuple[int, int, int]:
    return row["limit"], row["worst"], row["used"]


if __name__ == "__main__":
    cold.run({"authority": AuthorityPart})
