/* adopt.h - a lane takes over what its former life left, and leaves the same for its next one.
 *
 * Owns:    the stage on which opening facts are gathered, taking them as a whole, adopting orders,
 *          the carry: the lane's state as facts in its own journal, once a segment.
 * Refuses: asking the venue (runtime/session/opening.py gathers and judges the evidence), new risk: a lane is
 *          not armed before the set is complete.
 *
 * A set is taken at once or not at all, so a lane that dies inside an opening leaves nothing behind,
 * and its predecessor's ring stays the evidence.  On the stage facts are kept by their key: the order
 * in which they come, and how often, changes nothing.  Fills are booked by rank, which is the venue's
 * own order per instrument (the split of money between realised and open cost depends on it) and by
 * time over instruments (so that the keys which the next carry drops are the oldest). */
#ifndef HP_LANE_ADOPT_H
#define HP_LANE_ADOPT_H

#include <stdint.h>
#include <string.h>

#include "hotpath/lane/core.h"
#include "hotpath/lane/trade.h"
#include "opening.h"

#define HP_STAGED_FILLS 8192u
#define HP_STAGED_ORDERS 1024u
#define HP_OPENING_RETRY_NS 10000000000ull

struct hp_stage {
    uint64_t generation;      /* of the wish that is open; 0 = never wished */
    uint64_t wished_ns;
    uint32_t is_said;         /* hp_opening_t has come */
    uint32_t base_count;
    uint32_t booked_count;
    uint32_t order_count;
    hp_opening_t said;
    hp_base_t bases[HP_LANE_INSTRUMENTS_MAX]; /* by instrument */
    hp_booked_t booked[HP_STAGED_FILLS];      /* sorted by instrument, trade id, side */
    uint32_t at[HP_STAGED_FILLS];             /* by rank: index into `booked` + 1 */
    hp_order_t orders[HP_STAGED_ORDERS];
};

/* Wish for an opening; whatever an earlier wish has brought so far is dropped. */
static inline void hp_lane_opening_begin(hp_lane_t *l)
{
    struct hp_stage *s = l->stage;
    uint64_t generation = s->generation + 1;
    memset(s->bases, 0, sizeof s->bases);
    memset(&s->said, 0, sizeof s->said);
    s->generation = generation;
    s->wished_ns = l->now_ns;
    s->is_said = s->base_count = s->booked_count = s->order_count = 0;
    l->is_open = 0;
    hp_lane_journal(l, HP_RECORD_WISH, 0, l->recv_ns, &generation, sizeof generation);
    hp_count(&l->count->openings, 1);
    l->env.want(l->env.self, HP_WANT_OPENING, (uint32_t)generation);
}

static inline int hp_booked_before(const hp_booked_t *a, const hp_booked_t *b)
{
    if (a->instrument != b->instrument) return a->instrument < b->instrument;
    return a->trade_id != b->trade_id ? a->trade_id < b->trade_id : a->side < b->side;
}

/* Keep the fill in its place; the same fill again changes nothing.  0 = no room. */
static inline int hp_stage_booked(struct hp_stage *s, const hp_booked_t *b)
{
    uint32_t low = 0, high = s->booked_count;
    if (high > 0 && hp_booked_before(&s->booked[high - 1], b)) low = high; /* as they mostly come */
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (hp_booked_before(&s->booked[middle], b)) low = middle + 1;
        else high = middle;
    }
    if (low < s->booked_count && !hp_booked_before(b, &s->booked[low])) return 1;
    if (s->booked_count == HP_STAGED_FILLS) return 0;
    memmove(&s->booked[low + 1], &s->booked[low], (s->booked_count - low) * sizeof *b);
    s->booked[low] = *b;
    s->booked_count++;
    return 1;
}

static inline int hp_stage_order(struct hp_stage *s, const hp_order_t *o)
{
    for (uint32_t n = 0; n < s->order_count; n++)
        if (s->orders[n].client_id == o->client_id) return 1;
    if (s->order_count == HP_STAGED_ORDERS) return 0;
    s->orders[s->order_count++] = *o;
    return 1;
}

static inline void hp_lane_correct(hp_lane_t *l, uint32_t instrument, uint32_t position_side, uint32_t cause,
                                   uint64_t trade_id, int64_t lots_before, int64_t cost_before)
{
    const hp_lane_position_t *p = &l->page->positions[instrument];
    hp_correction_t c;
    memset(&c, 0, sizeof c);
    c.instrument = instrument;
    c.position_side = position_side;
    c.cause = cause;
    c.trade_id = trade_id;
    c.lots_before = lots_before;
    c.lots_after = p->lots[position_side];
    c.cost_before_e8 = cost_before;
    c.cost_after_e8 = p->cost_e8[position_side];
    hp_lane_journal(l, HP_RECORD_CORRECTION, instrument, l->recv_ns, &c, sizeof c);
    if (cause == HP_CORRECTION_POSITION) hp_count(&l->count->position_corrections, 1);
}

