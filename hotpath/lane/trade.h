/* trade.h - intents to requests, reports to orders: the order half of a lane's step.
 *
 * Owns:    placing, cancelling, inquiring, booking reports and fills, the timers of orders.
 * Refuses: decoding and books (market.h), sockets (Env), deciding what to trade (a strategy).
 *
 * Write-ahead: the intent, the verdict and the request are in the journal before Env.send is called. */
#ifndef HP_LANE_TRADE_H
#define HP_LANE_TRADE_H

#include <stdint.h>
#include <string.h>

#include "hotpath/lane/again.h"
#include "hotpath/lane/burst.h"
#include "hotpath/lane/core.h"
#include "hotpath/lane/governed.h"
#include "hotpath/lane/hand.h"
#include "hotpath/lane/hold.h"

#define HP_SHORT_GRACE_NS 300000000ull  /* a status may overtake the fills it counts */
#define HP_SHORT_RETRY_NS 1000000000ull
#define HP_WORDS_CANCEL_ALL (HP_WORD_KILL | HP_WORD_DRAIN | HP_WORD_STOP)
#define HP_WORDS_CANCEL_QUOTES (HP_WORD_FREEZE | HP_WORDS_LAG)

/* closing.h */
static inline void hp_lane_flatten_told(hp_lane_t *l, const hp_order_t *o, const hp_verdict_t *v);

/* park.h */
static inline int hp_lane_park(hp_lane_t *l, hp_order_t *o, const hp_request_t *q, const char *text, size_t size,
                               int64_t touch_ticks, uint64_t ttl_ns);
static inline int hp_lane_unpark(hp_lane_t *l, hp_order_t *o);
static inline void hp_lane_drop_replace(hp_lane_t *l, hp_order_t *o);

static inline void hp_lane_count_state(hp_lane_t *l, uint8_t state, int64_t n)
{
    hp_count(&l->count->order_states[state], (uint64_t)n);
}

static inline void hp_lane_works(hp_lane_t *l, uint32_t strategy, uint32_t instrument, int n)
{
    if (strategy < l->strategy_count) l->strategies[strategy].working[instrument] += (uint32_t)n;
}

/* An order that was counted as sent and came to nothing: refused by the venue's word, or never there. */
static inline void hp_lane_count_refused(hp_lane_t *l, const hp_order_t *o, int64_t n)
{
    if (o->state != HP_ORDER_REJECTED || o->sent_ns == 0) return;
    hp_count(o->flags & HP_ORDER_ABSENT ? &l->count->orders_absent : &l->count->orders_refused, (uint64_t)n);
}

/* Apply a report to an order and keep every derived figure true. */
static inline enum hp_moved hp_lane_apply(hp_lane_t *l, hp_order_t *o, const hp_report_t *r)
{
    uint8_t before = o->state;
    uint16_t flags = o->flags;
    int64_t price_ticks = o->price_ticks, lots = o->lots;
    int was_working = hp_order_is_working(before);
    hp_footprint_t footprint = hp_gate_footprint(&l->instruments[o->instrument].about, o);
    hp_lane_count_refused(l, o, -1);
    enum hp_moved moved = hp_order_apply(o, r, l->now_ns, l->read_lag_ns);
    hp_lane_count_refused(l, o, 1);
    hp_lane_tread(l, o, &footprint);
    if (moved == HP_MOVED_STATE || moved == HP_MOVED_FACT) {
        hp_own_move(&l->gate.own, o);
        hp_lane_hold(l, o);
    }
    if (HP_UNLIKELY(flags & ~o->flags & HP_ORDER_REPLACE_IN_FLIGHT)) {
        int is_asked = o->price_ticks == o->asked_ticks && o->lots == o->asked_lots;
        int is_new = is_asked && (r->kind == HP_REPORT_REPLACED || o->price_ticks != price_ticks || o->lots != lots);
        hp_count(is_new ? &l->count->replaced : &l->count->replaces_refused, 1);
    }
    if (moved == HP_MOVED_STATE) {
        if (HP_UNLIKELY(o->flags & HP_ORDER_ABSENT && o->state == HP_ORDER_REJECTED)) hp_lane_absent(l, o);
        int is_working = hp_order_is_working(o->state);
        hp_orders_settle(&l->orders, o);
        hp_lane_count_state(l, before, -1);
        hp_lane_count_state(l, o->state, 1);
        if (HP_UNLIKELY(o->cancel_sent_ns != 0) && (o->state == HP_ORDER_LIVE || o->state == HP_ORDER_PARTIAL))
            hp_lane_rest(l, o)->cancels = 0;
        if (was_working && !is_working) {
            hp_lane_works(l, o->strategy, o->instrument, -1);
            hp_own_remove(&l->gate.own, o);
        } else if (!was_working && is_working) {
            if (HP_UNLIKELY(before == HP_ORDER_REJECTED && flags & HP_ORDER_ABSENT)) hp_lane_revived(l, o);
            hp_lane_works(l, o->strategy, o->instrument, 1);
            hp_own_add(&l->gate.own, o);
        }
        const hp_instrument_t *about = &l->instruments[o->instrument].about;
        if (o->state == HP_ORDER_REJECTED && r->kind == HP_REPORT_REJECT) hp_gate_refused(&l->gate, about, o, l->now_ns);
        else if (o->state >= HP_ORDER_LIVE && o->state <= HP_ORDER_FILLED) hp_gate_accepted(&l->gate, about, o);
        switch (o->state) {
        case HP_ORDER_REJECTED: hp_count(&l->count->rejects, 1); break;
        case HP_ORDER_CANCELED: hp_count(&l->count->canceled, 1); break;
        case HP_ORDER_EXPIRED: hp_count(&l->count->expired, 1); break;
        case HP_ORDER_UNKNOWN: hp_count(&l->count->unknown, 1); break;
        default: break;
        }
    } else if (moved == HP_MOVED_REFUSED) {
        hp_count(&l->count->reports_refused, 1);
    }
    if (HP_UNLIKELY(l->role == HP_ROLE_ORDER)) hp_pair_changed(l, o);
    if (moved == HP_MOVED_STATE || moved == HP_MOVED_FACT)
        hp_lane_journal(l, HP_RECORD_ORDER, o->instrument, l->recv_ns, o, sizeof *o);
    hp_store_relaxed(&l->count->open_orders, l->orders.working_count);
    hp_store_relaxed(&l->count->unknown_now, l->count->order_states[HP_ORDER_UNKNOWN]);
    return moved;
}

