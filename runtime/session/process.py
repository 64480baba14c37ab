"""The venue's cold half as a process: it signs, asks by REST, and answers the lanes' wishes.

Owns:    the key (nowhere else is it loaded), the HTTP session, snapshots, listen keys, logons,
         openings (session/opening.py), cancelling by REST what a lane that is given up left behind.
Refuses: orders while a lane lives, deciding when a lane starts (runtime/appliance.py).

A lane goes on without this process: its sockets are its own.  Wishes wait in the ring, and those
that died with a process are made again by the lane.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

import aiohttp

from runtime._shm import lib
from runtime.feeds.supply import Feeds, Parts, limits
from runtime.pages.page import Mail, Page, PageError
from runtime.session import evidence
from runtime.session.governor import Governor, Listener
from runtime.session.opening import Instrument, Opener, OpeningError
from runtime.session.quota import KINDS
from runtime.supervise import cold
from runtime.supervise.child import Message
from venues.binance.public import windows
from venues.binance.usdm import reference
from venues.binance.usdm.session import Endpoints, Session, VenueError, load_key

ANSWER_ERRORS = (VenueError, PageError, OpeningError, aiohttp.ClientError, TimeoutError)
LISTEN_KEY_S = 30 * 60
LOOK_S = 0.25  # a bell that was missed costs this much
AGAIN_S = 1.0
REFERENCE_S = 300.0  # between two looks at what the venue says of its instruments
FULL_S = 0.01  # before a full ring is tried again
OPENING_AGAIN_S = 0.2
ALIVE_NS = 2_000_000_000  # a lane that has turned within this is there


class Lane:
    """What this process has of one lane's life: its mail, its page, what its books are fed with."""

    feeds: Feeds
    opener: Opener

    def __init__(self, deployment: str, number: int, epoch: int, bell: int) -> None:
        self.number = number
        self.epoch = epoch
        self.page = Page.open(deployment, f"lane.{number}", "hp_lane_page_t")
        self.mail_in = Mail.open(deployment, f"mail.in.{number}", bell)
        self.mail_out = Mail.open(deployment, f"mail.out.{number}")
        self.evidence: evidence.Evidence | None = None
        self.is_looked_for = asyncio.Event()  # the evidence: until then no wish is answered
        self.is_stopped = False  # what it would go on from is damaged
        self.opening: asyncio.Task[None] | None = None

    async def close(self) -> None:
        if self.opening is not None:
            self.opening.cancel()
        await self.feeds.close()
        for page in (self.page, self.mail_in.page, self.mail_out.page):
            page.close()


