/* sync.h - a book that knows whether it may be believed: what happens to it.
 *
 * Owns:    the steps of a book's state (abi/book.h): delta, snapshot, splice, staleness, a broken
 *          line, a finer scale.  Step functions only.
 * Refuses: clocks (now is an argument), requests (the owner reads the need and fetches), the
 *          venue's rules (rules.h), putting several lines together.
 *
 *              delta               snapshot that the backlog reaches
 *   EMPTY ----------> BUFFERING ----------------------------+
 *                      ^    |                               v
 *             snapshot |    |  an event hooks            SYNCED <---> CROSSED  bid >= ask after
 *             adopted, |    +--------------------------> |    ^          |     an event
 *             no event |             no good event       v    | next     |
 *             hooked   |             within the bound  STALE -+ good     |
 *                      |                                 |      event    |
 *                    GAPPED <-- not the successor -------+---------------+
 *
 * - Only SYNCED quotes.  In every other state the last content stays readable.
 * - A gap first invalidates, then keeps the event, then asks for a snapshot.  While a snapshot is
 *   wanted, deltas are kept; where the chain still holds (CROSSED for long, an exhausted side, a
 *   refresh) they are applied as well, so nothing is lost by waiting.
 * - A snapshot replaces the book and the backlog is spliced onto it by the venue's rule.  One that
 *   does not reach the backlog is TOO_OLD: book and backlog stay, and the need is raised again.
 *   One older than a book whose chain holds is TOO_OLD too, and nothing is needed.
 * - After a snapshot the state is BUFFERING until an event hooks: until then nothing proves that
 *   the stream continues it.
 * - CROSSED: what the venue sent is applied and shown, and nothing quotes.  It ends with the first
 *   event that uncrosses; HP_CROSSED_EVENTS_MAX crossed events in a row ask for a snapshot.
 * - STALE ends with the next sequenced delta; nothing else refreshes a book.
 * - Where snapshots stand in the stream (hp_rule_in_stream) one makes the book SYNCED at once, and
 *   nothing is kept: a delta that cannot be applied is dropped, the next snapshot says it all. */
#ifndef HP_SYNC_H
#define HP_SYNC_H

#include "hotpath/book/status.h"

/* Put the successor's levels into the book and judge what it shows now. */
static inline enum hp_applied hp_book_advance(hp_book_t *b, const hp_level_t *levels,
                                              uint32_t bid_count, uint32_t ask_count,
                                              uint64_t last_id, uint64_t recv_ns)
{
    hp_l2_apply(&b->l2, levels, bid_count, ask_count);
    b->update_id = last_id;
    b->good_ns = recv_ns;
    b->hooking = 0;
    b->counts.applied++;
    if (HP_UNLIKELY(hp_l2_crossed(&b->l2))) {
        b->state = HP_BOOK_CROSSED;
        b->counts.crossed++;
        if (++b->crossed_run >= HP_CROSSED_EVENTS_MAX) hp_book_want(b, HP_RESYNC_CROSSED);
        return HP_APPLIED_CROSSED;
    }
    b->state = HP_BOOK_SYNCED;
    b->crossed_run = 0;
    if (HP_UNLIKELY(hp_l2_exhausted(&b->l2))) hp_book_want(b, HP_RESYNC_EXHAUSTED);
    return HP_APPLIED_OK;
}

static inline enum hp_applied hp_book_gap(hp_book_t *b)
{
    b->state = HP_BOOK_GAPPED;
    b->hooking = 0;
    b->crossed_run = 0;
    b->counts.gaps++;
    hp_book_want(b, HP_RESYNC_GAP);
    return HP_APPLIED_GAP;
}

/* One delta.  `levels`: bids, then asks. */
static inline enum hp_applied hp_book_delta(hp_book_t *b, const hp_event_t *e,
                                            const hp_level_t *levels, uint64_t tag)
{
    hp_ids_t ids = { e->first_id, e->last_id, e->prev_id };
    enum hp_place place = HP_PLACE_GAP;
    if (HP_LIKELY(hp_book_chained(b))) {
        place = hp_rule_next(b->rule, b->update_id, ids);
    } else if (b->hooking) {
        place = hp_rule_first(b->rule, b->update_id, ids);
    } else if (!hp_rule_known(b->rule)) {
        place = HP_PLACE_REFUSED;
    } else {
        if (b->state == HP_BOOK_EMPTY) {
            b->state = HP_BOOK_BUFFERING;
            hp_book_want(b, HP_RESYNC_FIRST);
        }
        hp_book_keep(b, e, levels, tag, 0);
        return HP_APPLIED_BUFFERED;
    }
    switch (place) {
    case HP_PLACE_NEXT:
        if (HP_UNLIKELY(b->wanted)) hp_book_keep(b, e, levels, tag, 1);
        return hp_book_advance(b, levels, e->bid_count, e->ask_count, e->last_id, e->recv_ns);
    case HP_PLACE_OLD:
        b->counts.dropped++;
        return HP_APPLIED_DROPPED;
    case HP_PLACE_GAP:
        hp_book_gap(b);
        hp_book_keep(b, e, levels, tag, 0);
        return HP_APPLIED_GAP;
    default:
        return HP_APPLIED_REFUSED;
    }
}

