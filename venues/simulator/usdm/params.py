"""Request parameters: text in, numbers and enums out, with the venue's errors.

Owns:    syntax of numbers; what is mandatory; which words are known.
Refuses: knowing what a request is for.
"""

from __future__ import annotations

import re

from venues.simulator.instrument import Inexact, scaled
from venues.simulator.order import BUY, SELL, SelfTrade, TimeInForce
from venues.simulator.usdm import errors
from venues.simulator.usdm.errors import VenueError, illegal, missing, not_valid

NUMBER = re.compile(r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
INTEGER = re.compile(r"^[0-9]{1,18}$")

Params = dict[str, str]


def needed(params: Params, name: str) -> str:
    """A parameter that must be there and not be empty."""
    value = params.get(name, "")
    if not value:
        raise missing(name)
    return value


def number(text: str, name: str, decimals: int) -> int:
    """Decimal text as an integer of 10^-decimals, with the venue's errors."""
    if not NUMBER.match(text):
        raise illegal(name, NUMBER.pattern)
    try:
        return scaled(text, decimals)
    except Inexact:
        raise VenueError(*errors.PRECISION) from None


def whole(params: Params, name: str) -> int:
    text = needed(params, name)
    if not INTEGER.match(text):
        raise illegal(name, "^[0-9]{1,20}$")
    return int(text)


def side_number(params: Params) -> int:
    side = needed(params, "side")
    if side not in ("BUY", "SELL"):
        raise VenueError(*errors.BAD_SIDE)
    return BUY if side == "BUY" else SELL


def time_in_force(params: Params) -> TimeInForce:
    text = needed(params, "timeInForce")
    if text not in ("GTC", "IOC", "FOK", "GTX"):
        raise VenueError(*errors.BAD_TIME_IN_FORCE)
    return TimeInForce[text]


def self_trade_mode(params: Params) -> SelfTrade:
    text = params.get("selfTradePreventionMode", "NONE")
    if text not in SelfTrade.__members__:
        raise not_valid("selfTradePreventionMode")
    return SelfTrade[text]


def flag(params: Params, name: str) -> bool:
    value = params.get(name, "false").lower()
    if value not in ("true", "false"):
        raise not_valid(name)
    return value == "true"
