"""A lane driven by hand: virtual clock, requests collected in a list.

Owns:    the Env of tests, replay and simulation.
Refuses: real time and real sockets.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from hotpath.abi.journal cimport (
    HP_COMMAND_WISH,
    HP_SESSION_CLOSED, HP_SESSION_CURRENT, HP_SESSION_OPEN, HP_SESSION_READY, HP_SOCKET_ORDER, HP_SOCKET_USER, hp_journal_clock_t)
from hotpath.abi.order cimport hp_report_t
from hotpath.abi.clock cimport hp_time_record_t, hp_tsc
from hotpath.abi.event cimport HP_FRAME_PAD_BYTES
from hotpath.abi.page cimport hp_limits_page_t, hp_page_t
from hotpath.abi.ring cimport hp_ring_put, hp_ring_room, hp_ring_t
from hotpath.lane.core cimport *
from hotpath.lane.lane cimport Lane


cdef uint64_t manual_now(void *self) noexcept:
    return (<ManualLane>self).now_ns

cdef uint64_t manual_tsc(void *self) noexcept:
    return (<ManualLane>self).stamp()

cdef int manual_send(void *self, char *data, size_t size) noexcept:
    cdef ManualLane lane = <ManualLane>self
    if lane.is_send_broken or lane.sends_left == 0:
        return 0
    if lane.sends_left > 0:
        lane.sends_left -= 1
    lane.sent.append(data[:size])
    lane.sent_at.append(0 if lane.core.journal.head == NULL else lane.core.journal.head.published)
    return 1

cdef int manual_hand(void *self, uint32_t kind, const void *data, size_t size) noexcept:
    cdef ManualLane lane = <ManualLane>self
    if data == NULL:
        return hp_ring_room(lane.pair_out) >= size
    return hp_ring_put(lane.pair_out, kind, 0, data, size)

cdef void manual_want(void *self, uint32_t what, uint32_t aux) noexcept:
    (<ManualLane>self).wanted.append((what, aux))


cdef class ManualLane(Lane):
    """A lane whose inputs are method calls and whose outputs are lists."""

    cdef public uint64_t now_ns
    cdef public bint is_send_broken
    cdef public int sends_left        # of the session's life; -1 = it lives on
    cdef public bint is_timeless      # stamps are of the virtual clock: two equal runs leave equal bytes
    cdef readonly list sent           # request payloads, in order
    cdef readonly list sent_at        # how far the journal was published when each left
    cdef readonly list wanted         # (enum hp_want, aux), in order
    cdef hp_ring_t *pair_in
    cdef hp_ring_t *pair_out
    cdef object _pair                 # the buffers behind them

    def __init__(self, *args, **kwargs):
        self.sent = []
        self.sent_at = []
        self.wanted = []
        self.sends_left = -1
        self.now_ns = 1_000_000_000
        if self.core.journal.head == NULL:  # a ring's first record says it
            self.clocks(1_700_000_000_000_000_000)
        self.core.env.self = <void *>self
        self.core.env.now = manual_now
        self.core.env.tsc = manual_tsc
        self.core.env.send = manual_send
        self.core.env.want = manual_want
        self.core.env.hand = manual_hand

    def set_pair(self, pair_in, pair_out):
        """Say by which rings (a page header and a ring each) the other lane speaks and hears."""
        cdef Py_buffer view
        self._pair = (pair_in, pair_out)
        PyObject_GetBuffer(pair_in, &view, PyBUF_WRITABLE)
        self.pair_in = <hp_ring_t *>(<char *>view.buf + sizeof(hp_page_t))
        PyBuffer_Release(&view)
        PyObject_GetBuffer(pair_out, &view, PyBUF_WRITABLE)
        self.pair_out = <hp_ring_t *>(<char *>view.buf + sizeof(hp_page_t))
        PyBuffer_Release(&view)

    def take_peer(self):
        """Take what the other lane has said, up to a turn's worth; return how many records."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        return hp_lane_take_peer(&self.core, self.pair_in)

    def peer(self, uint32_t kind, bytes record=b""):
        """One record of the other lane, or (SILENT, BACK) what its beat told."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_peer(&self.core, kind, <const char *>record, len(record))

    @property
    def is_mirrored(self):
        """Whether a market lane has taken a whole mirror."""
        return self.core.pair != NULL and bool(self.core.pair.is_mirrored)

    cdef uint64_t stamp(self) noexcept:
        return self.now_ns if self.is_timeless else hp_tsc()

    def clocks(self, uint64_t real_ns):
        """Say what CLOCK_REALTIME is now."""
        cdef hp_journal_clock_t pair
        memset(&pair, 0, sizeof(pair))
        pair.mono_ns = self.now_ns
        pair.real_ns = real_ns
        pair.uncertainty_ns = <uint64_t>-1
        hp_lane_clocks(&self.core, &pair)

    def session(self, bint order_ready=True, bint user_ready=True):
        """Say whether the order session is logged on and the user stream open."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_session(&self.core, HP_SOCKET_ORDER, HP_SESSION_READY if order_ready else HP_SESSION_CLOSED)
        hp_lane_session(&self.core, HP_SOCKET_USER, HP_SESSION_READY if user_ready else HP_SESSION_CLOSED)

    def note_session(self, uint32_t socket, uint32_t state):
        """Say what became of one socket (enum hp_session_state)."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_session(&self.core, socket, state)

    def command(self, uint32_t command):
        """Take one of enum hp_command."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_command(&self.core, command)

    @property
    def is_user_ready(self):
        return bool(self.core.is_user_ready)

    @property
    def is_session_ready(self):
        return bool(self.core.is_session_ready)

    @property
    def is_open(self):
        return bool(self.core.is_open)

    @property
    def is_broken(self):
        """Whether something could not be journaled or counted: never armed again."""
        return bool(self.core.is_broken)

    @property
    def is_draining(self):
        return bool(self.core.is_draining)

    @property
    def generation(self):
        """Of the wish for an opening; 0 = never wished."""
        return self.core.stage.generation

    @property
    def working_count(self):
        return self.core.orders.working_count

    def user_current(self):
        """Say that what the user stream kept while it opened has been believed too."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_session(&self.core, HP_SOCKET_USER, HP_SESSION_CURRENT)

    def end(self):
        """Stop the strategies."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        self.stop_strategies()

    def frame(self, bytes data, uint32_t socket=0):
        """One market frame."""
        cdef bytes padded = data + bytes(HP_FRAME_PAD_BYTES)
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_market_frame(&self.core, socket, padded, len(data), self.stamp())

    def report_frame(self, bytes data, uint32_t socket=1):
        """One frame of the order session or the user stream."""
        cdef bytes padded = data + bytes(HP_FRAME_PAD_BYTES)
        self.core.now_ns = self.core.recv_ns = self.now_ns
        self.core.stamps.recv = self.stamp()
        hp_lane_report_frame(&self.core, socket, padded, len(data))

    def report(self, bytes record):
        """One hp_report_t as bytes."""
        cdef hp_report_t report
        if len(record) != sizeof(hp_report_t):
            raise ValueError(f"a report has {sizeof(hp_report_t)} bytes, not {len(record)}")
        memcpy(&report, <const char *>record, sizeof(report))
        self.core.now_ns = self.core.recv_ns = self.now_ns
        report.recv_ns = self.now_ns
        self.core.stamps.recv = self.stamp()
        hp_lane_told(&self.core, &report)

    def mailed(self, uint32_t kind, uint64_t aux, bytes data):
        """One mail of the cold side: 0 = it is no step alone, 2 = it was a fact of an opening."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        self.core.stamps.recv = self.stamp()
        return hp_lane_mailed(&self.core, kind, aux, data, len(data))

    def begin_opening(self):
        """Wish for an opening, as a lane does when its user stream is open; return the generation."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_command(&self.core, HP_COMMAND_WISH)
        return self.core.stage.generation

    def fact(self, uint32_t kind, uint64_t generation, bytes record):
        """One opening fact; True when the lane is open."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_fact(&self.core, kind, generation, <const char *>record, len(record))
        return bool(self.core.is_open)

    def snapshot(self, uint32_t instrument, bytes data):
        """A REST snapshot."""
        cdef bytes padded = data + bytes(HP_FRAME_PAD_BYTES)
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_snapshot(&self.core, instrument, padded, len(data))

    def missed(self, uint32_t instrument, bytes rows):
        """Trades that the venue lists: hp_missed_t each."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_fill_missed(&self.core, instrument, rows, len(rows))

    def spare(self, uint32_t instrument, bytes data, uint64_t asked_ns):
        """A poll of the spare source."""
        cdef bytes padded = data + bytes(HP_FRAME_PAD_BYTES)
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_spare(&self.core, instrument, asked_ns, padded, len(data))

    def socket(self, uint32_t socket, bint is_open):
        """A market socket opened or closed."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_session(&self.core, socket, HP_SESSION_OPEN if is_open else HP_SESSION_CLOSED)

    def words(self, uint32_t words):
        """The OR of the control words as of now."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_words(&self.core, words)

    def archive(self, uint32_t words=0):
        """What a turn does about the archiver: the words that its lag sets, and what it releases."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_words(&self.core, words | hp_lane_lag(&self.core))
        hp_lane_look_archived(&self.core)

    def ask(self, bytes record):
        """What the gate would say of an hp_ask_t: an hp_verdict_t, as bytes."""
        cdef hp_ask_t asked
        cdef hp_verdict_t told
        if len(record) != sizeof(asked):
            raise ValueError(f"record of {len(record)} bytes; want {sizeof(asked)}")
        memcpy(&asked, <const char *>record, sizeof(asked))
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_ask(&self.core, &asked, &told)
        return (<char *>&told)[: sizeof(told)]

    def clock(self, bytes record):
        """The time authority's word as of now: one hp_time_record_t as bytes."""
        cdef hp_time_record_t found
        if len(record) != sizeof(found):
            raise ValueError(f"a time record has {sizeof(found)} bytes, not {len(record)}")
        memcpy(&found, <const char *>record, sizeof(found))
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_clock(&self.core, &found)

    def take_limits(self, page):
        """Sample the authority's page (any buffer) as of now; False when its writer is at work."""
        cdef Py_buffer view
        cdef bint taken
        PyObject_GetBuffer(page, &view, PyBUF_SIMPLE)
        self.core.now_ns = self.core.recv_ns = self.now_ns
        taken = hp_lane_take_limits(&self.core, <const hp_limits_page_t *>view.buf)
        PyBuffer_Release(&view)
        return taken

    def show_uses(self, uint32_t count=0):
        """Show what is held of each leased limit, or of the next `count`, as a lane does with each beat."""
        self.core.now_ns = self.core.recv_ns = self.now_ns
        if count:
            hp_lane_show_some(&self.core, count)
        else:
            hp_lane_show_uses(&self.core)

    def turn(self, uint64_t advance_ns=0):
        """Let time pass, then run the timers."""
        self.now_ns += advance_ns
        self.core.now_ns = self.core.recv_ns = self.now_ns
        hp_lane_timers(&self.core)
        if self.core.pair != NULL:
            hp_pair_flush(&self.core)
