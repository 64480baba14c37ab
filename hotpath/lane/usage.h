/* usage.h - what is used of the limits, for people to see.
 *
 * Owns:    the lane page's list of usages: account 0 and every scope that a limit was put to, strategies,
 *          then instruments while there is room.
 * Refuses: judging; outputs of the lane (a page is none). */
#ifndef HP_LANE_USAGE_H
#define HP_LANE_USAGE_H

#include "hotpath/lane/core.h"

static inline void hp_lane_show_usage(hp_lane_t *l, uint32_t *count, uint32_t dimension, uint32_t id)
{
    const hp_scope_t *s = hp_gate_scope(&l->gate, dimension, id);
    if (s == NULL || *count >= HP_USAGES_MAX) return;
    hp_usage_t *u = &l->page->usages[(*count)++];
    int64_t long_e8 = hp_held(hp_scope_net(s, 1, 0)), short_e8 = hp_held(hp_scope_net(s, 0, 0));
    u->id = id;
    u->net_e8 = hp_limit_most(long_e8, short_e8);
    u->net_e8_max = s->limit.net_notional_e8_max;
    u->gross_e8 = hp_held(hp_scope_gross(s, 0));
    u->gross_e8_max = hp_limit_least(s->limit.gross_notional_e8_max, hp_held(s->leverage_gross_e8));
    u->open_orders = s->open_orders;
    u->open_orders_max = s->limit.open_orders_max;
    u->loss_e8 = s->loss_e8;
    u->loss_e8_max = s->limit.daily_loss_e8_max;
    u->drawdown_bps = s->drawdown_bps;
    u->drawdown_bps_max = s->limit.drawdown_bps_max;
    u->failures = s->failures;
    u->failures_max = s->limit.failures_max;
    u->cool_ns = s->cool_until_ns > l->now_ns ? s->cool_until_ns - l->now_ns : 0;
    u->frozen_ns = 0;
    if (dimension == HP_DIMENSION_INSTRUMENT) {
        const hp_pulse_t *p = &l->gate.pulses[id];
        u->frozen_ns = p->frozen_until_ns > l->now_ns ? p->frozen_until_ns - l->now_ns : 0;
        u->sigma_e8 = p->sigma_e8;
    }
    u->dimension = dimension;
}

/* Once per strategy timer. */
static inline void hp_lane_show_usages(hp_lane_t *l)
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < HP_GATE_ACCOUNTS; id++)
        if (id == 0 || (l->gate.told_accounts >> id & 1)) hp_lane_show_usage(l, &count, HP_DIMENSION_ACCOUNT, id);
    for (uint32_t id = 0; id < HP_GATE_VENUES; id++)
        if (id == 0 || (l->gate.told_venues >> id & 1)) hp_lane_show_usage(l, &count, HP_DIMENSION_VENUE, id);
    for (uint32_t id = 0; id < l->strategy_count; id++) hp_lane_show_usage(l, &count, HP_DIMENSION_STRATEGY, id);
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++)
        if (l->instruments[id].about.id != 0) hp_lane_show_usage(l, &count, HP_DIMENSION_INSTRUMENT, id);
    if (count < HP_USAGES_MAX) l->page->usages[count].dimension = HP_DIMENSION_NONE;
}

#endif
