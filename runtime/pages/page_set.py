"""The pages of one deployment that are there now, mapped once and kept while they last.

Owns:    finding pages by name, mapping new ones, letting go of what is gone or was made anew.
Refuses: reading what they hold (snapshot.py), writing, keeping a page that does not fit.

A page may appear, disappear or be made anew (another inode) between two looks.  One that is half
made is refused and found at the next look; what was refused is counted and said.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from runtime._shm import ffi, lib
from runtime.pages import page as pages
from runtime.pages.page import Page, PageError

# page name -> struct it starts with; anything else in /dev/shm is not ours
KINDS = {
    r"lane\.\d{1,2}": "hp_lane_page_t",
    r"journal\.\d{1,2}": "hp_page_t",
    r"mail\.(?:in|out)\.\d{1,2}": "hp_page_t",
    r"log\.\d{1,2}": "hp_page_t",
    r"limits\.\d{1,2}": "hp_limits_page_t",
    r"authority": "hp_authority_page_t",
    r"pair\.(?:intents|told)": "hp_page_t",
    r"control\.[a-z]{1,16}": "hp_control_page_t",
    r"clock": "hp_clock_page_t",
    r"host": "hp_host_page_t",
    r"supervisor": "hp_supervisor_page_t",
    r"sentinel": "hp_sentinel_page_t",
    r"lease": "hp_lease_page_t",
}
NAMES = {re.compile(pattern): kind for pattern, kind in KINDS.items()}
PAGES_MAX = 256
SEQLOCK_TRIES = 64


def kind_of(page: str) -> str | None:
    """Return the struct of a page by its name, None for a name that is no page of ours."""
    return next((kind for name, kind in NAMES.items() if name.fullmatch(page)), None)


@dataclass(slots=True)
class Held:
    page: Page
    inode: int


class PageSet:
    """Pages of a deployment by name.  Not for several threads at once: the caller locks."""

    def __init__(self, deployment: str) -> None:
        self.deployment = deployment
        self.held: dict[str, Held] = {}
        self.refused: dict[str, str] = {}  # now: name -> why
        self.refusals = 0
        self.torn = 0  # copies that were still half written after SEQLOCK_TRIES
        self.whole: dict[str, bytes] = {}  # last whole copy by record

    def refresh(self) -> None:
        """Map what is new, let go of what is gone."""
        prefix = pages.name(self.deployment, "")
        there: dict[str, tuple[int, int]] = {}
        with os.scandir(pages.SHM) as entries:
            for entry in entries:
                if entry.name.startswith(prefix) and kind_of(entry.name[len(prefix) :]):
                    try:
                        about = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    there[entry.name[len(prefix) :]] = (about.st_ino, about.st_size)
        for name in [n for n, held in self.held.items() if there.get(n, (0,))[0] != held.inode]:
            self.held.pop(name).page.close()
        self.refused = {}
        for name, (inode, size) in sorted(there.items())[:PAGES_MAX]:
            if name not in self.held:
                self.map(name, inode, size)

    def map(self, name: str, inode: int, size: int) -> None:
        kind = kind_of(name)
        assert kind is not None
        try:
            if size < ffi.sizeof(kind):
                raise PageError(f"page {name} has {size} bytes; {kind} has {ffi.sizeof(kind)}")
            page = Page.open(self.deployment, name, kind)
        except (PageError, OSError) as error:
            self.refused[name] = str(error)
            self.refusals += 1
            return
        self.held[name] = Held(page, inode)

    def named(self, pattern: str) -> list[tuple[str, Page]]:
        """Return (last part of the name, page) of the pages whose names start with `pattern.`."""
        found = [(n, h.page) for n, h in self.held.items() if n.startswith(pattern + ".")]
        return sorted((n[len(pattern) + 1 :], page) for n, page in found)

    def view(self, name: str) -> Any | None:
        """Return the view of a page, None when it is not there."""
        held = self.held.get(name)
        return None if held is None else held.page.view

    def copy(self, name: str, source: Any, to: Any) -> bool:
        """Copy a record behind its `seq` whole; its previous copy when the writer is inside.

        False when there is neither.  A copy that could not be taken is counted.
        """
        seq = ffi.addressof(source, "seq")
        if lib.hp_seq_read(seq, source, to, ffi.sizeof(ffi.typeof(to).item), SEQLOCK_TRIES):
            self.whole[name] = bytes(ffi.buffer(to))
            return True
        self.torn += 1
        kept = self.whole.get(name)
        if kept is None:
            return False
        ffi.memmove(to, kept, len(kept))
        return True

    def close(self) -> None:
        for held in self.held.values():
            held.page.close()
        self.held.clear()
