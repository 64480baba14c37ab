/* figures.h - what keeps the gate's figures true: one plain function for each thing that happens.
 *
 * Owns:    the gate's state: scopes, holdings, the index of our own orders, pulses; the hooks that the
 *          lane calls when an order is placed, moves, is filled, cancelled or refused, when a price
 *          moves, when a limit changes and when a day begins.
 * Refuses: judging (gate.h), reading clocks or books (arguments), remembering anything that is not a
 *          function of the lane's journaled inputs.
 *
 * The positions of a lane are kept by instrument, so they belong to one account: the instrument's. */
#ifndef HP_RISK_FIGURES_H
#define HP_RISK_FIGURES_H

#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "instrument.h"
#include "intent.h"
#include "limit.h"
#include "order.h"
#include "page.h"
#include "rule.h"
#include "verdict.h"
#include "hotpath/order/position.h"
#include "hotpath/order/state.h"
#include "hotpath/risk/governor.h"
#include "hotpath/risk/own.h"
#include "hotpath/risk/pulse.h"
#include "hotpath/risk/scope.h"

#define HP_STRATEGIES_MAX 16u
#define HP_GATE_ACCOUNTS 32u
#define HP_GATE_VENUES 8u

/* What works at the venue (or may work: PENDING, SENT, UNKNOWN) for one instrument. */
typedef struct hp_exposure {
    int64_t  working_buy_lots;
    int64_t  working_sell_lots;
    uint32_t open_orders;
    uint32_t account;              /* whose positions these are: of the last order or fill */
    int64_t  closing_lots[3];      /* working, against the leg of a hedged position side */
} hp_exposure_t;

/* A position and what it is worth at the last mid, as it stands in the sums of its scopes. */
typedef struct hp_holding {
    int64_t   lots;                /* of a strategy */
    hp_wide_t cash_e8;             /* of a strategy: notionals sold less notionals bought */
    int64_t   fees_e8;             /* of a strategy */
    int64_t   position_e8;
    int64_t   gross_e8;
    hp_wide_t pnl_e8;
    int64_t   half_ticks;          /* bid + ask at which it is valued */
    uint32_t  account;             /* in whose sums it stands */
} hp_holding_t;

typedef struct hp_gate {
    uint32_t words;                /* OR of the control words, sampled once a turn */
    uint32_t is_armed;
    hp_time_record_t clock;        /* the time authority's word, sampled once a turn */
    hp_gate_rule_t rule;
    hp_limit_lease_t lease;        /* the authority's, sampled once a turn */
    hp_leader_lease_t leader;      /* likewise */
    uint64_t utc_less_mono_ns;     /* of the last pair of clocks */
    uint64_t clock_sure_ns;        /* until when the clock is near enough to UTC; from clock and rule */
    uint64_t day;                  /* days since 1970 by the same; 0 = not yet known */
    hp_governor_t quota;           /* what the venue lets us ask; its mode is the first word */
    hp_scope_t nobody;             /* of orders that no strategy of this lane owns */
    hp_scope_t accounts[HP_GATE_ACCOUNTS];
    hp_scope_t venues[HP_GATE_VENUES];
    hp_scope_t strategies[HP_STRATEGIES_MAX];
    hp_scope_t instruments[HP_LANE_INSTRUMENTS_MAX];
    hp_pulse_t pulses[HP_LANE_INSTRUMENTS_MAX];
    hp_holding_t whole[HP_LANE_INSTRUMENTS_MAX];
    hp_holding_t parts[HP_LANE_INSTRUMENTS_MAX][HP_STRATEGIES_MAX];
    uint8_t is_parted[HP_LANE_INSTRUMENTS_MAX]; /* strategies have traded it: their parts may differ from the whole */
    uint32_t told_accounts;        /* bits: a limit was put to them */
    uint32_t told_venues;
    uint32_t is_opened;            /* this life's first opening is behind it */
    hp_own_t own;
    hp_lane_funds_t *funds;        /* by asset; NULL: there is no account whose money could be held */
    const hp_order_t *target;      /* of the REPLACE that is judged; NULL = none */
} hp_gate_t;

