"""Binance spot, the hot half: bytes of market streams to events.

Owns:    the state of one codec.
Refuses: orders (market data only), sessions, REST, clocks; the entry points of every market codec
         (hotpath/decode/market.pyx).
"""

cimport cython
from libc.stdlib cimport calloc, free

from hotpath.abi.codec cimport hp_codec_t
from hotpath.decode.general cimport hp_json_face_t, hp_json_reader_t
from hotpath.decode.json cimport face
from hotpath.decode.market cimport MarketCodec, hp_market_t

cdef extern from "venues/binance/spot/spot.h" nogil:
    ctypedef struct binance_state_t:
        hp_market_t market
    int spot_open(binance_state_t *state, const hp_json_face_t *json, hp_json_reader_t *reader)
    void spot_table(binance_state_t *state, hp_codec_t *table)
    void binance_close(binance_state_t *state)


@cython.final
cdef class Codec(MarketCodec):
    """One codec: instruments, both readers, counters.  Not to be shared between threads."""

    cdef binance_state_t *state    # owned

    def __cinit__(self, reader=None):
        self.state = <binance_state_t *>calloc(1, sizeof(binance_state_t))
        if self.state == NULL or not spot_open(self.state, face(), self.reader.reader):
            raise MemoryError("codec")
        self.market = &self.state.market
        spot_table(self.state, &self.table)

    def __dealloc__(self):
        if self.state != NULL:
            binance_close(self.state)
        free(self.state)
