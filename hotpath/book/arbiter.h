/* arbiter.h - several lines of one instrument made into one stream.
 *
 * Owns:    which copy of an event is used (the first good one, by the venue's sequence), what came too
 *          early and waits, which line is listened to (line.h).
 * Refuses: books (it hands on events in order, and the book judges them), sockets, clocks.
 *
 * Deltas of a book carry a span of changes (rules.h: from, to].  With `last` the end of what was handed
 * on, a copy is
 *     to <= last            a duplicate: dropped
 *     from <= last < to     next: handed on.  It need not be cut as the other line's copy is
 *     from > last           early: something is missing; held until another line brings it
 * What is missing is given up, and the hole handed on for the book to see, when every line that is
 * listened to has gone past it (a line is in order, so it will not come), or after
 * HP_LINE_LATE_NS_MAX.  Assumed: sizes are absolute, ids are the venue's, the same on all lines, and
 * each line is in order.  Not assumed: equal cuts, equal timing, that any one line is whole.
 *
 * Trades have ids without a chain: each id is handed on once, in the order of arrival.  Of tickers,
 * marks and streams of whole books the newest is handed on. */
#ifndef HP_ARBITER_H
#define HP_ARBITER_H

#include "event.h"
#include "hotpath/book/backlog.h"
#include "hotpath/book/line.h"
#include "hotpath/book/rules.h"

#define HP_ARBITER_PAST 64 /* accepted spans that later copies are compared with; power of two */
#define HP_ARBITER_SEEN_LOG2 10 /* trade ids that are remembered; in sets of 4 */
#define HP_ARBITER_BACK_EVENTS 3 /* a line that goes on from lower ids for this long: ids restarted */

enum hp_copy {
    HP_COPY_REFUSED = 0,   /* no such line, or a kind that has no arbiter */
    HP_COPY_USE = 1,       /* hand it on */
    HP_COPY_DUPLICATE = 2,
    HP_COPY_HELD = 3,
    HP_COPY_UNUSED = 4     /* its line is isolated or on probation */
};

typedef struct hp_past {
    uint64_t from, to;
    uint64_t hash;
    uint64_t recv_ns;
    uint64_t line;
} hp_past_t;

typedef struct hp_seen { /* ids of one kind */
    uint64_t ids[1u << HP_ARBITER_SEEN_LOG2];
    uint8_t  turn[1u << (HP_ARBITER_SEEN_LOG2 - 2)];
} hp_seen_t;

typedef struct hp_arbiter {
    uint32_t rule;         /* enum hp_sequence_rule */
    uint32_t line_count;
    uint32_t epoch;
    uint32_t is_begun;
    uint32_t is_broken;    /* a hole was handed on in a stream that heals by its own snapshot */
    uint32_t pad;
    uint64_t last;         /* end of what was handed on */
    uint64_t accepted;     /* deltas and snapshots handed on */
    uint64_t accepted_ns;
    uint64_t holes;        /* given up */
    uint64_t waited_ns;    /* sum over held events, until they were handed on */
    uint64_t conflicts;    /* copies of one event that differ */
    uint64_t newest[HP_EVENT_KIND_COUNT];
    hp_line_t lines[HP_LINES_MAX];
    hp_past_t past[HP_ARBITER_PAST];
    hp_seen_t trades;
    hp_seen_t agg_trades;
    hp_backlog_t backlog;  /* held deltas; `applied`: done with */
    hp_event_t *held;      /* their events, by the backlog's slot */
} hp_arbiter_t;

static inline size_t hp_arbiter_bytes(uint32_t deltas_log2, uint32_t level_max)
{
    return hp_backlog_bytes(deltas_log2, level_max) + (sizeof(hp_event_t) << deltas_log2);
}

static inline void hp_arbiter_init(hp_arbiter_t *a, uint32_t rule, uint32_t line_count,
                                   uint32_t deltas_log2, uint32_t level_max, void *memory)
{
    HP_ASSERT(line_count >= 1 && line_count <= HP_LINES_MAX);
    memset(a, 0, sizeof *a);
    a->rule = rule;
    a->line_count = line_count;
    hp_backlog_init(&a->backlog, deltas_log2, level_max, memory);
    a->held = (hp_event_t *)(void *)((char *)memory + hp_backlog_bytes(deltas_log2, level_max));
}

