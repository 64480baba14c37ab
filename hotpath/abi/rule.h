/* rule.h - what the gate is told beside leaseable limits: fences of one instrument, policies of all.
 *
 * Owns:    the figures that belong to one instrument (allow-list, sizes, ages, fences, hours), the
 *          policy of each check, the leader's lease.
 * Refuses: limits that an authority leases (limit.h), the venue's own filters (instrument.h).
 *
 * Zero is the safe answer: a bound of 0 permits nothing; HP_LIMIT_NONE is "no bound" and must be said.
 * Writer: whoever configures the lane.  Reader: the lane, which journals each record that it takes.
 *
 * hp_instrument_limits_t, 256 bytes.  Up to four windows of the UTC day say when it may be traded. */
#ifndef HP_RULE_H
#define HP_RULE_H

#include <stddef.h>
#include <stdint.h>

#include "limit.h"
#include "panic.h"

/* cffi:begin */
#define HP_WINDOWS_MAX 4
#define HP_DAY_S 86400
#define HP_DAY_NS 86400000000000ull

/* Hours of a UTC day.  An instrument with open windows is closed outside them; a closed window closes
 * it inside.  A window past midnight is two. */
typedef struct hp_window {
    uint32_t from_s;            /* second of the day, included */
    uint32_t until_s;           /* excluded */
    uint32_t days;              /* bit = weekday, Monday 0 */
    uint32_t is_closed;         /* 1: maintenance */
} hp_window_t;

typedef struct hp_instrument_limits {
    uint64_t strategies;        /* allow-list: bit = strategy id (below 64) */
    uint32_t accounts;          /* allow-list: bit = account id (below 32) */
    uint32_t kinds;             /* allow-list: bit = enum hp_intent_kind */
    int64_t  order_lots_max;
    int64_t  position_lots_max; /* absolute, worst case: position + all that works on that side */
    uint32_t open_orders_max;
    int32_t  band_bps;          /* hard fence around the mid of the decision's top */
    uint64_t stale_ns;          /* oldest picture that may be quoted on */
    uint64_t spare_ns;          /* oldest picture of the spare source that may be exited on (sanity rule) */
    int64_t  sigma_tenths;      /* half width of the volatility fence, tenths of a standard move */
    int64_t  sigma_alpha_e4;    /* weight of the newest move: 2000 = 0.2 */
    int64_t  sigma_floor_e8;    /* least standard move, relative: 500000 = 0.5 % */
    int64_t  sigma_sample_ns;   /* between two samples of the mid */
    int64_t  typical_lots;      /* usual order; 0: learnt from our own orders */
    int64_t  typical_times_max; /* largest order in usual orders */
    int64_t  distance_bps_max;  /* of the price from the mid of the decision's top */
    int64_t  daily_volume_lots; /* average of the market; 0: not known, the share is not judged */
    int64_t  volume_share_bps_max; /* of one order in it */
    uint32_t window_count;
    uint32_t pad0;
    hp_window_t windows[4];     /* HP_WINDOWS_MAX */
    uint8_t  pad[56];
} hp_instrument_limits_t;

/* Whose order goes when ours would trade with ours. */
enum hp_self_trade_policy {
    HP_SELF_TRADE_REJECT = 0,   /* the new one is refused */
    HP_SELF_TRADE_OLDEST = 1,   /* what rests is cancelled; the new one is throttled until that is confirmed */
    HP_SELF_TRADE_SMALLEST = 2, /* the smaller one goes: as OLDEST when that is what rests, else as REJECT */
    HP_SELF_TRADE_WARN = 3,     /* sent when it asks the venue for its own prevention, else refused */
    HP_SELF_TRADE_COUNT = 4
};

typedef struct hp_gate_rule {   /* 128 bytes */
    uint64_t warns;             /* bit n = verdict n is noted in `warnings` and does not block */
    uint64_t throttles;         /* bit n = verdict n names a time after which it is worth asking again */
    uint64_t throttle_ns;       /* that time, from now */
    uint64_t clock_ns_max;      /* largest divergence from UTC for new risk; 0 = the clock is not judged */
    uint64_t send_budget_ns;    /* what a send may take: the leader lease must last longer */
    uint32_t self_trade;        /* enum hp_self_trade_policy */
    uint32_t weights;           /* tokens of a placing request (low 16 bits) and of a cancel (high) */
    uint8_t  pad[80];
} hp_gate_rule_t;

/* The permit of the one writer per account.  Past its end nothing at all is sent. */
typedef struct hp_leader_lease {
    uint64_t until_ns;          /* CLOCK_MONOTONIC */
    uint64_t epoch;             /* of the leader; it never falls */
    uint32_t is_required;       /* 0: nobody else could write */
    uint32_t pad;
} hp_leader_lease_t;
/* cffi:end */
HP_SIZE(hp_window_t, 16);
HP_SIZE(hp_instrument_limits_t, 256);
HP_FIELD(hp_instrument_limits_t, stale_ns, 40);
HP_FIELD(hp_instrument_limits_t, windows, 136);
HP_SIZE(hp_gate_rule_t, 128);
HP_SIZE(hp_leader_lease_t, 24);

/* An instrument without fences; allow-list, sizes and ages are still to be said. */
static inline void hp_instrument_limits_open(hp_instrument_limits_t *l)
{
    for (size_t n = 0; n < sizeof *l; n++) ((uint8_t *)l)[n] = 0;
    l->sigma_tenths = l->typical_times_max = l->distance_bps_max = l->volume_share_bps_max = HP_LIMIT_NONE;
}

/* Policies of a gate that nobody has told any. */
static inline void hp_gate_rule_open(hp_gate_rule_t *rule)
{
    for (size_t n = 0; n < sizeof *rule; n++) ((uint8_t *)rule)[n] = 0;
    rule->weights = 1u << 16 | 1u;
}

/* What may be sent at `utc_ns`?  1 = the instrument is closed by its hours. */
static inline int hp_windows_closed(const hp_instrument_limits_t *l, uint64_t utc_ns)
{
    uint32_t second = (uint32_t)(utc_ns / 1000000000u % HP_DAY_S);
    uint32_t day = (uint32_t)((utc_ns / HP_DAY_NS + 3) % 7); /* 1970-01-01 was a Thursday */
    int has_hours = 0, is_inside = 0;
    for (uint32_t n = 0; n < l->window_count && n < HP_WINDOWS_MAX; n++) {
        const hp_window_t *w = &l->windows[n];
        int holds = (w->days >> day & 1) && second >= w->from_s && second < w->until_s;
        if (w->is_closed && holds) return 1;
        has_hours |= !w->is_closed;
        is_inside |= !w->is_closed && holds;
    }
    return has_hours && !is_inside;
}

#endif
