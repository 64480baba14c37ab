/* shape.h - the fast reader: books, tops and trades of exactly the shapes that the venue sends.
 *
 * Owns:    a walk that checks every byte of them, keys in the venue's order or sorted, and
 *          hyperliquid_decode, which asks the general reader about everything else.
 * Refuses: deciding what a message means: whatever is accepted here, schema.h reads alike.
 *
 * Steps as in hotpath/decode/scan.h: `p` is checked against `end` between any 48 bytes read. */
#ifndef HYPERLIQUID_SHAPE_H
#define HYPERLIQUID_SHAPE_H

#include "hotpath/decode/scan.h"
#include "schema.h"

#define HYPERLIQUID_FRAME_BYTES_MIN 96 /* no message of ours is shorter */

/* A whole number of any size; NULL when there is none. */
static inline const char *hyperliquid_whole(const char *p, const char *end, int64_t *value)
{
    if (HP_UNLIKELY(p >= end)) return NULL;
    const hp_whole_t whole = hp_whole_scan(p);
    size_t size = whole.size;
    if (HP_LIKELY(size != 0)) *value = hp_whole_one(whole);
    else size = hp_whole_read(p, (size_t)(end - p), value); /* tids have up to 16 digits */
    return size == 0 || p + size >= end ? NULL : p + size;
}

static inline const char *hyperliquid_time(const char *p, const char *end, int64_t *time_ns)
{
    int64_t ms;
    if (HP_UNLIKELY((p = hyperliquid_whole(p, end, &ms)) == NULL)) return NULL;
    return hp_ms_to_ns(ms, time_ns) ? p : NULL;
}

/* One level's object, from its '{' to behind its '}': {"px":"1","sz":"2","n":3}, or n first. */
static inline __attribute__((always_inline)) const char *
hyperliquid_level(const char *p, const char *end, const hp_symbol_t *symbol, uint8_t *guess,
                  int is_sorted, hp_level_t *level)
{
    unsigned orders = 1;
    int good = 1;
    if (is_sorted) {
        good &= hp_literal(p, "{\"n\":", 5);
        orders = hp_whole_scan(p + 5).size;
        p = hp_step(p + 5, orders, guess + 2);
        good &= hp_literal(p, ",\"px\":\"", 7);
        p += 7;
    } else {
        good &= hp_literal(p, "{\"px\":\"", 7);
        p += 7;
    }
    if (HP_UNLIKELY(p >= end)) return NULL;
    const hp_decimal_t price = hp_decimal_scan(p, &symbol->price);
    p = hp_step(p, price.size, guess);
    good &= hp_literal(p, "\",\"sz\":\"", 8);
    p += 8;
    const hp_decimal_t size = hp_decimal_scan(p, &symbol->size);
    p = hp_step(p, size.size, guess + 1);
    if (HP_UNLIKELY(p >= end)) return NULL;
    if (is_sorted) {
        good &= hp_literal(p, "\"}", 2);
        p += 2;
    } else {
        good &= hp_literal(p, "\",\"n\":", 6);
        p += 6;
        orders = hp_whole_scan(p).size;
        p = hp_step(p, orders, guess + 2);
        good &= *p++ == '}';
    }
    __m128i pair;
    good &= hp_decimal_pair(price, size, &pair) & (orders != 0);
    _mm_storeu_si128((__m128i *)level, pair);
    return HP_UNLIKELY(!good) ? NULL : p;
}

/* A side, from behind its '[' to behind its ']'. */
static inline __attribute__((always_inline)) const char *
hyperliquid_side(const char *p, const char *end, const hp_symbol_t *symbol, int is_sorted,
                 hp_level_t **to, const hp_level_t *limit)
{
    uint8_t guess[3] = { 8, 7, 1 };
    if (*p == ']') return p + 1;
    for (;;) {
        if (HP_UNLIKELY(p >= end || *to == limit)) return NULL;
        p = hyperliquid_level(p, end, symbol, guess, is_sorted, *to);
        if (HP_UNLIKELY(p == NULL || p >= end)) return NULL;
        (*to)++;
        if (*p++ == ',') continue;
        return p[-1] == ']' ? p : NULL;
    }
}

