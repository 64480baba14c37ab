/* inputs.h - every input of a lane that is not a frame, a snapshot, words or time; and all of them again.
 *
 * Owns:    sessions, commands, what the cold side was told, the clocks; hp_lane_input, which hands a
 *          recorded input to the step function that took it live.
 * Refuses: state that changes without a record: a lane's inputs, in the order of its journal, and
 *          nothing else make its outputs.
 *
 * A step journals its own input first, with the turn's clock, and then what it does. */
#ifndef HP_LANE_INPUTS_H
#define HP_LANE_INPUTS_H

#include <stdint.h>

#include "hotpath/lane/market.h"
#include "hotpath/lane/peer.h"
#include "hotpath/lane/reference.h"
#include "journal.h"

/* The user stream is opened first and the venue asked afterwards: what happens in between is in both.
 * Its events are believed from READY on; an order's end may have been told while nobody listened. */
static inline void hp_lane_user_session(hp_lane_t *l, uint32_t state)
{
    l->is_user_ready = state == HP_SESSION_READY || state == HP_SESSION_CURRENT;
    if (state == HP_SESSION_OPEN) {
        if (l->is_open) l->env.want(l->env.self, HP_WANT_TRADES, 0);
        else hp_lane_opening_begin(l);
    }
    if (state != HP_SESSION_CURRENT) return;
    for (uint32_t n = 0; n < l->orders.working_count; n++) {
        hp_order_t *o = hp_orders_working(&l->orders, n);
        if (o->state != HP_ORDER_SENT && !(o->flags & HP_ORDER_PARKED)) hp_lane_inquire(l, o);
    }
}

/* A socket opened, closed, or may be used from now on. */
static inline void hp_lane_session(hp_lane_t *l, uint32_t socket, uint32_t state)
{
    hp_lane_journal(l, HP_RECORD_SESSION, socket, l->recv_ns, &state, sizeof state);
    if (state == HP_SESSION_ASKED) {
        if (socket == HP_SOCKET_ORDER) hp_lane_asked(l, HP_COST_LOGON, 0);
        return;
    }
    if (socket == HP_SOCKET_ORDER) {
        l->is_session_ready = state == HP_SESSION_READY;
        if (l->is_session_ready) hp_lane_cancels_anew(l);
        if (state == HP_SESSION_OPEN) l->env.want(l->env.self, HP_WANT_LOGON, 0);
    } else if (socket == HP_SOCKET_USER) {
        hp_lane_user_session(l, state);
    } else {
        l->unheard &= ~(1ull << (socket & 63));
        hp_lane_socket(l, socket, state == HP_SESSION_OPEN);
        hp_lane_decide(l);
    }
}

static inline void hp_lane_command(hp_lane_t *l, uint32_t command)
{
    hp_lane_journal(l, HP_RECORD_COMMAND, command, l->recv_ns, &command, 0);
    switch (command) {
    case HP_COMMAND_OPEN: l->is_open = 1; break;
    case HP_COMMAND_SHUT: l->is_open = 0; break;
    case HP_COMMAND_DRAIN: /* the same as the word: nobody is there who would set it */
        l->is_draining = 1;
        l->own_words |= HP_WORD_DRAIN;
        hp_lane_obey(l);
        break;
    case HP_COMMAND_WISH: hp_lane_opening_begin(l); break;
    default: break; /* START and END: whoever owns the strategies calls them after this */
    }
    hp_lane_arm(l);
}

/* A fact that the cold side asked the venue for. */
static inline void hp_lane_told(hp_lane_t *l, const hp_report_t *r)
{
    hp_lane_journal(l, HP_RECORD_POSITION, 0, l->recv_ns, r, sizeof *r);
    hp_lane_report(l, r);
    hp_lane_decide(l);
}

/* Both clocks, read together. */
static inline void hp_lane_clocks(hp_lane_t *l, const hp_journal_clock_t *clock)
{
    if (l->journal.head != NULL)
        hp_journal_clock(&l->journal, clock->mono_ns, clock->real_ns, clock->uncertainty_ns, clock->tsc);
    else
        l->journal.clock = *clock;
}

/* Take a recorded input again.  `payload` has HP_FRAME_PAD_BYTES behind it.  0 = no step takes this kind;
 * START and END are for the owner of the strategies. */
