/* fuzz_market.c - mutated frames through both readers of market codecs, under the sanitizers.
 *
 *     fuzz_market CORPUS COUNT SEED
 *
 * CORPUS has a frame a line: `<venue> <text>`; a series of COUNT mutated frames for each venue.  For
 * every frame the codec answers as its general reader does: status, every event of the frame,
 * levels, byte for byte; a refused frame leaves the event as it was.  A frame lies at the end of its
 * memory with exactly the 64 readable bytes behind it that are promised, so that one byte more is
 * the sanitizer's; what those bytes are must not matter.
 *
 * To add a venue: its header and a row of `venues`. */
#include <stdio.h>
#include <stdlib.h>

#include "mutate.h"
#include "venues/bybit/bybit.h"
#include "venues/hyperliquid/hyperliquid.h"
#include "venues/okx/okx.h"

#define SEEDS_MAX 4096
#define INSTRUMENT 7

typedef struct venue {
    const char *name, *symbol;
    int8_t price_decimals, size_decimals;
    size_t state_bytes;
    int (*open)(void *state, const hp_json_face_t *json, hp_json_reader_t *reader);
    void (*table)(void *state, hp_codec_t *table);
    void (*close)(void *state);
    uint32_t seeds[SEEDS_MAX], seed_count;
} venue_t;

static int open_bybit(void *s, const hp_json_face_t *j, hp_json_reader_t *r)
{
    return bybit_open((bybit_state_t *)s, j, r, 500);
}
static void table_bybit(void *s, hp_codec_t *t) { bybit_table((bybit_state_t *)s, t); }
static void close_bybit(void *s) { bybit_close((bybit_state_t *)s); }
static int open_hyperliquid(void *s, const hp_json_face_t *j, hp_json_reader_t *r)
{
    return hyperliquid_open((hyperliquid_state_t *)s, j, r);
}
static void table_hyperliquid(void *s, hp_codec_t *t) { hyperliquid_table((hyperliquid_state_t *)s, t); }
static void close_hyperliquid(void *s) { hyperliquid_close((hyperliquid_state_t *)s); }
static int open_okx(void *s, const hp_json_face_t *j, hp_json_reader_t *r)
{
    return okx_open((okx_state_t *)s, j, r, OKX_BOOKS);
}
static void table_okx(void *s, hp_codec_t *t) { okx_table((okx_state_t *)s, t); }
static void close_okx(void *s) { okx_close((okx_state_t *)s); }

static venue_t venues[] = {
    { .name = "bybit", .symbol = "XRPUSDT", .price_decimals = 4, .size_decimals = 1,
      .state_bytes = sizeof(bybit_state_t), .open = open_bybit, .table = table_bybit,
      .close = close_bybit },
    { .name = "hyperliquid", .symbol = "BTC", .price_decimals = 1, .size_decimals = 5,
      .state_bytes = sizeof(hyperliquid_state_t), .open = open_hyperliquid,
      .table = table_hyperliquid, .close = close_hyperliquid },
    { .name = "okx", .symbol = "BTC-USDT-SWAP", .price_decimals = 1, .size_decimals = 2,
      .state_bytes = sizeof(okx_state_t), .open = open_okx, .table = table_okx,
      .close = close_okx },
};
#define VENUES (sizeof venues / sizeof venues[0])

typedef struct answer {
    int status;
    uint32_t count;
    hp_event_t events[HP_FRAME_EVENTS_MAX + 1];
} answer_t;

static fuzz_text_t seeds[SEEDS_MAX];
static uint32_t seed_count;
static answer_t by_codec, by_general;
static hp_levels_t levels, levels_again;
static char *memory; /* FUZZ_BYTES_MAX + 64, ends where a redzone begins */
static uint64_t seed_of_run;
static const char *venue_of_run;

static void fail(const char *why, const char *data, size_t size)
{
    printf("fuzz: %s; venue %s, seed %llu, frame of %zu bytes:\n", why, venue_of_run,
           (unsigned long long)seed_of_run, size);
    for (size_t n = 0; n < size; n++) {
        unsigned char c = (unsigned char)data[n];
        if (c >= ' ' && c < 127 && c != '\\') putchar(c);
        else printf("\\x%02x", c);
    }
    putchar('\n');
    fflush(stdout);
    exit(1);
}

static void ask(const hp_codec_t *codec, int general, const char *data, size_t size, answer_t *to,
                hp_levels_t *into)
{
    hp_event_t event;
    memset(&event, 0xa5, sizeof event);
    to->count = 0;
    to->status = (general ? codec->decode_general : codec->decode)(codec->state, data, size, &event,
                                                                   into);
    if (to->status <= HP_DECODE_REFUSED || to->status >= HP_DECODE_COUNT)
        fail("a status that is none", data, size);
    to->events[0] = event;
    if (to->status != HP_DECODE_EVENT) return;
    for (;;) {
        const int more = event.flags & HP_EVENT_MORE;
        if (event.kind == HP_EVENT_NONE || event.kind >= HP_EVENT_KIND_COUNT ||
            event.instrument != INSTRUMENT)
            fail("an event that is none", data, size);
        if (event.line != 0xa5 || event.recv_ns != 0xa5a5a5a5a5a5a5a5ull)
            fail("line or recv_ns written", data, size);
        to->events[to->count++] = event;
        if (!more) break;
        if (to->count == HP_FRAME_EVENTS_MAX || !codec->next(codec->state, &event))
            fail("no event where there should be one more", data, size);
    }
    if (codec->next(codec->state, &event)) fail("one event too many", data, size);
}