/* Each of these stands behind the head.  1 = an event, 0 = not this shape: then the event is as it
 * was. */

static inline __attribute__((always_inline)) int
hyperliquid_scan_book(const hp_symbol_t *symbol, int is_sorted, const char *p, const char *end,
                      hp_event_t *event, hp_levels_t *levels)
{
    hp_level_t *level = levels->at;
    const hp_level_t *limit = levels->at + HP_LEVELS_MAX;
    int64_t time_ns = 0;
    if (!is_sorted) {
        if (HP_UNLIKELY((p = hyperliquid_time(p, end, &time_ns)) == NULL)) return 0;
        HP_EXPECT(",\"levels\":[[");
    }
    p = p >= end ? NULL : hyperliquid_side(p, end, symbol, is_sorted, &level, limit);
    if (HP_UNLIKELY(p == NULL || p >= end)) return 0;
    const uint32_t bids = (uint32_t)(level - levels->at);
    HP_EXPECT(",[");
    p = p >= end ? NULL : hyperliquid_side(p, end, symbol, is_sorted, &level, limit);
    if (HP_UNLIKELY(p == NULL || p >= end || *p++ != ']')) return 0;
    if (is_sorted) {
        if (HP_UNLIKELY(p >= end)) return 0;
        HP_EXPECT(",\"time\":");
        if (HP_UNLIKELY((p = hyperliquid_time(p, end, &time_ns)) == NULL)) return 0;
    }
    if (HP_UNLIKELY(end - p != 2 || !hp_literal(p, "}}", 2))) return 0;
    hyperliquid_fill_book(event, HP_EVENT_SNAPSHOT, symbol->instrument.id, time_ns);
    event->bid_count = bids;
    event->ask_count = (uint32_t)(level - levels->at) - bids;
    return 1;
}

static inline int hyperliquid_scan_bbo(const hp_symbol_t *symbol, const char *p, const char *end,
                                       hp_event_t *event)
{
    uint8_t guess[3] = { 8, 7, 1 };
    hp_level_t top[2] = { { 0, 0 }, { 0, 0 } };
    int64_t time_ns;
    if (HP_UNLIKELY((p = hyperliquid_time(p, end, &time_ns)) == NULL)) return 0;
    HP_EXPECT(",\"bbo\":[");
    for (int side = 0; side < 2; side++) {
        if (HP_UNLIKELY(p >= end)) return 0;
        if (hp_literal(p, "null", 4)) p += 4;
        else if ((p = hyperliquid_level(p, end, symbol, guess, 0, &top[side])) == NULL) return 0;
        if (HP_UNLIKELY(p >= end || *p++ != (side ? ']' : ','))) return 0;
    }
    if (HP_UNLIKELY(end - p != 2 || !hp_literal(p, "}}", 2))) return 0;
    hyperliquid_fill_book(event, HP_EVENT_BOOK_TICKER, symbol->instrument.id, time_ns);
    hp_market_top(event, &top[0], &top[1]);
    return 1;
}

/* Past `size` small hex digits, a multiple of 8; NULL when there are not so many. */
static inline const char *hyperliquid_hex(const char *p, const char *end, int size)
{
    if (HP_UNLIKELY(end - p <= size)) return NULL;
    __m128i bad = _mm_setzero_si128();
    for (int at = 0; at < size; at += 8) {
        const __m128i bytes = _mm_loadl_epi64((const __m128i *)(p + at));
        const __m128i digit = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
        const __m128i letter = _mm_sub_epi8(bytes, _mm_set1_epi8('a'));
        const __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
        const __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(5)), letter);
        bad = _mm_or_si128(bad, _mm_andnot_si128(_mm_or_si128(is_digit, is_letter),
                                                 _mm_set_epi64x(0, -1)));
    }
    return _mm_testz_si128(bad, bad) ? p + size : NULL;
}

/* One trade, as it stands in a frame. */
typedef struct hyperliquid_deal {
    __m128i what;
    int64_t time_ns, id;
    int is_sell;
} hyperliquid_deal_t;

