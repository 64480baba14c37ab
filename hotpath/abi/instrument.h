/* instrument.h - what a lane knows about one instrument.
 *
 * Owns:    scales (a tick is 10^-price_decimals, a lot 10^-size_decimals) and the venue's filters,
 *          already turned into ticks and lots.
 * Refuses: fees, sessions and history (runtime/instruments), text other than the symbol.
 *
 * hp_instrument_t, 256 bytes.  Writer: runtime, before first use and between gap and resync.  The id
 * comes from the append-only registry of the deployment and is never reused; 0 is no instrument.
 * A filter that is 0 is absent at the venue and is not checked. */
#ifndef HP_INSTRUMENT_H
#define HP_INSTRUMENT_H

#include <stddef.h>
#include <stdint.h>

#include "fixed.h"

/* cffi:begin */
#define HP_SYMBOL_BYTES 32

enum hp_instrument_status {
    HP_STATUS_UNKNOWN = 0, HP_STATUS_TRADING = 1, HP_STATUS_HALT = 2, HP_STATUS_CLOSE_ONLY = 3,
    HP_STATUS_DELISTED = 4
};
/* What a position is secured by.  NONE: it is paid in full (spot, or nobody said). */
enum hp_margin { HP_MARGIN_NONE = 0, HP_MARGIN_CROSS = 1, HP_MARGIN_ISOLATED = 2, HP_MARGIN_COUNT = 3 };
enum hp_contract { HP_CONTRACT_NONE = 0, HP_CONTRACT_LINEAR = 1, HP_CONTRACT_INVERSE = 2, HP_CONTRACT_SPOT = 3 };

typedef struct hp_instrument {
    uint32_t id;
    uint16_t venue;             /* index of the venue in the lane's table */
    uint8_t  status;            /* enum hp_instrument_status */
    uint8_t  contract;          /* enum hp_contract */
    int8_t   price_decimals;
    int8_t   size_decimals;
    uint8_t  symbol_length;
    uint8_t  scale_known;       /* 0: taken from the first values seen (captures only) */
    uint32_t settle_asset;      /* asset id: of margin, profit and price (spot: the quote) */
    char     symbol[32];        /* the venue's text, zero filled */
    int64_t  tick_size_ticks;   /* venue's tickSize */
    int64_t  price_min_ticks;
    int64_t  price_max_ticks;
    int64_t  step_size_lots;    /* venue's stepSize */
    int64_t  size_min_lots;
    int64_t  size_max_lots;
    int64_t  notional_min_e8;   /* quote asset */
    int64_t  multiplier_e8;     /* linear: base per contract; inverse: quote per contract */
    int32_t  band_up_bps;       /* venue's percent-price band above the reference, 10000 = +100 % */
    int32_t  band_down_bps;
    uint32_t open_orders_max;
    uint32_t algo_orders_max;
    uint64_t version;           /* bumped by each reference update */
    uint64_t stale_quote_ns;    /* bound for quoting; 0 = the venue's default */
    uint32_t base_asset;        /* asset id: what a spot sell spends */
    uint32_t leverage;          /* set at the venue for this account; 0 = 1 */
    uint32_t fee_rate_e8;       /* the dearest fee of a fill: 50000 = 5 basis points */
    uint8_t  margin;            /* enum hp_margin */
    uint8_t  pad0[3];
    int64_t  unit_e8;           /* made by hp_instrument_make(); 0 = not made, or not exact */
    int64_t  hold_rate_e8;      /* likewise: of a notional, margin and the dearest fee */
    uint8_t  pad[80];
} hp_instrument_t;
/* cffi:end */
HP_SIZE(hp_instrument_t, 256);
HP_FIELD(hp_instrument_t, symbol, 16);
HP_FIELD(hp_instrument_t, tick_size_ticks, 48);
HP_FIELD(hp_instrument_t, version, 128);

#define HP_RATE_ONE 100000000

/* Margin of a notional, in 1e-8 of it, rounded up. */
static inline int64_t hp_instrument_rate(const hp_instrument_t *i)
{
    if (i->contract == HP_CONTRACT_SPOT || i->leverage == 0) return HP_RATE_ONE;
    return (HP_RATE_ONE + (int64_t)i->leverage - 1) / (int64_t)i->leverage;
}

/* Notional in 1e-8 of any contract, or HP_MONEY_BAD. */
__attribute__((noinline, unused))
static int64_t hp_instrument_notional_any(const hp_instrument_t *i, int64_t price_ticks, int64_t lots, enum hp_rounding rounding)
{
    switch (i->contract) {
    case HP_CONTRACT_LINEAR:
        return hp_notional_linear(price_ticks, lots, i->price_decimals, i->size_decimals,
                                  i->multiplier_e8, rounding);
    case HP_CONTRACT_SPOT:
        return hp_notional_spot(price_ticks, lots, i->price_decimals, i->size_decimals, rounding);
    case HP_CONTRACT_INVERSE:
        return hp_notional_inverse(price_ticks, lots, i->price_decimals, i->size_decimals,
                                   i->multiplier_e8, rounding);
    default:
        return HP_MONEY_BAD;
    }
}

