/* shape.h - the fast reader: frames of exactly the shape that the venue sends.
 *
 * Owns:    a walk that checks every byte of the market messages, the shapes of 2022 included, and
 *          okx_decode, which asks the general reader about everything else.
 * Refuses: deciding what a message means: whatever is accepted here, schema.h reads alike.
 *
 * Steps as in hotpath/decode/scan.h: `p` is checked against `end` between any 48 bytes read.
 *
 * The venue sends asks first; levels stand bids first.  So asks are put behind the place that bids
 * can need, and moved when their number is known. */
#ifndef OKX_SHAPE_H
#define OKX_SHAPE_H

#include "schema.h"

#define OKX_FRAME_BYTES_MIN 96 /* no message of ours is shorter */
#define OKX_ASKS_AT (HP_LEVELS_MAX / 2)

static inline int okx_is_odd(const char *text, hp_decimal_t decimal)
{
    return decimal.point < decimal.size && text[decimal.size - 1] == '0';
}

/* ["px","sz","0","n"],... from behind a side's '[' to behind its ']'; NULL when not plain. */
static inline const char *okx_side(const char *p, const char *end, const hp_symbol_t *symbol,
                                   hp_level_t **to, const hp_level_t *limit, int *odd)
{
    hp_level_t *level = *to;
    uint8_t price_guess = 7, size_guess = 1, orders_guess = 1;
    if (*p == ']') return p + 1;
    for (;;) {
        if (HP_UNLIKELY(p >= end || level == limit)) return NULL;
        int good = hp_literal(p, "[\"", 2);
        p += 2;
        hp_decimal_t price = hp_decimal_scan(p, &symbol->price);
        *odd |= okx_is_odd(p, price);
        p = hp_step(p, price.size, &price_guess);
        good &= hp_literal(p, "\",\"", 3);
        p += 3;
        hp_decimal_t size = hp_decimal_scan(p, &symbol->size);
        *odd |= okx_is_odd(p, size);
        p = hp_step(p, size.size, &size_guess);
        if (HP_UNLIKELY(p >= end)) return NULL;
        good &= hp_literal(p, "\",\"0\",\"", 7);
        p += 7;
        const unsigned orders = hp_whole_scan(p).size;
        p = hp_step(p, orders, &orders_guess);
        good &= hp_literal(p, "\"]", 2) & (orders != 0);
        __m128i pair;
        good &= hp_decimal_pair(price, size, &pair);
        if (HP_UNLIKELY(!good)) return NULL;
        _mm_storeu_si128((__m128i *)level++, pair);
        p += 3;
        if (p[-1] == ',') continue;
        if (HP_UNLIKELY(p[-1] != ']')) return NULL;
        *to = level;
        return p;
    }
}

/* The whole number of a field, with its minus sign; NULL when there is none. */
static inline const char *okx_whole(const char *p, const char *end, int64_t *value)
{
    const int minus = *p == '-';
    const hp_whole_t whole = hp_whole_scan(p + minus);
    p += minus + (int)whole.size;
    if (HP_UNLIKELY(whole.size == 0 || p >= end)) return NULL;
    *value = minus ? -hp_whole_one(whole) : hp_whole_one(whole);
    return p;
}

/* Milliseconds in quotes, from behind the first; NULL when not plain. */
static inline const char *okx_time(const char *p, const char *end, uint8_t *guess, int64_t *time_ns)
{
    const hp_whole_t ms = hp_whole_scan(p);
    p = hp_step(p, ms.size, guess);
    if (HP_UNLIKELY(ms.size == 0 || p >= end || *p != '"')) return NULL;
    return hp_ms_to_ns(hp_whole_one(ms), time_ns) && p + 1 < end ? p + 1 : NULL;
}

/* Each of these stands behind the head.  1 = an event, 0 = not this shape: then the event is as it
 * was. */

