/* plan.hpp - a venue's tables of fields, made quick to search.
 *
 * Owns:    hp_json_plan: keys by hash and by one comparison, required slots, kinds; the check of
 *          tables.
 * Refuses: reading text (reading.hpp). */
#ifndef HP_PLAN_HPP
#define HP_PLAN_HPP

#include <stdlib.h>

#include "tokens.hpp"

namespace hp {

struct Field {
    uint64_t word; /* first 8 bytes of the key, zero filled */
    uint64_t quoted, mask; /* the key with its closing quote; mask 0 when that is over 8 bytes */
    const char *key;
    uint8_t key_size, type, flags, slot, shape;
    uint8_t waits_for; /* WAITS_ bits: what must have come before it can be read */
};

struct Shape {
    Field fields[HP_JSON_FIELDS_MAX + 2]; /* two that nothing matches behind the last: guesses */
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

constexpr uint8_t WAITS_SYMBOL = 1, WAITS_KIND = 2;

inline uint8_t waits_for(const hp_json_field_t &field)
{
    const bool symbol = field.type == HP_JSON_PRICE || field.type == HP_JSON_SIZE ||
                        field.type == HP_JSON_BIDS || field.type == HP_JSON_ASKS ||
                        (field.flags & HP_JSON_LATER) != 0;
    return static_cast<uint8_t>((symbol ? WAITS_SYMBOL : 0) |
                                (field.type == HP_JSON_CHOSEN ? WAITS_KIND : 0));
}

} // namespace hp

struct hp_json_plan {
    hp::Shape shapes[HP_JSON_SHAPES_MAX];
    const hp::Shape *kindless; /* of objects without a KIND field; may be NULL */
    uint32_t count;
};

namespace hp {

inline bool prepare(Shape &to, const hp_json_shape_t &from)
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
        field = {0, 0, 0, f.key, static_cast<uint8_t>(size), f.type, f.flags, f.slot, f.shape,
                 waits_for(f)};
        memcpy(&field.word, word, 8);
        if (size < 8) {
            field.quoted = field.word | static_cast<uint64_t>('"') << (8 * size);
            field.mask = size < 7 ? (1ull << (8 * size + 8)) - 1 : ~0ull;
        }
        if (size > UINT8_MAX || f.slot >= HP_JSON_SLOTS_MAX || (to.slots >> f.slot & 1))
            return false;
        if (find(to, field.word, {f.key, size})) return false;
        uint32_t h = key_hash(field.word, size);
        while (to.find[h] != 0) h = (h + 1) & 255;
        to.find[h] = static_cast<uint8_t>(i + 1);
        to.slots |= 1ull << f.slot;
        if (f.flags & HP_JSON_REQUIRED) to.required |= 1ull << f.slot;
        to.has_kind = to.has_kind || (f.type == HP_JSON_KIND && !(f.flags & HP_JSON_APART));
        to.has_symbol = to.has_symbol || f.type == HP_JSON_SYMBOL;
    }
    return true;
}

inline void plan_free(hp_json_plan *plan) { free(plan); }

inline hp_json_plan *plan(const hp_json_shape_t *shapes, uint32_t count)
{
    if (count == 0 || count > HP_JSON_SHAPES_MAX) return nullptr;
    auto *p = static_cast<hp_json_plan *>(calloc(1, sizeof(hp_json_plan)));
    if (p == nullptr) return nullptr;
    p->count = count;
    for (uint32_t i = 0; i < count; i++) {
        const bool kindless = shapes[i].kind && *shapes[i].kind == 0;
        if (!prepare(p->shapes[i], shapes[i]) || (kindless && p->kindless)) {
            free(p);
            return nullptr;
        }
        if (kindless) p->kindless = &p->shapes[i];
    }
    return p;
}

} // namespace hp
#endif
