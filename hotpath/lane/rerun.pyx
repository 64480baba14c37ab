"""A lane that takes its recorded inputs again.

Owns:    the Env of a re-run: the gate's clock, the session's answers and (unless strategies run again)
         the intents come from the records of the step; its own ring, for comparing.
Refuses: comparing and files (runtime/rerun.py), real time, sockets.

The ring has the recorded size of segments, so a faithful lane writes each record under the sequence
that it had: the record that is due next is always known.
"""

import struct

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from hotpath.abi.event cimport HP_FRAME_PAD_BYTES, hp_event_t
from hotpath.abi.feed cimport hp_feed_event_t
from hotpath.abi.flatten cimport HP_STRATEGY_LANE
from hotpath.abi.intent cimport hp_intent_t
from hotpath.abi.journal cimport *
from hotpath.abi.order cimport hp_order_t, hp_report_t
from hotpath.abi.verdict cimport hp_verdict_t
from hotpath.lane.core cimport *
from hotpath.lane.lane cimport Lane
from hotpath.lane.strategy cimport Strategy

cdef bytes PAD = bytes(HP_FRAME_PAD_BYTES)


cdef uint64_t rerun_now(void *self) noexcept:
    return (<RerunLane>self).judged_ns()

cdef uint64_t rerun_tsc(void *self) noexcept:
    return 0

cdef int rerun_send(void *self, char *data, size_t size) noexcept:
    cdef RerunLane lane = <RerunLane>self
    return not lane.is_due(HP_RECORD_UNSENT)

cdef void rerun_want(void *self, uint32_t what, uint32_t aux) noexcept:
    pass

cdef int rerun_hand(void *self, uint32_t kind, const void *data, size_t size) noexcept:
    return kind != HP_PAIR_INTENT or not (<RerunLane>self).is_due(HP_RECORD_UNSENT)

cdef const hp_intent_t *rerun_intent(void *self) noexcept:
    return (<RerunLane>self).recorded_intent()

# A strategy that is not there: all it does is to fail where it failed.

cdef struct absent_t:
    void *lane
    uint32_t id

cdef void absent(void *self) noexcept:
    cdef absent_t *strategy = <absent_t *>self
    cdef RerunLane lane = <RerunLane>strategy.lane
    if lane.is_halt_due(strategy.id):
        hp_lane_halt(&lane.core, strategy.id)

cdef void absent_book(void *self, uint32_t instrument) noexcept:
    absent(self)

cdef void absent_event(void *self, const hp_event_t *event) noexcept:
    absent(self)

cdef void absent_order(void *self, const hp_order_t *order, const hp_verdict_t *verdict) noexcept:
    absent(self)

cdef void absent_fill(void *self, const hp_order_t *order, const hp_report_t *report) noexcept:
    absent(self)

cdef void absent_feed(void *self, const hp_feed_event_t *said) noexcept:
    absent(self)

cdef void absent_timer(void *self, uint64_t now) noexcept:
    absent(self)


