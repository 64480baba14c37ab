/* reader.h - read a journal back: records of some bytes, chunks of a live ring.
 *
 * Owns:    checking (header, CRC, sequence), following a writer that never waits, saying what was lost.
 * Refuses: the meaning of payloads, files, sleeping; a reader never writes into the ring.
 *
 * A chunk is whole records of one segment, its header included when the chunk starts with it.  Bytes are
 * copied behind `published` and checked afterwards: what the writer overwrote meanwhile has a wrong CRC
 * or a wrong sequence and is never handed out.  Then the reader goes on at an older segment's successor
 * that still stands, and the chunk says how many records are missing before it: a hole, never a guess. */
#ifndef HP_JOURNAL_READER_H
#define HP_JOURNAL_READER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "atomic.h"
#include "crc32c.h"
#include "hotpath/journal/writer.h"
#include "journal.h"
#include "page.h"

enum hp_scan {
    HP_SCAN_END = 0,    /* no further record in this segment */
    HP_SCAN_RECORD = 1,
    HP_SCAN_SHORT = 2,  /* the record goes on behind the bytes given */
    HP_SCAN_BAD = 3     /* not a record: torn, overwritten or damaged */
};

typedef struct hp_scanner {
    const uint8_t *at, *end;
    uint64_t sequence;  /* of the next record; 0 = any */
} hp_scanner_t;

enum hp_tail_status {
    HP_TAIL_NONE = 0,    /* everything published has been read */
    HP_TAIL_CHUNK = 1,
    HP_TAIL_ROOM = 2,    /* the next record needs `need` bytes of room */
    HP_TAIL_DAMAGED = 3  /* published bytes of the writer's own segment are no record: nothing to wait for */
};

typedef struct hp_tail {
    const hp_journal_head_t *head;
    const uint8_t *segments;
    uint64_t segment_bytes;
    uint64_t segment_count;
    uint64_t number;     /* segment of the next byte */
    uint64_t offset;     /* of the next byte in it; 0 = its header */
    uint64_t sequence;   /* of the next record; 0 = any (begun at the end) */
    uint64_t holes;      /* how often records were lost to the writer or to damage */
    uint64_t lost;       /* records in holes */
    uint64_t damaged;    /* of the holes, those that no overtaking writer explains */
} hp_tail_t;

typedef struct hp_chunk {
    uint64_t number;         /* segment */
    uint64_t offset;         /* of the first byte in it */
    uint64_t size;           /* bytes: a header perhaps, then whole records */
    uint64_t records;
    uint64_t first_sequence; /* of the first record; 0 = no record */
    uint64_t last_sequence;
    uint64_t lost;           /* records missing before this chunk, from lost_from on */
    uint64_t lost_from;
    uint64_t need;           /* HP_TAIL_ROOM: bytes */
    uint64_t kinds[4];       /* of its records: a bit each */
} hp_chunk_t;

/* The header that opens a segment: 1 = it is one. */
static inline int hp_segment_good(const void *data)
{
    hp_journal_segment_t s;
    memcpy(&s, data, sizeof s);
    return s.magic == HP_JOURNAL_SEGMENT_MAGIC && s.layout == HP_JOURNAL_LAYOUT &&
           s.crc32c == hp_crc32c(0, &s, offsetof(hp_journal_segment_t, crc32c));
}

/* Check the next record.  RECORD fills `r`; its payload stands at *payload; the scanner has passed it. */
static inline int hp_scan_next(hp_scanner_t *s, hp_journal_record_t *r, const uint8_t **payload)
{
    uint64_t left = (uint64_t)(s->end - s->at);
    if (left < sizeof(uint64_t)) return HP_SCAN_END;
    if (left < sizeof *r) {
        uint16_t kind;
        memcpy(&kind, s->at + offsetof(hp_journal_record_t, kind), sizeof kind);
        return kind == HP_RECORD_END ? HP_SCAN_END : HP_SCAN_SHORT;
    }
    memcpy(r, s->at, sizeof *r);
    if (r->kind == HP_RECORD_END) return r->length == 0 ? HP_SCAN_END : HP_SCAN_BAD;
    if (s->sequence != 0 && r->sequence != s->sequence) return HP_SCAN_BAD;
    uint64_t room = hp_journal_room(r->length);
    if (room > left) return HP_SCAN_SHORT;
    uint32_t found = r->crc32c;
    r->crc32c = 0;
    if (hp_crc32c_pair(r, s->at + sizeof *r, r->length) != found) return HP_SCAN_BAD;
    r->crc32c = found;
    for (uint64_t pad = sizeof *r + r->length; pad < room; pad++)
        if (s->at[pad] != 0) return HP_SCAN_BAD;
    *payload = s->at + sizeof *r;
    s->at += room;
    s->sequence = r->sequence + 1;
    return HP_SCAN_RECORD;
}

/* Segment in which the writer is. */
static inline uint64_t hp_tail_writer(const hp_tail_t *t, uint64_t published)
{
    return published == 0 ? 0 : (published - 1) / t->segment_bytes;
}

static inline uint64_t hp_tail_oldest(const hp_tail_t *t, uint64_t writer)
{
    return writer + 1 > t->segment_count ? writer + 1 - t->segment_count : 0;
}

