/* verdict.h - what the gate answered.
 *
 * Owns:    one verdict per check, in the order in which the gate asks; 0 refuses, 1 passes.
 * Refuses: wording (runtime turns a verdict and its two figures into a sentence).
 *
 * hp_verdict_t, 128 bytes.  Writer: the gate.  Readers: journal, strategy bridge, status --why.
 * First BLOCK or THROTTLE wins; WARNs are a bit mask (bit = verdict number) beside it.
 *
 *   0         8         16      20     24      32       40       48      56       64    68     72    80
 *   +---------+---------+-------+------+-------+--------+--------+-------+--------+-----+------+-----+
 *   |intent_id|client_id|verdict|instr.|warnings|retry_ns|now_ns |found  |wanted  |words|leader|pad  |
 *   +---------+---------+-------+------+-------+--------+--------+-------+--------+-----+------+-----+
 */
#ifndef HP_VERDICT_H
#define HP_VERDICT_H

#include <stddef.h>
#include <stdint.h>

#include "panic.h"

/* cffi:begin */
enum hp_verdict_code {
    HP_BLOCKED = 0,
    HP_PASS = 1,
    /* who may */
    HP_VERDICT_NOT_ALLOWED = 2,        /* account, instrument, strategy or kind not on the allow-list */
    HP_VERDICT_NOT_ARMED = 3,
    HP_VERDICT_LEADER_LEASE = 4,
    HP_VERDICT_LIMIT_LEASE = 5,
    HP_VERDICT_KILLED = 6,
    HP_VERDICT_FROZEN = 7,
    HP_VERDICT_DRAINING = 8,
    /* what is traded */
    HP_VERDICT_INSTRUMENT_STATUS = 9,
    HP_VERDICT_SESSION_CLOSED = 10,
    /* on which picture */
    HP_VERDICT_BOOK_NOT_SYNCED = 11,
    HP_VERDICT_BOOK_STALE = 12,
    HP_VERDICT_BOOK_CROSSED = 13,
    HP_VERDICT_CLOCK_UNSURE = 14,
    /* the venue's filters */
    HP_VERDICT_PRECISION = 15,         /* not a positive number of ticks and lots */
    HP_VERDICT_TICK_SIZE = 16,
    HP_VERDICT_STEP_SIZE = 17,
    HP_VERDICT_SIZE_RANGE = 18,
    HP_VERDICT_MIN_NOTIONAL = 19,
    HP_VERDICT_VENUE_BAND = 20,
    /* our fences */
    HP_VERDICT_FENCE_VOLATILITY = 21,
    HP_VERDICT_FENCE_HARD = 22,
    HP_VERDICT_FAT_FINGER_SIZE = 23,
    HP_VERDICT_FAT_FINGER_DISTANCE = 24,
    HP_VERDICT_FAT_FINGER_VOLUME = 25,
    HP_VERDICT_REDUCE_ONLY = 26,
    HP_VERDICT_POSITION_TRUTH = 27,
    HP_VERDICT_SELF_TRADE = 28,
    /* limits */
    HP_VERDICT_ORDER_LIMIT = 29,
    HP_VERDICT_POSITION_LIMIT = 30,
    HP_VERDICT_OPEN_ORDERS = 31,
    HP_VERDICT_GROSS_NOTIONAL = 32,
    HP_VERDICT_NET_NOTIONAL = 33,
    HP_VERDICT_LEVERAGE = 34,
    HP_VERDICT_DAILY_LOSS = 35,
    HP_VERDICT_DRAWDOWN = 36,
    HP_VERDICT_FAILURES = 37,
    HP_VERDICT_COOL_DOWN = 38,
    HP_VERDICT_FAST_MARKET = 39,
    HP_VERDICT_ORDER_TO_TRADE = 40,
    HP_VERDICT_CANCEL_RATE = 41,
    HP_VERDICT_RATE_BUCKET = 42,       /* THROTTLE: retry_ns says when a token is there */
    HP_VERDICT_RESERVATION = 43,
    /* the order table */
    HP_VERDICT_UNKNOWN_ORDER = 44,     /* CANCEL or REPLACE of an order that is not working */
    HP_VERDICT_TABLE_FULL = 45,
    HP_VERDICT_OVERFLOW = 46,          /* a product left 64 bits */
    HP_VERDICT_SEND_FAILED = 47,       /* no session, or the socket refused: nothing was sent */
    HP_VERDICT_ARCHIVE_LAG = 48,       /* the journal is not on disk: found = words, wanted = those that would do */
    HP_VERDICT_ORDER_BUSY = 49,        /* REPLACE while the order is not acknowledged, or changes already */
    /* how much of what the venue lets us ask is used (quota.h): found = used, wanted = the bound */
    HP_VERDICT_QUOTA_SLOW = 50,        /* THROTTLE: new orders are spread over the rest of the window */
    HP_VERDICT_QUOTA_NO_RISK = 51,
    HP_VERDICT_QUOTA_RESERVE = 52,     /* what is left is for what ranks higher */
    HP_VERDICT_QUOTA_STOPPED = 53,     /* the venue refused (429, 418): found = ns left, wanted = enum hp_quota_kind */
    HP_VERDICT_COUNT = 54
};

typedef struct hp_verdict {
    uint64_t intent_id;
    uint64_t client_id;       /* of the order that the intent became, or its target; 0 = none */
    uint32_t verdict;         /* enum hp_verdict_code */
    uint32_t instrument;
    uint64_t warnings;        /* bit n = verdict n would have blocked, policy WARN */
    uint64_t retry_ns;        /* THROTTLE: earliest time, CLOCK_MONOTONIC */
    uint64_t now_ns;          /* the gate's fresh clock */
    int64_t  found;           /* the figure that was judged, in the check's own unit */
    int64_t  wanted;          /* the bound it was judged against */
    uint32_t words;           /* control words seen: OR of kill, freeze, drain, flatten */
    uint32_t leader_epoch;
    uint64_t leader_until_ns;
    uint64_t limit_until_ns;
    uint64_t clock_until_ns;
    uint32_t dimension;       /* enum hp_dimension whose limit refused; 0 = no limit of a dimension did */
    uint32_t scope;           /* which account, venue, strategy or instrument; QUOTA: kind << 24 | seconds */
    uint8_t  pad[24];
} hp_verdict_t;
/* cffi:end */
HP_SIZE(hp_verdict_t, 128);
HP_FIELD(hp_verdict_t, verdict, 16);
HP_FIELD(hp_verdict_t, words, 64);
_Static_assert(HP_BLOCKED == 0 && HP_PASS == 1, "zero is the safe answer");
_Static_assert(HP_VERDICT_COUNT <= 64, "warnings is a 64-bit mask");

#endif