static inline void hp_lane_tell(hp_lane_t *l, uint32_t strategy, const hp_order_t *o, const hp_verdict_t *v)
{
    if (HP_UNLIKELY(strategy == HP_STRATEGY_LANE)) { hp_lane_flatten_told(l, o, v); return; }
    if (strategy >= l->strategy_count) return;
    if (HP_UNLIKELY(l->role == HP_ROLE_ORDER)) {
        hp_pair_tell_order(l, strategy, o != NULL ? o->instrument : v->instrument, o, v, HP_PAIR_CALL_ORDER);
        return;
    }
    hp_strategy_t *s = &l->strategies[strategy];
    if (s->on_order != NULL && !s->is_halted) s->on_order(s->self, o, v);
}

/* Encode and journal one request into `text`, which has HP_FRAME_PAD_BYTES around it; its size, 0 = none.
 * No order is made of records that the journal refused. */
static inline size_t hp_lane_encode(hp_lane_t *l, hp_request_t *q, char *text)
{
    if (HP_UNLIKELY(hp_leader_lost(&l->gate, l->now_ns))) return 0; /* somebody else may be the writer */
    q->request_id = ++l->request_sequence;
    q->timestamp_ms = hp_lane_utc_ns(l) / 1000000u;
    size_t size = l->codec->encode(l->codec->state, q, text, HP_REQUEST_BYTES_MAX);
    if (size == 0) return 0;
    hp_lane_journal(l, HP_RECORD_REQUEST, q->instrument, l->recv_ns, text, size);
    return HP_UNLIKELY(l->is_broken && (q->kind == HP_REQUEST_PLACE || q->kind == HP_REQUEST_REPLACE)) ? 0 : size;
}

/* Send what has been encoded and journaled.  1 = on the wire. */
static inline int hp_lane_push(hp_lane_t *l, uint32_t instrument, char *text, size_t size)
{
    if (HP_LIKELY(l->env.send(l->env.self, text, size))) return 1;
    hp_lane_journal(l, HP_RECORD_UNSENT, instrument, l->recv_ns, text, 0);
    return 0;
}

static inline int hp_lane_send(hp_lane_t *l, hp_request_t *q)
{
    char *text = l->request + HP_FRAME_PAD_BYTES;
    size_t size = hp_lane_encode(l, q, text);
    if (size == 0 || !hp_lane_push(l, q->instrument, text, size)) return 0;
    hp_lane_asked(l, hp_lane_cost_of(q), q->request_id);
    return 1;
}

static inline void hp_lane_fill_request(hp_request_t *q, const hp_order_t *o, uint8_t kind)
{
    memset(q, 0, sizeof *q);
    q->kind = kind;
    q->client_id = o->client_id;
    q->venue_id = o->venue_id;
    q->instrument = o->instrument;
    q->side = o->side;
    q->position_side = o->position_side;
    q->type = o->type;
    q->time_in_force = o->time_in_force;
    q->post_only = (o->flags & HP_ORDER_POST_ONLY) != 0;
    q->reduce_only = (o->flags & HP_ORDER_REDUCE_ONLY) != 0;
    q->price_ticks = o->type == HP_TYPE_MARKET ? 0 : o->price_ticks; /* the gate's protection is no limit */
    q->lots = o->lots;
}

/* Is a cancel of this order on its way that must be given time? */
static inline int hp_lane_is_leaving(hp_lane_t *l, const hp_order_t *o)
{
    return o->cancel_sent_ns != 0 &&
           hp_order_is_leaving(o, l->now_ns, hp_cancel_wait_ns(hp_lane_rest(l, o)->cancels, l->cancel_again_ns, l->cancel_again_most_ns));
}

/* Requests of a former session have died with it, or somebody has set a word: what is to go goes again
 * without delay. */
static inline void hp_lane_cancels_anew(hp_lane_t *l)
{
    for (uint32_t n = 0; n < l->orders.working_count; n++) hp_lane_rest(l, hp_orders_working(&l->orders, n))->cancels = 0;
}

/* Mark an order and ask the venue to cancel it, whoever wants it gone; again while no answer comes, ever
 * more seldom, since each request costs weight: but without delay when the venue shows that it rests, by
 * a word, when a stronger cause comes and in another session.  Never not at all: nothing that is marked is forgotten.
 * Each order counts once; a request that repeats is a retry and no other cancel. */
