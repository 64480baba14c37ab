/* shape.h - the fast reader: combined-stream messages of exactly the shape that the venue sends.
 *
 * Owns:    a walk that checks every byte of the five market messages, "ps" behind "s" and "st":1 at the
 *          end included, and usdm_decode, which asks the general reader about everything else.
 * Refuses: deciding what a message means: whatever is accepted here, schema.h reads alike (tests hold
 *          them to it, byte for byte).
 *
 * The walk trusts nothing past `end` but that 64 bytes can be read there: each step reads at most 48
 * bytes from a position that was checked to be inside. */
#ifndef USDM_SHAPE_H
#define USDM_SHAPE_H

#include "schema.h"

#define USDM_FRAME_BYTES_MIN 96 /* no message of ours is shorter, and a head may be loaded whole */
#define USDM_TIME_MS_MAX (INT64_MAX / 1000000)

/* Compare with a literal and step over it; what differs is not our shape. */
#define USDM_EXPECT(literal) \
    do { \
        if (HP_UNLIKELY(memcmp(p, literal, sizeof(literal) - 1) != 0)) return 0; \
        p += sizeof(literal) - 1; \
    } while (0)
#define USDM_STEP(size) \
    do { \
        unsigned step_ = (size); \
        p += step_; \
        if (HP_UNLIKELY(step_ == 0 || p >= end)) return 0; \
    } while (0)

static inline int64_t usdm_low(__m128i pair) { return _mm_cvtsi128_si64(pair); }
static inline int64_t usdm_high(__m128i pair) { return _mm_extract_epi64(pair, 1); }
static inline void usdm_store(void *to, __m128i pair) { _mm_storeu_si128((__m128i *)to, pair); }

static inline int usdm_equal(const char *a, const char *b, unsigned size)
{
    __m128i differ = _mm_setzero_si128();
    for (; size > 16; size -= 16, a += 16, b += 16)
        differ = _mm_or_si128(differ, _mm_xor_si128(hp_load16(a), hp_load16(b)));
    __m128i last = _mm_and_si128(_mm_xor_si128(hp_load16(a), hp_load16(b)), hp_load16(hp_first_bytes + 16 - size));
    differ = _mm_or_si128(differ, last);
    return _mm_testz_si128(differ, differ);
}

/* The stream that a frame's head names, or NULL. */
static inline const usdm_stream_t *usdm_find_stream(const usdm_state_t *state, const char *data)
{
    const __m128i quote = _mm_set1_epi8('"');
    const char *name = data + USDM_NAME_AT;
    uint64_t quotes = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(hp_load16(name), quote)) |
                      (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(hp_load16(name + 16), quote)) << 16 |
                      (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(hp_load16(name + 32), quote)) << 32;
    if (HP_UNLIKELY(quotes == 0)) return NULL;
    uint32_t slot = usdm_name_hash(name, (size_t)__builtin_ctzll(quotes));
    for (; state->stream_at[slot] != 0; slot = (slot + 1) & (USDM_STREAM_SLOTS - 1)) {
        const usdm_stream_t *stream = &state->streams[state->stream_at[slot] - 1];
        if (usdm_equal(data, stream->head, stream->head_size)) return stream;
    }
    return NULL;
}

/* Past ,"s":"BTCUSDT" and perhaps ,"ps":"BTCUSDT"; NULL when it is another. */
static inline const char *usdm_symbol(const char *p, const char *end, const usdm_stream_t *stream)
{
    if (HP_UNLIKELY(!usdm_equal(p, stream->symbol, stream->symbol_size))) return NULL;
    p += stream->symbol_size;
    if (HP_UNLIKELY(p >= end)) return NULL;
    if (memcmp(p, ",\"ps\":\"", 7) == 0) {
        if (!usdm_equal(p + 7, stream->symbol + 6, stream->symbol_size - 6u)) return NULL;
        p += stream->symbol_size + 1;
    }
    return p;
}

/* }} or ,"st":1}} and nothing behind it. */
static inline int usdm_tail(const char *p, const char *end)
{
    ptrdiff_t left = end - p;
    return (left == 2 && memcmp(p, "}}", 2) == 0) || (left == 9 && memcmp(p, ",\"st\":1}}", 9) == 0);
}

