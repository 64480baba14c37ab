/* histogram.h - HDR-style latency histogram in shared memory.
 *
 * Owns:    log-linear buckets: exact below 32, then 32 per power of two (error at most 3.2 %), up to
 *          2^40 ns (18 minutes); above that the last bucket, with `max` exact.
 * Refuses: units (a histogram counts whatever its owner says, here nanoseconds), resetting by readers.
 *
 * hp_histogram_t.  One writer; readers copy the whole and accept counts that moved meanwhile:
 * `count` is written last (release), so a copy never shows more samples than its buckets hold.
 *
 *   0       8     16    24    32       64
 *   +-------+-----+-----+-----+--------+---------------------+
 *   | count | sum | min | max |  pad   | buckets[1152] u64   |
 *   +-------+-----+-----+-----+--------+---------------------+
 */
#ifndef HP_HISTOGRAM_H
#define HP_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "atomic.h"
#include "panic.h"
#include "wide.h"

/* cffi:begin */
#define HP_HISTOGRAM_SUB_BITS 5
#define HP_HISTOGRAM_MAX_BITS 40
#define HP_HISTOGRAM_BUCKETS 1152

typedef struct hp_histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t min; /* 0 while count is 0 */
    uint64_t max;
    uint64_t pad[4];
    uint64_t buckets[1152];
} hp_histogram_t;
/* cffi:end */
_Static_assert(HP_HISTOGRAM_BUCKETS ==
               (HP_HISTOGRAM_MAX_BITS - HP_HISTOGRAM_SUB_BITS + 1) << HP_HISTOGRAM_SUB_BITS,
               "one row of 32 below 32, then 32 for each further power of two");
HP_SIZE(hp_histogram_t, 64 + 8 * HP_HISTOGRAM_BUCKETS);

static inline uint32_t hp_histogram_index(uint64_t value)
{
    if (value < (1u << HP_HISTOGRAM_SUB_BITS)) return (uint32_t)value;
    int top = 63 - __builtin_clzll(value);
    if (top >= HP_HISTOGRAM_MAX_BITS) return HP_HISTOGRAM_BUCKETS - 1;
    int shift = top - HP_HISTOGRAM_SUB_BITS;
    return (uint32_t)(((shift + 1) << HP_HISTOGRAM_SUB_BITS) +
                      (int)((value >> shift) - (1u << HP_HISTOGRAM_SUB_BITS)));
}

/* Highest value that falls into bucket `index`. */
static inline uint64_t hp_histogram_upper(uint32_t index)
{
    uint32_t row = index >> HP_HISTOGRAM_SUB_BITS;
    uint64_t column = index & ((1u << HP_HISTOGRAM_SUB_BITS) - 1);
    if (row == 0) return column;
    return ((column + (1u << HP_HISTOGRAM_SUB_BITS) + 1) << (row - 1)) - 1;
}

static inline void hp_histogram_record(hp_histogram_t *h, uint64_t value)
{
    uint64_t n = hp_load_relaxed(&h->count);
    hp_count(&h->buckets[hp_histogram_index(value)], 1);
    hp_store_relaxed(&h->sum, h->sum + value);
    if (n == 0 || value < h->min) hp_store_relaxed(&h->min, value);
    if (value > h->max) hp_store_relaxed(&h->max, value);
    hp_store_release(&h->count, n + 1);
}

static inline void hp_histogram_merge(hp_histogram_t *to, const hp_histogram_t *source)
{
    if (source->count == 0) return;
    for (uint32_t i = 0; i < HP_HISTOGRAM_BUCKETS; i++) to->buckets[i] += source->buckets[i];
    if (to->count == 0 || source->min < to->min) to->min = source->min;
    if (source->max > to->max) to->max = source->max;
    to->sum += source->sum;
    to->count += source->count;
}

/* Value at `per_million` of the samples (500000 = median); the bucket's upper end, capped by max. */
static inline uint64_t hp_histogram_quantile(const hp_histogram_t *h, uint32_t per_million)
{
    if (h->count == 0) return 0;
    uint64_t want = (uint64_t)(((hp_uwide_t)h->count * per_million + 999999) / 1000000);
    uint64_t seen = 0;
    if (want == 0) want = 1;
    for (uint32_t i = 0; i < HP_HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= want) {
            uint64_t upper = hp_histogram_upper(i);
            return upper < h->max ? upper : h->max;
        }
    }
    return h->max;
}

#endif
