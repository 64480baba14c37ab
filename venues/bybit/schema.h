/* schema.h - the market messages of Bybit v5 as tables, and what their fields mean.
 *
 * Owns:    the field tables of the general reader; values -> events.
 * Refuses: bytes (hotpath/decode/general.cpp reads them), the fast path (shape.h).
 *
 * Frames: {"topic":T,"type":"snapshot"|"delta","ts":..,"data":..,"cts":..} and the answers to
 * operations.  T is orderbook.<levels>.<symbol>, publicTrade.<symbol> or tickers.<symbol>, and must
 * agree with the data.  Of the orderbook topics one feeds the books: each has a chain of its own.
 * Level 1, where it is not that one, is the top of the book.
 *
 * u == 1 says that the venue's service started again: whatever its type, it replaces the book. */
#ifndef BYBIT_SCHEMA_H
#define BYBIT_SCHEMA_H

#include "state.h"

enum bybit_slot {
    BYBIT_TOPIC, BYBIT_TYPE, BYBIT_TS, BYBIT_CTS, BYBIT_DATA, BYBIT_OP, BYBIT_SUCCESS,
    BYBIT_SYMBOL, BYBIT_BIDS, BYBIT_ASKS, BYBIT_UPDATE,
    BYBIT_TIME, BYBIT_SIDE, BYBIT_SIZE, BYBIT_PRICE, BYBIT_ID,
    BYBIT_MARK, BYBIT_INDEX, BYBIT_RATE, BYBIT_FUNDING
};

#define BYBIT_FIELD(key, type, flags, slot) { key, type, flags, slot, 0 }
#define BYBIT_MUST(key, type, slot) BYBIT_FIELD(key, type, HP_JSON_REQUIRED, slot)
#define BYBIT_COUNT_OF(table) ((uint32_t)(sizeof(table) / sizeof((table)[0])))

static const hp_json_field_t bybit_frame_fields[] = {
    BYBIT_FIELD("topic", HP_JSON_KIND, HP_JSON_APART, BYBIT_TOPIC),
    BYBIT_FIELD("type", HP_JSON_TEXT, 0, BYBIT_TYPE),
    BYBIT_FIELD("ts", HP_JSON_TIME_MS, 0, BYBIT_TS),
    BYBIT_FIELD("data", HP_JSON_CHOSEN, 0, BYBIT_DATA),
    BYBIT_FIELD("cts", HP_JSON_TIME_MS, 0, BYBIT_CTS),
    BYBIT_FIELD("op", HP_JSON_TEXT, 0, BYBIT_OP),
    BYBIT_FIELD("success", HP_JSON_BOOL, 0, BYBIT_SUCCESS),
};
static const hp_json_field_t bybit_book_fields[] = {
    BYBIT_MUST("s", HP_JSON_SYMBOL, BYBIT_SYMBOL),
    BYBIT_MUST("b", HP_JSON_BIDS, BYBIT_BIDS),
    BYBIT_MUST("a", HP_JSON_ASKS, BYBIT_ASKS),
    BYBIT_MUST("u", HP_JSON_WHOLE, BYBIT_UPDATE),
};
static const hp_json_field_t bybit_trade_fields[] = {
    BYBIT_MUST("T", HP_JSON_TIME_MS, BYBIT_TIME),
    BYBIT_MUST("s", HP_JSON_SYMBOL, BYBIT_SYMBOL),
    BYBIT_MUST("S", HP_JSON_TEXT, BYBIT_SIDE),
    BYBIT_MUST("v", HP_JSON_SIZE, BYBIT_SIZE),
    BYBIT_MUST("p", HP_JSON_PRICE, BYBIT_PRICE),
    BYBIT_MUST("i", HP_JSON_TEXT, BYBIT_ID),
};
/* In a delta what is absent has not changed. */
static const hp_json_field_t bybit_ticker_fields[] = {
    BYBIT_MUST("symbol", HP_JSON_SYMBOL, BYBIT_SYMBOL),
    BYBIT_FIELD("markPrice", HP_JSON_MONEY, HP_JSON_EMPTY | HP_JSON_ROUND, BYBIT_MARK),
    BYBIT_FIELD("indexPrice", HP_JSON_MONEY, HP_JSON_EMPTY | HP_JSON_ROUND, BYBIT_INDEX),
    BYBIT_FIELD("fundingRate", HP_JSON_MONEY, HP_JSON_EMPTY | HP_JSON_ROUND | HP_JSON_SIGNED,
                BYBIT_RATE),
    BYBIT_FIELD("nextFundingTime", HP_JSON_TIME_MS, HP_JSON_QUOTED | HP_JSON_EMPTY, BYBIT_FUNDING),
};

