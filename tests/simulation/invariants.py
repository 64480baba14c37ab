"""What must hold, whatever happened: the venue's own truth against what our side did and believes.

Owns:    the invariants by the names of docs/simulation.md, each looked at in the moment in which it
         can break: at the venue's door, at the wire, at a death, at the end.
Refuses: asking the code under test whether it is right.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from hotpath.journal.tail import Record
from runtime._shm import ffi, lib
from runtime.session import evidence
from runtime.session.opening import client_of
from tests.simulation.cold import SIGNATURE
from tests.simulation.loop import MS, S
from tests.simulation.ring import Reader, lag_words, position
from venues.simulator.instrument import scaled
from venues.simulator.order import BUY, SELL, Order

if TYPE_CHECKING:
    from tests.simulation.lane import LaneProcess
    from tests.simulation.world import World

NO_NEW_RISK = lib.HP_WORD_FREEZE | lib.HP_WORD_FLATTEN | lib.HP_WORD_DRAIN | lib.HP_WORD_STOP
NO_NEW_RISK |= lib.HP_WORD_LAGGING
NOTHING_NEW = lib.HP_WORD_KILL | lib.HP_WORD_CHOKED
ALL_GO = lib.HP_WORD_KILL | lib.HP_WORD_DRAIN
QUOTES_GO = lib.HP_WORD_FREEZE | lib.HP_WORD_LAGGING
DEPTH = re.compile(rb'"depthUpdate".*?"s":"(\w+)".*?"U":(\d+),"u":(\d+),"pu":(\d+)')
# answers that end no order: "I do not know", and "I do not see it" while it may still come
UNSURE = re.compile(rb'^{"id":"[13]([0-9a-f]{16})\..*"code":-(1007|2013)\D')
BALANCE = re.compile(rb'"e":"ACCOUNT_UPDATE","E":\d+,"T":(\d+)')
SNAPSHOT = re.compile(rb'"lastUpdateId":(\d+)')


STATES = {
    number: name.removeprefix("HP_ORDER_")
    for number, name in ffi.typeof("enum hp_order_state").elements.items()
}


RESTING = (lib.HP_ORDER_LIVE, lib.HP_ORDER_PARTIAL)
LATE_NS = 1300 * MS  # a lease, a parked order's wait, the longest way to the venue
ASKED_NS = 400 * MS  # of some orders, each at the lane's own pace
SECRETS = (SIGNATURE, base64.b64encode(SIGNATURE))
SWEEP_NS = 20 * MS  # between two sweeps of a lane: what it may trade on is looked at in each
PATIENCE_NS = 120 * MS  # of a cancel, after a picture has become too old


class Broken(Exception):
    """An invariant does not hold."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant


class Picture:
    """What a lane could know of one book, by a plain reading of what was delivered to it."""

    def __init__(self) -> None:
        self.events: list[tuple[int, int, int]] = []  # first, last, previous: all that came
        self.snapshot = -1  # its update id
        self.heard_ns = -S

    def depth(self, event: tuple[int, int, int], now_ns: int) -> None:
        self.events.append(event)
        self.heard_ns = now_ns

    @property
    def is_torn(self) -> bool:
        """Whether no snapshot and events that follow one another lead to now."""
        at = self.snapshot
        is_first = True
        for first, last, previous in self.events:
            if last <= at:
                continue
            if previous != at and not (is_first and first <= at + 1):
                return True
            at, is_first = last, False
        return self.snapshot < 0


