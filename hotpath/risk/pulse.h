/* pulse.h - what an instrument's own prices and our own orders say about the next order.
 *
 * Owns:    the streaming estimate of volatility and the fence from it, the fast-market freeze, the
 *          venue's band around the mark price, the usual size of our orders; all as bounds that the
 *          gate only compares with.
 * Refuses: clocks (now is an argument), judging figures that make no sense (hotpath/lane/sanity.h does
 *          that before), floats.
 *
 * Mids are bid + ask: half ticks, so that none is rounded.  The standard move is an exponential mean of
 * |mid / mid before - 1| between samples, in 1e-8, never below its floor.  The fast market looks back
 * over eight slots of an eighth of the window each: a move is seen over the window to 8/7 of it. */
#ifndef HP_RISK_PULSE_H
#define HP_RISK_PULSE_H

#include <stdint.h>

#include "fixed.h"
#include "instrument.h"
#include "limit.h"
#include "rule.h"

#define HP_PULSE_SLOTS 8u
#define HP_TYPICAL_ORDERS 8u      /* of our own, before a usual size is known */
#define HP_TYPICAL_WEIGHT 16      /* of the past against one new order */

typedef struct hp_pulse {
    /* what the gate compares with */
    int64_t  band_low_ticks;      /* venue's band for sells; 0 = none */
    int64_t  band_high_ticks;     /* ... for buys; INT64_MAX = none */
    int64_t  nearest_e8;          /* narrowest of the fences: volatility, hard, distance */
    int64_t  lots_max;            /* least of the next but one and the one after */
    int64_t  fence_e8;            /* half width of the volatility fence, relative */
    int64_t  size_lots_max;       /* fat finger by our usual size */
    int64_t  volume_lots_max;     /* ... by the market's volume */
    uint64_t hours_ns;            /* UTC from which is_closed holds */
    uint64_t hours_span_ns;       /* and for how long; 0 = not looked up */
    uint64_t is_closed;
    uint64_t frozen_until_ns;     /* fast market */
    /* of what it is made */
    int64_t  half_ticks;          /* bid + ask of the last sane book; 0 = none yet */
    int64_t  sample_half_ticks;
    uint64_t sample_ns;
    int64_t  sigma_e8;            /* 0 = no move seen yet */
    int64_t  usual_e4;            /* usual lots, 1e-4 */
    uint64_t usual_count;
    int64_t  trip_low_half_ticks; /* a mid below this, or above the next, is a fast market */
    int64_t  trip_high_half_ticks;
    int64_t  lows[8], highs[8];   /* by slot; 0 = nothing in it */
    int64_t  low, high;           /* over the slots */
    uint64_t slot_end_ns;
    uint32_t slot;
    uint32_t pad;
} hp_pulse_t;

/* a x b / c towards zero, held inside int64. */
static inline int64_t hp_scaled(int64_t a, int64_t b, int64_t c) { return hp_held((hp_wide_t)a * b / c); }

/* The lower of two mids; 0 = there is none. */
static inline int64_t hp_pulse_lower(int64_t a, int64_t b) { return a == 0 || b < a ? b : a; }

static inline void hp_pulse_fence(hp_pulse_t *p, const hp_instrument_limits_t *l)
{
    int64_t sigma = hp_limit_most(p->sigma_e8, l->sigma_floor_e8);
    int64_t distance = hp_limit_least(l->band_bps, l->distance_bps_max);
    p->fence_e8 = l->sigma_tenths == HP_LIMIT_NONE ? HP_LIMIT_NONE : hp_scaled(sigma, l->sigma_tenths, 10);
    p->nearest_e8 = hp_limit_least(p->fence_e8, hp_scaled(distance, 10000, 1));
}

