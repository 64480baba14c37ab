/* sync.h - a book that knows whether it may be believed: what happens to it.
 *
 * Owns:    the steps of a book's state (abi/book.h): delta, snapshot, splice, staleness, a broken
 *          line, a finer scale.  Step functions only.
 * Refuses: clocks (now is an argument), requests (the owner reads the need and fetches), the
 *          venue's rules (rules.h), putting several lines together.
 *
 *              delta               snapshot that the backlog reaches, and an event hooks to it
 *   EMPTY ----------> BUFFERING ---------------------------> SYNCED <---> CROSSED  bid >= ask after
 *                       ^                                    |    ^          |     an event
 *             snapshot  |                no good event       v    | next     |
 *             is aside  |                within the bound  STALE -+ good     |
 *                       |                                    |      event    |
 *                     GAPPED <-- not the successor ----------+---------------+
 *
 * - Only SYNCED quotes.  In every other state the last content stays readable.
 * - A gap first invalidates, then keeps the event, then asks for a snapshot.  While a snapshot is
 *   wanted, deltas are kept; where the chain still holds (CROSSED for long, near the end of what is
 *   known, a refresh) they are applied as well, so nothing is lost by waiting.
 * - A snapshot is built aside and the backlog spliced onto it by the venue's rule; the book that is
 *   shown does not change meanwhile, and goes on if its chain holds.  When an event has hooked and
 *   the backlog is done the two change places: a snapshot replaces, nobody sees half of it.
 *   Until an event hooks nothing proves that the stream continues the snapshot.
 * - A snapshot that does not reach the backlog is TOO_OLD: book and backlog stay, and the need is
 *   raised again.  One older than a book whose chain holds is TOO_OLD too, and nothing is needed.
 * - CROSSED: what the venue sent is applied and shown, and nothing quotes.  It ends with the first
 *   event that uncrosses; HP_CROSSED_EVENTS_MAX crossed events in a row ask for a snapshot.
 * - A touch beyond what the snapshot held (ladder.h: edge) is GAPPED: a better level may exist.
 *   HP_RESYNC_NEAR asks early, so that it seldom comes to that.  Offline nobody can ask: the book
 *   goes on, and queries say what is unknown.
 * - STALE ends with the next sequenced delta; nothing else refreshes a book.
 * - Where snapshots stand in the stream (hp_rule_in_stream) one makes the book SYNCED at once, and
 *   nothing is kept: a delta that cannot be applied is dropped, the next snapshot says it all. */
#ifndef HP_SYNC_H
#define HP_SYNC_H

#include "hotpath/book/status.h"

/* The touch is near the end of what is known, or beyond it.  1 = beyond. */
__attribute__((cold, noinline, unused))
static int hp_book_near(hp_book_t *b)
{
    if (b->is_offline) return 0;
    if (hp_l2_blind(&b->l2)) {
        b->state = HP_BOOK_GAPPED;
        hp_book_want(b, HP_RESYNC_EXHAUSTED);
        return 1;
    }
    if ((b->l2.bid.near != HP_KEY_NONE && b->l2.bid.best >= b->l2.bid.near) ||
        (b->l2.ask.near != HP_KEY_NONE && b->l2.ask.best >= b->l2.ask.near))
        hp_book_want(b, HP_RESYNC_NEAR);
    return 0;
}

/* Judge what the book shows after an event.  GAP: the event is in it, and it is not to be believed. */
static inline enum hp_applied hp_book_judge(hp_book_t *b)
{
    if (HP_UNLIKELY(hp_l2_near(&b->l2)) && hp_book_near(b)) return HP_APPLIED_GAP;
    if (HP_UNLIKELY(hp_l2_crossed(&b->l2))) {
        b->state = HP_BOOK_CROSSED;
        if (++b->crossed_run >= HP_CROSSED_EVENTS_MAX) hp_book_want(b, HP_RESYNC_CROSSED);
        return HP_APPLIED_CROSSED;
    }
    b->state = HP_BOOK_SYNCED;
    b->crossed_run = 0;
    return HP_APPLIED_OK;
}

static inline void hp_touch_note(hp_touch_t *t, int64_t best, int64_t lots, const hp_ladder_t *now,
                                 uint64_t now_ns)
{
    if (best == now->best && lots == now->best_lots) return;
    t->size_ns = now_ns;
    if (best != now->best) t->price_ns = now_ns;
}

/* Put the successor's levels into the book and judge what it shows now. */
static inline enum hp_applied hp_book_advance(hp_book_t *b, const hp_level_t *levels,
                                              uint32_t bid_count, uint32_t ask_count,
                                              uint64_t last_id, uint64_t recv_ns)
{
    int64_t bid = b->l2.bid.best, bid_lots = b->l2.bid.best_lots;
    int64_t ask = b->l2.ask.best, ask_lots = b->l2.ask.best_lots;
    hp_l2_apply(&b->l2, levels, bid_count, ask_count, recv_ns);
    hp_touch_note(&b->bid_touch, bid, bid_lots, &b->l2.bid, recv_ns);
    hp_touch_note(&b->ask_touch, ask, ask_lots, &b->l2.ask, recv_ns);
    b->update_id = last_id;
    b->good_ns = recv_ns;
    b->counts.applied++;
    enum hp_applied answer = hp_book_judge(b);
    b->counts.crossed += answer == HP_APPLIED_CROSSED;
    return answer;
}