class SessionPart(cold.Part):
    """One account's session with one venue."""

    name = "session"

    async def start(self) -> Message:
        """Load the key, read reference data and prices."""
        self.loop = asyncio.get_running_loop()
        s = self.specification
        self.endpoints = Endpoints(**s["endpoints"])
        connector = None
        if s["ca"]:
            import ssl

            connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=s["ca"]))
        self.http = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=5)
        )
        self.session = Session(
            self.endpoints, s["api_key"], load_key(Path(s["key_path"])), self.http
        )
        self.govern()
        if s["is_first"] and (left_s := self.governor.stopped_s()) > 0:
            raise cold.ColdError(
                f"venue {self.endpoints.rest} refuses every request (429, 418) for another"
                f" {left_s:.0f} s, as a former run was told; asking makes it longer: start then"
            )
        self.lanes: dict[int, Lane] = {}
        self.symbols: dict[int, str] = {}
        self.about: dict[int, Any] = {}
        while True:
            try:
                facts = await self.read_reference(s["symbols"])
                break
            except ANSWER_ERRORS as error:
                if s["is_first"]:
                    raise cold.ColdError(f"venue {self.endpoints.rest}: {error!r}") from error
                self.say(f"session.venue_silent error={error!r}")
                await asyncio.sleep(AGAIN_S)
        asyncio.get_running_loop().add_reader(s["bells"]["session"], self.on_bell)
        self.spawn(self.look())
        self.spawn(self.keep_listen_key())
        self.reference_due = asyncio.Event()
        self.spawn(self.keep_reference(s["symbols"], facts))
        self.spawn(self.governor.keep_heard(self.ping))
        self.dead_man_ms = int(s.get("dead_man_ms", 0))
        if self.dead_man_ms:
            self.spawn(self.keep_dead_man())
        return facts

    def govern(self) -> None:
        """Hear what answers say of the venue's quota, and heed it."""
        directory = self.specification.get("directory")
        self.governor = Governor(self.say, Path(directory) if directory else None)
        self.session.heard = self.governor.hear
        self.session.stopped_s = self.governor.stopped_s

    async def read_reference(self, symbols: list[str]) -> Message:
        """Return what a lane must know of its instruments."""
        info = await self.session.exchange_info()
        known = {entry["symbol"]: entry for entry in info["symbols"]}
        missing = [name for name in symbols if name not in known]
        if missing:
            raise cold.ColdError(
                f"venue has no {', '.join(missing)}; it lists {', '.join(sorted(known)[:12])}"
            )
        return {
            "quotas": [[KINDS[kind], *rest] for kind, *rest in windows(info)],
            "instruments": [
                {
                    "symbol": name,
                    "about": reference.instrument(known[name]),
                    "settles_in": known[name]["marginAsset"],
                    "price": int(
                        json.loads(await self.session.depth(name, 5))["bids"][0][0].split(".")[0]
                    ),
                }
                for name in symbols
            ],
        }

    async def keep_reference(self, symbols: list[str], known: Message) -> None:
        """Look again at what the venue says of its instruments; tell what has changed."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.reference_due.wait(), REFERENCE_S)
            self.reference_due.clear()
            try:
                found = await self.read_reference(symbols)
            except (*ANSWER_ERRORS, cold.ColdError, reference.ReferenceDataError) as error:
                self.say(f"session.reference_unread error={error!r}")
                continue
            before = {one["symbol"]: one["about"] for one in known["instruments"]}
            after = {one["symbol"]: one["about"] for one in found["instruments"]}
            differ = {name: about for name, about in after.items() if about != before[name]}
            known = found
            if differ:
                self.tell({"reference": differ})

    async def told(self, message: Message) -> None:
        """Take up a lane's life, or clean up behind one that will not come back."""
        if "lane" in message:
            number = message["lane"]
            self.symbols = {int(n): name for n, name in message["symbols"].items()}
            self.about = {int(n): about for n, about in message["about"].items()}
            former = self.lanes.pop(number, None)
            if former is not None:
                self.governor.leave(number)
                await former.close()
            bell = self.specification["bells"]["lanes"][str(number)]
            deployment = self.specification["deployment"]
            lane = Lane(deployment, number, message["epoch"], bell)
            books = self.symbols if message["has_books"] else {}
            seed = self.specification.get("seed")
            scales = {
                n: (about["price_decimals"], about["size_decimals"])
                for n, about in self.about.items()
            }
            parts = Parts(
                *(self.session, books, lane.mail_in, lane.page, scales, self.say, self.governor),
                seed,
            )
            lane.feeds = Feeds(parts, limits())
            lane.opener = self.opener(lane, message)
            self.lanes[number] = lane
            if message["has_orders"]:
                self.governor.join(number, Listener(lane.page.view, lane.mail_in.put))
            if not message["is_open"]:
                lane.evidence = evidence.newest(deployment, message["former_rings"])
                if lane.evidence is None and message.get("archive"):
                    await asyncio.to_thread(self.recover, lane, Path(message["archive"]))
                self.put(lane, lib.HP_MAIL_OPENING, b"")  # a wish may have been lost
            lane.is_looked_for.set()
            self.on_bell()
        elif "read_reference" in message:
            self.reference_due.set()
        elif "mail" in message:
            self.spawn(self.mail_all(message))
        elif "question" in message:
            self.ask_gate(message["ask"], bytes.fromhex(message["question"]))
        elif "cancel_ours" in message:
            self.spawn(self.cancel_ours(message["cancel_ours"]))
        elif "cancel_all" in message:
            self.spawn(self.cancel_all())

    async def close(self) -> None:
        await super().close()
        if getattr(self, "dead_man_ms", 0):
            with contextlib.suppress(*ANSWER_ERRORS):  # it would take the orders of others later
                await self.set_dead_man(0)
        if hasattr(self, "lanes"):
            for lane in self.lanes.values():
                await lane.close()
        if hasattr(self, "http"):
            await self.http.close()

    # -- a lane's opening ------------------------------------------------------------------------

    def opener(self, lane: Lane, message: Message) -> Opener:
        return Opener(
            self.session,
            {
                number: Instrument(
                    number,
                    symbol,
                    self.about[number]["price_decimals"],
                    self.about[number]["size_decimals"],
                    self.about[number]["contract"],
                    self.about[number]["multiplier_e8"],
                )
                for number, symbol in self.symbols.items()
            },
            message["prefix"],
            lane.mail_in,
            self.say,
            policy=message["on_restart"],
            read_lag_s=message["read_lag_ms"] / 1000,
        )

    def recover(self, lane: Lane, archive: Path) -> None:
        """Look in the archive for what a life knew whose ring is lost."""
        from runtime.journal import recovery  # the ledger and what it needs: for this one case only

        try:
            found = recovery.evidence_of(archive, lane.number)
        except recovery.RecoveryStopped as error:
            lane.is_stopped = True
            self.say_safely(f"session.recovery_stopped lane={lane.number} error={str(error)!r}")
            return
        except recovery.COULD_NOT as error:
            self.say_safely(f"session.no_recovery lane={lane.number} error={str(error)!r}")
            return
        if found is not None:
            lane.evidence, how = found
            base = how.base.number if how.base else "none"
            self.say_safely(
                f"lane.recovered lane={lane.number} epoch_before={lane.evidence.epoch}"
                f" checkpoint={base} tail_records={how.tail_records}"
                f" refused={len(how.refused)} torn={len(how.torn)} seconds={how.seconds:.3f}"
            )

    def say_safely(self, text: str) -> None:
        """Say from another thread."""
        self.loop.call_soon_threadsafe(self.say, text)

    async def open_lane(self, lane: Lane, generation: int) -> None:
        """Answer a lane's wish for an opening; a newer wish ends this one."""
        await lane.is_looked_for.wait()  # a lane wishes at once, reading an archive takes time
        while not lane.is_stopped and self.lanes.get(lane.number) is lane:
            try:
                await lane.opener.open(
                    generation,
                    lane.evidence,
                    lambda: self.tell({"opened": lane.number, "epoch": lane.epoch}),
                )
                return
            except ANSWER_ERRORS as error:
                self.say(f"session.opening_failed lane={lane.number} error={error!r}")
                await asyncio.sleep(OPENING_AGAIN_S)

    # -- wishes ----------------------------------------------------------------------------------

    def on_bell(self) -> None:
        """Take the lanes' wishes."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.specification["bells"]["session"])
        for lane in self.lanes.values():
            while (taken := lane.mail_out.take()) is not None:
                kind, aux, payload = taken
                if kind == lib.HP_MAIL_VERDICT:
                    number = int.from_bytes(payload[:8], "little")  # hp_verdict_t.intent_id
                    self.tell({"answer": number, "verdict": payload.hex()})
                elif kind == lib.HP_MAIL_WANT:
                    self.spawn(self.answer(lane, aux, int.from_bytes(payload[4:8], "little")))

    async def look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.on_bell()
            self.governor.look()

    async def answer(self, lane: Lane, what: int, aux: int) -> None:
        """Fulfil one wish.  What fails is said; the lane asks again."""
        try:
            if what == lib.HP_WANT_SNAPSHOT:
                if self.lanes.get(lane.number) is lane:
                    lane.feeds.want(aux)
            elif what == lib.HP_WANT_MISSED:
                if self.lanes.get(lane.number) is lane:
                    await lane.feeds.fill(aux)
            elif what == lib.HP_WANT_LOGON:
                if self.governor.stopped_s() > 0:
                    return  # a logon is a request too; the lane wishes again
                if aux:  # a refused logon is not tried again at once
                    await asyncio.sleep(1)
                self.put(lane, lib.HP_MAIL_LOGON, self.session.logon_text().encode())
            elif what == lib.HP_WANT_OPENING:
                if lane.opening is not None:
                    lane.opening.cancel()
                lane.opening = self.spawn(self.open_lane(lane, aux))
            elif what == lib.HP_WANT_TRADES:
                await lane.opener.trades(aux)
            elif what == lib.HP_WANT_LISTEN_KEY:
                address = self.endpoints.user(await self.session.listen_key())
                self.put(lane, lib.HP_MAIL_LISTEN_KEY, address.encode())
        except ANSWER_ERRORS as error:
            self.say(f"session.answer_failed want={what} aux={aux} error={error!r}")

    def put(self, lane: Lane, kind: int, data: bytes, aux: int = 0) -> None:
        """Answer a lane, unless that life of it has ended meanwhile."""
        if self.lanes.get(lane.number) is not lane:
            return
        if not lane.mail_in.put(kind, data, aux):
            self.say(f"mail.full lane={lane.number} kind={kind} aux={aux} bytes={len(data)}")

    def ask_gate(self, number: int, question: bytes) -> None:
        """Pass a question on to the lane that has the gate; its verdict names the number."""
        lane = self.lanes.get(0)
        if lane is None:
            self.tell({"answer": number, "refused": "no lane with a gate lives"})
            return
        self.put(lane, lib.HP_MAIL_ASK, number.to_bytes(8, "little") + question[8:])  # intent.id

    async def mail_all(self, message: Message) -> None:
        """Mail instruments, limits and signals to every lane; say so when all of them have it."""
        for lane in list(self.lanes.values()):
            for kind, aux, data in message["mail"]:
                while self.lanes.get(lane.number) is lane:
                    if lane.mail_in.put(kind, bytes.fromhex(data), aux):
                        break
                    await asyncio.sleep(FULL_S)
        self.say(f"lanes.mailed records={len(message['mail'])} lanes={len(self.lanes)}")
        self.tell({"mailed": message["number"]})

    async def keep_listen_key(self) -> None:
        while True:
            await asyncio.sleep(LISTEN_KEY_S)
            try:
                await self.session.keep_listen_key()
            except ANSWER_ERRORS as error:
                self.say(f"session.listen_key_failed error={error!r}")

    async def ping(self) -> None:
        """Ask how much is used; a venue that is silent says it another time."""
        with contextlib.suppress(*ANSWER_ERRORS):
            await self.session.ping()

    async def set_dead_man(self, ms: int) -> None:
        for symbol in self.symbols.values():
            await self.session.dead_man(symbol, ms)

    async def keep_dead_man(self) -> None:
        """Renew the venue's timer while a lane turns; a lane that stands still lets it run out."""
        while True:
            await asyncio.sleep(self.dead_man_ms / 4000)
            now = time.monotonic_ns()
            beats = [int(lane.page.header.heartbeat_ns) for lane in self.lanes.values()]
            if now - max(beats, default=0) > ALIVE_NS:
                continue
            try:
                await self.set_dead_man(self.dead_man_ms)
            except ANSWER_ERRORS as error:
                self.say(f"session.dead_man_failed error={error!r}")

    async def cancel_all(self) -> None:
        """Cancel every order of the account, of others too, until the venue lists none."""
        left = -1
        for _ in range(10):
            try:
                found = await self.session.open_orders()
                left = len(found)
                if not found:
                    break
                for symbol in sorted({str(order["symbol"]) for order in found}):
                    await self.session.cancel_all(symbol)
            except ANSWER_ERRORS as error:
                self.say(f"session.cancel_failed error={error!r}")
                await asyncio.sleep(AGAIN_S)
        self.say(f"session.cancelled_all orders_left={left}")

    async def cancel_ours(self, prefix: str) -> None:
        """Cancel by REST every order whose id is of this deployment; say how many are left."""
        left = -1
        for _ in range(5):
            try:
                ours = [
                    order
                    for order in await self.session.open_orders()
                    if str(order["clientOrderId"]).startswith(prefix)
                ]
                left = len(ours)
                if not ours:
                    break
                for order in ours:
                    with contextlib.suppress(VenueError):  # it may have ended by itself
                        await self.session.request(
                            "DELETE",
                            "/fapi/v1/order",
                            {"symbol": order["symbol"], "orderId": order["orderId"]},
                        )
            except ANSWER_ERRORS as error:
                self.say(f"session.cancel_failed error={error!r}")
                await asyncio.sleep(AGAIN_S)
        self.tell({"cancelled": left})


if __name__ == "__main__":
    cold.run({"session": SessionPart})
