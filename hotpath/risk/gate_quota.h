/* gate_quota.h - does the venue still want to hear this?
 *
 * Owns:    the verdicts of the governor's modes.
 * Refuses: the figures (governor.h); tokens of our own (gate_limits.h). */
#ifndef HP_RISK_GATE_QUOTA_H
#define HP_RISK_GATE_QUOTA_H

#include "hotpath/risk/case.h"
#include "hotpath/risk/governor.h"

/* Asked when the mode is one that refuses something.  1 = refused. */
__attribute__((noinline, cold, unused))
static int hp_gate_governed(hp_case_t *c, uint32_t rank)
{
    hp_governor_t *g = &c->g->quota;
    hp_quota_no_t no;
    if (hp_governor_allows(g, rank, hp_governor_what(c->in), c->now, &no)) return 0;
    if (!hp_finds(c, HP_VERDICT_QUOTA_SLOW + HP_QUOTA_SLOW - no.mode, no.found, no.wanted)) return 0;
    c->v->scope = no.scope;
    if (c->v->retry_ns != 0) c->v->retry_ns = no.retry_ns;
    g->now.held[rank]++;
    return 1;
}

#endif