static inline int hp_seen_before(hp_seen_t *s, uint64_t id)
{
    uint64_t set = id * 0x9E3779B97F4A7C15u >> (64 - (HP_ARBITER_SEEN_LOG2 - 2));
    uint64_t *at = s->ids + 4 * set;
    for (int i = 0; i < 4; i++)
        if (at[i] == id) return 1;
    at[s->turn[set]++ & 3] = id;
    return 0;
}

/* What two copies of one event must agree on. */
static inline uint64_t hp_arbiter_hash(const hp_event_t *e, const hp_level_t *levels)
{
    uint64_t hash = e->bid_count * 0x9E3779B97F4A7C15u + e->ask_count;
    for (uint32_t i = 0; i < e->bid_count + e->ask_count; i++) {
        hash = (hash ^ (uint64_t)levels[i].price_ticks) * 0x9E3779B97F4A7C15u;
        hash = (hash ^ (hash >> 32) ^ (uint64_t)levels[i].lots) * 0xBF58476D1CE4E5B9u;
    }
    return hash;
}

/* Is another line listened to, and does it say something? */
static inline int hp_arbiter_has_other(const hp_arbiter_t *a, const hp_line_t *l, uint64_t now_ns)
{
    for (uint32_t i = 0; i < a->line_count; i++) {
        const hp_line_t *o = &a->lines[i];
        if (o == l || o->state != HP_LINE_GOOD) continue;
        if (now_ns <= o->seen_ns + HP_LINE_SILENT_NS) return 1;
    }
    return 0;
}

static inline void hp_arbiter_judge(hp_arbiter_t *a, hp_line_t *l, uint64_t now_ns)
{
    if (l->state == HP_LINE_ISOLATED || l->state == HP_LINE_CLOSED) return;
    if (!hp_line_is_bad(l)) hp_line_pass_window(l);
    else if (l->state == HP_LINE_PROBATION || hp_arbiter_has_other(a, l, now_ns))
        hp_line_isolate(l, now_ns);
    else hp_line_window(l); /* the last one */
}

/* A frame of this line could not be read, or said what it must not. */
static inline void hp_arbiter_error(hp_arbiter_t *a, uint32_t line, uint64_t now_ns)
{
    if (line >= a->line_count) return;
    a->lines[line].counts.errors++;
    a->lines[line].errors++;
    hp_arbiter_judge(a, &a->lines[line], now_ns);
}

static inline void hp_arbiter_open(hp_arbiter_t *a, uint32_t line, uint64_t now_ns)
{
    if (line < a->line_count) hp_line_open(&a->lines[line], a->epoch, now_ns);
}

/* The line's socket closed.  Returns how many lines are left. */
static inline uint32_t hp_arbiter_close(hp_arbiter_t *a, uint32_t line)
{
    uint32_t left = 0;
    if (line < a->line_count) a->lines[line].state = HP_LINE_CLOSED;
    for (uint32_t i = 0; i < a->line_count; i++) left += a->lines[i].state != HP_LINE_CLOSED;
    return left;
}

/* May this line's event be used?  Where every line that is listened to is silent, any line may. */
static inline int hp_arbiter_listens(hp_arbiter_t *a, hp_line_t *l, uint64_t now_ns)
{
    if (HP_LIKELY(l->state == HP_LINE_GOOD)) return 1;
    if (l->state == HP_LINE_CLOSED) {
        hp_line_open(l, a->epoch, now_ns);
        return 1;
    }
    if (l->state == HP_LINE_ISOLATED && now_ns >= l->until_ns) {
        l->state = HP_LINE_PROBATION;
        l->seen_to = 0; /* what it missed meanwhile is behind it */
        hp_line_window(l);
    }
    if (hp_arbiter_has_other(a, l, now_ns)) return 0;
    l->state = HP_LINE_GOOD;
    hp_line_window(l);
    return 1;
}

/* Two copies of one event differ.  A line that is not listened to answers for it alone; of two that
 * are nothing here says which is right, so both do.  Of three lines the bad one soon has twice the
 * errors of the others; of two the choice is no better than chance, so whoever owns the book asks for
 * a snapshot when `conflicts` has grown. */
