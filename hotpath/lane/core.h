/* core.h - the state of one lane and its seams.
 *
 * Owns:    hp_lane_t (everything a lane knows), hp_env_t (the only door to clocks, sockets and cold
 *          processes), hp_strategy_t (the door to a strategy), the queue of intents.
 * Refuses: doing anything: market.h and trade.h hold the step functions f(lane, input, now) -> effects.
 *
 * The same compiled functions run live (loop.pyx fills the Env with a socket and a clock), in replay
 * and in simulation.  One writer: the lane's thread. */
#ifndef HP_LANE_CORE_H
#define HP_LANE_CORE_H

#include <stddef.h>
#include <stdint.h>

#include "codec.h"
#include "feed.h"
#include "flatten.h"
#include "hotpath/book/arbiter.h"
#include "hotpath/book/query.h"
#include "hotpath/book/sync.h"
#include "hotpath/journal/writer.h"
#include "hotpath/lane/sanity.h"
#include "hotpath/order/position.h"
#include "hotpath/order/table.h"
#include "hotpath/risk/gate.h"
#include "intent.h"
#include "mail.h"
#include "page.h"
#include "pair.h"
#include "ttl.h"
#include "hotpath/order/pace.h"

#define HP_INTENTS_QUEUED 64
#define HP_EARNED_KEPT 256u /* a venue tells a balance late by fewer fills than this */
#define HP_SAID_BEFORE 4u   /* events about a wallet in one millisecond, before the newest */
#define HP_MARKET_FRAMES_PER_TURN 16
#define HP_WORDS_LAG (HP_WORD_LAGGING | HP_WORD_CHOKED)

typedef struct hp_env {
    void *self;
    uint64_t (*now)(void *self);       /* CLOCK_MONOTONIC, ns */
    uint64_t (*tsc)(void *self);       /* deltas inside the lane */
    /* Hand one request to the order session.  `data` has HP_FRAME_PAD_BYTES writable bytes before and
     * after it and may be overwritten.  1 = on the wire, 0 = not one byte left. */
    int (*send)(void *self, char *data, size_t size);
    void (*want)(void *self, uint32_t what, uint32_t aux);
    /* 1: keep the requests that follow; 0: let them leave with one write, and say how many they were.
     * NULL: each leaves by itself. */
    uint32_t (*cork)(void *self, int on);
    /* Re-run only, else NULL: the next recorded intent of this step, NULL = no more. */
    const hp_intent_t *(*intent)(void *self);
    /* A record for the other lane of a pair.  1 = it has it, 0 = its ring is full.  `data` NULL: nothing
     * is written; is there room for `size` bytes of records? */
    int (*hand)(void *self, uint32_t kind, const void *data, size_t size);
} hp_env_t;

typedef struct hp_strategy {
    void *self;
    void (*on_book)(void *self, uint32_t instrument);
    void (*on_top)(void *self, const hp_event_t *event);
    void (*on_trade)(void *self, const hp_event_t *event);
    void (*on_mark)(void *self, const hp_event_t *event);
    void (*on_order)(void *self, const hp_order_t *order, const hp_verdict_t *verdict);
    void (*on_fill)(void *self, const hp_order_t *order, const hp_report_t *report);
    void (*on_timer)(void *self, uint64_t now);
    void (*on_feed)(void *self, const hp_feed_event_t *said);
    void (*on_missed)(void *self, const hp_event_t *event);
    uint32_t is_halted;
    uint32_t pad;
    uint32_t working[HP_LANE_INSTRUMENTS_MAX]; /* its orders that work or may work, and its intents in the queue */
} hp_strategy_t;

typedef struct hp_stream {      /* one event kind of one instrument: stale.h */
    hp_stream_rule_t rule;
    uint64_t opened_ns;         /* when its socket opened */
    uint64_t last_ns;           /* its last message since; 0 = none */
    uint64_t asked_ns;          /* when it was last asked for anew; 0 = not since its last message */
    uint32_t asks;
    uint32_t state;             /* enum hp_stream_state */
    uint32_t open_lines;        /* lines whose socket is open: bits */
    uint32_t pad;
} hp_stream_t;

