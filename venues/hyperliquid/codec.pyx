"""Hyperliquid, the hot half: bytes of public subscriptions to events.

Owns:    the state of one codec and the function table that a lane gets.
Refuses: sessions, REST, keys, clocks; orders (not written yet: the table's order functions refuse).
"""

cimport cython
from libc.stdlib cimport calloc, free

from hotpath.abi.codec cimport hp_codec_t
from hotpath.decode.general cimport hp_json_face_t, hp_json_reader_t
from hotpath.decode.json cimport face
from hotpath.decode.market cimport MarketCodec, hp_market_t

cdef extern from "venues/hyperliquid/hyperliquid.h" nogil:
    ctypedef struct hyperliquid_state_t:
        hp_market_t market
    int hyperliquid_open(
        hyperliquid_state_t *state, const hp_json_face_t *json, hp_json_reader_t *reader)
    void hyperliquid_close(hyperliquid_state_t *state)
    void hyperliquid_table(hyperliquid_state_t *state, hp_codec_t *table)


@cython.final
cdef class Codec(MarketCodec):
    """One codec.  Symbols are the venue's coins: BTC, kPEPE, @107."""

    cdef hyperliquid_state_t *state    # owned

    def __cinit__(self, reader=None):
        self.state = <hyperliquid_state_t *>calloc(1, sizeof(hyperliquid_state_t))
        if self.state == NULL:
            raise MemoryError("codec")
        if not hyperliquid_open(self.state, face(), self.reader.reader):
            raise MemoryError("codec: field tables")
        self.market = &self.state.market
        hyperliquid_table(self.state, &self.table)

    def __dealloc__(self):
        if self.state != NULL:
            hyperliquid_close(self.state)
        free(self.state)
