/* replay.h - one message of a capture through codec and book.
 *
 * Owns:    hp_replay_t: the instruments with their books, the counters, the rows of applied tops,
 *          the comparison of book tops with the venue's own tickers.
 * Refuses: files, policy (which instrument a snapshot belongs to, what scale is right): it stops
 *          there and whoever runs it decides.
 *
 * A message that the codec answers with UNKNOWN_SYMBOL and no symbol text names nobody: a REST
 * snapshot in line.  That and a value finer than the scale are the two stops. */
#ifndef HP_REPLAY_H
#define HP_REPLAY_H

#include "clock.h"
#include "codec.h"
#include "histogram.h"
#include "hotpath/book/sync.h"
#include "hotpath/lane/replay_lines.h"

#define HP_REPLAY_INSTRUMENTS_MAX 256
#define HP_REPLAY_TICKERS 1024 /* tickers run ahead of depth by milliseconds; power of two */
#define HP_REPLAY_UNKNOWN_MAX 256
#define HP_REPLAY_SAMPLE_EVERY 17 /* messages per stamped one: a stamp costs what a field costs */

enum hp_replay_stop {
    HP_REPLAY_STOP_NONE = 0,    /* all lines are done */
    HP_REPLAY_STOP_SNAPSHOT = 1,
    HP_REPLAY_STOP_FINER = 2
};

typedef struct hp_replay_row { /* the top after one applied delta */
    uint64_t line;
    uint64_t update_id;
    int64_t  bid_ticks, bid_lots, ask_ticks, ask_lots;
    uint32_t instrument;
    int8_t   price_decimals;
    int8_t   size_decimals;
    uint16_t pad;
} hp_replay_row_t;

typedef struct hp_replay_ticker {
    uint64_t update_id;
    hp_event_top_t top;
} hp_replay_ticker_t;

typedef struct hp_replay_market {
    hp_instrument_t instrument;
    hp_book_t *book;         /* the owner's */
    uint64_t depth;          /* deltas seen */
    uint64_t compared;       /* tops compared with a ticker of the same update id */
    uint64_t equal;
    uint64_t from, to;       /* tickers newer than the book: at[from .. to), by & mask */
    hp_replay_ticker_t at[HP_REPLAY_TICKERS];
} hp_replay_market_t;

typedef struct hp_replay_unknown {
    uint64_t count;
    uint32_t size;
    char text[HP_SYMBOL_BYTES];
} hp_replay_unknown_t;

/* Called after each event: the place of a strategy.  `applied` is enum hp_applied; deltas that a
 * snapshot brings in are one call, the snapshot's. */
typedef void (*hp_replay_hook_t)(void *context, const hp_event_t *event, hp_book_t *book,
                                 int applied);

typedef struct hp_replay {
    const hp_codec_t *codec;
    hp_levels_t *levels;
    const char *text;                 /* the block; HP_FRAME_PAD_BYTES readable behind it */
    hp_replay_line_t *lines;
    uint32_t count, at;               /* lines of the block; the next one */
    uint32_t until_sample;
    uint32_t want_rows;               /* 0: no rows are kept */
    hp_replay_row_t *rows;
    uint64_t row_count, row_max;
    hp_replay_hook_t hook;
    void *context;
    uint64_t messages;
    uint64_t bytes;                   /* of messages */
    uint64_t fallbacks;
    uint64_t busy_ns;                 /* wall clock of whole blocks in decode and book */
    uint64_t kinds[HP_EVENT_KIND_COUNT];
    uint64_t status[HP_DECODE_COUNT]; /* of messages that gave no event */
    uint64_t first[HP_DECODE_COUNT];  /* and the line of the first of each */
    uint32_t unknown_count;
    uint32_t pad;
    hp_replay_unknown_t unknown[HP_REPLAY_UNKNOWN_MAX]; /* symbols that the codec does not know */
    hp_calibration_t calibration;
    hp_histogram_t histogram;         /* nanoseconds of the sampled messages */
    hp_event_t event;
    hp_replay_market_t *markets[HP_REPLAY_INSTRUMENTS_MAX + 1]; /* by instrument id */
} hp_replay_t;

static inline int hp_replay_same_top(const hp_l2_t *l2, const hp_event_top_t *t)
{
    return hp_l2_bid_ticks(l2) == t->bid_ticks && l2->bid.best_lots == t->bid_lots &&
           hp_l2_ask_ticks(l2) == t->ask_ticks && l2->ask.best_lots == t->ask_lots;
}