/* Enter a working order of a former life.  Without the order's own record nobody knows whose it was or
 * how long it was to live: it is cancelled, whatever the policy. */
static inline int hp_lane_adopt(hp_lane_t *l, const hp_order_t *e, uint32_t policy)
{
    if (hp_lane_instrument(l, e->instrument) == NULL || e->client_id == 0 || e->lots <= 0 || e->filled_lots < 0 ||
        (e->side != HP_SIDE_BUY && e->side != HP_SIDE_SELL) || e->account >= 32 || !hp_order_is_working(e->state)) {
        hp_count(&l->count->reports_refused, 1);
        return 1;
    }
    if (hp_orders_find(&l->orders, e->client_id) != NULL) return 1;
    hp_order_t *o = hp_orders_add(&l->orders, e->client_id);
    if (o == NULL) return 0;
    o->venue_id = e->venue_id;
    o->strategy = e->strategy;
    o->account = e->account;
    o->instrument = e->instrument;
    o->side = e->side;
    o->position_side = e->position_side;
    o->type = e->type;
    o->time_in_force = e->time_in_force;
    o->flags = (uint16_t)((e->flags & (HP_ORDER_POST_ONLY | HP_ORDER_REDUCE_ONLY)) | HP_ORDER_ADOPTED);
    o->price_ticks = e->price_ticks;
    o->lots = e->lots;
    o->filled_lots = o->said_lots = e->filled_lots;
    o->touch_ticks = e->touch_ticks;
    o->venue_update_ns = e->venue_update_ns;
    if ((e->flags & HP_ORDER_REPLACE_IN_FLIGHT) && (e->price_ticks != e->asked_ticks || e->lots != e->asked_lots)) {
        o->flags |= HP_ORDER_REPLACE_IN_FLIGHT; /* the former lane's change may still arrive */
        o->asked_ticks = e->asked_ticks;
        o->asked_lots = e->asked_lots;
        o->replace_deadline_ns = e->replace_deadline_ns;
        o->replace_request = UINT64_MAX; /* its answer went to another session */
    }
    o->expire_ns = e->expire_ns;
    o->deadline_ns = e->deadline_ns;
    o->sent_ns = e->sent_ns != 0 ? e->sent_ns : l->now_ns; /* parked there: a permit counts as sent (park.h) */
    o->state = e->state == HP_ORDER_LIVE || e->state == HP_ORDER_PARTIAL ? e->state : (uint8_t)HP_ORDER_UNKNOWN;
    o->word = o->state;
    if (o->state == HP_ORDER_UNKNOWN) o->unknown_since_ns = l->now_ns;
    if (policy != HP_RESTART_ADOPT || o->strategy >= l->strategy_count) o->expire_ns = 1;
    hp_lane_count_state(l, o->state, 1);
    hp_lane_expose(l, o, 1);
    hp_lane_hold(l, o);
    hp_own_add(&l->gate.own, o);
    hp_lane_works(l, o->strategy, o->instrument, 1);
    hp_count(&l->count->orders_adopted, 1);
    hp_store_relaxed(&l->count->open_orders, l->orders.working_count);
    hp_store_relaxed(&l->count->unknown_now, l->count->order_states[HP_ORDER_UNKNOWN]);
    hp_lane_journal(l, HP_RECORD_ORDER, o->instrument, l->recv_ns, o, sizeof *o);
    hp_lane_tell(l, o->strategy, o, NULL);
    return 1;
}

/* Book what stands behind the bases, by rank.  0 = the ranks are none, or a product left 64 bits. */
static inline int hp_lane_opening_fills(hp_lane_t *l)
{
    struct hp_stage *s = l->stage;
    memset(s->at, 0, s->booked_count * sizeof s->at[0]);
    for (uint32_t n = 0; n < s->booked_count; n++) {
        uint32_t rank = s->booked[n].rank;
        if (rank >= s->booked_count || s->at[rank] != 0) {
            hp_count(&l->count->reports_refused, 1);
            return 0;
        }
        s->at[rank] = n + 1;
    }
    for (uint32_t n = 0; n < s->booked_count; n++) {
        const hp_booked_t *b = &s->booked[s->at[n] - 1];
        hp_lane_instrument_t *i = hp_lane_instrument(l, b->instrument);
        if (i == NULL || b->position_side >= HP_POSITION_SIDE_COUNT || b->lots <= 0) continue;
        if (!hp_fills_take(l->fills, b->account, b->instrument, b->trade_id, b->side)) continue;
        if (b->flags & HP_BOOKED_IN_BASE) continue;
        hp_lane_position_t *p = &l->page->positions[b->instrument];
        int64_t lots = p->lots[b->position_side], cost = p->cost_e8[b->position_side];
        if (!hp_position_fill(p, &i->about, b->position_side, b->side, b->price_ticks, b->lots,
                              hp_position_fee(&i->about, b->flags >> HP_BOOKED_ASSET_SHIFT, b->fee_e8))) return 0;
        p->venue_pnl_e8 += b->pnl_e8;
        hp_count(&l->count->fills, 1);
        hp_count(b->side == HP_SIDE_BUY ? &l->count->fills_buy : &l->count->fills_sell, 1);
        if (b->flags & HP_BOOKED_MISSED) {
            hp_count(&l->count->fills_recovered, 1);
            hp_lane_correct(l, b->instrument, b->position_side, HP_CORRECTION_MISSED_FILL, b->trade_id, lots, cost);
        }
    }
    return 1;
}

