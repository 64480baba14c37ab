/* ring.h - single-producer, single-consumer ring of variable-length records.
 *
 * Owns:    one mechanism for intents between lanes, messages between lane and cold processes, and
 *          frames that a lane parks for a later turn.
 * Refuses: several writers or readers, growing, dropping: a full ring refuses and its owner counts.
 *
 * hp_ring_t is a header of 384 bytes followed by `capacity` bytes of data.  Positions never wrap;
 * the offset is position & (capacity - 1).  A record never straddles the end: a PAD record fills it.
 *
 *   0       8        16             128    136        256    264        384
 *   +-------+--------+-----....-----+------+---...----+------+---...----+--------------------+
 *   | magic |capacity| pad          | head | refused  | tail |   pad    | data[capacity]     |
 *   +-------+--------+-----....-----+------+---...----+------+---...----+--------------------+
 *            fixed at start          writer only       reader only
 *
 * Publication: the writer stores the record, then head (release); the reader reads head (acquire).
 * Records that belong together are held: the reader sees all of them at once, or none. */
#ifndef HP_RING_H
#define HP_RING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "atomic.h"
#include "panic.h"

/* cffi:begin */
#define HP_RING_PAD_KIND 4294967295u

typedef struct hp_ring_record {
    uint32_t length;      /* payload bytes; the record takes 16 + length, rounded up to 16 */
    uint32_t kind;        /* of the owner's choosing; HP_RING_PAD_KIND is the filler */
    uint64_t aux;         /* of the owner's choosing */
} hp_ring_record_t;

typedef struct hp_ring {
    uint64_t magic;       /* "HPRING01" */
    uint64_t capacity;    /* bytes, a power of two */
    uint8_t  pad0[112];
    uint64_t head;        /* writer: bytes ever written */
    uint64_t refused;     /* writer: records that did not fit */
    uint64_t next;        /* writer: bytes written, published or held */
    uint32_t is_held;     /* writer: what is written is not published yet */
    uint8_t  pad1[100];
    uint64_t tail;        /* reader: bytes ever read */
    uint8_t  pad2[120];
} hp_ring_t;
/* cffi:end */
HP_SIZE(hp_ring_record_t, 16);
HP_SIZE(hp_ring_t, 384);
HP_FIELD(hp_ring_t, head, 128);
HP_FIELD(hp_ring_t, tail, 256);

#define HP_RING_MAGIC 0x3130474e49525048ull /* "HPRING01", little endian */

static inline uint8_t *hp_ring_data(hp_ring_t *r) { return (uint8_t *)r + sizeof(hp_ring_t); }

static inline void hp_ring_init(hp_ring_t *r, uint64_t capacity)
{
    HP_ASSERT(capacity >= 64 && (capacity & (capacity - 1)) == 0);
    memset(r, 0, sizeof *r);
    r->capacity = capacity;
    hp_store_release(&r->magic, HP_RING_MAGIC);
}

static inline uint64_t hp_ring_footprint(uint64_t length) { return (sizeof(hp_ring_record_t) + length + 15) & ~15ull; }
static inline uint64_t hp_ring_used(const hp_ring_t *r) { return hp_load_acquire(&r->head) - hp_load_acquire(&r->tail); }
static inline int hp_ring_is_empty(const hp_ring_t *r) { return hp_ring_used(r) == 0; }

/* Bytes of records that surely fit now, whatever stands at the ring's end (a record is at most an eighth). */
static inline uint64_t hp_ring_room(const hp_ring_t *r)
{
    uint64_t taken = hp_ring_used(r) + r->capacity / 8;
    return taken < r->capacity ? r->capacity - taken : 0;
}

/* Claim room for a record; NULL when it does not fit (counted).  Fill the payload, then publish. */
static inline void *hp_ring_claim(hp_ring_t *r, uint32_t kind, uint64_t aux, uint64_t length)
{
    uint64_t head = r->next, mask = r->capacity - 1, need = hp_ring_footprint(length);
    uint64_t to_end = r->capacity - (head & mask);
    uint64_t total = need <= to_end ? need : to_end + need;
    if (HP_UNLIKELY(need > r->capacity / 2 || head - hp_load_acquire(&r->tail) + total > r->capacity)) {
        hp_count(&r->refused, 1);
        return NULL;
    }
    hp_ring_record_t *record = (hp_ring_record_t *)(void *)(hp_ring_data(r) + (head & mask));
    if (HP_UNLIKELY(need > to_end)) {
        record->length = (uint32_t)(to_end - sizeof *record);
        record->kind = HP_RING_PAD_KIND;
        record->aux = 0;
        r->next = head + to_end;
        if (!r->is_held) hp_store_release(&r->head, r->next);
        record = (hp_ring_record_t *)(void *)hp_ring_data(r);
    }
    record->length = (uint32_t)length;
    record->kind = kind;
    record->aux = aux;
    return record + 1;
}

/* Publish the record last claimed. */
static inline void hp_ring_publish(hp_ring_t *r)
{
    hp_ring_record_t *record = (hp_ring_record_t *)(void *)(hp_ring_data(r) + (r->next & (r->capacity - 1)));
    r->next += hp_ring_footprint(record->length);
    if (HP_LIKELY(!r->is_held)) hp_store_release(&r->head, r->next);
}

/* Hold what is published from here on. */
static inline void hp_ring_hold(hp_ring_t *r) { r->is_held = 1; }

static inline void hp_ring_let_go(hp_ring_t *r)
{
    r->is_held = 0;
    hp_store_release(&r->head, r->next);
}

/* A new writer takes the ring up: what another one held when it died was never said. */
static inline void hp_ring_take_up(hp_ring_t *r)
{
    r->is_held = 0;
    r->next = r->head;
}

static inline int hp_ring_put(hp_ring_t *r, uint32_t kind, uint64_t aux, const void *data, uint64_t length)
{
    void *to = hp_ring_claim(r, kind, aux, length);
    if (to == NULL) return 0;
    memcpy(to, data, length);
    hp_ring_publish(r);
    return 1;
}

/* Next record, or NULL.  It stays valid until hp_ring_pop(). */
static inline hp_ring_record_t *hp_ring_peek(hp_ring_t *r)
{
    for (;;) {
        uint64_t tail = r->tail;
        if (hp_load_acquire(&r->head) == tail) return NULL;
        hp_ring_record_t *record = (hp_ring_record_t *)(void *)(hp_ring_data(r) + (tail & (r->capacity - 1)));
        if (HP_LIKELY(record->kind != HP_RING_PAD_KIND)) return record;
        hp_store_release(&r->tail, tail + hp_ring_footprint(record->length));
    }
}

static inline void *hp_ring_payload(hp_ring_record_t *record) { return record + 1; }

static inline void hp_ring_pop(hp_ring_t *r)
{
    hp_ring_record_t *record = (hp_ring_record_t *)(void *)(hp_ring_data(r) + (r->tail & (r->capacity - 1)));
    hp_store_release(&r->tail, r->tail + hp_ring_footprint(record->length));
}

#endif