/* The same.  With the instrument's unit it is two multiplications, or one and a division, and as exact. */
static inline int64_t hp_instrument_notional(const hp_instrument_t *i, int64_t price_ticks, int64_t lots,
                                             enum hp_rounding rounding)
{
    int64_t unit = i->unit_e8, product;
    if (HP_LIKELY(i->contract != HP_CONTRACT_INVERSE)) {
        if (HP_LIKELY(unit > 0) && !__builtin_mul_overflow(price_ticks, lots, &product) &&
            !__builtin_mul_overflow(product, unit, &product) && product != HP_MONEY_BAD)
            return product;
    } else if (HP_LIKELY(unit > 0 && price_ticks > 0 && lots >= 0)) {
        hp_uwide_t whole = (hp_uwide_t)(uint64_t)lots * (uint64_t)unit;
        if (HP_LIKELY((uint64_t)(whole >> 64) < (uint64_t)price_ticks)) {
            uint64_t rest, quotient = hp_div_fits((uint64_t)(whole >> 64), (uint64_t)whole, (uint64_t)price_ticks, &rest);
            if (HP_LIKELY(quotient < INT64_MAX)) return (int64_t)(quotient + (rest != 0 && rounding == HP_ROUND_UP));
        }
    }
    return hp_instrument_notional_any(i, price_ticks, lots, rounding);
}

/* Make what is derived: after each change of scale, multiplier, leverage or fee. */
static inline void hp_instrument_make(hp_instrument_t *i)
{
    int digits = i->contract == HP_CONTRACT_INVERSE ? i->price_decimals - i->size_decimals
                                                    : 8 - i->price_decimals - i->size_decimals;
    hp_wide_t multiplier = i->contract == HP_CONTRACT_SPOT ? 100000000 : i->multiplier_e8, unit = 0, below = 1;
    if (i->contract != HP_CONTRACT_NONE && multiplier > 0 && digits >= -HP_DECIMALS_MAX && digits <= HP_DECIMALS_MAX) {
        if (i->contract != HP_CONTRACT_INVERSE) below = 100000000;
        if (digits < 0) below *= hp_pow10(-digits);
        unit = digits > 0 ? multiplier * hp_pow10(digits) : multiplier;
        unit = unit % below == 0 ? unit / below : 0;
    }
    i->unit_e8 = unit <= INT64_MAX ? (int64_t)unit : 0;
    i->hold_rate_e8 = hp_instrument_rate(i) + i->fee_rate_e8;
}

/* How a fill's notional is rounded, that no fraction of 1e-8 is ever ours.  A linear contract pays for a buy;
 * an inverse one is sold for what a buy will have cost: coins x (1 / entry - 1 / exit). */
static inline enum hp_rounding hp_instrument_rounding(const hp_instrument_t *i, int is_buy)
{
    return (is_buy != 0) == (i->contract != HP_CONTRACT_INVERSE) ? HP_ROUND_UP : HP_ROUND_DOWN;
}

/* Whether a long position gains when its notional grows (1) or shrinks (-1).  An inverse position is fewer
 * coins the dearer they are: a long one has earned those that it no longer needs. */
static inline int hp_instrument_sign(const hp_instrument_t *i) { return i->contract == HP_CONTRACT_INVERSE ? -1 : 1; }

/* What a notional brings above a cost, both signed as the lots are; of the settlement asset. */
static inline hp_wide_t hp_instrument_gain(const hp_instrument_t *i, hp_wide_t worth_e8, hp_wide_t cost_e8)
{
    return hp_instrument_sign(i) < 0 ? cost_e8 - worth_e8 : worth_e8 - cost_e8;
}

/* Notional of lots (not negative) at a mid that is told as bid + ask, so that it is not rounded. */
static inline int64_t hp_instrument_worth(const hp_instrument_t *i, int64_t half_ticks, int64_t lots, enum hp_rounding rounding)
{
    int64_t twice;
    if (HP_UNLIKELY(i->contract == HP_CONTRACT_INVERSE)) {
        if (__builtin_mul_overflow(lots, (int64_t)2, &twice)) return HP_MONEY_BAD;
        return hp_instrument_notional(i, half_ticks, twice, rounding);
    }
    twice = hp_instrument_notional(i, half_ticks, lots, rounding);
    return twice == HP_MONEY_BAD ? twice : twice / 2 + (rounding == HP_ROUND_UP ? twice & 1 : 0);
}

/* What closing signed lots at such a mid would bring above their signed cost, rounded down; HP_MONEY_BAD =
 * beyond 64 bits. */
static inline int64_t hp_instrument_open(const hp_instrument_t *i, int64_t half_ticks, int64_t lots, int64_t cost_e8)
{
    if (lots == 0) return 0;
    int64_t size = lots < 0 ? -lots : lots;
    int64_t worth = hp_instrument_worth(i, half_ticks, size, hp_instrument_rounding(i, lots < 0));
    return worth == HP_MONEY_BAD ? worth : hp_narrow(hp_instrument_gain(i, lots < 0 ? -worth : worth, cost_e8));
}

#endif