static inline int okx_scan_depth(hp_head_t *head, const hp_symbol_t *symbol, const char *p,
                                 const char *end, hp_event_t *event, hp_levels_t *levels)
{
    hp_level_t *bid = levels->at, *ask = levels->at + OKX_ASKS_AT;
    const uint32_t channel = head->what & ~(uint32_t)OKX_SNAPSHOT;
    const hp_instrument_t *i = &symbol->instrument;
    int odd = 0, seen = 0;
    int64_t time_ns, checksum = 0, seq = 0, previous = 0;
    p = okx_side(p, end, symbol, &ask, levels->at + HP_LEVELS_MAX, &odd);
    if (HP_UNLIKELY(p == NULL || p >= end)) return 0;
    HP_EXPECT(",\"bids\":[");
    p = okx_side(p, end, symbol, &bid, levels->at + OKX_ASKS_AT, &odd);
    if (HP_UNLIKELY(p == NULL || p >= end)) return 0;
    if (HP_UNLIKELY(hp_literal(p, ",\"instId\":\"", 11))) {
        if (!hp_equal(p + 11, i->symbol, i->symbol_length)) return 0;
        p += 11 + i->symbol_length;
        if (p >= end || *p != '"') return 0;
        p++;
    }
    HP_EXPECT(",\"ts\":\"");
    if (HP_UNLIKELY((p = okx_time(p, end, head->guess, &time_ns)) == NULL)) return 0;
    while (*p == ',') {
        if (hp_literal(p, ",\"checksum\":", 12)) {
            if (HP_UNLIKELY(seen & 1)) return 0;
            seen |= 1;
            p = okx_whole(p + 12, end, &checksum);
        } else if (hp_literal(p, ",\"seqId\":", 9)) {
            if (HP_UNLIKELY((seen & 2) || p[9] == '-')) return 0;
            seen |= 2;
            p = okx_whole(p + 9, end, &seq);
        } else if (hp_literal(p, ",\"prevSeqId\":", 13)) {
            if (HP_UNLIKELY(seen & 4)) return 0;
            seen |= 4;
            p = okx_whole(p + 13, end, &previous);
        } else {
            return 0;
        }
        if (HP_UNLIKELY(p == NULL)) return 0;
    }
    if (HP_UNLIKELY(end - p != 3 || !hp_literal(p, "}]}", 3))) return 0;
    if (HP_UNLIKELY(checksum != (int32_t)checksum)) return 0;
    const uint32_t bids = (uint32_t)(bid - levels->at);
    const uint32_t asks = (uint32_t)(ask - (levels->at + OKX_ASKS_AT));
    if (channel == OKX_BBO) {
        if (HP_UNLIKELY(bids > 1 || asks > 1)) return 0;
        hp_market_clear(event, HP_EVENT_BOOK_TICKER, i->id);
        event->event_ns = time_ns;
        event->last_id = (uint64_t)seq;
        hp_market_top(event, bids ? levels->at : NULL, asks ? ask - 1 : NULL);
        return 1;
    }
    if (HP_UNLIKELY(channel != OKX_BOOKS_5 && (seen >> 1 & 1) != (seen >> 2 & 1))) return 0;
    memmove(bid, levels->at + OKX_ASKS_AT, asks * sizeof *bid);
    hp_market_clear(event,
                    channel == OKX_BOOKS_5 || (head->what & OKX_SNAPSHOT) ? HP_EVENT_SNAPSHOT
                                                                          : HP_EVENT_DEPTH,
                    i->id);
    event->event_ns = time_ns;
    okx_fill_depth(event, symbol, bids, asks, seq, previous, checksum, odd);
    return 1;
}

/* One trade, as it stands in a frame. */
typedef struct okx_deal {
    __m128i what;
    int64_t trade, count, time_ns;
    int is_sell, is_counted;
} okx_deal_t;

static inline void okx_take_deal(hp_event_t *event, const okx_deal_t *deal)
{
    _mm_storeu_si128((__m128i *)&event->body.trade.price_ticks, deal->what);
    okx_fill_trade(event, deal->time_ns, deal->trade, deal->count, deal->is_sell);
}

