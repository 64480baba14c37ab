/* paper.h - a venue on paper: what a recorded market would have done with our orders.
 *
 * Owns:    resting paper orders, their fills, the queue of reports that the lane gets before the next event.
 * Refuses: a queue model.  A resting order fills when a trade prints through its price or the other side
 *          of the book reaches it, never for a trade at its price alone: pessimistic about the queue.  An
 *          order that can trade at once takes what stands at the touch, at the touch; the rest rests.
 *          Our orders move nobody else's: the market is the recorded one.
 *
 * The lane's codec is replaced by hp_paper_encode: a request is its own bytes.  Reports come back as
 * records and are delivered before the next event, so that nothing is told re-entrantly. */
#ifndef HP_LANE_PAPER_H
#define HP_LANE_PAPER_H

#include <stdint.h>
#include <string.h>

#include "hotpath/lane/market.h"

#define HP_PAPER_ORDERS 256u
#define HP_PAPER_REPORTS 1024u

typedef struct hp_paper_order {
    uint64_t client_id;     /* 0 = free */
    uint32_t instrument;
    uint8_t  side;
    uint8_t  pad[3];
    int64_t  price_ticks;
    int64_t  lots;          /* the whole */
    int64_t  rest_lots;
} hp_paper_order_t;

typedef struct hp_paper {
    hp_lane_t *lane;
    int64_t  maker_bps;      /* fee in 1e-4 of the notional */
    int64_t  taker_bps;
    uint64_t trade_id;
    uint32_t report_count;
    uint32_t pad;
    hp_paper_order_t orders[HP_PAPER_ORDERS];
    hp_report_t reports[HP_PAPER_REPORTS];
} hp_paper_t;

static inline size_t hp_paper_encode(void *state, const hp_request_t *request, char *to, size_t room)
{
    (void)state;
    if (room < sizeof *request) return 0;
    memcpy(to, request, sizeof *request);
    return sizeof *request;
}

static inline hp_report_t *hp_paper_report(hp_paper_t *p, uint8_t kind, uint64_t client_id, uint32_t instrument)
{
    HP_ASSERT(p->report_count < HP_PAPER_REPORTS);
    hp_report_t *r = &p->reports[p->report_count++];
    memset(r, 0, sizeof *r);
    r->kind = kind;
    r->client_id = client_id;
    r->instrument = instrument;
    r->recv_ns = p->lane->now_ns;
    return r;
}

static inline void hp_paper_fill(hp_paper_t *p, hp_paper_order_t *o, int64_t price_ticks, int64_t lots, int is_maker)
{
    const hp_instrument_t *about = &p->lane->instruments[o->instrument].about;
    hp_report_t *r = hp_paper_report(p, HP_REPORT_FILL, o->client_id, o->instrument);
    int64_t notional = hp_instrument_notional(about, price_ticks, lots, HP_ROUND_UP);
    r->side = o->side;
    r->last_ticks = price_ticks;
    r->last_lots = lots;
    r->trade_id = ++p->trade_id;
    r->is_maker = (uint8_t)is_maker;
    if (notional != HP_MONEY_BAD)
        r->fee_e8 = hp_narrow(hp_wide_div((hp_wide_t)notional * (is_maker ? p->maker_bps : p->taker_bps), 10000, HP_ROUND_UP));
    o->rest_lots -= lots;
    if (o->rest_lots == 0) o->client_id = 0;
}

static inline void hp_paper_place(hp_paper_t *p, const hp_request_t *q)
{
    const hp_book_t *book = p->lane->instruments[q->instrument].book;
    hp_paper_order_t *o = p->orders, *end = p->orders + HP_PAPER_ORDERS;
    while (o < end && o->client_id != 0) o++;
    int64_t touch = q->side == HP_SIDE_BUY ? hp_l2_ask_ticks(&book->l2) : hp_l2_bid_ticks(&book->l2);
    int64_t there = q->side == HP_SIDE_BUY ? book->l2.ask.best_lots : book->l2.bid.best_lots;
    int takes = there > 0 && (q->side == HP_SIDE_BUY ? q->price_ticks >= touch : q->price_ticks <= touch);
    if (o == end || (q->post_only && takes)) {
        hp_paper_report(p, HP_REPORT_REJECT, q->client_id, q->instrument)->error =
            o == end ? HP_ERROR_VENUE_BUSY : HP_ERROR_POST_ONLY;
        return;
    }
    *o = (hp_paper_order_t){ q->client_id, q->instrument, q->side, { 0 }, q->price_ticks, q->lots, q->lots };
    hp_paper_report(p, HP_REPORT_ACK, q->client_id, q->instrument);
    if (takes) hp_paper_fill(p, o, touch, q->lots < there ? q->lots : there, 0);
    if (o->client_id != 0 && q->time_in_force != HP_TIF_GTC) {
        o->client_id = 0;
        hp_paper_report(p, HP_REPORT_EXPIRED, q->client_id, q->instrument);
    }
}

