"""Everything that a lane must be told before it may be armed, from evidence.

Owns:    the questions to the venue and their order, judging the answers against what the dead lane
         knew (evidence.py), the facts that are mailed to the new lane, trades fetched later.
Refuses: arithmetic of positions (the lane books with its own code), keeping orders alive or ending
         them by its own word: what nobody vouches for is UNKNOWN.

Why the cut is right.  The lane opens its user stream, keeps what it brings, and only then asks for
an opening; so every fill after that moment is in the stream, and the venue's lists are read after
it.  Fills lie in both and are told apart by trade id.  Orders, positions and trades are read by
separate requests, between which fills may happen: the trades are read before and after all others,
and when nothing was added in between, no fill separates the answers.  A list may lag behind the
matching engine, and a position need not: while carry and trades do not make the position, what is
missing may still come to be listed, so the questions are asked again until they agree or until the
venue's bound for that has passed without a new trade.  What happened before the stream was open and
was not yet listed is fetched again after that bound.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import aiohttp

from runtime._shm import ffi, lib
from runtime.lanes.spec import ASSETS
from runtime.pages.page import Mail
from runtime.session.evidence import Evidence, Key, key
from runtime.session.funds import balance_of
from venues.binance.usdm import reference
from venues.binance.usdm.session import Session, VenueError

TRADES_PER_PAGE = 1000
TRIES_MAX = 20
LOOKS_WITHIN_LAG = 8  # at lists that may still lag
MARGIN_MS = 1000  # between the venue's clock and ours, for "before the stream was open"
POLICIES = {"cancel": lib.HP_RESTART_CANCEL, "adopt": lib.HP_RESTART_ADOPT}
STATES = {"NEW": lib.HP_ORDER_LIVE, "PARTIALLY_FILLED": lib.HP_ORDER_PARTIAL}
SIDES = {"BUY": lib.HP_SIDE_BUY, "SELL": lib.HP_SIDE_SELL}
POSITION_SIDES = {"BOTH": 0, "LONG": 1, "SHORT": 2}
TYPES = {"LIMIT": lib.HP_TYPE_LIMIT, "MARKET": lib.HP_TYPE_MARKET}
LIFETIMES = {
    "GTC": lib.HP_TIF_GTC,
    "GTX": lib.HP_TIF_GTC,
    "IOC": lib.HP_TIF_IOC,
    "FOK": lib.HP_TIF_FOK,
}


class OpeningError(Exception):
    """The venue's answers do not fit together; ask again."""


@dataclass(frozen=True)
class Instrument:
    """What is needed of an instrument to read the venue's numbers."""

    number: int
    symbol: str
    price_decimals: int
    size_decimals: int
    contract: int
    multiplier_e8: int

    def ticks(self, text: str) -> int:
        return reference.scaled(text, self.price_decimals, f"{self.symbol} price")

    def lots(self, text: str) -> int:
        return reference.scaled(text, self.size_decimals, f"{self.symbol} size")

    def cost_e8(self, entry: str, lots: int) -> int:
        """Return the notional of signed lots at the venue's average entry, which it has rounded."""
        if lots == 0:
            return 0
        price, size = Fraction(entry), Fraction(lots * self.multiplier_e8, 10**self.size_decimals)
        return round(size / price if self.contract == lib.HP_CONTRACT_INVERSE else size * price)


@dataclass
class VenueFacts:
    """What the venue said, all at one cut."""

    open_orders: list[dict[str, Any]] = field(default_factory=list)
    trades: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # behind the base's cut
    cuts: dict[int, int] = field(default_factory=dict)  # newest trade id, where there is no base
    positions: list[dict[str, Any]] = field(default_factory=list)
    balances: list[dict[str, Any]] = field(default_factory=list)
    # by client id: the order's row, or None: not found; absent: nobody answered
    answers: dict[int, dict[str, Any] | None] = field(default_factory=dict)
    answered_ns: dict[int, int] = field(default_factory=dict)


@dataclass
class Opening:
    """One set of facts, ready to be mailed."""

    bases: list[Any]
    booked: list[Any]
    orders: list[Any]
    end: Any
    strangers: list[tuple[str, str]]  # ours, but this lane cannot carry them: symbol, client text

    def facts(self) -> Iterable[tuple[int, bytes]]:
        """Yield (mail kind, payload) of each fact; the one that ends the set comes last."""
        for base in self.bases:
            yield lib.HP_MAIL_BASE, bytes(ffi.buffer(base))
        for at in range(0, len(self.booked), lib.HP_BOOKED_PER_MAIL):
            part = self.booked[at : at + lib.HP_BOOKED_PER_MAIL]
            yield lib.HP_MAIL_BOOKED, b"".join(bytes(ffi.buffer(b)) for b in part)
        for order in self.orders:
            yield lib.HP_MAIL_ORDER, bytes(ffi.buffer(order))
        yield lib.HP_MAIL_OPENING, bytes(ffi.buffer(self.end))


