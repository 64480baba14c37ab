/* fuzz_usdm.c - mutated frames through every reader of USD-M, under the sanitizers.
 *
 *     fuzz_usdm CORPUS COUNT SEED [KIND]
 *
 * CORPUS has a frame a line: `<kind> <text>`; kinds are market, snapshot and report words, one
 * series of COUNT mutated frames for each.  For every frame:
 *   market    the codec answers as the general reader does: status, event, levels, byte for byte
 *   snapshot  the same body before other bytes gives the same
 * report    the same, and every report is within its enums A frame lies at the end of its memory
 * with exactly the 64 readable bytes behind it that are promised, so that one byte more is the
 * sanitizer's; what those bytes are must not matter.
 *
 * Prints a line a kind; exit 1 with seed and frame at the first disagreement. */
#include <stdio.h>
#include <stdlib.h>

#include "mutate.h"
#include "venues/binance/usdm/usdm.h"

#define SEEDS_MAX 4096
#define KINDS_MAX 32
#define REPORTS_MAX 64
#define INSTRUMENT 7

typedef struct kind {
    char name[32];
    int group; /* 'm', 's', 'r' */
    uint32_t seeds[SEEDS_MAX];
    uint32_t seed_count;
} kind_t;

static fuzz_text_t seeds[SEEDS_MAX];
static uint32_t seed_count;
static kind_t kinds[KINDS_MAX];
static uint32_t kind_count;

static usdm_state_t *state;
static hp_levels_t *levels, *levels_again;
static char *memory; /* FUZZ_BYTES_MAX + 64, ends where a redzone begins */
static uint64_t seed_of_run;
static const char *kind_of_run;