static inline void hp_pulse_size(hp_pulse_t *p, const hp_instrument_limits_t *l)
{
    int64_t usual_e4 = l->typical_lots != 0 ? hp_scaled(l->typical_lots, 10000, 1) :
                       p->usual_count >= HP_TYPICAL_ORDERS ? p->usual_e4 : HP_LIMIT_NONE;
    if (l->typical_times_max == HP_LIMIT_NONE) p->size_lots_max = HP_LIMIT_NONE;
    else if (l->typical_times_max == 0) p->size_lots_max = 0;
    else p->size_lots_max = usual_e4 == HP_LIMIT_NONE ? HP_LIMIT_NONE : hp_scaled(usual_e4, l->typical_times_max, 10000);
    p->volume_lots_max = l->volume_share_bps_max == 0 ? 0 :
                         l->volume_share_bps_max == HP_LIMIT_NONE || l->daily_volume_lots == 0 ? HP_LIMIT_NONE :
                         hp_scaled(l->daily_volume_lots, l->volume_share_bps_max, 10000);
    p->lots_max = hp_limit_least(p->size_lots_max, p->volume_lots_max);
}

/* Look up the hours: from now to the next edge of a window, or the day's end, nothing changes. */
static inline void hp_pulse_hours(hp_pulse_t *p, const hp_instrument_limits_t *l, uint64_t utc_ns)
{
    uint64_t second = utc_ns / 1000000000u % HP_DAY_S, edge = HP_DAY_S;
    for (uint32_t n = 0; n < l->window_count && n < HP_WINDOWS_MAX; n++) {
        const hp_window_t *w = &l->windows[n];
        if (w->from_s > second) edge = (uint64_t)hp_limit_least((int64_t)edge, w->from_s);
        if (w->until_s > second) edge = (uint64_t)hp_limit_least((int64_t)edge, w->until_s);
    }
    p->is_closed = (uint64_t)hp_windows_closed(l, utc_ns);
    p->hours_ns = utc_ns / 1000000000u * 1000000000u;
    p->hours_span_ns = (edge - second) * 1000000000u;
}

static inline int hp_pulse_is_closed(hp_pulse_t *p, const hp_instrument_limits_t *l, uint64_t utc_ns)
{
    if (HP_UNLIKELY(utc_ns - p->hours_ns >= p->hours_span_ns)) hp_pulse_hours(p, l, utc_ns);
    return (int)p->is_closed;
}

/* Bounds anew after the instrument's limits changed. */
static inline void hp_pulse_set(hp_pulse_t *p, const hp_instrument_limits_t *l)
{
    p->hours_span_ns = 0;
    hp_pulse_fence(p, l);
    hp_pulse_size(p, l);
}

static inline void hp_pulse_trips(hp_pulse_t *p, const hp_limit_t *l)
{
    p->trip_high_half_ticks = p->trip_low_half_ticks = INT64_MAX;
    if (l->fast_move_bps_max == HP_LIMIT_NONE) { p->trip_low_half_ticks = INT64_MIN; return; }
    if (p->low == 0) { p->trip_low_half_ticks = INT64_MIN; return; } /* no past yet */
    p->trip_high_half_ticks = (int64_t)hp_limit_least(hp_scaled(p->low, l->fast_move_bps_max, 10000), INT64_MAX - p->low) + p->low;
    p->trip_low_half_ticks = p->high - hp_scaled(p->high, l->fast_move_bps_max, 10000);
}

/* Begin a new slot of the fast market's past; what is older than the window is forgotten. */
static inline void hp_pulse_roll(hp_pulse_t *p, const hp_limit_t *l, uint64_t now)
{
    uint64_t slot_ns = (uint64_t)l->fast_window_ns / HP_PULSE_SLOTS + 1;
    uint64_t behind = p->slot_end_ns == 0 ? HP_PULSE_SLOTS : (now - p->slot_end_ns) / slot_ns + 1;
    for (uint64_t n = 0; n < behind && n < HP_PULSE_SLOTS; n++) {
        p->slot = (p->slot + 1) % HP_PULSE_SLOTS;
        p->lows[p->slot] = p->highs[p->slot] = 0;
    }
    p->slot_end_ns = now + slot_ns;
    p->low = p->high = 0;
    for (uint32_t n = 0; n < HP_PULSE_SLOTS; n++) {
        if (p->lows[n] == 0) continue;
        p->low = hp_pulse_lower(p->low, p->lows[n]);
        p->high = hp_limit_most(p->high, p->highs[n]);
    }
    hp_pulse_trips(p, l);
}

