/* fuzz.c - a search for frames on which a codec breaks its word, led by the code that they run.
 *
 *     fuzz CORPUS COUNT SEED [--keep FILE] [--planted]
 *
 * CORPUS has a frame a line: `<target> <group> <text>`, groups as in judge.h; a series of COUNT
 * mutated frames for each target and group.  A frame that runs code, or runs it so often, as none
 * before it joins the frames that are mutated further; --keep adds those to FILE, lines as in
 * CORPUS, so that a later search goes on from there.  --planted adds a disagreement of our own.
 *
 * Prints a line a series; exit 1 with seed and frame at the first disagreement. */
#include <stdio.h>
#include <stdlib.h>

#include "coverage.h"
#include "judge.h"
#include "mutate.h"

#define QUEUE_MAX 8192
#define TARGETS_MAX 32
enum { MARKET, SNAPSHOT, REPORT, GROUPS };
static const char *const groups[GROUPS] = { "market", "snapshot", "report" };

typedef struct queue { /* texts of one target and group; the first `seeds` came from the corpus */
    fuzz_text_t *at;
    uint32_t count, seeds, room;
} queue_t;

static queue_t queues[TARGETS_MAX][GROUPS];
static FILE *keep;

static void push(queue_t *queue, const fuzz_text_t *text)
{
    if (queue->count == QUEUE_MAX) return;
    if (queue->count == queue->room) {
        queue->room = queue->room ? 2 * queue->room : 64;
        queue->at = realloc(queue->at, queue->room * sizeof(fuzz_text_t));
        if (queue->at == NULL) exit(2);
    }
    queue->at[queue->count++] = *text;
}

/* Half of the time a seed, so that many frames stay messages: most finds are broken ones.  Of the
 * finds, half of the time one of the latest. */
static const fuzz_text_t *pick(const queue_t *queue, uint64_t *random)
{
    const uint32_t found = queue->count - queue->seeds, late = found < 32 ? found : 32;
    if (found == 0 || fuzz_below(random, 2)) return &queue->at[fuzz_below(random, queue->seeds)];
    if (fuzz_below(random, 2)) return &queue->at[queue->count - 1 - fuzz_below(random, late)];
    return &queue->at[queue->seeds + fuzz_below(random, found)];
}

static void one(const hp_codec_t *codec, int group, const fuzz_text_t *text, const char *behind,
                const char *other)
{
    fuzz_begin();
    if (group == MARKET) fuzz_market(codec, fuzz_lay(text, behind), text->size);
    else if (group == SNAPSHOT) fuzz_snapshot(codec, text, behind, other);
    else fuzz_report(codec, text, behind, other);
}

/* A kept frame is a line of the corpus, so it may not hold its end. */
static void kept(const fuzz_text_t *text)
{
    if (keep == NULL || memchr(text->at, '\n', text->size) || memchr(text->at, 0, text->size))
        return;
    fprintf(keep, "%s %s %.*s\n", fuzz_name, fuzz_group, (int)text->size, text->at);
}

static void run(const fuzz_target_t *target, const hp_codec_t *codec, int group, queue_t *queue,
                uint64_t count, uint64_t seed)
{
    static fuzz_text_t text;
    uint64_t random = seed * 2654435769u + 88172645463325252ull;
    char random_behind[HP_FRAME_PAD_BYTES], text_behind[HP_FRAME_PAD_BYTES];
    fuzz_name = target->name;
    fuzz_group = groups[group];
    fuzz_read = fuzz_scanned = 0;
    memset(fuzz_reached, 0, sizeof fuzz_reached);
    memset(random_behind, 0, sizeof random_behind);
    for (uint32_t n = 0; n < queue->seeds; n++) {
        one(codec, group, &queue->at[n], random_behind, random_behind);
        fuzz_is_new();
    }
    for (uint64_t n = 0; n < count; n++) {
        fuzz_seed = random;
        const int numbers_only = n % 4 == 0; /* of a seed: it stays a message */
        text = numbers_only ? queue->at[fuzz_below(&random, queue->seeds)] : *pick(queue, &random);
        const fuzz_text_t *other = pick(queue, &random);
        const size_t changes = fuzz_below(&random, 4);
        if (numbers_only)
            for (size_t c = 0; c <= changes * 4; c++) fuzz_digits(&text, &random);
        else
            for (size_t c = 0; c <= changes; c++) fuzz_mutate(&text, other, &random);
        for (size_t b = 0; b < sizeof random_behind; b++)
            random_behind[b] = (char)fuzz_next(&random);
        const size_t from = fuzz_below(&random, other->size); /* as if the buffer went on */
        for (size_t b = 0; b < sizeof text_behind; b++)
            text_behind[b] = from + b < other->size ? other->at[from + b] : '}';
        one(codec, group, &text, n % 2 ? random_behind : text_behind,
            n % 2 ? text_behind : random_behind);
        if (!fuzz_is_new()) continue;
        push(queue, &text);
        kept(&text);
    }
    printf("fuzz target=%s group=%s frames=%llu read=%llu scanned=%llu edges=%zu seeds=%u found=%u "
           "seed=%llu\n",
           target->name, groups[group], (unsigned long long)count, (unsigned long long)fuzz_read,
           (unsigned long long)fuzz_scanned, fuzz_edge_count(), queue->seeds,
           queue->count - queue->seeds, (unsigned long long)seed);
    fflush(stdout);
}

