/* schema.h - the market messages of USD-M as tables, and what their fields mean.
 *
 * Owns:    the field tables of the general reader for market streams; values -> event; the rule
 *          that a stream's name must agree with what it carries.
 * Refuses: bytes (hotpath/decode/general.cpp reads them), the fast path (shape.h).
 *
 * Frames: {"stream":NAME,"data":{...}} of a combined stream, the bare {...} of a single one, and
 * the answers to SUBSCRIBE.  NAME is <symbol>@<kind>[@<speed>] or !<kind>.  A name that says
 * another symbol or another of our kinds than its data is HP_DECODE_TYPE; one that says a kind
 * which is not carried here is HP_DECODE_UNKNOWN_KIND: depth20 and rpiDepth also send
 * "depthUpdate", but no deltas of the whole book. */
#ifndef USDM_SCHEMA_H
#define USDM_SCHEMA_H

#include "state.h"

enum usdm_slot {
    USDM_STREAM, USDM_DATA, USDM_KIND, USDM_RESULT, USDM_ID, USDM_ERROR, USDM_CODE,
    USDM_SNAPSHOT_ID,
    USDM_SYMBOL, USDM_PAIR, USDM_MARKET, USDM_EVENT_TIME, USDM_MATCH_TIME,
    USDM_FIRST, USDM_LAST, USDM_PREVIOUS, USDM_BIDS, USDM_ASKS,
    USDM_BID, USDM_BID_SIZE, USDM_ASK, USDM_ASK_SIZE,
    USDM_TRADE, USDM_PRICE, USDM_SIZE, USDM_MAKER, USDM_TYPE,
    USDM_MARK, USDM_INDEX, USDM_SETTLE, USDM_FUNDING, USDM_NEXT_FUNDING
};

#define USDM_FIELD(key, type, flags, slot) { key, type, flags, slot, 0 }
#define USDM_MUST(key, type, slot) USDM_FIELD(key, type, HP_JSON_REQUIRED, slot)
#define USDM_COUNT_OF(table) ((uint32_t)(sizeof(table) / sizeof((table)[0])))
/* s, and what 2026 added: ps behind it, st at the end */
#define USDM_SYMBOL_FIELDS \
    USDM_MUST("s", HP_JSON_SYMBOL, USDM_SYMBOL), USDM_FIELD("ps", HP_JSON_TEXT, 0, USDM_PAIR)
#define USDM_MARKET_FIELD USDM_FIELD("st", HP_JSON_WHOLE, 0, USDM_MARKET)

enum usdm_market_shape { USDM_FRAME_SHAPE, USDM_DATA_SHAPE, USDM_SNAPSHOT_SHAPE };

