/* writer.h - append to the lane's journal ring.
 *
 * Owns:    one append of about 25 ns for 256 bytes: no allocation, no system call, no lock.
 * Refuses: disk, reading back, waiting: without an archiver the oldest segment is overwritten and
 *          counted; with one, a segment that it has not copied is never touched (append then fails and
 *          the lane cancels: DESIGN section 5).
 * Writer:  the lane.  Readers follow head->published (release after the bytes). */
#ifndef HP_JOURNAL_WRITER_H
#define HP_JOURNAL_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "atomic.h"
#include "crc32c.h"
#include "journal.h"
#include "page.h"

_Static_assert(sizeof(hp_journal_record_t) == HP_CRC32C_HEAD, "a record's header is the head of its pair");

#define HP_JOURNAL_AHEAD_BYTES 2560u  /* how far in front of a record its lines are asked for */

typedef struct hp_journal_writer {
    hp_page_t *page;
    hp_journal_head_t *head;
    uint8_t *segments;        /* first byte of segment 0 */
    uint8_t *at;              /* where the next record goes */
    uint8_t *end;             /* end of the current segment */
    uint64_t number;          /* of the current segment */
    uint64_t sequence;        /* of the last record */
    uint64_t segment_bytes;
    uint32_t lane;
    uint32_t is_reserved;     /* the segment is the last that could be opened: bulk records are refused */
    uint64_t lost;            /* refused records that were no bulk, since the segment was opened */
    hp_journal_clock_t clock; /* newest CLOCK; extrapolated when a segment opens */
} hp_journal_writer_t;

static inline size_t hp_journal_bytes(uint64_t segment_bytes, uint64_t segment_count)
{
    return HP_JOURNAL_HEAD_BYTES + segment_bytes * segment_count;
}

static inline uint64_t hp_journal_room(uint64_t length) { return (sizeof(hp_journal_record_t) + length + 7) & ~7ull; }

/* Largest payload that a segment of this size takes: half of it, so that a roll-over always helps. */
static inline uint64_t hp_journal_payload_max(const hp_journal_writer_t *w) { return w->segment_bytes / 2; }

/* Ask for lines that later records will be written to, as many as this one took: a ring is larger than the
 * caches that are near, and its lines were last read by the archiver on another core.  Interleaved with and
 * without, 256 B: mean 57 and 37 ns, p99.9 350 and 150, the median the same.  Nothing is touched: an address
 * behind the ring is no error, and where the instruction is unknown it does nothing. */
static inline void hp_journal_fetch(const uint8_t *at, uint64_t room)
{
    for (uint64_t ahead = 0; ahead < room; ahead += 64)
        __asm__ volatile("prefetchw (%0)" : : "r"((uintptr_t)at + HP_JOURNAL_AHEAD_BYTES + ahead));
}

static inline void hp_journal_put(hp_journal_writer_t *w, uint16_t kind, uint32_t aux, uint64_t recv_ns,
                                  uint64_t mono_ns, const void *payload, uint32_t length)
{
    hp_journal_record_t *r = (hp_journal_record_t *)(void *)w->at;
    uint64_t room = hp_journal_room(length);
    memset(w->at + room - 8, 0, 8); /* the pad is zero: a file that is continued has the same bytes */
    r->length = length;
    r->kind = kind;
    r->lane = (uint8_t)w->lane;
    r->flags = 0;
    r->sequence = ++w->sequence;
    r->recv_ns = recv_ns;
    r->mono_ns = mono_ns;
    r->crc32c = 0;
    r->aux = aux;
    memcpy(r + 1, payload, length);
    r->crc32c = hp_crc32c_pair(r, payload, length);
    w->at += room;
    if (HP_LIKELY(w->at < w->end)) *(uint64_t *)(void *)w->at = 0; /* kind 0 ends the scan of a reader */
    hp_store_relaxed(&w->head->sequence, w->sequence);
    hp_store_release(&w->head->published, w->number * w->segment_bytes + (uint64_t)(w->at - (w->end - w->segment_bytes)));
    hp_journal_fetch(w->at, room);
}

static inline void hp_journal_open_segment(hp_journal_writer_t *w, uint64_t number, uint64_t mono_ns)
{
    uint8_t *start = w->segments + (number % w->head->segment_count) * w->segment_bytes;
    hp_journal_segment_t *s = (hp_journal_segment_t *)(void *)start;
    if (number >= w->head->segment_count) hp_count(&w->head->overwritten, 1);
    memset(s, 0, sizeof *s);
    s->magic = HP_JOURNAL_SEGMENT_MAGIC;
    s->layout = HP_JOURNAL_LAYOUT;
    s->lane = w->lane;
    s->epoch = w->head->epoch;
    s->number = number;
    s->first_sequence = w->sequence + 1;
    s->segment_bytes = w->segment_bytes;
    s->build_id = w->page->build_id;
    s->fingerprint = w->head->fingerprint;
    s->opened_mono_ns = mono_ns;
    s->opened_real_ns = w->clock.real_ns + (mono_ns - w->clock.mono_ns);
    s->crc32c = hp_crc32c(0, s, offsetof(hp_journal_segment_t, crc32c));
    w->number = number;
    w->at = start + sizeof *s;
    w->end = start + w->segment_bytes;
    hp_journal_clock_t clock = w->clock;
    clock.real_ns = s->opened_real_ns;
    clock.mono_ns = mono_ns;
    hp_journal_put(w, HP_RECORD_CLOCK, HP_CLOCK_RECORD_OPENING, 0, mono_ns, &clock, sizeof clock);
}