static inline int hp_lane_input(hp_lane_t *l, const hp_journal_record_t *r, const char *payload)
{
    uint32_t word = 0;
    l->now_ns = r->mono_ns;
    l->recv_ns = r->recv_ns;
    if (r->length >= sizeof word) memcpy(&word, payload, sizeof word);
    switch (r->kind) {
    case HP_RECORD_FRAME: hp_lane_market_frame(l, r->aux, payload, r->length, 0); return 1;
    case HP_RECORD_REPORT_FRAME:
        l->stamps.recv = 0;
        hp_lane_report_frame(l, r->aux, payload, r->length);
        return 1;
    case HP_RECORD_SNAPSHOT: hp_lane_snapshot(l, r->aux, payload, r->length); return 1;
    case HP_RECORD_SPARE:
        l->recv_ns = l->now_ns;
        hp_lane_spare(l, r->aux, r->recv_ns, payload, r->length);
        return 1;
    case HP_RECORD_MISSED: hp_lane_fill_missed(l, r->aux, payload, r->length); return 1;
    case HP_RECORD_TIMER: hp_lane_turn(l, r->aux); return 1;
    case HP_RECORD_COMMAND: hp_lane_command(l, r->aux); return 1;
    case HP_RECORD_SESSION: hp_lane_session(l, r->aux, word); return 1;
    case HP_RECORD_WORDS:
        if (r->aux == HP_WORDS_CONTROL && r->length == sizeof word) {
            hp_lane_words(l, word);
            return 1;
        }
        if (r->aux == HP_WORDS_ARCHIVED && r->length == sizeof(uint64_t)) {
            uint64_t archived;
            memcpy(&archived, payload, sizeof archived);
            hp_lane_archived(l, archived);
            return 1;
        }
        if (r->aux == HP_WORDS_CLOCK && r->length == sizeof(hp_time_record_t)) {
            hp_time_record_t record;
            memcpy(&record, payload, sizeof record);
            hp_lane_clock(l, &record);
            return 1;
        }
        if (r->aux == HP_WORDS_LEADER_LEASE && r->length == sizeof(hp_leader_lease_t)) {
            hp_leader_lease_t lease;
            memcpy(&lease, payload, sizeof lease);
            hp_lane_leader(l, &lease);
            return 1;
        }
        if (r->aux == HP_WORDS_LIMIT_LEASE && r->length == sizeof(hp_limit_lease_t)) {
            hp_limit_lease_t lease;
            memcpy(&lease, payload, sizeof lease);
            hp_lane_lease(l, &lease);
            return 1;
        }
        return 0;
    case HP_RECORD_POSITION:
        if (r->length == sizeof(hp_report_t)) {
            hp_report_t report;
            memcpy(&report, payload, sizeof report);
            hp_lane_told(l, &report);
            return 1;
        }
        return 0;
    case HP_RECORD_OPENING:
        hp_lane_fact(l, r->aux, l->stage->generation, payload, r->length);
        return 1;
    case HP_RECORD_CLOCK:
        if (r->aux == HP_CLOCK_RECORD_PAIR && r->length == sizeof(hp_journal_clock_t)) {
            hp_journal_clock_t clock;
            memcpy(&clock, payload, sizeof clock);
            hp_lane_clocks(l, &clock);
            return 1;
        }
        return 0;
    case HP_RECORD_PEER:
        hp_lane_peer(l, r->aux, payload, r->length);
        return l->pair != NULL;
    case HP_RECORD_INSTRUMENT:
        if (r->length == sizeof(hp_instrument_t)) {
            hp_instrument_t about;
            memcpy(&about, payload, sizeof about);
            return hp_lane_put_instrument(l, &about);
        }
        return 0;
    case HP_RECORD_STREAM:
        if (r->length == sizeof(hp_stream_rule_t)) {
            hp_stream_rule_t rule;
            memcpy(&rule, payload, sizeof rule);
            return hp_lane_put_stream(l, r->aux, &rule);
        }
        return 0;
    case HP_RECORD_SANITY:
        if (r->length == sizeof(hp_sanity_rule_t)) {
            hp_sanity_rule_t rule;
            memcpy(&rule, payload, sizeof rule);
            return hp_lane_put_sanity(l, r->aux, &rule);
        }
        return 0;
    case HP_RECORD_SIGNAL:
        if (r->length == sizeof(hp_signal_t)) {
            hp_signal_t signal;
            memcpy(&signal, payload, sizeof signal);
            return hp_lane_signal(l, &signal);
        }
        return 0;
    case HP_RECORD_QUOTA:
        if (r->length == sizeof(hp_quota_told_t)) {
            hp_quota_told_t told;
            memcpy(&told, payload, sizeof told);
            hp_lane_quota_told(l, &told);
            return 1;
        }
        return 0;
    case HP_RECORD_QUOTA_RULE:
        if (r->length == sizeof(hp_quota_rule_t)) {
            hp_quota_rule_t rule;
            memcpy(&rule, payload, sizeof rule);
            hp_lane_put_quota_rule(l, &rule);
            return 1;
        }
        return 0;
    case HP_RECORD_TTL:
        if (r->length == sizeof(hp_ttl_rule_t)) {
            hp_ttl_rule_t rule;
            memcpy(&rule, payload, sizeof rule);
            hp_lane_put_ttl(l, &rule);
            return 1;
        }
        return 0;
    case HP_RECORD_LIMITS:
        if (r->length == sizeof(hp_limit_t)) {
            hp_limit_t limit;
            memcpy(&limit, payload, sizeof limit);
            hp_lane_put_limit(l, &limit);
            return 1;
        }
        return 0;
    case HP_RECORD_RULE:
        if (r->length == sizeof(hp_instrument_limits_t)) {
            hp_instrument_limits_t rule;
            memcpy(&rule, payload, sizeof rule);
            return hp_lane_put_rule(l, r->aux, &rule);
        }
        return 0;
    case HP_RECORD_CLOSING:
        if (r->length == sizeof(hp_flatten_rule_t)) {
            hp_flatten_rule_t rule;
            memcpy(&rule, payload, sizeof rule);
            hp_lane_put_flatten(l, &rule);
            return 1;
        }
        return 0;
    case HP_RECORD_POLICY:
        if (r->length == sizeof(hp_gate_rule_t)) {
            hp_gate_rule_t rule;
            memcpy(&rule, payload, sizeof rule);
            hp_lane_put_policy(l, &rule);
            return 1;
        }
        return 0;
    default: return 0;
    }
}

#endif