typedef struct hp_spare {       /* the last poll of the spare source: spare.h */
    uint64_t asked_ns;          /* 0 = none yet; what it says was true then or later */
    uint64_t update_id;
    int64_t  bid_ticks, bid_lots, ask_ticks, ask_lots;
} hp_spare_t;

typedef struct hp_lane_instrument {
    hp_instrument_t      about;
    hp_instrument_limits_t limits;
    hp_exposure_t        exposure;
    hp_book_t           *book;
    hp_arbiter_t        *arbiter;            /* NULL: there is one line */
    uint64_t             conflicts;          /* the arbiter's, as known */
    uint32_t             is_subscribed;
    uint32_t             snapshot_wanted;    /* asked for and not yet answered */
    uint64_t             snapshot_wanted_ns;
    uint64_t             not_synced_ns;      /* since when the book is blind; 0 = it is not */
    uint32_t             trades_wanted;      /* the venue's list of trades must be asked for again */
    uint32_t             pad0;
    uint64_t             opening_cut;        /* trades up to this id are in the opening base: never again */
    uint64_t             carried_cut;        /* the same for a successor; the carry's keys lie above it */
    hp_stream_t          streams[8];         /* by enum hp_event_kind */
    uint32_t             stream_mask;        /* the kinds that are subscribed */
    uint8_t              source;             /* enum hp_source that serves the top */
    uint8_t              caution;            /* enum hp_caution, OR of bits */
    uint8_t              heard_state;        /* order half of a pair: of the book, as last heard; its top is in `spare` */
    uint8_t              pad;
    uint64_t             heard_trade[2];     /* last id of AGG_TRADE and of TRADE; 0 = none came */
    uint64_t             missed_ns;          /* when trades that were missed were last asked for */
    uint64_t             missing[16];        /* which of the newest 1024 trade ids are missing: a bit by id */
    uint32_t             missed_asks;        /* 0 = none are asked for */
    uint32_t             pad1;
    uint64_t             block_until_ns;     /* policy BLOCK; 0 = not blocked */
    hp_sanity_rule_t     sanity_rule;
    hp_sanity_t          sanity;
    hp_spare_t           spare;
    hp_pace_t            pace;
    hp_signal_t          signal;
} hp_lane_instrument_t;

struct hp_parked;
struct hp_rest;
struct hp_again;