/* A gate without limits in any dimension: what an instrument may do is still to be said. */
static inline void hp_gate_init(hp_gate_t *g)
{
    hp_limit_t open;
    hp_limit_open(&open, HP_DIMENSION_NONE, 0);
    hp_gate_rule_open(&g->rule);
    hp_governor_init(&g->quota);
    hp_scope_set(&g->nobody, &open, 0);
    for (uint32_t n = 0; n < HP_GATE_ACCOUNTS; n++) hp_scope_set(&g->accounts[n], &open, 0);
    for (uint32_t n = 0; n < HP_GATE_VENUES; n++) hp_scope_set(&g->venues[n], &open, 0);
    for (uint32_t n = 0; n < HP_STRATEGIES_MAX; n++) hp_scope_set(&g->strategies[n], &open, 0);
    for (uint32_t n = 0; n < HP_LANE_INSTRUMENTS_MAX; n++) {
        hp_scope_set(&g->instruments[n], &open, 0);
        hp_pulse_trips(&g->pulses[n], &open);
        g->pulses[n].band_high_ticks = g->pulses[n].fence_e8 = INT64_MAX;
        g->pulses[n].size_lots_max = g->pulses[n].volume_lots_max = INT64_MAX;
        g->pulses[n].nearest_e8 = g->pulses[n].lots_max = INT64_MAX;
    }
}

static inline hp_scope_t *hp_gate_scope(hp_gate_t *g, uint32_t dimension, uint32_t id)
{
    switch (dimension) {
    case HP_DIMENSION_ACCOUNT: return id < HP_GATE_ACCOUNTS ? &g->accounts[id] : NULL;
    case HP_DIMENSION_VENUE: return id < HP_GATE_VENUES ? &g->venues[id] : NULL;
    case HP_DIMENSION_STRATEGY: return id < HP_STRATEGIES_MAX ? &g->strategies[id] : NULL;
    case HP_DIMENSION_INSTRUMENT: return id < HP_LANE_INSTRUMENTS_MAX ? &g->instruments[id] : NULL;
    default: return NULL;
    }
}

/* Believe this record of the clock; until when is it near enough? */
static inline void hp_gate_put_clock(hp_gate_t *g, const hp_time_record_t *clock)
{
    g->clock = *clock;
    g->clock_sure_ns = 0;
    uint64_t off = hp_time_divergence(clock, clock->taken_ns), most = g->rule.clock_ns_max;
    if (off > most) return;
    hp_uwide_t left = (hp_uwide_t)(most - off) * 1000000000 / (clock->growth_ppb != 0 ? clock->growth_ppb : 1);
    hp_uwide_t until = clock->taken_ns + left;
    g->clock_sure_ns = until < clock->valid_until_ns ? (uint64_t)until : clock->valid_until_ns - 1;
}

/* The four scopes that an order falls into. */
static inline void hp_gate_scopes(hp_gate_t *g, const hp_instrument_t *i, uint32_t account, uint32_t strategy,
                                  hp_scope_t *scopes[4])
{
    HP_DEBUG_ASSERT(account < HP_GATE_ACCOUNTS && i->id < HP_LANE_INSTRUMENTS_MAX && i->venue < HP_GATE_VENUES);
    scopes[0] = &g->accounts[account & (HP_GATE_ACCOUNTS - 1)];
    scopes[1] = &g->venues[i->venue & (HP_GATE_VENUES - 1)];
    scopes[2] = strategy < HP_STRATEGIES_MAX ? &g->strategies[strategy] : &g->nobody;
    scopes[3] = &g->instruments[i->id & (HP_LANE_INSTRUMENTS_MAX - 1)];
}

/* Make the four scopes of an order ready for the next one: after it has been sent. */
static inline void hp_gate_settle(hp_gate_t *g, const hp_instrument_t *i, uint32_t account, uint32_t strategy, uint64_t now)
{
    hp_scope_t *scopes[4];
    hp_gate_scopes(g, i, account, strategy, scopes);
    for (int n = 0; n < 4; n++)
        if (scopes[n]->ready_until_ns == 0) hp_scope_ready(scopes[n], now);
}

/* Hold a limit from now on.  0 = no such scope. */
static inline int hp_gate_put_limit(hp_gate_t *g, const hp_limit_t *l, uint64_t now)
{
    hp_scope_t *s = hp_gate_scope(g, l->dimension, l->id);
    if (s == NULL) return 0;
    hp_scope_set(s, l, now);
    if (l->dimension == HP_DIMENSION_ACCOUNT) g->told_accounts |= 1u << l->id;
    if (l->dimension == HP_DIMENSION_VENUE) g->told_venues |= 1u << l->id;
    if (l->dimension == HP_DIMENSION_INSTRUMENT) hp_pulse_trips(&g->pulses[l->id], l);
    return 1;
}