/* From behind "tradeId":" to behind the object's '}'. */
static inline const char *okx_deal(const char *p, const char *end, uint8_t *guess,
                                   const hp_symbol_t *symbol, okx_deal_t *deal)
{
    const hp_whole_t trade = hp_whole_scan(p);
    p = hp_step(p, trade.size, guess);
    if (HP_UNLIKELY(trade.size == 0 || p >= end || !hp_literal(p, "\",\"px\":\"", 8))) return NULL;
    p += 8;
    const hp_decimal_t price = hp_decimal_scan(p, &symbol->price);
    p = hp_step(p, price.size, guess + 1);
    if (HP_UNLIKELY(p >= end || !hp_literal(p, "\",\"sz\":\"", 8))) return NULL;
    p += 8;
    const hp_decimal_t size = hp_decimal_scan(p, &symbol->size);
    p = hp_step(p, size.size, guess + 2);
    if (HP_UNLIKELY(p >= end)) return NULL;
    deal->is_sell = hp_literal(p, "\",\"side\":\"sell", 14);
    if (HP_UNLIKELY(!deal->is_sell && !hp_literal(p, "\",\"side\":\"buy", 13))) return NULL;
    p += 13 + deal->is_sell;
    if (HP_UNLIKELY(p >= end || !hp_literal(p, "\",\"ts\":\"", 8))) return NULL;
    if (HP_UNLIKELY((p = okx_time(p + 8, end, guess + 3, &deal->time_ns)) == NULL)) return NULL;
    deal->is_counted = hp_literal(p, ",\"count\":\"", 10);
    deal->count = 1;
    if (deal->is_counted) {
        const hp_whole_t count = hp_whole_scan(p + 10);
        p += 10 + count.size;
        if (HP_UNLIKELY(count.size == 0 || p >= end || *p != '"')) return NULL;
        deal->count = hp_whole_one(count);
        p++;
    }
    if (hp_literal(p, ",\"source\":\"0\"", 13)) p += 13;
    if (p < end && hp_literal(p, ",\"seqId\":", 9)) {
        const hp_whole_t seq = hp_whole_scan(p + 9);
        p += 9 + seq.size;
        if (HP_UNLIKELY(seq.size == 0)) return NULL;
    }
    deal->trade = hp_whole_one(trade);
    if (HP_UNLIKELY(!hp_decimal_pair(price, size, &deal->what))) return NULL;
    return p < end && *p == '}' ? p + 1 : NULL;
}

static inline int okx_scan_trades(hp_market_t *m, hp_head_t *head, const hp_symbol_t *symbol,
                                  const char *p, const char *end, hp_event_t *event)
{
    const unsigned again = symbol->instrument.symbol_length + 24u; /* {"instId":"X","tradeId":" */
    for (;;) {
        okx_deal_t deal;
        p = okx_deal(p, end, head->guess, symbol, &deal);
        if (HP_UNLIKELY(p == NULL || p >= end)) return 0;
        const uint8_t kind = deal.is_counted ? HP_EVENT_AGG_TRADE : HP_EVENT_TRADE;
        const int is_last = end - p == 2 && hp_literal(p, "]}", 2);
        if (HP_LIKELY(is_last && m->more_count == 0)) {
            hp_market_clear(event, kind, symbol->instrument.id);
            okx_take_deal(event, &deal);
            return 1;
        }
        hp_event_t *to = hp_market_more(m, kind, symbol->instrument.id);
        if (HP_UNLIKELY(to == NULL)) return 0;
        okx_take_deal(to, &deal);
        if (is_last) return hp_market_next(m, event);
        if (*p != ',' || end - p <= (ptrdiff_t)again ||
            !hp_equal(p + 1, head->text + head->size - again, again))
            return 0;
        p += again + 1;
    }
}

static inline int okx_scan_mark(hp_market_t *m, hp_head_t *head, const hp_symbol_t *symbol,
                                const char *p, const char *end, hp_event_t *event)
{
    const hp_instrument_t *i = &symbol->instrument;
    int64_t time_ns;
    __m128i pair;
    const char *word = p;
    while (*p >= 'A' && *p <= 'Z' && p - word < 16) p++; /* SWAP, FUTURES */
    if (p >= end) return 0;
    HP_EXPECT("\",\"instId\":\"");
    if (p >= end || !hp_equal(p, i->symbol, i->symbol_length)) return 0;
    p += i->symbol_length;
    if (p >= end) return 0;
    HP_EXPECT("\",\"markPx\":\"");
    const hp_decimal_t mark = hp_decimal_scan(p, &m->money);
    HP_STEP(mark.size, head->guess);
    HP_EXPECT("\",\"ts\":\"");
    if (HP_UNLIKELY((p = okx_time(p, end, head->guess + 1, &time_ns)) == NULL)) return 0;
    if (end - p != 3 || !hp_literal(p, "}]}", 3) || !hp_decimal_pair(mark, mark, &pair)) return 0;
    hp_market_clear(event, HP_EVENT_MARK_PRICE, i->id);
    event->event_ns = time_ns;
    event->body.mark.mark_e8 = _mm_cvtsi128_si64(pair);
    event->body.mark.has = HP_MARK_PRICE;
    return 1;
}

