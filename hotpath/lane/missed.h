/* missed.h - trades that a stream did not bring: found by their ids, asked for, shown apart.
 *
 * Owns:    the last trade id of each stream, the span of trades that is asked for, how many of them came.
 * Refuses: books (resync.h: a book is never filled in), fetching (runtime/feeds/supply.py), prices: a trade
 *          that comes this way is old; it moves no figure, refreshes no stream and is shown by itself.
 *
 * Only where the venue numbers trades without holes (rules.h).  What is asked for is one span an
 * instrument, the newest HP_MISSED_MAX of it: [missed_from, missed_to) on the lane page, where the cold
 * side reads it; `missing` says which trades of it did not come. */
#ifndef HP_LANE_MISSED_H
#define HP_LANE_MISSED_H

#include <stdint.h>
#include <string.h>

#include "hotpath/book/rules.h"
#include "hotpath/lane/stale.h"

#define HP_MISSED_AGAIN_NS 5000000000ull
#define HP_MISSED_ASKS_MAX 3u
#define HP_MISSING_BITS 1024u

_Static_assert(HP_MISSED_MAX <= HP_MISSING_BITS, "a bit for each trade of a span");
_Static_assert(sizeof(((hp_lane_instrument_t *)0)->missing) * 8 == HP_MISSING_BITS, "the id is a mask");

/* Clear or set the bit of a trade; returns what it was. */
static inline int hp_lane_mark_missing(hp_lane_instrument_t *i, uint64_t id, int is_missing)
{
    uint64_t *word = &i->missing[id % HP_MISSING_BITS / 64], bit = 1ull << id % 64, before = *word;
    *word = is_missing ? before | bit : before & ~bit;
    return (before & bit) != 0;
}

static inline void hp_lane_close_missed(hp_lane_t *l, hp_lane_instrument_t *i)
{
    hp_lane_feed_t *feed = hp_lane_feed(l, i);
    feed->missed_from = feed->missed_to = 0;
    i->missed_asks = 0;
    memset(i->missing, 0, sizeof i->missing);
}

static inline void hp_lane_want_missed(hp_lane_t *l, hp_lane_instrument_t *i)
{
    i->missed_ns = l->now_ns;
    i->missed_asks++;
    l->env.want(l->env.self, HP_WANT_MISSED, i->about.id);
}

/* The trades [from, to) are missing. */
__attribute__((noinline, unused))
static void hp_lane_missed(hp_lane_t *l, hp_lane_instrument_t *i, uint8_t kind, uint64_t from, uint64_t to)
{
    hp_lane_feed_t *feed = hp_lane_feed(l, i);
    hp_count(&feed->trade_gaps, 1);
    hp_count(&feed->trades_missed, to - from);
    if (kind == HP_EVENT_AGG_TRADE) { /* what the venue lists by id */
        uint64_t least = to > HP_MISSED_MAX ? to - HP_MISSED_MAX : 0, first = from > least ? from : least;
        if (feed->missed_from == 0) feed->missed_from = first;
        for (uint64_t n = 0; n < HP_MISSING_BITS && feed->missed_from + n < least; n++)
            hp_lane_mark_missing(i, feed->missed_from + n, 0);
        if (feed->missed_from < least) feed->missed_from = least;
        for (uint64_t id = first; id < to; id++) hp_lane_mark_missing(i, id, 1);
        feed->missed_to = to;
        i->missed_asks = 0;
        hp_lane_want_missed(l, i);
    }
    hp_lane_tell_feed(l, i, HP_TROUBLE_MISSED, kind, (int64_t)(to - from), (int64_t)from);
}

/* A trade of a stream: is it the one after the last? */
static inline void hp_lane_follow_trade(hp_lane_t *l, hp_lane_instrument_t *i)
{
    const hp_event_t *e = &l->event;
    if (e->kind != HP_EVENT_AGG_TRADE && e->kind != HP_EVENT_TRADE) return;
    uint64_t *last = &i->heard_trade[e->kind == HP_EVENT_TRADE], before = *last, id = e->body.trade.trade_id;
    if (HP_UNLIKELY(id <= before && before - id < HP_MISSED_MAX)) { /* a copy, or it comes late */
        hp_lane_feed_t *feed = hp_lane_feed(l, i);
        if (e->kind != HP_EVENT_AGG_TRADE || id < feed->missed_from || id >= feed->missed_to) return;
        hp_count(&feed->trades_filled, (uint64_t)hp_lane_mark_missing(i, id, 0));
        return;
    }
    *last = id;
    if (HP_LIKELY(id == before + 1) || before == 0 || id < before) return;
    if (hp_rule_numbers_trades(l->codec->sequence_rule)) hp_lane_missed(l, i, e->kind, before + 1, id);
}

static inline void hp_lane_missed_timer(hp_lane_t *l, hp_lane_instrument_t *i)
{
    if (HP_LIKELY(i->missed_asks == 0) || l->now_ns - i->missed_ns <= HP_MISSED_AGAIN_NS) return;
    if (i->missed_asks >= HP_MISSED_ASKS_MAX) hp_lane_close_missed(l, i);
    else hp_lane_want_missed(l, i);
}

/* What the venue lists, in the order of ids: what was missing of it is shown. */
static inline void hp_lane_fill_missed(hp_lane_t *l, uint32_t instrument, const char *rows, size_t size)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, instrument);
    if (i == NULL || size % sizeof(hp_missed_t) != 0) return;
    if (!hp_lane_journal(l, HP_RECORD_MISSED, instrument, l->recv_ns, rows, size)) return;
    hp_lane_feed_t *feed = hp_lane_feed(l, i);
    memset(&l->stamps, 0, sizeof l->stamps);
    for (size_t at = 0; at < size; at += sizeof(hp_missed_t)) {
        hp_missed_t row;
        memcpy(&row, rows + at, sizeof row);
        if (row.trade_id < feed->missed_from || row.trade_id >= feed->missed_to) continue;
        feed->missed_from = row.trade_id + 1;
        if (!hp_lane_mark_missing(i, row.trade_id, 0)) continue;
        hp_count(&feed->trades_filled, 1);
        hp_event_t *e = &l->event;
        memset(e, 0, sizeof *e);
        e->kind = HP_EVENT_AGG_TRADE;
        e->flags = row.is_buyer_maker ? HP_EVENT_BUYER_MAKER : 0;
        e->instrument = instrument;
        e->recv_ns = l->recv_ns;
        e->event_ns = e->match_ns = row.event_ns;
        e->first_id = row.first_id;
        e->last_id = row.last_id;
        e->body.trade.price_ticks = row.price_ticks;
        e->body.trade.lots = row.lots;
        e->body.trade.trade_id = row.trade_id;
        for (uint32_t n = 0; n < l->strategy_count; n++) {
            hp_strategy_t *s = &l->strategies[n];
            if (s->on_missed != NULL && !s->is_halted) s->on_missed(s->self, e);
        }
    }
    if (feed->missed_from >= feed->missed_to) hp_lane_close_missed(l, i);
    hp_lane_decide(l);
}

#endif
