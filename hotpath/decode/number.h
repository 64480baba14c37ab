/* number.h - decimal text to scaled integers, exactly.
 *
 * Owns:    hp_decimal_read (the specification, any length) and the 16-byte kernels that agree with it:
 *          one load finds the end, the point and every bad byte; one shuffle puts digits on the scale.
 * Refuses: signs, exponents, leading zeros, floats, rounding.  A digit finer than the scale is never
 *          dropped: the answer is HP_DECODE_FINER and the decimals that the value needs.
 *
 * The kernels answer "not mine" (0) for anything but the plain case; callers then ask the
 * specification.  They read 16 bytes from the text's start, whatever its size. */
#ifndef HP_NUMBER_H
#define HP_NUMBER_H

#include <smmintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "event.h"
#include "fixed.h"

/* How text lands on a scale.  Written at start, read by every kernel. */
typedef struct hp_scale {
    int8_t  source[16]; /* output digit j of 16 is text byte source[j] + (bytes before the point) */
    int32_t decimals;
    int32_t pad[3];
} hp_scale_t;
HP_SIZE(hp_scale_t, 32);

static inline void hp_scale_set(hp_scale_t *scale, int decimals)
{
    HP_ASSERT(decimals >= 0 && decimals <= HP_DECIMALS_MAX);
    memset(scale, 0, sizeof *scale);
    scale->decimals = decimals;
    for (int j = 0; j < 16; j++) /* one more past the point: the point itself is no digit */
        scale->source[j] = (int8_t)(j - 16 + decimals + (j > 15 - decimals));
}

/* The specification: digits, or digits point digits, nothing else.  HP_DECODE_EVENT, HP_DECODE_NUMBER,
 * or HP_DECODE_FINER with the decimals that the value needs in `*needed`. */
static inline int hp_decimal_read(const char *text, size_t size, int decimals, int64_t *value, int *needed)
{
    int64_t sum = 0;
    size_t at = 0;
    int last = 0, count = 0; /* of the fraction's digits: last that is not zero, all */
    for (; at < size && text[at] >= '0' && text[at] <= '9'; at++) {
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, text[at] - '0', &sum))
            return HP_DECODE_NUMBER;
    }
    if (at == 0 || (at > 1 && text[0] == '0')) return HP_DECODE_NUMBER;
    if (at < size) {
        if (text[at] != '.' || at + 1 == size) return HP_DECODE_NUMBER;
        for (at++; at < size; at++) {
            if (text[at] < '0' || text[at] > '9') return HP_DECODE_NUMBER;
            if (count < HP_DECIMALS_MAX + 1) count++;
            if (text[at] != '0') last = count;
            if (count <= decimals &&
                (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, text[at] - '0', &sum)))
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

/* A decimal that a quote ends, as 16 digits on `scale`.  Returns its size, or 0: not plain. */
static inline unsigned hp_decimal_digits(const char *text, const hp_scale_t *scale, __m128i *digits)
{
    __m128i bytes = hp_load16(text);
    __m128i values = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    unsigned other = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(values, _mm_set1_epi8(10)), values));
    unsigned quote = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
    unsigned point = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')));
    unsigned zeros = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(values, _mm_setzero_si128()));
    if (HP_UNLIKELY(quote == 0)) return 0;
    unsigned size = (unsigned)__builtin_ctz(quote);
    unsigned inside = (1u << size) - 1;
    point &= inside;
    unsigned whole = (unsigned)__builtin_ctz(point | 1u << size); /* digits before the point */
    unsigned finer = (unsigned)((uint64_t)(inside & ~zeros & ~point) >> (whole + 1 + (unsigned)scale->decimals));
    unsigned bad = ((other & inside) ^ point)           /* a byte that is neither digit nor point */
                   | (point & (point - 1))              /* two points */
                   | (point & ~(inside >> 1))           /* a point at the end */
                   | (unsigned)(whole == 0)
                   | (zeros & (unsigned)(whole > 1))    /* a zero in front */
                   | (unsigned)(whole + (unsigned)scale->decimals > 16)
                   | finer;
    if (HP_UNLIKELY(bad)) return 0;
    values = _mm_and_si128(values, hp_load16(hp_first_bytes + 16 - size));
    __m128i source = _mm_add_epi8(hp_load16(scale->source), _mm_set1_epi8((char)whole));
    /* below 0 and above 15 become "no byte"; 0..15 keep their low four bits */
    *digits = _mm_shuffle_epi8(values, _mm_adds_epu8(source, _mm_set1_epi8(0x70)));
    return size;
}

/* A whole number, as 16 digits.  Returns its size, or 0: not plain.  What follows is the caller's. */
static inline unsigned hp_whole_digits(const char *text, __m128i *digits)
{
    __m128i values = _mm_sub_epi8(hp_load16(text), _mm_set1_epi8('0'));
    unsigned other = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(values, _mm_set1_epi8(10)), values));
    if (HP_UNLIKELY(other == 0)) return 0;
    unsigned size = (unsigned)__builtin_ctz(other);
    if (HP_UNLIKELY(text[0] == '0' && size > 1)) return 0;
    *digits = _mm_shuffle_epi8(values, hp_load16(hp_to_the_right + size));
    return size;
}

/* The specification of whole numbers: how many bytes were one that fits int64, 0 = none. */
static inline size_t hp_whole_read(const char *text, size_t size, int64_t *value)
{
    int64_t sum = 0;
    size_t at = 0;
    for (; at < size && text[at] >= '0' && text[at] <= '9'; at++)
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, text[at] - '0', &sum))
            return 0;
    if (at > 1 && text[0] == '0') return 0;
    *value = sum;
    return at;
}

#endif
