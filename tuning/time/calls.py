"""The calls about time that the rest of the appliance makes.

Owns:    validate_ptp_sync and coordinate_with_time_authority: reading twice where movement is the
         proof, limits by name.
Refuses: rules (judge_*), holding the record (authority.py).
"""

from __future__ import annotations

import time

from tuning.time.authority import Authority, TimeAuthority
from tuning.time.limits import load_limits
from tuning.time.status import SyncStatus, TimeFacts, Where, judge, observe

AUTHORITY = TimeAuthority()  # of this process, when no other is named


def validate_ptp_sync(
    profile: str = "bare-metal",
    rule: str | None = None,
    *,
    where: Where | None = None,
    previous: TimeFacts | None = None,
    between_s: float = 0.0,
) -> SyncStatus:
    """Look at PTP, chrony, the kernel and the hardware clocks, and judge them together.

    `between_s` > 0 reads twice that far apart, which also shows steps and clocks that stand still;
    `previous` takes the place of the first reading.  Raises LimitsError for an unknown name.
    """
    place = where or Where()
    limits = load_limits(profile, rule)
    if previous is None and between_s > 0:
        previous = observe(place)
        time.sleep(between_s)
    return judge(observe(place), limits, place, previous)


def coordinate_with_time_authority(
    authority: Authority | None = None,
    status: SyncStatus | None = None,
    *,
    profile: str = "bare-metal",
    where: Where | None = None,
) -> bool:
    """Hand the newest record to the time authority; return whether time is known after it.

    A bad status is handed over too: it takes the permit away at once.
    """
    if status is None:
        status = validate_ptp_sync(profile, where=where)
    return (authority or AUTHORITY).accept(status.record)
