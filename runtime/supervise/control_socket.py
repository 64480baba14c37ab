"""The door for operators: a local socket of a running deployment, commands as lines of JSON.

Owns:    the socket (<state_dir>/run/control.sock, directory 0700), who may speak (peer credentials:
         this user or root), the commands, their answers, the log line that says who asked.
Refuses: other hosts, other users (counted and logged), deciding what a word stops (the gate does).

One request, one answer, each a line: {"command": "freeze", "reason": "..."} ->
{"ok": true, "obeyed": true, "lanes": [...]}.  A word is written at once and stays written; the
answer says which lanes obey it, as their own pages show it: a stuck lane is seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from runtime._shm import lib
from runtime.pages import names
from runtime.show.observer import Observer
from runtime.show.snapshot import Lane
from runtime.show.status import status
from runtime.supervise.peer import CommandError, Peer, peer_of, printable, short_path
from runtime.supervise.peer import ask as ask_at
from runtime.supervise.state import state_dir, state_path

REQUEST_BYTES_MAX = 64 * 1024
CONNECTIONS_MAX = 16
REQUEST_SECONDS_MAX = 10.0
REFUSAL_SECONDS_MAX = 1.0
OBEY_SECONDS_MAX = 2.0
LOOK_SECONDS = 0.01


class Words(Protocol):
    """What sets the operator's word (runtime.pages.page.Control)."""

    @property
    def word(self) -> int: ...
    def set(self, bits: int, reason: str) -> None: ...
    def clear(self, bits: int) -> None: ...


# command -> (bits set, bits cleared)
WORDS = {
    "kill": (lib.HP_WORD_KILL, 0),
    "freeze": (lib.HP_WORD_FREEZE, 0),
    "flatten": (lib.HP_WORD_FLATTEN, lib.HP_WORD_KILL),  # set first: no new risk in between
    "resume": (0, lib.HP_WORD_KILL | lib.HP_WORD_FREEZE | lib.HP_WORD_FLATTEN),
}
COMMANDS = (*WORDS, "drain", "reload", "status", "limits", "signal", "check")


LIMIT_ACTIONS = ("show", "set", "freeze", "thaw")


def socket_path(deployment: str) -> Path:
    return state_path(deployment) / "run" / "control.sock"