static void fail(const char *why, const char *data, size_t size)
{
    printf("fuzz: %s; kind %s, seed %llu, frame of %zu bytes:\n", why, kind_of_run,
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

/* The frame where it is read, with `behind` after it. */
static const char *lay(const fuzz_text_t *text, const char *behind)
{
    char *data = memory + FUZZ_BYTES_MAX - text->size;
    memcpy(data, text->at, text->size);
    memcpy(data + text->size, behind, HP_FRAME_PAD_BYTES);
    return data;
}

static void market(const char *data, size_t size, uint64_t *shape_count, uint64_t *event_count)
{
    hp_event_t by_shape, by_codec, by_general, untouched;
    memset(&untouched, 0xa5, sizeof untouched);
    by_codec = by_general = by_shape = untouched;
    const int shape = binance_scan_by(BINANCE_USDM, &state->family, data, size, &by_shape, levels);
    const int general = binance_decode_general(state, data, size, &by_general, levels_again);
    if (shape && general != HP_DECODE_EVENT)
        fail("the shape scanner took what the general reader refuses", data, size);
    const int codec = usdm_decode(state, data, size, &by_codec, levels);
    if (codec != general) fail("two statuses", data, size);
    if (codec <= HP_DECODE_REFUSED || codec >= HP_DECODE_COUNT)
        fail("a status that is none", data, size);
    if (codec != HP_DECODE_EVENT) {
        if (memcmp(&by_codec, &untouched, sizeof untouched) != 0)
            fail("a refused frame wrote an event", data, size);
        return;
    }
    if (((by_codec.flags & HP_EVENT_FALLBACK) == 0) != shape)
        fail("a wrong fallback flag", data, size);
    by_codec.flags &= (uint8_t)~HP_EVENT_FALLBACK;
    if (memcmp(&by_codec, &by_general, sizeof by_codec) != 0) fail("two events", data, size);
    if (by_codec.line != 0xa5 || by_codec.recv_ns != 0xa5a5a5a5a5a5a5a5ull)
        fail("line or recv_ns written", data, size);
    const size_t count = (size_t)by_codec.bid_count + by_codec.ask_count;
    if (memcmp(levels, levels_again, count * sizeof(hp_level_t)) != 0)
        fail("two lists of levels", data, size);
    *shape_count += (uint64_t)shape;
    *event_count += 1;
}

static int snapshot(const char *data, size_t size, hp_event_t *event, hp_levels_t *into)
{
    memset(event, 0, sizeof *event);
    return binance_decode_snapshot(state, INSTRUMENT, data, size, event, into);
}

static void snapshots(const fuzz_text_t *text, const char *behind, const char *other,
                      uint64_t *event_count)
{
    hp_event_t first, second;
    const int status = snapshot(lay(text, behind), text->size, &first, levels);
    const char *data = lay(text, other);
    if (snapshot(data, text->size, &second, levels_again) != status)
        fail("bytes behind a body matter", data, text->size);
    if (status != HP_DECODE_EVENT) return;
    const size_t count = (size_t)first.bid_count + first.ask_count;
    if (memcmp(&first, &second, sizeof first) != 0 ||
        memcmp(levels, levels_again, count * sizeof(hp_level_t)) != 0)
        fail("bytes behind a body change it", data, text->size);
    *event_count += 1;
}

static void reports(const fuzz_text_t *text, const char *behind, const char *other,
                    uint64_t *event_count)
{
    static hp_report_t first[REPORTS_MAX], second[REPORTS_MAX];
    const int count = usdm_decode_reports(state, lay(text, behind), text->size, first, REPORTS_MAX);
    const char *data = lay(text, other);
    if (usdm_decode_reports(state, data, text->size, second, REPORTS_MAX) != count)
        fail("bytes behind a report matter", data, text->size);
    if (count == 0 || count <= -HP_DECODE_COUNT || count > REPORTS_MAX)
        fail("a count that is none", data, text->size);
    for (int n = 0; n < count; n++) {
        const hp_report_t *r = &first[n];
        if (r->kind == 0 || r->kind >= HP_REPORT_KIND_COUNT || r->state >= HP_ORDER_STATE_COUNT ||
            r->error >= HP_ERROR_COUNT || r->side > 2 || r->position_side > 2 || r->foreign > 1 ||
            r->is_maker > 1)
            fail("a report outside its enums", data, text->size);
        if (r->kind == HP_REPORT_FILL && r->last_lots <= 0)
            fail("a fill of nothing", data, text->size);
    }
    if (count > 0 && memcmp(first, second, (size_t)count * sizeof first[0]) != 0)
        fail("bytes behind a report change it", data, text->size);
    if (count > 0) *event_count += 1;
}

static void run(const kind_t *kind, uint64_t count, uint64_t seed)
{
    static fuzz_text_t text;
    uint64_t shape_count = 0, event_count = 0, random = seed * 2654435769u + 88172645463325252ull;
    kind_of_run = kind->name;
    for (uint64_t n = 0; n < count; n++) {
        const uint64_t state_before = random;
        seed_of_run = state_before;
        text = seeds[kind->seeds[fuzz_below(&random, kind->seed_count)]];
        const fuzz_text_t *other = &seeds[fuzz_below(&random, seed_count)];
        const size_t changes = fuzz_below(&random, 4);
        if (n % 4 == 0) /* numbers only */
            for (size_t c = 0; c <= changes * 4; c++) fuzz_digits(&text, &random);
        else
            for (size_t c = 0; c <= changes; c++) fuzz_mutate(&text, other, &random);
        char behind[HP_FRAME_PAD_BYTES], again[HP_FRAME_PAD_BYTES];
        for (size_t b = 0; b < sizeof behind; b += 8) {
            const uint64_t word = fuzz_next(&random);
            memcpy(behind + b, &word, 8);
        }
        const size_t from = fuzz_below(&random, other->size); /* as if the buffer went on */
        for (size_t b = 0; b < sizeof again; b++)
            again[b] = from + b < other->size ? other->at[from + b] : '}';
        if (kind->group == 'm')
            market(lay(&text, n % 2 ? behind : again), text.size, &shape_count, &event_count);
        else if (kind->group == 's') snapshots(&text, behind, again, &event_count);
        else reports(&text, behind, again, &event_count);
    }
    printf("fuzz kind=%s frames=%llu read=%llu scanned=%llu seed=%llu\n", kind->name,
           (unsigned long long)count, (unsigned long long)event_count,
           (unsigned long long)shape_count, (unsigned long long)seed);
    fflush(stdout);
}

static int load(const char *path)
{
    static char line[FUZZ_BYTES_MAX + 64];
    FILE *file = fopen(path, "rb");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) && seed_count < SEEDS_MAX) {
        size_t size = strlen(line);
        char *space = strchr(line, ' ');
        if (space == NULL || line[size - 1] != '\n') continue; /* longer than a seed may be */
        *space = 0;
        uint32_t k = 0;
        while (k < kind_count && strcmp(kinds[k].name, line) != 0) k++;
        if (k == KINDS_MAX || strlen(line) >= sizeof kinds[k].name) continue;
        if (k == kind_count) {
            strcpy(kinds[k].name, line);
            kinds[k].group = line[0];
            kind_count++;
        }
        fuzz_text_t *seed = &seeds[seed_count];
        seed->size = size - 1 - (size_t)(space + 1 - line);
        memcpy(seed->at, space + 1, seed->size);
        kinds[k].seeds[kinds[k].seed_count++] = seed_count++;
    }
    fclose(file);
    return kind_count != 0;
}

int main(int argc, char **argv)
{
    if (argc < 4 || !load(argv[1])) {
        fprintf(stderr, "usage: fuzz_usdm CORPUS COUNT SEED [KIND]\n");
        return 2;
    }
    const uint64_t count = strtoull(argv[2], NULL, 10), seed = strtoull(argv[3], NULL, 10);
    const hp_json_face_t *json = hp_json_face();
    hp_json_reader_t *reader = json->open(HP_FRAME_BYTES_MAX);
    state = calloc(1, sizeof *state);
    levels = malloc(sizeof *levels);
    levels_again = malloc(sizeof *levels_again);
    memory = malloc(FUZZ_BYTES_MAX + HP_FRAME_PAD_BYTES);
    if (!reader || !state || !levels || !levels_again || !memory || !usdm_open(state, json, reader))
        return 2;
    hp_instrument_t i = { .id = INSTRUMENT, .symbol = "BTCUSDT", .symbol_length = 7,
                          .price_decimals = 1, .size_decimals = 3 };
    if (!binance_put_instrument(state, &i) || !usdm_put_asset(state, "USDT", 4, 11) ||
        !usdm_set_prefix(state, "site1", 5))
        return 2;
    for (uint32_t k = 0; k < kind_count; k++)
        if (argc < 5 || strcmp(argv[4], kinds[k].name) == 0) run(&kinds[k], count, seed);
    usdm_close(state);
    json->close(reader);
    free(state);
    free(levels);
    free(levels_again);
    free(memory);
    return 0;
}
