/* gate.h - may this intent become an order?
 *
 * Owns:    the chain of checks, in the order of enum hp_verdict_code; first BLOCK or THROTTLE wins.
 * Refuses: clocks (now is an argument), books (it judges the copy in the intent plus its age), sending.
 *
 * Real today: allow-list, armed, limit lease, kill/freeze/drain words, instrument status, book state and age, crossed,
 * clock, precision, tick, step, size range, min notional, hard band, reduce-only, order, position and
 * open-order limits, one token bucket per account.  The verdicts in between keep their place in the chain.
 *
 * Cancels pass in every state but a lost leader lease; risk-reducing orders pass a freeze, from the
 * reserve of the bucket.  Every product goes through __int128; overflow is BLOCKED. */
#ifndef HP_RISK_GATE_H
#define HP_RISK_GATE_H

#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "fixed.h"
#include "instrument.h"
#include "intent.h"
#include "limit.h"
#include "hotpath/order/position.h"
#include "page.h"
#include "hotpath/risk/bucket.h"
#include "hotpath/risk/limits.h"
#include "verdict.h"

/* What works at the venue (or may work: PENDING, SENT, UNKNOWN) for one instrument. */
typedef struct hp_exposure {
    int64_t  working_buy_lots;
    int64_t  working_sell_lots;
    uint32_t open_orders;
    uint32_t pad;
} hp_exposure_t;

typedef struct hp_gate {
    uint32_t words;             /* OR of the control words, sampled once a turn */
    uint32_t is_armed;
    hp_bucket_t orders[32];     /* by account */
    hp_time_record_t clock;     /* the time authority's word, sampled once a turn */
    uint64_t clock_ns_max;      /* largest divergence from UTC for new risk; 0 = the clock is not judged */
    uint64_t warns;             /* bit n = verdict n is noted in `warnings` and does not block */
    hp_limit_lease_t lease;     /* the authority's, sampled once a turn */
} hp_gate_t;

/* Lots by which a fill of this intent would shrink the position it acts on; 0 when it would grow. */
static inline int64_t hp_gate_reducible(const hp_intent_t *in, const hp_lane_position_t *p)
{
    int64_t held = p->lots[in->position_side];
    if (in->side == HP_SIDE_SELL && held > 0) return held;
    if (in->side == HP_SIDE_BUY && held < 0) return -held;
    return 0;
}

static inline uint32_t hp_verdict_set(hp_verdict_t *v, uint32_t code, int64_t found, int64_t wanted)
{
    v->verdict = code;
    v->found = found;
    v->wanted = wanted;
    return code;
}

/* A check found something: 1 = it blocks (and v says so), 0 = policy WARN, noted. */
static inline int hp_gate_finds(const hp_gate_t *g, hp_verdict_t *v, uint32_t code, int64_t found, int64_t wanted)
{
    if (g->warns >> code & 1) { v->warnings |= 1ull << code; return 0; }
    hp_verdict_set(v, code, found, wanted);
    return 1;
}

/* Checks of a CANCEL: the allow-list, and a token (the reserve may be used; a cancel is never refused
 * for want of our own tokens while a kill, freeze or drain is on). */
static inline uint32_t hp_gate_cancel(hp_gate_t *g, const hp_intent_t *in, uint64_t now, hp_verdict_t *v)
{
    hp_bucket_t *bucket = &g->orders[in->account];
    uint64_t wait = hp_bucket_wait(bucket, now, 1);
    if (wait != 0 && g->words == 0) {
        v->retry_ns = wait;
        return hp_verdict_set(v, HP_VERDICT_RATE_BUCKET, (int64_t)(wait - now), 0);
    }
    hp_bucket_take(bucket, now);
    return hp_verdict_set(v, HP_PASS, 0, 0);
}

