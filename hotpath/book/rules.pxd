# rules.h - when is an event the successor of what the book holds?

from libc.stdint cimport uint32_t, uint64_t

cdef extern from "hotpath/book/rules.h" nogil:
    cdef enum hp_sequence_rule:
        HP_SEQUENCE_NONE
        HP_SEQUENCE_BINANCE_FUTURES
        HP_SEQUENCE_BINANCE_SPOT
        HP_SEQUENCE_OKX
        HP_SEQUENCE_BYBIT
        HP_SEQUENCE_HYPERLIQUID
        HP_SEQUENCE_RULE_COUNT
    cdef enum hp_place:
        HP_PLACE_REFUSED
        HP_PLACE_OLD
        HP_PLACE_NEXT
        HP_PLACE_GAP
    ctypedef struct hp_ids_t:
        uint64_t first_id
        uint64_t last_id
        uint64_t prev_id
    bint hp_rule_in_stream(uint32_t rule) noexcept nogil
    hp_place hp_rule_first(uint32_t rule, uint64_t snapshot_id, hp_ids_t e) noexcept nogil
    hp_place hp_rule_next(uint32_t rule, uint64_t last_id, hp_ids_t e) noexcept nogil
