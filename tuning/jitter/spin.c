/* spin.c - the loop of spin.h. */
#include "tuning/jitter/spin.h"

#include <string.h>

/* Keep the longest hiccups, longest first. */
static void keep_top(host_spin_t *s, host_hiccup_t found)
{
    uint64_t at = s->top_count;
    if (at == HOST_SPIN_TOP) {
        if (found.length_ns <= s->top[HOST_SPIN_TOP - 1].length_ns) return;
        at--;
    } else {
        s->top_count++;
    }
    while (at > 0 && s->top[at - 1].length_ns < found.length_ns) {
        s->top[at] = s->top[at - 1];
        at--;
    }
    s->top[at] = found;
}

static void keep_slot(host_spin_t *s, host_hiccup_t found)
{
    uint64_t at = (uint64_t)((hp_uwide_t)found.at_ns * HOST_SPIN_SLOTS / s->duration_ns);
    host_slot_t *slot = &s->slots[at < HOST_SPIN_SLOTS ? at : HOST_SPIN_SLOTS - 1];
    slot->count++;
    slot->stolen_ns += found.length_ns;
    if (found.length_ns > slot->max_ns) slot->max_ns = found.length_ns;
}

void host_spin(host_spin_t *s, const hp_calibration_t *c)
{
    hp_hiccup_t *h = &s->hiccup;
    HP_ASSERT(s->duration_ns > 0 && c->ns_per_tick_q32 != 0);
    s->top_count = 0;
    memset(s->top, 0, sizeof s->top); /* writes every page before the clock runs: no fault inside */
    memset(s->slots, 0, sizeof s->slots);
    hp_hiccup_init(h, c, s->threshold_ns);
    uint64_t start = hp_tsc();
    uint64_t end = start + (uint64_t)(((hp_uwide_t)s->duration_ns << 32) / c->ns_per_tick_q32);
    uint64_t now = start;
    s->started_ns = hp_tsc_to_mono(c, start);
    (void)hp_hiccup_step(h, c, start);
    while (now < end && hp_load_relaxed(&s->stop) == 0) {
        now = hp_tsc();
        uint64_t gap = hp_hiccup_step(h, c, now);
        if (HP_LIKELY(gap == 0)) continue;
        host_hiccup_t found = {.at_ns = hp_tsc_to_ns(c, now - start), .length_ns = hp_tsc_to_ns(c, gap)};
        keep_top(s, found);
        keep_slot(s, found);
        h->last_tsc = hp_tsc(); /* our own book-keeping is not a hiccup */
    }
    s->elapsed_ns = hp_tsc_to_ns(c, now - start);
    uint64_t quiet = hp_tsc_to_ns(c, h->observed_ticks - h->stolen_ticks);
    s->turn_ps = h->steps > h->gaps.count
                     ? (uint64_t)((hp_uwide_t)quiet * 1000 / (h->steps - h->gaps.count)) : 0;
}
