/* resync.h - a book out of sequence: what rests on it goes, a snapshot is wanted, blind time counts.
 *
 * Owns:    leaving and reaching SYNCED, asking for a snapshot (buffer first, then fetch), the line of a
 *          book breaking with its socket.  Per instrument: what befalls one leaves the others alone.
 * Refuses: the sequence rule and the splice (hotpath/book), fetching, back-off, weight budget
 *          (runtime/feeds/resync.py: randomness lives there).
 *
 * An unanswered wish is repeated after HP_SNAPSHOT_RETRY_NS in case it was lost on the way; the cold
 * side answers one wish per instrument at a time, so a repetition costs no request. */
#ifndef HP_LANE_RESYNC_H
#define HP_LANE_RESYNC_H

#include <stdint.h>

#include "hotpath/lane/lines.h"
#include "hotpath/lane/spare.h"

_Static_assert(HP_RESYNC_REASON_COUNT <= sizeof(((hp_lane_feed_t *)0)->wanted) / sizeof(uint64_t),
               "a count for each reason");

#define HP_SNAPSHOT_RETRY_NS 2000000000ull

static inline void hp_lane_blind(hp_lane_t *l, hp_lane_instrument_t *i)
{
    if (i->not_synced_ns != 0) return;
    i->not_synced_ns = l->now_ns;
    hp_store_relaxed(&hp_lane_feed(l, i)->blind_since_ns, l->now_ns);
}

/* Leaving SYNCED cancels what rests on that book, in the same step.  `bound_ns`: when it became stale;
 * 0 = it broke. */
static inline void hp_lane_book_lost(hp_lane_t *l, hp_lane_instrument_t *i, uint64_t bound_ns)
{
    hp_lane_take_out(l, i, bound_ns);
    hp_lane_blind(l, i);
    hp_lane_publish_top(l, i);
    hp_lane_choose_source(l, i);
    hp_lane_tell_feed(l, i, HP_TROUBLE_BLIND, HP_EVENT_DEPTH, i->book->state, HP_BOOK_SYNCED);
}

static inline void hp_lane_book_found(hp_lane_t *l, hp_lane_instrument_t *i)
{
    hp_lane_feed_t *feed = hp_lane_feed(l, i);
    uint64_t blind_ns = i->not_synced_ns != 0 ? l->now_ns - i->not_synced_ns : 0;
    i->not_synced_ns = 0;
    hp_count(&l->count->blind_ns, blind_ns);
    hp_count(&feed->blind_ns, blind_ns);
    hp_store_relaxed(&feed->blind_since_ns, 0);
    hp_lane_choose_source(l, i);
    hp_lane_tell_feed(l, i, HP_TROUBLE_SYNCED, HP_EVENT_DEPTH, (int64_t)blind_ns, 0);
}

/* A book that broke has nothing to hook a REST snapshot to until a delta is kept: wait for that first.
 * Where snapshots stand in the stream, the stream itself is asked for anew. */
static inline void hp_lane_want_snapshot(hp_lane_t *l, hp_lane_instrument_t *i)
{
    if (i->snapshot_wanted && l->now_ns - i->snapshot_wanted_ns < HP_SNAPSHOT_RETRY_NS) return;
    int is_in_stream = hp_rule_in_stream(l->codec->sequence_rule);
    if (!is_in_stream && !hp_book_chained(i->book) && i->book->backlog.count == 0) return;
    if (!i->snapshot_wanted) hp_count(&hp_lane_feed(l, i)->wanted[i->book->reason], 1);
    i->snapshot_wanted = 1;
    i->snapshot_wanted_ns = l->now_ns;
    hp_lane_journal(l, HP_RECORD_RESYNC, i->about.id, l->recv_ns, &i->about.id, sizeof i->about.id);
    if (is_in_stream) l->env.want(l->env.self, HP_WANT_STREAM, i->about.id | HP_EVENT_DEPTH << 16);
    else l->env.want(l->env.self, HP_WANT_SNAPSHOT, i->about.id);
}

/* What the book holds is not to be believed, though no sequence number says so. */
static inline void hp_lane_break_book(hp_lane_t *l, hp_lane_instrument_t *i)
{
    int was_synced = i->book->state == HP_BOOK_SYNCED;
    hp_book_break(i->book);
    if (i->book->wanted && i->book->reason == HP_RESYNC_GAP) i->book->reason = HP_RESYNC_LINE;
    if (was_synced) hp_lane_book_lost(l, i, 0);
}

/* A market socket opened or closed: its streams are waited for, or their books are broken, unless
 * another line carries them on. */
static inline void hp_lane_socket(hp_lane_t *l, uint32_t socket, int is_open)
{
    const uint32_t line = hp_lane_line(l, socket);
    socket = hp_lane_line_socket(l, socket);
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
        hp_lane_instrument_t *i = hp_lane_instrument(l, id);
        if (i == NULL || i->book == NULL) continue;
        for (uint32_t kinds = i->stream_mask; kinds != 0; kinds &= kinds - 1) {
            uint32_t kind = (uint32_t)__builtin_ctz(kinds);
            hp_stream_t *s = &i->streams[kind];
            if (s->rule.socket != socket) continue;
            if (!hp_lane_line_moves(l, i, s, kind, line, is_open)) continue;
            s->opened_ns = is_open ? l->now_ns : 0;
            s->last_ns = 0;
            if (kind == HP_EVENT_DEPTH && is_open && i->book->state != HP_BOOK_SYNCED) hp_lane_blind(l, i);
            if (kind == HP_EVENT_DEPTH && !is_open) hp_lane_break_book(l, i);
            hp_stream_move(l, i, kind, is_open ? HP_STREAM_WAITING : HP_STREAM_NONE);
        }
        uint8_t before = i->caution;
        hp_lane_judge_streams(l, i);
        if ((i->caution & ~before) & HP_CAUTION_STREAM) hp_lane_take_out(l, i, 0);
    }
}

#endif