static inline int hp_lane_cancel(hp_lane_t *l, hp_order_t *o, uint8_t cause)
{
    hp_request_t q;
    if (HP_UNLIKELY(l->role == HP_ROLE_MARKET)) return 0; /* a mirror: the order half cancels */
    if (!hp_order_is_working(o->state)) return 0;
    int before = hp_cancel_class(o->cancel_cause);
    if (hp_order_mark(o, cause)) hp_count(&l->page->flow.cancels[cause], 1);
    if (hp_cancel_class(o->cancel_cause) != before) hp_lane_rest(l, o)->cancels = 0;
    if (HP_UNLIKELY(o->flags & HP_ORDER_PARKED)) return hp_lane_unpark(l, o);
    if (o->state == HP_ORDER_PENDING || hp_lane_is_leaving(l, o)) return 0;
    if (!l->is_session_ready || hp_leader_lost(&l->gate, l->now_ns)) return 0;
    hp_lane_drop_replace(l, o);
    if (HP_UNLIKELY(!hp_lane_may_ask(l, HP_RANK_CANCEL, HP_COST_CANCEL))) return 0; /* its mark stands */
    int is_first = o->cancel_sent_ns == 0;
    hp_lane_fill_request(&q, o, HP_REQUEST_CANCEL);
    q.deadline_ms = l->deadline_ms;
    if (!hp_lane_send(l, &q)) { hp_count(&l->count->send_failures, 1); return 0; }
    o->flags |= HP_ORDER_CANCEL_IN_FLIGHT;
    o->cancel_sent_ns = l->now_ns;
    hp_lane_rest(l, o)->cancels += hp_lane_rest(l, o)->cancels < UINT8_MAX;
    hp_count(is_first ? &l->count->cancels_sent : &l->count->cancel_retries, 1);
    if (is_first) hp_gate_cancelled(&l->gate, &l->instruments[o->instrument].about, o, l->now_ns);
    return 1;
}

/* Cancel what works: all of it (instrument 0), or of one instrument, or of one strategy. */
static inline void hp_lane_cancel_all(hp_lane_t *l, uint32_t instrument, int32_t strategy, uint8_t cause)
{
    int is_burst = hp_lane_cork(l, l->orders.working_count);
    for (uint32_t n = 0; n < l->orders.working_count; n++) {
        hp_order_t *o = hp_orders_working(&l->orders, n);
        if ((instrument == 0 || o->instrument == instrument) && (strategy < 0 || o->strategy == (uint32_t)strategy)) {
            hp_lane_cancel(l, o, cause);
            if (!hp_order_is_working(o->state)) n--; /* a parked one has ended: another stands in its place */
        }
    }
    if (is_burst) hp_lane_uncork(l);
}

/* Must this order go, by the words that stand?  A freeze takes quotes: what only reduces may rest. */
static inline int hp_lane_must_go(const hp_lane_t *l, const hp_order_t *o)
{
    if (l->gate.words & HP_WORDS_CANCEL_ALL) return 1;
    if (l->gate.words & HP_WORD_FLATTEN) return o->strategy != HP_STRATEGY_LANE;
    return l->gate.words & HP_WORDS_CANCEL_QUOTES && !(o->flags & HP_ORDER_REDUCE_ONLY);
}

/* Obey: what strategies see, what the gate judges by, what must go goes. */
static inline void hp_lane_obey(hp_lane_t *l)
{
    l->gate.words = l->asked_words | l->own_words;
    l->page->words = l->gate.words;
    int is_burst = hp_lane_cork(l, l->gate.words != 0 ? l->orders.working_count : 0);
    for (uint32_t n = 0; n < l->orders.working_count; n++) {
        hp_order_t *o = hp_orders_working(&l->orders, n);
        if (hp_lane_must_go(l, o)) hp_lane_cancel(l, o, HP_CANCEL_WORD);
        if (!hp_order_is_working(o->state)) n--; /* a parked one has ended: another stands in its place */
    }
    if (is_burst) hp_lane_uncork(l);
}

/* Journal a verdict; before anything that it permits is sent. */
static inline void hp_lane_say_verdict(hp_lane_t *l, const hp_verdict_t *v)
{
    hp_lane_journal(l, HP_RECORD_VERDICT, v->instrument, l->recv_ns, v, sizeof *v);
}

static inline void hp_lane_place(hp_lane_t *l, const hp_intent_t *in, hp_verdict_t *v)
{
    hp_request_t q;
    hp_order_t *o = hp_orders_add(&l->orders, hp_client_id(l->epoch, l->lane, ++l->client_sequence));
    if (HP_UNLIKELY(o == NULL)) { hp_verdict_set(v, HP_VERDICT_TABLE_FULL, l->orders.working_count, l->orders.capacity); return; }
    v->client_id = o->client_id;
    o->intent_id = in->id;
    o->strategy = in->strategy;
    o->account = in->account;
    o->instrument = in->instrument;
    o->side = in->side;
    o->position_side = in->position_side;
    o->type = in->type;
    o->time_in_force = in->time_in_force;
    o->flags = (uint16_t)((in->post_only ? HP_ORDER_POST_ONLY : 0) | (in->reduce_only ? HP_ORDER_REDUCE_ONLY : 0));
    o->price_ticks = in->price_ticks;
    o->lots = in->lots;
    o->tries = in->tries;
    o->parent = in->parent;
    hp_lane_rest_begin(l, o, in);
    uint64_t deadline_ns = in->deadline_ns != 0 ? in->deadline_ns : l->deadline_ms * 1000000u;
    o->deadline_ns = v->now_ns + deadline_ns;
    o->stamps = l->stamps;
    o->touch_ticks = hp_reserve_touch(&l->instruments[in->instrument].about, in);
    hp_lane_count_state(l, HP_ORDER_PENDING, 1);
    hp_lane_expose(l, o, 1);
    hp_lane_hold(l, o);
    hp_own_add(&l->gate.own, o);
    hp_gate_placed(&l->gate, &l->instruments[o->instrument].about, &l->instruments[o->instrument].limits, o, v->now_ns);

    hp_lane_fill_request(&q, o, HP_REQUEST_PLACE);
    q.deadline_ms = deadline_ns / 1000000u;
    q.self_trade_mode = in->self_trade_mode;
    hp_lane_say_verdict(l, v);
    char *text = l->request + HP_FRAME_PAD_BYTES;
    size_t size = hp_lane_encode(l, &q, text);
    int waits = l->durable >> in->strategy & 1;
    if (HP_UNLIKELY(waits) && size != 0 && hp_lane_park(l, o, &q, text, size, 0, 0)) return;
    int sent = !waits && size != 0 && hp_lane_push(l, o->instrument, text, size);
    if (HP_LIKELY(sent)) {
        hp_lane_stamp_sent(l, o);
        hp_lane_asked(l, hp_lane_cost_of(&q), q.request_id);
        o->sent_ns = v->now_ns;
    }
    hp_report_t own;
    memset(&own, 0, sizeof own);
    own.kind = sent ? HP_REPORT_SENT : HP_REPORT_SEND_FAILED;
    hp_lane_apply(l, o, &own);
    if (sent) {
        hp_count(&l->count->orders_sent, 1);
    } else {
        hp_count(&l->count->send_failures, 1);
        hp_verdict_set(v, HP_VERDICT_SEND_FAILED, 0, 1);
        hp_lane_tell(l, in->strategy, o, v);
    }
}

