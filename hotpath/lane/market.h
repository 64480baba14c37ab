/* market.h - frames to books to strategies: the market half of a lane's step, and its turn.
 *
 * Owns:    decoding a frame, judging its figures, applying it, calling the strategies it concerns;
 *          control words, timers.
 * Refuses: orders (trade.h), books out of sequence (resync.h), dead streams (stale.h), the spare source
 *          (spare.h), sockets and clocks (Env). */
#ifndef HP_LANE_MARKET_H
#define HP_LANE_MARKET_H

#include <stdint.h>

#include "hotpath/lane/core.h"
#include "hotpath/lane/adopt.h"
#include "hotpath/lane/closing.h"
#include "hotpath/lane/missed.h"
#include "hotpath/lane/park.h"
#include "hotpath/lane/resync.h"
#include "hotpath/lane/trade.h"
#include "hotpath/lane/usage.h"

#define HP_TIMER_NS 1000000ull
#define HP_TIMER_IDLE_NS 5000000ull
#define HP_STRATEGY_TIMER_NS 100000000ull
#define HP_CLOCK_NS 1000000000ull

/* An insane figure: tell of it and do what the rule says.  Returns 0 when it is not to be used. */
__attribute__((noinline, unused))
static int hp_lane_odd(hp_lane_t *l, hp_lane_instrument_t *i, const hp_oddity_t *odd)
{
    uint8_t kind = l->event.kind, policy = i->sanity_rule.policy[odd->trouble];
    int is_book = kind == HP_EVENT_DEPTH || kind == HP_EVENT_SNAPSHOT;
    if (policy == HP_POLICY_BLOCK) {
        i->block_until_ns = l->now_ns + i->sanity_rule.block_ns;
        hp_lane_set_caution(l, i, i->caution | HP_CAUTION_PRICE);
    } else if (policy == HP_POLICY_GAP && is_book) {
        hp_lane_break_book(l, i);
    }
    hp_feed_event_t said = { l->event.recv_ns, i->about.id, (uint8_t)odd->trouble, kind, policy, i->source,
                             odd->found, odd->wanted, 0, 0, 0, 0 };
    hp_lane_say(l, &said);
    return policy != HP_POLICY_GAP;
}

static inline int hp_lane_sane_time(hp_lane_t *l, hp_lane_instrument_t *i)
{
    hp_transit_t *transit = &i->sanity.transits[l->event.kind];
    hp_oddity_t odd = hp_sanity_time(transit, &i->sanity_rule, l->event.event_ns, l->event.recv_ns);
    hp_store_relaxed(&hp_lane_feed(l, i)->lag_ns, transit->lag_ns);
    return HP_LIKELY(odd.trouble == HP_TROUBLE_NONE) || hp_lane_odd(l, i, &odd);
}

static inline int hp_lane_sane_price(hp_lane_t *l, hp_lane_instrument_t *i, uint32_t kind, int64_t half_ticks)
{
    hp_oddity_t odd = hp_sanity_price(&i->sanity.prices[kind], &i->sanity_rule, half_ticks);
    return HP_LIKELY(odd.trouble == HP_TROUBLE_NONE) || hp_lane_odd(l, i, &odd);
}

/* The book's own price; a snapshot that brings a book back is the venue's word about where the market
 * is.  Some venues send nothing but snapshots: those are judged. */
static inline int hp_lane_sane_book(hp_lane_t *l, hp_lane_instrument_t *i, int before)
{
    int64_t half_ticks = hp_l2_bid_ticks(&i->book->l2) + hp_l2_ask_ticks(&i->book->l2);
    if (HP_LIKELY(l->event.kind != HP_EVENT_SNAPSHOT || before == HP_BOOK_SYNCED))
        return hp_lane_sane_price(l, i, HP_EVENT_DEPTH, half_ticks);
    hp_recent_restart(&i->sanity.prices[HP_EVENT_DEPTH], half_ticks);
    return 1;
}

