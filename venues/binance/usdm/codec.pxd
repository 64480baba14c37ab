# The hot half of Binance USD-M: bytes <-> events, requests, reports.

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t
from hotpath.abi.codec cimport *
from hotpath.decode.general cimport hp_json_face_t, hp_json_reader_t
from hotpath.decode.json cimport Reader
from hotpath.decode.market cimport MarketCodec, hp_market_t

cdef extern from "venues/binance/usdm/usdm.h" nogil:
    ctypedef struct binance_state_t:
        hp_market_t market
    ctypedef struct usdm_state_t:
        binance_state_t family
    int usdm_open(usdm_state_t *state, const hp_json_face_t *json, hp_json_reader_t *reader)
    void usdm_close(usdm_state_t *state)
    void usdm_table(usdm_state_t *state, hp_codec_t *table)
    int usdm_put_asset(usdm_state_t *state, const char *text, size_t size, uint32_t id)
    int usdm_set_prefix(usdm_state_t *state, const char *text, size_t size)
    char *usdm_put_request(char *to, uint8_t kind, uint64_t client_id, uint64_t request_id)
    enum: USDM_REQUEST_TEXT_MAX


cdef class Codec(MarketCodec):
    cdef usdm_state_t *state     # owned
