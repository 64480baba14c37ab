/* general.cpp - the general reader's face, and simdjson in one unit with it.
 *
 * Owns:    the reader: token index, scratch; one document from its index to its last status.
 * Refuses: see general.h.  No exceptions, no allocation after open. */
#include "simdjson.h"
#ifndef HP_SIMDJSON_APART /* a build may compile simdjson by itself, with other flags */
#include "simdjson.cpp"
#endif

#include <algorithm>
#include <memory>
#include <string>

#include "reading.hpp"

struct hp_json_reader {
    simdjson::internal::dom_parser_implementation *index;
    char *scratch;
    size_t frame_bytes_max;
    hp_scale_t money;
    hp_patterns_t money_patterns;
};

namespace hp {

/* Levels stand bids first, whatever came first in the text. */
inline void order_sides(Reading &r)
{
    uint32_t bids = r.out->bid_count, asks = r.out->ask_count;
    if (r.asks_first && bids != 0 && asks != 0)
        std::rotate(r.levels->at, r.levels->at + asks, r.levels->at + asks + bids);
}

int read(hp_json_reader *reader, const hp_json_plan *plan, uint32_t root,
         const hp_symbols_t *symbols, const hp_symbol_t *symbol, const char *text, size_t size,
         hp_levels_t *levels, hp_json_values_t *out)
{
    HP_ASSERT(root < plan->count);
    out->seen = 0;
    out->kind = 0;
    out->kind_unknown = out->symbol_unknown = out->missing = out->odd_text = 0;
    out->group = out->index = 0;
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
    const uint8_t unmet = symbol == nullptr ? WAITS_SYMBOL | WAITS_KIND : WAITS_KIND;
    Reading r = {{text, at + reader->index->n_structural_indexes}, plan, symbols, &reader->money,
                 reader->scratch, levels, out, symbol, nullptr, 0, 0, GOOD, unmet, false};
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
    static const hp_json_face_t face = { hp::plan,  hp::plan_free, hp::open,
                                         hp::close, hp::read,      hp::kernel };
    return &face;
}
