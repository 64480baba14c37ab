/* schema.h - the market messages of OKX v5 as tables, and what their fields mean.
 *
 * Owns:    the field tables of the general reader; values -> events.
 * Refuses: bytes (hotpath/decode/general.cpp reads them), the fast path (shape.h).
 *
 * Frames: {"arg":{"channel":C,"instId":S},"action":A,"data":[{...},...]}; {"event":...} answers to
 * subscriptions, errors and notices; the text pong.  Numbers stand in quotes, ids and checksum do
 * not.  A frame of trades holds one event for each; a book's holds one, and a second in it is
 * refused.  Of the book channels only the one that the books follow gives events: two feeds of one
 * book would overwrite each other.
 *
 * Ids: 0 where the venue sends none (2022).  Checksum 0 is how it says none (2026). */
#ifndef OKX_SCHEMA_H
#define OKX_SCHEMA_H

#include "state.h"

enum okx_slot {
    OKX_SLOT_ARG, OKX_SLOT_CHANNEL, OKX_SLOT_SYMBOL, OKX_SLOT_ACTION, OKX_SLOT_DATA,
    OKX_SLOT_EVENT, OKX_SLOT_OP,
    OKX_SLOT_ASKS, OKX_SLOT_BIDS, OKX_SLOT_TS, OKX_SLOT_CHECKSUM, OKX_SLOT_PREVIOUS, OKX_SLOT_SEQ,
    OKX_SLOT_ROW_SYMBOL, OKX_SLOT_TRADE, OKX_SLOT_PRICE, OKX_SLOT_SIZE, OKX_SLOT_SIDE,
    OKX_SLOT_COUNT, OKX_SLOT_RATE, OKX_SLOT_FUNDING, OKX_SLOT_MARK
};

#define OKX_FIELD(key, type, flags, slot) { key, type, flags, slot, 0 }
#define OKX_MUST(key, type, flags, slot) OKX_FIELD(key, type, (flags) | HP_JSON_REQUIRED, slot)
#define OKX_COUNT_OF(table) ((uint32_t)(sizeof(table) / sizeof((table)[0])))
#define OKX_TS OKX_MUST("ts", HP_JSON_TIME_MS, HP_JSON_QUOTED, OKX_SLOT_TS)

static const hp_json_field_t okx_frame_fields[] = {
    { "arg", HP_JSON_OBJECT, 0, OKX_SLOT_ARG, 1 },
    OKX_FIELD("action", HP_JSON_TEXT, 0, OKX_SLOT_ACTION),
    OKX_FIELD("data", HP_JSON_CHOSEN, HP_JSON_LATER, OKX_SLOT_DATA),
    OKX_FIELD("event", HP_JSON_TEXT, 0, OKX_SLOT_EVENT),
    OKX_FIELD("op", HP_JSON_TEXT, 0, OKX_SLOT_OP),
};
static const hp_json_field_t okx_arg_fields[] = {
    OKX_MUST("channel", HP_JSON_KIND, HP_JSON_APART, OKX_SLOT_CHANNEL),
    OKX_FIELD("instId", HP_JSON_SYMBOL, 0, OKX_SLOT_SYMBOL),
};
static const hp_json_field_t okx_depth_fields[] = {
    OKX_MUST("asks", HP_JSON_ASKS, HP_JSON_LOOSE, OKX_SLOT_ASKS),
    OKX_MUST("bids", HP_JSON_BIDS, HP_JSON_LOOSE, OKX_SLOT_BIDS),
    OKX_FIELD("instId", HP_JSON_TEXT, 0, OKX_SLOT_ROW_SYMBOL),
    OKX_TS,
    OKX_FIELD("checksum", HP_JSON_WHOLE, HP_JSON_SIGNED, OKX_SLOT_CHECKSUM),
    OKX_FIELD("prevSeqId", HP_JSON_WHOLE, HP_JSON_SIGNED, OKX_SLOT_PREVIOUS),
    OKX_FIELD("seqId", HP_JSON_WHOLE, 0, OKX_SLOT_SEQ),
};
static const hp_json_field_t okx_trade_fields[] = {
    OKX_MUST("instId", HP_JSON_TEXT, 0, OKX_SLOT_ROW_SYMBOL),
    OKX_MUST("tradeId", HP_JSON_WHOLE, HP_JSON_QUOTED, OKX_SLOT_TRADE),
    OKX_MUST("px", HP_JSON_PRICE, 0, OKX_SLOT_PRICE),
    OKX_MUST("sz", HP_JSON_SIZE, 0, OKX_SLOT_SIZE),
    OKX_MUST("side", HP_JSON_TEXT, 0, OKX_SLOT_SIDE),
    OKX_TS,
    OKX_FIELD("count", HP_JSON_WHOLE, HP_JSON_QUOTED, OKX_SLOT_COUNT),
};
static const hp_json_field_t okx_funding_fields[] = {
    OKX_MUST("instId", HP_JSON_TEXT, 0, OKX_SLOT_ROW_SYMBOL),
    /* more decimals than 1e-8 are usual, and only inform */
    OKX_MUST("fundingRate", HP_JSON_MONEY, HP_JSON_SIGNED | HP_JSON_ROUND, OKX_SLOT_RATE),
    OKX_MUST("fundingTime", HP_JSON_TIME_MS, HP_JSON_QUOTED, OKX_SLOT_FUNDING),
    OKX_FIELD("ts", HP_JSON_TIME_MS, HP_JSON_QUOTED, OKX_SLOT_TS),
};
static const hp_json_field_t okx_mark_fields[] = {
    OKX_MUST("instId", HP_JSON_TEXT, 0, OKX_SLOT_ROW_SYMBOL),
    OKX_MUST("markPx", HP_JSON_MONEY, HP_JSON_ROUND, OKX_SLOT_MARK),
    OKX_TS,
};

