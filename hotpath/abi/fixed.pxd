# fixed.h - prices, sizes and money as scaled integers.
# Names only; python -m hotpath.abi.declare derives them from the header.

from libc.stdint cimport int64_t, uint64_t

cdef extern from "fixed.h" nogil:
    enum: HP_MONEY_DECIMALS
    enum: HP_DECIMALS_MAX
    cdef enum hp_rounding:
        HP_ROUND_DOWN
        HP_ROUND_UP
    int64_t hp_pow10(int exponent) noexcept nogil
    int64_t hp_div_floor(int64_t a, int64_t b) noexcept nogil
    int64_t hp_div_exact(int64_t a, int64_t b) noexcept nogil
    uint64_t hp_div_fits(uint64_t high, uint64_t low, uint64_t by, uint64_t *rest) noexcept nogil
    int64_t hp_money_add(int64_t a, int64_t b) noexcept nogil
    int64_t hp_notional_linear(int64_t price_ticks, int64_t lots, int price_decimals, int size_decimals, int64_t multiplier_e8, hp_rounding rounding) noexcept nogil
    int64_t hp_notional_spot(int64_t price_ticks, int64_t lots, int price_decimals, int size_decimals, hp_rounding rounding) noexcept nogil
    int64_t hp_notional_inverse(int64_t price_ticks, int64_t lots, int price_decimals, int size_decimals, int64_t multiplier_e8, hp_rounding rounding) noexcept nogil
