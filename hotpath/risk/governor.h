/* governor.h - how much of the venue's windows is used, and what may still be asked.
 *
 * Owns:    the figures of each window, the modes, the ranks: cancel > reduce > place > query.
 * Refuses: clocks (now and UTC are arguments), sending, whose requests they are: others at our address or
 *          account are in the venue's figure.
 *
 * The venue's word wins.  `used` is its last figure and all of ours that the figure may not hold: what is
 * not answered yet, what left after the question.  Between two figures we count.  A window ends when the
 * clock says so and `slack_ns` more, or when the venue's figure falls near its end; then ours of the last
 * moments are carried over, and of the weight also what others used: until the venue says otherwise.
 *
 * Looked at by the gate while mode is NORMAL or BUSY: one load and one comparison. */
#ifndef HP_RISK_GOVERNOR_H
#define HP_RISK_GOVERNOR_H

#include <stdint.h>
#include <string.h>

#include "intent.h"
#include "panic.h"
#include "quota.h"

#define HP_SENT_KEPT 256u
#define HP_SENT_OPEN_NS 10000000000ull /* a request so old is not in flight any more */
#define HP_SECOND_NS 1000000000ull

typedef struct hp_sent {
    uint64_t request_id;     /* 0 = nobody will answer it */
    uint64_t sent_ns;
    hp_quota_cost_t cost;
    uint32_t is_open;        /* not answered */
} hp_sent_t;

typedef struct hp_governor {
    hp_lane_quota_t now;     /* first: its mode is what the gate looks at */
    hp_quota_rule_t rule;
    uint64_t pace_ns;        /* SLOW: no new order before */
    uint64_t utc_less_mono_ns;
    uint64_t number[HP_QUOTAS_MAX]; /* of the window that is counted: UTC / its length */
    int64_t  own[HP_QUOTAS_MAX];    /* of `used`, ours as counted */
    hp_sent_t sent[HP_SENT_KEPT];
    uint32_t sent_count;
    uint32_t pad;
} hp_governor_t;

/* Why something may not go. */
typedef struct hp_quota_no {
    uint32_t mode;
    uint32_t scope;          /* kind << 24 | seconds of the window; 0 seconds: no window is meant */
    int64_t  found;
    int64_t  wanted;
    uint64_t retry_ns;
} hp_quota_no_t;

static inline void hp_governor_init(hp_governor_t *g)
{
    memset(g, 0, sizeof *g);
    hp_quota_open(&g->rule);
    g->now.mode = HP_QUOTA_NORMAL;
}

static inline int64_t hp_governor_cost(const hp_quota_cost_t *c, uint32_t kind)
{
    return kind == HP_QUOTA_WEIGHT ? c->weight : c->orders;
}

/* What an intent costs at the venue. */
static inline uint32_t hp_governor_what(const hp_intent_t *in)
{
    if (in->kind == HP_INTENT_CANCEL) return HP_COST_CANCEL;
    if (in->kind == HP_INTENT_REPLACE) return HP_COST_REPLACE;
    if (in->type == HP_TYPE_MARKET) return HP_COST_MARKET;
    if (in->type == HP_TYPE_STOP_MARKET) return HP_COST_STOP;
    return in->post_only ? HP_COST_POST_ONLY : HP_COST_LIMIT;
}

/* When the window of a row ends by our clock, CLOCK_MONOTONIC, slack included. */
static inline uint64_t hp_governor_end_ns(const hp_governor_t *g, uint32_t n)
{
    return (g->number[n] + 1) * g->now.rows[n].length_s * HP_SECOND_NS - g->utc_less_mono_ns + g->rule.slack_ns;
}

/* What an order that only reduces may bring `used` to: half of the reserve is left for cancels. */
static inline int64_t hp_governor_reduce_most(const hp_quota_row_t *r)
{
    return r->most - (r->most - r->begins[HP_QUOTA_RESERVE - 1]) / 2;
}

static inline uint32_t hp_governor_mode_of(const hp_quota_row_t *r)
{
    uint32_t mode = HP_QUOTA_NORMAL;
    while (mode > HP_QUOTA_RESERVE && r->used >= r->begins[mode - 2]) mode--;
    return mode;
}

