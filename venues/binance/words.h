/* words.h - what the members of the Binance family say differently: the constants of each.
 *
 * Owns:    binance_words_t, the members by number.
 * Refuses: reading (schema.h, shape.h), the tables themselves (usdm, coinm and spot have theirs).
 *
 * The members share one dialect: combined streams, key letters, ids.  What differs is which fields
 * a message has and in which order the venue writes them. */
#ifndef BINANCE_WORDS_H
#define BINANCE_WORDS_H

#include "codec.h"
#include "hotpath/decode/general.h"

#define BINANCE_SPEEDS_MAX 5

/* As a constant argument of the scanners: each member's are compiled for it alone. */
enum binance_member { BINANCE_NONE, BINANCE_USDM, BINANCE_COINM, BINANCE_SPOT };

typedef struct binance_kind {
    const char *stream; /* btcusdt@STREAM@100ms; NULL = not carried */
    size_t stream_size;
    const char *head;   /* behind {"stream":"NAME","data":{ up to the first value */
} binance_kind_t;

typedef struct binance_words {
    const char *name;
    const hp_json_shape_t *shapes; /* frame, data, snapshot, then the kinds */
    uint32_t shape_count;
    uint32_t sequence_rule;
    const char *speeds[BINANCE_SPEEDS_MAX]; /* of depth, NULL behind the last */
    const char *mark_speeds[BINANCE_SPEEDS_MAX];
    binance_kind_t kinds[HP_EVENT_KIND_COUNT];
} binance_words_t;

#endif