static const hp_json_field_t usdm_frame_fields[] = {
    USDM_FIELD("stream", HP_JSON_TEXT, 0, USDM_STREAM),
    { "data", HP_JSON_OBJECT, 0, USDM_DATA, USDM_DATA_SHAPE },
    USDM_FIELD("e", HP_JSON_KIND, 0, USDM_KIND),
    USDM_FIELD("result", HP_JSON_ANY, 0, USDM_RESULT),
    USDM_FIELD("id", HP_JSON_ANY, 0, USDM_ID),
    USDM_FIELD("error", HP_JSON_ANY, 0, USDM_ERROR),
    USDM_FIELD("code", HP_JSON_ANY, 0, USDM_CODE),
    USDM_FIELD("lastUpdateId", HP_JSON_WHOLE, 0, USDM_SNAPSHOT_ID),
};
static const hp_json_field_t usdm_data_fields[] = {
    USDM_MUST("e", HP_JSON_KIND, USDM_KIND),
};
static const hp_json_field_t usdm_snapshot_fields[] = {
    USDM_MUST("lastUpdateId", HP_JSON_WHOLE, USDM_LAST),
    USDM_FIELD("E", HP_JSON_TIME_MS, 0, USDM_EVENT_TIME),
    USDM_FIELD("T", HP_JSON_TIME_MS, 0, USDM_MATCH_TIME),
    USDM_MUST("bids", HP_JSON_BIDS, USDM_BIDS),
    USDM_MUST("asks", HP_JSON_ASKS, USDM_ASKS),
};
static const hp_json_field_t usdm_depth_fields[] = {
    USDM_MUST("E", HP_JSON_TIME_MS, USDM_EVENT_TIME),
    USDM_MUST("T", HP_JSON_TIME_MS, USDM_MATCH_TIME),
    USDM_SYMBOL_FIELDS,
    USDM_MUST("U", HP_JSON_WHOLE, USDM_FIRST),
    USDM_MUST("u", HP_JSON_WHOLE, USDM_LAST),
    USDM_MUST("pu", HP_JSON_WHOLE, USDM_PREVIOUS),
    USDM_MUST("b", HP_JSON_BIDS, USDM_BIDS),
    USDM_MUST("a", HP_JSON_ASKS, USDM_ASKS),
    USDM_MARKET_FIELD,
};
static const hp_json_field_t usdm_ticker_fields[] = {
    USDM_MUST("u", HP_JSON_WHOLE, USDM_LAST),
    USDM_SYMBOL_FIELDS,
    USDM_MUST("b", HP_JSON_PRICE, USDM_BID),
    USDM_MUST("B", HP_JSON_SIZE, USDM_BID_SIZE),
    USDM_MUST("a", HP_JSON_PRICE, USDM_ASK),
    USDM_MUST("A", HP_JSON_SIZE, USDM_ASK_SIZE),
    USDM_MUST("T", HP_JSON_TIME_MS, USDM_MATCH_TIME),
    USDM_MUST("E", HP_JSON_TIME_MS, USDM_EVENT_TIME),
    USDM_MARKET_FIELD,
};
static const hp_json_field_t usdm_aggregate_fields[] = {
    USDM_MUST("E", HP_JSON_TIME_MS, USDM_EVENT_TIME),
    USDM_MUST("a", HP_JSON_WHOLE, USDM_TRADE),
    USDM_SYMBOL_FIELDS,
    USDM_MUST("p", HP_JSON_PRICE, USDM_PRICE),
    USDM_MUST("q", HP_JSON_SIZE, USDM_SIZE),
    USDM_MUST("f", HP_JSON_WHOLE, USDM_FIRST),
    USDM_MUST("l", HP_JSON_WHOLE, USDM_LAST),
    USDM_MUST("T", HP_JSON_TIME_MS, USDM_MATCH_TIME),
    USDM_MUST("m", HP_JSON_BOOL, USDM_MAKER),
    USDM_MARKET_FIELD,
};
static const hp_json_field_t usdm_trade_fields[] = {
    USDM_MUST("E", HP_JSON_TIME_MS, USDM_EVENT_TIME),
    USDM_MUST("T", HP_JSON_TIME_MS, USDM_MATCH_TIME),
    USDM_SYMBOL_FIELDS,
    USDM_MUST("t", HP_JSON_WHOLE, USDM_TRADE),
    USDM_MUST("p", HP_JSON_PRICE, USDM_PRICE),
    USDM_MUST("q", HP_JSON_SIZE, USDM_SIZE),
    USDM_FIELD("X", HP_JSON_TEXT, 0, USDM_TYPE),
    USDM_MUST("m", HP_JSON_BOOL, USDM_MAKER),
    USDM_MARKET_FIELD,
};
static const hp_json_field_t usdm_mark_fields[] = {
    USDM_MUST("E", HP_JSON_TIME_MS, USDM_EVENT_TIME),
    USDM_SYMBOL_FIELDS,
    USDM_MUST("p", HP_JSON_MONEY, USDM_MARK),
    USDM_MUST("i", HP_JSON_MONEY, USDM_INDEX),
    USDM_MUST("P", HP_JSON_MONEY, USDM_SETTLE),
    /* a rate may be negative; delivery contracts have none */
    USDM_FIELD("r", HP_JSON_MONEY, HP_JSON_REQUIRED | HP_JSON_SIGNED | HP_JSON_EMPTY, USDM_FUNDING),
    USDM_MUST("T", HP_JSON_TIME_MS, USDM_NEXT_FUNDING),
    USDM_MARKET_FIELD,
};

#define USDM_SHAPE(kind, table, number) { kind, table, USDM_COUNT_OF(table), number }
static const hp_json_shape_t usdm_market_shapes[] = {
    USDM_SHAPE(NULL, usdm_frame_fields, 0),
    USDM_SHAPE(NULL, usdm_data_fields, 0),
    USDM_SHAPE(NULL, usdm_snapshot_fields, 0),
    USDM_SHAPE("depthUpdate", usdm_depth_fields, HP_EVENT_DEPTH),
    USDM_SHAPE("bookTicker", usdm_ticker_fields, HP_EVENT_BOOK_TICKER),
    USDM_SHAPE("aggTrade", usdm_aggregate_fields, HP_EVENT_AGG_TRADE),
    USDM_SHAPE("trade", usdm_trade_fields, HP_EVENT_TRADE),
    USDM_SHAPE("markPriceUpdate", usdm_mark_fields, HP_EVENT_MARK_PRICE),
};

