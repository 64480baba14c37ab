"""A lane that takes its recorded inputs again, and holds what it writes against what was recorded.

Owns:    the Env of a re-run: the gate's clock, the session's answers and (unless strategies run again)
         the intents come from the records of the step; its own ring; the loop over steps, down to the
         first record that differs.
Refuses: files and causes (runtime/journal/rerun.py), real time, sockets.

The ring has the recorded size of segments, so a faithful lane writes each record under the sequence
that it had: the record that is due next is always known.
"""

import struct

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from hotpath.abi.event cimport HP_FRAME_PAD_BYTES, hp_event_t
from hotpath.abi.feed cimport hp_feed_event_t
from hotpath.abi.flatten cimport HP_STRATEGY_LANE
from hotpath.abi.intent cimport hp_intent_t
from hotpath.abi.journal cimport *
from hotpath.abi.order cimport hp_order_t, hp_report_t
from hotpath.abi.verdict cimport hp_verdict_t
from hotpath.journal.reader cimport hp_scanner_t
from hotpath.journal.tail cimport Bytes
from hotpath.journal.tail import Record
from hotpath.lane.core cimport *
from hotpath.lane.lane cimport Lane
from hotpath.lane.strategy cimport Strategy

cdef extern from "hotpath/lane/steps.h" nogil:
    cdef enum hp_step:
        HP_STEP_NEED
        HP_STEP_READY
    ctypedef struct hp_steps_t:
        hp_scanner_t scan
        const hp_journal_record_t **records
        uint64_t count
        uint64_t ahead
        uint64_t at
    ctypedef struct hp_trail_t:
        pass
    int hp_steps_next(hp_steps_t *s) noexcept
    int hp_steps_finish(hp_steps_t *s) noexcept
    void hp_trail_begin(hp_trail_t *t, const hp_journal_writer_t *w) noexcept
    uint64_t hp_steps_compare(const hp_steps_t *s, hp_trail_t *t, const hp_journal_writer_t *w,
                              const hp_journal_record_t **mine) noexcept

# What take() says of the step that it came to.
NEED, OWNER, DIFFERS, UNTAKEN = range(4)

cdef enum:
    TAKE_NEED = 0     # no whole step in the bytes
    TAKE_OWNER = 1    # the step is for whoever builds the lane
    TAKE_DIFFERS = 2  # the lane wrote something else
    TAKE_UNTAKEN = 3  # no step function takes this input


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


cdef object record_of(const hp_journal_record_t *r):
    """A copy as Python has it; None for NULL."""
    if r == NULL:
        return None
    return Record(r.sequence, r.kind, r.lane, r.aux, r.recv_ns, r.mono_ns,
                  PyBytes_FromStringAndSize(<const char *>(r + 1), r.length))


cdef class Steps:
    """A lane epoch's segments, given one by one, as steps."""

    cdef hp_steps_t steps
    cdef list held                # of what was given; those that the present step lies in

    def __cinit__(self):
        memset(&self.steps, 0, sizeof(self.steps))
        self.held = []

    def __dealloc__(self):
        free(<void *>self.steps.records)

    def give(self, data, uint64_t offset, uint64_t sequence):
        """Go on with a segment's bytes: its first record, `sequence`, stands at `offset`."""
        cdef Bytes one
        if self.steps.count:
            while not (<Bytes>self.held[0]).holds(self.steps.records[0]):
                del self.held[0]
        else:
            self.held.clear()
        one = Bytes(data)
        self.steps.scan = one.scanner(offset, sequence)
        self.held.append(one)

    def next(self):
        """Come to the next step; False when the bytes are used up."""
        return hp_steps_next(&self.steps) == HP_STEP_READY

    def finish(self):
        """Come to the last step: there are no more bytes.  False when there is none."""
        return hp_steps_finish(&self.steps) == HP_STEP_READY

    @property
    def offset(self):
        """Bytes of the newest segment that are whole records."""
        return self.steps.scan.at - <const uint8_t *>(<Bytes>self.held[len(self.held) - 1]).view.buf

    @property
    def sequence(self):
        """Of the record that is due behind those."""
        return self.steps.scan.sequence

    @property
    def at(self):
        """Which record of the step is its input."""
        return self.steps.at

    def records(self):
        """The Records of the step."""
        return [record_of(self.steps.records[n]) for n in range(self.steps.count)]


