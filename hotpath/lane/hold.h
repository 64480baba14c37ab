/* hold.h - what an order exposes and what it holds, kept true after each change of it.
 *
 * Owns:    exposure per instrument, the lane's use of risk/reservation.h: orders, positions, fills, balances.
 * Refuses: deciding about orders (trade.h, replace.h), the arithmetic (risk/reservation.h).
 *
 * A sum that leaves 64 bits takes the lane's permit away: no number after it could be trusted. */
#ifndef HP_LANE_HOLD_H
#define HP_LANE_HOLD_H

#include <stdint.h>

#include "hotpath/lane/core.h"

/* Add (sign 1) or remove (sign -1) what an order exposes. */
static inline void hp_lane_expose(hp_lane_t *l, const hp_order_t *o, int sign)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, o->instrument);
    HP_ASSERT(i != NULL);
    hp_gate_expose(&l->gate, &i->about, &i->exposure, o, sign);
}

/* An order exposes what it exposes now, and no longer what `from` says. */
static inline void hp_lane_tread(hp_lane_t *l, const hp_order_t *o, const hp_footprint_t *from)
{
    hp_lane_instrument_t *i = hp_lane_instrument(l, o->instrument);
    HP_ASSERT(i != NULL);
    hp_footprint_t to = hp_gate_footprint(&i->about, o);
    hp_gate_tread(&l->gate, &i->about, &i->exposure, o, from, &to);
}

static inline void hp_lane_break(hp_lane_t *l)
{
    l->gate.is_armed = 0;
    l->is_broken = 1;
}

/* Hold what the order's facts ask for, whatever it held before. */
static inline void hp_lane_hold(hp_lane_t *l, hp_order_t *o)
{
    const hp_instrument_t *i = &l->instruments[o->instrument].about;
    hp_lane_funds_t *f = hp_funds_of(l->page->funds, hp_reserve_asset(i, o->side));
    if (f == NULL) return;
    int64_t need = hp_reserve_order(i, o);
    if (need == o->reserved_e8) return;
    if (need == HP_MONEY_BAD || !hp_funds_move(f, &f->reserved_e8[i->margin], need - o->reserved_e8)) hp_lane_break(l);
    else o->reserved_e8 = need;
}

/* Use what the instrument's positions ask for. */
static inline void hp_lane_margin(hp_lane_t *l, uint32_t instrument)
{
    const hp_instrument_t *i = &l->instruments[instrument].about;
    hp_lane_position_t *p = &l->page->positions[instrument];
    hp_lane_funds_t *f = hp_funds_of(l->page->funds, i->settle_asset);
    if (f == NULL) return;
    int64_t used = hp_reserve_position(i, p);
    if (used == HP_MONEY_BAD || !hp_funds_move(f, &f->used_e8[i->margin], used - p->used_e8)) hp_lane_break(l);
    else p->used_e8 = used;
}

/* A wallet moves by `amount` through a fill at `match_ns`; the venue's word about it may be younger, or
 * come later and be older.  So a total is its newest word and the fills after that, whatever came first. */
static inline void hp_lane_earn(hp_lane_t *l, uint32_t asset, int64_t match_ns, int64_t amount)
{
    hp_lane_funds_t *f = hp_funds_of(l->page->funds, asset);
    if (f == NULL || match_ns <= 0 || amount == 0) return;
    uint64_t at = l->earned_count++ & (HP_EARNED_KEPT - 1);
    l->earned[at].match_ns = (uint64_t)match_ns;
    l->earned[at].amount_e8 = amount;
    l->earned[at].asset = asset;
    if (f->said_ns == 0 || (uint64_t)match_ns <= f->said_ns) return;
    if (amount == HP_MONEY_BAD || !hp_funds_add(f, amount)) hp_lane_break(l);
}

/* What fills after `said_ns` have moved in a wallet. */
static inline hp_wide_t hp_lane_earned(const hp_lane_t *l, uint32_t asset, uint64_t said_ns)
{
    hp_wide_t sum = 0;
    for (uint64_t n = 0; n < HP_EARNED_KEPT && n < l->earned_count; n++)
        if (l->earned[n].asset == asset && l->earned[n].match_ns > said_ns) sum += l->earned[n].amount_e8;
    return sum;
}

/* What a booked fill does to wallets until their next balance comes: profit and fee by the venue's own
 * figures; spot: what is bought for what is paid. */
static inline void hp_lane_settle(hp_lane_t *l, const hp_instrument_t *i, uint8_t side, const hp_report_t *r)
{
    if (i->contract == HP_CONTRACT_SPOT) {
        int is_buy = side == HP_SIDE_BUY;
        int64_t paid = hp_instrument_notional(i, r->last_ticks, r->last_lots, hp_instrument_rounding(i, is_buy));
        int64_t lots = hp_rescale(r->last_lots, i->size_decimals, 8, is_buy ? HP_ROUND_DOWN : HP_ROUND_UP);
        hp_lane_earn(l, i->settle_asset, r->match_ns, is_buy && paid != HP_MONEY_BAD ? -paid : paid);
        hp_lane_earn(l, i->base_asset, r->match_ns, is_buy || lots == HP_MONEY_BAD ? lots : -lots);
    } else {
        hp_lane_earn(l, i->settle_asset, r->match_ns, r->pnl_e8);
    }
    hp_lane_earn(l, r->asset != 0 ? r->asset : i->settle_asset, r->match_ns, -r->fee_e8);
}