/* Does the snapshot reach what was kept?  The first delta that it does not hold must hook to it. */
static inline int hp_book_reaches(const hp_book_t *b, uint64_t snapshot_id)
{
    for (uint32_t i = 0; i < b->backlog.count; i++) {
        hp_ids_t ids = hp_backlog_at(&b->backlog, i)->ids;
        enum hp_place place = hp_rule_first(b->rule, snapshot_id, ids);
        if (place != HP_PLACE_OLD) return place == HP_PLACE_NEXT;
    }
    return !(hp_book_chained(b) || b->hooking) || snapshot_id >= b->update_id;
}

/* Take a snapshot: OK replaced the book (then splice), TOO_OLD changed nothing. */
static inline enum hp_applied hp_book_adopt(hp_book_t *b, const hp_event_t *e,
                                            const hp_level_t *levels)
{
    if (!hp_rule_known(b->rule)) return HP_APPLIED_REFUSED;
    if (!hp_book_reaches(b, e->last_id)) {
        b->counts.too_old++;
        if (b->wanted) { /* that request is answered, and another one is needed */
            b->wanted = 0;
            hp_book_want(b, HP_RESYNC_TOO_OLD);
        }
        return HP_APPLIED_TOO_OLD;
    }
    /* A snapshot of the same moment: the chain goes on. */
    int holds = hp_book_chained(b) && e->last_id == b->update_id;
    hp_l2_replace(&b->l2, levels, e->bid_count, e->ask_count);
    b->counts.resyncs += b->counts.snapshots != 0;
    b->counts.snapshots++;
    b->crossed_run = 0;
    b->wanted = 0;
    b->hooking = !holds;
    if (holds) {
        hp_backlog_clear(&b->backlog);
        if (hp_l2_crossed(&b->l2)) b->state = HP_BOOK_CROSSED;
        else if (b->state == HP_BOOK_CROSSED) b->state = HP_BOOK_SYNCED;
        return HP_APPLIED_OK;
    }
    b->update_id = e->last_id;
    b->good_ns = e->recv_ns;
    b->state = HP_BOOK_BUFFERING;
    return HP_APPLIED_OK;
}

/* Apply the next kept delta onto an adopted snapshot.  OK or CROSSED: it is in the book and `done`
 * says which one.  GAP: the chain of the kept deltas breaks there; it and what follows stay kept.
 * REFUSED: nothing is left to do. */
static inline enum hp_applied hp_book_splice(hp_book_t *b, hp_delta_t *done)
{
    while (b->backlog.count && (b->hooking || hp_book_chained(b))) {
        *done = *hp_backlog_at(&b->backlog, 0);
        enum hp_place place = b->hooking ? hp_rule_first(b->rule, b->update_id, done->ids)
                                         : hp_rule_next(b->rule, b->update_id, done->ids);
        if (place == HP_PLACE_GAP) return hp_book_gap(b);
        const hp_level_t *levels = b->backlog.levels + done->at;
        hp_backlog_pop(&b->backlog); /* the levels stay where they are until the next push */
        if (place == HP_PLACE_OLD) {
            b->counts.dropped += !done->applied;
            continue;
        }
        return hp_book_advance(b, levels, done->bid_count, done->ask_count, done->ids.last_id,
                               done->recv_ns);
    }
    return HP_APPLIED_REFUSED;
}

/* The venue's checksum over the book as it is now; where it does not hold the book has a gap. */
static inline enum hp_applied hp_book_check(hp_book_t *b, const hp_event_depth_t *said,
                                            enum hp_applied applied)
{
    b->odd_text |= said->odd_text;
    if (HP_LIKELY(said->has_checksum == HP_CHECKSUM_NONE)) return applied;
    if (HP_UNLIKELY(b->odd_text)) {
        b->counts.checksums_unjudged++;
        return applied;
    }
    if (HP_UNLIKELY(!hp_checksum_holds(&b->l2, said))) {
        b->counts.checksums_bad++;
        return hp_book_gap(b);
    }
    b->counts.checksums++;
    return applied;
}

/* A snapshot in the stream: the book, whatever it was.  DROPPED: older than the book, where every
 * message is a snapshot. */
