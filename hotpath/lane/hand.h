/* hand.h - two lanes that share one trader's work: what each half says to the other.
 *
 * Owns:    hp_pair_t, handing intents and pictures over (market half), orders, fills and positions
 *          (order half); what is said again when a ring was full.
 * Refuses: taking (peer.h), rings and bells (Env.hand), waiting: a full ring never holds a lane up.
 *
 * A ring that is full costs:
 *   an intent    it is refused: verdict SEND_FAILED, UNSENT in the journal, counted
 *   a picture    it is said again with the next sweep, a loss as a loss
 *   a halt, a lag   said again in the next turn
 *   an order, fill or position   counted, and the whole mirror is said anew as soon as there is room.
 *                The strategy misses calls, never the truth: a mirror calls for each order that differs.
 *
 * A life begins with HELLO.  The market lane answers an order lane's with its own, its last intent and
 * all its pictures; the order lane answers with the mirror.  Nothing is believed before it. */
#ifndef HP_LANE_HAND_H
#define HP_LANE_HAND_H

#include <stdint.h>
#include <string.h>

#include "hotpath/lane/core.h"
#include "ring.h"

#define HP_PENDING_MAX 1024u             /* intents that stand in the ring or are being judged */
#define HP_PAIR_MIRROR_BYTES_MAX 786432u /* a larger mirror leaves finished orders out */
#define HP_PAIR_ORDERS_MAX 1024u         /* so that a mirror of working orders always fits */

typedef struct hp_pending {
    uint64_t id;
    uint32_t strategy;
    uint32_t instrument;
} hp_pending_t;

struct hp_pair {
    uint64_t peer_epoch;                 /* of the last HELLO; 0 = none yet */
    uint32_t is_hello_due;
    uint32_t is_silent;
    uint32_t halts;                      /* strategies that failed: bits; market half: not yet said */
    uint32_t lag;                        /* market half: words of its archive's lag, as last said */
    hp_pair_picture_t pictures[HP_LANE_INSTRUMENTS_MAX]; /* market half: as last said; order half: as last heard */
    int64_t  marks_e8[HP_LANE_INSTRUMENTS_MAX];          /* market half: last mark prices */
    uint8_t  lost[HP_LANE_INSTRUMENTS_MAX];              /* market half: a loss that has not gone yet */
    hp_lane_position_t positions[HP_LANE_INSTRUMENTS_MAX]; /* order half: as last said */
    /* order half */
    uint64_t taken;                      /* last intent */
    int64_t  ahead_lots;                 /* of it, as said */
    uint64_t fill_ns;                    /* receive time of the last fill that was told */
    uint64_t changed;                    /* client id of an order that changed and was not told of yet */
    uint32_t is_mirror_due;
    uint32_t was_armed;                  /* as last said */
    /* market half */
    uint32_t is_believed;
    uint32_t is_mirrored;                /* a mirror has been taken as a whole */
    uint32_t is_in_mirror;
    uint32_t is_armed;                   /* the order lane's word */
    uint32_t mirror_number;
    uint64_t answer_ns;                  /* receive time of the fill in work; 0 = none */
    uint32_t left;                       /* intents of this step that are still to be handed over */
    uint32_t pending_first;
    uint32_t pending_count;
    hp_pending_t pending[HP_PENDING_MAX];
    uint32_t working[HP_STRATEGIES_MAX][HP_LANE_INSTRUMENTS_MAX]; /* orders, by the order lane's word */
    uint32_t named[HP_STRATEGIES_MAX][HP_LANE_INSTRUMENTS_MAX];   /* number of the mirror that said so */
    uint32_t confirmed[];                /* by slot of the order table: number of the mirror that named it */
};

/* Say one record.  0 = the ring is full. */
static inline int hp_pair_say(hp_lane_t *l, uint32_t kind, const void *data, size_t size)
{
    if (HP_LIKELY(l->env.hand(l->env.self, kind, data, size))) {
        hp_count(&l->count->pair_out, 1);
        return 1;
    }
    hp_count(&l->count->pair_refused, 1);
    return 0;
}

static inline void hp_pair_greet(hp_lane_t *l)
{
    hp_pair_hello_t hello = { l->epoch, l->role == HP_ROLE_MARKET ? l->intent_sequence : 0 };
    l->pair->is_hello_due = !hp_pair_say(l, HP_PAIR_HELLO, &hello, sizeof hello);
}

