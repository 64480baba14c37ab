/* backlog.h - deltas kept until a snapshot comes.
 *
 * Owns:    a bounded queue of delta records and their levels, in the order of arrival.
 * Refuses: growing.  When it is full the oldest go, counted: the snapshot must then be newer.
 *
 * Levels of one record stand together in a ring of levels; a record that does not fit before the
 * ring's end starts again at 0.  Both rings are handed in by the owner. */
#ifndef HP_BACKLOG_H
#define HP_BACKLOG_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "event.h"
#include "hotpath/book/rules.h"

typedef struct hp_delta {
    hp_ids_t ids;
    uint64_t recv_ns;
    uint64_t tag;        /* the owner's: a line number, a journal sequence */
    uint32_t at;         /* first level in the ring */
    uint32_t bid_count;
    uint32_t ask_count;
    uint32_t applied;    /* the book held it when it was kept */
} hp_delta_t;
HP_SIZE(hp_delta_t, 56);

typedef struct hp_backlog {
    hp_delta_t *deltas;     /* [delta_mask + 1] */
    hp_level_t *levels;     /* [level_max] */
    uint32_t delta_mask;
    uint32_t level_max;
    uint32_t head;          /* oldest delta */
    uint32_t count;
    uint32_t level_next;    /* where the next record's levels would start */
    uint32_t pad;
    uint64_t lost;          /* records pushed out, or too large to be kept */
} hp_backlog_t;

static inline size_t hp_backlog_delta_bytes(uint32_t deltas_log2)
{
    return ((sizeof(hp_delta_t) << deltas_log2) + 63) & ~(size_t)63;
}

static inline size_t hp_backlog_bytes(uint32_t deltas_log2, uint32_t level_max)
{
    return hp_backlog_delta_bytes(deltas_log2) + level_max * sizeof(hp_level_t);
}

static inline void hp_backlog_init(hp_backlog_t *q, uint32_t deltas_log2, uint32_t level_max,
                                   void *memory)
{
    HP_ASSERT(deltas_log2 <= 20 && level_max <= (1u << 28));
    memset(q, 0, sizeof *q);
    q->deltas = (hp_delta_t *)memory;
    q->levels = (hp_level_t *)((char *)memory + hp_backlog_delta_bytes(deltas_log2));
    q->delta_mask = (1u << deltas_log2) - 1;
    q->level_max = level_max;
}

static inline hp_delta_t *hp_backlog_at(const hp_backlog_t *q, uint32_t nth)
{
    HP_DEBUG_ASSERT(nth < q->count);
    return &q->deltas[(q->head + nth) & q->delta_mask];
}

static inline void hp_backlog_pop(hp_backlog_t *q)
{
    HP_ASSERT(q->count > 0);
    q->head = (q->head + 1) & q->delta_mask;
    if (--q->count == 0) q->level_next = 0;
}

static inline void hp_backlog_clear(hp_backlog_t *q) { q->head = q->count = q->level_next = 0; }

/* Where `need` levels may stand now, or -1.  An empty delta needs one too: so a full ring and an
 * empty one differ. */
static inline int64_t hp_backlog_place(const hp_backlog_t *q, uint32_t need)
{
    if (q->count == 0) return 0;
    if (q->count > q->delta_mask) return -1;
    uint32_t oldest = q->deltas[q->head].at, next = q->level_next;
    HP_DEBUG_ASSERT(next != oldest);
    if (next > oldest && q->level_max - next >= need) return next;
    if (next > oldest) return oldest > need ? 0 : -1;
    return oldest - next > need ? (int64_t)next : -1;
}

/* Keep one delta; the oldest make room.  Returns 0 when it is too large to be kept at all. */
static inline int hp_backlog_push(hp_backlog_t *q, hp_delta_t delta, const hp_level_t *levels)
{
    uint32_t count = delta.bid_count + delta.ask_count, need = count ? count : 1;
    int64_t at;
    if (need > q->level_max) { /* what it says is lost, so what came before it is of no use */
        q->lost += q->count + 1;
        hp_backlog_clear(q);
        return 0;
    }
    while ((at = hp_backlog_place(q, need)) < 0) {
        hp_backlog_pop(q);
        q->lost++;
    }
    delta.at = (uint32_t)at;
    if (count) memcpy(q->levels + at, levels, count * sizeof *levels);
    q->level_next = (uint32_t)at + need;
    q->deltas[(q->head + q->count++) & q->delta_mask] = delta;
    return 1;
}

#endif
