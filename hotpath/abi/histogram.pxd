# histogram.h - HDR-style latency histogram in shared memory.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport uint32_t, uint64_t
from hotpath.abi.atomic cimport *

cdef extern from "histogram.h" nogil:
    enum: HP_HISTOGRAM_SUB_BITS
    enum: HP_HISTOGRAM_MAX_BITS
    enum: HP_HISTOGRAM_BUCKETS
    ctypedef struct hp_histogram_t:
        uint64_t count
        uint64_t sum
        uint64_t min
        uint64_t max
        uint64_t pad[4]
        uint64_t buckets[1152]
    uint32_t hp_histogram_index(uint64_t value) noexcept nogil
    uint64_t hp_histogram_upper(uint32_t index) noexcept nogil
    void hp_histogram_record(hp_histogram_t *h, uint64_t value) noexcept nogil
    void hp_histogram_merge(hp_histogram_t *to, const hp_histogram_t *source) noexcept nogil
    uint64_t hp_histogram_quantile(const hp_histogram_t *h, uint32_t per_million) noexcept nogil
