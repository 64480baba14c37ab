"""The embedded venue without its sockets: the same desk, matching, limits, streams and answers.

Owns:    its clock, its doors to the simulated network, misbehaviour by chance, lists that lag.
Refuses: any rule of the venue: those are venues/simulator's, unchanged.

Signatures are not checked (a key proves nothing here) and ids are numbered instead of drawn.
"""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs

from tests.simulation.chance import Chance
from tests.simulation.host import EPOCH_NS
from tests.simulation.loop import MS, S, SimLoop
from tests.simulation.network import Connection, Network
from venues.simulator.account import Account
from venues.simulator.effects import OrderUpdate
from venues.simulator.instrument import Instrument
from venues.simulator.market import Market
from venues.simulator.options import ServeOptions
from venues.simulator.order import Order, Status, TimeInForce
from venues.simulator.usdm.control import Control
from venues.simulator.usdm.desk import Desk
from venues.simulator.usdm.encode import status_text
from venues.simulator.usdm.errors import Unanswered
from venues.simulator.usdm.faults import Fault, Faults
from venues.simulator.usdm.keys import Key, ListenKeys
from venues.simulator.usdm.rest import Reply, Rest
from venues.simulator.usdm.streams import FLUSH_MS, MARKET, PRIVATE, PUBLIC
from venues.simulator.usdm.timers import DEADLINE_MS, MARK_MS
from venues.simulator.usdm.wire import Socket
from venues.simulator.usdm.wsapi import Session

if TYPE_CHECKING:
    from tests.simulation.judges.judge import Judge

API_KEY, ADDRESS = "key", "host"
BY_HAND = "by-hand-"  # names of orders that a person placed
SERVES = {"public": PUBLIC, "market": MARKET, "private": PRIVATE}
HELD_NS = 50 * MS  # how long a swapped user event waits for the next ones
TWICE_MS = 150  # until a user event is told again, at most
REST_TIMEOUT_NS = 600 * MS
LATE_MS = 800
ORDER, OPEN_ORDERS, TRADES = "/fapi/v1/order", "/fapi/v1/openOrders", "/fapi/v1/userTrades"
COMPACT: Any = {"separators": (",", ":")}
DEPTH = "/fapi/v1/depth"
LAGGING = (ORDER, OPEN_ORDERS, TRADES)


# the venue's name of a fault -> the simulator's
SWITCHES = {
    "drop_answer": "lost_answer",
    "timeout_answer": "unknown_outcome",
    "throttle": "throttled",
    "refuse_order": "refused",
    "expire_post_only": "expired",
    "late_request": "late_request",
    "drop_depth": "gap",
    "duplicate_depth": "depth_twice",
    "reorder_depth": "depth_swapped",
}


class OpenKey(Key):
    """A key whose signatures are not looked at."""

    def verify(self, payload: bytes, signature: str) -> None:
        pass


class NumberedKeys(ListenKeys):
    """Listen keys without chance."""

    numbers = 0

    def start(self, account: Account, now_ms: int) -> str:
        key = self.of(account)
        if not key:
            self.numbers += 1
            key = f"listen-{self.numbers}"
        self.keys[key] = (account, now_ms + self.life_ms)
        return key


class ChanceFaults(Faults):
    """The venue's own switches, thrown by chance, where honest code would have acted."""

    def __init__(self, chance: Chance) -> None:
        super().__init__()
        self.chance = chance
        self.armed = [Fault("chance", "", 1, {})]  # so that the venue asks

    def take(self, kind: str, symbol: str = "", path: str = "") -> Fault | None:
        name = SWITCHES.get(kind)
        if name is None or not self.chance.happens(name):
            return None
        details: dict[str, Any] = {}
        if kind == "refuse_order":
            details = {"code": self.chance.of("code").choice((-2019, -1013, -4164, -2022))}
        if kind == "late_request":
            details = {"ms": self.chance.of("late").randrange(20, LATE_MS)}
        return Fault(kind, symbol, 1, details)


