/* number.h - decimal text to scaled integers, exactly.
 *
 * Owns:    hp_decimal_read and hp_whole_read (the specification, any length) and the 16-byte
 *          kernels that agree with them.
 * Refuses: signs, exponents, leading zeros, floats, rounding.  A digit finer than the scale is
 *          never dropped: the answer is HP_DECODE_FINER and the decimals that the value needs.
 *
 * A decimal in quotes is known by two places: its closing quote and its point.  They select a
 * pattern, written out beforehand for each scale, which says of each byte what it must be and where
 * its digit goes; so one comparison checks the whole text and one shuffle puts it on the scale.
 *
 * The kernels decline whatever is not plain; callers then ask the specification.  They read 16
 * bytes from the text's start, whatever its size. */
#ifndef HP_NUMBER_H
#define HP_NUMBER_H

#include <smmintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "event.h"
#include "fixed.h"

/* Text of one size with its point in one place (or none: point == size), on one scale. */
typedef struct hp_pattern {
    uint8_t zero[16];   /* byte - zero must be at most range, unsigned */
    uint8_t range[16];
    uint8_t source[16]; /* digit j of 16, most significant first, is this byte; 128 = none */
    int64_t bias;       /* a leading digit is counted from '1', which no zero can be */
    int64_t pad;
} hp_pattern_t;
HP_SIZE(hp_pattern_t, 64);

#define HP_PATTERN_TEXT 16 /* sizes and points, 0 .. 15 */

/* All patterns of one scale, by size * 16 + point. */
typedef struct hp_patterns {
    hp_pattern_t at[HP_PATTERN_TEXT * HP_PATTERN_TEXT];
} hp_patterns_t;

typedef struct hp_scale {
    const hp_patterns_t *patterns; /* outlive the scale */
    int32_t decimals;
    int32_t pad;
} hp_scale_t;

static inline void hp_pattern_set(hp_pattern_t *pattern, int size, int point, int decimals)
{
    memset(pattern, 0, sizeof *pattern);
    memset(pattern->range, 255, sizeof pattern->range);
    memset(pattern->source, 128, sizeof pattern->source);
    if (point < 1 || point > size || point == size - 1 || point + decimals > 16) {
        /* never: the first quote stands at `size`, so a quote before it or another byte there
         * cannot be */
        pattern->zero[0] = size > 0 ? '"' : 'x';
        pattern->range[0] = 0;
        return;
    }
    for (int at = 0; at < size; at++) {
        const int place = decimals + point - at - (at < point); /* power of ten */
        pattern->zero[at] = at == point ? '.' : '0';
        /* finer than the scale: zeros only */
        pattern->range[at] = at == point || place < 0 ? 0 : 9;
        if (at != point && place >= 0) pattern->source[15 - place] = (uint8_t)at;
    }
    pattern->zero[size] = '"';
    pattern->range[size] = 0;
    if (point > 1) {
        pattern->zero[0] = '1';
        pattern->range[0] = 8;
        for (pattern->bias = 1, decimals += point - 1; decimals > 0; decimals--)
            pattern->bias *= 10;
    }
}

static inline void hp_patterns_set(hp_patterns_t *patterns, int decimals)
{
    HP_ASSERT(decimals >= 0 && decimals <= HP_DECIMALS_MAX);
    for (int size = 0; size < HP_PATTERN_TEXT; size++)
        for (int point = 0; point < HP_PATTERN_TEXT; point++)
            hp_pattern_set(&patterns->at[size * HP_PATTERN_TEXT + point], size, point, decimals);
}

/* The specification: digits, or digits point digits, nothing else.  HP_DECODE_EVENT,
 * HP_DECODE_NUMBER, or HP_DECODE_FINER with the decimals that the value needs in `*needed`. */
static inline int hp_decimal_read(const char *text, size_t size, int decimals, int64_t *value,
                                  int *needed)
{
    int64_t sum = 0;
    size_t at = 0;
    int last = 0, count = 0; /* of the fraction's digits: last that is not zero, all */
    for (; at < size && text[at] >= '0' && text[at] <= '9'; at++) {
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, text[at] - '0', &sum))
            return HP_DECODE_NUMBER;
    }
    if (at == 0 || (at > 1 && text[0] == '0')) return HP_DECODE_NUMBER;
    if (at < size) {
        if (text[at] != '.' || at + 1 == size) return HP_DECODE_NUMBER;
        for (at++; at < size; at++) {
            if (text[at] < '0' || text[at] > '9') return HP_DECODE_NUMBER;
            if (count < HP_DECIMALS_MAX + 1) count++;
            if (text[at] != '0') last = count;
            if (count <= decimals && (__builtin_mul_overflow(sum, 10, &sum) ||
                                      __builtin_add_overflow(sum, text[at] - '0', &sum)))
                return HP_DECODE_NUMBER;
        }
    }
    for (; count < decimals; count++)
        if (__builtin_mul_overflow(sum, 10, &sum)) return HP_DECODE_NUMBER;
    if (last > HP_DECIMALS_MAX) return HP_DECODE_NUMBER;
    if (last > decimals) {
        *needed = last;
        return HP_DECODE_FINER;
    }
    *value = sum;
    return HP_DECODE_EVENT;
}