typedef struct hp_lane {
    hp_env_t         env;
    const hp_codec_t *codec;
    hp_lane_page_t   *page;
    hp_lane_counters_t *count;       /* page->counters */
    hp_journal_writer_t journal;
    hp_orders_t      orders;
    hp_fills_t       *fills;
    hp_gate_t        gate;
    hp_levels_t      *levels;
    hp_event_t       event;
    hp_lane_instrument_t *instruments; /* HP_LANE_INSTRUMENTS_MAX, by registry id */
    hp_strategy_t    strategies[HP_STRATEGIES_MAX];
    uint32_t         strategy_count;
    uint32_t         lane;
    uint64_t         epoch;
    uint64_t         client_sequence;
    uint64_t         intent_sequence;
    uint64_t         request_sequence;

    hp_intent_t      intents[HP_INTENTS_QUEUED];
    uint32_t         intent_count;
    uint32_t         is_session_ready;  /* logged on */
    uint32_t         is_user_ready;     /* user stream open */
    uint32_t         is_draining;
    uint32_t         is_open;           /* an opening has been taken */
    uint32_t         is_broken;         /* a number cannot be trusted any more: never armed again */

    hp_stamps_t      stamps;            /* of the input in work */
    uint64_t         recv_ns;
    uint64_t         now_ns;            /* of the turn */
    uint64_t         timer_ns;          /* last sweep */
    uint64_t         strategy_timer_ns;
    uint64_t         clock_ns;          /* last CLOCK record */

    uint64_t         ack_timeout_ns;    /* SENT without a word -> UNKNOWN */
    uint64_t         cancel_again_ns;   /* after the first cancel of an order; twice as long after each that follows */
    uint64_t         cancel_again_most_ns;
    uint64_t         inquiry_ns;        /* between two inquiries about one order */
    hp_bucket_t      inquiries;         /* of the lane as a whole */
    uint64_t         read_lag_ns;       /* the venue's bound */
    uint64_t         deadline_ms;       /* recvWindow of orders */
    uint64_t         stale_ns;          /* default bound of books */
    struct hp_stage  *stage;            /* opening facts (opening.h) */
    struct hp_parked *parked;           /* HP_PARKED_MAX orders that wait for the disk (park.h) */
    hp_ttl_rule_t    ttl;
    struct hp_rest   *rests;            /* by slot of the order table (age.h) */
    uint64_t         looked_ns;         /* last look at the times to live */
    struct hp_again  *agains;           /* HP_AGAIN_MAX orders that never arrived (again.h) */
    uint32_t         again_count;
    uint32_t         is_corked;         /* requests are kept together (burst.h) */
    uint32_t         corked_count;
    uint32_t         corked[HP_INTENTS_QUEUED]; /* slots of orders among them, to be stamped */
    uint64_t         fill_recv;         /* stamp of the read that brought the last fill; 0 = none */
    uint64_t         durable;           /* strategies whose orders wait for the disk: bits */
    uint32_t         parked_count;
    uint32_t         parked_pad;
    uint64_t         carried_number;    /* segment of the last carry */
    uint64_t         carried_keys;      /* fill keys that lie under the carried cuts */
    struct {
        uint64_t event_ns;              /* venue's event time of the newest event about the wallet */
        uint64_t answer_ns;             /* match time of the newest answer */
        int64_t  word_e8;               /* what the newest event said */
        int64_t  before_e8[HP_SAID_BEFORE]; /* what others of its millisecond had said before it */
        uint32_t before_count, pad;
    }                said[HP_ASSETS_MAX]; /* by asset - 1: in which order words stand (hold.h) */
    uint64_t         earned_count;
    struct {
        uint64_t match_ns;
        int64_t  amount_e8;
        uint32_t asset, pad;
    }                earned[HP_EARNED_KEPT]; /* what the newest fills moved in wallets (hold.h) */
    uint64_t         short_ns;          /* when to look for orders with missing fills; 0 = there are none */
    uint32_t         guards;            /* event kinds that must be fresh for quoting: bits */
    uint32_t         line_count;        /* equal market feeds; 0 and 1: there is one */
    uint64_t         unheard;           /* market sockets (a bit each) whose frames the journal has no room for */
    uint32_t         line_sockets;      /* market sockets of one line */
    uint32_t         line;              /* of the frame in work, where there are several */
    uint32_t         arbitrated;        /* the instrument whose arbiter took its last event; 0 = none */
    uint32_t         role;              /* enum hp_lane_role */
    struct hp_pair   *pair;             /* NULL: a fused lane (hand.h) */
    uint32_t         asked_words;       /* OR of the control pages; gate.words has own_words beside it */
    uint32_t         own_words;         /* what the lane itself says: DRAIN as an orphan, KILL after a flatten */
    hp_flatten_rule_t flatten;
    uint64_t         flatten_ns;        /* when its word came */
    uint64_t         uses_ns;           /* when the look at what is held of leased limits began (leased.h) */
    uint32_t         use_next;          /* the next scope of that look; 0 = a new one begins */
    uint32_t         uses_open;         /* the opening was taken when it began */
    uint64_t         reserved[1];
    char             request[HP_FRAME_PAD_BYTES + HP_REQUEST_BYTES_MAX + HP_FRAME_PAD_BYTES];
} hp_lane_t;

