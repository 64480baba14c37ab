/* state.h - what a market codec of the family knows: instruments, stream names, reader, counters.
 *
 * Owns:    binance_state_t and what put_instrument changes in it.
 * Refuses: reading messages (shape.h, schema.h), orders (usdm/orders.h).
 *
 * A combined stream repeats the same head in each of its messages, so heads are written out once
 * per instrument and stream name and compared as bytes:
 *
 *   {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":
 *
 * Equal bytes prove the stream's name, the kind and that both agree with the symbol. */
#ifndef BINANCE_STATE_H
#define BINANCE_STATE_H

#include "hotpath/book/rules.h"
#include "hotpath/decode/market.h"
#include "venues/binance/words.h"

#define BINANCE_NAMES 12 /* stream names of one instrument */
#define BINANCE_STREAMS_MAX (BINANCE_NAMES * HP_SYMBOLS_MAX)
#define BINANCE_STREAM_SLOTS 8192
/* {"stream":"32 @markPrice@1s","data":{"e":"markPriceUpdate","E": */
#define BINANCE_HEAD_BYTES_MAX 96
#define BINANCE_NAME_AT 11 /* where a stream's name starts */

typedef struct binance_stream {
    char head[BINANCE_HEAD_BYTES_MAX + 16]; /* zero filled; read in steps of 16 */
    char symbol[48];                        /* ,"s":"BTCUSDT" */
    uint8_t head_size;
    uint8_t symbol_size;                    /* of the text above */
    uint8_t pair_size;                      /* of what stands before the symbol's '_', or all */
    uint8_t kind;                           /* enum hp_event_kind */
    uint16_t at;                            /* index into symbols */
    uint8_t guess[10];                      /* sizes of its numbers in the last message, in order */
    uint8_t pad[16];
} binance_stream_t;
HP_SIZE(binance_stream_t, 192);

typedef struct binance_state {
    hp_market_t market; /* first: a pointer to one is a pointer to the other */
    const binance_words_t *words;
    uint32_t stream_count;
    uint32_t pad;
    uint16_t stream_at[BINANCE_STREAM_SLOTS]; /* by hash of the name: index + 1, 0 = free */
    binance_stream_t streams[BINANCE_STREAMS_MAX];
} binance_state_t;

static inline char binance_lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c); }

/* Of the 16 bytes where a name starts: symbol, kind and mostly speed.  A short name takes what
 * follows it along: always the same. */
static inline uint32_t binance_name_hash(const char *name)
{
    uint64_t first, second;
    memcpy(&first, name, 8);
    memcpy(&second, name + 8, 8);
    return (uint32_t)_mm_crc32_u64(_mm_crc32_u64(0, first), second) & (BINANCE_STREAM_SLOTS - 1);
}

static inline char *binance_put_text(char *to, const char *text)
{
    size_t size = strlen(text);
    memcpy(to, text, size);
    return to + size;
}

static inline void binance_put_stream(binance_state_t *state, uint16_t at, uint8_t kind,
                                      const char *speed)
{
    const hp_instrument_t *i = &state->market.symbols.at[at].instrument;
    const binance_kind_t *words = &state->words->kinds[kind];
    HP_ASSERT(state->stream_count < BINANCE_STREAMS_MAX);
    binance_stream_t *s = &state->streams[state->stream_count++];
    char *p = binance_put_text(s->head, "{\"stream\":\"");
    for (unsigned n = 0; n < i->symbol_length; n++) *p++ = binance_lower(i->symbol[n]);
    *p++ = '@';
    p = binance_put_text(binance_put_text(p, words->stream), speed);
    p = binance_put_text(binance_put_text(p, "\",\"data\":{"), words->head);
    s->head_size = (uint8_t)(p - s->head);
    HP_ASSERT(s->head_size <= BINANCE_HEAD_BYTES_MAX);
    p = binance_put_text(s->symbol, ",\"s\":\"");
    memcpy(p, i->symbol, i->symbol_length);
    p[i->symbol_length] = '"';
    s->symbol_size = (uint8_t)(p + i->symbol_length + 1 - s->symbol);
    const char *end = (const char *)memchr(i->symbol, '_', i->symbol_length);
    s->pair_size = end == NULL ? i->symbol_length : (uint8_t)(end - i->symbol);
    s->kind = kind;
    s->at = at;
    uint32_t slot = binance_name_hash(s->head + BINANCE_NAME_AT);
    while (state->stream_at[slot] != 0) slot = (slot + 1) & (BINANCE_STREAM_SLOTS - 1);
    state->stream_at[slot] = (uint16_t)state->stream_count;
}

/* Take or replace an instrument.  1, or 0: full, or not an instrument. */
static inline int binance_put_instrument(void *opaque, const hp_instrument_t *instrument)
{
    binance_state_t *state = (binance_state_t *)opaque;
    int is_new;
    const hp_symbol_t *symbol = hp_market_put(&state->market, instrument, &is_new);
    if (symbol == NULL) return 0;
    if (!is_new) return 1; /* a new scale: the streams stand */
    const uint16_t at = (uint16_t)(symbol - state->market.symbols.at);
    for (uint8_t kind = 0; kind < HP_EVENT_KIND_COUNT; kind++) {
        if (state->words->kinds[kind].stream == NULL) continue;
        binance_put_stream(state, at, kind, "");
        const char *const *speeds = kind == HP_EVENT_DEPTH        ? state->words->speeds
                                    : kind == HP_EVENT_MARK_PRICE ? state->words->mark_speeds
                                                                  : NULL;
        for (unsigned n = 0; speeds != NULL && n < BINANCE_SPEEDS_MAX && speeds[n] != NULL; n++)
            binance_put_stream(state, at, kind, speeds[n]);
    }
    return 1;
}

/* 1, or 0: memory is out. */
static inline int binance_open(binance_state_t *state, const binance_words_t *words,
                               const hp_json_face_t *json, hp_json_reader_t *reader)
{
    state->words = words;
    return hp_market_open(&state->market, json, reader, words->shapes, words->shape_count);
}

static inline void binance_close(binance_state_t *state) { hp_market_close(&state->market); }

#endif