/* 16 bytes of 0xff, then 16 of 0: loaded at 16 - n it keeps the first n bytes. */
static const uint8_t hp_first_bytes[32] __attribute__((aligned(32), unused)) = {
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };
/* Loaded at n it moves the first n bytes to the right end and zeroes the rest. */
static const uint8_t hp_to_the_right[32] __attribute__((aligned(32), unused)) = {
    128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static inline __m128i hp_load16(const void *from) { return _mm_loadu_si128((const __m128i *)from); }

/* 16 digits a and 16 digits b, most significant first, to two 64-bit integers. */
static inline __m128i hp_digits_to_pair(__m128i a, __m128i b)
{
    const __m128i tens = _mm_set1_epi16(0x010a), hundreds = _mm_set1_epi32(0x00010064);
    const __m128i myriads = _mm_set1_epi32(0x00012710);
    a = _mm_madd_epi16(_mm_maddubs_epi16(a, tens), hundreds);
    b = _mm_madd_epi16(_mm_maddubs_epi16(b, tens), hundreds);
    __m128i eights = _mm_madd_epi16(_mm_packus_epi32(a, b), myriads);
    __m128i high = _mm_mul_epu32(eights, _mm_set1_epi64x(100000000));
    return _mm_add_epi64(high, _mm_srli_epi64(eights, 32));
}

/* A decimal in front of its closing quote, not yet judged. */
typedef struct hp_decimal {
    const hp_pattern_t *pattern;
    __m128i digits; /* 16 of them, without the bias */
    __m128i good;   /* a byte each: 0 = refused */
    unsigned size;
    unsigned point; /* where it stands; size = there is none */
} hp_decimal_t;

static inline hp_decimal_t hp_decimal_scan(const char *text, const hp_scale_t *scale)
{
    hp_decimal_t out;
    __m128i bytes = hp_load16(text);
    unsigned quote = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'))) |
                     0x8000;
    unsigned point = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')));
    out.size = (unsigned)__builtin_ctz(quote);
    point = (unsigned)__builtin_ctz(point | (quote & (0u - quote)));
    out.point = point;
    out.pattern = &scale->patterns->at[out.size * HP_PATTERN_TEXT + point];
    __m128i values = _mm_sub_epi8(bytes, hp_load16(out.pattern->zero));
    out.good = _mm_cmpeq_epi8(_mm_min_epu8(values, hp_load16(out.pattern->range)), values);
    out.digits = _mm_shuffle_epi8(values, hp_load16(out.pattern->source));
    return out;
}

/* Two decimals to two integers; 0 when either is not plain. */
static inline int hp_decimal_pair(hp_decimal_t a, hp_decimal_t b, __m128i *pair)
{
    __m128i bias = _mm_set_epi64x(b.pattern->bias, a.pattern->bias);
    *pair = _mm_add_epi64(hp_digits_to_pair(a.digits, b.digits), bias);
    return _mm_movemask_epi8(_mm_and_si128(a.good, b.good)) == 0xffff;
}

/* One decimal; 0 when it is not plain. */
static inline int hp_decimal_one(const char *text, const hp_scale_t *scale, int64_t *value)
{
    __m128i pair;
    hp_decimal_t decimal = hp_decimal_scan(text, scale);
    int good = hp_decimal_pair(decimal, decimal, &pair);
    *value = _mm_cvtsi128_si64(pair);
    return good;
}

/* A whole number and how many bytes it took, 0 = not plain.  What follows it is the caller's
 * affair. */
typedef struct hp_whole {
    __m128i digits;
    unsigned size;
} hp_whole_t;

static inline hp_whole_t hp_whole_scan(const char *text)
{
    hp_whole_t out;
    __m128i values = _mm_sub_epi8(hp_load16(text), _mm_set1_epi8('0'));
    unsigned other = (unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(_mm_max_epu8(values, _mm_set1_epi8(10)), values));
    out.size = (unsigned)__builtin_ctz(other | 0x10000);
    out.digits = _mm_shuffle_epi8(values, hp_load16(hp_to_the_right + out.size));
    if (HP_UNLIKELY(out.size == 16 || (text[0] == '0' && out.size > 1))) out.size = 0;
    return out;
}

/* Two whole numbers to two integers. */
static inline __m128i hp_whole_pair(hp_whole_t a, hp_whole_t b)
{
    return hp_digits_to_pair(a.digits, b.digits);
}

static inline int64_t hp_whole_one(hp_whole_t whole)
{
    return _mm_cvtsi128_si64(hp_whole_pair(whole, whole));
}

/* The specification of whole numbers: how many bytes were one that fits int64, 0 = none. */
static inline size_t hp_whole_read(const char *text, size_t size, int64_t *value)
{
    int64_t sum = 0;
    size_t at = 0;
    for (; at < size && text[at] >= '0' && text[at] <= '9'; at++)
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, text[at] - '0', &sum))
            return 0;
    if (at > 1 && text[0] == '0') return 0;
    *value = sum;
    return at;
}

#endif
