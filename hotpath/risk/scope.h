/* scope.h - what one account, venue, strategy or instrument does now, beside what it may do.
 *
 * Owns:    a scope: its limit (hp_limit_t), its figures, and the one text of each comparison between
 *          the two.  Bounds that need a product or a quotient are made when a figure changes, not when
 *          an order is judged; what an order exposes moves them by as much.
 * Refuses: which scopes an order falls into (gate.h), how a figure comes about (figures.h).
 *
 * Sums are 128 bits wide: no sum of 64-bit notionals leaves them.  Working orders count at their own
 * price rounded up, positions at the last mid rounded up: worst case. */
#ifndef HP_RISK_SCOPE_H
#define HP_RISK_SCOPE_H

#include <stdint.h>
#include <string.h>

#include "fixed.h"
#include "limit.h"
#include "hotpath/risk/bucket.h"

#define HP_BUDGET_HALVES 2

typedef struct hp_scope {
    /* what the gate compares with; it follows the figures below, or is made of them when it is not ready */
    uint64_t  ready_until_ns;      /* 0: something has changed that it does not follow */
    int64_t   room_e8[2];          /* largest notional that a sell, a buy may have; may be below 0 */
    uint64_t  shut_until_ns;       /* some limit is reached whatever the order: until a cool-down ends, or for good */
    hp_wide_t gross_room_e8;       /* to the bounds of gross notional and leverage, and to that of net on either */
    hp_wide_t net_room_e8[2];      /* side: they follow what works, room_e8 is the least of them */
    hp_bucket_t bucket;
    hp_limit_t limit;
    uint64_t  cool_until_ns;
    uint64_t  half_end_ns;         /* end of the newer half of the budget window; 0 = not begun */
    hp_wide_t position_e8;         /* signed sum of positions */
    hp_wide_t gross_e8;            /* sum of |position|, hedged legs apart */
    hp_wide_t buying_e8;           /* all that works */
    hp_wide_t selling_e8;
    hp_wide_t leverage_gross_e8;   /* gross notional at which the leverage is reached */
    hp_wide_t pnl_e8;              /* realised, fees, open: what this lane saw */
    hp_wide_t day_pnl_e8;          /* at 00:00 UTC, or at the start of the lane after it */
    hp_wide_t peak_e8;             /* highest equity; 0 = none yet */
    int64_t   loss_e8;             /* of the day, not below 0 */
    int64_t   drawdown_bps;
    int64_t   open_orders;
    int64_t   failures;            /* refusals by the venue in a row */
    int64_t   refused;             /* intents refused for want of a larger share: open orders, gross, net */
    int64_t   orders[HP_BUDGET_HALVES];  /* older half, newer half */
    int64_t   cancels[HP_BUDGET_HALVES];
    int64_t   traded[HP_BUDGET_HALVES];  /* orders that had a fill */
} hp_scope_t;

static inline hp_wide_t hp_limit_wide_least(hp_wide_t a, hp_wide_t b) { return a < b ? a : b; }

static void hp_scope_make(hp_scope_t *s);

/* Drawdown and the gross notional of the leverage, from a capital. */
static inline void hp_scope_of_capital(hp_scope_t *s)
{
    const hp_limit_t *l = &s->limit;
    hp_wide_t equity = (hp_wide_t)l->capital_e8 + l->base_pnl_e8 + s->pnl_e8;
    if (equity > s->peak_e8) s->peak_e8 = equity;
    if (equity < s->peak_e8) /* of a peak of nothing all is lost, and more */
        s->drawdown_bps = hp_held(hp_wide_div((s->peak_e8 - equity) * 10000, s->peak_e8 > 0 ? s->peak_e8 : 1, HP_ROUND_UP));
    if (l->leverage_e4_max != HP_LIMIT_NONE)
        s->leverage_gross_e8 = hp_wide_div((hp_wide_t)hp_limit_most(hp_held(equity), 0) * l->leverage_e4_max, 10000, HP_ROUND_DOWN);
}

/* Loss, drawdown and the bound of leverage from capital and PnL. */
static inline void hp_scope_judge(hp_scope_t *s)
{
    const hp_limit_t *l = &s->limit;
    hp_wide_t lost = s->day_pnl_e8 - s->pnl_e8 - l->base_pnl_e8;
    s->loss_e8 = hp_limit_most(hp_held(lost), 0);
    s->leverage_gross_e8 = (hp_wide_t)1 << 100;
    s->drawdown_bps = 0;
    if (l->leverage_e4_max == 0) s->leverage_gross_e8 = 0;
    if (l->capital_e8 != HP_LIMIT_NONE) hp_scope_of_capital(s);
    if (s->ready_until_ns != 0) hp_scope_make(s);
}

