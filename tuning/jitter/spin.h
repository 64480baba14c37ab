/* spin.h - a loop that does nothing but look at the TSC, and so sees whatever takes the core away.
 *
 * Owns:    gaps over the threshold (the step of abi/hiccup.h), the longest of them with their time,
 *          a timeline of equal slots.
 * Refuses: pinning, scheduling policy, blame (attribution.py reads the kernel's counters around it).
 *
 * host_spin_t is private to one thread while host_spin() runs; another thread may only set `stop`. */
#ifndef HOST_SPIN_H
#define HOST_SPIN_H

#include <stdint.h>

#include "hiccup.h"

/* cffi:begin */
#define HOST_SPIN_TOP 16
#define HOST_SPIN_SLOTS 600

typedef struct host_hiccup {
    uint64_t at_ns;      /* since the start of the run */
    uint64_t length_ns;
} host_hiccup_t;

typedef struct host_slot {
    uint64_t count;
    uint64_t stolen_ns;
    uint64_t max_ns;
} host_slot_t;

typedef struct host_spin {
    uint64_t threshold_ns;  /* in */
    uint64_t duration_ns;   /* in */
    uint64_t stop;          /* in, while running: not 0 ends the run */
    uint64_t started_ns;    /* CLOCK_MONOTONIC */
    uint64_t elapsed_ns;
    uint64_t turn_ps;       /* mean turn of the loop, hiccups left out: what it can resolve */
    uint64_t top_count;
    uint64_t pad;
    host_hiccup_t top[16];  /* longest first */
    host_slot_t slots[600]; /* the run in equal parts, by the hiccup's end */
    hp_hiccup_t hiccup;
} host_spin_t;

void host_spin(host_spin_t *s, const hp_calibration_t *c);
/* cffi:end */

#endif
