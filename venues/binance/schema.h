/* schema.h - the market messages of the family: what their fields mean, whoever has them.
 *
 * Owns:    slots and words of the field tables, the tables that all members share; values -> event;
 *          the rule that a stream's name must agree with what it carries.
 * Refuses: bytes (hotpath/decode/general.cpp reads them), the fast path (shape.h), which member has
 *          which field (its own schema.h).
 *
 * Frames: {"stream":NAME,"data":{...}} of a combined stream, the bare {...} of a single one, and
 * the answers to SUBSCRIBE.  NAME is <symbol>@<kind>[@<speed>] or !<kind>.  A name that says
 * another symbol or another of our kinds than its data is HP_DECODE_TYPE; one that says a kind
 * which is not carried here is HP_DECODE_UNKNOWN_KIND: depth20 and rpiDepth also send
 * "depthUpdate", but no deltas of the whole book. */
#ifndef BINANCE_SCHEMA_H
#define BINANCE_SCHEMA_H

#include "venues/binance/state.h"

enum binance_slot {
    BINANCE_STREAM, BINANCE_DATA, BINANCE_KIND, BINANCE_RESULT, BINANCE_ID, BINANCE_ERROR,
    BINANCE_CODE, BINANCE_SNAPSHOT_ID,
    BINANCE_SYMBOL, BINANCE_PAIR, BINANCE_MARKET, BINANCE_EVENT_TIME, BINANCE_MATCH_TIME,
    BINANCE_FIRST, BINANCE_LAST, BINANCE_PREVIOUS, BINANCE_BIDS, BINANCE_ASKS,
    BINANCE_BID, BINANCE_BID_SIZE, BINANCE_ASK, BINANCE_ASK_SIZE,
    BINANCE_TRADE, BINANCE_PRICE, BINANCE_SIZE, BINANCE_MAKER, BINANCE_TYPE,
    BINANCE_MARK, BINANCE_INDEX, BINANCE_SETTLE, BINANCE_FUNDING, BINANCE_NEXT_FUNDING
};

#define BINANCE_FIELD(key, type, flags, slot) { key, type, flags, slot, 0 }
#define BINANCE_MUST(key, type, slot) BINANCE_FIELD(key, type, HP_JSON_REQUIRED, slot)
#define BINANCE_COUNT_OF(table) ((uint32_t)(sizeof(table) / sizeof((table)[0])))
#define BINANCE_SHAPE(kind, table, number) { kind, table, BINANCE_COUNT_OF(table), number }

enum binance_shape { BINANCE_FRAME_SHAPE, BINANCE_DATA_SHAPE, BINANCE_SNAPSHOT_SHAPE };

static const hp_json_field_t binance_frame_fields[] = {
    BINANCE_FIELD("stream", HP_JSON_TEXT, 0, BINANCE_STREAM),
    { "data", HP_JSON_OBJECT, 0, BINANCE_DATA, BINANCE_DATA_SHAPE },
    BINANCE_FIELD("e", HP_JSON_KIND, 0, BINANCE_KIND),
    BINANCE_FIELD("result", HP_JSON_ANY, 0, BINANCE_RESULT),
    BINANCE_FIELD("id", HP_JSON_ANY, 0, BINANCE_ID),
    BINANCE_FIELD("error", HP_JSON_ANY, 0, BINANCE_ERROR),
    BINANCE_FIELD("code", HP_JSON_ANY, 0, BINANCE_CODE),
    BINANCE_FIELD("lastUpdateId", HP_JSON_WHOLE, 0, BINANCE_SNAPSHOT_ID),
};
/* Times are of futures, the symbol is COIN-M's: asked for one instrument, another is refused. */
static const hp_json_field_t binance_snapshot_fields[] = {
    BINANCE_MUST("lastUpdateId", HP_JSON_WHOLE, BINANCE_LAST),
    BINANCE_FIELD("E", HP_JSON_TIME_MS, 0, BINANCE_EVENT_TIME),
    BINANCE_FIELD("T", HP_JSON_TIME_MS, 0, BINANCE_MATCH_TIME),
    BINANCE_FIELD("symbol", HP_JSON_TEXT, 0, BINANCE_SYMBOL),
    BINANCE_MUST("bids", HP_JSON_BIDS, BINANCE_BIDS),
    BINANCE_MUST("asks", HP_JSON_ASKS, BINANCE_ASKS),
};

