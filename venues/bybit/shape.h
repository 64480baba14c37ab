/* shape.h - the fast reader: books and trades of exactly the shape that the venue sends.
 *
 * Owns:    a walk that checks every byte of them, and bybit_decode, which asks the general reader
 *          about everything else (tickers: some thirty fields, any of them absent).
 * Refuses: deciding what a message means: whatever is accepted here, schema.h reads alike.
 *
 * Steps as in hotpath/decode/scan.h: `p` is checked against `end` between any 48 bytes read. */
#ifndef BYBIT_SHAPE_H
#define BYBIT_SHAPE_H

#include "hotpath/decode/levels.h"
#include "schema.h"

#define BYBIT_FRAME_BYTES_MIN 96 /* no message of ours is shorter */

/* Past a symbol and its closing quote; NULL when it is another. */
static inline const char *bybit_symbol(const char *p, const char *end, const hp_symbol_t *symbol)
{
    const hp_instrument_t *i = &symbol->instrument;
    if (HP_UNLIKELY(!hp_equal(p, i->symbol, i->symbol_length))) return NULL;
    p += i->symbol_length;
    return p < end && *p == '"' ? p + 1 : NULL;
}

/* Each of these stands behind the head, at the frame's time.  1 = an event, 0 = not this shape: then
 * the event is as it was. */

static inline int bybit_scan_book(hp_head_t *head, const hp_symbol_t *symbol, const char *p,
                                  const char *end, hp_event_t *event, hp_levels_t *levels)
{
    uint8_t *guess = head->guess;
    hp_level_t *level = levels->at;
    const hp_level_t *limit = levels->at + HP_LEVELS_MAX;
    int64_t event_ns, match_ns = 0;
    const hp_whole_t ts = hp_whole_scan(p);
    HP_STEP(ts.size, guess);
    HP_EXPECT(",\"data\":{\"s\":\"");
    if (HP_UNLIKELY((p = bybit_symbol(p, end, symbol)) == NULL || p >= end)) return 0;
    HP_EXPECT(",\"b\":[");
    if (HP_UNLIKELY((p = hp_side_scan(p, end, symbol, &level, limit)) == NULL || p >= end)) return 0;
    const uint32_t bids = (uint32_t)(level - levels->at);
    HP_EXPECT(",\"a\":[");
    if (HP_UNLIKELY((p = hp_side_scan(p, end, symbol, &level, limit)) == NULL || p >= end)) return 0;
    const uint32_t asks = (uint32_t)(level - levels->at) - bids;
    HP_EXPECT(",\"u\":");
    const hp_whole_t update = hp_whole_scan(p);
    HP_STEP(update.size, guess + 1);
    if (HP_LIKELY(hp_literal(p, ",\"seq\":", 7))) {
        p += 7;
        const hp_whole_t seq = hp_whole_scan(p);
        HP_STEP(seq.size, guess + 2);
    }
    HP_EXPECT("}");
    if (HP_LIKELY(p < end && hp_literal(p, ",\"cts\":", 7))) {
        p += 7;
        const hp_whole_t cts = hp_whole_scan(p);
        HP_STEP(cts.size, guess + 3);
        if (HP_UNLIKELY(!hp_ms_to_ns(hp_whole_one(cts), &match_ns))) return 0;
    }
    if (HP_UNLIKELY(end - p != 1 || *p != '}' || !hp_ms_to_ns(hp_whole_one(ts), &event_ns))) return 0;
    const int is_top = head->what == BYBIT_HEAD_TOP;
    if (HP_UNLIKELY(is_top && (bids > 1 || asks > 1))) return 0;
    const uint64_t last = (uint64_t)hp_whole_one(update);
    const int is_snapshot = head->what == BYBIT_HEAD_SNAPSHOT || last == 1;
    hp_market_clear(event,
                    is_top        ? HP_EVENT_BOOK_TICKER
                    : is_snapshot ? HP_EVENT_SNAPSHOT
                                  : HP_EVENT_DEPTH,
                    symbol->instrument.id);
    event->event_ns = event_ns;
    event->match_ns = match_ns;
    event->last_id = last;
    if (HP_UNLIKELY(is_top)) {
        hp_market_top(event, bids ? levels->at : NULL, asks ? levels->at + bids : NULL);
    } else {
        event->bid_count = bids;
        event->ask_count = asks;
    }
    return 1;
}

/* One trade, as it stands in a frame. */
typedef struct bybit_deal {
    __m128i what;        /* size, price */
    int64_t match_ns;
    uint64_t id;
    int is_sell;
} bybit_deal_t;

static inline void bybit_take_deal(hp_event_t *event, const bybit_deal_t *deal, int64_t event_ns)
{
    event->flags = deal->is_sell ? HP_EVENT_BUYER_MAKER : 0;
    event->event_ns = event_ns;
    event->match_ns = deal->match_ns;
    _mm_storeu_si128((__m128i *)&event->body.trade.price_ticks, deal->what);
    event->body.trade.trade_id = deal->id;
}

static inline const char *bybit_bool(const char *p, const char *end)
{
    if (hp_literal(p, "false", 5)) return p + 5 < end ? p + 5 : NULL;
    return hp_literal(p, "true", 4) && p + 4 < end ? p + 4 : NULL;
}