/* Two events of one millisecond stand in the order in which they come; is this one of them told again
 * after the other?  It says what one before the newest said.  (A wallet that comes back to the last unit
 * to what it was within a millisecond is taken for that, until its next word.) */
static inline int hp_lane_is_new_word(hp_lane_t *l, const hp_report_t *r, uint64_t event_ns)
{
    const uint32_t n = r->asset - 1, most = HP_SAID_BEFORE;
    if (event_ns > l->said[n].event_ns) {
        l->said[n].event_ns = event_ns;
        l->said[n].before_count = 0;
    } else {
        uint32_t count = l->said[n].before_count;
        for (uint32_t at = 0; at < (count < most ? count : most); at++)
            if (l->said[n].before_e8[at] == r->balance_e8) return 0;
        if (l->said[n].word_e8 != r->balance_e8) l->said[n].before_e8[l->said[n].before_count++ % most] = l->said[n].word_e8;
    }
    l->said[n].word_e8 = r->balance_e8;
    return 1;
}

/* When the wallet was as a word says, by time of match; 0 = the word is older than what is known.
 *
 * Two markets of an account may settle in another order than they matched, so events about the wallet
 * stand in the order of their own time, which is the account's, and one may be about an earlier match
 * than the one before: it holds that one too.  An answer has no event time, and is asked for where
 * events may have been lost: what matched before it is in it.  Between a fill that is booked before its
 * event and that event another market's word may be taken to hold it: its own word, which follows in
 * the same stream, says what is so.  An event's time is not held against a fill's: the venue says that
 * both are about one match, not that it sends them in one millisecond. */
static inline uint64_t hp_lane_word_ns(hp_lane_t *l, const hp_lane_funds_t *f, const hp_report_t *r)
{
    uint64_t at = (uint64_t)r->match_ns, event_ns = r->event_ns > 0 ? (uint64_t)r->event_ns : 0;
    if (r->request == HP_REQUEST_STATUS) {
        /* one of the same millisecond may have been given before the fill that the event is about */
        if (f->said_ns != 0 && at <= f->said_ns) return 0;
        l->said[r->asset - 1].answer_ns = at;
        return at;
    }
    if (event_ns == 0) return at < f->said_ns ? 0 : at;
    if (event_ns < l->said[r->asset - 1].event_ns || at < l->said[r->asset - 1].answer_ns) return 0;
    if (!hp_lane_is_new_word(l, r, event_ns)) return 0;
    return at < f->said_ns ? f->said_ns : at;
}

static inline void hp_lane_balance(hp_lane_t *l, const hp_report_t *r)
{
    hp_lane_funds_t *f = hp_funds_of(l->page->funds, r->asset);
    if (f == NULL) return; /* an asset that nothing here spends */
    uint64_t at = r->match_ns <= 0 ? 0 : hp_lane_word_ns(l, f, r);
    if (at == 0 && r->match_ns > 0) return;
    int64_t balance = at == 0 ? HP_MONEY_BAD : hp_narrow(r->balance_e8 + hp_lane_earned(l, r->asset, at));
    if (balance == HP_MONEY_BAD || !hp_funds_balance(f, balance, at)) hp_count(&l->count->reports_refused, 1);
}

#if defined(HP_DEBUG) && HP_DEBUG
/* The invariant of reservation.h, from nothing but orders and positions. */
static inline void hp_lane_check_funds(const hp_lane_t *l)
{
    int64_t reserved[HP_ASSETS_MAX][HP_MARGIN_COUNT] = { { 0 } }, used[HP_ASSETS_MAX][HP_MARGIN_COUNT] = { { 0 } };
    if (l->gate.funds == NULL || l->is_broken) return;
    for (uint32_t slot = 0; slot < l->orders.used; slot++) {
        const hp_order_t *o = &l->orders.slots[slot];
        const hp_instrument_t *i = &l->instruments[o->instrument].about;
        uint32_t asset = hp_reserve_asset(i, o->side);
        HP_ASSERT(asset == 0 || o->reserved_e8 == 0 || hp_funds_of(l->page->funds, asset) != NULL);
        if (hp_funds_of(l->page->funds, asset) == NULL) continue;
        HP_ASSERT(o->reserved_e8 == hp_reserve_order(i, o));
        reserved[asset - 1][i->margin] += o->reserved_e8;
    }
    for (uint32_t id = 1; id <= l->page->instrument_count && id < HP_LANE_INSTRUMENTS_MAX; id++) {
        const hp_instrument_t *i = &l->instruments[id].about;
        if (i->id != id || hp_funds_of(l->page->funds, i->settle_asset) == NULL) continue;
        HP_ASSERT(l->page->positions[id].used_e8 == hp_reserve_position(i, &l->page->positions[id]));
        used[i->settle_asset - 1][i->margin] += l->page->positions[id].used_e8;
    }
    for (uint32_t n = 0; n < HP_ASSETS_MAX; n++) {
        const hp_lane_funds_t *f = &l->page->funds[n];
        hp_wide_t sum = f->free_e8;
        for (int m = 0; m < HP_MARGIN_COUNT; m++) {
            HP_ASSERT(f->reserved_e8[m] == reserved[n][m] && f->used_e8[m] == used[n][m]);
            sum += (hp_wide_t)f->reserved_e8[m] + f->used_e8[m];
        }
        HP_ASSERT(sum == f->total_e8);
    }
}
#else
static inline void hp_lane_check_funds(const hp_lane_t *l) { (void)l; }
#endif

#endif