/* An order whose exposure was taken out is another one now: put it back everywhere. */
static inline void hp_lane_changed(hp_lane_t *l, hp_order_t *o)
{
    hp_lane_expose(l, o, 1);
    hp_own_move(&l->gate.own, o);
    hp_lane_hold(l, o);
}

/* A change of an order that was not sent, not a byte of it: the order is what it was. */
static inline void hp_lane_unreplace(hp_lane_t *l, hp_order_t *o, int64_t touch_ticks)
{
    hp_lane_expose(l, o, -1);
    o->flags &= (uint16_t)~HP_ORDER_REPLACE_IN_FLIGHT;
    o->touch_ticks = touch_ticks;
    hp_lane_changed(l, o);
    hp_lane_journal(l, HP_RECORD_ORDER, o->instrument, l->recv_ns, o, sizeof *o);
}

static inline void hp_lane_replaced_sent(hp_lane_t *l, hp_order_t *o, uint32_t cost, uint64_t request_id, uint64_t ttl_ns)
{
    hp_lane_asked(l, cost, request_id);
    hp_lane_rest_replace(l, o, ttl_ns);
    hp_count(&l->count->replaces_sent, 1);
}

/* Ask the venue to give a resting order another price and size.  From here on until evidence the worse
 * of both is exposed and held.  One change at a time: what a late answer means is then never in doubt. */
static inline void hp_lane_replace(hp_lane_t *l, hp_order_t *o, const hp_intent_t *in, hp_verdict_t *v)
{
    hp_request_t q;
    const uint16_t busy = HP_ORDER_CANCEL_IN_FLIGHT | HP_ORDER_REPLACE_IN_FLIGHT;
    int is_same_kind = in->side == o->side && in->position_side == o->position_side && in->type == o->type &&
                       o->type == HP_TYPE_LIMIT;
    if ((o->state != HP_ORDER_LIVE && o->state != HP_ORDER_PARTIAL) || (o->flags & busy) || !is_same_kind || o->cancel_cause != HP_CANCEL_NONE) {
        hp_verdict_set(v, HP_VERDICT_ORDER_BUSY, o->state, o->flags & busy);
        return;
    }
    const hp_lane_instrument_t *i = &l->instruments[o->instrument];
    if (in->lots > i->limits.order_lots_max) { hp_verdict_set(v, HP_VERDICT_ORDER_LIMIT, in->lots, i->limits.order_lots_max); return; }
    if (i->about.size_max_lots > 0 && in->lots > i->about.size_max_lots) {
        hp_verdict_set(v, HP_VERDICT_SIZE_RANGE, in->lots, i->about.size_max_lots);
        return;
    }
    if (!l->is_session_ready) { hp_verdict_set(v, HP_VERDICT_SEND_FAILED, 0, 1); return; }
    uint64_t deadline_ns = in->deadline_ns != 0 ? in->deadline_ns : l->deadline_ms * 1000000u;
    int64_t touch_ticks = o->touch_ticks;
    hp_lane_expose(l, o, -1);
    o->asked_ticks = in->price_ticks;
    o->asked_lots = in->lots;
    o->touch_ticks = hp_reserve_touches(&i->about, in, o);
    o->replace_deadline_ns = v->now_ns + deadline_ns;
    o->replace_request = l->request_sequence + 1;
    o->flags |= HP_ORDER_REPLACE_IN_FLIGHT;
    hp_lane_changed(l, o);

    hp_lane_fill_request(&q, o, HP_REQUEST_REPLACE);
    q.price_ticks = in->price_ticks;
    q.lots = in->lots;
    q.deadline_ms = deadline_ns / 1000000u;
    hp_lane_say_verdict(l, v);
    hp_lane_journal(l, HP_RECORD_ORDER, o->instrument, l->recv_ns, o, sizeof *o);
    char *text = l->request + HP_FRAME_PAD_BYTES;
    size_t size = hp_lane_encode(l, &q, text);
    int waits = l->durable >> in->strategy & 1;
    if (HP_UNLIKELY(waits) && size != 0 && hp_lane_park(l, o, &q, text, size, touch_ticks, in->ttl_ns)) {
        hp_gate_placed(&l->gate, &i->about, &i->limits, o, v->now_ns);
        return;
    }
    if (HP_LIKELY(!waits && size != 0 && hp_lane_push(l, o->instrument, text, size))) {
        hp_lane_replaced_sent(l, o, hp_lane_cost_of(&q), q.request_id, in->ttl_ns);
        hp_gate_placed(&l->gate, &i->about, &i->limits, o, v->now_ns);
        return;
    }
    hp_lane_unreplace(l, o, touch_ticks);
    hp_count(&l->count->send_failures, 1);
    hp_verdict_set(v, HP_VERDICT_SEND_FAILED, 0, 1);
}

/* Cancel what rests in the way of an intent that waits for it; its sender asks again. */
static inline void hp_lane_make_way(hp_lane_t *l, const hp_intent_t *in)
{
    int smaller_only = l->gate.rule.self_trade == HP_SELF_TRADE_SMALLEST;
    for (uint32_t n = 0; n < l->orders.working_count; n++) {
        hp_order_t *o = hp_orders_working(&l->orders, n);
        if (o->account != in->account || o->instrument != in->instrument || o->side == in->side) continue;
        if (!hp_own_meets(in->side, in->type, in->price_ticks, o)) continue;
        if (smaller_only && o->lots - o->filled_lots >= in->lots) continue;
        hp_lane_cancel(l, o, HP_CANCEL_OWN);
        if (!hp_order_is_working(o->state)) n--; /* a parked one has ended: another stands in its place */
    }
}

