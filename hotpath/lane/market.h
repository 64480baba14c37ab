/* market.h - frames to books to strategies: the market half of a lane's step, and its turn.
 *
 * Owns:    decoding a frame, applying it, calling the strategies it concerns; snapshots, resyncs,
 *          staleness, control words, timers.
 * Refuses: orders (trade.h), sockets and clocks (Env). */
#ifndef HP_LANE_MARKET_H
#define HP_LANE_MARKET_H

#include <stdint.h>

#include "hotpath/lane/core.h"
#include "hotpath/lane/adopt.h"
#include "hotpath/lane/trade.h"

#define HP_TIMER_NS 1000000ull
#define HP_STRATEGY_TIMER_NS 100000000ull
#define HP_CLOCK_NS 1000000000ull
#define HP_SNAPSHOT_RETRY_NS 2000000000ull

static inline void hp_lane_publish_top(hp_lane_t *l, const hp_lane_instrument_t *i)
{
    hp_top_t *top = &l->page->tops[i->about.id];
    hp_seq_begin(&top->seq);
    hp_book_top(i->book, top);
    hp_seq_end(&top->seq);
}

/* Leaving SYNCED cancels what rests on that book, in the same step. */
static inline void hp_lane_book_lost(hp_lane_t *l, hp_lane_instrument_t *i)
{
    if (i->not_synced_ns == 0) i->not_synced_ns = l->now_ns;
    hp_lane_cancel_all(l, i->about.id, -1);
    hp_lane_publish_top(l, i);
}

static inline void hp_lane_want_snapshot(hp_lane_t *l, hp_lane_instrument_t *i)
{
    if (i->snapshot_wanted && l->now_ns - i->snapshot_wanted_ns < HP_SNAPSHOT_RETRY_NS) return;
    i->snapshot_wanted = 1;
    i->snapshot_wanted_ns = l->now_ns;
    hp_lane_journal(l, HP_RECORD_RESYNC, i->about.id, l->recv_ns, &i->about.id, sizeof i->about.id);
    l->env.want(l->env.self, HP_WANT_SNAPSHOT, i->about.id);
}

/* A book took (or refused) an event: count, cancel what it can no longer carry, call the strategies. */
static inline void hp_lane_booked(hp_lane_t *l, hp_lane_instrument_t *i, int before, int applied)
{
    int state = i->book->state;
    switch (applied) {
    case HP_APPLIED_GAP: hp_count(&l->count->gaps, 1); break;
    case HP_APPLIED_DROPPED: hp_count(&l->count->dropped, 1); break;
    case HP_APPLIED_CROSSED: hp_count(&l->count->crossed, 1); break;
    default: break;
    }
    if (HP_UNLIKELY(i->book->wanted)) hp_lane_want_snapshot(l, i);
    if (HP_UNLIKELY(state != HP_BOOK_SYNCED)) {
        if (before == HP_BOOK_SYNCED) hp_lane_book_lost(l, i);
        return;
    }
    if (HP_UNLIKELY(before != HP_BOOK_SYNCED && i->not_synced_ns != 0)) {
        hp_count(&l->count->blind_ns, l->now_ns - i->not_synced_ns);
        i->not_synced_ns = 0;
    }
    hp_lane_publish_top(l, i);
    if (applied != HP_APPLIED_OK) return;
    for (uint32_t n = 0; n < l->strategy_count; n++) {
        hp_strategy_t *s = &l->strategies[n];
        if (s->on_book != NULL && !s->is_halted) s->on_book(s->self, i->about.id);
    }
}

static inline void hp_lane_depth(hp_lane_t *l)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, l->event.instrument);
    if (i == NULL || i->book == NULL) return;
    int before = i->book->state;
    int applied = (int)hp_book_apply(i->book, &l->event, l->levels, 0);
    l->stamps.booked = l->env.tsc(l->env.self);
    hp_lane_booked(l, i, before, applied);
}

/* Show an event that no book takes to the strategies that asked for its kind. */
static inline void hp_lane_show(hp_lane_t *l)
{
    const hp_event_t *e = &l->event;
    l->stamps.booked = l->stamps.decoded;
    for (uint32_t n = 0; n < l->strategy_count; n++) {
        hp_strategy_t *s = &l->strategies[n];
        void (*callback)(void *, const hp_event_t *) =
            e->kind == HP_EVENT_BOOK_TICKER ? s->on_top : e->kind == HP_EVENT_MARK_PRICE ? s->on_mark : s->on_trade;
        if (callback != NULL && !s->is_halted) callback(s->self, e);
    }
}

static inline void hp_lane_event(hp_lane_t *l)
{
    hp_event_t *e = &l->event;
    hp_count(&l->count->events[e->kind], 1);
    if (e->flags & HP_EVENT_FALLBACK) hp_count(&l->count->fallbacks, 1);
    if (e->kind == HP_EVENT_DEPTH || e->kind == HP_EVENT_SNAPSHOT) hp_lane_depth(l);
    else hp_lane_show(l);
    hp_lane_decide(l);
}

