# hiccup.h - how long this core was taken away from a loop that had nothing to do.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport uint64_t
from hotpath.abi.atomic cimport *
from hotpath.abi.clock cimport *
from hotpath.abi.histogram cimport *

cdef extern from "hiccup.h" nogil:
    ctypedef struct hp_hiccup_t:
        uint64_t last_tsc
        uint64_t threshold_ticks
        uint64_t observed_ticks
        uint64_t stolen_ticks
        uint64_t steps
        uint64_t latest_tsc
        uint64_t latest_ticks
        uint64_t worst_tsc
        hp_histogram_t gaps
    void hp_hiccup_init(hp_hiccup_t *h, const hp_calibration_t *c, uint64_t threshold_ns) noexcept nogil
    void hp_hiccup_pause(hp_hiccup_t *h) noexcept nogil
    uint64_t hp_hiccup_step(hp_hiccup_t *h, const hp_calibration_t *c, uint64_t tsc) noexcept nogil
