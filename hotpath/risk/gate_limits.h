/* gate_limits.h - may we hold and do this much?  Position truth, self-trade, four dimensions, budgets.
 *
 * Owns:    the checks from REDUCE_ONLY to RATE_BUCKET.  The four scopes of an order are looked at in
 *          one pass without branches; only when one of them says no, a second pass finds the first
 *          check, in the order of the verdicts, that refuses.  Both use the comparisons of scope.h.
 * Refuses: the figures (figures.h). */
#ifndef HP_RISK_GATE_LIMITS_H
#define HP_RISK_GATE_LIMITS_H

#include "hotpath/risk/case.h"
#include "hotpath/risk/reservation.h"

/* What is held is known: nothing closes more of it than there is.  1 = refused. */
static inline int hp_gate_truth(hp_case_t *c)
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
static inline int hp_gate_self_trade(hp_case_t *c)
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

static inline int hp_gate_lots(hp_case_t *c)
{
    const hp_intent_t *in = c->in;
    const hp_instrument_limits_t *l = c->limits;
    if (HP_UNLIKELY(in->lots > l->order_lots_max) && hp_finds(c, HP_VERDICT_ORDER_LIMIT, in->lots, l->order_lots_max)) return 1;
    if (!c->reduces) {
        const hp_lane_position_t *p = c->position;
        int64_t held, worst, working = c->is_buy ? c->exposure->working_buy_lots : c->exposure->working_sell_lots;
        int is_wide = __builtin_add_overflow(p->lots[0], p->lots[1], &held) | __builtin_add_overflow(held, p->lots[2], &held) |
                      __builtin_add_overflow(working, in->lots, &working) |
                      (c->is_buy ? __builtin_add_overflow(working, held, &worst) : __builtin_sub_overflow(working, held, &worst));
        if (HP_UNLIKELY(is_wide)) return hp_verdict_set(c->v, HP_VERDICT_OVERFLOW, in->price_ticks, in->lots) != 0;
        if (HP_UNLIKELY(worst > l->position_lots_max) &&
            hp_finds(c, HP_VERDICT_POSITION_LIMIT, worst, l->position_lots_max))
            return 1;
    }
    if (HP_UNLIKELY(c->exposure->open_orders >= l->open_orders_max) &&
        hp_finds_soft(c, HP_VERDICT_OPEN_ORDERS, c->exposure->open_orders, l->open_orders_max))
        return 1;
    if (HP_UNLIKELY(c->i->open_orders_max != 0 && c->exposure->open_orders >= c->i->open_orders_max)) /* the venue's */
        return hp_verdict_set(c->v, HP_VERDICT_OPEN_ORDERS, c->exposure->open_orders, c->i->open_orders_max) != 0;
    return 0;
}

/* One check of one scope, by its verdict.  1 = refused. */
static inline int hp_scope_check(hp_case_t *c, const hp_scope_t *s, uint32_t code)
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

/* Name the scope that refused: account, venue, strategy, instrument. */
static inline void hp_gate_whose(hp_case_t *c, uint32_t n)
{
    const uint32_t ids[4] = { c->in->account, c->i->venue, c->in->strategy, c->i->id };
    c->v->dimension = n + HP_DIMENSION_ACCOUNT;
    c->v->scope = ids[n];
}

/* Walk the checks from `first` to `last`, each over the four scopes.  1 = refused. */
__attribute__((noinline, cold, unused))
static int hp_scopes_walk(hp_case_t *c, hp_scope_t *const scopes[4], uint32_t first, uint32_t last)
{
    for (uint32_t code = first; code <= last; code++)
        for (uint32_t n = 0; n < 4; n++)
            if (hp_scope_check(c, scopes[n], code)) {
                hp_gate_whose(c, n);
                return 1;
            }
    return 0;
}

/* Find the first check that refuses.  A scope that spoke and whose checks say nothing is a fault of our
 * figures: BLOCKED. */