/* A ticker: compare it now if the book is just there, else keep it until the book comes. */
static inline void hp_replay_ticked(hp_replay_market_t *m, const hp_event_t *e)
{
    if (e->last_id > m->book->update_id || !hp_book_chained(m->book)) {
        if (m->to - m->from == HP_REPLAY_TICKERS) m->from++;
        hp_replay_ticker_t *t = &m->at[m->to++ & (HP_REPLAY_TICKERS - 1)];
        t->update_id = e->last_id;
        t->top = e->body.top;
    } else if (e->last_id == m->book->update_id) {
        m->compared++;
        m->equal += (uint64_t)hp_replay_same_top(&m->book->l2, &e->body.top);
    }
}

/* A delta was applied: compare with the kept ticker of the same id, and note the row. */
static inline void hp_replay_booked(hp_replay_t *r, hp_replay_market_t *m, uint64_t line)
{
    uint64_t id;
    const hp_l2_t *l2 = hp_book_newest(m->book, &id);
    for (; m->from != m->to; m->from++) {
        const hp_replay_ticker_t *t = &m->at[m->from & (HP_REPLAY_TICKERS - 1)];
        if (t->update_id > id) break;
        if (t->update_id != id) continue;
        m->compared++;
        m->equal += (uint64_t)hp_replay_same_top(l2, &t->top);
    }
    if (!r->want_rows) return;
    HP_ASSERT(r->row_count < r->row_max);
    r->rows[r->row_count++] = (hp_replay_row_t){
        line, id, hp_l2_bid_ticks(l2), l2->bid.best_lots, hp_l2_ask_ticks(l2), l2->ask.best_lots,
        m->instrument.id, m->instrument.price_decimals, m->instrument.size_decimals, 0 };
}

/* Count a symbol that the codec does not know.  What the table cannot hold is counted by status. */
static inline void hp_replay_note_unknown(hp_replay_t *r, const char *text, size_t size)
{
    if (size > HP_SYMBOL_BYTES) size = HP_SYMBOL_BYTES;
    for (uint32_t i = 0; i < r->unknown_count; i++) {
        hp_replay_unknown_t *u = &r->unknown[i];
        if (u->size == size && memcmp(u->text, text, size) == 0) { u->count++; return; }
    }
    if (r->unknown_count == HP_REPLAY_UNKNOWN_MAX) return;
    hp_replay_unknown_t *u = &r->unknown[r->unknown_count++];
    u->count = 1;
    u->size = (uint32_t)size;
    memcpy(u->text, text, size);
}

/* Count a message that gives no event. */
static inline void hp_replay_count(hp_replay_t *r, int status, uint64_t line)
{
    if (status <= HP_DECODE_REFUSED || status >= HP_DECODE_COUNT) status = HP_DECODE_REFUSED;
    if (r->status[status]++ == 0) r->first[status] = line;
}

/* A message without an event.  Returns where to stop, if so. */
__attribute__((noinline, unused))
static enum hp_replay_stop hp_replay_no_event(hp_replay_t *r, int status, uint64_t line)
{
    const char *text = NULL;
    size_t size = 0;
    if (status == HP_DECODE_FINER) return HP_REPLAY_STOP_FINER;
    if (status == HP_DECODE_UNKNOWN_SYMBOL) {
        r->codec->symbol(r->codec->state, &text, &size);
        if (size == 0) return HP_REPLAY_STOP_SNAPSHOT;
        hp_replay_note_unknown(r, text, size);
    }
    hp_replay_count(r, status, line);
    return HP_REPLAY_STOP_NONE;
}

/* One event, r->event. */
static inline void hp_replay_event(hp_replay_t *r, const hp_replay_line_t *line)
{
    hp_event_t *e = &r->event;
    int applied = HP_APPLIED_NOT_MINE;
    HP_ASSERT(e->kind < HP_EVENT_KIND_COUNT && e->instrument <= HP_REPLAY_INSTRUMENTS_MAX);
    e->recv_ns = line->recv_ns;
    r->kinds[e->kind]++;
    r->fallbacks += (e->flags & HP_EVENT_FALLBACK) != 0;
    hp_replay_market_t *m = r->markets[e->instrument];
    HP_ASSERT(m != NULL);
    if (e->kind == HP_EVENT_BOOK_TICKER) {
        hp_replay_ticked(m, e);
    } else if (e->kind == HP_EVENT_DEPTH || e->kind == HP_EVENT_SNAPSHOT) {
        m->depth++;
        applied = hp_book_apply(m->book, e, r->levels, line->number);
        if (applied == HP_APPLIED_OK || applied == HP_APPLIED_CROSSED)
            hp_replay_booked(r, m, line->number);
    }
    if (HP_UNLIKELY(r->hook != NULL)) r->hook(r->context, e, m->book, applied);
}

