/* fixed.h - prices, sizes and money as scaled integers.
 *
 * Owns:    ticks (10^-price_decimals of an instrument), lots (10^-size_decimals), money (int64 in 1e-8
 *          of a named asset), and the products between them for linear, inverse and spot contracts.
 * Refuses: floating point, silent overflow, rounding that favours us: reservations round up, free
 *          funds round down, and whoever calls says which.
 *
 * Every product goes through __int128 and a range check.  HP_MONEY_BAD is the answer of an overflow;
 * callers treat it as BLOCKED. */
#ifndef HP_FIXED_H
#define HP_FIXED_H

#include <limits.h>
#include <stdint.h>

#include "panic.h"
#include "wide.h"

/* cffi:begin */
#define HP_MONEY_DECIMALS 8
#define HP_DECIMALS_MAX 18

enum hp_rounding { HP_ROUND_DOWN = 0, HP_ROUND_UP = 1 }; /* towards -inf, towards +inf */
/* cffi:end */

#define HP_MONEY_BAD INT64_MIN

static inline int64_t hp_pow10(int exponent)
{
    static const int64_t table[HP_DECIMALS_MAX + 1] = {
        1LL, 10LL, 100LL, 1000LL, 10000LL, 100000LL, 1000000LL, 10000000LL, 100000000LL, 1000000000LL,
        10000000000LL, 100000000000LL, 1000000000000LL, 10000000000000LL, 100000000000000LL,
        1000000000000000LL, 10000000000000000LL, 100000000000000000LL, 1000000000000000000LL };
    HP_ASSERT(exponent >= 0 && exponent <= HP_DECIMALS_MAX);
    return table[exponent];
}

/* Floor and exact division for signed values; C's own operator truncates toward zero. */
static inline int64_t hp_div_floor(int64_t a, int64_t b)
{
    HP_ASSERT(b > 0);
    int64_t q = a / b;
    return (a % b != 0 && a < 0) ? q - 1 : q;
}

static inline int64_t hp_div_exact(int64_t a, int64_t b)
{
    HP_ASSERT(b != 0 && a % b == 0);
    return a / b;
}

/* (high x 2^64 + low) / by and what is left, where the quotient fits: high is below `by`.  One instruction
 * where the compiler would call a division of 128 by 128 bits. */
static inline uint64_t hp_div_fits(uint64_t high, uint64_t low, uint64_t by, uint64_t *rest)
{
    HP_ASSERT(high < by);
#if defined(__x86_64__)
    uint64_t quotient;
    __asm__("divq %4" : "=a"(quotient), "=d"(*rest) : "0"(low), "1"(high), "r"(by) : "cc");
    return quotient;
#else
    hp_uwide_t whole = (hp_uwide_t)high << 64 | low;
    *rest = (uint64_t)(whole % by);
    return (uint64_t)(whole / by);
#endif
}

static inline hp_wide_t hp_wide_div(hp_wide_t a, hp_wide_t b, enum hp_rounding rounding)
{
    HP_ASSERT(b > 0);
    hp_uwide_t size = a < 0 ? -(hp_uwide_t)a : (hp_uwide_t)a;
    if (HP_LIKELY(b <= INT64_MAX && (uint64_t)(size >> 64) < (uint64_t)b)) {
        uint64_t rest, quotient = hp_div_fits((uint64_t)(size >> 64), (uint64_t)size, (uint64_t)b, &rest);
        if (a < 0) return -(hp_wide_t)quotient - (rest != 0 && rounding == HP_ROUND_DOWN);
        return (hp_wide_t)quotient + (rest != 0 && rounding == HP_ROUND_UP);
    }
    hp_wide_t q = a / b, r = a % b;
    if (r != 0 && a < 0 && rounding == HP_ROUND_DOWN) q -= 1;
    if (r != 0 && a > 0 && rounding == HP_ROUND_UP) q += 1;
    return q;
}

static inline int64_t hp_narrow(hp_wide_t v)
{
    return (v > INT64_MAX || v <= INT64_MIN) ? HP_MONEY_BAD : (int64_t)v;
}