/* A verdict about a scope was given: who wants a larger share of what is dealt out? */
static inline void hp_gate_refused_share(hp_gate_t *g, const hp_verdict_t *v)
{
    int is_share = v->verdict == HP_VERDICT_OPEN_ORDERS || v->verdict == HP_VERDICT_GROSS_NOTIONAL ||
                   v->verdict == HP_VERDICT_NET_NOTIONAL;
    hp_scope_t *s = is_share ? hp_gate_scope(g, v->dimension, v->scope) : NULL;
    if (s != NULL) s->refused++;
}

/* -- orders ---------------------------------------------------------------------------------------- */

/* Worst case of what an order may still do, 1e-8; what has no notional counts as all there is. */
static inline int64_t hp_gate_rest_e8(const hp_instrument_t *i, int64_t price_ticks, int64_t rest)
{
    int64_t notional = rest > 0 ? hp_instrument_notional(i, price_ticks, rest, HP_ROUND_UP) : 0;
    return notional < 0 ? INT64_MAX : notional; /* HP_MONEY_BAD too */
}

/* What an order exposes.  The worse of both versions while it changes; of one that has ended, the fills that
 * nobody has booked yet. */
typedef struct hp_footprint {
    int64_t lots;
    int64_t notional_e8;           /* never below 0 */
    int     open;                  /* 1: it works */
} hp_footprint_t;

static const hp_footprint_t hp_no_footprint = { 0, 0, 0 };

static inline hp_footprint_t hp_gate_footprint(const hp_instrument_t *i, const hp_order_t *o)
{
    hp_footprint_t f = { hp_order_exposed_lots(o), hp_gate_rest_e8(i, o->price_ticks, hp_order_rest_lots(o, o->lots)),
                         hp_order_is_working(o->state) };
    if (HP_UNLIKELY(hp_order_is_changing(o)))
        f.notional_e8 = hp_limit_most(f.notional_e8, hp_gate_rest_e8(i, o->asked_ticks, hp_order_rest_lots(o, o->asked_lots)));
    return f;
}

/* An order exposes something else than before.  Most that is said of an order changes none of it. */
static inline void hp_gate_tread(hp_gate_t *g, const hp_instrument_t *i, hp_exposure_t *e, const hp_order_t *o,
                                 const hp_footprint_t *from, const hp_footprint_t *to)
{
    hp_scope_t *scopes[4];
    int64_t lots = to->lots - from->lots, more_e8 = to->notional_e8 - from->notional_e8;
    int is_buy = o->side == HP_SIDE_BUY, open = to->open - from->open;
    e->account = o->account;
    if (HP_LIKELY((lots | more_e8 | open) == 0)) return;
    if (is_buy) e->working_buy_lots += lots;
    else e->working_sell_lots += lots;
    e->open_orders += (uint32_t)open;
    if (o->position_side != HP_POSITION_BOTH && (o->position_side == HP_POSITION_SHORT) == is_buy)
        e->closing_lots[o->position_side] += lots;
    HP_DEBUG_ASSERT(e->working_buy_lots >= 0 && e->working_sell_lots >= 0);
    hp_gate_scopes(g, i, o->account, o->strategy, scopes);
    for (int n = 0; n < 4; n++) hp_scope_expose(scopes[n], is_buy, more_e8, open);
}

/* Add (sign 1) or remove (sign -1) what an order exposes: the same record both times. */
static inline void hp_gate_expose(hp_gate_t *g, const hp_instrument_t *i, hp_exposure_t *e, const hp_order_t *o, int sign)
{
    hp_footprint_t f = hp_gate_footprint(i, o);
    hp_gate_tread(g, i, e, o, sign > 0 ? &hp_no_footprint : &f, sign > 0 ? &f : &hp_no_footprint);
}

/* An order leaves for the venue. */
static inline void hp_gate_placed(hp_gate_t *g, const hp_instrument_t *i, const hp_instrument_limits_t *l,
                                  const hp_order_t *o, uint64_t now)
{
    hp_scope_t *scopes[4];
    hp_gate_scopes(g, i, o->account, o->strategy, scopes);
    for (int n = 0; n < 4; n++) hp_scope_count(scopes[n], scopes[n]->orders, now);
    hp_pulse_placed(&g->pulses[i->id], l, o->lots);
}

