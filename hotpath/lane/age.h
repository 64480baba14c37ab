/* age.h - how long the lane's orders may still rest: the figures behind a time to live, and the look.
 *
 * Owns:    what is kept of an order while it rests, the figures that its time depends on, signals.
 * Refuses: the formula (hotpath/order/ttl.h), cancelling (trade.h does, when the time is over).
 *
 * Queue ahead: what the strategy said, else the lots that rested at its price when it was placed, or now
 * if that is less, in usual trades.  What is not known (no trade yet, no book) shortens nothing.  All of it
 * comes from journaled inputs and from intents. */
#ifndef HP_LANE_AGE_H
#define HP_LANE_AGE_H

#include <stdint.h>
#include <string.h>

#include "hotpath/book/query.h"
#include "hotpath/lane/core.h"
#include "hotpath/lane/hand.h"
#include "hotpath/order/mark.h"
#include "hotpath/order/ttl.h"

struct hp_rest {
    uint64_t client_id;      /* whose figures these are; another one's: none are kept */
    uint64_t since_ns;       /* its time counts from here; 0 = it came from a former life */
    uint64_t most_ns;        /* bound that the strategy set; 0 = none */
    int64_t  price_ticks;    /* that the queue ahead belongs to */
    int64_t  ahead_lots;     /* at its price, when it was placed or since, whichever is less */
    uint64_t deadline_ns;    /* of its intent: a duration; 0 = the venue's default */
    int64_t  heard_ticks;    /* of a pair: price and lots there, as the market half said them last */
    int64_t  heard_lots;
    uint32_t queue;          /* orders ahead, by the strategy; 0 = by the book */
    uint8_t  self_trade_mode;
    uint8_t  cancels;        /* sent since the order was last shown to rest, or the mark became stronger */
    uint8_t  pad[2];
};

static inline struct hp_rest *hp_lane_rest(hp_lane_t *l, const hp_order_t *o)
{
    struct hp_rest *rest = &l->rests[o - l->orders.slots];
    if (HP_UNLIKELY(rest->client_id != o->client_id)) {
        memset(rest, 0, sizeof *rest);
        rest->client_id = o->client_id;
    }
    return rest;
}

/* Lots that rest at an order's price; an order half has no book and believes the other half. */
static inline int64_t hp_lane_lots_of(const hp_lane_t *l, const hp_order_t *o, const struct hp_rest *rest)
{
    if (HP_UNLIKELY(l->role == HP_ROLE_ORDER)) return rest->heard_ticks == o->price_ticks ? rest->heard_lots : 0;
    return hp_lane_lots_at(&l->instruments[o->instrument], o->side, o->price_ticks);
}

/* Distance of a price from the mid, bps, rounded down; 0 while there is no mid. */
static inline uint32_t hp_lane_distance_bps(const hp_lane_t *l, const hp_order_t *o)
{
    int64_t half = l->gate.pulses[o->instrument].half_ticks;
    if (half <= 0) return 0;
    hp_wide_t away = (hp_wide_t)o->price_ticks * 2 - half;
    if (away < 0) away = -away;
    away = away * 10000 / half;
    return away > UINT32_MAX ? UINT32_MAX : (uint32_t)away;
}

static inline int hp_lane_is_urgent(const hp_lane_t *l, uint32_t instrument)
{
    return l->instruments[instrument].signal.is_emergency || l->instruments[0].signal.is_emergency;
}

