/* peer.h - the other lane of a pair: taking what it said, and noticing when it says nothing.
 *
 * Owns:    hp_lane_peer, the step that takes one record; the mirror of orders and positions (market half);
 *          what becomes of orders whose market lane died, was replaced, or lost a picture (order half).
 * Refuses: saying (hand.h), rings, beats and their clocks (live.pyx reads them, as an input).
 *
 * A record is journaled by its taker before it acts on it; a record that is not believed is too. */
#ifndef HP_LANE_PEER_H
#define HP_LANE_PEER_H

#include <stdint.h>

#include "hotpath/lane/market.h"

#define HP_PEER_RECORDS_PER_TURN 64
#define HP_PEER_RECORD_BYTES_MAX sizeof(hp_pair_fill_t)

/* -- the order half --------------------------------------------------------------------------- */

/* A stamp that crossed, as this lane's TSC: `now_ns` and `tsc` were read together. */
static inline uint64_t hp_peer_stamp(const hp_lane_t *l, uint64_t ns, uint64_t now_ns, uint64_t tsc)
{
    uint64_t per_tick_q32 = l->page->calibration.ns_per_tick_q32;
    if (ns > now_ns) return tsc; /* two calibrations differ by a little */
    if (ns == 0 || per_tick_q32 == 0 || now_ns - ns > 1000000000u) return 0;
    uint64_t ticks = ((now_ns - ns) << 32) / per_tick_q32;
    return tsc > ticks ? tsc - ticks : 0;
}

/* A mid for the gate's figures: with each sweep in which it moved, and with each intent. */
static inline void hp_peer_mid(hp_lane_t *l, const hp_lane_instrument_t *i, int64_t half_ticks)
{
    hp_pulse_mid(&l->gate.pulses[i->about.id], &i->limits, &l->gate.instruments[i->about.id].limit, half_ticks, l->now_ns);
}

/* How fast it trades, for times to live. */
static inline void hp_peer_pace(hp_lane_t *l, uint32_t instrument, int64_t mean_e4, uint32_t trades_per_s)
{
    if (hp_lane_instrument(l, instrument) == NULL) return;
    l->instruments[instrument].pace.mean_e4 = mean_e4;
    l->pair->pictures[instrument].trades_per_s = trades_per_s;
}

static inline void hp_peer_judge(hp_lane_t *l, const hp_pair_intent_t *said)
{
    const hp_intent_t *in = &said->intent;
    struct hp_pair *p = l->pair;
    uint64_t before = l->client_sequence, now_ns = l->env.now(l->env.self), tsc = l->env.tsc(l->env.self);
    p->taken = in->id;
    p->ahead_lots = said->ahead_lots;
    hp_peer_pace(l, in->instrument, said->mean_e4, said->trades_per_s);
    if (in->strategy >= l->strategy_count || hp_lane_instrument(l, in->instrument) == NULL) {
        hp_count(&l->count->intents_refused, 1);
        return;
    }
    memset(&l->stamps, 0, sizeof l->stamps);
    int is_answer = said->recv_ns != 0 && said->recv_ns == p->fill_ns; /* in this lane's own stamps */
    l->stamps.recv = is_answer ? l->fill_recv : hp_peer_stamp(l, said->recv_ns, now_ns, tsc);
    l->stamps.decoded = hp_peer_stamp(l, said->decoded_ns, now_ns, tsc);
    l->stamps.booked = hp_peer_stamp(l, said->booked_ns, now_ns, tsc);
    l->stamps.decided = hp_peer_stamp(l, said->decided_ns, now_ns, tsc);
    if (in->book_state == HP_BOOK_SYNCED && !(in->caution & HP_CAUTION_SOURCE) && in->bid_lots > 0 && in->ask_lots > 0)
        hp_peer_mid(l, &l->instruments[in->instrument], in->bid_ticks + in->ask_ticks);
    if (in->kind == HP_INTENT_PLACE) hp_lane_works(l, in->strategy, in->instrument, 1);
    hp_lane_judge(l, in);
    const hp_order_t *o = l->client_sequence != before
        ? hp_orders_find(&l->orders, hp_client_id(l->epoch, l->lane, l->client_sequence)) : NULL;
    hp_pair_tell_order(l, in->strategy, in->instrument, o, NULL, HP_PAIR_CALL_NONE);
}

