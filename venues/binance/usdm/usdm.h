/* usdm.h - the whole hot half of USD-M behind one function table.
 *
 * Owns:    opening and closing a codec's state, filling hp_codec_t.
 * Refuses: memory (the owner gives a zeroed usdm_state_t and a reader that outlives it). */
#ifndef USDM_H
#define USDM_H

#include "reports.h"
#include "venues/binance/shape.h"

static inline int usdm_decode(void *opaque, const char *data, size_t size, hp_event_t *event,
                              hp_levels_t *levels)
{
    return binance_decode_by(BINANCE_USDM, opaque, data, size, event, levels);
}

/* 1, or 0: memory is out. */
static inline int usdm_open(usdm_state_t *state, const hp_json_face_t *json,
                            hp_json_reader_t *reader)
{
    memset(state, 0, sizeof *state);
    state->order = json->plan(usdm_order_shapes, BINANCE_COUNT_OF(usdm_order_shapes));
    return binance_open(&state->family, &usdm_words, json, reader) && state->order != NULL;
}

static inline void usdm_close(usdm_state_t *state)
{
    if (state->family.market.json == NULL) return;
    state->family.market.json->plan_free(state->order);
    binance_close(&state->family);
}

static inline void usdm_table(usdm_state_t *state, hp_codec_t *table)
{
    binance_table(&state->family, table);
    table->decode = usdm_decode;
    table->decode_reports = usdm_decode_reports;
    table->encode = usdm_encode;
}

#endif