static inline void hp_arbiter_conflict(hp_arbiter_t *a, uint64_t used, uint64_t other, uint64_t now_ns)
{
    int is_used_good = a->lines[used].state == HP_LINE_GOOD;
    int is_other_good = a->lines[other].state == HP_LINE_GOOD;
    a->conflicts++;
    if (is_other_good || !is_used_good) hp_arbiter_error(a, (uint32_t)used, now_ns);
    if (is_used_good || !is_other_good) hp_arbiter_error(a, (uint32_t)other, now_ns);
}

/* A line that other lines have left behind is silent. */
static inline void hp_arbiter_find_silent(hp_arbiter_t *a, uint64_t now_ns)
{
    for (uint32_t i = 0; i < a->line_count; i++) {
        hp_line_t *l = &a->lines[i];
        if (l->state != HP_LINE_GOOD || now_ns <= l->seen_ns + HP_LINE_SILENT_NS) continue;
        if (a->accepted - l->seen_accepted < HP_LINE_SILENT_EVENTS) continue;
        if (hp_arbiter_has_other(a, l, now_ns)) hp_line_isolate(l, now_ns);
    }
}

/* Hand an event on: it is the next. */
static inline void hp_arbiter_accept(hp_arbiter_t *a, hp_event_t *e, hp_span_t s, uint64_t hash,
                                     uint64_t now_ns)
{
    hp_line_t *winner = &a->lines[e->line];
    if (s.from < a->last && e->kind == HP_EVENT_DEPTH && !s.restarts)
        hp_rule_continue(a->last, &e->first_id, &e->prev_id);
    a->past[a->accepted++ & (HP_ARBITER_PAST - 1)] = (hp_past_t){ s.from, s.to, hash,
                                                                       e->recv_ns, e->line };
    a->accepted_ns = now_ns;
    a->last = s.to;
    a->is_begun = 1;
    winner->counts.wins++;
    hp_line_late(winner, 0);
    for (uint32_t i = 0; i < a->line_count; i++) { /* one on probation may have said it before */
        hp_line_t *l = &a->lines[i];
        if (l == winner || l->seen_to != s.to || l->seen_from != s.from) continue;
        if (l->seen_hash != hash) hp_arbiter_conflict(a, e->line, i, now_ns);
    }
    hp_arbiter_find_silent(a, now_ns);
}

/* A copy of what was handed on: how late is it, and does it say the same? */
static inline void hp_arbiter_compare(hp_arbiter_t *a, hp_line_t *l, const hp_event_t *e, hp_span_t s,
                                      uint64_t hash, uint64_t now_ns)
{
    for (uint64_t back = 1; back <= HP_ARBITER_PAST && back <= a->accepted; back++) {
        const hp_past_t *p = &a->past[(a->accepted - back) & (HP_ARBITER_PAST - 1)];
        if (p->to > s.to) continue;
        if (p->to == s.to) {
            uint64_t late = e->recv_ns > p->recv_ns ? e->recv_ns - p->recv_ns : 0;
            l->counts.late_ns += late;
            hp_line_late(l, late);
            if (p->from == s.from && p->hash != hash)
                hp_arbiter_conflict(a, p->line, e->line, now_ns);
        }
        return;
    }
    hp_line_late(l, 2 * HP_LINE_LATE_NS_MAX); /* so late that it is forgotten */
}

/* Events that went by between the line's last one and this. */
static inline void hp_arbiter_count_lost(const hp_arbiter_t *a, hp_line_t *l, hp_span_t s)
{
    if (l->seen_to == 0 || s.from <= l->seen_to) return;
    uint32_t lost = 0;
    for (uint64_t back = 1; back <= HP_ARBITER_PAST && back <= a->accepted; back++) {
        const hp_past_t *p = &a->past[(a->accepted - back) & (HP_ARBITER_PAST - 1)];
        if (p->to <= l->seen_to) break;
        lost += p->to <= s.from;
    }
    if (lost == 0) lost = 1; /* nobody has had it yet */
    l->counts.lost += lost;
    l->lost += lost;
}

/* Does the line show that the venue's ids started again?  It says so, or it goes on from lower ids
 * while nothing else comes. */
