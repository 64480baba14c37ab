"""Answers and user events of USD-M, as the venue documents them, to be varied by tests."""

from __future__ import annotations

import json
from typing import Any

from venues.binance.usdm.codec import request_name

USDT, BNB = 11, 12
CLIENT_ID, REQUEST_ID = 0x0001_0800_0000_002A, 0x2B
PREFIX = "site1"
CLIENT_TEXT = "site1-000108000000002a"
PLACE, CANCEL, STATUS, LOGON = 1, 2, 3, 4


def text(tree: object) -> bytes:
    return json.dumps(tree, separators=(",", ":")).encode()


def order(**change: Any) -> dict[str, Any]:
    return {
        "orderId": 325078477,
        "symbol": "BTCUSDT",
        "status": "NEW",
        "clientOrderId": CLIENT_TEXT,
        "price": "43187.00",
        "origQty": "0.100",
        "executedQty": "0.000",
        "cumQty": "0.000",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "reduceOnly": False,
        "closePosition": False,
        "side": "BUY",
        "positionSide": "BOTH",
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "updateTime": 1702555534435,
        **change,
    }


RATE_LIMITS = [
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300, "count": 1}
]


def answer(kind: int, result: object) -> bytes:
    name = request_name(kind, CLIENT_ID, REQUEST_ID)
    return text({"id": name, "status": 200, "result": result, "rateLimits": RATE_LIMITS})


def refusal(kind: int, code: int, status: int = 400) -> bytes:
    name = request_name(kind, CLIENT_ID, REQUEST_ID)
    error = {"code": code, "msg": "what the venue says"}
    return text({"id": name, "status": status, "error": error, "rateLimits": RATE_LIMITS})


def update(**change: Any) -> dict[str, Any]:
    inner = {
        "s": "BTCUSDT",
        "c": CLIENT_TEXT,
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "0.010",
        "p": "7100.50",
        "ap": "7100.50",
        "sp": "0",
        "x": "NEW",
        "X": "NEW",
        "i": 8886774,
        "l": "0",
        "z": "0",
        "L": "0",
        "T": 1568879465650,
        "t": 0,
        "b": "0",
        "a": "0",
        "m": False,
        "R": False,
        "wt": "CONTRACT_PRICE",
        "ot": "LIMIT",
        "ps": "LONG",
        "cp": False,
        "rp": "0",
        "pP": False,
        "V": "EXPIRE_TAKER",
        **change,
    }
    return {"e": "ORDER_TRADE_UPDATE", "T": 1568879465650, "E": 1568879465651, "o": inner}


TRADE = {
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "l": "0.001",
    "z": "0.004",
    "L": "7100.40",
    "N": "USDT",
    "n": "0.01000000",
    "t": 12345678,
    "m": True,
    "rp": "-12.34",
}


def positions(*rows: tuple[str, str]) -> bytes:
    entries = [{"s": symbol, "pa": amount, "ep": "1.5", "ps": "BOTH"} for symbol, amount in rows]
    return text({"e": "ACCOUNT_UPDATE", "E": 2, "T": 1, "a": {"m": "ORDER", "B": [], "P": entries}})


def account() -> bytes:
    """Return an account update of two balances and three positions."""
    frame = {
        "e": "ACCOUNT_UPDATE",
        "E": 1564745798939,
        "T": 1564745798938,
        "a": {
            "m": "ORDER",
            "B": [
                {"a": "USDT", "wb": "122624.12345678", "cw": "100.12345678", "bc": "50.12345678"},
                {"a": "BNB", "wb": "-1.00000000", "cw": "0.00000000", "bc": "-49.12345678"},
            ],
            "P": [
                {"s": "BTCUSDT", "pa": "0", "ep": "0.00000", "iw": "0.00000000", "ps": "BOTH"},
                {"s": "BTCUSDT", "pa": "20", "ep": "6563.66500", "mt": "isolated", "ps": "LONG"},
                {"s": "BTCUSDT", "pa": "-10.5", "ep": "6563.86000000012", "ps": "SHORT"},
            ],
        },
    }
    return text(frame)
