/* futures.h - the field tables that USD-M and COIN-M have in common.
 *
 * Owns:    depth, ticker, trades as both futures markets send them.
 * Refuses: mark prices and names (each market's own schema.h), spot. */
#ifndef BINANCE_FUTURES_H
#define BINANCE_FUTURES_H

#include "venues/binance/schema.h"

/* s and ps behind it: the pair that a contract belongs to */
#define BINANCE_FUTURES_SYMBOL \
    BINANCE_MUST("s", HP_JSON_SYMBOL, BINANCE_SYMBOL), \
    BINANCE_FIELD("ps", HP_JSON_TEXT, 0, BINANCE_PAIR)
/* which of the two markets */
#define BINANCE_FUTURES_MARKET BINANCE_FIELD("st", HP_JSON_WHOLE, 0, BINANCE_MARKET)
/* a rate may be negative; delivery contracts have none */
#define BINANCE_FUTURES_MARK_REST \
    BINANCE_MUST("P", HP_JSON_MONEY, BINANCE_SETTLE), \
    BINANCE_FIELD("r", HP_JSON_MONEY, HP_JSON_REQUIRED | HP_JSON_SIGNED | HP_JSON_EMPTY, \
                  BINANCE_FUNDING), \
    BINANCE_MUST("T", HP_JSON_TIME_MS, BINANCE_NEXT_FUNDING), \
    BINANCE_FUTURES_MARKET

static const hp_json_field_t binance_futures_data_fields[] = {
    BINANCE_MUST("e", HP_JSON_KIND, BINANCE_KIND),
};
static const hp_json_field_t binance_futures_depth_fields[] = {
    BINANCE_MUST("E", HP_JSON_TIME_MS, BINANCE_EVENT_TIME),
    BINANCE_MUST("T", HP_JSON_TIME_MS, BINANCE_MATCH_TIME),
    BINANCE_FUTURES_SYMBOL,
    BINANCE_MUST("U", HP_JSON_WHOLE, BINANCE_FIRST),
    BINANCE_MUST("u", HP_JSON_WHOLE, BINANCE_LAST),
    BINANCE_MUST("pu", HP_JSON_WHOLE, BINANCE_PREVIOUS),
    BINANCE_MUST("b", HP_JSON_BIDS, BINANCE_BIDS),
    BINANCE_MUST("a", HP_JSON_ASKS, BINANCE_ASKS),
    BINANCE_FUTURES_MARKET,
};
static const hp_json_field_t binance_futures_ticker_fields[] = {
    BINANCE_MUST("u", HP_JSON_WHOLE, BINANCE_LAST),
    BINANCE_FUTURES_SYMBOL,
    BINANCE_MUST("b", HP_JSON_PRICE, BINANCE_BID),
    BINANCE_MUST("B", HP_JSON_SIZE, BINANCE_BID_SIZE),
    BINANCE_MUST("a", HP_JSON_PRICE, BINANCE_ASK),
    BINANCE_MUST("A", HP_JSON_SIZE, BINANCE_ASK_SIZE),
    BINANCE_MUST("T", HP_JSON_TIME_MS, BINANCE_MATCH_TIME),
    BINANCE_MUST("E", HP_JSON_TIME_MS, BINANCE_EVENT_TIME),
    BINANCE_FUTURES_MARKET,
};
static const hp_json_field_t binance_futures_aggregate_fields[] = {
    BINANCE_MUST("E", HP_JSON_TIME_MS, BINANCE_EVENT_TIME),
    BINANCE_MUST("a", HP_JSON_WHOLE, BINANCE_TRADE),
    BINANCE_FUTURES_SYMBOL,
    BINANCE_MUST("p", HP_JSON_PRICE, BINANCE_PRICE),
    BINANCE_MUST("q", HP_JSON_SIZE, BINANCE_SIZE),
    BINANCE_MUST("f", HP_JSON_WHOLE, BINANCE_FIRST),
    BINANCE_MUST("l", HP_JSON_WHOLE, BINANCE_LAST),
    BINANCE_MUST("T", HP_JSON_TIME_MS, BINANCE_MATCH_TIME),
    BINANCE_MUST("m", HP_JSON_BOOL, BINANCE_MAKER),
    BINANCE_FUTURES_MARKET,
};
static const hp_json_field_t binance_futures_trade_fields[] = {
    BINANCE_MUST("E", HP_JSON_TIME_MS, BINANCE_EVENT_TIME),
    BINANCE_MUST("T", HP_JSON_TIME_MS, BINANCE_MATCH_TIME),
    BINANCE_FUTURES_SYMBOL,
    BINANCE_MUST("t", HP_JSON_WHOLE, BINANCE_TRADE),
    BINANCE_MUST("p", HP_JSON_PRICE, BINANCE_PRICE),
    BINANCE_MUST("q", HP_JSON_SIZE, BINANCE_SIZE),
    BINANCE_FIELD("X", HP_JSON_TEXT, 0, BINANCE_TYPE),
    BINANCE_MUST("m", HP_JSON_BOOL, BINANCE_MAKER),
    BINANCE_FUTURES_MARKET,
};

#define BINANCE_FUTURES_SHAPES \
    BINANCE_SHAPE(NULL, binance_frame_fields, 0), \
    BINANCE_SHAPE(NULL, binance_futures_data_fields, 0), \
    BINANCE_SHAPE(NULL, binance_snapshot_fields, 0), \
    BINANCE_SHAPE("depthUpdate", binance_futures_depth_fields, HP_EVENT_DEPTH), \
    BINANCE_SHAPE("bookTicker", binance_futures_ticker_fields, HP_EVENT_BOOK_TICKER), \
    BINANCE_SHAPE("aggTrade", binance_futures_aggregate_fields, HP_EVENT_AGG_TRADE), \
    BINANCE_SHAPE("trade", binance_futures_trade_fields, HP_EVENT_TRADE)

#endif
