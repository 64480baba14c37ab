/* leased.h - a lane takes the authority's limits from their page, and shows what it holds of them.
 *
 * Owns:    taking a lease whole or not at all, the lane's word that it spends under it.
 * Refuses: a lease of an older fence, judging (gate.h), clocks.
 *
 * Taken in the turn that sees it: the limits first, each an input of its own, then the lease that names
 * them, then what the lane holds, and last the fence in the lane's own page.  So who reads the fence and
 * then the figures knows all that was spent under any older lease. */
#ifndef HP_LANE_LEASED_H
#define HP_LANE_LEASED_H

#include <stdint.h>

#include "atomic.h"
#include "hotpath/lane/market.h"
#include "page.h"

/* Show what is held now; `limit_turn_ns` is stored last. */
static inline void hp_lane_show_uses(hp_lane_t *l)
{
    hp_lane_page_t *page = l->page;
    page->is_open = l->is_open;
    hp_store_release(&page->limit_turn_ns, l->now_ns);
}

/* Take the lease that stands in the page.  0 = its writer is at work: try again in the next turn. */
static inline int hp_lane_take_limits(hp_lane_t *l, const hp_limits_page_t *from)
{
    hp_limit_lease_t lease;
    if (!hp_seq_read(&from->seq, &from->lease, &lease, sizeof lease, 1)) return 0;
    if (lease.fence < l->gate.lease.fence) return 1;
    hp_lane_lease(l, &lease);
    l->page->limit_until_ns = l->gate.lease.until_ns;
    hp_lane_show_uses(l);
    hp_store_release(&l->page->limit_fence, l->gate.lease.fence);
    return 1;
}

#endif
