/* schema.h - the market messages of Hyperliquid as tables, and what their fields mean.
 *
 * Owns:    the field tables of the general reader; values -> events.
 * Refuses: bytes (hotpath/decode/general.cpp reads them), the fast path (shape.h).
 *
 * Frames: {"channel":C,"data":..}.  l2Book is the whole book that the venue shows, 20 levels a side,
 * each time: SNAPSHOT.  There are no ids: its time in milliseconds stands for one.  trades is an
 * array; the first one after a subscription repeats old trades, so tell them by time and tid.  Side
 * B is an aggressive buyer, A a seller. */
#ifndef HYPERLIQUID_SCHEMA_H
#define HYPERLIQUID_SCHEMA_H

#include "state.h"

enum hyperliquid_slot {
    HYPERLIQUID_SLOT_CHANNEL, HYPERLIQUID_SLOT_DATA,
    HYPERLIQUID_SLOT_COIN, HYPERLIQUID_SLOT_LEVELS, HYPERLIQUID_SLOT_TIME, HYPERLIQUID_SLOT_TOP,
    HYPERLIQUID_SLOT_CONTEXT,
    HYPERLIQUID_SLOT_PRICE, HYPERLIQUID_SLOT_SIZE, HYPERLIQUID_SLOT_SIDE, HYPERLIQUID_SLOT_TRADE,
    HYPERLIQUID_SLOT_RATE, HYPERLIQUID_SLOT_ORACLE, HYPERLIQUID_SLOT_MARK
};
enum hyperliquid_shape {
    HYPERLIQUID_SHAPE_FRAME, HYPERLIQUID_SHAPE_LEVEL, HYPERLIQUID_SHAPE_CONTEXT,
    HYPERLIQUID_SHAPE_TRADES
};