/* Does `l` differ from the limit held in what an authority moves between lanes, and in nothing else? */
static inline int hp_scope_is_moved(const hp_scope_t *s, const hp_limit_t *l)
{
    hp_limit_t moved = s->limit;
    moved.net_notional_e8_max = l->net_notional_e8_max;
    moved.gross_notional_e8_max = l->gross_notional_e8_max;
    moved.open_orders_max = l->open_orders_max;
    moved.base_pnl_e8 = l->base_pnl_e8;
    return memcmp(&moved, l, sizeof moved) == 0 && memcmp(&s->limit, l, sizeof moved) != 0;
}

/* Hold another limit from now on.  What had failed is forgiven: that is how a person lifts a block;
 * a share that the authority moved forgives nothing. */
static inline void hp_scope_set(hp_scope_t *s, const hp_limit_t *l, uint64_t now)
{
    int64_t most = 1000000000;
    s->ready_until_ns = 0;
    if (hp_scope_is_moved(s, l)) {
        s->limit = *l;
        hp_scope_judge(s);
        return;
    }
    if (l->capital_e8 != s->limit.capital_e8) s->peak_e8 = 0;
    s->limit = *l;
    s->failures = 0;
    s->cool_until_ns = 0;
    if (l->token_rate == HP_LIMIT_NONE) hp_bucket_set(&s->bucket, 0, 0, 0);
    else if (l->token_rate <= 0 || l->token_burst <= 0) {
        s->bucket.period_ns = 1ull << 46; /* a token in 19 hours, and no room for one */
        s->bucket.depth_ns = s->bucket.reserve_ns = 0;
        s->bucket.empty_ns = now;
    } else {
        hp_bucket_set(&s->bucket, (uint64_t)hp_limit_least(l->token_rate, most),
                      (uint64_t)hp_limit_least(l->token_burst, most), (uint64_t)hp_limit_least(l->token_reserve, most));
    }
    hp_scope_judge(s);
}

/* Begin the halves of the budget window that have passed. */
static inline void hp_scope_roll(hp_scope_t *s, uint64_t now)
{
    uint64_t half = (uint64_t)s->limit.budget_window_ns / HP_BUDGET_HALVES;
    int keeps = half != 0 && now - s->half_end_ns < half;
    s->ready_until_ns = 0;
    s->orders[0] = keeps ? s->orders[1] : 0;
    s->cancels[0] = keeps ? s->cancels[1] : 0;
    s->traded[0] = keeps ? s->traded[1] : 0;
    s->orders[1] = s->cancels[1] = s->traded[1] = 0;
    s->half_end_ns = half == 0 ? UINT64_MAX : keeps ? s->half_end_ns + half : now + half;
}

static inline void hp_scope_at(hp_scope_t *s, uint64_t now)
{
    if (HP_UNLIKELY(now >= s->half_end_ns)) hp_scope_roll(s, now);
}

/* -- the comparisons, each written once ------------------------------------------------------------ */

static inline hp_wide_t hp_scope_gross(const hp_scope_t *s, int64_t notional)
{
    return s->gross_e8 + s->buying_e8 + s->selling_e8 + notional;
}

static inline hp_wide_t hp_scope_net(const hp_scope_t *s, int is_buy, int64_t notional)
{
    return (is_buy ? s->position_e8 + s->buying_e8 : s->selling_e8 - s->position_e8) + notional;
}

static inline int64_t hp_scope_orders(const hp_scope_t *s) { return s->orders[0] + s->orders[1]; }
static inline int64_t hp_scope_cancels(const hp_scope_t *s) { return s->cancels[0] + s->cancels[1]; }
static inline int64_t hp_scope_traded(const hp_scope_t *s)
{
    int64_t n = s->traded[0] + s->traded[1];
    return n > 0 ? n : 1;
}

