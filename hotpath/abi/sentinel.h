/* sentinel.h - what the sentinel shows of itself.
 *
 * Owns:    the triggers, the sentinel's states, its page: figures that it watches, its last trip and its
 *          last drill, the time from trigger to an order list that the venue called empty.
 * Refuses: words that lanes obey (the control page `sentinel`), bounds (configuration).
 *
 * hp_sentinel_page_t.  Writer: the sentinel.  Readers: status, exporter, screen, drill; seqlock.
 *
 *   0    128  136   140     144      ...
 *   +----+----+-----+-------+--------+-----------------------------------------------+-------+
 *   |page|seq |state|trigger|tripped |figures, counts, reason, evidence              |confirm|
 *   +----+----+-----+-------+--------+-----------------------------------------------+-------+
 */
#ifndef HP_SENTINEL_H
#define HP_SENTINEL_H

#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "page.h"
#include "panic.h"

/* cffi:begin */
enum hp_trigger {
    HP_TRIGGER_NONE = 0,
    HP_TRIGGER_MANUAL = 1,      /* a person: corelane kill --sentinel, SIGUSR1 */
    HP_TRIGGER_LATENCY = 2,     /* p99 of tick-to-trade over its bound; ns */
    HP_TRIGGER_BALANCE = 3,     /* equity fell from its highest of the window; bps */
    HP_TRIGGER_CLOCK = 4,       /* this host's clock against the venue's and UTC; ns */
    HP_TRIGGER_FEED = 5,        /* no book event that could be used; ns */
    HP_TRIGGER_LANE = 6,        /* no heartbeat of a lane: dead, stuck or stopped; ns */
    HP_TRIGGER_LEASE = 7,       /* the leader lease has ended; ns past its end */
    HP_TRIGGER_SUPERVISOR = 8,  /* dead, or silent; ns */
    HP_TRIGGER_DRILL = 9,
    HP_TRIGGER_COUNT = 10
};

enum hp_sentinel_state {
    HP_SENTINEL_NONE = 0,
    HP_SENTINEL_WATCHING = 1,
    HP_SENTINEL_CANCELLING = 2, /* tripped: orders are being cancelled, the venue is being asked */
    HP_SENTINEL_HOLDING = 3,    /* tripped: the venue said that nothing of the scope is open */
    HP_SENTINEL_STATE_COUNT = 4
};

typedef struct hp_sentinel_page {
    hp_page_t page;
    uint64_t seq;
    uint32_t state;             /* enum hp_sentinel_state */
    uint32_t trigger;           /* enum hp_trigger of the last trip */
    /* the last trip; CLOCK_MONOTONIC */
    uint64_t caused_ns;         /* a person's request: when it was made; else when it was found */
    uint64_t tripped_ns;        /* its word is in the lanes' reach from here on */
    uint64_t confirmed_ns;      /* the venue's answer: nothing open; 0 = not yet */
    int64_t  found;             /* the figure that tripped it, in the trigger's unit */
    int64_t  wanted;            /* its bound */
    uint64_t cancelled;         /* orders that were open when it first asked */
    uint64_t left;              /* at its last question */
    uint64_t rounds;            /* questions until the list was empty */
    /* since its start */
    uint64_t trips[16];         /* by enum hp_trigger */
    uint64_t requests;
    uint64_t request_failures;
    uint64_t reconnects;
    uint64_t weight_spent;
    uint64_t overdrafts;        /* requests of an emergency beyond its own budget */
    /* what it watches now */
    uint64_t lane_silence_ns;   /* of the quietest lane */
    uint64_t feed_silence_ns;   /* of the instrument that waits longest */
    uint64_t latency_ns;        /* p99 of the window; 0 = too few samples */
    uint64_t latency_count;
    int64_t  clock_ns;          /* venue's clock less ours */
    uint64_t clock_unsure_ns;   /* half of the round trip */
    int64_t  equity_e8;
    int64_t  equity_max_e8;     /* highest of the window */
    uint64_t venue_ns;          /* its last answer; CLOCK_MONOTONIC, 0 = none yet */
    uint64_t drill_ns;          /* when the last drill ended; CLOCK_MONOTONIC, 0 = none */
    uint64_t drill_took_ns;     /* trigger to empty list */
    uint32_t scope;             /* 1 = ours, 2 = all */
    uint32_t connections;
    char     reason[128];
    char     evidence[256];
    uint8_t  pad[64];
    hp_histogram_t confirm;     /* trips and drills: trigger to empty list, ns */
} hp_sentinel_page_t;
/* cffi:end */
HP_FIELD(hp_sentinel_page_t, seq, 128);
HP_FIELD(hp_sentinel_page_t, tripped_ns, 152);
_Static_assert(HP_TRIGGER_COUNT <= 16, "trips[] is indexed by trigger");
_Static_assert(offsetof(hp_sentinel_page_t, confirm) % 8 == 0, "the histogram is aligned");

#endif