static inline void hp_lane_count_warnings(hp_lane_t *l, uint64_t warnings)
{
    for (; warnings != 0; warnings &= warnings - 1) hp_count(&l->page->warnings[__builtin_ctzll(warnings)], 1);
}

/* Another time to live for an order: it sends nothing, so no check of the gate applies but whose it is. */
static inline void hp_lane_retime(hp_lane_t *l, const hp_intent_t *in, hp_verdict_t *v)
{
    hp_order_t *o = hp_orders_find(&l->orders, in->target);
    memset(v, 0, sizeof *v);
    v->intent_id = in->id;
    v->client_id = in->target;
    v->instrument = in->instrument;
    v->now_ns = l->env.now(l->env.self);
    v->words = l->gate.words;
    if (o == NULL || !hp_order_is_working(o->state)) {
        hp_verdict_set(v, HP_VERDICT_UNKNOWN_ORDER, o == NULL ? 0 : o->state, 0);
    } else if (o->strategy != in->strategy || o->account != in->account) {
        hp_verdict_set(v, HP_VERDICT_NOT_ALLOWED, in->kind, 0);
    } else {
        hp_verdict_set(v, HP_PASS, 0, 0);
        hp_lane_rest_begin(l, o, in);
        hp_count(&l->page->flow.ttl_changes, 1);
    }
}

/* Judge a replace: what is still to come of the new version, as if the old one were not there. */
static inline void hp_lane_judge_replace(hp_lane_t *l, const hp_intent_t *in, hp_order_t *o, hp_verdict_t *v)
{
    hp_lane_instrument_t *i = &l->instruments[in->instrument];
    int is_there = o != NULL && o->instrument == in->instrument && hp_order_is_working(o->state);
    hp_intent_t rest = *in;
    if (is_there) {
        rest.lots -= o->filled_lots;
        l->gate.target = o;
        hp_lane_expose(l, o, -1);
    }
    hp_gate_check(&l->gate, &rest, &i->about, &i->limits, &l->page->positions[in->instrument], &i->exposure,
                  l->env.now(l->env.self), v);
    if (is_there) hp_lane_expose(l, o, 1);
    l->gate.target = NULL;
}

/* Judge one intent and do what the verdict permits; the market half of a pair hands it over instead. */
static inline void hp_lane_judge(hp_lane_t *l, const hp_intent_t *in)
{
    if (HP_UNLIKELY(l->role == HP_ROLE_MARKET)) { hp_pair_intent(l, in); return; }
    hp_lane_instrument_t *i = &l->instruments[in->instrument];
    hp_order_t *o = in->kind == HP_INTENT_PLACE ? NULL : hp_orders_find(&l->orders, in->target);
    int is_replace = in->kind == HP_INTENT_REPLACE;
    hp_verdict_t v;
    if (HP_UNLIKELY(in->kind == HP_INTENT_TIME)) hp_lane_retime(l, in, &v);
    else if (HP_UNLIKELY(is_replace)) hp_lane_judge_replace(l, in, o, &v);
    else
        hp_gate_check(&l->gate, in, &i->about, &i->limits, &l->page->positions[in->instrument], &i->exposure,
                      l->env.now(l->env.self), &v);
    l->stamps.gated = l->env.tsc(l->env.self);
    hp_lane_journal(l, HP_RECORD_INTENT, in->instrument, l->recv_ns, in, sizeof *in);
    if (HP_UNLIKELY(v.warnings != 0)) hp_lane_count_warnings(l, v.warnings);
    if (HP_UNLIKELY(is_replace)) v.client_id = in->target;
    if (v.verdict == HP_PASS && in->kind == HP_INTENT_PLACE) {
        if (l->is_session_ready) hp_lane_place(l, in, &v);
        else hp_verdict_set(&v, HP_VERDICT_SEND_FAILED, 0, 1);
    } else if (v.verdict == HP_PASS && in->kind == HP_INTENT_TIME) {
        hp_lane_say_verdict(l, &v);
    } else if (v.verdict == HP_PASS) {
        v.client_id = in->target;
        if (o == NULL || !hp_order_is_working(o->state) || o->instrument != in->instrument) {
            hp_verdict_set(&v, HP_VERDICT_UNKNOWN_ORDER, o == NULL ? 0 : o->state, 0);
        } else if (in->kind == HP_INTENT_CANCEL) {
            hp_lane_say_verdict(l, &v);
            if (hp_lane_is_leaving(l, o)) hp_count(&l->page->flow.cancels_merged, 1);
            hp_lane_cancel(l, o, hp_cancel_advice(in->reason));
        } else {
            hp_lane_replace(l, o, in, &v);
        }
    }
    if (HP_UNLIKELY(v.verdict == HP_VERDICT_SELF_TRADE && v.retry_ns != 0)) hp_lane_make_way(l, in);
    hp_gate_settle(&l->gate, &i->about, in->account & (HP_GATE_ACCOUNTS - 1), in->strategy, v.now_ns);
    /* the intent counted as working while it stood in the queue; an order counts for itself */
    if (in->kind == HP_INTENT_PLACE && v.client_id == 0) hp_lane_works(l, in->strategy, in->instrument, -1);
    hp_count(&l->page->verdicts[v.verdict], 1);
    if (HP_UNLIKELY(v.dimension != 0)) hp_gate_refused_share(&l->gate, &v);
    if (v.client_id == 0 || v.verdict != HP_PASS) {
        hp_lane_say_verdict(l, &v);
        if (v.client_id == 0 || is_replace) hp_lane_tell(l, in->strategy, is_replace ? o : NULL, &v);
    }
    hp_lane_check_funds(l);
}