/* Intents of one step of the market half leave with one write. */
static inline void hp_peer_intent(hp_lane_t *l, const hp_pair_intent_t *said)
{
    if (HP_UNLIKELY(said->left > 0)) hp_lane_cork(l, said->left + 1);
    hp_peer_judge(l, said);
    if (HP_UNLIKELY(l->is_corked) && said->left == 0) hp_lane_uncork(l);
}

static inline void hp_peer_source(hp_lane_instrument_t *i, const hp_pair_picture_t *said)
{
    i->source = said->source;
    i->caution = said->caution;
    i->heard_state = said->book_state;
    i->spare = (hp_spare_t){ said->recv_ns, 0, said->bid_ticks, said->bid_lots, said->ask_ticks, said->ask_lots };
}

static inline void hp_peer_picture(hp_lane_t *l, const hp_pair_picture_t *said)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, said->instrument);
    if (i == NULL) return;
    l->pair->pictures[said->instrument] = *said;
    hp_peer_source(i, said);
    hp_peer_pace(l, said->instrument, said->mean_e4, said->trades_per_s);
    if (said->mark_e8 != 0) hp_pulse_mark(&l->gate.pulses[said->instrument], &i->about, said->mark_e8);
    if (said->book_state == HP_BOOK_SYNCED && said->bid_lots > 0 && said->ask_lots > 0)
        hp_peer_mid(l, i, said->bid_ticks + said->ask_ticks);
    if (said->is_lost) hp_lane_take_out(l, i, said->bound_ns);
}

/* Nobody watches the pictures any more (`bound_ns`: since when), or somebody new does. */
static inline void hp_peer_forget(hp_lane_t *l, uint64_t bound_ns)
{
    static const hp_pair_picture_t nothing = { .instrument = 0 };
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
        hp_lane_instrument_t *i = hp_lane_instrument(l, id);
        if (i == NULL) continue;
        hp_peer_source(i, &nothing);
        hp_lane_take_out(l, i, bound_ns);
    }
}

/* What the market lane's archive forbids is forbidden here: no order without a journal of why. */
static inline void hp_peer_lag(hp_lane_t *l, uint32_t words)
{
    l->own_words = (l->own_words & ~(uint32_t)HP_WORDS_LAG) | (words & HP_WORDS_LAG);
    hp_lane_obey(l);
}

static inline void hp_peer_market_hello(hp_lane_t *l, const hp_pair_hello_t *said)
{
    struct hp_pair *p = l->pair;
    if (p->peer_epoch != 0 && p->peer_epoch != said->epoch) {
        memset(p->pictures, 0, sizeof p->pictures);
        hp_peer_forget(l, 0);
        for (uint32_t n = 0; n < l->strategy_count; n++) l->strategies[n].is_halted = 0; /* fresh ones */
    }
    if (l->own_words & HP_WORDS_LAG) hp_peer_lag(l, 0);
    p->peer_epoch = said->epoch;
    p->taken = said->intent_id;
    p->is_mirror_due = 1;
}

static inline void hp_peer_halt(hp_lane_t *l, uint32_t strategy)
{
    if (strategy >= l->strategy_count) return;
    l->strategies[strategy].is_halted = 1;
    hp_lane_cancel_all(l, 0, (int32_t)strategy, HP_CANCEL_HALT);
}

/* -- the market half -------------------------------------------------------------------------- */

/* Every intent up to `taken` has been judged: it waits no more. */
static inline void hp_peer_taken(hp_lane_t *l, uint64_t taken)
{
    struct hp_pair *p = l->pair;
    while (p->pending_count > 0 && p->pending[p->pending_first].id <= taken) {
        const hp_pending_t *in = &p->pending[p->pending_first];
        if (in->instrument != 0) l->strategies[in->strategy].working[in->instrument]--;
        p->pending_first = (p->pending_first + 1) % HP_PENDING_MAX;
        p->pending_count--;
    }
}

/* Take an order into the mirror.  Returns it, NULL when there is none; *differs: from what was known. */
static inline hp_order_t *hp_peer_reflect(hp_lane_t *l, const hp_pair_order_t *said, int *differs)
{
    struct hp_pair *p = l->pair;
    hp_peer_taken(l, said->taken);
    p->is_armed = said->is_armed;
    if (said->strategy < l->strategy_count && said->instrument < HP_LANE_INSTRUMENTS_MAX) {
        hp_pair_working(l, said->strategy, said->instrument, said->working);
        p->named[said->strategy][said->instrument] = p->mirror_number;
    }
    *differs = 0;
    if (said->order.client_id == 0) return NULL;
    hp_order_t *o = hp_orders_find(&l->orders, said->order.client_id);
    if (o == NULL) o = hp_orders_add(&l->orders, said->order.client_id);
    else *differs = o->state != said->order.state || o->filled_lots != said->order.filled_lots;
    if (o == NULL) return NULL; /* cannot happen: this table is as large as the order lane's */
    *o = said->order;
    hp_orders_settle(&l->orders, o);
    p->confirmed[o - l->orders.slots] = p->mirror_number;
    return o;
}

