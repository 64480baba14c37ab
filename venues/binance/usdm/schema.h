/* schema.h - which fields the market messages of USD-M have.
 *
 * Owns:    its field tables and constants.
 * Refuses: what the fields mean (../schema.h).
 *
 * "ps" stands behind "s" and "st" (1: USD-M) at the end since 2026; both are checked for their type
 * and not kept. */
#ifndef USDM_SCHEMA_H
#define USDM_SCHEMA_H

#include "venues/binance/futures.h"

static const hp_json_field_t usdm_mark_fields[] = {
    BINANCE_MUST("E", HP_JSON_TIME_MS, BINANCE_EVENT_TIME),
    BINANCE_FUTURES_SYMBOL,
    BINANCE_MUST("p", HP_JSON_MONEY, BINANCE_MARK),
    BINANCE_MUST("i", HP_JSON_MONEY, BINANCE_INDEX),
    BINANCE_FUTURES_MARK_REST,
};

static const hp_json_shape_t usdm_market_shapes[] = {
    BINANCE_FUTURES_SHAPES,
    BINANCE_SHAPE("markPriceUpdate", usdm_mark_fields, HP_EVENT_MARK_PRICE),
};

static const binance_words_t usdm_words = {
    .name = "binance_usdm",
    .shapes = usdm_market_shapes,
    .shape_count = BINANCE_COUNT_OF(usdm_market_shapes),
    .sequence_rule = HP_SEQUENCE_BINANCE_FUTURES,
    .speeds = { "@0ms", "@100ms", "@250ms", "@500ms" },
    .mark_speeds = { "@1s" },
    .kinds = {
        [HP_EVENT_DEPTH] = { "depth", 5, "\"e\":\"depthUpdate\",\"E\":" },
        [HP_EVENT_BOOK_TICKER] = { "bookTicker", 10, "\"e\":\"bookTicker\",\"u\":" },
        [HP_EVENT_AGG_TRADE] = { "aggTrade", 8, "\"e\":\"aggTrade\",\"E\":" },
        [HP_EVENT_TRADE] = { "trade", 5, "\"e\":\"trade\",\"E\":" },
        [HP_EVENT_MARK_PRICE] = { "markPrice", 9, "\"e\":\"markPriceUpdate\",\"E\":" },
    },
};

#endif
