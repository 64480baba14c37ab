/* reading.hpp - one document, walked by a plan.
 *
 * Owns:    the order in which fields are met, read, or made to wait; values of each type; statuses.
 * Refuses: the index of tokens (simdjson's, in general.cpp), tables (plan.hpp), allocation. */
#ifndef HP_READING_HPP
#define HP_READING_HPP

#include "plan.hpp"

namespace hp {

constexpr size_t SCRATCH_BYTES = 65536; /* of strings with escapes, per document */
constexpr int64_t MICROSECONDS_FROM = 100000000000000; /* of 1973; as milliseconds, of 5138 */

/* A key that the shape did not know when it came: to be compared with later ones, perhaps to be
 * read once the kind or the symbol is known. */
struct Other {
    Slice key;
    const uint32_t *value;
};

/* One document.  Each function takes the token at which its value starts and returns the one behind
 * it, or NULL: then `status`, of enum hp_decode, says why. */
struct Reading {
    Tokens tokens;
    const hp_json_plan_t *plan;
    const hp_symbols_t *symbols;
    const hp_scale_t *money;
    char *scratch; /* SCRATCH_BYTES of it */
    hp_levels_t *levels;
    hp_json_values_t *out;
    const hp_symbol_t *symbol; /* whose scales hold */
    const Shape *apart;        /* of CHOSEN fields */
    size_t scratch_used;
    uint32_t level_count;
    int status;
    uint8_t unmet; /* WAITS_ bits: what has not come yet */
    bool asks_first;

    const uint32_t *object(const uint32_t *at, const Shape &shape);
    const uint32_t *rows(const uint32_t *at, const Shape &shape, bool loose);
    const uint32_t *handed(const uint32_t *at, const Shape &shape);
    const uint32_t *groups(const uint32_t *at, const Shape &shape);
    const uint32_t *chosen(const uint32_t *at);
    const uint32_t *take(const uint32_t *at, const Field &field);
    const uint32_t *text(const uint32_t *at, Slice *to);
    const uint32_t *whole(const uint32_t *at, const Field &field, int64_t *to);
    const uint32_t *decimal(const uint32_t *at, const Field &field, int64_t *to);
    const uint32_t *odd_decimal(const uint32_t *at, const Field &field, const hp_scale_t *scale,
                                int64_t *to);
    template <bool LOOSE> const uint32_t *side(const uint32_t *at, bool asks);
    bool late(const Shape &base, const Shape *chosen, const Other *others, unsigned count);
    int scaled(Slice text, bool price, int64_t *to);
    const Shape *choose(Slice kind);
    const Shape *kindless(const Other *others, unsigned count);

    const uint32_t *fail(int why)
    {
        status = why;
        return nullptr;
    }

    const uint32_t *skip(const uint32_t *at)
    {
        return tokens.skip(at) ? at : fail(HP_DECODE_MALFORMED);
    }

