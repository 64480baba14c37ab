/* counts.c - each kind of message through its codec and book, or a record to the journal and back, in one
 * function that a tool counts.
 *
 *     counts SERIES
 *
 * SERIES has a message a line: `<venue> <kind> stream|rest|first <text>`, messages of one kind
 * together; `first` is the snapshot that a book starts from, a REST body where the venue has those.
 * Of each kind a fresh book takes all messages three times: twice for the checksum, which warms
 * codec and memory, then in hp_count_kind(), which callgrind is told to collect in and to dump
 * behind.  What is `first` is not counted.  Of the venue `journal`, kinds append.* and scan.*, a message is
 * the payload of a record of a warm ring, appended or read back.  Prints `<venue> <kind> <messages> <events> <CRC32C>` a line. */
#include <stdio.h>
#include <stdlib.h>

#include "crc32c.h"
#include "hotpath/book/sync.h"
#include "hotpath/journal/reader.h"
#include "tests/fuzz/fuzz.h"

#define KIND_BYTES 64
#define INSTRUMENT 7
#define SEGMENT_BYTES 65536
#define RECORD 3 /* kind of the records appended */

typedef struct message {
    char *text; /* HP_FRAME_PAD_BYTES readable behind it */
    size_t size;
    enum from { STREAM, REST, FIRST } from;
} message_t;

static message_t *messages;
static size_t message_count, message_room, first_count;
static hp_levels_t levels;
static hp_event_t event;
static hp_book_t book;
static hp_journal_writer_t writer;
static const hp_journal_clock_t opening = { .mono_ns = 1 };
static uint64_t ring[(HP_JOURNAL_HEAD_BYTES + 2 * SEGMENT_BYTES) / 8];
static hp_book_size_t book_size = { 14, 13, 10, 65536 };
static void *book_memory;

static int take(const hp_codec_t *codec, const message_t *m)
{
    int status = m->from == REST || (m->from == FIRST && !hp_rule_in_stream(codec->sequence_rule))
        ? codec->decode_snapshot(codec->state, INSTRUMENT, m->text, m->size, &event, &levels)
        : codec->decode(codec->state, m->text, m->size, &event, &levels);
    if (status != HP_DECODE_EVENT) return 0;
    if (event.kind == HP_EVENT_DEPTH || event.kind == HP_EVENT_SNAPSHOT)
        hp_book_apply(&book, &event, &levels, 0);
    return 1;
}

/* What is counted: nothing but decode and book, append, or scan. */
__attribute__((noinline)) static void hp_count_kind(void (*work)(const hp_codec_t *), const hp_codec_t *codec)
{
    work(codec);
    __asm__ volatile("" : : : "memory");
}

static void take_all(const hp_codec_t *codec)
{
    for (size_t n = first_count; n < message_count; n++) {
        if (!take(codec, &messages[n])) continue;
        while (event.flags & HP_EVENT_MORE && codec->next(codec->state, &event)) {}
    }
}

static void append_all(const hp_codec_t *codec)
{
    (void)codec;
    for (size_t n = 0; n < message_count; n++)
        if (!hp_journal_append(&writer, RECORD, 0, n, n, messages[n].text, (uint32_t)messages[n].size)) abort();
}

static void scan_all(const hp_codec_t *codec)
{
    hp_scanner_t s = { writer.segments + sizeof(hp_journal_segment_t), writer.at, 1 };
    hp_journal_record_t r;
    const uint8_t *payload;
    size_t found = 0;
    (void)codec;
    while (hp_scan_next(&s, &r, &payload) == HP_SCAN_RECORD) found++;
    if (found != message_count + 1) abort(); /* and the CLOCK that opens a segment */
}

static void run_journal(const char *kind)
{
    int is_scan = strncmp(kind, "scan", 4) == 0;
    if (message_count == 0) return;
    for (int n = 0; n < 2; n++) { /* once to warm it, and for what is counted */
        hp_journal_init(&writer, ring, SEGMENT_BYTES, 2, 0, 1, &opening);
        if (is_scan) append_all(NULL);
        if (n == 0) (is_scan ? scan_all : append_all)(NULL);
    }
    hp_count_kind(is_scan ? scan_all : append_all, NULL);
    printf("journal %s %zu %zu %08x\n", kind, message_count, message_count,
           hp_crc32c(0, writer.segments, (size_t)(writer.at - writer.segments)));
    fflush(stdout);
    while (message_count) free(messages[--message_count].text);
}

