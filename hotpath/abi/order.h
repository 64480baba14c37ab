/* order.h - an order of ours, what the venue says about it, and the states between.
 *
 * Owns:    order record, execution report, states, the causes that move them.
 * Refuses: the transition rules (hotpath/order/state.h), venue text.
 *
 * hp_order_t, 256 bytes: one slot of the lane's order table.  Writer: the order lane.
 * hp_report_t, 192 bytes: one decoded answer or user-data event.  Writer: the codec.
 *
 * Client order id: one u64, epoch 16 | lane 6 | sequence 42.  Epoch rises at each lane start and is
 * fsynced before the first permit, so no id is ever used twice. */
#ifndef HP_ORDER_H
#define HP_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "panic.h"

/* cffi:begin */
#define HP_CLIENT_EPOCH_BITS 16
#define HP_CLIENT_LANE_BITS 6
#define HP_CLIENT_SEQUENCE_BITS 42
#define HP_EPOCH_MAX 65534

enum hp_order_state {
    HP_ORDER_NONE = 0,      /* events refused, counted */
    HP_ORDER_PENDING = 1,   /* permitted, reserved, not yet on the wire */
    HP_ORDER_SENT = 2,
    HP_ORDER_LIVE = 3,
    HP_ORDER_PARTIAL = 4,
    HP_ORDER_FILLED = 5,
    HP_ORDER_CANCELED = 6,
    HP_ORDER_REJECTED = 7,
    HP_ORDER_EXPIRED = 8,
    HP_ORDER_UNKNOWN = 9,   /* sent, no word: funds stay reserved, only evidence ends it */
    HP_ORDER_STATE_COUNT = 10
};

enum hp_report_kind {
    HP_REPORT_NONE = 0,
    HP_REPORT_SENT = 1,          /* our own: the write system call took the bytes */
    HP_REPORT_SEND_FAILED = 2,   /* our own: not one byte left */
    HP_REPORT_ACK = 3,
    HP_REPORT_REJECT = 4,
    HP_REPORT_FILL = 5,          /* partial or last: cum_lots tells */
    HP_REPORT_CANCELED = 6,
    HP_REPORT_EXPIRED = 7,
    HP_REPORT_CANCEL_REJECT = 8, /* cancel or replace refused: the order itself stands */
    HP_REPORT_REPLACED = 9,
    HP_REPORT_STATUS = 10,       /* answer to an inquiry: `state` is the venue's word */
    HP_REPORT_NOT_FOUND = 11,    /* answer to an inquiry; evidence only after deadline + read lag */
    HP_REPORT_TIMEOUT = 12,      /* our own: no answer within the bound -> UNKNOWN */
    HP_REPORT_AMBIGUOUS = 13,    /* venue: 5xx, -1007: outcome unknown -> UNKNOWN */
    HP_REPORT_POSITION = 14,     /* account update: position of one instrument and side */
    HP_REPORT_BALANCE = 15,      /* account update: balance of one asset */
    HP_REPORT_SESSION = 16,      /* logon answer: error 0 = logged on */
    HP_REPORT_STREAM_END = 17,   /* user stream expired: a new key is needed */
    HP_REPORT_CONTROL = 18,      /* known, nothing to do */
    HP_REPORT_QUOTA = 19,        /* how much of a window is used, or a refusal for it (quota.h) */
    HP_REPORT_KIND_COUNT = 20
};

/* Venue errors, mapped to what a trader does about them. */
enum hp_error {
    HP_ERROR_NONE = 0, HP_ERROR_RATE = 1, HP_ERROR_CLOCK = 2, HP_ERROR_AUTH = 3, HP_ERROR_FILTER = 4,
    HP_ERROR_FUNDS = 5, HP_ERROR_POST_ONLY = 6, HP_ERROR_REDUCE_ONLY = 7, HP_ERROR_DUPLICATE_ID = 8,
    HP_ERROR_UNKNOWN_ORDER = 9, HP_ERROR_UNKNOWN_OUTCOME = 10, HP_ERROR_VENUE_BUSY = 11,
    HP_ERROR_OTHER = 12, HP_ERROR_COUNT = 13
};

