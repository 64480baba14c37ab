/* general.cpp - the general reader, and simdjson in one unit with it.
 *
 * Owns:    plans (a venue's tables made quick to search), the walk of one document by a plan.
 * Refuses: see general.h.  No exceptions, no allocation after open.
 *
 * Statuses are enum hp_decode; GOOD goes on, all else ends the reading. */
#include "simdjson.h"
#ifndef HP_SIMDJSON_APART /* a build may compile simdjson by itself, with other flags */
#include "simdjson.cpp"
#endif

#include <algorithm>
#include <memory>
#include <string>

#include "tokens.hpp"

namespace hp {

constexpr size_t SCRATCH_BYTES = 65536; /* of strings with escapes, per document */

struct Field {
    uint64_t word; /* first 8 bytes of the key, zero filled */
    uint64_t quoted, mask; /* the key with its closing quote; mask 0 when that is over 8 bytes */
    const char *key;
    uint8_t key_size, type, flags, slot, shape;
};

struct Shape {
    Field fields[HP_JSON_FIELDS_MAX + 2]; /* two that nothing matches, behind the last: to guess at */
    uint8_t find[256]; /* by hash of the key: index + 1, 0 = free; open addressing */
    uint64_t required, slots;
    Slice kind;
    uint32_t count, number;
    bool has_kind, has_symbol;
};

inline uint64_t key_word(const char *key, size_t size)
{
    uint64_t word;
    memcpy(&word, key, 8);
    return size >= 8 ? word : word & ((1ull << (8 * size)) - 1);
}

inline uint32_t key_hash(uint64_t word, size_t size)
{
    return static_cast<uint32_t>(((word ^ size << 56) * 0x9e3779b97f4a7c15ull) >> 56);
}

inline bool key_is(const Field &field, uint64_t word, Slice key)
{
    return field.word == word && field.key_size == key.size &&
           (key.size <= 8 || memcmp(field.key, key.text, key.size) == 0);
}

/* Is this the key of the string that starts behind `text`?  One comparison, no size needed. */
inline bool key_starts(const Field &field, const char *text)
{
    uint64_t word;
    memcpy(&word, text, 8);
    return field.mask != 0 && (word & field.mask) == field.quoted;
}

inline const Field *find(const Shape &shape, uint64_t word, Slice key)
{
    for (uint32_t h = key_hash(word, key.size); shape.find[h] != 0; h = (h + 1) & 255) {
        const Field &field = shape.fields[shape.find[h] - 1];
        if (key_is(field, word, key)) return &field;
    }
    return nullptr;
}

inline const Field *find(const Shape &base, const Shape *chosen, Slice key)
{
    uint64_t word = key_word(key.text, key.size);
    const Field *field = chosen ? find(*chosen, word, key) : nullptr;
    return field ? field : find(base, word, key);
}

inline bool waits_for_symbol(const Field &field)
{
    return field.type == HP_JSON_PRICE || field.type == HP_JSON_SIZE || field.type == HP_JSON_BIDS ||
           field.type == HP_JSON_ASKS || (field.flags & HP_JSON_LATER) != 0;
}

} // namespace hp

struct hp_json_plan {
    hp::Shape shapes[HP_JSON_SHAPES_MAX];
    uint32_t count;
};

struct hp_json_reader {
    simdjson::internal::dom_parser_implementation *index;
    char *scratch;
    size_t frame_bytes_max;
    hp_scale_t money;
    hp_patterns_t money_patterns;
};

namespace hp {

/* A key that the shape did not know when it came: to be compared with later ones, perhaps to be read
 * once the kind or the symbol is known. */
struct Other {
    Slice key;
    const uint32_t *value;
};

/* One document.  Each function takes the token at which its value starts and returns the one behind
 * it, or NULL: then `status` says why. */
struct Reading {
    Tokens tokens;
    const hp_json_plan_t *plan;
    const hp_symbols_t *symbols;
    hp_json_reader *reader;
    hp_levels_t *levels;
    hp_json_values_t *out;
    const hp_symbol_t *symbol; /* whose scales hold */
    size_t scratch_used;
    uint32_t level_count;
    int status;
    bool symbol_met, asks_first;

