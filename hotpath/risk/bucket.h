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

/* The bucket as it is once `count` tokens are taken at `now`: the moment at which it is full, less refill.
 * They may be taken when hp_bucket_has(); then hp_bucket_put() stores it. */
static inline uint64_t hp_bucket_next(const hp_bucket_t *b, uint64_t count, uint64_t now)
{
    uint64_t full = b->empty_ns + b->depth_ns; /* modulo 2^64, as is empty_ns */
    return (full > now ? full : now) + count * b->period_ns;
}

static inline int hp_bucket_has(const hp_bucket_t *b, uint64_t next, uint64_t reserve_ns, uint64_t now)
{
    return next + reserve_ns <= now + b->depth_ns;
}

/* When will those tokens be there? */
static inline uint64_t hp_bucket_until(const hp_bucket_t *b, uint64_t next, uint64_t reserve_ns)
{
    return next + reserve_ns - b->depth_ns;
}

static inline void hp_bucket_put(hp_bucket_t *b, uint64_t next) { b->empty_ns = next - b->depth_ns; }

/* 0 when `count` tokens may be taken now, else the time at which they may. */
static inline uint64_t hp_bucket_wait(const hp_bucket_t *b, uint64_t count, uint64_t now, int may_use_reserve)
{
    uint64_t next = hp_bucket_next(b, count, now), keeps = may_use_reserve ? 0 : b->reserve_ns;
    return hp_bucket_has(b, next, keeps, now) ? 0 : hp_bucket_until(b, next, keeps);
}

static inline void hp_bucket_take(hp_bucket_t *b, uint64_t count, uint64_t now)
{
    hp_bucket_put(b, hp_bucket_next(b, count, now));
}

#endif
