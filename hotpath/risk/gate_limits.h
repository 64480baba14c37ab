/* gate_limits.h - may we hold and do this much?  Position truth, self-trade, four dimensions, budgets.
 *
 * Owns:    the checks from REDUCE_ONLY to RATE_BUCKET.  The four scopes of an order are looked at in
 *          one pass without branches; only when one of them says no, a second pass finds the first
 *          check, in the order of the verdicts, that refuses.  Both use the comparisons of scope.h.
 * Refuses: the figures (figures.h). */
#ifndef HP_RISK_GATE_LIMITS_H
#define HP_RISK_GATE_LIMITS_H

#include "hotpath/risk/case.h"

/* What is held is known: nothing closes more of it than there is.  1 = refused. */
static inline int hp_gate_truth(const hp_case_t *c)
{
    const hp_intent_t *in = c->in;
    if (HP_UNLIKELY(in->reduce_only && !c->reduces)) return hp_verdict_set(c->v, HP_VERDICT_REDUCE_ONLY, in->lots, c->reducible) != 0;
    if (HP_LIKELY(in->position_side == HP_POSITION_BOTH)) return 0;
    if ((in->position_side == HP_POSITION_SHORT) != c->is_buy) return 0; /* it opens */
    hp_wide_t closing = (hp_wide_t)c->exposure->closing_lots[in->position_side] + in->lots;
    return HP_UNLIKELY(closing > c->reducible) &&
           hp_verdict_set(c->v, HP_VERDICT_POSITION_TRUTH, hp_held(closing), c->reducible) != 0;
}

/* Would it trade with one of ours?  The cost is that of one look, however many rest. */
static inline int hp_gate_self_trade(const hp_case_t *c)
{
    const hp_intent_t *in = c->in;
    const hp_order_t *rests = hp_own_facing(&c->g->own, in->account, in->instrument, in->side);
    if (HP_LIKELY(rests == NULL || !hp_own_meets(in->side, in->type, in->price_ticks, rests))) return 0;
    uint32_t policy = c->g->rule.self_trade;
    if (policy == HP_SELF_TRADE_WARN && in->self_trade_mode != HP_STP_DEFAULT) {
        c->v->warnings |= 1ull << HP_VERDICT_SELF_TRADE;
        return 0;
    }
    hp_verdict_set(c->v, HP_VERDICT_SELF_TRADE, in->price_ticks, rests->price_ticks);
    if (policy == HP_SELF_TRADE_OLDEST ||
        (policy == HP_SELF_TRADE_SMALLEST && rests->lots - rests->filled_lots < in->lots))
        c->v->retry_ns = c->now + c->g->rule.throttle_ns;
    return 1;
}

static inline int hp_gate_lots(const hp_case_t *c)
{
    const hp_intent_t *in = c->in;
    const hp_instrument_limits_t *l = c->limits;
    if (HP_UNLIKELY(in->lots > l->order_lots_max) && hp_finds(c, HP_VERDICT_ORDER_LIMIT, in->lots, l->order_lots_max)) return 1;
    if (!c->reduces) {
        const hp_lane_position_t *p = c->position;
        hp_wide_t held = (hp_wide_t)p->lots[0] + p->lots[1] + p->lots[2];
        hp_wide_t worst = c->is_buy ? held + c->exposure->working_buy_lots + in->lots
                                    : -(held - c->exposure->working_sell_lots - in->lots);
        if (HP_UNLIKELY(worst > l->position_lots_max) &&
            hp_finds(c, HP_VERDICT_POSITION_LIMIT, hp_held(worst), l->position_lots_max))
            return 1;
    }
    if (HP_UNLIKELY(c->exposure->open_orders >= l->open_orders_max) &&
        hp_finds_soft(c, HP_VERDICT_OPEN_ORDERS, c->exposure->open_orders, l->open_orders_max))
        return 1;
    if (HP_UNLIKELY(c->i->open_orders_max != 0 && c->exposure->open_orders >= c->i->open_orders_max)) /* the venue's */
        return hp_verdict_set(c->v, HP_VERDICT_OPEN_ORDERS, c->exposure->open_orders, c->i->open_orders_max) != 0;
    return 0;
}

/* Does any limit of this scope speak against it? */
static inline int hp_scope_speaks(const hp_scope_t *s, int is_buy, int64_t n, uint64_t now)
{
    return hp_over_order(s, n) | hp_over_open(s) | hp_over_gross(s, n) | hp_over_net(s, is_buy, n) | hp_over_leverage(s, n) |
           hp_over_loss(s) | hp_over_drawdown(s) | hp_over_failures(s) | hp_over_cool_down(s, now) |
           hp_over_order_to_trade(s) | hp_over_cancel_rate(s);
}