    const uint32_t *object(const uint32_t *at, const Shape &shape);
    const uint32_t *rows(const uint32_t *at, const Field &field);
    const uint32_t *take(const uint32_t *at, const Field &field);
    const uint32_t *text(const uint32_t *at, Slice *to);
    const uint32_t *whole(const uint32_t *at, const Field &field, int64_t *to);
    const uint32_t *decimal(const uint32_t *at, const Field &field, int64_t *to);
    const uint32_t *odd_decimal(const uint32_t *at, const Field &field, const hp_scale_t *scale, int64_t *to);
    const uint32_t *side(const uint32_t *at, bool asks);
    bool late(const Shape &base, const Shape *chosen, const Other *others, unsigned count);
    int scaled(Slice text, bool price, int64_t *to);
    const Shape *choose(const hp_json_value_t &kind);

    const uint32_t *fail(int why)
    {
        status = why;
        return nullptr;
    }

    const uint32_t *skip(const uint32_t *at) { return tokens.skip(at) ? at : fail(HP_DECODE_MALFORMED); }

    /* A value of another type than wanted, or no value.  Inside an object something always follows. */
    const uint32_t *wrong(const uint32_t *at)
    {
        return fail(tokens.skip(at) && at < tokens.end ? HP_DECODE_TYPE : HP_DECODE_MALFORMED);
    }
};

const uint32_t *Reading::text(const uint32_t *at, Slice *to)
{
    if (tokens.byte(at) != '"') return wrong(at);
    Slice s = tokens.string(at);
    if (HP_UNLIKELY(has_backslash(s))) {
        if (s.size > SCRATCH_BYTES - 64 - scratch_used) return fail(HP_DECODE_MALFORMED);
        char *into = reader->scratch + scratch_used;
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
    bool minus = *p == '-' && (field.flags & HP_JSON_SIGNED);
    p += minus;
    hp_whole_t plain = hp_whole_scan(p);
    size_t size = plain.size;
    int64_t value;
    if (HP_LIKELY(size != 0)) value = hp_whole_one(plain);
    else size = hp_whole_read(p, at[1] - static_cast<size_t>(p - tokens.text), &value);
    if (HP_UNLIKELY(size == 0 || !ends_scalar(p[size]))) {
        bool number = minus || digit(*p) || *p == '+' || *p == '-' || *p == '.' || *p == 'N' || *p == 'I';
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
    size_t kept = point ? static_cast<size_t>(point - s.text) + 1 + static_cast<size_t>(decimals) : s.size;
    if (decimals == 0 && point && kept < s.size) kept--; /* the point itself goes, too */
    for (size_t i = kept; i < s.size; i++)
        if (!digit(s.text[i]) && i != static_cast<size_t>(point - s.text)) return s;
    return kept < s.size ? Slice{s.text, kept} : s;
}

const uint32_t *Reading::odd_decimal(const uint32_t *at, const Field &field, const hp_scale_t *scale, int64_t *to)
{
    char first = tokens.byte(at);
    if (first != '"') return first == 'N' || first == 'I' ? fail(HP_DECODE_NUMBER) : wrong(at);
    Slice s = tokens.string(at);
    if (s.size == 0 && (field.flags & HP_JSON_EMPTY)) {
        *to = 0;
        return at + 1;
    }
    bool minus = s.size != 0 && *s.text == '-' && (field.flags & HP_JSON_SIGNED);
    s.text += minus, s.size -= minus;
    int why, needed;
    if ((field.flags & HP_JSON_ROUND) && scale) s = cut(s, scale->decimals);
    if (field.type != HP_JSON_MONEY) why = scaled(s, field.type == HP_JSON_PRICE, to);
    else why = hp_decimal_read(s.text, s.size, scale->decimals, to, &needed);
    if (why == HP_DECODE_FINER) why = HP_DECODE_NUMBER; /* of money: finer than it can be */
    if (why != GOOD) return fail(has_backslash(s) && unescape(s, nullptr) < 0 ? static_cast<int>(HP_DECODE_MALFORMED) : why);
    if (minus) *to = -*to;
    return at + 1;
}

inline const uint32_t *Reading::decimal(const uint32_t *at, const Field &field, int64_t *to)
{
    const hp_scale_t *scale = field.type == HP_JSON_MONEY ? &reader->money
                              : symbol == nullptr         ? nullptr
                              : field.type == HP_JSON_PRICE ? &symbol->price : &symbol->size;
    const char *p = tokens.text + *at;
    if (HP_LIKELY(scale && *p == '"' && hp_decimal_one(p + 1, scale, to))) return at + 1;
    return odd_decimal(at, field, scale, to);
}

/* [["price","size"],...] behind the levels read so far. */
inline const uint32_t *Reading::side(const uint32_t *at, bool asks)
{
    if (tokens.byte(at) != '[') return wrong(at);
    uint32_t *count = asks ? &out->ask_count : &out->bid_count;
    if (asks && out->bid_count == 0) asks_first = true;
    const uint32_t first = level_count;
    at++;
    if (at < tokens.end && tokens.byte(at) == ']') return at + 1;
    for (;;) {
        const char *t = tokens.text;
        if (tokens.end - at < 6 || t[at[0]] != '[' || t[at[1]] != '"' || t[at[2]] != ',' || t[at[3]] != '"' ||
            t[at[4]] != ']')
            return at < tokens.end ? wrong(at) : fail(HP_DECODE_MALFORMED);
        if (level_count == HP_LEVELS_MAX) return fail(HP_DECODE_LEVELS);
        hp_level_t *level = &levels->at[level_count++];
        __m128i pair;
        if (HP_LIKELY(symbol && hp_decimal_pair(hp_decimal_scan(t + at[1] + 1, &symbol->price),
                                                hp_decimal_scan(t + at[3] + 1, &symbol->size), &pair))) {
            _mm_storeu_si128(reinterpret_cast<__m128i *>(level), pair);
        } else {
            int why = scaled(tokens.string(at + 1), true, &level->price_ticks);
            if (why == GOOD) why = scaled(tokens.string(at + 3), false, &level->lots);
            if (why != GOOD) return fail(tokens.skip(at) ? why : static_cast<int>(HP_DECODE_MALFORMED));
        }
        char next = t[at[5]];
        at += 6;
        if (next == ',') continue;
        if (next != ']') return fail(HP_DECODE_MALFORMED);
        *count = level_count - first;
        return at;
    }
}

const uint32_t *Reading::rows(const uint32_t *at, const Field &field)
{
    const Shape &shape = plan->shapes[field.shape];
    if (tokens.byte(at) != '[') return wrong(at);
    at++;
    if (at < tokens.end && tokens.byte(at) == ']') return at + 1;
    for (;;) {
        if (at >= tokens.end) return fail(HP_DECODE_MALFORMED);
        if (tokens.byte(at) != '{') return wrong(at);
        if (shape.has_symbol) symbol_met = false, symbol = out->symbol = nullptr;
        if ((at = object(at, shape)) == nullptr) return nullptr;
        int why = out->row ? out->row(out->context, out, field.shape) : GOOD;
        if (why != GOOD) return fail(why);
        out->seen &= ~shape.slots;
        if (at >= tokens.end) return fail(HP_DECODE_MALFORMED);
        char next = tokens.byte(at++);
        if (next == ']') return at;
        if (next != ',') return fail(HP_DECODE_MALFORMED);
    }
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
        if (at && __builtin_mul_overflow(value->number, 1000000, &value->number)) return fail(HP_DECODE_NUMBER);
        return at;
    case HP_JSON_PRICE: case HP_JSON_SIZE: case HP_JSON_MONEY:
        return decimal(at, field, &value->number);
    case HP_JSON_BIDS: case HP_JSON_ASKS:
        return side(at, field.type == HP_JSON_ASKS);
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
            symbol_met = true;
            symbol = out->symbol = hp_symbols_find(symbols, s.text, s.size);
            if (symbol == nullptr) {
                out->symbol_unknown = 1;
                out->symbol_text = s.text, out->symbol_size = s.size;
            }
        }
        return at;
    }
    case HP_JSON_OBJECT:
        if (HP_LIKELY(tokens.byte(at) == '{')) return object(at, plan->shapes[field.shape]);
        return field.flags & HP_JSON_LOOSE ? skip(at) : wrong(at);
    case HP_JSON_ROWS:
        return rows(at, field);
    default:
        return skip(at);
    }
}

