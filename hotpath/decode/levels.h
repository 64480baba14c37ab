/* levels.h - a side of a book as most venues write it: ["price","size"],["price","size"]]
 *
 * Owns:    the walk over one such side, on an instrument's scales.
 * Refuses: levels of another shape (the venue's own walk), numbers (number.h). */
#ifndef HP_DECODE_LEVELS_H
#define HP_DECODE_LEVELS_H

#include "hotpath/decode/scan.h"
#include "hotpath/decode/symbols.h"

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
        hp_decimal_t price = hp_decimal_scan(p, &symbol->price);
        p = hp_step(p, price.size, &price_guess);
        good &= hp_literal(p, "\",\"", 3);
        p += 3;
        hp_decimal_t size = hp_decimal_scan(p, &symbol->size);
        p = hp_step(p, size.size, &size_guess);
        good &= hp_literal(p, "\"]", 2);
        __m128i pair;
        good &= hp_decimal_pair(price, size, &pair);
        if (HP_UNLIKELY(!good)) return NULL;
        _mm_storeu_si128((__m128i *)level++, pair);
        p += 3;
        if (p[-1] == ',') continue;
        if (HP_UNLIKELY(p[-1] != ']')) return NULL;
        *to = level;
        return p;
    }
}

#endif
