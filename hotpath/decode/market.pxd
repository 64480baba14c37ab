# market.h - the half of a market codec that venues share, and its Python face.

from libc.stdint cimport uint32_t, uint64_t
from hotpath.abi.codec cimport *
from hotpath.decode.general cimport hp_json_face_t, hp_json_reader_t
from hotpath.decode.json cimport Reader

cdef extern from "hotpath/decode/market.h" nogil:
    ctypedef struct hp_market_t:
        uint64_t status_count[13]
        uint64_t fallback_count
        uint32_t finer_instrument
        int finer_price
        int finer_size
        uint32_t symbol_size
        char symbol_text[64]


cdef class MarketCodec:
    cdef hp_market_t *market    # the venue's state starts with it; owned by whoever made it
    cdef hp_levels_t *levels    # owned; for the Python entry points only
    cdef hp_codec_t table       # what a lane gets; its pointers live as long as this object
    cdef Reader reader          # kept alive: the state points into it

    cdef hp_codec_t *codec(self) noexcept nogil
    cdef tuple answer(self, bytes data, bint general)
    cdef tuple bytes_of(self, bytes padded, size_t size, bint general)
