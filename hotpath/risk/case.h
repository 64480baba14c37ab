/* case.h - one intent before the gate: all that it is judged by, and how a finding becomes a verdict.
 *
 * Owns:    hp_case_t; the policies: what blocks, what is noted, what names a time to ask again.
 * Refuses: the checks (gate_*.h), their order (gate.h). */
#ifndef HP_RISK_CASE_H
#define HP_RISK_CASE_H

#include <stdint.h>

#include "intent.h"
#include "verdict.h"
#include "hotpath/risk/figures.h"

/* Checks whose finding may be a warning.  The others are the venue's, or what a lease promises. */
#define HP_WARNABLE (1ull << HP_VERDICT_CLOCK_UNSURE | 1ull << HP_VERDICT_FENCE_VOLATILITY | \
                     1ull << HP_VERDICT_FAT_FINGER_SIZE | 1ull << HP_VERDICT_FAT_FINGER_DISTANCE | \
                     1ull << HP_VERDICT_FAT_FINGER_VOLUME | 1ull << HP_VERDICT_FAILURES | \
                     1ull << HP_VERDICT_COOL_DOWN | 1ull << HP_VERDICT_FAST_MARKET | \
                     1ull << HP_VERDICT_ORDER_TO_TRADE | 1ull << HP_VERDICT_CANCEL_RATE | \
                     1ull << HP_VERDICT_QUOTA_SLOW)

typedef struct hp_case {
    hp_gate_t *g;
    const hp_intent_t *in;
    const hp_instrument_t *i;
    const hp_instrument_limits_t *limits;
    const hp_lane_position_t *position;
    const hp_exposure_t *exposure;
    uint64_t now;
    hp_verdict_t *v;
    int64_t notional;        /* rounded up, 1e-8 */
    int64_t reducible;       /* lots by which a fill may shrink the position it acts on */
    int     reduces;         /* it can only make that position smaller */
    int     is_buy;
    int     noted;           /* findings that did not refuse */
} hp_case_t;

static inline uint32_t hp_verdict_set(hp_verdict_t *v, uint32_t code, int64_t found, int64_t wanted)
{
    v->verdict = code;
    v->found = found;
    v->wanted = wanted;
    return code;
}

static inline int hp_note(hp_case_t *c, uint32_t code)
{
    c->v->warnings |= 1ull << code;
    c->noted++;
    return 0;
}

/* A check found something.  1 = it refuses, and the verdict says so; 0 = policy WARN, noted. */
static inline int hp_finds(hp_case_t *c, uint32_t code, int64_t found, int64_t wanted)
{
    const hp_gate_rule_t *rule = &c->g->rule;
    if (rule->warns >> code & 1) return hp_note(c, code);
    hp_verdict_set(c->v, code, found, wanted);
    if (rule->throttles >> code & 1) c->v->retry_ns = c->now + rule->throttle_ns;
    return 1;
}

/* A limit of our own: an order that can only reduce risk may pass it, and that is noted. */
static inline int hp_finds_soft(hp_case_t *c, uint32_t code, int64_t found, int64_t wanted)
{
    if (c->reduces) return hp_note(c, code);
    return hp_finds(c, code, found, wanted);
}

#endif
