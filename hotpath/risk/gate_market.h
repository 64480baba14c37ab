/* gate_market.h - is this price and size sane on the picture that it was decided on?
 *
 * Owns:    book state and age, the clock, the venue's filters and band, our fences, fat fingers.
 * Refuses: books (it judges the copy in the intent plus its age), what we hold (gate_limits.h). */
#ifndef HP_RISK_GATE_MARKET_H
#define HP_RISK_GATE_MARKET_H

#include "hotpath/risk/case.h"

/* On which picture: a doubtful one may be exited on, and one of the spare source too.  1 = refused. */
static inline int hp_gate_picture(hp_case_t *c)
{
    const hp_intent_t *in = c->in;
    if (HP_UNLIKELY(in->caution != 0 && !c->reduces)) return hp_finds(c, HP_VERDICT_BOOK_STALE, in->caution, 0);
    uint32_t is_spare = in->caution & HP_CAUTION_SOURCE;
    uint64_t oldest_ns = is_spare ? c->limits->spare_ns : c->limits->stale_ns;
    if (HP_UNLIKELY(in->book_state != HP_BOOK_SYNCED && !is_spare))
        return hp_finds(c, in->book_state == HP_BOOK_CROSSED ? HP_VERDICT_BOOK_CROSSED :
                        in->book_state == HP_BOOK_STALE ? HP_VERDICT_BOOK_STALE : HP_VERDICT_BOOK_NOT_SYNCED,
                        in->book_state, HP_BOOK_SYNCED);
    if (HP_UNLIKELY(in->recv_ns > c->now || c->now - in->recv_ns > oldest_ns))
        return hp_finds(c, HP_VERDICT_BOOK_STALE, (int64_t)(c->now - in->recv_ns), (int64_t)oldest_ns);
    if (HP_UNLIKELY(in->bid_lots <= 0 || in->ask_lots <= 0 || in->bid_ticks >= in->ask_ticks))
        return hp_finds(c, HP_VERDICT_BOOK_CROSSED, in->bid_ticks, in->ask_ticks);
    return 0;
}

static inline int hp_gate_clock(hp_case_t *c)
{
    uint64_t most = c->g->rule.clock_ns_max;
    if (HP_LIKELY(c->now - c->g->clock.taken_ns <= c->g->clock_sure_ns - c->g->clock.taken_ns && c->g->clock_sure_ns != 0)) return 0;
    if (most == 0 || c->reduces) return 0;
    uint64_t off = hp_time_divergence(&c->g->clock, c->now);
    return HP_UNLIKELY(off > most) && hp_finds(c, HP_VERDICT_CLOCK_UNSURE, off > INT64_MAX ? INT64_MAX : (int64_t)off, (int64_t)most);
}

/* The venue's filters, and the notional.  They are the venue's: no policy weakens them. */
static inline int hp_gate_filters(hp_case_t *c)
{
    const hp_intent_t *in = c->in;
    const hp_instrument_t *i = c->i;
    hp_verdict_t *v = c->v;
    if (HP_UNLIKELY(in->lots <= 0 || in->price_ticks <= 0 || (in->side != HP_SIDE_BUY && in->side != HP_SIDE_SELL)))
        return hp_verdict_set(v, HP_VERDICT_PRECISION, in->lots <= 0 ? in->lots : in->price_ticks, 1) != 0;
    if (HP_UNLIKELY(i->tick_size_ticks > 1 && in->price_ticks % i->tick_size_ticks != 0))
        return hp_verdict_set(v, HP_VERDICT_TICK_SIZE, in->price_ticks, i->tick_size_ticks) != 0;
    if (HP_UNLIKELY(i->step_size_lots > 1 && in->lots % i->step_size_lots != 0))
        return hp_verdict_set(v, HP_VERDICT_STEP_SIZE, in->lots, i->step_size_lots) != 0;
    if (HP_UNLIKELY(in->lots < i->size_min_lots)) return hp_verdict_set(v, HP_VERDICT_SIZE_RANGE, in->lots, i->size_min_lots) != 0;
    if (HP_UNLIKELY(i->size_max_lots > 0 && in->lots > i->size_max_lots))
        return hp_verdict_set(v, HP_VERDICT_SIZE_RANGE, in->lots, i->size_max_lots) != 0;
    if (HP_UNLIKELY(in->price_ticks < i->price_min_ticks))
        return hp_verdict_set(v, HP_VERDICT_PRECISION, in->price_ticks, i->price_min_ticks) != 0;
    if (HP_UNLIKELY(i->price_max_ticks > 0 && in->price_ticks > i->price_max_ticks))
        return hp_verdict_set(v, HP_VERDICT_PRECISION, in->price_ticks, i->price_max_ticks) != 0;
    c->notional = hp_instrument_notional(i, in->price_ticks, in->lots, HP_ROUND_UP);
    if (HP_UNLIKELY(c->notional == HP_MONEY_BAD)) return hp_verdict_set(v, HP_VERDICT_OVERFLOW, in->price_ticks, in->lots) != 0;
    if (HP_UNLIKELY(c->notional <= i->notional_min_e8) && !in->reduce_only) { /* rounded up, it may seem enough */
        int64_t low = hp_instrument_notional(i, in->price_ticks, in->lots, HP_ROUND_DOWN);
        if (low < i->notional_min_e8) return hp_verdict_set(v, HP_VERDICT_MIN_NOTIONAL, low, i->notional_min_e8) != 0;
    }
    const hp_pulse_t *pulse = &c->g->pulses[i->id];
    if (HP_UNLIKELY(c->is_buy && in->price_ticks > pulse->band_high_ticks))
        return hp_verdict_set(v, HP_VERDICT_VENUE_BAND, in->price_ticks, pulse->band_high_ticks) != 0;
    if (HP_UNLIKELY(!c->is_buy && in->price_ticks < pulse->band_low_ticks))
        return hp_verdict_set(v, HP_VERDICT_VENUE_BAND, in->price_ticks, pulse->band_low_ticks) != 0;
    return 0;
}

