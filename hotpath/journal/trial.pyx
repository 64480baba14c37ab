"""Trials of the journal: what an append costs, and what a reader makes of a torn end.

Owns:    timing of appends into a ring of any buffer; a million torn, flipped and overwritten tails.
Refuses: files, judging a figure.  For tests and `corelane bench journal`.
"""

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from hotpath.abi.clock cimport hp_calibrate, hp_calibration_t, hp_tsc
from hotpath.abi.histogram cimport hp_histogram_quantile, hp_histogram_record, hp_histogram_t
from hotpath.abi.journal cimport (
    HP_JOURNAL_HEAD_BYTES, hp_journal_clock_t, hp_journal_head_t, hp_journal_record_t, hp_journal_segment_t)
from hotpath.journal.reader cimport (
    HP_SCAN_RECORD, hp_scan_next, hp_scanner_t, hp_segment_good)

cdef extern from "hotpath/journal/writer.h" nogil:
    ctypedef struct hp_journal_writer_t:
        hp_journal_head_t *head
        uint8_t *segments
        uint8_t *at
        uint8_t *end
        uint64_t number
        uint64_t sequence
    size_t hp_journal_bytes(uint64_t segment_bytes, uint64_t segment_count)
    void hp_journal_init(hp_journal_writer_t *w, void *memory, uint64_t segment_bytes, uint64_t segment_count,
                         uint32_t lane, uint64_t epoch, const hp_journal_clock_t *clock)
    int hp_journal_append(hp_journal_writer_t *w, uint16_t kind, uint32_t aux, uint64_t recv_ns, uint64_t mono_ns,
                          const void *payload, uint32_t length)
    uint64_t hp_journal_room(uint64_t length)

cdef extern from "time.h" nogil:
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec *t)
    enum: CLOCK_MONOTONIC
    enum: CLOCK_THREAD_CPUTIME_ID

cdef enum:
    SEGMENT = 65536
    KEPT = 1024            # records of an image whose ends are remembered


cdef uint64_t read_clock(int clock) noexcept nogil:
    cdef timespec t
    clock_gettime(clock, &t)
    return <uint64_t>t.tv_sec * 1000000000u + <uint64_t>t.tv_nsec


cdef inline uint64_t dice(uint64_t *state) noexcept nogil:
    """xorshift64*: the next number of a seed."""
    state[0] ^= state[0] >> 12
    state[0] ^= state[0] << 25
    state[0] ^= state[0] >> 27
    return state[0] * <uint64_t>0x2545F4914F6CDD1D


def appends(memory, uint64_t segment_bytes, uint64_t segment_count, uint64_t total_bytes, uint32_t payload=256):
    """Append records until `total_bytes` have gone through the ring; nanoseconds per append.

    Every append is timed by the TSC, so that the quantiles hold the cost of reading it: `empty_ns`, the median
    of pairs of readings with nothing between, one beside every sixteenth append of the same pass.
    net_p50_ns is without it; mean_ns is CPU time of a second pass without any clock.
    """
    cdef hp_journal_writer_t w
    cdef hp_journal_clock_t clock
    cdef hp_calibration_t calibration
    cdef hp_histogram_t *seen = <hp_histogram_t *>calloc(1, sizeof(hp_histogram_t))
    cdef hp_histogram_t *empty = <hp_histogram_t *>calloc(1, sizeof(hp_histogram_t))
    cdef uint8_t *data = <uint8_t *>calloc(1, payload + 8)
    cdef Py_buffer view
    cdef uint64_t count = total_bytes // hp_journal_room(payload), n = 0, before, after, started, rolled
    if seen == NULL or empty == NULL or data == NULL:
        raise MemoryError("histograms")
    PyObject_GetBuffer(memory, &view, PyBUF_WRITABLE)
    try:
        if <size_t>view.len < hp_journal_bytes(segment_bytes, segment_count):
            raise ValueError(f"{view.len} bytes; a ring of {segment_count} x {segment_bytes} needs more")
        memset(&clock, 0, sizeof(clock))
        clock.mono_ns = read_clock(CLOCK_MONOTONIC)
        with nogil:
            hp_calibrate(&calibration, 20000000)
            memset(view.buf, 0, view.len)  # its pages are there, as a lane's are
            hp_journal_init(&w, view.buf, segment_bytes, segment_count, 0, 1, &clock)
            for n in range(count):
                memcpy(data, &n, sizeof(n))
                if n % 16 == 0:
                    before = hp_tsc()
                    after = hp_tsc()
                    hp_histogram_record(empty, after - before)
                before = hp_tsc()
                hp_journal_append(&w, 3, 0, n, n, data, payload)
                after = hp_tsc()
                hp_histogram_record(seen, after - before)
            rolled = w.number
            started = read_clock(CLOCK_THREAD_CPUTIME_ID)
            for n in range(count):
                memcpy(data, &n, sizeof(n))
                hp_journal_append(&w, 3, 0, n, n, data, payload)
            started = read_clock(CLOCK_THREAD_CPUTIME_ID) - started
        scale = calibration.ns_per_tick_q32 / 2**32
        out = {name: hp_histogram_quantile(seen, share) * scale
               for name, share in (("p50_ns", 500000), ("p99_ns", 990000), ("p999_ns", 999000))}
        clock_ns = hp_histogram_quantile(empty, 500000) * scale
        return {**out, "max_ns": seen.max * scale, "empty_ns": clock_ns, "net_p50_ns": out["p50_ns"] - clock_ns,
                "mean_ns": started / count, "records": count, "segments": rolled + 1}
    finally:
        PyBuffer_Release(&view)
        free(seen)
        free(empty)
        free(data)


