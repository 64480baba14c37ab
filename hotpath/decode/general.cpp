/* general.cpp - the general reader, and simdjson in one unit with it.
 *
 * Owns:    plans (a venue's tables made quick to search), the walk of one document by a plan.
 * Refuses: see general.h.  No exceptions, no allocation after open.
 *
 * Statuses are enum hp_decode; GOOD goes on, all else ends the reading. */
#include "simdjson.h"
#include "simdjson.cpp"

#include <algorithm>
#include <memory>
#include <string>

#include "tokens.hpp"

namespace hp {

constexpr size_t SCRATCH_BYTES = 65536; /* of strings with escapes, per document */

struct Field {
    uint64_t word; /* first 8 bytes of the key, zero filled */
    const char *key;
    uint8_t key_size, type, flags, slot, shape;
};

struct Shape {
    Field fields[HP_JSON_FIELDS_MAX];
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

inline const Field *find(const Shape &shape, uint64_t word, Slice key)
{
    for (uint32_t h = key_hash(word, key.size); shape.find[h] != 0; h = (h + 1) & 255) {
        const Field &field = shape.fields[shape.find[h] - 1];
        if (key_is(field, word, key)) return &field;
    }
    return nullptr;
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
};

namespace hp {

/* A key that the shape did not know when it came: to be compared with later ones, perhaps to be read
 * once the kind or the symbol is known. */
struct Other {
    Slice key;
    const uint32_t *value;
};

struct Reading {
    Tokens tokens;
    const hp_json_plan *plan;
    const hp_symbols_t *symbols;
    hp_json_reader *reader;
    hp_levels_t *levels;
    hp_json_values_t *out;
    const hp_symbol_t *symbol; /* whose scales hold */
    size_t scratch_used;
    uint32_t level_count;
    bool symbol_met, asks_first;

    int object(const uint32_t *&at, const Shape &shape);
    int rows(const uint32_t *&at, const Field &field);
    int take(const uint32_t *&at, const Field &field);
    int late(const Shape &base, const Shape *chosen, const Other *others, unsigned count);
    int text(const uint32_t *&at, Slice *to);
    int whole(const uint32_t *&at, const Field &field, int64_t *to);
    int decimal(const uint32_t *&at, const Field &field, int64_t *to);
    int side(const uint32_t *&at, bool asks);
    int scaled(Slice text, bool price, int64_t *to);

