"""The base class of strategies, and the one door between a lane's C structs and Python.

Owns:    parameters, the views that callbacks are handed, intents as methods.
Refuses: books, orders and clocks of its own: a strategy sees what its lane sees.

A view (Book, Event, Order, Fill) belongs to the callback that received it: it is refilled for the
next one, so copy out what you keep.  Callbacks never nest: what buy() or cancel() cause arrives later.
"""

import traceback
import types
from decimal import Decimal, InvalidOperation

from cpython.object cimport PyObject
from libc.string cimport memcpy, memset

from hotpath.abi.clock cimport hp_tsc
from hotpath.abi.event cimport HP_EVENT_BUYER_MAKER
from hotpath.abi.fixed cimport hp_pow10
from hotpath.abi.intent cimport *
from hotpath.abi.order cimport *
from hotpath.abi.ttl cimport *
from hotpath.lane.core cimport *

STRATEGY_NS_MAX = 50_000

STATE_NAMES = ("NONE", "PENDING", "SENT", "LIVE", "PARTIAL", "FILLED", "CANCELED", "REJECTED", "EXPIRED", "UNKNOWN")
SIDE_NAMES = ("NONE", "BUY", "SELL")
TROUBLE_NAMES = ("NONE", "JUMP", "SIGMA", "TENFOLD", "TIME", "LATE", "VOLUME", "STALE", "SILENT", "FRESH",
                 "BLIND", "SYNCED", "SOURCE", "SPARE", "MISSED")
KIND_NAMES = ("NONE", "DEPTH", "SNAPSHOT", "BOOK_TICKER", "AGG_TRADE", "TRADE", "MARK_PRICE")
POLICY_NAMES = ("GAP", "BLOCK", "FLAG")
SOURCE_NAMES = ("NONE", "PRIMARY", "SECONDARY", "AGGREGATE", "REPLAY")
TIF = {"GTC": HP_TIF_GTC, "IOC": HP_TIF_IOC, "FOK": HP_TIF_FOK}
LAYERS = {None: HP_LAYER_NONE, "touch": HP_LAYER_TOUCH, "near": HP_LAYER_NEAR, "deep": HP_LAYER_DEEP}
REASONS = {None: HP_CANCEL_NONE, "queue": HP_CANCEL_QUEUE, "price": HP_CANCEL_PRICE, "speed": HP_CANCEL_SPEED,
           "toxicity": HP_CANCEL_TOXICITY, "inventory": HP_CANCEL_INVENTORY}
CAUSE_NAMES = ("NONE", "TTL", "STRATEGY", "QUEUE", "PRICE", "SPEED", "TOXICITY", "INVENTORY", "OWN", "BOOK",
               "HALT", "EMERGENCY", "WORD")
POSITION_SIDE = {"BOTH": HP_POSITION_BOTH, "LONG": HP_POSITION_LONG, "SHORT": HP_POSITION_SHORT}


def named(words, word, what):
    """Return the number of a word; ValueError names those that there are."""
    try:
        return words[word]
    except KeyError:
        raise ValueError(f"{what} is {word!r}; want one of {', '.join(repr(one) for one in words if one)}") from None


class Param:
    """A strategy parameter with a default and bounds; checked when the strategy is made.

    Read it as an attribute: `self.depth`.  Set it by `Strategy(depth=7)`.
    """

    def __init__(self, default, *, minimum=None, maximum=None, doc=""):
        self.default = default
        self.minimum = minimum
        self.maximum = maximum
        self.__doc__ = doc
        self.name = ""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return instance._values[self.name]

    def check(self, value):
        """Return the value as the default's type; ValueError says bounds and what was found."""
        kind = type(self.default)
        try:
            out = kind(value)
        except (TypeError, ValueError, InvalidOperation):
            raise ValueError(f"parameter {self.name} is {value!r}; want {kind.__name__}") from None
        if (self.minimum is not None and out < self.minimum) or (self.maximum is not None and out > self.maximum):
            raise ValueError(f"parameter {self.name} is {out}; want {self.minimum}..{self.maximum}")
        return out