/* Take the mid of a sane book. */
static inline void hp_pulse_mid(hp_pulse_t *p, const hp_instrument_limits_t *rule, const hp_limit_t *l,
                                int64_t half_ticks, uint64_t now)
{
    p->half_ticks = half_ticks;
    if (HP_UNLIKELY(now >= p->slot_end_ns)) hp_pulse_roll(p, l, now);
    if (HP_UNLIKELY(half_ticks > p->trip_high_half_ticks || half_ticks < p->trip_low_half_ticks))
        p->frozen_until_ns = now + (uint64_t)l->fast_freeze_ns;
    p->lows[p->slot] = hp_pulse_lower(p->lows[p->slot], half_ticks);
    p->highs[p->slot] = hp_limit_most(p->highs[p->slot], half_ticks);
    int64_t low = hp_pulse_lower(p->low, half_ticks), high = hp_limit_most(p->high, half_ticks);
    if (HP_UNLIKELY(low != p->low || high != p->high)) {
        p->low = low;
        p->high = high;
        hp_pulse_trips(p, l);
    }
    if (HP_LIKELY(now - p->sample_ns < (uint64_t)rule->sigma_sample_ns && p->sample_half_ticks != 0)) return;
    if (p->sample_half_ticks != 0 && half_ticks > 0) {
        int64_t away = half_ticks - p->sample_half_ticks, alpha = rule->sigma_alpha_e4;
        int64_t move = hp_scaled(hp_limit_most(away, -away), 100000000, p->sample_half_ticks);
        p->sigma_e8 = p->sigma_e8 == 0 ? move : hp_scaled(move, alpha, 10000) + hp_scaled(p->sigma_e8, 10000 - alpha, 10000);
        p->sigma_e8 = hp_limit_most(p->sigma_e8, hp_limit_most(rule->sigma_floor_e8, 1));
        hp_pulse_fence(p, rule);
    }
    p->sample_half_ticks = half_ticks;
    p->sample_ns = now;
}

/* The venue judges limit prices by its mark price: buys from above, sells from below. */
static inline void hp_pulse_mark(hp_pulse_t *p, const hp_instrument_t *i, int64_t mark_e8)
{
    if (i->price_decimals > 8) return; /* no venue: a tick finer than 1e-8 */
    int64_t per_tick = hp_pow10(8 - i->price_decimals);
    p->band_high_ticks = INT64_MAX;
    p->band_low_ticks = 0;
    if (mark_e8 <= 0) return;
    if (i->band_up_bps != 0) p->band_high_ticks = hp_scaled(mark_e8, 10000 + i->band_up_bps, 10000 * per_tick);
    if (i->band_down_bps == 0) return;
    hp_wide_t low = (hp_wide_t)mark_e8 * (10000 - i->band_down_bps);
    p->band_low_ticks = (int64_t)hp_wide_div(low, (hp_wide_t)10000 * per_tick, HP_ROUND_UP);
}

/* An order of ours was placed: learn our usual size. */
static inline void hp_pulse_placed(hp_pulse_t *p, const hp_instrument_limits_t *l, int64_t lots)
{
    if (HP_LIKELY(l->typical_lots != 0 || l->typical_times_max == HP_LIMIT_NONE)) return;
    int64_t now_e4 = hp_scaled(lots, 10000, 1);
    p->usual_e4 = p->usual_count == 0 ? now_e4 : p->usual_e4 + (now_e4 - p->usual_e4) / HP_TYPICAL_WEIGHT;
    p->usual_count++;
    hp_pulse_size(p, l);
}

#endif