static inline void hp_lane_opening_base(hp_lane_t *l, const hp_base_t *b)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, b->instrument);
    if (i == NULL) return;
    int64_t used = l->page->positions[b->instrument].used_e8; /* as the funds know it: taken anew at the end */
    l->page->positions[b->instrument] = b->position;
    l->page->positions[b->instrument].used_e8 = used;
    i->opening_cut = i->carried_cut = b->trade_cut;
    if (b->flags & HP_BASE_VENUE) memcpy(l->page->positions[b->instrument].venue_lots, b->venue_lots, sizeof b->venue_lots);
}

/* The venue's position wins where it was read at the same cut. */
static inline void hp_lane_opening_compare(hp_lane_t *l, const hp_base_t *b)
{
    if (!(b->flags & HP_BASE_VENUE) || hp_lane_instrument(l, b->instrument) == NULL) return;
    hp_lane_position_t *p = &l->page->positions[b->instrument];
    for (uint32_t side = 0; side < HP_POSITION_SIDE_COUNT; side++) {
        int64_t lots = p->lots[side], cost = p->cost_e8[side];
        if (lots == b->venue_lots[side]) continue;
        p->lots[side] = b->venue_lots[side];
        p->cost_e8[side] = b->venue_cost_e8[side];
        hp_lane_correct(l, b->instrument, side, HP_CORRECTION_POSITION, 0, lots, cost);
    }
}

static inline void hp_lane_carry(hp_lane_t *l);

/* Take the set when it is complete.  1 = the lane is open. */
static inline int hp_lane_opening_take(hp_lane_t *l)
{
    struct hp_stage *s = l->stage;
    if (l->is_open) return 1;
    if (!s->is_said || s->base_count != s->said.base_count || s->booked_count != s->said.booked_count ||
        s->order_count != s->said.order_count)
        return 0;
    memset(l->fills, 0, sizeof *l->fills);
    hp_store_relaxed(&l->count->orders_sent, s->said.orders);
    hp_store_relaxed(&l->count->orders_refused, s->said.refused);
    hp_store_relaxed(&l->count->fills, s->said.fills);
    hp_store_relaxed(&l->count->fills_buy, s->said.fills_buy);
    hp_store_relaxed(&l->count->fills_sell, s->said.fills_sell);
    for (uint32_t id = 1; id < HP_LANE_INSTRUMENTS_MAX; id++)
        if (s->bases[id].instrument == id) hp_lane_opening_base(l, &s->bases[id]);
    if (!hp_lane_opening_fills(l)) return 0;
    for (uint32_t id = 1; id < HP_LANE_INSTRUMENTS_MAX; id++)
        if (s->bases[id].instrument == id) hp_lane_opening_compare(l, &s->bases[id]);
    for (uint32_t id = 1; id < HP_LANE_INSTRUMENTS_MAX; id++)
        if (l->instruments[id].about.id == id) hp_lane_margin(l, id);
    for (uint32_t n = 0; n < s->order_count; n++)
        if (!hp_lane_adopt(l, &s->orders[n], s->said.policy)) return 0;
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
        const hp_lane_instrument_t *i = hp_lane_instrument(l, id);
        if (i != NULL) hp_gate_revalue(&l->gate, &i->about, &i->exposure, &l->page->positions[id], l->strategy_count);
    }
    hp_gate_opened(&l->gate);
    l->is_open = 1;
    hp_lane_check_funds(l);
    hp_lane_carry(l);
    return 1;
}

