# instrument.h - what a lane knows about one instrument.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int32_t, int64_t, int8_t, uint16_t, uint32_t, uint64_t, uint8_t
from hotpath.abi.fixed cimport *

cdef extern from "instrument.h" nogil:
    enum: HP_SYMBOL_BYTES
    enum: HP_RATE_ONE
    cdef enum hp_instrument_status:
        HP_STATUS_UNKNOWN
        HP_STATUS_TRADING
        HP_STATUS_HALT
        HP_STATUS_CLOSE_ONLY
        HP_STATUS_DELISTED
    cdef enum hp_margin:
        HP_MARGIN_NONE
        HP_MARGIN_CROSS
        HP_MARGIN_ISOLATED
        HP_MARGIN_COUNT
    cdef enum hp_contract:
        HP_CONTRACT_NONE
        HP_CONTRACT_LINEAR
        HP_CONTRACT_INVERSE
        HP_CONTRACT_SPOT
    ctypedef struct hp_instrument_t:
        uint32_t id
        uint16_t venue
        uint8_t status
        uint8_t contract
        int8_t price_decimals
        int8_t size_decimals
        uint8_t symbol_length
        uint8_t scale_known
        uint32_t settle_asset
        char symbol[32]
        int64_t tick_size_ticks
        int64_t price_min_ticks
        int64_t price_max_ticks
        int64_t step_size_lots
        int64_t size_min_lots
        int64_t size_max_lots
        int64_t notional_min_e8
        int64_t multiplier_e8
        int32_t band_up_bps
        int32_t band_down_bps
        uint32_t open_orders_max
        uint32_t algo_orders_max
        uint64_t version
        uint64_t stale_quote_ns
        uint32_t base_asset
        uint32_t leverage
        uint32_t fee_rate_e8
        uint8_t margin
        uint8_t pad0[3]
        int64_t unit_e8
        int64_t hold_rate_e8
        uint8_t pad[80]
    int64_t hp_instrument_rate(const hp_instrument_t *i) noexcept nogil
    int64_t hp_instrument_notional(const hp_instrument_t *i, int64_t price_ticks, int64_t lots, hp_rounding rounding) noexcept nogil
    void hp_instrument_make(hp_instrument_t *i) noexcept nogil
    hp_rounding hp_instrument_rounding(const hp_instrument_t *i, int is_buy) noexcept nogil
    int hp_instrument_sign(const hp_instrument_t *i) noexcept nogil
    int64_t hp_instrument_worth(const hp_instrument_t *i, int64_t half_ticks, int64_t lots, hp_rounding rounding) noexcept nogil
    int64_t hp_instrument_open(const hp_instrument_t *i, int64_t half_ticks, int64_t lots, int64_t cost_e8) noexcept nogil
