/* hyperliquid.h - the hot half of Hyperliquid behind one function table.
 *
 * Owns:    opening and closing a codec's state, filling hp_codec_t.
 * Refuses: memory (the owner gives a zeroed state and a reader that outlives it), orders: the order
 *          half is not written, its functions refuse. */
#ifndef HYPERLIQUID_H
#define HYPERLIQUID_H

#include "shape.h"

/* 1, or 0: memory is out. */
static inline int hyperliquid_open(hyperliquid_state_t *state, const hp_json_face_t *json,
                                   hp_json_reader_t *reader)
{
    state->heads.from = HYPERLIQUID_HASH_AT;
    return hp_market_open(&state->market, json, reader, hyperliquid_shapes,
                          HYPERLIQUID_COUNT_OF(hyperliquid_shapes));
}

static inline void hyperliquid_close(hyperliquid_state_t *state) { hp_market_close(&state->market); }

static inline void hyperliquid_table(hyperliquid_state_t *state, hp_codec_t *table)
{
    hp_market_table(&state->market, table, "hyperliquid", HP_SEQUENCE_HYPERLIQUID);
    table->depth_kept = 20;
    table->decode = hyperliquid_decode;
    table->decode_general = hyperliquid_decode_general;
    table->put_instrument = hyperliquid_put_instrument;
}

#endif