/* The nearest that 64 bits hold: for figures that are compared, where the bound itself is far enough. */
static inline int64_t hp_held(hp_wide_t v) { return v > INT64_MAX ? INT64_MAX : v < -INT64_MAX ? -INT64_MAX : (int64_t)v; }

/* a + b, or HP_MONEY_BAD; HP_MONEY_BAD is absorbing. */
static inline int64_t hp_money_add(int64_t a, int64_t b)
{
    if (a == HP_MONEY_BAD || b == HP_MONEY_BAD) return HP_MONEY_BAD;
    return hp_narrow((hp_wide_t)a + (hp_wide_t)b);
}

/* value x 10^(to - from): exact upwards, rounded as told downwards. */
static inline int64_t hp_rescale(hp_wide_t value, int from, int to, enum hp_rounding rounding)
{
    int shift = to - from;
    if (value == 0) return 0;
    if (shift > HP_DECIMALS_MAX) return HP_MONEY_BAD;
    while (shift < -HP_DECIMALS_MAX) { /* more than one table's worth of decimals to drop */
        value = hp_wide_div(value, hp_pow10(HP_DECIMALS_MAX), rounding);
        shift += HP_DECIMALS_MAX;
    }
    if (shift < 0) return hp_narrow(hp_wide_div(value, hp_pow10(-shift), rounding));
    hp_wide_t limit = INT64_MAX / hp_pow10(shift);
    if (value > limit || value < -limit) return HP_MONEY_BAD;
    return hp_narrow(value * hp_pow10(shift));
}

/* Notional in 1e-8 of the quote asset: price x size x multiplier (spot: multiplier 1).
 * `multiplier_e8` is the contract's size in 1e-8 units of base.  */
static inline int64_t hp_notional_linear(int64_t price_ticks, int64_t lots, int price_decimals,
                                         int size_decimals, int64_t multiplier_e8,
                                         enum hp_rounding rounding)
{
    hp_wide_t product = (hp_wide_t)price_ticks * (hp_wide_t)lots;
    int from = price_decimals + size_decimals;
    if (HP_LIKELY(multiplier_e8 == 100000000)) return hp_rescale(product, from, 8, rounding);
    /* |product| < 2^126: multiply only where it fits */
    hp_wide_t limit = ((hp_wide_t)1 << 126) / (multiplier_e8 > 0 ? multiplier_e8 : 1);
    if (multiplier_e8 <= 0 || product > limit || product < -limit) return HP_MONEY_BAD;
    return hp_rescale(product * multiplier_e8, from + 8, 8, rounding);
}

static inline int64_t hp_notional_spot(int64_t price_ticks, int64_t lots, int price_decimals,
                                       int size_decimals, enum hp_rounding rounding)
{
    return hp_notional_linear(price_ticks, lots, price_decimals, size_decimals, 100000000, rounding);
}

/* Notional in 1e-8 of the base asset: contracts x multiplier (in quote) / price. */
static inline int64_t hp_notional_inverse(int64_t price_ticks, int64_t lots, int price_decimals,
                                          int size_decimals, int64_t multiplier_e8,
                                          enum hp_rounding rounding)
{
    if (price_ticks <= 0 || multiplier_e8 <= 0) return HP_MONEY_BAD;
    /* lots 10^-sd x multiplier 1e-8 / (ticks 10^-pd) in 1e-8: lots x mult x 10^pd / (ticks x 10^sd) */
    hp_wide_t value = (hp_wide_t)lots * (hp_wide_t)multiplier_e8;
    hp_wide_t limit = ((hp_wide_t)1 << 126) / hp_pow10(price_decimals);
    if (value > limit || value < -limit) return HP_MONEY_BAD;
    hp_wide_t scale = (hp_wide_t)price_ticks * (hp_wide_t)hp_pow10(size_decimals);
    return hp_narrow(hp_wide_div(value * hp_pow10(price_decimals), scale, rounding));
}

#endif