static inline int okx_scan_funding(hp_market_t *m, hp_head_t *head, const hp_symbol_t *symbol,
                                   const char *p, const char *end, hp_event_t *event)
{
    int64_t funding_ns, next_ns, time_ns;
    __m128i pair;
    const int minus = *p == '-';
    p += minus;
    const hp_decimal_t rate = hp_decimal_scan(p, &m->money);
    HP_STEP(rate.size, head->guess);
    HP_EXPECT("\",\"nextFunding");
    HP_EXPECT("Rate\":\"");
    const int next_minus = *p == '-';
    p += next_minus;
    const hp_decimal_t next = hp_decimal_scan(p, &m->money);
    HP_STEP(next.size, head->guess + 1);
    HP_EXPECT("\",\"fundingTime\":");
    HP_EXPECT("\"");
    if (HP_UNLIKELY((p = okx_time(p, end, head->guess + 2, &funding_ns)) == NULL)) return 0;
    HP_EXPECT(",\"nextFunding");
    HP_EXPECT("Time\":\"");
    if (HP_UNLIKELY((p = okx_time(p, end, head->guess + 3, &next_ns)) == NULL)) return 0;
    HP_EXPECT(",\"ts\":\"");
    if (HP_UNLIKELY((p = okx_time(p, end, head->guess + 4, &time_ns)) == NULL)) return 0;
    if (end - p != 3 || !hp_literal(p, "}]}", 3) || !hp_decimal_pair(rate, next, &pair)) return 0;
    hp_market_clear(event, HP_EVENT_MARK_PRICE, symbol->instrument.id);
    event->event_ns = time_ns;
    const int64_t value = _mm_cvtsi128_si64(pair);
    event->body.mark.funding_e8 = minus ? -value : value;
    event->body.mark.next_funding_ns = funding_ns;
    event->body.mark.has = HP_MARK_FUNDING | HP_MARK_NEXT_FUNDING;
    return 1;
}

/* 1 = an event, 0 = ask the general reader. */
static inline int okx_scan(hp_market_t *m, const char *data, size_t size, hp_event_t *event,
                           hp_levels_t *levels)
{
    okx_state_t *state = (okx_state_t *)(void *)m;
    if (HP_UNLIKELY(size < OKX_FRAME_BYTES_MIN || size > HP_FRAME_BYTES_MAX)) return 0;
    hp_head_t *head = hp_heads_find(&state->heads, data, size);
    if (HP_UNLIKELY(head == NULL)) return 0;
    const hp_symbol_t *symbol = &m->symbols.at[head->at];
    const char *p = data + head->size, *end = data + size;
    const uint32_t channel = head->what & ~(uint32_t)OKX_SNAPSHOT;
    switch (channel) {
    case OKX_TRADES: case OKX_TRADES_ALL: return okx_scan_trades(m, head, symbol, p, end, event);
    case OKX_FUNDING: return okx_scan_funding(m, head, symbol, p, end, event);
    case OKX_MARK: return okx_scan_mark(m, head, symbol, p, end, event);
    default:
        if (HP_UNLIKELY(channel != OKX_BBO && channel != state->book)) return 0;
        return okx_scan_depth(head, symbol, p, end, event, levels);
    }
}

static inline int okx_decode(void *opaque, const char *data, size_t size, hp_event_t *event,
                             hp_levels_t *levels)
{
    return hp_market_decode((hp_market_t *)opaque, okx_scan, okx_decode_general, data, size, event,
                            levels);
}

#endif
