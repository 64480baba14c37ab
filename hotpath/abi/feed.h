/* feed.h - what a lane knows about the feeds of one instrument.
 *
 * Owns:    sources, stream states and their bounds, what can be wrong with a feed and the policy for it,
 *          the event that says so, the figures per instrument on the lane page.
 * Refuses: deciding (hotpath/lane/stale.h, sanity.h), fetching (runtime/feeds/resync.py, sources.py).
 *
 * A stream is an instrument and an event kind.  A bound of 0 is no bound. */
#ifndef HP_FEED_H
#define HP_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "panic.h"

/* cffi:begin */
enum hp_source {
    HP_SOURCE_NONE = 0,      /* nothing that may be believed */
    HP_SOURCE_PRIMARY = 1,   /* the venue's own stream */
    HP_SOURCE_SECONDARY = 2, /* REST polling: to be shown, and to exit on */
    HP_SOURCE_AGGREGATE = 3, /* a vendor: reserved */
    HP_SOURCE_REPLAY = 4,    /* a recording: reserved */
    HP_SOURCE_COUNT = 5
};

enum hp_stream_state {
    HP_STREAM_NONE = 0,     /* not subscribed, or its socket is closed */
    HP_STREAM_WAITING = 1,  /* its socket is open, its first message has not come */
    HP_STREAM_FRESH = 2,
    HP_STREAM_STALE = 3,    /* older than the bound for quoting */
    HP_STREAM_SILENT = 4,   /* the first message or the watchdog is overdue: asked for anew */
    HP_STREAM_STATE_COUNT = 5
};

/* Why new risk is refused although the book may be SYNCED: bits. */
enum hp_caution {
    HP_CAUTION_STREAM = 1,   /* a stream that a strategy subscribed is not fresh */
    HP_CAUTION_PRICE = 2,    /* an insane figure, policy BLOCK */
    HP_CAUTION_SOURCE = 4    /* the top comes from the spare source */
};

enum hp_trouble {
    HP_TROUBLE_NONE = 0,
    HP_TROUBLE_JUMP = 1,     /* between two quotes; found, wanted: bps */
    HP_TROUBLE_SIGMA = 2,    /* too far from the recent mean; found, wanted: half ticks */
    HP_TROUBLE_TENFOLD = 3,  /* found: price, wanted: last price; half ticks */
    HP_TROUBLE_TIME = 4,     /* the venue's time runs ahead of all that was seen; ns */
    HP_TROUBLE_LATE = 5,     /* behind the best seen: we, or the venue, lag; ns */
    HP_TROUBLE_VOLUME = 6,   /* found: lots, wanted: bound in lots */
    HP_TROUBLE_STALE = 7,    /* a stream passed its bound for quoting; found, wanted: ns */
    HP_TROUBLE_SILENT = 8,   /* a stream was asked for anew; found, wanted: ns */
    HP_TROUBLE_FRESH = 9,    /* it is good again */
    HP_TROUBLE_BLIND = 10,   /* the book is not in sequence; found: enum hp_book_state */
    HP_TROUBLE_SYNCED = 11,  /* it is again; found: ns blind */
    HP_TROUBLE_SOURCE = 12,  /* another source serves the top; found: enum hp_source */
    HP_TROUBLE_SPARE = 13,   /* a new top of the spare source */
    HP_TROUBLE_MISSED = 14,  /* trades that a stream did not bring; found: how many, wanted: first id */
    HP_TROUBLE_COUNT = 15
};

/* What an insane figure causes.  0 is the strictest. */
enum hp_policy {
    HP_POLICY_GAP = 0,       /* a book is broken and fetched anew; a ticker or trade is not shown */
    HP_POLICY_BLOCK = 1,     /* no new risk for block_ns */
    HP_POLICY_FLAG = 2       /* told, journaled, counted */
};

typedef struct hp_stream_rule {
    uint64_t first_ns;       /* from the opening of the socket to the first message */
    uint64_t silence_ns;     /* between two messages: then it is asked for anew */
    uint64_t quote_ns;       /* oldest message on which one may quote */
    uint32_t kind;           /* enum hp_event_kind */
    uint32_t socket;
} hp_stream_rule_t;