/* A ticker or trade; marks are the venue's computation and have no market of their own. */
static inline int hp_lane_sane_figures(hp_lane_t *l, hp_lane_instrument_t *i)
{
    const hp_event_t *e = &l->event;
    if (e->kind == HP_EVENT_BOOK_TICKER)
        return hp_lane_sane_price(l, i, e->kind, e->body.top.bid_ticks + e->body.top.ask_ticks);
    if (e->kind != HP_EVENT_AGG_TRADE && e->kind != HP_EVENT_TRADE) return 1;
    hp_oddity_t odd = hp_sanity_volume(&i->sanity, &i->sanity_rule, e->body.trade.lots);
    int is_sane = HP_LIKELY(odd.trouble == HP_TROUBLE_NONE) || hp_lane_odd(l, i, &odd);
    return hp_lane_sane_price(l, i, e->kind, 2 * e->body.trade.price_ticks) && is_sane;
}

/* A book took (or refused) an event: count, cancel what it can no longer carry, call the strategies. */
static inline void hp_lane_booked(hp_lane_t *l, hp_lane_instrument_t *i, int before, int applied)
{
    int state = i->book->state;
    switch (applied) {
    case HP_APPLIED_GAP:
        hp_count(&l->count->gaps, 1);
        hp_count(&hp_lane_feed(l, i)->gaps, 1);
        break;
    case HP_APPLIED_DROPPED: hp_count(&l->count->dropped, 1); break;
    case HP_APPLIED_CROSSED: hp_count(&l->count->crossed, 1); break;
    default: break;
    }
    if (HP_UNLIKELY(i->book->wanted)) hp_lane_want_snapshot(l, i);
    if (HP_UNLIKELY(state != HP_BOOK_SYNCED)) {
        if (before == HP_BOOK_SYNCED) hp_lane_book_lost(l, i, 0);
        else hp_lane_blind(l, i);
        return;
    }
    if (HP_UNLIKELY(applied == HP_APPLIED_OK && !hp_lane_sane_book(l, i, before))) return;
    hp_pulse_mid(&l->gate.pulses[i->about.id], &i->limits, &l->gate.instruments[i->about.id].limit,
                 hp_l2_bid_ticks(&i->book->l2) + hp_l2_ask_ticks(&i->book->l2), l->now_ns);
    if (HP_UNLIKELY(before != HP_BOOK_SYNCED)) hp_lane_book_found(l, i);
    hp_lane_publish_top(l, i);
    if (applied != HP_APPLIED_OK) return;
    for (uint32_t n = 0; n < l->strategy_count; n++) {
        hp_strategy_t *s = &l->strategies[n];
        if (s->on_book != NULL && !s->is_halted) s->on_book(s->self, i->about.id);
    }
}

static inline void hp_lane_depth(hp_lane_t *l, hp_lane_instrument_t *i)
{
    if (i->book == NULL) return;
    int before = i->book->state;
    if (l->event.kind == HP_EVENT_SNAPSHOT) i->snapshot_wanted = 0;
    int applied = (int)hp_book_apply(i->book, &l->event, l->levels, 0);
    l->stamps.booked = l->env.tsc(l->env.self);
    hp_lane_booked(l, i, before, applied);
}

/* Show an event that no book takes to the strategies that asked for its kind. */
static inline void hp_lane_show(hp_lane_t *l)
{
    const hp_event_t *e = &l->event;
    l->stamps.booked = l->stamps.decoded;
    for (uint32_t n = 0; n < l->strategy_count; n++) {
        hp_strategy_t *s = &l->strategies[n];
        void (*callback)(void *, const hp_event_t *) =
            e->kind == HP_EVENT_BOOK_TICKER ? s->on_top : e->kind == HP_EVENT_MARK_PRICE ? s->on_mark : s->on_trade;
        if (callback != NULL && !s->is_halted) callback(s->self, e);
    }
}

/* `is_stream`: a market socket brought it, so its stream is alive; REST says nothing about that. */
static inline void hp_lane_use(hp_lane_t *l, hp_lane_instrument_t *i, int is_stream)
{
    hp_event_t *e = &l->event;
    hp_count(&l->count->events[e->kind], 1);
    int is_book = e->kind == HP_EVENT_DEPTH || e->kind == HP_EVENT_SNAPSHOT, is_sane = 1;
    if (HP_LIKELY(is_stream)) {
        hp_stream_seen(l, i, is_book ? (uint8_t)HP_EVENT_DEPTH : e->kind);
        is_sane = hp_lane_sane_time(l, i);
    }
    if (e->kind == HP_EVENT_MARK_PRICE && (e->body.mark.has & HP_MARK_PRICE)) {
        if (HP_UNLIKELY(l->pair != NULL)) l->pair->marks_e8[i->about.id] = e->body.mark.mark_e8;
        hp_pulse_mark(&l->gate.pulses[i->about.id], &i->about, e->body.mark.mark_e8);
    }
    if (!is_book) hp_lane_follow_trade(l, i);
    if (is_book) hp_lane_depth(l, i);
    else if (hp_lane_sane_figures(l, i) && is_sane) {
        hp_lane_traded(l, i);
        hp_lane_show(l);
    }
    hp_lane_decide(l);
}

