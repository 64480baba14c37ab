"""S11: every figure is the venue's, to the last unit; what an order may cost is reserved.

Owns:    positions, money and counts at the end; reserves while an order rests; the order in which
         fills were booked, on which the split of money into realised and open depends.
"""

from __future__ import annotations

from collections import Counter

from hotpath.journal.tail import Record
from runtime._shm import lib
from runtime.session import evidence
from tests.simulation.judges.seen import LEGS, Part, Seen, legs_of
from tests.simulation.lane import LaneProcess
from venues.simulator.instrument import scaled

SINCE = ("fills", "fees", "cost")  # are counted since the lane opened


class Figures(Part):
    """Compares the lane's pages with the venue's record."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        # instrument: trade ids in the order of booking, over all lives
        self.booked: dict[int, list[int]] = {}
        exchange = self.world.venue.desk.exchange
        # what was there before: the lane begins with its sum
        self.before = exchange.record.report(self.world.venue.account, exchange.markets, False)

    def on_turn(self, process: LaneProcess) -> None:
        """What an order at the venue may cost is reserved."""
        venue = self.world.venue
        for order in venue.account.open_orders.values():
            ours = process.lane.order(self.seen.id_of(order.client_id))
            if ours is None or order.reduce_only:
                continue
            notional = venue.instrument_of(order).notional_e8(order.price, order.left)
            need = notional // self.world.leverage
            if ours["reserved_e8"] < need:
                held, name = ours["reserved_e8"], order.client_id
                raise self.broken("S11", f"{name}: {held} reserved (1e-8), it may cost {need}")

    def note_booked(self, record: Record) -> None:
        """Note in which order fills are booked."""
        if record.kind == lib.HP_RECORD_FILL:
            fill = evidence.record_of("hp_report_t", record.payload)
            self.booked.setdefault(fill.instrument, []).append(fill.trade_id)
        elif record.kind == lib.HP_RECORD_OPENING and record.aux == lib.HP_MAIL_BOOKED:
            newest: dict[int, int] = {}
            for fill in sorted(evidence.booked_of(record.payload), key=lambda one: one.rank):
                if not fill.flags & lib.HP_BOOKED_IN_BASE:
                    self.booked.setdefault(fill.instrument, []).append(fill.trade_id)
                    if fill.trade_id < newest.get(fill.instrument, 0):
                        text = f"trade {fill.trade_id} stands behind a newer one in an opening"
                        raise self.broken("S11", text)
                    newest[fill.instrument] = fill.trade_id

    def is_in_order(self, instrument: int) -> bool:
        """Whether the fills of an instrument were booked as they happened.

        What an opening books again was booked in a life before; a first booking decides.
        """
        ids = list(dict.fromkeys(self.booked.get(instrument, [])))
        return ids == sorted(ids)

    def is_known(self, process: LaneProcess) -> bool:
        """L2: what works in the lane rests at the venue, and the lane holds what the venue says."""
        account = self.world.venue.account
        there = {self.seen.id_of(o.client_id): o for o in account.open_orders.values()}
        for one in process.lane.orders():
            order = there.get(one["client_id"])
            if order is None or one["filled_lots"] != order.lots - order.left:
                return False
        exchange, view = self.world.venue.desk.exchange, process.page.view
        return all(
            view.positions[number].lots[LEGS[leg]]
            == account.position(exchange.markets[symbol].instrument, leg).lots
            for number, symbol in self.world.symbols.items()
            for leg in legs_of(account)
        )

    def at_end(self) -> None:
        """S1, S10, S11, L3: nothing rests, and everything is the venue's."""
        account = self.world.venue.account
        if account.open_orders:
            left = [one.client_id for one in account.open_orders.values()]
            raise self.broken("L3", f"orders rest at the venue after the drain: {left}")
        for invariant, text in self.differences():
            raise self.broken(invariant, text)

    def differences(self) -> list[tuple[str, str]]:
        """Return what is not as the venue has it."""
        world = self.world
        exchange, account = world.venue.desk.exchange, world.venue.account
        view = world.process.page.view
        c, funds = view.counters, view.funds[0]
        record = exchange.record.report(account, exchange.markets, False)
        wallet, used = scaled(record["balance"], 8), 0
        past = self.before
        rows: list[tuple[str, str, int, int]] = [
            ("S1", "fills", c.fills, record["counts"]["fill"] - past["counts"]["fill"]),
            (
                "S1",
                "orders",
                c.orders_sent - c.orders_absent - c.orders_refused,
                record["counts"]["order"] - past["counts"]["order"] - self.seen.by_hand,
            ),
        ]
        held = {(row["symbol"], row["position_side"]): row for row in record["positions"]}
        nothing = {"lots": 0, "cost": "0", "realized": "0"}
        had = Counter[str]()
        for row in past["positions"]:
            had[row["symbol"]] += money(row["realized"])
        for number, symbol in world.symbols.items():
            ours = view.positions[number]
            cost, realised, mine = 0, -had[symbol], ours.realised_e8
            for leg in legs_of(account):
                row, n = held.get((symbol, leg), nothing), LEGS[leg]
                used += -(-abs(ours.cost_e8[n]) // world.leverage)
                rows.append(("S11", f"{symbol} {leg} lots", ours.lots[n], row["lots"]))
                if self.is_in_order(number):  # else what is realised depends on the order
                    theirs = money(row["cost"])
                    rows.append(("S11", f"{symbol} {leg} cost", ours.cost_e8[n], theirs))
                cost, realised = cost + money(row["cost"]), realised + money(row["realized"])
                mine -= ours.cost_e8[n]
            rows.append(("S11", f"{symbol} realised less cost", mine, realised - cost))
        fees = sum(view.positions[number].fees_e8 for number in world.symbols)
        rows += [
            ("S11", "fees", fees, money(record["fees"]) - money(past["fees"])),
            ("S11", "wallet", funds.total_e8, wallet),
            ("S11", "reserved", sum(funds.reserved_e8), 0),
            ("S11", "used", sum(funds.used_e8), used),
            ("S11", "free", funds.free_e8, wallet - used),
        ]
        if self.seen.by_hand:  # of what was traded as the lane opened, its base holds a part
            rows = [row for row in rows if not row[1].endswith(SINCE)]
        return [
            (name, f"{what}: the lane has {mine}, the venue {theirs}")
            for name, what, mine, theirs in rows
            if mine != theirs and not self.is_forgotten(what, mine, theirs)
        ]

    def is_forgotten(self, what: str, mine: int, theirs: int) -> bool:
        """Say whether a cut of power may have taken this from all who could tell it.

        An order whose records were lost, and that ended without a fill, is in no list.  Without any
        evidence the account is taken over as it stands: only what it holds is known.
        """
        power = self.world.power
        if power is None or not power.is_back:
            return False
        if not power.is_read:
            return not what.endswith(" lots") and what not in ("wallet", "reserved", "used", "free")
        return what == "orders" and mine < theirs


def money(text: str) -> int:
    return -scaled(text[1:], 8) if text.startswith("-") else scaled(text, 8)