cdef class Writer:
    """A ring of any buffer, and its writer."""

    cdef hp_journal_writer_t w
    cdef Py_buffer view
    cdef bint has_view

    def __cinit__(self, memory, uint64_t segment_bytes, uint64_t segment_count, uint64_t epoch=1):
        cdef hp_journal_clock_t clock
        PyObject_GetBuffer(memory, &self.view, PyBUF_WRITABLE)
        self.has_view = True
        if <size_t>self.view.len < hp_journal_bytes(segment_bytes, segment_count):
            raise ValueError(f"{self.view.len} bytes; a ring of {segment_count} x {segment_bytes} needs more")
        memset(&clock, 0, sizeof(clock))
        clock.mono_ns = read_clock(CLOCK_MONOTONIC)
        hp_journal_init(&self.w, self.view.buf, segment_bytes, segment_count, 0, epoch, &clock)

    def __dealloc__(self):
        if self.has_view:
            PyBuffer_Release(&self.view)

    def append(self, uint64_t count, bytes payload, uint16_t kind=3):
        """Append a record `count` times; return how many the ring took."""
        cdef uint64_t n = 0
        cdef const char *data = payload
        cdef uint32_t size = len(payload)
        with nogil:
            while n < count and hp_journal_append(&self.w, kind, 0, n, n, data, size):
                n += 1
        return n


cdef struct image_t:
    uint8_t *ring              # page head and two segments
    uint32_t records           # in segment 0, the opening CLOCK included
    uint32_t ends[KEPT]        # offsets behind each


cdef void draw(image_t *image, uint64_t *state, uint64_t epoch) noexcept nogil:
    """Fill segment 0 with records of random sizes."""
    cdef hp_journal_writer_t w
    cdef hp_journal_clock_t clock
    cdef uint8_t payload[512]
    cdef uint32_t n = 0, length
    cdef uint8_t *start
    memset(&clock, 0, sizeof(clock))
    clock.mono_ns = 1
    memset(image.ring, 0, hp_journal_bytes(SEGMENT, 2))
    hp_journal_init(&w, image.ring, SEGMENT, 2, 0, epoch, &clock)
    start = w.segments
    if epoch == 1:
        w.sequence = 1 << 20  # what shines through has a lower or higher number, as in a ring
    image.records = 1
    image.ends[0] = <uint32_t>(w.at - start)
    while image.records < KEPT:
        length = <uint32_t>(dice(state) % 400)
        for n in range(0, length, 8):
            (<uint64_t *>&payload[n])[0] = dice(state)
        if w.at + hp_journal_room(length) > w.end:
            return
        hp_journal_append(&w, <uint16_t>(1 + dice(state) % 80), <uint32_t>n, 5, 6, payload, length)
        image.ends[image.records] = <uint32_t>(w.at - start)
        image.records += 1


