/* closing.h - close every position of this lane, then let nothing pass.
 *
 * Owns:    what the lane does while the word FLATTEN stands: wait until what rests is cancelled, send
 *          reducing orders in bounded slices and tries, tell what could not be closed, become a kill.
 * Refuses: new risk (its intents go through the gate like a strategy's), clocks, positions that this
 *          lane does not hold.
 *
 * Steps are inputs of the journal (turns, reports, words), so a re-run closes the same positions by the
 * same orders.  In a re-run of recorded intents the rows move and the records bring the intents. */
#ifndef HP_LANE_CLOSING_H
#define HP_LANE_CLOSING_H

#include <stdint.h>
#include <string.h>

#include "hotpath/lane/trade.h"

#define HP_FLATTEN_TTL_NS 2000000000ull /* an IOC that rests after all is cancelled then */

static inline hp_flatten_row_t *hp_lane_flatten_row(hp_lane_t *l, uint32_t instrument, uint32_t side)
{
    return &l->page->flattens[instrument * HP_POSITION_SIDE_COUNT + side];
}

static inline void hp_lane_flatten_say(hp_lane_t *l, hp_flatten_row_t *row, uint8_t state)
{
    if (row->state == state) return;
    row->state = state;
    hp_lane_journal(l, HP_RECORD_FLATTEN, row->instrument, l->recv_ns, row, sizeof *row);
}

/* The word has come: forget a former flatten, take down what is held now. */
static inline void hp_lane_flatten_begin(hp_lane_t *l)
{
    memset(l->page->flattens, 0, sizeof l->page->flattens);
    l->flatten_ns = l->now_ns;
    l->page->flatten = HP_FLATTEN_CLOSING;
}

/* How many lots the next order may have: the whole, the instrument's order limit, a slice. */
static inline int64_t hp_lane_flatten_lots(const hp_lane_t *l, const hp_lane_instrument_t *i, int64_t held, int64_t price)
{
    int64_t lots = held;
    if (i->limits.order_lots_max > 0 && lots > i->limits.order_lots_max) lots = i->limits.order_lots_max;
    if (i->about.size_max_lots > 0 && lots > i->about.size_max_lots) lots = i->about.size_max_lots;
    int64_t notional = price > 0 ? hp_instrument_notional(&i->about, price, lots, HP_ROUND_UP) : 0;
    if (l->flatten.slice_e8_max > 0 && notional > l->flatten.slice_e8_max)
        lots = (int64_t)((hp_wide_t)lots * l->flatten.slice_e8_max / notional);
    if (i->about.step_size_lots > 1) lots -= lots % i->about.step_size_lots;
    int64_t least = i->about.size_min_lots > i->about.step_size_lots ? i->about.size_min_lots : i->about.step_size_lots;
    if (lots < least) lots = least < held ? least : held;
    return lots;
}

/* The touch moved by the band in our disfavour, on the tick that lies inside the band. */
static inline int64_t hp_lane_flatten_price(const hp_lane_t *l, const hp_lane_instrument_t *i, int is_sell, int64_t touch)
{
    if (touch <= 0) return 0;
    int64_t band = (int64_t)((hp_wide_t)touch * l->flatten.band_bps / 10000);
    int64_t tick = i->about.tick_size_ticks > 1 ? i->about.tick_size_ticks : 1;
    int64_t price = is_sell ? touch - band : touch + band;
    return is_sell ? (price + tick - 1) / tick * tick : price / tick * tick;
}

static inline void hp_lane_flatten_order(hp_lane_t *l, hp_lane_instrument_t *i, hp_flatten_row_t *row, int64_t held)
{
    int is_sell = held > 0;
    hp_intent_t wish;
    memset(&wish, 0, sizeof wish);
    hp_lane_picture(i, &wish);
    int64_t touch = is_sell ? wish.bid_ticks : wish.ask_ticks;
    int is_market = l->flatten.policy == HP_FLATTEN_MARKET;
    wish.kind = HP_INTENT_PLACE;
    wish.strategy = HP_STRATEGY_LANE;
    wish.instrument = row->instrument;
    wish.side = is_sell ? HP_SIDE_SELL : HP_SIDE_BUY;
    wish.position_side = row->position_side;
    wish.type = is_market ? HP_TYPE_MARKET : HP_TYPE_LIMIT;
    wish.time_in_force = is_market ? HP_TIF_NONE : HP_TIF_IOC;
    wish.reduce_only = 1;
    wish.ttl_ns = HP_FLATTEN_TTL_NS;
    wish.price_ticks = hp_lane_flatten_price(l, i, is_sell, touch);
    wish.lots = hp_lane_flatten_lots(l, i, is_sell ? held : -held, touch);
    row->tries++;
    row->orders++;
    row->is_waiting = 1;
    row->next_ns = l->now_ns + l->flatten.wait_ns;
    if (l->env.intent == NULL && hp_lane_queue(l, i, &wish) == 0) { /* the queue is full: later */
        row->is_waiting = 0;
        row->tries--;
        row->orders--;
    }
}

