/* stale.h - is each stream of an instrument alive, and what may be done on what it says?
 *
 * Owns:    the state of each stream (instrument x event kind): first-message deadline, silence
 *          watchdog, bound for quoting; asking for a dead one anew; the sweep that takes out what
 *          rests on a stale picture, and how long that took; telling of it.
 * Refuses: books (sync.h), figures that make no sense (sanity.h), sockets (Env: HP_WANT_STREAM, then
 *          HP_WANT_RECONNECT), clocks.
 *
 * A stream is asked for anew by itself first: others on its socket go on.  If that does not help its
 * socket is opened anew, each time after twice the wait.  Only a stream's own messages refresh it. */
#ifndef HP_LANE_STALE_H
#define HP_LANE_STALE_H

#include <stdint.h>

#include "hotpath/lane/core.h"
#include "hotpath/lane/trade.h"

#define HP_STREAM_ASKS_LOG2_MAX 5

static inline hp_lane_feed_t *hp_lane_feed(hp_lane_t *l, const hp_lane_instrument_t *i)
{
    return &l->page->feeds[i->about.id];
}

static inline void hp_lane_say(hp_lane_t *l, const hp_feed_event_t *said)
{
    hp_count(&l->page->feeds[said->instrument].troubles[said->trouble], 1);
    hp_lane_journal(l, HP_RECORD_FEED, said->instrument, l->recv_ns, said, sizeof *said);
    for (uint32_t n = 0; n < l->strategy_count; n++) {
        hp_strategy_t *s = &l->strategies[n];
        if (s->on_feed != NULL && !s->is_halted) s->on_feed(s->self, said);
    }
}

/* Tell strategies, journal and counters what is wrong with a feed, or that it is good again. */
static inline void hp_lane_tell_feed(hp_lane_t *l, const hp_lane_instrument_t *i, uint8_t trouble,
                                     uint8_t stream, int64_t found, int64_t wanted)
{
    hp_feed_event_t said = { l->recv_ns, i->about.id, trouble, stream, HP_POLICY_FLAG, i->source,
                             found, wanted, 0, 0, 0, 0 };
    hp_lane_say(l, &said);
}

static inline void hp_lane_set_caution(hp_lane_t *l, hp_lane_instrument_t *i, uint8_t caution)
{
    i->caution = caution;
    hp_lane_feed(l, i)->caution = caution;
}

static inline void hp_stream_move(hp_lane_t *l, hp_lane_instrument_t *i, uint32_t kind, uint8_t state)
{
    i->streams[kind].state = state;
    hp_lane_feed(l, i)->stream_state[kind] = state;
}

/* Cancel what rests on an instrument.  `bound_ns`: when its picture became too old; 0 = it did not
 * age, it broke.  The time to the last cancel on the wire is recorded. */
static inline void hp_lane_take_out(hp_lane_t *l, hp_lane_instrument_t *i, uint64_t bound_ns)
{
    uint64_t before = l->count->cancels_sent, now;
    if (HP_UNLIKELY(l->role == HP_ROLE_MARKET)) { hp_pair_lost(l, i, bound_ns); return; }
    hp_lane_cancel_all(l, i->about.id, -1, HP_CANCEL_BOOK);
    if (bound_ns == 0 || l->count->cancels_sent == before) return;
    now = l->env.now(l->env.self);
    hp_histogram_record(&l->page->hops[HP_HOP_STALE_OUT], now > bound_ns ? now - bound_ns : 0);
}

/* Which kinds must be fresh for quoting: the book's always, others if a strategy listens to them. */
static inline uint32_t hp_lane_guards(const hp_lane_t *l)
{
    uint32_t guards = 1u << HP_EVENT_DEPTH;
    for (uint32_t n = 0; n < l->strategy_count; n++) {
        const hp_strategy_t *s = &l->strategies[n];
        if (s->on_top != NULL) guards |= 1u << HP_EVENT_BOOK_TICKER;
        if (s->on_trade != NULL) guards |= 1u << HP_EVENT_TRADE | 1u << HP_EVENT_AGG_TRADE;
        if (s->on_mark != NULL) guards |= 1u << HP_EVENT_MARK_PRICE;
    }
    return guards;
}

/* Is every stream but the book's fresh that must be?  The book says so itself. */
static inline void hp_lane_judge_streams(hp_lane_t *l, hp_lane_instrument_t *i)
{
    uint8_t caution = i->caution & (uint8_t)~HP_CAUTION_STREAM;
    uint32_t guards = i->stream_mask & l->guards & ~(1u << HP_EVENT_DEPTH);
    for (; guards != 0; guards &= guards - 1) {
        const hp_stream_t *s = &i->streams[__builtin_ctz(guards)];
        if (s->rule.quote_ns != 0 && s->state != HP_STREAM_FRESH) caution |= HP_CAUTION_STREAM;
    }
    hp_lane_set_caution(l, i, caution);
}