/* Judge the intents that stand in the queue now.  What a verdict's callback emits waits for the next
 * call: no intent can chase its own refusal inside one turn. */
static inline void hp_lane_decide(hp_lane_t *l)
{
    uint32_t count = l->intent_count;
    if (HP_UNLIKELY(l->env.intent != NULL)) { /* re-run: what the strategies wanted then */
        for (const hp_intent_t *in; (in = l->env.intent(l->env.self)) != NULL;) hp_lane_judge(l, in);
        count = 0;
    }
    int is_burst = hp_lane_cork(l, count);
    for (uint32_t n = 0; n < count; n++) {
        if (HP_UNLIKELY(l->role == HP_ROLE_MARKET)) l->pair->left = count - n - 1;
        hp_lane_judge(l, &l->intents[n]);
    }
    if (HP_UNLIKELY(is_burst)) hp_lane_uncork(l);
    if (HP_UNLIKELY(count > 0)) {
        l->intent_count -= count;
        if (HP_UNLIKELY(l->intent_count > 0))
            memmove(l->intents, l->intents + count, l->intent_count * sizeof l->intents[0]);
    }
    if (HP_UNLIKELY(l->role == HP_ROLE_ORDER)) hp_pair_flush(l);
}

/* A strategy failed: it is asked nothing any more, and its orders go. */
static inline void hp_lane_halt(hp_lane_t *l, uint32_t strategy)
{
    hp_lane_journal(l, HP_RECORD_HALT, strategy, l->recv_ns, &strategy, sizeof strategy);
    l->strategies[strategy].is_halted = 1;
    hp_count(&l->count->strategy_halted, 1);
    if (HP_UNLIKELY(l->role == HP_ROLE_MARKET)) hp_pair_halted(l, strategy);
    else hp_lane_cancel_all(l, 0, (int32_t)strategy, HP_CANCEL_HALT);
}

/* Ask the venue about an order: once per inquiry_ns, and as the lane's own rate allows; what must wait is
 * marked, and the sweep asks for the one that has waited longest. */
static inline void hp_lane_inquire(hp_lane_t *l, hp_order_t *o)
{
    hp_request_t q;
    o->flags |= HP_ORDER_INQUIRY_DUE;
    if (!l->is_session_ready || hp_leader_lost(&l->gate, l->now_ns) || (o->inquiry_ns != 0 && l->now_ns - o->inquiry_ns < l->inquiry_ns)) return;
    if (hp_bucket_wait(&l->inquiries, 1, l->now_ns, 1) != 0) return;
    /* a cancel that met nothing leaves as much unknown as UNKNOWN itself: nothing else ends such an order */
    if (HP_UNLIKELY(!hp_lane_may_ask(l, HP_RANK_REDUCE, HP_COST_STATUS))) return;
    hp_lane_fill_request(&q, o, HP_REQUEST_STATUS);
    q.deadline_ms = l->deadline_ms;
    if (!hp_lane_send(l, &q)) { hp_count(&l->count->send_failures, 1); return; }
    hp_bucket_take(&l->inquiries, 1, l->now_ns);
    o->inquiry_ns = l->now_ns;
    o->flags = (uint16_t)((o->flags | HP_ORDER_INQUIRY_IN_FLIGHT) & ~HP_ORDER_INQUIRY_DUE);
    hp_count(&l->count->inquiries, 1);
}

/* Is there something about this order that only the venue can tell? */
static inline int hp_lane_is_asking(const hp_lane_t *l, const hp_order_t *o)
{
    if (o->state == HP_ORDER_UNKNOWN || (o->flags & HP_ORDER_INQUIRY_DUE)) return 1;
    if ((o->flags & HP_ORDER_CANCEL_IN_FLIGHT) && l->now_ns - o->cancel_sent_ns > l->ack_timeout_ns) return 1;
    return (o->flags & HP_ORDER_REPLACE_IN_FLIGHT) && l->now_ns > o->replace_deadline_ns;
}

/* Fills that the venue counts and we have not booked: look again after a grace, then fetch them. */
static inline void hp_lane_said(hp_lane_t *l, const hp_order_t *o)
{
    if (hp_order_missing_lots(o) > 0 && l->short_ns == 0) l->short_ns = l->now_ns + HP_SHORT_GRACE_NS;
}

/* An event names no trade: the venue's list does. */
static inline void hp_lane_want_trades(hp_lane_t *l, hp_lane_instrument_t *i)
{
    i->trades_wanted = 1;
    if (l->short_ns == 0) l->short_ns = l->now_ns + HP_SHORT_GRACE_NS;
}

static inline void hp_lane_short_timer(hp_lane_t *l)
{
    uint64_t again = 0;
    if (HP_LIKELY(l->short_ns == 0 || l->now_ns < l->short_ns)) return;
    for (uint32_t slot = 0; slot < l->orders.used; slot++)
        if (hp_order_missing_lots(&l->orders.slots[slot]) > 0)
            l->instruments[l->orders.slots[slot].instrument].trades_wanted = 1;
    for (uint32_t id = 1; id < HP_LANE_INSTRUMENTS_MAX; id++) {
        if (!l->instruments[id].trades_wanted) continue;
        l->instruments[id].trades_wanted = 0;
        again = l->now_ns + HP_SHORT_RETRY_NS;
        l->env.want(l->env.self, HP_WANT_TRADES, id);
    }
    l->short_ns = again;
}

/* Book a fill into its position, once.  `o` is NULL for an order that is not ours or that the table has
 * forgotten: its fill moves the position all the same.  The record says all that a successor needs. */
