/* burst.h - the requests of one step leave with one write.
 *
 * Owns:    when requests are kept together, what is known of them when they have left.
 * Refuses: framing and sockets (Env.cork), more than one step: nothing is kept over a turn.
 *
 * No venue of ours places several orders by one message of its order session, so a batch is pipelined
 * single requests in one write.  What the session took counts as SENT: a write that fails half way says
 * nothing about what arrived, and only the venue's word ends an order then.  What it did not take (it was
 * gone before) is SEND_FAILED, order by order. */
#ifndef HP_LANE_BURST_H
#define HP_LANE_BURST_H

#include <stdint.h>

#include "hotpath/lane/core.h"

static inline void hp_lane_record_hops(hp_lane_t *l, const hp_stamps_t *s)
{
    const hp_calibration_t *c = &l->page->calibration;
    const uint64_t *at = &s->recv;
    for (int hop = HP_HOP_DECODE; hop <= HP_HOP_SEND; hop++)
        if (at[hop] != 0 && at[hop + 1] >= at[hop])
            hp_histogram_record(&l->page->hops[hop], hp_tsc_to_ns(c, at[hop + 1] - at[hop]));
    if (s->recv == 0 || s->sent < s->recv) return;
    uint64_t ns = hp_tsc_to_ns(c, s->sent - s->recv);
    hp_histogram_record(&l->page->hops[HP_HOP_TICK_TO_TRADE], ns);
    if (HP_UNLIKELY(s->recv == l->fill_recv)) hp_histogram_record(&l->page->hops[HP_HOP_FILL_RESPONSE], ns);
}

/* An order's request was taken: stamp it now, or when what is kept has left. */
static inline void hp_lane_stamp_sent(hp_lane_t *l, hp_order_t *o)
{
    if (HP_UNLIKELY(l->is_corked && l->corked_count < HP_INTENTS_QUEUED)) {
        l->corked[l->corked_count++] = (uint32_t)(o - l->orders.slots);
        return;
    }
    o->stamps.sent = l->env.tsc(l->env.self);
    hp_lane_record_hops(l, &o->stamps);
}

/* Keep requests together from here on; 1 = the caller has to let them go. */
static inline int hp_lane_cork(hp_lane_t *l, uint32_t requests)
{
    if (HP_LIKELY(requests < 2) || l->env.cork == NULL || l->is_corked) return 0;
    l->is_corked = 1;
    l->corked_count = 0;
    l->env.cork(l->env.self, 1);
    return 1;
}

static inline void hp_lane_uncork(hp_lane_t *l)
{
    HP_ASSERT(l->is_corked);
    uint32_t count = l->env.cork(l->env.self, 0);
    uint64_t tsc = l->env.tsc(l->env.self);
    l->is_corked = 0;
    if (count > 1) {
        hp_count(&l->page->flow.bursts, 1);
        hp_count(&l->page->flow.burst_requests, count);
    }
    for (uint32_t n = 0; n < l->corked_count; n++) {
        hp_stamps_t *s = &l->orders.slots[l->corked[n]].stamps;
        s->sent = tsc;
        hp_lane_record_hops(l, s);
    }
}

#endif