#define OKX_SHAPE(kind, table, number) { kind, table, OKX_COUNT_OF(table), number }
static const hp_json_shape_t okx_shapes[] = {
    OKX_SHAPE(NULL, okx_frame_fields, 0),
    OKX_SHAPE(NULL, okx_arg_fields, 0),
    OKX_SHAPE("books", okx_depth_fields, OKX_BOOKS),
    OKX_SHAPE("books-l2-tbt", okx_depth_fields, OKX_BOOKS_L2),
    OKX_SHAPE("books50-l2-tbt", okx_depth_fields, OKX_BOOKS_50),
    OKX_SHAPE("books5", okx_depth_fields, OKX_BOOKS_5),
    OKX_SHAPE("bbo-tbt", okx_depth_fields, OKX_BBO),
    OKX_SHAPE("trades", okx_trade_fields, OKX_TRADES),
    OKX_SHAPE("trades-all", okx_trade_fields, OKX_TRADES_ALL),
    OKX_SHAPE("funding-rate", okx_funding_fields, OKX_FUNDING),
    OKX_SHAPE("mark-price", okx_mark_fields, OKX_MARK),
};

/* The summing up of a book event: levels' scale, ids, checksum. */
static inline void okx_fill_depth(hp_event_t *event, const hp_symbol_t *symbol, uint32_t bid_count,
                                  uint32_t ask_count, int64_t seq, int64_t previous,
                                  int64_t checksum, int odd_text)
{
    event->bid_count = bid_count;
    event->ask_count = ask_count;
    event->last_id = (uint64_t)seq;
    event->prev_id = event->kind == HP_EVENT_DEPTH ? (uint64_t)previous : 0;
    if (checksum == 0) return;
    event->body.depth.has_checksum = HP_CHECKSUM_TOP25;
    event->body.depth.checksum = (uint32_t)checksum;
    event->body.depth.price_decimals = symbol->instrument.price_decimals;
    event->body.depth.size_decimals = symbol->instrument.size_decimals;
    event->body.depth.odd_text = (uint8_t)odd_text;
}