    /* A value of another type than wanted, or none.  Inside an object something always follows. */
    const uint32_t *wrong(const uint32_t *at)
    {
        return fail(tokens.skip(at) && at < tokens.end ? HP_DECODE_TYPE : HP_DECODE_MALFORMED);
    }
};

inline const uint32_t *Reading::text(const uint32_t *at, Slice *to)
{
    if (tokens.byte(at) != '"') return wrong(at);
    Slice s = tokens.string(at);
    if (HP_UNLIKELY(has_backslash(s))) {
        if (s.size > SCRATCH_BYTES - 64 - scratch_used) return fail(HP_DECODE_MALFORMED);
        char *into = scratch + scratch_used;
        ptrdiff_t size = unescape(s, into);
        if (size < 0) return fail(HP_DECODE_MALFORMED);
        s = {into, static_cast<size_t>(size)};
        scratch_used += s.size;
    }
    *to = s;
    return at + 1;
}

inline const uint32_t *Reading::whole(const uint32_t *at, const Field &field, int64_t *to)
{
    const char *p = tokens.text + *at;
    const bool quoted = (field.flags & HP_JSON_QUOTED) != 0;
    if (quoted) {
        if (*p != '"') return wrong(at);
        if (p[1] == '"' && (field.flags & HP_JSON_EMPTY)) {
            *to = 0;
            return at + 1;
        }
        p++;
    }
    bool minus = *p == '-' && (field.flags & HP_JSON_SIGNED);
    p += minus;
    hp_whole_t plain = hp_whole_scan(p);
    size_t size = plain.size;
    int64_t value;
    if (HP_LIKELY(size != 0)) value = hp_whole_one(plain);
    else size = hp_whole_read(p, at[1] - static_cast<size_t>(p - tokens.text), &value);
    if (HP_UNLIKELY(size == 0 || !(quoted ? p[size] == '"' : ends_scalar(p[size])))) {
        if (quoted) {
            Slice s = tokens.string(at);
            return fail(has_backslash(s) && unescape(s, nullptr) < 0
                            ? static_cast<int>(HP_DECODE_MALFORMED)
                            : static_cast<int>(HP_DECODE_NUMBER));
        }
        bool number = minus || digit(*p) || *p == '+' || *p == '-' || *p == '.' || *p == 'N' ||
                      *p == 'I';
        return number ? fail(HP_DECODE_NUMBER) : wrong(at);
    }
    *to = minus ? -value : value;
    return at + 1;
}

/* On the symbol's scale; without one only the text is checked. */
inline int Reading::scaled(Slice s, bool price, int64_t *to)
{
    int needed = 0, decimals = symbol ? (price ? symbol->price : symbol->size).decimals : 0;
    int why = hp_decimal_read(s.text, s.size, decimals, to, &needed);
    if (why != HP_DECODE_FINER) return why;
    *to = 0;
    if (symbol == nullptr) return GOOD;
    if (out->finer == nullptr) {
        out->finer = symbol;
        out->price_needed = symbol->price.decimals;
        out->size_needed = symbol->size.decimals;
    }
    int *most = price ? &out->price_needed : &out->size_needed;
    if (out->finer == symbol && needed > *most) *most = needed;
    return GOOD;
}

/* A decimal whose digits past the scale only inform: without them. */
inline Slice cut(Slice s, int decimals)
{
    const char *point = static_cast<const char *>(memchr(s.text, '.', s.size));
    size_t kept = point ? static_cast<size_t>(point - s.text) + 1 + static_cast<size_t>(decimals)
                        : s.size;
    if (decimals == 0 && point && kept < s.size) kept--; /* the point itself goes, too */
    for (size_t i = kept; i < s.size; i++)
        if (!digit(s.text[i]) && i != static_cast<size_t>(point - s.text)) return s;
    return kept < s.size ? Slice{s.text, kept} : s;
}

inline const uint32_t *Reading::odd_decimal(const uint32_t *at, const Field &field,
                                     const hp_scale_t *scale, int64_t *to)
{
    char first = tokens.byte(at);
    if (first != '"') return first == 'N' || first == 'I' ? fail(HP_DECODE_NUMBER) : wrong(at);
    Slice s = tokens.string(at);
    if (s.size == 0 && (field.flags & HP_JSON_EMPTY)) {
        *to = 0;
        out->at[field.slot].size = 0;
        return at + 1;
    }
    bool minus = s.size != 0 && *s.text == '-' && (field.flags & HP_JSON_SIGNED);
    s.text += minus, s.size -= minus;
    int why, needed;
    if ((field.flags & HP_JSON_ROUND) && scale) s = cut(s, scale->decimals);
    if (field.type != HP_JSON_MONEY) why = scaled(s, field.type == HP_JSON_PRICE, to);
    else why = hp_decimal_read(s.text, s.size, scale->decimals, to, &needed);
    if (why == HP_DECODE_FINER) why = HP_DECODE_NUMBER; /* of money: finer than it can be */
    if (why != GOOD)
        return fail(has_backslash(s) && unescape(s, nullptr) < 0
                        ? static_cast<int>(HP_DECODE_MALFORMED)
                        : why);
    if (minus) *to = -*to;
    return at + 1;
}

inline const uint32_t *Reading::decimal(const uint32_t *at, const Field &field, int64_t *to)
{
    const hp_scale_t *scale = field.type == HP_JSON_MONEY ? money
                              : symbol == nullptr         ? nullptr
                              : field.type == HP_JSON_PRICE ? &symbol->price : &symbol->size;
    const char *p = tokens.text + *at;
    if (HP_LIKELY(scale && *p == '"' && hp_decimal_one(p + 1, scale, to))) return at + 1;
    return odd_decimal(at, field, scale, to);
}

/* A decimal that integers do not give back: zeros behind its point's last digit. */
inline bool odd(Slice s)
{
    return s.size != 0 && s.text[s.size - 1] == '0' && memchr(s.text, '.', s.size) != nullptr;
}

/* [["price","size"],...] behind the levels read so far. */
template <bool LOOSE> inline const uint32_t *Reading::side(const uint32_t *at, bool asks)
{
    if (tokens.byte(at) != '[') return wrong(at);
    uint32_t *count = asks ? &out->ask_count : &out->bid_count;
    if (asks && out->bid_count == 0) asks_first = true;
    const uint32_t first = level_count;
    at++;
    if (at < tokens.end && tokens.byte(at) == ']') return at + 1;
    for (;;) {
        const char *t = tokens.text;
        if (tokens.end - at < 6 || t[at[0]] != '[' || t[at[1]] != '"' || t[at[2]] != ',' ||
            t[at[3]] != '"' || (!LOOSE && t[at[4]] != ']'))
            return at < tokens.end ? wrong(at) : fail(HP_DECODE_MALFORMED);
        const uint32_t *close = at + 4;
        if (LOOSE) {
            while (close < tokens.end && t[*close] == ',')
                if (!tokens.skip(++close)) return fail(HP_DECODE_MALFORMED);
            if (tokens.end - close < 2 || t[*close] != ']') return wrong(at);
        }
        if (level_count == HP_LEVELS_MAX) return fail(HP_DECODE_LEVELS);
        hp_level_t *level = &levels->at[level_count++];
        __m128i pair;
        if (HP_LIKELY(symbol &&
                      hp_decimal_pair(hp_decimal_scan(t + at[1] + 1, &symbol->price),
                                      hp_decimal_scan(t + at[3] + 1, &symbol->size), &pair))) {
            _mm_storeu_si128(reinterpret_cast<__m128i *>(level), pair);
        } else {
            int why = scaled(tokens.string(at + 1), true, &level->price_ticks);
            if (why == GOOD) why = scaled(tokens.string(at + 3), false, &level->lots);
            if (why != GOOD)
                return fail(tokens.skip(at) ? why : static_cast<int>(HP_DECODE_MALFORMED));
        }
        if (LOOSE && (odd(tokens.string(at + 1)) || odd(tokens.string(at + 3))))
            out->odd_text = 1;
        char next = t[close[1]];
        at = close + 2;
        if (next == ',') continue;
        if (next != ']') return fail(HP_DECODE_MALFORMED);
        *count = level_count - first;
        return at;
    }
}

/* Hand a row out and empty its slots. */
inline const uint32_t *Reading::handed(const uint32_t *at, const Shape &shape)
{
    int why = out->row ? out->row(out->context, out, static_cast<uint32_t>(&shape - plan->shapes))
                       : GOOD;
    if (why != GOOD) return fail(why);
    out->seen &= ~shape.slots;
    return at;
}

inline const uint32_t *Reading::rows(const uint32_t *at, const Shape &shape, bool loose)
{
    if (tokens.byte(at) != '[') return wrong(at);
    at++;
    if (at < tokens.end && tokens.byte(at) == ']') return at + 1;
    for (out->index = 0;; out->index++) {
        if (at >= tokens.end) return fail(HP_DECODE_MALFORMED);
        if (tokens.byte(at) != '{') {
            if (!loose) return wrong(at);
            if ((at = skip(at)) == nullptr) return nullptr;
        } else {
            const uint32_t index = out->index;
            if (shape.has_symbol) unmet |= WAITS_SYMBOL, symbol = out->symbol = nullptr;
            if ((at = object(at, shape)) == nullptr) return nullptr;
            out->index = index;
            if ((at = handed(at, shape)) == nullptr) return nullptr;
        }
        if (at >= tokens.end) return fail(HP_DECODE_MALFORMED);
        char next = tokens.byte(at++);
        if (next == ']') return at;
        if (next != ',') return fail(HP_DECODE_MALFORMED);
    }
}

inline const uint32_t *Reading::groups(const uint32_t *at, const Shape &shape)
{
    if (tokens.byte(at) != '[') return wrong(at);
    at++;
    if (at < tokens.end && tokens.byte(at) == ']') return at + 1;
    for (out->group = 0;; out->group++) {
        if (at >= tokens.end) return fail(HP_DECODE_MALFORMED);
        if ((at = rows(at, shape, false)) == nullptr) return nullptr;
        if (at >= tokens.end) return fail(HP_DECODE_MALFORMED);
        char next = tokens.byte(at++);
        if (next == ']') return at;
        if (next != ',') return fail(HP_DECODE_MALFORMED);
    }
}

inline const uint32_t *Reading::chosen(const uint32_t *at)
{
    if (apart == nullptr || apart->count == 0) return skip(at);
    char c = tokens.byte(at);
    return c == '{' ? object(at, *apart) : c == '[' ? rows(at, *apart, false) : wrong(at);
}

inline const uint32_t *Reading::take(const uint32_t *at, const Field &field)
{
    if (HP_UNLIKELY(out->seen >> field.slot & 1)) return fail(HP_DECODE_DUPLICATE);
    out->seen |= 1ull << field.slot;
    hp_json_value_t *value = &out->at[field.slot];
    switch (field.type) {
    case HP_JSON_WHOLE:
        return whole(at, field, &value->number);
    case HP_JSON_TIME_MS:
        at = whole(at, field, &value->number);
        if (at && __builtin_mul_overflow(value->number, 1000000, &value->number))
            return fail(HP_DECODE_NUMBER);
        return at;
    case HP_JSON_TIME:
        at = whole(at, field, &value->number);
        if (at && __builtin_mul_overflow(value->number,
                                         value->number < MICROSECONDS_FROM ? 1000000 : 1000,
                                         &value->number))
            return fail(HP_DECODE_NUMBER);
        return at;
    case HP_JSON_PRICE: case HP_JSON_SIZE: case HP_JSON_MONEY:
        value->size = 1;
        return decimal(at, field, &value->number);
    case HP_JSON_BIDS: case HP_JSON_ASKS:
        return field.flags & HP_JSON_LOOSE ? side<true>(at, field.type == HP_JSON_ASKS)
                                           : side<false>(at, field.type == HP_JSON_ASKS);
    case HP_JSON_BOOL: {
        char c = tokens.byte(at);
        if ((c != 't' && c != 'f') || !tokens.scalar_good(at)) return wrong(at);
        value->number = c == 't';
        return at + 1;
    }
    case HP_JSON_TEXT: case HP_JSON_KIND: case HP_JSON_SYMBOL: {
        Slice s;
        if (HP_UNLIKELY((field.flags & HP_JSON_LOOSE) && tokens.byte(at) != '"')) {
            value->text = nullptr, value->size = 0;
            return skip(at);
        }
        if ((at = text(at, &s)) == nullptr) return nullptr;
        value->text = s.text, value->size = s.size;
        if (field.type == HP_JSON_SYMBOL) {
            unmet &= static_cast<uint8_t>(~WAITS_SYMBOL);
            symbol = out->symbol = hp_symbols_find(symbols, s.text, s.size);
            if (symbol == nullptr) {
                out->symbol_unknown = 1;
                out->symbol_text = s.text, out->symbol_size = s.size;
            }
        }
        if (field.flags & HP_JSON_APART) {
            const void *point = memchr(s.text, '.', s.size);
            if (point) s.size = static_cast<size_t>(static_cast<const char *>(point) - s.text);
            apart = choose(s);
            unmet &= static_cast<uint8_t>(~WAITS_KIND);
        }
        return at;
    }
    case HP_JSON_OBJECT:
        if (HP_LIKELY(tokens.byte(at) == '{')) return object(at, plan->shapes[field.shape]);
        return field.flags & HP_JSON_LOOSE ? skip(at) : wrong(at);
    case HP_JSON_ROWS:
        return rows(at, plan->shapes[field.shape], (field.flags & HP_JSON_LOOSE) != 0);
    case HP_JSON_GROUPS:
        return groups(at, plan->shapes[field.shape]);
    case HP_JSON_CHOSEN:
        return chosen(at);
    default:
        return skip(at);
    }
}

/* Fields that had to wait: first those that need no scale (the symbol may be among them). */
inline bool Reading::late(const Shape &base, const Shape *chosen, const Other *others,
                          unsigned count)
{
    for (int scaled_ones = 0; scaled_ones < 2; scaled_ones++) {
        for (unsigned i = 0; i < count; i++) {
            const Field *field = find(base, chosen, others[i].key);
            if (field == nullptr) continue;
            if ((field->waits_for != 0) != (scaled_ones != 0)) continue;
            if (take(others[i].value, *field) == nullptr) return false;
        }
    }
    return true;
}

/* The shape that a KIND field's text names. */
inline const Shape *Reading::choose(Slice kind)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const Shape &shape = plan->shapes[i];
        if (shape.kind.size == kind.size && &shape != plan->kindless &&
            memcmp(shape.kind.text, kind.text, kind.size) == 0) {
            out->kind = shape.number;
            return &shape;
        }
    }
    out->kind_unknown = 1;
    return nullptr;
}