/* May segment `number` be opened?  Not over one that an archiver has not copied. */
static inline int hp_journal_may_open(const hp_journal_writer_t *w, uint64_t number)
{
    uint64_t archived = hp_load_acquire(&w->head->archived);
    return archived == UINT64_MAX || number < w->head->segment_count ||
           archived >= (number - w->head->segment_count + 1) * w->segment_bytes;
}

/* May a bulk record be written into segment `number`?  Only while another one could be opened behind it. */
static inline int hp_journal_has_spare(hp_journal_writer_t *w, uint64_t number)
{
    w->is_reserved = !hp_journal_may_open(w, number + 1);
    return !w->is_reserved;
}

/* Would a bulk record of this length be taken now? */
static inline int hp_journal_takes_bulk(hp_journal_writer_t *w, uint64_t length)
{
    if (w->lost == 0 && w->at + hp_journal_room(length) <= w->end) return !w->is_reserved || hp_journal_has_spare(w, w->number);
    return hp_journal_may_open(w, w->number + 1) && hp_journal_may_open(w, w->number + 2);
}

/* Append one record.  0 when it was refused: too large, or an archiver has not copied the segment that
 * would be recycled; a bulk record already while only the last segment is left (then is_reserved says so).
 * A lane may have acted on what was refused and is no bulk: its sequence is used up and the next record
 * opens a segment, so that every reader sees a hole there. */
static inline int hp_journal_append(hp_journal_writer_t *w, uint16_t kind, uint32_t aux, uint64_t recv_ns,
                                    uint64_t mono_ns, const void *payload, uint32_t length)
{
    uint64_t room = hp_journal_room(length);
    if (HP_UNLIKELY(w->is_reserved) && hp_record_is_bulk(kind) && !hp_journal_has_spare(w, w->number)) return 0;
    if (HP_UNLIKELY(w->at + room > w->end || w->lost > 0)) {
        if (room > hp_journal_payload_max(w)) return 0;
        int spare = hp_journal_has_spare(w, w->number + 1), is_bulk = hp_record_is_bulk(kind);
        if (!spare && is_bulk) return 0;
        if (!hp_journal_may_open(w, w->number + 1)) {
            w->lost += !is_bulk;
            w->sequence += !is_bulk;
            return 0;
        }
        hp_journal_open_segment(w, w->number + 1, mono_ns);
        w->lost = 0;
    }
    hp_journal_put(w, kind, aux, recv_ns, mono_ns, payload, length);
    return 1;
}

/* Record a fresh pair of clocks (each second). */
static inline void hp_journal_clock(hp_journal_writer_t *w, uint64_t mono_ns, uint64_t real_ns, uint64_t uncertainty_ns, uint64_t tsc)
{
    w->clock.mono_ns = mono_ns;
    w->clock.real_ns = real_ns;
    w->clock.uncertainty_ns = uncertainty_ns;
    w->clock.tsc = tsc;
    hp_journal_append(w, HP_RECORD_CLOCK, 0, 0, mono_ns, &w->clock, sizeof w->clock);
}

/* Lay out a ring in `memory` (zeroed, hp_journal_bytes long) and open its first segment.  `archived`: 0 =
 * somebody will archive it, so that nothing is overwritten before that; UINT64_MAX = nobody has to. */
static inline void hp_journal_lay_out(hp_journal_writer_t *w, void *memory, uint64_t segment_bytes, uint64_t segment_count,
                                      uint32_t lane, uint64_t epoch, const hp_journal_clock_t *clock, uint64_t archived)
{
    HP_ASSERT(segment_bytes >= 65536 && segment_bytes % 4096 == 0 && segment_count >= 2);
    memset(w, 0, sizeof *w);
    w->page = (hp_page_t *)memory;
    w->head = (hp_journal_head_t *)(void *)((uint8_t *)memory + sizeof(hp_page_t));
    w->segments = (uint8_t *)memory + HP_JOURNAL_HEAD_BYTES;
    w->segment_bytes = segment_bytes;
    w->lane = lane;
    w->clock = *clock;
    w->head->segment_bytes = segment_bytes;
    w->head->segment_count = segment_count;
    w->head->epoch = epoch;
    w->head->archived = archived;
    hp_journal_open_segment(w, 0, clock->mono_ns);
}

static inline void hp_journal_init(hp_journal_writer_t *w, void *memory, uint64_t segment_bytes, uint64_t segment_count,
                                   uint32_t lane, uint64_t epoch, const hp_journal_clock_t *clock)
{
    hp_journal_lay_out(w, memory, segment_bytes, segment_count, lane, epoch, clock, UINT64_MAX);
}

#endif
