"""OKX v5, the hot half: bytes of public sockets to events.

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

cdef extern from "venues/okx/okx.h" nogil:
    ctypedef struct okx_state_t:
        hp_market_t market
    enum: OKX_NONE
    uint32_t okx_book_channel(const char *name)
    int okx_open(okx_state_t *state, const hp_json_face_t *json, hp_json_reader_t *reader,
                 uint32_t book)
    void okx_close(okx_state_t *state)
    void okx_table(okx_state_t *state, hp_codec_t *table)


@cython.final
cdef class Codec(MarketCodec):
    """One codec.  `book` is the channel that books follow; the other book channels are UNKNOWN_KIND.

    One of books, books-l2-tbt, books50-l2-tbt, books5.
    """

    cdef okx_state_t *state    # owned

    def __cinit__(self, reader=None, *, book="books"):
        cdef bytes name = book.encode()
        channel = okx_book_channel(name)
        if channel == OKX_NONE:
            raise ValueError(
                f"book channel is {book!r}; want books, books-l2-tbt, books50-l2-tbt or books5"
            )
        self.state = <okx_state_t *>calloc(1, sizeof(okx_state_t))
        if self.state == NULL:
            raise MemoryError("codec")
        if not okx_open(self.state, face(), self.reader.reader, channel):
            raise MemoryError("codec: field tables")
        self.market = &self.state.market
        okx_table(self.state, &self.table)

    def __dealloc__(self):
        if self.state != NULL:
            okx_close(self.state)
        free(self.state)
