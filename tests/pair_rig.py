"""A market lane and an order lane by hand, in lock-step, behind the face of one lane."""

from __future__ import annotations

import mmap

from hotpath.lane.manual import ManualLane
from runtime._shm import ffi, lib
from runtime.pages.page import LANE_BYTES
from tests.lane_rig import LIMITS, SYMBOLS, Rig
from venues.binance.usdm.codec import Codec

RING_BYTES = 1 << 20
ROUNDS = 20
MARKET = ("frame", "snapshot", "spare", "socket", "missed")
ORDER = ("report", "report_frame", "fact", "begin_opening")
BOTH = (
    *("turn", "words", "clock", "clocks", "signal"),
    *("put_instrument", "put_limit", "put_policy", "put_rule"),
)


def ring(capacity=RING_BYTES):
    """Memory of a pair page: a header that nobody reads here, and a ring."""
    page = mmap.mmap(-1, ffi.sizeof("hp_page_t") + ffi.sizeof("hp_ring_t") + capacity)
    lib.hp_ring_init(ring_of(page), capacity)
    return page


def ring_of(page):
    return ffi.cast("hp_ring_t *", ffi.from_buffer(page) + ffi.sizeof("hp_page_t"))


class PairLane:
    """Two lanes; what a test does to a lane goes to the half that it concerns."""

    def __init__(self, market, order, rings):
        self.intents, self.told = rings
        self.take_up(market, order)
        self.is_apart = False  # True: nobody takes; pump() by hand
        self.is_order_deaf = self.is_market_deaf = False

    def take_up(self, market, order):
        """Put two lanes (one may be the successor of another) at the ends of the rings."""
        self.market, self.order_lane = market, order
        market.set_pair(self.told, self.intents)
        order.set_pair(self.intents, self.told)
        market.now_ns = order.now_ns = max(market.now_ns, order.now_ns)
        for name in MARKET:
            setattr(self, name, self.routed(name, self.market))
        for name in ORDER:
            setattr(self, name, self.routed(name, self.order_lane))
        for name in BOTH:
            setattr(self, name, self.both(name))

    def routed(self, name, lane):
        def call(*arguments, **named):
            self.market.now_ns = self.order_lane.now_ns = max(
                self.market.now_ns, self.order_lane.now_ns
            )
            out = getattr(lane, name)(*arguments, **named)
            self.pump()
            return out

        return call

    def both(self, name):
        def call(*arguments, **named):
            for lane in (self.market, self.order_lane):
                getattr(lane, name)(*arguments, **named)
                self.pump()

        return call

    def pump(self):
        """Let both take until neither has anything to say; who always has something is cut off."""
        for _ in range(0 if self.is_apart else ROUNDS):
            taken = 0 if self.is_order_deaf else self.order_lane.take_peer()
            taken += 0 if self.is_market_deaf else self.market.take_peer()
            if not taken:
                return

    def start_strategies(self):
        for lane in (self.market, self.order_lane):  # both say that they are built
            lane.start_strategies()
            self.pump()

    def session(self, order_ready=True, user_ready=True):
        self.order_lane.session(order_ready, user_ready)
        self.pump()

    def arm(self, armed=True):
        self.order_lane.arm(armed)
        self.pump()

    @property
    def now_ns(self):
        return self.order_lane.now_ns

    @now_ns.setter
    def now_ns(self, value):
        self.market.now_ns = self.order_lane.now_ns = value

    @property
    def strategies(self):
        return self.market.strategies

    @property
    def wanted(self):
        return self.market.wanted + self.order_lane.wanted

    @property
    def is_send_broken(self):
        return self.order_lane.is_send_broken

    @is_send_broken.setter
    def is_send_broken(self, value):
        self.order_lane.is_send_broken = value

    @property
    def sends_left(self):
        return self.order_lane.sends_left

    @sends_left.setter
    def sends_left(self, value):
        self.order_lane.sends_left = value

    def __getattr__(self, name):
        """Everything else is the order lane's: orders, positions, verdicts, policies."""
        return getattr(self.__dict__["order_lane"], name)


def half(role, page, *strategies, number=None, **settings):
    """Make one lane of a pair; it has no rings yet."""
    number = int(role == "market") if number is None else number
    lane = ManualLane(Codec(), page, role=role, lane=number, **settings)
    lane.calibrate(1_000_000)
    if role == "order":
        lane.expect_strategies(len(strategies))
    for number, symbol in SYMBOLS.items():
        lane.add_instrument(number, symbol, price_decimals=1, size_decimals=3, limits=LIMITS)
    for strategy in strategies if role == "market" else ():
        lane.add_strategy(strategy)
    return lane


class PairRig(Rig):
    """The rig of one lane, with two."""

    def __init__(
        self,
        *strategies,
        rings=None,
        market=None,
        order=None,
        arm=True,
        capacity=1 << 20,
        journal=False,
        segment_bytes=65536 * 16,
        **more,
    ):
        """market, order: settings of their own; the other settings are both's."""
        self.pages = {"market": mmap.mmap(-1, LANE_BYTES), "order": mmap.mmap(-1, LANE_BYTES)}
        self.rings = rings or (ring(capacity), ring(capacity))
        made, self.journals = {}, {}
        for role, own in (("market", market), ("order", order)):
            settings = {**more, **(own or {})}
            if journal:
                self.journals[role] = mmap.mmap(-1, 4096 + 4 * segment_bytes)
                settings |= {
                    "journal": self.journals[role],
                    "segment_bytes": segment_bytes,
                    "segment_count": 4,
                }
            made[role] = half(role, self.pages[role], *strategies, **settings)
        self.journal = self.journals.get("order")
        self.lane = PairLane(made["market"], made["order"], self.rings)
        self.lane.start_strategies()
        self.lane.turn(5_000_000)  # the halves greet each other
        if arm:
            self.lane.session()
            self.lane.arm()
        self.update = {1: 100, 2: 100}
        self.trades = 0
        self.view = ffi.cast("hp_lane_page_t *", ffi.from_buffer(self.pages["order"]))
        self.market_view = ffi.cast("hp_lane_page_t *", ffi.from_buffer(self.pages["market"]))

    @property
    def count(self):
        return Sum(self.market_view.counters, self.view.counters)


class Sum:
    """The counters of both lanes, added up: each is counted by one half."""

    def __init__(self, *counters):
        self._counters = counters

    def __getattr__(self, name):
        return sum(getattr(one, name) for one in self._counters)
