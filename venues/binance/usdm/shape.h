/* shape.h - the fast reader: combined-stream messages of exactly the shape that the venue sends.
 *
 * Owns:    a walk that checks every byte of the five market messages, "ps" behind "s" and "st":1 at
 *          the end included, and usdm_decode, which asks the general reader about everything else.
 * Refuses: deciding what a message means: whatever is accepted here, schema.h reads alike (tests
 *          hold them to it, byte for byte).
 *
 * The walk trusts nothing past `end` but that 64 bytes can be read there: each step reads at most
 * 48 bytes from a position that was checked to be inside. */
#ifndef USDM_SHAPE_H
#define USDM_SHAPE_H

#include "hotpath/decode/scan.h"
#include "schema.h"

#define USDM_FRAME_BYTES_MIN 96 /* no message of ours is shorter, and a head may be loaded whole */
#define USDM_TIME_MS_MAX (INT64_MAX / 1000000)

static inline int64_t usdm_low(__m128i pair) { return _mm_cvtsi128_si64(pair); }
static inline int64_t usdm_high(__m128i pair) { return _mm_extract_epi64(pair, 1); }
static inline void usdm_store(void *to, __m128i pair) { _mm_storeu_si128((__m128i *)to, pair); }

/* The stream that a frame's head names, or NULL. */
static inline usdm_stream_t *usdm_find_stream(usdm_state_t *state, const char *data)
{
    uint32_t slot = usdm_name_hash(data + USDM_NAME_AT);
    for (; state->stream_at[slot] != 0; slot = (slot + 1) & (USDM_STREAM_SLOTS - 1)) {
        usdm_stream_t *stream = &state->streams[state->stream_at[slot] - 1];
        if (HP_LIKELY(hp_equal(data, stream->head, stream->head_size))) return stream;
    }
    return NULL;
}

/* Past ,"s":"BTCUSDT" and perhaps ,"ps":"BTCUSDT"; NULL when it is another. */
static inline const char *usdm_symbol(const char *p, const char *end, const usdm_stream_t *stream)
{
    if (HP_UNLIKELY(!hp_equal(p, stream->symbol, stream->symbol_size))) return NULL;
    p += stream->symbol_size;
    if (HP_UNLIKELY(p >= end)) return NULL;
    if (hp_literal(p, ",\"ps\":\"", 7)) {
        if (!hp_equal(p + 7, stream->symbol + 6, stream->symbol_size - 6u)) return NULL;
        p += stream->symbol_size + 1;
    }
    return p;
}

/* }} or ,"st":1}} and nothing behind it. */
static inline int usdm_tail(const char *p, const char *end)
{
    ptrdiff_t left = end - p;
    return (left == 2 && hp_literal(p, "}}", 2)) || (left == 9 && hp_literal(p, ",\"st\":1}}", 9));
}

/* The levels of one side, from behind its '[' to behind its ']'; NULL when not plain. */
static inline const char *usdm_side(const char *p, const char *end, const hp_symbol_t *symbol,
                                    hp_level_t **to, const hp_level_t *limit)
{
    hp_level_t *level = *to;
    uint8_t price_guess = 8, size_guess = 5;
    if (*p == ']') return p + 1;
    for (;;) {
        if (HP_UNLIKELY(p >= end || level == limit)) return NULL;
        int good = hp_literal(p, "[\"", 2);
        p += 2;
        hp_decimal_t price = hp_decimal_scan(p, &symbol->price);
        p = hp_step(p, price.size, &price_guess);
        good &= hp_literal(p, "\",\"", 3);
        p += 3;
        hp_decimal_t size = hp_decimal_scan(p, &symbol->size);
        p = hp_step(p, size.size, &size_guess);
        good &= hp_literal(p, "\"]", 2);
        __m128i pair;
        good &= hp_decimal_pair(price, size, &pair);
        if (HP_UNLIKELY(!good)) return NULL;
        usdm_store(level++, pair);
        p += 3;
        if (p[-1] == ',') continue;
        if (HP_UNLIKELY(p[-1] != ']')) return NULL;
        *to = level;
        return p;
    }
}

/* Two numbers of milliseconds as two of nanoseconds; 0 = beyond what those hold. */
static inline int usdm_times(hp_whole_t a_ms, hp_whole_t b_ms, int64_t *a_ns, int64_t *b_ns)
{
    const __m128i both = hp_whole_pair(a_ms, b_ms);
    const int64_t a = usdm_low(both), b = usdm_high(both);
    *a_ns = (int64_t)((uint64_t)a * 1000000);
    *b_ns = (int64_t)((uint64_t)b * 1000000);
    return a <= USDM_TIME_MS_MAX && b <= USDM_TIME_MS_MAX;
}

