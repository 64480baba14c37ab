/* hiccup.h - how long this core was taken away from a loop that had nothing to do.
 *
 * Owns:    one step per idle turn: the gap between two neighbouring idle turns; gaps over the threshold
 *          are hiccups (interrupt, other thread, host) and go into a histogram of nanoseconds.
 * Refuses: reading clocks (the TSC is an argument), turns that did work (call hp_hiccup_pause), blame.
 *
 * Idle turn:  hp_hiccup_step(h, c, hp_tsc()).      Turn that did work:  hp_hiccup_pause(h).
 * A step that finds nothing costs a subtraction, two additions and a compare.
 *
 * hp_hiccup_t.  One writer, the spinning thread; readers copy and accept counts that moved meanwhile.
 *
 *   0      8         16       24     32    40     48     56     64
 *   +------+---------+--------+------+-----+------+------+------+---------------------+
 *   | last |threshold|observed|stolen|steps|latest|latest|worst | gaps: hp_histogram_t|
 *   | tsc  |  ticks  | ticks  |ticks |     | tsc  |ticks | tsc  | nanoseconds         |
 *   +------+---------+--------+------+-----+------+------+------+---------------------+
 */
#ifndef HP_HICCUP_H
#define HP_HICCUP_H

#include <stddef.h>
#include <stdint.h>

#include "atomic.h"
#include "clock.h"
#include "histogram.h"
#include "panic.h"

/* cffi:begin */
typedef struct hp_hiccup {
    uint64_t last_tsc;        /* previous idle turn; 0 = the next step only takes a reference */
    uint64_t threshold_ticks; /* a longer gap is a hiccup */
    uint64_t observed_ticks;  /* idle time looked at */
    uint64_t stolen_ticks;    /* of it, inside hiccups */
    uint64_t steps;
    uint64_t latest_tsc;      /* when the newest hiccup ended; 0 = none yet */
    uint64_t latest_ticks;
    uint64_t worst_tsc;       /* when the longest hiccup ended; gaps.max is its length */
    hp_histogram_t gaps;      /* nanoseconds */
} hp_hiccup_t;
/* cffi:end */
HP_SIZE(hp_hiccup_t, 64 + sizeof(hp_histogram_t));
_Static_assert(sizeof(hp_hiccup_t) % HP_LINE_BYTES == 0, "neighbours in a page share no line pair");

static inline void hp_hiccup_init(hp_hiccup_t *h, const hp_calibration_t *c, uint64_t threshold_ns)
{
    HP_ASSERT(c->ns_per_tick_q32 != 0);
    memset(h, 0, sizeof *h);
    h->threshold_ticks = (uint64_t)(((hp_uwide_t)threshold_ns << 32) / c->ns_per_tick_q32);
}

/* The next step starts anew: what lies between is our own work. */
static inline void hp_hiccup_pause(hp_hiccup_t *h) { h->last_tsc = 0; }

/* Take one idle turn at `tsc`.  Returns the hiccup's ticks, 0 when there was none.  A TSC that went
 * back (another core, a resumed guest) only gives a new reference. */
static inline uint64_t hp_hiccup_step(hp_hiccup_t *h, const hp_calibration_t *c, uint64_t tsc)
{
    uint64_t last = h->last_tsc;
    h->last_tsc = tsc;
    if (HP_UNLIKELY(last == 0 || tsc < last)) return 0;
    uint64_t gap = tsc - last;
    hp_count(&h->observed_ticks, gap);
    hp_count(&h->steps, 1);
    if (HP_LIKELY(gap <= h->threshold_ticks)) return 0;
    uint64_t ns = hp_tsc_to_ns(c, gap);
    if (ns > h->gaps.max) hp_store_relaxed(&h->worst_tsc, tsc);
    hp_count(&h->stolen_ticks, gap);
    hp_store_relaxed(&h->latest_ticks, gap);
    hp_store_relaxed(&h->latest_tsc, tsc);
    hp_histogram_record(&h->gaps, ns);
    return gap;
}

#endif
