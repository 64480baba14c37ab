/* park.h - orders, and changes of them, that wait until their records are on disk; what a lagging archive forbids.
 *
 * Owns:    the parked requests (class local-disk), their release or end, the words LAGGING and CHOKED.
 * Refuses: waiting: a parked order costs the others one look at a counter a turn.
 *
 * A parked order is permitted, encoded and journaled, counts as exposure, and not a byte of it has left.
 * It leaves as it stands when the archiver's watermark passes its request; it ends instead when it would
 * come too late for its deadline, or when its permit has gone (words, sessions, arming, leases, a cancel,
 * a lost book).  A lane that is killed meanwhile has not sent it: the venue's NOT_FOUND will say so.
 *
 * A parked replace counts as in flight: the worse of both versions is exposed and held.  Its order rests on,
 * fills, and may be cancelled; when the change does not leave, the order is what it was.
 *
 * The watermark is an input: it is journaled when it releases something, and so are the words. */
#ifndef HP_LANE_PARK_H
#define HP_LANE_PARK_H

#include <stdint.h>
#include <string.h>

#include "hotpath/lane/core.h"
#include "hotpath/lane/trade.h"

#define HP_PARKED_MAX 64u

struct hp_parked {
    uint64_t client_id;      /* 0 = its order has ended */
    uint64_t until;          /* bytes of the journal that must be archived */
    uint64_t request_id;
    uint32_t instrument;
    uint32_t size;
    uint32_t cost;           /* enum hp_quota_cost_of */
    uint32_t kind;           /* enum hp_request_kind: PLACE or REPLACE */
    int64_t  touch_ticks;    /* REPLACE: of the order before it */
    uint64_t ttl_ns;         /* REPLACE: the time to live that it brings; 0 = none */
    char     text[HP_FRAME_PAD_BYTES + HP_REQUEST_BYTES_MAX + HP_FRAME_PAD_BYTES];
};

/* Keep an encoded request; of a REPLACE, with what its order was and the time to live that it brings.
 * 0 = there is no room. */
static inline int hp_lane_park(hp_lane_t *l, hp_order_t *o, const hp_request_t *q, const char *text, size_t size,
                               int64_t touch_ticks, uint64_t ttl_ns)
{
    if (l->parked == NULL || l->parked_count == HP_PARKED_MAX || size > HP_REQUEST_BYTES_MAX) return 0;
    struct hp_parked *p = &l->parked[l->parked_count++];
    p->client_id = o->client_id;
    p->until = l->journal.head->published;
    p->instrument = o->instrument;
    p->size = (uint32_t)size;
    p->request_id = q->request_id;
    p->cost = hp_lane_cost_of(q);
    p->kind = q->kind;
    p->touch_ticks = touch_ticks;
    p->ttl_ns = ttl_ns;
    memcpy(p->text + HP_FRAME_PAD_BYTES, text, size);
    hp_count(&l->count->orders_parked, 1);
    if (q->kind == HP_REQUEST_REPLACE) return 1; /* it is in flight by its record, which is journaled */
    o->flags |= HP_ORDER_PARKED;
    hp_count(&l->count->orders_sent, 1); /* as a successor would count it, who sees its permit */
    hp_lane_journal(l, HP_RECORD_ORDER, o->instrument, l->recv_ns, o, sizeof *o);
    return 1;
}

/* End a parked order that will not be sent. */
static inline int hp_lane_unpark(hp_lane_t *l, hp_order_t *o)
{
    hp_report_t own;
    for (uint32_t n = 0; n < l->parked_count; n++)
        if (l->parked[n].client_id == o->client_id) l->parked[n].client_id = 0;
    o->flags &= (uint16_t)~HP_ORDER_PARKED;
    memset(&own, 0, sizeof own);
    own.kind = HP_REPORT_SEND_FAILED;
    hp_lane_apply(l, o, &own);
    hp_count(&l->count->orders_absent, 1);
    hp_count(&l->count->orders_unparked, 1);
    hp_lane_tell(l, o->strategy, o, NULL);
    return 1;
}

/* The parked change of an order; NULL = it has none, or it has been decided without it. */
static inline struct hp_parked *hp_lane_parked_replace(const hp_lane_t *l, const hp_order_t *o)
{
    if (HP_LIKELY(l->parked_count == 0 || !hp_order_is_changing(o))) return NULL;
    for (uint32_t n = 0; n < l->parked_count; n++)
        if (l->parked[n].client_id == o->client_id && l->parked[n].request_id == o->replace_request) return &l->parked[n];
    return NULL;
}

/* A parked change will not be sent: the order is what it was. */
static inline void hp_lane_drop_replace(hp_lane_t *l, hp_order_t *o)
{
    struct hp_parked *p = hp_lane_parked_replace(l, o);
    if (HP_LIKELY(p == NULL)) return;
    p->client_id = 0;
    hp_lane_unreplace(l, o, p->touch_ticks);
    hp_count(&l->count->orders_unparked, 1);
    hp_lane_tell(l, o->strategy, o, NULL);
}

/* Is the picture still one that may be quoted on?  It has aged while the order waited. */
static inline int hp_lane_is_seen(const hp_lane_t *l, const hp_order_t *o)
{
    const hp_lane_instrument_t *i = &l->instruments[o->instrument];
    hp_intent_t now;
    if (o->flags & HP_ORDER_REDUCE_ONLY) return 1;
    hp_lane_picture(i, &now);
    return now.caution == 0 && now.book_state == HP_BOOK_SYNCED && l->now_ns - now.recv_ns <= i->limits.stale_ns;
}

