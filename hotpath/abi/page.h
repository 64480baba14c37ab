/* page.h - shared pages: one writer each, read by anyone of the deployment.
 *
 * Owns:    the common page header, the control page (words that lanes obey), the clock page, the host
 *          page, the supervisor's page and the lane page (counters, tops, histograms).
 * Refuses: several writers on a page, counters that need a lock, text beyond short names.
 *
 * Every page starts with hp_page_t, 128 bytes.  A reader refuses a page whose magic, layout or
 * build does not match its own.  Reserved bytes are zero.
 *
 *   0      8      12    16        24         28     32           40    48     112         120   128
 *   +------+------+-----+---------+----------+------+------------+-----+------+-----------+-----+
 *   |magic |layout|kind |build_id |writer_pid|epoch |heartbeat_ns|size |name  |start_ticks| pad |
 *   +------+------+-----+---------+----------+------+------------+-----+------+-----------+-----+
 *
 * Page names in /dev/shm: corelane.<deployment>.<page>. */
#ifndef HP_PAGE_H
#define HP_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "atomic.h"
#include "book.h"
#include "clock.h"
#include "event.h"
#include "feed.h"
#include "flatten.h"
#include "hiccup.h"
#include "histogram.h"
#include "limit.h"
#include "limit_use.h"
#include "order.h"
#include "panic.h"
#include "quota.h"
#include "verdict.h"

/* cffi:begin */
#define HP_PAGE_LAYOUT 1
#define HP_LANE_INSTRUMENTS_MAX 256

enum hp_page_kind {
    HP_PAGE_NONE = 0, HP_PAGE_CONTROL = 1, HP_PAGE_LANE = 2, HP_PAGE_JOURNAL = 3, HP_PAGE_MAIL = 4,
    HP_PAGE_LIMITS = 5, HP_PAGE_CLOCK = 6, HP_PAGE_LEASE = 7, HP_PAGE_SUPERVISOR = 8, HP_PAGE_HOST = 9,
    HP_PAGE_BEAT = 10,      /* header only: the heartbeat of a cold process */
    HP_PAGE_SENTINEL = 11,  /* sentinel.h */
    HP_PAGE_AUTHORITY = 12
};

typedef struct hp_page {
    uint64_t magic;         /* "HPPAGE01", stored last at creation */
    uint32_t layout;        /* HP_PAGE_LAYOUT */
    uint32_t kind;          /* enum hp_page_kind */
    uint64_t build_id;
    uint32_t writer_pid;
    uint32_t epoch;
    uint64_t heartbeat_ns;  /* CLOCK_MONOTONIC of the writer's last turn */
    uint64_t size;          /* bytes of the whole page */
    char     name[64];
    uint64_t writer_start_ticks; /* of /proc/PID/stat: a process number is used again, this pair is not */
    uint8_t  pad[8];
} hp_page_t;

/* Bits of a control word.  Operator, authority, sentinel and lane each write a control page of their
 * own; a lane obeys the OR.  Only the writer clears its word. */
enum hp_word {
    HP_WORD_KILL = 1,       /* cancel all, nothing passes */
    HP_WORD_FREEZE = 2,     /* no new risk, resting quotes are cancelled */
    HP_WORD_DRAIN = 4,      /* cancel ours, confirm, exit */
    HP_WORD_FLATTEN = 8,
    HP_WORD_SAFE_MODE = 16,
    HP_WORD_STOP = 32,      /* leave the loop now (after a confirmed drain) */
    /* set by a lane itself (lag.h), in no control page */
    HP_WORD_LAGGING = 65536,  /* half of the journal ring is not archived, or the disk is full: no new risk */
    HP_WORD_CHOKED = 131072   /* three quarters: cancels only */
};

typedef struct hp_control_page {
    hp_page_t page;
    uint32_t  word;          /* enum hp_word, OR of bits; store release */
    uint32_t  generation;    /* bumped at each change */
    uint64_t  since_ns;      /* CLOCK_MONOTONIC of the last change */
    char      reason[96];
    uint8_t   pad[16];
} hp_control_page_t;

typedef struct hp_clock_page { /* writer: the cold side; readers: lanes, exporter; seqlock */
    hp_page_t page;
    uint64_t  seq;
    hp_time_record_t record;
    uint64_t  accepted;      /* records written */
    char      reason[64];    /* why there is no source */
} hp_clock_page_t;