/* -- the market half -------------------------------------------------------------------------- */

/* So many orders of a strategy work there.  Its count is those and its intents without an answer. */
static inline void hp_pair_working(hp_lane_t *l, uint32_t strategy, uint32_t instrument, uint32_t working)
{
    uint32_t *known = &l->pair->working[strategy][instrument];
    l->strategies[strategy].working[instrument] += working - *known;
    *known = working;
}

/* A stamp of this lane as CLOCK_MONOTONIC: the read's clock, and the TSC since. */
static inline uint64_t hp_pair_ns(const hp_lane_t *l, uint64_t stamp)
{
    if (stamp == 0 || l->stamps.recv == 0 || stamp < l->stamps.recv) return 0;
    return l->recv_ns + hp_tsc_to_ns(&l->page->calibration, stamp - l->stamps.recv);
}

/* Hand one intent over; its answer comes by the other ring. */
static inline void hp_pair_intent(hp_lane_t *l, const hp_intent_t *in)
{
    struct hp_pair *p = l->pair;
    hp_lane_instrument_t *i = &l->instruments[in->instrument];
    hp_pair_intent_t said = { *in, l->stamps.recv != 0 ? hp_pair_ns(l, l->stamps.recv) : p->answer_ns,
                              hp_pair_ns(l, l->stamps.decoded), hp_pair_ns(l, l->stamps.booked),
                              hp_pair_ns(l, l->stamps.decided), hp_lane_lots_at(i, in->side, in->price_ticks),
                              i->pace.mean_e4, hp_pace_now(&i->pace, l->now_ns), p->left };
    int is_place = in->kind == HP_INTENT_PLACE;
    hp_lane_journal(l, HP_RECORD_INTENT, in->instrument, l->recv_ns, in, sizeof *in);
    if (HP_LIKELY(p->pending_count < HP_PENDING_MAX && !l->is_broken)) { /* not what cannot be journaled */
        if (HP_LIKELY(hp_pair_say(l, HP_PAIR_INTENT, &said, sizeof said))) {
            p->pending[(p->pending_first + p->pending_count++) % HP_PENDING_MAX] =
                (hp_pending_t){ in->id, in->strategy, is_place ? in->instrument : 0 };
            return;
        }
        hp_lane_journal(l, HP_RECORD_UNSENT, in->instrument, l->recv_ns, in, 0);
    }
    hp_verdict_t v;
    memset(&v, 0, sizeof v);
    v.intent_id = in->id;
    v.instrument = in->instrument;
    v.now_ns = l->now_ns;
    v.words = l->gate.words;
    hp_verdict_set(&v, HP_VERDICT_SEND_FAILED, p->pending_count, HP_PENDING_MAX);
    hp_lane_journal(l, HP_RECORD_VERDICT, v.instrument, l->recv_ns, &v, sizeof v);
    hp_count(&l->page->verdicts[v.verdict], 1);
    if (is_place) l->strategies[in->strategy].working[in->instrument]--;
    const hp_strategy_t *s = &l->strategies[in->strategy];
    if (s->on_order != NULL && !s->is_halted) s->on_order(s->self, NULL, &v);
}

static inline hp_pair_picture_t hp_pair_picture(const hp_lane_t *l, hp_lane_instrument_t *i)
{
    const hp_book_t *book = i->book;
    return (hp_pair_picture_t){ i->about.id, i->source, i->caution, (uint8_t)book->state, 0, 0, book->good_ns,
                                hp_l2_bid_ticks(&book->l2), book->l2.bid.best_lots,
                                hp_l2_ask_ticks(&book->l2), book->l2.ask.best_lots,
                                l->pair->marks_e8[i->about.id], i->pace.mean_e4, hp_pace_now(&i->pace, l->now_ns), 0 };
}

/* What rests on this instrument must go: its picture broke, or became too old at `bound_ns`. */
static inline void hp_pair_lost(hp_lane_t *l, hp_lane_instrument_t *i, uint64_t bound_ns)
{
    struct hp_pair *p = l->pair;
    hp_pair_picture_t said = hp_pair_picture(l, i);
    said.source = HP_SOURCE_NONE; /* until the next sweep says what serves it now */
    said.is_lost = 1;
    said.bound_ns = bound_ns;
    p->pictures[i->about.id] = said;
    p->lost[i->about.id] = !hp_pair_say(l, HP_PAIR_PICTURE, &said, sizeof said);
}