/* An event of a market socket, as decoded. */
static inline void hp_lane_event(hp_lane_t *l)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, l->event.instrument);
    if (l->event.flags & HP_EVENT_FALLBACK) hp_count(&l->count->fallbacks, 1);
    if (HP_UNLIKELY(i == NULL)) return;
    if (HP_UNLIKELY(i->arbiter != NULL) && !hp_lane_takes(l, i)) return;
    hp_lane_use(l, i, 1);
}

/* What was held for this instrument and may go on now. */
static inline void hp_lane_release(hp_lane_t *l, hp_lane_instrument_t *i, uint64_t now_ns)
{
    while (hp_lane_next_held(l, i, now_ns)) hp_lane_use(l, i, 1);
}

static inline void hp_lane_session(hp_lane_t *l, uint32_t socket, uint32_t state);

/* May a frame of this socket be acted on?  One that the journal has no room for is dropped unseen, and
 * what its books hold is not to be believed from then on, though the next frame may be long in coming:
 * the socket counts as closed until a frame of it is taken again. */
static inline int hp_lane_hears(hp_lane_t *l, uint32_t socket, const char *data, size_t size)
{
    const uint64_t bit = 1ull << (socket & 63);
    if (HP_UNLIKELY(l->unheard & bit)) {
        if (hp_journal_takes_bulk(&l->journal, size)) hp_lane_session(l, socket, HP_SESSION_OPEN);
    }
    if (HP_LIKELY(hp_lane_journal(l, HP_RECORD_FRAME, socket, l->recv_ns, data, size))) return 1;
    if (l->unheard & bit) return 0;
    hp_lane_session(l, socket, HP_SESSION_CLOSED);
    l->unheard |= bit;
    return 0;
}

/* One frame of a market socket.  `recv_tsc` and l->recv_ns belong to the read that brought it. */
static inline void hp_lane_market_frame(hp_lane_t *l, uint32_t socket, const char *data, size_t size, uint64_t recv_tsc)
{
    hp_count(&l->count->messages, 1);
    hp_count(&l->count->bytes, size);
    l->stamps.recv = recv_tsc;
    l->stamps.gated = l->stamps.sent = l->stamps.ack = 0;
    if (HP_UNLIKELY(!hp_lane_hears(l, socket, data, size))) return;
    int status = l->codec->decode(l->codec->state, data, size, &l->event, l->levels);
    l->stamps.decoded = l->env.tsc(l->env.self);
    hp_count(&l->count->decode[status], 1);
    l->event.recv_ns = l->recv_ns;
    if (HP_UNLIKELY(l->line_count > 1)) l->line = hp_lane_line(l, socket);
    if (HP_LIKELY(status == HP_DECODE_EVENT)) {
        hp_lane_event(l);
        while (HP_UNLIKELY(l->event.flags & HP_EVENT_MORE)) {
            if (!l->codec->next(l->codec->state, &l->event)) break;
            hp_lane_event(l);
        }
        if (HP_UNLIKELY(l->arbitrated != 0)) {
            hp_lane_release(l, &l->instruments[l->arbitrated], l->recv_ns);
            l->arbitrated = 0;
        }
        return;
    }
    if (HP_UNLIKELY(l->line_count > 1) && status >= HP_DECODE_MALFORMED) hp_lane_line_error(l);
    if (status == HP_DECODE_FINER) { /* live: reference data is stale; the book is not to be trusted */
        uint32_t instrument = 0;
        int price_decimals = 0, size_decimals = 0;
        l->codec->finer(l->codec->state, &instrument, &price_decimals, &size_decimals);
        hp_lane_instrument_t *i = hp_lane_instrument(l, instrument);
        if (i != NULL && i->book != NULL) hp_lane_break_book(l, i);
    }
}