/* Fields that had to wait: first those that need no scale (the symbol may be among them). */
bool Reading::late(const Shape &base, const Shape *chosen, const Other *others, unsigned count)
{
    for (int scaled_ones = 0; scaled_ones < 2; scaled_ones++) {
        for (unsigned i = 0; i < count; i++) {
            const Field *field = find(base, chosen, others[i].key);
            if (field == nullptr || waits_for_symbol(*field) != (scaled_ones != 0)) continue;
            if (take(others[i].value, *field) == nullptr) return false;
        }
    }
    return true;
}

/* The shape that a KIND field's text names. */
inline const Shape *Reading::choose(const hp_json_value_t &kind)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const Shape &shape = plan->shapes[i];
        if (shape.kind.size == kind.size && memcmp(shape.kind.text, kind.text, kind.size) == 0) {
            out->kind = shape.number;
            return &shape;
        }
    }
    out->kind_unknown = 1;
    return nullptr;
}

/* From '{' to past its '}'. */
const uint32_t *Reading::object(const uint32_t *at, const Shape &base)
{
    Other others[HP_JSON_OTHERS_MAX];
    unsigned other_count = 0;
    bool waiting = false;
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
            if (HP_LIKELY(field && (symbol_met || !waits_for_symbol(*field)))) {
                at = take(at, *field);
                if (HP_UNLIKELY(at == nullptr)) return nullptr;
                guess = field + 1;
                if (field->type == HP_JSON_KIND) {
                    chosen = choose(out->at[field->slot]);
                    if (chosen) guess = chosen->fields;
                }
            } else {
                if (key.text == nullptr) key = tokens.string(at - 2);
                for (unsigned i = 0; i < other_count; i++)
                    if (others[i].key.size == key.size && memcmp(others[i].key.text, key.text, key.size) == 0)
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
    if (HP_UNLIKELY(waiting) && !late(base, chosen, others, other_count)) return nullptr;
    uint64_t required = base.required | (chosen ? chosen->required : 0);
    if ((out->seen & required) != required) out->missing = 1;
    return at;
}

/* Levels stand bids first, whatever came first in the text. */
inline void order_sides(Reading &r)
{
    uint32_t bids = r.out->bid_count, asks = r.out->ask_count;
    if (r.asks_first && bids != 0 && asks != 0)
        std::rotate(r.levels->at, r.levels->at + asks, r.levels->at + asks + bids);
}

int read(hp_json_reader *reader, const hp_json_plan *plan, uint32_t root, const hp_symbols_t *symbols,
         const hp_symbol_t *symbol, const char *text, size_t size, hp_levels_t *levels, hp_json_values_t *out)
{
    HP_ASSERT(root < plan->count);
    out->seen = 0;
    out->kind = 0;
    out->kind_unknown = out->symbol_unknown = out->missing = 0;
    out->finer = nullptr;
    out->symbol = symbol;
    out->symbol_text = nullptr;
    out->symbol_size = 0;
    out->price_needed = out->size_needed = 0;
    out->bid_count = out->ask_count = 0;
    if (size > reader->frame_bytes_max) return HP_DECODE_TOO_LARGE;
    auto *bytes = reinterpret_cast<const uint8_t *>(text);
    if (reader->index->stage1(bytes, size, simdjson::stage1_mode::regular) != simdjson::SUCCESS)
        return HP_DECODE_MALFORMED;
    const uint32_t *at = reader->index->structural_indexes.get();
    Reading r = {{text, at + reader->index->n_structural_indexes}, plan, symbols, reader, levels, out,
                 symbol, 0, 0, GOOD, symbol != nullptr, false};
    if (text[*at] != '{')
        return r.tokens.skip(at) && at == r.tokens.end ? HP_DECODE_TYPE : HP_DECODE_MALFORMED;
    at = r.object(at, plan->shapes[root]);
    if (at == nullptr) return r.status;
    if (at != r.tokens.end) return HP_DECODE_MALFORMED;
    if (out->kind_unknown) return HP_DECODE_UNKNOWN_KIND;
    if (out->missing) return HP_DECODE_MISSING;
    if (out->symbol_unknown) return HP_DECODE_UNKNOWN_SYMBOL;
    if (out->finer) return HP_DECODE_FINER;
    order_sides(r);
    return GOOD;
}

bool prepare(Shape &to, const hp_json_shape_t &from)
{
    if (from.count > HP_JSON_FIELDS_MAX || (from.kind && from.number == 0)) return false;
    to.count = from.count;
    to.number = from.number;
    to.kind = {from.kind, from.kind ? strlen(from.kind) : SIZE_MAX};
    for (uint32_t i = 0; i < from.count; i++) {
        const hp_json_field_t &f = from.fields[i];
        size_t size = strlen(f.key);
        char word[8] = {};
        memcpy(word, f.key, size < 8 ? size : 8);
        Field &field = to.fields[i];
        field = {0, 0, 0, f.key, static_cast<uint8_t>(size), f.type, f.flags, f.slot, f.shape};
        memcpy(&field.word, word, 8);
        if (size < 8) {
            field.quoted = field.word | static_cast<uint64_t>('"') << (8 * size);
            field.mask = size < 7 ? (1ull << (8 * size + 8)) - 1 : ~0ull;
        }
        if (size > UINT8_MAX || f.slot >= HP_JSON_SLOTS_MAX || (to.slots >> f.slot & 1)) return false;
        if (find(to, field.word, {f.key, size})) return false;
        uint32_t h = key_hash(field.word, size);
        while (to.find[h] != 0) h = (h + 1) & 255;
        to.find[h] = static_cast<uint8_t>(i + 1);
        to.slots |= 1ull << f.slot;
        if (f.flags & HP_JSON_REQUIRED) to.required |= 1ull << f.slot;
        to.has_kind = to.has_kind || f.type == HP_JSON_KIND;
        to.has_symbol = to.has_symbol || f.type == HP_JSON_SYMBOL;
    }
    return true;
}

void plan_free(hp_json_plan *plan) { free(plan); }

hp_json_plan *plan(const hp_json_shape_t *shapes, uint32_t count)
{
    if (count == 0 || count > HP_JSON_SHAPES_MAX) return nullptr;
    auto *p = static_cast<hp_json_plan *>(calloc(1, sizeof(hp_json_plan)));
    if (p == nullptr) return nullptr;
    p->count = count;
    for (uint32_t i = 0; i < count; i++)
        if (!prepare(p->shapes[i], shapes[i])) {
            free(p);
            return nullptr;
        }
    return p;
}

void close(hp_json_reader *reader)
{
    if (reader == nullptr) return;
    delete reader->index;
    free(reader->scratch);
    free(reader);
}

hp_json_reader *open(size_t frame_bytes_max)
{
    auto *reader = static_cast<hp_json_reader *>(calloc(1, sizeof(hp_json_reader)));
    if (reader == nullptr) return nullptr;
    std::unique_ptr<simdjson::internal::dom_parser_implementation> index;
    auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
        frame_bytes_max + 64, HP_JSON_DEPTH_MAX, index);
    reader->scratch = static_cast<char *>(calloc(1, SCRATCH_BYTES));
    if (error != simdjson::SUCCESS || reader->scratch == nullptr) {
        close(reader);
        return nullptr;
    }
    reader->index = index.release();
    reader->frame_bytes_max = frame_bytes_max;
    hp_patterns_set(&reader->money_patterns, HP_MONEY_DECIMALS);
    reader->money = {&reader->money_patterns, HP_MONEY_DECIMALS, 0};
    return reader;
}

const char *kernel(void)
{
    static const std::string name = simdjson::get_active_implementation()->name();
    return name.c_str();
}

} // namespace hp

extern "C" const hp_json_face_t *hp_json_face(void)
{
    static const hp_json_face_t face = {hp::plan, hp::plan_free, hp::open, hp::close, hp::read, hp::kernel};
    return &face;
}