static inline void hp_peer_call(hp_lane_t *l, uint32_t strategy, const hp_order_t *o, const hp_verdict_t *v)
{
    if (strategy >= l->strategy_count) return;
    const hp_strategy_t *s = &l->strategies[strategy];
    if (s->on_order != NULL && !s->is_halted) s->on_order(s->self, o, v);
}

static inline void hp_peer_order(hp_lane_t *l, const hp_pair_order_t *said)
{
    int differs;
    const hp_order_t *o = hp_peer_reflect(l, said, &differs);
    if (said->call == HP_PAIR_CALL_ORDER || (l->pair->is_in_mirror && differs))
        hp_peer_call(l, said->strategy, o, said->verdict.intent_id != 0 ? &said->verdict : NULL);
}

static inline void hp_peer_fill(hp_lane_t *l, const hp_pair_fill_t *said)
{
    int differs;
    const hp_order_t *o = hp_peer_reflect(l, &said->about, &differs);
    if (hp_lane_instrument(l, said->about.instrument) != NULL)
        l->page->positions[said->about.instrument] = said->position;
    if (o == NULL || said->about.strategy >= l->strategy_count) return;
    const hp_strategy_t *s = &l->strategies[said->about.strategy];
    l->pair->answer_ns = said->report.recv_ns;
    if (s->on_fill != NULL && !s->is_halted) s->on_fill(s->self, o, &said->report);
}

static inline void hp_peer_mirror(hp_lane_t *l, const hp_pair_hello_t *said)
{
    struct hp_pair *p = l->pair;
    p->is_believed = said->epoch == l->epoch;
    if (!p->is_believed) return; /* for another life: it is not for us */
    p->is_in_mirror = 1;
    p->mirror_number++;
    hp_peer_taken(l, said->intent_id);
}

/* Orders that the mirror did not name have ended while nobody listened: how, nobody here knows. */
static inline void hp_peer_mirror_end(hp_lane_t *l)
{
    struct hp_pair *p = l->pair;
    if (!p->is_in_mirror) return;
    for (uint32_t s = 0; s < l->strategy_count; s++)
        for (uint32_t id = 1; id < HP_LANE_INSTRUMENTS_MAX; id++)
            if (p->named[s][id] != p->mirror_number) hp_pair_working(l, s, id, 0);
    for (uint32_t n = l->orders.working_count; n-- > 0;) {
        hp_order_t *o = hp_orders_working(&l->orders, n);
        if (p->confirmed[o - l->orders.slots] == p->mirror_number) continue;
        o->state = HP_ORDER_NONE;
        hp_orders_settle(&l->orders, o);
        hp_peer_call(l, o->strategy, o, NULL);
    }
    p->is_in_mirror = 0;
    p->is_mirrored = 1;
    hp_count(&l->count->pair_mirrors, 1);
}

static inline void hp_peer_order_hello(hp_lane_t *l, const hp_pair_hello_t *said)
{
    struct hp_pair *p = l->pair;
    p->peer_epoch = said->epoch;
    p->is_armed = p->is_in_mirror = 0;
    p->lag = 0;
    hp_pair_greet(l);
    hp_pair_pictures(l, 1);
    for (uint32_t n = 0; n < l->strategy_count; n++)
        if (l->strategies[n].is_halted) hp_pair_halted(l, n);
}

/* -- the step --------------------------------------------------------------------------------- */

static inline void hp_peer_take_order_half(hp_lane_t *l, uint32_t kind, const void *data, size_t size)
{
    union { hp_pair_hello_t hello; hp_pair_intent_t intent; hp_pair_picture_t picture;
            hp_pair_ahead_t ahead; uint32_t word; } u;
    if (size > sizeof u) return;
    memcpy(&u, data, size);
    if (kind == HP_PAIR_INTENT && size == sizeof u.intent) hp_peer_intent(l, &u.intent);
    else if (kind == HP_PAIR_PICTURE && size == sizeof u.picture) hp_peer_picture(l, &u.picture);
    else if (kind == HP_PAIR_AHEAD && size == sizeof u.ahead) hp_lane_hear_ahead(l, &u.ahead);
    else if (kind == HP_PAIR_HALT && size == sizeof u.word) hp_peer_halt(l, u.word);
    else if (kind == HP_PAIR_LAG && size == sizeof u.word) hp_peer_lag(l, u.word);
    else if (kind == HP_PAIR_HELLO && size == sizeof u.hello) hp_peer_market_hello(l, &u.hello);
}