static inline enum hp_applied hp_book_gap(hp_book_t *b)
{
    b->state = HP_BOOK_GAPPED;
    b->aside = HP_ASIDE_NONE;
    b->crossed_run = 0;
    b->counts.gaps++;
    hp_book_want(b, HP_RESYNC_GAP);
    return HP_APPLIED_GAP;
}

/* Book and snapshot change places. */
static inline void hp_book_swap(hp_book_t *b)
{
    hp_l2_t shown = b->l2;
    b->l2 = b->spare;
    b->spare = shown;
    hp_touch_note(&b->bid_touch, shown.bid.best, shown.bid.best_lots, &b->l2.bid, b->spare_ns);
    hp_touch_note(&b->ask_touch, shown.ask.best, shown.ask.best_lots, &b->l2.ask, b->spare_ns);
    b->aside = HP_ASIDE_NONE;
    b->crossed_run = 0;
}

/* Every kept delta is on the snapshot: show it. */
static inline enum hp_applied hp_book_show(hp_book_t *b)
{
    hp_book_swap(b);
    b->update_id = b->spare_id;
    b->good_ns = b->spare_ns;
    return hp_book_judge(b);
}

static inline enum hp_place hp_book_aside_place(const hp_book_t *b, hp_ids_t ids)
{
    return b->aside == HP_ASIDE_HOOKED ? hp_rule_next(b->rule, b->spare_id, ids)
                                       : hp_rule_first(b->rule, b->spare_id, ids);
}

/* Put a delta onto the snapshot aside. */
static inline void hp_book_hook(hp_book_t *b, const hp_level_t *levels, uint32_t bid_count,
                                uint32_t ask_count, uint64_t last_id, uint64_t recv_ns)
{
    hp_l2_apply(&b->spare, levels, bid_count, ask_count, recv_ns);
    b->spare_id = last_id;
    b->spare_ns = recv_ns;
    b->aside = HP_ASIDE_HOOKED;
}

/* One delta while a snapshot waits aside for its hook and the backlog is done. */
__attribute__((noinline, unused))
static enum hp_applied hp_book_delta_aside(hp_book_t *b, const hp_event_t *e,
                                           const hp_level_t *levels, uint64_t tag)
{
    hp_ids_t ids = { e->first_id, e->last_id, e->prev_id };
    enum hp_place place = hp_book_aside_place(b, ids);
    enum hp_applied answer = HP_APPLIED_DROPPED;
    int follows = 0;
    if (hp_book_chained(b)) {
        follows = hp_rule_next(b->rule, b->update_id, ids) == HP_PLACE_NEXT;
        if (follows && place != HP_PLACE_NEXT) { /* the shown book goes on */
            answer = hp_book_advance(b, levels, e->bid_count, e->ask_count, e->last_id, e->recv_ns);
        } else if (!follows && place == HP_PLACE_OLD) { /* the snapshot at hand is the cure */
            b->state = HP_BOOK_GAPPED;
            b->crossed_run = 0;
            b->counts.gaps++;
            answer = HP_APPLIED_GAP;
        }
    }
    switch (place) {
    case HP_PLACE_OLD:
        b->counts.dropped += answer == HP_APPLIED_DROPPED;
        return answer;
    case HP_PLACE_NEXT:
        hp_book_hook(b, levels, e->bid_count, e->ask_count, e->last_id, e->recv_ns);
        b->counts.applied++;
        answer = hp_book_show(b);
        b->counts.crossed += answer == HP_APPLIED_CROSSED;
        return answer;
    case HP_PLACE_GAP:
        b->aside = HP_ASIDE_NONE; /* the stream has passed it */
        if (follows) {
            b->counts.too_old++;
            hp_book_keep(b, e, levels, tag, 1);
            hp_book_want(b, HP_RESYNC_TOO_OLD);
            return answer;
        }
        hp_book_gap(b);
        hp_book_keep(b, e, levels, tag, 0);
        return HP_APPLIED_GAP;
    default:
        return HP_APPLIED_REFUSED;
    }
}