static inline void hp_lane_book_fill(hp_lane_t *l, hp_order_t *o, const hp_report_t *r)
{
    uint32_t instrument = o != NULL ? o->instrument : r->instrument, account = o != NULL ? o->account : 0;
    uint8_t side = o != NULL ? o->side : r->side, position_side = o != NULL ? o->position_side : r->position_side;
    hp_lane_instrument_t *i = hp_lane_instrument(l, instrument);
    if (i == NULL || (side != HP_SIDE_BUY && side != HP_SIDE_SELL) || position_side >= HP_POSITION_SIDE_COUNT) {
        hp_count(&l->count->reports_refused, 1);
        return;
    }
    if (HP_UNLIKELY(r->trade_id == 0)) {
        hp_lane_want_trades(l, i);
        return;
    }
    if ((i->opening_cut != 0 && r->trade_id <= i->opening_cut) ||
        !hp_fills_take(l->fills, account, instrument, r->trade_id, side)) {
        hp_count(&l->count->fills_duplicate, 1);
        if (o != NULL && (o->flags & HP_ORDER_ADOPTED) && r->request == HP_REQUEST_STATUS && r->last_lots > 0 &&
            r->last_lots <= o->said_lots - o->filled_lots)
            hp_lane_apply(l, o, r); /* booked before the order's own venue id was known: the order lacks it */
        return;
    }
    hp_lane_position_t *p = &l->page->positions[instrument];
    if (r->last_lots <= 0 || !hp_position_fill(p, &i->about, position_side, side, r->last_ticks, r->last_lots,
                                               hp_position_fee(&i->about, r->asset, r->fee_e8))) {
        hp_count(&l->count->reports_refused, 1);
        hp_lane_break(l); /* a fill that cannot be booked */
        return;
    }
    p->venue_pnl_e8 += r->pnl_e8;
    hp_lane_margin(l, instrument);
    hp_lane_settle(l, &i->about, side, r);
    if (o != NULL) {
        hp_lane_apply(l, o, r);
        hp_lane_said(l, o);
    }
    hp_gate_filled(&l->gate, &i->about, &i->exposure, p, o, r, l->strategy_count, l->now_ns);
    hp_report_t full = *r;
    full.instrument = instrument;
    full.account = account;
    full.side = side;
    full.position_side = position_side;
    if (o != NULL) full.client_id = o->client_id;
    hp_lane_journal(l, HP_RECORD_FILL, instrument, l->recv_ns, &full, sizeof full);
    hp_count(&l->count->fills, 1);
    l->fill_recv = l->stamps.recv;
    hp_count(side == HP_SIDE_BUY ? &l->count->fills_buy : &l->count->fills_sell, 1);
    if (o == NULL) hp_count(&l->count->fills_foreign, 1);
    if (o != NULL && o->strategy == HP_STRATEGY_LANE) hp_lane_flatten_told(l, o, NULL);
    if (r->request == HP_REQUEST_STATUS) hp_count(&l->count->fills_recovered, 1); /* fetched, not told */
    if (HP_UNLIKELY(l->role == HP_ROLE_ORDER)) {
        if (o != NULL) hp_pair_tell_fill(l, o, r);
    } else if (o != NULL && o->strategy < l->strategy_count) {
        hp_strategy_t *s = &l->strategies[o->strategy];
        if (s->on_fill != NULL && !s->is_halted) s->on_fill(s->self, o, r);
    }
}

/* A trade of the venue's list that fits no order by its venue id may belong to one whose id we have not
 * been told: then wait until no such order is left.  1 = not to be booked now. */
static inline int hp_lane_could_be(hp_lane_t *l, const hp_report_t *r)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, r->instrument);
    if (i == NULL || hp_fills_know(l->fills, 0, r->instrument, r->trade_id, r->side)) return 0;
    for (uint32_t n = 0; n < l->orders.working_count; n++) {
        const hp_order_t *o = hp_orders_working(&l->orders, n);
        if (o->venue_id != 0 || o->instrument != r->instrument || o->side != r->side) continue;
        i->trades_wanted = 1;
        if (l->short_ns == 0) l->short_ns = l->now_ns + HP_SHORT_RETRY_NS;
        return 1;
    }
    return 0;
}

