/* lines.h - several market sockets that carry the same streams.
 *
 * Owns:    which line a socket is, putting each event before its instrument's arbiter and what that
 *          hands on before the book, lines that fail, their figures on the lane page.
 * Refuses: choosing between copies (hotpath/book/arbiter.h), sockets (Env: HP_WANT_RECONNECT).
 *
 * Sockets are numbered line by line: socket s of a lane with n sockets a line is line s / n.  With one
 * line no instrument has an arbiter, and nothing of this runs. */
#ifndef HP_LANE_LINES_H
#define HP_LANE_LINES_H

#include <stdint.h>

#include "hotpath/lane/core.h"

/* A line that says nothing of an instrument is opened anew this often: 30 connects in five minutes,
 * a tenth of what venues allow an address. */
#define HP_LINE_RENEW_NS 10000000000ull
#define HP_WANT_ONE_SOCKET 0x80000000u /* HP_WANT_RECONNECT: this line's socket alone */

static inline uint32_t hp_lane_line(const hp_lane_t *l, uint32_t socket)
{
    return l->line_count > 1 ? socket / l->line_sockets : 0;
}

static inline uint32_t hp_lane_line_socket(const hp_lane_t *l, uint32_t socket)
{
    return l->line_count > 1 ? socket % l->line_sockets : socket;
}

/* Copies that differ: a snapshot shall say which is right. */
static inline void hp_lane_check_conflicts(hp_lane_instrument_t *i)
{
    if (HP_LIKELY(i->arbiter->conflicts == i->conflicts)) return;
    i->conflicts = i->arbiter->conflicts;
    if (i->book != NULL) hp_book_refresh(i->book);
}

/* Is this copy the one to use? */
static inline int hp_lane_takes(hp_lane_t *l, hp_lane_instrument_t *i)
{
    l->event.line = (uint8_t)l->line;
    l->arbitrated = i->about.id;
    int is_used = hp_arbiter_take(i->arbiter, &l->event, l->levels->at) == HP_COPY_USE;
    hp_lane_check_conflicts(i);
    return is_used;
}

/* Put the next held event in place of the last one; 0 = there is none. */
static inline int hp_lane_next_held(hp_lane_t *l, hp_lane_instrument_t *i, uint64_t now_ns)
{
    const hp_level_t *levels;
    uint64_t holes = i->arbiter->holes;
    if (!hp_arbiter_next(i->arbiter, now_ns, &l->event, &levels)) return 0;
    hp_count(&l->count->line_holes, i->arbiter->holes - holes);
    memcpy(l->levels->at, levels, (l->event.bid_count + l->event.ask_count) * sizeof *levels);
    l->event.flags &= (uint8_t)~HP_EVENT_MORE;
    hp_lane_check_conflicts(i);
    return 1;
}

/* A frame of this line could not be read: nobody knows whose it was. */
__attribute__((noinline, unused))
static void hp_lane_line_error(hp_lane_t *l)
{
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
        hp_lane_instrument_t *i = hp_lane_instrument(l, id);
        if (i != NULL && i->arbiter != NULL) hp_arbiter_error(i->arbiter, l->line, l->recv_ns);
    }
}

/* A stream's socket opened or closed.  Returns 0 when another line carries the stream on. */
static inline int hp_lane_line_moves(hp_lane_t *l, hp_lane_instrument_t *i, hp_stream_t *s,
                                     uint32_t kind, uint32_t line, int is_open)
{
    uint32_t before = s->open_lines, bit = 1u << line;
    s->open_lines = is_open ? before | bit : before & ~bit;
    if (i->arbiter != NULL && kind == HP_EVENT_DEPTH) {
        if (is_open) hp_arbiter_open(i->arbiter, line, l->now_ns);
        else hp_arbiter_close(i->arbiter, line);
    }
    return (before & ~bit) == 0;
}

/* Lines that were left behind long ago: their sockets are opened anew. */
static inline void hp_lane_line_timers(hp_lane_t *l, hp_lane_instrument_t *i)
{
    for (uint32_t n = 0; n < i->arbiter->line_count; n++) {
        hp_line_t *line = &i->arbiter->lines[n];
        if (line->state != HP_LINE_ISOLATED || l->now_ns <= line->seen_ns + HP_LINE_RENEW_NS) continue;
        line->seen_ns = l->now_ns;
        uint32_t socket = i->streams[HP_EVENT_DEPTH].rule.socket + n * l->line_sockets;
        l->env.want(l->env.self, HP_WANT_RECONNECT, socket | HP_WANT_ONE_SOCKET);
    }
}

/* What the lines did, over all instruments; the worst instrument's score and lateness. */
static inline void hp_lane_publish_lines(hp_lane_t *l)
{
    uint64_t conflicts = 0;
    for (uint32_t n = 0; n < l->line_count && n < HP_LINES_MAX; n++) {
        hp_lane_line_t sum;
        memset(&sum, 0, sizeof sum);
        sum.score_bps = 10000;
        for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
            const hp_lane_instrument_t *i = hp_lane_instrument(l, id);
            if (i == NULL || i->arbiter == NULL) continue;
            const hp_line_t *line = &i->arbiter->lines[n];
            const hp_line_counts_t *c = &line->counts;
            uint32_t score_bps = hp_line_score_bps(line);
            sum.wins += c->wins;
            sum.duplicates += c->duplicates;
            sum.held += c->held;
            sum.unused += c->unused;
            sum.lost += c->lost;
            sum.errors += c->errors;
            sum.isolations += c->isolations;
            sum.returns += c->returns;
            sum.late_ns += c->late_ns;
            if (line->late_ns > sum.late_ns_mean) sum.late_ns_mean = line->late_ns;
            if (score_bps < sum.score_bps) sum.score_bps = score_bps;
            sum.unheard += line->state != HP_LINE_GOOD;
            if (n == 0) conflicts += i->arbiter->conflicts;
        }
        memcpy(&l->page->lines[n], &sum, sizeof sum);
    }
    hp_store_relaxed(&l->count->line_conflicts, conflicts);
}

#endif