/* The levels of one side, from behind its '[' to behind its ']'; NULL when not plain. */
static inline const char *usdm_side(const char *p, const char *end, const hp_symbol_t *symbol,
                                    hp_level_t **to, const hp_level_t *limit)
{
    hp_level_t *level = *to;
    if (*p == ']') return p + 1;
    for (;;) {
        __m128i price, size;
        if (HP_UNLIKELY(p >= end || level == limit || memcmp(p, "[\"", 2) != 0)) return NULL;
        p += 2;
        unsigned step = hp_decimal_digits(p, &symbol->price, &price);
        if (HP_UNLIKELY(step == 0)) return NULL;
        p += step;
        if (HP_UNLIKELY(p >= end || memcmp(p, "\",\"", 3) != 0)) return NULL;
        p += 3;
        step = hp_decimal_digits(p, &symbol->size, &size);
        if (HP_UNLIKELY(step == 0)) return NULL;
        p += step;
        if (HP_UNLIKELY(p >= end || memcmp(p, "\"]", 2) != 0)) return NULL;
        usdm_store(level++, hp_digits_to_pair(price, size));
        p += 3;
        if (p[-1] == ',') continue;
        if (HP_UNLIKELY(p[-1] != ']')) return NULL;
        *to = level;
        return p;
    }
}

/* Each of these stands behind the head, at the first value.  1 = an event, 0 = not this shape. */

static inline int usdm_scan_depth(const usdm_stream_t *stream, const hp_symbol_t *symbol, const char *p,
                                  const char *end, hp_event_t *event, hp_levels_t *levels)
{
    __m128i event_ms, match_ms, first, last, previous;
    USDM_STEP(hp_whole_digits(p, &event_ms));
    USDM_EXPECT(",\"T\":");
    USDM_STEP(hp_whole_digits(p, &match_ms));
    if (HP_UNLIKELY((p = usdm_symbol(p, end, stream)) == NULL || p >= end)) return 0;
    USDM_EXPECT(",\"U\":");
    USDM_STEP(hp_whole_digits(p, &first));
    USDM_EXPECT(",\"u\":");
    USDM_STEP(hp_whole_digits(p, &last));
    USDM_EXPECT(",\"pu\":");
    USDM_STEP(hp_whole_digits(p, &previous));
    USDM_EXPECT(",\"b\":[");
    hp_level_t *level = levels->at;
    const hp_level_t *limit = levels->at + HP_LEVELS_MAX;
    if (HP_UNLIKELY((p = usdm_side(p, end, symbol, &level, limit)) == NULL || p >= end)) return 0;
    const uint32_t bids = (uint32_t)(level - levels->at);
    USDM_EXPECT(",\"a\":[");
    if (HP_UNLIKELY((p = usdm_side(p, end, symbol, &level, limit)) == NULL || !usdm_tail(p, end))) return 0;
    __m128i times = hp_digits_to_pair(event_ms, match_ms);
    if (HP_UNLIKELY(usdm_low(times) > USDM_TIME_MS_MAX || usdm_high(times) > USDM_TIME_MS_MAX)) return 0;
    usdm_clear(event, HP_EVENT_DEPTH, symbol->instrument.id);
    event->event_ns = usdm_low(times) * 1000000;
    event->match_ns = usdm_high(times) * 1000000;
    usdm_store(&event->first_id, hp_digits_to_pair(first, last));
    event->prev_id = (uint64_t)usdm_low(hp_digits_to_pair(previous, previous));
    event->bid_count = bids;
    event->ask_count = (uint32_t)(level - levels->at) - bids;
    return 1;
}

static inline int usdm_scan_ticker(const usdm_stream_t *stream, const hp_symbol_t *symbol, const char *p,
                                   const char *end, hp_event_t *event)
{
    __m128i last, bid, bid_size, ask, ask_size, match_ms, event_ms;
    USDM_STEP(hp_whole_digits(p, &last));
    if (HP_UNLIKELY((p = usdm_symbol(p, end, stream)) == NULL || p >= end)) return 0;
    USDM_EXPECT(",\"b\":\"");
    USDM_STEP(hp_decimal_digits(p, &symbol->price, &bid));
    USDM_EXPECT("\",\"B\":\"");
    USDM_STEP(hp_decimal_digits(p, &symbol->size, &bid_size));
    USDM_EXPECT("\",\"a\":\"");
    USDM_STEP(hp_decimal_digits(p, &symbol->price, &ask));
    USDM_EXPECT("\",\"A\":\"");
    USDM_STEP(hp_decimal_digits(p, &symbol->size, &ask_size));
    USDM_EXPECT("\",\"T\":");
    USDM_STEP(hp_whole_digits(p, &match_ms));
    USDM_EXPECT(",\"E\":");
    USDM_STEP(hp_whole_digits(p, &event_ms));
    if (HP_UNLIKELY(!usdm_tail(p, end))) return 0;
    __m128i times = hp_digits_to_pair(event_ms, match_ms);
    if (HP_UNLIKELY(usdm_low(times) > USDM_TIME_MS_MAX || usdm_high(times) > USDM_TIME_MS_MAX)) return 0;
    usdm_clear(event, HP_EVENT_BOOK_TICKER, symbol->instrument.id);
    event->event_ns = usdm_low(times) * 1000000;
    event->match_ns = usdm_high(times) * 1000000;
    event->last_id = (uint64_t)usdm_low(hp_digits_to_pair(last, last));
    usdm_store(&event->body.top.bid_ticks, hp_digits_to_pair(bid, bid_size));
    usdm_store(&event->body.top.ask_ticks, hp_digits_to_pair(ask, ask_size));
    return 1;
}

