/* position.h - what fills make: positions, realised PnL, and the memory of fills already booked.
 *
 * Owns:    the fill key set (venue is the lane's, so: account, instrument, trade id, side) and the
 *          arithmetic of a position per position side.
 * Refuses: orders (state.h), marking to market, other people's rounding: an open cost is the sum of fill
 *          notionals, each rounded against us where it does not fit 1e-8, and closing a part takes its share.
 *
 * The set is bounded: it forgets the oldest key after HP_FILLS_KEPT newer ones, and from then on takes
 * every id of that instrument up to it for known (the venue counts them upwards): a list of old trades,
 * asked for again, books nothing twice. */
#ifndef HP_ORDER_POSITION_H
#define HP_ORDER_POSITION_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fixed.h"
#include "instrument.h"
#include "intent.h"
#include "page.h"

#define HP_FILLS_KEPT 32768u                 /* a power of two */
#define HP_FILLS_INDEX (HP_FILLS_KEPT * 2u)

typedef struct hp_fill_key {
    uint64_t trade_id;
    uint32_t instrument;
    uint16_t account;
    uint8_t  side;
    uint8_t  is_used;
} hp_fill_key_t;

typedef struct hp_fills {
    uint64_t count;                          /* keys ever taken */
    hp_fill_key_t kept[HP_FILLS_KEPT];       /* ring, oldest overwritten */
    uint32_t index[HP_FILLS_INDEX];          /* position in `kept` + 1; 0 = empty */
    uint64_t forgotten[HP_LANE_INSTRUMENTS_MAX]; /* highest id forgotten, by instrument */
} hp_fills_t;

static inline uint32_t hp_fill_hash(const hp_fill_key_t *k)
{
    uint64_t h = k->trade_id * 0x9e3779b97f4a7c15ull;
    h ^= ((uint64_t)k->instrument << 32 | (uint64_t)k->account << 8 | k->side) * 0xc2b2ae3d27d4eb4full;
    return (uint32_t)((h * 0x9e3779b97f4a7c15ull) >> 40) & (HP_FILLS_INDEX - 1);
}

static inline int hp_fill_same(const hp_fill_key_t *a, const hp_fill_key_t *b)
{
    return a->trade_id == b->trade_id && a->instrument == b->instrument && a->account == b->account && a->side == b->side;
}

static inline void hp_fills_forget(hp_fills_t *f, uint32_t position)
{
    const hp_fill_key_t *old = &f->kept[position];
    uint32_t mask = HP_FILLS_INDEX - 1, i = hp_fill_hash(old);
    if (old->trade_id > f->forgotten[old->instrument]) f->forgotten[old->instrument] = old->trade_id;
    while (f->index[i] != position + 1) {
        HP_ASSERT(f->index[i] != 0);
        i = (i + 1) & mask;
    }
    for (uint32_t j = (i + 1) & mask; f->index[j] != 0; j = (j + 1) & mask) {
        uint32_t home = hp_fill_hash(&f->kept[f->index[j] - 1]);
        if (((j - home) & mask) >= ((j - i) & mask)) { f->index[i] = f->index[j]; i = j; }
    }
    f->index[i] = 0;
}

static inline int hp_fills_know(const hp_fills_t *f, uint32_t account, uint32_t instrument, uint64_t trade_id, uint8_t side)
{
    hp_fill_key_t key = { trade_id, instrument, (uint16_t)account, side, 1 };
    HP_ASSERT(instrument < HP_LANE_INSTRUMENTS_MAX);
    if (trade_id <= f->forgotten[instrument]) return 1;
    for (uint32_t i = hp_fill_hash(&key); f->index[i] != 0; i = (i + 1) & (HP_FILLS_INDEX - 1))
        if (hp_fill_same(&f->kept[f->index[i] - 1], &key)) return 1;
    return 0;
}

/* 1 when the key is new (and is now remembered), 0 when this fill has been booked already. */
static inline int hp_fills_take(hp_fills_t *f, uint32_t account, uint32_t instrument, uint64_t trade_id, uint8_t side)
{
    hp_fill_key_t key = { trade_id, instrument, (uint16_t)account, side, 1 };
    uint32_t mask = HP_FILLS_INDEX - 1, i = hp_fill_hash(&key);
    HP_ASSERT(instrument < HP_LANE_INSTRUMENTS_MAX);
    if (trade_id <= f->forgotten[instrument]) return 0;
    for (; f->index[i] != 0; i = (i + 1) & mask)
        if (hp_fill_same(&f->kept[f->index[i] - 1], &key)) return 0;
    uint32_t position = (uint32_t)(f->count++ & (HP_FILLS_KEPT - 1));
    if (f->kept[position].is_used) {
        hp_fills_forget(f, position);
        for (i = hp_fill_hash(&key); f->index[i] != 0; i = (i + 1) & mask) {}
    }
    f->kept[position] = key;
    f->index[i] = position + 1;
    return 1;
}

