/* l2.h - both sides of one book.
 *
 * Owns:    a bid ladder and an ask ladder, what a snapshot leaves unknown, the change of scale.
 * Refuses: queries (query.h), sequence and state (sync.h), a judgement on crossed prices: the two
 *          sides are apart, and whatever the venue said is shown. */
#ifndef HP_L2_H
#define HP_L2_H

#include "hotpath/book/ladder.h"

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
                               uint32_t ask_count, uint64_t now_ns)
{
    hp_ladder_apply(&b->bid, levels, bid_count, now_ns);
    hp_ladder_apply(&b->ask, levels + bid_count, ask_count, now_ns);
}

/* From where on a side of a snapshot says nothing, if it does not hold all: behind its last level. */
static inline void hp_ladder_set_edge(hp_ladder_t *l, const hp_level_t *levels, uint32_t count,
                                      uint32_t limit, uint32_t kept)
{
    int64_t last = INT64_MIN;
    l->kept = kept;
    if (kept == 0 && count != 0 && count >= limit) {
        for (uint32_t i = 0; i < count; i++) {
            int64_t key = levels[i].price_ticks ^ l->flip;
            if (key > last) last = key;
        }
        l->edge = last == HP_KEY_NONE ? last : last + 1;
    }
    hp_ladder_set_near(l);
}

/* A snapshot replaces; it never merges.  `depth` says how deep it reaches. */
static inline void hp_l2_replace(hp_l2_t *b, const hp_level_t *levels, uint32_t bid_count,
                                 uint32_t ask_count, const hp_event_depth_t *depth,
                                 uint64_t now_ns)
{
    uint32_t limit = depth->depth_limit, kept = depth->depth_kept;
    if (limit == 0) limit = bid_count > ask_count ? bid_count : ask_count;
    hp_ladder_clear(&b->bid);
    hp_ladder_clear(&b->ask);
    hp_l2_apply(b, levels, bid_count, ask_count, now_ns);
    hp_ladder_set_edge(&b->bid, levels, bid_count, limit, kept);
    hp_ladder_set_edge(&b->ask, levels + bid_count, ask_count, limit, kept);
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

/* Little is left of what is known: look closer (hp_l2_blind).  Two compares per event. */
static inline int hp_l2_near(const hp_l2_t *b)
{
    return b->bid.best >= b->bid.near || b->ask.best >= b->ask.near;
}

/* A side whose best level lies beyond what is known, or that ran empty while something is unknown,
 * says nothing: a better level may exist.  Only a snapshot helps. */
static inline int hp_ladder_blind(const hp_ladder_t *l)
{
    int64_t known = hp_ladder_known(l);
    return known != HP_KEY_NONE && l->best >= known;
}

static inline int hp_l2_blind(const hp_l2_t *b)
{
    return hp_ladder_blind(&b->bid) || hp_ladder_blind(&b->ask);
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

/* A boundary key on a finer scale; 0 when it leaves 64 bits.  The level at `key` moves with its
 * price. */
static inline int hp_ladder_finer_key(const hp_ladder_t *l, int64_t *key, int64_t price_factor)
{
    int64_t ticks;
    if (__builtin_mul_overflow(*key ^ l->flip, price_factor, &ticks)) return 0;
    *key = ticks ^ l->flip;
    return 1;
}

/* The horizon is the first level that is unknown, the edge stands behind the last that is known. */
static inline int hp_ladder_finer_ends(const hp_ladder_t *l, int64_t price_factor, int64_t ends[2])
{
    ends[0] = l->horizon;
    ends[1] = l->edge;
    if (ends[0] != HP_KEY_NONE && !hp_ladder_finer_key(l, &ends[0], price_factor)) return 0;
    if (ends[1] == HP_KEY_NONE) return 1;
    ends[1]--;
    if (!hp_ladder_finer_key(l, &ends[1], price_factor)) return 0;
    ends[1] += ends[1] != HP_KEY_NONE;
    return 1;
}

/* Put all levels of one side back on a finer scale. */
static inline void hp_ladder_refill(hp_ladder_t *l, const hp_level_t *levels, size_t count,
                                    const int64_t ends[2])
{
    uint64_t kept = l->kept;
    hp_ladder_clear(l);
    l->kept = kept;
    l->horizon = ends[0];
    l->edge = ends[1];
    hp_ladder_apply(l, levels, (uint32_t)count, 0);
    hp_ladder_set_near(l);
}

/* Multiply every price and size: a finer scale was learnt.  Returns 0, with the book untouched,
 * when a value would leave 64 bits; `only_try` stops before any change.  `room` is for hp_l2_total()
 * levels. */
static inline int hp_l2_rescale(hp_l2_t *b, int64_t price_factor, int64_t size_factor,
                                hp_level_t *room, int only_try)
{
    HP_ASSERT(price_factor > 0 && size_factor > 0);
    int64_t ends[2][2];
    size_t bid_count = hp_ladder_copy(&b->bid, room, hp_ladder_total(&b->bid));
    size_t ask_count = hp_ladder_copy(&b->ask, room + bid_count, hp_ladder_total(&b->ask));
    if (!hp_levels_multiply(room, bid_count + ask_count, price_factor, size_factor)) return 0;
    if (!hp_ladder_finer_ends(&b->bid, price_factor, ends[0])) return 0;
    if (!hp_ladder_finer_ends(&b->ask, price_factor, ends[1])) return 0;
    if (only_try) return 1;
    hp_ladder_refill(&b->bid, room, bid_count, ends[0]);
    hp_ladder_refill(&b->ask, room + bid_count, ask_count, ends[1]);
    return 1;
}

#endif
