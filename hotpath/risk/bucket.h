/* bucket.h - a token bucket in integers.
 *
 * Owns:    tokens in nanoseconds of refill, so that no rate loses a fraction.
 * Refuses: clocks (now is an argument), queueing: an empty bucket names the time when a token is there.
 *
 * `period_ns` is the time of one token; `depth_ns` = burst x period.  The bucket is the moment at which
 * it was last empty: tokens = (now - empty_ns) / period.  `reserve` tokens are left for cancels and
 * risk-reducing orders: others see the bucket as empty while only the reserve is in it. */
#ifndef HP_RISK_BUCKET_H
#define HP_RISK_BUCKET_H

#include <stdint.h>

typedef struct hp_bucket {
    uint64_t period_ns;   /* 0 = no limit */
    uint64_t depth_ns;
    uint64_t reserve_ns;
    uint64_t empty_ns;    /* CLOCK_MONOTONIC */
} hp_bucket_t;

/* Set the rate and keep what is in it: a new rate is no new burst. */
static inline void hp_bucket_set(hp_bucket_t *b, uint64_t per_second, uint64_t burst, uint64_t reserve)
{
    b->period_ns = per_second == 0 ? 0 : 1000000000u / per_second;
    b->depth_ns = burst * b->period_ns;
    b->reserve_ns = reserve * b->period_ns;
}

static inline void hp_bucket_init(hp_bucket_t *b, uint64_t per_second, uint64_t burst, uint64_t reserve)
{
    hp_bucket_set(b, per_second, burst, reserve);
    b->empty_ns = 0; /* full */
}

/* 0 when `count` tokens may be taken now, else the time at which they may. */
static inline uint64_t hp_bucket_wait(const hp_bucket_t *b, uint64_t count, uint64_t now, int may_use_reserve)
{
    if (b->period_ns == 0) return 0;
    uint64_t floor = now > b->depth_ns ? now - b->depth_ns : 0;
    uint64_t empty = b->empty_ns > floor ? b->empty_ns : floor;
    uint64_t need = empty + count * b->period_ns + (may_use_reserve ? 0 : b->reserve_ns);
    return need <= now ? 0 : need;
}

/* Take tokens; the reserve may go below empty for cancels, never more than one depth ahead. */
static inline void hp_bucket_take(hp_bucket_t *b, uint64_t count, uint64_t now)
{
    if (b->period_ns == 0) return;
    uint64_t floor = now > b->depth_ns ? now - b->depth_ns : 0;
    b->empty_ns = (b->empty_ns > floor ? b->empty_ns : floor) + count * b->period_ns;
}

#endif
