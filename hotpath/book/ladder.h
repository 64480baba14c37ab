/* ladder.h - one side of a book: every level, the best one at hand.
 *
 * Owns:    a window of 2^k ticks around the touch (lots and last change by tick, an occupancy bit
 *          per tick, a summary bit per 64 ticks) and the overflow table for all that lies farther away.
 * Refuses: sequence, the other side, allocation (the owner hands zeroed memory in).
 *
 * Prices are held as keys, so that one code serves both sides: asks key = ticks, bids key = ~ticks;
 * the smallest key is the best price.
 *
 *        base              best                                        base + window
 *         |.................|##.#.###..#....#......#..........#...........|  #   #       #
 *          head room 1/8         next best: bit scan                         overflow, any distance
 *
 * Invariants between calls:
 *   - base is a multiple of 64 and base <= best < base + window/2; no level lies below base
 *   - a level lies in the window if its key is in [base, base + reach), else in the overflow table
 *   - a bit is set where lots are positive, a summary bit where a word of bits is not zero; where
 *     lots are 0, since_ns means nothing
 *   - no level lies at `horizon` or beyond.  HP_KEY_NONE: nothing was forgotten.  Otherwise the
 *     table was full once and levels from there on were forgotten; they come back with a snapshot.
 *   - every level below `edge` is known.  From there on the snapshot said nothing: what deltas have
 *     named since is held, what is not held there is unknown, not absent.
 *
 * Cost: O(1) per level in the window or in the table.  When the touch leaves the first half of the
 * window the base moves: O(levels that change places + slots of the table), about once per window/8
 * ticks of travel. */
#ifndef HP_LADDER_H
#define HP_LADDER_H

#include "overflow.h"

typedef struct hp_slot {
    int64_t  lots;      /* 0 = no level */
    uint64_t since_ns;  /* recv_ns of the event that named this price last; 0 = not known */
} hp_slot_t;
HP_SIZE(hp_slot_t, 16);

#define HP_WINDOW_LOG2_MIN 8
#define HP_WINDOW_LOG2_MAX 18 /* summary words stay few */

typedef struct hp_ladder {
    int64_t   base;
    uint64_t  reach;       /* the window, cut by the horizon */
    int64_t   best;        /* key; HP_KEY_NONE = no level */
    int64_t   best_lots;   /* 0 = no level */
    int64_t   flip;        /* key = ticks ^ flip: 0 asks, -1 bids */
    uint64_t  mask;        /* window - 1 */
    hp_slot_t *slots;      /* [window], at key & mask */
    uint64_t *bits;        /* [window / 64] */
    uint64_t *summary;     /* [window / 4096, rounded up] */
    int64_t   horizon;
    int64_t   edge;
    int64_t   near;        /* best at or beyond this: little of what is known is left */
    uint64_t  kept;        /* the venue's deltas keep this many levels; 0 = they name every level */
    uint64_t  moves;       /* how often the base moved */
    uint64_t  forgotten;   /* levels and updates that fell beyond the horizon */
    hp_overflow_t overflow;
} hp_ladder_t;

static inline size_t hp_ladder_words(uint32_t window_log2)
{
    return (size_t)1 << (window_log2 - 6);
}

static inline size_t hp_ladder_summary_words(uint32_t window_log2)
{
    return (hp_ladder_words(window_log2) + 63) / 64;
}

/* Bytes to hand in, a multiple of 64. */
static inline size_t hp_ladder_bytes(uint32_t window_log2, uint32_t overflow_log2)
{
    size_t words = hp_ladder_words(window_log2) + hp_ladder_summary_words(window_log2);
    return ((sizeof(hp_slot_t) << window_log2) + words * 8 + hp_overflow_bytes(overflow_log2) + 63) & ~(size_t)63;
}

static inline void hp_ladder_init(hp_ladder_t *l, int is_bid, uint32_t window_log2,
                                  uint32_t overflow_log2, void *zeroed)
{
    HP_ASSERT(window_log2 >= HP_WINDOW_LOG2_MIN && window_log2 <= HP_WINDOW_LOG2_MAX);
    memset(l, 0, sizeof *l);
    l->best = HP_KEY_NONE;
    l->horizon = l->edge = l->near = HP_KEY_NONE;
    l->flip = is_bid ? -1 : 0;
    l->mask = ((uint64_t)1 << window_log2) - 1;
    l->reach = l->mask + 1;
    l->slots = (hp_slot_t *)zeroed;
    l->bits = (uint64_t *)(l->slots + l->mask + 1);
    l->summary = l->bits + hp_ladder_words(window_log2);
    hp_overflow_init(&l->overflow, overflow_log2,
                     l->summary + hp_ladder_summary_words(window_log2));
}

