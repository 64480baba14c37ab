/* state.h - what the Bybit codec knows beside what every market codec does: its topics, their heads.
 *
 * Owns:    bybit_state_t and what put_instrument changes in it.
 * Refuses: reading messages (shape.h, schema.h), orders.
 *
 *   {"topic":"orderbook.500.XRPUSDT","type":"delta","ts": */
#ifndef BYBIT_STATE_H
#define BYBIT_STATE_H

#include <stdio.h>

#include "hotpath/book/rules.h"
#include "hotpath/decode/heads.h"
#include "hotpath/decode/market.h"

#define BYBIT_HASH_AT 10 /* where a topic starts */

enum bybit_stream { BYBIT_NONE, BYBIT_BOOK, BYBIT_TRADES, BYBIT_TICKERS };
/* What a head says: the last two of orderbook topics. */
enum bybit_head { BYBIT_HEAD_DELTA, BYBIT_HEAD_SNAPSHOT, BYBIT_HEAD_TOP, BYBIT_HEAD_TRADES };

typedef struct bybit_state {
    hp_market_t market; /* first */
    uint32_t book;      /* levels a side of the topic that the books follow */
    uint32_t pad;
    hp_heads_t heads;
} bybit_state_t;

static inline int bybit_is_depth(uint32_t depth)
{
    return depth == 1 || depth == 25 || depth == 50 || depth == 100 || depth == 200 ||
           depth == 500 || depth == 1000;
}

static inline void bybit_put_head(bybit_state_t *state, uint16_t at, uint8_t what, uint32_t depth,
                                  const char *type)
{
    const hp_instrument_t *i = &state->market.symbols.at[at].instrument;
    char text[HP_HEAD_BYTES_MAX + 1];
    const int size =
        depth ? snprintf(text, sizeof text,
                         "{\"topic\":\"orderbook.%u.%.*s\",\"type\":\"%s\",\"ts\":", depth,
                         i->symbol_length, i->symbol, type)
              : snprintf(text, sizeof text, "{\"topic\":\"publicTrade.%.*s\",\"type\":\"%s\",\"ts\":",
                         i->symbol_length, i->symbol, type);
    hp_heads_put(&state->heads, text, (size_t)size, what, at);
}

/* Take or replace an instrument.  1, or 0: full, or not an instrument. */
static inline int bybit_put_instrument(void *opaque, const hp_instrument_t *instrument)
{
    bybit_state_t *state = (bybit_state_t *)opaque;
    int is_new;
    const hp_symbol_t *symbol = hp_market_put(&state->market, instrument, &is_new);
    if (symbol == NULL) return 0;
    if (!is_new) return 1; /* a new scale: the heads stand */
    const uint16_t at = (uint16_t)(symbol - state->market.symbols.at);
    bybit_put_head(state, at, BYBIT_HEAD_DELTA, state->book, "delta");
    bybit_put_head(state, at, BYBIT_HEAD_SNAPSHOT, state->book, "snapshot");
    if (state->book != 1) bybit_put_head(state, at, BYBIT_HEAD_TOP, 1, "snapshot");
    bybit_put_head(state, at, BYBIT_HEAD_TRADES, 0, "snapshot");
    return 1;
}

#endif