#define HYPERLIQUID_MUST(key, type, flags, slot, shape) \
    { key, type, (flags) | HP_JSON_REQUIRED, HYPERLIQUID_SLOT_##slot, shape }
#define HYPERLIQUID_COUNT_OF(table) ((uint32_t)(sizeof(table) / sizeof((table)[0])))
#define HYPERLIQUID_COIN HYPERLIQUID_MUST("coin", HP_JSON_SYMBOL, 0, COIN, 0)
#define HYPERLIQUID_TIME HYPERLIQUID_MUST("time", HP_JSON_TIME_MS, 0, TIME, 0)
#define HYPERLIQUID_PRICE HYPERLIQUID_MUST("px", HP_JSON_PRICE, 0, PRICE, 0)
#define HYPERLIQUID_SIZE HYPERLIQUID_MUST("sz", HP_JSON_SIZE, 0, SIZE, 0)

static const hp_json_field_t hyperliquid_frame_fields[] = {
    HYPERLIQUID_MUST("channel", HP_JSON_KIND, HP_JSON_APART, CHANNEL, 0),
    { "data", HP_JSON_CHOSEN, 0, HYPERLIQUID_SLOT_DATA, 0 },
};
static const hp_json_field_t hyperliquid_level_fields[] = { HYPERLIQUID_PRICE, HYPERLIQUID_SIZE };
static const hp_json_field_t hyperliquid_context_fields[] = {
    HYPERLIQUID_MUST("funding", HP_JSON_MONEY, HP_JSON_SIGNED | HP_JSON_ROUND, RATE, 0),
    HYPERLIQUID_MUST("oraclePx", HP_JSON_MONEY, HP_JSON_ROUND, ORACLE, 0),
    HYPERLIQUID_MUST("markPx", HP_JSON_MONEY, HP_JSON_ROUND, MARK, 0),
};
static const hp_json_field_t hyperliquid_book_fields[] = {
    HYPERLIQUID_COIN,
    HYPERLIQUID_TIME,
    HYPERLIQUID_MUST("levels", HP_JSON_GROUPS, HP_JSON_LATER, LEVELS, HYPERLIQUID_SHAPE_LEVEL),
};
static const hp_json_field_t hyperliquid_trade_fields[] = {
    HYPERLIQUID_COIN,
    HYPERLIQUID_MUST("side", HP_JSON_TEXT, 0, SIDE, 0),
    HYPERLIQUID_PRICE,
    HYPERLIQUID_SIZE,
    HYPERLIQUID_TIME,
    HYPERLIQUID_MUST("tid", HP_JSON_WHOLE, 0, TRADE, 0),
};
static const hp_json_field_t hyperliquid_bbo_fields[] = {
    HYPERLIQUID_COIN,
    HYPERLIQUID_TIME,
    /* null: there is none on that side */
    HYPERLIQUID_MUST("bbo", HP_JSON_ROWS, HP_JSON_LATER | HP_JSON_LOOSE, TOP,
                     HYPERLIQUID_SHAPE_LEVEL),
};
static const hp_json_field_t hyperliquid_active_fields[] = {
    HYPERLIQUID_COIN,
    HYPERLIQUID_MUST("ctx", HP_JSON_OBJECT, 0, CONTEXT, HYPERLIQUID_SHAPE_CONTEXT),
};

#define HYPERLIQUID_SHAPE(kind, table, number) { kind, table, HYPERLIQUID_COUNT_OF(table), number }
#define HYPERLIQUID_WORD(kind) { kind, NULL, 0, HYPERLIQUID_CONTROL }
static const hp_json_shape_t hyperliquid_shapes[] = {
    HYPERLIQUID_SHAPE(NULL, hyperliquid_frame_fields, 0),
    HYPERLIQUID_SHAPE(NULL, hyperliquid_level_fields, 0),
    HYPERLIQUID_SHAPE(NULL, hyperliquid_context_fields, 0),
    HYPERLIQUID_SHAPE("trades", hyperliquid_trade_fields, HYPERLIQUID_TRADES),
    HYPERLIQUID_SHAPE("l2Book", hyperliquid_book_fields, HYPERLIQUID_BOOK),
    HYPERLIQUID_SHAPE("bbo", hyperliquid_bbo_fields, HYPERLIQUID_BBO),
    HYPERLIQUID_SHAPE("activeAssetCtx", hyperliquid_active_fields, HYPERLIQUID_CONTEXT),
    HYPERLIQUID_WORD("subscriptionResponse"),
    HYPERLIQUID_WORD("pong"),
    HYPERLIQUID_WORD("error"),
};

#define HYPERLIQUID_VALUE(slot) v->at[HYPERLIQUID_SLOT_##slot].number

static inline int hyperliquid_row_level(hyperliquid_state_t *state, hp_json_values_t *v)
{
    const hp_level_t level = { HYPERLIQUID_VALUE(PRICE), HYPERLIQUID_VALUE(SIZE) };
    if (v->kind == HYPERLIQUID_BBO) {
        if (v->index > 1) return HP_DECODE_LEVELS;
        state->top[v->index] = level;
        return HP_DECODE_EVENT;
    }
    const uint32_t count = v->bid_count + v->ask_count;
    if (v->group > 1 || count == HP_LEVELS_MAX) return HP_DECODE_LEVELS;
    state->market.levels->at[count] = level;
    if (v->group == 0) v->bid_count++;
    else v->ask_count++;
    return HP_DECODE_EVENT;
}

static inline void hyperliquid_fill_trade(hp_event_t *event, int64_t time_ns, uint64_t id,
                                          int is_sell)
{
    event->flags = is_sell ? HP_EVENT_BUYER_MAKER : 0;
    event->event_ns = event->match_ns = time_ns;
    event->body.trade.trade_id = id;
}

static inline int hyperliquid_row_trade(hyperliquid_state_t *state, hp_json_values_t *v)
{
    const hp_json_value_t *side = &v->at[HYPERLIQUID_SLOT_SIDE];
    if (side->size != 1 || (*side->text != 'A' && *side->text != 'B')) return HP_DECODE_TYPE;
    hp_event_t *event = hp_market_more(&state->market, HP_EVENT_TRADE, v->symbol->instrument.id);
    if (event == NULL) return HP_DECODE_LEVELS;
    event->body.trade.price_ticks = HYPERLIQUID_VALUE(PRICE);
    event->body.trade.lots = HYPERLIQUID_VALUE(SIZE);
    hyperliquid_fill_trade(event, HYPERLIQUID_VALUE(TIME), (uint64_t)HYPERLIQUID_VALUE(TRADE),
                           *side->text == 'A');
    return HP_DECODE_EVENT;
}

/* One level, or one trade. */
static inline int hyperliquid_row(void *opaque, hp_json_values_t *v, uint32_t shape)
{
    hyperliquid_state_t *state = (hyperliquid_state_t *)opaque;
    if (shape != HYPERLIQUID_SHAPE_LEVEL && shape != HYPERLIQUID_SHAPE_TRADES)
        return HP_DECODE_TYPE; /* an array instead of the object */
    if (v->symbol == NULL || v->missing || v->finer != NULL) return HP_DECODE_EVENT; /* said later */
    return shape == HYPERLIQUID_SHAPE_LEVEL ? hyperliquid_row_level(state, v)
                                            : hyperliquid_row_trade(state, v);
}

/* A book or its top: what is common to both readers. */
static inline void hyperliquid_fill_book(hp_event_t *event, uint8_t kind, uint32_t instrument,
                                         int64_t time_ns)
{
    hp_market_clear(event, kind, instrument);
    event->event_ns = time_ns;
    event->last_id = (uint64_t)time_ns / 1000000;
}

/* The specification. */
static inline int hyperliquid_decode_general(void *opaque, const char *data, size_t size,
                                             hp_event_t *event, hp_levels_t *levels)
{
    hyperliquid_state_t *state = (hyperliquid_state_t *)opaque;
    hp_market_t *m = &state->market;
    hp_json_values_t *v = &m->values;
    memset(state->top, 0, sizeof state->top);
    const int status = hp_market_read(m, hyperliquid_row, data, size, levels);
    if (status != HP_DECODE_EVENT) return hp_market_refuse(m, status);
    if (v->kind == HYPERLIQUID_CONTROL) return HP_DECODE_CONTROL;
    if (!hp_json_seen(v, HYPERLIQUID_SLOT_DATA)) return HP_DECODE_MISSING;
    if (v->kind == HYPERLIQUID_TRADES) {
        if (hp_json_seen(v, HYPERLIQUID_SLOT_TRADE)) return HP_DECODE_TYPE; /* not an array */
        return hp_market_next(m, event) ? HP_DECODE_EVENT : HP_DECODE_CONTROL;
    }
    if (!hp_json_seen(v, HYPERLIQUID_SLOT_COIN)) return HP_DECODE_TYPE; /* an empty array */
    const uint32_t instrument = v->symbol->instrument.id;
    if (v->kind == HYPERLIQUID_BOOK) {
        if (v->group != 1) return HP_DECODE_TYPE;
        hyperliquid_fill_book(event, HP_EVENT_SNAPSHOT, instrument, HYPERLIQUID_VALUE(TIME));
        event->bid_count = v->bid_count;
        event->ask_count = v->ask_count;
    } else if (v->kind == HYPERLIQUID_BBO) {
        if (v->index != 1) return HP_DECODE_TYPE;
        hyperliquid_fill_book(event, HP_EVENT_BOOK_TICKER, instrument, HYPERLIQUID_VALUE(TIME));
        hp_market_top(event, &state->top[0], &state->top[1]);
    } else {
        hp_market_clear(event, HP_EVENT_MARK_PRICE, instrument);
        event->body.mark.mark_e8 = HYPERLIQUID_VALUE(MARK);
        event->body.mark.index_e8 = HYPERLIQUID_VALUE(ORACLE);
        event->body.mark.funding_e8 = HYPERLIQUID_VALUE(RATE);
        event->body.mark.has = HP_MARK_PRICE | HP_MARK_INDEX | HP_MARK_FUNDING;
    }
    return HP_DECODE_EVENT;
}
#undef HYPERLIQUID_VALUE

#endif
