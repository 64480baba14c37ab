/* simdjson_job.cpp - the contender: the same job, written by hand with simdjson On-Demand.
 *
 * Owns:    contender_decode, of the signature of hp_codec_t.decode, for wrapped USD-M market
 *          messages.
 * Refuses: every check that a consumer of On-Demand would not write: it trusts names, order and
 *          types as the venue sends them, reads each field once in the text's order and stops after
 *          the last.
 *
 * It is meant to be as fast as such code gets: raw strings (no copy, no unescaping), find_field in
 * order, the product's own number kernels and symbol table. */
#include "simdjson.h"
#include "simdjson.cpp"

#include "codec.h"
#include "hotpath/decode/symbols.h"
#include "simdjson_job.h"

using namespace simdjson;

struct contender {
    ondemand::parser parser;
    hp_symbols_t symbols;
    hp_scale_t money;
};

namespace {

inline const char *raw(simdjson_result<ondemand::value> value)
{
    ondemand::raw_json_string text;
    return value.get_raw_json_string().get(text) == SUCCESS ? text.raw() : nullptr;
}

inline bool pair(const char *a, const hp_scale_t *a_scale, const char *b, const hp_scale_t *b_scale,
                 int64_t *to)
{
    __m128i both;
    if (!a || !b ||
        !hp_decimal_pair(hp_decimal_scan(a, a_scale), hp_decimal_scan(b, b_scale), &both))
        return false;
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to), both);
    return true;
}

inline bool whole(ondemand::object &object, std::string_view key, uint64_t *to)
{
    return object.find_field(key).get_uint64().get(*to) == SUCCESS;
}

inline bool time(ondemand::object &object, std::string_view key, int64_t *to)
{
    uint64_t ms;
    if (object.find_field(key).get_uint64().get(ms) != SUCCESS) return false;
    *to = static_cast<int64_t>(ms) * 1000000;
    return true;
}

inline const hp_symbol_t *symbol(contender *state, ondemand::object &object)
{
    const char *text = raw(object.find_field("s"));
    if (!text) return nullptr;
    const char *end = static_cast<const char *>(memchr(text, '"', HP_SYMBOL_BYTES + 1));
    return end ? hp_symbols_find(&state->symbols, text, static_cast<size_t>(end - text)) : nullptr;
}

inline bool side(simdjson_result<ondemand::value> value, const hp_symbol_t *s, hp_level_t *&level,
                 const hp_level_t *limit)
{
    ondemand::array array;
    if (value.get_array().get(array) != SUCCESS) return false;
    for (auto item : array) {
        ondemand::array row;
        if (item.get_array().get(row) != SUCCESS || level == limit) return false;
        auto at = row.begin();
        if (at.error() != SUCCESS) return false;
        const char *price = raw(*at);
        ++at;
        const char *size = raw(*at);
        ++at;
        if (!pair(price, &s->price, size, &s->size, &level->price_ticks)) return false;
        level++;
    }
    return true;
}

inline bool depth(contender *state, ondemand::object &o, hp_event_t *event, hp_levels_t *levels)
{
    if (!time(o, "E", &event->event_ns) || !time(o, "T", &event->match_ns)) return false;
    const hp_symbol_t *s = symbol(state, o);
    if (!s || !whole(o, "U", &event->first_id) || !whole(o, "u", &event->last_id) ||
        !whole(o, "pu", &event->prev_id))
        return false;
    event->kind = HP_EVENT_DEPTH;
    event->instrument = s->instrument.id;
    hp_level_t *level = levels->at;
    const hp_level_t *limit = levels->at + HP_LEVELS_MAX;
    if (!side(o.find_field("b"), s, level, limit)) return false;
    event->bid_count = static_cast<uint32_t>(level - levels->at);
    if (!side(o.find_field("a"), s, level, limit)) return false;
    event->ask_count = static_cast<uint32_t>(level - levels->at) - event->bid_count;
    return true;
}

inline bool ticker(contender *state, ondemand::object &o, hp_event_t *event)
{
    if (!whole(o, "u", &event->last_id)) return false;
    const hp_symbol_t *s = symbol(state, o);
    if (!s) return false;
    event->kind = HP_EVENT_BOOK_TICKER;
    event->instrument = s->instrument.id;
    const char *bid = raw(o.find_field("b")), *bid_size = raw(o.find_field("B"));
    const char *ask = raw(o.find_field("a")), *ask_size = raw(o.find_field("A"));
    return pair(bid, &s->price, bid_size, &s->size, &event->body.top.bid_ticks) &&
           pair(ask, &s->price, ask_size, &s->size, &event->body.top.ask_ticks) &&
           time(o, "T", &event->match_ns) && time(o, "E", &event->event_ns);
}

