/* judge.h - what must hold of any codec for any bytes.
 *
 * Owns:    the three judgements: market frames, REST snapshots, reports.  Each ends the process with
 *          the frame at the first disagreement.
 * Refuses: where frames come from (fuzz.c).
 *
 *   market    decode answers as the general reader: status, every event of the frame, levels, byte
 *             for byte; a refused frame leaves the event as it was
 *   snapshot  the same body before other bytes gives the same
 *   report    the same, and every report is within its enums
 *
 * A frame lies at the end of its memory with exactly the 64 readable bytes behind it that are
 * promised, so that one byte more is the sanitizer's; what those bytes are must not matter. */
#ifndef FUZZ_JUDGE_H
#define FUZZ_JUDGE_H

#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "mutate.h"

#define FUZZ_INSTRUMENT 7
#define FUZZ_REPORTS_MAX 64

typedef struct fuzz_answer {
    int status;
    uint32_t count;
    hp_event_t events[HP_FRAME_EVENTS_MAX + 1];
} fuzz_answer_t;

static fuzz_answer_t fuzz_first, fuzz_second;
static hp_levels_t fuzz_levels, fuzz_levels_again;
static char *fuzz_memory; /* FUZZ_BYTES_MAX + 64, ends where a redzone begins */
static uint64_t fuzz_seed;
static const char *fuzz_name, *fuzz_group;
static int fuzz_planted; /* a disagreement of our own, to see that one is found */
static uint64_t fuzz_read, fuzz_scanned;

