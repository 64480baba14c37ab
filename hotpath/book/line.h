/* line.h - how good is one of several equal feeds?
 *
 * Owns:    what a line delivered, lost and spoilt, how late it is behind the first copy, whether its
 *          events are used: GOOD, ISOLATED, PROBATION.
 * Refuses: events (arbiter.h), sockets.
 *
 *   GOOD --- loses, spoils, lags or is silent ---> ISOLATED --- isolation is over ---> PROBATION
 *    ^                                                ^                                   |
 *    +------- a clean probation window ---------------|-----------------------------------+
 *                                                     +------- anything else -------------+
 *
 * The last line that is alive is never isolated: a bad line is better than none. */
#ifndef HP_LINE_H
#define HP_LINE_H

#include <stdint.h>
#include <string.h>

#include "panic.h"

#define HP_LINES_MAX 4

/* A hole is waited for this long: half of the tightest bound for quoting (100 ms), since after that
 * bound the book is stale anyway.  A line that is later than that on average fills no hole. */
#define HP_LINE_LATE_NS_MAX 50000000ull
/* Events after which a line is judged: 20 % lost by chance is then 20 % +- 2.5 %, far from half. */
#define HP_LINE_WINDOW 256
#define HP_LINE_LOST_MAX 128  /* of a window: a line that loses half doubles nothing */
#define HP_LINE_ERRORS_MAX 8  /* of a window: 3 %; TCP spoils nothing, so each one is a fault */
/* Silent: the bound for quoting has passed and 16 events came without it; a line that loses 20 % by
 * chance misses that many in a row once in 10^11. */
#define HP_LINE_SILENT_NS 100000000ull
#define HP_LINE_SILENT_EVENTS 16
#define HP_LINE_ISOLATION_NS 1000000000ull /* first; twice as long each time, 64 s at most */
#define HP_LINE_ISOLATIONS_LOG2_MAX 6
#define HP_LINE_PROBATION_EVENTS 64 /* 3 s at 20 events/s */
#define HP_LINE_LATE_SHIFT 4        /* mean of about the last 16 */

enum hp_line_state {
    HP_LINE_CLOSED = 0,
    HP_LINE_GOOD = 1,
    HP_LINE_ISOLATED = 2,
    HP_LINE_PROBATION = 3
};

typedef struct hp_line_counts {
    uint64_t wins;        /* its copy was the first good one */
    uint64_t duplicates;  /* it came behind another line's copy */
    uint64_t held;        /* it came too early: something before it was missing */
    uint64_t unused;      /* not used, because the line is isolated or on probation */
    uint64_t lost;        /* events that other lines had and it never */
    uint64_t errors;      /* frames that could not be read, copies that differ */
    uint64_t isolations;
    uint64_t returns;
    uint64_t late_ns;     /* sum over its duplicates, behind the first copy */
} hp_line_counts_t;

typedef struct hp_line {
    uint8_t  state;       /* enum hp_line_state */
    uint8_t  in_row;      /* isolations since the last clean window */
    uint16_t back_run;    /* events in a row that went back in the sequence, each behind the other */
    uint32_t epoch;       /* restarts of the venue's ids that it has seen */
    uint64_t seen_from;   /* span of its newest event */
    uint64_t seen_to;
    uint64_t seen_hash;
    uint64_t seen_ns;
    uint64_t seen_accepted; /* the arbiter's count of accepted events then */
    uint64_t back_to;
    uint64_t until_ns;    /* of the isolation */
    uint64_t late_ns;     /* moving mean behind the first copy; a win counts as 0 */
    uint32_t events, lost, errors; /* of the window */
    uint32_t pad;
    hp_line_counts_t counts;
} hp_line_t;

static inline void hp_line_window(hp_line_t *l) { l->events = l->lost = l->errors = 0; }

static inline void hp_line_open(hp_line_t *l, uint32_t epoch, uint64_t now_ns)
{
    hp_line_counts_t counts = l->counts;
    memset(l, 0, sizeof *l);
    l->counts = counts;
    l->state = HP_LINE_GOOD;
    l->epoch = epoch;
    l->seen_ns = now_ns;
}

static inline void hp_line_isolate(hp_line_t *l, uint64_t now_ns)
{
    l->state = HP_LINE_ISOLATED;
    l->until_ns = now_ns + (HP_LINE_ISOLATION_NS << l->in_row);
    if (l->in_row < HP_LINE_ISOLATIONS_LOG2_MAX) l->in_row++;
    l->counts.isolations++;
    hp_line_window(l);
}

/* Is it bad by what the window holds so far?  Losses are judged when the window is full. */
static inline int hp_line_is_bad(const hp_line_t *l)
{
    uint32_t window = l->state == HP_LINE_PROBATION ? HP_LINE_PROBATION_EVENTS : HP_LINE_WINDOW;
    if (l->errors >= (l->state == HP_LINE_PROBATION ? 1 : HP_LINE_ERRORS_MAX)) return 1;
    if (l->events + l->lost < window) return 0;
    return l->lost >= window / 2 || l->late_ns > HP_LINE_LATE_NS_MAX;
}

/* The window is full and it was not bad. */
static inline void hp_line_pass_window(hp_line_t *l)
{
    uint32_t window = l->state == HP_LINE_PROBATION ? HP_LINE_PROBATION_EVENTS : HP_LINE_WINDOW;
    if (l->events + l->lost < window) return;
    if (l->state == HP_LINE_PROBATION) {
        l->state = HP_LINE_GOOD;
        l->counts.returns++;
    } else {
        l->in_row = 0;
    }
    hp_line_window(l);
}

static inline void hp_line_late(hp_line_t *l, uint64_t late_ns)
{
    l->late_ns += (late_ns >> HP_LINE_LATE_SHIFT) - (l->late_ns >> HP_LINE_LATE_SHIFT);
}

/* 0 (useless) .. 10000: the share of this window that came, came whole and came in time. */
static inline uint32_t hp_line_score_bps(const hp_line_t *l)
{
    uint64_t all = (uint64_t)l->events + l->lost + l->errors;
    uint64_t late = l->late_ns < HP_LINE_LATE_NS_MAX ? l->late_ns : HP_LINE_LATE_NS_MAX;
    uint64_t whole = all ? 10000ull * l->events / all : 10000;
    if (l->state != HP_LINE_GOOD) return 0;
    return (uint32_t)(whole * (HP_LINE_LATE_NS_MAX - late / 2) / HP_LINE_LATE_NS_MAX);
}

#endif
