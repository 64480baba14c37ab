"""Commands that are no orders: stream subscriptions, and the /sim endpoints.

Owns:    SUBSCRIBE and its kin; /sim/record, /sim/book, /sim/state, /sim/fault, /sim/instrument.
Refuses: sockets' life (server.py), the making of events.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from venues.simulator.usdm import encode
from venues.simulator.usdm.desk import Desk
from venues.simulator.usdm.faults import ARMED, AT_ONCE
from venues.simulator.usdm.wire import Socket

CLOSE_GOING_AWAY = 1001
SNAPSHOT_LEVELS = 1000


class Control:
    """What drives the venue from outside, beside trading."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.sockets: set[Socket] = set()
        self.failed = asyncio.Event()
        self._at_once: dict[str, Callable[[dict[str, Any]], int]] = {
            "disarm": self._disarm,
            "close_socket": self._close,
            "half_open": self._half_open,
            "silence_stream": self._silence,
            "drop_stream": self._drop,
            "expire_listen_key": self._expire,
            "pause": lambda details: self._pause(details, True),
            "resume": lambda details: self._pause(details, False),
            "clock_skew": self._skew,
            "funding": lambda details: self.desk.settle_funding(int(details["rate_e8"])),
            "withdraw": self._withdraw,
        }
        assert set(self._at_once) == set(AT_ONCE)

    # stream sockets

    def command(self, socket: Socket, text: str, streams_max: int) -> str:
        """Carry out one message of a stream socket and give its answer."""
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return '{"error":{"code":3,"msg":"Invalid JSON: expected value"}}'
        if not isinstance(message, dict):
            return '{"error":{"code":2,"msg":"Invalid request: expected an object"}}'
        request_id = json.dumps(message.get("id"))
        params = message.get("params")
        if params is None:
            params = []
        if not isinstance(params, list):
            return _refused(request_id, "params must be a sequence")
        match message.get("method"):
            case "SUBSCRIBE" | "UNSUBSCRIBE" as method:
                if not all(isinstance(name, str) for name in params):
                    return _refused(request_id, "params must be strings")
                if method == "UNSUBSCRIBE":
                    self.desk.streams.unsubscribe(socket, params)
                elif len(socket.streams) + len(params) > streams_max:
                    return _refused(request_id, f"more than {streams_max} streams")
                else:
                    self.desk.streams.subscribe(socket, params)
                result: Any = None
            case "LIST_SUBSCRIPTIONS":
                result = list(socket.streams)
            case "SET_PROPERTY" if len(params) == 2 and params[0] == "combined":
                socket.combined = bool(params[1])
                result = None
            case "GET_PROPERTY" if params == ["combined"]:
                result = socket.combined
            case _:
                return _refused(request_id, "unknown variant of method or params")
        return f'{{"result":{json.dumps(result, separators=(",", ":"))},"id":{request_id}}}'

    # /sim

    def answer(self, method: str, path: str, query: str, body: str) -> tuple[int, str]:
        """Serve one /sim request: HTTP status and JSON text."""
        fields = {name: values[0] for name, values in parse_qs(query).items()}
        try:
            match method, path:
                case "GET", "/sim/record":
                    name = fields.get("account", self.desk.options.accounts[0])
                    result: Any = self.desk.report(name, fields.get("lists", "1") != "0")
                case "GET", "/sim/book":
                    result = self._book(fields["symbol"])
                case "GET", "/sim/state":
                    result = self._state()
                case "GET", "/sim/fault":
                    result = {"armed": ARMED, "at_once": AT_ONCE}
                case "POST", "/sim/fault":
                    result = self._fault(json.loads(body))
                case "POST", "/sim/instrument":
                    result = self._change(**json.loads(body))
                case _:
                    return 404, json.dumps({"error": f"{method} {path} is not served here"})
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            return 400, json.dumps({"error": f"{type(error).__name__}: {error}"})
        return 200, json.dumps(result, separators=(",", ":"))

    def _change(self, symbol: str, **filters: Any) -> dict[str, Any]:
        """Another filter from now on, as at a venue's maintenance; no other scale."""
        known = {"lots_max", "market_lots_max", "orders_max", "notional_min_e8", "band_bps"}
        if unknown := set(filters) - known:
            raise ValueError(f"{', '.join(sorted(unknown))}: want of {', '.join(sorted(known))}")
        market = self.desk.exchange.markets[symbol]
        market.instrument = dataclasses.replace(market.instrument, **filters)
        return filters

    def _book(self, symbol: str) -> dict[str, Any]:
        """The engine's own book, every level."""
        market = self.desk.exchange.markets[symbol]
        matching, instrument = market.matching, market.instrument

        def rows(levels: list[tuple[int, int]]) -> list[list[str]]:
            return [[instrument.price_text(p), instrument.lots_text(q)] for p, q in levels]

        return {
            "symbol": symbol,
            "update_id": matching.last_update_id,
            "bids": rows(matching.bids.depth(len(matching.bids.keys))),
            "asks": rows(matching.asks.depth(len(matching.asks.keys))),
        }

    def _state(self) -> dict[str, Any]:
        desk = self.desk
        groups = [socket.group for socket in self.sockets]
        return {
            "time_ms": desk.now_ms(),
            "seed": desk.options.seed,
            "rate": desk.options.rate,
            "update_id": desk.exchange.ids.last,
            "frames_sent": desk.streams.sent,
            "sockets": {group: groups.count(group) for group in sorted(set(groups))},
            "faults_armed": [
                {"kind": one.kind, "symbol": one.symbol, "count": one.count}
                for one in desk.faults.armed
            ],
            "faults_done": desk.faults.done,
            "deadlines": sorted(symbol for _, symbol in desk.exchange.deadlines),
            "paused": [m.symbol for m in desk.exchange.markets.values() if m.paused],
        }

    def _fault(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Arm or carry out a fault; the answer says what it touched."""
        details = dict(wanted)
        kind = str(details.pop("kind"))
        if kind in AT_ONCE:
            touched = self._at_once[kind](details)
            self.desk.faults.note(kind)
            return {"kind": kind, "touched": touched}
        if kind not in ARMED:
            raise ValueError(f"kind {kind} is unknown; want one of {', '.join(ARMED | AT_ONCE)}")
        count = int(details.pop("count", 1))
        if count < 1:
            raise ValueError(f"count is {count}; want 1 or more")
        symbol = str(details.pop("symbol", ""))
        if symbol and symbol not in self.desk.exchange.markets:
            raise ValueError(f"symbol {symbol} is not traded here")
        if kind == "old_snapshot":
            details["texts"] = {
                name: encode.depth_snapshot(market, SNAPSHOT_LEVELS, self.desk.now_ms())
                for name, market in self.desk.exchange.markets.items()
            }
        self.desk.faults.arm(kind, symbol, count, details)
        return {"kind": kind, "armed": count}

    def _of_group(self, details: dict[str, Any]) -> list[Socket]:
        group = str(details.get("group", "all"))
        return [socket for socket in self.sockets if group in ("all", socket.group)]

    def _disarm(self, details: dict[str, Any]) -> int:
        kind = str(details["fault"])
        if kind not in ARMED:
            raise ValueError(f"fault {kind} is never armed; want one of {', '.join(ARMED)}")
        return self.desk.faults.disarm(kind)

    def _close(self, details: dict[str, Any]) -> int:
        code = 0 if details.get("abort") else int(details.get("code", CLOSE_GOING_AWAY))
        chosen = self._of_group(details)
        for socket in chosen:
            socket.close(code)
        return len(chosen)

    def _half_open(self, details: dict[str, Any]) -> int:
        chosen = self._of_group(details)
        for socket in chosen:
            socket.half_open = True
        return len(chosen)

    def _silence(self, details: dict[str, Any]) -> int:
        stream = str(details["stream"])
        until = self.desk.now_ms() + int(details.get("ms", 1_000))
        self.desk.streams.silent_until[stream] = until
        return len(self.desk.streams.listeners.get(stream, ()))

    def _drop(self, details: dict[str, Any]) -> int:
        stream = str(details["stream"])
        count = len(self.desk.streams.listeners.get(stream, ()))
        self.desk.streams.close(stream)
        return count

    def _expire(self, details: dict[str, Any]) -> int:
        count = len(self.desk.listen_keys.keys)
        self.desk.expire_listen_keys(all_of_them=True)
        return count

    def _pause(self, details: dict[str, Any], paused: bool) -> int:
        self.desk.exchange.markets[str(details["symbol"])].paused = paused
        return 1

    def _skew(self, details: dict[str, Any]) -> int:
        self.desk.skew_ms = int(details.get("ms", 0))
        return 1

    def _withdraw(self, details: dict[str, Any]) -> int:
        name = self.desk.options.accounts[0]
        for account in self.desk.exchange.accounts.values():
            if account.name == name:
                account.wallet_e8 -= account.wallet_e8 * int(details["percent"]) // 100
                return 1
        return 0


def _refused(request_id: str, reason: str) -> str:
    message = json.dumps(f"Invalid request: {reason}")
    return f'{{"error":{{"code":2,"msg":{message}}},"id":{request_id}}}'