def client_text(prefix: str, client_id: int) -> str:
    """Return a client order id as the venue's text (venues/binance/usdm/identity.h)."""
    return f"{prefix}-{client_id:016x}"


def client_of(prefix: str, text: str) -> int:
    """Return the client id of a text; 0 = not ours."""
    digits = text.removeprefix(prefix + "-")
    if len(digits) != 16 or len(text) != len(prefix) + 17:
        return 0
    return int(digits, 16) if all(c in "0123456789abcdef" for c in digits) else 0


def booked_of(about: Instrument, row: dict[str, Any]) -> Any:
    """Return a row of the venue's list of trades as a fill that the dead lane had missed."""
    out = ffi.new("hp_booked_t *")
    out.trade_id, out.instrument = int(row["id"]), about.number
    out.side = SIDES[row["side"]]
    out.position_side = POSITION_SIDES[row.get("positionSide", "BOTH")]
    out.price_ticks, out.lots = about.ticks(row["price"]), about.lots(row["qty"])
    out.fee_e8 = reference.scaled(row["commission"], 8, "commission")
    out.pnl_e8 = reference.scaled(row["realizedPnl"], 8, "realizedPnl")
    out.flags = lib.HP_BOOKED_MISSED | (lib.HP_BOOKED_MAKER if row["maker"] else 0)
    out.flags |= ASSETS.get(row.get("commissionAsset", ""), 0) << lib.HP_BOOKED_ASSET_SHIFT
    return out


def report_of(about: Instrument, row: dict[str, Any]) -> Any:
    """Return a row of the venue's list of trades as a report; the lane finds the order."""
    booked = booked_of(about, row)
    out = ffi.new("hp_report_t *")
    out.kind, out.request = lib.HP_REPORT_FILL, lib.HP_REQUEST_STATUS
    out.instrument, out.side, out.position_side = about.number, booked.side, booked.position_side
    out.trade_id, out.venue_id = booked.trade_id, int(row["orderId"])
    out.last_ticks, out.last_lots = booked.price_ticks, booked.lots
    out.fee_e8, out.pnl_e8 = booked.fee_e8, booked.pnl_e8
    out.asset = ASSETS.get(row.get("commissionAsset", ""), 0)
    out.is_maker, out.match_ns = bool(row["maker"]), int(row["time"]) * 1_000_000
    return out


def order_of(about: Instrument, row: dict[str, Any], client_id: int, known: Any | None) -> Any:
    """Return an order that the venue shows as working: its own record, the venue's newest word."""
    out = ffi.new("hp_order_t *")
    if known is not None:
        out[0] = known[0]
    else:
        out.client_id, out.strategy = client_id, lib.HP_STRATEGY_NONE
        out.instrument, out.side = about.number, SIDES[row["side"]]
        out.position_side = POSITION_SIDES[row.get("positionSide", "BOTH")]
        out.type = TYPES.get(row["type"], lib.HP_TYPE_LIMIT)
        out.time_in_force = LIFETIMES.get(row["timeInForce"], lib.HP_TIF_GTC)
        out.flags = (lib.HP_ORDER_POST_ONLY if row["timeInForce"] == "GTX" else 0) | (
            lib.HP_ORDER_REDUCE_ONLY if row.get("reduceOnly") else 0
        )
    out.venue_id = int(row["orderId"])
    listed_ns = int(row.get("updateTime", 0)) * 1_000_000
    if listed_ns >= out.venue_update_ns:  # else the list lags: the journal has a newer version
        out.price_ticks, out.lots = about.ticks(row["price"]), about.lots(row["origQty"])
        out.venue_update_ns = listed_ns
    out.filled_lots = max(out.filled_lots, about.lots(row["executedQty"]))
    out.state = lib.HP_ORDER_PARTIAL if out.filled_lots else lib.HP_ORDER_LIVE
    return out


def held_of(about: Instrument, positions: list[dict[str, Any]]) -> dict[int, tuple[int, int]]:
    """Return {position side: (lots, cost)} of an instrument; the venue lists only what is held."""
    out = {side: (0, 0) for side in POSITION_SIDES.values()}
    for row in positions:
        if row["symbol"] == about.symbol:
            lots = about.lots(row["positionAmt"])
            cost = about.cost_e8(row["entryPrice"], lots)
            out[POSITION_SIDES[row["positionSide"]]] = (lots, cost)
    return out


