"""The cold parts of an appliance: in which processes they run, what they are told, asked.

Owns:    their plans, what each starts with, messages to a part and answers from it.
Refuses: what a part does (cold.py and the rooms' process.py), what follows from what it tells (the
         appliance).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from runtime._shm import lib
from runtime.pages.page import Page, PageError
from runtime.supervise.child import Message, Plan
from runtime.supervise.supervisor import COLD_STALL_NS_MAX

if TYPE_CHECKING:
    from runtime.appliance import Appliance

ROLES = {  # role and module of each cold part
    "session": (lib.HP_PROCESS_SESSION, "runtime.session.process"),
    "exporter": (lib.HP_PROCESS_EXPORTER, "runtime.show.exporter_process"),
    "archiver": (lib.HP_PROCESS_ARCHIVER, "runtime.journal.process"),
    "authority": (lib.HP_PROCESS_AUTHORITY, "runtime.authority.process"),
}
ASK_S = 5.0  # for an answer


class ColdParts:
    """Session, exporter, archiver, authority: one process each, or all in one on few cores."""

    def __init__(self, appliance: Appliance) -> None:
        self.appliance = appliance
        s = appliance.settings
        absent = {"archiver"} if not s.journal else set()
        absent |= set() if s.has_authority else {"authority"}
        parts = [part for part in ROLES if part not in absent]
        is_merged = appliance.topology.is_cold_merged
        self.process_of = {part: "cold" if is_merged else part for part in parts}
        self.questions: dict[int, asyncio.Future[Message]] = {}
        self.asked_count = 0

    # -- plans -----------------------------------------------------------------------------------

    def plans(self) -> list[Plan]:
        """Plan the cold processes."""
        parts = list(self.process_of)
        if self.appliance.topology.is_cold_merged:
            module = "runtime.supervise.cold_process"
            return [self.plan("cold", lib.HP_PROCESS_COLD, module, parts)]
        return [self.plan(part, *ROLES[part], [part]) for part in parts]

    def plan(self, process: str, role: int, module: str, parts: list[str]) -> Plan:
        appliance = self.appliance

        def specification() -> Message:
            known = {
                "session": self.session_part,
                "exporter": self.exporter_part,
                "archiver": self.archiver_part,
                "authority": self.authority_part,
            }
            return {
                "name": process,
                "deployment": appliance.settings.deployment,
                "parts": {part: known[part]() for part in parts},
            }

        return Plan(
            process,
            role,
            module,
            specification,
            self.beat_reader(process),
            lambda: COLD_STALL_NS_MAX,
            core=appliance.topology.cold_core,
            is_essential="session" in parts,
            descriptors=(*appliance.lane_bells().values(), appliance.bells["session"]),
            told=appliance.told,
            exited=appliance.exited,
            ready=lambda facts: appliance.cold_ready(parts, facts),
        )

    def beat_reader(self, process: str) -> Callable[[], int]:
        """Return what reads a process's heartbeat; the page is its own and comes and goes."""
        held: dict[str, Page] = {}
        appliance = self.appliance

        def beat() -> int:
            page = held.get("page")
            watched = appliance.supervisor.watched.get(process)
            pid = 0 if watched is None else watched.pid
            if page is None or page.header.writer_pid != pid:
                if page is not None:
                    held.pop("page").close()
                try:
                    page = Page.open(appliance.settings.deployment, f"beat.{process}", "hp_page_t")
                except (PageError, ValueError):
                    return 0
                held["page"] = page
            return int(page.header.heartbeat_ns) if page.header.writer_pid == pid else 0

        return beat

    # -- what each starts with -------------------------------------------------------------------

    def session_part(self) -> Message:
        appliance, s = self.appliance, self.appliance.settings
        return {
            "deployment": s.deployment,
            "endpoints": appliance.endpoints.__dict__,
            **appliance.credentials,
            "ca": appliance.ca,
            "directory": str(appliance.directory),
            "symbols": s.symbols,
            "dead_man_ms": s.dead_man_ms,
            "bells": {"session": appliance.bells["session"], "lanes": appliance.lane_bells()},
            "is_first": not appliance.rules.is_known,
        }

    def exporter_part(self) -> Message:
        return {
            "deployment": self.appliance.settings.deployment,
            "port": self.appliance.metrics_port,
            "is_first": not self.appliance.rules.is_known,
        }

    def archiver_part(self) -> Message:
        s = self.appliance.settings
        return {"deployment": s.deployment, "directory": str(s.journal), "rules": s.archive}

    def authority_part(self) -> Message:
        return {
            "deployment": self.appliance.settings.deployment,
            "directory": str(self.appliance.directory),
            "bells": self.appliance.lane_bells(),
        }

    # -- messages --------------------------------------------------------------------------------

    def tell(self, part: str, message: Message) -> bool:
        """Send a message to a part, if its process lives."""
        watched = self.appliance.supervisor.watched.get(self.process_of.get(part, ""))
        if watched is None or watched.life is None or not watched.life.ready.done():
            return False
        watched.life.tell({"part": part, **message})
        return True

    async def ask(self, part: str, question: Message) -> Message:
        """Return the answer of a part; {"refused"} when there is none."""
        self.asked_count += 1
        number = self.asked_count
        asked = self.questions[number] = asyncio.get_running_loop().create_future()
        if not self.tell(part, {"ask": number, **question}):
            self.questions.pop(number)
            return {"refused": f"the {part} is not running"}
        done, _ = await asyncio.wait({asked}, timeout=ASK_S)
        self.questions.pop(number, None)
        return asked.result() if done else {"refused": f"no answer within {ASK_S:.0f} s"}

    def answered(self, message: Message) -> None:
        """Take an answer; nobody waits for one that comes too late."""
        asked = self.questions.pop(message.pop("answer"), None)
        if asked is not None and not asked.done():
            asked.set_result(message)