/* true or false, into the flag of the event. */
static inline const char *usdm_maker(const char *p, uint8_t *flags)
{
    int maker = memcmp(p, "true", 4) == 0;
    if (HP_UNLIKELY(!maker && memcmp(p, "false", 5) != 0)) return NULL;
    *flags = maker ? HP_EVENT_BUYER_MAKER : 0;
    return p + (maker ? 4 : 5);
}

static inline int usdm_scan_aggregate(const usdm_stream_t *stream, const hp_symbol_t *symbol, const char *p,
                                      const char *end, hp_event_t *event)
{
    __m128i event_ms, match_ms, trade, price, size, first, last;
    uint8_t flags;
    USDM_STEP(hp_whole_digits(p, &event_ms));
    USDM_EXPECT(",\"a\":");
    USDM_STEP(hp_whole_digits(p, &trade));
    if (HP_UNLIKELY((p = usdm_symbol(p, end, stream)) == NULL || p >= end)) return 0;
    USDM_EXPECT(",\"p\":\"");
    USDM_STEP(hp_decimal_digits(p, &symbol->price, &price));
    USDM_EXPECT("\",\"q\":\"");
    USDM_STEP(hp_decimal_digits(p, &symbol->size, &size));
    USDM_EXPECT("\",\"f\":");
    USDM_STEP(hp_whole_digits(p, &first));
    USDM_EXPECT(",\"l\":");
    USDM_STEP(hp_whole_digits(p, &last));
    USDM_EXPECT(",\"T\":");
    USDM_STEP(hp_whole_digits(p, &match_ms));
    USDM_EXPECT(",\"m\":");
    if (HP_UNLIKELY((p = usdm_maker(p, &flags)) == NULL || !usdm_tail(p, end))) return 0;
    __m128i times = hp_digits_to_pair(event_ms, match_ms);
    if (HP_UNLIKELY(usdm_low(times) > USDM_TIME_MS_MAX || usdm_high(times) > USDM_TIME_MS_MAX)) return 0;
    usdm_clear(event, HP_EVENT_AGG_TRADE, symbol->instrument.id);
    event->flags = flags;
    event->event_ns = usdm_low(times) * 1000000;
    event->match_ns = usdm_high(times) * 1000000;
    usdm_store(&event->first_id, hp_digits_to_pair(first, last));
    usdm_store(&event->body.trade.price_ticks, hp_digits_to_pair(price, size));
    event->body.trade.trade_id = (uint64_t)usdm_low(hp_digits_to_pair(trade, trade));
    return 1;
}