static inline void hp_peer_take_market_half(hp_lane_t *l, uint32_t kind, const void *data, size_t size)
{
    union { hp_pair_hello_t hello; hp_pair_position_t position; hp_pair_order_t order; hp_pair_fill_t fill; } u;
    if (size > sizeof u) return;
    memcpy(&u, data, size);
    if (kind == HP_PAIR_HELLO && size == sizeof u.hello) hp_peer_order_hello(l, &u.hello);
    else if (kind == HP_PAIR_MIRROR && size == sizeof u.hello) hp_peer_mirror(l, &u.hello);
    if (!l->pair->is_believed) return;
    if (kind == HP_PAIR_ORDER && size == sizeof u.order) hp_peer_order(l, &u.order);
    else if (kind == HP_PAIR_FILL && size == sizeof u.fill) hp_peer_fill(l, &u.fill);
    else if (kind == HP_PAIR_MIRROR_END) hp_peer_mirror_end(l);
    else if (kind == HP_PAIR_POSITION && size == sizeof u.position && hp_lane_instrument(l, u.position.instrument) != NULL)
        l->page->positions[u.position.instrument] = u.position.position;
}

/* The other lane's beat is overdue, or has come back. */
static inline void hp_peer_beat(hp_lane_t *l, uint32_t kind, const void *data, size_t size)
{
    struct hp_pair *p = l->pair;
    uint64_t bound_ns = 0;
    p->is_silent = kind == HP_PAIR_SILENT;
    if (size == sizeof bound_ns) memcpy(&bound_ns, data, sizeof bound_ns);
    if (p->is_silent) hp_count(&l->count->pair_silences, 1);
    if (l->role == HP_ROLE_MARKET) {
        if (p->is_silent) p->is_armed = 0;
        return;
    }
    if (p->is_silent) { hp_peer_forget(l, bound_ns); return; }
    for (uint32_t id = 1; id < HP_LANE_INSTRUMENTS_MAX; id++) {
        hp_lane_instrument_t *i = hp_lane_instrument(l, id);
        if (i != NULL) hp_peer_source(i, &p->pictures[id]); /* it judged them before it beat again */
    }
}

/* Take one record of the other lane. */
static inline void hp_lane_peer(hp_lane_t *l, uint32_t kind, const void *data, size_t size)
{
    if (l->pair == NULL) return;
    l->stamps.recv = 0;
    hp_lane_journal(l, HP_RECORD_PEER, kind, l->recv_ns, data, size);
    if (kind == HP_PAIR_SILENT || kind == HP_PAIR_BACK) hp_peer_beat(l, kind, data, size);
    else if (l->role == HP_ROLE_ORDER) hp_peer_take_order_half(l, kind, data, size);
    else hp_peer_take_market_half(l, kind, data, size);
    if (l->role != HP_ROLE_MARKET) return;
    hp_lane_decide(l);
    l->pair->answer_ns = 0;
}

/* Take what stands in a ring, up to a turn's worth.  A record is off the ring before it is acted on: no
 * life takes it twice. */
static inline uint32_t hp_lane_take_peer(hp_lane_t *l, hp_ring_t *ring)
{
    char copy[HP_PEER_RECORD_BYTES_MAX];
    uint32_t n = 0;
    for (; n < HP_PEER_RECORDS_PER_TURN; n++) {
        const hp_ring_record_t *record = hp_ring_peek(ring);
        if (record == NULL) break;
        uint32_t kind = record->kind, size = record->length;
        if (size <= sizeof copy) memcpy(copy, record + 1, size);
        hp_ring_pop(ring);
        hp_count(&l->count->pair_in, 1);
        if (size <= sizeof copy && kind < HP_PAIR_SILENT) hp_lane_peer(l, kind, copy, size);
    }
    if (HP_UNLIKELY(l->is_corked)) hp_lane_uncork(l); /* its writer died before the last one */
    hp_pair_flush(l);
    return n;
}

#endif