static inline void hp_gate_cancelled(hp_gate_t *g, const hp_instrument_t *i, const hp_order_t *o, uint64_t now)
{
    hp_scope_t *scopes[4];
    hp_gate_scopes(g, i, o->account, o->strategy, scopes);
    for (int n = 0; n < 4; n++) hp_scope_count(scopes[n], scopes[n]->cancels, now);
}

/* The venue refused an order; in a row that starts a cool-down.  A post-only order that would have
 * taken is no failure. */
static inline void hp_gate_refused(hp_gate_t *g, const hp_instrument_t *i, const hp_order_t *o, uint64_t now)
{
    hp_scope_t *scopes[4];
    if (o->error == HP_ERROR_POST_ONLY) return;
    hp_gate_scopes(g, i, o->account, o->strategy, scopes);
    for (int n = 0; n < 4; n++) {
        hp_scope_t *s = scopes[n];
        s->failures++;
        s->ready_until_ns = 0;
        if (!hp_over_failures(s) || s->limit.cool_down_ns == 0 || s->limit.failures_max == 0) continue;
        s->failures = 0;
        s->cool_until_ns = now + (uint64_t)s->limit.cool_down_ns;
    }
}

static inline void hp_gate_accepted(hp_gate_t *g, const hp_instrument_t *i, const hp_order_t *o)
{
    hp_scope_t *scopes[4];
    hp_gate_scopes(g, i, o->account, o->strategy, scopes);
    for (int n = 0; n < 4; n++) {
        if (HP_LIKELY(scopes[n]->failures == 0)) continue;
        scopes[n]->failures = 0;
        scopes[n]->ready_until_ns = 0;
    }
}

/* -- positions ------------------------------------------------------------------------------------- */

/* Signed worth of lots at the last mid; rounded away from zero.  Without a mid: at cost. */
static inline int64_t hp_gate_worth(const hp_instrument_t *i, int64_t half_ticks, int64_t lots, int64_t cost_e8)
{
    if (lots == 0) return 0;
    if (half_ticks <= 0) return cost_e8;
    int64_t worth = hp_instrument_worth(i, half_ticks, hp_limit_most(lots, -lots), HP_ROUND_UP);
    if (HP_UNLIKELY(worth == HP_MONEY_BAD)) worth = INT64_MAX;
    return lots < 0 ? -worth : worth;
}

static inline void hp_scope_revalue(hp_scope_t *s, int64_t position_e8, int64_t gross_e8, hp_wide_t pnl_e8)
{
    s->position_e8 += position_e8;
    s->gross_e8 += gross_e8;
    s->pnl_e8 += pnl_e8;
    hp_scope_judge(s);
}

/* Value an instrument's position anew, in all the sums that hold it. */
static inline void hp_gate_revalue(hp_gate_t *g, const hp_instrument_t *i, const hp_exposure_t *e,
                                   const hp_lane_position_t *p, uint32_t strategies)
{
    int64_t half_ticks = g->pulses[i->id].half_ticks;
    hp_holding_t *w = &g->whole[i->id], now;
    memset(&now, 0, sizeof now);
    now.account = e->account;
    now.half_ticks = half_ticks;
    if (HP_UNLIKELY(w->account != now.account)) { /* the positions are another account's now */
        hp_scope_revalue(&g->accounts[w->account], -w->position_e8, -w->gross_e8, -w->pnl_e8);
        hp_scope_revalue(&g->accounts[now.account], w->position_e8, w->gross_e8, w->pnl_e8);
    }
    hp_scope_t *scopes[4];
    for (uint32_t side = 0; side < HP_POSITION_SIDE_COUNT; side++) {
        int64_t worth = hp_gate_worth(i, half_ticks, p->lots[side], p->cost_e8[side]);
        now.position_e8 = hp_held((hp_wide_t)now.position_e8 + worth);
        now.gross_e8 = hp_held((hp_wide_t)now.gross_e8 + hp_limit_most(worth, -worth));
        now.pnl_e8 += hp_instrument_gain(i, worth, p->cost_e8[side]);
    }
    now.pnl_e8 += (hp_wide_t)p->realised_e8 - p->fees_e8;
    hp_gate_scopes(g, i, e->account, HP_STRATEGIES_MAX, scopes);
    for (int n = 0; n < 4; n++)
        if (n != 2) hp_scope_revalue(scopes[n], now.position_e8 - w->position_e8, now.gross_e8 - w->gross_e8, now.pnl_e8 - w->pnl_e8);
    *w = now;
    for (uint32_t n = 0; n < strategies && n < HP_STRATEGIES_MAX; n++) {
        hp_holding_t *part = &g->parts[i->id][n];
        int64_t worth = hp_gate_worth(i, half_ticks, part->lots, hp_held(-part->cash_e8));
        int64_t gross = hp_limit_most(worth, -worth);
        hp_wide_t pnl = hp_instrument_gain(i, worth, -part->cash_e8) - part->fees_e8;
        if (HP_LIKELY(worth == part->position_e8 && pnl == part->pnl_e8)) continue;
        hp_scope_revalue(&g->strategies[n], worth - part->position_e8, gross - part->gross_e8, pnl - part->pnl_e8);
        part->position_e8 = worth;
        part->gross_e8 = gross;
        part->pnl_e8 = pnl;
    }
}

