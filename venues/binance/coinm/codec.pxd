# The hot half of Binance COIN-M: bytes -> events.

from hotpath.abi.codec cimport *
from hotpath.decode.general cimport hp_json_face_t, hp_json_reader_t
from hotpath.decode.json cimport Reader
from venues.binance.market cimport MarketCodec, binance_close, binance_state_t

cdef extern from "venues/binance/coinm/coinm.h" nogil:
    int coinm_open(binance_state_t *state, const hp_json_face_t *json, hp_json_reader_t *reader)
    void coinm_table(binance_state_t *state, hp_codec_t *table)


cdef class Codec(MarketCodec):
    pass