/* Cut `<target> <group> ` off a line; NULL when it names neither. */
static queue_t *queue_of(char **line)
{
    char *target = *line, *group = strchr(target, ' '), *text = group ? strchr(group + 1, ' ') : NULL;
    if (text == NULL) return NULL;
    *group++ = *text++ = 0;
    *line = text;
    for (size_t t = 0; t < fuzz_target_count; t++)
        for (int g = 0; g < GROUPS; g++)
            if (strcmp(fuzz_targets[t].name, target) == 0 && strcmp(groups[g], group) == 0)
                return &queues[t][g];
    return NULL;
}

static int load(const char *path)
{
    static char line[FUZZ_BYTES_MAX + 64];
    static fuzz_text_t text;
    FILE *file = fopen(path, "rb");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file)) {
        char *at = line, *end = line + strlen(line);
        if (end[-1] != '\n') continue; /* longer than a seed may be */
        queue_t *queue = queue_of(&at);
        if (queue == NULL) {
            fprintf(stderr, "fuzz: %s: no target or group: %.60s\n", path, line);
            return 0;
        }
        text.size = (size_t)(end - 1 - at);
        memcpy(text.at, at, text.size);
        push(queue, &text);
        queue->seeds = queue->count;
    }
    fclose(file);
    return 1;
}

static int run_target(size_t t, const hp_json_face_t *json, hp_json_reader_t *reader,
                      uint64_t count, uint64_t seed)
{
    const fuzz_target_t *target = &fuzz_targets[t];
    hp_codec_t codec;
    void *state = calloc(1, target->state_bytes);
    if (state == NULL || !target->open(state, json, reader)) return 0;
    target->table(state, &codec);
    hp_instrument_t i = { .id = FUZZ_INSTRUMENT, .price_decimals = target->price_decimals,
                          .size_decimals = target->size_decimals };
    i.symbol_length = (uint8_t)strlen(target->symbol);
    memcpy(i.symbol, target->symbol, i.symbol_length);
    if (!codec.put_instrument(codec.state, &i)) return 0;
    for (int g = 0; g < GROUPS; g++)
        if (queues[t][g].seeds != 0) run(target, &codec, g, &queues[t][g], count, seed);
    target->close(state);
    free(state);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 4 || fuzz_target_count > TARGETS_MAX || !load(argv[1])) {
        fprintf(stderr, "usage: fuzz CORPUS COUNT SEED [--keep FILE] [--planted]\n");
        return 2;
    }
    const uint64_t count = strtoull(argv[2], NULL, 10), seed = strtoull(argv[3], NULL, 10);
    for (int n = 4; n < argc; n++) {
        if (strcmp(argv[n], "--planted") == 0) fuzz_planted = 1;
        if (strcmp(argv[n], "--keep") == 0 && n + 1 < argc) keep = fopen(argv[++n], "ab");
    }
    const hp_json_face_t *json = hp_json_face();
    hp_json_reader_t *reader = json->open(HP_FRAME_BYTES_MAX);
    fuzz_memory = malloc(FUZZ_BYTES_MAX + HP_FRAME_PAD_BYTES);
    if (reader == NULL || fuzz_memory == NULL) return 2;
    for (size_t t = 0; t < fuzz_target_count; t++)
        if (!run_target(t, json, reader, count, seed)) return 2;
    for (size_t t = 0; t < fuzz_target_count; t++)
        for (int g = 0; g < GROUPS; g++) free(queues[t][g].at);
    json->close(reader);
    free(fuzz_memory);
    return keep != NULL && fclose(keep) != 0 ? 2 : 0;
}