__attribute__((noinline, unused))
static void hp_stream_revive(hp_lane_t *l, hp_lane_instrument_t *i, uint32_t kind)
{
    hp_stream_t *s = &i->streams[kind];
    uint8_t before = s->state;
    s->asks = 0;
    s->asked_ns = 0;
    hp_stream_move(l, i, kind, HP_STREAM_FRESH);
    hp_lane_judge_streams(l, i);
    if (before == HP_STREAM_STALE || before == HP_STREAM_SILENT)
        hp_lane_tell_feed(l, i, HP_TROUBLE_FRESH, (uint8_t)kind, before, HP_STREAM_FRESH);
}

/* A message of this stream came. */
static inline void hp_stream_seen(hp_lane_t *l, hp_lane_instrument_t *i, uint32_t kind)
{
    hp_stream_t *s = &i->streams[kind];
    s->last_ns = l->recv_ns;
    hp_store_relaxed(&hp_lane_feed(l, i)->last_ns[kind], l->recv_ns);
    if (HP_UNLIKELY(s->state != HP_STREAM_FRESH) && i->stream_mask >> kind & 1)
        hp_stream_revive(l, i, kind);
}

/* The moment since which a stream is waited for. */
static inline uint64_t hp_stream_since(const hp_stream_t *s)
{
    uint64_t since = s->last_ns > s->opened_ns ? s->last_ns : s->opened_ns;
    return s->asked_ns > since ? s->asked_ns : since;
}

static inline void hp_stream_check(hp_lane_t *l, hp_lane_instrument_t *i, uint32_t kind)
{
    hp_stream_t *s = &i->streams[kind];
    if (s->state == HP_STREAM_NONE) return;
    if (s->state == HP_STREAM_FRESH && s->rule.quote_ns != 0 && kind != HP_EVENT_DEPTH &&
        l->now_ns > s->last_ns && l->now_ns - s->last_ns > s->rule.quote_ns) {
        hp_stream_move(l, i, kind, HP_STREAM_STALE);
        hp_lane_judge_streams(l, i);
        if (i->caution & HP_CAUTION_STREAM) {
            hp_count(&l->count->stale, 1);
            hp_lane_take_out(l, i, s->last_ns + s->rule.quote_ns);
        }
        hp_lane_tell_feed(l, i, HP_TROUBLE_STALE, (uint8_t)kind, (int64_t)(l->now_ns - s->last_ns),
                          (int64_t)s->rule.quote_ns);
    }
    uint64_t bound = s->last_ns == 0 ? s->rule.first_ns : s->rule.silence_ns, since = hp_stream_since(s);
    uint32_t doubled = s->asks < HP_STREAM_ASKS_LOG2_MAX ? s->asks : HP_STREAM_ASKS_LOG2_MAX;
    if (bound == 0 || l->now_ns <= since || l->now_ns - since <= bound << doubled) return;
    s->asked_ns = l->now_ns;
    hp_stream_move(l, i, kind, HP_STREAM_SILENT);
    hp_lane_judge_streams(l, i);
    if (s->asks++ == 0) l->env.want(l->env.self, HP_WANT_STREAM, i->about.id | kind << 16);
    else l->env.want(l->env.self, HP_WANT_RECONNECT, s->rule.socket);
    hp_lane_tell_feed(l, i, HP_TROUBLE_SILENT, (uint8_t)kind, (int64_t)(l->now_ns - since), (int64_t)bound);
}

static inline void hp_lane_stream_timers(hp_lane_t *l, hp_lane_instrument_t *i)
{
    for (uint32_t kinds = i->stream_mask; kinds != 0; kinds &= kinds - 1)
        hp_stream_check(l, i, (uint32_t)__builtin_ctz(kinds));
    if (HP_UNLIKELY(i->block_until_ns != 0) && l->now_ns >= i->block_until_ns) {
        i->block_until_ns = 0;
        hp_lane_set_caution(l, i, i->caution & (uint8_t)~HP_CAUTION_PRICE);
    }
}

/* A stream of this instrument is expected on a socket, within these bounds. */
static inline int hp_lane_put_stream(hp_lane_t *l, uint32_t instrument, const hp_stream_rule_t *rule)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, instrument);
    if (i == NULL || rule->kind == HP_EVENT_NONE || rule->kind >= HP_EVENT_KIND_COUNT) return 0;
    i->streams[rule->kind].rule = *rule;
    i->stream_mask |= 1u << rule->kind;
    hp_lane_journal(l, HP_RECORD_STREAM, instrument, 0, rule, sizeof *rule);
    return 1;
}

#endif