static inline void hyperliquid_take_deal(hp_event_t *event, const hyperliquid_deal_t *deal)
{
    _mm_storeu_si128((__m128i *)&event->body.trade.price_ticks, deal->what);
    hyperliquid_fill_trade(event, deal->time_ns, (uint64_t)deal->id, deal->is_sell);
}

/* Past a literal that may be long; NULL when it is another, or ends the text. */
static inline __attribute__((always_inline)) const char *
hyperliquid_word(const char *p, const char *end, const char *word, size_t size)
{
    if (HP_UNLIKELY(p == NULL || p >= end || !hp_literal(p, word, size))) return NULL;
    return p + size < end ? p + size : NULL;
}
#define HYPERLIQUID_STEP(word) \
    if (HP_UNLIKELY((p = hyperliquid_word(p, end, word, sizeof(word) - 1)) == NULL)) return NULL

/* "0x..","0x.."]} behind "users":[ to behind the object's '}'. */
static inline const char *hyperliquid_users(const char *p, const char *end)
{
    HYPERLIQUID_STEP("\"0x");
    if (HP_UNLIKELY((p = hyperliquid_hex(p, end, 40)) == NULL)) return NULL;
    HYPERLIQUID_STEP("\",\"0x");
    if (HP_UNLIKELY((p = hyperliquid_hex(p, end, 40)) == NULL)) return NULL;
    HYPERLIQUID_STEP("\"]}");
    return p;
}

/* A price's or size's digits, from behind its first quote. */
static inline __attribute__((always_inline)) const char *
hyperliquid_decimal(const char *p, const char *end, const hp_scale_t *scale, uint8_t *guess,
                    hp_decimal_t *to)
{
    *to = hp_decimal_scan(p, scale);
    p = hp_step(p, to->size, guess);
    return p < end ? p : NULL;
}

/* B or A; NULL when neither. */
static inline const char *hyperliquid_is_sell(const char *p, int *is_sell)
{
    *is_sell = *p == 'A';
    return *p == 'A' || *p == 'B' ? p + 1 : NULL;
}

/* From behind the row's start, as its head has it, to behind its '}'. */
static inline const char *hyperliquid_deal(const char *p, const char *end, uint8_t *guess,
                                           const hp_symbol_t *symbol, hyperliquid_deal_t *deal)
{
    hp_decimal_t price, size;
    if (HP_UNLIKELY((p = hyperliquid_is_sell(p, &deal->is_sell)) == NULL)) return NULL;
    HYPERLIQUID_STEP("\",\"px\":\"");
    if ((p = hyperliquid_decimal(p, end, &symbol->price, guess, &price)) == NULL) return NULL;
    HYPERLIQUID_STEP("\",\"sz\":\"");
    if ((p = hyperliquid_decimal(p, end, &symbol->size, guess + 1, &size)) == NULL) return NULL;
    HYPERLIQUID_STEP("\",\"time\":");
    if (HP_UNLIKELY((p = hyperliquid_time(p, end, &deal->time_ns)) == NULL)) return NULL;
    HYPERLIQUID_STEP(",\"hash\":\"0x");
    if (HP_UNLIKELY((p = hyperliquid_hex(p, end, 64)) == NULL)) return NULL;
    HYPERLIQUID_STEP("\",\"tid\":");
    if (HP_UNLIKELY((p = hyperliquid_whole(p, end, &deal->id)) == NULL)) return NULL;
    HYPERLIQUID_STEP(",\"users\":[");
    if (HP_UNLIKELY(!hp_decimal_pair(price, size, &deal->what))) return NULL;
    return hyperliquid_users(p, end);
}