static inline int usdm_scan_trade(const usdm_stream_t *stream, const hp_symbol_t *symbol, const char *p,
                                  const char *end, hp_event_t *event)
{
    __m128i event_ms, match_ms, trade, price, size;
    uint8_t flags;
    USDM_STEP(hp_whole_digits(p, &event_ms));
    USDM_EXPECT(",\"T\":");
    USDM_STEP(hp_whole_digits(p, &match_ms));
    if (HP_UNLIKELY((p = usdm_symbol(p, end, stream)) == NULL || p >= end)) return 0;
    USDM_EXPECT(",\"t\":");
    USDM_STEP(hp_whole_digits(p, &trade));
    USDM_EXPECT(",\"p\":\"");
    USDM_STEP(hp_decimal_digits(p, &symbol->price, &price));
    USDM_EXPECT("\",\"q\":\"");
    USDM_STEP(hp_decimal_digits(p, &symbol->size, &size));
    USDM_EXPECT("\",\"X\":\"");
    while (p < end && ((*p >= 'A' && *p <= 'Z') || *p == '_')) p++; /* MARKET, INSURANCE_FUND, NA */
    if (HP_UNLIKELY(p >= end)) return 0;
    USDM_EXPECT("\",\"m\":");
    if (HP_UNLIKELY((p = usdm_maker(p, &flags)) == NULL || !usdm_tail(p, end))) return 0;
    __m128i times = hp_digits_to_pair(event_ms, match_ms);
    if (HP_UNLIKELY(usdm_low(times) > USDM_TIME_MS_MAX || usdm_high(times) > USDM_TIME_MS_MAX)) return 0;
    usdm_clear(event, HP_EVENT_TRADE, symbol->instrument.id);
    event->flags = flags;
    event->event_ns = usdm_low(times) * 1000000;
    event->match_ns = usdm_high(times) * 1000000;
    usdm_store(&event->body.trade.price_ticks, hp_digits_to_pair(price, size));
    event->body.trade.trade_id = (uint64_t)usdm_low(hp_digits_to_pair(trade, trade));
    return 1;
}

static inline int usdm_scan_mark(const usdm_state_t *state, const usdm_stream_t *stream, const hp_symbol_t *symbol,
                                 const char *p, const char *end, hp_event_t *event)
{
    __m128i event_ms, mark, index, settle, funding, next_ms;
    const hp_scale_t *money = &state->money;
    USDM_STEP(hp_whole_digits(p, &event_ms));
    if (HP_UNLIKELY((p = usdm_symbol(p, end, stream)) == NULL || p >= end)) return 0;
    USDM_EXPECT(",\"p\":\"");
    USDM_STEP(hp_decimal_digits(p, money, &mark));
    USDM_EXPECT("\",\"i\":\"");
    USDM_STEP(hp_decimal_digits(p, money, &index));
    USDM_EXPECT("\",\"P\":\"");
    USDM_STEP(hp_decimal_digits(p, money, &settle));
    USDM_EXPECT("\",\"r\":\"");
    int minus = *p == '-';
    p += minus;
    USDM_STEP(hp_decimal_digits(p, money, &funding));
    USDM_EXPECT("\",\"T\":");
    USDM_STEP(hp_whole_digits(p, &next_ms));
    if (HP_UNLIKELY(!usdm_tail(p, end))) return 0;
    __m128i times = hp_digits_to_pair(event_ms, next_ms);
    if (HP_UNLIKELY(usdm_low(times) > USDM_TIME_MS_MAX || usdm_high(times) > USDM_TIME_MS_MAX)) return 0;
    usdm_clear(event, HP_EVENT_MARK_PRICE, symbol->instrument.id);
    event->event_ns = usdm_low(times) * 1000000;
    usdm_store(&event->body.mark.mark_e8, hp_digits_to_pair(mark, index));
    __m128i rest = hp_digits_to_pair(settle, funding);
    event->body.mark.settle_e8 = usdm_low(rest);
    event->body.mark.funding_e8 = minus ? -usdm_high(rest) : usdm_high(rest);
    event->body.mark.next_funding_ns = usdm_high(times) * 1000000;
    return 1;
}

/* 1 = an event, 0 = ask the general reader. */
static inline int usdm_scan(const usdm_state_t *state, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels)
{
    if (HP_UNLIKELY(size < USDM_FRAME_BYTES_MIN || size > HP_FRAME_BYTES_MAX)) return 0;
    const usdm_stream_t *stream = usdm_find_stream(state, data);
    if (HP_UNLIKELY(stream == NULL)) return 0;
    const hp_symbol_t *symbol = &state->symbols.at[stream->at];
    const char *p = data + stream->head_size, *end = data + size;
    switch (stream->kind) {
    case HP_EVENT_BOOK_TICKER: return usdm_scan_ticker(stream, symbol, p, end, event);
    case HP_EVENT_TRADE: return usdm_scan_trade(stream, symbol, p, end, event);
    case HP_EVENT_DEPTH: return usdm_scan_depth(stream, symbol, p, end, event, levels);
    case HP_EVENT_AGG_TRADE: return usdm_scan_aggregate(stream, symbol, p, end, event);
    default: return usdm_scan_mark(state, stream, symbol, p, end, event);
    }
}

static inline int usdm_decode(void *opaque, const char *data, size_t size, hp_event_t *event, hp_levels_t *levels)
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

#undef USDM_EXPECT
#undef USDM_STEP
#endif