/* The limits that one lane spends, and until when.  Writer: the authority; reader: the lane, once a turn.
 * Made by the supervisor, so that it outlives both.  A renewal moves `lease` alone; other limits come
 * with a new fence, and the table that belongs to it is written before the lease names it. */
typedef struct hp_limits_page {
    hp_page_t page;
    uint64_t  seq;           /* seqlock over `lease` */
    hp_limit_lease_t lease;
    uint64_t  renewals;
    uint8_t   pad[88];
    uint64_t  table_seq;     /* seqlock over what follows */
    uint64_t  table_fence;   /* the lease that these limits belong to */
    uint32_t  limit_count;
    uint32_t  pad0;
    uint8_t   pad1[104];
    hp_limit_t limits[320];  /* HP_LEASED_LIMITS_MAX */
} hp_limits_page_t;

/* The limits of the whole deployment.  Writer: the authority.  Readers: status, screen, exporter; seqlock. */
typedef struct hp_authority_page {
    hp_page_t page;
    uint64_t  seq;
    uint64_t  term;          /* of this life of the authority: the upper half of its fences */
    uint64_t  lease_ns;
    uint64_t  renew_ns;
    uint64_t  renewals;
    uint64_t  late;          /* renewals that came later than half a lease after the one before */
    uint64_t  moves;         /* leases with other figures, of all lanes */
    uint64_t  freezes;
    uint32_t  limit_count;
    uint32_t  frozen_count;
    uint8_t   pad[56];
    hp_limit_row_t rows[320]; /* HP_LEASED_LIMITS_MAX */
} hp_authority_page_t;

/* States of a setting of the host, by the names of tuning.model.State. */
enum hp_knob_state {
    HP_KNOB_UNKNOWN = 0, HP_KNOB_OK = 1, HP_KNOB_DRIFT = 2, HP_KNOB_PENDING = 3, HP_KNOB_UNSUPPORTED = 4,
    HP_KNOB_NOT_APPLICABLE = 5, HP_KNOB_CONFLICT = 6, HP_KNOB_STATE_COUNT = 7
};

typedef struct hp_host_page { /* writer: the cold side; readers: status, screen, exporter; seqlock */
    hp_page_t page;
    uint64_t  seq;
    uint64_t  fingerprint;        /* 48 bits of the hash over what the host's figures depend on */
    uint32_t  fitness_permille;
    uint32_t  coverage_permille;
    uint32_t  states[8];          /* knobs by enum hp_knob_state */
    uint32_t  critical;           /* critical knobs in DRIFT, PENDING or CONFLICT */
    uint32_t  pad0;
    uint64_t  polls;
    uint64_t  drifts;             /* seen since the start */
    uint64_t  checked_ns;         /* 0 = not yet looked at */
    char      profile[24];
    uint8_t   pad[16];
} hp_host_page_t;

/* The supervisor's table of its processes.  Writer: the supervisor.  Readers: status, exporter, screen. */
#define HP_PROCESSES_MAX 16

enum hp_process_role {
    HP_PROCESS_NONE = 0, HP_PROCESS_SUPERVISOR = 1, HP_PROCESS_LANE = 2, HP_PROCESS_SESSION = 3,
    HP_PROCESS_EXPORTER = 4, HP_PROCESS_ARCHIVER = 5, HP_PROCESS_VENUE = 6, HP_PROCESS_SENTINEL = 7,
    HP_PROCESS_AUTHORITY = 8, HP_PROCESS_COLD = 9, HP_PROCESS_ROLE_COUNT = 10
};

enum hp_process_state {
    HP_PROCESS_ABSENT = 0, HP_PROCESS_STARTING = 1, HP_PROCESS_RUNNING = 2, HP_PROCESS_BACKING_OFF = 3,
    HP_PROCESS_STOPPING = 4, HP_PROCESS_STOPPED = 5,
    HP_PROCESS_GIVEN_UP = 6, /* the limit of its cause is spent: a person must look */
    HP_PROCESS_STATE_COUNT = 7
};

/* Why a process ended; each cause has its own limit of restarts. */
enum hp_exit_cause {
    HP_EXIT_NONE = 0,
    HP_EXIT_CLEAN = 1,      /* code 0, asked for */
    HP_EXIT_ERROR = 2,      /* a code that is not 0 */
    HP_EXIT_CRASH = 3,      /* a signal of its own making: SEGV, ABRT, BUS, ILL, FPE */
    HP_EXIT_KILLED = 4,     /* SIGKILL from outside */
    HP_EXIT_STALLED = 5,    /* its heartbeat stopped and the supervisor killed it */
    HP_EXIT_MEMORY = 6,     /* the kernel's memory killer */
    HP_EXIT_CAUSE_COUNT = 7
};