/* Is this the word of a stream's name that says the kind? */
static inline int binance_says(const binance_kind_t *kind, const char *word, const char *end)
{
    const size_t size = (size_t)(end - word);
    return kind->stream != NULL && size >= kind->stream_size &&
           memcmp(word, kind->stream, kind->stream_size) == 0 &&
           (size == kind->stream_size || word[kind->stream_size] == '@');
}

/* Does a stream's name agree with the kind and the symbol that came under it? */
static inline int binance_name_status(const binance_kind_t *kinds, const char *name, size_t size,
                                      uint32_t kind, const char *symbol, size_t symbol_size)
{
    const char *end = name + size, *word = name;
    if (size != 0 && *name != '!')
        while (word < end && *word != '@') word++;
    if (word == end) return HP_DECODE_UNKNOWN_KIND; /* a listen key, say */
    word++;
    if (HP_UNLIKELY(!binance_says(&kinds[kind], word, end))) {
        for (uint32_t other = 0; other < HP_EVENT_KIND_COUNT; other++)
            if (binance_says(&kinds[other], word, end)) return HP_DECODE_TYPE;
        return HP_DECODE_UNKNOWN_KIND;
    }
    if (*name == '!') return HP_DECODE_EVENT;
    if ((size_t)(word - name) != symbol_size + 1) return HP_DECODE_TYPE;
    for (size_t n = 0; n < symbol_size; n++)
        if (name[n] != binance_lower(symbol[n])) return HP_DECODE_TYPE;
    return HP_DECODE_EVENT;
}

/* A field that not every member has; what was not seen is 0. */
static inline int64_t binance_number(const hp_json_values_t *v, unsigned slot)
{
    return hp_json_seen(v, slot) ? v->at[slot].number : 0;
}

static inline void binance_fill(const hp_json_values_t *v, hp_event_t *event)
{
#define BINANCE_VALUE(slot) v->at[slot].number
    hp_market_clear(event, (uint8_t)v->kind, v->symbol->instrument.id);
    event->event_ns = binance_number(v, BINANCE_EVENT_TIME);
    event->match_ns = binance_number(v, BINANCE_MATCH_TIME);
    switch (v->kind) {
    case HP_EVENT_DEPTH:
        event->first_id = (uint64_t)BINANCE_VALUE(BINANCE_FIRST);
        event->last_id = (uint64_t)BINANCE_VALUE(BINANCE_LAST);
        event->prev_id = (uint64_t)binance_number(v, BINANCE_PREVIOUS);
        event->bid_count = v->bid_count;
        event->ask_count = v->ask_count;
        break;
    case HP_EVENT_BOOK_TICKER:
        event->last_id = (uint64_t)BINANCE_VALUE(BINANCE_LAST);
        event->body.top.bid_ticks = BINANCE_VALUE(BINANCE_BID);
        event->body.top.bid_lots = BINANCE_VALUE(BINANCE_BID_SIZE);
        event->body.top.ask_ticks = BINANCE_VALUE(BINANCE_ASK);
        event->body.top.ask_lots = BINANCE_VALUE(BINANCE_ASK_SIZE);
        break;
    case HP_EVENT_AGG_TRADE:
        event->first_id = (uint64_t)BINANCE_VALUE(BINANCE_FIRST);
        event->last_id = (uint64_t)BINANCE_VALUE(BINANCE_LAST);
        __attribute__((fallthrough));
    case HP_EVENT_TRADE:
        event->flags = BINANCE_VALUE(BINANCE_MAKER) ? HP_EVENT_BUYER_MAKER : 0;
        event->body.trade.price_ticks = BINANCE_VALUE(BINANCE_PRICE);
        event->body.trade.lots = BINANCE_VALUE(BINANCE_SIZE);
        event->body.trade.trade_id = (uint64_t)BINANCE_VALUE(BINANCE_TRADE);
        break;
    default:
        event->body.mark.mark_e8 = BINANCE_VALUE(BINANCE_MARK);
        event->body.mark.index_e8 = binance_number(v, BINANCE_INDEX);
        event->body.mark.settle_e8 = BINANCE_VALUE(BINANCE_SETTLE);
        event->body.mark.funding_e8 = BINANCE_VALUE(BINANCE_FUNDING);
        event->body.mark.next_funding_ns = BINANCE_VALUE(BINANCE_NEXT_FUNDING);
        event->body.mark.has = HP_MARK_ALL;
        if (!hp_json_seen(v, BINANCE_INDEX)) event->body.mark.has &= ~(uint32_t)HP_MARK_INDEX;
        break;
    }
#undef BINANCE_VALUE
}

