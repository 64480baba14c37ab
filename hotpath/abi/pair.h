/* pair.h - what a market lane and an order lane tell each other, as records of two rings (ring.h).
 *
 * Owns:    the roles of lanes, the kinds of records, their payloads.
 * Refuses: who may believe what (hotpath/lane/hand.h says it, peer.h takes it).
 *
 * A pair page is hp_page_t, then hp_ring_t and its data, one each way: the market lane writes `intents`,
 * the order lane writes `told`.  The pages outlive both lanes; the header's heartbeat is the beat of the
 * ring's writer, HP_PAIR_ENDED when the supervisor saw its end.
 *
 * Times that cross are CLOCK_MONOTONIC of this boot.  The market lane turns its TSC stamps into it by its
 * own calibration, the order lane turns them into its own TSC: the ring's hop is part of `gated`.
 *
 * hp_pair_intent_t, 248 bytes; hp_pair_picture_t, 80; hp_pair_order_t, 416; hp_pair_fill_t, 736. */
#ifndef HP_PAIR_H
#define HP_PAIR_H

#include <stdint.h>

#include "intent.h"
#include "order.h"
#include "page.h"
#include "panic.h"
#include "verdict.h"

/* cffi:begin */
#define HP_PAIR_ENDED 1              /* heartbeat of a writer whose process has ended */

enum hp_lane_role { HP_ROLE_FUSED = 0, HP_ROLE_MARKET = 1, HP_ROLE_ORDER = 2, HP_ROLE_COUNT = 3 };

enum hp_pair_kind {
    HP_PAIR_NONE = 0,
    HP_PAIR_HELLO = 1,               /* hp_pair_hello_t, both ways: a new life, or the answer to one */
    /* market lane to order lane */
    HP_PAIR_INTENT = 2,              /* hp_pair_intent_t */
    HP_PAIR_PICTURE = 3,             /* hp_pair_picture_t */
    HP_PAIR_HALT = 4,                /* u32 strategy: it failed */
    HP_PAIR_LAG = 5,                 /* u32 words: what the market lane's own archive forbids */
    HP_PAIR_AHEAD = 6,               /* hp_pair_ahead_t: of an order whose time to live is the market's */
    /* order lane to market lane */
    HP_PAIR_MIRROR = 16,             /* hp_pair_hello_t: the whole truth follows, for the market lane of that epoch */
    HP_PAIR_POSITION = 17,           /* hp_pair_position_t */
    HP_PAIR_ORDER = 18,              /* hp_pair_order_t */
    HP_PAIR_FILL = 19,               /* hp_pair_fill_t */
    HP_PAIR_MIRROR_END = 20,
    /* in journals only: what the taker saw by itself */
    HP_PAIR_SILENT = 32,             /* u64 CLOCK_MONOTONIC: the other lane's beat was due by then */
    HP_PAIR_BACK = 33
};

enum hp_pair_call { HP_PAIR_CALL_NONE = 0, HP_PAIR_CALL_ORDER = 1 }; /* does the strategy hear of it? */

typedef struct hp_pair_hello {
    uint64_t epoch;                  /* HELLO: of the writer; MIRROR: of the market lane that it is for */
    uint64_t intent_id;              /* HELLO of the market lane: its last intent so far; MIRROR: the last one taken */
} hp_pair_hello_t;

typedef struct hp_pair_intent {
    hp_intent_t intent;
    uint64_t recv_ns;                /* CLOCK_MONOTONIC of each stamp; 0 = not reached; of a fill that caused it */
    uint64_t decoded_ns;
    uint64_t booked_ns;
    uint64_t decided_ns;
    int64_t  ahead_lots;             /* at its price, when it was decided; 0 = none, or no book says */
    int64_t  mean_e4;                /* as in a picture */
    uint32_t trades_per_s;
    uint32_t left;                   /* intents of the same step that follow: their requests leave together */
} hp_pair_intent_t;

typedef struct hp_pair_ahead {
    uint64_t client_id;
    int64_t  price_ticks;
    int64_t  lots;                   /* that rest at this price now */
} hp_pair_ahead_t;

typedef struct hp_pair_picture {     /* what may be quoted on, and on what */
    uint32_t instrument;
    uint8_t  source;                 /* enum hp_source */
    uint8_t  caution;                /* enum hp_caution, OR of bits */
    uint8_t  book_state;             /* enum hp_book_state */
    uint8_t  is_lost;                /* 1: take out what rests there */
    uint64_t bound_ns;               /* LOST: when it became too old; 0 = it did not age, it broke */
    uint64_t recv_ns;                /* of the top */
    int64_t  bid_ticks;
    int64_t  bid_lots;
    int64_t  ask_ticks;
    int64_t  ask_lots;
    int64_t  mark_e8;                /* last mark price; 0 = none */
    int64_t  mean_e4;                /* size of a usual trade, 1e-4 of a lot; 0 = none seen yet */
    uint32_t trades_per_s;           /* of the last second */
    uint32_t pad0;
} hp_pair_picture_t;

typedef struct hp_pair_position {
    uint32_t instrument;
    uint32_t pad0;
    hp_lane_position_t position;
} hp_pair_position_t;

typedef struct hp_pair_order {
    uint64_t taken;                  /* the last intent that the order lane has taken */
    uint32_t strategy;
    uint32_t instrument;
    uint32_t working;                /* orders of this strategy that work, or may work, there */
    uint32_t call;                   /* enum hp_pair_call */
    uint32_t is_armed;               /* the order lane takes new risk */
    uint32_t pad0;
    hp_order_t order;                /* client_id 0 = there is none */
    hp_verdict_t verdict;            /* intent_id 0 = there is none */
} hp_pair_order_t;

typedef struct hp_pair_fill {
    hp_pair_order_t about;
    hp_report_t report;
    hp_lane_position_t position;     /* with this fill in it */
} hp_pair_fill_t;
/* cffi:end */
HP_SIZE(hp_pair_hello_t, 16);
HP_SIZE(hp_pair_intent_t, 248);
HP_SIZE(hp_pair_ahead_t, 24);
HP_SIZE(hp_pair_picture_t, 80);
HP_SIZE(hp_pair_position_t, 136);
HP_SIZE(hp_pair_order_t, 416);
HP_FIELD(hp_pair_order_t, order, 32);
HP_SIZE(hp_pair_fill_t, 736);
HP_FIELD(hp_pair_fill_t, report, 416);

#endif