typedef struct hp_process {
    char     name[24];
    uint32_t role;            /* enum hp_process_role */
    uint32_t state;           /* enum hp_process_state */
    uint32_t pid;             /* 0 = none */
    int32_t  core;            /* -1 = not pinned */
    uint32_t epoch;           /* of a lane */
    int32_t  last_code;       /* exit code, or minus the signal */
    uint32_t last_cause;      /* enum hp_exit_cause */
    uint32_t is_spinning;
    uint64_t started_ns;
    uint64_t heartbeat_ns;    /* as last seen */
    uint64_t rss_bytes;
    uint64_t cpu_ns;
    uint64_t starts;
    uint64_t exits[8];        /* by enum hp_exit_cause */
    uint8_t  pad[96];
} hp_process_t;

typedef struct hp_supervisor_page {
    hp_page_t page;
    uint64_t  seq;            /* seqlock over the table */
    uint32_t  process_count;
    uint32_t  is_degraded;
    uint64_t  started_ns;
    uint64_t  memory_total_bytes;
    uint64_t  memory_available_bytes;
    uint64_t  shm_free_bytes;
    uint64_t  disk_free_bytes;
    uint64_t  load_permille;
    char      topology[64];
    char      degraded[448];  /* one sentence per line */
    uint8_t   pad[64];
    hp_process_t processes[16];
} hp_supervisor_page_t;

enum hp_lane_state {
    HP_LANE_NONE = 0, HP_LANE_STARTING = 1, HP_LANE_CONNECTING = 2, HP_LANE_SYNCING = 3,
    HP_LANE_ARMED = 4, HP_LANE_DISARMED = 5, HP_LANE_DRAINING = 6, HP_LANE_DRAINED = 7,
    HP_LANE_STOPPED = 8, HP_LANE_STATE_COUNT = 9
};

typedef struct hp_lane_counters {
    /* feed */
    uint64_t messages;
    uint64_t bytes;
    uint64_t frames_parked;
    uint64_t reads;
    uint64_t decode[16];       /* by enum hp_decode */
    uint64_t events[8];        /* by enum hp_event_kind */
    uint64_t fallbacks;
    uint64_t gaps;
    uint64_t resyncs;
    uint64_t crossed;
    uint64_t dropped;
    uint64_t stale;
    uint64_t reconnects;
    uint64_t blind_ns;         /* time with a subscribed book not SYNCED */
    /* orders */
    uint64_t intents;
    uint64_t orders_sent;
    uint64_t cancels_sent;
    uint64_t acks;
    uint64_t rejects;
    uint64_t fills;
    uint64_t fills_buy;
    uint64_t fills_sell;
    uint64_t fills_duplicate;
    uint64_t canceled;
    uint64_t expired;
    uint64_t unknown;          /* entries into UNKNOWN */
    uint64_t unknown_now;
    uint64_t open_orders;
    uint64_t reports;
    uint64_t reports_refused;  /* no such order, or not legal in its state */
    uint64_t reports_bad;      /* could not be decoded */
    uint64_t send_failures;
    uint64_t inquiries;
    uint64_t order_states[16]; /* orders now in each state */
    /* strategy */
    uint64_t callbacks;
    uint64_t callback_ns;
    uint64_t callback_slow;    /* over STRATEGY_NS_MAX */
    uint64_t callback_errors;
    uint64_t strategy_halted;
    /* loop */
    uint64_t turns;
    uint64_t journal_records;
    uint64_t journal_bytes;
    uint64_t mail_in;
    uint64_t mail_out;
    uint64_t mail_refused;
    uint64_t position_corrections; /* venue's position differed from ours while nothing was in flight */
    uint64_t intents_refused;      /* emitted while the queue of intents was full */
    uint64_t cancel_retries;
    uint64_t foreign_reports;      /* about orders that are not of this deployment */
    uint64_t frames_before_ack_max; /* market frames processed between arrival and service of an ack */
    /* orders_sent, orders_refused, fills, fills_buy and fills_sell go on over the lives of a lane */
    uint64_t orders_refused;       /* by the venue's word; an answer that nobody heard makes it absent instead */
    uint64_t orders_absent;        /* counted as sent, proven never to have arrived */
    uint64_t orders_adopted;       /* working orders of former lives, taken over at the opening */
    uint64_t fills_recovered;      /* booked from the venue's list of trades: no event had brought them */
    uint64_t fills_foreign;        /* of orders not ours or no longer known: they move the position too */
    uint64_t openings;             /* sets of opening facts asked for */
    uint64_t line_holes;           /* what no line brought in time: handed on as a gap */
    uint64_t line_conflicts;       /* copies of one event that differ between lines */
    /* of a pair of lanes (pair.h) */
    uint64_t pair_in;              /* records taken from the other lane */
    uint64_t pair_out;             /* records handed to it */
    uint64_t pair_refused;         /* its ring was full: an intent was refused, anything else is said again */
    uint64_t pair_mirrors;         /* whole mirrors of orders and positions, said or taken */
    uint64_t pair_silences;        /* times the other lane's beat was overdue */
    uint64_t replaces_sent;
    uint64_t replaced;             /* orders that took another price or size */
    uint64_t replaces_refused;     /* by the venue's word: the order stood as it was, or was gone */
    uint64_t frames_unjournaled;   /* market data dropped unseen: the ring was full of what is not archived */
    uint64_t orders_parked;        /* orders that waited for the disk */
    uint64_t orders_unparked;      /* of those, not sent: the wait was too long, or the permit had gone */
    uint64_t pad[22];
} hp_lane_counters_t;