/* true or false, as the flag of the event; NULL when neither. */
static inline const char *usdm_maker(const char *p, uint8_t *flags)
{
    int maker = hp_literal(p, "true", 4);
    if (HP_UNLIKELY(!maker && !hp_literal(p, "false", 5))) return NULL;
    *flags = maker ? HP_EVENT_BUYER_MAKER : 0;
    return p + (maker ? 4 : 5);
}

/* Each of these stands behind the head, at the first value.  1 = an event, 0 = not this shape: then
 * the event is as it was. */

static inline int usdm_scan_depth(usdm_stream_t *stream, const hp_symbol_t *symbol, const char *p,
                                  const char *end, hp_event_t *event, hp_levels_t *levels)
{
    uint8_t *guess = stream->guess;
    hp_whole_t event_ms = hp_whole_scan(p);
    HP_STEP(event_ms.size, guess);
    HP_EXPECT(",\"T\":");
    hp_whole_t match_ms = hp_whole_scan(p);
    HP_STEP(match_ms.size, guess + 1);
    if (HP_UNLIKELY((p = usdm_symbol(p, end, stream)) == NULL || p >= end)) return 0;
    HP_EXPECT(",\"U\":");
    hp_whole_t first = hp_whole_scan(p);
    HP_STEP(first.size, guess + 2);
    HP_EXPECT(",\"u\":");
    hp_whole_t last = hp_whole_scan(p);
    HP_STEP(last.size, guess + 3);
    HP_EXPECT(",\"pu\":");
    hp_whole_t previous = hp_whole_scan(p);
    HP_STEP(previous.size, guess + 4);
    HP_EXPECT(",\"b\":[");
    hp_level_t *level = levels->at;
    const hp_level_t *limit = levels->at + HP_LEVELS_MAX;
    if (HP_UNLIKELY((p = usdm_side(p, end, symbol, &level, limit)) == NULL || p >= end)) return 0;
    const uint32_t bids = (uint32_t)(level - levels->at);
    HP_EXPECT(",\"a\":[");
    if (HP_UNLIKELY((p = usdm_side(p, end, symbol, &level, limit)) == NULL || !usdm_tail(p, end)))
        return 0;
    int64_t first_ns, second_ns;
    if (HP_UNLIKELY(!usdm_times(event_ms, match_ms, &first_ns, &second_ns))) return 0;
    usdm_clear(event, HP_EVENT_DEPTH, symbol->instrument.id);
    usdm_store(&event->first_id, hp_whole_pair(first, last));
    event->prev_id = (uint64_t)hp_whole_one(previous);
    event->bid_count = bids;
    event->ask_count = (uint32_t)(level - levels->at) - bids;
    event->event_ns = first_ns;
    event->match_ns = second_ns;
    return 1;
}

static inline int usdm_scan_ticker(usdm_stream_t *stream, const hp_symbol_t *symbol, const char *p,
                                   const char *end, hp_event_t *event)
{
    __m128i best_bid, best_ask;
    uint8_t *guess = stream->guess;
    hp_whole_t last = hp_whole_scan(p);
    HP_STEP(last.size, guess);
    if (HP_UNLIKELY((p = usdm_symbol(p, end, stream)) == NULL || p >= end)) return 0;
    HP_EXPECT(",\"b\":\"");
    hp_decimal_t bid = hp_decimal_scan(p, &symbol->price);
    HP_STEP(bid.size, guess + 1);
    HP_EXPECT("\",\"B\":\"");
    hp_decimal_t bid_size = hp_decimal_scan(p, &symbol->size);
    HP_STEP(bid_size.size, guess + 2);
    HP_EXPECT("\",\"a\":\"");
    hp_decimal_t ask = hp_decimal_scan(p, &symbol->price);
    HP_STEP(ask.size, guess + 3);
    HP_EXPECT("\",\"A\":\"");
    hp_decimal_t ask_size = hp_decimal_scan(p, &symbol->size);
    HP_STEP(ask_size.size, guess + 4);
    HP_EXPECT("\",\"T\":");
    hp_whole_t match_ms = hp_whole_scan(p);
    HP_STEP(match_ms.size, guess + 5);
    HP_EXPECT(",\"E\":");
    hp_whole_t event_ms = hp_whole_scan(p);
    HP_STEP(event_ms.size, guess + 6);
    int good = hp_decimal_pair(bid, bid_size, &best_bid) &
               hp_decimal_pair(ask, ask_size, &best_ask);
    if (HP_UNLIKELY(!good || !usdm_tail(p, end))) return 0;
    int64_t first_ns, second_ns;
    if (HP_UNLIKELY(!usdm_times(event_ms, match_ms, &first_ns, &second_ns))) return 0;
    usdm_clear(event, HP_EVENT_BOOK_TICKER, symbol->instrument.id);
    event->last_id = (uint64_t)hp_whole_one(last);
    usdm_store(&event->body.top.bid_ticks, best_bid);
    usdm_store(&event->body.top.ask_ticks, best_ask);
    event->event_ns = first_ns;
    event->match_ns = second_ns;
    return 1;
}