static inline int hp_lane_may_leave(const hp_lane_t *l, const hp_order_t *o, uint64_t deadline_ns)
{
    int is_lent = !l->gate.lease.is_required || l->now_ns < l->gate.lease.until_ns || o->flags & HP_ORDER_REDUCE_ONLY;
    return is_lent && l->gate.is_armed && l->is_session_ready && !hp_leader_lost(&l->gate, l->now_ns) && l->now_ns < deadline_ns &&
           !hp_lane_must_go(l, o) && hp_lane_is_seen(l, o) && !(l->gate.words & HP_WORD_CHOKED) && (o->expire_ns == 0 || l->now_ns < o->expire_ns);
}

static inline void hp_lane_leave_replace(hp_lane_t *l, struct hp_parked *p, hp_order_t *o)
{
    if (p != hp_lane_parked_replace(l, o)) { /* the order has ended, or the venue has changed it */
        hp_count(&l->count->orders_unparked, 1);
        return;
    }
    if (o->cancel_cause != HP_CANCEL_NONE || !hp_lane_may_leave(l, o, o->replace_deadline_ns)) { hp_lane_drop_replace(l, o); return; }
    if (!hp_lane_push(l, p->instrument, p->text + HP_FRAME_PAD_BYTES, p->size)) {
        hp_count(&l->count->send_failures, 1);
        hp_lane_drop_replace(l, o);
        return;
    }
    p->client_id = 0;
    hp_lane_replaced_sent(l, o, p->cost, p->request_id, p->ttl_ns);
}

static inline void hp_lane_leave(hp_lane_t *l, struct hp_parked *p)
{
    hp_report_t own;
    hp_order_t *o = hp_orders_find(&l->orders, p->client_id);
    if (o != NULL && p->kind == HP_REQUEST_REPLACE) { hp_lane_leave_replace(l, p, o); return; }
    if (o == NULL || !(o->flags & HP_ORDER_PARKED)) return;
    if (!hp_lane_may_leave(l, o, o->deadline_ns)) { hp_lane_unpark(l, o); return; }
    o->flags &= (uint16_t)~HP_ORDER_PARKED;
    int sent = hp_lane_push(l, p->instrument, p->text + HP_FRAME_PAD_BYTES, p->size);
    p->client_id = 0;
    if (sent) hp_lane_stamp_sent(l, o);
    if (sent) hp_lane_asked(l, p->cost, p->request_id);
    if (sent) o->sent_ns = l->now_ns;
    memset(&own, 0, sizeof own);
    own.kind = sent ? HP_REPORT_SENT : HP_REPORT_SEND_FAILED;
    hp_lane_apply(l, o, &own);
    if (sent) return;
    hp_count(&l->count->orders_absent, 1);
    hp_count(&l->count->send_failures, 1);
    hp_lane_tell(l, o->strategy, o, NULL);
}

/* The archiver has come this far: let go what waited for it, in the order in which it was parked. */
static inline void hp_lane_archived(hp_lane_t *l, uint64_t archived)
{
    uint32_t n = 0, left = 0;
    hp_lane_journal(l, HP_RECORD_WORDS, HP_WORDS_ARCHIVED, l->recv_ns, &archived, sizeof archived);
    for (; n < l->parked_count && l->parked[n].until <= archived; n++)
        if (l->parked[n].client_id != 0) hp_lane_leave(l, &l->parked[n]);
    for (; n < l->parked_count; n++)
        if (l->parked[n].client_id != 0) l->parked[left++] = l->parked[n];
    l->parked_count = left;
    hp_lane_decide(l);
}

/* Once a turn, after the words: is the watermark beyond the oldest that waits?  Without an archiver
 * nothing is on disk. */
static inline void hp_lane_look_archived(hp_lane_t *l)
{
    if (HP_LIKELY(l->parked_count == 0)) return;
    uint64_t archived = hp_load_acquire(&l->journal.head->archived);
    if (archived == UINT64_MAX || archived < l->parked[0].until) return;
    hp_lane_archived(l, archived);
}

/* What the archive forbids this turn, for the OR of the control words.  A word that is set goes only
 * when the lag is half of what set it. */
static inline uint32_t hp_lane_lag(const hp_lane_t *l)
{
    const hp_journal_head_t *h = l->journal.head;
    if (h == NULL) return 0;
    uint64_t archived = hp_load_acquire(&h->archived);
    if (archived == UINT64_MAX) return 0;
    uint64_t lag = h->published > archived ? h->published - archived : 0;
    uint64_t ring = h->segment_bytes * h->segment_count;
    uint32_t was = l->asked_words & HP_WORDS_LAG, words = 0;
    if (HP_LIKELY(lag * 4 < ring && was == 0)) return h->archive_state >= HP_ARCHIVE_FULL ? HP_WORD_LAGGING : 0;
    if (lag * 4 >= ring * 3 || (was & HP_WORD_CHOKED && lag * 8 >= ring * 3)) words |= HP_WORD_CHOKED;
    if (lag * 2 >= ring || (was & HP_WORD_LAGGING && lag * 4 >= ring) || words || h->archive_state >= HP_ARCHIVE_FULL)
        words |= HP_WORD_LAGGING;
    return words;
}

#endif
