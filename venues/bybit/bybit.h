/* bybit.h - the hot half of Bybit v5 behind one function table.
 *
 * Owns:    opening and closing a codec's state, filling hp_codec_t.
 * Refuses: memory (the owner gives a zeroed bybit_state_t and a reader that outlives it), orders: the
 *          order half is not written, its functions refuse. */
#ifndef BYBIT_H
#define BYBIT_H

#include "shape.h"

/* 1, or 0: memory is out.  `book`: levels a side of the topic that books follow. */
static inline int bybit_open(bybit_state_t *state, const hp_json_face_t *json,
                             hp_json_reader_t *reader, uint32_t book)
{
    state->book = book;
    state->heads.from = BYBIT_HASH_AT;
    return hp_market_open(&state->market, json, reader, bybit_shapes, BYBIT_COUNT_OF(bybit_shapes));
}

static inline void bybit_close(bybit_state_t *state) { hp_market_close(&state->market); }

static inline void bybit_table(bybit_state_t *state, hp_codec_t *table)
{
    hp_market_table(&state->market, table, "bybit", HP_SEQUENCE_BYBIT);
    table->depth_kept = state->book;
    table->decode = bybit_decode;
    table->decode_general = bybit_decode_general;
    table->put_instrument = bybit_put_instrument;
}

#endif