static inline int usdm_scan_aggregate(usdm_stream_t *stream, const hp_symbol_t *symbol,
                                      const char *p, const char *end, hp_event_t *event)
{
    __m128i dealt;
    uint8_t *guess = stream->guess, flags;
    hp_whole_t event_ms = hp_whole_scan(p);
    HP_STEP(event_ms.size, guess);
    HP_EXPECT(",\"a\":");
    hp_whole_t trade = hp_whole_scan(p);
    HP_STEP(trade.size, guess + 1);
    if (HP_UNLIKELY((p = usdm_symbol(p, end, stream)) == NULL || p >= end)) return 0;
    HP_EXPECT(",\"p\":\"");
    hp_decimal_t price = hp_decimal_scan(p, &symbol->price);
    HP_STEP(price.size, guess + 2);
    HP_EXPECT("\",\"q\":\"");
    hp_decimal_t size = hp_decimal_scan(p, &symbol->size);
    HP_STEP(size.size, guess + 3);
    HP_EXPECT("\",\"f\":");
    hp_whole_t first = hp_whole_scan(p);
    HP_STEP(first.size, guess + 4);
    HP_EXPECT(",\"l\":");
    hp_whole_t last = hp_whole_scan(p);
    HP_STEP(last.size, guess + 5);
    HP_EXPECT(",\"T\":");
    hp_whole_t match_ms = hp_whole_scan(p);
    HP_STEP(match_ms.size, guess + 6);
    HP_EXPECT(",\"m\":");
    if (HP_UNLIKELY((p = usdm_maker(p, &flags)) == NULL || !usdm_tail(p, end))) return 0;
    if (HP_UNLIKELY(!hp_decimal_pair(price, size, &dealt))) return 0;
    int64_t first_ns, second_ns;
    if (HP_UNLIKELY(!usdm_times(event_ms, match_ms, &first_ns, &second_ns))) return 0;
    usdm_clear(event, HP_EVENT_AGG_TRADE, symbol->instrument.id);
    event->flags = flags;
    usdm_store(&event->first_id, hp_whole_pair(first, last));
    usdm_store(&event->body.trade.price_ticks, dealt);
    event->body.trade.trade_id = (uint64_t)hp_whole_one(trade);
    event->event_ns = first_ns;
    event->match_ns = second_ns;
    return 1;
}

static inline int usdm_scan_trade(usdm_stream_t *stream, const hp_symbol_t *symbol, const char *p,
                                  const char *end, hp_event_t *event)
{
    __m128i dealt;
    uint8_t *guess = stream->guess, flags;
    hp_whole_t event_ms = hp_whole_scan(p);
    HP_STEP(event_ms.size, guess);
    HP_EXPECT(",\"T\":");
    hp_whole_t match_ms = hp_whole_scan(p);
    HP_STEP(match_ms.size, guess + 1);
    if (HP_UNLIKELY((p = usdm_symbol(p, end, stream)) == NULL || p >= end)) return 0;
    HP_EXPECT(",\"t\":");
    hp_whole_t trade = hp_whole_scan(p);
    HP_STEP(trade.size, guess + 2);
    HP_EXPECT(",\"p\":\"");
    hp_decimal_t price = hp_decimal_scan(p, &symbol->price);
    HP_STEP(price.size, guess + 3);
    HP_EXPECT("\",\"q\":\"");
    hp_decimal_t size = hp_decimal_scan(p, &symbol->size);
    HP_STEP(size.size, guess + 4);
    HP_EXPECT("\",\"X\":\"");
    if (HP_LIKELY(hp_literal(p, "MARKET", 6))) p += 6;
    while (p < end && ((*p >= 'A' && *p <= 'Z') || *p == '_')) p++; /* INSURANCE_FUND, NA */
    if (HP_UNLIKELY(p >= end)) return 0;
    HP_EXPECT("\",\"m\":");
    if (HP_UNLIKELY((p = usdm_maker(p, &flags)) == NULL || !usdm_tail(p, end))) return 0;
    if (HP_UNLIKELY(!hp_decimal_pair(price, size, &dealt))) return 0;
    int64_t first_ns, second_ns;
    if (HP_UNLIKELY(!usdm_times(event_ms, match_ms, &first_ns, &second_ns))) return 0;
    usdm_clear(event, HP_EVENT_TRADE, symbol->instrument.id);
    event->flags = flags;
    usdm_store(&event->body.trade.price_ticks, dealt);
    event->body.trade.trade_id = (uint64_t)hp_whole_one(trade);
    event->event_ns = first_ns;
    event->match_ns = second_ns;
    return 1;
}