/* Time from its placing for which an order may rest, as of now. */
static inline uint64_t hp_lane_ttl_ns(hp_lane_t *l, const hp_order_t *o)
{
    hp_lane_instrument_t *i = &l->instruments[o->instrument];
    struct hp_rest *rest = hp_lane_rest(l, o);
    uint32_t all = l->instruments[0].signal.toxicity_permille, own = i->signal.toxicity_permille;
    hp_ttl_case_t c;
    memset(&c, 0, sizeof c);
    c.layer = o->layer;
    c.is_emergency = hp_lane_is_urgent(l, o->instrument) && !(o->flags & HP_ORDER_REDUCE_ONLY);
    c.trades_per_s = HP_LIKELY(l->role == HP_ROLE_FUSED) ? hp_pace_now(&i->pace, l->now_ns)
                                                         : l->pair->pictures[o->instrument].trades_per_s;
    c.queue = rest->queue != 0 ? rest->queue : hp_pace_orders(&i->pace, rest->ahead_lots);
    c.distance_bps = hp_lane_distance_bps(l, o);
    c.toxicity_permille = own > all ? own : all;
    c.volatility_e8 = l->gate.pulses[o->instrument].sigma_e8;
    uint64_t ns = hp_ttl_ns(&l->ttl, &c);
    return rest->most_ns != 0 && rest->most_ns < ns ? rest->most_ns : ns;
}

/* An order is placed, or gets another time from now on. */
static inline void hp_lane_rest_begin(hp_lane_t *l, hp_order_t *o, const hp_intent_t *in)
{
    struct hp_rest *rest = hp_lane_rest(l, o);
    memset(rest, 0, sizeof *rest);
    rest->client_id = o->client_id;
    o->layer = in->layer < HP_LAYER_COUNT ? in->layer : (uint8_t)HP_LAYER_TOUCH; /* the shortest */
    rest->since_ns = l->now_ns;
    rest->price_ticks = o->price_ticks;
    rest->queue = in->queue;
    rest->deadline_ns = in->deadline_ns;
    rest->self_trade_mode = in->self_trade_mode;
    if (o->layer == HP_LAYER_NONE) {
        o->expire_ns = in->ttl_ns != 0 ? l->now_ns + in->ttl_ns : 0;
        return;
    }
    rest->most_ns = in->ttl_ns;
    if (HP_UNLIKELY(l->role == HP_ROLE_ORDER) && l->pair->taken == in->id) {
        rest->heard_ticks = o->price_ticks;
        rest->heard_lots = l->pair->ahead_lots;
    }
    rest->ahead_lots = hp_lane_lots_of(l, o, rest);
    o->expire_ns = l->now_ns + hp_lane_ttl_ns(l, o);
}

/* Another version of the order is on its way: it is as if placed now. */
static inline void hp_lane_rest_replace(hp_lane_t *l, hp_order_t *o, uint64_t ttl_ns)
{
    struct hp_rest *rest = hp_lane_rest(l, o);
    if (o->layer == HP_LAYER_NONE) {
        if (ttl_ns != 0) o->expire_ns = l->now_ns + ttl_ns;
        return;
    }
    rest->since_ns = l->now_ns;
    if (ttl_ns != 0) rest->most_ns = ttl_ns;
    o->expire_ns = l->now_ns + hp_lane_ttl_ns(l, o);
}

/* Look at a resting order again: what has changed about its market changes its time. */
static inline void hp_lane_rest_look(hp_lane_t *l, hp_order_t *o)
{
    struct hp_rest *rest = hp_lane_rest(l, o);
    if (o->layer != HP_LAYER_NONE && rest->since_ns != 0) {
        int64_t now_lots = hp_lane_lots_of(l, o, rest);
        int is_known = l->role != HP_ROLE_ORDER || rest->heard_ticks == o->price_ticks;
        if (HP_UNLIKELY(rest->price_ticks != o->price_ticks) && is_known) { /* replaced: it stands behind all that is there */
            rest->price_ticks = o->price_ticks;
            rest->ahead_lots = now_lots;
            rest->queue = 0;
        }
        if (now_lots > 0 && now_lots < rest->ahead_lots) rest->ahead_lots = now_lots;
        uint64_t until = rest->since_ns + hp_lane_ttl_ns(l, o);
        if (until != o->expire_ns) hp_count(&l->page->flow.ttl_changes, 1);
        o->expire_ns = until;
    } else if (hp_lane_is_urgent(l, o->instrument) && !(o->flags & HP_ORDER_REDUCE_ONLY)) {
        uint64_t until = rest->since_ns + l->ttl.emergency_ms * HP_MS_NS;
        if (o->expire_ns == 0 || until < o->expire_ns) o->expire_ns = until;
    }
}