#define BYBIT_SHAPE(kind, table, number) { kind, table, BYBIT_COUNT_OF(table), number }
static const hp_json_shape_t bybit_shapes[] = {
    BYBIT_SHAPE(NULL, bybit_frame_fields, 0),
    BYBIT_SHAPE("orderbook", bybit_book_fields, BYBIT_BOOK),
    BYBIT_SHAPE("publicTrade", bybit_trade_fields, BYBIT_TRADES),
    BYBIT_SHAPE("tickers", bybit_ticker_fields, BYBIT_TICKERS),
};

/* Does a topic name this symbol?  `*depth`: the number between, 0 = there is none. */
static inline int bybit_topic_names(const hp_json_value_t *topic, const hp_instrument_t *i,
                                    uint32_t *depth)
{
    const char *p = topic->text, *end = p + topic->size;
    uint32_t number = 0;
    while (p < end && *p != '.') p++;
    const char *word = p < end ? ++p : p;
    while (p < end && p - word < 5 && *p >= '0' && *p <= '9')
        number = number * 10 + (uint32_t)(*p++ - '0');
    *depth = 0;
    if (p > word && p < end && *p == '.') {
        *depth = *word == '0' ? 0 : number;
        word = p + 1;
    }
    return (size_t)(end - word) == i->symbol_length &&
           memcmp(word, i->symbol, i->symbol_length) == 0;
}

/* A trade's id as a number: digits (spot), or the first 16 hex digits of a UUID; 0 = neither. */
static inline int bybit_trade_id(const char *text, size_t size, uint64_t *id)
{
    uint64_t sum = 0;
    size_t at = 0;
    if (size == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-') {
        for (; at < 36; at++) {
            const char c = text[at];
            const int digit = c >= '0' && c <= '9'   ? c - '0'
                              : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                     : -1;
            if (at == 8 || at == 13 || at == 18 || at == 23) continue;
            if (digit < 0) return 0;
            if (at < 18) sum = sum << 4 | (uint64_t)digit;
        }
        *id = sum;
        return 1;
    }
    if (size == 0 || size > 19) return 0;
    for (; at < size; at++) {
        if (text[at] < '0' || text[at] > '9') return 0;
        sum = sum * 10 + (uint64_t)(text[at] - '0');
    }
    *id = sum;
    return 1;
}

#define BYBIT_VALUE(slot) v->at[slot].number

/* One trade of "data". */
static inline int bybit_row(void *opaque, hp_json_values_t *v, uint32_t shape)
{
    hp_market_t *m = (hp_market_t *)opaque;
    uint32_t depth;
    uint64_t id;
    (void)shape;
    if (v->kind != BYBIT_TRADES) return HP_DECODE_TYPE;
    if (v->symbol == NULL || v->missing || v->finer != NULL) return HP_DECODE_EVENT; /* said later */
    const int is_sell = hp_json_is(&v->at[BYBIT_SIDE], "Sell", 4);
    if (!is_sell && !hp_json_is(&v->at[BYBIT_SIDE], "Buy", 3)) return HP_DECODE_TYPE;
    if (!bybit_topic_names(&v->at[BYBIT_TOPIC], &v->symbol->instrument, &depth) || depth != 0)
        return HP_DECODE_TYPE;
    if (!bybit_trade_id(v->at[BYBIT_ID].text, v->at[BYBIT_ID].size, &id)) return HP_DECODE_NUMBER;
    hp_event_t *event = hp_market_more(m, HP_EVENT_TRADE, v->symbol->instrument.id);
    if (event == NULL) return HP_DECODE_LEVELS;
    event->flags = is_sell ? HP_EVENT_BUYER_MAKER : 0;
    event->match_ns = BYBIT_VALUE(BYBIT_TIME);
    event->body.trade.price_ticks = BYBIT_VALUE(BYBIT_PRICE);
    event->body.trade.lots = BYBIT_VALUE(BYBIT_SIZE);
    event->body.trade.trade_id = id;
    return HP_DECODE_EVENT;
}