cdef class RerunLane(Lane):
    """A lane for one journal; feed it step by step."""

    cdef Steps held               # whose present step is in work
    cdef hp_steps_t *step
    cdef hp_steps_t no_step
    cdef hp_trail_t trail         # behind what was compared
    cdef hp_intent_t intent
    cdef absent_t absents[16]
    cdef char *padded             # a payload at the end of its segment's bytes, with room behind it
    cdef size_t padded_bytes
    cdef uint64_t counts[256]     # records that came out the same, by kind
    cdef readonly uint64_t inputs
    cdef public uint64_t counted_after  # steps up to this record are run and compared, not counted
    cdef uint64_t wrong           # record of the step that differs
    cdef const hp_journal_record_t *mine

    def __init__(self, *args, bint strategies=False, **kwargs):
        """strategies: they run again; otherwise the recorded intents are fed."""
        self.step = &self.no_step
        hp_trail_begin(&self.trail, &self.core.journal)
        self.core.env.self = <void *>self
        self.core.env.now = rerun_now
        self.core.env.tsc = rerun_tsc
        self.core.env.send = rerun_send
        self.core.env.want = rerun_want
        self.core.env.hand = rerun_hand
        if not strategies:
            self.core.env.intent = rerun_intent

    def __dealloc__(self):
        free(self.padded)

    cdef const hp_journal_record_t *due(self) noexcept nogil:
        """The record that this lane ought to write next, or NULL; a CLOCK that opens a segment is none."""
        cdef hp_steps_t *s = self.step
        cdef uint64_t at
        if s.count == 0:
            return NULL
        at = self.core.journal.sequence + 1 - s.records[0].sequence
        if at < s.count and s.records[at].kind == HP_RECORD_CLOCK:
            at += 1
        return s.records[at] if at < s.count else NULL

    cdef bint is_due(self, int kind) noexcept nogil:
        cdef const hp_journal_record_t *r = self.due()
        return r != NULL and r.kind == kind

    cdef bint is_halt_due(self, uint32_t strategy) noexcept nogil:
        cdef const hp_journal_record_t *r = self.due()
        return r != NULL and r.kind == HP_RECORD_HALT and r.aux == strategy

    cdef uint64_t judged_ns(self) noexcept nogil:
        """The gate's clock: it stands in the next verdict."""
        cdef hp_steps_t *s = self.step
        cdef uint64_t at
        if s.count:
            at = self.core.journal.sequence + 1 - s.records[0].sequence
            while at < s.count:
                if s.records[at].kind == HP_RECORD_VERDICT:
                    return (<const hp_verdict_t *>(s.records[at] + 1)).now_ns
                at += 1
        return self.core.now_ns

    cdef const hp_intent_t *recorded_intent(self) noexcept nogil:
        cdef const hp_journal_record_t *r = self.due()
        if r == NULL or r.kind != HP_RECORD_INTENT or r.length != sizeof(self.intent):
            return NULL
        memcpy(&self.intent, r + 1, sizeof(self.intent))
        if self.intent.instrument >= 256:
            return NULL
        return &self.intent

    def begin(self, Steps steps):
        """Say whose present step is in work."""
        self.held = steps
        self.step = &steps.steps

    cdef const char *payload_of(self, const hp_journal_record_t *r) except NULL:
        """A payload with the bytes behind it that readers of frames may look at."""
        cdef const uint8_t *at = <const uint8_t *>(r + 1)
        cdef Bytes one
        cdef size_t wanted = r.length + HP_FRAME_PAD_BYTES
        cdef void *memory
        if at + wanted <= self.step.scan.end and at < self.step.scan.end:
            one = <Bytes>self.held.held[len(self.held.held) - 1]
            if one.holds(at):
                return <const char *>at
        if wanted > self.padded_bytes:
            memory = realloc(self.padded, 2 * wanted)
            if memory == NULL:
                raise MemoryError(f"{2 * wanted} bytes for one record")
            self.padded = <char *>memory
            self.padded_bytes = 2 * wanted
        memcpy(self.padded, at, r.length)
        memset(self.padded + r.length, 0, HP_FRAME_PAD_BYTES)
        return self.padded

    def take(self, Steps steps):
        """Take steps until one is not for this loop, or their bytes are used up: NEED, OWNER, DIFFERS, UNTAKEN."""
        cdef int said = TAKE_NEED
        self.begin(steps)
        while said == TAKE_NEED and hp_steps_next(self.step) == HP_STEP_READY:
            said = self.take_one(False)
        return said

    def take_last(self):
        """Take the step that is there, the last of all: the journal may end inside of it."""
        return self.take_one(True)

    cdef int take_one(self, bint is_last) except -1:
        cdef const hp_journal_record_t *r = self.step.records[self.step.at]
        if r.kind == HP_RECORD_LANE or r.kind == HP_RECORD_STRATEGY:
            return TAKE_OWNER
        if r.kind == HP_RECORD_INSTRUMENT and (r.aux >= 256 or self.core.instruments[r.aux].about.id == 0):
            return TAKE_OWNER  # a further word about one that is there is an input like any other
        self.inputs += self.step.records[0].sequence > self.counted_after
        if not hp_lane_input(&self.core, r, self.payload_of(r)):
            return TAKE_UNTAKEN
        if r.kind == HP_RECORD_COMMAND:
            if r.aux == HP_COMMAND_START:
                self.run_start()
            elif r.aux == HP_COMMAND_END:
                self.run_end()
        return self.compare_step(is_last)

    def compare(self, bint is_last=False):
        """Hold what was written since against the step that somebody else took: NEED (equal) or DIFFERS."""
        self.inputs += self.step.records[0].sequence > self.counted_after
        return self.compare_step(is_last)

    cdef int compare_step(self, bint is_last) noexcept:
        cdef uint64_t n
        self.wrong = hp_steps_compare(self.step, &self.trail, &self.core.journal, &self.mine)
        for n in range(self.wrong if self.step.records[0].sequence > self.counted_after else 0):
            self.counts[self.step.records[n].kind & 255] += 1
        if self.wrong < self.step.count or (self.mine != NULL and not is_last):
            return TAKE_DIFFERS
        return TAKE_NEED

    @property
    def is_cut(self):
        """Whether more was written than the last step has: the journal ends inside of it."""
        return self.wrong == self.step.count and self.mine != NULL

    def difference(self):
        """(recorded, written) where they differ first; None: there is none on that side."""
        theirs = record_of(self.step.records[self.wrong]) if self.wrong < self.step.count else None
        return theirs, record_of(self.mine)

    @property
    def same(self):
        """{kind: records that came out the same}."""
        return {kind: self.counts[kind] for kind in range(256) if self.counts[kind]}

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
        if calls & HP_CALL_MISSED:
            s.on_missed = absent_event
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