cdef class Event:
    """A decoded market event: top of book, trade or mark price."""

    @property
    def instrument(self):
        return self.event.instrument

    @property
    def event_ns(self):
        """The venue's event time, UTC nanoseconds; 0 = not given."""
        return self.event.event_ns

    @property
    def recv_ns(self):
        """Our receive time, CLOCK_MONOTONIC."""
        return self.event.recv_ns

    @property
    def bid_ticks(self):
        return self.event.body.top.bid_ticks

    @property
    def bid_lots(self):
        return self.event.body.top.bid_lots

    @property
    def ask_ticks(self):
        return self.event.body.top.ask_ticks

    @property
    def ask_lots(self):
        return self.event.body.top.ask_lots

    @property
    def price_ticks(self):
        return self.event.body.trade.price_ticks

    @property
    def lots(self):
        return self.event.body.trade.lots

    @property
    def trade_id(self):
        return self.event.body.trade.trade_id

    @property
    def is_seller_aggressor(self):
        return bool(self.event.flags & HP_EVENT_BUYER_MAKER)

    @property
    def mark_e8(self):
        """Mark price, 1e-8 of quote."""
        return self.event.body.mark.mark_e8


cdef class Order:
    """An order after a change, or an intent that the gate refused (client_id 0)."""

    @property
    def client_id(self):
        return self.order.client_id

    @property
    def intent_id(self):
        return self.answer.intent_id if self.answer.intent_id else self.order.intent_id

    @property
    def parent(self):
        """Client id of the first try, when this order was placed for one that never arrived; 0 = none."""
        return self.order.parent

    @property
    def cancel_cause(self):
        """Why it was to go, as its mark says: TTL, STRATEGY, QUEUE, EMERGENCY and so on; NONE = it was not."""
        return CAUSE_NAMES[self.order.cancel_cause]

    @property
    def verdict(self):
        """The gate's verdict (hotpath/abi/verdict.h); 1 = PASS."""
        return self.answer.verdict

    @property
    def retry_ns(self):
        """Earliest time for another try when the verdict was a throttle."""
        return self.answer.retry_ns

    @property
    def state(self):
        return STATE_NAMES[self.order.state]

    @property
    def instrument(self):
        return self.order.instrument if self.order.client_id else self.answer.instrument

    @property
    def side(self):
        return SIDE_NAMES[self.order.side]

    @property
    def price_ticks(self):
        return self.order.price_ticks

    @property
    def lots(self):
        return self.order.lots

    @property
    def filled_lots(self):
        return self.order.filled_lots

    @property
    def is_changing(self):
        """True while a replace of it is in flight."""
        return bool(self.order.flags & HP_ORDER_REPLACE_IN_FLIGHT)


cdef class Fill:
    """One fill of an order of ours."""

    @property
    def client_id(self):
        return self.order.client_id

    @property
    def instrument(self):
        return self.order.instrument

    @property
    def side(self):
        return SIDE_NAMES[self.order.side]

    @property
    def price_ticks(self):
        return self.report.last_ticks

    @property
    def lots(self):
        return self.report.last_lots

    @property
    def trade_id(self):
        return self.report.trade_id

    @property
    def fee_e8(self):
        return self.report.fee_e8

    @property
    def is_maker(self):
        return bool(self.report.is_maker)


cdef class Feed:
    """What is wrong with a feed, or that it is good again (hotpath/abi/feed.h)."""

    @property
    def instrument(self):
        return self.said.instrument

    @property
    def trouble(self):
        """JUMP SIGMA TENFOLD TIME LATE VOLUME STALE SILENT FRESH BLIND SYNCED SOURCE SPARE."""
        return TROUBLE_NAMES[self.said.trouble]

    @property
    def stream(self):
        """The stream's event kind; NONE = the instrument as a whole."""
        return KIND_NAMES[self.said.stream]

    @property
    def policy(self):
        """GAP, BLOCK or FLAG: what an insane figure caused."""
        return POLICY_NAMES[self.said.policy]

    @property
    def source(self):
        """What serves the top now: NONE, PRIMARY or SECONDARY."""
        return SOURCE_NAMES[self.said.source]

    @property
    def recv_ns(self):
        return self.said.recv_ns

    @property
    def found(self):
        return self.said.found

    @property
    def wanted(self):
        return self.said.wanted

    @property
    def bid_ticks(self):
        """SPARE: the best bid of the spare source, to be shown or to exit on."""
        return self.said.bid_ticks

    @property
    def bid_lots(self):
        return self.said.bid_lots

    @property
    def ask_ticks(self):
        return self.said.ask_ticks

    @property
    def ask_lots(self):
        return self.said.ask_lots


