"""What is read of one instrument's book: by strategies, on a lane or in a replay, and by tools.

Owns:    the Python names of the queries in query.h and status.h; one class for every reader.
Refuses: feeding a book, owning its memory (book.pyx, the lane), clocks: an age is now, which the
         caller has, less a `_since_ns`.

Prices are ticks, sizes are lots; `_e4` prices are in 1e-4 of a tick.  What lies beyond the depth of
the last snapshot is unknown until the venue names it, and a query that reaches there says so.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from hotpath.abi.book cimport HP_BOOK_SYNCED
from hotpath.abi.event cimport hp_level_t
from hotpath.book.l2 cimport *

UNKNOWN_LOTS = HP_LOTS_UNKNOWN


cdef list best_of(const hp_ladder_t *ladder, size_t room, bint only_known):
    """Return the best `room` levels of one side as [(ticks, lots)]."""
    cdef size_t total = hp_ladder_total(ladder), i
    if room > total:
        room = total
    cdef hp_level_t *to = <hp_level_t *>malloc((room + 1) * sizeof(hp_level_t))
    if to == NULL:
        raise MemoryError
    room = (hp_ladder_best if only_known else hp_ladder_copy)(ladder, to, room)
    try:
        return [(to[i].price_ticks, to[i].lots) for i in range(room)]
    finally:
        free(to)


cdef horizon_of(const hp_ladder_t *ladder):
    """Return the price from which on a side is unknown, or None."""
    cdef int64_t known = hp_ladder_known(ladder)
    return None if known == HP_KEY_NONE else hp_ladder_ticks(ladder, known)


cdef tuple taken(const hp_ladder_t *ladder, int64_t lots):
    cdef hp_take_t t = hp_ladder_take(ladder, lots)
    return t.lots, t.worst_ticks, t.levels, t.end != HP_WALK_UNKNOWN


cdef class BookView:
    """Bids and asks of one instrument, and whether they may be believed: quote only if is_synced.

    On a lane it lives as long as the lane, and its values are those of the moment: copy what you
    keep.
    """

    @property
    def state(self):
        """State as a number; compare with hotpath.book.book.State."""
        return self.book.state

    @property
    def is_synced(self):
        """Whether every event up to now is in the book, in order, and it is fresh and uncrossed."""
        return self.book.state == HP_BOOK_SYNCED

    @property
    def update_id(self):
        """The venue's id of the last event in the book."""
        return self.book.update_id

    @property
    def recv_ns(self):
        """When the last good event was received (CLOCK_MONOTONIC)."""
        return self.book.good_ns

    # -- the touch ------------------------------------------------------------------------------

    @property
    def bid_ticks(self):
        """Best bid; meaningless while bid_lots is 0."""
        return hp_l2_bid_ticks(&self.book.l2)

    @property
    def ask_ticks(self):
        """Best ask; meaningless while ask_lots is 0."""
        return hp_l2_ask_ticks(&self.book.l2)

    @property
    def bid_lots(self):
        """Size at the best bid; 0 when there is no bid."""
        return self.book.l2.bid.best_lots

    @property
    def ask_lots(self):
        """Size at the best ask; 0 when there is no ask."""
        return self.book.l2.ask.best_lots

    @property
    def mid_e4(self):
        """(bid + ask) / 2 in 1e-4 ticks; 0 without both sides."""
        cdef bint known
        return hp_l2_mid_e4(&self.book.l2, &known)

    @property
    def microprice_e4(self):
        """The mid weighed by the other side's size, in 1e-4 ticks; 0 without both sides."""
        cdef bint known
        return hp_l2_microprice_e4(&self.book.l2, &known)

    @property
    def bid_since_ns(self):
        """When the best bid's price or size changed last (receive time)."""
        return self.book.bid_touch.size_ns

    @property
    def ask_since_ns(self):
        """When the best ask's price or size changed last (receive time)."""
        return self.book.ask_touch.size_ns

    @property
    def bid_price_since_ns(self):
        """When the best bid's price changed last (receive time)."""
        return self.book.bid_touch.price_ns

    @property
    def ask_price_since_ns(self):
        """When the best ask's price changed last (receive time)."""
        return self.book.ask_touch.price_ns

    # -- depth ----------------------------------------------------------------------------------

    def levels(self, size_t count):
        """Return the best `count` levels of each side, ([(ticks, lots)], [(ticks, lots)]).

        A side ends where the book ends or where knowledge does: see horizons.
        """
        return (best_of(&self.book.l2.bid, count, True), best_of(&self.book.l2.ask, count, True))

    def held(self, size_t count):
        """Return the same of all that is held: beyond the horizon there may be holes."""
        return (best_of(&self.book.l2.bid, count, False), best_of(&self.book.l2.ask, count, False))

    @property
    def totals(self):
        """How many levels each side holds, those beyond the horizon included."""
        return hp_ladder_total(&self.book.l2.bid), hp_ladder_total(&self.book.l2.ask)

    @property
    def horizons(self):
        """Per side the price from which on a level is known only if the venue has named it since
        the snapshot; None: the side is whole, or the venue keeps a fixed number of levels."""
        return horizon_of(&self.book.l2.bid), horizon_of(&self.book.l2.ask)

    cpdef bint knows(self, uint64_t levels) noexcept:
        """Whether the best `levels` levels of both sides are known."""
        cdef bint known
        hp_l2_imbalance(&self.book.l2, levels, &known)
        return known

    cpdef int64_t imbalance_bps(self, uint64_t levels) noexcept:
        """Return 10000 x bid lots / (bid + ask lots) of the best `levels` levels, rounded down.

        5000 when neither side has lots, and when not all of those levels are known: see knows().
        """
        return hp_l2_imbalance_bps(&self.book.l2, levels)

    cpdef int64_t bid_lots_at(self, int64_t ticks) noexcept:
        """Return the size bid at a price; 0: there is no such level, UNKNOWN_LOTS (-1): unknown."""
        return hp_ladder_lots_at(&self.book.l2.bid, ticks)

    cpdef int64_t ask_lots_at(self, int64_t ticks) noexcept:
        """Return the size asked at a price; 0: there is no such level, UNKNOWN_LOTS (-1): unknown."""
        return hp_ladder_lots_at(&self.book.l2.ask, ticks)

    cpdef uint64_t bid_level_since_ns(self, int64_t ticks) noexcept:
        """Return when the venue last named this bid level (receive time); 0: not known."""
        return hp_ladder_since_ns(&self.book.l2.bid, ticks)

    cpdef uint64_t ask_level_since_ns(self, int64_t ticks) noexcept:
        """Return when the venue last named this ask level (receive time); 0: not known."""
        return hp_ladder_since_ns(&self.book.l2.ask, ticks)

    # -- cost -----------------------------------------------------------------------------------

    cpdef int64_t buy_vwap_e4(self, int64_t lots) noexcept:
        """Return the mean price of buying `lots` at once, in 1e-4 ticks, rounded up.

        0 when the asks do not hold that much, or not within what is known.
        """
        cdef bint known
        return hp_ladder_vwap_e4(&self.book.l2.ask, lots, &known)

    cpdef int64_t sell_vwap_e4(self, int64_t lots) noexcept:
        """Return the mean price of selling `lots` at once, in 1e-4 ticks, rounded down.

        0 when the bids do not hold that much, or not within what is known.
        """
        cdef bint known
        return hp_ladder_vwap_e4(&self.book.l2.bid, lots, &known)

    def buying(self, int64_t lots):
        """Return (lots found, worst price in ticks, levels touched, whether all of it is known)."""
        return taken(&self.book.l2.ask, lots)

    def selling(self, int64_t lots):
        """Return (lots found, worst price in ticks, levels touched, whether all of it is known)."""
        return taken(&self.book.l2.bid, lots)