class SimDesk(Desk):
    """The venue's clock is true time."""

    def __init__(self, options: ServeOptions, loop: SimLoop, chance: Chance) -> None:
        self.loop = loop
        super().__init__(options)
        self.faults = ChanceFaults(chance)
        self.streams.faults = self.faults
        self.listen_keys = NumberedKeys(options.listen_key_ms)
        # order id: (time, status, filled, price, lots) after each step
        self.history: dict[int, list[tuple[int, Status, int, int, int]]] = {}

    def _tell(self, update: OrderUpdate, now_ms: int) -> None:
        order = update.order
        self.history.setdefault(order.order_id, []).append(
            (update.time_ms, update.status, update.filled, order.price, order.lots)
        )
        super()._tell(update, now_ms)

    def now_ms(self) -> int:
        return (self.loop.now_ns + EPOCH_NS) // MS

    def advance(self) -> int:
        now_ns = self.loop.now_ns
        for crowd in self.crowds:
            crowd.advance(now_ns, EPOCH_NS // MS)
        self.pump()
        due = [crowd.next_ns for crowd in self.crowds if crowd.rate > 0]
        return max(1, min(due) - now_ns) if due else 0


class Clockwork:
    """What the venue does by itself (usdm/timers.py), as plain events: tasks cost more."""

    def __init__(self, desk: SimDesk, loop: SimLoop) -> None:
        self.desk, self.loop = desk, loop
        self.flushes = self.marks = 0
        self.is_over = False

    def start(self) -> None:
        self.loop.after(0, self.crowds)
        self.loop.after(FLUSH_MS * MS, self.flush)
        self.loop.after(MARK_MS * MS, self.mark)
        self.loop.after(DEADLINE_MS * MS, self.deadlines)

    def stop(self) -> None:
        self.is_over = True

    def crowds(self) -> None:
        pause_ns = self.desk.advance()
        if pause_ns and not self.is_over:
            self.loop.after(pause_ns, self.crowds)

    def flush(self) -> None:
        """Flush depth windows; symbols out of phase."""
        symbols = list(self.desk.streams.markets)
        self.flushes += 1
        turn, index = divmod(self.flushes, len(symbols))
        self.desk.streams.flush(symbols[index], turn, self.desk.now_ms())
        self.loop.after(FLUSH_MS * MS // len(symbols), self.flush)

    def mark(self) -> None:
        self.marks += 1
        for market in self.desk.exchange.markets.values():
            market.step_mark()
        if self.marks % (1000 // MARK_MS) == 0:
            self.desk.streams.marks(self.marks // (1000 // MARK_MS), self.desk.now_ms())
        self.desk.expire_listen_keys()
        self.loop.after(MARK_MS * MS, self.mark)

    def deadlines(self) -> None:
        if self.desk.exchange.deadlines:
            self.desk.exchange.expire_deadlines(self.desk.now_ms())
            self.desk.pump()
        self.loop.after(DEADLINE_MS * MS, self.deadlines)


@dataclass
class Held:
    """A user event that others overtake."""

    payload: bytes
    others: int  # that are still to overtake it


class Sending(asyncio.Transport):
    """What a venue's socket writes to: the way down to the host."""

    def __init__(self, venue: Venue, connection: Connection) -> None:
        self.venue, self.connection = venue, connection

    def is_closing(self) -> bool:
        return self.connection.is_cut

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: Any) -> None:
        size = data[1]
        self.venue.send(self.connection, data[4 if size == 126 else 10 if size == 127 else 2 :])

    def close(self) -> None:
        self.connection.cut()

    abort = close


class Venue:
    """The venue of one story."""

    def __init__(
        self, loop: SimLoop, chance: Chance, net: Network, seed: int, symbols: tuple[str, ...],
        rate: float, read_lag_ms: int,
    ) -> None:  # fmt: skip
        self.loop, self.chance, self.net = loop, chance, net
        self.read_lag_ms = read_lag_ms
        options = ServeOptions(symbols=symbols, seed=seed, rate=rate, limits=True)
        self.desk = SimDesk(options, loop, chance)
        self.account = self.desk.exchange.add_account("demo")
        # the logon asks for a key of the right kind; nobody looks at what it is
        self.desk.keyring.add(OpenKey(API_KEY, self.account, b"", cast(Any, object())))
        self.rest = Rest(self.desk)
        self.control = Control(self.desk)
        self.timers = Clockwork(self.desk, loop)
        self.held: dict[Connection, Held] = {}
        self.requests = self.hands = 0
        self.banned_until_ns = 0
        self.snapshots: dict[str, Reply] = {}  # the last of each question
        self.judge: Judge

    def instrument_of(self, order: Order) -> Instrument:
        return self.desk.exchange.record.orders[order.order_id][1].instrument

    def start(self) -> None:
        self.timers.start()

    def stop(self) -> None:
        self.timers.stop()

    def by_hand(
        self, market: Market, side: str, lots: int, at_ms: int, is_hedged: bool
    ) -> None:
        """A person takes what the market has, on our account."""
        self.hands += 1
        price = market.mark + (50 if side == "BUY" else -50)
        params = {
            "symbol": market.symbol,
            "side": side,
            "type": "LIMIT",
            "timeInForce": "IOC",
            "quantity": market.instrument.lots_text(lots),
            "price": market.instrument.price_text(price),
            "newClientOrderId": f"{BY_HAND}{self.hands}",
        }
        if is_hedged:
            params["positionSide"] = "LONG" if side == "BUY" else "SHORT"
        self.desk.orders.place(self.account, params, at_ms)
        self.desk.pump()

    def nibble(self, chance: random.Random) -> None:
        """Somebody takes what stands before an order of ours, and a part of it or all."""
        ours = list(self.account.open_orders.values())
        if not ours:
            return
        order = chance.choice(ours)
        exchange = self.desk.exchange
        market = exchange.record.orders[order.order_id][1]
        levels = market.matching.of(order.side).levels
        ahead = sum(
            level.lots
            for price, level in levels.items()
            if (price - order.price) * order.side > 0
        )
        for one in levels[order.price].orders.values():
            if one is order:
                break
            ahead += one.left
        lots = ahead + chance.choice((1, max(1, order.left // 2), order.left))
        number, ioc = exchange.next_order_id(), TimeInForce.IOC
        taker = Order(number, 0, -order.side, order.price, lots, ioc)
        market.submit(taker, self.desk.now_ms())
        self.desk.pump()

    # -- sockets ---------------------------------------------------------------------------------

    def accept(self, connection: Connection, group: str, names: list[str]) -> bool:
        """Take a new connection: market or user streams, or the WebSocket API."""
        socket = Socket(Sending(self, connection), group)
        if group == "ws-api":
            session = Session(self.desk, ADDRESS)
            session.reports_limits = False
            connection.up.take = lambda data: self.answer(session, socket, data.decode())
            return True
        socket.serves, socket.combined = SERVES[group], group != "private"
        if group == "private" and self.desk.listen_keys.account(names[0]) is None:
            pass  # a key that does not live is silent, as at the venue
        self.desk.streams.subscribe(socket, names)
        connection.up.take = lambda data: self.command(socket, data.decode())
        connection.gone = lambda: self.desk.streams.forget(socket)
        return True

    def send(self, connection: Connection, payload: bytes) -> None:
        """Let a frame go down; user events may be told twice, or after others."""
        if connection.group != "private":
            connection.down.send(payload)
            return
        held = self.held.get(connection)
        if held is None and self.chance.happens("swapped"):
            held = Held(payload, self.chance.of("swapped/how").choice((1, 1, 2, 4)))
            self.held[connection] = held
            self.loop.after(HELD_NS, self.unhold, connection, held)
            return
        connection.down.send(payload)
        if self.chance.happens("twice"):
            late_ms = self.chance.of("twice/how").choice((0, 5, 50, TWICE_MS))
            self.loop.after(late_ms * MS, connection.down.send, payload)
        if held is not None:
            held.others -= 1
            if held.others == 0:
                self.unhold(connection, held)

    def unhold(self, connection: Connection, held: Held) -> None:
        if self.held.get(connection) is held:
            del self.held[connection]
            connection.down.send(held.payload)

    def command(self, socket: Socket, text: str) -> None:
        socket.send(self.control.command(socket, text, 1024))

    def answer(self, session: Session, socket: Socket, text: str) -> None:
        self.requests += 1
        work = self.answered(session, socket, text)
        if "late_request" in self.chance.strength:
            self.loop.create_task(work)
            return
        try:  # what needs no waiting needs no task
            waits = work.send(None)
        except StopIteration:
            return
        raise AssertionError(f"an answer waits for {waits!r}")

    async def answered(self, session: Session, socket: Socket, text: str) -> None:
        try:
            answer = await session.answer(text)
        except Unanswered:
            self.desk.pump()
            return
        if '"method":"order.status"' in text:
            answer = self.lagged_status(text, answer)
        socket.send(answer)
        self.desk.pump()

    # -- REST ------------------------------------------------------------------------------------

    async def call(
        self, method: str, path: str, query: str, body: str, key: str, life: int = 0
    ) -> Reply:
        """Serve one request as it comes over the network; TimeoutError when nothing comes back.

        life: of the session process that asks; 0 = another process.
        """
        loop, chance = self.loop, self.chance
        self.judge.pace.on_rest(life, path)
        if path == DEPTH:
            self.judge.pace.on_snapshot_asked()
        is_lost = self.net.is_parted or chance.happens("rest_lost")
        if is_lost and chance.of("rest_lost/way").random() < 0.5:
            await asyncio.sleep(REST_TIMEOUT_NS / 1e9)
            raise TimeoutError(f"{method} {path}: no answer")
        await asyncio.sleep(self.net.delay_ns("rest/up") / 1e9)
        self.requests += 1
        if loop.now_ns < self.banned_until_ns or chance.happens("banned"):
            if loop.now_ns >= self.banned_until_ns:
                self.banned_until_ns = loop.now_ns + S
            text = '{"code":-1003,"msg":"Way too many requests."}'
            reply = Reply(418, text, {"Retry-After": "1"})
        elif self.net.is_refused or chance.happens("busy"):
            reply = Reply(503, "", {})
        elif chance.happens("overloaded"):
            text = '{"code":-1003,"msg":"Too many requests."}'
            reply = Reply(429, text, {"Retry-After": "1"})
        else:
            reply = await self.rest.answer(method, path, query, body, key, ADDRESS)
            if method == "GET" and reply.status == 200:
                reply = self.lagged(path, query, reply)
        self.desk.pump()
        said_ns = began = loop.now_ns
        await asyncio.sleep(self.net.delay_ns("rest/down") / 1e9)
        if is_lost or self.net.is_parted:
            left = REST_TIMEOUT_NS - (loop.now_ns - began)
            await asyncio.sleep(max(0, left) / 1e9)
            raise TimeoutError(f"{method} {path}: no answer")
        if reply.status == 418 and life:  # its seconds count from when it was said
            self.judge.pace.on_ban(life, said_ns + int(reply.headers["Retry-After"]) * S)
        if path in (ORDER, OPEN_ORDERS) and method == "GET" and reply.status == 200 and life:
            found = json.loads(reply.text)
            self.judge.successor.on_listed(found if path == OPEN_ORDERS else [found])
        if path == DEPTH and reply.status == 200:
            reply = self.snapshot(query, reply)
        if path == DEPTH and reply.status in (418, 429):
            self.judge.pace.on_snapshot_refused(int(reply.headers["Retry-After"]))
        return reply


    def snapshot(self, query: str, reply: Reply) -> Reply:
        """Return the answer, or the one that was given to the same question before."""
        if query in self.snapshots and self.chance.happens("old_snapshot"):
            return self.snapshots[query]
        self.snapshots[query] = reply
        return reply

    # -- lists that lag --------------------------------------------------------------------------

    def lag_ms(self) -> int:
        """Draw how old an answer to a question is: the venue promises a bound."""
        share = 0.0 if self.chance.is_healed else self.chance.strength.get("read_lag", 0.0)
        if not share:
            return 0
        self.chance.note("read_lag")
        return int(self.chance.of("read_lag").random() * share * self.read_lag_ms)

    def state_at(self, order: Order, view_ms: int) -> tuple[Status, int, int, int, int] | None:
        """Return (status, filled, price, lots, time) of an order at a time; None = not there."""
        found = None
        for at_ms, *state in self.desk.history.get(order.order_id, ()):
            if at_ms <= view_ms:
                found = (*state, at_ms)
        return found

    def row_at(self, order: Order, market: Market, view_ms: int) -> dict[str, Any] | None:
        """Return an order as the venue's lists showed it at a time."""
        state = self.state_at(order, view_ms)
        if state is None:
            return None
        status, filled, price, lots, at_ms = state
        instrument = market.instrument
        return self.desk.orders.queried(market, order) | {
            "status": status_text(status),
            "executedQty": instrument.lots_text(filled),
            "price": instrument.price_text(price),
            "origQty": instrument.lots_text(lots),
            "updateTime": at_ms,
        }

    def lagged_status(self, text: str, answer: str) -> str:
        """Return the answer to an inquiry over the WebSocket API as the lists gave it."""
        if not (lag_ms := self.lag_ms()):
            return answer
        message = json.loads(text)
        named = message["params"].get("origClientOrderId", "")
        if not named:
            return answer
        known = self.desk.exchange.record.latest(self.account.number, named)
        row = self.row_at(*known, self.desk.now_ms() - lag_ms) if known else None
        if row is None:
            error = {"code": -2013, "msg": "Order does not exist."}
            return json.dumps({"id": message["id"], "status": 400, "error": error}, **COMPACT)
        return json.dumps({"id": message["id"], "status": 200, "result": row}, **COMPACT)

    def lagged(self, path: str, query: str, reply: Reply) -> Reply:
        """Return the answer that the venue's lists gave a while ago."""
        if path not in LAGGING or not (lag_ms := self.lag_ms()):
            return reply
        view_ms = self.desk.now_ms() - lag_ms
        orders = self.desk.exchange.record.orders.values()
        if path == TRADES:
            rows = [row for row in json.loads(reply.text) if row["time"] <= view_ms]
        elif path == OPEN_ORDERS:
            rows = []
            for order, market in orders:
                row = self.row_at(order, market, view_ms)
                if row is not None and row["status"] in ("NEW", "PARTIALLY_FILLED"):
                    rows.append(row)
        else:
            named = parse_qs(query).get("origClientOrderId", [""])[0]
            known = self.desk.exchange.record.latest(self.account.number, named)
            row = self.row_at(*known, view_ms) if known else None
            if row is None:
                text = '{"code":-2013,"msg":"Order does not exist."}'
                return Reply(400, text, reply.headers)
            return Reply(200, json.dumps(row, **COMPACT), reply.headers)
        return Reply(200, json.dumps(rows, **COMPACT), reply.headers)


class Answer:
    """A REST answer as aiohttp shows it."""

    def __init__(self, reply: Reply) -> None:
        self.status, self.headers = reply.status, reply.headers
        self.text = reply.text

    async def read(self) -> bytes:
        return self.text.encode()


class Http:
    """aiohttp's session, as far as runtime uses it."""

    lives = 0

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        Http.lives += 1
        self.life = Http.lives

    @asynccontextmanager
    async def request(self, method: str, url: Any, headers: dict[str, str]) -> Any:
        path, query = url.raw_path, url.raw_query_string
        yield Answer(
            await self.venue.call(
                method, path, query, "", headers.get("X-MBX-APIKEY", ""), self.life
            )
        )

    async def close(self) -> None:
        pass