# Bridges: plain functions that a lane calls through its table.  A lane holds the GIL for all of its
# life, so they take none.

cdef void spend(Strategy s, uint64_t tsc) noexcept:
    cdef uint64_t ns = ((hp_tsc() - tsc) * s.lane.page.calibration.ns_per_tick_q32) >> 32
    s.lane.count.callbacks += 1
    s.lane.count.callback_ns += ns
    if ns > STRATEGY_NS_LIMIT:
        s.lane.count.callback_slow += 1

cdef uint64_t STRATEGY_NS_LIMIT = STRATEGY_NS_MAX

cdef void bridge_book(void *self, uint32_t instrument) noexcept:
    cdef Strategy s = <Strategy>self
    cdef uint64_t tsc = hp_tsc()
    try:
        if s._py_on_book is not None:
            s._py_on_book(s._books[instrument])
        else:
            s.on_book(<Book>s._books[instrument])
    except BaseException:
        s.fail()
    spend(s, tsc)

cdef void bridge_top(void *self, const hp_event_t *event) noexcept:
    cdef Strategy s = <Strategy>self
    cdef uint64_t tsc = hp_tsc()
    memcpy(&s._event.event, event, sizeof(hp_event_t))
    try:
        s.on_top(s._event)
    except BaseException:
        s.fail()
    spend(s, tsc)

cdef void bridge_trade(void *self, const hp_event_t *event) noexcept:
    cdef Strategy s = <Strategy>self
    cdef uint64_t tsc = hp_tsc()
    memcpy(&s._event.event, event, sizeof(hp_event_t))
    try:
        s.on_trade(s._event)
    except BaseException:
        s.fail()
    spend(s, tsc)

cdef void bridge_missed(void *self, const hp_event_t *event) noexcept:
    cdef Strategy s = <Strategy>self
    cdef uint64_t tsc = hp_tsc()
    memcpy(&s._event.event, event, sizeof(hp_event_t))
    try:
        s.on_missed(s._event)
    except BaseException:
        s.fail()
    spend(s, tsc)

cdef void bridge_mark(void *self, const hp_event_t *event) noexcept:
    cdef Strategy s = <Strategy>self
    cdef uint64_t tsc = hp_tsc()
    memcpy(&s._event.event, event, sizeof(hp_event_t))
    try:
        s.on_mark(s._event)
    except BaseException:
        s.fail()
    spend(s, tsc)

cdef void bridge_order(void *self, const hp_order_t *order, const hp_verdict_t *verdict) noexcept:
    cdef Strategy s = <Strategy>self
    cdef uint64_t tsc = hp_tsc()
    if order != NULL:
        memcpy(&s._order.order, order, sizeof(hp_order_t))
    else:
        memset(&s._order.order, 0, sizeof(hp_order_t))
    if verdict != NULL:
        memcpy(&s._order.answer, verdict, sizeof(hp_verdict_t))
    else:
        memset(&s._order.answer, 0, sizeof(hp_verdict_t))
        s._order.answer.verdict = 1
    try:
        s.on_order(s._order)
    except BaseException:
        s.fail()
    spend(s, tsc)

cdef void bridge_fill(void *self, const hp_order_t *order, const hp_report_t *report) noexcept:
    cdef Strategy s = <Strategy>self
    cdef uint64_t tsc = hp_tsc()
    memcpy(&s._fill.order, order, sizeof(hp_order_t))
    memcpy(&s._fill.report, report, sizeof(hp_report_t))
    try:
        s.on_fill(s._fill)
    except BaseException:
        s.fail()
    spend(s, tsc)

cdef void bridge_timer(void *self, uint64_t now) noexcept:
    cdef Strategy s = <Strategy>self
    cdef uint64_t tsc = hp_tsc()
    try:
        s.on_timer(now)
    except BaseException:
        s.fail()
    spend(s, tsc)


cdef void bridge_feed(void *self, const hp_feed_event_t *said) noexcept:
    cdef Strategy s = <Strategy>self
    cdef uint64_t tsc = hp_tsc()
    memcpy(&s._feed.said, said, sizeof(hp_feed_event_t))
    try:
        s.on_feed(s._feed)
    except BaseException:
        s.fail()
    spend(s, tsc)


