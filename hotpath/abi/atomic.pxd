# atomic.h - the few memory orders that pages and rings need.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport uint32_t, uint64_t

cdef extern from "atomic.h" nogil:
    enum: HP_LINE_BYTES
    uint64_t hp_load_acquire(const uint64_t *p) noexcept nogil
    uint64_t hp_load_relaxed(const uint64_t *p) noexcept nogil
    void hp_store_release(uint64_t *p, uint64_t v) noexcept nogil
    void hp_store_relaxed(uint64_t *p, uint64_t v) noexcept nogil
    uint32_t hp_load32_acquire(const uint32_t *p) noexcept nogil
    void hp_store32_release(uint32_t *p, uint32_t v) noexcept nogil
    void hp_count(uint64_t *p, uint64_t n) noexcept nogil
    void hp_seq_begin(uint64_t *seq) noexcept nogil
    void hp_seq_end(uint64_t *seq) noexcept nogil
    int hp_seq_read(const uint64_t *seq, const void *source, void *to, size_t size, int tries) noexcept nogil
