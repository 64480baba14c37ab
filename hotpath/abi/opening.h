/* opening.h - what a lane must be told before it may be armed, and what it leaves for its successor.
 *
 * Owns:    the facts of an opening (mail to the lane) and of a carry (the same facts in its journal).
 * Refuses: where facts come from (runtime/session/opening.py), what a lane does with them (hotpath/lane/adopt.h).
 *
 * hp_base_t, 192 bytes: one instrument's position as all trades up to `trade_cut` made it.
 * hp_booked_t, 64 bytes: one fill behind a base, or (IN_BASE) the key of one that the base holds.
 * hp_opening_t, 64 bytes: counts of the facts, totals of the lane's former lives.  It ends the set.
 * hp_correction_t, 64 bytes: what the venue's word changed in our books.
 *
 * Facts of one set may come in any order and any number of times; the set is taken when as many
 * different facts have come as hp_opening_t says. */
#ifndef HP_OPENING_H
#define HP_OPENING_H

#include <stddef.h>
#include <stdint.h>

#include "page.h"
#include "panic.h"

/* cffi:begin */
#define HP_BOOKED_PER_MAIL 256
#define HP_CARRIED_KEYS 256       /* a venue delivers fills out of order by fewer than this */
#define HP_STRATEGY_NONE 4294967295

#define HP_BOOKED_ASSET_SHIFT 16
enum hp_restart { HP_RESTART_CANCEL = 0, HP_RESTART_ADOPT = 1 };

enum hp_base_flag {
    HP_BASE_VENUE = 1,       /* venue_lots and venue_cost_e8 were read at the same cut */
    HP_BASE_FROM_VENUE = 2   /* nobody of ours knew: the position is the venue's word */
};

enum hp_booked_flag {
    HP_BOOKED_IN_BASE = 1,   /* only the key: the base holds it */
    HP_BOOKED_MISSED = 2,    /* the former lane had not booked it */
    HP_BOOKED_MAKER = 4      /* of a trade with ourselves the resting side comes first */
};

typedef struct hp_base {
    uint32_t instrument;
    uint32_t flags;              /* enum hp_base_flag */
    uint64_t trade_cut;          /* every trade of ours with an id up to this is in `position` */
    hp_lane_position_t position;
    int64_t  venue_lots[3];      /* by enum hp_position_side */
    int64_t  venue_cost_e8[3];   /* lots x average entry: rounded by the venue */
} hp_base_t;

typedef struct hp_booked {
    uint64_t trade_id;
    uint64_t client_id;          /* 0 = not known, or not ours */
    uint32_t instrument;
    uint16_t account;
    uint8_t  side;
    uint8_t  position_side;
    int64_t  price_ticks;
    int64_t  lots;
    int64_t  fee_e8;
    int64_t  pnl_e8;             /* realised, the venue's figure */
    uint32_t flags;              /* enum hp_booked_flag; from HP_BOOKED_ASSET_SHIFT on the fee's asset */
    uint32_t rank;               /* place in the order of booking, 0 to count - 1: per instrument the venue's own */
} hp_booked_t;

typedef struct hp_opening {
    uint64_t generation;         /* of the lane's wish that it answers; a carry: the segment */
    uint32_t base_count;
    uint32_t booked_count;
    uint32_t order_count;
    uint32_t policy;             /* enum hp_restart */
    uint64_t orders;             /* sent in former lives, less those proven never to have arrived or been taken */
    uint64_t refused;            /* of those, refused by the venue's word */
    uint64_t fills;              /* in the bases, not those of this set */
    uint64_t fills_buy;
    uint64_t fills_sell;
} hp_opening_t;

enum hp_correction_cause {
    HP_CORRECTION_NONE = 0,
    HP_CORRECTION_MISSED_FILL = 1, /* booked at an opening or from the venue's list of trades */
    HP_CORRECTION_POSITION = 2,    /* the venue's position is another one */
    HP_CORRECTION_STRANGER = 3     /* a fill of an order that is not ours, or no longer known */
};

typedef struct hp_correction {
    uint32_t instrument;
    uint32_t position_side;
    uint32_t cause;              /* enum hp_correction_cause */
    uint32_t pad0;
    uint64_t trade_id;           /* 0 = none */
    int64_t  lots_before;
    int64_t  lots_after;
    int64_t  cost_before_e8;
    int64_t  cost_after_e8;
    uint64_t pad1;
} hp_correction_t;
/* cffi:end */
HP_SIZE(hp_base_t, 192);
HP_FIELD(hp_base_t, position, 16);
HP_SIZE(hp_booked_t, 64);
HP_FIELD(hp_booked_t, price_ticks, 24);
HP_SIZE(hp_opening_t, 64);
HP_SIZE(hp_correction_t, 64);

#endif
