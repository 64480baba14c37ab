"""A lane over a capture: the recorded market, our orders on paper.

Owns:    the Env of `corelane replay --strategy`: the capture's clock, the paper venue.
Refuses: files and books: hotpath.lane.replay reads and keeps them, and calls in after each event.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from hotpath.abi.codec cimport hp_codec_t, hp_request_t
from hotpath.abi.event cimport hp_event_t
from hotpath.book.book cimport Book
from hotpath.lane.core cimport *
from hotpath.lane.lane cimport Lane
from hotpath.lane.replay cimport Replay

cdef extern from "hotpath/lane/paper.h" nogil:
    ctypedef struct hp_paper_t:
        hp_lane_t *lane
        int64_t maker_bps
        int64_t taker_bps
    size_t hp_paper_encode(void *state, const hp_request_t *request, char *to, size_t room) noexcept
    void hp_paper_request(hp_paper_t *p, const hp_request_t *q) noexcept
    void hp_paper_event(hp_paper_t *p, const hp_event_t *e, int before, int applied) noexcept
    void hp_paper_deliver(hp_paper_t *p) noexcept


cdef uint64_t paper_now(void *self) noexcept:
    return (<PaperLane>self).core.now_ns

cdef uint64_t paper_tsc(void *self) noexcept:
    return 0

cdef int paper_send(void *self, char *data, size_t size) noexcept:
    cdef hp_request_t request
    memcpy(&request, data, sizeof(request))
    hp_paper_request((<PaperLane>self).paper, &request)
    return 1

cdef void paper_want(void *self, uint32_t what, uint32_t aux) noexcept:
    pass  # a capture brings its snapshots by itself

cdef void paper_hook(void *self, const hp_event_t *event, hp_book_t *book, int applied) noexcept:
    cdef PaperLane lane = <PaperLane>self
    cdef int before = lane.before[event.instrument]
    hp_paper_event(lane.paper, event, before, applied)
    lane.before[event.instrument] = book.state


cdef class PaperLane(Lane):
    """A lane whose market is a Replay and whose venue is paper.

    Fills are pessimistic about the queue: see hotpath/lane/paper.h.  Fees are in 1e-4 of the notional.
    """

    cdef hp_paper_t *paper
    cdef hp_codec_t table
    cdef int before[257]
    cdef readonly object replay

    def __cinit__(self, *args, **kwargs):
        self.paper = <hp_paper_t *>calloc(1, sizeof(hp_paper_t))
        if self.paper == NULL:
            raise MemoryError("paper venue")

    def __init__(self, *args, int64_t maker_bps=2, int64_t taker_bps=5, **kwargs):
        self.table = self.core.codec[0]
        self.table.encode = hp_paper_encode
        self.core.codec = &self.table
        self.paper.lane = &self.core
        self.paper.maker_bps = maker_bps
        self.paper.taker_bps = taker_bps
        self.core.env.self = <void *>self
        self.core.env.now = paper_now
        self.core.env.tsc = paper_tsc
        self.core.env.send = paper_send
        self.core.env.want = paper_want
        self.core.is_session_ready = self.core.is_user_ready = 1
        self.core.is_open = self.core.gate.is_armed = 1

    def __dealloc__(self):
        cdef uint32_t n
        free(self.paper)
        if self.core.instruments != NULL:
            for n in range(256):
                self.core.instruments[n].book = NULL  # the replay's

    def follow(self, Replay replay):
        """Take the replay's books as this lane's own and be called after each of its events."""
        cdef uint32_t n
        cdef Book book
        self.replay = replay
        for n in range(1, len(replay.books) + 1):
            book = replay.books[n - 1]
            free(self.core.instruments[n].book)
            self.core.instruments[n].book = book.book
        replay.replay.context = <void *>self
        replay.replay.hook = paper_hook

    def finish(self):
        """Deliver what the venue said after the last event."""
        hp_paper_deliver(self.paper)