static inline int64_t hp_ladder_ticks(const hp_ladder_t *l, int64_t key) { return key ^ l->flip; }

/* How many levels the side holds: counted when asked. */
static inline uint64_t hp_ladder_total(const hp_ladder_t *l)
{
    uint64_t total = l->overflow.count, words = (l->mask + 1) / 64;
    for (uint64_t i = 0; i < words; i++) total += (uint64_t)__builtin_popcountll(l->bits[i]);
    return total;
}

/* Forget everything, the horizon too: a snapshot follows.  Costs what the side holds, not what the
 * window could: where every message is a snapshot, this is most of it. */
static inline void hp_ladder_clear(hp_ladder_t *l)
{
    const uint64_t summary_words = ((l->mask + 1) / 64 + 63) / 64;
    for (uint64_t at = 0; at < summary_words; at++) {
        for (uint64_t words = l->summary[at]; words != 0; words &= words - 1) {
            const uint64_t word = at * 64 + (uint64_t)__builtin_ctzll(words);
            for (uint64_t bits = l->bits[word]; bits != 0; bits &= bits - 1)
                l->slots[word * 64 + (uint64_t)__builtin_ctzll(bits)].lots = 0;
            l->bits[word] = 0;
        }
        l->summary[at] = 0;
    }
    hp_overflow_clear(&l->overflow);
    l->best = HP_KEY_NONE;
    l->best_lots = 0;
    l->base = 0;
    l->horizon = l->edge = l->near = HP_KEY_NONE;
    l->kept = 0;
    l->reach = l->mask + 1;
}

/* Index of the first word of bits in [from, to) that is not zero, or `to`. */
static inline uint64_t hp_ladder_word(const hp_ladder_t *l, uint64_t from, uint64_t to)
{
    if (from >= to) return to;
    uint64_t at = from >> 6, found = l->summary[at] & (~(uint64_t)0 << (from & 63));
    while (found == 0 && ++at <= (to - 1) >> 6) found = l->summary[at];
    if (found == 0) return to;
    at = (at << 6) + (uint64_t)__builtin_ctzll(found);
    return at < to ? at : to;
}

/* First occupied key of the window at or above `key`, which lies in the window; or HP_KEY_NONE. */
static inline int64_t hp_ladder_next(const hp_ladder_t *l, int64_t key)
{
    uint64_t index = (uint64_t)key & l->mask, word = index >> 6;
    uint64_t found = l->bits[word] & (~(uint64_t)0 << (index & 63));
    if (HP_LIKELY(found != 0))
        return (int64_t)((uint64_t)key + (uint64_t)__builtin_ctzll(found) - (index & 63));
    /* The window is a circle cut at base: search to the end of the array, then from its start. */
    uint64_t cut = ((uint64_t)l->base & l->mask) >> 6, words = (l->mask + 1) >> 6, at;
    if (word >= cut) {
        at = hp_ladder_word(l, word + 1, words);
        if (at == words) {
            at = hp_ladder_word(l, 0, cut);
            if (at == cut) return HP_KEY_NONE;
        }
    } else {
        at = hp_ladder_word(l, word + 1, cut);
        if (at == cut) return HP_KEY_NONE;
    }
    index = (at << 6) + (uint64_t)__builtin_ctzll(l->bits[at]);
    return (int64_t)((uint64_t)l->base + ((index - (uint64_t)l->base) & l->mask));
}

/* Set one slot of the window.  What an update does cannot be predicted, so its bit is set without a
 * branch; that a word of bits becomes empty or stops being so is rare enough for one. */
static inline void hp_ladder_put(hp_slot_t *slots, uint64_t *bits, uint64_t *summary, uint64_t index,
                                 int64_t size, uint64_t now_ns)
{
    uint64_t word = index >> 6, old = bits[word], bit = (uint64_t)1 << (index & 63);
    uint64_t now = size != 0 ? old | bit : old & ~bit;
    slots[index].lots = size;
    slots[index].since_ns = now_ns;
    bits[word] = now;
    if (HP_UNLIKELY((old == 0) != (now == 0))) summary[word >> 6] ^= (uint64_t)1 << (word & 63);
}

