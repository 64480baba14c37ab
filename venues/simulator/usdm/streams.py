"""Streams: who listens to what, and the text of market events.

Owns:    routed paths, stream names, subscriptions, depth windows and their flushes.
Refuses: making sockets (server.py), private events' text (desk.py), clocks (now_ms is given).

A stream on the wrong path is acknowledged and stays silent, as at the venue.
"""

from __future__ import annotations

from collections import defaultdict, deque
from itertools import groupby

from venues.simulator.effects import Effect, PublicTrade, TopChange
from venues.simulator.market import DepthWindow, Market
from venues.simulator.usdm import encode
from venues.simulator.usdm.encode import Shape
from venues.simulator.usdm.faults import Faults
from venues.simulator.usdm.wire import Socket, text_frame

PUBLIC = frozenset(("bookTicker", "depth", "rpiDepth"))
MARKET = frozenset(
    ("aggTrade", "markPrice", "kline", "ticker", "miniTicker", "forceOrder", "contractInfo")
)
PRIVATE = frozenset(("listenKey",))
LEGACY = PUBLIC | MARKET | PRIVATE | {"trade"}
FLUSH_MS = 50  # depth@0ms comes in batches of this length
SPEEDS_MS: dict[str, int] = {"0ms": 50, "100ms": 100, "": 250, "250ms": 250, "500ms": 500}
PARTIAL_LEVELS = (5, 10, 20)
AGG_TRADES_KEPT = 10_000  # of a symbol, for REST


def stream_kind(name: str) -> str:
    """`btcusdt@depth5@100ms` -> `depth`; a name without `@` is a listen key."""
    _, at, rest = name.partition("@")
    if not at:
        return "listenKey"
    kind = rest.partition("@")[0]
    return "depth" if kind.startswith("depth") else kind


class DepthStream:
    """One symbol's depth at one speed."""

    __slots__ = ("held", "market", "name", "period_ms", "window")

    def __init__(self, market: Market, name: str, period_ms: int) -> None:
        self.market = market
        self.name = name
        self.period_ms = period_ms
        self.window = DepthWindow(market.matching.last_update_id)
        self.held = ""  # a reordered event waits here for the next one
        market.windows.append(self.window)


