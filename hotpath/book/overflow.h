/* overflow.h - the levels of one side that lie outside the ladder's window.
 *
 * Owns:    a bounded open-addressing table key -> lots (linear probing, backward-shift deletion, so
 *          there are no tombstones and a lookup does not slow down with age).
 * Refuses: growing.  When it is full the ladder decides what is forgotten.
 *
 * A slot is an hp_level_t whose price is a key (ladder.h).  It is free where lots == 0, so zeroed
 * memory is an empty table. */
#ifndef HP_OVERFLOW_H
#define HP_OVERFLOW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "event.h"
#include "panic.h"

#define HP_KEY_NONE INT64_MAX
#define HP_OVERFLOW_LOG2_MIN 3
#define HP_OVERFLOW_LOG2_MAX 18 /* a move of the window reads the whole table */
#define HP_OVERFLOW_SAMPLE 64

typedef struct hp_overflow {
    hp_level_t *slots;
    uint64_t mask;       /* slots - 1 */
    uint64_t count;
    uint64_t count_max;  /* 3/4 of the slots: probes stay short */
    uint32_t shift;      /* 64 - log2(slots) */
    uint32_t pad;
} hp_overflow_t;

static inline size_t hp_overflow_bytes(uint32_t slots_log2)
{
    return sizeof(hp_level_t) << slots_log2;
}

static inline void hp_overflow_init(hp_overflow_t *t, uint32_t slots_log2, void *zeroed)
{
    HP_ASSERT(slots_log2 >= HP_OVERFLOW_LOG2_MIN && slots_log2 <= HP_OVERFLOW_LOG2_MAX);
    t->slots = (hp_level_t *)zeroed;
    t->mask = ((uint64_t)1 << slots_log2) - 1;
    t->count = 0;
    t->count_max = ((uint64_t)3 << slots_log2) / 4;
    t->shift = 64 - slots_log2;
    t->pad = 0;
}

static inline void hp_overflow_clear(hp_overflow_t *t)
{
    if (t->count) memset(t->slots, 0, (t->mask + 1) * sizeof *t->slots);
    t->count = 0;
}

static inline uint64_t hp_overflow_home(const hp_overflow_t *t, int64_t key)
{
    return ((uint64_t)key * 0x9E3779B97F4A7C15u) >> t->shift;
}

/* The key's slot, or the free slot where it would go. */
static inline hp_level_t *hp_overflow_find(const hp_overflow_t *t, int64_t key)
{
    uint64_t at = hp_overflow_home(t, key);
    while (t->slots[at].lots != 0 && t->slots[at].price_ticks != key) at = (at + 1) & t->mask;
    return &t->slots[at];
}

/* Free a slot and close the hole: what was displaced past it moves back. */
static inline void hp_overflow_free(hp_overflow_t *t, hp_level_t *slot)
{
    uint64_t hole = (uint64_t)(slot - t->slots), at = hole;
    HP_ASSERT(t->count > 0);
    for (;;) {
        at = (at + 1) & t->mask;
        if (t->slots[at].lots == 0) break;
        uint64_t home = hp_overflow_home(t, t->slots[at].price_ticks);
        /* A level may not stand before its home. */
        if (((at - home) & t->mask) < ((at - hole) & t->mask)) continue;
        t->slots[hole] = t->slots[at];
        hole = at;
    }
    t->slots[hole].lots = 0;
    t->count--;
}

/* The smallest key, HP_KEY_NONE when empty.  Reads the whole table. */
static inline int64_t hp_overflow_least(const hp_overflow_t *t)
{
    int64_t least = HP_KEY_NONE;
    if (t->count == 0) return least;
    for (uint64_t i = 0; i <= t->mask; i++) {
        const hp_level_t *s = &t->slots[i];
        if (s->lots != 0 && s->price_ticks < least) least = s->price_ticks;
    }
    return least;
}

/* A key from which on about an eighth of the levels lie, one at least: the 7/8 quantile of a sample
 * that is spread over the table. */
static inline int64_t hp_overflow_far_eighth(const hp_overflow_t *t)
{
    int64_t sample[HP_OVERFLOW_SAMPLE];
    uint64_t every = t->count / HP_OVERFLOW_SAMPLE + 1, seen = 0;
    int count = 0;
    for (uint64_t i = 0; i <= t->mask && count < HP_OVERFLOW_SAMPLE; i++) {
        if (t->slots[i].lots == 0 || seen++ % every != 0) continue;
        int64_t key = t->slots[i].price_ticks;
        int at = count++;
        for (; at > 0 && sample[at - 1] > key; at--) sample[at] = sample[at - 1];
        sample[at] = key;
    }
    HP_ASSERT(count > 0);
    return sample[count * 7 / 8];
}

/* Sift down in a heap whose root has the greatest price. */
static inline void hp_overflow_sift(hp_level_t *heap, size_t count, size_t at)
{
    hp_level_t moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1].price_ticks > heap[child].price_ticks) child++;
        if (heap[child].price_ticks <= moved.price_ticks) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* Copy the `room` smallest levels with key >= `from` in order of key; returns how many.  One pass
 * over the table with a heap in `to`, then a heap sort in place. */
static inline size_t hp_overflow_copy(const hp_overflow_t *t, int64_t from, hp_level_t *to,
                                      size_t room)
{
    size_t count = 0;
    if (room == 0 || t->count == 0) return 0;
    for (uint64_t i = 0; i <= t->mask; i++) {
        const hp_level_t *s = &t->slots[i];
        if (s->lots == 0 || s->price_ticks < from) continue;
        if (count < room) {
            to[count++] = *s;
            if (count < room) continue;
            for (size_t k = count / 2; k-- > 0;) hp_overflow_sift(to, count, k);
        } else if (s->price_ticks < to[0].price_ticks) {
            to[0] = *s;
            hp_overflow_sift(to, count, 0);
        }
    }
    if (count < room) for (size_t k = count / 2; k-- > 0;) hp_overflow_sift(to, count, k);
    for (size_t end = count; end > 1; end--) {
        hp_level_t greatest = to[0];
        to[0] = to[end - 1];
        to[end - 1] = greatest;
        hp_overflow_sift(to, end - 1, 0);
    }
    return count;
}

#endif
