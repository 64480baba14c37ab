"""Error codes and sentences of the dialect.

Owns:    one place for each code; the code of each Denial of the exchange.
Refuses: deciding when an error applies.
"""

from __future__ import annotations

from venues.simulator.exchange import Denial


class VenueError(Exception):
    """An error answer: code, sentence, HTTP status."""

    def __init__(self, code: int, message: str, status: int = 400, retry_s: int = 0) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status
        self.retry_s = retry_s
        self.recorded = False


class Unanswered(Exception):
    """A fault: the request was taken (or not), and no answer will ever come."""


def missing(name: str) -> VenueError:
    return VenueError(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def illegal(name: str, legal: str) -> VenueError:
    return VenueError(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    )


def not_valid(name: str) -> VenueError:
    return VenueError(-1130, f"Data sent for parameter '{name}' is not valid.")


def no_path(method: str, path: str) -> VenueError:
    return VenueError(-5000, f"Path {path}, Method {method} is invalid", 404)


def denied(denial: Denial, cancel: bool = False) -> VenueError:
    """Translate the exchange's refusal."""
    if cancel and denial is Denial.NOT_OPEN:
        return unknown_order()
    code, message = DENIALS[denial]
    return VenueError(code, message)


def unknown_order() -> VenueError:
    return VenueError(-2011, "Unknown order sent.")


def no_such_order() -> VenueError:
    return VenueError(-2013, "Order does not exist.")


def timeout() -> VenueError:
    return VenueError(
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; "
        "execution status unknown.",
        408,
    )


def throttled() -> VenueError:
    return VenueError(
        -1008,
        "Request throttled by system-level protection. Reduce-only/close-position orders are "
        "exempt. Please try again.",
        503,
    )


PRECISION = (-1111, "Precision is over the maximum defined for this asset.")
BAD_SYMBOL = (-1121, "Invalid symbol.")
BAD_SIDE = (-1117, "Invalid side.")
BAD_TYPE = (-1116, "Invalid orderType.")
BAD_TIME_IN_FORCE = (-1115, "Invalid timeInForce.")
BAD_CLIENT_ID = (-4015, "Client order id is not valid.")
BAD_POSITION_SIDE = (-4061, "Order's position side does not match user's setting.")
USE_ALGO = (
    -4120,
    "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
)
BAD_KEY_FORMAT = (-2014, "API-key format invalid.")
BAD_KEY = (-2015, "Invalid API-key, IP, or permissions for action.")
BAD_SIGNATURE = (-1022, "Signature for this request is not valid.")
LATE = (-1021, "Timestamp for this request is outside of the recvWindow.")
EARLY = (-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
LATE_AT_MATCHING = (-5028, "Timestamp for this request is outside of the ME recvWindow.")
WIDE_WINDOW = (-1131, "recvWindow must be less than 60000.")
BAD_LISTEN_KEY = (-1125, "This listenKey does not exist.")
NO_HMAC_LOGON = (-4056, "HMAC_SHA256 API key is not supported.")
BAD_JSON = (-1135, "Invalid JSON Request")

DENIALS: dict[Denial, tuple[int, str]] = {
    Denial.WOULD_TAKE: (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        "The order will not be recorded in the order history",
    ),
    Denial.UNFILLABLE: (
        -5021,
        "Due to the order could not be filled immediately, the FOK order has been rejected. "
        "The order will not be recorded in the order history",
    ),
    Denial.MARGIN: (-2019, "Margin is insufficient."),
    Denial.REDUCE_ONLY: (-2022, "ReduceOnly Order is rejected."),
    Denial.DUPLICATE_ID: (-4116, "ClientOrderId is duplicated."),
    Denial.TOO_MANY_OPEN: (-2025, "Reach max open order limit."),
    Denial.PAUSED: (-4140, "Invalid symbol status for opening position."),
    Denial.NOT_OPEN: (-2013, "Order does not exist."),
    Denial.OPEN_ORDERS: (-4067, "Position side cannot be changed if there exists open orders."),
    Denial.OPEN_POSITION: (-4068, "Position side cannot be changed if there exists position."),
    Denial.UNCHANGED: (-5027, "No need to modify the order."),
}