def torn_tails(uint64_t trials, uint64_t seed):
    """Tear the end of a segment in `trials` ways; return how many records the scans gave and lost.

    Each trial acknowledges some records, and harms only bytes behind them: cut, flipped bits, zeroed or
    foreign sectors, an older segment's records shining through.  RuntimeError when an acknowledged record
    is missing or a record is given that was not written.
    """
    cdef image_t now, old
    cdef uint8_t *work = <uint8_t *>calloc(1, SEGMENT)
    cdef uint8_t *whole = NULL
    cdef uint8_t *older = NULL
    cdef uint64_t state = seed * 2 + 1, trial, given = 0, lost = 0, bad = 0
    cdef uint32_t acked, from_, to, n, at, size, found
    cdef int how, status
    cdef hp_scanner_t s
    cdef hp_journal_record_t r
    cdef const uint8_t *payload
    now.ring = <uint8_t *>calloc(1, hp_journal_bytes(SEGMENT, 2))
    old.ring = <uint8_t *>calloc(1, hp_journal_bytes(SEGMENT, 2))
    if work == NULL or now.ring == NULL or old.ring == NULL:
        raise MemoryError("images")
    try:
        with nogil:
            for trial in range(trials):
                if trial % 1000 == 0:
                    draw(&old, &state, 1)
                    draw(&now, &state, 2)
                    whole = now.ring + HP_JOURNAL_HEAD_BYTES
                    older = old.ring + HP_JOURNAL_HEAD_BYTES
                acked = 1 + <uint32_t>(dice(&state) % (now.records - 1))
                if trial % 4:  # the last few are torn: most trials stay near the end, as accidents do
                    acked = now.records - 1 - <uint32_t>(dice(&state) % (8 if now.records > 9 else 1))
                from_ = now.ends[acked - 1]
                to = now.ends[now.records - 1]
                if trial % 4:  # the part before is as it was; scans begin near it
                    memcpy(work + from_, whole + from_, SEGMENT - from_)
                else:
                    memcpy(work, whole, SEGMENT)
                how = <int>(dice(&state) % 5)
                at = from_ + <uint32_t>(dice(&state) % (to - from_))
                if how == 0:    # cut: nothing was written behind
                    memset(work + at, 0, SEGMENT - at)
                elif how == 1:  # cut, and what stood there before
                    memcpy(work + at, older + at, SEGMENT - at)
                elif how == 2:  # some bits
                    for n in range(1 + <uint32_t>(dice(&state) % 8)):
                        work[from_ + dice(&state) % (to - from_)] ^= <uint8_t>(1 << (dice(&state) & 7))
                elif how == 3:  # a sector that never arrived, or arrived from elsewhere
                    at &= ~<uint32_t>511
                    if at < from_:
                        at = from_
                    size = 512 if SEGMENT - at > 512 else SEGMENT - at
                    if dice(&state) & 1:
                        memset(work + at, 0, size)
                    else:
                        memcpy(work + at, older + at, size)
                else:           # noise
                    for n in range(1 + <uint32_t>(dice(&state) % 64)):
                        if at + n < SEGMENT:
                            work[at + n] = <uint8_t>dice(&state)
                if trial % 4:
                    s.at = work + from_
                    s.sequence = acked + 1
                    found = acked
                else:
                    s.at = work + sizeof(hp_journal_segment_t)
                    s.sequence = 1
                    found = 0
                    if not hp_segment_good(work):
                        bad = 1
                        break
                s.end = work + SEGMENT
                while True:
                    status = hp_scan_next(&s, &r, &payload)
                    if status != HP_SCAN_RECORD:
                        break
                    found += 1
                    if found > now.records:
                        bad = 2
                        break
                if bad:
                    break
                if found < acked:
                    bad = 3
                    break
                at = <uint32_t>(s.at - work)
                if at != now.ends[found - 1] or memcmp(work + from_, whole + from_, at - from_):
                    bad = 4
                    break
                given += found
                lost += now.records - found
        if bad:
            what = {1: "its header is gone", 2: "more records than were written", 3: "an acknowledged record is missing",
                    4: "a record that was not written"}[bad]
            raise RuntimeError(f"seed {seed}, trial {trial}, how {how}: {what}")
        return {"trials": trials, "given": given, "lost": lost}
    finally:
        free(work)
        free(now.ring)
        free(old.ring)
