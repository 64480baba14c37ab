/* limit_use.h - what a lane says of its leased limits: what it holds of each, in the authority's terms.
 *
 * Owns:    the use of one limit, as it stands in the lane's page; the whole deployment's row of it.
 * Refuses: the limits themselves (limit.h), the page that leases them (page.h), judging.
 *
 * hp_limit_use_t, 64 bytes.  Writer: the lane.  Reader: the authority, field by field: each is whole.
 *
 *   0         4   8    16    24   32      40       48       56   64
 *   +---------+---+----+-----+----+-------+--------+--------+----+
 *   |dimension|id |net |gross|open|pnl    |day pnl |refused |pad |
 *   +---------+---+----+-----+----+-------+--------+--------+----+
 */
#ifndef HP_LIMIT_USE_H
#define HP_LIMIT_USE_H

#include <stdint.h>

#include "limit.h"
#include "panic.h"

/* cffi:begin */
#define HP_LEASED_LIMITS_MAX 320    /* records in one lease: 32 accounts, 8 venues, 16 strategies, 256 instruments */

typedef struct hp_limit_use {
    uint32_t dimension;             /* enum hp_dimension; 0 = end of the list */
    uint32_t id;
    int64_t  net_e8;                /* the larger of |position + all that buys| and |position - all that sells| */
    int64_t  gross_e8;              /* sum of |position| + all that works */
    int64_t  open_orders;
    int64_t  pnl_e8;                /* realised and open, fees off: since the lane's books begin */
    int64_t  day_pnl_e8;            /* the same at 00:00 UTC, or when the lane started after that */
    int64_t  refused;               /* intents that the gate refused for want of a larger bound here */
    uint8_t  pad[8];
} hp_limit_use_t;

/* One limit of the whole deployment, as the authority's own page shows it.  Sums are over all lanes,
 * worst case: what each holds, or may still come to hold under a lease. */
typedef struct hp_limit_row {
    uint32_t dimension;             /* enum hp_dimension */
    uint32_t id;
    int64_t  net_e8_max;            /* HP_LIMIT_NONE: no limit, and nothing is added up */
    int64_t  gross_e8_max;          /* with what the leverage leaves */
    int64_t  open_max;
    int64_t  net_e8;
    int64_t  gross_e8;
    int64_t  open_orders;
    int64_t  day_pnl_e8;            /* of all lanes and their former lives, since 00:00 UTC */
    int64_t  daily_loss_e8_max;
    int64_t  drawdown_bps;          /* of the equity from its peak; 0 where no capital is said */
    int64_t  drawdown_bps_max;
    int64_t  net_used_e8;           /* as the lanes show it */
    int64_t  gross_used_e8;
    int64_t  open_used;
    uint32_t is_frozen;
    uint32_t lane_count;            /* that may spend it */
    uint8_t  pad[8];
} hp_limit_row_t;
/* cffi:end */
HP_SIZE(hp_limit_use_t, 64);
HP_SIZE(hp_limit_row_t, 128);

#endif
