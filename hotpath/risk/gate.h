/* gate.h - may this intent become an order?
 *
 * Owns:    the chain of checks, in the order of enum hp_verdict_code; first BLOCK or THROTTLE wins.
 * Refuses: clocks (now is an argument), books (it judges the copy in the intent plus its age), sending.
 *
 * Read in this order: case.h (what a finding becomes), gate_who.h, gate_quota.h, gate_market.h, gate_limits.h (the
 * checks), scope.h (figures beside limits), figures.h (what keeps the figures true).
 *
 * Cancels pass in every state but a lost leader lease; orders that can only reduce risk pass a freeze,
 * an expired limit lease and our own limits, from the reserve of the buckets, and each limit so passed
 * is noted.  Every product goes through __int128; overflow is BLOCKED. */
#ifndef HP_RISK_GATE_H
#define HP_RISK_GATE_H

#include <stdint.h>
#include <string.h>

#include "hotpath/risk/case.h"
#include "hotpath/risk/gate_limits.h"
#include "hotpath/risk/gate_market.h"
#include "hotpath/risk/gate_who.h"
#include "hotpath/risk/reservation.h"

/* A CANCEL: allow-list and leader are behind it.  It is never refused for want of our own tokens while
 * a word is on. */
static inline uint32_t hp_gate_cancel(hp_case_t *c)
{
    if (HP_UNLIKELY(c->g->quota.now.mode <= HP_QUOTA_RESERVE) && hp_gate_governed(c, HP_RANK_CANCEL)) return c->v->verdict;
    if (HP_UNLIKELY(hp_gate_cancel_tokens(c))) return c->v->verdict;
    return hp_verdict_set(c->v, HP_PASS, 0, 0);
}

/* Judge one intent.  `v` is filled whatever the answer; returns v->verdict. */
static inline uint32_t hp_gate_check(hp_gate_t *g, const hp_intent_t *in, const hp_instrument_t *i,
                                     const hp_instrument_limits_t *limits, const hp_lane_position_t *position,
                                     const hp_exposure_t *exposure, uint64_t now, hp_verdict_t *v)
{
    hp_case_t c = { .g = g, .in = in, .i = i, .limits = limits, .position = position, .exposure = exposure, .now = now, .v = v };
    memset(v, 0, sizeof *v);
    v->intent_id = in->id;
    v->instrument = in->instrument;
    v->now_ns = now;
    v->words = g->words;
    v->clock_until_ns = g->clock.valid_until_ns;
    v->limit_until_ns = g->lease.until_ns;
    v->leader_until_ns = g->leader.until_ns;
    v->leader_epoch = (uint32_t)g->leader.epoch;

    if (HP_UNLIKELY(!hp_gate_allowed(&c))) return v->verdict;
    if (in->kind == HP_INTENT_CANCEL) return HP_UNLIKELY(hp_gate_leader(&c)) ? v->verdict : hp_gate_cancel(&c);
    if (HP_UNLIKELY(g->is_armed && hp_gate_leader(&c))) return v->verdict;
    if (HP_UNLIKELY(hp_gate_who(&c))) return v->verdict;
    if (HP_UNLIKELY(hp_gate_picture(&c) || hp_gate_clock(&c))) return v->verdict;
    if (HP_UNLIKELY(hp_gate_filters(&c) || hp_gate_fences(&c))) return v->verdict;
    if (HP_UNLIKELY(hp_gate_truth(&c) || hp_gate_self_trade(&c) || hp_gate_lots(&c))) return v->verdict;
    if (HP_UNLIKELY(hp_gate_scoped(&c))) return v->verdict;
    return hp_verdict_set(v, HP_PASS, c.notional, 0);
}

#endif
