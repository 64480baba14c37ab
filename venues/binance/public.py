"""Public REST of the family: reference data and book snapshots, without a key.

Owns:    what an answer that is none becomes (VenueError), what answers and reference data say of
         the venue's quotas.
Refuses: keys and signatures (usdm/session.py), retries: it reports.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp

SECONDS = {"S": 1, "M": 60, "H": 3600, "D": 86_400}
USAGE = re.compile(r"x-mbx-(used-weight|order-count)-(\d{1,3})([smhd])", re.IGNORECASE)
TOO_MANY_ORDERS = -1015  # of the account; other refusals of the kind are about the address


class Usage(NamedTuple):
    """How much of a window is used, by the venue's count."""

    kind: str  # weight | orders
    length_s: int
    used: int


class Heard(NamedTuple):
    """What one answer says of the quotas; also that there was none."""

    usages: list[Usage]
    weight: int  # of the request, by the venue's list
    stopped: str  # weight | orders: refused for want of it; "" = not refused
    status: int
    retry_after_s: float  # 0 = not said


def usages(headers: Mapping[str, str]) -> list[Usage]:
    """Return the figures of an answer's headers."""
    out = []
    for name, value in headers.items():
        found = USAGE.fullmatch(name)
        if found is None or not value.isdigit():
            continue
        kind = "weight" if found[1].lower() == "used-weight" else "orders"
        out.append(Usage(kind, int(found[2]) * SECONDS[found[3].upper()], int(value)))
    return out


def windows(info: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Return kind, seconds and limit of each window that reference data names."""
    kinds = {"REQUEST_WEIGHT": "weight", "ORDERS": "orders"}
    return [
        (
            kinds[row["rateLimitType"]],
            int(row["intervalNum"]) * SECONDS[row["interval"][0]],
            int(row["limit"]),
        )
        for row in info.get("rateLimits", [])
        if row["rateLimitType"] in kinds
    ]


class VenueError(Exception):
    """The venue refused a request, or did not answer it."""

    def __init__(
        self, method: str, path: str, status: int, code: int, text: str, retry_after: str = ""
    ) -> None:
        super().__init__(f"{method} {path} answered {status} code {code}: {text}")
        self.status = status
        self.code = code
        self.retry_after_s = float(retry_after) if retry_after.isdigit() else 0.0


def refusal(method: str, path: str, answer: aiohttp.ClientResponse, body: bytes) -> VenueError:
    """Return the error that an answer other than 200 is."""
    try:
        found = json.loads(body)
        code, message = int(found.get("code", 0)), str(found.get("msg", ""))
    except (ValueError, AttributeError):
        code, message = 0, body[:200].decode(errors="replace")
    retry_after = answer.headers.get("Retry-After", "")
    return VenueError(method, path, answer.status, code, message, retry_after)


def weight_of(answer: aiohttp.ClientResponse, before: int) -> int:
    """Return the weight used this minute, as the venue counts it for our address."""
    used = answer.headers.get("X-MBX-USED-WEIGHT-1M", "")
    return int(used) if used.isdigit() else before


class PublicRest:
    """Unsigned requests to one market."""

    def __init__(self, base: str, path: str, http: aiohttp.ClientSession) -> None:
        self.base = base
        self.path = path  # of its version: /api/v3
        self.used_weight = 0
        self._http = http

    async def get(self, name: str, parameters: Mapping[str, Any] | None = None) -> bytes:
        """Return a body; VenueError on any refusal."""
        path = f"{self.path}/{name}"
        async with self._http.get(self.base + path, params=dict(parameters or {})) as answer:
            body = await answer.read()
            self.used_weight = weight_of(answer, self.used_weight)
            if answer.status != 200:
                raise refusal("GET", path, answer, body)
            return body

    async def exchange_info(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.get("exchangeInfo"))
        return found

    async def depth(self, symbol: str, limit: int = 1000) -> bytes:
        """Return a book snapshot as the venue wrote it: the lane's codec reads it."""
        return await self.get("depth", {"symbol": symbol, "limit": limit})