static inline int bybit_take_book(const bybit_state_t *state, const hp_json_values_t *v,
                                  uint32_t depth, hp_event_t *event, const hp_levels_t *levels)
{
    const int is_snapshot = hp_json_is(&v->at[BYBIT_TYPE], "snapshot", 8);
    if (!is_snapshot && !hp_json_is(&v->at[BYBIT_TYPE], "delta", 5)) return HP_DECODE_TYPE;
    if (!bybit_is_depth(depth)) return HP_DECODE_UNKNOWN_KIND;
    const int is_book = depth == state->book;
    if (!is_book && (depth != 1 || !is_snapshot)) return HP_DECODE_UNKNOWN_KIND;
    if (!is_book && (v->bid_count > 1 || v->ask_count > 1)) return HP_DECODE_LEVELS;
    const uint64_t update = (uint64_t)BYBIT_VALUE(BYBIT_UPDATE);
    hp_market_clear(event,
                    !is_book                     ? HP_EVENT_BOOK_TICKER
                    : is_snapshot || update == 1 ? HP_EVENT_SNAPSHOT
                                                 : HP_EVENT_DEPTH,
                    v->symbol->instrument.id);
    event->event_ns = BYBIT_VALUE(BYBIT_TS);
    event->match_ns = hp_json_seen(v, BYBIT_CTS) ? BYBIT_VALUE(BYBIT_CTS) : 0;
    event->last_id = update;
    if (!is_book) {
        hp_market_top(event, v->bid_count ? levels->at : NULL,
                      v->ask_count ? levels->at + v->bid_count : NULL);
    } else {
        event->bid_count = v->bid_count;
        event->ask_count = v->ask_count;
    }
    return HP_DECODE_EVENT;
}

static inline int bybit_take_ticker(const hp_json_values_t *v, hp_event_t *event)
{
    uint32_t has = 0;
    if (hp_json_seen(v, BYBIT_MARK) && v->at[BYBIT_MARK].size) has |= HP_MARK_PRICE;
    if (hp_json_seen(v, BYBIT_INDEX) && v->at[BYBIT_INDEX].size) has |= HP_MARK_INDEX;
    if (hp_json_seen(v, BYBIT_RATE) && v->at[BYBIT_RATE].size) has |= HP_MARK_FUNDING;
    if (hp_json_seen(v, BYBIT_FUNDING) && BYBIT_VALUE(BYBIT_FUNDING)) has |= HP_MARK_NEXT_FUNDING;
    if (has == 0) return HP_DECODE_CONTROL; /* nothing of ours changed */
    hp_market_clear(event, HP_EVENT_MARK_PRICE, v->symbol->instrument.id);
    event->event_ns = BYBIT_VALUE(BYBIT_TS);
    hp_event_mark_t *mark = &event->body.mark;
    mark->has = has;
    mark->mark_e8 = has & HP_MARK_PRICE ? BYBIT_VALUE(BYBIT_MARK) : 0;
    mark->index_e8 = has & HP_MARK_INDEX ? BYBIT_VALUE(BYBIT_INDEX) : 0;
    mark->funding_e8 = has & HP_MARK_FUNDING ? BYBIT_VALUE(BYBIT_RATE) : 0;
    mark->next_funding_ns = has & HP_MARK_NEXT_FUNDING ? BYBIT_VALUE(BYBIT_FUNDING) : 0;
    return HP_DECODE_EVENT;
}

/* The specification. */
static inline int bybit_decode_general(void *opaque, const char *data, size_t size,
                                       hp_event_t *event, hp_levels_t *levels)
{
    bybit_state_t *state = (bybit_state_t *)opaque;
    hp_market_t *m = &state->market;
    hp_json_values_t *v = &m->values;
    uint32_t depth;
    const int status = hp_market_read(m, bybit_row, data, size, levels);
    if (status != HP_DECODE_EVENT) return hp_market_refuse(m, status);
    if (!hp_json_seen(v, BYBIT_TOPIC))
        return hp_json_seen(v, BYBIT_OP) || hp_json_seen(v, BYBIT_SUCCESS) ? HP_DECODE_CONTROL
                                                                           : HP_DECODE_MISSING;
    if (!hp_json_seen(v, BYBIT_TYPE) || !hp_json_seen(v, BYBIT_TS) || !hp_json_seen(v, BYBIT_DATA))
        return HP_DECODE_MISSING;
    if (v->kind == BYBIT_TRADES) {
        if (hp_json_seen(v, BYBIT_ID)) return HP_DECODE_TYPE; /* an object instead of the array */
        if (m->more_count == 0) return HP_DECODE_CONTROL;
        for (uint32_t n = 0; n < m->more_count; n++) m->more[n].event_ns = BYBIT_VALUE(BYBIT_TS);
        hp_market_next(m, event);
        return HP_DECODE_EVENT;
    }
    if (!hp_json_seen(v, BYBIT_SYMBOL)) return HP_DECODE_TYPE; /* an empty array instead of it */
    if (!bybit_topic_names(&v->at[BYBIT_TOPIC], &v->symbol->instrument, &depth))
        return HP_DECODE_TYPE;
    if (v->kind == BYBIT_BOOK) return bybit_take_book(state, v, depth, event, levels);
    return depth ? HP_DECODE_TYPE : bybit_take_ticker(v, event);
}
#undef BYBIT_VALUE

#endif
