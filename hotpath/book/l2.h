/* l2.h - both sides of one book and what is asked of them.
 *
 * Owns:    a bid ladder and an ask ladder, the queries over the best n levels, the change of scale.
 * Refuses: sequence and state (sync.h), a judgement on crossed prices: the two sides are apart, and
 *          whatever the venue said is shown. */
#ifndef HP_L2_H
#define HP_L2_H

#include "hotpath/book/ladder.h"
#include "wide.h"

#define HP_BPS 10000
#define HP_L2_CHUNK 128 /* overflow levels summed in one go */

typedef struct hp_l2 {
    hp_ladder_t bid;
    hp_ladder_t ask;
} hp_l2_t;

static inline size_t hp_l2_bytes(uint32_t window_log2, uint32_t overflow_log2)
{
    return 2 * hp_ladder_bytes(window_log2, overflow_log2);
}

static inline void hp_l2_init(hp_l2_t *b, uint32_t window_log2, uint32_t overflow_log2,
                              void *zeroed)
{
    hp_ladder_init(&b->bid, 1, window_log2, overflow_log2, zeroed);
    hp_ladder_init(&b->ask, 0, window_log2, overflow_log2,
                   (char *)zeroed + hp_ladder_bytes(window_log2, overflow_log2));
}

/* `levels`: bids, then asks, as in hp_levels_t. */
static inline void hp_l2_apply(hp_l2_t *b, const hp_level_t *levels, uint32_t bid_count,
                               uint32_t ask_count)
{
    hp_ladder_apply(&b->bid, levels, bid_count);
    hp_ladder_apply(&b->ask, levels + bid_count, ask_count);
}

/* A snapshot replaces; it never merges. */
static inline void hp_l2_replace(hp_l2_t *b, const hp_level_t *levels, uint32_t bid_count,
                                 uint32_t ask_count)
{
    hp_ladder_clear(&b->bid);
    hp_ladder_clear(&b->ask);
    hp_l2_apply(b, levels, bid_count, ask_count);
}

static inline int64_t hp_l2_bid_ticks(const hp_l2_t *b)
{
    return b->bid.best == HP_KEY_NONE ? 0 : hp_ladder_ticks(&b->bid, b->bid.best);
}

static inline int64_t hp_l2_ask_ticks(const hp_l2_t *b)
{
    return b->ask.best == HP_KEY_NONE ? 0 : hp_ladder_ticks(&b->ask, b->ask.best);
}

/* Bid at or above ask, both sides there: locked counts as crossed. */
static inline int hp_l2_crossed(const hp_l2_t *b)
{
    return b->bid.best != HP_KEY_NONE && b->ask.best != HP_KEY_NONE &&
           hp_ladder_ticks(&b->bid, b->bid.best) >= hp_ladder_ticks(&b->ask, b->ask.best);
}

/* An emptied side of which levels were forgotten says nothing: only a snapshot does. */
static inline int hp_l2_exhausted(const hp_l2_t *b)
{
    return (b->bid.best == HP_KEY_NONE && b->bid.horizon != HP_KEY_NONE) ||
           (b->ask.best == HP_KEY_NONE && b->ask.horizon != HP_KEY_NONE);
}

/* Sum of the lots of the best `count` levels. */
static inline hp_wide_t hp_ladder_sum(const hp_ladder_t *l, uint64_t count)
{
    hp_wide_t sum = 0;
    hp_level_t chunk[HP_L2_CHUNK];
    int64_t key = l->best;
    while (count && key != HP_KEY_NONE && (uint64_t)key - (uint64_t)l->base < l->reach) {
        key = hp_ladder_next(l, key);
        if (key == HP_KEY_NONE) break;
        sum += l->lots[(uint64_t)key & l->mask];
        key++;
        count--;
    }
    for (int64_t least = INT64_MIN; count;) {
        size_t room = count < HP_L2_CHUNK ? count : HP_L2_CHUNK;
        size_t got = hp_overflow_copy(&l->overflow, least, chunk, room);
        if (got == 0) break;
        for (size_t i = 0; i < got; i++) sum += chunk[i].lots;
        least = chunk[got - 1].price_ticks + 1;
        count -= got;
    }
    return sum;
}

/* 10000 x bid lots / (bid + ask lots) of the best `count` levels, rounded down.  5000, which
 * favours nobody, when there are no lots at all. */
static inline int hp_l2_imbalance_bps(const hp_l2_t *b, uint64_t count)
{
    hp_wide_t bid = hp_ladder_sum(&b->bid, count), ask = hp_ladder_sum(&b->ask, count);
    return bid + ask == 0 ? HP_BPS / 2 : (int)(bid * HP_BPS / (bid + ask));
}

static inline int hp_levels_multiply(hp_level_t *levels, size_t count, int64_t price_factor,
                                     int64_t size_factor)
{
    int bad = 0;
    for (size_t i = 0; i < count; i++) {
        bad |= __builtin_mul_overflow(levels[i].price_ticks, price_factor, &levels[i].price_ticks);
        bad |= __builtin_mul_overflow(levels[i].lots, size_factor, &levels[i].lots);
    }
    return !bad;
}

/* Levels that hp_l2_rescale needs room for. */
static inline size_t hp_l2_total(const hp_l2_t *b)
{
    return hp_ladder_total(&b->bid) + hp_ladder_total(&b->ask);
}

/* Multiply every price and size: a finer scale was learnt.  Returns 0, with the book untouched,
 * when a value would leave 64 bits.  `room` is for hp_l2_total() levels. */
static inline int hp_l2_rescale(hp_l2_t *b, int64_t price_factor, int64_t size_factor,
                                hp_level_t *room)
{
    HP_ASSERT(price_factor > 0 && size_factor > 0);
    int64_t *ends[2] = { &b->bid.horizon, &b->ask.horizon };
    int64_t flips[2] = { b->bid.flip, b->ask.flip }, moved[2];
    size_t bid_count = hp_ladder_copy(&b->bid, room, hp_ladder_total(&b->bid));
    size_t ask_count = hp_ladder_copy(&b->ask, room + bid_count, hp_ladder_total(&b->ask));
    if (!hp_levels_multiply(room, bid_count + ask_count, price_factor, size_factor)) return 0;
    for (int i = 0; i < 2; i++) {
        moved[i] = *ends[i];
        if (moved[i] == HP_KEY_NONE) continue;
        if (__builtin_mul_overflow(moved[i] ^ flips[i], price_factor, &moved[i])) return 0;
        moved[i] ^= flips[i];
    }
    hp_ladder_clear(&b->bid);
    hp_ladder_clear(&b->ask);
    for (int i = 0; i < 2; i++) *ends[i] = moved[i];
    hp_l2_apply(b, room, (uint32_t)bid_count, (uint32_t)ask_count);
    return 1;
}

#endif