enum hp_order_flag {
    HP_ORDER_CANCEL_IN_FLIGHT = 1, HP_ORDER_REPLACE_IN_FLIGHT = 2, HP_ORDER_ADOPTED = 4,
    HP_ORDER_INQUIRY_IN_FLIGHT = 8, HP_ORDER_POST_ONLY = 16, HP_ORDER_REDUCE_ONLY = 32,
    HP_ORDER_ABSENT = 64,    /* never reached the venue: not a byte left, or its absence was proven */
    HP_ORDER_PARKED = 128,   /* permitted and encoded; leaves when its records are on disk */
    HP_ORDER_INQUIRY_DUE = 256 /* to be asked about as soon as the lane's rate of inquiries allows */
};

/* Why an order is to go, weakest first.  One cancel is in flight; a stronger class takes over the mark. */
enum hp_cancel_cause {
    HP_CANCEL_NONE = 0,
    HP_CANCEL_TTL = 1,        /* its time to live is over */
    HP_CANCEL_STRATEGY = 2,   /* its strategy wants it gone and gave no reason */
    HP_CANCEL_QUEUE = 3,      /* advice: too many orders ahead */
    HP_CANCEL_PRICE = 4,      /* advice: too far from the price */
    HP_CANCEL_SPEED = 5,      /* advice: the market has slowed down */
    HP_CANCEL_TOXICITY = 6,   /* advice: informed flow */
    HP_CANCEL_INVENTORY = 7,  /* advice: too much is held */
    HP_CANCEL_OWN = 8,        /* it would trade with a newer order of ours */
    HP_CANCEL_BOOK = 9,       /* its book is lost, stale or doubted */
    HP_CANCEL_HALT = 10,      /* its strategy failed */
    HP_CANCEL_EMERGENCY = 11, /* extreme market */
    HP_CANCEL_WORD = 12,      /* kill, freeze, flatten, drain, archive lag */
    HP_CANCEL_CAUSE_COUNT = 13
};

typedef struct hp_order {
    uint64_t client_id;        /* 0 = free slot */
    uint64_t venue_id;         /* 0 = not yet known */
    uint64_t intent_id;
    uint32_t strategy;
    uint32_t account;
    uint32_t instrument;
    uint8_t  state;            /* enum hp_order_state */
    uint8_t  side;
    uint8_t  position_side;
    uint8_t  type;
    uint8_t  time_in_force;
    uint8_t  error;            /* enum hp_error of the last refusal */
    uint16_t flags;            /* enum hp_order_flag */
    uint8_t  word;             /* enum hp_order_state: the strongest word about it, fills aside (state.h) */
    uint8_t  layer;            /* enum hp_layer; NONE = a fixed time to live */
    uint8_t  cancel_cause;     /* enum hp_cancel_cause: the mark; it stands until the order ends */
    uint8_t  tries;            /* how often it may be placed again when it never arrived */
    int64_t  price_ticks;      /* of the newest version: a replace makes another one */
    int64_t  lots;             /* the whole size, what has filled included */
    int64_t  filled_lots;      /* cumulative, by fills counted once */
    int64_t  touch_ticks;      /* what it could trade at on arrival, where that reserves more; 0 = nothing */
    int64_t  reserved_e8;      /* held of the asset that it spends (risk/reservation.h) */
    uint64_t expire_ns;        /* our time to live, CLOCK_MONOTONIC; 0 = none */
    uint64_t deadline_ns;      /* venue deadline, CLOCK_MONOTONIC: no later accept is possible */
    uint64_t unknown_since_ns; /* 0 = not UNKNOWN */
    uint64_t inquiry_ns;       /* last inquiry */
    uint64_t venue_update_ns;  /* venue time of the version that price and lots are of, UTC; 0 = ours */
    uint64_t sent_ns;
    uint64_t cancel_sent_ns;
    hp_stamps_t stamps;
    int64_t  said_lots;        /* cumulative fills by the venue's word; above filled_lots: fills are missing */
    int64_t  asked_ticks;      /* of the last replace; counts while REPLACE_IN_FLIGHT */
    int64_t  asked_lots;
    uint64_t replace_request;  /* its request id */
    uint64_t replace_deadline_ns; /* venue deadline, CLOCK_MONOTONIC: no later change is possible */
    uint64_t parent;           /* placed again: client id of the first try; else the intent's parent */
} hp_order_t;

