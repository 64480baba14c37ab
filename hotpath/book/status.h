/* status.h - what a book is: its sides, its state, its counters.
 *
 * Owns:    hp_book_t and its memory's size, the need for a snapshot, the published top.
 * Refuses: what happens to it (sync.h).
 *
 * hp_book_t is private to its lane: one writer, no other reader.  Others read hp_top_t. */
#ifndef HP_BOOK_STATUS_H
#define HP_BOOK_STATUS_H

#include "book.h"
#include "event.h"
#include "hotpath/book/backlog.h"
#include "hotpath/book/checksum.h"
#include "hotpath/book/l2.h"
#include "hotpath/book/rules.h"

#define HP_CROSSED_EVENTS_MAX 16

/* A snapshot is built aside; the book that is shown stays as it is until the swap. */
enum hp_aside {
    HP_ASIDE_NONE = 0,
    HP_ASIDE_WAITING = 1, /* no event has hooked to it yet */
    HP_ASIDE_HOOKED = 2   /* kept deltas are being spliced onto it */
};

typedef struct hp_book_counts {
    uint64_t applied;   /* deltas applied, at once or from the backlog */
    uint64_t buffered;  /* deltas kept */
    uint64_t dropped;   /* deltas older than the snapshot, by the venue's first-event rule */
    uint64_t gaps;
    uint64_t crossed;   /* deltas after which the book was crossed */
    uint64_t stale;     /* transitions to STALE */
    uint64_t snapshots; /* snapshots adopted */
    uint64_t resyncs;   /* snapshots adopted after the first */
    uint64_t too_old;   /* snapshots refused */
    uint64_t rescales;
    uint64_t checksums;         /* checksums that held */
    uint64_t checksums_bad;     /* that did not: each is a gap */
    uint64_t checksums_unjudged; /* a number was not in its shortest form */
} hp_book_counts_t;

/* Since when one side's best price, and its best price and size, are what they are (recv_ns). */
typedef struct hp_touch {
    uint64_t price_ns;
    uint64_t size_ns;
} hp_touch_t;

typedef struct hp_book {
    hp_l2_t  l2;
    uint64_t update_id;      /* venue's id of the last event in the book */
    uint64_t good_ns;        /* recv_ns of that event */
    uint32_t instrument;
    uint32_t rule;           /* enum hp_sequence_rule */
    uint8_t  state;          /* enum hp_book_state */
    uint8_t  aside;          /* enum hp_aside */
    uint8_t  wanted;         /* a snapshot is wanted and has not come */
    uint8_t  reason;         /* enum hp_resync_reason of the last need */
    uint8_t  is_offline;     /* no snapshot can be fetched: the end of what is known is only marked */
    uint8_t  pad[3];
    uint32_t depth_kept;     /* levels a side that snapshots in the stream keep; 0 = all */
    uint32_t crossed_run;    /* crossed events in a row */
    uint16_t in_snapshots;   /* the last event was a snapshot that stood in the stream */
    uint16_t odd_text;       /* it holds numbers that checksums cannot be rebuilt from */
    uint64_t needs;          /* how often a need was raised: the owner requests when it changed */
    hp_touch_t bid_touch;
    hp_touch_t ask_touch;
    hp_book_counts_t counts;
    hp_backlog_t backlog;
    hp_l2_t  spare;          /* the snapshot aside */
    uint64_t spare_id;
    uint64_t spare_ns;
} hp_book_t;

typedef struct hp_book_size { /* what the owner allocates for */
    uint32_t window_log2;
    uint32_t overflow_log2;
    uint32_t deltas_log2;
    uint32_t level_max;
} hp_book_size_t;

static inline size_t hp_book_bytes(const hp_book_size_t *s)
{
    return 2 * hp_l2_bytes(s->window_log2, s->overflow_log2) +
           hp_backlog_bytes(s->deltas_log2, s->level_max);
}

/* `zeroed`: hp_book_bytes() of zeroed memory, 64-byte aligned, that outlives the book. */
static inline void hp_book_init(hp_book_t *b, uint32_t instrument, uint32_t rule,
                                const hp_book_size_t *s, void *zeroed)
{
    size_t sides = hp_l2_bytes(s->window_log2, s->overflow_log2);
    memset(b, 0, sizeof *b);
    hp_l2_init(&b->l2, s->window_log2, s->overflow_log2, zeroed);
    hp_l2_init(&b->spare, s->window_log2, s->overflow_log2, (char *)zeroed + sides);
    hp_backlog_init(&b->backlog, s->deltas_log2, s->level_max, (char *)zeroed + 2 * sides);
    b->instrument = instrument;
    b->rule = rule;
}

/* The event before `update_id` is known and every event since is in the book. */
static inline int hp_book_chained(const hp_book_t *b)
{
    return b->state == HP_BOOK_SYNCED || b->state == HP_BOOK_STALE || b->state == HP_BOOK_CROSSED;
}

/* Where the last applied or spliced delta went: the book, or the snapshot aside. */
static inline const hp_l2_t *hp_book_newest(const hp_book_t *b, uint64_t *update_id)
{
    *update_id = b->aside == HP_ASIDE_HOOKED ? b->spare_id : b->update_id;
    return b->aside == HP_ASIDE_HOOKED ? &b->spare : &b->l2;
}

/* Raise the need for a snapshot, once until one comes; one that waits aside is at hand. */
static inline void hp_book_want(hp_book_t *b, enum hp_resync_reason reason)
{
    if (b->wanted || b->aside != HP_ASIDE_NONE) return;
    b->wanted = 1;
    b->reason = (uint8_t)reason;
    b->needs++;
}

static inline void hp_book_keep(hp_book_t *b, const hp_event_t *e, const hp_level_t *levels,
                                uint64_t tag, int applied)
{
    hp_delta_t delta = { { e->first_id, e->last_id, e->prev_id }, e->recv_ns, tag, 0, e->bid_count,
                         e->ask_count, (uint32_t)applied };
    b->counts.buffered += (uint64_t)hp_backlog_push(&b->backlog, delta, levels);
}

/* What the book says about itself; symbol, decimals and the seqlock are the page owner's. */
static inline void hp_book_top(const hp_book_t *b, hp_top_t *to)
{
    to->bid_ticks = hp_l2_bid_ticks(&b->l2);
    to->bid_lots = b->l2.bid.best_lots;
    to->ask_ticks = hp_l2_ask_ticks(&b->l2);
    to->ask_lots = b->l2.ask.best_lots;
    to->recv_ns = b->good_ns;
    to->update_id = b->update_id;
    to->instrument = b->instrument;
    to->state = b->state;
}

#endif