def base_of(about: Instrument, evidence: Evidence | None, venue: VenueFacts) -> Any:
    """Return an instrument's base: the dead lane's carry, or else the venue's word."""
    out = ffi.new("hp_base_t *")
    held = held_of(about, venue.positions)
    known = evidence.bases.get(about.number) if evidence is not None else None
    if known is not None:
        out[0] = known[0]
    else:
        out.instrument, out.trade_cut = about.number, venue.cuts.get(about.number, 0)
        out.flags = lib.HP_BASE_FROM_VENUE
        for side, (lots, cost) in held.items():
            out.position.lots[side], out.position.cost_e8[side] = lots, cost
    out.flags |= lib.HP_BASE_VENUE
    for side, (lots, cost) in held.items():
        out.venue_lots[side], out.venue_cost_e8[side] = lots, cost
    return out


def explains(evidence: Evidence | None, venue: VenueFacts, about: Instrument) -> bool:
    """Say whether the base and the trades behind it make the position that the venue shows.

    Without a base nothing can tell for an account that has traded before.
    """
    held = held_of(about, venue.positions)
    known = evidence.bases.get(about.number) if evidence is not None else None
    if known is None or evidence is None:
        return venue.cuts.get(about.number, 0) == 0 and not any(lots for lots, _ in held.values())
    made = {side: int(known.position.lots[side]) for side in held}
    fills = {k: b for k, b in evidence.fills.items() if k[0] == about.number}
    for row in venue.trades.get(about.number, []):
        fill = booked_of(about, row)
        if fill.trade_id > known.trade_cut:
            fills.setdefault(key(fill), fill)
    for k, fill in fills.items():
        if k not in evidence.keys:
            made[fill.position_side] += fill.lots if fill.side == lib.HP_SIDE_BUY else -fill.lots
    return all(made[side] == lots for side, (lots, _) in held.items())


def merge(
    evidence: Evidence | None,
    venue: VenueFacts,
    instruments: dict[int, Instrument],
    prefix: str,
    *,
    policy: int = lib.HP_RESTART_CANCEL,
    read_lag_ns: int = 5_000_000_000,
) -> Opening:
    """Judge what the dead lane knew by what the venue says.

    A pure function of its arguments; the order of rows in the answers does not matter.
    """
    end = ffi.new("hp_opening_t *")
    end.policy = policy
    booked: dict[Key, Any] = {}
    times: dict[Key, int] = {}
    working: dict[int, Any] = {}
    if evidence is not None:
        end.orders = evidence.orders_sent
        end.refused = evidence.refused_before + len(evidence.refused)
        end.fills, end.fills_buy, end.fills_sell = evidence.fills_before
        booked.update(evidence.keys)  # what the base holds must not be booked again
        booked |= {k: b for k, b in evidence.fills.items() if k not in booked}
        times |= evidence.times
        working = {order.client_id: order for order in evidence.working()}
    bases = [base_of(about, evidence, venue) for about in instruments.values()]
    cuts = {base.instrument: base.trade_cut for base in bases}
    for number, rows in venue.trades.items():
        for row in rows:
            fill = booked_of(instruments[number], row)
            if fill.trade_id > cuts[number]:
                booked.setdefault(key(fill), fill)
                times[key(fill)] = int(row["time"]) * 1_000_000
    orders, strangers, absent = adoptable(
        evidence, working, venue, instruments, prefix, read_lag_ns
    )
    end.orders -= min(absent, end.orders)
    kept = ranked({k: b for k, b in booked.items() if k[0] in instruments}, times)
    end.base_count, end.booked_count = len(bases), len(kept)
    end.order_count = len(orders)
    return Opening(bases, kept, orders, end, strangers)


def ranked(booked: dict[Key, Any], times: dict[Key, int]) -> list[Any]:
    """Return fills in the order of booking: keys of the base as carried, then by time.

    Within an instrument the venue's trade ids decide, whatever its clock says, and of a trade with
    ourselves the resting side comes first.
    """
    keys = [b for b in booked.values() if b.flags & lib.HP_BOOKED_IN_BASE]
    fills = [(k, b) for k, b in booked.items() if not b.flags & lib.HP_BOOKED_IN_BASE]
    fills.sort(key=lambda item: (item[0][:2], not item[1].flags & lib.HP_BOOKED_MAKER, item[0]))
    latest: dict[int, int] = {}
    at: dict[Key, int] = {}
    for k, _ in fills:
        at[k] = latest[k[0]] = max(latest.get(k[0], 0), times.get(k, 0))
    fills.sort(key=lambda item: at[item[0]])  # stable: equal times keep the order of ids
    out = keys + [b for _, b in fills]
    for rank, b in enumerate(out):
        b.rank = rank
    return out