static inline int hp_governor_is_stopped(const hp_governor_t *g, uint32_t kind, uint64_t now)
{
    return now < g->now.stop_until_ns[kind];
}

/* The worst window's mode holds.  1 = it is another one now. */
static inline int hp_governor_judge(hp_governor_t *g, uint64_t now)
{
    uint32_t worst = HP_QUOTA_NORMAL;
    for (uint32_t n = 0; n < g->now.window_count; n++) {
        hp_quota_row_t *r = &g->now.rows[n];
        r->mode = hp_governor_is_stopped(g, r->kind, now) ? HP_QUOTA_STOPPED : hp_governor_mode_of(r);
        if (r->mode < worst) worst = r->mode;
    }
    if (hp_governor_is_stopped(g, HP_QUOTA_WEIGHT, now) || hp_governor_is_stopped(g, HP_QUOTA_ORDERS, now))
        worst = HP_QUOTA_STOPPED;
    if (worst == g->now.mode) return 0;
    g->now.mode = worst;
    g->now.changes++;
    return 1;
}

/* Make the bounds of a row from its limit: a part of a request is a whole one. */
static inline void hp_governor_bound(const hp_governor_t *g, hp_quota_row_t *r)
{
    const uint32_t percents[4] = { g->rule.reserve_percent, g->rule.no_risk_percent, g->rule.slow_percent, g->rule.busy_percent };
    uint32_t kept = r->kind == HP_QUOTA_WEIGHT && g->rule.kept_percent < 100 ? g->rule.kept_percent : 0;
    r->most = r->limit - r->limit / 100 * kept - r->limit % 100 * kept / 100;
    for (int n = 0; n < 4; n++)
        r->begins[n] = r->most / 100 * percents[n] + (r->most % 100 * percents[n] + 99) / 100;
}

/* Hold another rule.  Modes begin in their order, whatever it says. */
static inline void hp_governor_put_rule(hp_governor_t *g, const hp_quota_rule_t *rule)
{
    uint32_t *percents = &g->rule.busy_percent;
    g->rule = *rule;
    for (int n = 3, most = 100; n >= 0; n--) {
        if (percents[n] > (uint32_t)most) percents[n] = (uint32_t)most;
        most = (int)percents[n];
    }
    for (uint32_t n = 0; n < g->now.window_count; n++) hp_governor_bound(g, &g->now.rows[n]);
}

/* The row of a window, a new one if the venue names one that we do not know; HP_QUOTAS_MAX = no room. */
static inline uint32_t hp_governor_row(hp_governor_t *g, uint32_t kind, uint32_t length_s, uint64_t now)
{
    uint32_t n = 0;
    if (kind == HP_QUOTA_NONE || kind >= HP_QUOTA_KIND_COUNT || length_s == 0) return HP_QUOTAS_MAX;
    for (; n < g->now.window_count; n++)
        if (g->now.rows[n].kind == kind && g->now.rows[n].length_s == length_s) return n;
    if (n == HP_QUOTAS_MAX) return n;
    memset(&g->now.rows[n], 0, sizeof g->now.rows[n]);
    g->now.rows[n].kind = kind;
    g->now.rows[n].length_s = length_s;
    g->now.rows[n].told = -1;
    g->now.rows[n].mode = HP_QUOTA_NORMAL;
    g->number[n] = (now + g->utc_less_mono_ns) / (length_s * HP_SECOND_NS);
    g->own[n] = 0;
    return n;
}

static inline uint32_t hp_governor_kept(const hp_governor_t *g)
{
    return g->sent_count < HP_SENT_KEPT ? g->sent_count : HP_SENT_KEPT;
}

/* Ours that a figure does not hold for certain: in flight, or sent since `since_ns`. */
static inline int64_t hp_governor_loose(const hp_governor_t *g, uint32_t kind, uint64_t since_ns, uint64_t now)
{
    int64_t sum = 0;
    for (uint32_t n = 0; n < hp_governor_kept(g); n++) {
        const hp_sent_t *s = &g->sent[n];
        if (s->sent_ns >= since_ns || (s->is_open && now - s->sent_ns < HP_SENT_OPEN_NS)) sum += hp_governor_cost(&s->cost, kind);
    }
    return sum;
}