/* Which fence is it, or which fat finger?  Called when one of them speaks; BLOCKED when none is found. */
__attribute__((noinline, cold, unused))
static int hp_fences_find(hp_case_t *c)
{
    const hp_intent_t *in = c->in;
    const hp_instrument_limits_t *l = c->limits;
    const hp_pulse_t *pulse = &c->g->pulses[c->i->id];
    hp_wide_t twice_mid = (hp_wide_t)in->bid_ticks + in->ask_ticks;
    hp_wide_t away = 2 * (hp_wide_t)in->price_ticks - twice_mid;
    if (away < 0) away = -away;
    int64_t away_bps = hp_held(away * 10000 / twice_mid);
    if (away * 100000000 > twice_mid * pulse->fence_e8 &&
        hp_finds(c, HP_VERDICT_FENCE_VOLATILITY, away_bps, pulse->fence_e8 / 10000))
        return 1;
    if (away * 10000 > twice_mid * l->band_bps && hp_finds(c, HP_VERDICT_FENCE_HARD, away_bps, l->band_bps)) return 1;
    if (in->lots > pulse->size_lots_max && hp_finds_soft(c, HP_VERDICT_FAT_FINGER_SIZE, in->lots, pulse->size_lots_max))
        return 1;
    if (away * 10000 > twice_mid * l->distance_bps_max &&
        hp_finds(c, HP_VERDICT_FAT_FINGER_DISTANCE, away_bps, l->distance_bps_max))
        return 1;
    if (in->lots > pulse->volume_lots_max &&
        hp_finds_soft(c, HP_VERDICT_FAT_FINGER_VOLUME, in->lots, pulse->volume_lots_max))
        return 1;
    if (HP_LIKELY(c->noted != 0)) return 0;
    hp_verdict_set(c->v, HP_BLOCKED, in->kind, 0);
    return 1;
}

/* Our fences: |2 x price - (bid + ask)| against a part of (bid + ask); and the sizes of fat fingers. */
static inline int hp_gate_fences(hp_case_t *c)
{
    const hp_intent_t *in = c->in;
    const hp_pulse_t *pulse = &c->g->pulses[c->i->id];
    int64_t twice_mid, away;
    int is_wide = __builtin_add_overflow(in->bid_ticks, in->ask_ticks, &twice_mid) |
                  __builtin_mul_overflow(in->price_ticks, (int64_t)2, &away) | __builtin_sub_overflow(away, twice_mid, &away);
    away = hp_limit_most(away, -away);
    int is_far = (hp_wide_t)away * 100000000 > (hp_wide_t)twice_mid * pulse->nearest_e8;
    if (HP_LIKELY((is_wide | is_far | (in->lots > pulse->lots_max)) == 0)) return 0;
    c->noted = 0;
    return hp_fences_find(c);
}

#endif
