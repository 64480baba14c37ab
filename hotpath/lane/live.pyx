"""A lane on real sockets: uvloop turns it, picows frames it.

Owns:    the loop's turn, the listeners, parking, pinning, locked memory, the mail rings to and from
         the cold side.
Refuses: REST, keys, signing, logging: the cold side does those; a lane counts.

Orders first.  The loop gives no order between sockets, and one read may carry thousands of market
frames, so market frames have a budget of 16 a turn: what exceeds it is copied to the parking ring and
served in later turns, after rings, order sockets and timers.  While a socket has frames parked its
further frames are parked behind them and its reading is paused.

recv is stamped once per socket read (the first frame of a read, or of a turn) and carried by all its
frames, so that queueing counts.
"""

import asyncio
import gc
import ipaddress
import os
import socket as sockets

import aiofastnet
import picows as picows_module
import uvloop

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from hotpath.abi.atomic cimport hp_count, hp_load32_acquire, hp_load_acquire, hp_seq_read, hp_store_relaxed, hp_store_release
from hotpath.abi.clock cimport hp_mono_ns, hp_time_divergence, hp_time_record_t, hp_tsc
from hotpath.abi.event cimport HP_FRAME_BYTES_MAX, HP_FRAME_PAD_BYTES
from hotpath.abi.hiccup cimport hp_hiccup_init, hp_hiccup_pause, hp_hiccup_step
from hotpath.abi.journal cimport (
    HP_COMMAND_DRAIN, HP_COMMAND_WISH, HP_SESSION_ASKED, HP_SESSION_CLOSED, HP_SESSION_CURRENT, HP_SESSION_OPEN, HP_SESSION_READY,
    HP_SOCKET_ORDER, HP_SOCKET_USER, hp_journal_clock_t)
from hotpath.abi.lease cimport hp_lease_page_t
from hotpath.abi.rule cimport hp_leader_lease_t
from hotpath.abi.mail cimport *
from hotpath.abi.order cimport *
from hotpath.abi.page cimport *
from hotpath.abi.quota cimport HP_QUOTA_WEIGHT
from hotpath.abi.ring cimport *
from hotpath.lane.core cimport *
from hotpath.lane.lane cimport Lane
from picows.picows cimport WSFrame, WSListener, WSMsgType, WSTransport

cdef extern from "time.h" nogil:
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec *t)
    enum: CLOCK_REALTIME

cdef extern from "sys/mman.h" nogil:
    int mlockall(int flags)
    int mlock(const void *start, size_t size)
    enum: MCL_CURRENT
    enum: MCL_FUTURE

cdef extern from "errno.h" nogil:
    int errno
    enum: EAGAIN

cdef extern from "poll.h" nogil:
    cdef struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *which, unsigned long count, int timeout_ms)
    enum: POLLIN

cdef extern from "sys/eventfd.h" nogil:
    ctypedef uint64_t eventfd_t
    int eventfd_read(int fd, eventfd_t *value)
    int eventfd_write(int fd, eventfd_t value)

cdef extern from "sys/socket.h" nogil:
    ssize_t recv(int fd, void *to, size_t room, int flags)
    enum: MSG_PEEK
    enum: MSG_DONTWAIT
    enum: MSG_TRUNC

cdef extern from "Python.h":
    Py_buffer *PyMemoryView_GET_BUFFER(object view)

# picows and aiofastnet are a binary interface that Cython does not check.
PICOWS, AIOFASTNET, UVLOOP = "2.3.1", "1.2.0", "0.23.0"
for _name, _found, _wanted in (("picows", picows_module.__version__, PICOWS),
                               ("aiofastnet", aiofastnet.__version__, AIOFASTNET),
                               ("uvloop", uvloop.__version__, UVLOOP)):
    if _found != _wanted:
        raise ImportError(f"{_name} is {_found}; this build is made for {_wanted}: run make build")

cdef struct parked_t:
    uint64_t recv_ns
    uint64_t recv_tsc

cdef uint64_t PARK_BYTES = 4 * 1024 * 1024
# One read brings at most about this much (the kernel doubles it): what a read brings must be framed and
# parked before the next look at the order sockets, and picows grows its buffer to what a read can fill.
MARKET_RECEIVE_BYTES = 128 * 1024
MARKET_BUFFER_BYTES = 512 * 1024  # never filled to the 90 % at which picows doubles it: memory stays flat
cdef enum:
    READ_BYTES = 65536
    KEPT_BYTES = 65536                # of requests that leave with one write; more of them: more writes
cdef uint64_t HICCUP_NS = 5_000   # an idle turn takes about 700 ns: what takes longer was taken from us
cdef uint64_t SPIN_NS = 100_000   # between two turns of the whole loop while the lane spins on its sockets
cdef uint64_t ASK_AGAIN_NS = 3_000_000_000
cdef size_t HELD_BYTES_MAX = 16 * 1024 * 1024
cdef uint64_t SUPERVISOR_LOOK_NS = 50_000_000      # between two looks at the supervisor's pidfd
cdef uint64_t SUPERVISOR_SILENCE_NS = 10_000_000_000 # alive, but stuck: nobody would restart or stop us
cdef uint64_t DRAIN_NS = 5_000_000_000
cdef uint64_t ORPHAN_DRAIN_NS = 1_200_000_000      # of a lane whose supervisor is dead: gone within 2 s
cdef uint64_t LOGON_AGAIN_NS = 5_000_000_000       # a wish may have died with the process that took it


cdef uint64_t live_now(void *self) noexcept:
    return hp_mono_ns()

cdef uint64_t live_tsc(void *self) noexcept:
    return hp_tsc()

cdef int live_send(void *self, char *data, size_t size) noexcept:
    cdef LiveLane lane = <LiveLane>self
    cdef OrderListener orders = lane.orders
    if orders is None or orders.transport is None or orders.transport.is_disconnected or orders.transport.is_close_frame_sent:
        return 0
    if lane.is_corked:
        return lane.frame_behind(orders.transport, data, size)
    try:
        orders.transport.send_reuse_external_buffer(WSMsgType.TEXT, data, size)
    except Exception:
        return 0
    return 1

cdef int live_hand(void *self, uint32_t kind, const void *data, size_t size) noexcept:
    cdef LiveLane lane = <LiveLane>self
    if data == NULL:
        return hp_ring_room(lane.pair_out) >= size
    lane.is_peer_due = True
    return hp_ring_put(lane.pair_out, kind, 0, data, size)