/* One delta.  `levels`: bids, then asks. */
static inline enum hp_applied hp_book_delta(hp_book_t *b, const hp_event_t *e,
                                            const hp_level_t *levels, uint64_t tag)
{
    hp_ids_t ids = { e->first_id, e->last_id, e->prev_id };
    enum hp_place place;
    if (HP_UNLIKELY(b->aside != HP_ASIDE_NONE)) {
        return hp_book_delta_aside(b, e, levels, tag);
    } else if (HP_LIKELY(hp_book_chained(b))) {
        place = hp_rule_next(b->rule, b->update_id, ids);
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
    case HP_PLACE_OLD: /* a rule may say so of what the book holds already */
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
    if (b->aside != HP_ASIDE_NONE) return snapshot_id >= b->spare_id;
    return !hp_book_chained(b) || snapshot_id >= b->update_id;
}

/* Take a snapshot: OK, it is built aside (then splice); TOO_OLD changed nothing. */
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
    hp_l2_replace(&b->spare, levels, e->bid_count, e->ask_count, &e->body.depth, e->recv_ns);
    b->counts.resyncs += b->counts.snapshots != 0;
    b->counts.snapshots++;
    b->wanted = 0;
    b->spare_id = e->last_id;
    b->spare_ns = e->recv_ns;
    if (hp_book_chained(b) && e->last_id == b->update_id) { /* of the same moment: no hook needed */
        int was_stale = b->state == HP_BOOK_STALE;
        hp_backlog_clear(&b->backlog);
        hp_book_swap(b);
        if (hp_book_judge(b) == HP_APPLIED_OK && was_stale) b->state = HP_BOOK_STALE;
        return HP_APPLIED_OK;
    }
    b->aside = HP_ASIDE_WAITING;
    if (!hp_book_chained(b)) b->state = HP_BOOK_BUFFERING;
    return HP_APPLIED_OK;
}

/* Splice the next kept delta onto the snapshot aside.  OK or CROSSED: `done` says which one, and
 * hp_book_newest() where it is; with the last one the snapshot is shown.  GAP: the chain of the kept
 * deltas breaks there: the snapshot is given up, what follows stays kept.  REFUSED: nothing is left
 * to do. */
static inline enum hp_applied hp_book_splice(hp_book_t *b, hp_delta_t *done)
{
    while (b->backlog.count && b->aside != HP_ASIDE_NONE) {
        *done = *hp_backlog_at(&b->backlog, 0);
        enum hp_place place = hp_book_aside_place(b, done->ids);
        if (place == HP_PLACE_GAP) return hp_book_gap(b);
        const hp_level_t *levels = b->backlog.levels + done->at;
        hp_backlog_pop(&b->backlog); /* the levels stay where they are until the next push */
        if (place == HP_PLACE_OLD) {
            b->counts.dropped += !done->applied;
            continue;
        }
        hp_book_hook(b, levels, done->bid_count, done->ask_count, done->ids.last_id, done->recv_ns);
        b->counts.applied += !done->applied;
        enum hp_applied answer = b->backlog.count == 0 ? hp_book_show(b) : HP_APPLIED_OK;
        uint64_t id;
        if (hp_l2_crossed(hp_book_newest(b, &id))) {
            b->counts.crossed += !done->applied;
            if (answer == HP_APPLIED_OK) answer = HP_APPLIED_CROSSED;
        }
        return answer;
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
    hp_event_depth_t depth = e->body.depth;
    if (depth.depth_kept == 0) depth.depth_kept = b->depth_kept;
    if (depth.depth_limit == 0) depth.depth_limit = HP_DEPTH_WHOLE;
    hp_l2_replace(&b->spare, levels, e->bid_count, e->ask_count, &depth, e->recv_ns);
    b->spare_id = e->last_id;
    b->spare_ns = e->recv_ns;
    uint32_t crossed_run = b->crossed_run;
    hp_book_swap(b);
    b->update_id = e->last_id;
    b->good_ns = e->recv_ns;
    b->odd_text = 0;
    b->state = HP_BOOK_SYNCED;
    enum hp_applied answer = HP_APPLIED_OK;
    if (HP_UNLIKELY(hp_l2_crossed(&b->l2))) {
        b->state = HP_BOOK_CROSSED;
        b->crossed_run = crossed_run;
        b->counts.crossed++;
        answer = HP_APPLIED_CROSSED;
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
    if (!hp_book_chained(b) && b->aside == HP_ASIDE_NONE) return;
    b->wanted = 0;
    hp_book_gap(b);
}

static inline size_t hp_book_rescale_room(const hp_book_t *b)
{
    size_t shown = hp_l2_total(&b->l2), aside = hp_l2_total(&b->spare);
    return shown > aside ? shown : aside;
}

/* A finer scale was learnt: book, snapshot aside and backlog are multiplied.  Returns 0, with nothing changed, when
 * a value would leave 64 bits.  `room` is for hp_book_rescale_room() levels. */
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
    int waits = b->aside != HP_ASIDE_NONE;
    if (waits && !hp_l2_rescale(&b->spare, price_factor, size_factor, room, 1)) return 0;
    if (!hp_l2_rescale(&b->l2, price_factor, size_factor, room, 0)) return 0;
    if (waits) hp_l2_rescale(&b->spare, price_factor, size_factor, room, 0);
    for (uint32_t i = 0; i < b->backlog.count; i++) {
        const hp_delta_t *d = hp_backlog_at(&b->backlog, i);
        hp_levels_multiply(b->backlog.levels + d->at, d->bid_count + d->ask_count, price_factor,
                           size_factor);
    }
    b->counts.rescales++;
    return 1;
}

#endif