/* One intent of an instrument at a time: a verdict names its instrument, not its position side. */
static inline int hp_lane_flatten_waits(hp_lane_t *l, uint32_t instrument)
{
    int waits = 0;
    for (uint32_t side = 0; side < HP_POSITION_SIDE_COUNT; side++)
        waits |= hp_lane_flatten_row(l, instrument, side)->is_waiting;
    return waits;
}

/* One side of one instrument.  1 = there is still something to wait for. */
static inline int hp_lane_flatten_side(hp_lane_t *l, hp_lane_instrument_t *i, uint32_t side)
{
    hp_flatten_row_t *row = hp_lane_flatten_row(l, i->about.id, side);
    int64_t held = l->page->positions[i->about.id].lots[side];
    if (row->state == HP_FLATTEN_NONE && held == 0) return 0;
    if (row->state == HP_FLATTEN_NONE) {
        row->instrument = i->about.id;
        row->position_side = (uint8_t)side;
        row->start_lots = row->left_lots = held;
        hp_lane_flatten_say(l, row, HP_FLATTEN_CLOSING);
    }
    if (held != row->left_lots) row->tries = 0;
    row->left_lots = held;
    if (held == 0) { hp_lane_flatten_say(l, row, HP_FLATTEN_CLOSED); return 0; }
    if (row->state == HP_FLATTEN_FAILED) return 0;
    row->state = HP_FLATTEN_CLOSING; /* a late fill may open what was closed */
    if (hp_lane_flatten_waits(l, i->about.id) || i->exposure.open_orders > 0 || l->now_ns < row->next_ns) return 1;
    if (l->flatten.policy == HP_FLATTEN_NOTHING || row->tries >= l->flatten.tries_max) {
        hp_lane_flatten_say(l, row, HP_FLATTEN_FAILED);
        return 0;
    }
    hp_lane_flatten_order(l, i, row, held);
    return 1;
}

/* What the gate or the venue said of an order that the lane itself placed. */
static inline void hp_lane_flatten_told(hp_lane_t *l, const hp_order_t *o, const hp_verdict_t *v)
{
    uint32_t instrument = v != NULL ? v->instrument : o->instrument;
    for (uint32_t side = 0; side < HP_POSITION_SIDE_COUNT; side++) {
        hp_flatten_row_t *row = hp_lane_flatten_row(l, instrument, side);
        if (row->state == HP_FLATTEN_NONE || (o != NULL && o->position_side != side)) continue;
        if (o == NULL && !row->is_waiting) continue;
        if (v != NULL) {
            row->verdict = v->verdict;
            if (v->verdict == HP_VERDICT_RATE_BUCKET) { /* no token is no try */
                if (row->tries > 0) row->tries--;
                row->next_ns = v->retry_ns;
            }
        }
        if (o != NULL && o->error != HP_ERROR_NONE) row->error = o->error;
        row->is_waiting = 0;
    }
}

/* Every turn while the word stands and the kill behind it does not. */
static inline void hp_lane_flatten(hp_lane_t *l)
{
    if (HP_LIKELY(!(l->gate.words & HP_WORD_FLATTEN)) || l->gate.words & HP_WORD_KILL) return;
    int is_late = l->now_ns - l->flatten_ns >= l->flatten.time_ns_max;
    int is_open = 0, has_failed = 0;
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
        hp_lane_instrument_t *i = hp_lane_instrument(l, id);
        if (i == NULL || (i->book == NULL && l->role != HP_ROLE_ORDER)) continue;
        for (uint32_t side = 0; side < HP_POSITION_SIDE_COUNT; side++) {
            if (l->gate.is_armed) is_open |= hp_lane_flatten_side(l, i, side);
            hp_flatten_row_t *row = hp_lane_flatten_row(l, id, side);
            if (is_late && row->state == HP_FLATTEN_CLOSING) hp_lane_flatten_say(l, row, HP_FLATTEN_FAILED);
            has_failed |= row->state == HP_FLATTEN_FAILED;
        }
    }
    if ((is_open || l->orders.working_count > 0 || !l->gate.is_armed) && !is_late) return;
    l->page->flatten = has_failed || !l->gate.is_armed || l->orders.working_count > 0 ? HP_FLATTEN_FAILED : HP_FLATTEN_CLOSED;
    l->own_words |= HP_WORD_KILL;
    hp_lane_obey(l);
}

#endif