    /* A value of another type than wanted, or no value. */
    int wrong(const uint32_t *at) const { return tokens.skip(at) ? HP_DECODE_TYPE : HP_DECODE_MALFORMED; }
    bool empty(const Field &field) const { return (out->seen >> field.slot & 1) == 0; }
};

inline int Reading::text(const uint32_t *&at, Slice *to)
{
    if (tokens.byte(at) != '"') return wrong(at);
    Slice s = tokens.string(at++);
    if (HP_UNLIKELY(has_backslash(s))) {
        if (s.size > SCRATCH_BYTES - 64 - scratch_used) return HP_DECODE_MALFORMED;
        char *into = reader->scratch + scratch_used;
        ptrdiff_t size = unescape(s, into);
        if (size < 0) return HP_DECODE_MALFORMED;
        s = {into, static_cast<size_t>(size)};
        scratch_used += s.size;
    }
    *to = s;
    return GOOD;
}

inline int Reading::whole(const uint32_t *&at, const Field &field, int64_t *to)
{
    const char *p = tokens.text + *at;
    bool minus = *p == '-' && (field.flags & HP_JSON_SIGNED);
    p += minus;
    __m128i digits;
    size_t size = hp_whole_digits(p, &digits);
    if (HP_LIKELY(size != 0)) {
        *to = _mm_cvtsi128_si64(hp_digits_to_pair(digits, digits));
    } else {
        size = hp_whole_read(p, at[1] - static_cast<size_t>(p - tokens.text), to);
    }
    if (HP_UNLIKELY(size == 0 || !ends_scalar(p[size]))) {
        if (digit(*p) || (*p != 0 && strchr("+-.NI", *p))) return HP_DECODE_NUMBER;
        return minus ? HP_DECODE_NUMBER : wrong(at);
    }
    if (minus) *to = -*to;
    at++;
    return GOOD;
}

/* On the symbol's scale; without one only the text is checked. */
inline int Reading::scaled(Slice s, bool price, int64_t *to)
{
    int needed = 0, decimals = symbol ? (price ? symbol->price : symbol->size).decimals : 0;
    int status = hp_decimal_read(s.text, s.size, decimals, to, &needed);
    if (status != HP_DECODE_FINER) return status;
    *to = 0;
    if (symbol == nullptr) return GOOD;
    int *most = price ? &out->price_needed : &out->size_needed;
    if (needed > *most) *most = needed;
    out->finer = 1;
    return GOOD;
}

int Reading::decimal(const uint32_t *&at, const Field &field, int64_t *to)
{
    char first = tokens.byte(at);
    if (HP_UNLIKELY(first != '"')) return first == 'N' || first == 'I' ? HP_DECODE_NUMBER : wrong(at);
    Slice s = tokens.string(at);
    if (s.size == 0 && (field.flags & HP_JSON_EMPTY)) {
        *to = 0;
        at++;
        return GOOD;
    }
    bool minus = s.size != 0 && *s.text == '-' && (field.flags & HP_JSON_SIGNED);
    s.text += minus, s.size -= minus;
    const hp_scale_t *scale = field.type == HP_JSON_MONEY ? &reader->money
                              : symbol == nullptr         ? nullptr
                              : field.type == HP_JSON_PRICE ? &symbol->price : &symbol->size;
    __m128i digits;
    int status = GOOD;
    if (HP_LIKELY(scale && hp_decimal_digits(s.text, scale, &digits))) {
        *to = _mm_cvtsi128_si64(hp_digits_to_pair(digits, digits));
    } else if (field.type != HP_JSON_MONEY) {
        status = scaled(s, field.type == HP_JSON_PRICE, to);
    } else {
        int needed;
        status = hp_decimal_read(s.text, s.size, HP_MONEY_DECIMALS, to, &needed);
        if ((field.flags & HP_JSON_ROUND) && (status == HP_DECODE_FINER || status == HP_DECODE_NUMBER)) {
            const char *point = static_cast<const char *>(memchr(s.text, '.', s.size));
            size_t kept = point ? static_cast<size_t>(point - s.text) + 1 + HP_MONEY_DECIMALS : s.size;
            bool digits_only = kept < s.size;
            for (size_t i = kept; i < s.size; i++) digits_only = digits_only && digit(s.text[i]);
            if (digits_only) status = hp_decimal_read(s.text, kept, HP_MONEY_DECIMALS, to, &needed);
        }
        if (status == HP_DECODE_FINER) status = HP_DECODE_NUMBER;
    }
    if (status != GOOD) return has_backslash(s) && unescape(s, nullptr) < 0 ? HP_DECODE_MALFORMED : status;
    if (minus) *to = -*to;
    at++;
    return GOOD;
}

/* [["price","size"],...] behind the levels read so far. */
int Reading::side(const uint32_t *&at, bool asks)
{
    if (tokens.byte(at) != '[') return wrong(at);
    uint32_t *count = asks ? &out->ask_count : &out->bid_count;
    if (asks && !(out->bid_count)) asks_first = true;
    const uint32_t first = level_count;
    at++;
    if (at < tokens.end && tokens.byte(at) == ']') {
        at++;
        return GOOD;
    }
    for (;;) {
        const char *t = tokens.text;
        if (tokens.end - at < 6 || t[at[0]] != '[' || t[at[1]] != '"' || t[at[2]] != ',' || t[at[3]] != '"' ||
            t[at[4]] != ']')
            return at < tokens.end ? wrong(at) : HP_DECODE_MALFORMED;
        if (level_count == HP_LEVELS_MAX) return HP_DECODE_LEVELS;
        hp_level_t *level = &levels->at[level_count++];
        __m128i price, size;
        if (HP_LIKELY(symbol && hp_decimal_digits(t + at[1] + 1, &symbol->price, &price) &&
                      hp_decimal_digits(t + at[3] + 1, &symbol->size, &size))) {
            _mm_storeu_si128(reinterpret_cast<__m128i *>(level), hp_digits_to_pair(price, size));
        } else {
            Slice a = tokens.string(at + 1), b = tokens.string(at + 3);
            int status = scaled(a, true, &level->price_ticks);
            if (status == GOOD) status = scaled(b, false, &level->lots);
            if (status != GOOD) return tokens.skip(at) ? status : HP_DECODE_MALFORMED;
        }
        char next = t[at[5]];
        at += 6;
        if (next == ',') continue;
        if (next != ']') return HP_DECODE_MALFORMED;
        *count = level_count - first;
        return GOOD;
    }
}

int Reading::rows(const uint32_t *&at, const Field &field)
{
    const Shape &shape = plan->shapes[field.shape];
    if (tokens.byte(at) != '[') return wrong(at);
    at++;
    if (at < tokens.end && tokens.byte(at) == ']') {
        at++;
        return GOOD;
    }
    for (;;) {
        if (at >= tokens.end) return HP_DECODE_MALFORMED;
        if (tokens.byte(at) != '{') return wrong(at);
        if (shape.has_symbol) symbol_met = false, symbol = out->symbol = nullptr;
        int status = object(at, shape);
        if (status == GOOD && out->row) status = out->row(out->context, out, field.shape);
        if (status != GOOD) return status;
        out->seen &= ~shape.slots;
        if (at >= tokens.end) return HP_DECODE_MALFORMED;
        char next = tokens.byte(at++);
        if (next == ']') return GOOD;
        if (next != ',') return HP_DECODE_MALFORMED;
    }
}

int Reading::take(const uint32_t *&at, const Field &field)
{
    if (HP_UNLIKELY(!empty(field))) return HP_DECODE_DUPLICATE;
    out->seen |= 1ull << field.slot;
    hp_json_value_t *value = &out->at[field.slot];
    int status;
    switch (field.type) {
    case HP_JSON_WHOLE:
        return whole(at, field, &value->number);
    case HP_JSON_TIME_MS:
        status = whole(at, field, &value->number);
        if (status == GOOD && __builtin_mul_overflow(value->number, 1000000, &value->number)) return HP_DECODE_NUMBER;
        return status;
    case HP_JSON_PRICE: case HP_JSON_SIZE: case HP_JSON_MONEY:
        return decimal(at, field, &value->number);
    case HP_JSON_BIDS: case HP_JSON_ASKS:
        return side(at, field.type == HP_JSON_ASKS);
    case HP_JSON_BOOL: {
        char c = tokens.byte(at);
        if ((c != 't' && c != 'f') || !tokens.scalar_good(at)) return wrong(at);
        value->number = c == 't';
        at++;
        return GOOD;
    }
    case HP_JSON_TEXT: case HP_JSON_KIND: case HP_JSON_SYMBOL: {
        Slice s;
        status = text(at, &s);
        if (status != GOOD) return status;
        value->text = s.text, value->size = s.size;
        if (field.type == HP_JSON_SYMBOL) {
            symbol_met = true;
            symbol = out->symbol = hp_symbols_find(symbols, s.text, s.size);
            if (symbol == nullptr) {
                out->symbol_unknown = 1;
                out->symbol_text = s.text, out->symbol_size = s.size;
            }
        }
        return GOOD;
    }
    case HP_JSON_OBJECT:
        return tokens.byte(at) == '{' ? object(at, plan->shapes[field.shape]) : wrong(at);
    case HP_JSON_ROWS:
        return rows(at, field);
    default:
        return tokens.skip(at) ? GOOD : static_cast<int>(HP_DECODE_MALFORMED);
    }
}

/* Fields that had to wait: first those that need no scale (the symbol may be among them). */
int Reading::late(const Shape &base, const Shape *chosen, const Other *others, unsigned count)
{
    for (int scaled_ones = 0; scaled_ones < 2; scaled_ones++) {
        for (unsigned i = 0; i < count; i++) {
            Slice key = others[i].key;
            uint64_t word = key_word(key.text, key.size);
            const Field *field = chosen ? find(*chosen, word, key) : nullptr;
            if (field == nullptr) field = find(base, word, key);
            if (field == nullptr || waits_for_symbol(*field) != (scaled_ones != 0)) continue;
            const uint32_t *at = others[i].value;
            int status = take(at, *field);
            if (status != GOOD) return status;
        }
    }
    return GOOD;
}

/* From '{' to past its '}'. */
int Reading::object(const uint32_t *&at, const Shape &base)
{
    Other others[HP_JSON_OTHERS_MAX];
    unsigned other_count = 0;
    bool waiting = false;
    const Shape *chosen = nullptr;      /* by a KIND field */
    const Field *guess = base.fields;   /* fields mostly come in the table's order */
    const Field *guess_end = base.fields + base.count;
    at++;
    if (at < tokens.end && tokens.byte(at) == '}') {
        at++;
    } else {
        for (;;) {
            if (tokens.end - at < 4 || tokens.byte(at) != '"' || tokens.byte(at + 1) != ':')
                return HP_DECODE_MALFORMED;
            Slice key = tokens.string(at);
            uint64_t word = key_word(key.text, key.size);
            at += 2;
            const Field *field = guess;
            if (!(guess < guess_end && key_is(*guess, word, key))) {
                field = chosen ? find(*chosen, word, key) : nullptr;
                if (field == nullptr) field = find(base, word, key);
            }
            if (field == nullptr && HP_UNLIKELY(has_backslash(key))) {
                const uint32_t *again = at - 2;
                int status = text(again, &key);
                if (status != GOOD) return status;
                word = key_word(key.text, key.size);
                field = chosen ? find(*chosen, word, key) : nullptr;
                if (field == nullptr) field = find(base, word, key);
            }
            if (HP_LIKELY(field && (symbol_met || !waits_for_symbol(*field)))) {
                int status = take(at, *field);
                if (HP_UNLIKELY(status != GOOD)) return status;
                guess = field + 1;
                if (field->type == HP_JSON_KIND) {
                    const hp_json_value_t &kind = out->at[field->slot];
                    for (uint32_t i = 0; i < plan->count && chosen == nullptr; i++) {
                        const Slice &name = plan->shapes[i].kind;
                        if (name.size == kind.size && memcmp(name.text, kind.text, name.size) == 0)
                            chosen = &plan->shapes[i];
                    }
                    if (chosen == nullptr) {
                        out->kind_unknown = 1;
                    } else {
                        out->kind = chosen->number;
                        guess = chosen->fields, guess_end = chosen->fields + chosen->count;
                    }
                }
            } else {
                for (unsigned i = 0; i < other_count; i++)
                    if (others[i].key.size == key.size && memcmp(others[i].key.text, key.text, key.size) == 0)
                        return HP_DECODE_DUPLICATE;
                if (other_count == HP_JSON_OTHERS_MAX) return HP_DECODE_MALFORMED;
                others[other_count++] = {key, at};
                waiting = waiting || field || (base.has_kind && chosen == nullptr);
                if (!tokens.skip(at)) return HP_DECODE_MALFORMED;
            }
            if (at >= tokens.end) return HP_DECODE_MALFORMED;
            char next = tokens.byte(at++);
            if (next == '}') break;
            if (next != ',') return HP_DECODE_MALFORMED;
        }
    }
    if (HP_UNLIKELY(waiting)) {
        int status = late(base, chosen, others, other_count);
        if (status != GOOD) return status;
    }
    uint64_t required = base.required | (chosen ? chosen->required : 0);
    if ((out->seen & required) != required) out->missing = 1;
    return GOOD;
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
    out->kind_unknown = out->symbol_unknown = out->missing = out->finer = 0;
    out->symbol = symbol;
    out->symbol_text = nullptr;
    out->symbol_size = 0;
    out->price_needed = symbol ? symbol->price.decimals : 0;
    out->size_needed = symbol ? symbol->size.decimals : 0;
    out->bid_count = out->ask_count = 0;
    if (size > reader->frame_bytes_max) return HP_DECODE_TOO_LARGE;
    auto *bytes = reinterpret_cast<const uint8_t *>(text);
    if (reader->index->stage1(bytes, size, simdjson::stage1_mode::regular) != simdjson::SUCCESS)
        return HP_DECODE_MALFORMED;
    const uint32_t *at = reader->index->structural_indexes.get();
    Reading r = {{text, at + reader->index->n_structural_indexes}, plan, symbols, reader, levels, out,
                 symbol, 0, 0, symbol != nullptr, false};
    if (text[*at] != '{') {
        return r.tokens.skip(at) && at == r.tokens.end ? HP_DECODE_TYPE : HP_DECODE_MALFORMED;
    }
    int status = r.object(at, plan->shapes[root]);
    if (status != GOOD) return status;
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
        field = {0, f.key, static_cast<uint8_t>(size), f.type, f.flags, f.slot, f.shape};
        memcpy(&field.word, word, 8);
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
    hp_scale_set(&reader->money, HP_MONEY_DECIMALS);
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