static inline enum hp_applied hp_book_stream_snapshot(hp_book_t *b, const hp_event_t *e,
                                                      const hp_level_t *levels)
{
    const int chained = hp_book_chained(b);
    if (b->rule == HP_SEQUENCE_HYPERLIQUID && chained && e->last_id < b->update_id) {
        b->counts.dropped++;
        return HP_APPLIED_DROPPED;
    }
    /* snapshots that follow each other are the stream itself, not a repair */
    b->counts.resyncs += b->counts.snapshots != 0 && !(chained && b->in_snapshots);
    b->counts.snapshots++;
    b->wanted = 0;
    b->in_snapshots = 1;
    b->update_id = e->last_id;
    b->good_ns = e->recv_ns;
    hp_l2_replace(&b->l2, levels, e->bid_count, e->ask_count);
    enum hp_applied answer = HP_APPLIED_OK;
    b->odd_text = 0;
    b->state = HP_BOOK_SYNCED;
    if (HP_UNLIKELY(hp_l2_crossed(&b->l2))) {
        b->state = HP_BOOK_CROSSED;
        b->counts.crossed++;
        answer = HP_APPLIED_CROSSED;
    } else {
        b->crossed_run = 0;
    }
    return hp_book_check(b, &e->body.depth, answer);
}

static inline enum hp_applied hp_book_stream_delta(hp_book_t *b, const hp_event_t *e,
                                                   const hp_level_t *levels)
{
    if (HP_UNLIKELY(!hp_book_chained(b))) {
        hp_book_want(b, b->state == HP_BOOK_EMPTY ? HP_RESYNC_FIRST : HP_RESYNC_GAP);
        b->counts.dropped++;
        return HP_APPLIED_DROPPED;
    }
    switch (hp_rule_next(b->rule, b->update_id,
                         (hp_ids_t){ e->first_id, e->last_id, e->prev_id })) {
    case HP_PLACE_NEXT:
        b->in_snapshots = 0;
        return hp_book_check(b, &e->body.depth,
                             hp_book_advance(b, levels, e->bid_count, e->ask_count, e->last_id,
                                             e->recv_ns));
    case HP_PLACE_GAP:
        return hp_book_gap(b);
    default:
        return HP_APPLIED_REFUSED;
    }
}

/* One event of this instrument.  For a snapshot the answer is that of the last spliced delta, so
 * that GAP and CROSSED are seen, or OK. */
static inline enum hp_applied hp_book_apply(hp_book_t *b, const hp_event_t *e,
                                            const hp_levels_t *levels, uint64_t tag)
{
    if (e->kind != HP_EVENT_DEPTH && e->kind != HP_EVENT_SNAPSHOT) return HP_APPLIED_NOT_MINE;
    if (hp_rule_in_stream(b->rule))
        return e->kind == HP_EVENT_DEPTH ? hp_book_stream_delta(b, e, levels->at)
                                         : hp_book_stream_snapshot(b, e, levels->at);
    if (HP_LIKELY(e->kind == HP_EVENT_DEPTH)) return hp_book_delta(b, e, levels->at, tag);
    enum hp_applied answer = hp_book_adopt(b, e, levels->at), next;
    hp_delta_t done;
    if (answer != HP_APPLIED_OK) return answer;
    while ((next = hp_book_splice(b, &done)) != HP_APPLIED_REFUSED) {
        answer = next;
        if (next == HP_APPLIED_GAP) break;
    }
    return answer;
}

/* SYNCED becomes STALE when the last good event is older than the bound; the next good event ends
 * it.  Returns 1 when the state changed. */
static inline int hp_book_check_stale(hp_book_t *b, uint64_t now_ns, uint64_t bound_ns)
{
    if (b->state != HP_BOOK_SYNCED) return 0;
    if (now_ns <= b->good_ns || now_ns - b->good_ns <= bound_ns) return 0;
    b->state = HP_BOOK_STALE;
    b->counts.stale++;
    return 1;
}

/* Ask for a fresh snapshot while the book goes on: deltas are applied and kept until it comes. */
static inline void hp_book_refresh(hp_book_t *b) { hp_book_want(b, HP_RESYNC_REFRESH); }

/* The line broke: nothing that follows continues this book. */
static inline void hp_book_break(hp_book_t *b)
{
    hp_backlog_clear(&b->backlog);
    if (!hp_book_chained(b) && !b->hooking) return;
    b->wanted = 0;
    hp_book_gap(b);
}

/* A finer scale was learnt: book and backlog are multiplied.  Returns 0, with nothing changed, when
 * a value would leave 64 bits.  `room` is for hp_l2_total() levels. */
static inline int hp_book_rescale(hp_book_t *b, int64_t price_factor, int64_t size_factor,
                                  hp_level_t *room)
{
    for (uint32_t i = 0; i < b->backlog.count; i++) {
        const hp_delta_t *d = hp_backlog_at(&b->backlog, i);
        for (uint32_t k = 0; k < d->bid_count + d->ask_count; k++) {
            hp_level_t level = b->backlog.levels[d->at + k];
            if (!hp_levels_multiply(&level, 1, price_factor, size_factor)) return 0;
        }
    }
    if (!hp_l2_rescale(&b->l2, price_factor, size_factor, room)) return 0;
    for (uint32_t i = 0; i < b->backlog.count; i++) {
        const hp_delta_t *d = hp_backlog_at(&b->backlog, i);
        hp_levels_multiply(b->backlog.levels + d->at, d->bid_count + d->ask_count, price_factor,
                           size_factor);
    }
    b->counts.rescales++;
    return 1;
}

#endif