static void fuzz_fail(const char *why, const char *data, size_t size)
{
    printf("fuzz: %s; target %s %s, seed %llu, frame of %zu bytes:\n", why, fuzz_name, fuzz_group,
           (unsigned long long)fuzz_seed, size);
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
static const char *fuzz_lay(const fuzz_text_t *text, const char *behind)
{
    char *data = fuzz_memory + FUZZ_BYTES_MAX - text->size;
    memcpy(data, text->at, text->size);
    memcpy(data + text->size, behind, HP_FRAME_PAD_BYTES);
    return data;
}

static void fuzz_ask(const hp_codec_t *codec, int general, const char *data, size_t size,
                     fuzz_answer_t *to, hp_levels_t *into)
{
    hp_event_t event;
    memset(&event, 0xa5, sizeof event);
    to->count = 0;
    to->status = (general ? codec->decode_general : codec->decode)(codec->state, data, size, &event,
                                                                   into);
    if (to->status <= HP_DECODE_REFUSED || to->status >= HP_DECODE_COUNT)
        fuzz_fail("a status that is none", data, size);
    to->events[0] = event;
    if (to->status != HP_DECODE_EVENT) return;
    for (;;) {
        const int more = event.flags & HP_EVENT_MORE;
        if (event.kind == HP_EVENT_NONE || event.kind >= HP_EVENT_KIND_COUNT ||
            event.instrument != FUZZ_INSTRUMENT)
            fuzz_fail("an event that is none", data, size);
        if (event.line != 0xa5 || event.recv_ns != 0xa5a5a5a5a5a5a5a5ull)
            fuzz_fail("line or recv_ns written", data, size);
        if (fuzz_planted && general && event.kind == HP_EVENT_DEPTH && event.bid_count == 0)
            event.match_ns++;
        to->events[to->count++] = event;
        if (!more) break;
        if (to->count == HP_FRAME_EVENTS_MAX || !codec->next(codec->state, &event))
            fuzz_fail("no event where there should be one more", data, size);
    }
    if (codec->next && codec->next(codec->state, &event))
        fuzz_fail("one event too many", data, size);
}

static void fuzz_market(const hp_codec_t *codec, const char *data, size_t size)
{
    fuzz_ask(codec, 1, data, size, &fuzz_second, &fuzz_levels_again);
    fuzz_ask(codec, 0, data, size, &fuzz_first, &fuzz_levels);
    if (fuzz_first.status != fuzz_second.status) fuzz_fail("two statuses", data, size);
    if (fuzz_first.count != fuzz_second.count) fuzz_fail("two numbers of events", data, size);
    const uint32_t count = fuzz_first.count ? fuzz_first.count : 1; /* the untouched one */
    const int fallback = fuzz_first.events[0].flags & HP_EVENT_FALLBACK;
    for (uint32_t n = 0; n < fuzz_first.count; n++) {
        if ((fuzz_first.events[n].flags & HP_EVENT_FALLBACK) != fallback)
            fuzz_fail("a frame that fell back in part", data, size);
        fuzz_first.events[n].flags &= (uint8_t)~HP_EVENT_FALLBACK;
    }
    if (memcmp(fuzz_first.events, fuzz_second.events, count * sizeof(hp_event_t)) != 0)
        fuzz_fail(fuzz_first.count ? "two events" : "a refused frame wrote an event", data, size);
    if (fuzz_first.count == 0) return;
    const hp_event_t *event = &fuzz_first.events[0];
    const size_t held = (size_t)event->bid_count + event->ask_count;
    if (memcmp(&fuzz_levels, &fuzz_levels_again, held * sizeof(hp_level_t)) != 0)
        fuzz_fail("two lists of levels", data, size);
    fuzz_scanned += !fallback;
    fuzz_read++;
}

static int fuzz_snapshot_of(const hp_codec_t *codec, const char *data, size_t size,
                            hp_event_t *event, hp_levels_t *into)
{
    memset(event, 0, sizeof *event);
    return codec->decode_snapshot(codec->state, FUZZ_INSTRUMENT, data, size, event, into);
}

static void fuzz_snapshot(const hp_codec_t *codec, const fuzz_text_t *text, const char *behind,
                          const char *other)
{
    hp_event_t first, second;
    const int status = fuzz_snapshot_of(codec, fuzz_lay(text, behind), text->size, &first,
                                        &fuzz_levels);
    const char *data = fuzz_lay(text, other);
    if (fuzz_snapshot_of(codec, data, text->size, &second, &fuzz_levels_again) != status)
        fuzz_fail("bytes behind a body matter", data, text->size);
    if (status != HP_DECODE_EVENT) return;
    const size_t count = (size_t)first.bid_count + first.ask_count;
    if (memcmp(&first, &second, sizeof first) != 0 ||
        memcmp(&fuzz_levels, &fuzz_levels_again, count * sizeof(hp_level_t)) != 0)
        fuzz_fail("bytes behind a body change it", data, text->size);
    fuzz_read++;
}

static void fuzz_report(const hp_codec_t *codec, const fuzz_text_t *text, const char *behind,
                        const char *other)
{
    static hp_report_t first[FUZZ_REPORTS_MAX], second[FUZZ_REPORTS_MAX];
    const int count = codec->decode_reports(codec->state, fuzz_lay(text, behind), text->size, first,
                                            FUZZ_REPORTS_MAX);
    const char *data = fuzz_lay(text, other);
    if (codec->decode_reports(codec->state, data, text->size, second, FUZZ_REPORTS_MAX) != count)
        fuzz_fail("bytes behind a report matter", data, text->size);
    if (count == 0 || count <= -HP_DECODE_COUNT || count > FUZZ_REPORTS_MAX)
        fuzz_fail("a count that is none", data, text->size);
    for (int n = 0; n < count; n++) {
        const hp_report_t *r = &first[n];
        if (r->kind == 0 || r->kind >= HP_REPORT_KIND_COUNT || r->state >= HP_ORDER_STATE_COUNT ||
            r->error >= HP_ERROR_COUNT || r->side > 2 || r->position_side > 2 || r->foreign > 1 ||
            r->is_maker > 1)
            fuzz_fail("a report outside its enums", data, text->size);
        if (r->kind == HP_REPORT_FILL && r->last_lots <= 0)
            fuzz_fail("a fill of nothing", data, text->size);
    }
    if (count <= 0) return;
    if (memcmp(first, second, (size_t)count * sizeof first[0]) != 0)
        fuzz_fail("bytes behind a report change it", data, text->size);
    fuzz_read++;
}

#endif
