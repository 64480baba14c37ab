"""Bybit v5, the hot half: bytes of public sockets to events.

Owns:    the state of one codec and the function table that a lane gets.
Refuses: sessions, REST, keys, clocks; orders (not written yet: the table's order functions refuse).
"""

cimport cython
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free

from hotpath.abi.codec cimport hp_codec_t
from hotpath.decode.general cimport hp_json_face_t, hp_json_reader_t
from hotpath.decode.json cimport face
from hotpath.decode.market cimport MarketCodec, hp_market_t

cdef extern from "venues/bybit/bybit.h" nogil:
    ctypedef struct bybit_state_t:
        hp_market_t market
    int bybit_is_depth(uint32_t depth)
    int bybit_open(bybit_state_t *state, const hp_json_face_t *json, hp_json_reader_t *reader,
                   uint32_t book)
    void bybit_close(bybit_state_t *state)
    void bybit_table(bybit_state_t *state, hp_codec_t *table)


@cython.final
cdef class Codec(MarketCodec):
    """One codec.  `book` is the number of levels of the orderbook topic that books follow.

    The other orderbook topics are UNKNOWN_KIND; level 1 is the top of the book.
    """

    cdef bybit_state_t *state    # owned

    def __cinit__(self, reader=None, *, uint32_t book=50):
        if not bybit_is_depth(book):
            raise ValueError(f"book has {book} levels; want 1, 25, 50, 100, 200, 500 or 1000")
        self.state = <bybit_state_t *>calloc(1, sizeof(bybit_state_t))
        if self.state == NULL:
            raise MemoryError("codec")
        if not bybit_open(self.state, face(), self.reader.reader, book):
            raise MemoryError("codec: field tables")
        self.market = &self.state.market
        bybit_table(self.state, &self.table)

    def __dealloc__(self):
        if self.state != NULL:
            bybit_close(self.state)
        free(self.state)
