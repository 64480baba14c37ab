# clock.h - the two clocks of a lane and the calibration between them.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from "clock.h" nogil:
    cdef enum hp_hop:
        HP_HOP_DECODE
        HP_HOP_BOOK
        HP_HOP_DECIDE
        HP_HOP_GATE
        HP_HOP_SEND
        HP_HOP_ACK
        HP_HOP_TICK_TO_TRADE
        HP_HOP_STALE_OUT
        HP_HOP_FILL_RESPONSE
        HP_HOP_COUNT
    cdef enum hp_clock_source:
        HP_CLOCK_SOURCE_NONE
        HP_CLOCK_SOURCE_KERNEL
        HP_CLOCK_SOURCE_NTP
        HP_CLOCK_SOURCE_PTP_SOFTWARE
        HP_CLOCK_SOURCE_PTP_HARDWARE
    ctypedef struct hp_stamps_t:
        uint64_t recv
        uint64_t decoded
        uint64_t booked
        uint64_t decided
        uint64_t gated
        uint64_t sent
        uint64_t ack
        uint64_t pad
    ctypedef struct hp_calibration_t:
        uint64_t tsc
        uint64_t mono_ns
        uint64_t ns_per_tick_q32
        uint64_t error_ns
    ctypedef struct hp_time_record_t:
        int64_t offset_ns
        uint64_t uncertainty_ns
        uint64_t growth_ppb
        uint64_t taken_ns
        uint64_t valid_until_ns
        uint32_t source
        uint32_t is_traceable
    uint64_t hp_mono_ns() noexcept nogil
    uint64_t hp_tsc() noexcept nogil
    uint64_t hp_tsc_to_ns(const hp_calibration_t *c, uint64_t ticks) noexcept nogil
    uint64_t hp_tsc_to_mono(const hp_calibration_t *c, uint64_t tsc) noexcept nogil
    void hp_clock_pair(uint64_t *tsc, uint64_t *mono_ns, uint64_t *width, int tries) noexcept nogil
    void hp_calibrate(hp_calibration_t *c, uint64_t span_ns) noexcept nogil
    uint64_t hp_time_divergence(const hp_time_record_t *r, uint64_t now) noexcept nogil