/* The same where the mid has moved and something is held: asked in every sweep. */
static inline void hp_gate_follow(hp_gate_t *g, const hp_instrument_t *i, const hp_exposure_t *e,
                                  const hp_lane_position_t *p, uint32_t strategies)
{
    const hp_holding_t *w = &g->whole[i->id];
    if (HP_LIKELY(w->gross_e8 == 0 && !g->is_parted[i->id]) || w->half_ticks == g->pulses[i->id].half_ticks) return;
    hp_gate_revalue(g, i, e, p, strategies);
}

/* A fill was booked into `p`.  `o` is NULL when the order is not ours: the account's all the same. */
static inline void hp_gate_filled(hp_gate_t *g, const hp_instrument_t *i, hp_exposure_t *e, const hp_lane_position_t *p,
                                  const hp_order_t *o, const hp_report_t *r, uint32_t strategies, uint64_t now)
{
    if (o != NULL) {
        hp_scope_t *scopes[4];
        e->account = o->account;
        hp_gate_scopes(g, i, o->account, o->strategy, scopes);
        for (int n = 0; n < 4 && o->filled_lots <= r->last_lots; n++) /* its first fill */
            hp_scope_count(scopes[n], scopes[n]->traded, now);
        if (o->strategy < HP_STRATEGIES_MAX) {
            hp_holding_t *part = &g->parts[i->id][o->strategy];
            g->is_parted[i->id] = 1;
            int is_buy = o->side == HP_SIDE_BUY;
            int64_t notional = hp_instrument_notional(i, r->last_ticks, r->last_lots, hp_instrument_rounding(i, is_buy));
            part->lots += is_buy ? r->last_lots : -r->last_lots;
            part->cash_e8 += is_buy ? -(hp_wide_t)notional : notional;
            part->fees_e8 = hp_held((hp_wide_t)part->fees_e8 + hp_position_fee(i, r->asset, r->fee_e8));
        }
    }
    hp_gate_revalue(g, i, e, p, strategies);
}

/* Every scope that there is. */
#define HP_EACH_SCOPE(g, s) \
    for (uint32_t s##_d = HP_DIMENSION_ACCOUNT; s##_d < HP_DIMENSION_COUNT; s##_d++) \
        for (uint32_t s##_n = 0; (s = hp_gate_scope(g, s##_d, s##_n)) != NULL; s##_n++)

/* The lane's opening is taken: what former lives made is no loss of this one's day.  The authority
 * knows that, and says it as base_pnl_e8. */
static inline void hp_gate_opened(hp_gate_t *g)
{
    hp_scope_t *s;
    if (g->is_opened) return;
    g->is_opened = 1;
    HP_EACH_SCOPE(g, s)
    {
        s->day_pnl_e8 = s->pnl_e8;
        s->peak_e8 = 0;
        hp_scope_judge(s);
    }
}

/* A UTC day begins: losses are counted from here. */
static inline void hp_gate_new_day(hp_gate_t *g, uint64_t day)
{
    hp_scope_t *s;
    if (HP_LIKELY(day == g->day)) return;
    g->day = day;
    HP_EACH_SCOPE(g, s)
    {
        s->day_pnl_e8 = s->pnl_e8;
        hp_scope_judge(s);
    }
}

#endif