typedef struct hp_lane_position { /* one per instrument; the lane's view */
    int64_t lots[3];         /* by enum hp_position_side; BOTH is signed, SHORT is negative */
    int64_t cost_e8[3];      /* signed sum of open notional */
    int64_t realised_e8;     /* quote, fees not deducted */
    int64_t fees_e8;         /* in the settlement asset; those in others are in the ledger */
    int64_t bought_lots;
    int64_t sold_lots;
    int64_t venue_lots[3];   /* the venue's own word, by position side */
    int64_t venue_pnl_e8;    /* realised, the venue's figures added up */
    int64_t used_e8;         /* margin of what is open, all position sides */
    int64_t pad[1];
} hp_lane_position_t;

/* What one account, venue, strategy or instrument uses of its limits, ten times a second.  A bound of
 * HP_LIMIT_NONE is none.  Writer: the lane. */
#define HP_USAGES_MAX 128

typedef struct hp_usage {
    uint32_t dimension;       /* enum hp_dimension; 0 = the end of the list */
    uint32_t id;
    int64_t  net_e8;          /* position and all that works on the worse side */
    int64_t  net_e8_max;
    int64_t  gross_e8;
    int64_t  gross_e8_max;    /* the tighter of gross notional and leverage */
    int64_t  open_orders;
    int64_t  open_orders_max;
    int64_t  loss_e8;         /* of the UTC day */
    int64_t  loss_e8_max;
    int64_t  drawdown_bps;
    int64_t  drawdown_bps_max;
    int64_t  failures;
    int64_t  failures_max;
    uint64_t cool_ns;         /* left of a cool-down */
    uint64_t frozen_ns;       /* left of a fast market's freeze */
    int64_t  sigma_e8;        /* instrument: standard move, relative */
} hp_usage_t;

typedef struct hp_lane_flow { /* how orders come and go; the lane's counters */
    uint64_t cancels[16];      /* orders marked, by enum hp_cancel_cause: once each, by the first cause */
    uint64_t cancels_merged;   /* asked for while a cancel of that order was in flight: not sent again */
    uint64_t ttl_changes;      /* times to live that another look made shorter or longer */
    uint64_t retries;          /* orders placed again, each for one that never arrived */
    uint64_t retries_dropped;  /* not placed again: too late, or too many waited */
    uint64_t bursts;           /* writes that carried more than one request */
    uint64_t burst_requests;   /* what they carried */
    uint64_t pad[10];
} hp_lane_flow_t;

#define HP_ASSETS_MAX 8

/* Money of one asset; free + reserved + used = total (risk/reservation.h).  Asset id n is entry n - 1. */
typedef struct hp_lane_funds {
    uint32_t asset;          /* 0 = no such asset */
    uint32_t pad0;
    char     name[16];
    int64_t  total_e8;       /* the venue's wallet, and what fills have moved since */
    int64_t  free_e8;        /* may be negative: the venue took more than we had reckoned */
    int64_t  reserved_e8[3]; /* by working, unknown and changing orders; by enum hp_margin */
    int64_t  used_e8[3];     /* by positions; by enum hp_margin */
    uint64_t said_ns;        /* venue time of the wallet, UTC; 0 = not said yet: nothing is free */
    uint64_t balances;       /* words of the venue about it that were taken */
    uint64_t refused;        /* intents refused for want of it */
    uint64_t pad[2];
} hp_lane_funds_t;

