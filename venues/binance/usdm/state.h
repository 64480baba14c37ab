/* state.h - what the USD-M codec knows: instruments, stream names, its reader, its counters.
 *
 * Owns:    usdm_state_t and what put_instrument changes in it.
 * Refuses: reading messages (shape.h, schema.h), orders (orders.h).
 *
 * A combined stream repeats the same head in each of its messages, so heads are written out once
 * per instrument and stream name and compared as bytes:
 *
 *   {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":
 *
 * Equal bytes prove the stream's name, the kind and that both agree with the symbol. */
#ifndef USDM_STATE_H
#define USDM_STATE_H

#include "codec.h"
#include "hotpath/book/rules.h"
#include "hotpath/decode/general.h"

#define USDM_NAMES 10          /* stream names of one instrument */
#define USDM_STREAMS_MAX (USDM_NAMES * HP_SYMBOLS_MAX)
#define USDM_STREAM_SLOTS 8192
#define USDM_HEAD_BYTES_MAX 96 /* {"stream":"32 @markPrice@1s","data":{"e":"markPriceUpdate","E": */
#define USDM_NAME_AT 11        /* where a stream's name starts */
#define USDM_SYMBOL_TEXT_MAX 64
#define USDM_PREFIX_MAX 12     /* of client order ids */
#define USDM_ASSETS_MAX 64
#define USDM_ASSET_BYTES 16

typedef struct usdm_stream {
    char head[USDM_HEAD_BYTES_MAX + 16]; /* zero filled; read in steps of 16 */
    char symbol[48];                     /* ,"s":"BTCUSDT" */
    uint8_t head_size;
    uint8_t symbol_size;                 /* of the text above */
    uint8_t kind;                        /* enum hp_event_kind */
    uint8_t pad;
    uint16_t at;                         /* index into symbols */
    uint8_t guess[10];                   /* sizes of its numbers in the last message, in order */
    uint8_t pad2[16];
} usdm_stream_t;
HP_SIZE(usdm_stream_t, 192);

typedef struct usdm_asset {
    char text[USDM_ASSET_BYTES]; /* zero filled */
    uint32_t id;
    uint32_t size;
} usdm_asset_t;

typedef struct usdm_state {
    const hp_json_face_t *json;
    hp_json_reader_t *reader;
    hp_json_plan_t *market;
    hp_json_plan_t *order;
    hp_scale_t money;                       /* 1e-8 */
    uint64_t status_count[HP_DECODE_COUNT]; /* of decode */
    uint64_t fallback_count;                /* events that the shape scanner did not know */
    uint32_t stream_count;
    uint32_t finer_instrument;              /* the last HP_DECODE_FINER */
    int finer_price, finer_size;
    uint32_t symbol_size;                   /* the last HP_DECODE_UNKNOWN_SYMBOL, cut to fit */
    char symbol_text[USDM_SYMBOL_TEXT_MAX];
    uint32_t prefix_size;                   /* of client order ids */
    char prefix[USDM_PREFIX_MAX + 4];
    uint32_t asset_count;
    usdm_asset_t assets[USDM_ASSETS_MAX];
    uint16_t stream_at[USDM_STREAM_SLOTS];  /* by hash of the name: index + 1, 0 = free */
    hp_symbols_t symbols;
    usdm_stream_t streams[USDM_STREAMS_MAX];
    hp_json_values_t values;
} usdm_state_t;

typedef struct usdm_kind {
    const char *stream; /* between the symbol and a speed: btcusdt@depth@100ms */
    size_t stream_size;
    const char *event;  /* "e" */
    const char *first;  /* key behind "e" */
} usdm_kind_t;

static const usdm_kind_t usdm_kinds[HP_EVENT_KIND_COUNT] = {
    [HP_EVENT_DEPTH] = { "depth", 5, "depthUpdate", "E" },
    [HP_EVENT_BOOK_TICKER] = { "bookTicker", 10, "bookTicker", "u" },
    [HP_EVENT_AGG_TRADE] = { "aggTrade", 8, "aggTrade", "E" },
    [HP_EVENT_TRADE] = { "trade", 5, "trade", "E" },
    [HP_EVENT_MARK_PRICE] = { "markPrice", 9, "markPriceUpdate", "E" },
};

static inline char usdm_lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c); }

/* Of the 16 bytes where a name starts: symbol, kind and mostly speed.  A short name takes what
 * follows it along: always the same. */
