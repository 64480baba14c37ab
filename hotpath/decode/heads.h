/* heads.h - how messages of known streams begin, written out once and compared as bytes.
 *
 * Owns:    the table of one codec: heads by hash of HP_HEADS_HASHED bytes of them.
 * Refuses: knowing a venue, growing, removing.
 *
 * A stream repeats the same head in each of its messages.  Equal bytes prove all that it says: the
 * channel, the symbol, the order of the keys. */
#ifndef HP_HEADS_H
#define HP_HEADS_H

#include "hotpath/decode/scan.h"
#include "hotpath/decode/symbols.h"

#define HP_HEADS_PER_SYMBOL 12
#define HP_HEADS_MAX (HP_HEADS_PER_SYMBOL * HP_SYMBOLS_MAX)
#define HP_HEADS_SLOTS 8192
#define HP_HEAD_BYTES_MAX 160
#define HP_HEADS_HASHED 32

typedef struct hp_head {
    char text[HP_HEAD_BYTES_MAX + 16]; /* zero filled; read in steps of 16 */
    uint8_t size;
    uint8_t what;        /* the venue's word for the stream */
    uint16_t at;         /* index into symbols */
    uint8_t guess[12];   /* sizes of its numbers in the last message, in order */
} hp_head_t;
HP_SIZE(hp_head_t, 192);

typedef struct hp_heads {
    uint32_t count;
    uint32_t from;       /* the first byte that is hashed; all heads go HP_HEADS_HASHED further */
    uint16_t slots[HP_HEADS_SLOTS]; /* index + 1, 0 = free */
    hp_head_t at[HP_HEADS_MAX];
} hp_heads_t;

static inline uint32_t hp_heads_hash(const char *text)
{
    uint64_t first = _mm_crc32_u64(_mm_crc32_u64(0, hp_load8(text)), hp_load8(text + 8));
    uint64_t second = _mm_crc32_u64(_mm_crc32_u64(1, hp_load8(text + 16)), hp_load8(text + 24));
    return (uint32_t)(first ^ second << 1) & (HP_HEADS_SLOTS - 1);
}

/* Add a head; what it hashes must lie inside it. */
static inline void hp_heads_put(hp_heads_t *h, const char *text, size_t size, uint8_t what,
                                uint16_t at)
{
    HP_ASSERT(h->count < HP_HEADS_MAX && size <= HP_HEAD_BYTES_MAX &&
              size >= h->from + HP_HEADS_HASHED);
    hp_head_t *head = &h->at[h->count++];
    memcpy(head->text, text, size);
    head->size = (uint8_t)size;
    head->what = what;
    head->at = at;
    uint32_t slot = hp_heads_hash(text + h->from);
    while (h->slots[slot] != 0) slot = (slot + 1) & (HP_HEADS_SLOTS - 1);
    h->slots[slot] = (uint16_t)h->count;
}

/* The head that a frame begins with, or NULL.  Reads up to 64 bytes past a frame of
 * HP_HEAD_BYTES_MAX - 48 bytes: callers check a least size. */
static inline hp_head_t *hp_heads_find(hp_heads_t *h, const char *data, size_t size)
{
    uint32_t slot = hp_heads_hash(data + h->from);
    for (; h->slots[slot] != 0; slot = (slot + 1) & (HP_HEADS_SLOTS - 1)) {
        hp_head_t *head = &h->at[h->slots[slot] - 1];
        if (HP_LIKELY(head->size < size && hp_equal(data, head->text, head->size))) return head;
    }
    return NULL;
}

#endif
