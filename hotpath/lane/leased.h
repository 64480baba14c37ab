/* leased.h - a lane takes the authority's limits from their page, and shows what it holds of them.
 *
 * Owns:    taking a lease whole or not at all, the figures of each leased scope in the lane's page, the
 *          lane's word that it spends under a lease.
 * Refuses: a lease of an older fence, judging (gate.h), clocks.
 *
 * Taken in the turn that sees it: the limits first, each an input of its own, then the lease that names
 * them, then what the lane holds, and last the fence in the lane's own page.  So who reads the fence and
 * then the figures knows all that was spent under any older lease. */
#ifndef HP_LANE_LEASED_H
#define HP_LANE_LEASED_H

#include <stdint.h>
#include <string.h>

#include "atomic.h"
#include "hotpath/lane/market.h"
#include "page.h"

#define HP_USES_A_BEAT 16u /* scopes shown in one beat: what it costs a turn has a bound */
_Static_assert(HP_LEASED_LIMITS_MAX >= HP_GATE_ACCOUNTS + HP_GATE_VENUES + HP_STRATEGIES_MAX + HP_LANE_INSTRUMENTS_MAX,
               "a lease carries every scope that a gate has");

/* Show what is held now of up to `count` scopes, from where the last look ended.  When the round is whole
 * its beginning is stored as `limit_turn_ns`: every figure is of that turn, or of a later one. */
static inline void hp_lane_show_some(hp_lane_t *l, uint32_t count)
{
    hp_lane_page_t *page = l->page;
    if (l->use_next == 0) {
        l->uses_ns = l->now_ns;
        l->uses_open = l->is_open;
    }
    page->is_open &= l->is_open;
    for (; count > 0 && l->use_next < page->limit_use_count && l->use_next < HP_LEASED_LIMITS_MAX; count--) {
        hp_limit_use_t *use = &page->uses[l->use_next++];
        const hp_scope_t *s = hp_gate_scope(&l->gate, use->dimension, use->id);
        if (s == NULL) continue;
        hp_wide_t buying = hp_scope_net(s, 1, 0), selling = hp_scope_net(s, 0, 0);
        use->net_e8 = hp_held(buying > selling ? buying : selling);
        use->gross_e8 = hp_held(hp_scope_gross(s, 0));
        use->open_orders = s->open_orders;
        use->pnl_e8 = hp_held(s->pnl_e8);
        use->day_pnl_e8 = hp_held(s->day_pnl_e8);
        use->refused = s->refused;
    }
    if (l->use_next < page->limit_use_count && l->use_next < HP_LEASED_LIMITS_MAX) return;
    l->use_next = 0;
    page->is_open = l->uses_open & l->is_open; /* what was held before the opening says nothing */
    hp_store_release(&page->limit_turn_ns, l->uses_ns);
}

/* Show all that is held now. */
static inline void hp_lane_show_uses(hp_lane_t *l)
{
    l->use_next = 0;
    hp_lane_show_some(l, HP_LEASED_LIMITS_MAX);
}

/* Hold the limits that a lease of this fence names.  0 = they are not all there: nothing was taken. */
static inline int hp_lane_take_table(hp_lane_t *l, const hp_limits_page_t *from, uint64_t fence)
{
    struct { uint64_t fence; uint32_t count, pad; uint8_t gap[104]; hp_limit_t limits[HP_LEASED_LIMITS_MAX]; } table;
    _Static_assert(sizeof table == sizeof *from - offsetof(hp_limits_page_t, table_fence), "the table is the page's end");
    uint32_t said = hp_load32_acquire(&from->limit_count), count = 0;
    if (said > HP_LEASED_LIMITS_MAX) return 0;
    size_t size = sizeof table - sizeof table.limits[0] * (HP_LEASED_LIMITS_MAX - said); /* no more than is there */
    if (!hp_seq_read(&from->table_seq, &from->table_fence, &table, size, 1)) return 0;
    if (table.fence != fence || table.count != said) return 0;
    for (uint32_t n = 0; n < table.count; n++) {
        const hp_scope_t *s = hp_gate_scope(&l->gate, table.limits[n].dimension, table.limits[n].id);
        if (s == NULL) continue; /* no such scope in this lane: nothing is spent there */
        l->page->uses[count].dimension = table.limits[n].dimension;
        l->page->uses[count++].id = table.limits[n].id;
        if (memcmp(&s->limit, &table.limits[n], sizeof s->limit) != 0) hp_lane_put_limit(l, &table.limits[n]);
    }
    l->page->limit_use_count = count;
    return 1;
}

/* Take the lease that stands in the page.  0 = its writer is at work: try again in the next turn. */
static inline int hp_lane_take_limits(hp_lane_t *l, const hp_limits_page_t *from)
{
    hp_limit_lease_t lease;
    if (!hp_seq_read(&from->seq, &from->lease, &lease, sizeof lease, 1)) return 0;
    if (lease.fence == 0 || lease.fence < l->gate.lease.fence) return 1; /* 0: nobody has lent anything yet */
    if (lease.fence != l->gate.lease.fence) {
        if (!hp_lane_take_table(l, from, lease.fence)) return 0;
        hp_lane_lease(l, &lease);
        hp_lane_show_uses(l);
        hp_store_release(&l->page->limit_fence, lease.fence);
    } else {
        hp_lane_lease(l, &lease);
    }
    l->page->limit_until_ns = lease.until_ns;
    return 1;
}

#endif