__attribute__((noinline, cold, unused))
static int hp_scopes_find(hp_case_t *c, hp_scope_t *const scopes[4], int speaks)
{
    uint64_t frozen_ns = c->g->pulses[c->i->id].frozen_until_ns;
    if (speaks && hp_scopes_walk(c, scopes, HP_VERDICT_ORDER_LIMIT, HP_VERDICT_COOL_DOWN)) return 1;
    if (c->now < frozen_ns &&
        hp_finds_soft(c, HP_VERDICT_FAST_MARKET, (int64_t)(frozen_ns - c->now), scopes[3]->limit.fast_move_bps_max)) {
        c->v->retry_ns = frozen_ns;
        return 1;
    }
    if (speaks && hp_scopes_walk(c, scopes, HP_VERDICT_ORDER_TO_TRADE, HP_VERDICT_CANCEL_RATE)) return 1;
    if (HP_LIKELY(c->noted != 0)) return 0;
    hp_verdict_set(c->v, HP_BLOCKED, c->in->kind, 0);
    return 1;
}

/* Say which scope waits longest for its tokens, and until when. */
__attribute__((noinline, cold, unused))
static int hp_gate_no_token(hp_case_t *c, hp_scope_t *const scopes[4], const uint64_t next[4], uint64_t keeps)
{
    uint64_t wait = 0;
    for (uint32_t n = 0; n < 4; n++) {
        const hp_bucket_t *b = &scopes[n]->bucket;
        uint64_t until = hp_bucket_until(b, next[n], b->reserve_ns & keeps);
        if (hp_bucket_has(b, next[n], b->reserve_ns & keeps, c->now) || until <= wait) continue;
        wait = until;
        hp_gate_whose(c, n);
    }
    c->v->retry_ns = wait;
    hp_verdict_set(c->v, HP_VERDICT_RATE_BUCKET, (int64_t)(wait - c->now), 0);
    return 1;
}

/* Limits and tokens of the four scopes, and the money.  Tokens are taken from all, or from none.
 * 1 = refused. */
__attribute__((noinline, unused))
static int hp_gate_scoped(hp_case_t *c)
{
    hp_scope_t *scopes[4];
    uint64_t next[4], now = c->now, count = c->g->rule.weights & 0xffff, keeps = c->reduces ? 0 : UINT64_MAX;
    int64_t notional = c->notional;
    int is_buy = c->is_buy, speaks = now < c->g->pulses[c->i->id].frozen_until_ns ? 2 : 0, has = 1;
    hp_gate_scopes(c->g, c->i, c->in->account, c->in->strategy, scopes);
    _Pragma("GCC unroll 4")
    for (uint32_t n = 0; n < 4; n++) {
        hp_scope_t *s = scopes[n];
        if (HP_UNLIKELY(now >= s->ready_until_ns)) hp_scope_ready(s, now);
        hp_scope_check_made(s);
        speaks |= hp_scope_speaks(s, is_buy, notional, now);
        next[n] = hp_bucket_next(&s->bucket, count, now);
        has &= hp_bucket_has(&s->bucket, next[n], s->bucket.reserve_ns & keeps, now);
    }
    if (HP_UNLIKELY(speaks != 0)) {
        c->noted = 0;
        if (hp_scopes_find(c, scopes, speaks & 1)) return 1;
    }
    if (HP_UNLIKELY(!has)) return hp_gate_no_token(c, scopes, next, keeps);
    if (c->g->funds != NULL && HP_UNLIKELY(!hp_reserve_allows(c->g->funds, c->i, c->in, c->g->target, c->v))) return 1;
    _Pragma("GCC unroll 4")
    for (uint32_t n = 0; n < 4; n++) hp_bucket_put(&scopes[n]->bucket, next[n]);
    return 0;
}

/* Tokens of a cancel, from the reserve too; a word that permits it asks for none.  1 = refused. */
static inline int hp_gate_cancel_tokens(hp_case_t *c)
{
    hp_scope_t *scopes[4];
    uint64_t next[4], count = c->g->rule.weights >> 16;
    int has = 1;
    hp_gate_scopes(c->g, c->i, c->in->account, c->in->strategy, scopes);
    for (uint32_t n = 0; n < 4; n++) {
        next[n] = hp_bucket_next(&scopes[n]->bucket, count, c->now);
        has &= hp_bucket_has(&scopes[n]->bucket, next[n], 0, c->now);
    }
    if (HP_UNLIKELY(!has && c->g->words == 0)) return hp_gate_no_token(c, scopes, next, 0);
    for (uint32_t n = 0; n < 4; n++) hp_bucket_put(&scopes[n]->bucket, next[n]);
    return 0;
}

#endif