static inline int hp_over_order(const hp_scope_t *s, int64_t notional) { return notional > s->limit.order_notional_e8_max; }
static inline int hp_over_open(const hp_scope_t *s) { return s->open_orders >= s->limit.open_orders_max; }
static inline int hp_over_gross(const hp_scope_t *s, int64_t n) { return hp_scope_gross(s, n) > s->limit.gross_notional_e8_max; }
static inline int hp_over_net(const hp_scope_t *s, int is_buy, int64_t n) { return hp_scope_net(s, is_buy, n) > s->limit.net_notional_e8_max; }
static inline int hp_over_leverage(const hp_scope_t *s, int64_t n) { return hp_scope_gross(s, n) > s->leverage_gross_e8; }
static inline int hp_over_loss(const hp_scope_t *s) { return s->loss_e8 >= s->limit.daily_loss_e8_max; }
static inline int hp_over_drawdown(const hp_scope_t *s) { return s->drawdown_bps >= s->limit.drawdown_bps_max; }
static inline int hp_over_failures(const hp_scope_t *s) { return s->failures >= s->limit.failures_max; }
static inline int hp_over_cool_down(const hp_scope_t *s, uint64_t now) { return now < s->cool_until_ns; }

static inline int hp_over_order_to_trade(const hp_scope_t *s)
{
    int64_t orders = hp_scope_orders(s);
    return orders >= s->limit.budget_free_count && orders + 1 > (hp_wide_t)s->limit.order_to_trade_max * hp_scope_traded(s);
}

static inline int hp_over_cancel_rate(const hp_scope_t *s)
{
    int64_t orders = hp_scope_orders(s);
    return orders >= s->limit.budget_free_count &&
           (hp_wide_t)hp_scope_cancels(s) * 10000 > (hp_wide_t)s->limit.cancel_rate_bps_max * orders;
}

static inline void hp_scope_room(hp_scope_t *s)
{
    hp_wide_t gross = hp_limit_wide_least(s->limit.order_notional_e8_max, s->gross_room_e8);
    s->room_e8[0] = hp_held(hp_limit_wide_least(gross, s->net_room_e8[0]));
    s->room_e8[1] = hp_held(hp_limit_wide_least(gross, s->net_room_e8[1]));
}

/* What works on one side has become more by so much, and by so many orders. */
static inline void hp_scope_expose(hp_scope_t *s, int is_buy, int64_t more_e8, int open)
{
    hp_wide_t *sum = is_buy ? &s->buying_e8 : &s->selling_e8;
    int was_over = hp_over_open(s);
    *sum += more_e8;
    s->gross_room_e8 -= more_e8;
    s->net_room_e8[is_buy] -= more_e8;
    hp_scope_room(s);
    s->open_orders += open;
    if (HP_UNLIKELY(was_over != hp_over_open(s))) s->ready_until_ns = 0;
    HP_DEBUG_ASSERT(*sum >= 0 && s->open_orders >= 0);
}

static inline int hp_over_budget(const hp_scope_t *s) { return hp_over_order_to_trade(s) | hp_over_cancel_rate(s); }

/* One more order, cancel or traded order of the budget window. */
static inline void hp_scope_count(hp_scope_t *s, int64_t halves[HP_BUDGET_HALVES], uint64_t now)
{
    hp_scope_at(s, now);
    int was_over = hp_over_budget(s);
    halves[1]++;
    if (HP_UNLIKELY(was_over != hp_over_budget(s))) s->ready_until_ns = 0;
}

/* Make what the gate compares with, of the budget window that has begun. */
__attribute__((noinline, unused))
static void hp_scope_make(hp_scope_t *s)
{
    s->gross_room_e8 = hp_limit_wide_least(s->limit.gross_notional_e8_max, s->leverage_gross_e8) - hp_scope_gross(s, 0);
    for (int is_buy = 0; is_buy < 2; is_buy++) s->net_room_e8[is_buy] = s->limit.net_notional_e8_max - hp_scope_net(s, is_buy, 0);
    hp_scope_room(s);
    int is_shut = hp_over_open(s) | hp_over_loss(s) | hp_over_drawdown(s) | hp_over_failures(s) | hp_over_budget(s);
    s->shut_until_ns = is_shut ? UINT64_MAX : s->cool_until_ns;
    s->ready_until_ns = s->half_end_ns;
}

__attribute__((noinline, unused))
static void hp_scope_ready(hp_scope_t *s, uint64_t now)
{
    hp_scope_at(s, now);
    hp_scope_make(s);
}

/* Debug builds: what has followed step by step is what would be made anew. */
static inline void hp_scope_check_made(const hp_scope_t *s)
{
#if defined(HP_DEBUG) && HP_DEBUG
    hp_scope_t anew = *s;
    hp_scope_make(&anew);
    HP_ASSERT(memcmp(&anew, s, sizeof anew) == 0);
#else
    (void)s;
#endif
}

/* Does any limit of this scope speak against an order? */
static inline int hp_scope_speaks(const hp_scope_t *s, int is_buy, int64_t notional, uint64_t now)
{
    return (notional > s->room_e8[is_buy]) | (now < s->shut_until_ns);
}

#endif
