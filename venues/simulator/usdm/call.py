"""One request after its transport took it apart.

Owns:    what an endpoint or method may read; who may call what.
Refuses: transports, answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from venues.simulator.account import Account
from venues.simulator.usdm.desk import Desk
from venues.simulator.usdm.errors import VenueError
from venues.simulator.usdm.keys import Key
from venues.simulator.usdm.params import Params


class Security(IntEnum):
    """What a caller must show."""

    NONE = 0
    KEY = 1
    SIGNED = 2


@dataclass(slots=True)
class Call:
    """A request; `key` is there when the endpoint asks for one."""

    desk: Desk
    params: Params
    address: str
    now_ms: int
    key: Key | None = None
    good_until_ms: int = 1 << 62

    @property
    def account(self) -> Account:
        if self.key is None:
            raise VenueError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return self.key.account


Answer = dict[str, Any] | list[Any] | str  # str: JSON text written by hand
Handler = Callable[[Call], Answer]


@dataclass(slots=True, frozen=True)
class Endpoint:
    """How one path or method is served; `order` names the request for faults and the record."""

    handler: Handler
    weight: int | Callable[[Params], int] = 1
    security: Security = Security.NONE
    order: str = ""
    counts_order: bool = False

    def weighs(self, params: Params) -> int:
        return self.weight if isinstance(self.weight, int) else self.weight(params)


@contextmanager
def recording(call: Call, endpoint: Endpoint) -> Iterator[None]:
    """Record the refusal of an order request whose account is known."""
    try:
        yield
    except VenueError as error:
        if endpoint.order and call.key is not None:
            call.desk.record_refusal(call.key, endpoint.order, call.params, error)
        raise


def order_handler(request: str) -> Handler:
    """Serve place, modify or cancel through the desk's door."""

    def handler(call: Call) -> Answer:
        desk = call.desk
        operation = getattr(desk.orders, request)
        if call.key is None:
            raise VenueError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return desk.take(call.key, request, operation, call.params, call.good_until_ms)

    return handler