/* One check of one scope, by its verdict.  1 = refused. */
static inline int hp_scope_check(const hp_case_t *c, const hp_scope_t *s, uint32_t code)
{
    const hp_limit_t *l = &s->limit;
    int64_t n = c->notional;
    switch (code) {
    case HP_VERDICT_ORDER_LIMIT: return hp_over_order(s, n) && hp_finds_soft(c, code, n, l->order_notional_e8_max);
    case HP_VERDICT_OPEN_ORDERS: return hp_over_open(s) && hp_finds_soft(c, code, s->open_orders, l->open_orders_max);
    case HP_VERDICT_GROSS_NOTIONAL:
        return hp_over_gross(s, n) && hp_finds_soft(c, code, hp_held(hp_scope_gross(s, n)), l->gross_notional_e8_max);
    case HP_VERDICT_NET_NOTIONAL:
        return hp_over_net(s, c->is_buy, n) && hp_finds_soft(c, code, hp_held(hp_scope_net(s, c->is_buy, n)), l->net_notional_e8_max);
    case HP_VERDICT_LEVERAGE:
        return hp_over_leverage(s, n) && hp_finds_soft(c, code, hp_held(hp_scope_gross(s, n)), hp_held(s->leverage_gross_e8));
    case HP_VERDICT_DAILY_LOSS: return hp_over_loss(s) && hp_finds_soft(c, code, s->loss_e8, l->daily_loss_e8_max);
    case HP_VERDICT_DRAWDOWN: return hp_over_drawdown(s) && hp_finds_soft(c, code, s->drawdown_bps, l->drawdown_bps_max);
    case HP_VERDICT_FAILURES: return hp_over_failures(s) && hp_finds_soft(c, code, s->failures, l->failures_max);
    case HP_VERDICT_COOL_DOWN:
        if (!hp_over_cool_down(s, c->now) || !hp_finds_soft(c, code, (int64_t)(s->cool_until_ns - c->now), 0)) return 0;
        c->v->retry_ns = s->cool_until_ns;
        return 1;
    case HP_VERDICT_ORDER_TO_TRADE:
        if (!hp_over_order_to_trade(s) || !hp_finds_soft(c, code, hp_scope_orders(s) + 1, hp_held((hp_wide_t)l->order_to_trade_max * hp_scope_traded(s)))) return 0;
        c->v->retry_ns = s->half_end_ns;
        return 1;
    case HP_VERDICT_CANCEL_RATE:
        if (!hp_over_cancel_rate(s) || !hp_finds_soft(c, code, hp_scope_cancels(s), hp_held((hp_wide_t)l->cancel_rate_bps_max * hp_scope_orders(s) / 10000))) return 0;
        c->v->retry_ns = s->half_end_ns;
        return 1;
    default: return 0;
    }
}

/* Walk the checks from `first` to `last`, each over the four scopes.  1 = refused. */
__attribute__((noinline, cold, unused))
static int hp_scopes_walk(const hp_case_t *c, hp_scope_t *const scopes[4], uint32_t first, uint32_t last)
{
    for (uint32_t code = first; code <= last; code++)
        for (uint32_t n = 0; n < 4; n++)
            if (hp_scope_check(c, scopes[n], code)) {
                c->v->dimension = n + HP_DIMENSION_ACCOUNT;
                c->v->scope = n == 0 ? c->in->account : n == 1 ? c->i->venue : n == 2 ? c->in->strategy : c->i->id;
                return 1;
            }
    return 0;
}

static inline int hp_gate_scoped(const hp_case_t *c, hp_scope_t *const scopes[4])
{
    int speaks = 0;
    uint64_t frozen_ns = c->g->pulses[c->i->id].frozen_until_ns;
    int is_fast = c->now < frozen_ns;
    for (uint32_t n = 0; n < 4; n++) {
        hp_scope_at(scopes[n], c->now);
        speaks |= hp_scope_speaks(scopes[n], c->is_buy, c->notional, c->now);
    }
    if (HP_LIKELY((speaks | is_fast) == 0)) return 0;
    if (speaks && hp_scopes_walk(c, scopes, HP_VERDICT_ORDER_LIMIT, HP_VERDICT_COOL_DOWN)) return 1;
    if (is_fast && hp_finds_soft(c, HP_VERDICT_FAST_MARKET, (int64_t)(frozen_ns - c->now), scopes[3]->limit.fast_move_bps_max)) {
        c->v->retry_ns = frozen_ns;
        return 1;
    }
    return speaks && hp_scopes_walk(c, scopes, HP_VERDICT_ORDER_TO_TRADE, HP_VERDICT_CANCEL_RATE);
}

/* A request's tokens in all four scopes, or none is taken.  1 = refused. */
static inline int hp_gate_tokens(const hp_case_t *c, hp_scope_t *const scopes[4], uint64_t count, int may_use_reserve)
{
    uint64_t wait = 0;
    uint32_t of = 0;
    for (uint32_t n = 0; n < 4; n++) {
        uint64_t until = hp_bucket_wait(&scopes[n]->bucket, count, c->now, may_use_reserve);
        if (until > wait) { wait = until; of = n; }
    }
    if (HP_LIKELY(wait == 0)) return 0;
    hp_verdict_set(c->v, HP_VERDICT_RATE_BUCKET, (int64_t)(wait - c->now), 0);
    c->v->retry_ns = wait;
    c->v->dimension = of + HP_DIMENSION_ACCOUNT;
    c->v->scope = of == 0 ? c->in->account : of == 1 ? c->i->venue : of == 2 ? c->in->strategy : c->i->id;
    return 1;
}

static inline void hp_gate_take(hp_scope_t *const scopes[4], uint64_t count, uint64_t now)
{
    for (uint32_t n = 0; n < 4; n++) hp_bucket_take(&scopes[n]->bucket, count, now);
}

#endif