/* Follow a ring, from the oldest record that is still there or from the next one on.  0 = no ring. */
static inline int hp_tail_open(hp_tail_t *t, const void *memory, uint64_t bytes, int from_end)
{
    memset(t, 0, sizeof *t);
    if (bytes < HP_JOURNAL_HEAD_BYTES) return 0;
    t->head = (const hp_journal_head_t *)(const void *)((const uint8_t *)memory + sizeof(hp_page_t));
    t->segments = (const uint8_t *)memory + HP_JOURNAL_HEAD_BYTES;
    uint64_t published = hp_load_acquire(&t->head->published);
    t->segment_bytes = t->head->segment_bytes;
    t->segment_count = t->head->segment_count;
    if (published == 0 || t->segment_bytes < 65536 || t->segment_bytes % 4096 != 0 || t->segment_count < 2 ||
        t->segment_count > (bytes - HP_JOURNAL_HEAD_BYTES) / t->segment_bytes) return 0;
    t->number = hp_tail_writer(t, published);
    if (from_end) {
        t->offset = published - t->number * t->segment_bytes;
    } else {
        t->sequence = 1; /* what was overwritten before we came is a hole like any other */
        t->number = hp_tail_oldest(t, t->number);
    }
    return 1;
}

/* Go on where an earlier reader stopped.  What has been overwritten since shows as a hole. */
static inline void hp_tail_seek(hp_tail_t *t, uint64_t number, uint64_t offset, uint64_t sequence)
{
    t->number = number;
    t->offset = offset < t->segment_bytes ? offset : t->segment_bytes;
    t->sequence = sequence;
}

/* Leave a segment whose bytes are gone or damaged: go on where records still stand.  0 = nowhere yet. */
static inline int hp_tail_skip(hp_tail_t *t)
{
    uint64_t writer = hp_tail_writer(t, hp_load_acquire(&t->head->published));
    uint64_t oldest = hp_tail_oldest(t, writer);
    if (t->number >= writer) return 0;
    /* the writer may be opening a segment over the oldest one: published does not show it yet */
    if (t->number <= oldest && writer + 1 >= t->segment_count) {
        uint64_t next = t->segment_count > 2 ? oldest + 1 : oldest;
        t->number = next > t->number ? next : t->number + 1;
    } else {
        t->damaged++;
        t->number++;
    }
    t->offset = 0;
    return 1;
}

/* Check what was copied; fills the chunk.  1 = something is good, 0 = room is short, -1 = skip. */
static inline int hp_tail_check(hp_tail_t *t, const uint8_t *to, uint64_t size, uint64_t limit, hp_chunk_t *c)
{
    hp_scanner_t s = { to, to + size, t->sequence };
    hp_journal_record_t r;
    const uint8_t *payload;
    uint64_t lost = 0;
    if (t->offset == 0) {
        const hp_journal_segment_t *h = (const hp_journal_segment_t *)(const void *)to;
        if (size < sizeof *h) { c->need = sizeof *h; return 0; }
        if (!hp_segment_good(to) || h->number != t->number ||
            (t->sequence != 0 && h->first_sequence < t->sequence)) return -1;
        if (t->sequence != 0) lost = h->first_sequence - t->sequence;
        s.sequence = h->first_sequence;
        s.at += sizeof *h;
    }
    int status;
    while ((status = hp_scan_next(&s, &r, &payload)) == HP_SCAN_RECORD) {
        if (c->records++ == 0) c->first_sequence = r.sequence;
        c->kinds[r.kind >> 6 & 3] |= 1ull << (r.kind & 63);
        c->last_sequence = r.sequence;
    }
    c->size = (uint64_t)(s.at - to);
    int whole = t->offset + size == limit; /* not cut by room: what is short now stays short */
    if (status == HP_SCAN_SHORT && !whole) {
        if (c->records == 0) {
            memcpy(&r, s.at, (uint64_t)(s.end - s.at) < sizeof r ? (uint64_t)(s.end - s.at) : sizeof r);
            c->need = c->size + ((uint64_t)(s.end - s.at) < sizeof r ? sizeof r : hp_journal_room(r.length));
            if (c->need > t->segment_bytes) return -1;
            return 0;
        }
    } else if (status != HP_SCAN_END || (s.at != s.end && limit != t->segment_bytes)) {
        if (c->records == 0) return -1; /* good records before it are handed out first */
    } else if (c->records == 0 && c->size == 0) {
        return limit == t->segment_bytes ? 1 : -1;
    }
    c->lost = lost;
    c->lost_from = lost > 0 ? t->sequence : 0;
    if (lost > 0) { t->holes++; t->lost += lost; }
    t->sequence = s.sequence;
    return 1;
}

/* Copy what is new, at most `room` bytes and one segment, to 8-aligned memory; returns enum hp_tail_status. */
static inline int hp_tail_read(hp_tail_t *t, uint8_t *to, uint64_t room, hp_chunk_t *c)
{
    for (;;) {
        memset(c, 0, sizeof *c);
        uint64_t published = hp_load_acquire(&t->head->published), base = t->number * t->segment_bytes;
        if (published <= base + t->offset) return HP_TAIL_NONE;
        uint64_t limit = published - base < t->segment_bytes ? published - base : t->segment_bytes;
        uint64_t size = limit - t->offset < room ? limit - t->offset : room & ~7ull;
        c->number = t->number;
        c->offset = t->offset;
        if (size > 0)
            memcpy(to, t->segments + (t->number % t->segment_count) * t->segment_bytes + t->offset, size);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        int good = hp_tail_check(t, to, size, limit, c);
        if (good == 0) return HP_TAIL_ROOM;
        if (good < 0) {
            if (!hp_tail_skip(t)) return HP_TAIL_DAMAGED;
            continue;
        }
        t->offset += c->size;
        /* an end mark before the published end of a segment: the writer has gone on to the next one */
        if (limit == t->segment_bytes && t->offset < limit && c->size == 0) {
            t->number++;
            t->offset = 0;
            continue;
        }
        if (t->offset == t->segment_bytes && published > base + t->segment_bytes) { t->number++; t->offset = 0; }
        return HP_TAIL_CHUNK;
    }
}

#endif
