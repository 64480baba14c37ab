/* query.h - what is asked of a book.
 *
 * Owns:    the walk from the best level outward, sums, sizes, costs, prices between, ages.
 * Refuses: change, state (a query answers for whatever the book shows), floats.  Prices between
 *          ticks are in 1e-4 of a tick (`_e4`).
 *
 * A query that reaches beyond what is known (ladder.h: edge, horizon) says so and does not guess:
 * a level that a snapshot did not reach is unknown, not absent. */
#ifndef HP_QUERY_H
#define HP_QUERY_H

#include "hotpath/book/l2.h"
#include "wide.h"

#define HP_BPS 10000
#define HP_E4 10000
#define HP_QUERY_CHUNK 128     /* overflow levels that are sorted in one go */
#define HP_LOTS_UNKNOWN (-1)

enum hp_walk {
    HP_WALK_UNKNOWN = 0, /* what comes next is not known */
    HP_WALK_LEVEL = 1,
    HP_WALK_END = 2      /* the side has no more levels */
};

typedef struct hp_walker {
    const hp_ladder_t *ladder;
    int64_t  key;        /* where to go on */
    int64_t  known;      /* levels from here on are unknown */
    uint64_t left;       /* levels that the venue's deltas still vouch for */
    uint32_t at, count;  /* of the chunk */
    uint32_t in_window;
    uint32_t pad;
    hp_level_t chunk[HP_QUERY_CHUNK];
} hp_walker_t;

static inline void hp_walk_begin(hp_walker_t *w, const hp_ladder_t *l)
{
    w->ladder = l;
    w->key = l->best;
    w->known = hp_ladder_known(l);
    w->left = l->kept ? l->kept : UINT64_MAX;
    w->at = w->count = 0;
    w->in_window = 1;
}

/* The next held level as a key, known or not; 0 at the end. */
static inline int hp_walk_held(hp_walker_t *w, hp_level_t *level)
{
    const hp_ladder_t *l = w->ladder;
    if (w->in_window && w->key != HP_KEY_NONE &&
        (uint64_t)w->key - (uint64_t)l->base < l->reach) {
        int64_t key = hp_ladder_next(l, w->key);
        if (HP_LIKELY(key != HP_KEY_NONE)) {
            level->price_ticks = key;
            level->lots = l->slots[(uint64_t)key & l->mask].lots;
            w->key = key + 1;
            return 1;
        }
    }
    if (w->in_window) {
        w->in_window = 0;
        w->key = INT64_MIN;
    }
    if (w->at == w->count) {
        w->at = 0;
        w->count = (uint32_t)hp_overflow_copy(&l->overflow, w->key, w->chunk, HP_QUERY_CHUNK);
        if (w->count == 0) return 0;
        w->key = w->chunk[w->count - 1].price_ticks + 1;
    }
    *level = w->chunk[w->at++];
    return 1;
}

/* The next level, its price in ticks, from the best outward. */
static inline enum hp_walk hp_walk_next(hp_walker_t *w, hp_level_t *level)
{
    if (w->left == 0) return HP_WALK_UNKNOWN;
    if (!hp_walk_held(w, level))
        return w->known == HP_KEY_NONE ? HP_WALK_END : HP_WALK_UNKNOWN;
    if (level->price_ticks >= w->known) return HP_WALK_UNKNOWN;
    w->left--;
    level->price_ticks ^= w->ladder->flip;
    return HP_WALK_LEVEL;
}

/* Copy the best `room` levels that are known, best first; returns how many. */
static inline size_t hp_ladder_best(const hp_ladder_t *l, hp_level_t *to, size_t room)
{
    hp_walker_t w;
    size_t count = 0;
    hp_walk_begin(&w, l);
    while (count < room && hp_walk_next(&w, &to[count]) == HP_WALK_LEVEL) count++;
    return count;
}

/* Lots of the best `count` levels; 0 when not all of them are known (`sum` holds those that are). */
static inline int hp_ladder_sum(const hp_ladder_t *l, uint64_t count, hp_wide_t *sum)
{
    hp_walker_t w;
    hp_level_t level;
    enum hp_walk step = HP_WALK_LEVEL;
    *sum = 0;
    for (hp_walk_begin(&w, l); count; count--) {
        step = hp_walk_next(&w, &level);
        if (step != HP_WALK_LEVEL) break;
        *sum += level.lots;
    }
    return step != HP_WALK_UNKNOWN;
}

/* 10000 x bid lots / (bid + ask lots) of the best `count` levels, rounded down.  5000, which favours
 * nobody, when there are no lots at all, or when not all of those levels are known (*known = 0). */
static inline int hp_l2_imbalance(const hp_l2_t *b, uint64_t count, int *known)
{
    hp_wide_t bid, ask;
    *known = hp_ladder_sum(&b->bid, count, &bid) & hp_ladder_sum(&b->ask, count, &ask);
    return !*known || bid + ask == 0 ? HP_BPS / 2 : (int)(bid * HP_BPS / (bid + ask));
}

static inline int hp_l2_imbalance_bps(const hp_l2_t *b, uint64_t count)
{
    int known;
    return hp_l2_imbalance(b, count, &known);
}

