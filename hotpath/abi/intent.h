/* intent.h - what a strategy wants, and the picture on which it decided.
 *
 * Owns:    the intent that crosses from strategy to gate: by call in a fused lane, by ring in a split one.
 * Refuses: pointers into books (the gate judges the copied top plus its age), floats, text.
 *
 * hp_intent_t, 192 bytes.  Writer: the strategy bridge.  Reader: the gate of the account's order lane.
 *
 *   0   8       16      24        28       32          36          48           56    64      72
 *   +---+-------+-------+---------+--------+-----------+-----------+------------+-----+-------+---------+
 *   |id |parent |target |strategy |account |instrument | 12 x u8   | price_ticks|lots |ttl_ns |deadline |
 *   +---+-------+-------+---------+--------+-----------+-----------+------------+-----+-------+---------+
 *   80        88        96        104       112       120      128            136         144      192
 *   +---------+---------+---------+---------+---------+--------+--------------+-----------+--------+
 *   |bid_ticks|bid_lots |ask_ticks|ask_lots |book_seq |recv_ns |trigger_ticks |decided_ns |  pad   |
 *   +---------+---------+---------+---------+---------+--------+--------------+-----------+--------+
 */
#ifndef HP_INTENT_H
#define HP_INTENT_H

#include <stddef.h>
#include <stdint.h>

#include "panic.h"

/* cffi:begin */
enum hp_intent_kind { HP_INTENT_REFUSED = 0, HP_INTENT_PLACE = 1, HP_INTENT_CANCEL = 2, HP_INTENT_REPLACE = 3,
    HP_INTENT_TIME = 4 /* another time to live for `target`: ttl_ns, layer and queue hold from now on */ };
enum hp_side { HP_SIDE_NONE = 0, HP_SIDE_BUY = 1, HP_SIDE_SELL = 2 };
enum hp_position_side { HP_POSITION_BOTH = 0, HP_POSITION_LONG = 1, HP_POSITION_SHORT = 2, HP_POSITION_SIDE_COUNT = 3 };
enum hp_order_type { HP_TYPE_NONE = 0, HP_TYPE_LIMIT = 1, HP_TYPE_MARKET = 2, HP_TYPE_STOP_MARKET = 3 };
enum hp_time_in_force { HP_TIF_NONE = 0, HP_TIF_GTC = 1, HP_TIF_IOC = 2, HP_TIF_FOK = 3 };
enum hp_self_trade_mode { HP_STP_DEFAULT = 0, HP_STP_EXPIRE_TAKER = 1, HP_STP_EXPIRE_MAKER = 2, HP_STP_EXPIRE_BOTH = 3 };

typedef struct hp_intent {
    uint64_t id;             /* per lane start, from 1 */
    uint64_t parent;         /* 0 = none */
    uint64_t target;         /* CANCEL, REPLACE: client order id */
    uint32_t strategy;
    uint32_t account;
    uint32_t instrument;
    uint8_t  kind;           /* enum hp_intent_kind */
    uint8_t  side;
    uint8_t  position_side;
    uint8_t  type;
    uint8_t  time_in_force;
    uint8_t  post_only;
    uint8_t  reduce_only;
    uint8_t  self_trade_mode;
    uint8_t  book_state;     /* enum hp_book_state at the decision */
    uint8_t  caution;        /* enum hp_caution at the decision, OR of bits */
    uint8_t  layer;          /* enum hp_layer; NONE = ttl_ns is fixed, else the most that a layer may give */
    uint8_t  reason;         /* CANCEL: enum hp_cancel_cause of the advice; 0 = none given */
    int64_t  price_ticks;
    int64_t  lots;
    uint64_t ttl_ns;         /* 0 = rests until cancelled */
    uint64_t deadline_ns;    /* venue-side deadline as a duration; 0 = the venue's default */
    int64_t  bid_ticks;
    int64_t  bid_lots;
    int64_t  ask_ticks;
    int64_t  ask_lots;
    uint64_t book_seq;       /* last update id of the book at the decision */
    uint64_t recv_ns;        /* CLOCK_MONOTONIC of the causing read */
    int64_t  trigger_ticks;  /* conditional orders; 0 = none */
    uint64_t decided_ns;     /* CLOCK_MONOTONIC of the turn */
    uint32_t queue;          /* orders ahead by the strategy's own estimate; 0 = by the book */
    uint8_t  tries;          /* PLACE: again, so often, when it is proven that it never arrived */
    uint8_t  pad1[43];
} hp_intent_t;
/* cffi:end */
HP_SIZE(hp_intent_t, 192);
HP_FIELD(hp_intent_t, kind, 36);
HP_FIELD(hp_intent_t, price_ticks, 48);
HP_FIELD(hp_intent_t, bid_ticks, 80);
HP_FIELD(hp_intent_t, decided_ns, 136);

#endif
