/* levels.h - a side of a book as most venues write it: ["price","size"],["price","size"]]
 *
 * Owns:    the walk over one such side, on an instrument's scales.
 * Refuses: levels of another shape (the venue's own walk), numbers (number.h).
 *
 * A level mostly has the shape of the one before: as many bytes in both numbers, points in the same
 * places.  Its patterns are then tried as they are; where they hold, they prove the shape, and
 * nothing need be searched.  Where one does not hold, the level is read as if it were the first. */
#ifndef HP_DECODE_LEVELS_H
#define HP_DECODE_LEVELS_H

#include "hotpath/decode/scan.h"
#include "hotpath/decode/symbols.h"

#define HP_LEVEL_TEXT_MIN 10 /* ["1","1"], */

/* Behind which byte a level may not begin: `end`, or where `room` levels might not be enough. */
static inline const char *hp_side_stop(const char *p, const char *end, const hp_level_t *level,
                                       const hp_level_t *limit)
{
    const ptrdiff_t room = (limit - level) * HP_LEVEL_TEXT_MIN;
    return end - p < room ? end : p + room;
}

/* Levels of one shape, from in front of the "],[" that leads to the first to behind the last one's
 * size: to its closing quote.  Stops in front of whatever is not of the shape. */
static inline __attribute__((always_inline)) const char *
hp_side_alike(const char *p, const char *stop, const hp_pattern_t *price, unsigned price_size,
              const hp_pattern_t *size, unsigned size_size, hp_level_t **to)
{
    const __m128i price_zero = hp_load16(price->zero), price_range = hp_load16(price->range);
    const __m128i size_zero = hp_load16(size->zero), size_range = hp_load16(size->range);
    const __m128i price_source = hp_load16(price->source), size_source = hp_load16(size->source);
    const __m128i bias = _mm_set_epi64x(size->bias, price->bias);
    const size_t size_at = price_size + 8, next = size_at + size_size;
    hp_level_t *level = *to;
    while (HP_LIKELY(hp_literal(p, "\"],[\"", 5) && p + 5 < stop)) {
        const __m128i a = _mm_sub_epi8(hp_load16(p + 5), price_zero);
        const __m128i b = _mm_sub_epi8(hp_load16(p + size_at), size_zero);
        const __m128i good = _mm_and_si128(_mm_cmpeq_epi8(_mm_min_epu8(a, price_range), a),
                                           _mm_cmpeq_epi8(_mm_min_epu8(b, size_range), b));
        if (HP_UNLIKELY(_mm_movemask_epi8(good) != 0xffff ||
                        !hp_literal(p + size_at - 2, ",\"", 2)))
            break;
        const __m128i pair = hp_digits_to_pair(_mm_shuffle_epi8(a, price_source),
                                               _mm_shuffle_epi8(b, size_source));
        _mm_storeu_si128((__m128i *)level++, _mm_add_epi64(pair, bias));
        p += next;
    }
    *to = level;
    return p;
}

/* From behind a side's '[' to behind its ']'; NULL when not plain.  `*to` moves behind the last. */
static inline const char *hp_side_scan(const char *p, const char *end, const hp_symbol_t *symbol,
                                       hp_level_t **to, const hp_level_t *limit)
{
    hp_level_t *level = *to;
    uint8_t price_guess = 8, size_guess = 5;
    if (*p == ']') return p + 1;
    for (;;) {
        if (HP_UNLIKELY(p >= end || level == limit)) return NULL;
        int good = hp_literal(p, "[\"", 2);
        p += 2;
        const hp_decimal_t price = hp_decimal_scan(p, &symbol->price);
        p = hp_step(p, price.size, &price_guess);
        good &= hp_literal(p, "\",\"", 3);
        p += 3;
        const hp_decimal_t size = hp_decimal_scan(p, &symbol->size);
        p = hp_step(p, size.size, &size_guess);
        good &= hp_literal(p, "\"]", 2);
        __m128i pair;
        good &= hp_decimal_pair(price, size, &pair);
        if (HP_UNLIKELY(!good)) return NULL;
        _mm_storeu_si128((__m128i *)level++, pair);
        p = hp_side_alike(p, hp_side_stop(p, end, level, limit), price.pattern, price_guess,
                          size.pattern, size_guess, &level);
        p += 3;
        if (HP_UNLIKELY(p[-2] != ']')) return NULL;
        if (p[-1] == ',') continue;
        if (HP_UNLIKELY(p[-1] != ']')) return NULL;
        *to = level;
        return p;
    }
}

#endif
