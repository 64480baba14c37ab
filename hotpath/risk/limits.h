/* limits.h - the figures that the gate holds an intent against.
 *
 * Owns:    limits per instrument and per account as the lane has them now.
 * Refuses: where they come from (configuration now, a leased page of the authority later).
 *
 * Zero is the safe answer: a limit of 0 permits nothing. */
#ifndef HP_RISK_LIMITS_H
#define HP_RISK_LIMITS_H

#include <stdint.h>

typedef struct hp_instrument_limits {
    uint64_t strategies;        /* allow-list: bit = strategy id (below 64) */
    uint32_t accounts;          /* allow-list: bit = account id (below 32) */
    uint32_t kinds;             /* allow-list: bit = enum hp_intent_kind */
    int64_t  order_lots_max;
    int64_t  position_lots_max; /* absolute, worst case: position + all that works on that side */
    uint32_t open_orders_max;
    int32_t  band_bps;          /* hard fence around the mid of the decision's top */
    uint64_t stale_ns;          /* oldest picture that may be quoted on */
    uint64_t spare_ns;          /* oldest picture of the spare source that may be exited on */
} hp_instrument_limits_t;

#endif
