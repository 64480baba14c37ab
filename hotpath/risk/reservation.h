/* reservation.h - what an order holds of our money before it is sent, until evidence sets it free.
 *
 * Owns:    what an order or a position holds (per contract), the moves between free, reserved and used.
 * Refuses: orders' states (order/state.h), balances of its own: the venue says what there is.
 *
 * An order holds a *function of its facts* (price, size, fills, what is in flight), reckoned anew after
 * each of them: nothing is added up along the way, so no order of arrival and no restart can make it
 * another sum, and reserving or releasing twice is the same as once.
 *
 *   linear, inverse   margin of the notional (1 / leverage) and the dearest fee, of the settlement asset
 *   spot buy          the notional and the fee, of the quote asset
 *   spot sell         the lots, of the base asset
 *   reduces only      nothing: the position's own margin is set free by it
 *
 * The price is the worse of the order's own and of the touch that it could trade at on arrival (a linear
 * sell below the bid trades at the bid; an inverse buy above the ask at the ask).  While a replace is in
 * flight the dearer of both versions is held.  Everything rounds up; what is free is what remains.
 *
 * Invariant, per asset: free + reserved + used = total, reserved = sum over orders, used = sum over
 * positions.  Debug builds check it after each event (lane/hold.h). */
#ifndef HP_RISK_RESERVATION_H
#define HP_RISK_RESERVATION_H

#include <stdint.h>

#include "fixed.h"
#include "instrument.h"
#include "intent.h"
#include "limit.h"
#include "hotpath/order/state.h"
#include "page.h"
#include "verdict.h"

/* The asset that an order spends; 0 = not named. */
static inline uint32_t hp_reserve_asset(const hp_instrument_t *i, uint8_t side)
{
    return i->contract == HP_CONTRACT_SPOT && side == HP_SIDE_SELL ? i->base_asset : i->settle_asset;
}

/* Does an order only shrink a position, by its flag or by its position side? */
static inline int hp_reserve_reduces(const hp_instrument_t *i, uint8_t side, uint8_t position_side, int reduce_only)
{
    if (i->contract == HP_CONTRACT_SPOT) return 0;
    if (position_side == HP_POSITION_BOTH) return reduce_only;
    return (position_side == HP_POSITION_LONG) != (side == HP_SIDE_BUY);
}

/* The touch that matters to the reservation of an intent; 0 = its own price is the worst. */
static inline int64_t hp_reserve_touch(const hp_instrument_t *i, const hp_intent_t *in)
{
    if (in->post_only) return 0;
    if (i->contract == HP_CONTRACT_LINEAR && in->side == HP_SIDE_SELL && in->bid_ticks > in->price_ticks) return in->bid_ticks;
    if (i->contract == HP_CONTRACT_INVERSE && in->side == HP_SIDE_BUY && in->ask_lots > 0 && in->ask_ticks < in->price_ticks)
        return in->ask_ticks;
    return 0;
}

static inline int64_t hp_reserve_worst(const hp_instrument_t *i, uint8_t side, int64_t price_ticks, int64_t touch_ticks)
{
    if (touch_ticks == 0) return price_ticks;
    if (i->contract == HP_CONTRACT_LINEAR && side == HP_SIDE_SELL) return hp_limit_most(touch_ticks, price_ticks);
    if (i->contract == HP_CONTRACT_INVERSE && side == HP_SIDE_BUY) return hp_limit_least(touch_ticks, price_ticks);
    return price_ticks;
}

/* The touch of an order that is changed: the old version's fills may still be on their way. */
static inline int64_t hp_reserve_touches(const hp_instrument_t *i, const hp_intent_t *in, const hp_order_t *target)
{
    int64_t touch = hp_reserve_touch(i, in);
    if (target == NULL || target->touch_ticks == 0) return touch;
    return touch == 0 ? target->touch_ticks : hp_reserve_worst(i, in->side, touch, target->touch_ticks);
}

/* A part of an amount that is not negative, rounded up; a rate is below 64 times the whole.  The amount's
 * whole hundred millions and the rest of them are taken apart: no product leaves 64 bits but by its result. */
static inline int64_t hp_reserve_share(int64_t amount, int64_t rate_e8)
{
    HP_DEBUG_ASSERT(amount >= 0 && rate_e8 >= 0 && rate_e8 < 64ll * HP_RATE_ONE);
    uint64_t wholes = (uint64_t)amount / HP_RATE_ONE, rest = (uint64_t)amount % HP_RATE_ONE, share;
    rest = (rest * (uint64_t)rate_e8 + HP_RATE_ONE - 1) / HP_RATE_ONE;
    if (HP_UNLIKELY(__builtin_mul_overflow(wholes, (uint64_t)rate_e8, &share) || share > INT64_MAX - rest)) return HP_MONEY_BAD;
    return (int64_t)(share + rest);
}