static inline int hp_arbiter_restarts(hp_arbiter_t *a, hp_line_t *l, hp_span_t s, uint64_t now_ns)
{
    if (s.restarts) {
        l->epoch++;
        return 1;
    }
    if (s.to > l->seen_to) l->back_run = 0;
    if (s.to > l->seen_to || s.from == 0) return 0;
    if (l->epoch == a->epoch && now_ns <= a->accepted_ns + HP_LINE_SILENT_NS) return 0;
    l->back_run = l->back_run != 0 && s.from >= l->back_to ? (uint16_t)(l->back_run + 1) : 1;
    l->back_to = s.to;
    if (l->back_run < HP_ARBITER_BACK_EVENTS) return 0;
    l->epoch++;
    return 1;
}

static inline enum hp_copy hp_arbiter_hold(hp_arbiter_t *a, const hp_event_t *e,
                                           const hp_level_t *levels, hp_span_t s)
{
    hp_backlog_t *q = &a->backlog;
    for (uint32_t i = 0; i < q->count; i++) {
        const hp_delta_t *d = hp_backlog_at(q, i);
        if (!d->applied && d->ids.last_id == s.to && d->ids.first_id == s.from)
            return HP_COPY_DUPLICATE;
    }
    hp_delta_t delta = { { s.from, s.to, 0 }, e->recv_ns, 0, 0, e->bid_count, e->ask_count, 0 };
    if (!hp_backlog_push(q, delta, levels)) return HP_COPY_DUPLICATE; /* too large: it is lost */
    a->held[(q->head + q->count - 1) & q->delta_mask] = *e;
    return HP_COPY_HELD;
}

/* A delta, or a snapshot that stands in the stream. */
static inline enum hp_copy hp_arbiter_chain(hp_arbiter_t *a, hp_event_t *e, const hp_level_t *levels)
{
    hp_line_t *l = &a->lines[e->line];
    const uint64_t now_ns = e->recv_ns;
    const int is_snapshot = e->kind == HP_EVENT_SNAPSHOT;
    const hp_span_t s = hp_rule_span(a->rule, (hp_ids_t){ e->first_id, e->last_id, e->prev_id },
                                     is_snapshot);
    const int listens = hp_arbiter_listens(a, l, now_ns);
    const int restarts = a->is_begun && hp_arbiter_restarts(a, l, s, now_ns);
    const uint64_t hash = hp_arbiter_hash(e, levels);
    enum hp_copy copy = HP_COPY_USE;
    if (restarts) {
        l->seen_to = 0;
        l->back_run = 0;
    }
    if (!is_snapshot) hp_arbiter_count_lost(a, l, s);
    l->events++;
    if (!listens) {
        copy = HP_COPY_UNUSED;
        if (s.to > a->last) hp_line_late(l, 0);
        else if (l->epoch == a->epoch) hp_arbiter_compare(a, l, e, s, hash, now_ns);
    } else if (restarts && l->epoch > a->epoch) {
        a->epoch = l->epoch;
        hp_backlog_clear(&a->backlog);
        hp_arbiter_accept(a, e, s, hash, now_ns);
    } else if (l->epoch < a->epoch || restarts) {
        copy = HP_COPY_DUPLICATE; /* of before the restart, or the restart itself once more */
    } else if (is_snapshot && a->is_broken) {
        a->is_broken = 0;
        hp_arbiter_accept(a, e, s, hash, now_ns);
    } else if (!a->is_begun || (s.from <= a->last && a->last < s.to)) {
        hp_arbiter_accept(a, e, s, hash, now_ns);
    } else if (s.from == s.to && s.to == a->last) { /* a keep-alive: it refreshes */
        a->accepted_ns = now_ns;
    } else if (s.to <= a->last) {
        copy = HP_COPY_DUPLICATE;
        hp_arbiter_compare(a, l, e, s, hash, now_ns);
    } else {
        copy = hp_arbiter_hold(a, e, levels, s);
    }
    if (s.to >= l->seen_to) {
        l->seen_from = s.from;
        l->seen_to = s.to;
        l->seen_hash = hash;
    }
    l->seen_ns = now_ns;
    l->seen_accepted = a->accepted;
    hp_arbiter_judge(a, l, now_ns);
    return copy;
}