/* A REST snapshot that the cold side fetched. */
static inline void hp_lane_snapshot(hp_lane_t *l, uint32_t instrument, const char *data, size_t size)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, instrument);
    if (i == NULL || i->book == NULL || !hp_lane_journal(l, HP_RECORD_SNAPSHOT, instrument, l->recv_ns, data, size)) return;
    i->snapshot_wanted = 0;
    int status = l->codec->decode_snapshot(l->codec->state, instrument, data, size, &l->event, l->levels);
    hp_count(&l->count->decode[status], 1);
    l->event.recv_ns = l->recv_ns;
    memset(&l->stamps, 0, sizeof l->stamps);
    if (status != HP_DECODE_EVENT) {
        hp_lane_want_snapshot(l, i);
        return;
    }
    hp_lane_feed_t *feed = hp_lane_feed(l, i);
    uint64_t adopted = i->book->counts.snapshots, too_old = i->book->counts.too_old;
    hp_count(&l->count->resyncs, 1);
    hp_lane_use(l, i, 0);
    hp_count(&feed->resyncs, i->book->counts.snapshots - adopted);
    hp_count(&feed->too_old, i->book->counts.too_old - too_old);
}

/* A poll of the spare source, asked for at `asked_ns`. */
static inline void hp_lane_spare(hp_lane_t *l, uint32_t instrument, uint64_t asked_ns, const char *data, size_t size)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, instrument);
    if (i == NULL || i->book == NULL) return;
    if (!hp_lane_journal(l, HP_RECORD_SPARE, instrument, asked_ns, data, size)) return;
    int status = l->codec->decode_snapshot(l->codec->state, instrument, data, size, &l->event, l->levels);
    hp_count(&l->count->decode[status], 1);
    memset(&l->stamps, 0, sizeof l->stamps);
    if (status != HP_DECODE_EVENT) return;
    hp_lane_spare_top(l, i, asked_ns);
    hp_lane_decide(l);
}

static inline int hp_lane_put_sanity(hp_lane_t *l, uint32_t instrument, const hp_sanity_rule_t *rule)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, instrument);
    if (i == NULL) return 0;
    i->sanity_rule = *rule;
    i->limits.spare_ns = rule->spare_ns;
    hp_lane_journal(l, HP_RECORD_SANITY, instrument, 0, rule, sizeof *rule);
    return 1;
}

/* Obey the control words as sampled at the start of the turn. */
static inline void hp_lane_words(hp_lane_t *l, uint32_t words)
{
    if (HP_LIKELY(words == l->asked_words)) return;
    uint32_t before = l->asked_words;
    l->asked_words = words;
    hp_lane_journal(l, HP_RECORD_WORDS, HP_WORDS_CONTROL, l->recv_ns, &words, sizeof words);
    if (words & HP_WORD_DRAIN) l->is_draining = 1;
    if (words & ~before & HP_WORD_FLATTEN) hp_lane_flatten_begin(l);
    if (!(words & HP_WORD_FLATTEN)) l->own_words &= ~(uint32_t)HP_WORD_KILL;
    if (words & ~before) hp_lane_cancels_anew(l);
    hp_lane_obey(l);
}

/* Believe the time authority's newest record from this turn on. */
static inline void hp_lane_clock(hp_lane_t *l, const hp_time_record_t *record)
{
    if (memcmp(&l->gate.clock, record, sizeof *record) == 0) return;
    hp_gate_put_clock(&l->gate, record);
    hp_lane_journal(l, HP_RECORD_WORDS, HP_WORDS_CLOCK, l->recv_ns, record, sizeof *record);
}

/* Hold the authority's limits under this lease from this turn on; an older fence is refused. */
static inline void hp_lane_lease(hp_lane_t *l, const hp_limit_lease_t *lease)
{
    if (memcmp(&l->gate.lease, lease, sizeof *lease) == 0 || lease->fence < l->gate.lease.fence) return;
    l->gate.lease = *lease;
    hp_lane_journal(l, HP_RECORD_WORDS, HP_WORDS_LIMIT_LEASE, l->recv_ns, lease, sizeof *lease);
}

/* The permit of the one writer, from this turn on; an older epoch is refused. */
static inline void hp_lane_leader(hp_lane_t *l, const hp_leader_lease_t *lease)
{
    if (memcmp(&l->gate.leader, lease, sizeof *lease) == 0 || lease->epoch < l->gate.leader.epoch) return;
    l->gate.leader = *lease;
    hp_lane_journal(l, HP_RECORD_WORDS, HP_WORDS_LEADER_LEASE, l->recv_ns, lease, sizeof *lease);
}

