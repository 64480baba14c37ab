/* scan.h - tools of shape scanners: literals, steps over numbers, texts compared by 16 bytes.
 *
 * Owns:    what every venue's scanner needs to walk a text whose shape it knows.
 * Refuses: the shapes themselves, numbers (number.h).
 *
 * A scanner walks with `p` up to `end` and returns 0 from the first thing that is not its shape.
 * Text may be read 64 bytes past `end`; so a check of `p` against `end` stands between any 48 bytes
 * read.
 *
 * Where a number ends decides where all that follows is looked for, and waiting for it costs more
 * than reading it.  Numbers in one place mostly have the size they had last time: HP_STEP goes on
 * from the guess in the same moment and lets the branch predictor answer for it.  A guess is never
 * trusted. */
#ifndef HP_SCAN_H
#define HP_SCAN_H

#include "number.h"

/* The first `size` bytes of a literal as a number, 1 to 8: a constant, not a load. */
static inline __attribute__((always_inline)) uint64_t hp_word(const char *text, size_t size)
{
    uint64_t word = 0;
#define HP_BYTE(n) word |= size > (n) ? (uint64_t)(uint8_t)text[size > (n) ? (n) : 0] << 8 * (n) : 0
    HP_BYTE(0); HP_BYTE(1); HP_BYTE(2); HP_BYTE(3); HP_BYTE(4); HP_BYTE(5); HP_BYTE(6); HP_BYTE(7);
#undef HP_BYTE
    return word;
}

static inline uint64_t hp_load8(const char *from)
{
    uint64_t word;
    memcpy(&word, from, 8);
    return word;
}

/* Is `text` the literal?  Sizes 1 to 16, known to the compiler; reads 8 or 16 bytes. */
static inline __attribute__((always_inline)) int hp_literal(const char *text, const char *literal,
                                                            size_t size)
{
    if (size < 8)
        return ((hp_load8(text) ^ hp_word(literal, size)) & ((1ull << 8 * (size & 7)) - 1)) == 0;
    return ((hp_load8(text) ^ hp_word(literal, 8)) |
            (hp_load8(text + size - 8) ^ hp_word(literal + size - 8, 8))) == 0;
}

/* Are `size` bytes equal, 1 or more?  Reads both in steps of 16. */
static inline int hp_equal(const char *a, const char *b, unsigned size)
{
    __m128i differ = _mm_setzero_si128();
    for (; size > 16; size -= 16, a += 16, b += 16)
        differ = _mm_or_si128(differ, _mm_xor_si128(hp_load16(a), hp_load16(b)));
    __m128i last = _mm_and_si128(_mm_xor_si128(hp_load16(a), hp_load16(b)),
                                 hp_load16(hp_first_bytes + 16 - size));
    differ = _mm_or_si128(differ, last);
    return _mm_testz_si128(differ, differ);
}

/* Past `size` bytes, which are probably as many as last time. */
static inline const char *hp_step(const char *p, unsigned size, uint8_t *guess)
{
    size_t guessed = *guess;
    __asm__("" : "+r"(guessed)); /* else the compiler sees that both are equal: waits for `size` */
    if (HP_LIKELY(size == *guess)) return p + guessed;
    *guess = (uint8_t)size;
    return p + size;
}

/* Milliseconds as nanoseconds; 0 = beyond what those hold. */
static inline int hp_ms_to_ns(int64_t ms, int64_t *ns)
{
    *ns = (int64_t)((uint64_t)ms * 1000000);
    return ms <= INT64_MAX / 1000000;
}

#define HP_EXPECT(literal) \
    do { \
        if (HP_UNLIKELY(!hp_literal(p, literal, sizeof(literal) - 1))) return 0; \
        p += sizeof(literal) - 1; \
    } while (0)

/* Step over a number of `size` bytes, 0 = not one, and stay inside. */
#define HP_STEP(size, guess) \
    do { \
        unsigned size_ = (size); \
        p = hp_step(p, size_, guess); \
        if (HP_UNLIKELY(size_ == 0 || p >= end)) return 0; \
    } while (0)

#endif
