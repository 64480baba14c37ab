# ring.h - single-producer, single-consumer ring of variable-length records.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport uint32_t, uint64_t, uint8_t
from hotpath.abi.atomic cimport *

cdef extern from "ring.h" nogil:
    enum: HP_RING_PAD_KIND
    const uint64_t HP_RING_MAGIC
    ctypedef struct hp_ring_record_t:
        uint32_t length
        uint32_t kind
        uint64_t aux
    ctypedef struct hp_ring_t:
        uint64_t magic
        uint64_t capacity
        uint8_t pad0[112]
        uint64_t head
        uint64_t refused
        uint64_t next
        uint32_t is_held
        uint8_t pad1[100]
        uint64_t tail
        uint8_t pad2[120]
    uint8_t * hp_ring_data(hp_ring_t *r) noexcept nogil
    void hp_ring_init(hp_ring_t *r, uint64_t capacity) noexcept nogil
    uint64_t hp_ring_footprint(uint64_t length) noexcept nogil
    uint64_t hp_ring_used(const hp_ring_t *r) noexcept nogil
    int hp_ring_is_empty(const hp_ring_t *r) noexcept nogil
    uint64_t hp_ring_room(const hp_ring_t *r) noexcept nogil
    void * hp_ring_claim(hp_ring_t *r, uint32_t kind, uint64_t aux, uint64_t length) noexcept nogil
    void hp_ring_publish(hp_ring_t *r) noexcept nogil
    void hp_ring_hold(hp_ring_t *r) noexcept nogil
    void hp_ring_let_go(hp_ring_t *r) noexcept nogil
    void hp_ring_take_up(hp_ring_t *r) noexcept nogil
    int hp_ring_put(hp_ring_t *r, uint32_t kind, uint64_t aux, const void *data, uint64_t length) noexcept nogil
    hp_ring_record_t * hp_ring_peek(hp_ring_t *r) noexcept nogil
    void * hp_ring_payload(hp_ring_record_t *record) noexcept nogil
    void hp_ring_pop(hp_ring_t *r) noexcept nogil