static void judge(const hp_codec_t *codec, const char *data, size_t size, uint64_t *scanned,
                  uint64_t *read)
{
    ask(codec, 1, data, size, &by_general, &levels_again);
    ask(codec, 0, data, size, &by_codec, &levels);
    if (by_codec.status != by_general.status) fail("two statuses", data, size);
    if (by_codec.count != by_general.count) fail("two numbers of events", data, size);
    const uint32_t count = by_codec.count ? by_codec.count : 1; /* the untouched one */
    const int fallback = by_codec.events[0].flags & HP_EVENT_FALLBACK;
    for (uint32_t n = 0; n < by_codec.count; n++) {
        if ((by_codec.events[n].flags & HP_EVENT_FALLBACK) != fallback)
            fail("a frame that fell back in part", data, size);
        by_codec.events[n].flags &= (uint8_t)~HP_EVENT_FALLBACK;
    }
    if (memcmp(by_codec.events, by_general.events, count * sizeof(hp_event_t)) != 0)
        fail(by_codec.count ? "two events" : "a refused frame wrote an event", data, size);
    if (by_codec.count == 0) return;
    const size_t held = (size_t)by_codec.events[0].bid_count + by_codec.events[0].ask_count;
    if (memcmp(&levels, &levels_again, held * sizeof(hp_level_t)) != 0)
        fail("two lists of levels", data, size);
    *scanned += !fallback;
    *read += 1;
}

static void run(const venue_t *venue, const hp_codec_t *codec, uint64_t count, uint64_t seed)
{
    static fuzz_text_t text;
    uint64_t scanned = 0, read = 0, random = seed * 2654435769u + 88172645463325252ull;
    venue_of_run = venue->name;
    for (uint64_t n = 0; n < count; n++) {
        seed_of_run = random;
        text = seeds[venue->seeds[fuzz_below(&random, venue->seed_count)]];
        const fuzz_text_t *other = &seeds[venue->seeds[fuzz_below(&random, venue->seed_count)]];
        const size_t changes = fuzz_below(&random, 4);
        if (n % 4 == 0) /* numbers only */
            for (size_t c = 0; c <= changes * 4; c++) fuzz_digits(&text, &random);
        else
            for (size_t c = 0; c <= changes; c++) fuzz_mutate(&text, other, &random);
        char *data = memory + FUZZ_BYTES_MAX - text.size;
        memcpy(data, text.at, text.size);
        const size_t from = fuzz_below(&random, other->size); /* as if the buffer went on */
        for (size_t b = 0; b < HP_FRAME_PAD_BYTES; b++)
            data[text.size + b] = n % 2                        ? (char)fuzz_next(&random)
                                  : from + b < other->size     ? other->at[from + b]
                                                               : '}';
        judge(codec, data, text.size, &scanned, &read);
    }
    printf("fuzz kind=market_%s frames=%llu read=%llu scanned=%llu seed=%llu\n", venue->name,
           (unsigned long long)count, (unsigned long long)read, (unsigned long long)scanned,
           (unsigned long long)seed);
    fflush(stdout);
}

static int load(const char *path)
{
    static char line[FUZZ_BYTES_MAX + 64];
    FILE *file = fopen(path, "rb");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) && seed_count < SEEDS_MAX) {
        const size_t size = strlen(line);
        char *space = strchr(line, ' ');
        if (space == NULL || line[size - 1] != '\n') continue; /* longer than a seed may be */
        *space = 0;
        for (size_t v = 0; v < VENUES; v++) {
            if (strcmp(venues[v].name, line) != 0) continue;
            fuzz_text_t *seed = &seeds[seed_count];
            seed->size = size - 1 - (size_t)(space + 1 - line);
            memcpy(seed->at, space + 1, seed->size);
            venues[v].seeds[venues[v].seed_count++] = seed_count++;
        }
    }
    fclose(file);
    return seed_count != 0;
}

int main(int argc, char **argv)
{
    if (argc < 4 || !load(argv[1])) {
        fprintf(stderr, "usage: fuzz_market CORPUS COUNT SEED\n");
        return 2;
    }
    const uint64_t count = strtoull(argv[2], NULL, 10), seed = strtoull(argv[3], NULL, 10);
    const hp_json_face_t *json = hp_json_face();
    hp_json_reader_t *reader = json->open(HP_FRAME_BYTES_MAX);
    memory = malloc(FUZZ_BYTES_MAX + HP_FRAME_PAD_BYTES);
    if (!reader || !memory) return 2;
    for (size_t v = 0; v < VENUES; v++) {
        venue_t *venue = &venues[v];
        hp_codec_t codec;
        void *state = calloc(1, venue->state_bytes);
        if (venue->seed_count == 0) return 2;
        if (!state || !venue->open(state, json, reader)) return 2;
        venue->table(state, &codec);
        hp_instrument_t i = { .id = INSTRUMENT, .price_decimals = venue->price_decimals,
                              .size_decimals = venue->size_decimals };
        i.symbol_length = (uint8_t)strlen(venue->symbol);
        memcpy(i.symbol, venue->symbol, i.symbol_length);
        if (!codec.put_instrument(codec.state, &i)) return 2;
        run(venue, &codec, count, seed);
        venue->close(state);
        free(state);
    }
    json->close(reader);
    free(memory);
    return 0;
}
