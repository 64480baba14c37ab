"""Connections between this host and the venue: in order, late, broken, half dead.

Owns:    delays, cuts, half-open connections, partitions; REST calls as two journeys.
Refuses: what is said (venue.py, lane.py).

A connection keeps its order, as TCP does; two connections know nothing of each other.  What was
handed over before a process died may still arrive: the kernel had it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.simulation.chance import Chance
from tests.simulation.loop import MS, SimLoop

DELAY_NS = (200_000, 3 * MS)  # of a frame, one way
SLOW_NS = (20 * MS, 400 * MS)
VERY_SLOW_NS = (400 * MS, 2000 * MS)
SILENCE_NS = 500 * MS  # after which a client takes a connection without a word for dead (its pings)
CONNECT_NS = (1 * MS, 15 * MS)

Take = Callable[[bytes], None]


class Way:
    """One direction of a connection."""

    __slots__ = ("arrives_ns", "connection", "take", "use")

    def __init__(self, connection: Connection, use: str, take: Take) -> None:
        self.connection, self.use, self.take = connection, use, take
        self.arrives_ns = 0

    def send(self, data: bytes) -> None:
        net = self.connection.net
        if self.connection.is_dead:
            return
        arrives = max(net.arrival_ns(self.use), self.arrives_ns)
        if self is self.connection.up:
            arrives = max(arrives, net.stuck_until_ns)
        self.arrives_ns = arrives
        net.loop.at(arrives, self.deliver, data)

    def deliver(self, data: bytes) -> None:
        connection = self.connection
        if connection.is_dead or (connection.is_cut and self is connection.down):
            return
        net, is_down = connection.net, self is connection.down
        if net.is_parted:
            connection.die()
            return
        if is_down and (connection.is_mute or (net.is_deaf and connection.is_ours)):
            connection.stop_hearing()
            return
        connection.heard_ns = connection.net.loop.now_ns
        self.take(data)


class Connection:
    """One socket: `up` to the venue, `down` to this host."""

    def __init__(self, net: Network, group: str, down: Take, closed: Callable[[], None]) -> None:
        self.net = net
        self.group = group
        self.down = Way(self, f"{group}/down", down)
        self.up = Way(self, f"{group}/up", lambda data: None)
        self.closed = closed  # of this host's side
        self.gone: Callable[[], None] = lambda: None  # of the venue's side
        self.is_ours = group in ("private", "ws-api")  # it tells of our orders
        self.is_dead = False  # nothing passes any more, and nobody knows
        self.is_mute = False  # nothing comes down any more
        self.is_cut = False
        self.is_left = False  # this host's side has let go of it
        self.heard_ns = net.loop.now_ns

    def die(self) -> None:
        """Go dead without a word; this host finds out by its pings."""
        if not self.is_dead and not self.is_cut:
            self.is_dead = True
            self.net.loop.after(SILENCE_NS, self.cut)

    def stop_hearing(self) -> None:
        """Go dead on the way down alone."""
        if not self.is_mute and not self.is_cut:
            self.is_mute = True
            self.net.loop.after(SILENCE_NS, self.cut)

    def cut(self) -> None:
        """Break: both sides learn it after a while; what is on its way up may arrive."""
        if self.is_cut:
            return
        self.is_cut = True
        self.net.connections.pop(self, None)
        self.net.loop.after(self.net.delay_ns("cut"), self.told)
        self.net.loop.at(max(self.up.arrives_ns + 1, self.net.loop.now_ns), self.gone)

    def told(self) -> None:
        if not self.is_left:
            self.is_left = True
            self.closed()

    def leave(self) -> None:
        """This host's side is gone (a kill, or its own wish)."""
        if not self.is_left:
            self.is_left = True
            self.cut()


class Network:
    """Everything between the host and the venue."""

    def __init__(self, loop: SimLoop, chance: Chance) -> None:
        self.loop = loop
        self.chance = chance
        self.connections: dict[Connection, None] = {}  # in the order of their opening
        self.numbers = 0
        self.is_parted = self.is_deaf = self.is_refused = False
        self.stuck_until_ns = 0  # what goes up waits for so long

    def delay_ns(self, use: str) -> int:
        if self.chance.happens("very_slow"):
            return self.chance.of("very_slow/how").randrange(*VERY_SLOW_NS)
        if self.chance.happens("slow"):
            return self.chance.of("slow").randrange(*SLOW_NS)
        return self.chance.of(use).randrange(*DELAY_NS)

    def arrival_ns(self, use: str) -> int:
        return self.loop.now_ns + self.delay_ns(use)

    def connect(
        self,
        group: str,
        down: Take,
        closed: Callable[[], None],
        accept: Callable[[Connection], bool],
        opened: Callable[[Connection], None],
        failed: Callable[[], None],
    ) -> None:
        """Open a connection: `accept` is the venue's side; then `opened`, or `failed`."""
        use = f"{group}/connect"

        def arrive() -> None:
            connection = Connection(self, group, down, closed)
            if self.is_refused:
                failed()
                return
            if self.is_parted or not accept(connection):
                self.loop.after(SILENCE_NS if self.is_parted else 0, failed)
                return
            self.connections[connection] = None
            opened(connection)

        self.loop.after(self.chance.of(use).randrange(*CONNECT_NS), arrive)

    def pick(self) -> Connection | None:
        """Draw one of the open connections, in the order of their opening."""
        held = list(self.connections)
        return held[self.chance.of("pick").randrange(len(held))] if held else None

    def restart_venue(self, for_ns: int) -> None:
        """Break every connection; nothing is accepted for a while."""
        self.is_refused = True
        for connection in list(self.connections):
            connection.cut()
        self.loop.after(for_ns, self.accept_again)

    def accept_again(self) -> None:
        self.is_refused = False

    def hold_up(self, for_ns: int) -> None:
        """Let what we send wait for a while, as TCP does that is not acknowledged."""
        self.stuck_until_ns = max(self.stuck_until_ns, self.loop.now_ns + for_ns)

    def part(self, for_ns: int) -> None:
        """Let nothing pass for a while."""
        self.is_parted = True
        self.loop.after(for_ns, self.join)

    def join(self) -> None:
        self.is_parted = False

    def deafen(self, for_ns: int) -> None:
        """Let nothing about our orders come back for a while; what we send arrives."""
        self.is_deaf = True
        self.loop.after(for_ns, self.hear)

    def hear(self) -> None:
        self.is_deaf = False


def nothing(*_: Any) -> None:
    pass
