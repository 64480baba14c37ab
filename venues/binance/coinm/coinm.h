/* coinm.h - the hot half of Binance COIN-M: its field tables, its scanners, its function table.
 *
 * Owns:    what COIN-M's messages have beside those of both futures markets; coinm_open,
 *          coinm_table.
 * Refuses: what the fields mean (../schema.h), order entry, memory (the owner gives a zeroed
 *          binance_state_t and a reader that outlives it).
 *
 * Contracts are inverse: a lot is a contract, so sizes are whole numbers.  "ps" is the pair that a
 * contract belongs to, "st" is 2.  The index price has a stream of its own; a mark price mostly
 * comes without it. */
#ifndef COINM_H
#define COINM_H

#include "venues/binance/futures.h"
#include "venues/binance/shape.h"

static const hp_json_field_t coinm_mark_fields[] = {
    BINANCE_MUST("E", HP_JSON_TIME_MS, BINANCE_EVENT_TIME),
    BINANCE_FUTURES_SYMBOL,
    BINANCE_MUST("p", HP_JSON_MONEY, BINANCE_MARK),
    BINANCE_FIELD("i", HP_JSON_MONEY, 0, BINANCE_INDEX),
    BINANCE_FUTURES_MARK_REST,
};

static const hp_json_shape_t coinm_shapes[] = {
    BINANCE_FUTURES_SHAPES,
    BINANCE_SHAPE("markPriceUpdate", coinm_mark_fields, HP_EVENT_MARK_PRICE),
};

static const binance_words_t coinm_words = {
    .name = "binance_coinm",
    .shapes = coinm_shapes,
    .shape_count = BINANCE_COUNT_OF(coinm_shapes),
    .sequence_rule = HP_SEQUENCE_BINANCE_FUTURES,
    .speeds = { "@0ms", "@100ms", "@250ms", "@500ms" },
    .mark_speeds = { "@1s" },
    .kinds = {
        [HP_EVENT_DEPTH] = { "depth", 5, "\"e\":\"depthUpdate\",\"E\":" },
        [HP_EVENT_BOOK_TICKER] = { "bookTicker", 10, "\"u\":" },
        [HP_EVENT_AGG_TRADE] = { "aggTrade", 8, "\"e\":\"aggTrade\",\"E\":" },
        [HP_EVENT_TRADE] = { "trade", 5, "\"e\":\"trade\",\"E\":" },
        [HP_EVENT_MARK_PRICE] = { "markPrice", 9, "\"e\":\"markPriceUpdate\",\"E\":" },
    },
};

static inline int coinm_decode(void *opaque, const char *data, size_t size, hp_event_t *event,
                               hp_levels_t *levels)
{
    return binance_decode_by(BINANCE_COINM, opaque, data, size, event, levels);
}

/* 1, or 0: memory is out. */
static inline int coinm_open(binance_state_t *state, const hp_json_face_t *json,
                             hp_json_reader_t *reader)
{
    return binance_open(state, &coinm_words, json, reader);
}

static inline void coinm_table(binance_state_t *state, hp_codec_t *table)
{
    binance_table(state, table);
    table->decode = coinm_decode;
}

#endif