static inline enum hp_copy hp_arbiter_newest(hp_arbiter_t *a, uint32_t kind, uint64_t key)
{
    if (key <= a->newest[kind] && key != 0) return HP_COPY_DUPLICATE;
    a->newest[kind] = key;
    return HP_COPY_USE;
}

/* One event of line e->line; e->recv_ns is now.  USE: hand it on, then ask hp_arbiter_next(). */
static inline enum hp_copy hp_arbiter_take(hp_arbiter_t *a, hp_event_t *e, const hp_level_t *levels)
{
    enum hp_copy copy;
    if (HP_UNLIKELY(e->line >= a->line_count)) return HP_COPY_REFUSED;
    hp_line_t *l = &a->lines[e->line];
    const int is_book = e->kind == HP_EVENT_DEPTH || e->kind == HP_EVENT_SNAPSHOT;
    if (is_book && a->rule != HP_SEQUENCE_HYPERLIQUID) {
        copy = hp_arbiter_chain(a, e, levels);
    } else {
        int listens = hp_arbiter_listens(a, l, e->recv_ns);
        l->seen_ns = e->recv_ns;
        if (!listens) copy = HP_COPY_UNUSED;
        else if (e->kind == HP_EVENT_TRADE)
            copy = hp_seen_before(&a->trades, e->body.trade.trade_id) ? HP_COPY_DUPLICATE : HP_COPY_USE;
        else if (e->kind == HP_EVENT_AGG_TRADE)
            copy = hp_seen_before(&a->agg_trades, e->body.trade.trade_id) ? HP_COPY_DUPLICATE
                                                                          : HP_COPY_USE;
        else if (e->kind == HP_EVENT_MARK_PRICE)
            copy = hp_arbiter_newest(a, e->kind, (uint64_t)e->event_ns);
        else copy = hp_arbiter_newest(a, e->kind, e->last_id);
        l->counts.wins += copy == HP_COPY_USE;
    }
    l->counts.duplicates += copy == HP_COPY_DUPLICATE;
    l->counts.held += copy == HP_COPY_HELD;
    l->counts.unused += copy == HP_COPY_UNUSED;
    return copy;
}

/* Has every line that is listened to gone past what is missing? */
static inline int hp_arbiter_all_passed(const hp_arbiter_t *a)
{
    for (uint32_t i = 0; i < a->line_count; i++)
        if (a->lines[i].state == HP_LINE_GOOD && a->lines[i].seen_to <= a->last) return 0;
    return 1;
}

/* The held event that continues what was handed on; failing that, once the hole before it is given
 * up, the earliest.  `levels` points into the backlog: it is good until the next take.  0 = none. */
static inline int hp_arbiter_next(hp_arbiter_t *a, uint64_t now_ns, hp_event_t *e,
                                  const hp_level_t **levels)
{
    hp_backlog_t *q = &a->backlog;
    hp_delta_t *found = NULL;
    uint32_t at = 0;
    while (q->count && hp_backlog_at(q, 0)->applied) hp_backlog_pop(q);
    for (uint32_t i = 0; i < q->count; i++) {
        hp_delta_t *d = hp_backlog_at(q, i);
        if (d->ids.last_id <= a->last) d->applied = 1;
        if (d->applied || (found != NULL && found->ids.first_id <= d->ids.first_id)) continue;
        found = d;
        at = i;
    }
    if (found == NULL) {
        hp_backlog_clear(q);
        return 0;
    }
    if (found->ids.first_id > a->last) {
        if (now_ns < found->recv_ns + HP_LINE_LATE_NS_MAX && !hp_arbiter_all_passed(a)) return 0;
        a->holes++;
        a->is_broken = (uint32_t)hp_rule_in_stream(a->rule);
    }
    found->applied = 1;
    *e = a->held[(q->head + at) & q->delta_mask];
    *levels = q->levels + found->at;
    a->waited_ns += now_ns > found->recv_ns ? now_ns - found->recv_ns : 0;
    hp_span_t s = { found->ids.first_id, found->ids.last_id, 0, 0 };
    hp_arbiter_accept(a, e, s, hp_arbiter_hash(e, *levels), now_ns);
    return 1;
}

#endif
