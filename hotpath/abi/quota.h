/* quota.h - what the venue lets us ask in a window of time: rules, figures as told, as they stand.
 *
 * Owns:    windows of a venue (request weight of an address, orders of an account), what each kind of
 *          request costs there, the modes, the ranks of what asks.
 * Refuses: the reckoning (hotpath/risk/governor.h), limits of our own (limit.h).
 *
 * Zero is the safe answer: mode STOPPED.  A window's own length, limit and figure are the venue's word.
 *
 * hp_quota_rule_t, 128 bytes.  Writer: whoever configures the lane.  Reader: the lane, which journals it.
 * hp_quota_told_t, 64 bytes.   Writer: a cold process, by mail; or the configuration.  Reader: likewise.
 * hp_lane_quota_t, 512 bytes.  Writer: the lane, in its page.  Readers: cold sessions, status, exporter. */
#ifndef HP_QUOTA_H
#define HP_QUOTA_H

#include <stddef.h>
#include <stdint.h>

#include "panic.h"

/* cffi:begin */
#define HP_QUOTAS_MAX 4

enum hp_quota_kind {
    HP_QUOTA_NONE = 0,
    HP_QUOTA_WEIGHT = 1,     /* of requests, by address: all who share it count */
    HP_QUOTA_ORDERS = 2,     /* by account */
    HP_QUOTA_KIND_COUNT = 3
};

/* How much of a window is used; the worst window's mode holds. */
enum hp_quota_mode {
    HP_QUOTA_STOPPED = 0,    /* the venue refused (429, 418): nothing of the kind until it says */
    HP_QUOTA_RESERVE = 1,    /* 95 %: as NO_RISK, from the reserve only */
    HP_QUOTA_NO_RISK = 2,    /* 90 %: cancels, reducing orders, inquiries about UNKNOWN */
    HP_QUOTA_SLOW = 3,       /* 70 %: new orders are spread over what is left of the window */
    HP_QUOTA_BUSY = 4,       /* 50 %: questions wait */
    HP_QUOTA_NORMAL = 5,
    HP_QUOTA_MODE_COUNT = 6
};

/* Who asks; a higher one passes wherever a lower one does. */
enum hp_quota_rank {
    HP_RANK_QUERY = 0,       /* questions whose answer nobody's risk waits for */
    HP_RANK_PLACE = 1,       /* what may add risk */
    HP_RANK_REDUCE = 2,      /* orders that only reduce, inquiries about orders whose fate is not known */
    HP_RANK_CANCEL = 3,
    HP_RANK_COUNT = 4
};

/* What is asked, as far as it costs differently. */
enum hp_quota_cost_of {
    HP_COST_LIMIT = 0, HP_COST_POST_ONLY = 1, HP_COST_MARKET = 2, HP_COST_STOP = 3, HP_COST_REPLACE = 4,
    HP_COST_CANCEL = 5, HP_COST_STATUS = 6, HP_COST_LOGON = 7, HP_COST_COUNT = 8
};

typedef struct hp_quota_cost {
    uint16_t weight;
    uint16_t orders;
} hp_quota_cost_t;

typedef struct hp_quota_rule {
    uint32_t busy_percent;      /* of a window: the mode begins there, that included */
    uint32_t slow_percent;
    uint32_t no_risk_percent;
    uint32_t reserve_percent;
    uint32_t kept_percent;      /* of the weight: the sentinel's share, out of the lane's reach */
    uint32_t stop_ms;           /* a refusal that does not say for how long */
    uint64_t slack_ns;          /* how far the venue's windows may begin from where our clock says */
    hp_quota_cost_t costs[8];   /* by enum hp_quota_cost_of */
    uint8_t  pad[64];
} hp_quota_rule_t;

typedef struct hp_quota_told {
    uint32_t kind;              /* enum hp_quota_kind */
    uint32_t length_s;          /* of the window; 0 = no window is meant */
    int64_t  limit;             /* 0 = not said */
    int64_t  used;              /* -1 = not said */
    uint64_t asked_ns;          /* CLOCK_MONOTONIC when the request left whose answer says it; 0 = unasked */
    uint64_t stop_ns;           /* > 0: refused for so long */
    uint32_t cost;              /* of that request, where `used` is not said: it counts all the same */
    uint32_t status;            /* 429 or 418 of such a refusal; 0 = none */
    uint8_t  pad[16];
} hp_quota_told_t;

/* One window as it stands. */
typedef struct hp_quota_row {
    uint32_t kind;              /* enum hp_quota_kind; 0 = the end of the list */
    uint32_t length_s;
    uint32_t mode;              /* enum hp_quota_mode */
    uint32_t pad0;
    int64_t  limit;             /* the venue's */
    int64_t  most;              /* of it, for cancels: what the sentinel keeps is off */
    int64_t  used;              /* the venue's last figure and what was sent since */
    int64_t  told;              /* that figure; -1 = none in this window */
    uint64_t told_ns;           /* CLOCK_MONOTONIC */
    uint64_t told_count;
    int64_t  begins[4];         /* used at which RESERVE, NO_RISK, SLOW, BUSY begin: enum hp_quota_mode less 1 */
} hp_quota_row_t;

typedef struct hp_lane_quota {
    uint32_t mode;              /* enum hp_quota_mode; NORMAL while no window is known */
    uint32_t window_count;
    uint64_t stop_until_ns[3];  /* by enum hp_quota_kind, CLOCK_MONOTONIC: the venue refuses until then */
    uint64_t refusals[2];       /* 429, 418 */
    uint64_t changes;           /* of the mode */
    uint64_t held[4];           /* requests that were not sent, by enum hp_quota_rank */
    uint64_t foreign;           /* orders of others at our account */
    hp_quota_row_t rows[4];     /* HP_QUOTAS_MAX */
    uint8_t  pad[32];
} hp_lane_quota_t;

/* The mode changed: an output of the lane. */
typedef struct hp_quota_event {
    uint32_t mode;              /* enum hp_quota_mode */
    uint32_t before;
    uint32_t kind;              /* of the window that decides */
    uint32_t length_s;
    int64_t  used;
    int64_t  limit;
    uint64_t stop_until_ns;     /* STOPPED: until then */
    uint8_t  pad[24];
} hp_quota_event_t;
/* cffi:end */
HP_SIZE(hp_quota_rule_t, 128);
HP_SIZE(hp_quota_told_t, 64);
HP_SIZE(hp_quota_row_t, 96);
HP_SIZE(hp_lane_quota_t, 512);
HP_SIZE(hp_quota_event_t, 64);

/* DESIGN's modes; requests cost nothing until a venue's costs are said. */
static inline void hp_quota_open(hp_quota_rule_t *r)
{
    static const hp_quota_rule_t usual = {
        .busy_percent = 50, .slow_percent = 70, .no_risk_percent = 90, .reserve_percent = 95,
        .stop_ms = 60000, .slack_ns = 500000000,
    };
    *r = usual;
}

#endif