/* A level that changes places: when it was named is not carried along. */
static inline void hp_ladder_set(hp_ladder_t *l, int64_t key, int64_t size)
{
    hp_ladder_put(l->slots, l->bits, l->summary, (uint64_t)key & l->mask, size, 0);
}

static inline void hp_ladder_set_base(hp_ladder_t *l, int64_t base)
{
    uint64_t left = (uint64_t)l->horizon - (uint64_t)base;
    l->base = base;
    l->reach = left < l->mask + 1 ? left : l->mask + 1;
}

/* The first key of which nothing is known unless it is held; HP_KEY_NONE: the side is whole. */
static inline int64_t hp_ladder_known(const hp_ladder_t *l)
{
    return l->edge < l->horizon ? l->edge : l->horizon;
}

/* A quarter of what is known from the best on is where a new snapshot should be asked for. */
static inline void hp_ladder_set_near(hp_ladder_t *l)
{
    int64_t known = hp_ladder_known(l);
    l->near = known;
    if (known != HP_KEY_NONE && l->best < known)
        l->near = (int64_t)((uint64_t)known - ((uint64_t)known - (uint64_t)l->best) / 4);
}

/* The table is full: forget about an eighth of it, the farthest, and remember from where. */
__attribute__((cold, noinline, unused))
static void hp_ladder_forget(hp_ladder_t *l)
{
    hp_overflow_t *t = &l->overflow;
    l->horizon = hp_overflow_far_eighth(t);
    for (uint64_t i = 0; i <= t->mask;) { /* what is freed may be filled again: look twice */
        if (t->slots[i].lots != 0 && t->slots[i].price_ticks >= l->horizon) {
            hp_overflow_free(t, &t->slots[i]);
            l->forgotten++;
        } else {
            i++;
        }
    }
    hp_ladder_set_base(l, l->base);
    hp_ladder_set_near(l);
}

/* Set one level that is not in the window. */
__attribute__((noinline, unused))
static void hp_ladder_set_far(hp_ladder_t *l, int64_t key, int64_t lots)
{
    if (key >= l->horizon) { l->forgotten++; return; }
    if (key < l->base) return; /* removes what is not there; an insert would have moved the base */
    hp_level_t *slot = hp_overflow_find(&l->overflow, key);
    if (lots == 0) {
        if (slot->lots != 0) hp_overflow_free(&l->overflow, slot);
        return;
    }
    if (slot->lots == 0) {
        if (l->overflow.count == l->overflow.count_max) {
            hp_ladder_forget(l);
            if (key >= l->horizon) { l->forgotten++; return; }
            slot = hp_overflow_find(&l->overflow, key);
        }
        l->overflow.count++;
    }
    slot->price_ticks = key;
    slot->lots = lots;
}

/* Move the window so that `best`, at or below every level, has an eighth of it as head room. */
__attribute__((noinline, unused))
static void hp_ladder_move(hp_ladder_t *l, int64_t best)
{
    const uint64_t window = l->mask + 1;
    int64_t room = (int64_t)(window / 8), old = l->base;
    int64_t base = best < INT64_MIN + room ? INT64_MIN : best - room;
    base &= ~(int64_t)63;
    l->moves++;
    if (base < old && l->best != HP_KEY_NONE) { /* the tail of the window goes to the table */
        uint64_t by = (uint64_t)old - (uint64_t)base;
        int64_t key = hp_ladder_next(l, by >= window ? old : (int64_t)((uint64_t)base + window));
        while (key != HP_KEY_NONE) {
            int64_t lots = l->slots[(uint64_t)key & l->mask].lots;
            hp_ladder_set(l, key, 0);
            hp_ladder_set_far(l, key, lots);
            if ((uint64_t)key + 1 - (uint64_t)old >= window) break;
            key = hp_ladder_next(l, key + 1);
        }
    }
    hp_ladder_set_base(l, base);
    hp_overflow_t *t = &l->overflow;
    if (base <= old || t->count == 0) return;
    for (uint64_t i = 0; i <= t->mask;) { /* what the window now covers leaves the table */
        hp_level_t level = t->slots[i];
        if (level.lots != 0 && (uint64_t)level.price_ticks - (uint64_t)base < l->reach) {
            hp_overflow_free(t, &t->slots[i]);
            hp_ladder_set(l, level.price_ticks, level.lots);
        } else {
            i++;
        }
    }
}