/* What lots that open (or, spot, that sell) hold, 1e-8 of hp_reserve_asset(); HP_MONEY_BAD = beyond 64 bits. */
static inline int64_t hp_reserve_need(const hp_instrument_t *i, uint8_t side, int64_t price_ticks, int64_t lots)
{
    if (lots <= 0) return 0;
    if (i->contract == HP_CONTRACT_SPOT && side == HP_SIDE_SELL) return hp_rescale(lots, i->size_decimals, 8, HP_ROUND_UP);
    int64_t notional = hp_instrument_notional(i, price_ticks, lots, HP_ROUND_UP);
    if (HP_UNLIKELY(notional < 0)) return HP_MONEY_BAD; /* HP_MONEY_BAD itself, too */
    return hp_reserve_share(notional, HP_LIKELY(i->hold_rate_e8 != 0) ? i->hold_rate_e8
                                                                      : hp_instrument_rate(i) + (int64_t)i->fee_rate_e8);
}

/* What an order holds by its facts of now. */
static inline int64_t hp_reserve_order(const hp_instrument_t *i, const hp_order_t *o)
{
    if (hp_reserve_reduces(i, o->side, o->position_side, o->flags & HP_ORDER_REDUCE_ONLY)) return 0;
    int64_t need = hp_reserve_need(i, o->side, hp_reserve_worst(i, o->side, o->price_ticks, o->touch_ticks),
                                   hp_order_rest_lots(o, o->lots));
    if (HP_LIKELY(!hp_order_is_changing(o)) || need == HP_MONEY_BAD) return need;
    int64_t asked = hp_reserve_need(i, o->side, hp_reserve_worst(i, o->side, o->asked_ticks, o->touch_ticks),
                                    hp_order_rest_lots(o, o->asked_lots));
    return asked == HP_MONEY_BAD ? asked : hp_limit_most(asked, need);
}

/* Margin that a position holds: its open cost at the instrument's rate. */
static inline int64_t hp_reserve_position(const hp_instrument_t *i, const hp_lane_position_t *p)
{
    hp_wide_t sum = 0;
    if (i->contract == HP_CONTRACT_SPOT) return 0;
    for (int side = 0; side < HP_POSITION_SIDE_COUNT; side++) {
        hp_wide_t cost = hp_limit_most(p->cost_e8[side], -p->cost_e8[side]);
        sum += hp_wide_div(cost * hp_instrument_rate(i), HP_RATE_ONE, HP_ROUND_UP);
    }
    return hp_narrow(sum);
}

static inline hp_lane_funds_t *hp_funds_of(hp_lane_funds_t *all, uint32_t asset)
{
    return asset != 0 && asset <= HP_ASSETS_MAX && all[asset - 1].asset == asset ? &all[asset - 1] : NULL;
}

/* Move `amount` from free to a part (negative: back).  0 = a sum left 64 bits, nothing moved. */
static inline int hp_funds_move(hp_lane_funds_t *f, int64_t *part, int64_t amount)
{
    int64_t free_e8, held_e8;
    if (__builtin_sub_overflow(f->free_e8, amount, &free_e8) || __builtin_add_overflow(*part, amount, &held_e8)) return 0;
    f->free_e8 = free_e8;
    *part = held_e8;
    return 1;
}

/* The total has become another one by `amount`.  0 as above. */
static inline int hp_funds_add(hp_lane_funds_t *f, int64_t amount)
{
    int64_t free_e8, total_e8;
    if (__builtin_add_overflow(f->free_e8, amount, &free_e8) || __builtin_add_overflow(f->total_e8, amount, &total_e8)) return 0;
    f->free_e8 = free_e8;
    f->total_e8 = total_e8;
    return 1;
}

/* The venue's word about a wallet at its time `said_ns`: an older one changes nothing.  0 = refused. */
static inline int hp_funds_balance(hp_lane_funds_t *f, int64_t balance_e8, uint64_t said_ns)
{
    int64_t change;
    if (said_ns == 0) return 0;
    if (said_ns < f->said_ns) return 1;
    if (__builtin_sub_overflow(balance_e8, f->total_e8, &change) || !hp_funds_add(f, change)) return 0;
    f->said_ns = said_ns;
    f->balances++;
    return 1;
}

/* May this intent's order hold what it needs?  `target` is the order that a REPLACE changes: only what
 * it holds too little is asked for, and the intent's lots are those still to come.  The last step of the
 * gate. */
static inline int hp_reserve_allows(hp_lane_funds_t *all, const hp_instrument_t *i, const hp_intent_t *in,
                                    const hp_order_t *target, hp_verdict_t *v)
{
    if (hp_reserve_reduces(i, in->side, in->position_side, in->reduce_only)) return 1;
    hp_lane_funds_t *f = hp_funds_of(all, hp_reserve_asset(i, in->side));
    int64_t worst = hp_reserve_worst(i, in->side, in->price_ticks, hp_reserve_touches(i, in, target));
    int64_t need = hp_reserve_need(i, in->side, worst, in->lots);
    int64_t more = target == NULL || need == HP_MONEY_BAD ? need : need - target->reserved_e8;
    if (HP_LIKELY(f != NULL && more != HP_MONEY_BAD && (more <= 0 || more <= f->free_e8))) return 1;
    if (f != NULL) f->refused++;
    v->verdict = more == HP_MONEY_BAD ? HP_VERDICT_OVERFLOW : HP_VERDICT_RESERVATION;
    v->found = more == HP_MONEY_BAD ? in->price_ticks : more;
    v->wanted = more == HP_MONEY_BAD ? in->lots : f != NULL ? f->free_e8 : 0;
    return 0;
}

#endif
