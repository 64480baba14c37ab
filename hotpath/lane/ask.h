/* ask.h - what would the gate say of this order?
 *
 * Owns:    asking the lane's own gate with the lane's own figures, and leaving no trace of it: no token,
 *          no money, no counter, no figure is another one afterwards, and nothing of it is journaled.
 * Refuses: sending; orders that exist (cancel, replace: their answer depends on the moment of the send).
 *
 * The whole chain is asked as it stands.  Single checks are asked each by its own function, the others
 * left out; a check that needs a picture answers for a picture that is none. */
#ifndef HP_LANE_ASK_H
#define HP_LANE_ASK_H

#include <stdint.h>
#include <string.h>

#include "hotpath/abi/ask.h"
#include "hotpath/lane/core.h"
#include "hotpath/risk/gate.h"

#define HP_ASK_FENCES (1ull << HP_VERDICT_FENCE_VOLATILITY | 1ull << HP_VERDICT_FENCE_HARD | \
                       1ull << HP_VERDICT_FAT_FINGER_SIZE | 1ull << HP_VERDICT_FAT_FINGER_DISTANCE | \
                       1ull << HP_VERDICT_FAT_FINGER_VOLUME)
#define HP_ASK_BUDGETS (1ull << HP_VERDICT_ORDER_TO_TRADE | 1ull << HP_VERDICT_CANCEL_RATE)

/* Ask single checks.  What is not asked for is a warning meanwhile, and warnings of it are taken out. */
static inline void hp_lane_ask_some(hp_case_t *c, uint64_t checks)
{
    hp_gate_t *g = c->g;
    uint64_t warns = g->rule.warns;
    hp_scope_t *scopes[4];
    c->is_buy = c->in->side == HP_SIDE_BUY;
    c->reducible = hp_gate_reducible(c->in, c->position);
    c->reduces = (c->in->reduce_only || c->in->position_side != HP_POSITION_BOTH) && c->in->lots <= c->reducible;
    hp_verdict_set(c->v, HP_PASS, 0, 0);
    if (checks & HP_ASK_FENCES && hp_gate_picture(c)) return;
    g->rule.warns |= ~checks;
    int refused = checks & HP_ASK_FENCES && hp_gate_fences(c);
    if (!refused && checks >> HP_VERDICT_SELF_TRADE & 1) refused = hp_gate_self_trade(c);
    if (!refused && checks & HP_ASK_BUDGETS) {
        hp_gate_scopes(g, c->i, c->in->account, c->in->strategy, scopes);
        for (uint32_t n = 0; n < 4; n++) hp_scope_at(scopes[n], c->now);
        refused = hp_scopes_walk(c, scopes, HP_VERDICT_ORDER_TO_TRADE, HP_VERDICT_CANCEL_RATE);
    }
    g->rule.warns = warns;
    c->v->warnings &= checks;
}

static inline void hp_lane_ask(hp_lane_t *l, const hp_ask_t *asked, hp_verdict_t *v)
{
    hp_gate_t *g = &l->gate;
    hp_intent_t in = asked->intent;
    hp_lane_instrument_t *i = hp_lane_instrument(l, in.instrument);
    uint64_t now = l->env.now(l->env.self);
    memset(v, 0, sizeof *v);
    v->intent_id = in.id;
    v->instrument = in.instrument;
    v->now_ns = now;
    if (i == NULL || in.kind != HP_INTENT_PLACE || in.account >= HP_GATE_ACCOUNTS || in.strategy >= HP_STRATEGIES_MAX ||
        in.position_side >= HP_POSITION_SIDE_COUNT || in.lots <= 0 || in.price_ticks <= 0) {
        hp_verdict_set(v, HP_VERDICT_NOT_ALLOWED, in.kind, 0);
        return;
    }
    if (i->book != NULL) hp_lane_picture(i, &in);
    in.decided_ns = l->now_ns;

    hp_scope_t *scopes[4], kept[4];
    hp_gate_scopes(g, &i->about, in.account, in.strategy, scopes);
    for (uint32_t n = 0; n < 4; n++) kept[n] = *scopes[n];
    hp_pulse_t pulse = g->pulses[in.instrument];
    hp_lane_quota_t quota = g->quota.now;
    hp_lane_funds_t *f = hp_funds_of(l->page->funds, hp_reserve_asset(&i->about, in.side));
    uint64_t refused = f != NULL ? f->refused : 0;
    const hp_lane_position_t *position = &l->page->positions[in.instrument];
    if (asked->checks == 0) {
        hp_gate_check(g, &in, &i->about, &i->limits, position, &i->exposure, now, v);
        if (v->verdict == HP_PASS && !l->is_session_ready) hp_verdict_set(v, HP_VERDICT_SEND_FAILED, 0, 1);
    } else {
        hp_case_t c = { .g = g, .in = &in, .i = &i->about, .limits = &i->limits, .position = position,
                        .exposure = &i->exposure, .now = now, .v = v };
        hp_lane_ask_some(&c, asked->checks);
    }
    if (f != NULL) f->refused = refused;
    g->quota.now = quota;
    g->pulses[in.instrument] = pulse;
    for (uint32_t n = 0; n < 4; n++) *scopes[n] = kept[n];
}

#endif