static inline uint32_t usdm_name_hash(const char *name)
{
    uint64_t first, second;
    memcpy(&first, name, 8);
    memcpy(&second, name + 8, 8);
    return (uint32_t)_mm_crc32_u64(_mm_crc32_u64(0, first), second) & (USDM_STREAM_SLOTS - 1);
}

static inline char *usdm_put_text(char *to, const char *text)
{
    size_t size = strlen(text);
    memcpy(to, text, size);
    return to + size;
}

static inline void usdm_put_stream(usdm_state_t *state, uint16_t at, uint8_t kind,
                                   const char *speed)
{
    const hp_instrument_t *i = &state->symbols.at[at].instrument;
    HP_ASSERT(state->stream_count < USDM_STREAMS_MAX);
    usdm_stream_t *s = &state->streams[state->stream_count++];
    char *p = usdm_put_text(s->head, "{\"stream\":\"");
    for (unsigned n = 0; n < i->symbol_length; n++) *p++ = usdm_lower(i->symbol[n]);
    *p++ = '@';
    p = usdm_put_text(usdm_put_text(p, usdm_kinds[kind].stream), speed);
    p = usdm_put_text(usdm_put_text(p, "\",\"data\":{\"e\":\""), usdm_kinds[kind].event);
    p = usdm_put_text(usdm_put_text(usdm_put_text(p, "\",\""), usdm_kinds[kind].first), "\":");
    s->head_size = (uint8_t)(p - s->head);
    HP_ASSERT(s->head_size <= USDM_HEAD_BYTES_MAX);
    p = usdm_put_text(s->symbol, ",\"s\":\"");
    memcpy(p, i->symbol, i->symbol_length);
    p[i->symbol_length] = '"';
    s->symbol_size = (uint8_t)(p + i->symbol_length + 1 - s->symbol);
    s->kind = kind;
    s->at = at;
    uint32_t slot = usdm_name_hash(s->head + USDM_NAME_AT);
    while (state->stream_at[slot] != 0) slot = (slot + 1) & (USDM_STREAM_SLOTS - 1);
    state->stream_at[slot] = (uint16_t)state->stream_count;
}

/* Take or replace an instrument.  1, or 0: full, or not an instrument. */
static inline int usdm_put_instrument(usdm_state_t *state, const hp_instrument_t *instrument)
{
    for (unsigned n = 0; n < instrument->symbol_length && n < HP_SYMBOL_BYTES; n++) {
        const uint8_t c = (uint8_t)instrument->symbol[n];
        if (c < ' ' || c == '"' || c == '\\') return 0; /* it is written into requests as it is */
    }
    uint32_t before = state->symbols.count;
    hp_symbol_t *symbol = hp_symbols_put(&state->symbols, instrument);
    if (symbol == NULL) return 0;
    if (state->symbols.count == before) return 1; /* a new scale: the streams stand */
    uint16_t at = (uint16_t)(symbol - state->symbols.at);
    static const char *const speeds[] = { "", "@0ms", "@100ms", "@250ms", "@500ms" };
    for (uint8_t kind = 0; kind < HP_EVENT_KIND_COUNT; kind++) {
        if (usdm_kinds[kind].stream == NULL) continue;
        usdm_put_stream(state, at, kind, "");
        for (unsigned speed = 1; kind == HP_EVENT_DEPTH && speed < 5; speed++)
            usdm_put_stream(state, at, kind, speeds[speed]);
        if (kind == HP_EVENT_MARK_PRICE) usdm_put_stream(state, at, kind, "@1s");
    }
    return 1;
}

/* Name an asset of fees and balances.  1, or 0: full, or not a name. */
static inline int usdm_put_asset(usdm_state_t *state, const char *text, size_t size, uint32_t id)
{
    if (size == 0 || size > USDM_ASSET_BYTES || id == 0) return 0;
    uint32_t at = 0;
    while (at < state->asset_count &&
           (state->assets[at].size != size || memcmp(state->assets[at].text, text, size) != 0))
        at++;
    if (at == USDM_ASSETS_MAX) return 0;
    if (at == state->asset_count) state->asset_count++;
    memcpy(state->assets[at].text, text, size);
    state->assets[at].size = (uint32_t)size;
    state->assets[at].id = id;
    return 1;
}

/* The id of an asset; 0 = not named. */
static inline uint32_t usdm_asset(const usdm_state_t *state, const char *text, size_t size)
{
    for (uint32_t at = 0; at < state->asset_count; at++)
        if (state->assets[at].size == size && memcmp(state->assets[at].text, text, size) == 0)
            return state->assets[at].id;
    return 0;
}

#endif
