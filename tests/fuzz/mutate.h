/* mutate.h - changes to a text that keep it close to what a parser wants.
 *
 * Owns:    a seeded generator and the mutations: bytes, ranges, digits, values, fields, two texts
 *          mixed.
 * Refuses: knowing any message. */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FUZZ_BYTES_MAX 8192

typedef struct fuzz_text {
    size_t size;
    char at[FUZZ_BYTES_MAX];
} fuzz_text_t;

static inline uint64_t fuzz_next(uint64_t *state) /* xorshift64*: the state is never 0 */
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1dull;
}

static inline size_t fuzz_below(uint64_t *state, size_t bound)
{
    return bound ? (size_t)((fuzz_next(state) >> 32) * bound >> 32) : 0;
}

/* Put `size` bytes in the place of [from, to). */
static inline void fuzz_splice(fuzz_text_t *text, size_t from, size_t to, const char *bytes,
                               size_t size)
{
    if (from > to || to > text->size || text->size - (to - from) + size > FUZZ_BYTES_MAX) return;
    memmove(text->at + from + size, text->at + to, text->size - to);
    memcpy(text->at + from, bytes, size);
    text->size = text->size - (to - from) + size;
}

/* The n-th place at or behind `from` where one of `bytes` stands, going round; size when none does.
 * */
static inline size_t fuzz_find(const fuzz_text_t *text, size_t from, const char *bytes)
{
    for (size_t n = 0; n < text->size; n++) {
        size_t at = (from + n) % text->size;
        if (text->at[at] != 0 && strchr(bytes, text->at[at])) return at;
    }
    return text->size;
}

/* From the start of some field's key to the end of its value, roughly: up to the comma behind it.
 * */
static inline int fuzz_field(const fuzz_text_t *text, uint64_t *random, size_t *from, size_t *to)
{
    size_t colon = fuzz_find(text, fuzz_below(random, text->size), ":");
    if (colon >= text->size) return 0;
    size_t start = colon;
    while (start > 0 && text->at[start - 1] != ',' && text->at[start - 1] != '{') start--;
    size_t end = colon;
    int depth = 0;
    while (end < text->size) {
        char c = text->at[end];
        if (c == '[' || c == '{') depth++;
        if ((c == ']' || c == '}') && --depth < 0) break;
        if (c == ',' && depth == 0) break;
        end++;
    }
    *from = start;
    *to = end;
    return 1;
}

static const char *const fuzz_values[] = {
    "", "0", "1", "-1", "1.5", "1e3", "null", "true", "false", "NaN", "\"\"", "\"0\"", "\"-0.5\"",
    "\"00.1\"", "\"1.\"", "\".5\"", "\".\"", "\"1e3\"", "\"12345678901234567890\"",
    "9223372036854775807", "9223372036854775808", "9223372036855", "\"92233720368547758.1\"",
    "\"61800.25\"", "\"0.0010\"", "\"123456789012345.6\"", "\"1234567890123456\"", "\"0.00000001\"",
    "\"100000000000000\"", "[]", "{}", "[[\"1\",\"2\"]]", "[[\"1\",\"2\",\"3\"]]", "[[\"1\",2]]",
    "[[]]", "\"BTC\\u0055SDT\"", "\"ETHUSDT\"", "\"depthUpdate\"", "\"trade\"", "\"bookTicker\"",
    "\"\\ud800\"", "\"\\ud83d\\ude00\"", "\"\\x\"", "\"a\\nb\"", "\"btcusdt@depth\"",
    "\"btcusdt@trade\"", "\"!bookTicker\"", "\"MARKET\"", "\"FILLED\"", "\"TRADE\"",
    "\"site1-000108000000002a\"", "\"1000108000000002a.2b\"", "200", "400", "503", "-2011", "-1007",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "0123",
    "1723161256313 ", "1723161256313123", "9223372036854776", "99999999999999", "\xff",
};

static inline void fuzz_value(fuzz_text_t *text, uint64_t *random)
{
    const char *value = fuzz_values[fuzz_below(random, sizeof fuzz_values / sizeof fuzz_values[0])];
    size_t from, to;
    if (!fuzz_field(text, random, &from, &to)) return;
    while (from < to && text->at[from] != ':') from++;
    if (from < to) fuzz_splice(text, from + 1, to, value, strlen(value));
}

/* Numbers only: what stays a message, so that values are compared and not only refusals. */
static inline void fuzz_digits(fuzz_text_t *text, uint64_t *random)
{
    size_t at = fuzz_find(text, fuzz_below(random, text->size), "0123456789");
    if (at >= text->size) return;
    char digit = (char)('0' + fuzz_below(random, 10));
    switch (fuzz_below(random, 4)) {
    case 0: fuzz_splice(text, at, at, &digit, 1); break;
    case 1: fuzz_splice(text, at, at + 1, "", 0); break;
    default: text->at[at] = digit; break;
    }
}

/* One change.  `other` is a second text to take from. */
static inline void fuzz_mutate(fuzz_text_t *text, const fuzz_text_t *other, uint64_t *random)
{
    static const char structure[] = "\",.:[]{}0123456789eE-+ \\tfnu@!/";
    size_t at = fuzz_below(random, text->size), span = 1 + fuzz_below(random, 12), from, to;
    char byte = structure[fuzz_below(random, sizeof structure - 1)];
    if (text->size == 0) return;
    switch (fuzz_below(random, 12)) {
    case 0: text->at[at] = (char)fuzz_next(random); break;
    case 1: text->at[at] = byte; break;
    case 2: text->size = at; break;
    case 3: fuzz_splice(text, at, at + span > text->size ? text->size : at + span, "", 0); break;
    case 4: fuzz_splice(text, at, at, &byte, 1); break;
    case 5: /* a range again */
        if (at + span <= text->size) {
            char copy[16];
            memcpy(copy, text->at + at, span);
            fuzz_splice(text, at, at, copy, span);
        }
        break;
    case 6: case 7: fuzz_value(text, random); break;
    case 8: /* without a field */
        if (fuzz_field(text, random, &from, &to)) {
            if (to < text->size && text->at[to] == ',') to++;
            fuzz_splice(text, from, to, "", 0);
        }
        break;
    case 9: /* a field of the other text in some place of a field here: moved, twice, foreign */
        if (fuzz_field(text, random, &at, &to) && fuzz_field(other, random, &from, &to) &&
            to - from < 256) {
            fuzz_splice(text, at, at, ",", 1);
            fuzz_splice(text, at, at, other->at + from, to - from);
        }
        break;
    case 10: /* this head, that tail */
        from = fuzz_below(random, other->size);
        if (at + other->size - from <= FUZZ_BYTES_MAX) {
            memcpy(text->at + at, other->at + from, other->size - from);
            text->size = at + other->size - from;
        }
        break;
    default: fuzz_digits(text, random); break;
    }
}

#endif
