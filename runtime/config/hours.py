"""Hours of trading as people write them, as windows of the UTC day.

Owns:    `mon-fri 08:00-16:30`, `daily 02:00-02:30` -> (from_s, until_s, days, is_closed).
Refuses: time zones (it is UTC), windows past midnight (write two), holidays.
"""

from __future__ import annotations

import re

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TEXT = re.compile(r"(daily|[a-z]{3}(?:-[a-z]{3})?) (\d\d):(\d\d)-(\d\d):(\d\d)")
WANTED = "like mon-fri 08:00-16:30 or daily 02:00-02:30, UTC, not past midnight"


def window(text: str, is_closed: bool) -> tuple[int, int, int, int]:
    """Return one window.  Raises ValueError with what was wanted."""
    found = TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r}: want hours {WANTED}")
    first, _, last = found[1].partition("-")
    if first != "daily" and not {first, last or first} <= set(DAYS):
        raise ValueError(f"{text!r}: want days of {', '.join(DAYS)}, or daily")
    start, end = 60 * int(found[2]) + int(found[3]), 60 * int(found[4]) + int(found[5])
    if not start < end <= 24 * 60 or int(found[3]) > 59 or int(found[5]) > 59:
        raise ValueError(f"{text!r}: want hours {WANTED}")
    days = 0x7F
    if first != "daily":
        begin, count = DAYS.index(first), (DAYS.index(last or first) - DAYS.index(first)) % 7 + 1
        days = sum(1 << (begin + n) % 7 for n in range(count))
    return start * 60, end * 60, days, int(is_closed)


def windows(sessions: list[str], maintenance: list[str]) -> list[tuple[int, int, int, int]]:
    """Return all windows of an instrument."""
    return [window(text, False) for text in sessions] + [window(text, True) for text in maintenance]
