"""Who leads: the lease that lanes and sentinel obey, and its providers.

Owns:    the lease page; the provider `sim` (one host, no vote: it renews for as long as it runs).
Refuses: electing between hosts (providers `local` and `etcd` come with failover), obeying.

With provider `none` there is no page and no lane asks.  `sim` exists so that what follows from a
lost lease can be lived through today: stop the supervisor, and nothing is renewed.
"""

from __future__ import annotations

import asyncio
import os
import time

from runtime._shm import ffi, lib
from runtime.pages.page import Page

LEASE_BYTES = ffi.sizeof("hp_lease_page_t")
PROVIDERS = ("none", "sim")


class SimLease:
    """A lease that renews itself four times within its length."""

    def __init__(self, deployment: str, length_ms: int) -> None:
        self.length_ns = length_ms * 1_000_000
        self.page = Page.make(
            deployment, "lease", "hp_lease_page_t", lib.HP_PAGE_LEASE, LEASE_BYTES
        )
        holder = f"{os.uname().nodename}:{os.getpid()}".encode("ascii", "replace")[:31] + b"\0"
        ffi.memmove(self.page.view.holder, holder, len(holder))
        self.epoch = 0
        self.renew()

    def renew(self, until_ns: int | None = None) -> None:
        """Hold the lease for its length from now on (or until a moment: 0 gives it up)."""
        view = self.page.view
        seq = ffi.addressof(view, "seq")
        lib.hp_seq_begin(seq)
        view.lease.until_ns = time.monotonic_ns() + self.length_ns if until_ns is None else until_ns
        view.lease.epoch = self.epoch
        view.lease.is_required = 1
        lib.hp_seq_end(seq)

    async def keep(self) -> None:
        while True:
            self.renew()
            await asyncio.sleep(self.length_ns / 4e9)