/* Lots at a price; 0 = there is no such level; HP_LOTS_UNKNOWN = it lies beyond what is known. */
static inline int64_t hp_ladder_lots_at(const hp_ladder_t *l, int64_t ticks)
{
    int64_t key = ticks ^ l->flip, lots = 0;
    if ((uint64_t)key - (uint64_t)l->base < l->reach)
        lots = l->slots[(uint64_t)key & l->mask].lots;
    else if (key > l->base)
        lots = hp_overflow_find(&l->overflow, key)->lots;
    if (lots != 0) return lots;
    if (key >= hp_ladder_known(l)) return HP_LOTS_UNKNOWN;
    if (l->kept == 0 || key < l->best) return 0;
    hp_walker_t w;
    hp_level_t level;
    enum hp_walk step;
    hp_walk_begin(&w, l);
    while ((step = hp_walk_next(&w, &level)) == HP_WALK_LEVEL)
        if ((level.price_ticks ^ l->flip) > key) return 0;
    return step == HP_WALK_END ? 0 : HP_LOTS_UNKNOWN;
}

/* When the venue named this level last (recv_ns); 0 = not known: there is no such level, it lies
 * outside the window, or the window moved over it and it was not named since. */
static inline uint64_t hp_ladder_since_ns(const hp_ladder_t *l, int64_t ticks)
{
    int64_t key = ticks ^ l->flip;
    if ((uint64_t)key - (uint64_t)l->base >= l->reach) return 0;
    const hp_slot_t *slot = &l->slots[(uint64_t)key & l->mask];
    return slot->lots != 0 ? slot->since_ns : 0;
}

/* What it takes to trade `lots` against one side. */
typedef struct hp_take {
    hp_wide_t notional;      /* ticks x lots */
    int64_t   lots;          /* found; fewer than asked for: `end` says why */
    int64_t   worst_ticks;   /* of the last level touched; meaningless when lots are 0 */
    uint64_t  levels;
    enum hp_walk end;        /* LEVEL: all found.  END: the side has no more.  UNKNOWN: horizon */
} hp_take_t;

static inline hp_take_t hp_ladder_take(const hp_ladder_t *l, int64_t lots)
{
    hp_take_t t = { 0, 0, 0, 0, HP_WALK_LEVEL };
    hp_walker_t w;
    hp_level_t level;
    hp_walk_begin(&w, l);
    while (t.lots < lots) {
        t.end = hp_walk_next(&w, &level);
        if (t.end != HP_WALK_LEVEL) break;
        int64_t part = level.lots < lots - t.lots ? level.lots : lots - t.lots;
        t.notional += (hp_wide_t)level.price_ticks * part;
        t.lots += part;
        t.worst_ticks = level.price_ticks;
        t.levels++;
    }
    return t;
}

/* a / b, b > 0, rounded down, or up; 0 in *fits when it leaves 64 bits. */
static inline int64_t hp_wide_ratio(hp_wide_t a, hp_wide_t b, int up, int *fits)
{
    hp_wide_t q = a / b, rest = a % b;
    if (rest != 0 && (rest > 0) == up) q += up ? 1 : -1;
    *fits = q >= INT64_MIN && q <= INT64_MAX;
    return *fits ? (int64_t)q : 0;
}

/* Mean price of taking `lots` from a side, in 1e-4 ticks, rounded against the taker.  0 in *known
 * when the size is not there or not known, or the price leaves 64 bits. */
static inline int64_t hp_ladder_vwap_e4(const hp_ladder_t *l, int64_t lots, int *known)
{
    hp_take_t t = hp_ladder_take(l, lots);
    *known = 0;
    if (lots <= 0 || t.end != HP_WALK_LEVEL) return 0;
    hp_wide_t scaled;
    if (__builtin_mul_overflow(t.notional, (hp_wide_t)HP_E4, &scaled)) return 0;
    return hp_wide_ratio(scaled, t.lots, l->flip == 0, known);
}

/* Both sides are there and nothing better can be hidden. */
static inline int hp_l2_has_touch(const hp_l2_t *b)
{
    return b->bid.best_lots != 0 && b->ask.best_lots != 0 && !hp_l2_blind(b);
}

/* (bid + ask) / 2 in 1e-4 ticks: exact.  0 in *known without both sides. */
static inline int64_t hp_l2_mid_e4(const hp_l2_t *b, int *known)
{
    *known = hp_l2_has_touch(b);
    if (!*known) return 0;
    hp_wide_t sum = (hp_wide_t)hp_l2_bid_ticks(b) + hp_l2_ask_ticks(b);
    return hp_wide_ratio(sum * (HP_E4 / 2), 1, 0, known);
}

/* (bid price x ask lots + ask price x bid lots) / (bid + ask lots) in 1e-4 ticks, rounded down:
 * nearer to the side that is about to give way.  0 in *known without both sides. */
static inline int64_t hp_l2_microprice_e4(const hp_l2_t *b, int *known)
{
    *known = hp_l2_has_touch(b);
    if (!*known) return 0;
    hp_wide_t bid = hp_l2_bid_ticks(b), ask = hp_l2_ask_ticks(b), scaled;
    hp_wide_t bid_lots = b->bid.best_lots, ask_lots = b->ask.best_lots;
    /* bid + (ask - bid) x bid lots / (bid + ask lots): the difference is small, the product fits */
    *known = !__builtin_mul_overflow((ask - bid) * HP_E4, bid_lots, &scaled);
    if (!*known) return 0;
    hp_wide_t part = scaled / (bid_lots + ask_lots);
    if (scaled % (bid_lots + ask_lots) != 0 && scaled < 0) part--;
    return hp_wide_ratio(bid * HP_E4 + part, 1, 0, known);
}

#endif