static inline enum hp_replay_stop hp_replay_message(hp_replay_t *r, const hp_replay_line_t *line)
{
    hp_event_t *e = &r->event;
    int status = r->codec->decode(r->codec->state, r->text + line->at, line->size, e, r->levels);
    if (HP_UNLIKELY(status != HP_DECODE_EVENT)) {
        enum hp_replay_stop stop = hp_replay_no_event(r, status, line->number);
        if (stop != HP_REPLAY_STOP_NONE) return stop;
    } else {
        hp_replay_event(r, line);
        while (HP_UNLIKELY(e->flags & HP_EVENT_MORE) && r->codec->next(r->codec->state, e))
            hp_replay_event(r, line);
    }
    r->messages++;
    r->bytes += line->size;
    return HP_REPLAY_STOP_NONE;
}

/* Go on with the block to its end or a stop; at a stop lines[at] is the message in question. */
static inline enum hp_replay_stop hp_replay_run(hp_replay_t *r)
{
    enum hp_replay_stop stop = HP_REPLAY_STOP_NONE;
    uint64_t began = hp_mono_ns(), stamp;
    while (r->at < r->count && stop == HP_REPLAY_STOP_NONE) {
        if (HP_UNLIKELY(r->until_sample-- == 0)) {
            r->until_sample = HP_REPLAY_SAMPLE_EVERY - 1;
            stamp = hp_tsc();
            stop = hp_replay_message(r, &r->lines[r->at]);
            stamp = hp_tsc() - stamp;
            if (stop == HP_REPLAY_STOP_NONE)
                hp_histogram_record(&r->histogram, hp_tsc_to_ns(&r->calibration, stamp));
        } else {
            stop = hp_replay_message(r, &r->lines[r->at]);
        }
        r->at += stop == HP_REPLAY_STOP_NONE;
    }
    r->busy_ns += hp_mono_ns() - began;
    return stop;
}

/* The message in question is a snapshot of this instrument.  Returns enum hp_decode; when it is
 * EVENT, `applied` is the book's answer and the message is done. */
static inline int hp_replay_snapshot(hp_replay_t *r, hp_replay_market_t *m, int *applied)
{
    const hp_replay_line_t *line = &r->lines[r->at];
    hp_event_t *e = &r->event;
    hp_delta_t done;
    enum hp_applied next;
    uint64_t began = hp_mono_ns();
    int status = r->codec->decode_snapshot(r->codec->state, m->instrument.id, r->text + line->at,
                                           line->size, e, r->levels);
    *applied = HP_APPLIED_REFUSED;
    if (status == HP_DECODE_EVENT) {
        e->recv_ns = line->recv_ns;
        r->kinds[HP_EVENT_SNAPSHOT]++;
        *applied = hp_book_adopt(m->book, e, r->levels->at);
        while (*applied != HP_APPLIED_TOO_OLD && *applied != HP_APPLIED_REFUSED &&
               (next = hp_book_splice(m->book, &done)) != HP_APPLIED_REFUSED) {
            *applied = next;
            if (next == HP_APPLIED_GAP) break;
            if (!done.applied) hp_replay_booked(r, m, done.tag);
        }
        if (HP_UNLIKELY(r->hook != NULL)) r->hook(r->context, e, m->book, *applied);
        r->messages++;
        r->bytes += line->size;
        r->at++;
    }
    r->busy_ns += hp_mono_ns() - began;
    return status;
}

/* The message in question gives no event: count it and go past it. */
static inline void hp_replay_skip(hp_replay_t *r, int status)
{
    const hp_replay_line_t *line = &r->lines[r->at++];
    hp_replay_count(r, status, line->number);
    r->messages++;
    r->bytes += line->size;
}

/* A finer scale: instrument, book and kept tickers follow.  0 when a value would leave 64 bits;
 * then nothing has changed.  `room` is for hp_book_rescale_room() levels. */
static inline int hp_replay_rescale(hp_replay_market_t *m, int price_decimals, int size_decimals,
                                    hp_level_t *room)
{
    int64_t price = hp_pow10(price_decimals - m->instrument.price_decimals);
    int64_t size = hp_pow10(size_decimals - m->instrument.size_decimals);
    if (!hp_book_rescale(m->book, price, size, room)) return 0;
    m->instrument.price_decimals = (int8_t)price_decimals;
    m->instrument.size_decimals = (int8_t)size_decimals;
    for (uint64_t i = m->from; i != m->to; i++) {
        hp_event_top_t *t = &m->at[i & (HP_REPLAY_TICKERS - 1)].top;
        hp_level_t sides[2] = { { t->bid_ticks, t->bid_lots }, { t->ask_ticks, t->ask_lots } };
        if (!hp_levels_multiply(sides, 2, price, size)) { /* then none of them is compared */
            m->from = m->to;
            break;
        }
        *t = (hp_event_top_t){ sides[0].price_ticks, sides[0].lots, sides[1].price_ticks,
                               sides[1].lots, { 0 } };
    }
    return 1;
}

#endif
