/* flatten.h - closing every position by policy: the rule, and what came of it.
 *
 * Owns:    policies, the rule of a lane, one row per instrument and position side.
 * Refuses: deciding when (hotpath/lane/closing.h), whether an order may leave (the gate).
 *
 * Zero is the safe answer: policy 0 closes nothing and says so. */
#ifndef HP_FLATTEN_H
#define HP_FLATTEN_H

#include <stddef.h>
#include <stdint.h>

#include "panic.h"

/* cffi:begin */
#define HP_STRATEGY_LANE 15     /* strategy of the orders that the lane itself places: it only closes */

enum hp_flatten_policy { HP_FLATTEN_NOTHING = 0, HP_FLATTEN_IOC = 1, HP_FLATTEN_MARKET = 2 };
enum hp_flatten_state {
    HP_FLATTEN_NONE = 0,
    HP_FLATTEN_CLOSING = 1,
    HP_FLATTEN_CLOSED = 2,
    HP_FLATTEN_FAILED = 3       /* something is still held; the row says why */
};

typedef struct hp_flatten_rule {
    uint32_t policy;            /* enum hp_flatten_policy */
    uint32_t band_bps;          /* of the touch: limit of an IOC, protection that the gate judges of a MARKET */
    uint32_t tries_max;         /* orders in a row that moved nothing */
    uint32_t pad;
    uint64_t wait_ns;           /* between two orders of one side */
    uint64_t time_ns_max;       /* for everything; then it is a kill */
    int64_t  slice_e8_max;      /* notional of one order; 0 = the instrument's order limit alone */
} hp_flatten_rule_t;

typedef struct hp_flatten_row { /* journaled whenever its state changes */
    uint32_t instrument;
    uint8_t  position_side;     /* enum hp_position_side */
    uint8_t  state;             /* enum hp_flatten_state */
    uint8_t  error;             /* enum hp_error: the venue's last refusal */
    uint8_t  is_waiting;        /* an intent of it stands in the queue */
    uint32_t verdict;           /* enum hp_verdict_code: the gate's last word */
    uint32_t tries;             /* orders since the position last moved */
    int64_t  start_lots;
    int64_t  left_lots;
    uint64_t next_ns;           /* no order before this; CLOCK_MONOTONIC */
    uint64_t orders;
    uint8_t  pad[8];
} hp_flatten_row_t;
/* cffi:end */
HP_SIZE(hp_flatten_rule_t, 40);
HP_SIZE(hp_flatten_row_t, 56);

#endif
