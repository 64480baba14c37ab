"""What happens to a deployment in a story: each fault that comes by the clock, as an act.

Owns:    when it comes, what it does to host, network, venue and processes, when what was stopped or
         killed is back.
Refuses: drawing which faults a seed has (chance.py), faults of one frame, request or write (they
         happen where it passes).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runtime._shm import lib
from tests.simulation.loop import MS, S
from tests.simulation.terms import ACCOUNT

if TYPE_CHECKING:
    from tests.simulation.lane import LaneProcess
    from tests.simulation.world import World

# steps until it dies, 0 = at once; which steps count
FUNDING = (-500_000, -10_000, 10_000, 750_000)  # 1e-8 of each position's mark
NEVER_NS = 3600 * S  # by itself: when the story heals somebody looks
KILLS = ((0, ""), (1, ""), (2, ""), (1, "place"), (1, "place"), (2, "place"), (1, "open"))


class Mishaps:
    """The faults of one story."""

    def __init__(self, world: World) -> None:
        self.world = world

    def plan_faults(self) -> None:
        """Let each fault that comes by the clock come."""
        acts: dict[str, Callable[[Any], None]] = {
            "cut": self.cut,
            "half_open": self.half_open,
            "partition": lambda chance: self.world.net.part(chance.randrange(50, 600) * MS),
            "deaf": lambda chance: self.world.net.deafen(chance.randrange(5, 500) * MS),
            "silence": self.silence,
            "key_expired": self.expire_keys,
            "funding": lambda chance: self.world.venue.desk.settle_funding(chance.choice(FUNDING)),
            "nibbled": self.world.venue.nibble,
            "kill": self.kill,
            "kill_session": self.kill_session,
            "kill_authority": self.kill_authority,
            "kill_archiver": self.kill_archiver,
            "no_memory": self.no_memory,
            "power": self.cut_power,
            "checkpoint": self.checkpoint,
            "limits": self.change_limits,
            "kill_sentinel": self.kill_sentinel,
            "trip": self.trip,
            "stop_supervisor": self.stop_supervisor,
            "pause": self.pause,
            "words": self.words,
            "clock": self.step_clock,
            "chatter": self.chatter,
            "one_way": lambda chance: self.world.net.hold_up(chance.randrange(20, 700) * MS),
            "venue_restart": self.restart_venue,
        }
        for name, act in acts.items():
            self.plan(name, act)

    def plan(self, name: str, act: Callable[[Any], None]) -> None:
        pause = self.world.chance.pause_ns(name)
        if pause is None:
            return

        def happen() -> None:
            if self.world.chance.is_healed:
                return
            self.world.chance.note(name)
            self.world.trace("fault", name)
            act(self.world.chance.of(f"{name}/how"))
            self.plan(name, act)

        self.world.loop.after(pause, happen)

    def cut(self, chance: Any) -> None:
        connection = self.world.net.pick()
        if connection is not None:
            connection.cut()

    def half_open(self, chance: Any) -> None:
        connection = self.world.net.pick()
        if connection is not None:
            connection.die()

    def victim(self) -> LaneProcess:
        """Draw a lane, where there are two."""
        lanes = self.world.lanes()
        return lanes[0] if len(lanes) == 1 else self.world.chance.of("pair/victim").choice(lanes)

    def kill(self, chance: Any) -> None:
        steps, at = chance.choice(KILLS)
        victim = self.victim()
        victim.kill(steps, at if victim.number == 0 else "")

    def chatter(self, chance: Any) -> None:
        """Tell at length, by any connection, of something that no lane reads."""
        held = list(self.world.net.connections)
        if not held:
            return
        connection = chance.choice(held)
        event = '{"e":"STRATEGY_UPDATE","E":1,"su":"%s"}' % ("x" * chance.randrange(1000, 20_000))
        if connection.group in ("public", "market"):
            event = f'{{"stream":"btcusdt@nothing","data":{event}}}'
        connection.down.send(event.encode())

    def restart_venue(self, chance: Any) -> None:
        """The venue is gone for a moment: its orders and its keys are there again behind it."""
        self.world.net.restart_venue(chance.randrange(20, 1000) * MS)

    def silence(self, chance: Any) -> None:
        streams = self.world.venue.desk.streams
        names = sorted(name for name in streams.listeners if "@" in name)  # no listen key
        if names:
            until = self.world.venue.desk.now_ms() + chance.randrange(50, 1200)
            streams.silent_until[chance.choice(names)] = until

    def expire_keys(self, chance: Any) -> None:
        self.world.venue.desk.expire_listen_keys(all_of_them=True)

    def kill_session(self, chance: Any) -> None:
        if self.world.session is None:
            return
        self.world.session.kill()
        self.world.session = None
        self.world.later(chance.randrange(20, 300) * MS, self.session_back)

    def session_back(self) -> None:
        if self.world.session is None:
            self.world.start_session()

    def kill_authority(self, chance: Any) -> None:
        if self.world.authority is None:
            return
        self.world.authority.kill()
        self.world.authority = None
        self.world.later(chance.randrange(10, 900) * MS, self.world.start_authority)

    def kill_archiver(self, chance: Any) -> None:
        if self.world.archive is not None and self.world.archive.archiver is not None:
            self.world.archive.kill()
            pause = chance.randrange(5, 300) * MS
            if "small_ring" in self.world.chance.chosen:  # for longer than its ring has room
                how = self.world.chance.of("small_ring/away")
                pause = how.choice((pause, how.randrange(300, 2000) * MS, NEVER_NS))
            self.world.later(pause, self.world.archive.start)

    def no_memory(self, chance: Any) -> None:
        """Everything cold dies at once."""
        self.kill_session(chance)
        self.kill_authority(chance)
        self.kill_archiver(chance)
        self.kill_sentinel(chance)

    def cut_power(self, chance: Any) -> None:
        """Look at what a cut of power would leave of the archive; the story goes on."""
        if self.has_disk():
            for text in self.world.archive.after_cut(chance, self.world.host):
                raise self.world.judge.orders.broken("S7", text)

    def has_disk(self) -> bool:
        archive = self.world.archive
        return archive is not None and archive.directory.exists() and not self.world.is_dark

    def checkpoint(self, chance: Any) -> None:
        if self.has_disk():
            self.world.archive.checkpoint()

    def change_limits(self, chance: Any) -> None:
        """A person gives the account other limits; an authority that is dead starts with them."""
        self.world.account = ACCOUNT | {
            "open_orders_max": chance.choice((2, 4, 8)),
            "gross_notional_e8_max": chance.choice((2_000, 4_000, 8_000)) * 10**8,
        }
        self.world.judge.limits.on_limits(self.world.account)
        if self.world.authority is not None:
            self.world.authority.spawn(self.world.authority.told(self.world.account_told()))

    def kill_sentinel(self, chance: Any) -> None:
        if self.world.sentinel is None:
            return
        self.world.sentinel.kill()
        self.world.sentinel = None
        self.world.later(chance.randrange(10, 400) * MS, self.world.start_sentinel)

    def trip(self, chance: Any) -> None:
        """A person trips the sentinel, and releases it when the venue is empty."""
        if self.world.sentinel is not None:
            self.world.sentinel.by_hand = "story"
            self.world.loop.after(chance.randrange(50, 600) * MS, self.release)

    def release(self) -> None:
        """A person has looked; until the venue is empty the answer is no."""
        if self.world.sentinel is not None and self.world.sentinel.trip is not None:
            self.world.sentinel.release("story")
        if self.world.sentinel is None or self.world.sentinel.trip is not None:
            self.world.loop.after(100 * MS, self.release)

    def stop_supervisor(self, chance: Any) -> None:
        """The leader's lease is not renewed for a while."""
        if self.world.shape.has_lease:
            self.world.is_stopped = True
            self.world.loop.after(chance.randrange(50, 800) * MS, self.supervisor_goes_on)

    def supervisor_goes_on(self) -> None:
        self.world.is_stopped = False

    def pause(self, chance: Any) -> None:
        self.victim().pause(chance.randrange(20, chance.choice((300, 1500))) * MS)

    def words(self, chance: Any) -> None:
        word = chance.choice((lib.HP_WORD_FREEZE, lib.HP_WORD_FLATTEN, lib.HP_WORD_KILL))
        self.world.control.set(word, "story")
        self.world.loop.after(chance.randrange(20, 800) * MS, self.world.control.clear, word)

    def step_clock(self, chance: Any) -> None:
        self.world.host.step_ns = chance.randrange(-300, 300) * MS
