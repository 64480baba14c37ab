/* governed.h - the lane's share in the venue's quota: what it is told of it, what it asks, what it says.
 *
 * Owns:    counting each request, figures from the lane's own answers and from cold processes, the event
 *          of another mode, the figures in the lane's page.
 * Refuses: the reckoning (hotpath/risk/governor.h), the verdicts (hotpath/risk/gate_quota.h).
 *
 * All of it comes from journaled inputs: frames, mail, turns, sessions; and from what the lane sent. */
#ifndef HP_LANE_GOVERNED_H
#define HP_LANE_GOVERNED_H

#include <stdint.h>
#include <string.h>

#include "hotpath/lane/core.h"

static inline void hp_lane_show_quota(hp_lane_t *l) { l->page->quota = l->gate.quota.now; }

/* The mode is another one: tell of it, and of the window that decides. */
__attribute__((noinline, cold, unused))
static void hp_lane_quota_moved(hp_lane_t *l)
{
    const hp_lane_quota_t *q = &l->gate.quota.now;
    hp_quota_event_t said;
    memset(&said, 0, sizeof said);
    said.before = l->page->quota.mode;
    said.mode = q->mode;
    for (uint32_t kind = HP_QUOTA_WEIGHT; kind < HP_QUOTA_KIND_COUNT; kind++)
        if (q->mode == HP_QUOTA_STOPPED && q->stop_until_ns[kind] > said.stop_until_ns) {
            said.stop_until_ns = q->stop_until_ns[kind];
            said.kind = kind;
        }
    for (uint32_t n = 0; n < q->window_count; n++) {
        if (q->rows[n].mode != q->mode || (said.kind != HP_QUOTA_NONE && said.kind != q->rows[n].kind)) continue;
        said.kind = q->rows[n].kind;
        said.length_s = q->rows[n].length_s;
        said.used = q->rows[n].used;
        said.limit = q->rows[n].limit;
        break;
    }
    hp_lane_journal(l, HP_RECORD_QUOTA_MODE, said.kind, l->recv_ns, &said, sizeof said);
    hp_lane_show_quota(l);
}

/* Other costs and bounds from now on. */
static inline void hp_lane_put_quota_rule(hp_lane_t *l, const hp_quota_rule_t *rule)
{
    hp_lane_journal(l, HP_RECORD_QUOTA_RULE, 0, l->recv_ns, rule, sizeof *rule);
    hp_governor_put_rule(&l->gate.quota, rule);
    if (hp_governor_judge(&l->gate.quota, l->now_ns)) hp_lane_quota_moved(l);
    hp_lane_show_quota(l);
}

/* What the venue told a cold process, or the configuration says of a window. */
static inline void hp_lane_quota_told(hp_lane_t *l, const hp_quota_told_t *told)
{
    hp_lane_journal(l, HP_RECORD_QUOTA, told->kind, l->recv_ns, told, sizeof *told);
    if (HP_UNLIKELY(l->gate.quota.utc_less_mono_ns == 0)) /* before the first turn: which window is it? */
        l->gate.quota.utc_less_mono_ns = l->journal.clock.real_ns - l->journal.clock.mono_ns;
    if (hp_governor_told(&l->gate.quota, told, l->now_ns)) hp_lane_quota_moved(l);
}

/* What an answer of the lane's own session says of a window. */
static inline void hp_lane_quota_report(hp_lane_t *l, const hp_report_t *r)
{
    hp_quota_told_t told;
    memset(&told, 0, sizeof told);
    told.kind = r->quota;
    told.length_s = r->quota_s;
    told.limit = r->quota_limit;
    told.used = r->quota_s != 0 ? r->quota_used : -1;
    if (r->stop_ms != 0) {
        told.stop_ns = (r->stop_ms < UINT64_MAX / 1000000u ? r->stop_ms : l->gate.quota.rule.stop_ms) * 1000000u;
        told.status = (uint32_t)r->venue_error; /* here: of the answer */
    }
    if (hp_governor_told(&l->gate.quota, &told, l->now_ns)) hp_lane_quota_moved(l);
}

/* May the lane ask this now? */
static inline int hp_lane_may_ask(hp_lane_t *l, uint32_t rank, uint32_t what)
{
    hp_quota_no_t no;
    if (HP_LIKELY(l->gate.quota.now.mode > HP_QUOTA_NO_RISK) || hp_governor_allows(&l->gate.quota, rank, what, l->now_ns, &no)) return 1;
    l->gate.quota.now.held[rank]++;
    return 0;
}

/* A request of the lane is on its way. */
static inline void hp_lane_asked(hp_lane_t *l, uint32_t what, uint64_t request_id)
{
    hp_governor_t *g = &l->gate.quota;
    int moved = hp_governor_sent(g, &g->rule.costs[what], request_id, l->now_ns);
    if (what <= HP_COST_REPLACE) hp_governor_paced(g, l->now_ns);
    if (HP_UNLIKELY(moved)) hp_lane_quota_moved(l);
}

/* The kind of cost of a request. */
static inline uint32_t hp_lane_cost_of(const hp_request_t *q)
{
    switch (q->kind) {
    case HP_REQUEST_CANCEL: return HP_COST_CANCEL;
    case HP_REQUEST_STATUS: return HP_COST_STATUS;
    case HP_REQUEST_REPLACE: return HP_COST_REPLACE;
    default: break;
    }
    if (q->type == HP_TYPE_MARKET) return HP_COST_MARKET;
    if (q->type == HP_TYPE_STOP_MARKET) return HP_COST_STOP;
    return q->post_only ? HP_COST_POST_ONLY : HP_COST_LIMIT;
}

/* Somebody else has placed an order at our account: the user stream shows it before any figure does. */
static inline void hp_lane_quota_foreign(hp_lane_t *l)
{
    const hp_quota_cost_t one = { 0, 1 };
    l->gate.quota.now.foreign++;
    if (hp_governor_sent(&l->gate.quota, &one, 0, l->now_ns)) hp_lane_quota_moved(l);
}

/* Windows end by the clock, and so do the venue's refusals. */
static inline void hp_lane_quota_turn(hp_lane_t *l)
{
    if (hp_governor_turn(&l->gate.quota, l->gate.utc_less_mono_ns, l->now_ns)) hp_lane_quota_moved(l);
}

#endif