static inline void hp_pair_halted(hp_lane_t *l, uint32_t strategy)
{
    l->pair->halts |= 1u << strategy;
    if (hp_pair_say(l, HP_PAIR_HALT, &strategy, sizeof strategy)) l->pair->halts &= ~(1u << strategy);
}

static inline int hp_pair_differs(const hp_pair_picture_t *one, const hp_pair_picture_t *other)
{
    return one->source != other->source || one->caution != other->caution || one->book_state != other->book_state ||
           one->bid_ticks != other->bid_ticks || one->ask_ticks != other->ask_ticks || one->mark_e8 != other->mark_e8;
}

/* The pace alone is said with the strategies' timer, and while an order rests whose time depends on it. */
static inline void hp_pair_pace(hp_lane_t *l, hp_lane_instrument_t *i)
{
    hp_pair_picture_t *last = &l->pair->pictures[i->about.id];
    if (l->pair->lost[i->about.id]) return;
    hp_pair_picture_t said = hp_pair_picture(l, i);
    if (said.trades_per_s == last->trades_per_s && said.mean_e4 == last->mean_e4) return;
    if (hp_pair_say(l, HP_PAIR_PICTURE, &said, sizeof said)) *last = said;
}

/* With each sweep: say what changed since it was last said; `is_all`: everything. */
static inline void hp_pair_pictures(hp_lane_t *l, int is_all)
{
    struct hp_pair *p = l->pair;
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
        hp_lane_instrument_t *i = hp_lane_instrument(l, id);
        if (i == NULL || i->book == NULL) continue;
        hp_pair_picture_t *last = &p->pictures[id];
        if (HP_UNLIKELY(p->lost[id])) {
            p->lost[id] = !hp_pair_say(l, HP_PAIR_PICTURE, last, sizeof *last);
            if (p->lost[id]) continue;
        }
        hp_pair_picture_t said = hp_pair_picture(l, i);
        if (!is_all && !hp_pair_differs(last, &said)) continue;
        if (hp_pair_say(l, HP_PAIR_PICTURE, &said, sizeof said)) *last = said;
    }
}

/* -- the order half --------------------------------------------------------------------------- */

static inline uint32_t hp_pair_count(const hp_lane_t *l, uint32_t strategy, uint32_t instrument)
{
    return strategy < l->strategy_count && instrument < HP_LANE_INSTRUMENTS_MAX ? l->strategies[strategy].working[instrument] : 0;
}

static inline void hp_pair_about(const hp_lane_t *l, hp_pair_order_t *to, uint32_t strategy, uint32_t instrument,
                                 const hp_order_t *o, const hp_verdict_t *v, uint32_t call)
{
    memset(to, 0, sizeof *to);
    to->taken = l->pair->taken;
    to->strategy = strategy;
    to->instrument = instrument;
    to->working = hp_pair_count(l, strategy, instrument);
    to->call = call;
    to->is_armed = l->pair->was_armed = l->gate.is_armed;
    if (o != NULL) to->order = *o;
    if (v != NULL) to->verdict = *v;
}

/* Say one record of the truth; what does not fit makes the mirror due. */
static inline void hp_pair_tell(hp_lane_t *l, uint32_t kind, const void *data, size_t size)
{
    struct hp_pair *p = l->pair;
    if (p->peer_epoch == 0 || p->is_mirror_due) return; /* the mirror will hold it */
    p->is_mirror_due = !hp_pair_say(l, kind, data, size);
}

static inline void hp_pair_tell_order(hp_lane_t *l, uint32_t strategy, uint32_t instrument, const hp_order_t *o,
                                      const hp_verdict_t *v, uint32_t call)
{
    hp_pair_order_t said;
    if (o != NULL && o->client_id == l->pair->changed) l->pair->changed = 0;
    hp_pair_about(l, &said, strategy, instrument, o, v, call);
    hp_pair_tell(l, HP_PAIR_ORDER, &said, sizeof said);
}

static inline void hp_pair_tell_changed(hp_lane_t *l)
{
    const hp_order_t *o = hp_orders_find(&l->orders, l->pair->changed);
    l->pair->changed = 0;
    if (o != NULL) hp_pair_tell_order(l, o->strategy, o->instrument, o, NULL, HP_PAIR_CALL_NONE);
}

/* An order changed; most often its strategy is called for that in the same step, which says it too. */
static inline void hp_pair_changed(hp_lane_t *l, const hp_order_t *o)
{
    if (l->pair->changed != 0 && l->pair->changed != o->client_id) hp_pair_tell_changed(l);
    l->pair->changed = o->client_id;
}