/* Judge one intent.  `v` is filled whatever the answer; returns v->verdict. */
static inline uint32_t hp_gate_check(hp_gate_t *g, const hp_intent_t *in, const hp_instrument_t *i,
                                     const hp_instrument_limits_t *limits, const hp_lane_position_t *position,
                                     const hp_exposure_t *exposure, uint64_t now, hp_verdict_t *v)
{
    memset(v, 0, sizeof *v);
    v->intent_id = in->id;
    v->instrument = in->instrument;
    v->now_ns = now;
    v->words = g->words;
    v->clock_until_ns = g->clock.valid_until_ns;
    v->limit_until_ns = g->lease.until_ns;

    /* who may */
    if (HP_UNLIKELY(in->kind == HP_INTENT_REFUSED || in->kind > HP_INTENT_REPLACE || in->strategy >= 64 ||
                    in->account >= 32 || !(limits->strategies >> in->strategy & 1) ||
                    !(limits->accounts >> in->account & 1) || !(limits->kinds >> in->kind & 1)))
        return hp_verdict_set(v, HP_VERDICT_NOT_ALLOWED, in->kind, 0);
    if (in->kind == HP_INTENT_CANCEL) return hp_gate_cancel(g, in, now, v);
    if (HP_UNLIKELY(!g->is_armed)) return hp_verdict_set(v, HP_VERDICT_NOT_ARMED, 0, 1);

    if (HP_UNLIKELY(in->position_side >= HP_POSITION_SIDE_COUNT))
        return hp_verdict_set(v, HP_VERDICT_PRECISION, in->position_side, HP_POSITION_SIDE_COUNT - 1);
    int64_t reducible = hp_gate_reducible(in, position);
    int reduces = in->reduce_only && in->lots > 0 && in->lots <= reducible;
    if (HP_UNLIKELY(g->lease.is_required && now >= g->lease.until_ns && !reduces))
        return hp_verdict_set(v, HP_VERDICT_LIMIT_LEASE, (int64_t)(now - g->lease.until_ns), 0);
    if (HP_UNLIKELY(g->words != 0)) {
        if (g->words & HP_WORD_KILL) return hp_verdict_set(v, HP_VERDICT_KILLED, g->words, 0);
        if (!reduces && (g->words & (HP_WORD_FREEZE | HP_WORD_FLATTEN | HP_WORD_SAFE_MODE)))
            return hp_verdict_set(v, HP_VERDICT_FROZEN, g->words, 0);
        if (!reduces && (g->words & (HP_WORD_DRAIN | HP_WORD_STOP)))
            return hp_verdict_set(v, HP_VERDICT_DRAINING, g->words, 0);
    }

    /* what is traded */
    if (HP_UNLIKELY(i->status != HP_STATUS_TRADING && !(i->status == HP_STATUS_CLOSE_ONLY && reduces)))
        return hp_verdict_set(v, HP_VERDICT_INSTRUMENT_STATUS, i->status, HP_STATUS_TRADING);

    /* on which picture: a doubtful one may be exited on, and one of the spare source too */
    if (HP_UNLIKELY(in->caution != 0 && !reduces))
        return hp_verdict_set(v, HP_VERDICT_BOOK_STALE, in->caution, 0);
    uint32_t is_spare = in->caution & HP_CAUTION_SOURCE;
    uint64_t oldest_ns = is_spare ? limits->spare_ns : limits->stale_ns;
    if (HP_UNLIKELY(in->book_state != HP_BOOK_SYNCED && !is_spare))
        return hp_verdict_set(v, in->book_state == HP_BOOK_CROSSED ? HP_VERDICT_BOOK_CROSSED :
                              in->book_state == HP_BOOK_STALE ? HP_VERDICT_BOOK_STALE : HP_VERDICT_BOOK_NOT_SYNCED,
                              in->book_state, HP_BOOK_SYNCED);
    if (HP_UNLIKELY(in->recv_ns > now || now - in->recv_ns > oldest_ns))
        return hp_verdict_set(v, HP_VERDICT_BOOK_STALE, (int64_t)(now - in->recv_ns), (int64_t)oldest_ns);
    if (HP_UNLIKELY(in->bid_lots <= 0 || in->ask_lots <= 0 || in->bid_ticks >= in->ask_ticks))
        return hp_verdict_set(v, HP_VERDICT_BOOK_CROSSED, in->bid_ticks, in->ask_ticks);
    if (g->clock_ns_max != 0 && !reduces) {
        uint64_t off = hp_time_divergence(&g->clock, now);
        if (HP_UNLIKELY(off > g->clock_ns_max) &&
            hp_gate_finds(g, v, HP_VERDICT_CLOCK_UNSURE, off > INT64_MAX ? INT64_MAX : (int64_t)off, (int64_t)g->clock_ns_max))
            return v->verdict;
    }

    /* the venue's filters */
    if (HP_UNLIKELY(in->lots <= 0 || in->price_ticks <= 0 || (in->side != HP_SIDE_BUY && in->side != HP_SIDE_SELL)))
        return hp_verdict_set(v, HP_VERDICT_PRECISION, in->lots <= 0 ? in->lots : in->price_ticks, 1);
    if (HP_UNLIKELY(i->tick_size_ticks > 1 && in->price_ticks % i->tick_size_ticks != 0))
        return hp_verdict_set(v, HP_VERDICT_TICK_SIZE, in->price_ticks, i->tick_size_ticks);
    if (HP_UNLIKELY(i->step_size_lots > 1 && in->lots % i->step_size_lots != 0))
        return hp_verdict_set(v, HP_VERDICT_STEP_SIZE, in->lots, i->step_size_lots);
    if (HP_UNLIKELY(in->lots < i->size_min_lots))
        return hp_verdict_set(v, HP_VERDICT_SIZE_RANGE, in->lots, i->size_min_lots);
    if (HP_UNLIKELY(i->size_max_lots > 0 && in->lots > i->size_max_lots))
        return hp_verdict_set(v, HP_VERDICT_SIZE_RANGE, in->lots, i->size_max_lots);
    if (HP_UNLIKELY(in->price_ticks < i->price_min_ticks))
        return hp_verdict_set(v, HP_VERDICT_PRECISION, in->price_ticks, i->price_min_ticks);
    if (HP_UNLIKELY(i->price_max_ticks > 0 && in->price_ticks > i->price_max_ticks))
        return hp_verdict_set(v, HP_VERDICT_PRECISION, in->price_ticks, i->price_max_ticks);
    int64_t notional = hp_instrument_notional(i, in->price_ticks, in->lots, HP_ROUND_UP);
    if (HP_UNLIKELY(notional == HP_MONEY_BAD)) return hp_verdict_set(v, HP_VERDICT_OVERFLOW, in->price_ticks, in->lots);
    if (HP_UNLIKELY(i->notional_min_e8 > 0 && !in->reduce_only)) {
        int64_t low = hp_instrument_notional(i, in->price_ticks, in->lots, HP_ROUND_DOWN);
        if (low < i->notional_min_e8) return hp_verdict_set(v, HP_VERDICT_MIN_NOTIONAL, low, i->notional_min_e8);
    }

    /* our fence: |2 x price - (bid + ask)| x 10000 <= band x (bid + ask) */
    hp_wide_t twice_mid = (hp_wide_t)in->bid_ticks + in->ask_ticks;
    hp_wide_t away = 2 * (hp_wide_t)in->price_ticks - twice_mid;
    if (away < 0) away = -away;
    if (HP_UNLIKELY(away * 10000 > twice_mid * limits->band_bps))
        return hp_verdict_set(v, HP_VERDICT_FENCE_HARD, (int64_t)(away * 10000 / twice_mid), limits->band_bps);

    if (HP_UNLIKELY(in->reduce_only && !reduces))
        return hp_verdict_set(v, HP_VERDICT_REDUCE_ONLY, in->lots, reducible);

    /* limits */
    if (HP_UNLIKELY(in->lots > limits->order_lots_max))
        return hp_verdict_set(v, HP_VERDICT_ORDER_LIMIT, in->lots, limits->order_lots_max);
    if (!reduces) {
        hp_wide_t held = (hp_wide_t)position->lots[0] + position->lots[1] + position->lots[2];
        hp_wide_t worst = in->side == HP_SIDE_BUY ? held + exposure->working_buy_lots + in->lots
                                                  : -(held - exposure->working_sell_lots - in->lots);
        if (HP_UNLIKELY(worst > limits->position_lots_max))
            return hp_verdict_set(v, HP_VERDICT_POSITION_LIMIT, hp_narrow(worst), limits->position_lots_max);
    }
    if (HP_UNLIKELY(exposure->open_orders >= limits->open_orders_max))
        return hp_verdict_set(v, HP_VERDICT_OPEN_ORDERS, exposure->open_orders, limits->open_orders_max);

    hp_bucket_t *bucket = &g->orders[in->account];
    uint64_t wait = hp_bucket_wait(bucket, now, reduces);
    if (HP_UNLIKELY(wait != 0)) {
        v->retry_ns = wait;
        return hp_verdict_set(v, HP_VERDICT_RATE_BUCKET, (int64_t)(wait - now), 0);
    }
    hp_bucket_take(bucket, now);
    return hp_verdict_set(v, HP_PASS, notional, 0);
}

#endif
