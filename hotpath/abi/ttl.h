/* ttl.h - how long an order of a layer may rest, as data; and what is signalled about an instrument.
 *
 * Owns:    the layers, their bases and bands, the bounds and factors that shorten a time to live, the
 *          signal of toxicity and emergency.
 * Refuses: the arithmetic (hotpath/order/ttl.h), which layer an order belongs to (a strategy says it).
 *
 * Factors are permille, times milliseconds.  Zero is the safe answer: a layer without a base lives for
 * `least_ms`, an unknown figure shortens nothing.
 *
 * hp_ttl_rule_t, 192 bytes.  Writer: whoever configures the lane.  Reader: the lane, which journals it.
 * hp_signal_t, 16 bytes.  Writer: a cold process, by mail.  Reader: the lane, which journals it. */
#ifndef HP_TTL_H
#define HP_TTL_H

#include <stddef.h>
#include <stdint.h>

#include "panic.h"

/* cffi:begin */
enum hp_layer {
    HP_LAYER_NONE = 0,       /* a fixed time: ttl_ns of the intent */
    HP_LAYER_TOUCH = 1,      /* L0: at the touch */
    HP_LAYER_NEAR = 2,       /* L1 */
    HP_LAYER_DEEP = 3,       /* L2 */
    HP_LAYER_COUNT = 4
};

typedef struct hp_ttl_layer {
    uint32_t base_ms;
    uint32_t least_ms;       /* band of a calm market: toxicity and distance do not leave it */
    uint32_t most_ms;
    uint32_t pad;
} hp_ttl_layer_t;

typedef struct hp_ttl_step { /* above `bound` the time is multiplied; of several, the highest bound holds */
    uint32_t bound;
    uint32_t permille;
} hp_ttl_step_t;

typedef struct hp_ttl_rule {
    hp_ttl_layer_t layers[4];     /* by enum hp_layer */
    hp_ttl_step_t  speeds[2];     /* trades of the instrument a second; the higher bound first */
    hp_ttl_step_t  toxicities[2]; /* permille */
    hp_ttl_step_t  distances[2];  /* of the price from the mid, bps */
    int64_t  volatility_e8_max;   /* standard move (hotpath/risk/pulse.h); above: at most volatility_ms */
    uint32_t volatility_ms;
    uint32_t queue_max;           /* orders ahead; above: at most queue_ms */
    uint32_t queue_ms;
    uint32_t emergency_ms;        /* at most, for every order that may add risk */
    uint32_t least_ms;            /* the extreme's floor: nothing goes below but an emergency */
    uint32_t sweep_ms;            /* between two looks at an order that rests */
    uint8_t  pad[48];
} hp_ttl_rule_t;

typedef struct hp_signal {
    uint32_t instrument;          /* 0 = all */
    uint32_t toxicity_permille;   /* 0 = none, or not known */
    uint32_t is_emergency;
    uint32_t pad;
} hp_signal_t;
/* cffi:end */
HP_SIZE(hp_ttl_rule_t, 192);
HP_FIELD(hp_ttl_rule_t, volatility_e8_max, 112);
HP_SIZE(hp_signal_t, 16);

/* The seeds' figures (REQUIREMENTS H1); steps of toxicity and distance are ours. */
static inline void hp_ttl_open(hp_ttl_rule_t *r)
{
    static const hp_ttl_rule_t usual = {
        .layers = { { 0, 0, 0, 0 }, { 1000, 500, 2000, 0 }, { 3000, 2000, 5000, 0 }, { 7000, 5000, 10000, 0 } },
        .speeds = { { 100, 300 }, { 50, 500 } },
        .toxicities = { { 900, 300 }, { 700, 500 } },
        .distances = { { 200, 500 }, { 100, 700 } },
        .volatility_e8_max = 5000000, .volatility_ms = 200,
        .queue_max = 100, .queue_ms = 500, .emergency_ms = 100, .least_ms = 100, .sweep_ms = 100,
    };
    *r = usual;
}

#endif