static inline void hp_pair_tell_fill(hp_lane_t *l, const hp_order_t *o, const hp_report_t *r)
{
    hp_pair_fill_t said;
    if (o->client_id == l->pair->changed) l->pair->changed = 0;
    hp_pair_about(l, &said.about, o->strategy, o->instrument, o, NULL, HP_PAIR_CALL_ORDER);
    said.report = *r;
    l->pair->fill_ns = r->recv_ns;
    said.position = l->pair->positions[o->instrument] = l->page->positions[o->instrument];
    hp_pair_tell(l, HP_PAIR_FILL, &said, sizeof said);
}

static inline void hp_pair_tell_positions(hp_lane_t *l, int is_all)
{
    struct hp_pair *p = l->pair;
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
        const hp_lane_position_t *now = &l->page->positions[id];
        if (!is_all && memcmp(now, &p->positions[id], sizeof *now) == 0) continue;
        hp_pair_position_t said = { id, 0, *now };
        p->positions[id] = *now;
        hp_pair_tell(l, HP_PAIR_POSITION, &said, sizeof said);
    }
}

/* Bytes that a mirror takes; a claim at the ring's end may waste one record more. */
static inline uint64_t hp_pair_mirror_bytes(const hp_lane_t *l, uint32_t orders)
{
    return 2 * hp_ring_footprint(sizeof(hp_pair_hello_t)) + l->page->instrument_count * hp_ring_footprint(sizeof(hp_pair_position_t)) +
           (orders + 1) * hp_ring_footprint(sizeof(hp_pair_order_t));
}

/* Say everything, when there is room for everything. */
static inline void hp_pair_mirror(hp_lane_t *l)
{
    struct hp_pair *p = l->pair;
    hp_pair_hello_t head = { p->peer_epoch, p->taken };
    int is_all = hp_pair_mirror_bytes(l, l->orders.used) <= HP_PAIR_MIRROR_BYTES_MAX;
    uint64_t bytes = hp_pair_mirror_bytes(l, is_all ? l->orders.used : l->orders.working_count);
    if (!l->env.hand(l->env.self, HP_PAIR_MIRROR, NULL, bytes)) return;
    p->is_mirror_due = 0;
    p->changed = 0;
    hp_pair_tell(l, HP_PAIR_MIRROR, &head, sizeof head);
    hp_pair_tell_positions(l, 1);
    for (uint32_t slot = 0; slot < l->orders.used && !p->is_mirror_due; slot++) {
        const hp_order_t *o = &l->orders.slots[slot];
        if (o->client_id != 0 && (is_all || hp_order_is_working(o->state)))
            hp_pair_tell_order(l, o->strategy, o->instrument, o, NULL, HP_PAIR_CALL_NONE);
    }
    hp_pair_tell(l, HP_PAIR_MIRROR_END, &head, sizeof head);
    if (!p->is_mirror_due) hp_count(&l->count->pair_mirrors, 1);
}

/* -- both ------------------------------------------------------------------------------------- */

/* At the end of a step of the order half, and of each turn: what has not been said yet. */
static inline void hp_pair_flush(hp_lane_t *l)
{
    struct hp_pair *p = l->pair;
    if (HP_UNLIKELY(p->is_hello_due)) hp_pair_greet(l);
    if (l->role == HP_ROLE_MARKET) {
        for (uint32_t halts = p->halts; HP_UNLIKELY(halts != 0); halts &= halts - 1)
            hp_pair_halted(l, (uint32_t)__builtin_ctz(halts));
        uint32_t lag = l->asked_words & HP_WORDS_LAG;
        if (HP_UNLIKELY(p->lag != lag) && p->peer_epoch != 0 && hp_pair_say(l, HP_PAIR_LAG, &lag, sizeof lag)) p->lag = lag;
        return;
    }
    if (HP_UNLIKELY(p->is_mirror_due) && p->peer_epoch != 0) hp_pair_mirror(l);
    if (p->changed != 0) hp_pair_tell_changed(l);
    if (HP_UNLIKELY(p->was_armed != l->gate.is_armed))
        hp_pair_tell_order(l, HP_STRATEGIES_MAX, 0, NULL, NULL, HP_PAIR_CALL_NONE);
    hp_pair_tell_positions(l, 0);
}

#endif