/* Find the best level again; none lies below `low`, which is in the window. */
static inline void hp_ladder_settle(hp_ladder_t *l, int64_t low)
{
    low = hp_ladder_next(l, low);
    if (HP_UNLIKELY(low == HP_KEY_NONE)) {
        low = hp_overflow_least(&l->overflow);
        if (low == HP_KEY_NONE) { l->best = low; l->best_lots = 0; return; }
        hp_ladder_move(l, low);
    }
    if (HP_UNLIKELY((uint64_t)low - (uint64_t)l->base >= (l->mask + 1) / 2)) hp_ladder_move(l, low);
    l->best = low;
    l->best_lots = l->slots[(uint64_t)low & l->mask].lots;
}

/* The message names a price below the window, or the side is empty: move the window if a level is
 * added there.  Returns where the search for the best may start; HP_KEY_NONE: nothing is there. */
__attribute__((noinline, unused))
static int64_t hp_ladder_reach_out(hp_ladder_t *l, const hp_level_t *levels, uint32_t count)
{
    int64_t low = HP_KEY_NONE;
    for (uint32_t i = 0; i < count; i++) {
        int64_t key = levels[i].price_ticks ^ l->flip;
        if (levels[i].lots == 0) continue;
        if (key >= l->horizon) l->forgotten += l->best == HP_KEY_NONE;
        else if (key < low) low = key;
    }
    if (low < l->base || (l->best == HP_KEY_NONE && low != HP_KEY_NONE)) hp_ladder_move(l, low);
    return low < l->best ? low : l->best;
}

/* Apply the levels of one message: absolute lots, 0 removes, an unknown level may be removed.
 *
 * The first pass finds the lowest key, so that the window moves at most once per message whatever
 * its order, and asks for the lines that the second pass writes. */
static inline void hp_ladder_apply(hp_ladder_t *l, const hp_level_t *levels, uint32_t count,
                                   uint64_t now_ns)
{
    const int64_t flip = l->flip;
    const uint64_t mask = l->mask;
    hp_slot_t *const slots = l->slots;
    int64_t low = l->best;
    for (uint32_t i = 0; i < count; i++) {
        int64_t key = levels[i].price_ticks ^ flip;
        HP_DEBUG_ASSERT(levels[i].lots >= 0);
        __builtin_prefetch(&slots[(uint64_t)key & mask], 1);
        low = key < low ? key : low;
    }
    if (HP_UNLIKELY(low < l->base || l->best == HP_KEY_NONE)) {
        low = hp_ladder_reach_out(l, levels, count);
        if (low == HP_KEY_NONE) return;
    }
    /* In locals, so that the compiler need not read them again after each store. */
    const uint64_t base = (uint64_t)l->base;
    const uint64_t reach = l->reach;
    uint64_t *const bits = l->bits, *const summary = l->summary;
    for (uint32_t i = 0; i < count; i++) {
        int64_t key = levels[i].price_ticks ^ flip, size = levels[i].lots;
        if (HP_LIKELY((uint64_t)key - base < reach)) {
            hp_ladder_put(slots, bits, summary, (uint64_t)key & mask, size, now_ns);
        } else {
            hp_ladder_set_far(l, key, size);
            HP_DEBUG_ASSERT(reach == l->reach); /* what is forgotten lies beyond the window */
        }
    }
    if (count) hp_ladder_settle(l, low);
}

/* Copy the best `room` levels, best first; returns how many. */
static inline size_t hp_ladder_copy(const hp_ladder_t *l, hp_level_t *to, size_t room)
{
    size_t count = 0;
    int64_t key = l->best;
    while (key != HP_KEY_NONE && count < room && (uint64_t)key - (uint64_t)l->base < l->reach) {
        key = hp_ladder_next(l, key);
        if (key == HP_KEY_NONE) break;
        to[count].price_ticks = key;
        to[count++].lots = l->slots[(uint64_t)key & l->mask].lots;
        key++;
    }
    count += hp_overflow_copy(&l->overflow, INT64_MIN, to + count, room - count);
    for (size_t i = 0; i < count; i++) to[i].price_ticks ^= l->flip;
    return count;
}

#endif