typedef struct hp_sanity_rule {
    uint64_t time_ns;        /* TIME */
    uint64_t late_ns;        /* LATE */
    uint64_t block_ns;       /* how long policy BLOCK blocks */
    uint64_t spare_ns;       /* oldest poll of the spare source that may be used */
    int64_t  volume_lots_min;
    uint32_t volume_times;   /* VOLUME: lots of one trade over so many recent means */
    uint32_t jump_bps;       /* JUMP */
    uint32_t sigma_tenths;   /* SIGMA: 30 = three sigma */
    uint32_t sigma_bps_min;  /* a still market has no sigma worth the name */
    uint32_t times_max;      /* TENFOLD: 10 */
    uint32_t warm_up;        /* events before SIGMA and VOLUME speak */
    uint8_t  policy[8];      /* enum hp_policy by enum hp_trouble, up to VOLUME */
} hp_sanity_rule_t;

typedef struct hp_feed_event {
    uint64_t recv_ns;
    uint32_t instrument;
    uint8_t  trouble;        /* enum hp_trouble */
    uint8_t  stream;         /* enum hp_event_kind; 0 = the instrument as a whole */
    uint8_t  policy;         /* enum hp_policy, of insane figures */
    uint8_t  source;         /* enum hp_source that serves the top now */
    int64_t  found;
    int64_t  wanted;
    int64_t  bid_ticks;      /* SPARE: its top */
    int64_t  bid_lots;
    int64_t  ask_ticks;
    int64_t  ask_lots;
} hp_feed_event_t;

typedef struct hp_lane_feed {    /* on the lane page, one per instrument */
    uint64_t blind_ns;           /* book subscribed and not SYNCED: what is over */
    uint64_t blind_since_ns;     /* and since when it is now; 0 = it is SYNCED */
    uint64_t wanted[16];         /* snapshots asked for, by enum hp_resync_reason */
    uint64_t resyncs;            /* snapshots adopted */
    uint64_t too_old;            /* snapshots that did not reach what was kept */
    uint64_t gaps;
    uint64_t troubles[16];       /* by enum hp_trouble */
    uint64_t last_ns[8];         /* receive time of the last event, by enum hp_event_kind */
    uint64_t lag_ns;             /* of the last event, over the best seen */
    uint64_t spare_polls;
    uint64_t spare_ns;           /* when the last poll was asked for */
    uint64_t spare_compared;     /* tops of the same update id as the book's */
    uint64_t spare_equal;
    uint8_t  stream_state[8];    /* enum hp_stream_state by enum hp_event_kind */
    uint8_t  source;             /* enum hp_source */
    uint8_t  caution;            /* enum hp_caution, OR of bits */
    uint8_t  pad0[6];
    uint64_t trade_gaps;         /* holes in the ids of trades */
    uint64_t trades_missed;      /* trades in them */
    uint64_t trades_filled;      /* of those, fetched afterwards */
    uint64_t missed_from;        /* trades that are being fetched: from this id ... */
    uint64_t missed_to;          /* ... up to and without this one; 0 = none */
    uint64_t pad[7];
} hp_lane_feed_t;

#define HP_MISSED_MAX 1000       /* trades fetched at a time */

typedef struct hp_missed {       /* a trade as the venue lists it: one of a MISSED mail */
    uint64_t trade_id;
    uint64_t first_id;           /* of the trades that it sums up */
    uint64_t last_id;
    int64_t  price_ticks;
    int64_t  lots;
    int64_t  event_ns;           /* the venue's, UTC */
    uint64_t is_buyer_maker;     /* 1: the seller was the aggressor */
} hp_missed_t;

typedef struct hp_lane_line {    /* on the lane page, one per line, over all instruments; one line: all 0 */
    uint64_t wins;               /* its copy was the first good one */
    uint64_t duplicates;         /* it came behind another line's copy */
    uint64_t held;               /* it came before something that was missing */
    uint64_t unused;             /* not used: the line was not listened to */
    uint64_t lost;               /* events that other lines had and it never */
    uint64_t errors;             /* frames that could not be read, copies that differ */
    uint64_t isolations;
    uint64_t returns;
    uint64_t late_ns;            /* sum over duplicates, behind the first copy */
    uint64_t late_ns_mean;       /* of about the last 16; the worst instrument */
    uint32_t score_bps;          /* of the worst instrument; 10000 = whole and in time */
    uint32_t unheard;            /* instruments for which it is not listened to now */
    uint64_t pad[5];
} hp_lane_line_t;
/* cffi:end */
HP_SIZE(hp_stream_rule_t, 32);
HP_SIZE(hp_sanity_rule_t, 72);
HP_SIZE(hp_feed_event_t, 64);
HP_SIZE(hp_lane_feed_t, 512);
HP_SIZE(hp_missed_t, 56);
HP_SIZE(hp_lane_line_t, 128);

#endif
