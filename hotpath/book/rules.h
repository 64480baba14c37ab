/* rules.h - when is an event the successor of what the book holds?
 *
 * Owns:    the venues' sequence rules, by number; one line of truth per venue.
 * Refuses: state (sync.h), repair: a rule only answers.  A repeated event is not the successor:
 *          putting several lines together is the feed arbiter's work.
 *
 * To add a venue: a name in the enum, a case in each function, a row in tests/book. */
#ifndef HP_RULES_H
#define HP_RULES_H

#include <stdint.h>

#include "panic.h"

enum hp_sequence_rule {
    HP_SEQUENCE_NONE = 0,            /* refuses everything */
    HP_SEQUENCE_BINANCE_FUTURES = 1, /* U, u, pu; REST snapshot with lastUpdateId */
    HP_SEQUENCE_BINANCE_SPOT = 2,    /* U, u; REST snapshot with lastUpdateId */
    HP_SEQUENCE_OKX = 3,         /* seqId, prevSeqId; snapshots in the stream; 2022: no ids at all */
    HP_SEQUENCE_BYBIT = 4,       /* u; snapshots in the stream */
    HP_SEQUENCE_HYPERLIQUID = 5, /* every message is a snapshot; its time never goes back */
    HP_SEQUENCE_RULE_COUNT = 6
};

enum hp_place {
    HP_PLACE_REFUSED = 0,
    HP_PLACE_OLD = 1,   /* the snapshot holds it already */
    HP_PLACE_NEXT = 2,  /* apply it */
    HP_PLACE_GAP = 3    /* something between is missing */
};

/* What a rule looks at. */
typedef struct hp_ids {
    uint64_t first_id;
    uint64_t last_id;
    uint64_t prev_id;
} hp_ids_t;

static inline int hp_rule_known(uint32_t rule)
{
    return rule != HP_SEQUENCE_NONE && rule < HP_SEQUENCE_RULE_COUNT;
}

/* Do snapshots stand in the stream itself?  Then one is all there is to know at its place: it needs
 * no later event to prove it, nothing before it is worth keeping, and a new one is had by
 * subscribing again. */
static inline int hp_rule_in_stream(uint32_t rule)
{
    return rule >= HP_SEQUENCE_OKX && rule <= HP_SEQUENCE_HYPERLIQUID;
}

/* Are a symbol's trades numbered one by one? */
static inline int hp_rule_numbers_trades(uint32_t rule)
{
    return rule == HP_SEQUENCE_BINANCE_FUTURES || rule == HP_SEQUENCE_BINANCE_SPOT;
}

/* The first event after a snapshot that came from elsewhere. */
static inline enum hp_place hp_rule_first(uint32_t rule, uint64_t snapshot_id, hp_ids_t e)
{
    switch (rule) {
    case HP_SEQUENCE_BINANCE_FUTURES: /* drop u < lastUpdateId; then U <= lastUpdateId <= u */
        if (e.last_id < snapshot_id) return HP_PLACE_OLD;
        return e.first_id <= snapshot_id ? HP_PLACE_NEXT : HP_PLACE_GAP;
    case HP_SEQUENCE_BINANCE_SPOT: /* drop u <= lastUpdateId; then U <= lastUpdateId + 1 <= u */
        if (e.last_id <= snapshot_id) return HP_PLACE_OLD;
        return e.first_id <= snapshot_id + 1 ? HP_PLACE_NEXT : HP_PLACE_GAP;
    default:
        return HP_PLACE_REFUSED;
    }
}

/* Every event after that. */
static inline enum hp_place hp_rule_next(uint32_t rule, uint64_t last_id, hp_ids_t e)
{
    switch (rule) {
    case HP_SEQUENCE_BINANCE_FUTURES: /* pu == previous u, and forward; U is not its successor */
        return e.prev_id == last_id && e.last_id > last_id ? HP_PLACE_NEXT : HP_PLACE_GAP;
    case HP_SEQUENCE_BINANCE_SPOT: /* U == previous u + 1; sizes are absolute: overlaps are fine */
        return e.first_id <= last_id + 1 && e.last_id > last_id ? HP_PLACE_NEXT : HP_PLACE_GAP;
    case HP_SEQUENCE_OKX:
        /* prevSeqId == last seqId, and no more: seqId == prevSeqId is a keep-alive, a smaller seqId
         * is the first message after the venue's maintenance, whose ids start again */
        return e.prev_id == last_id ? HP_PLACE_NEXT : HP_PLACE_GAP;
    case HP_SEQUENCE_BYBIT: /* u is the successor of the last u */
        return e.last_id == last_id + 1 ? HP_PLACE_NEXT : HP_PLACE_GAP;
    default:
        return HP_PLACE_REFUSED;
    }
}

/* Which changes does an event carry?  Those after `from`, up to `to`: (from, to].  Sizes are absolute,
 * so an event may be applied to any book between `from` and `to`, wherever the venue cut it. */
typedef struct hp_span {
    uint64_t from;
    uint64_t to;
    uint32_t restarts; /* the venue's ids start again with it: `from` belongs to what was before */
    uint32_t pad;
} hp_span_t;

static inline hp_span_t hp_rule_span(uint32_t rule, hp_ids_t e, int is_snapshot)
{
    hp_span_t s = { e.prev_id, e.last_id, 0, 0 };
    switch (rule) {
    case HP_SEQUENCE_BINANCE_SPOT:
        s.from = e.first_id - 1;
        break;
    case HP_SEQUENCE_OKX:
        s.restarts = !is_snapshot && e.last_id < e.prev_id;
        break;
    case HP_SEQUENCE_BYBIT: /* u = 1 is the snapshot after the venue's restart */
        s.from = e.last_id - 1;
        s.restarts = is_snapshot && e.last_id == 1;
        break;
    default:
        break;
    }
    if (is_snapshot) s.from = 0;
    return s;
}

/* Say that an event continues `last_id`, which lies within its span. */
static inline void hp_rule_continue(uint64_t last_id, uint64_t *first_id, uint64_t *prev_id)
{
    if (*prev_id < last_id) *prev_id = last_id;
    if (*first_id <= last_id) *first_id = last_id + 1;
}

#endif