/* Hold another limit of one dimension from now on.  0 = no such scope. */
static inline int hp_lane_put_limit(hp_lane_t *l, const hp_limit_t *limit)
{
    hp_lane_journal(l, HP_RECORD_LIMITS, limit->dimension, l->recv_ns, limit, sizeof *limit);
    int is_scope = hp_gate_put_limit(&l->gate, limit, l->now_ns);
    for (uint32_t n = 0; limit->order_notional_e8_max == 0 && n < l->orders.working_count; n++) {
        hp_order_t *o = hp_orders_working(&l->orders, n);
        if (hp_lane_is_frozen(l, o)) hp_lane_cancel(l, o, HP_CANCEL_WORD);
        if (!hp_order_is_working(o->state)) n--; /* a parked one has ended */
    }
    return is_scope;
}

/* Other figures of one instrument from now on; its age on the spare source stays the sanity rule's. */
static inline int hp_lane_put_rule(hp_lane_t *l, uint32_t instrument, const hp_instrument_limits_t *rule)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, instrument);
    if (i == NULL) return 0;
    uint64_t spare_ns = i->limits.spare_ns;
    i->limits = *rule;
    i->limits.spare_ns = spare_ns;
    hp_pulse_set(&l->gate.pulses[instrument], &i->limits);
    hp_lane_journal(l, HP_RECORD_RULE, instrument, l->recv_ns, rule, sizeof *rule);
    return 1;
}

/* Other policies from now on. */
static inline void hp_lane_put_policy(hp_lane_t *l, const hp_gate_rule_t *rule)
{
    l->gate.rule = *rule;
    l->gate.rule.warns &= HP_WARNABLE;
    hp_gate_put_clock(&l->gate, &l->gate.clock);
    if (l->gate.rule.self_trade >= HP_SELF_TRADE_COUNT) l->gate.rule.self_trade = HP_SELF_TRADE_REJECT;
    hp_lane_journal(l, HP_RECORD_POLICY, 0, l->recv_ns, rule, sizeof *rule);
}

/* Close positions by this rule from now on. */
static inline void hp_lane_put_flatten(hp_lane_t *l, const hp_flatten_rule_t *rule)
{
    l->flatten = *rule;
    if (l->flatten.policy > HP_FLATTEN_MARKET || l->flatten.band_bps >= 10000) l->flatten.policy = HP_FLATTEN_NOTHING;
    hp_lane_journal(l, HP_RECORD_CLOSING, 0, l->recv_ns, rule, sizeof *rule);
}

/* Orders that rest on a picture that may not be quoted on: what a first cancel did not reach.  Exits
 * on the spare source stay. */
static inline void hp_lane_sweep(hp_lane_t *l, const hp_lane_instrument_t *i)
{
    if (HP_LIKELY(i->source == HP_SOURCE_PRIMARY && !(i->caution & HP_CAUTION_STREAM))) return;
    for (uint32_t n = 0; n < l->orders.working_count; n++) {
        hp_order_t *o = hp_orders_working(&l->orders, n);
        if (o->instrument != i->about.id) continue;
        if (!(o->flags & HP_ORDER_REDUCE_ONLY)) hp_lane_cancel(l, o, HP_CANCEL_BOOK);
    }
}

/* The order half of a pair: what rests on no picture, or is a failed strategy's. */
static inline void hp_lane_sweep_pictures(hp_lane_t *l)
{
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
        const hp_lane_instrument_t *i = hp_lane_instrument(l, id);
        if (i == NULL) continue;
        hp_lane_sweep(l, i);
        hp_gate_follow(&l->gate, &i->about, &i->exposure, &l->page->positions[id], l->strategy_count);
    }
    for (uint32_t n = 0; n < l->strategy_count; n++)
        if (HP_UNLIKELY(l->strategies[n].is_halted)) hp_lane_cancel_all(l, 0, (int32_t)n, HP_CANCEL_HALT);
}