inline bool maker(ondemand::object &o, hp_event_t *event)
{
    bool is_maker;
    if (o.find_field("m").get_bool().get(is_maker) != SUCCESS) return false;
    event->flags = is_maker ? HP_EVENT_BUYER_MAKER : 0;
    return true;
}

inline bool trade(contender *state, ondemand::object &o, hp_event_t *event)
{
    if (!time(o, "E", &event->event_ns) || !time(o, "T", &event->match_ns)) return false;
    const hp_symbol_t *s = symbol(state, o);
    if (!s || !whole(o, "t", &event->body.trade.trade_id)) return false;
    event->kind = HP_EVENT_TRADE;
    event->instrument = s->instrument.id;
    const char *price = raw(o.find_field("p")), *size = raw(o.find_field("q"));
    return pair(price, &s->price, size, &s->size, &event->body.trade.price_ticks) &&
           raw(o.find_field("X")) && maker(o, event);
}

inline bool aggregate(contender *state, ondemand::object &o, hp_event_t *event)
{
    if (!time(o, "E", &event->event_ns) || !whole(o, "a", &event->body.trade.trade_id))
        return false;
    const hp_symbol_t *s = symbol(state, o);
    if (!s) return false;
    event->kind = HP_EVENT_AGG_TRADE;
    event->instrument = s->instrument.id;
    const char *price = raw(o.find_field("p")), *size = raw(o.find_field("q"));
    return pair(price, &s->price, size, &s->size, &event->body.trade.price_ticks) &&
           whole(o, "f", &event->first_id) && whole(o, "l", &event->last_id) &&
           time(o, "T", &event->match_ns) && maker(o, event);
}

inline bool mark(contender *state, ondemand::object &o, hp_event_t *event)
{
    if (!time(o, "E", &event->event_ns)) return false;
    const hp_symbol_t *s = symbol(state, o);
    if (!s) return false;
    event->kind = HP_EVENT_MARK_PRICE;
    event->instrument = s->instrument.id;
    hp_event_mark_t *body = &event->body.mark;
    const char *price = raw(o.find_field("p")), *index = raw(o.find_field("i"));
    const char *settle = raw(o.find_field("P")), *funding = raw(o.find_field("r"));
    bool minus = funding && *funding == '-';
    if (!pair(price, &state->money, index, &state->money, &body->mark_e8) ||
        !pair(settle, &state->money, funding + minus, &state->money, &body->settle_e8))
        return false;
    if (minus) body->funding_e8 = -body->funding_e8;
    body->has = HP_MARK_ALL;
    return time(o, "T", &body->next_funding_ns);
}

} // namespace

extern "C" contender_t *contender_open(void)
{
    auto *state = new (std::nothrow) contender();
    if (state == nullptr) return nullptr;
    state->money = hp_symbols_scale(&state->symbols, HP_MONEY_DECIMALS);
    if (state->parser.allocate(HP_FRAME_BYTES_MAX) == SUCCESS) return state;
    delete state;
    return nullptr;
}

extern "C" void contender_close(contender_t *state) { delete state; }

extern "C" int contender_put_instrument(void *opaque, const hp_instrument_t *instrument)
{
    return hp_symbols_put(&static_cast<contender *>(opaque)->symbols, instrument) != nullptr;
}

extern "C" int contender_decode(void *opaque, const char *data, size_t size, hp_event_t *event,
                                hp_levels_t *levels)
{
    auto *state = static_cast<contender *>(opaque);
    ondemand::document document;
    ondemand::object frame, object;
    ondemand::raw_json_string kind;
    if (state->parser.iterate(data, size, size + HP_FRAME_PAD_BYTES).get(document) != SUCCESS ||
        document.get_object().get(frame) != SUCCESS ||
        frame.find_field("data").get_object().get(object) != SUCCESS ||
        object.find_field("e").get_raw_json_string().get(kind) != SUCCESS)
        return HP_DECODE_MALFORMED;
    memset(event, 0, sizeof *event);
    bool good;
    if (kind.unsafe_is_equal("bookTicker")) good = ticker(state, object, event);
    else if (kind.unsafe_is_equal("trade")) good = trade(state, object, event);
    else if (kind.unsafe_is_equal("depthUpdate")) good = depth(state, object, event, levels);
    else if (kind.unsafe_is_equal("aggTrade")) good = aggregate(state, object, event);
    else if (kind.unsafe_is_equal("markPriceUpdate")) good = mark(state, object, event);
    else return HP_DECODE_UNKNOWN_KIND;
    return good ? HP_DECODE_EVENT : HP_DECODE_MALFORMED;
}
