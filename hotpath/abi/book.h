/* book.h - what a book says about itself to those who do not hold it.
 *
 * Owns:    book states, the reasons for a resync, the published top of book.
 * Refuses: levels and sequence rules (hotpath/book).
 *
 * hp_top_t, 128 bytes.  Writer: the market lane.  Readers: seqlock (`seq` odd while writing). */
#ifndef HP_BOOK_FORMAT_H
#define HP_BOOK_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "panic.h"

/* cffi:begin */
enum hp_book_state {
    HP_BOOK_EMPTY = 0,
    HP_BOOK_BUFFERING = 1,  /* deltas are kept until a snapshot hooks */
    HP_BOOK_SYNCED = 2,     /* the only state in which anything quotes */
    HP_BOOK_GAPPED = 3,
    HP_BOOK_STALE = 4,
    HP_BOOK_CROSSED = 5,
    HP_BOOK_STATE_COUNT = 6
};

/* What one event did to a book. */
enum hp_applied {
    HP_APPLIED_REFUSED = 0,
    HP_APPLIED_OK = 1,        /* the book changed or was confirmed */
    HP_APPLIED_BUFFERED = 2,
    HP_APPLIED_DROPPED = 3,   /* older than the snapshot, by the venue's first-event rule */
    HP_APPLIED_GAP = 4,       /* book is GAPPED from now on; the event is buffered */
    HP_APPLIED_CROSSED = 5,   /* applied, and the book shows bid >= ask */
    HP_APPLIED_TOO_OLD = 6,   /* snapshot does not reach the buffered events: fetch again */
    HP_APPLIED_NOT_MINE = 7,  /* an event kind that a book does not take */
    HP_APPLIED_COUNT = 8
};

/* Why a snapshot is wanted. */
enum hp_resync_reason {
    HP_RESYNC_NONE = 0,
    HP_RESYNC_FIRST = 1,     /* deltas came and there has been no snapshot */
    HP_RESYNC_GAP = 2,
    HP_RESYNC_TOO_OLD = 3,   /* the snapshot that came does not reach the kept deltas */
    HP_RESYNC_CROSSED = 4,   /* crossed for HP_CROSSED_EVENTS_MAX events */
    HP_RESYNC_EXHAUSTED = 5, /* the touch lies beyond what is known: GAPPED */
    HP_RESYNC_REFRESH = 6,   /* the owner asked */
    HP_RESYNC_LINE = 7,      /* the socket closed, or a figure was not to be believed */
    HP_RESYNC_NEAR = 8,      /* the touch nears the end of what is known; the book goes on */
    HP_RESYNC_REASON_COUNT = 9
};

typedef struct hp_top {
    uint64_t seq;             /* seqlock */
    int64_t  bid_ticks;       /* 0 lots = that side is empty */
    int64_t  bid_lots;
    int64_t  ask_ticks;
    int64_t  ask_lots;
    uint64_t recv_ns;         /* CLOCK_MONOTONIC of the causing read */
    uint64_t update_id;       /* venue's last update id */
    uint32_t instrument;
    uint8_t  state;           /* enum hp_book_state */
    int8_t   price_decimals;
    int8_t   size_decimals;
    uint8_t  source;          /* enum hp_source */
    char     symbol[32];
    int64_t  multiplier_e8;   /* of the instrument, with its contract: what a position is worth */
    uint8_t  contract;        /* enum hp_contract */
    uint8_t  pad[23];
} hp_top_t;
/* cffi:end */
HP_SIZE(hp_top_t, 128);
HP_FIELD(hp_top_t, instrument, 56);

#endif