typedef struct hp_report {
    uint8_t  kind;             /* enum hp_report_kind */
    uint8_t  state;            /* enum hp_order_state by the venue's word; NONE = not said */
    uint8_t  side;
    uint8_t  position_side;
    uint8_t  error;            /* enum hp_error */
    uint8_t  is_maker;
    uint8_t  foreign;          /* 1: the client id is not ours (another system, or the venue itself) */
    uint8_t  request;          /* enum hp_request_kind of the request that it answers; 0 none */
    int32_t  venue_error;      /* the venue's own code */
    uint32_t account;
    uint32_t instrument;
    uint32_t asset;            /* fee or balance asset id */
    uint64_t client_id;
    uint64_t venue_id;
    uint64_t trade_id;
    int64_t  price_ticks;      /* order price */
    int64_t  lots;             /* order size */
    int64_t  last_ticks;       /* fill */
    int64_t  last_lots;
    int64_t  cum_lots;
    int64_t  fee_e8;
    int64_t  pnl_e8;           /* realised, the venue's figure */
    int64_t  position_lots;    /* POSITION: signed */
    int64_t  entry_e8;         /* POSITION: average entry price, 1e-8 of quote */
    int64_t  balance_e8;       /* BALANCE: wallet */
    int64_t  event_ns;         /* venue, UTC */
    int64_t  match_ns;         /* venue, UTC */
    uint64_t recv_ns;          /* CLOCK_MONOTONIC */
    uint64_t request_id;       /* id echoed by the venue; 0 = unsolicited */
    uint32_t quota;            /* QUOTA: enum hp_quota_kind */
    uint32_t quota_s;          /* length of the window; 0 = no window, the refusal alone */
    int64_t  quota_limit;
    int64_t  quota_used;
    uint64_t stop_ms;          /* > 0: refused for so long; UINT64_MAX: for how long is not said */
} hp_report_t;
/* cffi:end */
HP_SIZE(hp_order_t, 256);
HP_FIELD(hp_order_t, state, 36);
HP_FIELD(hp_order_t, price_ticks, 48);
HP_FIELD(hp_order_t, stamps, 144);
HP_FIELD(hp_order_t, parent, 248);
HP_SIZE(hp_report_t, 192);
HP_FIELD(hp_report_t, client_id, 24);
HP_FIELD(hp_report_t, position_lots, 104);

static inline uint64_t hp_client_id(uint64_t epoch, uint64_t lane, uint64_t sequence)
{
    HP_ASSERT(epoch > 0 && epoch <= HP_EPOCH_MAX && lane < (1u << HP_CLIENT_LANE_BITS));
    HP_ASSERT(sequence > 0 && sequence < (1ull << HP_CLIENT_SEQUENCE_BITS));
    return epoch << (HP_CLIENT_LANE_BITS + HP_CLIENT_SEQUENCE_BITS) | lane << HP_CLIENT_SEQUENCE_BITS | sequence;
}

static inline int hp_order_is_working(uint8_t state)
{
    return state == HP_ORDER_PENDING || state == HP_ORDER_SENT || state == HP_ORDER_LIVE ||
           state == HP_ORDER_PARTIAL || state == HP_ORDER_UNKNOWN;
}

#endif
