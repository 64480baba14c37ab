/* limit.h - the limits that may be leased, as data: one record per dimension and id.
 *
 * Owns:    what one account, venue, strategy or instrument may do, in stated units; the lease under
 *          which a lane holds such records; the rule by which two records become one.
 * Refuses: whose figures they are (configuration, a risk profile, the authority), the arithmetic of the
 *          checks (hotpath/risk), figures that belong to one instrument only (hp_instrument_limits_t).
 *
 * Zero is the safe answer: a bound of 0 permits nothing.  HP_LIMIT_NONE is "no limit" and must be said.
 * Money is 1e-8 of the account's settlement asset; every record of one account is in the same asset.
 *
 * hp_limit_t, 256 bytes.  Writer: whoever owns the limit.  Reader: the lane, which journals it.
 *
 *   0          4   8      16   24     32    40        48        56       64    72        80
 *   +----------+---+------+----+------+-----+---------+---------+--------+-----+---------+------
 *   |dimension |id |order |net |gross |open |leverage |capital  |base pnl|loss |drawdown | ...
 *   +----------+---+------+----+------+-----+---------+---------+--------+-----+---------+------
 */
#ifndef HP_LIMIT_H
#define HP_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#include "panic.h"

/* cffi:begin */
#define HP_LIMIT_NONE 9223372036854775807ll

enum hp_dimension {
    HP_DIMENSION_NONE = 0, HP_DIMENSION_ACCOUNT = 1, HP_DIMENSION_VENUE = 2, HP_DIMENSION_STRATEGY = 3,
    HP_DIMENSION_INSTRUMENT = 4, HP_DIMENSION_COUNT = 5
};

typedef struct hp_limit {
    uint32_t dimension;             /* enum hp_dimension */
    uint32_t id;                    /* account, venue of the lane's table, strategy, or instrument */
    int64_t  order_notional_e8_max; /* one order */
    int64_t  net_notional_e8_max;   /* |signed position + all that works on the order's side| */
    int64_t  gross_notional_e8_max; /* sum of |position| + all that works on both sides */
    int64_t  open_orders_max;
    int64_t  leverage_e4_max;       /* gross notional / (capital + PnL): 10000 = 1 x */
    int64_t  capital_e8;            /* equity at a PnL of zero; HP_LIMIT_NONE: unknown, leverage is not judged */
    int64_t  base_pnl_e8;           /* PnL of the day that the lane does not see: other lanes, former lives */
    int64_t  daily_loss_e8_max;     /* since 00:00 UTC, realised and open, fees included */
    int64_t  drawdown_bps_max;      /* fall of (capital + PnL) from its peak, in parts of the peak */
    int64_t  failures_max;          /* refusals by the venue in a row that start a cool-down */
    int64_t  cool_down_ns;
    int64_t  fast_move_bps_max;     /* instrument: move of the mid within the window that freezes it */
    int64_t  fast_window_ns;
    int64_t  fast_freeze_ns;
    int64_t  order_to_trade_max;    /* orders for each order that traded, within the budget window */
    int64_t  cancel_rate_bps_max;   /* cancels for each order, within the budget window; 10000 = all */
    int64_t  budget_window_ns;      /* over which the two above are counted */
    int64_t  budget_free_count;     /* orders of a window before the two above are judged */
    int64_t  token_rate;            /* requests a second */
    int64_t  token_burst;
    int64_t  token_reserve;         /* of the burst, kept for cancels and risk-reducing orders */
    uint8_t  pad[80];
} hp_limit_t;

/* The lease under which a lane spends its limits.  Writer: the authority.  Journaled when it changes. */
typedef struct hp_limit_lease {
    uint64_t until_ns;              /* CLOCK_MONOTONIC; past it cancels and reduce-only orders alone pass */
    uint64_t fence;                 /* rises with each authority that writes; never falls */
    uint32_t is_required;           /* 0: no authority has been set over this lane */
    uint32_t pad;
} hp_limit_lease_t;
/* cffi:end */
HP_SIZE(hp_limit_t, 256);
HP_FIELD(hp_limit_t, daily_loss_e8_max, 64);
HP_FIELD(hp_limit_t, token_reserve, 168);
HP_SIZE(hp_limit_lease_t, 24);

static inline int64_t hp_limit_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t hp_limit_most(int64_t a, int64_t b) { return a > b ? a : b; }

/* A record that limits nothing. */
static inline void hp_limit_open(hp_limit_t *l, uint32_t dimension, uint32_t id)
{
    int64_t *bound = &l->order_notional_e8_max;
    for (size_t n = 0; n < (offsetof(hp_limit_t, pad) - offsetof(hp_limit_t, order_notional_e8_max)) / 8; n++)
        bound[n] = HP_LIMIT_NONE;
    l->dimension = dimension;
    l->id = id;
    l->base_pnl_e8 = l->cool_down_ns = l->fast_window_ns = l->fast_freeze_ns = 0;
    l->budget_window_ns = l->budget_free_count = l->token_reserve = 0;
    for (size_t n = 0; n < sizeof l->pad; n++) l->pad[n] = 0;
}

/* The tighter limit wins: bounds take the least, pauses and windows the most. */
static inline void hp_limit_tighten(hp_limit_t *l, const hp_limit_t *by)
{
    l->order_notional_e8_max = hp_limit_least(l->order_notional_e8_max, by->order_notional_e8_max);
    l->net_notional_e8_max = hp_limit_least(l->net_notional_e8_max, by->net_notional_e8_max);
    l->gross_notional_e8_max = hp_limit_least(l->gross_notional_e8_max, by->gross_notional_e8_max);
    l->open_orders_max = hp_limit_least(l->open_orders_max, by->open_orders_max);
    l->leverage_e4_max = hp_limit_least(l->leverage_e4_max, by->leverage_e4_max);
    l->capital_e8 = hp_limit_least(l->capital_e8, by->capital_e8);
    l->base_pnl_e8 = hp_limit_least(l->base_pnl_e8, by->base_pnl_e8);
    l->daily_loss_e8_max = hp_limit_least(l->daily_loss_e8_max, by->daily_loss_e8_max);
    l->drawdown_bps_max = hp_limit_least(l->drawdown_bps_max, by->drawdown_bps_max);
    l->failures_max = hp_limit_least(l->failures_max, by->failures_max);
    l->cool_down_ns = hp_limit_most(l->cool_down_ns, by->cool_down_ns);
    l->fast_move_bps_max = hp_limit_least(l->fast_move_bps_max, by->fast_move_bps_max);
    l->fast_window_ns = hp_limit_most(l->fast_window_ns, by->fast_window_ns);
    l->fast_freeze_ns = hp_limit_most(l->fast_freeze_ns, by->fast_freeze_ns);
    l->order_to_trade_max = hp_limit_least(l->order_to_trade_max, by->order_to_trade_max);
    l->cancel_rate_bps_max = hp_limit_least(l->cancel_rate_bps_max, by->cancel_rate_bps_max);
    l->budget_window_ns = hp_limit_most(l->budget_window_ns, by->budget_window_ns);
    l->budget_free_count = hp_limit_least(l->budget_free_count, by->budget_free_count);
    l->token_rate = hp_limit_least(l->token_rate, by->token_rate);
    l->token_burst = hp_limit_least(l->token_burst, by->token_burst);
    l->token_reserve = hp_limit_most(l->token_reserve, by->token_reserve);
}

#endif