/* The same, keys sorted. */
static inline const char *hyperliquid_deal_sorted(const char *p, const char *end, uint8_t *guess,
                                                  const hp_symbol_t *symbol,
                                                  hyperliquid_deal_t *deal)
{
    hp_decimal_t price, size;
    if (HP_UNLIKELY((p = hyperliquid_hex(p, end, 64)) == NULL)) return NULL;
    HYPERLIQUID_STEP("\",\"px\":\"");
    if ((p = hyperliquid_decimal(p, end, &symbol->price, guess, &price)) == NULL) return NULL;
    HYPERLIQUID_STEP("\",\"side\":\"");
    if (HP_UNLIKELY((p = hyperliquid_is_sell(p, &deal->is_sell)) == NULL)) return NULL;
    HYPERLIQUID_STEP("\",\"sz\":\"");
    if ((p = hyperliquid_decimal(p, end, &symbol->size, guess + 1, &size)) == NULL) return NULL;
    HYPERLIQUID_STEP("\",\"tid\":");
    if (HP_UNLIKELY((p = hyperliquid_whole(p, end, &deal->id)) == NULL)) return NULL;
    HYPERLIQUID_STEP(",\"time\":");
    if (HP_UNLIKELY((p = hyperliquid_time(p, end, &deal->time_ns)) == NULL)) return NULL;
    HYPERLIQUID_STEP(",\"users\":[");
    if (HP_UNLIKELY(!hp_decimal_pair(price, size, &deal->what))) return NULL;
    return hyperliquid_users(p, end);
}

static inline int hyperliquid_scan_trades(hp_market_t *m, hp_head_t *head, const hp_symbol_t *symbol,
                                          int is_sorted, const char *p, const char *end,
                                          hp_event_t *event)
{
    static const char before[] = "{\"channel\":\"trades\",\"data\":[";
    const unsigned again = head->size - (unsigned)(sizeof(before) - 1); /* {"coin":"X","side":" */
    for (;;) {
        hyperliquid_deal_t deal;
        p = is_sorted ? hyperliquid_deal_sorted(p, end, head->guess, symbol, &deal)
                      : hyperliquid_deal(p, end, head->guess, symbol, &deal);
        if (HP_UNLIKELY(p == NULL)) return 0;
        const int is_last = end - p == 2 && hp_literal(p, "]}", 2);
        if (is_last && m->more_count == 0) {
            hp_market_clear(event, HP_EVENT_TRADE, symbol->instrument.id);
            hyperliquid_take_deal(event, &deal);
            return 1;
        }
        hp_event_t *to = hp_market_more(m, HP_EVENT_TRADE, symbol->instrument.id);
        if (HP_UNLIKELY(to == NULL)) return 0;
        hyperliquid_take_deal(to, &deal);
        if (is_last) return hp_market_next(m, event);
        if (*p != ',' || end - p <= (ptrdiff_t)again + 1 ||
            !hp_equal(p + 1, head->text + sizeof(before) - 1, again))
            return 0;
        p += again + 1;
    }
}

/* 1 = an event, 0 = ask the general reader. */
static inline int hyperliquid_scan(hp_market_t *m, const char *data, size_t size, hp_event_t *event,
                                   hp_levels_t *levels)
{
    hyperliquid_state_t *state = (hyperliquid_state_t *)(void *)m;
    if (HP_UNLIKELY(size < HYPERLIQUID_FRAME_BYTES_MIN || size > HP_FRAME_BYTES_MAX)) return 0;
    hp_head_t *head = hp_heads_find(&state->heads, data, size);
    if (HP_UNLIKELY(head == NULL)) return 0;
    const hp_symbol_t *symbol = &m->symbols.at[head->at];
    const char *p = data + head->size, *end = data + size;
    switch (head->what) {
    case HYPERLIQUID_BOOK: return hyperliquid_scan_book(symbol, 0, p, end, event, levels);
    case HYPERLIQUID_BOOK | HYPERLIQUID_SORTED:
        return hyperliquid_scan_book(symbol, 1, p, end, event, levels);
    case HYPERLIQUID_BBO: return hyperliquid_scan_bbo(symbol, p, end, event);
    default:
        return hyperliquid_scan_trades(m, head, symbol, head->what & HYPERLIQUID_SORTED, p, end,
                                       event);
    }
}

static inline int hyperliquid_decode(void *opaque, const char *data, size_t size, hp_event_t *event,
                                     hp_levels_t *levels)
{
    return hp_market_decode((hp_market_t *)opaque, hyperliquid_scan, hyperliquid_decode_general,
                            data, size, event, levels);
}

#endif
