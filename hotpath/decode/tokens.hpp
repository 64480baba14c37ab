/* tokens.hpp - walking a JSON text by simdjson's index of its tokens.
 *
 * Owns:    tokens, the check of values that nobody asked for, strings with escapes.
 * Refuses: fields, kinds, numbers as values.
 *
 * simdjson's first stage has checked UTF-8, control characters and that strings are closed, and
 * lists where each token starts: { } [ ] : , and the first byte of each string, number and
 * literal.  What stands between two tokens belongs to the first one, or is white space.  Everything
 * else about the grammar is checked here.
 *
 * `at` is the current token, `end` one past the last; the list goes on with entries that are safe
 * to read (the text's size), so a few tokens may be looked at before the check against `end`. */
#ifndef HP_TOKENS_HPP
#define HP_TOKENS_HPP

#include "general.h"

namespace hp {

constexpr int GOOD = HP_DECODE_EVENT;

struct Slice {
    const char *text;
    size_t size;
};

/* Not a quote: one that follows a scalar directly starts no token in simdjson's index, so nobody
 * else would see it. */
inline bool ends_scalar(char c)
{
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t' ||
           c == ':' || c == '{' || c == '[';
}

inline bool digit(char c) { return c >= '0' && c <= '9'; }

/* One past a number of the JSON grammar, or NULL. */
inline const char *past_number(const char *p)
{
    if (*p == '-') p++;
    if (!digit(*p)) return nullptr;
    if (*p == '0') p++;
    else while (digit(*p)) p++;
    if (*p == '.') {
        if (!digit(*++p)) return nullptr;
        while (digit(*p)) p++;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-') p++;
        if (!digit(*p)) return nullptr;
        while (digit(*p)) p++;
    }
    return p;
}

inline bool has_backslash(Slice s)
{
    const __m128i slash = _mm_set1_epi8('\\');
    for (size_t at = 0; at < s.size; at += 16) {
        unsigned found = static_cast<unsigned>(
            _mm_movemask_epi8(_mm_cmpeq_epi8(hp_load16(s.text + at), slash)));
        if (s.size - at < 16) found &= (1u << (s.size - at)) - 1;
        if (found) return true;
    }
    return false;
}

inline int hex4(const char *p)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int v = digit(c)               ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (v < 0) return -1;
        value = value << 4 | v;
    }
    return value;
}

inline size_t put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) { to[0] = static_cast<char>(c); return 1; }
    if (c < 0x800) {
        to[0] = static_cast<char>(0xc0 | c >> 6);
        to[1] = static_cast<char>(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = static_cast<char>(0xe0 | c >> 12);
        to[1] = static_cast<char>(0x80 | (c >> 6 & 63));
        to[2] = static_cast<char>(0x80 | (c & 63));
        return 3;
    }
    to[0] = static_cast<char>(0xf0 | c >> 18);
    to[1] = static_cast<char>(0x80 | (c >> 12 & 63));
    to[2] = static_cast<char>(0x80 | (c >> 6 & 63));
    to[3] = static_cast<char>(0x80 | (c & 63));
    return 4;
}

/* Undo escapes; never longer than the text.  Returns the size, or -1: not an escape of JSON (half a
 * surrogate pair is none).  `to` may be NULL to check only. */
inline ptrdiff_t unescape(Slice s, char *to)
{
    const char *p = s.text, *end = p + s.size;
    size_t size = 0;
    while (p < end) {
        if (*p != '\\') {
            if (to) to[size] = *p;
            size++, p++;
            continue;
        }
        if (end - p < 2) return -1;
        static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
        const char *name = static_cast<const char *>(memchr(names, p[1], 8));
        if (name) {
            if (to) to[size] = bytes[name - names];
            size++, p += 2;
            continue;
        }
        int code = p[1] == 'u' && end - p >= 6 ? hex4(p + 2) : -1;
        if (code < 0 || (code >= 0xdc00 && code < 0xe000)) return -1;
        p += 6;
        uint32_t c = static_cast<uint32_t>(code);
        if (code >= 0xd800 && code < 0xdc00) {
            int low = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2) : -1;
            if (low < 0xdc00 || low >= 0xe000) return -1;
            c = 0x10000 + ((c & 0x3ff) << 10 | (static_cast<uint32_t>(low) & 0x3ff));
            p += 6;
        }
        char utf8[4];
        size_t n = put_utf8(utf8, c);
        if (to) memcpy(to + size, utf8, n);
        size += n;
    }
    return static_cast<ptrdiff_t>(size);
}

/* Tokens of one text. */
struct Tokens {
    const char *text;
    const uint32_t *end;

    char byte(const uint32_t *at) const { return text[*at]; }

    /* What stands between the quotes of the string at `at`.  Only white space can follow the
     * closing quote before the next token. */
    Slice string(const uint32_t *at) const
    {
        const char *first = text + at[0] + 1, *last = text + at[1] - 1;
        while (HP_UNLIKELY(*last != '"')) last--;
        return {first, static_cast<size_t>(last - first)};
    }

    bool string_good(const uint32_t *at) const
    {
        Slice s = string(at);
        return !has_backslash(s) || unescape(s, nullptr) >= 0;
    }

    bool scalar_good(const uint32_t *at) const
    {
        const char *p = text + *at;
        switch (*p) {
        case 't': return memcmp(p, "true", 4) == 0 && ends_scalar(p[4]);
        case 'f': return memcmp(p, "false", 5) == 0 && ends_scalar(p[5]);
        case 'n': return memcmp(p, "null", 4) == 0 && ends_scalar(p[4]);
        default: {
            const char *q = past_number(p);
            return q && ends_scalar(*q);
        }
        }
    }

    bool key_good(const uint32_t *at) const
    {
        return end - at >= 4 && byte(at) == '"' && byte(at + 1) == ':' && string_good(at);
    }

    /* Past a value of any type, checked; false = not JSON, or too deep. */
    bool skip(const uint32_t *&at) const
    {
        uint64_t objects = 0; /* one bit a level: object or array */
        int depth = 0;
        for (;;) {
            if (at >= end) return false;
            char c = byte(at);
            if (c == '{' || c == '[') {
                if (++depth > HP_JSON_DEPTH_MAX) return false;
                objects = objects << 1 | (c == '{');
                at++;
                if (at >= end) return false;
                if (byte(at) != (c == '{' ? '}' : ']')) { /* not empty: on to its first value */
                    if (c == '{') {
                        if (!key_good(at)) return false;
                        at += 2;
                    }
                    continue;
                }
                at++, depth--, objects >>= 1;
            } else {
                /* a scalar never ends a text: what follows bounds it */
                if (end - at < 2) return false;
                if (c == '"' ? !string_good(at) : !scalar_good(at)) return false;
                at++;
            }
            for (;;) { /* behind a value */
                if (depth == 0) return true;
                if (at >= end) return false;
                c = byte(at);
                at++;
                if (c == ',') {
                    if (objects & 1) {
                        if (!key_good(at)) return false;
                        at += 2;
                    }
                    break;
                }
                if (c != (objects & 1 ? '}' : ']')) return false;
                depth--, objects >>= 1;
            }
        }
    }
};

} // namespace hp
#endif