def adoptable(
    evidence: Evidence | None,
    working: dict[int, Any],
    venue: VenueFacts,
    instruments: dict[int, Instrument],
    prefix: str,
    read_lag_ns: int,
) -> tuple[list[Any], list[tuple[str, str]], int]:
    """Return orders to adopt, orders that this lane cannot carry, how many are absent.

    An order is ours by its id, whatever its epoch.  One that the dead lane had sent and the venue
    does not know counts as absent only when the answer is younger than the order's deadline plus
    the venue's read lag; until then it is adopted as UNKNOWN and the lane goes on asking.
    """
    by_symbol = {about.symbol: about for about in instruments.values()}
    rows = {client_of(prefix, row["clientOrderId"]): row for row in venue.open_orders}
    for client_id, answer in venue.answers.items():
        if answer is not None and answer["status"] in STATES:
            rows.setdefault(client_id, answer)
    rows.pop(0, None)  # not ours
    out: dict[int, Any] = {}
    strangers, absent = [], 0
    for client_id, row in sorted(rows.items()):
        about = by_symbol.get(row["symbol"])
        known = evidence.orders.get(client_id) if evidence is not None else None
        if about is None:
            strangers.append((row["symbol"], row["clientOrderId"]))
        else:
            out[client_id] = order_of(about, row, client_id, known)
    for client_id, order in sorted(working.items()):
        if client_id in rows or order.instrument not in instruments:
            continue
        if client_id not in venue.answers:  # nobody answered: no evidence of anything
            out[client_id] = unknown_of(order)
        elif venue.answers[client_id] is None:
            proof_ns = order.deadline_ns + read_lag_ns
            if order.deadline_ns and venue.answered_ns[client_id] > proof_ns:
                absent += evidence is not None and client_id in evidence.counted
            else:
                out[client_id] = unknown_of(order)
    return list(out.values()), strangers, absent


def unknown_of(order: Any) -> Any:
    out = ffi.new("hp_order_t *")
    out[0] = order[0]
    out.state = lib.HP_ORDER_UNKNOWN
    return out