cdef class RerunLane(Lane):
    """A lane for one journal; feed it step by step."""

    cdef list step                # Records of the step in work: its input and what followed
    cdef uint64_t first           # sequence of step[0]
    cdef hp_intent_t intent
    cdef absent_t absents[16]

    def __init__(self, *args, bint strategies=False, **kwargs):
        """strategies: they run again; otherwise the recorded intents are fed."""
        self.step = []
        self.core.env.self = <void *>self
        self.core.env.now = rerun_now
        self.core.env.tsc = rerun_tsc
        self.core.env.send = rerun_send
        self.core.env.want = rerun_want
        self.core.env.hand = rerun_hand
        if not strategies:
            self.core.env.intent = rerun_intent

    cdef object due(self):
        """The record that this lane ought to write next, or None; a CLOCK that opens a segment is none."""
        cdef uint64_t at = self.core.journal.sequence + 1 - self.first
        if at < <uint64_t>len(self.step) and self.step[at].kind == HP_RECORD_CLOCK:
            at += 1
        return self.step[at] if at < <uint64_t>len(self.step) else None

    cdef bint is_due(self, int kind) noexcept:
        try:
            record = self.due()
            return record is not None and record.kind == kind
        except Exception:
            return False

    cdef bint is_halt_due(self, uint32_t strategy) noexcept:
        try:
            return self.is_due(HP_RECORD_HALT) and self.due().aux == strategy
        except Exception:
            return False

    cdef uint64_t judged_ns(self) noexcept:
        """The gate's clock: it stands in the next verdict."""
        cdef uint64_t at
        cdef hp_verdict_t verdict
        cdef bytes payload
        try:
            for at in range(self.core.journal.sequence + 1 - self.first, <uint64_t>len(self.step)):
                if self.step[at].kind == HP_RECORD_VERDICT:
                    payload = self.step[at].payload
                    memcpy(&verdict, <const char *>payload, sizeof(verdict))
                    return verdict.now_ns
        except Exception:
            pass
        return self.core.now_ns

    cdef const hp_intent_t *recorded_intent(self) noexcept:
        cdef bytes payload
        if not self.is_due(HP_RECORD_INTENT):
            return NULL
        try:
            payload = self.due().payload
        except Exception:
            return NULL
        if <size_t>len(payload) != sizeof(self.intent):
            return NULL
        memcpy(&self.intent, <const char *>payload, sizeof(self.intent))
        if self.intent.instrument >= 256:
            return NULL
        return &self.intent

    def begin(self, list step):
        """Say which records the next step made when it was recorded."""
        self.step = step
        self.first = step[0].sequence

    def input(self, record, list step):
        """Take a recorded input again; False when no step function takes its kind.

        step: the records from the input (or the CLOCK that opened a segment for it) to the next input.
        """
        cdef hp_journal_record_t r
        cdef bytes padded = record.payload + PAD
        self.begin(step)
        memset(&r, 0, sizeof(r))
        r.kind = record.kind
        r.aux = record.aux
        r.recv_ns = record.recv_ns
        r.mono_ns = record.mono_ns
        r.length = len(record.payload)
        return bool(hp_lane_input(&self.core, &r, PyBytes_AS_STRING(padded)))

    def run_start(self):
        """Call what a START starts."""
        cdef uint32_t n
        for strategy in self.strategies:
            strategy.on_start()
        if not self.strategies and self.core.role != HP_ROLE_ORDER:
            for n in range(self.core.strategy_count):
                absent(&self.absents[n])

    def run_end(self):
        """Call what an END ends."""
        for strategy in self.strategies:
            strategy.on_stop()

    def add_instead(self, Strategy strategy, bytes payload):
        """Bind another strategy in the place of a recorded one, whose STRATEGY record is written again."""
        cdef uint32_t number = self.core.strategy_count
        if number >= HP_STRATEGY_LANE or len(payload) < 8:
            raise ValueError(f"strategy {number} of {len(payload)} bytes; a lane carries {HP_STRATEGY_LANE}")
        self.strategies.append(strategy)
        self.core.strategy_count = number + 1
        strategy.bind(&self.core, number, struct.unpack_from("<I", payload, 4)[0])
        hp_lane_journal(&self.core, HP_RECORD_STRATEGY, number, 0, <const char *>payload, len(payload))

    def add_absent(self, bytes payload):
        """Take the place of a strategy that is not run again: its STRATEGY record's payload."""
        cdef uint32_t number = self.core.strategy_count
        cdef uint32_t calls, account
        cdef hp_strategy_t *s
        if number >= HP_STRATEGY_LANE or len(payload) < 8:
            raise ValueError(f"strategy {number} of {len(payload)} bytes; a lane carries {HP_STRATEGY_LANE}")
        calls, account = struct.unpack_from("<II", payload)
        self.core.strategy_count = number + 1
        self.absents[number].lane = <void *>self
        self.absents[number].id = number
        s = &self.core.strategies[number]
        memset(s, 0, sizeof(hp_strategy_t))
        s.self = &self.absents[number]
        if calls & HP_CALL_BOOK:
            s.on_book = absent_book
        if calls & HP_CALL_TOP:
            s.on_top = absent_event
        if calls & HP_CALL_TRADE:
            s.on_trade = absent_event
        if calls & HP_CALL_MARK:
            s.on_mark = absent_event
        if calls & HP_CALL_ORDER:
            s.on_order = absent_order
        if calls & HP_CALL_FILL:
            s.on_fill = absent_fill
        if calls & HP_CALL_TIMER:
            s.on_timer = absent_timer
        if calls & HP_CALL_FEED:
            s.on_feed = absent_feed
        self.note_strategy(number, account, payload[8:].decode())