/* 0 = the record gave way (a bulk one, while the archive lags far): its input must not be acted on. */
static inline int hp_lane_journal(hp_lane_t *l, uint16_t kind, uint32_t aux, uint64_t recv_ns, const void *payload, size_t size)
{
    if (l->journal.head == NULL) return 1;
    if (HP_LIKELY(hp_journal_append(&l->journal, kind, aux, recv_ns, l->now_ns, payload, (uint32_t)size))) {
        hp_count(&l->count->journal_records, 1);
        hp_count(&l->count->journal_bytes, hp_journal_room(size));
    } else if (hp_record_is_bulk(kind) && l->journal.is_reserved) {
        hp_count(&l->count->frames_unjournaled, 1);
        return 0;
    } else {
        l->gate.is_armed = 0; /* what cannot be journaled must not be traded */
        l->is_broken = 1;
    }
    return 1;
}

/* UTC by the last pair of clocks (at most a second old): what the journal can say again. */
static inline uint64_t hp_lane_utc_ns(const hp_lane_t *l)
{
    return l->journal.clock.real_ns + (l->now_ns - l->journal.clock.mono_ns);
}

static inline hp_lane_instrument_t *hp_lane_instrument(hp_lane_t *l, uint32_t id)
{
    return id < HP_LANE_INSTRUMENTS_MAX && l->instruments[id].about.id == id && id != 0 ? &l->instruments[id] : NULL;
}

/* Lots that rest at this price; 0 = none, or no book says. */
static inline int64_t hp_lane_lots_at(const hp_lane_instrument_t *i, uint8_t side, int64_t price_ticks)
{
    if (i->book == NULL || i->book->state != HP_BOOK_SYNCED) return 0;
    const hp_l2_t *book = &i->book->l2;
    return hp_ladder_lots_at(side == HP_SIDE_BUY ? &book->bid : &book->ask, price_ticks);
}

/* Copy into an intent what its instrument looks like now. */
static inline void hp_lane_picture(const hp_lane_instrument_t *i, hp_intent_t *in)
{
    const hp_book_t *book = i->book;
    in->caution = i->caution;
    if (HP_UNLIKELY(book == NULL)) in->book_state = i->heard_state;
    else in->book_state = book->state;
    if (HP_UNLIKELY(book == NULL || i->caution & HP_CAUTION_SOURCE)) {
        in->book_seq = i->spare.update_id;
        in->recv_ns = i->spare.asked_ns;
        in->bid_ticks = i->spare.bid_ticks;
        in->bid_lots = i->spare.bid_lots;
        in->ask_ticks = i->spare.ask_ticks;
        in->ask_lots = i->spare.ask_lots;
        return;
    }
    in->book_seq = book->update_id;
    in->recv_ns = book->good_ns;
    in->bid_ticks = hp_l2_bid_ticks(&book->l2);
    in->bid_lots = book->l2.bid.best_lots;
    in->ask_ticks = hp_l2_ask_ticks(&book->l2);
    in->ask_lots = book->l2.ask.best_lots;
}

/* Queue an intent on the picture of now.  Returns its id; 0 = the queue is full. */
static inline uint64_t hp_lane_queue(hp_lane_t *l, const hp_lane_instrument_t *i, const hp_intent_t *wish)
{
    if (HP_UNLIKELY(l->intent_count == HP_INTENTS_QUEUED)) {
        hp_count(&l->count->intents_refused, 1);
        return 0;
    }
    hp_intent_t *in = &l->intents[l->intent_count++];
    *in = *wish;
    in->id = ++l->intent_sequence;
    in->decided_ns = l->now_ns;
    hp_lane_picture(i, in);
    l->stamps.decided = l->env.tsc(l->env.self);
    hp_count(&l->count->intents, 1);
    return in->id;
}

/* A strategy's intent.  Returns its id; 0 = refused (unknown instrument or strategy, queue full). */
static inline uint64_t hp_lane_emit(hp_lane_t *l, const hp_intent_t *wish)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, wish->instrument);
    if (HP_UNLIKELY(i == NULL || wish->strategy >= l->strategy_count)) {
        hp_count(&l->count->intents_refused, 1);
        return 0;
    }
    uint64_t id = hp_lane_queue(l, i, wish);
    if (id != 0 && wish->kind == HP_INTENT_PLACE) l->strategies[wish->strategy].working[wish->instrument]++;
    return id;
}

#endif