/* The shape of an object that names no kind, if it holds what this requires; else NULL. */
__attribute__((noinline, cold)) inline const Shape *Reading::kindless(const Other *others,
                                                                      unsigned count)
{
    const Shape *shape = plan->kindless;
    uint64_t held = 0;
    for (unsigned i = 0; i < count; i++) {
        const Slice key = others[i].key;
        const Field *field = find(*shape, key_word(key.text, key.size), key);
        if (field) held |= 1ull << field->slot;
    }
    if ((held & shape->required) != shape->required) return nullptr;
    out->kind = shape->number;
    return shape;
}

/* From '{' to past its '}'. */
inline const uint32_t *Reading::object(const uint32_t *at, const Shape &base)
{
    Other others[HP_JSON_OTHERS_MAX];
    unsigned other_count = 0;
    bool waiting = false, kind_met = false;
    const Shape *chosen = nullptr;      /* by a KIND field */
    const Field *guess = base.fields;   /* fields mostly come in the table's order, some left out */
    at++;
    if (at < tokens.end && tokens.byte(at) == '}') {
        at++;
    } else {
        for (;;) {
            if (tokens.end - at < 4 || tokens.byte(at) != '"' || tokens.byte(at + 1) != ':')
                return fail(HP_DECODE_MALFORMED);
            const char *starts = tokens.text + *at + 1;
            const Field *field;
            Slice key = {nullptr, 0};
            if (HP_LIKELY(key_starts(*guess, starts))) {
                field = guess;
            } else if (key_starts(guess[1], starts)) {
                field = guess + 1;
            } else {
                key = tokens.string(at);
                field = find(base, chosen, key);
                if (field == nullptr && HP_UNLIKELY(has_backslash(key))) {
                    if (text(at, &key) == nullptr) return nullptr;
                    field = find(base, chosen, key);
                }
            }
            at += 2;
            if (HP_LIKELY(field && !(field->waits_for & unmet))) {
                at = take(at, *field);
                if (HP_UNLIKELY(at == nullptr)) return nullptr;
                guess = field + 1;
                if (field->type == HP_JSON_KIND && !(field->flags & HP_JSON_APART)) {
                    const hp_json_value_t &kind = out->at[field->slot];
                    kind_met = true;
                    chosen = choose({kind.text, kind.size});
                    if (chosen) guess = chosen->fields;
                }
            } else {
                if (key.text == nullptr) key = tokens.string(at - 2);
                for (unsigned i = 0; i < other_count; i++)
                    if (others[i].key.size == key.size &&
                        memcmp(others[i].key.text, key.text, key.size) == 0)
                        return fail(HP_DECODE_DUPLICATE);
                if (other_count == HP_JSON_OTHERS_MAX) return fail(HP_DECODE_MALFORMED);
                others[other_count++] = {key, at};
                waiting = waiting || field || (base.has_kind && chosen == nullptr);
                if ((at = skip(at)) == nullptr) return nullptr;
            }
            if (at >= tokens.end) return fail(HP_DECODE_MALFORMED);
            char next = tokens.byte(at++);
            if (next == ',') continue;
            if (next != '}') return fail(HP_DECODE_MALFORMED);
            break;
        }
    }
    if (HP_UNLIKELY(base.has_kind && !kind_met && plan->kindless))
        chosen = kindless(others, other_count);
    if (HP_UNLIKELY(waiting) && !late(base, chosen, others, other_count)) return nullptr;
    uint64_t required = base.required | (chosen ? chosen->required : 0);
    if ((out->seen & required) != required) out->missing = 1;
    return at;
}

} // namespace hp
#endif