cdef uint32_t live_cork(void *self, int on) noexcept:
    cdef LiveLane lane = <LiveLane>self
    if lane.core.role == HP_ROLE_MARKET:  # the other lane sees the intents of a step all at once
        if on:
            hp_ring_hold(lane.pair_out)
        else:
            hp_ring_let_go(lane.pair_out)
        return 0
    if on:
        lane.is_corked = True
        lane.kept_count = 0
        return 0
    lane.write_kept()
    lane.is_corked = False
    return lane.kept_count

cdef void masked(char *to, const char *text, size_t size, uint32_t mask) noexcept nogil:
    """Copy a payload under its mask, a word at a time."""
    cdef uint64_t both = mask | <uint64_t>mask << 32, word
    cdef size_t at = 0
    while at + 8 <= size:
        memcpy(&word, text + at, 8)
        word ^= both
        memcpy(to + at, &word, 8)
        at += 8
    while at < size:
        to[at] = text[at] ^ <char>(mask >> 8 * (at & 3) & 0xff)
        at += 1

cdef void live_want(void *self, uint32_t what, uint32_t aux) noexcept:
    (<LiveLane>self).want(what, aux)


cdef class SocketListener(WSListener):
    """What every socket of a lane shares: its number, its stamps, reassembly of fragmented messages."""

    cdef LiveLane lane
    cdef WSTransport transport
    cdef uint32_t socket
    cdef uint64_t recv_ns
    cdef uint64_t recv_tsc
    cdef uint64_t turn
    cdef bint is_read_over
    cdef bint is_paused
    cdef uint32_t parked
    cdef char *assembly
    cdef size_t assembled
    cdef size_t assembly_room
    cdef object closed
    cdef object read_ready            # the transport's own read callback
    cdef object protocol              # picows' end of a plain socket; None under TLS
    cdef int descriptor               # -1 while not connected

    def __cinit__(self, LiveLane lane, uint32_t socket):
        self.lane = lane
        self.socket = socket
        self.is_read_over = True
        self.descriptor = -1
        self.closed = lane.loop.create_future()

    def __dealloc__(self):
        free(self.assembly)

    cdef inline void stamp(self, WSFrame frame) noexcept:
        if self.is_read_over or self.turn != self.lane.turns:
            self.recv_tsc = hp_tsc()
            self.recv_ns = hp_mono_ns()
            self.turn = self.lane.turns
            hp_count(&self.lane.core.count.reads, 1)
        self.is_read_over = frame.last_in_buffer

    cdef bint assemble(self, WSFrame frame, char **data, size_t *size) noexcept:
        """Collect fragments; True when a whole message is in *data."""
        cdef size_t need
        cdef char *grown
        if frame.msg_type == WSMsgType.CLOSE:
            self.transport.disconnect()
            return False
        if frame.msg_type != WSMsgType.TEXT and frame.msg_type != WSMsgType.CONTINUATION and frame.msg_type != WSMsgType.BINARY:
            return False
        if frame.fin and self.assembled == 0:
            data[0] = frame.payload_ptr
            size[0] = frame.payload_size
            return True
        need = self.assembled + frame.payload_size + HP_FRAME_PAD_BYTES
        if need > HP_FRAME_BYTES_MAX + HP_FRAME_PAD_BYTES:
            self.assembled = 0
            self.transport.disconnect()
            return False
        if need > self.assembly_room:
            grown = <char *>realloc(self.assembly, need * 2)
            if grown == NULL:
                self.transport.disconnect()
                return False
            self.assembly = grown
            self.assembly_room = need * 2
        memcpy(self.assembly + self.assembled, frame.payload_ptr, frame.payload_size)
        self.assembled += frame.payload_size
        if not frame.fin:
            return False
        memset(self.assembly + self.assembled, 0, HP_FRAME_PAD_BYTES)
        data[0] = self.assembly
        size[0] = self.assembled
        self.assembled = 0
        return True

    cpdef on_ws_connected(self, WSTransport transport):
        self.transport = transport
        self.lane.connected(self)

    cpdef on_ws_disconnected(self, WSTransport transport):
        if not self.closed.done():
            self.closed.set_result(None)
        self.lane.disconnected(self)


cdef class MarketListener(SocketListener):
    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        cdef char *data
        cdef size_t size
        cdef LiveLane lane = self.lane
        self.stamp(frame)
        if not self.assemble(frame, &data, &size):
            return
        if self.parked == 0 and lane.budget > 0:
            lane.budget -= 1
            lane.core.recv_ns = self.recv_ns
            lane.core.now_ns = self.recv_ns
            hp_lane_market_frame(&lane.core, self.socket, data, size, self.recv_tsc)
            if lane.is_peer_due:
                lane.ring_peer()
        else:
            lane.park(self, data, size)


cdef class OrderListener(SocketListener):
    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        cdef char *data
        cdef size_t size
        cdef LiveLane lane = self.lane
        cdef uint64_t before
        self.stamp(frame)
        if not self.assemble(frame, &data, &size):
            return
        if self.socket == HP_SOCKET_USER and not lane.core.is_user_ready:
            lane.hold(self, data, size)
            return
        before = HP_MARKET_FRAMES_PER_TURN - lane.budget
        if before > lane.core.count.frames_before_ack_max:
            lane.core.count.frames_before_ack_max = before
        lane.core.recv_ns = self.recv_ns
        lane.core.now_ns = self.recv_ns
        lane.core.stamps.recv = self.recv_tsc
        hp_lane_report_frame(&lane.core, self.socket, data, size)
        if lane.is_peer_due:
            lane.ring_peer()
        if self.socket == HP_SOCKET_USER and not lane.core.is_user_ready:
            self.transport.disconnect()  # the venue ended the stream: begin anew, with a fresh key


cdef class Turn:
    """The loop's turn: a callable that arms itself again while the lane spins.

    A spinning lane asks its own sockets, orders first, by a peek each; the whole loop (timers, connects,
    everything else) gets a turn every SPIN_NS.  See docs/decisions/0002 for what was measured.
    """

    cdef LiveLane lane

    def __call__(self):
        cdef LiveLane lane = self.lane
        cdef hp_lane_page_t *page = lane.core.page
        cdef uint64_t until, work
        lane.turn()
        if not lane.is_spinning or lane.is_over:
            return
        until = lane.core.now_ns + SPIN_NS
        hp_hiccup_pause(&page.hiccup)  # what lies behind was the whole loop's turn
        while lane.core.now_ns < until and not lane.is_over:
            work = page.counters.reads + page.counters.mail_in + page.counters.pair_in
            lane.poll_sockets()
            lane.turn()
            if page.counters.reads + page.counters.mail_in + page.counters.pair_in == work:
                hp_hiccup_step(&page.hiccup, &page.calibration, hp_tsc())
            else:
                hp_hiccup_pause(&page.hiccup)
        lane.call_soon(self)


