# The market half of a Binance codec: what usdm, coinm and spot share.

from libc.stdint cimport uint32_t, uint64_t, uint8_t
from hotpath.abi.codec cimport *
from hotpath.decode.general cimport hp_json_face_t, hp_json_reader_t
from hotpath.decode.json cimport Reader

cdef extern from "venues/binance/state.h" nogil:
    ctypedef struct binance_state_t:
        uint64_t status_count[13]
        uint64_t fallback_count
        uint32_t finer_instrument
        int finer_price
        int finer_size
        uint32_t symbol_size
        char symbol_text[64]
    void binance_close(binance_state_t *state)


cdef class MarketCodec:
    cdef binance_state_t *market # the member's memory
    cdef hp_levels_t *levels     # owned; for the Python entry points only
    cdef hp_codec_t table        # what a lane gets; its pointers live as long as this object
    cdef Reader reader           # kept alive: the state points into it
    cdef uint8_t contract        # enum hp_contract

    cdef hp_codec_t *codec(self) noexcept nogil
    cdef tuple answer(self, int status, const hp_event_t *event)
    cdef tuple bytes_of(self, bytes padded, size_t size, bint general)
