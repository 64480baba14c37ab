/* pace.h - how fast an instrument trades.
 *
 * Owns:    trades of the last second, in eight slots of 125 ms; the mean size of a trade.
 * Refuses: clocks (now is an argument), floats, judging whether a trade is sane.
 *
 * A trade counts for between 875 ms and 1 s: the slot that is being filled is one of the eight.  The mean
 * is exponential, one sixteenth for each new message, in 1e-4 of a lot; 0 = none seen yet. */
#ifndef HP_ORDER_PACE_H
#define HP_ORDER_PACE_H

#include <stdint.h>

#include "fixed.h"

#define HP_PACE_SLOTS 8u
#define HP_PACE_SLOT_NS 125000000ull
#define HP_PACE_WEIGHT 16

typedef struct hp_pace {
    uint64_t slot;            /* number of the slot that is being filled: now / HP_PACE_SLOT_NS */
    uint32_t trades[8];
    uint32_t per_s;           /* sum of the slots */
    uint32_t pad;
    int64_t  mean_e4;
} hp_pace_t;

/* Forget what is older than the window. */
static inline void hp_pace_roll(hp_pace_t *p, uint64_t now)
{
    uint64_t slot = now / HP_PACE_SLOT_NS;
    for (uint32_t n = 0; n < HP_PACE_SLOTS && p->slot < slot; n++) {
        if (slot - p->slot > HP_PACE_SLOTS) p->slot = slot - HP_PACE_SLOTS;
        uint32_t *oldest = &p->trades[++p->slot % HP_PACE_SLOTS];
        p->per_s -= *oldest;
        *oldest = 0;
    }
}

/* Take a message that sums `trades` trades of `lots` together. */
static inline void hp_pace_trade(hp_pace_t *p, uint64_t trades, int64_t lots, uint64_t now)
{
    hp_pace_roll(p, now);
    uint32_t n = trades == 0 ? 1 : trades > 10000 ? 10000 : (uint32_t)trades;
    if (p->per_s <= UINT32_MAX - n) {
        p->trades[p->slot % HP_PACE_SLOTS] += n;
        p->per_s += n;
    }
    if (lots <= 0 || lots > INT64_MAX / 10000) return;
    int64_t each_e4 = lots * 10000 / n;
    p->mean_e4 = p->mean_e4 == 0 ? each_e4 : p->mean_e4 + (each_e4 - p->mean_e4) / HP_PACE_WEIGHT;
    if (p->mean_e4 <= 0) p->mean_e4 = 1;
}

static inline uint32_t hp_pace_now(hp_pace_t *p, uint64_t now)
{
    hp_pace_roll(p, now);
    return p->per_s;
}

/* How many usual trades `lots` are, rounded down; 0 while none has been seen. */
static inline uint32_t hp_pace_orders(const hp_pace_t *p, int64_t lots)
{
    if (p->mean_e4 <= 0 || lots <= 0) return 0;
    hp_wide_t n = (hp_wide_t)lots * 10000 / p->mean_e4;
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

#endif