/* Stage one fact.  A fact of another generation, or for a lane that is open, changes nothing. */
static inline void hp_lane_fact(hp_lane_t *l, uint32_t kind, uint64_t generation, const void *data, size_t size)
{
    struct hp_stage *s = l->stage;
    int good = 0;
    if (l->is_open || generation == 0 || generation != s->generation) return;
    hp_lane_journal(l, HP_RECORD_OPENING, kind, l->recv_ns, data, size);
    if (kind == HP_MAIL_BASE && size == sizeof(hp_base_t)) {
        hp_base_t b;
        memcpy(&b, data, sizeof b);
        if (b.instrument != 0 && b.instrument < HP_LANE_INSTRUMENTS_MAX) {
            s->base_count += s->bases[b.instrument].instrument == 0;
            s->bases[b.instrument] = b;
            good = 1;
        }
    } else if (kind == HP_MAIL_BOOKED && size % sizeof(hp_booked_t) == 0) {
        good = 1;
        for (size_t at = 0; at < size; at += sizeof(hp_booked_t)) {
            hp_booked_t b;
            memcpy(&b, (const char *)data + at, sizeof b);
            good &= hp_stage_booked(s, &b);
        }
    } else if (kind == HP_MAIL_ORDER && size == sizeof(hp_order_t)) {
        hp_order_t o;
        memcpy(&o, data, sizeof o);
        good = hp_stage_order(s, &o);
    } else if (kind == HP_MAIL_OPENING && size == sizeof(hp_opening_t)) {
        memcpy(&s->said, data, sizeof s->said);
        s->is_said = 1;
        good = 1;
    }
    if (!good) hp_count(&l->count->reports_refused, 1);
    hp_lane_opening_take(l);
}

/* Raise the cuts over the keys that a carry no longer repeats. */
static inline void hp_lane_carry_cuts(hp_lane_t *l)
{
    const hp_fills_t *f = l->fills;
    uint64_t first = f->count > HP_CARRIED_KEYS ? f->count - HP_CARRIED_KEYS : 0;
    if (first > l->carried_keys + HP_FILLS_KEPT) l->carried_keys = first - HP_FILLS_KEPT;
    for (; l->carried_keys < first; l->carried_keys++) {
        const hp_fill_key_t *key = &f->kept[l->carried_keys & (HP_FILLS_KEPT - 1)];
        hp_lane_instrument_t *i = hp_lane_instrument(l, key->instrument);
        if (i != NULL && key->trade_id > i->carried_cut) i->carried_cut = key->trade_id;
    }
}

/* Repeat the lane's state in the journal, so that the newest segments alone tell it. */
static inline void hp_lane_carry(hp_lane_t *l)
{
    hp_booked_t keys[HP_CARRIED_KEYS];
    hp_opening_t end;
    if (l->journal.head == NULL) return;
    memset(&end, 0, sizeof end);
    end.generation = l->journal.number;
    hp_lane_carry_cuts(l);
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
        const hp_lane_instrument_t *i = hp_lane_instrument(l, id);
        hp_base_t b;
        if (i == NULL) continue;
        memset(&b, 0, sizeof b);
        b.instrument = id;
        b.trade_cut = i->carried_cut;
        b.position = l->page->positions[id];
        hp_lane_journal(l, HP_RECORD_CARRY, HP_MAIL_BASE, 0, &b, sizeof b);
        end.base_count++;
    }
    memset(keys, 0, sizeof keys);
    for (uint64_t n = l->carried_keys; n < l->fills->count; n++) {
        const hp_fill_key_t *key = &l->fills->kept[n & (HP_FILLS_KEPT - 1)];
        hp_booked_t *b = &keys[end.booked_count];
        b->rank = end.booked_count++;
        b->trade_id = key->trade_id;
        b->instrument = key->instrument;
        b->account = key->account;
        b->side = key->side;
        b->lots = 1;
        b->flags = HP_BOOKED_IN_BASE;
    }
    hp_lane_journal(l, HP_RECORD_CARRY, HP_MAIL_BOOKED, 0, keys, end.booked_count * sizeof keys[0]);
    for (uint32_t n = 0; n < l->orders.working_count; n++)
        hp_lane_journal(l, HP_RECORD_CARRY, HP_MAIL_ORDER, 0, hp_orders_working(&l->orders, n), sizeof(hp_order_t));
    end.order_count = l->orders.working_count;
    end.orders = l->count->orders_sent - l->count->orders_absent;
    end.refused = l->count->orders_refused;
    end.fills = l->count->fills;
    end.fills_buy = l->count->fills_buy;
    end.fills_sell = l->count->fills_sell;
    hp_lane_journal(l, HP_RECORD_CARRY, HP_MAIL_OPENING, 0, &end, sizeof end);
    l->carried_number = l->journal.number;
}

/* A new segment needs a carry; a wish that nobody answers is made again. */
static inline void hp_lane_opening_timers(hp_lane_t *l)
{
    if (HP_LIKELY(l->is_open)) {
        if (HP_UNLIKELY(l->journal.number != l->carried_number)) hp_lane_carry(l);
    } else if (l->stage->generation != 0 && l->now_ns - l->stage->wished_ns > HP_OPENING_RETRY_NS) {
        hp_lane_opening_begin(l);
    }
}

#endif
