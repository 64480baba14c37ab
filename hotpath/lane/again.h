/* again.h - an order that provably never arrived is placed again, when its strategy asked for that.
 *
 * Owns:    the few wishes that wait until the lane may trade.
 * Refuses: deciding what proves absence (hotpath/order/state.h: not a byte left, or a NOT_FOUND younger
 *          than the order's deadline and the venue's read lag).  A time-out proves nothing, ever.
 *
 * The new order has a client id of its own and names the first as its parent.  It is an intent like any
 * other: judged anew, on the picture of now.  What is marked to go, or whose time is over, is not wanted
 * again.  A late word that takes a proof back ends the wish, or the order itself where the wish has left.  A re-run with recorded intents is fed what came of it. */
#ifndef HP_LANE_AGAIN_H
#define HP_LANE_AGAIN_H

#include <stdint.h>
#include <string.h>

#include "hotpath/lane/age.h"
#include "hotpath/lane/core.h"
#include "hotpath/lane/hand.h"

#define HP_AGAIN_MAX 16u

struct hp_again {
    hp_intent_t wish;
    uint64_t    client_id;   /* of the order that never arrived; a later word may say that it did */
    uint64_t    until_ns;    /* later it is not placed any more */
};

/* It has just been proven that this order never came to be. */
static inline void hp_lane_absent(hp_lane_t *l, const hp_order_t *o)
{
    const struct hp_rest *rest = hp_lane_rest(l, o);
    if (HP_LIKELY(o->tries == 0) || o->cancel_cause != HP_CANCEL_NONE || rest->since_ns == 0) return;
    if (l->again_count == HP_AGAIN_MAX || o->strategy >= l->strategy_count || (o->expire_ns != 0 && l->now_ns >= o->expire_ns)) {
        hp_count(&l->page->flow.retries_dropped, 1);
        return;
    }
    struct hp_again *a = &l->agains[l->again_count++];
    hp_intent_t *in = &a->wish;
    memset(a, 0, sizeof *a);
    a->client_id = o->client_id;
    in->kind = HP_INTENT_PLACE;
    in->parent = o->parent != 0 ? o->parent : o->client_id;
    in->strategy = o->strategy;
    in->account = o->account;
    in->instrument = o->instrument;
    in->side = o->side;
    in->position_side = o->position_side;
    in->type = o->type;
    in->time_in_force = o->time_in_force;
    in->post_only = (o->flags & HP_ORDER_POST_ONLY) != 0;
    in->reduce_only = (o->flags & HP_ORDER_REDUCE_ONLY) != 0;
    in->self_trade_mode = rest->self_trade_mode;
    in->price_ticks = o->price_ticks;
    in->lots = o->lots;
    in->layer = o->layer;
    in->queue = rest->queue;
    in->ttl_ns = o->layer != HP_LAYER_NONE ? rest->most_ns : o->expire_ns != 0 ? o->expire_ns - rest->since_ns : 0;
    in->deadline_ns = rest->deadline_ns;
    in->tries = (uint8_t)(o->tries - 1);
    a->until_ns = l->now_ns + (rest->deadline_ns != 0 ? rest->deadline_ns : l->deadline_ms * HP_MS_NS);
    if (o->expire_ns != 0 && o->expire_ns < a->until_ns) a->until_ns = o->expire_ns;
    l->strategies[o->strategy].working[o->instrument]++; /* its strategy still has it at work */
}

static inline int hp_lane_is_sent(const hp_order_t *o)
{
    return !(o->state == HP_ORDER_REJECTED && o->flags & HP_ORDER_ABSENT);
}

/* Is it still so that this order never came to be?  Then nothing of it is left but its record. */
static inline int hp_lane_is_absent(const hp_lane_t *l, uint64_t client_id)
{
    const hp_order_t *o = hp_orders_find(&l->orders, client_id);
    return o == NULL || !hp_lane_is_sent(o);
}

/* An order whose absence was proven is there after all.  Where a later try of it has gone out, one of the two
 * is too many: its time is over, and the sweep takes it out. */
static inline void hp_lane_revived(hp_lane_t *l, hp_order_t *o)
{
    uint64_t first = o->parent != 0 ? o->parent : o->client_id;
    if (o->tries == 0) return;
    for (uint32_t slot = 0; slot < l->orders.used; slot++) {
        const hp_order_t *later = &l->orders.slots[slot];
        if (later->parent != first || later->tries >= o->tries || later->instrument != o->instrument || later->side != o->side ||
            later->lots != o->lots || !hp_lane_is_sent(later))
            continue;
        o->layer = HP_LAYER_NONE;
        o->expire_ns = 1;
        return;
    }
}

/* Once a sweep: place what waits and may be placed. */
static inline void hp_lane_again(hp_lane_t *l)
{
    uint32_t left = 0;
    if (HP_LIKELY(l->again_count == 0)) return;
    for (uint32_t n = 0; n < l->again_count; n++) {
        struct hp_again *a = &l->agains[n];
        hp_strategy_t *s = &l->strategies[a->wish.strategy];
        int is_over = l->now_ns >= a->until_ns || s->is_halted || !hp_lane_is_absent(l, a->client_id);
        if (!is_over && !l->gate.is_armed) {
            if (left != n) l->agains[left] = *a;
            left++;
            continue;
        }
        s->working[a->wish.instrument]--;
        int is_fed = l->env.intent != NULL; /* a re-run: what came of it stands in the journal */
        int placed = !is_over && (is_fed || hp_lane_emit(l, &a->wish) != 0);
        hp_count(placed ? &l->page->flow.retries : &l->page->flow.retries_dropped, 1);
        if (!placed && l->role == HP_ROLE_ORDER) /* its strategy has one less at work, and no order says so */
            hp_pair_tell_order(l, a->wish.strategy, a->wish.instrument, NULL, NULL, HP_PAIR_CALL_NONE);
    }
    l->again_count = left;
}

#endif
