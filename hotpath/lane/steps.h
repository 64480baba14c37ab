/* steps.h - a journal cut into steps, and what a lane wrote held against one.
 *
 * Owns:    where a step begins and ends, the records of the one in work as they stand in the bytes of
 *          their segments; comparing them with a ring, record by record.
 * Refuses: taking an input (rerun.pyx), files, copying: whoever gives bytes keeps them while a step
 *          is in them.
 *
 * A step is one input and all records up to the next input; a CLOCK that opened a segment for an input
 * stands before it.  Which step that CLOCK belongs to, only the record behind it tells. */
#ifndef HP_STEPS_H
#define HP_STEPS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hotpath/journal/reader.h"
#include "journal.h"
#include "mail.h"
#include "order.h"

enum hp_step {
    HP_STEP_NEED = 0,  /* the bytes are used up: give the next segment, or finish */
    HP_STEP_READY = 1  /* records[0] to records[count - 1] are one */
};

typedef struct hp_steps {
    hp_scanner_t scan;
    const hp_journal_record_t **records;
    uint64_t count;  /* of the step */
    uint64_t ahead;  /* read behind it, of the next one: its input, perhaps a CLOCK before */
    uint64_t at;     /* which record of the step is its input */
    uint64_t room;
    int is_waiting;  /* the newest record is a CLOCK that opened a segment */
} hp_steps_t;

static inline void hp_steps_room(hp_steps_t *s)
{
    if (s->count + s->ahead + 2 < s->room) return;
    s->room = 2 * s->room + 64;
    s->records = (const hp_journal_record_t **)realloc((void *)s->records, s->room * sizeof *s->records);
    HP_ASSERT(s->records != NULL);
}

/* Leave the step that was READY behind: what was read ahead begins the next one. */
static inline void hp_steps_pass(hp_steps_t *s)
{
    if (s->ahead == 0) return;
    memmove((void *)s->records, (const void *)(s->records + s->count), s->ahead * sizeof *s->records);
    s->count = s->ahead;
    s->at = s->ahead - 1;
    s->ahead = 0;
}

static inline int hp_steps_next(hp_steps_t *s)
{
    hp_journal_record_t r;
    const uint8_t *payload;
    hp_steps_pass(s);
    while (hp_scan_next(&s->scan, &r, &payload) == HP_SCAN_RECORD) {
        hp_steps_room(s);
        s->records[s->count] = (const hp_journal_record_t *)(const void *)(payload - sizeof r);
        if (r.kind == HP_RECORD_CLOCK && r.aux == HP_CLOCK_RECORD_OPENING) {
            s->is_waiting = 1;
            s->count++;
            continue;
        }
        uint64_t own = 1 + (uint64_t)s->is_waiting;
        s->is_waiting = 0;
        s->count++;
        if (r.kind >= HP_RECORD_INTENT) continue;
        if (s->count == own) { /* the first step of all */
            s->at = own - 1;
            continue;
        }
        s->count -= own;
        s->ahead = own;
        return HP_STEP_READY;
    }
    return HP_STEP_NEED;
}

/* There are no more bytes: the last step is what was read.  A CLOCK that nothing followed is no part of it. */
static inline int hp_steps_finish(hp_steps_t *s)
{
    s->count -= (uint64_t)s->is_waiting;
    s->is_waiting = 0;
    return s->count > s->at ? HP_STEP_READY : HP_STEP_NEED;
}

/* A reader of a ring in the writer's own thread, one record behind the other. */
typedef struct hp_trail {
    const uint8_t *at;
    uint64_t number; /* of the segment */
} hp_trail_t;

static inline const uint8_t *hp_trail_segment(const hp_journal_writer_t *w, uint64_t number)
{
    return w->segments + number % w->head->segment_count * w->segment_bytes;
}

static inline void hp_trail_begin(hp_trail_t *t, const hp_journal_writer_t *w)
{
    t->number = 0;
    t->at = hp_trail_segment(w, 0) + sizeof(hp_journal_segment_t);
}

/* The next record that was written; NULL: there is none. */
static inline const hp_journal_record_t *hp_trail_next(hp_trail_t *t, const hp_journal_writer_t *w)
{
    if (HP_UNLIKELY(w->number - t->number >= w->head->segment_count)) return NULL; /* it went around */
    while (t->number < w->number) {
        const hp_journal_record_t *r = (const hp_journal_record_t *)(const void *)t->at;
        const uint8_t *end = hp_trail_segment(w, t->number) + w->segment_bytes;
        if (t->at + sizeof *r <= end && r->kind != HP_RECORD_END) break;
        t->number++;
        t->at = hp_trail_segment(w, t->number) + sizeof(hp_journal_segment_t);
    }
    if (t->number == w->number && t->at == w->at) return NULL;
    const hp_journal_record_t *r = (const hp_journal_record_t *)(const void *)t->at;
    t->at += hp_journal_room(r->length);
    return r;
}

/* Are two records the same?  Time stamp counters are no outputs: an order's are left out, and with them the
 * checksum, which was proven when the record was read. */
static inline int hp_record_same(const hp_journal_record_t *a, const hp_journal_record_t *b)
{
    if (memcmp(a, b, offsetof(hp_journal_record_t, crc32c)) != 0 || a->aux != b->aux) return 0;
    const uint8_t *one = (const uint8_t *)(a + 1), *other = (const uint8_t *)(b + 1);
    int is_order = a->kind == HP_RECORD_ORDER || (a->kind == HP_RECORD_CARRY && a->aux == HP_MAIL_ORDER);
    uint64_t from = offsetof(hp_order_t, stamps), to = from + sizeof(hp_stamps_t);
    if (!is_order || a->length < to) return memcmp(one, other, a->length) == 0;
    return memcmp(one, other, from) == 0 && memcmp(one + to, other + to, a->length - to) == 0;
}

/* Hold what a lane wrote since against the step: the index of the first record that is not the same, with
 * the lane's own in *mine (NULL: it wrote no more); count when all are.  Then *mine is what it wrote too much. */
static inline uint64_t hp_steps_compare(const hp_steps_t *s, hp_trail_t *t, const hp_journal_writer_t *w,
                                        const hp_journal_record_t **mine)
{
    for (uint64_t n = 0; n < s->count; n++) {
        *mine = hp_trail_next(t, w);
        if (*mine == NULL || !hp_record_same(s->records[n], *mine)) return n;
    }
    *mine = hp_trail_next(t, w);
    return s->count;
}

#endif
