# The hot half of Binance USD-M: bytes <-> events.

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from hotpath.abi.codec cimport *
from hotpath.decode.general cimport (
    hp_json_face_t, hp_json_plan_t, hp_json_reader_t, hp_json_shape_t, hp_json_values_t,
)
from hotpath.decode.json cimport Reader
from hotpath.decode.symbols cimport hp_symbols_t

cdef extern from "venues/binance/usdm/shape.h" nogil:
    ctypedef struct usdm_state_t:
        uint64_t status_count[13]
        uint64_t fallback_count
        uint32_t finer_instrument
        int finer_price
        int finer_size
        uint32_t symbol_size
        char symbol_text[64]
        hp_symbols_t symbols
    int usdm_open(usdm_state_t *state, const hp_json_face_t *json, hp_json_reader_t *reader)
    void usdm_close(usdm_state_t *state)
    int usdm_decode(void *state, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels)
    int usdm_decode_general(void *state, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels)
    int usdm_decode_snapshot(void *state, uint32_t instrument, const char *data, size_t size,
                             hp_event_t *event, hp_levels_t *levels)
    int usdm_put_instrument(usdm_state_t *state, const hp_instrument_t *instrument)


cdef class Codec:
    cdef usdm_state_t *state    # owned
    cdef hp_levels_t *levels    # owned; for the Python entry points only
    cdef hp_codec_t table       # what a lane gets; its pointers live as long as this object
    cdef Reader reader          # kept alive: the state points into it

    cdef hp_codec_t *codec(self) noexcept nogil
    cdef tuple answer(self, int status, const hp_event_t *event)