static inline void hp_lane_book_timers(hp_lane_t *l)
{
    l->guards = hp_lane_guards(l);
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
        hp_lane_instrument_t *i = &l->instruments[id];
        if (i->about.id == 0 || i->book == NULL || !i->is_subscribed) continue;
        if (hp_book_check_stale(i->book, l->now_ns, i->limits.stale_ns)) {
            uint64_t bound_ns = i->book->good_ns + i->limits.stale_ns;
            hp_count(&l->count->stale, 1);
            if (i->streams[HP_EVENT_DEPTH].state == HP_STREAM_FRESH)
                hp_stream_move(l, i, HP_EVENT_DEPTH, HP_STREAM_STALE);
            hp_lane_book_lost(l, i, bound_ns);
            hp_lane_tell_feed(l, i, HP_TROUBLE_STALE, HP_EVENT_DEPTH, (int64_t)(l->now_ns - i->book->good_ns),
                              (int64_t)i->limits.stale_ns);
        }
        if (HP_UNLIKELY(i->arbiter != NULL)) {
            hp_lane_release(l, i, l->now_ns);
            hp_lane_line_timers(l, i);
        }
        if (i->book->wanted) hp_lane_want_snapshot(l, i);
        if (i->stream_mask != 0) hp_lane_stream_timers(l, i);
        hp_lane_missed_timer(l, i);
        hp_lane_choose_source(l, i);
        hp_lane_sweep(l, i);
        if (HP_LIKELY(l->role == HP_ROLE_FUSED))
            hp_gate_follow(&l->gate, &i->about, &i->exposure, &l->page->positions[id], l->strategy_count);
    }
}

/* May new risk be taken?  Asked in every sweep. */
static inline void hp_lane_arm(hp_lane_t *l)
{
    l->gate.is_armed = l->is_session_ready && l->is_user_ready && l->is_open && !l->is_broken;
}

/* The order half of a sweep. */
static inline void hp_lane_order_turn(hp_lane_t *l)
{
    hp_lane_arm(l);
    l->gate.utc_less_mono_ns = l->journal.clock.real_ns - l->journal.clock.mono_ns;
    hp_gate_new_day(&l->gate, hp_lane_utc_ns(l) / HP_DAY_NS);
    hp_lane_quota_turn(l);
    if (HP_UNLIKELY(l->is_draining)) hp_lane_cancel_all(l, 0, -1, HP_CANCEL_WORD);
    hp_lane_opening_timers(l);
    hp_lane_order_timers(l);
    if (HP_UNLIKELY(l->role == HP_ROLE_ORDER)) hp_lane_sweep_pictures(l);
}

/* What a turn does beside frames, mail and words, by its clock: an input like any other. */
static inline void hp_lane_turn(hp_lane_t *l, uint32_t due)
{
    hp_lane_journal(l, HP_RECORD_TIMER, due, l->recv_ns, &due, 0);
    if (due & HP_DUE_SWEEP) {
        l->timer_ns = l->now_ns;
        l->stamps.recv = 0;
        if (HP_LIKELY(l->role != HP_ROLE_MARKET)) hp_lane_order_turn(l);
        if (HP_LIKELY(l->role != HP_ROLE_ORDER)) hp_lane_book_timers(l);
        if (HP_UNLIKELY(l->role == HP_ROLE_MARKET)) {
            hp_pair_flush(l);
            hp_pair_pictures(l, due & HP_DUE_STRATEGY);
            hp_lane_tell_ahead(l);
        } else {
            hp_lane_flatten(l);
        }
    }
    if (due & HP_DUE_STRATEGY) {
        l->strategy_timer_ns = l->now_ns;
        hp_lane_show_usages(l);
        hp_lane_show_quota(l);
        if (HP_UNLIKELY(l->line_count > 1)) hp_lane_publish_lines(l);
        for (uint32_t n = 0; n < l->strategy_count; n++)
            if (l->strategies[n].on_timer != NULL && !l->strategies[n].is_halted) l->strategies[n].on_timer(l->strategies[n].self, l->now_ns);
    }
    hp_lane_decide(l);
}

/* Take the turn that is due, if one is.  With no order at work the timers are asked less often: each
 * sweep is a record. */
static inline void hp_lane_timers(hp_lane_t *l)
{
    uint64_t since = l->now_ns - l->timer_ns;
    uint32_t due = l->intent_count > 0 ? HP_DUE_DECIDE : 0;
    if (since >= HP_TIMER_NS && (l->orders.working_count > 0 || since >= HP_TIMER_IDLE_NS)) {
        due |= HP_DUE_SWEEP;
        if (l->now_ns - l->strategy_timer_ns >= HP_STRATEGY_TIMER_NS) due |= HP_DUE_STRATEGY;
    }
    if (HP_UNLIKELY(due != 0)) hp_lane_turn(l, due);
}

#endif
