/* gate_who.h - may anybody send this now?  Allow-list, permits, leases, words, status, hours.
 *
 * Owns:    the first checks of the chain, NOT_ALLOWED to SESSION_CLOSED, and the venue's quota.
 * Refuses: prices and sizes. */
#ifndef HP_RISK_GATE_WHO_H
#define HP_RISK_GATE_WHO_H

#include "hotpath/risk/case.h"
#include "hotpath/risk/gate_quota.h"

/* Nothing at all is sent without the leader's lease. */
static inline int hp_leader_lost(const hp_gate_t *g, uint64_t now)
{
    return g->leader.is_required && now + g->rule.send_budget_ns >= g->leader.until_ns;
}

static inline int hp_gate_leader(hp_case_t *c)
{
    const hp_gate_t *g = c->g;
    if (HP_LIKELY(!hp_leader_lost(g, c->now))) return 0;
    hp_verdict_set(c->v, HP_VERDICT_LEADER_LEASE, hp_held((hp_wide_t)g->leader.until_ns - c->now), (int64_t)g->rule.send_budget_ns);
    return 1;
}

static inline int hp_gate_allowed(hp_case_t *c)
{
    const hp_intent_t *in = c->in;
    const hp_instrument_limits_t *l = c->limits;
    if (HP_LIKELY(in->kind - 1u < HP_INTENT_REPLACE && in->strategy < HP_STRATEGIES_MAX && in->account < HP_GATE_ACCOUNTS &&
                  (l->strategies >> in->strategy & l->accounts >> in->account & l->kinds >> in->kind & 1)))
        return 1;
    hp_verdict_set(c->v, HP_VERDICT_NOT_ALLOWED, in->kind, 0);
    return 0;
}

/* Lots by which a fill of this intent would shrink the position it acts on; 0 when it would grow. */
static inline int64_t hp_gate_reducible(const hp_intent_t *in, const hp_lane_position_t *p)
{
    int64_t held = p->lots[in->position_side];
    return hp_limit_most(in->side == HP_SIDE_SELL ? held : -held, 0);
}

/* 1 = refused. */
static inline int hp_gate_words(hp_case_t *c)
{
    const hp_gate_t *g = c->g;
    if (HP_LIKELY(g->words == 0)) return 0;
    if (g->words & HP_WORD_KILL) return hp_verdict_set(c->v, HP_VERDICT_KILLED, g->words, 0) != 0;
    if (g->words & HP_WORD_CHOKED) return hp_verdict_set(c->v, HP_VERDICT_ARCHIVE_LAG, g->words, 0) != 0;
    if (c->reduces) return 0;
    if (g->words & (HP_WORD_FREEZE | HP_WORD_FLATTEN | HP_WORD_SAFE_MODE))
        return hp_verdict_set(c->v, HP_VERDICT_FROZEN, g->words, 0) != 0;
    if (g->words & (HP_WORD_DRAIN | HP_WORD_STOP)) return hp_verdict_set(c->v, HP_VERDICT_DRAINING, g->words, 0) != 0;
    if (g->words & HP_WORD_LAGGING) return hp_verdict_set(c->v, HP_VERDICT_ARCHIVE_LAG, g->words, 0) != 0;
    return 0;
}

/* Permits, words, and what is traded.  1 = refused. */
static inline int hp_gate_who(hp_case_t *c)
{
    const hp_gate_t *g = c->g;
    const hp_intent_t *in = c->in;
    if (HP_UNLIKELY(!g->is_armed)) return hp_verdict_set(c->v, HP_VERDICT_NOT_ARMED, 0, 1) != 0;
    if (HP_UNLIKELY(in->position_side >= HP_POSITION_SIDE_COUNT))
        return hp_verdict_set(c->v, HP_VERDICT_PRECISION, in->position_side, HP_POSITION_SIDE_COUNT - 1) != 0;
    c->is_buy = in->side == HP_SIDE_BUY;
    c->reducible = hp_gate_reducible(in, c->position);
    /* a hedged leg is closed by its side alone: the venue refuses the flag */
    c->reduces = (in->reduce_only || in->position_side != HP_POSITION_BOTH) && in->lots > 0 && in->lots <= c->reducible;
    if (HP_UNLIKELY(g->lease.is_required && c->now >= g->lease.until_ns && !c->reduces))
        return hp_verdict_set(c->v, HP_VERDICT_LIMIT_LEASE, (int64_t)(c->now - g->lease.until_ns), 0) != 0;
    if (hp_gate_words(c)) return 1;
    if (HP_UNLIKELY(g->quota.now.mode < HP_QUOTA_BUSY) && hp_gate_governed(c, c->reduces ? HP_RANK_REDUCE : HP_RANK_PLACE)) return 1;
    if (HP_UNLIKELY(c->i->status != HP_STATUS_TRADING && !(c->i->status == HP_STATUS_CLOSE_ONLY && c->reduces)))
        return hp_verdict_set(c->v, HP_VERDICT_INSTRUMENT_STATUS, c->i->status, HP_STATUS_TRADING) != 0;
    if (HP_UNLIKELY(c->limits->window_count != 0) && 
        hp_pulse_is_closed(&c->g->pulses[c->i->id], c->limits, c->now + g->utc_less_mono_ns))
        return hp_finds(c, HP_VERDICT_SESSION_CLOSED, 0, 0);
    return 0;
}

#endif