typedef struct hp_lane_page {
    hp_page_t page;
    uint32_t state;            /* enum hp_lane_state */
    uint32_t lane;
    int32_t  core;             /* read back; -1 = not pinned */
    uint32_t is_spinning;
    uint32_t is_locked;        /* memory locked: 1 all, 2 named regions, 0 not */
    uint32_t words;            /* OR of the control words as obeyed */
    uint32_t instrument_count;
    uint32_t flatten;          /* enum hp_flatten_state of the last flatten as a whole */
    uint32_t role;             /* enum hp_lane_role */
    uint32_t pad0;
    uint64_t started_ns;
    uint64_t rss_bytes;
    uint64_t turn_ns;          /* CLOCK_MONOTONIC of this turn */
    uint64_t words_turn;       /* counters.turns when `words` last changed: stored before they are */
    uint64_t limit_fence;      /* the lane spends under this lease; stored after `uses` */
    uint64_t limit_turn_ns;    /* CLOCK_MONOTONIC of the turn that wrote `uses`; stored after it */
    uint64_t limit_until_ns;   /* end of the lease as taken; 0 = none */
    uint32_t limit_use_count;
    uint32_t is_open;          /* the venue has told what works: `uses` is all there is */
    uint64_t looked_turn;      /* the turn whose look at the control pages `words` shows; stored after them */
    uint8_t  pad1[16];
    hp_lane_counters_t counters;
    uint64_t verdicts[64];     /* by enum hp_verdict_code */
    uint64_t warnings[64];
    hp_histogram_t hops[10];    /* by enum hp_hop, nanoseconds */
    hp_calibration_t calibration;
    uint8_t  pad2[96];
    hp_hiccup_t hiccup;        /* time taken from idle turns of a spinning lane */
    hp_top_t tops[256];
    hp_lane_position_t positions[256];
    hp_lane_feed_t feeds[256];
    hp_lane_line_t lines[4];   /* HP_LINES_MAX */
    hp_usage_t usages[128];    /* HP_USAGES_MAX */
    hp_limit_use_t uses[320];  /* HP_LEASED_LIMITS_MAX, in the order of the lease */
    hp_lane_flow_t flow;
    hp_lane_funds_t funds[8];  /* HP_ASSETS_MAX */
    hp_flatten_row_t flattens[768]; /* by instrument x 3 + position side */
    hp_lane_quota_t quota;     /* of the venue, ten times a second and when its mode changes */
} hp_lane_page_t;
/* cffi:end */
HP_SIZE(hp_page_t, 128);
HP_FIELD(hp_page_t, heartbeat_ns, 32);
HP_FIELD(hp_page_t, writer_start_ticks, 112);
HP_SIZE(hp_control_page_t, 256);
HP_SIZE(hp_clock_page_t, 256);
HP_SIZE(hp_host_page_t, 256);
HP_SIZE(hp_process_t, 256);
HP_FIELD(hp_supervisor_page_t, processes, 768);
HP_SIZE(hp_lane_position_t, 128);
HP_SIZE(hp_usage_t, 128);
HP_FIELD(hp_limits_page_t, table_seq, 256);
HP_FIELD(hp_limits_page_t, limits, 384);
HP_FIELD(hp_authority_page_t, rows, 256);
HP_SIZE(hp_lane_flow_t, 256);
HP_SIZE(hp_lane_funds_t, 128);
HP_SIZE(hp_lane_counters_t, 1024);
_Static_assert(HP_VERDICT_QUOTA_STOPPED - HP_VERDICT_QUOTA_SLOW == HP_QUOTA_SLOW - HP_QUOTA_STOPPED, "a verdict for each mode");
_Static_assert(HP_DECODE_COUNT <= 16 && HP_EVENT_KIND_COUNT <= 8 && HP_ORDER_STATE_COUNT <= 16 &&
               HP_VERDICT_COUNT <= 64 && HP_HOP_COUNT <= 10, "lane page tables are large enough");
_Static_assert(offsetof(hp_lane_page_t, counters) % 128 == 0, "counters start on a line pair");
_Static_assert(offsetof(hp_lane_page_t, tops) % 128 == 0, "tops are aligned");

#define HP_PAGE_MAGIC 0x3130454741505048ull /* "HPPAGE01" */

#endif