cdef class LiveLane(Lane):
    """One lane process.  `await run()` returns when it has drained."""

    cdef readonly object loop
    cdef object call_soon
    cdef readonly bint is_spinning
    cdef bint is_over
    cdef uint32_t budget
    cdef uint64_t turns
    cdef uint64_t beat_ns
    cdef uint64_t rss_ns
    cdef hp_ring_t *parking
    cdef hp_ring_t *mail_in
    cdef hp_ring_t *mail_out
    cdef hp_ring_t *log_ring          # lines of text; mail_out when there is no ring of their own
    cdef Py_buffer _in_view
    cdef Py_buffer _out_view
    cdef Py_buffer _log_view
    cdef hp_ring_t *pair_in           # of the other lane of a pair; NULL in a fused lane
    cdef hp_ring_t *pair_out
    cdef hp_page_t *pair_beat         # the page of pair_out: its heartbeat is this lane's
    cdef const hp_page_t *peer_beat   # the page of pair_in: the other lane's
    cdef object _pair_maps
    cdef int peer_bell                # eventfd of the other lane, -1 = it spins
    cdef bint is_peer_due             # something was handed over since the bell was rung
    cdef uint64_t peer_ns_max         # silence of the other lane that is taken for its death
    cdef bint _has_mail
    cdef bint _has_log
    cdef readonly int bell            # eventfd: whoever writes mail or a control word rings it; -1 = none
    cdef int session_bell             # eventfd of the session process
    cdef int supervisor_bell
    cdef int supervisor               # pidfd; -1 = nobody watches over this lane
    cdef bint is_mail_due             # wishes since the last ring of the bell
    cdef bint is_log_due
    cdef uint64_t supervisor_ns       # last look
    cdef uint64_t logon_ns            # last wish
    cdef list _controls
    cdef hp_control_page_t *controls[4]
    cdef list _control_views
    cdef uint32_t control_count
    cdef object _clock_map
    cdef const hp_clock_page_t *clock_page
    cdef uint64_t clock_seq           # of the record last taken
    cdef object _limits_map
    cdef const hp_limits_page_t *limits_page
    cdef uint64_t limits_seq          # of the lease last taken
    cdef object _lease_map
    cdef const hp_lease_page_t *lease_page # NULL: no leader lease is set over this deployment
    cdef uint64_t lease_seq
    cdef OrderListener orders
    cdef OrderListener user
    cdef list markets                 # MarketListener by socket number
    cdef object logon_text
    cdef object listen_key_arrived
    cdef readonly object urls
    cdef list held                    # user events that wait: (recv_ns, bytes); see hold()
    cdef size_t held_bytes
    cdef uint64_t asked_ns            # when the trades of a gap in the user stream were asked for
    cdef uint64_t drain_until_ns
    cdef Turn turner
    cdef bint is_turn_due
    cdef char *scratch                # what a peek brings
    cdef char *kept                   # framed requests that leave with one write
    cdef size_t kept_bytes
    cdef uint32_t kept_count
    cdef bint is_corked
    cdef uint32_t wish_count          # streams and sockets that the lane wants anew, until the turn's end
    cdef uint32_t wishes[64][2]
    cdef object stream_texts          # {(instrument, event kind): [messages that ask for it anew]}
    cdef set shown                    # strategies whose traceback has been handed over

    def __cinit__(self, *args, **kwargs):
        self.parking = <hp_ring_t *>calloc(1, sizeof(hp_ring_t) + PARK_BYTES + HP_FRAME_PAD_BYTES)
        if self.parking == NULL:
            raise MemoryError("parking ring")
        hp_ring_init(self.parking, PARK_BYTES)
        self.scratch = <char *>calloc(1, READ_BYTES)
        self.kept = <char *>calloc(1, KEPT_BYTES)
        if self.scratch == NULL or self.kept == NULL:
            raise MemoryError("buffers")

    def __init__(self, *args, mail_in, mail_out, controls, urls, clock_page=None, limits_page=None, lease_page=None,
                 log_ring=None, bells=None, int supervisor=-1, bint spin=True, loop=None, pair=None,
                 uint64_t peer_ms_max=0, **kwargs):
        """mail_in, mail_out, log_ring: writable buffers, each a page header and a ring.  controls: control
        pages, the supervisor's first.  clock_page: the time authority's page.  limits_page: the limit
        authority's, for this lane.  lease_page: the leader lease's.  urls: {"market": [..],
        "orders": url, "user": url or None}.  bells: eventfds {"lane", "session", "supervisor"}.
        supervisor: its pidfd.  pair: (the page by which the other lane speaks, the page by which this one
        does); bells then has "peer" where the other lane blocks."""
        cdef Py_buffer view
        self.loop = loop or asyncio.get_running_loop()
        self.call_soon = self.loop.call_soon
        self.is_spinning = spin
        self.urls = urls
        self.markets = []
        self.shown = set()
        self.held = []
        self.stream_texts = {}
        self.listen_key_arrived = asyncio.Event()
        self.turner = Turn()
        self.turner.lane = self
        PyObject_GetBuffer(mail_in, &self._in_view, PyBUF_WRITABLE)
        PyObject_GetBuffer(mail_out, &self._out_view, PyBUF_WRITABLE)
        self._has_mail = True
        self.mail_in = <hp_ring_t *>(<char *>self._in_view.buf + sizeof(hp_page_t))
        self.mail_out = <hp_ring_t *>(<char *>self._out_view.buf + sizeof(hp_page_t))
        if self.mail_in.magic != HP_RING_MAGIC or self.mail_out.magic != HP_RING_MAGIC:
            raise ValueError("mail page holds no ring; the cold side makes it before it starts a lane")
        self.log_ring = self.mail_out
        if log_ring is not None:
            PyObject_GetBuffer(log_ring, &self._log_view, PyBUF_WRITABLE)
            self._has_log = True
            self.log_ring = <hp_ring_t *>(<char *>self._log_view.buf + sizeof(hp_page_t))
            if self.log_ring.magic != HP_RING_MAGIC:
                raise ValueError("log page holds no ring; the supervisor makes it before it starts a lane")
        bells = bells or {}
        self.bell = bells.get("lane", -1)
        self.session_bell = bells.get("session", -1)
        self.supervisor_bell = bells.get("supervisor", -1)
        self.peer_bell = bells.get("peer", -1)
        if (pair is None) != (self.core.role == HP_ROLE_FUSED):
            raise ValueError(f"a {self.role} lane {'without' if pair is None else 'with'} rings to another one")
        if pair is not None:
            self.take_pair(pair, peer_ms_max)
        self.supervisor = supervisor
        self._controls = list(controls)
        if len(self._controls) > 4:
            raise ValueError(f"{len(self._controls)} control pages; want at most 4")
        self.control_count = 0
        for page in self._controls:
            PyObject_GetBuffer(page, &view, PyBUF_SIMPLE)
            self.controls[self.control_count] = <hp_control_page_t *>view.buf
            self.control_count += 1
            PyBuffer_Release(&view)  # the map in _controls keeps it alive
        if clock_page is not None:
            self._clock_map = clock_page
            PyObject_GetBuffer(clock_page, &view, PyBUF_SIMPLE)
            self.clock_page = <const hp_clock_page_t *>view.buf
            PyBuffer_Release(&view)
        if limits_page is not None:
            self._limits_map = limits_page
            PyObject_GetBuffer(limits_page, &view, PyBUF_SIMPLE)
            self.limits_page = <const hp_limits_page_t *>view.buf
            PyBuffer_Release(&view)
        if lease_page is not None:
            self._lease_map = lease_page
            PyObject_GetBuffer(lease_page, &view, PyBUF_SIMPLE)
            self.lease_page = <const hp_lease_page_t *>view.buf
            PyBuffer_Release(&view)
        self.core.env.self = <void *>self
        self.core.env.now = live_now
        self.core.env.tsc = live_tsc
        self.core.env.send = live_send
        self.core.env.want = live_want
        self.core.env.hand = live_hand
        self.core.env.cork = live_cork
        self.core.page.is_spinning = spin
        self.core.page.started_ns = hp_mono_ns()

    def __dealloc__(self):
        free(self.parking)
        free(self.scratch)
        free(self.kept)
        if self._has_mail:
            PyBuffer_Release(&self._in_view)
            PyBuffer_Release(&self._out_view)
        if self._has_log:
            PyBuffer_Release(&self._log_view)

    # -- the other lane of a pair -----------------------------------------------------------------

    cdef object take_pair(self, pair, uint64_t peer_ms_max):
        cdef Py_buffer view
        self._pair_maps = pair
        PyObject_GetBuffer(pair[0], &view, PyBUF_WRITABLE)
        self.peer_beat = <const hp_page_t *>view.buf
        self.pair_in = <hp_ring_t *>(<char *>view.buf + sizeof(hp_page_t))
        PyBuffer_Release(&view)  # the maps in _pair_maps keep both alive
        PyObject_GetBuffer(pair[1], &view, PyBUF_WRITABLE)
        self.pair_beat = <hp_page_t *>view.buf
        self.pair_out = <hp_ring_t *>(<char *>view.buf + sizeof(hp_page_t))
        PyBuffer_Release(&view)
        if self.pair_in.magic != HP_RING_MAGIC or self.pair_out.magic != HP_RING_MAGIC:
            raise ValueError("pair page holds no ring; the supervisor makes it before it starts a lane")
        hp_ring_take_up(self.pair_out)
        self.peer_ns_max = peer_ms_max * 1000000

    cdef void read_peer(self, uint64_t now) noexcept:
        """Look at the other lane's beat, then take what it said."""
        cdef uint64_t beat = hp_load_acquire(&self.peer_beat.heartbeat_ns), bound = beat + self.peer_ns_max
        if beat != 0 and (now > bound) != self.core.pair.is_silent:
            if now > bound:
                self.log(f"lane.peer_silent role={self.role} ended={int(beat == HP_PAIR_ENDED)}")
                hp_lane_peer(&self.core, HP_PAIR_SILENT, &bound, sizeof(bound))
            else:
                hp_lane_peer(&self.core, HP_PAIR_BACK, NULL, 0)
        if hp_lane_take_peer(&self.core, self.pair_in) == HP_PEER_RECORDS_PER_TURN:
            self.due()  # there is more

    cdef void ring_peer(self) noexcept:
        self.is_peer_due = False
        if self.peer_bell >= 0:
            eventfd_write(self.peer_bell, 1)

    # -- requests that leave together ------------------------------------------------------------------

    cdef int frame_behind(self, WSTransport transport, const char *data, size_t size) noexcept:
        """Frame a request behind those that wait; 1 = the session has it."""
        cdef size_t head = <size_t>transport._get_header_size(<Py_ssize_t>size)
        cdef uint32_t mask
        if self.kept_bytes + head + size > KEPT_BYTES:
            self.write_kept()
        mask = transport._prepare_header(<uint8_t *>self.kept + self.kept_bytes, WSMsgType.TEXT, <Py_ssize_t>size,
                                         True, False, False, False)
        masked(self.kept + self.kept_bytes + head, data, size, mask)
        self.kept_bytes += head + size
        self.kept_count += 1
        return 1

    cdef void write_kept(self) noexcept:
        """Write what waits, at once.  A write that fails says nothing about what arrived."""
        cdef size_t size = self.kept_bytes
        self.kept_bytes = 0
        if size == 0 or self.orders is None or self.orders.transport is None:
            return
        try:
            self.orders.transport._fast_write(self.kept, <Py_ssize_t>size)
        except Exception:
            pass

    # -- the turn ---------------------------------------------------------------------------------

    cdef void turn(self) noexcept:
        cdef uint64_t now = hp_mono_ns()
        cdef uint32_t words = 0, n
        self.is_turn_due = False
        self.turns += 1
        self.core.now_ns = now
        self.core.recv_ns = now
        self.budget = HP_MARKET_FRAMES_PER_TURN
        for n in range(self.control_count):
            words |= hp_load32_acquire(&self.controls[n].word)
        hp_store_relaxed(&self.core.page.counters.turns, self.turns)
        if self.lease_page != NULL and hp_load_acquire(&self.lease_page.seq) != self.lease_seq:
            self.read_lease()
        words |= hp_lane_lag(&self.core)
        if words != self.core.asked_words:
            hp_store_relaxed(&self.core.page.words_turn, self.turns)
        hp_lane_words(&self.core, words)
        hp_store_release(&self.core.page.looked_turn, self.turns)
        hp_lane_look_archived(&self.core)
        if self.clock_page != NULL and hp_load_acquire(&self.clock_page.seq) != self.clock_seq:
            self.read_clock()
        if self.limits_page != NULL and hp_load_acquire(&self.limits_page.seq) != self.limits_seq:
            self.read_limits()
        if words & HP_WORD_STOP:
            self.is_over = True
        if self.pair_in != NULL:
            self.read_peer(now)
        if not hp_ring_is_empty(self.mail_in):
            self.read_mail()
        if not hp_ring_is_empty(self.parking):
            self.serve_parked()
        self.core.recv_ns = now
        hp_lane_timers(&self.core)
        if self.wish_count:
            self.renew_streams()
        if now - self.beat_ns >= 1000000:
            self.beat(now)
        if self.is_peer_due:
            self.ring_peer()
        if not self.is_spinning and (self.is_mail_due or self.is_log_due):
            self.ring_bells()

    cdef void ring_bells(self) noexcept:
        """Wake those who have mail of ours: a system call each, so once a beat, not once a record."""
        if self.is_mail_due and self.session_bell >= 0:
            eventfd_write(self.session_bell, 1)
        if self.is_log_due and self.supervisor_bell >= 0:
            eventfd_write(self.supervisor_bell, 1)
        self.is_mail_due = self.is_log_due = False

    cdef bint is_orphan(self, uint64_t now) noexcept:
        """Say whether the supervisor is gone (its pidfd says so) or has been stuck for too long."""
        cdef pollfd look
        if self.supervisor >= 0 and now - self.supervisor_ns >= SUPERVISOR_LOOK_NS:
            self.supervisor_ns = now
            look.fd = self.supervisor
            look.events = POLLIN
            look.revents = 0
            if poll(&look, 1, 0) > 0:
                return True
        return self.control_count > 0 and now > self.controls[0].page.heartbeat_ns + SUPERVISOR_SILENCE_NS

    cdef void read_clock(self) noexcept:
        """Take the time authority's new record; a torn read is tried again in the next turn."""
        cdef hp_time_record_t record
        cdef uint64_t seq = hp_load_acquire(&self.clock_page.seq)
        if hp_seq_read(&self.clock_page.seq, &self.clock_page.record, &record, sizeof(record), 1):
            self.clock_seq = seq
            hp_lane_clock(&self.core, &record)

    cdef void read_limits(self) noexcept:
        """Take the authority's newest lease; one that is being written is tried again in the next turn."""
        cdef uint64_t seq = hp_load_acquire(&self.limits_page.seq)
        if hp_lane_take_limits(&self.core, self.limits_page):
            self.limits_seq = seq

    cdef void read_lease(self) noexcept:
        """Take the provider's new word; a torn read is tried again in the next turn."""
        cdef hp_leader_lease_t lease
        cdef uint64_t seq = hp_load_acquire(&self.lease_page.seq)
        if hp_seq_read(&self.lease_page.seq, &self.lease_page.lease, &lease, sizeof(lease), 1):
            self.lease_seq = seq
            hp_lane_leader(&self.core, &lease)

    cdef int read(self, SocketListener listener) except -1:
        """One look at a socket, one read at most.

        A plain socket is read by peeking: the bytes go to picows, orders leave, and only then are they
        taken off the socket, because taking them makes the kernel send its bare acknowledgement (2.6 us
        here) inside that call.  TLS goes through the transport, which must see every byte itself.
        """
        cdef char byte
        cdef Py_buffer *room
        cdef ssize_t found, at = 0, part
        if listener.descriptor < 0:
            return 0
        if listener.protocol is None:
            if recv(listener.descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 or errno != EAGAIN:
                listener.read_ready()
            return 0
        found = recv(listener.descriptor, self.scratch, READ_BYTES, MSG_PEEK | MSG_DONTWAIT)
        if found <= 0:
            if found == 0 or errno != EAGAIN:
                listener.read_ready()  # the end or an error: the transport's business
            return 0
        while at < found:
            view = listener.protocol.get_buffer(found - at)
            room = PyMemoryView_GET_BUFFER(view)
            part = found - at if found - at < room.len else room.len
            memcpy(room.buf, self.scratch + at, part)
            view = None
            listener.protocol.buffer_updated(part)
            at += part
        if listener.descriptor >= 0:
            recv(listener.descriptor, NULL, found, MSG_TRUNC | MSG_DONTWAIT)
        return 0

    cdef void poll_sockets(self) noexcept:
        """Read what is there: order sockets first, then market sockets that are not paused."""
        cdef MarketListener market
        try:
            if self.orders is not None:
                self.read(self.orders)
            if self.user is not None:
                self.read(self.user)
            for market in self.markets:
                if not market.is_paused:
                    self.read(market)
        except Exception as error:
            self.log(f"lane.read_error error={error!r}")

    cdef object watch(self, SocketListener listener):
        """Let a spinning lane read this socket itself; the loop then watches it no more."""
        transport = listener.transport.underlying_transport
        listener.read_ready = transport._read_ready
        listener.descriptor = transport.get_extra_info("socket").fileno()
        listener.protocol = None if listener.transport.is_secure else transport.get_protocol()
        self.loop.remove_reader(listener.descriptor)

    cdef void beat(self, uint64_t now) noexcept:
        """What is needed about once a millisecond: heartbeat, arming, state, draining, the clock record."""
        cdef hp_lane_page_t *page = self.core.page
        cdef uint32_t state
        self.beat_ns = now
        hp_store_release(&page.page.heartbeat_ns, now)
        if self.pair_beat != NULL:
            hp_store_release(&self.pair_beat.heartbeat_ns, now)
        page.turn_ns = now
        page.is_spinning = self.is_spinning
        if self.limits_page != NULL:
            hp_lane_show_some(&self.core, HP_USES_A_BEAT)
        if self.core.is_open and self.user is not None and not self.core.is_user_ready and now > self.asked_ns + ASK_AGAIN_NS:
            self.asked_ns = now
            self.want(HP_WANT_TRADES, 0)
        if not self.core.is_draining and self.is_orphan(now):
            hp_lane_command(&self.core, HP_COMMAND_DRAIN)
            self.drain_until_ns = now + ORPHAN_DRAIN_NS
        if (self.orders is not None and not self.core.is_session_ready and self.orders.transport is not None
                and now - self.logon_ns >= LOGON_AGAIN_NS):
            self.want(HP_WANT_LOGON, 0)
        if self.is_mail_due or self.is_log_due:
            self.ring_bells()
        if self.core.is_draining:
            if self.drain_until_ns == 0:
                self.drain_until_ns = now + DRAIN_NS
            state = HP_LANE_DRAINED if self.core.orders.working_count == 0 else HP_LANE_DRAINING
            if state == HP_LANE_DRAINED or now > self.drain_until_ns:
                self.is_over = True
        elif self.core.role == HP_ROLE_MARKET:
            state = HP_LANE_ARMED if self.core.pair.is_armed else HP_LANE_SYNCING
        elif self.core.gate.is_armed:
            state = HP_LANE_ARMED
        else:
            state = HP_LANE_CONNECTING if not self.core.is_session_ready else HP_LANE_SYNCING
        page.state = state
        if now - self.core.clock_ns >= 1000000000u:
            self.core.clock_ns = now
            self.read_clocks(now)

    cdef void read_clocks(self, uint64_t now) noexcept:
        cdef hp_journal_clock_t pair
        cdef timespec t
        pair.mono_ns = hp_mono_ns()
        clock_gettime(CLOCK_REALTIME, &t)
        pair.real_ns = <uint64_t>t.tv_sec * 1000000000u + <uint64_t>t.tv_nsec
        pair.uncertainty_ns = hp_time_divergence(&self.core.gate.clock, now)
        pair.tsc = hp_tsc()
        hp_lane_clocks(&self.core, &pair)

    cdef void due(self) noexcept:
        """Ask for a turn soon; a spinning lane has one anyway."""
        if not self.is_spinning and not self.is_turn_due:
            self.is_turn_due = True
            try:
                self.call_soon(self.turner)
            except Exception:
                pass  # the loop is closed: the lane is over

    # -- parking ----------------------------------------------------------------------------------

    cdef void park(self, MarketListener listener, char *data, size_t size) noexcept:
        cdef parked_t *to = <parked_t *>hp_ring_claim(self.parking, listener.socket, 0, sizeof(parked_t) + size)
        if to == NULL:
            # Cannot happen while reading is paused in time; if it does the stream has a hole: start it anew.
            listener.transport.disconnect()
            return
        to.recv_ns = listener.recv_ns
        to.recv_tsc = listener.recv_tsc
        memcpy(to + 1, data, size)
        hp_ring_publish(self.parking)
        listener.parked += 1
        hp_count(&self.core.count.frames_parked, 1)
        if not listener.is_paused:
            listener.is_paused = True
            if listener.protocol is None:  # the transport reads by itself: it must be told
                try:
                    listener.transport.underlying_transport.pause_reading()
                except Exception:
                    listener.transport.disconnect()
        self.due()

    cdef void serve_parked(self) noexcept:
        cdef hp_ring_record_t *record
        cdef parked_t *head
        cdef MarketListener listener
        while self.budget > 0:
            record = hp_ring_peek(self.parking)
            if record == NULL:
                break
            self.budget -= 1
            head = <parked_t *>hp_ring_payload(record)
            self.core.recv_ns = head.recv_ns
            hp_lane_market_frame(&self.core, record.kind, <const char *>(head + 1), record.length - sizeof(parked_t), head.recv_tsc)
            listener = <MarketListener>self.markets[record.kind]
            hp_ring_pop(self.parking)
            if listener.parked > 0:
                listener.parked -= 1
            if listener.parked == 0 and listener.is_paused:
                listener.is_paused = False
                if listener.protocol is None:
                    try:
                        if not listener.transport.is_disconnected:
                            listener.transport.underlying_transport.resume_reading()
                            if self.is_spinning:
                                self.loop.remove_reader(listener.descriptor)
                    except Exception:
                        listener.transport.disconnect()
        if not hp_ring_is_empty(self.parking):
            self.due()

    # -- the user stream until it may be believed -----------------------------------------------------

    cdef void hold(self, OrderListener listener, char *data, size_t size) noexcept:
        """Keep a user event until the cold side has told what happened before this stream was open.

        The stream is opened first and the venue asked afterwards: what happens in between is in both, and
        fills are told apart by their trade id.  Nothing trades while events wait, so they may be kept as
        Python objects; a lane that cannot keep them starts the stream anew.
        """
        try:
            self.held_bytes += size
            if self.held_bytes > HELD_BYTES_MAX:
                listener.transport.disconnect()
                return
            self.held.append((listener.recv_ns, PyBytes_FromStringAndSize(data, size)))
        except Exception as error:
            self.log(f"lane.hold_error error={error!r}")
            listener.transport.disconnect()

    cdef void release(self) noexcept:
        """Believe the stream from here on: first what waited, then what comes."""
        cdef bytes text
        self.note_session(HP_SOCKET_USER, HP_SESSION_READY)
        try:
            for recv_ns, frame in self.held:
                text = frame + bytes(HP_FRAME_PAD_BYTES)
                self.core.recv_ns = recv_ns
                hp_lane_report_frame(&self.core, HP_SOCKET_USER, text, len(frame))
            self.held.clear()
            self.held_bytes = 0
        except Exception as error:
            self.log(f"lane.release_error error={error!r}")
        if self.core.is_user_ready:
            self.note_session(HP_SOCKET_USER, HP_SESSION_CURRENT)
        else:
            self.user.transport.disconnect()

    # -- mail -------------------------------------------------------------------------------------

    cdef void want(self, uint32_t what, uint32_t aux) noexcept:
        cdef uint32_t words[2]
        if what == HP_WANT_STREAM or what == HP_WANT_RECONNECT:  # the lane's own sockets
            if self.wish_count < 64:  # what does not fit is asked for again
                self.wishes[self.wish_count][0] = what
                self.wishes[self.wish_count][1] = aux
                self.wish_count += 1
            return
        words[0] = what
        words[1] = aux
        if what == HP_WANT_LOGON:
            self.logon_ns = hp_mono_ns()
        if hp_ring_put(self.mail_out, HP_MAIL_WANT, what, words, sizeof(words)):
            hp_count(&self.core.count.mail_out, 1)
            self.is_mail_due = True
        else:
            hp_count(&self.core.count.mail_refused, 1)

    def set_stream_texts(self, uint32_t instrument, uint32_t kind, list texts):
        """Say which messages, sent on its socket, ask for a stream anew."""
        self.stream_texts[instrument, kind] = texts

    cdef void renew_streams(self) noexcept:
        """Carry out what stale.h asked for, outside of any frame."""
        cdef uint32_t n, aux
        cdef MarketListener market
        try:
            for n in range(self.wish_count):
                aux = self.wishes[n][1]
                for socket in self.wished_sockets(self.wishes[n][0], aux):
                    market = self.markets[socket]
                    if market.transport is None or market.transport.is_disconnected:
                        continue
                    self.renew(market, self.wishes[n][0], aux)
        except Exception as error:
            self.log(f"lane.renew_error error={error!r}")
        self.wish_count = 0

    cdef object wished_sockets(self, uint32_t what, uint32_t aux):
        """Return the sockets that a wish is about: one of each line, or one alone."""
        if what == HP_WANT_STREAM:
            first = self.core.instruments[aux & 0xFFFF].streams[aux >> 16].rule.socket
        elif aux & HP_WANT_ONE_SOCKET:
            return range(aux & ~HP_WANT_ONE_SOCKET, min((aux & ~HP_WANT_ONE_SOCKET) + 1, len(self.markets)))
        else:
            first = aux
        return range(first, len(self.markets), self.core.line_sockets or len(self.markets))

    cdef object renew(self, MarketListener market, uint32_t what, uint32_t aux):
        if what == HP_WANT_STREAM:
            self.log(f"lane.stream_renewed instrument={aux & 0xFFFF} kind={aux >> 16} socket={market.socket}")
            for text in self.stream_texts.get((aux & 0xFFFF, aux >> 16), ()):
                market.transport.send(WSMsgType.TEXT, text.encode())
        else:
            self.log(f"lane.socket_renewed socket={market.socket} cause=silent_stream")
            market.transport.disconnect()

    def log(self, str text):
        """Hand a line to the supervisor; counted when the ring is full."""
        cdef bytes line = text.encode()[:4000]
        if hp_ring_put(self.log_ring, HP_MAIL_LOG, 0, <const char *>line, len(line)):
            hp_count(&self.core.count.mail_out, 1)
            self.is_log_due = True
        else:
            hp_count(&self.core.count.mail_refused, 1)

    cdef void read_mail(self) noexcept:
        cdef hp_ring_record_t *record
        cdef char *data
        cdef uint32_t n
        cdef int took
        cdef hp_verdict_t told
        for n in range(16):
            record = hp_ring_peek(self.mail_in)
            if record == NULL:
                return
            data = <char *>hp_ring_payload(record)
            hp_count(&self.core.count.mail_in, 1)
            took = hp_lane_mailed(&self.core, record.kind, record.aux, data, record.length)
            if took == HP_MAILED_FACT:
                if self.core.is_open and not self.core.is_user_ready and self.user is not None:
                    self.release()
            elif took == HP_MAILED_REFUSED:
                self.log(f"lane.instrument_refused instrument={(<const hp_instrument_t *>data).id}")
            elif took != HP_MAILED_NOT:
                pass
            elif record.kind == HP_MAIL_ASK and record.length == sizeof(hp_ask_t):
                hp_lane_ask(&self.core, <const hp_ask_t *>data, &told)
                if hp_ring_put(self.mail_out, HP_MAIL_VERDICT, 0, &told, sizeof(told)):
                    hp_count(&self.core.count.mail_out, 1)
                    self.is_mail_due = True
                else:
                    hp_count(&self.core.count.mail_refused, 1)
            elif record.kind == HP_MAIL_TRADES:
                if record.aux == 0 and self.user is not None and self.core.is_open:
                    self.release()
            else:
                self.cold_mail(record.kind, data, record.length)
            hp_ring_pop(self.mail_in)

    cdef void cold_mail(self, uint32_t kind, char *data, size_t size) noexcept:
        try:
            text = PyBytes_FromStringAndSize(data, size).decode()
            if kind == HP_MAIL_LOGON:
                self.logon_text = text
                self.send_logon()
            elif kind == HP_MAIL_LISTEN_KEY:
                self.urls["user"] = text
                self.listen_key_arrived.set()
        except Exception as error:
            self.log(f"lane.mail_error kind={kind} error={error!r}")

    cdef object send_logon(self):
        cdef OrderListener orders = self.orders
        if orders is not None and orders.transport is not None and self.logon_text is not None:
            self.note_session(HP_SOCKET_ORDER, HP_SESSION_ASKED)
            orders.transport.send(WSMsgType.TEXT, self.logon_text)
            self.logon_text = None  # a signature is used once

    # -- sessions ---------------------------------------------------------------------------------

    cdef void note_session(self, uint32_t socket, uint32_t state) noexcept:
        self.core.now_ns = self.core.recv_ns = hp_mono_ns()
        hp_lane_session(&self.core, socket, state)

    cdef object connected(self, SocketListener listener):
        kind = type(listener.transport.underlying_transport)
        if not kind.__module__.startswith("aiofastnet") or "allback" in kind.__name__:
            listener.transport.disconnect()
            raise RuntimeError(f"transport is {kind.__module__}.{kind.__name__}; want aiofastnet's own (the fall-back sends late)")
        if self.is_spinning:
            self.watch(listener)
        if listener.socket == HP_SOCKET_ORDER:
            self.orders = <OrderListener>listener
        elif listener.socket == HP_SOCKET_USER:
            self.user = <OrderListener>listener
            self.held.clear()
            self.held_bytes = 0
            self.asked_ns = hp_mono_ns()
        else:
            # What the old connection left parked comes before anything of the new one.
            while not hp_ring_is_empty(self.parking):
                self.budget = HP_MARKET_FRAMES_PER_TURN
                self.serve_parked()
        self.note_session(listener.socket, HP_SESSION_OPEN)

    cdef object disconnected(self, SocketListener listener):
        self.note_session(listener.socket, HP_SESSION_CLOSED)
        listener.read_ready = listener.protocol = None
        listener.descriptor = -1
        hp_count(&self.core.count.reconnects, 1)
        if listener.socket == HP_SOCKET_USER:
            self.user = None
            self.held.clear()
        listener.parked = 0

    async def market_socket(self, parsed):
        """Connect a market socket whose receive buffer is bounded (set before the window is agreed on)."""
        try:
            ipaddress.ip_address(parsed.host)
            family, address = (sockets.AF_INET6 if ":" in parsed.host else sockets.AF_INET), (parsed.host, parsed.port)
        except ValueError:  # a name: the loop's resolver thread looks it up
            found = await self.loop.getaddrinfo(parsed.host, parsed.port, type=sockets.SOCK_STREAM)
            family, _, _, _, address = found[0]
        sock = sockets.socket(family, sockets.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, MARKET_RECEIVE_BYTES)
            sock.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
            await self.loop.sock_connect(sock, address)
        except BaseException:
            sock.close()
            raise
        return sock

    async def keep(self, str role, uint32_t socket, factory):
        """Hold one connection open until the lane is over: connect, wait, back off, connect again."""
        delay = 0.05
        while not self.is_over:
            url = self.urls["market"][socket] if role == "market" else self.urls.get(role)
            if role == "user" and url is None:
                self.want(HP_WANT_LISTEN_KEY, 0)
                self.listen_key_arrived.clear()
                try:
                    await asyncio.wait_for(self.listen_key_arrived.wait(), 5)
                except TimeoutError:
                    pass
                continue
            while role == "orders" and self.core.gate.quota.now.stop_until_ns[<int>HP_QUOTA_WEIGHT] > hp_mono_ns() and not self.is_over:
                await asyncio.sleep(0.05)  # a connection is a request too
            try:
                _, listener = await picows_module.ws_connect(
                    factory, url, use_aiofastnet=True, enable_auto_ping=True, auto_ping_idle_timeout=10,
                    auto_ping_reply_timeout=10, max_frame_size=HP_FRAME_BYTES_MAX, ssl_context=self.urls.get("ssl"),
                    websocket_handshake_timeout=5,
                    read_buffer_init_size=MARKET_BUFFER_BYTES if role == "market" else 65536,
                    socket_factory=self.market_socket if role == "market" else None)
                delay = 0.05
                await (<SocketListener>listener).closed
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self.log(f"lane.connect_error role={role} socket={socket} error={error!r}")
            if role == "user":
                self.urls["user"] = None  # ask for a fresh key
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)

    async def run(self):
        """Connect, trade, drain.  Returns 0 when no order of ours works any more, 1 when some still do."""
        cdef uint32_t n
        tasks = []
        for n in range(len(self.urls["market"])):
            listener = MarketListener(self, n)
            self.markets.append(listener)
            tasks.append(asyncio.ensure_future(self.keep("market", n, self.market_factory(n))))
        if self.urls.get("orders"):
            tasks.append(asyncio.ensure_future(self.keep("orders", HP_SOCKET_ORDER, lambda: OrderListener(self, HP_SOCKET_ORDER))))
            tasks.append(asyncio.ensure_future(self.keep("user", HP_SOCKET_USER, lambda: OrderListener(self, HP_SOCKET_USER))))
        self.core.now_ns = self.core.recv_ns = hp_mono_ns()
        self.start_strategies()
        if self.is_spinning:
            self.call_soon(self.turner)
        else:
            if self.bell >= 0:
                self.loop.add_reader(self.bell, self.wake)
            if self.supervisor >= 0:
                self.loop.add_reader(self.supervisor, self.orphaned)
        while not self.is_over:
            if not self.is_spinning:
                self.turn()
            self.report_errors()
            if self.is_spinning:
                await asyncio.sleep(0.05)
            else:  # what rests must not wait long for a silent stream to be noticed
                await asyncio.sleep(0.002 if self.core.orders.working_count else 0.01)
        self.stop_strategies()
        if not self.is_spinning:
            for descriptor in (self.bell, self.supervisor):
                if descriptor >= 0:
                    self.loop.remove_reader(descriptor)
        self.ring_bells()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listener in [*self.markets, self.orders, self.user]:
            if listener is not None and (<SocketListener>listener).transport is not None:
                (<SocketListener>listener).transport.disconnect()
        self.core.page.state = HP_LANE_STOPPED
        return 0 if self.core.orders.working_count == 0 else 1

    def wake(self):
        """Take a turn because somebody rang: mail or a control word has come."""
        cdef eventfd_t value
        eventfd_read(self.bell, &value)
        self.turn()

    def orphaned(self):
        """The supervisor is dead: a blocking lane takes a turn, which sees it, and watches no more."""
        self.loop.remove_reader(self.supervisor)
        self.turn()

    def market_factory(self, uint32_t n):
        def make():
            listener = MarketListener(self, n)
            self.markets[n] = listener
            return listener
        return make

    cdef object report_errors(self):
        """Show the traceback of a strategy that halted, once."""
        for strategy in self.strategies:
            if strategy.error is not None and strategy.id not in self.shown:
                self.shown.add(strategy.id)
                self.log(f"strategy.halted strategy={strategy.id} class={type(strategy).__name__}\n{strategy.error}")

    # -- the process ------------------------------------------------------------------------------

    def settle(self, core=None, bint lock=True, bint lock_all=True):
        """Pin, lock, freeze: what makes a process a lane.  Returns what was reached, as a dict.

        A lane that cannot have its core blocks: spinning on a core of others would starve them.
        lock_all: lock everything now and later; else, or where that fails, the lane's tables only.
        """
        out = {"core": -1, "locked": 0}
        if core is not None:
            try:
                os.sched_setaffinity(0, {core})
            except OSError:
                pass  # the affinity that is read back tells
            if os.sched_getaffinity(0) == {core}:
                out["core"] = core
            else:
                self.is_spinning = False
        gc.collect()
        gc.freeze()
        gc.disable()
        if lock and lock_all and mlockall(MCL_CURRENT | MCL_FUTURE) == 0:
            out["locked"] = 1
        elif (lock and mlock(self._memory, self._memory_bytes) == 0
                and mlock(self.core.page, sizeof(hp_lane_page_t)) == 0):
            out["locked"] = 2
        self.core.page.is_spinning = self.is_spinning
        self.core.page.core = out["core"]
        self.core.page.is_locked = out["locked"]
        with open("/proc/self/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        self.own(&self.core.page.page, ticks)
        if self.core.journal.page != NULL:
            self.own(self.core.journal.page, ticks)
        if self.pair_beat != NULL:
            self.own(self.pair_beat, ticks)
        if self.core.page.calibration.ns_per_tick_q32 != 0:
            hp_hiccup_init(&self.core.page.hiccup, &self.core.page.calibration, HICCUP_NS)
        return out

    cdef void own(self, hp_page_t *page, uint64_t start_ticks) noexcept:
        """Say in a page which process writes it: the number and when it started."""
        page.writer_pid = os.getpid()
        page.writer_start_ticks = start_ticks