/* Take one report of the venue. */
static inline void hp_lane_take_report(hp_lane_t *l, const hp_report_t *r)
{
    hp_count(&l->count->reports, 1);
    if (r->request_id != 0 && r->request != HP_REQUEST_LOGON) hp_governor_answered(&l->gate.quota, r->request_id);
    switch (r->kind) {
    case HP_REPORT_QUOTA:
        hp_lane_quota_report(l, r);
        return;
    case HP_REPORT_NONE:
    case HP_REPORT_CONTROL:
        return;
    case HP_REPORT_SESSION:
        l->is_session_ready = r->error == HP_ERROR_NONE;
        if (!l->is_session_ready) l->env.want(l->env.self, HP_WANT_LOGON, 1);
        hp_lane_cancels_anew(l);
        return;
    case HP_REPORT_STREAM_END:
        l->is_user_ready = 0;
        l->env.want(l->env.self, HP_WANT_LISTEN_KEY, 1);
        return;
    case HP_REPORT_POSITION:
        if (hp_lane_instrument(l, r->instrument) != NULL && r->position_side < HP_POSITION_SIDE_COUNT)
            l->page->positions[r->instrument].venue_lots[r->position_side] = r->position_lots;
        return;
    case HP_REPORT_BALANCE:
        hp_lane_balance(l, r);
        return;
    default:
        break;
    }
    hp_order_t *o = r->foreign ? NULL : hp_orders_find(&l->orders, r->client_id);
    if (o == NULL && r->client_id == 0 && !r->foreign) o = hp_orders_find_venue(&l->orders, r->instrument, r->venue_id);
    if (o == NULL && r->kind == HP_REPORT_FILL && r->request == HP_REQUEST_STATUS && hp_lane_could_be(l, r)) return;
    if (o == NULL && (r->kind != HP_REPORT_FILL || (r->client_id == 0 && !r->foreign && r->request != HP_REQUEST_STATUS))) {
        hp_count(r->foreign ? &l->count->foreign_reports : &l->count->reports_refused, 1);
        if (r->foreign && r->kind == HP_REPORT_ACK && r->request == HP_REQUEST_NONE) hp_lane_quota_foreign(l);
        return;
    }
    if (r->kind == HP_REPORT_FILL) {
        hp_lane_book_fill(l, o, r);
        return;
    }
    if (r->kind == HP_REPORT_CANCEL_REJECT && r->error == HP_ERROR_UNKNOWN_ORDER && hp_order_is_working(o->state))
        o->inquiry_ns = 0; /* gone, or not yet there: ask now, decide on evidence */
    if (r->kind == HP_REPORT_ACK && o->stamps.ack == 0 && o->stamps.sent != 0) {
        o->stamps.ack = l->stamps.recv;
        hp_count(&l->count->acks, 1);
        if (o->stamps.ack >= o->stamps.sent)
            hp_histogram_record(&l->page->hops[HP_HOP_ACK], hp_tsc_to_ns(&l->page->calibration, o->stamps.ack - o->stamps.sent));
    }
    uint16_t flags = o->flags;
    enum hp_moved moved = hp_lane_apply(l, o, r);
    hp_lane_said(l, o);
    if (hp_order_is_working(o->state) &&
        ((r->kind == HP_REPORT_CANCEL_REJECT && r->error == HP_ERROR_UNKNOWN_ORDER) ||
         (r->kind == HP_REPORT_AMBIGUOUS && r->request == HP_REQUEST_REPLACE)))
        hp_lane_inquire(l, o);
    if (moved == HP_MOVED_STATE || r->kind == HP_REPORT_CANCEL_REJECT || (flags & ~o->flags & HP_ORDER_REPLACE_IN_FLIGHT))
        hp_lane_tell(l, o->strategy, o, NULL);
}

static inline void hp_lane_report(hp_lane_t *l, const hp_report_t *r)
{
    hp_lane_take_report(l, r);
    hp_lane_check_funds(l);
}

/* One frame of the order session or the user stream. */
static inline void hp_lane_report_frame(hp_lane_t *l, uint32_t socket, const char *data, size_t size)
{
    hp_report_t reports[16];
    hp_lane_journal(l, HP_RECORD_REPORT_FRAME, socket, l->recv_ns, data, size);
    int n = l->codec->decode_reports(l->codec->state, data, size, reports, 16);
    if (n < 0) { hp_count(&l->count->reports_bad, 1); return; }
    for (int k = 0; k < n; k++) {
        reports[k].recv_ns = l->recv_ns;
        hp_lane_report(l, &reports[k]);
    }
    hp_lane_decide(l);
}

/* A limit of 0 for an order freezes its scope: what rests there and could grow a position goes too. */
static inline int hp_lane_is_frozen(hp_lane_t *l, const hp_order_t *o)
{
    hp_scope_t *scopes[4];
    if (o->flags & HP_ORDER_REDUCE_ONLY) return 0;
    hp_gate_scopes(&l->gate, &l->instruments[o->instrument].about, o->account, o->strategy, scopes);
    for (int n = 0; n < 4; n++)
        if (HP_UNLIKELY(scopes[n]->limit.order_notional_e8_max == 0)) return 1;
    return 0;
}

/* Why must this order go now?  What is marked goes on until it has ended; its time to live is asked last. */
static inline uint8_t hp_lane_cause(hp_lane_t *l, const hp_order_t *o)
{
    if (HP_UNLIKELY(hp_lane_must_go(l, o) || hp_lane_is_frozen(l, o))) return HP_CANCEL_WORD;
    int is_over = o->expire_ns != 0 && l->now_ns >= o->expire_ns;
    if (is_over && hp_lane_expiry(l, o) == HP_CANCEL_EMERGENCY) return HP_CANCEL_EMERGENCY;
    if (o->cancel_cause != HP_CANCEL_NONE) return o->cancel_cause;
    return is_over || (o->flags & HP_ORDER_PARKED && l->now_ns >= o->deadline_ns) ? HP_CANCEL_TTL : HP_CANCEL_NONE;
}

/* Sweep of the order timers, at most once a millisecond; one inquiry a sweep, for who waits longest. */
static inline void hp_lane_order_timers(hp_lane_t *l)
{
    int look = hp_lane_look_due(l), is_burst = hp_lane_cork(l, l->orders.working_count);
    hp_order_t *asking = NULL;
    for (uint32_t n = 0; n < l->orders.working_count; n++) {
        hp_order_t *o = hp_orders_working(&l->orders, n);
        if (o->state == HP_ORDER_SENT && l->now_ns - o->sent_ns > l->ack_timeout_ns) {
            hp_report_t own;
            memset(&own, 0, sizeof own);
            own.kind = HP_REPORT_TIMEOUT;
            if (hp_lane_apply(l, o, &own) == HP_MOVED_STATE) hp_lane_tell(l, o->strategy, o, NULL);
        }
        if (HP_UNLIKELY(look)) hp_lane_rest_look(l, o);
        if (HP_UNLIKELY(l->parked_count != 0 && l->now_ns >= o->replace_deadline_ns)) hp_lane_drop_replace(l, o);
        uint8_t cause = hp_lane_cause(l, o);
        if (cause != HP_CANCEL_NONE) hp_lane_cancel(l, o, cause);
        if (!hp_order_is_working(o->state)) { n--; continue; } /* a parked one has ended */
        if (hp_lane_is_asking(l, o) && (asking == NULL || o->inquiry_ns < asking->inquiry_ns)) asking = o;
    }
    if (asking != NULL) hp_lane_inquire(l, asking);
    if (is_burst) hp_lane_uncork(l);
    hp_lane_short_timer(l);
    hp_lane_again(l);
}

#endif
