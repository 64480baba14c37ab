/* spot.h - the hot half of Binance spot: its field tables, its scanners, its function table.
 *
 * Owns:    which fields spot's messages have; spot_open, spot_table.
 * Refuses: what the fields mean (../schema.h), order entry, memory (the owner gives a zeroed
 *          binance_state_t and a reader that outlives it).
 *
 * A ticker says neither what it is nor when it was: an object without "e" that holds a ticker's
 * fields is one.  Times are of milliseconds, or of microseconds where the stream was asked for
 * them (timeUnit=MICROSECOND); their size tells which. */
#ifndef SPOT_H
#define SPOT_H

#include "venues/binance/shape.h"

#define SPOT_SYMBOL BINANCE_MUST("s", HP_JSON_SYMBOL, BINANCE_SYMBOL)
#define SPOT_EVENT_TIME BINANCE_MUST("E", HP_JSON_TIME, BINANCE_EVENT_TIME)
#define SPOT_DEALT \
    BINANCE_MUST("p", HP_JSON_PRICE, BINANCE_PRICE), \
    BINANCE_MUST("q", HP_JSON_SIZE, BINANCE_SIZE)
#define SPOT_DEALT_REST \
    BINANCE_MUST("T", HP_JSON_TIME, BINANCE_MATCH_TIME), \
    BINANCE_MUST("m", HP_JSON_BOOL, BINANCE_MAKER), \
    BINANCE_FIELD("M", HP_JSON_BOOL, 0, BINANCE_TYPE)

static const hp_json_field_t spot_data_fields[] = {
    BINANCE_FIELD("e", HP_JSON_KIND, 0, BINANCE_KIND),
};
static const hp_json_field_t spot_depth_fields[] = {
    SPOT_EVENT_TIME,
    SPOT_SYMBOL,
    BINANCE_MUST("U", HP_JSON_WHOLE, BINANCE_FIRST),
    BINANCE_MUST("u", HP_JSON_WHOLE, BINANCE_LAST),
    BINANCE_MUST("b", HP_JSON_BIDS, BINANCE_BIDS),
    BINANCE_MUST("a", HP_JSON_ASKS, BINANCE_ASKS),
};
static const hp_json_field_t spot_ticker_fields[] = {
    BINANCE_MUST("u", HP_JSON_WHOLE, BINANCE_LAST),
    SPOT_SYMBOL,
    BINANCE_MUST("b", HP_JSON_PRICE, BINANCE_BID),
    BINANCE_MUST("B", HP_JSON_SIZE, BINANCE_BID_SIZE),
    BINANCE_MUST("a", HP_JSON_PRICE, BINANCE_ASK),
    BINANCE_MUST("A", HP_JSON_SIZE, BINANCE_ASK_SIZE),
};
static const hp_json_field_t spot_aggregate_fields[] = {
    SPOT_EVENT_TIME,
    SPOT_SYMBOL,
    BINANCE_MUST("a", HP_JSON_WHOLE, BINANCE_TRADE),
    SPOT_DEALT,
    BINANCE_MUST("f", HP_JSON_WHOLE, BINANCE_FIRST),
    BINANCE_MUST("l", HP_JSON_WHOLE, BINANCE_LAST),
    SPOT_DEALT_REST,
};
static const hp_json_field_t spot_trade_fields[] = {
    SPOT_EVENT_TIME,
    SPOT_SYMBOL,
    BINANCE_MUST("t", HP_JSON_WHOLE, BINANCE_TRADE),
    SPOT_DEALT,
    SPOT_DEALT_REST,
};

static const hp_json_shape_t spot_shapes[] = {
    BINANCE_SHAPE(NULL, binance_frame_fields, 0),
    BINANCE_SHAPE(NULL, spot_data_fields, 0),
    BINANCE_SHAPE(NULL, binance_snapshot_fields, 0),
    BINANCE_SHAPE("depthUpdate", spot_depth_fields, HP_EVENT_DEPTH),
    BINANCE_SHAPE("", spot_ticker_fields, HP_EVENT_BOOK_TICKER),
    BINANCE_SHAPE("aggTrade", spot_aggregate_fields, HP_EVENT_AGG_TRADE),
    BINANCE_SHAPE("trade", spot_trade_fields, HP_EVENT_TRADE),
};

static const binance_words_t spot_words = {
    .name = "binance_spot",
    .shapes = spot_shapes,
    .shape_count = BINANCE_COUNT_OF(spot_shapes),
    .sequence_rule = HP_SEQUENCE_BINANCE_SPOT,
    .speeds = { "@100ms" },
    .kinds = {
        [HP_EVENT_DEPTH] = { "depth", 5, "\"e\":\"depthUpdate\",\"E\":" },
        [HP_EVENT_BOOK_TICKER] = { "bookTicker", 10, "\"u\":" },
        [HP_EVENT_AGG_TRADE] = { "aggTrade", 8, "\"e\":\"aggTrade\",\"E\":" },
        [HP_EVENT_TRADE] = { "trade", 5, "\"e\":\"trade\",\"E\":" },
    },
};

static inline int spot_decode(void *opaque, const char *data, size_t size, hp_event_t *event,
                              hp_levels_t *levels)
{
    return binance_decode_by(BINANCE_SPOT, opaque, data, size, event, levels);
}

/* 1, or 0: memory is out. */
static inline int spot_open(binance_state_t *state, const hp_json_face_t *json,
                            hp_json_reader_t *reader)
{
    return binance_open(state, &spot_words, json, reader);
}

static inline void spot_table(binance_state_t *state, hp_codec_t *table)
{
    binance_table(state, table);
    table->decode = spot_decode;
}

#endif