class ControlServer:
    """Serves one deployment's commands inside the supervisor's loop."""

    def __init__(
        self,
        deployment: str,
        control: Words,
        drain: Callable[[], None],
        say: Callable[[str], None],
        reload: Callable[[], dict[str, Any]] | None = None,
        observer: Observer | None = None,
        asked: Callable[[str], None] = lambda command: None,
        limits: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]] | None = None,
        signal: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        check: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]] | None = None,
    ) -> None:
        state_dir(deployment)  # made, 0700
        self.path = socket_path(deployment)
        self.control = control
        self.drain = drain
        self.reload = reload
        self.say = say
        self.observer = observer or Observer(deployment)
        self.limits = limits  # asks the authority
        self.signal = signal  # tells lanes of toxicity and emergency
        self.check = check  # asks the gate about an order
        self.asked = asked  # told of each command that changes something, beside the lanes
        self.refused = 0
        self.served = 0
        self.busy = 0
        self.connections: set[asyncio.StreamWriter] = set()
        self.server: asyncio.Server | None = None

    async def start(self) -> None:
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        self.path.parent.chmod(0o700)
        self.path.unlink(missing_ok=True)  # of a run that died: pages say whether one is alive
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.setblocking(False)
        with short_path(self.path) as short:
            listener.bind(short)
        self.path.chmod(0o600)
        self.server = await asyncio.start_unix_server(
            self.serve, sock=listener, limit=REQUEST_BYTES_MAX
        )

    async def close(self) -> None:
        if self.server is None:
            return
        self.server.close()
        until = asyncio.get_running_loop().time() + OBEY_SECONDS_MAX
        while self.busy and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(LOOK_SECONDS)  # who asked for the drain is told that it began
        for writer in list(self.connections):
            writer.close()
        self.path.unlink(missing_ok=True)
        self.observer.close()
        self.server = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        try:
            peer = peer_of(writer.get_extra_info("socket"))
            if peer.uid not in (os.geteuid(), 0):
                self.refused += 1
                self.say(f"control.refused pid={peer.pid} uid={peer.uid} refused={self.refused}")
                with contextlib.suppress(ValueError):  # unread bytes would take the answer away
                    await asyncio.wait_for(reader.readline(), REFUSAL_SECONDS_MAX)
                await self.answer(writer, {"ok": False, "error": f"uid {peer.uid} may not speak"})
            elif len(self.connections) > CONNECTIONS_MAX:
                await self.answer(writer, {"ok": False, "error": "too many connections"})
            else:
                await self.converse(reader, writer, peer)
        except (ConnectionError, TimeoutError):
            pass  # who asked has gone, or says nothing: a word that was set stays set
        finally:
            self.connections.discard(writer)
            writer.close()

    async def converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: Peer
    ) -> None:
        while True:
            try:
                line = await asyncio.wait_for(reader.readline(), REQUEST_SECONDS_MAX)
            except ValueError:  # longer than the limit
                await self.answer(
                    writer, {"ok": False, "error": f"request over {REQUEST_BYTES_MAX} bytes"}
                )
                return
            if not line:
                return
            self.busy += 1
            try:
                answer = await self.obey(line, peer)
            except CommandError as error:
                answer = {"ok": False, "error": str(error)}
            finally:
                self.busy -= 1
            self.served += 1
            await self.answer(writer, answer)

    @staticmethod
    async def answer(writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
        writer.write(json.dumps(answer).encode() + b"\n")
        await asyncio.wait_for(writer.drain(), REQUEST_SECONDS_MAX)

    async def obey(self, line: bytes, peer: Peer) -> dict[str, Any]:
        try:
            request = json.loads(line)
            command, reason = request["command"], request.get("reason") or ""
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CommandError(
                'want one JSON object a line: {"command": ..., "reason": ...}'
            ) from error
        if command not in COMMANDS or not isinstance(reason, str):
            raise CommandError(f"command is {command!r:.80}; want one of {', '.join(COMMANDS)}")
        if command == "status":
            return {"ok": True, "status": status(self.observer.take())}
        said = printable(reason)
        if command == "limits":
            return await self.ask_limits(request, said, peer)
        if command == "signal":
            return self.take_signal(request, said, peer)
        if command == "check":
            return await self.ask_gate(request)
        self.say(f"control.{command} pid={peer.pid} uid={peer.uid} reason={said!r}")
        if command == "reload":
            if self.reload is None:
                raise CommandError("this run has no configuration file to read again")
            self.asked(command)
            return {"ok": True, **self.reload()}
        if command == "drain":
            self.control.set(lib.HP_WORD_DRAIN, said or "drain")
            self.drain()
            return await self.followed(lib.HP_WORD_DRAIN, 0, {})
        bits, cleared = WORDS[command]
        if command == "flatten":
            self.refuse_behind_a_kill()
        if bits:
            self.control.set(bits, said or f"{command} by uid {peer.uid}")
        if cleared:
            self.control.clear(cleared)
        # The turn that each lane is in now may have looked already; the next one must see it.
        marks = {one.name: (one.epoch, one.counters["turns"]) for one in self.observer.take().lanes}
        self.asked(command)
        return await self.followed(bits, cleared, marks)

    async def ask_limits(self, request: dict[str, Any], said: str, peer: Peer) -> dict[str, Any]:
        """Pass a question about limits on to the authority, with who asks."""
        if self.limits is None:
            raise CommandError("this run has no authority: its lanes hold limits of their own")
        action = request.get("action")
        if action not in LIMIT_ACTIONS:
            raise CommandError(f"action is {action!r:.80}; want one of {', '.join(LIMIT_ACTIONS)}")
        asks: dict[str, Any] = {
            str(name): request[name] for name in ("limit", "figures", "widen") if name in request
        }
        if action != "show":
            self.asked("limits")
            self.say(f"control.limits_{action} pid={peer.pid} uid={peer.uid} reason={said!r}")
        who = {"uid": peer.uid, "pid": peer.pid, "reason": said, "utc_ns": time.time_ns()}
        answer = await self.limits({**asks, **who, "action": action})
        if "refused" in answer:
            raise CommandError(str(answer["refused"]))
        return {"ok": True, **answer}

    async def ask_gate(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask what the gate would say of an order; nothing is sent, nothing is logged."""
        if self.check is None:
            raise CommandError("this run has no gate to ask")
        try:
            answer = await self.check(request)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if "refused" in answer:
            raise CommandError(str(answer["refused"]))
        return {"ok": True, **answer}

    def take_signal(self, request: dict[str, Any], said: str, peer: Peer) -> dict[str, Any]:
        """Tell lanes of toxicity or an emergency, or say what holds."""
        if self.signal is None:
            raise CommandError("this run has no lanes that take signals")
        try:
            answer = self.signal(request)
        except ValueError as error:
            raise CommandError(str(error)) from error
        words = " ".join(
            f"{name}={request[name]}" for name in ("symbol", "toxicity", "emergency")
            if name in request
        )
        if words:
            self.asked("signal")
            self.say(f"control.signal {words} pid={peer.pid} uid={peer.uid} reason={said!r}")
        return {"ok": True, **answer}

    def refuse_behind_a_kill(self) -> None:
        """A flatten sends orders: not while somebody else holds a kill."""
        for one in self.observer.take().controls:
            if one.writer != "operator" and one.word & lib.HP_WORD_KILL:
                raise CommandError(
                    f"{one.writer} holds a kill ({one.reason}): nothing may leave; corelane"
                    f" {one.writer} release takes it back, then flatten"
                )

    async def followed(
        self, bits: int, cleared: int, marks: dict[str, tuple[int, int]]
    ) -> dict[str, Any]:
        """Wait until each lane's own page shows the words, at most OBEY_SECONDS_MAX.

        marks: the lanes' epochs and turns when the words had just been written.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + OBEY_SECONDS_MAX
        while True:
            found = self.observer.take()
            others = 0  # another page may hold a word that this one has cleared
            for one in found.controls:
                others |= one.word
            cleared &= ~others
            lanes = [
                lane_answer(one, bits, cleared, marks.get(one.name, (0, 0))) for one in found.lanes
            ]
            obeyed = bool(lanes or bits & lib.HP_WORD_DRAIN) and all(one["obeyed"] for one in lanes)
            if obeyed or clock() > until:
                return {
                    "ok": True,
                    "obeyed": obeyed,
                    "words": names.words(self.control.word),
                    "lanes": lanes,
                }
            await asyncio.sleep(LOOK_SECONDS)


def lane_answer(one: Lane, bits: int, cleared: int, mark: tuple[int, int]) -> dict[str, Any]:
    """Say how one lane stands; turns: of its loop from the word's writing to its obeying.

    What the lane shows may be older than the word, and be the same by chance (another writer's
    kill, just taken back): only a turn after the mark counts.
    """
    epoch, turn = mark
    turn = turn if epoch == one.epoch else 0  # a lane that came after the word
    obeyed = one.words & bits == bits and not one.words & cleared and one.looked_turn > turn
    return {
        "name": one.name,
        "pid": one.pid,
        "obeyed": obeyed,
        "turns": max(0, one.turns_at_words - turn) if obeyed and epoch == one.epoch else None,
        "state": names.LANE_STATES.get(one.state, str(one.state)),
        "words": names.words(one.words),
        "is_alive": one.is_alive,
        "heartbeat_age_ms": round(one.heartbeat_age_ns / 1e6, 3),
        "open_orders": one.counters["open_orders"],
        "unknown": one.counters["unknown_now"],
    }


def ask(deployment: str, request: dict[str, Any], seconds: float = 15.0) -> dict[str, Any]:
    """Send one request to a running deployment and return its answer.  Raises CommandError."""
    return ask_at(socket_path(deployment), request, seconds, f"deployment {deployment!r}")
