"""Binance USD-M in the few words that a sentinel needs: list, cancel, balance, time.

Owns:    these requests as text, their weights, what their answers say, whose an open order is.
Refuses: sockets and HTTP (runtime/sentinel/wire.py), deciding, anything that opens risk.

Small on purpose, and apart from session.py and the lanes: a fault there must not reach it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import quote

BATCH_MAX = 10  # orders of one batch cancel
RECV_WINDOW_MS = 5000
WEIGHT_HEADER = "x-mbx-used-weight-1m"
EPOCH_SHIFT = 48  # of a client order id: hotpath/abi/order.h
OFF_TIME = -1021  # error: the timestamp is not the venue's


class Ask(NamedTuple):
    """One request, not yet signed."""

    method: str
    path: str
    parameters: tuple[tuple[str, Any], ...]
    weight: int
    is_signed: bool = True


class OpenOrder(NamedTuple):
    symbol: str
    venue_id: int
    client_text: str


def open_orders(symbol: str = "") -> Ask:
    """Ask for the open orders of a symbol, or of the account."""
    named = (("symbol", symbol),) if symbol else ()
    return Ask("GET", "/fapi/v1/openOrders", named, 1 if symbol else 40)


def cancel_all(symbol: str) -> Ask:
    """Ask for the end of every order of the account in a symbol, whoever placed it."""
    return Ask("DELETE", "/fapi/v1/allOpenOrders", (("symbol", symbol),), 1)


def cancel_batches(orders: Iterable[OpenOrder]) -> list[Ask]:
    """Ask for the end of exactly these orders, in as few requests as the venue allows."""
    by_symbol: dict[str, list[int]] = {}
    for order in orders:
        by_symbol.setdefault(order.symbol, []).append(order.venue_id)
    return [
        Ask(
            "DELETE",
            "/fapi/v1/batchOrders",
            (
                ("symbol", symbol),
                ("orderIdList", json.dumps(ids[at : at + BATCH_MAX], separators=(",", ":"))),
            ),
            1,
        )
        for symbol, ids in by_symbol.items()
        for at in range(0, len(ids), BATCH_MAX)
    ]


def balances() -> Ask:
    return Ask("GET", "/fapi/v3/balance", (), 5)


def server_time() -> Ask:
    return Ask("GET", "/fapi/v1/time", (), 1, is_signed=False)


def text(ask: Ask, sign: Callable[[str], str], ahead_ms: int = 0) -> str:
    """Return path and query as they go out now; ahead_ms: the venue's clock less ours."""
    query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in ask.parameters)
    if ask.is_signed:
        stamp = int(time.time() * 1000) + ahead_ms
        query += f"{'&' if query else ''}recvWindow={RECV_WINDOW_MS}&timestamp={stamp}"
        query += "&signature=" + quote(sign(query), safe="")
    return ask.path + (f"?{query}" if query else "")


# -- answers ---------------------------------------------------------------------------------------


def error_code(body: bytes) -> int:
    """Return the venue's own code of a refusal, 0 when it names none."""
    try:
        return int(json.loads(body)["code"])
    except (ValueError, KeyError, TypeError):
        return 0


def read_orders(body: bytes) -> list[OpenOrder]:
    return [
        OpenOrder(str(row["symbol"]), int(row["orderId"]), str(row["clientOrderId"]))
        for row in json.loads(body)
    ]


def read_time_ms(body: bytes) -> int:
    return int(json.loads(body)["serverTime"])


def read_equity_e8(body: bytes, asset: str) -> int | None:
    """Return wallet and open profit of one asset in 1e-8; None when the account has none of it."""
    for row in json.loads(body):
        if row.get("asset") == asset:
            return e8(str(row["balance"])) + e8(str(row.get("crossUnPnl", "0")))
    return None


def e8(number: str) -> int:
    """Return a decimal text in 1e-8, cut."""
    sign, digits = (-1, number[1:]) if number.startswith("-") else (1, number)
    whole, _, fraction = digits.partition(".")
    return sign * (int(whole or 0) * 10**8 + int((fraction + "0" * 8)[:8]))


def client_id(prefix: str, client_text: str) -> int:
    """Return the client order id that the codec wrote so; 0 = it is not this deployment's."""
    found = re.fullmatch(re.escape(prefix) + "-([0-9a-f]{16})", client_text)
    return int(found[1], 16) if found else 0


def epoch(prefix: str, client_text: str) -> int:
    """Return the epoch in which one of our orders was placed; 0 = not ours."""
    return client_id(prefix, client_text) >> EPOCH_SHIFT