static inline void okx_fill_trade(hp_event_t *event, int64_t time_ns, int64_t trade, int64_t count,
                                  int is_sell)
{
    event->flags = is_sell ? HP_EVENT_BUYER_MAKER : 0;
    event->event_ns = event->match_ns = time_ns;
    event->body.trade.trade_id = (uint64_t)trade;
    if (event->kind != HP_EVENT_AGG_TRADE) return;
    event->first_id = (uint64_t)(trade - count + 1); /* tradeId is the last one's */
    event->last_id = (uint64_t)trade;
}

#define OKX_VALUE(slot) v->at[slot].number

static inline int okx_row_depth(okx_state_t *state, hp_json_values_t *v)
{
    hp_market_t *m = &state->market;
    if (m->more_count != 0) return HP_DECODE_LEVELS;
    const int seq = hp_json_seen(v, OKX_SLOT_SEQ), previous = hp_json_seen(v, OKX_SLOT_PREVIOUS);
    int64_t checksum = hp_json_seen(v, OKX_SLOT_CHECKSUM) ? OKX_VALUE(OKX_SLOT_CHECKSUM) : 0;
    if (checksum != (int32_t)checksum) return HP_DECODE_NUMBER;
    hp_event_t *event = hp_market_more(m, HP_EVENT_SNAPSHOT, v->symbol->instrument.id);
    event->event_ns = OKX_VALUE(OKX_SLOT_TS);
    if (v->kind == OKX_BBO) {
        event->kind = HP_EVENT_BOOK_TICKER;
        event->last_id = seq ? (uint64_t)OKX_VALUE(OKX_SLOT_SEQ) : 0;
        return v->bid_count > 1 || v->ask_count > 1 ? HP_DECODE_LEVELS : HP_DECODE_EVENT;
    }
    if (v->kind != OKX_BOOKS_5) {
        /* the frame says it, perhaps behind this; until then an update has the stricter rule */
        event->kind = HP_EVENT_DEPTH;
        if (seq != previous) return HP_DECODE_MISSING;
    }
    okx_fill_depth(event, v->symbol, v->bid_count, v->ask_count,
                   seq ? OKX_VALUE(OKX_SLOT_SEQ) : 0, previous ? OKX_VALUE(OKX_SLOT_PREVIOUS) : 0,
                   checksum, v->odd_text);
    return HP_DECODE_EVENT;
}

static inline int okx_row_trade(okx_state_t *state, hp_json_values_t *v)
{
    const int counted = hp_json_seen(v, OKX_SLOT_COUNT);
    const int is_sell = hp_json_is(&v->at[OKX_SLOT_SIDE], "sell", 4);
    if (!is_sell && !hp_json_is(&v->at[OKX_SLOT_SIDE], "buy", 3)) return HP_DECODE_TYPE;
    hp_event_t *event =
        hp_market_more(&state->market, counted ? HP_EVENT_AGG_TRADE : HP_EVENT_TRADE,
                       v->symbol->instrument.id);
    if (event == NULL) return HP_DECODE_LEVELS;
    event->body.trade.price_ticks = OKX_VALUE(OKX_SLOT_PRICE);
    event->body.trade.lots = OKX_VALUE(OKX_SLOT_SIZE);
    okx_fill_trade(event, OKX_VALUE(OKX_SLOT_TS), OKX_VALUE(OKX_SLOT_TRADE),
                   counted ? OKX_VALUE(OKX_SLOT_COUNT) : 1, is_sell);
    return HP_DECODE_EVENT;
}

static inline int okx_row_mark(okx_state_t *state, hp_json_values_t *v)
{
    hp_event_t *event =
        hp_market_more(&state->market, HP_EVENT_MARK_PRICE, v->symbol->instrument.id);
    if (event == NULL) return HP_DECODE_LEVELS;
    event->event_ns = hp_json_seen(v, OKX_SLOT_TS) ? OKX_VALUE(OKX_SLOT_TS) : 0;
    if (v->kind == OKX_MARK) {
        event->body.mark.mark_e8 = OKX_VALUE(OKX_SLOT_MARK);
        event->body.mark.has = HP_MARK_PRICE;
    } else {
        event->body.mark.funding_e8 = OKX_VALUE(OKX_SLOT_RATE);
        event->body.mark.next_funding_ns = OKX_VALUE(OKX_SLOT_FUNDING);
        event->body.mark.has = HP_MARK_FUNDING | HP_MARK_NEXT_FUNDING;
    }
    return HP_DECODE_EVENT;
}

