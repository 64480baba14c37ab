# symbols.h - from a symbol's bytes, or an instrument id, to what the lane knows about it.

from libc.stdint cimport uint32_t
from hotpath.abi.instrument cimport hp_instrument_t
from hotpath.decode.number cimport hp_scale_t

cdef extern from "hotpath/decode/symbols.h" nogil:
    enum: HP_SYMBOLS_MAX
    ctypedef struct hp_symbol_t:
        hp_scale_t price
        hp_scale_t size
        hp_instrument_t instrument
    ctypedef struct hp_symbols_t:
        uint32_t count
    hp_symbol_t *hp_symbols_find(const hp_symbols_t *table, const char *text, size_t size)
    hp_symbol_t *hp_symbols_by_id(const hp_symbols_t *table, uint32_t id)
    hp_symbol_t *hp_symbols_put(hp_symbols_t *table, const hp_instrument_t *instrument)
