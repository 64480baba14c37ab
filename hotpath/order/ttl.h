/* ttl.h - the time to live of one order, from figures that are judged by the rule's table.
 *
 * Owns:    the formula.
 * Refuses: clocks, books, where the figures come from (hotpath/lane/age.h), floats.
 *
 * base x toxicity x distance, held inside the layer's band; then x speed; then at most what queue and
 * volatility allow; never below the floor of an extreme market.  Emergency: at most its own figure,
 * whatever the rest says.  Every product is exact in nanoseconds and rounded down once a stage. */
#ifndef HP_ORDER_TTL_H
#define HP_ORDER_TTL_H

#include <stdint.h>

#include "fixed.h"
#include "ttl.h"

#define HP_MS_NS 1000000ull
#define HP_TTL_NS_MAX 86400000000000ull   /* a day: a table that says more is held here */

typedef struct hp_ttl_case {
    uint8_t  layer;               /* enum hp_layer */
    uint8_t  is_emergency;
    uint8_t  pad[2];
    uint32_t trades_per_s;
    uint32_t queue;               /* orders ahead */
    uint32_t distance_bps;
    uint32_t toxicity_permille;
    uint32_t pad1;
    int64_t  volatility_e8;
} hp_ttl_case_t;

static inline uint64_t hp_ttl_times(uint64_t ns, const hp_ttl_step_t *steps, uint32_t found)
{
    for (int n = 0; n < 2; n++)
        if (found > steps[n].bound) {
            hp_wide_t v = (hp_wide_t)ns * steps[n].permille / 1000;
            return v > (hp_wide_t)HP_TTL_NS_MAX ? HP_TTL_NS_MAX : (uint64_t)v;
        }
    return ns;
}

static inline uint64_t hp_ttl_most(uint64_t ns, uint64_t most_ms)
{
    return ns > most_ms * HP_MS_NS ? most_ms * HP_MS_NS : ns;
}

/* Nanoseconds from its placing for which an order of this layer may rest. */
static inline uint64_t hp_ttl_ns(const hp_ttl_rule_t *r, const hp_ttl_case_t *c)
{
    const hp_ttl_layer_t *layer = &r->layers[c->layer < HP_LAYER_COUNT ? c->layer : HP_LAYER_NONE];
    uint64_t ns = hp_ttl_most(HP_TTL_NS_MAX, layer->base_ms);
    ns = hp_ttl_times(ns, r->toxicities, c->toxicity_permille);
    ns = hp_ttl_times(ns, r->distances, c->distance_bps);
    if (ns < layer->least_ms * HP_MS_NS) ns = layer->least_ms * HP_MS_NS;
    ns = hp_ttl_most(ns, layer->most_ms);
    ns = hp_ttl_times(ns, r->speeds, c->trades_per_s);
    if (c->queue > r->queue_max) ns = hp_ttl_most(ns, r->queue_ms);
    if (c->volatility_e8 > r->volatility_e8_max) ns = hp_ttl_most(ns, r->volatility_ms);
    if (ns < r->least_ms * HP_MS_NS) ns = r->least_ms * HP_MS_NS;
    if (ns > HP_TTL_NS_MAX) ns = HP_TTL_NS_MAX;
    return c->is_emergency ? hp_ttl_most(ns, r->emergency_ms) : ns;
}

#endif