/* Write all of an event but what the caller knows better: line and recv_ns are left as they are. */
static inline void usdm_clear(hp_event_t *event, uint8_t kind, uint32_t instrument)
{
    event->kind = kind;
    event->flags = 0;
    event->pad = 0;
    event->instrument = instrument;
    memset(&event->event_ns, 0, sizeof *event - offsetof(hp_event_t, event_ns));
}

/* Is this the word of a stream's name that says the kind? */
static inline int usdm_says(const char *word, const char *end, uint32_t kind)
{
    const usdm_kind_t *k = &usdm_kinds[kind];
    const size_t size = (size_t)(end - word);
    return k->stream != NULL && size >= k->stream_size &&
           memcmp(word, k->stream, k->stream_size) == 0 &&
           (size == k->stream_size || word[k->stream_size] == '@');
}

/* Does a stream's name agree with the kind and the symbol that came under it? */
static inline int usdm_name_status(const char *name, size_t size, uint32_t kind, const char *symbol,
                                   size_t symbol_size)
{
    const char *end = name + size, *word = name;
    if (size != 0 && *name != '!')
        while (word < end && *word != '@') word++;
    if (word == end) return HP_DECODE_UNKNOWN_KIND; /* a listen key, say */
    word++;
    if (HP_UNLIKELY(!usdm_says(word, end, kind))) {
        for (uint32_t other = 0; other < HP_EVENT_KIND_COUNT; other++)
            if (usdm_says(word, end, other)) return HP_DECODE_TYPE;
        return HP_DECODE_UNKNOWN_KIND;
    }
    if (*name == '!') return HP_DECODE_EVENT;
    if ((size_t)(word - name) != symbol_size + 1) return HP_DECODE_TYPE;
    for (size_t n = 0; n < symbol_size; n++)
        if (name[n] != usdm_lower(symbol[n])) return HP_DECODE_TYPE;
    return HP_DECODE_EVENT;
}

static inline void usdm_fill(const hp_json_values_t *v, hp_event_t *event)
{
#define USDM_VALUE(slot) v->at[slot].number
    usdm_clear(event, (uint8_t)v->kind, v->symbol->instrument.id);
    event->event_ns = USDM_VALUE(USDM_EVENT_TIME);
    switch (v->kind) {
    case HP_EVENT_DEPTH:
        event->match_ns = USDM_VALUE(USDM_MATCH_TIME);
        event->first_id = (uint64_t)USDM_VALUE(USDM_FIRST);
        event->last_id = (uint64_t)USDM_VALUE(USDM_LAST);
        event->prev_id = (uint64_t)USDM_VALUE(USDM_PREVIOUS);
        event->bid_count = v->bid_count;
        event->ask_count = v->ask_count;
        break;
    case HP_EVENT_BOOK_TICKER:
        event->match_ns = USDM_VALUE(USDM_MATCH_TIME);
        event->last_id = (uint64_t)USDM_VALUE(USDM_LAST);
        event->body.top.bid_ticks = USDM_VALUE(USDM_BID);
        event->body.top.bid_lots = USDM_VALUE(USDM_BID_SIZE);
        event->body.top.ask_ticks = USDM_VALUE(USDM_ASK);
        event->body.top.ask_lots = USDM_VALUE(USDM_ASK_SIZE);
        break;
    case HP_EVENT_AGG_TRADE:
        event->first_id = (uint64_t)USDM_VALUE(USDM_FIRST);
        event->last_id = (uint64_t)USDM_VALUE(USDM_LAST);
        __attribute__((fallthrough));
    case HP_EVENT_TRADE:
        event->match_ns = USDM_VALUE(USDM_MATCH_TIME);
        event->flags = USDM_VALUE(USDM_MAKER) ? HP_EVENT_BUYER_MAKER : 0;
        event->body.trade.price_ticks = USDM_VALUE(USDM_PRICE);
        event->body.trade.lots = USDM_VALUE(USDM_SIZE);
        event->body.trade.trade_id = (uint64_t)USDM_VALUE(USDM_TRADE);
        break;
    default:
        event->body.mark.mark_e8 = USDM_VALUE(USDM_MARK);
        event->body.mark.index_e8 = USDM_VALUE(USDM_INDEX);
        event->body.mark.settle_e8 = USDM_VALUE(USDM_SETTLE);
        event->body.mark.funding_e8 = USDM_VALUE(USDM_FUNDING);
        event->body.mark.next_funding_ns = USDM_VALUE(USDM_NEXT_FUNDING);
        event->body.mark.has = HP_MARK_ALL;
        break;
    }
}

