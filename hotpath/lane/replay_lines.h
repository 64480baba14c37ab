/* replay_lines.h - the lines of a capture in memory.
 *
 * Owns:    cutting a block of text into lines `<receive time ns> <raw message>`.
 * Refuses: files, compression (runtime/replay/capture.py), the messages themselves.
 *
 * A line without a time is a message whose time is 0: some archives keep none.  What stands before
 * the first blank is a time only if it is 1 to 19 digits; otherwise the whole line is the message,
 * and the codec says what it thinks of it.  An empty line is no message; it is counted.
 *
 * A line whose message is {"snapshot":"SYMBOL"} is our recorder's: it says whose the next message is,
 * where that names nobody, and is no message either. */
#ifndef HP_REPLAY_LINES_H
#define HP_REPLAY_LINES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "instrument.h"
#include "hotpath/decode/number.h"
#include "panic.h"

#define HP_REPLAY_OWNER "{\"snapshot\":\""

typedef struct hp_replay_line {
    uint64_t recv_ns;
    uint64_t number;   /* in the input, from 1 */
    uint32_t at;       /* offset of the message in the block */
    uint32_t size;
    uint32_t owner_size; /* the recorder said whose it is */
    char     owner[HP_SYMBOL_BYTES];
} hp_replay_line_t;

typedef struct hp_replay_cut {
    uint64_t number;   /* of the last line that was cut */
    uint64_t blank;    /* empty lines */
    uint32_t next;     /* offset of the first byte that is not cut yet */
    uint32_t count;    /* lines cut in the last call */
    uint32_t owner_size; /* of the next line */
    char     owner[HP_SYMBOL_BYTES];
} hp_replay_cut_t;

#define HP_REPLAY_TIME_DIGITS 19 /* nanoseconds since 2001 */

/* A time of 19 digits and a space, as recorders write it; 0 = not that, or 0. */
static inline uint64_t hp_replay_time_of(const char *text)
{
    const __m128i values = _mm_sub_epi8(hp_load16(text), _mm_set1_epi8('0'));
    const __m128i good = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
    unsigned a = (uint8_t)text[16] - '0', b = (uint8_t)text[17] - '0', c = (uint8_t)text[18] - '0';
    if (_mm_movemask_epi8(good) != 0xffff || a > 9 || b > 9 || c > 9) return 0;
    return (uint64_t)_mm_cvtsi128_si64(hp_digits_to_pair(values, values)) * 1000 + a * 100 + b * 10 + c;
}

static inline void hp_replay_line_of(const char *text, uint32_t begin, uint32_t end,
                                     hp_replay_line_t *line)
{
    uint64_t time = 0;
    uint32_t at = begin;
    if (HP_LIKELY(end - begin > HP_REPLAY_TIME_DIGITS) && text[begin + HP_REPLAY_TIME_DIGITS] == ' ' &&
        (time = hp_replay_time_of(text + begin)) != 0)
        at += HP_REPLAY_TIME_DIGITS;
    else while (at < end && at - begin < HP_REPLAY_TIME_DIGITS && text[at] >= '0' && text[at] <= '9')
        time = time * 10 + (uint64_t)(text[at++] - '0');
    if (at == begin || at == end || text[at] != ' ') {
        line->recv_ns = 0;
        line->at = begin;
    } else {
        line->recv_ns = time;
        line->at = at + 1;
    }
    line->size = end - line->at;
    line->owner_size = 0;
}

/* Is this line the recorder's word on the next one?  Then keep what it says. */
static inline int hp_replay_owner_of(hp_replay_cut_t *cut, const char *text, const hp_replay_line_t *line)
{
    const uint32_t head = sizeof HP_REPLAY_OWNER - 1;
    const char *at = text + line->at;
    if (HP_LIKELY(line->size <= head + 2 || line->size > head + 2 + HP_SYMBOL_BYTES)) return 0;
    if (memcmp(at, HP_REPLAY_OWNER, head) != 0 || memcmp(at + line->size - 2, "\"}", 2) != 0) return 0;
    cut->owner_size = line->size - head - 2;
    memcpy(cut->owner, at + head, cut->owner_size);
    return 1;
}

/* Cut text[cut->next .. size) into at most `room` lines; `final`: the input ends with `size`. */
static inline void hp_replay_cut_lines(hp_replay_cut_t *cut, const char *text, uint32_t size,
                                       int final, hp_replay_line_t *lines, uint32_t room)
{
    cut->count = 0;
    while (cut->next < size && cut->count < room) {
        const char *begin = text + cut->next;
        const char *found = (const char *)memchr(begin, '\n', size - cut->next);
        if (found == NULL && !final) return;
        uint32_t end = found ? (uint32_t)(found - text) : size, from = cut->next;
        cut->next = found ? end + 1 : size;
        cut->number++;
        if (end > from && text[end - 1] == '\r') end--;
        if (end == from) {
            cut->blank++;
            continue;
        }
        hp_replay_line_t *line = &lines[cut->count];
        line->number = cut->number;
        hp_replay_line_of(text, from, end, line);
        if (HP_UNLIKELY(hp_replay_owner_of(cut, text, line))) continue;
        line->owner_size = cut->owner_size;
        if (HP_UNLIKELY(cut->owner_size != 0)) memcpy(line->owner, cut->owner, cut->owner_size);
        cut->owner_size = 0;
        cut->count++;
    }
}

#endif