/* Why does an order whose time is over go? */
static inline uint8_t hp_lane_expiry(const hp_lane_t *l, const hp_order_t *o)
{
    int urgent = hp_lane_is_urgent(l, o->instrument) && !(o->flags & HP_ORDER_REDUCE_ONLY);
    return urgent ? HP_CANCEL_EMERGENCY : HP_CANCEL_TTL;
}

/* Is another look due in this sweep? */
static inline int hp_lane_look_due(hp_lane_t *l)
{
    if (HP_LIKELY(l->now_ns - l->looked_ns < l->ttl.sweep_ms * HP_MS_NS)) return 0;
    l->looked_ns = l->now_ns;
    return 1;
}

/* A sane trade of the market. */
static inline void hp_lane_traded(hp_lane_t *l, hp_lane_instrument_t *i)
{
    const hp_event_t *e = &l->event;
    if (e->kind != HP_EVENT_TRADE && e->kind != HP_EVENT_AGG_TRADE) return;
    uint64_t n = e->last_id >= e->first_id && e->first_id != 0 ? e->last_id - e->first_id + 1 : 1;
    hp_pace_trade(&i->pace, n, e->body.trade.lots, l->now_ns);
}

/* The market half of a pair: say what the times to live of the other half's orders depend on. */
static inline void hp_lane_tell_ahead(hp_lane_t *l)
{
    if (!hp_lane_look_due(l)) return;
    for (uint32_t n = 0; n < l->orders.working_count; n++) {
        const hp_order_t *o = hp_orders_working(&l->orders, n);
        hp_lane_instrument_t *i = hp_lane_instrument(l, o->instrument);
        if (HP_LIKELY(o->layer == HP_LAYER_NONE) || i == NULL) continue;
        struct hp_rest *rest = hp_lane_rest(l, o);
        hp_pair_ahead_t said = { o->client_id, o->price_ticks, hp_lane_lots_of(l, o, rest) };
        if (rest->heard_ticks != said.price_ticks || rest->heard_lots != said.lots) {
            if (!hp_pair_say(l, HP_PAIR_AHEAD, &said, sizeof said)) return; /* with the next look */
            rest->heard_ticks = said.price_ticks;
            rest->heard_lots = said.lots;
        }
        hp_pair_pace(l, i);
    }
}

/* The order half hears it. */
static inline void hp_lane_hear_ahead(hp_lane_t *l, const hp_pair_ahead_t *said)
{
    const hp_order_t *o = hp_orders_find(&l->orders, said->client_id);
    if (o == NULL || o->price_ticks != said->price_ticks) return;
    struct hp_rest *rest = hp_lane_rest(l, o);
    rest->heard_ticks = said->price_ticks;
    rest->heard_lots = said->lots;
}

/* Other times to live from now on. */
static inline void hp_lane_put_ttl(hp_lane_t *l, const hp_ttl_rule_t *rule)
{
    hp_lane_journal(l, HP_RECORD_TTL, 0, l->recv_ns, rule, sizeof *rule);
    l->ttl = *rule;
}

/* What a cold process, or a person, says about an instrument; it holds until the next word.  0 = no such
 * instrument. */
static inline int hp_lane_signal(hp_lane_t *l, const hp_signal_t *signal)
{
    if (signal->instrument != 0 && hp_lane_instrument(l, signal->instrument) == NULL) return 0;
    hp_signal_t *known = &l->instruments[signal->instrument].signal;
    if (memcmp(known, signal, sizeof *known) == 0) return 1;
    hp_lane_journal(l, HP_RECORD_SIGNAL, signal->instrument, l->recv_ns, signal, sizeof *signal);
    *known = *signal;
    return 1;
}

#endif
