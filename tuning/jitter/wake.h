/* wake.h - what a thread waits for when it sleeps instead of spinning, and what a clock read costs.
 *
 * Owns:    timer overshoot, wake-up by eventfd and by futex, TCP round trip over loopback,
 *          cost of one clock read.
 * Refuses: pinning of the calling thread (the caller did that); its partner is pinned to `partner_core`
 *          when that is not negative.
 *
 * Calls return 0 or a negative errno.  Histograms are of nanoseconds and are added to, never cleared. */
#ifndef HOST_WAKE_H
#define HOST_WAKE_H

#include <stdint.h>

#include "histogram.h"

/* cffi:begin */
enum host_wake { HOST_WAKE_NONE = 0, HOST_WAKE_EVENTFD = 1, HOST_WAKE_FUTEX = 2 };

int host_wake_timer(uint64_t duration_ns, uint64_t interval_ns, hp_histogram_t *overshoot);
int host_wake_pair(int kind, int partner_core, uint64_t duration_ns, uint64_t pause_ns,
                   hp_histogram_t *latency);
int host_loopback(int spinning, int partner_core, uint64_t duration_ns, hp_histogram_t *round_trip);

/* Picoseconds per read, the least of `batches` batches of 1000.  clock_id -1 reads the TSC. */
uint64_t host_clock_cost_ps(int clock_id, int batches);
/* cffi:end */

#endif