static void start(const hp_codec_t *codec)
{
    memset(book_memory, 0, hp_book_bytes(&book_size));
    hp_book_init(&book, INSTRUMENT, codec->sequence_rule, &book_size, book_memory);
    book.depth_kept = codec->depth_kept;
    book.is_offline = 1;
}

static uint32_t checksum(const hp_codec_t *codec, uint64_t *events)
{
    uint32_t crc = 0;
    hp_top_t top;
    memset(&top, 0, sizeof top);
    *events = 0;
    for (size_t n = 0; n < message_count; n++) {
        memset(&event, 0, sizeof event);
        if (!take(codec, &messages[n])) continue;
        do {
            (*events)++;
            crc = hp_crc32c(crc, &event, sizeof event);
        } while (event.flags & HP_EVENT_MORE && codec->next(codec->state, &event));
        crc = hp_crc32c(crc, &levels, (event.bid_count + event.ask_count) * sizeof(hp_level_t));
        hp_book_top(&book, &top);
        crc = hp_crc32c(crc, &top, sizeof top);
    }
    return crc;
}

static void run(const hp_codec_t *codec, const char *venue, const char *kind)
{
    uint64_t events;
    uint32_t crc = 0;
    if (strcmp(venue, "journal") == 0) run_journal(kind);
    if (message_count == 0) return;
    for (int n = 0; n < 2; n++) {
        start(codec);
        crc = checksum(codec, &events);
    }
    start(codec);
    for (size_t n = 0; n < first_count; n++) take(codec, &messages[n]);
    hp_count_kind(take_all, codec);
    printf("%s %s %zu %llu %08x\n", venue, kind, message_count - first_count,
           (unsigned long long)events, crc);
    fflush(stdout);
    first_count = 0;
    while (message_count) free(messages[--message_count].text);
}

static int keep(const char *text, size_t size, enum from from)
{
    if (message_count == message_room) {
        message_room = message_room ? 2 * message_room : 256;
        messages = realloc(messages, message_room * sizeof *messages);
        if (messages == NULL) return 0;
    }
    char *copy = calloc(1, size + HP_FRAME_PAD_BYTES);
    if (copy == NULL) return 0;
    memcpy(copy, text, size);
    messages[message_count++] = (message_t){ copy, size, from };
    first_count += from == FIRST;
    return 1;
}

static int open_target(const char *name, hp_codec_t *codec)
{
    const hp_json_face_t *json = hp_json_face();
    for (size_t t = 0; t < fuzz_target_count; t++) {
        const fuzz_target_t *target = &fuzz_targets[t];
        if (strcmp(target->name, name) != 0) continue;
        void *state = calloc(1, target->state_bytes);
        if (state == NULL || !target->open(state, json, json->open(HP_FRAME_BYTES_MAX))) return 0;
        target->table(state, codec);
        hp_instrument_t i = { .id = INSTRUMENT, .price_decimals = target->price_decimals,
                              .size_decimals = target->size_decimals };
        i.symbol_length = (uint8_t)strlen(target->symbol);
        memcpy(i.symbol, target->symbol, i.symbol_length);
        return codec->put_instrument(codec->state, &i);
    }
    return 0;
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    char *line = NULL, venue[KIND_BYTES] = "", kind[KIND_BYTES] = "";
    size_t room = 0;
    ssize_t size;
    hp_codec_t codec;
    book_memory = aligned_alloc(4096, (hp_book_bytes(&book_size) + 4095) & ~(size_t)4095);
    if (file == NULL || book_memory == NULL) return fprintf(stderr, "usage: counts SERIES\n"), 2;
    while ((size = getline(&line, &room, file)) > 0) {
        char name[KIND_BYTES], what[KIND_BYTES], from[8];
        int at = 0;
        if (line[size - 1] == '\n') size--;
        if (sscanf(line, "%63s %63s %7s %n", name, what, from, &at) != 3 || at == 0) return 2;
        if (strcmp(name, venue) != 0 || strcmp(what, kind) != 0) {
            run(&codec, venue, kind);
            if (strcmp(name, venue) != 0 && strcmp(name, "journal") != 0 && !open_target(name, &codec))
                return fprintf(stderr, "counts: no codec %s\n", name), 2;
            strcpy(venue, name);
            strcpy(kind, what);
        }
        if (!keep(line + at, (size_t)(size - at),
                  *from == 'f' ? FIRST : *from == 'r' ? REST : STREAM)) return 2;
    }
    run(&codec, venue, kind);
    fclose(file);
    return 0;
}
