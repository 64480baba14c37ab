/* clock.h - the two clocks of a lane and the calibration between them.
 *
 * Owns:    CLOCK_MONOTONIC reads (everything that crosses a process), TSC reads (deltas inside a lane),
 *          the calibration that turns TSC deltas into nanoseconds, the seven stamps of an order, the
 *          time authority's word on CLOCK_REALTIME as a record.
 * Refuses: reading wall-clock time (UTC comes with an uncertainty from the time authority), step code: a
 *          step function gets `now` as an argument.  Only lane code and benchmarks read clocks.
 *
 * hp_stamps_t, 64 bytes.  TSC ticks; 0 = not reached.
 *
 *   0      8         16       24        32      40     48    56     64
 *   +------+---------+--------+---------+-------+------+-----+------+
 *   | recv | decoded | booked | decided | gated | sent | ack | pad  |
 *   +------+---------+--------+---------+-------+------+-----+------+
 */
#ifndef HP_CLOCK_H
#define HP_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <x86intrin.h>

#include "panic.h"
#include "wide.h"

/* cffi:begin */
enum hp_hop {
    HP_HOP_DECODE = 0,   /* recv    -> decoded */
    HP_HOP_BOOK = 1,     /* decoded -> booked */
    HP_HOP_DECIDE = 2,   /* booked  -> decided */
    HP_HOP_GATE = 3,     /* decided -> gated */
    HP_HOP_SEND = 4,     /* gated   -> sent */
    HP_HOP_ACK = 5,      /* sent    -> ack: the venue's share */
    HP_HOP_TICK_TO_TRADE = 6, /* recv -> sent */
    HP_HOP_STALE_OUT = 7, /* a stream passes its bound -> the last cancel that this causes is sent */
    HP_HOP_FILL_RESPONSE = 8, /* a read brought a fill -> what it made a strategy place is sent */
    HP_HOP_COUNT = 9
};

typedef struct hp_stamps {
    uint64_t recv;    /* once per socket read, carried by all frames of that read */
    uint64_t decoded;
    uint64_t booked;
    uint64_t decided; /* the strategy emitted the intent */
    uint64_t gated;
    uint64_t sent;    /* after the write system call */
    uint64_t ack;
    uint64_t pad;
} hp_stamps_t;

typedef struct hp_calibration {
    uint64_t tsc;         /* TSC at the calibration point */
    uint64_t mono_ns;     /* CLOCK_MONOTONIC at the same point */
    uint64_t ns_per_tick_q32; /* nanoseconds per TSC tick, 32.32 fixed point */
    uint64_t error_ns;    /* width of the reads around the point */
} hp_calibration_t;

/* Who vouches for CLOCK_REALTIME; numbers as in tuning.time.SourceKind. */
enum hp_clock_source {
    HP_CLOCK_SOURCE_NONE = 0,
    HP_CLOCK_SOURCE_KERNEL = 1,       /* the kernel says synchronised; by whom is not known */
    HP_CLOCK_SOURCE_NTP = 2,
    HP_CLOCK_SOURCE_PTP_SOFTWARE = 3,
    HP_CLOCK_SOURCE_PTP_HARDWARE = 4
};

/* What the time authority knows about CLOCK_REALTIME.  Instants are CLOCK_MONOTONIC of this boot. */
typedef struct hp_time_record {
    int64_t  offset_ns;      /* CLOCK_REALTIME minus UTC; + = ours is fast */
    uint64_t uncertainty_ns; /* at taken_ns */
    uint64_t growth_ppb;     /* by which the uncertainty grows with age */
    uint64_t taken_ns;
    uint64_t valid_until_ns; /* 0 = never was valid */
    uint32_t source;         /* enum hp_clock_source */
    uint32_t is_traceable;
} hp_time_record_t;
/* cffi:end */
HP_SIZE(hp_stamps_t, 64);
HP_FIELD(hp_stamps_t, sent, 40);
HP_SIZE(hp_calibration_t, 32);
HP_SIZE(hp_time_record_t, 48);

static inline uint64_t hp_clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t hp_mono_ns(void) { return hp_clock_ns(CLOCK_MONOTONIC); }
static inline uint64_t hp_tsc(void) { return __rdtsc(); }

static inline uint64_t hp_tsc_to_ns(const hp_calibration_t *c, uint64_t ticks)
{
    return (uint64_t)(((hp_uwide_t)ticks * c->ns_per_tick_q32) >> 32);
}

/* CLOCK_MONOTONIC of a TSC read, for deltas of less than an hour around the calibration. */
static inline uint64_t hp_tsc_to_mono(const hp_calibration_t *c, uint64_t tsc)
{
    return tsc >= c->tsc ? c->mono_ns + hp_tsc_to_ns(c, tsc - c->tsc)
                         : c->mono_ns - hp_tsc_to_ns(c, c->tsc - tsc);
}

/* One TSC/monotonic pair, the narrowest of `tries` reads. */
static inline void hp_clock_pair(uint64_t *tsc, uint64_t *mono_ns, uint64_t *width, int tries)
{
    *width = UINT64_MAX;
    while (tries-- > 0) {
        uint64_t a = hp_tsc();
        uint64_t ns = hp_mono_ns();
        uint64_t b = hp_tsc();
        if (b - a < *width) { *width = b - a; *tsc = a + (b - a) / 2; *mono_ns = ns; }
    }
}

/* Calibrate over `span_ns` of busy waiting (20 ms give 1 ppm here). */
static inline void hp_calibrate(hp_calibration_t *c, uint64_t span_ns)
{
    uint64_t tsc0 = 0, ns0 = 0, w0, tsc1 = 0, ns1 = 0, w1;
    hp_clock_pair(&tsc0, &ns0, &w0, 16);
    while (hp_mono_ns() - ns0 < span_ns) __builtin_ia32_pause();
    hp_clock_pair(&tsc1, &ns1, &w1, 16);
    HP_ASSERT(tsc1 > tsc0 && ns1 > ns0);
    c->ns_per_tick_q32 = (uint64_t)(((hp_uwide_t)(ns1 - ns0) << 32) / (tsc1 - tsc0));
    c->tsc = tsc1;
    c->mono_ns = ns1;
    c->error_ns = hp_tsc_to_ns(c, w0 > w1 ? w0 : w1);
}

/* Greatest possible distance of CLOCK_REALTIME from UTC at `now`; UINT64_MAX = nobody vouches for it. */
static inline uint64_t hp_time_divergence(const hp_time_record_t *r, uint64_t now)
{
    if (r->source == HP_CLOCK_SOURCE_NONE || now < r->taken_ns || now >= r->valid_until_ns) return UINT64_MAX;
    hp_uwide_t grown = ((hp_uwide_t)(now - r->taken_ns) * r->growth_ppb + 999999999) / 1000000000;
    uint64_t away = r->offset_ns < 0 ? 0 - (uint64_t)r->offset_ns : (uint64_t)r->offset_ns;
    hp_uwide_t all = (hp_uwide_t)away + r->uncertainty_ns + grown;
    return all >= UINT64_MAX ? UINT64_MAX : (uint64_t)all;
}

#endif