cdef class Strategy:
    """Base of all strategies: override callbacks, call buy, sell, replace, cancel.

    buy() and sell() return an intent id at once (0 = refused: unknown instrument or too many intents in
    one turn).  The verdict, acknowledgement and fills arrive later through on_order and on_fill.
    An exception in a callback halts this strategy, cancels its orders and is shown with its traceback.
    """

    def __cinit__(self, *args, **kwargs):
        self._values = {}
        self._books = []
        self._event = Event()
        self._order = Order()
        self._fill = Fill()
        self._feed = Feed()

    def __init__(self, **parameters):
        known = self.params()
        for name in parameters:
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; known: {', '.join(sorted(known)) or 'none'}")
        for name, param in known.items():
            self._values[name] = param.check(parameters.get(name, param.default))
        own = getattr(self, "__dict__", None)
        if own is not None:
            own.update(self._values)  # an instance attribute is found faster than a descriptor

    @classmethod
    def params(cls):
        """Return {name: Param} of this class and its bases."""
        out = {}
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                if isinstance(value, Param):
                    value.name = name
                    out[name] = value
        return out

    cpdef on_start(self):
        """Called once, armed, before the first event."""

    cpdef on_book(self, Book book):
        """Called once per frame that changed a book."""

    cpdef on_top(self, Event top):
        """Called per best-bid/ask message; it never changes the book."""

    cpdef on_trade(self, Event trade):
        """Called per trade message."""

    cpdef on_missed(self, Event trade):
        """Called per trade that its stream did not bring and that was fetched afterwards: it is old."""

    cpdef on_mark(self, Event mark):
        """Called per mark-price message."""

    cpdef on_order(self, Order order):
        """Called when an order changed state, and when an intent was refused."""

    cpdef on_fill(self, Fill fill):
        """Called once per fill; the position already counts it."""

    cpdef on_timer(self, uint64_t now_ns):
        """Called every 100 ms."""

    cpdef on_feed(self, Feed feed):
        """Called when a feed goes wrong or good again, and per poll of the spare source while that serves."""

    cpdef on_stop(self):
        """Called once, before the lane drains."""

    def book(self, uint32_t instrument):
        """Return the Book of an instrument id."""
        if instrument < len(self._books) and self._books[instrument] is not None:
            return self._books[instrument]
        raise KeyError(f"no book of instrument {instrument}; subscribed: {self.instruments()}")

    def instruments(self):
        """Return {symbol: instrument id} of the lane."""
        out = {}
        cdef uint32_t i
        if self.lane != NULL:
            for i in range(1, 256):
                if self.lane.instruments[i].about.id == i:
                    out[self.lane.instruments[i].about.symbol.decode("ascii")] = i
        return out

    cdef uint64_t place(self, uint32_t instrument, uint8_t side, int64_t price_ticks, int64_t lots,
                        bint post_only, uint64_t ttl_ns) noexcept:
        cdef hp_intent_t wish
        memset(&wish, 0, sizeof(wish))
        wish.strategy = self.id
        wish.account = self.account
        wish.instrument = instrument
        wish.kind = HP_INTENT_PLACE
        wish.side = side
        wish.type = HP_TYPE_LIMIT
        wish.time_in_force = HP_TIF_GTC
        wish.post_only = post_only
        wish.price_ticks = price_ticks
        wish.lots = lots
        wish.ttl_ns = ttl_ns
        if self.lane == NULL:
            return 0
        return hp_lane_emit(self.lane, &wish)

    cdef object _place(self, uint8_t side, uint32_t instrument, price, size, price_ticks, lots, bint post_only,
                       bint reduce_only, ttl_ms, str tif, str position_side, str layer, queue, tries):
        cdef hp_intent_t wish
        if self.lane == NULL:
            raise RuntimeError("this strategy is not bound to a lane; intents start with on_start")
        if (price is None) == (price_ticks is None) or (size is None) == (lots is None):
            raise TypeError("give price or price_ticks, and size or lots: exactly one of each")
        if price is not None:
            price_ticks = self.ticks(instrument, price)
        if size is not None:
            lots = self.lots(instrument, size)
        memset(&wish, 0, sizeof(wish))
        wish.strategy = self.id
        wish.account = self.account
        wish.instrument = instrument
        wish.kind = HP_INTENT_PLACE
        wish.side = side
        wish.type = HP_TYPE_LIMIT
        wish.time_in_force = HP_TIF_GTC if tif is None else TIF[tif]
        wish.position_side = HP_POSITION_BOTH if position_side is None else POSITION_SIDE[position_side]
        wish.post_only = post_only
        wish.reduce_only = reduce_only
        wish.price_ticks = price_ticks
        wish.lots = lots
        wish.ttl_ns = <uint64_t>ttl_ms * 1000000u
        wish.layer = named(LAYERS, layer, "layer")
        wish.queue = queue
        wish.tries = tries
        return hp_lane_emit(self.lane, &wish)

    def buy(self, uint32_t instrument, *, price=None, size=None, price_ticks=None, lots=None, bint post_only=False,
            bint reduce_only=False, ttl_ms=0, str tif=None, str position_side=None, str layer=None, queue=0, tries=0):
        """Emit a buy intent and return its id.

        price/size: Decimal or text, refused with ValueError when not exact at the instrument's scale.
        price_ticks/lots: integers, the fast form.  ttl_ms: the lane cancels after that time, 0 = never.
        layer: "touch", "near" or "deep": the lane finds the time to live by the market (docs/time-to-live.md),
        looks again every 100 ms, and ttl_ms is the most that it may give.  queue: orders ahead by your own
        estimate; 0 = by the book.  tries: place it again, so often, when it is proven that it never arrived;
        the new order has an id of its own and names the first as its parent.
        """
        return self._place(HP_SIDE_BUY, instrument, price, size, price_ticks, lots, post_only, reduce_only, ttl_ms, tif, position_side,
                           layer, queue, tries)

    def sell(self, uint32_t instrument, *, price=None, size=None, price_ticks=None, lots=None, bint post_only=False,
             bint reduce_only=False, ttl_ms=0, str tif=None, str position_side=None, str layer=None, queue=0, tries=0):
        """Emit a sell intent and return its id; arguments as in buy()."""
        return self._place(HP_SIDE_SELL, instrument, price, size, price_ticks, lots, post_only, reduce_only, ttl_ms, tif, position_side,
                           layer, queue, tries)

    cdef uint64_t _about_order(self, uint8_t kind, uint64_t client_id, uint8_t reason, uint64_t ttl_ns, uint8_t layer,
                               uint32_t queue) except? 0:
        """Emit an intent about one of the lane's orders; KeyError when there is no such order."""
        cdef hp_intent_t wish
        if self.lane == NULL:
            raise RuntimeError("this strategy is not bound to a lane; intents start with on_start")
        cdef hp_order_t *order = hp_orders_find(&self.lane.orders, client_id)
        if order == NULL:
            raise KeyError(f"no order {client_id} in this lane")
        memset(&wish, 0, sizeof(wish))
        wish.strategy = self.id
        wish.account = self.account
        wish.instrument = order.instrument
        wish.kind = kind
        wish.target = client_id
        wish.reason = reason
        wish.ttl_ns = ttl_ns
        wish.layer = layer
        wish.queue = queue
        return hp_lane_emit(self.lane, &wish)

    def cancel(self, uint64_t client_id, str reason=None):
        """Emit a cancel of an order (its client id, from on_order) and return the intent's id.

        reason: "queue", "price", "speed", "toxicity" or "inventory"; counted, and told by status --why.
        An order that has a cancel in flight is not cancelled twice.
        """
        return self._about_order(HP_INTENT_CANCEL, client_id, named(REASONS, reason, "reason"), 0, 0, 0)

    def set_dynamic_ttl(self, uint64_t client_id, ttl_ms=0, str layer=None, queue=0):
        """Give a resting order another time to live from now on and return the intent's id.

        Without a layer it lives for ttl_ms, 0 = until it is cancelled; with one, see buy().
        """
        return self._about_order(HP_INTENT_TIME, client_id, 0, <uint64_t>ttl_ms * 1000000u, named(LAYERS, layer, "layer"), queue)

    def place_batch(self, orders):
        """Emit several places and return their intent ids, in order; 0 = refused.

        orders: dicts with `side` ("BUY" or "SELL"), `instrument` and the arguments of buy().  What the gate
        permits of it leaves with one write, together with all else that this callback wants; each order is
        judged by itself, and its verdict arrives through on_order.  A bad entry raises before any is emitted
        behind it.  batch() says later what became of them.
        """
        out = []
        for order in orders:
            wanted = dict(order)
            side = wanted.pop("side", None)
            if side not in ("BUY", "SELL"):
                raise ValueError(f"side of order {len(out)} of the batch is {side!r}; want BUY or SELL")
            out.append((self.buy if side == "BUY" else self.sell)(wanted.pop("instrument"), **wanted))
        return out

    def cancel_batch(self, client_ids, str reason=None):
        """Emit several cancels and return their intent ids, in order; 0 = no such order, or the queue is full."""
        out = []
        for client_id in client_ids:
            try:
                out.append(self.cancel(client_id, reason))
            except KeyError:
                out.append(0)
        return out

    def batch(self, intent_ids):
        """Say what became of placing intents: {"success": ids, "failed": ids, "waiting": ids}.

        success: on its way to the venue or known there; failed: refused by the gate or the venue, or never
        sent; waiting: not judged yet.  An order that the lane's table has forgotten counts as failed.
        """
        cdef uint32_t n
        cdef hp_order_t *order
        out = {"success": [], "failed": [], "waiting": []}
        if self.lane == NULL:
            raise RuntimeError("this strategy is not bound to a lane; intents start with on_start")
        states = {}
        for n in range(self.lane.orders.used):
            order = &self.lane.orders.slots[n]
            if order.client_id != 0 and order.strategy == self.id:
                states[order.intent_id] = order.state
        queued = {self.lane.intents[n].id for n in range(self.lane.intent_count)}
        for number in intent_ids:
            if number in queued or states.get(number) == HP_ORDER_PENDING:
                out["waiting"].append(number)
            elif states.get(number, HP_ORDER_REJECTED) == HP_ORDER_REJECTED:
                out["failed"].append(number)
            else:
                out["success"].append(number)
        return out

    cdef uint64_t replace_at(self, uint64_t client_id, int64_t price_ticks, int64_t lots, uint64_t ttl_ns) noexcept:
        cdef hp_intent_t wish
        cdef hp_order_t *order = NULL
        if self.lane != NULL:
            order = hp_orders_find(&self.lane.orders, client_id)
        if order == NULL:
            return 0
        memset(&wish, 0, sizeof(wish))
        wish.strategy = self.id
        wish.account = self.account
        wish.instrument = order.instrument
        wish.kind = HP_INTENT_REPLACE
        wish.target = client_id
        wish.side = order.side
        wish.position_side = order.position_side
        wish.type = order.type
        wish.time_in_force = order.time_in_force
        wish.post_only = (order.flags & HP_ORDER_POST_ONLY) != 0
        wish.reduce_only = (order.flags & HP_ORDER_REDUCE_ONLY) != 0
        wish.price_ticks = price_ticks if price_ticks != 0 else order.price_ticks
        wish.lots = lots if lots != 0 else order.lots
        wish.ttl_ns = ttl_ns
        return hp_lane_emit(self.lane, &wish)

    def replace(self, uint64_t client_id, *, price=None, size=None, price_ticks=None, lots=None, ttl_ms=0):
        """Emit a change of a resting order's price or size (or both) and return the intent's id.

        size/lots: the whole order, what has filled included; what is not given stays.  ttl_ms: a new time
        to live from now on, 0 = as it was.  One change at a time: while one is in flight, or before the
        order is acknowledged, the verdict is ORDER_BUSY.  The order loses its place in the queue.
        """
        if self.lane == NULL:
            raise RuntimeError("this strategy is not bound to a lane; intents start with on_start")
        cdef hp_order_t *order = hp_orders_find(&self.lane.orders, client_id)
        if order == NULL:
            raise KeyError(f"no order {client_id} in this lane")
        if (price is not None and price_ticks is not None) or (size is not None and lots is not None):
            raise TypeError("give price or price_ticks, and size or lots: not both")
        if price is None and price_ticks is None and size is None and lots is None:
            raise TypeError("give a new price or a new size")
        if price is not None:
            price_ticks = self.ticks(order.instrument, price)
        if size is not None:
            lots = self.lots(order.instrument, size)
        for name, value in (("price", price_ticks), ("size", lots)):
            if value is not None and value <= 0:
                raise ValueError(f"{name} is {value}; want a positive one")
        return self.replace_at(client_id, price_ticks or 0, lots or 0, <uint64_t>ttl_ms * 1000000u)

    cpdef int64_t position(self, uint32_t instrument) noexcept:
        """Net lots held by the lane's account in an instrument."""
        if self.lane == NULL or instrument >= 256:
            return 0
        return (self.lane.page.positions[instrument].lots[0] + self.lane.page.positions[instrument].lots[1]
                + self.lane.page.positions[instrument].lots[2])

    def leg(self, uint32_t instrument, str position_side):
        """Lots held on one side of an account in hedge mode: LONG at least 0, SHORT at most 0."""
        if self.lane == NULL or instrument >= 256:
            return 0
        return self.lane.page.positions[instrument].lots[<int>POSITION_SIDE[position_side]]

    cpdef uint32_t working(self, uint32_t instrument) noexcept:
        """How many orders and waiting intents of this strategy work, or may work, on an instrument."""
        if self.lane == NULL or instrument >= 256:
            return 0
        return self.lane.strategies[self.id].working[instrument]

    def source(self, uint32_t instrument):
        """What serves an instrument's top now: NONE, PRIMARY (the book) or SECONDARY (to exit on)."""
        if self.lane == NULL or instrument >= 256:
            return SOURCE_NAMES[0]
        return SOURCE_NAMES[self.lane.instruments[instrument].source]

    cpdef bint flat(self, uint32_t instrument) noexcept:
        """True when nothing is held and nothing of this strategy works there."""
        return self.position(instrument) == 0 and self.working(instrument) == 0

    def ticks(self, uint32_t instrument, price):
        """Return a price (Decimal or text) in ticks; ValueError when it is not exact."""
        return self._scaled(instrument, price, self._about(instrument).price_decimals, "price")

    def lots(self, uint32_t instrument, size):
        """Return a size (Decimal or text) in lots; ValueError when it is not exact."""
        return self._scaled(instrument, size, self._about(instrument).size_decimals, "size")

    cdef hp_instrument_t *_about(self, uint32_t instrument) except NULL:
        cdef hp_lane_instrument_t *i = NULL
        if self.lane != NULL:
            i = hp_lane_instrument(self.lane, instrument)
        if i == NULL:
            raise KeyError(f"no instrument {instrument} in this lane; known: {self.instruments()}")
        return &i.about

    cdef object _scaled(self, uint32_t instrument, value, int decimals, str what):
        if isinstance(value, float):
            raise TypeError(f"{what} is a float; give Decimal, int or text, so that it is exact")
        try:
            scaled = Decimal(value).scaleb(decimals)
            whole = int(scaled)
        except (InvalidOperation, ValueError, OverflowError):
            raise ValueError(f"{what} {value!r} is not a number") from None
        if whole != scaled:
            raise ValueError(f"{what} {value} is finer than instrument {instrument} allows: {decimals} decimals")
        return whole

    cdef void bind(self, hp_lane_t *lane, uint32_t strategy_id, uint32_t account) except *:
        cdef hp_strategy_t *s = &lane.strategies[strategy_id]
        cdef uint32_t i
        cdef Book view
        self.lane = lane
        self.id = strategy_id
        self.account = account
        self._books = [None] * 256
        for i in range(1, 256):
            if lane.instruments[i].about.id == i and lane.instruments[i].book != NULL:
                view = Book()
                view.book = lane.instruments[i].book
                view.instrument = i
                self._books[i] = view
        kind = type(self)
        base = <object>Strategy
        if isinstance(kind.on_book, types.FunctionType):
            self._py_on_book = self.on_book
        memset(s, 0, sizeof(hp_strategy_t))
        s.self = <void *><PyObject *>self
        # Only what a class overrides is called.
        if kind.on_book is not base.on_book:
            s.on_book = bridge_book
        if kind.on_top is not base.on_top:
            s.on_top = bridge_top
        if kind.on_trade is not base.on_trade:
            s.on_trade = bridge_trade
        if kind.on_mark is not base.on_mark:
            s.on_mark = bridge_mark
        if kind.on_order is not base.on_order:
            s.on_order = bridge_order
        if kind.on_fill is not base.on_fill:
            s.on_fill = bridge_fill
        if kind.on_timer is not base.on_timer:
            s.on_timer = bridge_timer
        if kind.on_feed is not base.on_feed:
            s.on_feed = bridge_feed
        if kind.on_missed is not base.on_missed:
            s.on_missed = bridge_missed

    cdef void fail(self) noexcept:
        """Halt after an exception: keep its traceback, cancel what works, touch nothing else."""
        self.error = traceback.format_exc()
        self.lane.count.callback_errors += 1
        hp_lane_halt(self.lane, self.id)
