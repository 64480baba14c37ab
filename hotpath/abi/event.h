/* event.h - one decoded fact of a feed.
 *
 * Owns:    the event that every codec produces and every book, strategy and journal reads.
 * Refuses: text, venue shapes, floats.  Prices are ticks, sizes are lots (instrument.h).
 *
 * hp_event_t, 128 bytes.  Writer: the codec of the lane.  Depth levels stand beside it in hp_levels_t:
 * bids first, then asks, in the order of the message.
 *
 *   0    1     2    3   4          8       16       24       32       40      48      56  60   64   128
 *   +----+-----+----+---+----------+-------+--------+--------+--------+-------+-------+---+---+-----+
 *   |kind|flags|line|pad|instrument|recv_ns|event_ns|match_ns|first_id|last_id|prev_id|bid|ask|body |
 *   +----+-----+----+---+----------+-------+--------+--------+--------+-------+-------+---+---+-----+
 */
#ifndef HP_EVENT_H
#define HP_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "panic.h"

/* cffi:begin */
#define HP_LEVELS_MAX 20480   /* both sides of one message; a 5000-level snapshot has 10000 */
#define HP_FRAME_BYTES_MAX 2097152
#define HP_DEPTH_WHOLE 0xffffffffu
#define HP_FRAME_EVENTS_MAX 2048 /* of one frame; a venue says 1024 trades at most */
#define HP_FRAME_PAD_BYTES 64 /* readers may look this far past a frame's end */

enum hp_event_kind {
    HP_EVENT_NONE = 0,
    HP_EVENT_DEPTH = 1,      /* delta of a book */
    HP_EVENT_SNAPSHOT = 2,   /* replaces a book */
    HP_EVENT_BOOK_TICKER = 3,
    HP_EVENT_AGG_TRADE = 4,
    HP_EVENT_TRADE = 5,
    HP_EVENT_MARK_PRICE = 6,
    HP_EVENT_KIND_COUNT = 7
};

enum hp_event_flag {
    HP_EVENT_BUYER_MAKER = 1, /* trade: the seller was the aggressor */
    HP_EVENT_FALLBACK = 2,    /* read by the general reader */
    HP_EVENT_MORE = 4         /* its frame holds another one: ask the codec's next() for it */
};

/* What a MARK_PRICE says; the other fields are 0 and mean nothing. */
enum hp_mark {
    HP_MARK_PRICE = 1, HP_MARK_INDEX = 2, HP_MARK_SETTLE = 4, HP_MARK_FUNDING = 8,
    HP_MARK_NEXT_FUNDING = 16, HP_MARK_ALL = 31
};

/* How the venue sums up a book. */
enum hp_checksum {
    HP_CHECKSUM_NONE = 0,
    HP_CHECKSUM_TOP25 = 1 /* CRC-32 of bid price:size:ask price:size:... of the best 25 levels, each
                           * number in its shortest form */
};

/* Answer of a codec.  0 refuses; only EVENT fills the event. */
enum hp_decode {
    HP_DECODE_REFUSED = 0,
    HP_DECODE_EVENT = 1,
    HP_DECODE_CONTROL = 2,       /* subscription answer and the like: known, no event */
    HP_DECODE_UNKNOWN_KIND = 3,  /* well-formed, a kind that this codec does not carry */
    HP_DECODE_UNKNOWN_SYMBOL = 4,
    HP_DECODE_FINER = 5,         /* a value finer than the scale: `finer_*` say what is needed */
    HP_DECODE_MALFORMED = 6,     /* not JSON, truncated, trailing bytes, too deep */
    HP_DECODE_TOO_LARGE = 7,     /* frame over HP_FRAME_BYTES_MAX */
    HP_DECODE_TYPE = 8,          /* a field of the wrong type */
    HP_DECODE_DUPLICATE = 9,     /* a field twice */
    HP_DECODE_MISSING = 10,      /* a required field absent */
    HP_DECODE_NUMBER = 11,       /* NaN, exponent, sign, more digits than int64 holds */
    HP_DECODE_LEVELS = 12,       /* more levels than HP_LEVELS_MAX, or events than _FRAME_EVENTS_MAX */
    HP_DECODE_COUNT = 13
};