static inline int64_t hp_abs64(int64_t v) { return v < 0 ? -v : v; }

/* Signed lots that `side` adds to the net of its position side (SHORT positions are negative). */
static inline int64_t hp_signed_lots(uint8_t side, int64_t lots) { return side == HP_SIDE_BUY ? lots : -lots; }

/* What of a fill's fee is money of the position: a fee in another asset (BNB) is none of it, the ledger has
 * it.  Asset 0: nobody said, or the venue knows one only. */
static inline int64_t hp_position_fee(const hp_instrument_t *i, uint32_t asset, int64_t fee_e8)
{
    return asset == 0 || i->settle_asset == 0 || asset == i->settle_asset ? fee_e8 : 0;
}

/* The part of a signed cost that closing some of the lots releases: towards zero, as the venues of linear
 * contracts have it; of an inverse one so that what is realised is not too much.  What is cut of a linear
 * one stays in the open cost: no money is lost, and realised and open are each off by less than 1e-8 for
 * every partial close since the position was flat, by no more than its most lots, by nothing once flat. */
static inline int64_t hp_position_share(const hp_instrument_t *i, int64_t cost, int64_t closing, int64_t held)
{
    hp_wide_t share = (hp_wide_t)cost * closing;
    return (int64_t)(i->contract == HP_CONTRACT_INVERSE ? hp_wide_div(share, held, HP_ROUND_DOWN) : share / held);
}

/* Book one fill.  Returns 0 when a product left 64 bits: the position is untouched and the caller
 * trips the kill word, because no number after it could be trusted. */
static inline int hp_position_fill(hp_lane_position_t *p, const hp_instrument_t *i, uint8_t position_side,
                                   uint8_t side, int64_t price_ticks, int64_t lots, int64_t fee_e8)
{
    HP_ASSERT(position_side < HP_POSITION_SIDE_COUNT && lots > 0);
    enum hp_rounding rounding = hp_instrument_rounding(i, side == HP_SIDE_BUY);
    int64_t notional = hp_instrument_notional(i, price_ticks, lots, rounding);
    if (notional == HP_MONEY_BAD) return 0;
    int64_t held = p->lots[position_side], cost = p->cost_e8[position_side];
    int64_t delta = hp_signed_lots(side, lots);
    int64_t closing = 0;
    if ((held > 0 && delta < 0) || (held < 0 && delta > 0))
        closing = hp_abs64(delta) < hp_abs64(held) ? hp_abs64(delta) : hp_abs64(held);

    int64_t closed_cost = 0, closed_value = 0;
    if (closing > 0) {
        closed_cost = hp_position_share(i, cost, closing, hp_abs64(held));
        closed_value = closing == lots ? notional : hp_instrument_notional(i, price_ticks, closing, rounding);
        if (closed_value == HP_MONEY_BAD) return 0;
    }
    int64_t opened_value = notional - closed_value;
    int64_t sign = side == HP_SIDE_BUY ? 1 : -1;
    int64_t realised = hp_money_add(p->realised_e8, hp_narrow(hp_instrument_gain(i, -sign * closed_value, closed_cost)));
    int64_t new_cost = hp_money_add(cost - closed_cost, sign * opened_value);
    int64_t fees = hp_money_add(p->fees_e8, fee_e8);
    if (realised == HP_MONEY_BAD || new_cost == HP_MONEY_BAD || fees == HP_MONEY_BAD) return 0;
    p->lots[position_side] = held + delta;
    p->cost_e8[position_side] = new_cost;
    p->realised_e8 = realised;
    p->fees_e8 = fees;
    if (side == HP_SIDE_BUY) p->bought_lots += lots;
    else p->sold_lots += lots;
    return 1;
}

/* Net position over all sides. */
static inline int64_t hp_position_net(const hp_lane_position_t *p) { return p->lots[0] + p->lots[1] + p->lots[2]; }

#endif