static inline int usdm_scan_mark(usdm_stream_t *stream, const hp_symbol_t *symbol,
                                 const hp_scale_t *money, const char *p, const char *end,
                                 hp_event_t *event)
{
    __m128i prices, rates;
    uint8_t *guess = stream->guess;
    hp_whole_t event_ms = hp_whole_scan(p);
    HP_STEP(event_ms.size, guess);
    if (HP_UNLIKELY((p = usdm_symbol(p, end, stream)) == NULL || p >= end)) return 0;
    HP_EXPECT(",\"p\":\"");
    hp_decimal_t mark = hp_decimal_scan(p, money);
    HP_STEP(mark.size, guess + 1);
    HP_EXPECT("\",\"i\":\"");
    hp_decimal_t index = hp_decimal_scan(p, money);
    HP_STEP(index.size, guess + 2);
    HP_EXPECT("\",\"P\":\"");
    hp_decimal_t settle = hp_decimal_scan(p, money);
    HP_STEP(settle.size, guess + 3);
    HP_EXPECT("\",\"r\":\"");
    const int minus = *p == '-';
    p += minus;
    hp_decimal_t funding = hp_decimal_scan(p, money);
    HP_STEP(funding.size, guess + 4);
    HP_EXPECT("\",\"T\":");
    hp_whole_t next_ms = hp_whole_scan(p);
    HP_STEP(next_ms.size, guess + 5);
    int good = hp_decimal_pair(mark, index, &prices) & hp_decimal_pair(settle, funding, &rates);
    if (HP_UNLIKELY(!good || !usdm_tail(p, end))) return 0;
    int64_t first_ns, second_ns;
    if (HP_UNLIKELY(!usdm_times(event_ms, next_ms, &first_ns, &second_ns))) return 0;
    usdm_clear(event, HP_EVENT_MARK_PRICE, symbol->instrument.id);
    usdm_store(&event->body.mark.mark_e8, prices);
    event->body.mark.settle_e8 = usdm_low(rates);
    event->body.mark.funding_e8 = minus ? -usdm_high(rates) : usdm_high(rates);
    event->event_ns = first_ns;
    event->body.mark.next_funding_ns = second_ns;
    event->body.mark.has = HP_MARK_ALL;
    return 1;
}

/* 1 = an event, 0 = ask the general reader. */
static inline int usdm_scan(usdm_state_t *state, const char *data, size_t size, hp_event_t *event,
                            hp_levels_t *levels)
{
    if (HP_UNLIKELY(size < USDM_FRAME_BYTES_MIN || size > HP_FRAME_BYTES_MAX)) return 0;
    usdm_stream_t *stream = usdm_find_stream(state, data);
    if (HP_UNLIKELY(stream == NULL)) return 0;
    const hp_symbol_t *symbol = &state->symbols.at[stream->at];
    const char *p = data + stream->head_size, *end = data + size;
    switch (stream->kind) {
    case HP_EVENT_BOOK_TICKER: return usdm_scan_ticker(stream, symbol, p, end, event);
    case HP_EVENT_TRADE: return usdm_scan_trade(stream, symbol, p, end, event);
    case HP_EVENT_DEPTH: return usdm_scan_depth(stream, symbol, p, end, event, levels);
    case HP_EVENT_AGG_TRADE: return usdm_scan_aggregate(stream, symbol, p, end, event);
    default: return usdm_scan_mark(stream, symbol, &state->money, p, end, event);
    }
}

static inline int usdm_decode(void *opaque, const char *data, size_t size, hp_event_t *event,
                              hp_levels_t *levels)
{
    usdm_state_t *state = (usdm_state_t *)opaque;
    int status = usdm_scan(state, data, size, event, levels);
    if (HP_UNLIKELY(status == 0)) {
        status = usdm_decode_general(opaque, data, size, event, levels);
        if (status == HP_DECODE_EVENT) {
            event->flags |= HP_EVENT_FALLBACK;
            state->fallback_count++;
        }
    }
    state->status_count[status]++;
    return status;
}

#endif