/* A new window, of this number, begins. */
static inline void hp_governor_roll(hp_governor_t *g, uint32_t n, uint64_t number, uint64_t now)
{
    hp_quota_row_t *r = &g->now.rows[n];
    uint64_t began_ns = number * r->length_s * HP_SECOND_NS - g->utc_less_mono_ns;
    int64_t others = r->kind == HP_QUOTA_WEIGHT && r->told >= 0 && r->used > g->own[n] ? r->used - g->own[n] : 0;
    g->number[n] = number;
    g->own[n] = hp_governor_loose(g, r->kind, began_ns - g->rule.slack_ns, now);
    r->used = g->own[n] + others;
    r->told = -1;
}

/* Windows that have ended, stops that are over.  1 = the mode is another one. */
static inline int hp_governor_turn(hp_governor_t *g, uint64_t utc_less_mono_ns, uint64_t now)
{
    g->utc_less_mono_ns = utc_less_mono_ns;
    for (uint32_t n = 0; n < g->now.window_count; n++) {
        uint64_t number = (now + utc_less_mono_ns - g->rule.slack_ns) / (g->now.rows[n].length_s * HP_SECOND_NS);
        if (HP_UNLIKELY(number > g->number[n])) hp_governor_roll(g, n, number, now);
    }
    return hp_governor_judge(g, now);
}

/* Count what was sent, or what others did at our account (request 0). */
static inline int hp_governor_sent(hp_governor_t *g, const hp_quota_cost_t *cost, uint64_t request_id, uint64_t now)
{
    hp_sent_t *s = &g->sent[g->sent_count++ % HP_SENT_KEPT];
    s->request_id = request_id;
    s->sent_ns = now;
    s->cost = *cost;
    s->is_open = request_id != 0;
    for (uint32_t n = 0; n < g->now.window_count; n++) {
        int64_t some = hp_governor_cost(cost, g->now.rows[n].kind);
        g->now.rows[n].used += some;
        g->own[n] += some;
    }
    return hp_governor_judge(g, now);
}

/* A new order has left: the next one not before its share of what is left of the window has passed. */
static inline void hp_governor_paced(hp_governor_t *g, uint64_t now)
{
    for (uint32_t n = 0; HP_UNLIKELY(g->now.mode == HP_QUOTA_SLOW) && n < g->now.window_count; n++) {
        const hp_quota_row_t *r = &g->now.rows[n];
        uint64_t end = hp_governor_end_ns(g, n);
        int64_t room = r->begins[HP_QUOTA_NO_RISK - 1] - r->used;
        if (r->mode != HP_QUOTA_SLOW || end <= now) continue;
        HP_DEBUG_ASSERT(room > 0); /* or the mode were another */
        if (now + (end - now) / (uint64_t)room > g->pace_ns) g->pace_ns = now + (end - now) / (uint64_t)room;
    }
}

/* The venue has answered this request. */
static inline void hp_governor_answered(hp_governor_t *g, uint64_t request_id)
{
    for (uint32_t n = 1; n <= hp_governor_kept(g); n++) {
        hp_sent_t *s = &g->sent[(g->sent_count - n) % HP_SENT_KEPT];
        if (s->request_id != request_id) continue;
        s->is_open = 0;
        return;
    }
}

/* The venue's figure of a window.  `asked_ns` 0: it came unasked, or with an answer that is closed. */
static inline void hp_governor_figure(hp_governor_t *g, uint32_t n, int64_t used, uint64_t asked_ns, uint64_t now)
{
    hp_quota_row_t *r = &g->now.rows[n];
    if (used < r->told && now + 2 * g->rule.slack_ns >= hp_governor_end_ns(g, n))
        hp_governor_roll(g, n, g->number[n] + 1, now); /* the venue's window ended before ours */
    int64_t sum = used + hp_governor_loose(g, r->kind, asked_ns != 0 ? asked_ns : UINT64_MAX, now);
    if (asked_ns != 0 && asked_ns < r->told_ns && sum < r->used) return; /* we have heard newer ones meanwhile */
    r->used = sum;
    r->told = used;
    r->told_ns = now;
    r->told_count++;
}

