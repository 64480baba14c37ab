/* template.h - the hot half of a venue, as small as it can be: tables, meaning, no scanner yet.
 *
 * Owns:    the field tables; values -> event; the function table.
 * Refuses: orders, memory (the owner gives a zeroed template_state_t and a reader that outlives it).
 *
 * A made-up venue.  {"channel":KIND,"symbol":...} with a number of milliseconds in "time"; deltas
 * say the first and the last update that they hold; snapshots come by REST.  When a file of yours
 * grows past 300 lines, cut it as okx/ does: state.h, schema.h, shape.h. */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include "hotpath/book/rules.h"
#include "hotpath/decode/market.h"

typedef struct template_state {
    hp_market_t market; /* first: a pointer to one is a pointer to the other */
} template_state_t;

enum template_slot {
    TEMPLATE_CHANNEL, TEMPLATE_SYMBOL, TEMPLATE_TIME, TEMPLATE_FIRST, TEMPLATE_LAST, TEMPLATE_BIDS,
    TEMPLATE_ASKS, TEMPLATE_ID, TEMPLATE_PRICE, TEMPLATE_SIZE, TEMPLATE_MAKER, TEMPLATE_ANSWER
};
enum template_shape { TEMPLATE_FRAME_SHAPE, TEMPLATE_SNAPSHOT_SHAPE };

#define TEMPLATE_FIELD(key, type, flags, slot) { key, type, flags, slot, 0 }
#define TEMPLATE_MUST(key, type, slot) TEMPLATE_FIELD(key, type, HP_JSON_REQUIRED, slot)
#define TEMPLATE_SHAPE(kind, table, number) \
    { kind, table, (uint32_t)(sizeof(table) / sizeof((table)[0])), number }

static const hp_json_field_t template_frame_fields[] = {
    TEMPLATE_FIELD("channel", HP_JSON_KIND, 0, TEMPLATE_CHANNEL),
    TEMPLATE_FIELD("answer", HP_JSON_ANY, 0, TEMPLATE_ANSWER), /* to a subscription */
};
static const hp_json_field_t template_snapshot_fields[] = {
    TEMPLATE_MUST("last", HP_JSON_WHOLE, TEMPLATE_LAST),
    TEMPLATE_MUST("bids", HP_JSON_BIDS, TEMPLATE_BIDS),
    TEMPLATE_MUST("asks", HP_JSON_ASKS, TEMPLATE_ASKS),
};
static const hp_json_field_t template_depth_fields[] = {
    TEMPLATE_MUST("symbol", HP_JSON_SYMBOL, TEMPLATE_SYMBOL),
    TEMPLATE_MUST("time", HP_JSON_TIME_MS, TEMPLATE_TIME),
    TEMPLATE_MUST("first", HP_JSON_WHOLE, TEMPLATE_FIRST),
    TEMPLATE_MUST("last", HP_JSON_WHOLE, TEMPLATE_LAST),
    TEMPLATE_MUST("bids", HP_JSON_BIDS, TEMPLATE_BIDS),
    TEMPLATE_MUST("asks", HP_JSON_ASKS, TEMPLATE_ASKS),
};
static const hp_json_field_t template_trade_fields[] = {
    TEMPLATE_MUST("symbol", HP_JSON_SYMBOL, TEMPLATE_SYMBOL),
    TEMPLATE_MUST("time", HP_JSON_TIME_MS, TEMPLATE_TIME),
    TEMPLATE_MUST("id", HP_JSON_WHOLE, TEMPLATE_ID),
    TEMPLATE_MUST("price", HP_JSON_PRICE, TEMPLATE_PRICE),
    TEMPLATE_MUST("size", HP_JSON_SIZE, TEMPLATE_SIZE),
    TEMPLATE_MUST("maker", HP_JSON_BOOL, TEMPLATE_MAKER),
};
static const hp_json_shape_t template_shapes[] = {
    TEMPLATE_SHAPE(NULL, template_frame_fields, 0),
    TEMPLATE_SHAPE(NULL, template_snapshot_fields, 0),
    TEMPLATE_SHAPE("depth", template_depth_fields, HP_EVENT_DEPTH),
    TEMPLATE_SHAPE("trade", template_trade_fields, HP_EVENT_TRADE),
};