typedef struct hp_level {
    int64_t price_ticks;
    int64_t lots;          /* absolute; 0 removes */
} hp_level_t;

typedef struct hp_levels {
    hp_level_t at[20480];
} hp_levels_t;

typedef struct hp_event_top {   /* BOOK_TICKER */
    int64_t bid_ticks, bid_lots, ask_ticks, ask_lots;
    int64_t pad[4];
} hp_event_top_t;

typedef struct hp_event_trade { /* TRADE, AGG_TRADE; first_id..last_id are the trades it sums */
    int64_t  price_ticks, lots;
    uint64_t trade_id;
    int64_t  pad[5];
} hp_event_trade_t;

typedef struct hp_event_mark {  /* MARK_PRICE: venue text is finer than a tick, so 1e-8 of quote */
    int64_t mark_e8, index_e8, settle_e8;
    int64_t funding_e8;          /* rate, 1e-8 */
    int64_t next_funding_ns;     /* UTC */
    uint32_t has;                /* enum hp_mark, a bit each */
    uint32_t pad0;
    int64_t pad[2];
} hp_event_mark_t;

typedef struct hp_event_depth { /* DEPTH, SNAPSHOT */
    uint32_t has_checksum; /* enum hp_checksum */
    uint32_t checksum;
    /* SNAPSHOT: levels a side that were asked for; 0 = not said (then the longer side's count).
     * HP_DEPTH_WHOLE: the venue's whole book.  A side that is shorter is whole. */
    uint32_t depth_limit;
    uint32_t depth_kept;   /* SNAPSHOT: the deltas keep this many levels a side; 0 = every level */
    int64_t  pad[5];
    int8_t   price_decimals; /* the scale of this event's integers, where there is a checksum */
    int8_t   size_decimals;
    uint8_t  odd_text;       /* a number here is not in its shortest form: not to be rebuilt */
    uint8_t  pad0[5];
} hp_event_depth_t;

typedef union hp_event_body {
    hp_event_top_t   top;
    hp_event_trade_t trade;
    hp_event_mark_t  mark;
    hp_event_depth_t depth;
} hp_event_body_t;

typedef struct hp_event {
    uint8_t  kind;          /* enum hp_event_kind */
    uint8_t  flags;         /* enum hp_event_flag */
    uint8_t  line;          /* which of several equal feeds */
    uint8_t  pad;
    uint32_t instrument;    /* registry id */
    uint64_t recv_ns;       /* CLOCK_MONOTONIC when the causing read returned */
    int64_t  event_ns;      /* venue's event time, UTC; 0 = not given */
    int64_t  match_ns;      /* venue's transaction time, UTC; 0 = not given */
    uint64_t first_id;      /* depth: first update id; aggregated trade: first trade id */
    uint64_t last_id;       /* depth, ticker: last update id; aggregated trade: last trade id */
    uint64_t prev_id;       /* depth: last update id of the previous event, where the venue says */
    uint32_t bid_count;     /* levels at[0 .. bid_count) */
    uint32_t ask_count;     /* levels at[bid_count .. bid_count + ask_count) */
    hp_event_body_t body;
} hp_event_t;
/* cffi:end */
HP_SIZE(hp_level_t, 16);
HP_SIZE(hp_event_body_t, 64);
HP_SIZE(hp_event_t, 128);
HP_FIELD(hp_event_t, recv_ns, 8);
HP_FIELD(hp_event_t, first_id, 32);
HP_FIELD(hp_event_t, bid_count, 56);
HP_FIELD(hp_event_t, body, 64);

/* The depth_limit of a snapshot whose longer side has `count` levels, where the venue takes only the
 * limits `valid`, ascending: the least that it can have been.  What is shorter than it is whole. */
static inline uint32_t hp_depth_limit(const uint32_t *valid, uint32_t valid_count, uint32_t count)
{
    for (uint32_t i = 0; i < valid_count; i++)
        if (valid[i] >= count) return valid[i];
    return HP_DEPTH_WHOLE;
}

#endif
