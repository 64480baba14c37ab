/* state.h - what the OKX codec knows beside what every market codec does: its channels, their heads.
 *
 * Owns:    okx_state_t and what put_instrument changes in it.
 * Refuses: reading messages (shape.h, schema.h), orders.
 *
 *   {"arg":{"channel":"books","instId":"BTC-USDT-SWAP"},"action":"update","data":[{"asks":[ */
#ifndef OKX_STATE_H
#define OKX_STATE_H

#include "hotpath/book/rules.h"
#include "hotpath/decode/heads.h"
#include "hotpath/decode/market.h"

#define OKX_CHANNEL_AT 19 /* where a channel's name starts */
#define OKX_HASH_AT 24    /* behind what channels' names have in common */

enum okx_channel {
    OKX_NONE, OKX_BOOKS, OKX_BOOKS_L2, OKX_BOOKS_50, OKX_BOOKS_5, OKX_BBO, OKX_TRADES,
    OKX_TRADES_ALL, OKX_FUNDING, OKX_MARK, OKX_CHANNEL_COUNT
};
#define OKX_SNAPSHOT 0x40 /* in a head's word: its action */

static const char *const okx_channels[OKX_CHANNEL_COUNT] = {
    NULL, "books", "books-l2-tbt", "books50-l2-tbt", "books5", "bbo-tbt", "trades", "trades-all",
    "funding-rate", "mark-price"
};

typedef struct okx_state {
    hp_market_t market; /* first */
    uint32_t book;      /* enum okx_channel: the one that the books follow */
    uint32_t pad;
    hp_heads_t heads;
} okx_state_t;

static inline int okx_is_depth(uint32_t channel)
{
    return channel >= OKX_BOOKS && channel <= OKX_BOOKS_5;
}

static inline char *okx_put_text(char *to, const char *text, size_t size)
{
    memcpy(to, text, size);
    return to + size;
}
#define OKX_PUT(to, literal) okx_put_text(to, literal, sizeof(literal) - 1)

static inline void okx_put_head(okx_state_t *state, uint16_t at, uint32_t channel,
                                const char *action)
{
    const hp_instrument_t *i = &state->market.symbols.at[at].instrument;
    char text[256], *p = OKX_PUT(text, "{\"arg\":{\"channel\":\"");
    p = okx_put_text(p, okx_channels[channel], strlen(okx_channels[channel]));
    p = okx_put_text(OKX_PUT(p, "\",\"instId\":\""), i->symbol, i->symbol_length);
    p = OKX_PUT(p, "\"},");
    if (action != NULL) {
        p = okx_put_text(OKX_PUT(p, "\"action\":\""), action, strlen(action));
        p = OKX_PUT(p, "\",");
    }
    p = OKX_PUT(p, "\"data\":[{");
    if (channel <= OKX_BBO) {
        p = OKX_PUT(p, "\"asks\":[");
    } else if (channel == OKX_MARK) {
        p = OKX_PUT(p, "\"instType\":\"");
    } else {
        p = okx_put_text(OKX_PUT(p, "\"instId\":\""), i->symbol, i->symbol_length);
        p = channel == OKX_FUNDING ? OKX_PUT(p, "\",\"fundingRate\":\"")
                                   : OKX_PUT(p, "\",\"tradeId\":\"");
    }
    const int snapshot = action != NULL && *action == 's';
    hp_heads_put(&state->heads, text, (size_t)(p - text),
                 (uint8_t)(channel | (snapshot ? OKX_SNAPSHOT : 0u)), at);
}

/* Take or replace an instrument.  1, or 0: full, or not an instrument. */
static inline int okx_put_instrument(void *opaque, const hp_instrument_t *instrument)
{
    okx_state_t *state = (okx_state_t *)opaque;
    int is_new;
    const hp_symbol_t *symbol = hp_market_put(&state->market, instrument, &is_new);
    if (symbol == NULL) return 0;
    if (!is_new) return 1; /* a new scale: the heads stand */
    const uint16_t at = (uint16_t)(symbol - state->market.symbols.at);
    for (uint32_t channel = OKX_BOOKS; channel < OKX_CHANNEL_COUNT; channel++) {
        if (channel <= OKX_BOOKS_50) {
            okx_put_head(state, at, channel, "update");
            okx_put_head(state, at, channel, "snapshot");
        } else {
            okx_put_head(state, at, channel, NULL);
        }
    }
    return 1;
}

#endif
