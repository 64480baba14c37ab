/* fuzz.h - what the driver knows of a codec, and how it sees which code a frame ran.
 *
 * Owns:    fuzz_target_t, the map of edges that the instrumented units fill.
 * Refuses: codecs (targets.c has them), mutations (mutate.h), the search (fuzz.c). */
#ifndef FUZZ_H
#define FUZZ_H

#include "codec.h"
#include "hotpath/decode/general.h"

#define FUZZ_EDGES 65536

typedef struct fuzz_target {
    const char *name, *symbol;
    int8_t price_decimals, size_decimals;
    size_t state_bytes;
    int (*open)(void *state, const hp_json_face_t *json, hp_json_reader_t *reader);
    void (*table)(void *state, hp_codec_t *table);
    void (*close)(void *state);
} fuzz_target_t;

extern const fuzz_target_t fuzz_targets[];
extern const size_t fuzz_target_count;
extern uint8_t fuzz_edges[FUZZ_EDGES]; /* how often each edge ran, wrapping */

#endif