/* What the venue says of a window or of our whole address.  1 = the mode is another one. */
static inline int hp_governor_told(hp_governor_t *g, const hp_quota_told_t *t, uint64_t now)
{
    uint32_t n = hp_governor_row(g, t->kind, t->length_s, now);
    if (t->kind < HP_QUOTA_KIND_COUNT && t->stop_ns != 0) {
        uint64_t until = t->stop_ns < UINT64_MAX - now ? now + t->stop_ns : UINT64_MAX;
        if (until > g->now.stop_until_ns[t->kind]) g->now.stop_until_ns[t->kind] = until;
        g->now.refusals[t->status == 418]++;
    }
    hp_quota_row_t *r = n == HP_QUOTAS_MAX ? NULL : &g->now.rows[n];
    if (r != NULL && t->limit > 0 && t->limit != r->limit) {
        r->limit = t->limit;
        hp_governor_bound(g, r);
    }
    if (r != NULL && r->limit > 0) { /* a window without a limit says nothing */
        if (n == g->now.window_count) g->now.window_count++;
        if (t->used >= 0) hp_governor_figure(g, n, t->used, t->asked_ns, now);
    }
    if (t->used < 0 && t->cost != 0) {
        hp_quota_cost_t cost = { (uint16_t)(t->cost < 65535 ? t->cost : 65535), 0 };
        return hp_governor_sent(g, &cost, 0, now);
    }
    return hp_governor_judge(g, now);
}

static inline uint32_t hp_governor_scope(const hp_quota_row_t *r) { return r->kind << 24 | r->length_s; }

static inline int hp_governor_says_no(hp_quota_no_t *no, uint32_t mode, uint32_t scope, int64_t found, int64_t wanted, uint64_t retry_ns)
{
    no->mode = mode;
    no->scope = scope;
    no->found = found;
    no->wanted = wanted;
    no->retry_ns = retry_ns;
    return 0;
}

/* May this go now?  0 = no, and `no` says why.  A higher rank passes wherever a lower one does. */
static inline int hp_governor_allows(const hp_governor_t *g, uint32_t rank, uint32_t what, uint64_t now, hp_quota_no_t *no)
{
    const hp_quota_cost_t *cost = &g->rule.costs[what & (HP_COST_COUNT - 1)];
    int is_order = rank == HP_RANK_PLACE || cost->orders != 0;
    for (uint32_t kind = HP_QUOTA_WEIGHT; kind <= HP_QUOTA_ORDERS; kind++)
        if (hp_governor_is_stopped(g, kind, now) && (kind == HP_QUOTA_WEIGHT || is_order))
            return hp_governor_says_no(no, HP_QUOTA_STOPPED, kind << 24, (int64_t)(g->now.stop_until_ns[kind] - now), kind, g->now.stop_until_ns[kind]);
    for (uint32_t n = 0; n < g->now.window_count; n++) {
        const hp_quota_row_t *r = &g->now.rows[n];
        int64_t some = hp_governor_cost(cost, r->kind);
        int64_t most = rank == HP_RANK_CANCEL ? r->most : hp_governor_reduce_most(r);
        int is_risk = rank == HP_RANK_PLACE || (rank == HP_RANK_QUERY && r->kind == HP_QUOTA_WEIGHT);
        if (is_risk && r->used >= r->begins[HP_QUOTA_NO_RISK - 1])
            return hp_governor_says_no(no, hp_governor_mode_of(r), hp_governor_scope(r), r->used, r->most, hp_governor_end_ns(g, n));
        if (some != 0 && r->used + some > most)
            return hp_governor_says_no(no, HP_QUOTA_RESERVE, hp_governor_scope(r), r->used, most, hp_governor_end_ns(g, n));
    }
    for (uint32_t n = 0; rank == HP_RANK_PLACE && now < g->pace_ns && n < g->now.window_count; n++)
        if (g->now.rows[n].mode == HP_QUOTA_SLOW)
            return hp_governor_says_no(no, HP_QUOTA_SLOW, hp_governor_scope(&g->now.rows[n]), g->now.rows[n].used, g->now.rows[n].most, g->pace_ns);
    return 1;
}

#endif