class Opener:
    """Answers a lane's wish for an opening, and for trades that no event brought."""

    def __init__(
        self,
        session: Session,
        instruments: dict[int, Instrument],
        prefix: str,
        mail: Mail,
        say: Callable[[str], None],
        *,
        policy: str = "cancel",
        read_lag_s: float = 5.0,
    ) -> None:
        self.session = session
        self.instruments = instruments
        self.prefix = prefix
        self.mail = mail
        self.say = say
        self.policy = POLICIES[policy]
        self.read_lag_s = read_lag_s

    async def trades_from(self, about: Instrument, first: int) -> list[dict[str, Any]]:
        """Return all trades of a symbol from an id on."""
        out: list[dict[str, Any]] = []
        while True:
            page = await self.session.user_trades(about.symbol, TRADES_PER_PAGE, first)
            out += [row for row in page if int(row["id"]) >= first]
            if len(page) < TRADES_PER_PAGE:
                return out
            first = max(int(row["id"]) for row in page) + 1

    async def ask_trades(self, evidence: Evidence | None, facts: VenueFacts) -> None:
        async def ask(about: Instrument) -> None:
            base = evidence.bases.get(about.number) if evidence is not None else None
            if base is not None:
                facts.trades[about.number] = await self.trades_from(about, base.trade_cut + 1)
                newest = [int(row["id"]) for row in facts.trades[about.number]]
                facts.cuts[about.number] = max(newest, default=base.trade_cut)
            else:
                rows = await self.session.user_trades(about.symbol, 1)
                facts.trades[about.number] = []
                facts.cuts[about.number] = max((int(row["id"]) for row in rows), default=0)

        await asyncio.gather(*(ask(about) for about in self.instruments.values()))

    async def ask_order(self, order: Any, facts: VenueFacts) -> None:
        """Ask for one order by its client id; only the venue's own word is an answer."""
        about = self.instruments[order.instrument]
        text = client_text(self.prefix, order.client_id)
        try:
            answer: dict[str, Any] | None = await self.session.order(about.symbol, text)
        except VenueError as error:
            if error.code != -2013:
                return
            answer = None
        except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError):
            return
        facts.answers[order.client_id] = answer
        facts.answered_ns[order.client_id] = time.monotonic_ns()

    async def gather(self, evidence: Evidence | None) -> VenueFacts:
        """Ask until no trade lies between the questions, and the trades make the positions."""
        listed: dict[int, int] = {}
        listed_s = 0.0  # since when the lists of trades have been as they are
        for attempt in range(TRIES_MAX):
            facts = VenueFacts()
            await self.ask_trades(evidence, facts)
            facts.open_orders = await self.session.open_orders()
            shown = {client_of(self.prefix, row["clientOrderId"]) for row in facts.open_orders}
            missing = [
                order
                for order in (evidence.working() if evidence is not None else [])
                if order.client_id not in shown and order.instrument in self.instruments
            ]
            facts.positions, facts.balances, *_ = await asyncio.gather(
                self.session.positions(),
                self.session.balances(),
                *(self.ask_order(order, facts) for order in missing),
            )
            newer = await asyncio.gather(
                *(
                    self.session.user_trades(about.symbol, 1, facts.cuts[about.number] + 1)
                    for about in self.instruments.values()
                )
            )
            pause_s = min(0.5, 0.02 * 2**attempt)
            if not any(newer):
                now_s = time.monotonic()
                if facts.cuts != listed:
                    listed, listed_s = facts.cuts, now_s
                if (
                    all(explains(evidence, facts, about) for about in self.instruments.values())
                    or now_s - listed_s >= self.read_lag_s
                ):
                    return facts
                pause_s = max(pause_s, self.read_lag_s / LOOKS_WITHIN_LAG)
            await asyncio.sleep(pause_s)
        raise OpeningError(
            f"trades went on between {TRIES_MAX} sets of questions, or did not make the positions"
        )

    async def put(self, kind: int, data: bytes, aux: int) -> None:
        """Mail one record; waits while the ring is full."""
        while not self.mail.put(kind, data, aux):
            await asyncio.sleep(0.001)

    async def open(
        self, generation: int, evidence: Evidence | None, told: Callable[[], None]
    ) -> None:
        """Answer one wish, call `told`, and look again when the venue's lists lag no more.

        Doing it again, or only in part, does no harm: a set counts as a whole.
        """
        opened_ms = time.time_ns() // 1_000_000 + MARGIN_MS
        facts = await self.gather(evidence)
        opening = merge(
            evidence,
            facts,
            self.instruments,
            self.prefix,
            policy=self.policy,
            read_lag_ns=int(self.read_lag_s * 1e9),
        )
        opening.end.generation = generation
        await self.tell_balances(facts.balances)
        for kind, payload in opening.facts():
            await self.put(kind, payload, generation)
        told()
        missed = sum(bool(b.flags & lib.HP_BOOKED_MISSED) for b in opening.booked)
        self.say(
            f"lane.opening generation={generation} "
            f"epoch_before={evidence.epoch if evidence is not None else 0} "
            f"orders={len(opening.orders)} fills_missed={missed} "
            f"strangers={len(opening.strangers)}"
        )
        for symbol, text in opening.strangers:
            await self.cancel_stranger(symbol, text)
        await asyncio.sleep(self.read_lag_s)
        for about in self.instruments.values():
            rows = await self.trades_from(about, facts.cuts[about.number] + 1)
            await self.tell(about, [row for row in rows if int(row["time"]) <= opened_ms])

    async def cancel_stranger(self, symbol: str, text: str) -> None:
        """Cancel an order of ours in a symbol that this lane does not carry."""
        try:
            await self.session.cancel_order(symbol, text)
            self.say(f"order.stranger_canceled symbol={symbol} client_id={text}")
        except (VenueError, aiohttp.ClientError, TimeoutError) as error:
            self.say(f"order.stranger_stands symbol={symbol} client_id={text} error={error!r}")

    async def tell(self, about: Instrument, rows: list[dict[str, Any]]) -> None:
        """Mail trades as reports; the lane books those that it does not know."""
        for row in sorted(rows, key=lambda row: (int(row["id"]), not row["maker"])):
            report = report_of(about, row)
            await self.put(lib.HP_MAIL_REPORT, bytes(ffi.buffer(report)), 0)

    async def tell_balances(self, rows: list[dict[str, Any]]) -> None:
        """Mail what the venue says of wallets: the lane knows by its time what is newer."""
        for row in rows:
            report = balance_of(row)
            if report is not None:
                await self.put(lib.HP_MAIL_REPORT, bytes(ffi.buffer(report)), 0)

    async def trades(self, number: int) -> None:
        """Fetch the newest trades of an instrument (0 = all, and balances) and mail them."""
        if number == 0:
            await self.tell_balances(await self.session.balances())
        for about in self.instruments.values():
            if number in (0, about.number):
                await self.tell(about, await self.session.user_trades(about.symbol))
        await self.put(lib.HP_MAIL_TRADES, b"", number)