/* Change a resting order: what would take at the new price takes, a post-only order is cancelled. */
static inline void hp_paper_replace(hp_paper_t *p, hp_paper_order_t *o, const hp_request_t *q)
{
    const hp_book_t *book = p->lane->instruments[q->instrument].book;
    int64_t touch = q->side == HP_SIDE_BUY ? hp_l2_ask_ticks(&book->l2) : hp_l2_bid_ticks(&book->l2);
    int64_t there = q->side == HP_SIDE_BUY ? book->l2.ask.best_lots : book->l2.bid.best_lots;
    int takes = there > 0 && (q->side == HP_SIDE_BUY ? q->price_ticks >= touch : q->price_ticks <= touch);
    int64_t filled = o->lots - o->rest_lots;
    if (q->lots <= filled || (takes && q->post_only)) {
        o->client_id = 0;
        hp_paper_report(p, HP_REPORT_CANCELED, q->client_id, q->instrument);
        return;
    }
    o->price_ticks = q->price_ticks;
    o->lots = q->lots;
    o->rest_lots = q->lots - filled;
    hp_report_t *r = hp_paper_report(p, HP_REPORT_REPLACED, q->client_id, q->instrument);
    r->request = HP_REQUEST_REPLACE;
    r->request_id = q->request_id;
    r->price_ticks = q->price_ticks;
    r->lots = q->lots;
    if (takes) hp_paper_fill(p, o, touch, o->rest_lots < there ? o->rest_lots : there, 0);
}

/* Take one request of the lane. */
static inline void hp_paper_request(hp_paper_t *p, const hp_request_t *q)
{
    if (q->kind == HP_REQUEST_PLACE) { hp_paper_place(p, q); return; }
    for (uint32_t n = 0; n < HP_PAPER_ORDERS; n++) {
        hp_paper_order_t *o = &p->orders[n];
        if (o->client_id != q->client_id) continue;
        if (q->kind == HP_REQUEST_CANCEL) {
            o->client_id = 0;
            hp_paper_report(p, HP_REPORT_CANCELED, q->client_id, q->instrument);
        } else if (q->kind == HP_REQUEST_REPLACE) {
            hp_paper_replace(p, o, q);
        } else {
            hp_paper_report(p, HP_REPORT_STATUS, q->client_id, q->instrument)->state = HP_ORDER_LIVE;
        }
        return;
    }
    if (q->kind == HP_REQUEST_CANCEL || q->kind == HP_REQUEST_REPLACE) {
        hp_report_t *r = hp_paper_report(p, HP_REPORT_CANCEL_REJECT, q->client_id, q->instrument);
        r->request = q->kind;
        r->request_id = q->request_id;
        r->error = HP_ERROR_UNKNOWN_ORDER;
    }
}

/* What an event of the recorded market does to the orders that rest. */
static inline void hp_paper_match(hp_paper_t *p, const hp_event_t *e)
{
    const hp_book_t *book = p->lane->instruments[e->instrument].book;
    int is_trade = e->kind == HP_EVENT_TRADE || e->kind == HP_EVENT_AGG_TRADE;
    if (!is_trade && (e->kind != HP_EVENT_DEPTH || book->state != HP_BOOK_SYNCED)) return;
    int64_t bid = hp_l2_bid_ticks(&book->l2), ask = hp_l2_ask_ticks(&book->l2), print = e->body.trade.price_ticks;
    for (uint32_t n = 0; n < HP_PAPER_ORDERS; n++) {
        hp_paper_order_t *o = &p->orders[n];
        if (o->client_id == 0 || o->instrument != e->instrument) continue;
        int reached = o->side == HP_SIDE_BUY
            ? (is_trade ? print < o->price_ticks : book->l2.ask.best_lots > 0 && ask <= o->price_ticks)
            : (is_trade ? print > o->price_ticks : book->l2.bid.best_lots > 0 && bid >= o->price_ticks);
        if (reached) hp_paper_fill(p, o, o->price_ticks, o->rest_lots, 1);
    }
}

/* Hand the lane what the venue has said since the last event. */
static inline void hp_paper_deliver(hp_paper_t *p)
{
    for (uint32_t n = 0; n < p->report_count; n++) hp_lane_report(p->lane, &p->reports[n]);
    p->report_count = 0;
    hp_lane_decide(p->lane);
}

/* One event of the capture, already in the book: reports first, then the market, then the strategies. */
static inline void hp_paper_event(hp_paper_t *p, const hp_event_t *e, int before, int applied)
{
    hp_lane_t *l = p->lane;
    hp_lane_instrument_t *i = hp_lane_instrument(l, e->instrument);
    if (i == NULL) return;
    if (e->recv_ns > l->now_ns) l->now_ns = e->recv_ns;
    l->recv_ns = l->now_ns;
    hp_count(&l->count->messages, 1);
    hp_count(&l->count->events[e->kind], 1);
    hp_paper_deliver(p);
    hp_paper_match(p, e);
    l->event = *e;
    memset(&l->stamps, 0, sizeof l->stamps);
    if (e->kind == HP_EVENT_DEPTH || e->kind == HP_EVENT_SNAPSHOT) hp_lane_booked(l, i, before, applied);
    else hp_lane_show(l);
    hp_lane_decide(l);
    hp_lane_timers(l);
}

#endif
