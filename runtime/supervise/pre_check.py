"""Ask the gate of a running lane what it would say of an order, without sending it.

Owns:    the questions by name (the whole chain, or one kind of check), what an order says, the
         record that a lane is asked by (hp_ask_t), the answer for people and programs.
Refuses: judging: the lane's own compiled gate does, on its own figures (lane/ask.h); holding
         money, spending tokens, counting anything.

    from runtime.supervise.pre_check import pre_check_order
    pre_check_order({"symbol": "BTCUSDT", "side": "BUY", "price": "60000.0", "size": "0.010"})
    # {"approved": False, "verdict": "FENCE_HARD", "reason": "refused: ...", ...}

Each function of this file takes such an order and the deployment's name and answers alike.
CommandError: nobody is there, or the order cannot be read.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from runtime._shm import ffi, lib
from runtime.pages.page import Page
from runtime.show.verdicts import Scale, V, explained
from runtime.supervise.peer import CommandError

CHECKS: dict[str, tuple[str, ...]] = {  # none: the whole chain, in its order
    "pre_check_order": (),
    "validate_price_fence": ("FENCE_VOLATILITY", "FENCE_HARD"),
    "detect_fat_finger": ("FAT_FINGER_SIZE", "FAT_FINGER_DISTANCE", "FAT_FINGER_VOLUME"),
    "detect_self_trade": ("SELF_TRADE",),
    "check_otr_compliance": ("ORDER_TO_TRADE",),
    "monitor_cancel_ratio": ("CANCEL_RATE",),
}
SIDES = {"BUY": lib.HP_SIDE_BUY, "SELL": lib.HP_SIDE_SELL}
POSITION_SIDES = {"BOTH": 0, "LONG": 1, "SHORT": 2}
LIFETIMES = {"GTC": lib.HP_TIF_GTC, "IOC": lib.HP_TIF_IOC, "FOK": lib.HP_TIF_FOK}
FLAGS = ("post_only", "reduce_only")
KNOWN = {"symbol", "side", "price", "size", "position_side", "time_in_force", "strategy", *FLAGS}
VERDICTS = {number: name for name, number in V.items()}
NS_PER_MS = 1_000_000


def one_of(order: dict[str, Any], key: str, table: dict[str, int], usual: str = "") -> int:
    """Return the number of a word; ValueError names the words."""
    word = order.get(key, usual)
    if not isinstance(word, str) or word.upper() not in table:
        raise ValueError(f"{key} is {word!r:.40}; want one of {', '.join(table)}")
    return table[word.upper()]


def units(order: dict[str, Any], key: str, decimals: int) -> int:
    """Return decimal text as ticks or lots; ValueError when it is none, or finer than they are."""
    text = order.get(key)
    try:
        number = Decimal(str(text)).scaleb(decimals)
        if isinstance(text, float) or number != int(number) or not 0 < int(number) < 2**62:
            raise InvalidOperation
    except (InvalidOperation, OverflowError, ValueError):
        want = f"want decimal text above 0, at most {decimals} decimals"
        raise ValueError(f"{key} is {text!r:.40}; {want}") from None
    return int(number)


def question(
    request: dict[str, Any],
    symbols: dict[str, int],
    about: dict[int, dict[str, Any]],
    strategies: int,
    top: Any,
) -> Any:
    """Return hp_ask_t of a request {"what": name in CHECKS, "order": {...}}; ValueError.

    top: of the order's instrument; the picture on which a lane without books judges.
    """
    what, order = request.get("what", "pre_check_order"), request.get("order")
    if what not in CHECKS:
        raise ValueError(f"what is {what!r:.40}; want one of {', '.join(CHECKS)}")
    if not isinstance(order, dict) or set(order) - KNOWN:
        raise ValueError(f"order is {order!r:.80}; want an object of {', '.join(sorted(KNOWN))}")
    symbol = order.get("symbol")
    if symbol not in symbols:
        raise ValueError(f"symbol is {symbol!r:.40}; want one of {', '.join(sorted(symbols))}")
    out = ffi.new("hp_ask_t *")
    out.checks = sum(1 << V[name] for name in CHECKS[what])
    intent, number = out.intent, symbols[symbol]
    intent.instrument, intent.kind, intent.type = number, lib.HP_INTENT_PLACE, lib.HP_TYPE_LIMIT
    intent.side = one_of(order, "side", SIDES)
    intent.position_side = one_of(order, "position_side", POSITION_SIDES, "BOTH")
    intent.time_in_force = one_of(order, "time_in_force", LIFETIMES, "GTC")
    intent.price_ticks = units(order, "price", about[number]["price_decimals"])
    intent.lots = units(order, "size", about[number]["size_decimals"])
    for name in FLAGS:
        if type(order.get(name, False)) is not bool:
            raise ValueError(f"{name} is {order[name]!r:.40}; want true or false")
        setattr(intent, name, order.get(name, False))
    strategy = order.get("strategy", 0)
    if type(strategy) is not int or not 0 <= strategy < max(1, strategies):
        raise ValueError(f"strategy is {strategy!r:.40}; want 0..{max(1, strategies) - 1}")
    intent.strategy = strategy
    intent.book_state, intent.recv_ns = top.state, top.recv_ns
    intent.bid_ticks, intent.bid_lots = top.bid_ticks, top.bid_lots
    intent.ask_ticks, intent.ask_lots = top.ask_ticks, top.ask_lots
    return out


def answer(record: bytes, what: str, symbol: str, about: dict[str, Any]) -> dict[str, Any]:
    """Return what hp_verdict_t says: approved, the verdict's name, the reason as a sentence."""
    v = ffi.from_buffer("hp_verdict_t *", record)
    wait_ns = v.retry_ns - v.now_ns if v.retry_ns else 0
    reason = explained(v, Scale(symbol, about["price_decimals"], about["size_decimals"]))
    if v.verdict == lib.HP_PASS and CHECKS[what]:
        reason = f"nothing against it by {', '.join(name.lower() for name in CHECKS[what])}"
    return {
        "approved": v.verdict == lib.HP_PASS,
        "verdict": VERDICTS.get(v.verdict, str(v.verdict)).removeprefix("HP_"),
        "reason": reason,
        "warnings": [name for name, number in V.items() if v.warnings >> number & 1],
        "retry_ms": max(0, -(-wait_ns // NS_PER_MS)),
    }


def put(what: str, order: dict[str, Any], deployment: str) -> dict[str, Any]:
    from runtime.supervise.control_socket import ask  # it serves these questions, too

    request = {"command": "check", "what": what, "order": order}
    return {key: value for key, value in ask(deployment, request).items() if key != "ok"}


def pre_check_order(order: dict[str, Any], deployment: str = "default") -> dict[str, Any]:
    """Ask the whole chain."""
    return put("pre_check_order", order, deployment)


def validate_price_fence(order: dict[str, Any], deployment: str = "default") -> dict[str, Any]:
    """Ask the fences around the price alone."""
    return put("validate_price_fence", order, deployment)


def detect_fat_finger(order: dict[str, Any], deployment: str = "default") -> dict[str, Any]:
    """Ask whether size or distance are a fat finger's."""
    return put("detect_fat_finger", order, deployment)


def detect_self_trade(order: dict[str, Any], deployment: str = "default") -> dict[str, Any]:
    """Ask whether it would trade with an order of ours."""
    return put("detect_self_trade", order, deployment)


def check_otr_compliance(order: dict[str, Any], deployment: str = "default") -> dict[str, Any]:
    """Ask whether one order more keeps orders to trades within its budget, in every dimension."""
    return put("check_otr_compliance", order, deployment)


def monitor_cancel_ratio(order: dict[str, Any], deployment: str = "default") -> dict[str, Any]:
    """Ask whether the cancels of orders so far are within their budget, in every dimension."""
    return put("monitor_cancel_ratio", order, deployment)


def get_available(asset: str, deployment: str = "default", lane: int = 0) -> int:
    """Return what of an asset is free in a lane's books, 1e-8: total less reserved and used."""
    page = Page.open(deployment, f"lane.{lane}", "hp_lane_page_t")
    try:
        for one in page.view.funds:
            if one.asset and ffi.string(one.name).decode() == asset:
                return int(one.free_e8)
    finally:
        page.close()
    raise CommandError(f"lane {lane} of deployment {deployment!r} holds no {asset}")