/* The specification. */
static inline int binance_decode_general(void *opaque, const char *data, size_t size,
                                         hp_event_t *event, hp_levels_t *levels)
{
    binance_state_t *state = (binance_state_t *)opaque;
    hp_market_t *m = &state->market;
    hp_json_values_t *v = &m->values;
    v->row = NULL;
    int status = m->json->read(m->reader, m->plan, BINANCE_FRAME_SHAPE, &m->symbols, NULL, data,
                               size, levels, v);
    if (status != HP_DECODE_EVENT) return hp_market_refuse(m, status);
    const int stream = hp_json_seen(v, BINANCE_STREAM);
    if (stream != hp_json_seen(v, BINANCE_DATA)) return HP_DECODE_MISSING;
    if (v->kind == HP_EVENT_NONE) {
        if (stream) { /* depth20 of spot, say, has no "e" either */
            const hp_json_value_t *name = &v->at[BINANCE_STREAM];
            status = binance_name_status(state->words->kinds, name->text, name->size,
                                         HP_EVENT_NONE, NULL, 0);
            return status == HP_DECODE_UNKNOWN_KIND ? status : HP_DECODE_MISSING;
        }
        if (hp_json_seen(v, BINANCE_RESULT) || hp_json_seen(v, BINANCE_ERROR) ||
            hp_json_seen(v, BINANCE_CODE))
            return HP_DECODE_CONTROL;
        /* a REST snapshot: whoever asked for it knows the instrument */
        return hp_json_seen(v, BINANCE_SNAPSHOT_ID) ? hp_market_refuse(m, HP_DECODE_UNKNOWN_SYMBOL)
                                                    : HP_DECODE_MISSING;
    }
    if (stream) {
        const hp_json_value_t *name = &v->at[BINANCE_STREAM], *symbol = &v->at[BINANCE_SYMBOL];
        status = binance_name_status(state->words->kinds, name->text, name->size, v->kind,
                                     symbol->text, symbol->size);
        if (status != HP_DECODE_EVENT) return status;
    }
    binance_fill(v, event);
    return HP_DECODE_EVENT;
}

static inline int binance_decode_snapshot(void *opaque, uint32_t instrument, const char *data,
                                          size_t size, hp_event_t *event, hp_levels_t *levels)
{
    hp_market_t *m = &((binance_state_t *)opaque)->market;
    hp_json_values_t *v = &m->values;
    const hp_symbol_t *symbol = hp_symbols_by_id(&m->symbols, instrument);
    v->row = NULL;
    if (symbol == NULL) {
        v->symbol_size = 0;
        return hp_market_refuse(m, HP_DECODE_UNKNOWN_SYMBOL);
    }
    int status = m->json->read(m->reader, m->plan, BINANCE_SNAPSHOT_SHAPE, &m->symbols, symbol,
                               data, size, levels, v);
    if (status != HP_DECODE_EVENT) return hp_market_refuse(m, status);
    if (hp_json_seen(v, BINANCE_SYMBOL)) {
        const hp_json_value_t *named = &v->at[BINANCE_SYMBOL];
        if (named->size != symbol->instrument.symbol_length ||
            memcmp(named->text, symbol->instrument.symbol, named->size) != 0)
            return HP_DECODE_TYPE;
    }
    hp_market_clear(event, HP_EVENT_SNAPSHOT, instrument);
    event->event_ns = binance_number(v, BINANCE_EVENT_TIME);
    event->match_ns = binance_number(v, BINANCE_MATCH_TIME);
    event->last_id = (uint64_t)v->at[BINANCE_LAST].number;
    event->bid_count = v->bid_count;
    event->ask_count = v->ask_count;
    return HP_DECODE_EVENT;
}

#endif
