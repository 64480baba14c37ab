"""The pages of one life of a lane, made by the supervisor before the lane starts.

Owns:    which pages a lane has, their sizes.
Refuses: what becomes of the pages of a life that has ended (rings.py).
"""

from __future__ import annotations

from runtime._shm import ffi, lib
from runtime.pages.page import LANE_BYTES, Mail, Page

MAIL_IN_BYTES = 8 * 1024 * 1024
MAIL_OUT_BYTES = 1024 * 1024
LOG_BYTES = 256 * 1024


def life_bytes(journal_bytes: int) -> int:
    """Return what one life takes in shared memory."""
    return journal_bytes + int(LANE_BYTES) + MAIL_IN_BYTES + MAIL_OUT_BYTES + LOG_BYTES


def make(
    deployment: str, number: int, epoch: int, journal_bytes: int, fingerprint: str
) -> tuple[dict[str, Page], Mail]:
    """Make a life's pages; return them by name, and the ring of its log lines."""
    log = Mail.make(deployment, f"log.{number}", LOG_BYTES)
    lane, ring = lib.HP_PAGE_LANE, lib.HP_PAGE_JOURNAL
    pages = {
        f"lane.{number}": Page.make(
            deployment, f"lane.{number}", "hp_lane_page_t", lane, LANE_BYTES, epoch
        ),
        f"journal.{number}": Page.make(
            deployment, f"journal.{number}", "hp_page_t", ring, journal_bytes, epoch
        ),
        f"mail.in.{number}": Mail.make(deployment, f"mail.in.{number}", MAIL_IN_BYTES).page,
        f"mail.out.{number}": Mail.make(deployment, f"mail.out.{number}", MAIL_OUT_BYTES).page,
        f"log.{number}": log.page,
    }
    head = ffi.cast("hp_journal_head_t *", pages[f"journal.{number}"].header + 1)
    head.fingerprint = int(fingerprint, 16)
    pages[f"lane.{number}"].header.heartbeat_ns = 0  # the lane's own, from its first turn on
    return pages, log
