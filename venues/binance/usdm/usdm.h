/* usdm.h - the whole hot half of USD-M behind one function table.
 *
 * Owns:    opening and closing a codec's state, filling hp_codec_t.
 * Refuses: memory (the owner gives a zeroed usdm_state_t and a reader that outlives it). */
#ifndef USDM_H
#define USDM_H

#include "reports.h"
#include "shape.h"

/* 1, or 0: memory is out. */
static inline int usdm_open(usdm_state_t *state, const hp_json_face_t *json,
                            hp_json_reader_t *reader)
{
    memset(state, 0, sizeof *state);
    state->money = hp_symbols_scale(&state->symbols, HP_MONEY_DECIMALS);
    state->json = json;
    state->reader = reader;
    state->market = json->plan(usdm_market_shapes, USDM_COUNT_OF(usdm_market_shapes));
    state->order = json->plan(usdm_order_shapes, USDM_COUNT_OF(usdm_order_shapes));
    return state->market != NULL && state->order != NULL;
}

static inline void usdm_close(usdm_state_t *state)
{
    if (state->json == NULL) return;
    state->json->plan_free(state->market);
    state->json->plan_free(state->order);
}

static inline int usdm_table_put(void *state, const hp_instrument_t *instrument)
{
    return usdm_put_instrument((usdm_state_t *)state, instrument);
}

static inline void usdm_table_finer(void *opaque, uint32_t *instrument, int *price_decimals,
                                    int *size_decimals)
{
    const usdm_state_t *state = (const usdm_state_t *)opaque;
    *instrument = state->finer_instrument;
    *price_decimals = state->finer_price;
    *size_decimals = state->finer_size;
}

static inline void usdm_table_symbol(void *opaque, const char **text, size_t *size)
{
    const usdm_state_t *state = (const usdm_state_t *)opaque;
    *text = state->symbol_text;
    *size = state->symbol_size;
}

static inline void usdm_table(usdm_state_t *state, hp_codec_t *table)
{
    memset(table, 0, sizeof *table);
    table->layout = HP_CODEC_LAYOUT;
    table->name = "binance_usdm";
    table->state = state;
    table->decode = usdm_decode;
    table->decode_general = usdm_decode_general;
    table->decode_snapshot = usdm_decode_snapshot;
    table->decode_reports = usdm_decode_reports;
    table->encode = usdm_encode;
    table->put_instrument = usdm_table_put;
    table->finer = usdm_table_finer;
    table->symbol = usdm_table_symbol;
    table->sequence_rule = HP_SEQUENCE_BINANCE_FUTURES;
}

#endif