class Judge:
    """Looks on; raises Broken."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.found: Broken | None = None  # the first
        self.accepted: dict[str, Order] = {}
        self.roots: dict[int, int] = {}  # client id of a second try: that of the first
        self.arrived: dict[int, str] = {}  # client id of a first try: the order that arrived
        self.sends = 0
        self.pictures: dict[tuple[int, str], Picture] = {}  # epoch, symbol
        self.spent: list[int] = []  # when placing requests left, ns
        self.closed_until_ns = 0  # of snapshots, by the venue's word
        # instrument: trade ids in the order of booking, over all lives
        self.booked: dict[int, list[int]] = {}
        self.cancelled: set[int] = set()  # client ids of orders that a lane wanted gone
        self.stale_ns: dict[tuple[int, str], int] = {}  # since when a picture must not be quoted on
        self.bans: dict[int, int] = {}  # life of the session: until when
        self.lents = [(0, world.account)]  # limits of the account, since when
        self.worded: dict[int, tuple[int, int]] = {}  # epoch: words that stand, since when
        # epoch that was told the end of its user stream: when
        self.ended_streams: dict[int, int] = {}
        self.left_ns: dict[int, int] = {}  # client id: when its bytes left
        self.told_ms: dict[int, int] = {}  # epoch: time of the newest balance that its stream told
        self.unasked: dict[int, tuple[int, set[int]]] = {}  # epoch: since when, client ids
        self.left: dict[int, list[int]] = {}  # epoch: client ids of orders whose bytes left
        self.lags: dict[int, int] = {}  # epoch: words that its archive's lag sets
        self.readers: dict[int, Reader] = {}  # epoch: who reads its journal as it grows
        self.refused: set[int] = set()  # epochs whose ring has refused a record
        exchange = world.venue.desk.exchange
        record = exchange.record
        # what was there before: the lane begins with its sum
        self.before = record.report(world.venue.account, exchange.markets, False)
        note = record.order

        def order(order: Order, market: Any, now_ms: int) -> None:
            note(order, market, now_ms)
            if order.owner:
                self.on_accept(order, market)

        record.order = order  # type: ignore[method-assign]

    def broken(self, invariant: str, text: str) -> Broken:
        """Note what broke: a task that dies of it must not keep it for itself."""
        found = Broken(invariant, text)
        self.found = self.found or found
        return found

    # -- at the venue's door ---------------------------------------------------------------------

    def on_accept(self, order: Order, market: Any) -> None:
        """S1, S2, S3: the venue takes an order."""
        world, text = self.world, order.client_id
        world.trace("accepts", text, order.side, order.price, order.lots)
        client_id = client_of(world.prefix, text)
        if not client_id or client_id >> 48 > world.epoch:
            raise self.broken("S1", f"order {text} is of no lane here")
        if text in self.accepted:
            raise self.broken("S2", f"order {text} was accepted twice")
        self.accepted[text] = order
        root = self.roots.get(client_id, client_id)
        if root in self.arrived:
            raise self.broken("S2", f"{text} and {self.arrived[root]} are of one intent")
        self.arrived[root] = text
        limits, account = world.limits, world.venue.account
        held = account.position(market.instrument, "BOTH").lots
        others = [one for one in account.orders_of(market.symbol) if one is not order]
        if order.reduce_only:
            return
        same = [one for one in [*others, order] if one.side == order.side and not one.reduce_only]
        worst = held * order.side + sum(one.left for one in same)
        if worst > limits["position_lots_max"]:
            raise self.broken(
                "S3",
                f"{text}: {held} lots held and {[one.left for one in same]} at work on its side;"
                f" want at most {limits['position_lots_max']}",
            )
        if order.lots > limits["order_lots_max"]:
            raise self.broken("S3", f"{text}: {order.lots} lots in one order")
        if len(others) + 1 > limits["open_orders_max"]:
            raise self.broken("S3", f"{text}: {len(others) + 1} orders at work")
        everywhere, lent = len(account.open_orders), self.lent()
        if everywhere > lent["open_orders_max"]:
            raise self.broken("S3", f"{text}: {everywhere} orders of the account at work")
        gross = self.gross_e8()
        if gross * 100 > lent["gross_notional_e8_max"] * 102:
            raise self.broken("S3", f"{text}: {gross} (1e-8) gross")
        if any(one.side != order.side and self.meets(order, one) for one in others):
            raise self.broken("S3", f"{text} would trade with an order of our own")

    def within_number(self, process: LaneProcess, text: str) -> None:
        """S3, of the lane by itself: what it counts as at work, whatever the venue has of it."""
        orders = process.lane.orders()
        new = [one for one in orders if not one["flags"] & lib.HP_ORDER_REDUCE_ONLY]
        working = sum(bool(lib.hp_order_is_working(one["state"])) for one in new)
        if working > self.lent()["open_orders_max"]:
            raise self.broken("S3", f"{text} leaves, the lane's order number {working} at work")

    def on_limits(self, account: dict[str, int]) -> None:
        self.lents.append((self.world.loop.now_ns, account))

    def lent(self) -> dict[str, int]:
        """Return the widest limits that an order which arrives now may have been sent under."""
        since = self.world.loop.now_ns - LATE_NS
        ends = [when for when, _ in self.lents[1:]]
        held = [
            account
            for (_, account), end in zip(self.lents, [*ends, None], strict=True)
            if end is None or end >= since
        ]
        return {name: max(one[name] for one in held) for name in held[0]}

    def gross_e8(self) -> int:
        """Add up positions and all that works, at the venue."""
        venue = self.world.venue
        held = sum(abs(one.cost_e8) for one in venue.account.positions.values())
        return held + sum(
            venue.instrument_of(one).notional_e8(one.price, one.left)
            for one in venue.account.open_orders.values()
            if not one.reduce_only
        )

    @staticmethod
    def meets(order: Order, other: Order) -> bool:
        return (order.price - other.price) * order.side >= 0

    def on_ban(self, life: int, until_ns: int) -> None:
        self.bans[life] = until_ns

    def on_rest(self, life: int, path: str) -> None:
        """S13: a session that was told of a ban (418) asks nothing until its end."""
        left = self.bans.get(life, 0) - self.world.loop.now_ns
        if left > 0:
            raise self.broken("S13", f"{path} is asked {left / MS:.0f} ms before a ban ends")

    def on_snapshot_refused(self, retry_s: int) -> None:
        self.closed_until_ns = self.world.loop.now_ns + retry_s * S

    def on_snapshot_asked(self) -> None:
        """S13: after 429 no snapshot is asked for until the time that the venue named is over."""
        now = self.world.loop.now_ns
        if now < self.closed_until_ns:
            left = (self.closed_until_ns - now) / MS
            raise self.broken("S13", f"a snapshot is asked for {left:.0f} ms too early")

    # -- what a lane was told --------------------------------------------------------------------

    def on_frame(self, process: LaneProcess, data: bytes) -> None:
        found = DEPTH.search(data)
        if found:
            symbol, first, last, previous = found.groups()
            picture = self.picture(process, symbol.decode())
            picture.depth((int(first), int(last), int(previous)), process.lane.now_ns)

    def on_snapshot(self, process: LaneProcess, instrument: int, data: bytes) -> None:
        picture = self.picture(process, self.world.symbols[instrument])
        picture.snapshot = max(picture.snapshot, int(SNAPSHOT.findall(data)[0]))
        picture.heard_ns = process.lane.now_ns
        picture.events = [one for one in picture.events if one[1] > picture.snapshot]

    def before_answer(self, process: LaneProcess, data: bytes) -> int | None:
        """Return the client id of an order that the venue does not know, or not yet (S1)."""
        found = UNSURE.search(data)
        if found is None:
            return None
        client_id = int(found.group(1), 16)
        order, left_ns = process.lane.order(client_id), self.left_ns.get(client_id)
        if order is None or left_ns is None or not lib.hp_order_is_working(order["state"]):
            return None
        parked_ms = self.world.deadline_ms if self.world.is_durable else 0  # it may have waited
        bound_ms = self.world.deadline_ms + self.world.venue.read_lag_ms
        proof_ns = left_ns + (bound_ms - parked_ms) * MS
        may_be_proof = found.group(2) == b"2013" and self.world.loop.now_ns > proof_ns
        return None if may_be_proof else client_id

    def after_answer(self, process: LaneProcess, client_id: int) -> None:
        """S1: that word ends no order."""
        order = process.lane.order(client_id)
        if order is not None and order["state"] == lib.HP_ORDER_REJECTED:
            raise self.broken("S1", f"{client_id:x} is taken for dead by no proof")

    def before_balance(self, process: LaneProcess, data: bytes) -> int | None:
        """Return the wallet as it is, where a frame tells an older one than was told before."""
        found = BALANCE.search(data)
        if found is None:
            return None
        at, newest = int(found.group(1)), self.told_ms.get(process.epoch, 0)
        self.told_ms[process.epoch] = max(at, newest)
        return int(process.page.view.funds[0].total_e8) if at < newest else None

    def after_balance(self, process: LaneProcess, before: int) -> None:
        """S10: what is older changes nothing."""
        now = int(process.page.view.funds[0].total_e8)
        if now != before:
            raise self.broken("S10", f"an older balance makes the wallet {now} of {before}")

    def on_user_frame(self, process: LaneProcess, data: bytes) -> None:
        if b'"listenKeyExpired"' in data:
            self.ended_streams.setdefault(process.epoch, self.world.loop.now_ns)

    def on_user_stream(self, process: LaneProcess) -> None:
        """The stream begins again: nobody told what became of the orders meanwhile."""
        self.ended_streams.pop(process.epoch, None)
        resting = {one["client_id"] for one in process.lane.orders() if one["state"] in RESTING}
        self.unasked[process.epoch] = process.lane.now_ns, resting

    def asks(self, process: LaneProcess) -> None:
        """S1: after a gap in its user stream a lane asks about every order that works."""
        since, ids = self.unasked.get(process.epoch, (0, set()))
        if not ids:
            return
        if self.may_not_ask(process) or not process.lane.is_user_ready:
            self.unasked[process.epoch] = process.lane.now_ns, ids
        elif process.lane.now_ns - since > ASKED_NS:
            still = ids & {one["client_id"] for one in process.lane.orders()}
            if still:
                raise self.broken("S1", f"{min(still):x}: nobody asks what became of it")
            ids.clear()

    def picture(self, process: LaneProcess, symbol: str) -> Picture:
        return self.pictures.setdefault((process.epoch, symbol), Picture())

    # -- at the wire -----------------------------------------------------------------------------

    def on_sent(
        self, process: LaneProcess, message: dict[str, Any], request: bytes, at: int
    ) -> None:
        """S4, S5, S6, S9, S12, S13: a request leaves a lane."""
        world = self.world
        world.trace("sends", process.epoch, request)
        self.sends += 1
        params, method = message["params"], message["method"]
        self.written_ahead(process, request, at, params)
        stamp, true_ms = params["timestamp"], world.host.real_ns() // MS
        if abs(stamp - true_ms) > 1100 + 2 * 300:  # clock steps of 300 ms, read once a second
            raise self.broken("S12", f"{method} says {stamp - true_ms} ms from this host's clock")
        self.by_the_words(process, method, params)
        if method == "order.status":
            asked = client_of(world.prefix, params["origClientOrderId"])
            self.unasked.get(process.epoch, (0, set[int]()))[1].discard(asked)
        if method == "order.cancel":
            self.cancelled.add(client_of(world.prefix, params["origClientOrderId"]))
        self.by_the_leader(process, method)
        if method != "order.place":
            return
        client_id = client_of(world.prefix, params["newClientOrderId"])
        sent = process.lane.order(client_id)
        if sent is None:
            raise self.broken("S1", f"{params['newClientOrderId']} leaves, unknown to the lane")
        if sent["parent"]:
            self.roots[client_id] = sent["parent"]
        reduces = params.get("reduceOnly") in (True, "true")
        if not (reduces or world.is_durable):  # it may have waited, and others came back to life
            self.within_number(process, params["newClientOrderId"])
        self.left.setdefault(process.epoch, []).append(client_id)
        self.left_ns[client_id] = world.loop.now_ns
        if world.loop.now_ns > self.ended_streams.get(process.epoch, world.loop.now_ns) + SWEEP_NS:
            text = "the user stream has ended"
            raise self.broken("S1", f"{params['newClientOrderId']} leaves though {text}")
        if process.is_dead or process.epoch != world.epoch:
            raise self.broken("S4", f"a lane of epoch {process.epoch} places, {world.epoch} leads")
        self.spent = [t for t in self.spent if t > world.loop.now_ns - S]
        self.spent.append(world.loop.now_ns)
        if len(self.spent) > world.requests_max:
            raise self.broken("S13", f"{len(self.spent)} new orders within a second")
        if params.get("reduceOnly") in (True, "true"):
            return
        lease_ns = int(world.limits_page.view.lease.until_ns)
        if process.lane.now_ns >= lease_ns:
            late = (process.lane.now_ns - lease_ns) / MS
            raise self.broken("S3", f"new risk {late:.1f} ms after the end of the limits' lease")
        picture = self.picture(process, params["symbol"])
        if picture.is_torn:
            raise self.broken("S5", f"{params['newClientOrderId']}: its book has a hole")
        age_ms = (process.lane.now_ns - picture.heard_ns) / MS
        if age_ms > world.limits["stale_ms"]:
            name = params["newClientOrderId"]
            raise self.broken("S5", f"{name}: its book is {age_ms:.0f} ms old")

    def on_words(self, process: LaneProcess) -> None:
        """A lane looks at the words: so does the judge, at those that nobody has written."""
        words = self.lags[process.epoch] = lag_words(process.head)
        if words:
            self.world.met.add("choked" if words & lib.HP_WORD_CHOKED else "lagging")

    def reader(self, process: LaneProcess) -> Reader:
        if process.epoch not in self.readers:
            self.readers[process.epoch] = Reader(process, self)
        return self.readers[process.epoch]

    def by_the_words(self, process: LaneProcess, method: str, params: dict[str, Any]) -> None:
        """S9: what a word forbids does not leave once the lane has seen it."""
        if method not in ("order.place", "order.modify"):
            return
        words = process.words | self.lags.get(process.epoch, 0)
        if words & NOTHING_NEW:
            raise self.broken("S9", f"{method} leaves under the words {words:#x}")
        name = params.get("newClientOrderId") or params["origClientOrderId"]
        order = process.lane.order(client_of(self.world.prefix, name))
        reduces = order is not None and order["flags"] & lib.HP_ORDER_REDUCE_ONLY
        if words & NO_NEW_RISK and not reduces:
            raise self.broken("S9", f"{method} of new risk leaves under the words {words:#x}")

    def by_the_leader(self, process: LaneProcess, method: str) -> None:
        """S4: nothing is sent once the leader's lease is over."""
        lease = self.world.lease
        if lease is not None and process.lane.now_ns >= int(lease.page.view.lease.until_ns):
            raise self.broken("S4", f"{method} leaves after the end of the leader's lease")

    def written_ahead(
        self, process: LaneProcess, request: bytes, published: int, params: dict[str, Any]
    ) -> None:
        """S6: a request stands in the journal, within what was published, when it leaves.

        One that had to be on disk first stands there within what the archiver acknowledged.
        """
        if process.lane.is_broken and params.get("origClientOrderId"):
            return  # a cancel, or a question: it must leave though the ring takes no more
        at = position(process, request)
        if at < 0 or at + len(request) > published:
            raise self.broken("S6", f"not journaled before it left: {request[:120]!r}")
        archived = int(process.head.archived)
        order = process.lane.order(client_of(self.world.prefix, params.get("newClientOrderId", "")))
        waits = order is not None and process.spec["durable"] >> order["strategy"] & 1
        if waits and at + len(request) > archived:
            left = at + len(request) - archived
            raise self.broken("S6", f"an order leaves {left} bytes before it is on disk")

    # -- once a turn -----------------------------------------------------------------------------

    def on_turn(self, process: LaneProcess) -> None:
        """S1, S11: what rests at the venue is at work in the lane, exposed and reserved for."""
        world, lane = self.world, process.lane
        if not lane.is_open or process.is_torn:
            return
        for order in world.venue.account.open_orders.values():
            client_id = client_of(world.prefix, order.client_id)
            ours = lane.order(client_id)
            self.reserved_for(order, ours)
            if ours is None or not lib.hp_order_is_working(ours["state"]):
                state = "nothing" if ours is None else STATES[ours["state"]]
                name = order.client_id
                raise self.broken("S1", f"{name} rests at the venue, to the lane: {state}")

        self.exposed(process)
        self.quotes_on_stale(process)
        self.obeys(process)
        self.asks(process)

    def exposed(self, process: LaneProcess) -> None:
        """S3: what rests at the venue is counted as working, by side."""
        account = self.world.venue.account
        for number, symbol in self.world.symbols.items():
            resting = account.orders_of(symbol)
            counted = process.lane.exposure(number)
            for side, name in ((BUY, "working_buy_lots"), (SELL, "working_sell_lots")):
                rests = sum(o.left for o in resting if o.side == side and not o.reduce_only)
                if counted[name] < rests:
                    text = f"{symbol}: {rests} lots rest at the venue on side {side}"
                    raise self.broken("S3", f"{text}, the lane counts {counted[name]}")

    def reserved_for(self, order: Order, ours: dict[str, Any] | None) -> None:
        """S11: what an order at the venue may cost is reserved."""
        if ours is None or order.reduce_only:
            return
        instrument = self.world.venue.instrument_of(order)
        need = instrument.notional_e8(order.price, order.left) // self.world.leverage
        if ours["reserved_e8"] < need:
            held = ours["reserved_e8"]
            name = order.client_id
            raise self.broken("S11", f"{name}: {held} reserved (1e-8), it may cost {need}")

    def quotes_on_stale(self, process: LaneProcess) -> None:
        """S5: what rests on a picture that is torn or old is cancelled."""
        world, lane = self.world, process.lane
        now = lane.now_ns
        for number, symbol in world.symbols.items():
            key = (process.epoch, symbol)
            picture = self.picture(process, symbol)
            bound = world.limits["stale_ms"] * MS
            if not picture.is_torn and now - picture.heard_ns <= bound:
                self.stale_ns.pop(key, None)
                continue
            since = self.stale_ns.setdefault(key, now)
            if now - since < PATIENCE_NS or self.may_not_ask(process):
                continue
            for order in lane.orders():
                is_known = order["state"] in RESTING and order["instrument"] == number
                may_rest = order["flags"] & lib.HP_ORDER_REDUCE_ONLY or order["sent_ns"] >= since
                if is_known and not may_rest and order["client_id"] not in self.cancelled:
                    name = f"{order['client_id']:x}"
                    raise self.broken("S5", f"{name} rests on a picture that is old")

    def may_not_ask(self, process: LaneProcess) -> bool:
        """Say whether a lane may, or lately might, send no request at all."""
        lane, lease, quota = process.lane, self.world.lease, process.page.view.quota
        since = lane.now_ns - PATIENCE_NS
        if lease is not None and since >= int(lease.page.view.lease.until_ns):
            return True
        return not lane.is_session_ready or any(until > since for until in quota.stop_until_ns)

    def obeys(self, process: LaneProcess) -> None:
        """S9: what may not rest under the words that stand is cancelled."""
        lane, now = process.lane, process.lane.now_ns
        words, since = self.worded.get(process.epoch, (0, now))
        stand = process.words | self.lags.get(process.epoch, 0)
        if words & stand != words or not words:  # one has gone, or there was none
            words, since = stand, now
        self.worded[process.epoch] = words, since
        if now - since < PATIENCE_NS or not words & (ALL_GO | QUOTES_GO):
            return
        if self.may_not_ask(process):
            return
        for order in lane.orders():
            is_old = order["state"] in RESTING and order["sent_ns"] < since
            if not is_old or order["client_id"] in self.cancelled:
                continue
            if words & ALL_GO or not order["flags"] & lib.HP_ORDER_REDUCE_ONLY:
                name = f"{order['client_id']:x}"
                raise self.broken("S9", f"{name} rests under the words {words:#x}")

    def is_known(self, process: LaneProcess) -> bool:
        """L2: what works in the lane rests at the venue, and the lane holds what the venue says."""
        account = self.world.venue.account
        there = {client_of(self.world.prefix, o.client_id): o for o in account.open_orders.values()}
        for one in process.lane.orders():
            order = there.get(one["client_id"])
            if order is None or one["filled_lots"] != order.lots - order.left:
                return False
        exchange, view = self.world.venue.desk.exchange, process.page.view
        return all(
            view.positions[number].lots[0]
            == account.position(exchange.markets[symbol].instrument, "BOTH").lots
            for number, symbol in self.world.symbols.items()
        )

    # -- at a death ------------------------------------------------------------------------------

    def at_death(self, process: LaneProcess) -> None:
        """S7, S8, S12, S15: the journal is dense, in time, without secrets, and a successor learns
        from it what the lane knew."""
        if process.lane.is_broken:
            self.refused.add(process.epoch)
            self.world.met.add("record_refused")
        if process.head.overwritten:
            self.world.met.add("ring_came_round")
        self.reader(process).read()
        if any(secret in process.journal.map for secret in SECRETS):
            raise self.broken("S15", "the journal has a signature")
        found = evidence.read(memoryview(process.journal.map))
        if found is None:
            return
        account = self.world.venue.account
        open_now = {client_of(self.world.prefix, o.client_id) for o in account.open_orders.values()}
        for client_id in self.left.get(process.epoch, ()):  # under way, or at work
            is_there = client_id in open_now or client_id not in self.arrived
            if is_there and client_id not in found.orders and client_id not in self.roots:
                sent = process.lane.order(client_id)
                if sent is None or lib.hp_order_is_working(sent["state"]):
                    name = f"{client_id:x}"
                    raise self.broken("S8", f"{name} has left, and the journal tells nothing of it")
        if process.is_torn or process.lane.is_broken:  # its memory is ahead of its journal
            return
        lane, view = process.lane, process.page.view
        knew = {one["client_id"] for one in lane.orders()}
        tells = {one.client_id for one in found.working()}
        if knew != tells:
            raise self.broken("S8", f"the journal has {tells - knew}, the lane knew {knew - tells}")
        for number, base in found.bases.items():
            lots = base.position.lots[0]
            for (instrument, _, side), fill in found.fills.items():
                if instrument == number:
                    lots += fill.lots if side == lib.HP_SIDE_BUY else -fill.lots
            if lots != view.positions[number].lots[0]:
                held = view.positions[number].lots[0]
                raise self.broken("S8", f"the journal tells of {lots} lots, the lane knew {held}")

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

    # -- at the end ------------------------------------------------------------------------------

    def is_equal(self) -> bool:
        return not self.differences()

    def at_end(self) -> None:
        """S1, S10, S11, L3: nothing rests, and everything is the venue's, to the last unit."""
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
                record["counts"]["order"] - past["counts"]["order"],
            ),
        ]
        held = {row["symbol"]: row for row in record["positions"]}
        had = {row["symbol"]: money(row["realized"]) for row in past["positions"]}
        for number, symbol in world.symbols.items():
            ours = view.positions[number]
            row = held.get(symbol, {"lots": 0, "cost": "0", "realized": "0"})
            used += -(-abs(ours.cost_e8[0]) // world.leverage)
            rows += [
                ("S11", f"{symbol} lots", ours.lots[0], row["lots"]),
            ]
            cost, realised = money(row["cost"]), money(row["realized"]) - had.get(symbol, 0)
            mine = ours.realised_e8 - ours.cost_e8[0]
            rows.append(("S11", f"{symbol} realised less cost", mine, realised - cost))
            if self.is_in_order(number):  # else what is realised depends on the order
                rows.append(("S11", f"{symbol} cost", ours.cost_e8[0], cost))
        fees = sum(view.positions[number].fees_e8 for number in world.symbols)
        rows += [
            ("S11", "fees", fees, money(record["fees"]) - money(past["fees"])),
            ("S11", "wallet", funds.total_e8, wallet),
            ("S11", "reserved", sum(funds.reserved_e8), 0),
            ("S11", "used", sum(funds.used_e8), used),
            ("S11", "free", funds.free_e8, wallet - used),
        ]
        return [
            (name, f"{what}: the lane has {mine}, the venue {theirs}")
            for name, what, mine, theirs in rows
            if mine != theirs
        ]


def money(text: str) -> int:
    return -scaled(text[1:], 8) if text.startswith("-") else scaled(text, 8)


def text_of(message: dict[str, Any]) -> str:
    """Return a request in a few words."""
    p = message["params"]
    words = [p.get(name, "") for name in ("side", "quantity", "price", "timeInForce")]
    name = p.get("newClientOrderId") or p.get("origClientOrderId", "")
    return f"{message['method']} {name[-5:]} " + " ".join(str(word) for word in words if word)
