/* state.h - what the Hyperliquid codec knows beside what every market codec does: how its messages
 * begin.
 *
 * Owns:    hyperliquid_state_t and what put_instrument changes in it.
 * Refuses: reading messages (shape.h, schema.h), orders.
 *
 * Keys come in two orders: as the venue writes them, and sorted, as some recorders keep them.
 *
 *   {"channel":"l2Book","data":{"coin":"BTC","time":
 *   {"channel":"l2Book","data":{"coin":"BTC","levels":[[ */
#ifndef HYPERLIQUID_STATE_H
#define HYPERLIQUID_STATE_H

#include <stdio.h>

#include "hotpath/book/rules.h"
#include "hotpath/decode/heads.h"
#include "hotpath/decode/market.h"

#define HYPERLIQUID_HASH_AT 10

enum hyperliquid_channel {
    HYPERLIQUID_NONE, HYPERLIQUID_BOOK, HYPERLIQUID_TRADES, HYPERLIQUID_BBO, HYPERLIQUID_CONTEXT,
    HYPERLIQUID_CONTROL, HYPERLIQUID_CHANNEL_COUNT
};
#define HYPERLIQUID_SORTED 0x40 /* in a head's word: its keys are */

typedef struct hyperliquid_state {
    hp_market_t market; /* first */
    hp_level_t top[2];  /* of a bbo, while it is read */
    hp_heads_t heads;
} hyperliquid_state_t;

static inline void hyperliquid_put_head(hyperliquid_state_t *state, uint16_t at, unsigned what,
                                        const char *channel, const char *opens, const char *first)
{
    const hp_instrument_t *i = &state->market.symbols.at[at].instrument;
    char text[HP_HEAD_BYTES_MAX + 1];
    const int size = snprintf(text, sizeof text, "{\"channel\":\"%s\",\"data\":%s\"coin\":\"%.*s\",%s",
                              channel, opens, i->symbol_length, i->symbol, first);
    hp_heads_put(&state->heads, text, (size_t)size, (uint8_t)what, at);
}

/* Take or replace an instrument.  1, or 0: full, or not an instrument. */
static inline int hyperliquid_put_instrument(void *opaque, const hp_instrument_t *instrument)
{
    hyperliquid_state_t *state = (hyperliquid_state_t *)opaque;
    int is_new;
    const hp_symbol_t *symbol = hp_market_put(&state->market, instrument, &is_new);
    if (symbol == NULL) return 0;
    if (!is_new) return 1; /* a new scale: the heads stand */
    const uint16_t at = (uint16_t)(symbol - state->market.symbols.at);
    const unsigned sorted = HYPERLIQUID_SORTED;
    hyperliquid_put_head(state, at, HYPERLIQUID_BOOK, "l2Book", "{", "\"time\":");
    hyperliquid_put_head(state, at, HYPERLIQUID_BOOK | sorted, "l2Book", "{", "\"levels\":[[");
    hyperliquid_put_head(state, at, HYPERLIQUID_TRADES, "trades", "[{", "\"side\":\"");
    hyperliquid_put_head(state, at, HYPERLIQUID_TRADES | sorted, "trades", "[{", "\"hash\":\"0x");
    hyperliquid_put_head(state, at, HYPERLIQUID_BBO, "bbo", "{", "\"time\":");
    return 1;
}

#endif