/* The specification. */
static inline int template_decode_general(void *opaque, const char *data, size_t size,
                                          hp_event_t *event, hp_levels_t *levels)
{
    hp_market_t *m = &((template_state_t *)opaque)->market;
    const hp_json_values_t *v = &m->values;
    int status = hp_market_read(m, NULL, data, size, levels);
    if (status != HP_DECODE_EVENT) return hp_market_refuse(m, status);
    if (v->kind == HP_EVENT_NONE)
        return hp_json_seen(v, TEMPLATE_ANSWER) ? HP_DECODE_CONTROL : HP_DECODE_MISSING;
    hp_market_clear(event, (uint8_t)v->kind, v->symbol->instrument.id);
    event->event_ns = v->at[TEMPLATE_TIME].number;
    if (v->kind == HP_EVENT_DEPTH) {
        event->first_id = (uint64_t)v->at[TEMPLATE_FIRST].number;
        event->last_id = (uint64_t)v->at[TEMPLATE_LAST].number;
        event->bid_count = v->bid_count;
        event->ask_count = v->ask_count;
    } else {
        event->flags = v->at[TEMPLATE_MAKER].number ? HP_EVENT_BUYER_MAKER : 0;
        event->body.trade.trade_id = (uint64_t)v->at[TEMPLATE_ID].number;
        event->body.trade.price_ticks = v->at[TEMPLATE_PRICE].number;
        event->body.trade.lots = v->at[TEMPLATE_SIZE].number;
    }
    return HP_DECODE_EVENT;
}

static inline int template_decode_snapshot(void *opaque, uint32_t instrument, const char *data,
                                           size_t size, hp_event_t *event, hp_levels_t *levels)
{
    hp_market_t *m = &((template_state_t *)opaque)->market;
    hp_json_values_t *v = &m->values;
    const hp_symbol_t *symbol = hp_symbols_by_id(&m->symbols, instrument);
    v->row = NULL;
    v->symbol_size = 0;
    if (symbol == NULL) return hp_market_refuse(m, HP_DECODE_UNKNOWN_SYMBOL);
    int status = m->json->read(m->reader, m->plan, TEMPLATE_SNAPSHOT_SHAPE, &m->symbols, symbol,
                               data, size, levels, v);
    if (status != HP_DECODE_EVENT) return hp_market_refuse(m, status);
    hp_market_clear(event, HP_EVENT_SNAPSHOT, instrument);
    event->last_id = (uint64_t)v->at[TEMPLATE_LAST].number;
    event->bid_count = v->bid_count;
    event->ask_count = v->ask_count;
    return HP_DECODE_EVENT;
}

/* The fast reader, not written yet: 0 asks the general one. */
static inline int template_scan(hp_market_t *m, const char *data, size_t size, hp_event_t *event,
                                hp_levels_t *levels)
{
    (void)m, (void)data, (void)size, (void)event, (void)levels;
    return 0;
}

static inline int template_decode(void *opaque, const char *data, size_t size, hp_event_t *event,
                                  hp_levels_t *levels)
{
    return hp_market_decode((hp_market_t *)opaque, template_scan, template_decode_general, data,
                            size, event, levels);
}

static inline int template_put_instrument(void *opaque, const hp_instrument_t *instrument)
{
    int is_new;
    return hp_market_put((hp_market_t *)opaque, instrument, &is_new) != NULL;
}

/* 1, or 0: memory is out. */
static inline int template_open(template_state_t *state, const hp_json_face_t *json,
                                hp_json_reader_t *reader)
{
    return hp_market_open(&state->market, json, reader, template_shapes,
                          sizeof template_shapes / sizeof template_shapes[0]);
}

static inline void template_close(template_state_t *state) { hp_market_close(&state->market); }

static inline void template_table(template_state_t *state, hp_codec_t *table)
{
    hp_market_table(&state->market, table, "template", HP_SEQUENCE_BINANCE_SPOT);
    table->decode = template_decode;
    table->decode_general = template_decode_general;
    table->decode_snapshot = template_decode_snapshot;
    table->put_instrument = template_put_instrument;
}

#endif
