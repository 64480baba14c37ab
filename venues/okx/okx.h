/* okx.h - the hot half of OKX v5 behind one function table.
 *
 * Owns:    opening and closing a codec's state, filling hp_codec_t.
 * Refuses: memory (the owner gives a zeroed okx_state_t and a reader that outlives it), orders: the
 *          order half is not written, its functions refuse. */
#ifndef OKX_H
#define OKX_H

#include "shape.h"

/* The channel of a name, OKX_NONE for no name of a book channel. */
static inline uint32_t okx_book_channel(const char *name)
{
    for (uint32_t channel = OKX_BOOKS; channel <= OKX_BOOKS_5; channel++)
        if (strcmp(name, okx_channels[channel]) == 0) return channel;
    return OKX_NONE;
}

/* 1, or 0: memory is out.  `book`: the channel that books follow. */
static inline int okx_open(okx_state_t *state, const hp_json_face_t *json, hp_json_reader_t *reader,
                           uint32_t book)
{
    state->book = book;
    state->heads.from = OKX_HASH_AT;
    return hp_market_open(&state->market, json, reader, okx_shapes, OKX_COUNT_OF(okx_shapes));
}

static inline void okx_close(okx_state_t *state) { hp_market_close(&state->market); }

static inline void okx_table(okx_state_t *state, hp_codec_t *table)
{
    hp_market_table(&state->market, table, "okx", HP_SEQUENCE_OKX);
    table->depth_kept = state->book == OKX_BOOKS_5 ? 5 : state->book == OKX_BOOKS_50 ? 50 : 400;
    table->decode = okx_decode;
    table->decode_general = okx_decode_general;
    table->put_instrument = okx_put_instrument;
}

#endif