/* From an object's '{' to behind its '}'. */
static inline const char *bybit_deal(const char *p, const char *end, uint8_t *guess,
                                     const hp_symbol_t *symbol, bybit_deal_t *deal)
{
    if (HP_UNLIKELY(p >= end || !hp_literal(p, "{\"T\":", 5))) return NULL;
    p += 5;
    const hp_whole_t time = hp_whole_scan(p);
    p = hp_step(p, time.size, guess);
    if (HP_UNLIKELY(time.size == 0 || p >= end || !hp_literal(p, ",\"s\":\"", 6))) return NULL;
    if (HP_UNLIKELY((p = bybit_symbol(p + 6, end, symbol)) == NULL || p >= end)) return NULL;
    deal->is_sell = hp_literal(p, ",\"S\":\"Sell", 10);
    if (HP_UNLIKELY(!deal->is_sell && !hp_literal(p, ",\"S\":\"Buy", 9))) return NULL;
    p += 9 + deal->is_sell;
    if (HP_UNLIKELY(p >= end || !hp_literal(p, "\",\"v\":\"", 7))) return NULL;
    p += 7;
    const hp_decimal_t size = hp_decimal_scan(p, &symbol->size);
    p = hp_step(p, size.size, guess + 1);
    if (HP_UNLIKELY(p >= end || !hp_literal(p, "\",\"p\":\"", 7))) return NULL;
    p += 7;
    const hp_decimal_t price = hp_decimal_scan(p, &symbol->price);
    p = hp_step(p, price.size, guess + 2);
    if (HP_UNLIKELY(p >= end || !hp_literal(p, "\",\"", 3))) return NULL;
    p += 3;
    if (hp_literal(p, "L\":\"", 4)) { /* not on spot */
        for (p += 4; p < end && ((*p | 32) >= 'a' && (*p | 32) <= 'z'); p++) {}
        if (HP_UNLIKELY(p >= end || !hp_literal(p, "\",\"", 3))) return NULL;
        p += 3;
    }
    if (HP_UNLIKELY(p >= end || !hp_literal(p, "i\":\"", 4))) return NULL;
    p += 4;
    const char *id = p;
    while (p < end && p - id < 40 && *p != '"' && *p != '\\') p++;
    if (HP_UNLIKELY(p >= end || !bybit_trade_id(id, (size_t)(p - id), &deal->id))) return NULL;
    if (HP_UNLIKELY(!hp_literal(p, "\",\"BT\":", 7))) return NULL;
    if (HP_UNLIKELY((p = bybit_bool(p + 7, end)) == NULL)) return NULL;
    if (hp_literal(p, ",\"RPI\":", 7) && (p = bybit_bool(p + 7, end)) == NULL) return NULL;
    if (hp_literal(p, ",\"seq\":", 7)) {
        const hp_whole_t seq = hp_whole_scan(p + 7);
        p += 7 + seq.size;
        if (HP_UNLIKELY(seq.size == 0)) return NULL;
    }
    if (HP_UNLIKELY(!hp_ms_to_ns(hp_whole_one(time), &deal->match_ns))) return NULL;
    if (HP_UNLIKELY(!hp_decimal_pair(price, size, &deal->what))) return NULL;
    return p < end && *p == '}' ? p + 1 : NULL;
}

static inline int bybit_scan_trades(hp_market_t *m, hp_head_t *head, const hp_symbol_t *symbol,
                                    const char *p, const char *end, hp_event_t *event)
{
    const hp_whole_t ts = hp_whole_scan(p);
    int64_t event_ns;
    HP_STEP(ts.size, head->guess);
    HP_EXPECT(",\"data\":[");
    if (HP_UNLIKELY(!hp_ms_to_ns(hp_whole_one(ts), &event_ns))) return 0;
    for (;; p++) {
        bybit_deal_t deal;
        p = bybit_deal(p, end, head->guess + 1, symbol, &deal);
        if (HP_UNLIKELY(p == NULL || p >= end)) return 0;
        const int is_last = end - p == 2 && hp_literal(p, "]}", 2);
        if (HP_LIKELY(is_last && m->more_count == 0)) {
            hp_market_clear(event, HP_EVENT_TRADE, symbol->instrument.id);
            bybit_take_deal(event, &deal, event_ns);
            return 1;
        }
        hp_event_t *to = hp_market_more(m, HP_EVENT_TRADE, symbol->instrument.id);
        if (HP_UNLIKELY(to == NULL)) return 0;
        bybit_take_deal(to, &deal, event_ns);
        if (is_last) return hp_market_next(m, event);
        if (*p != ',') return 0;
    }
}

/* 1 = an event, 0 = ask the general reader. */
static inline int bybit_scan(hp_market_t *m, const char *data, size_t size, hp_event_t *event,
                             hp_levels_t *levels)
{
    bybit_state_t *state = (bybit_state_t *)(void *)m;
    if (HP_UNLIKELY(size < BYBIT_FRAME_BYTES_MIN || size > HP_FRAME_BYTES_MAX)) return 0;
    hp_head_t *head = hp_heads_find(&state->heads, data, size);
    if (HP_UNLIKELY(head == NULL)) return 0;
    const hp_symbol_t *symbol = &m->symbols.at[head->at];
    const char *p = data + head->size, *end = data + size;
    if (head->what == BYBIT_HEAD_TRADES) return bybit_scan_trades(m, head, symbol, p, end, event);
    return bybit_scan_book(head, symbol, p, end, event, levels);
}

static inline int bybit_decode(void *opaque, const char *data, size_t size, hp_event_t *event,
                               hp_levels_t *levels)
{
    return hp_market_decode((hp_market_t *)opaque, bybit_scan, bybit_decode_general, data, size,
                            event, levels);
}

#endif