class Streams:
    """All market streams of the venue."""

    def __init__(self, markets: dict[str, Market], shape: Shape, faults: Faults) -> None:
        self.shape = shape
        self.faults = faults
        self.markets = {market.symbol.lower(): market for market in markets.values()}
        self.listeners: dict[str, set[Socket]] = defaultdict(set)
        self.silent_until: dict[str, int] = {}
        self.agg_ids = {symbol: 2_000_000_000 for symbol in self.markets}
        self.agg_trades: dict[str, deque[tuple[int, list[PublicTrade]]]] = {
            symbol: deque(maxlen=AGG_TRADES_KEPT) for symbol in self.markets
        }
        speeds = sorted(set(SPEEDS_MS.values()))
        self.depths = {
            (symbol, period): DepthStream(market, symbol, period)
            for symbol, market in self.markets.items()
            for period in speeds
        }
        self.partials = {
            symbol: market.matching.last_update_id for symbol, market in self.markets.items()
        }
        self.sent = 0

    def subscribe(self, socket: Socket, names: list[str]) -> None:
        for name in names:
            if name not in socket.streams:
                socket.streams[name] = None
                if stream_kind(name) in socket.serves:
                    self.listeners[name].add(socket)

    def unsubscribe(self, socket: Socket, names: list[str]) -> None:
        for name in names:
            socket.streams.pop(name, None)
            listeners = self.listeners.get(name)
            if listeners is not None:
                listeners.discard(socket)
                if not listeners:
                    del self.listeners[name]

    def close(self, name: str) -> None:
        """Nobody listens to this stream any more, whatever sockets believe."""
        self.listeners.pop(name, None)

    def forget(self, socket: Socket) -> None:
        self.unsubscribe(socket, list(socket.streams))

    def publish(self, name: str, text: str, now_ms: int, event: str = "") -> None:
        """Send one event to all who listen to a stream; each frame is built once.

        `event` names a private event, for sockets that want only some of them.
        """
        listeners = self.listeners.get(name)
        if not listeners or now_ms < self.silent_until.get(name, 0):
            return
        raw = combined = b""
        for socket in tuple(listeners):
            if event and socket.events and event not in socket.events:
                continue
            if socket.combined:
                combined = combined or text_frame(f'{{"stream":"{name}","data":{text}}}')
                socket.send_frame(combined)
            else:
                raw = raw or text_frame(text)
                socket.send_frame(raw)
            self.sent += 1

    def effects(self, effects: list[Effect], now_ms: int) -> None:
        """Send trades and tops at once."""
        for kind, run in groupby(effects, type):
            if kind is PublicTrade:
                trades = [effect for effect in run if isinstance(effect, PublicTrade)]
                self._trades(trades, now_ms)
            elif kind is TopChange:
                for top in run:
                    assert isinstance(top, TopChange)
                    name = f"{top.market.symbol.lower()}@bookTicker"
                    if name in self.listeners:
                        self.publish(name, encode.book_ticker(top, now_ms, self.shape), now_ms)

    def _trades(self, trades: list[PublicTrade], now_ms: int) -> None:
        for _, run in groupby(trades, lambda one: (one.market.symbol, one.taker_id, one.price)):
            same = list(run)
            symbol = same[0].market.symbol.lower()
            self.agg_ids[symbol] += 1
            if f"{symbol}@trade" in self.listeners:
                for one in same:
                    self.publish(f"{symbol}@trade", encode.trade(one, now_ms), now_ms)
            self.agg_trades[symbol].append((self.agg_ids[symbol], same))
            if f"{symbol}@aggTrade" in self.listeners:
                if self.faults.armed and self.faults.take("drop_trade", symbol.upper()):
                    continue
                text = encode.agg_trade(self.agg_ids[symbol], same, now_ms, self.shape)
                self.publish(f"{symbol}@aggTrade", text, now_ms)

    def flush(self, symbol: str, turn: int, now_ms: int) -> None:
        """Send the depth windows that end with this turn (one turn is FLUSH_MS)."""
        for period in sorted(set(SPEEDS_MS.values())):
            if turn % (period // FLUSH_MS) == 0:
                self._flush(self.depths[symbol, period], now_ms)

    def _flush(self, stream: DepthStream, now_ms: int) -> None:
        window, symbol = stream.window, stream.name
        if not window.first:
            return
        names = [
            f"{symbol}@depth@{speed}" if speed else f"{symbol}@depth"
            for speed, period in SPEEDS_MS.items()
            if period == stream.period_ms
        ]
        if any(name in self.listeners for name in names):
            market = stream.market
            text = encode.depth_update(market, window, now_ms, self.shape)
            copies = self._misbehave(stream, text)
            for copy in copies:
                for name in names:
                    self.publish(name, copy, now_ms)
        previous = window.previous
        window.close()
        self._flush_partial(stream, previous, now_ms)

    def _misbehave(self, stream: DepthStream, text: str) -> list[str]:
        """What is really sent in place of one depth event."""
        symbol, faults = stream.market.symbol, self.faults
        copies = [text]
        if faults.armed:
            if faults.take("drop_depth", symbol):
                return []
            if faults.take("duplicate_depth", symbol):
                copies = [text, text]
            if not stream.held and faults.take("reorder_depth", symbol):
                stream.held = text
                return []
        if stream.held:
            copies, stream.held = [*copies, stream.held], ""
        return copies

    def _flush_partial(self, stream: DepthStream, previous: int, now_ms: int) -> None:
        for speed, period in SPEEDS_MS.items():
            if period != stream.period_ms:
                continue
            for levels in PARTIAL_LEVELS:
                name = f"{stream.name}@depth{levels}" + (f"@{speed}" if speed else "")
                if name in self.listeners:
                    text = encode.depth_partial(stream.market, levels, previous, now_ms, self.shape)
                    self.publish(name, text, now_ms)

    def marks(self, second: int, now_ms: int) -> None:
        """Send mark prices: @1s each second, the plain stream each third."""
        for symbol, market in self.markets.items():
            names = [f"{symbol}@markPrice@1s"]
            if second % 3 == 0:
                names.append(f"{symbol}@markPrice")
            if any(name in self.listeners for name in names):
                text = encode.mark_price(market, now_ms, self.shape)
                for name in names:
                    self.publish(name, text, now_ms)