/* Keep what finer() and symbol() will be asked. */
static inline int usdm_refuse(usdm_state_t *state, int status)
{
    const hp_json_values_t *v = &state->values;
    if (status == HP_DECODE_FINER) {
        state->finer_instrument = v->finer->instrument.id;
        state->finer_price = v->price_needed;
        state->finer_size = v->size_needed;
    } else if (status == HP_DECODE_UNKNOWN_SYMBOL) {
        state->symbol_size = (uint32_t)(v->symbol_size < USDM_SYMBOL_TEXT_MAX
                                            ? v->symbol_size
                                            : USDM_SYMBOL_TEXT_MAX);
        if (state->symbol_size) memcpy(state->symbol_text, v->symbol_text, state->symbol_size);
    }
    return status;
}

/* The specification. */
static inline int usdm_decode_general(void *opaque, const char *data, size_t size,
                                      hp_event_t *event, hp_levels_t *levels)
{
    usdm_state_t *state = (usdm_state_t *)opaque;
    hp_json_values_t *v = &state->values;
    v->row = NULL;
    int status = state->json->read(state->reader, state->market, USDM_FRAME_SHAPE, &state->symbols,
                                   NULL, data, size, levels, v);
    if (status != HP_DECODE_EVENT) return usdm_refuse(state, status);
    const int stream = hp_json_seen(v, USDM_STREAM);
    if (stream != hp_json_seen(v, USDM_DATA)) return HP_DECODE_MISSING;
    if (v->kind == HP_EVENT_NONE) {
        if (hp_json_seen(v, USDM_RESULT) || hp_json_seen(v, USDM_ERROR) ||
            hp_json_seen(v, USDM_CODE))
            return HP_DECODE_CONTROL;
        /* a REST snapshot: whoever asked for it knows the instrument */
        return hp_json_seen(v, USDM_SNAPSHOT_ID) ? usdm_refuse(state, HP_DECODE_UNKNOWN_SYMBOL)
                                                 : HP_DECODE_MISSING;
    }
    if (stream) {
        const hp_json_value_t *name = &v->at[USDM_STREAM], *symbol = &v->at[USDM_SYMBOL];
        status = usdm_name_status(name->text, name->size, v->kind, symbol->text, symbol->size);
        if (status != HP_DECODE_EVENT) return status;
    }
    usdm_fill(v, event);
    return HP_DECODE_EVENT;
}

static inline int usdm_decode_snapshot(void *opaque, uint32_t instrument, const char *data,
                                       size_t size, hp_event_t *event, hp_levels_t *levels)
{
    usdm_state_t *state = (usdm_state_t *)opaque;
    hp_json_values_t *v = &state->values;
    const hp_symbol_t *symbol = hp_symbols_by_id(&state->symbols, instrument);
    v->row = NULL;
    if (symbol == NULL) {
        v->symbol_size = 0;
        return usdm_refuse(state, HP_DECODE_UNKNOWN_SYMBOL);
    }
    int status = state->json->read(state->reader, state->market, USDM_SNAPSHOT_SHAPE,
                                   &state->symbols, symbol, data, size, levels, v);
    if (status != HP_DECODE_EVENT) return usdm_refuse(state, status);
    usdm_clear(event, HP_EVENT_SNAPSHOT, instrument);
    event->event_ns = hp_json_seen(v, USDM_EVENT_TIME) ? USDM_VALUE(USDM_EVENT_TIME) : 0;
    event->match_ns = hp_json_seen(v, USDM_MATCH_TIME) ? USDM_VALUE(USDM_MATCH_TIME) : 0;
    event->last_id = (uint64_t)USDM_VALUE(USDM_LAST);
    event->bid_count = v->bid_count;
    event->ask_count = v->ask_count;
    static const uint32_t limits[] = { 5, 10, 20, 50, 100, 500, 1000 }; /* of GET depth */
    event->body.depth.depth_limit =
        hp_depth_limit(limits, 7, v->bid_count > v->ask_count ? v->bid_count : v->ask_count);
    return HP_DECODE_EVENT;
}
#undef USDM_VALUE

#endif