/* One frame of a market socket.  `recv_tsc` and l->recv_ns belong to the read that brought it. */
static inline void hp_lane_market_frame(hp_lane_t *l, uint32_t socket, const char *data, size_t size, uint64_t recv_tsc)
{
    hp_count(&l->count->messages, 1);
    hp_count(&l->count->bytes, size);
    l->stamps.recv = recv_tsc;
    l->stamps.gated = l->stamps.sent = l->stamps.ack = 0;
    hp_lane_journal(l, HP_RECORD_FRAME, socket, l->recv_ns, data, size);
    int status = l->codec->decode(l->codec->state, data, size, &l->event, l->levels);
    l->stamps.decoded = l->env.tsc(l->env.self);
    hp_count(&l->count->decode[status], 1);
    l->event.recv_ns = l->recv_ns;
    if (HP_LIKELY(status == HP_DECODE_EVENT)) { hp_lane_event(l); return; }
    if (status == HP_DECODE_FINER) { /* live: reference data is stale; the book is not to be trusted */
        uint32_t instrument = 0;
        int price_decimals = 0, size_decimals = 0;
        l->codec->finer(l->codec->state, &instrument, &price_decimals, &size_decimals);
        hp_lane_instrument_t *i = hp_lane_instrument(l, instrument);
        if (i != NULL && i->book != NULL) {
            hp_book_break(i->book);
            hp_lane_book_lost(l, i);
        }
    }
}

/* A REST snapshot that the cold side fetched. */
static inline void hp_lane_snapshot(hp_lane_t *l, uint32_t instrument, const char *data, size_t size)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, instrument);
    if (i == NULL) return;
    i->snapshot_wanted = 0;
    hp_lane_journal(l, HP_RECORD_SNAPSHOT, instrument, l->recv_ns, data, size);
    int status = l->codec->decode_snapshot(l->codec->state, instrument, data, size, &l->event, l->levels);
    hp_count(&l->count->decode[status], 1);
    l->event.recv_ns = l->recv_ns;
    memset(&l->stamps, 0, sizeof l->stamps);
    if (status == HP_DECODE_EVENT) {
        hp_count(&l->count->resyncs, 1);
        hp_lane_event(l);
    } else {
        hp_lane_want_snapshot(l, i);
    }
}

/* Obey the control words as sampled at the start of the turn. */
static inline void hp_lane_words(hp_lane_t *l, uint32_t words)
{
    if (HP_LIKELY(words == l->gate.words)) return;
    l->gate.words = words;
    l->page->words = words;
    hp_lane_journal(l, HP_RECORD_WORDS, HP_WORDS_CONTROL, 0, &words, sizeof words);
    if (words & HP_WORD_DRAIN) l->is_draining = 1;
    if (words & HP_WORDS_CANCEL) hp_lane_cancel_all(l, 0, -1);
}

/* Believe the time authority's newest record from this turn on. */
static inline void hp_lane_clock(hp_lane_t *l, const hp_time_record_t *record)
{
    if (memcmp(&l->gate.clock, record, sizeof *record) == 0) return;
    l->gate.clock = *record;
    hp_lane_journal(l, HP_RECORD_WORDS, HP_WORDS_CLOCK, 0, record, sizeof *record);
}

static inline void hp_lane_book_timers(hp_lane_t *l)
{
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
        hp_lane_instrument_t *i = &l->instruments[id];
        if (i->about.id == 0 || i->book == NULL || !i->is_subscribed) continue;
        if (hp_book_check_stale(i->book, l->now_ns, i->limits.stale_ns)) {
            hp_count(&l->count->stale, 1);
            hp_lane_book_lost(l, i);
        }
        if (i->book->wanted) hp_lane_want_snapshot(l, i);
    }
}

/* What a turn does beside frames: timers by the turn's clock. */
static inline void hp_lane_timers(hp_lane_t *l)
{
    if (HP_LIKELY(l->now_ns - l->timer_ns < HP_TIMER_NS)) { hp_lane_decide(l); return; }
    l->timer_ns = l->now_ns;
    l->stamps.recv = 0;
    hp_lane_opening_timers(l);
    hp_lane_order_timers(l);
    hp_lane_book_timers(l);
    if (l->now_ns - l->strategy_timer_ns >= HP_STRATEGY_TIMER_NS) {
        l->strategy_timer_ns = l->now_ns;
        hp_lane_journal(l, HP_RECORD_TIMER, 0, 0, &l->now_ns, sizeof l->now_ns);
        for (uint32_t n = 0; n < l->strategy_count; n++)
            if (l->strategies[n].on_timer != NULL && !l->strategies[n].is_halted) l->strategies[n].on_timer(l->strategies[n].self, l->now_ns);
    }
    hp_lane_decide(l);
}

#endif