/* One object of "data". */
static inline int okx_row(void *opaque, hp_json_values_t *v, uint32_t shape)
{
    okx_state_t *state = (okx_state_t *)opaque;
    (void)shape;
    if (v->symbol == NULL || v->missing || v->finer != NULL) return HP_DECODE_EVENT; /* said later */
    if (hp_json_seen(v, OKX_SLOT_ROW_SYMBOL)) {
        const hp_instrument_t *i = &v->symbol->instrument;
        if (!hp_json_is(&v->at[OKX_SLOT_ROW_SYMBOL], i->symbol, i->symbol_length))
            return HP_DECODE_TYPE;
    }
    switch (v->kind) {
    case OKX_TRADES: case OKX_TRADES_ALL: return okx_row_trade(state, v);
    case OKX_FUNDING: case OKX_MARK: return okx_row_mark(state, v);
    default: return okx_row_depth(state, v);
    }
}

/* What the frame says about its one book event: action, and the best levels of a bbo. */
static inline int okx_finish_depth(const hp_json_values_t *v, hp_event_t *event,
                                   const hp_levels_t *levels)
{
    if (v->kind == OKX_BBO) {
        hp_market_top(event, v->bid_count ? levels->at : NULL,
                      v->ask_count ? levels->at + v->bid_count : NULL);
        return HP_DECODE_EVENT;
    }
    if (v->kind == OKX_BOOKS_5) return HP_DECODE_EVENT;
    if (!hp_json_seen(v, OKX_SLOT_ACTION)) return HP_DECODE_MISSING;
    if (hp_json_is(&v->at[OKX_SLOT_ACTION], "update", 6)) return HP_DECODE_EVENT;
    if (!hp_json_is(&v->at[OKX_SLOT_ACTION], "snapshot", 8)) return HP_DECODE_TYPE;
    event->kind = HP_EVENT_SNAPSHOT;
    event->prev_id = 0;
    return HP_DECODE_EVENT;
}

/* The specification. */
static inline int okx_decode_general(void *opaque, const char *data, size_t size,
                                     hp_event_t *event, hp_levels_t *levels)
{
    okx_state_t *state = (okx_state_t *)opaque;
    hp_market_t *m = &state->market;
    hp_json_values_t *v = &m->values;
    if (size == 4 && memcmp(data, "pong", 4) == 0) return HP_DECODE_CONTROL;
    const int status = hp_market_read(m, okx_row, data, size, levels);
    const int is_read = status == HP_DECODE_EVENT || status == HP_DECODE_UNKNOWN_KIND ||
                        status == HP_DECODE_MISSING || status == HP_DECODE_UNKNOWN_SYMBOL;
    if (is_read && (hp_json_seen(v, OKX_SLOT_EVENT) || hp_json_seen(v, OKX_SLOT_OP)))
        return HP_DECODE_CONTROL;
    if (status != HP_DECODE_EVENT) return hp_market_refuse(m, status);
    if (!hp_json_seen(v, OKX_SLOT_ARG) || !hp_json_seen(v, OKX_SLOT_SYMBOL) ||
        !hp_json_seen(v, OKX_SLOT_DATA))
        return HP_DECODE_MISSING;
    if (okx_is_depth(v->kind) && v->kind != state->book) return HP_DECODE_UNKNOWN_KIND;
    /* an object instead of the array leaves its own fields behind */
    if (hp_json_seen(v, OKX_SLOT_TS) || hp_json_seen(v, OKX_SLOT_RATE)) return HP_DECODE_TYPE;
    if (m->more_count == 0) return HP_DECODE_CONTROL; /* nothing happened */
    if (v->kind <= OKX_BBO) {
        const int good = okx_finish_depth(v, &m->more[0], levels);
        if (good != HP_DECODE_EVENT) return good;
    }
    hp_market_next(m, event);
    return HP_DECODE_EVENT;
}
#undef OKX_VALUE

#endif
