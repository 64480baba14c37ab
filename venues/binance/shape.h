/* shape.h - the fast reader: combined-stream messages of exactly the shapes that the venue sends.
 *
 * Owns:    a walk that checks every byte of the market messages; binance_decode_by, which asks the
 *          general reader about everything else; the market half of the function table.
 * Refuses: deciding what a message means: whatever is accepted here, schema.h reads alike (tests
 *          hold them to it, byte for byte).
 *
 * The scanners are written once for all members of the family.  `who` is a constant where they are
 * called, so each member's are compiled for it alone, without a branch on it:
 *
 *   futures  "E","T","s","ps",...,"st"    ps and st since 2026 or not at all; times in ms
 *   COIN-M   its ticker has "u" before "e"; its mark price mostly has no index
 *   spot     no "T" and "pu" in depth, no "e" and no time in tickers, "M" at the end of trades;
 *            times in ms or, where the stream was asked so, in us */
#ifndef BINANCE_SHAPE_H
#define BINANCE_SHAPE_H

#include "venues/binance/schema.h"
#include "venues/binance/walk.h"

/* Each of these stands behind the head, at the first value.  1 = an event, 0 = not this shape: then
 * the event is as it was. */

BINANCE_SCAN int binance_scan_depth(enum binance_member who, binance_stream_t *stream,
                                    const hp_symbol_t *symbol, const char *p, const char *end,
                                    hp_event_t *event, hp_levels_t *levels)
{
    uint8_t *guess = stream->guess;
    hp_whole_t event_time = binance_time(who, p), match_time = event_time, previous;
    HP_STEP(event_time.size, guess);
    if (who != BINANCE_SPOT) {
        HP_EXPECT(",\"T\":");
        match_time = binance_time(who, p);
        HP_STEP(match_time.size, guess + 1);
    }
    if (HP_UNLIKELY((p = binance_symbol(who, p, end, stream)) == NULL || p >= end)) return 0;
    HP_EXPECT(",\"U\":");
    hp_whole_t first = hp_whole_scan(p);
    HP_STEP(first.size, guess + 2);
    HP_EXPECT(",\"u\":");
    hp_whole_t last = hp_whole_scan(p);
    HP_STEP(last.size, guess + 3);
    if (who != BINANCE_SPOT) {
        HP_EXPECT(",\"pu\":");
        previous = hp_whole_scan(p);
        HP_STEP(previous.size, guess + 4);
    }
    HP_EXPECT(",\"b\":[");
    hp_level_t *level = levels->at;
    const hp_level_t *limit = levels->at + HP_LEVELS_MAX;
    if (HP_UNLIKELY((p = hp_side_scan(p, end, symbol, &level, limit)) == NULL || p >= end))
        return 0;
    const uint32_t bids = (uint32_t)(level - levels->at);
    HP_EXPECT(",\"a\":[");
    p = hp_side_scan(p, end, symbol, &level, limit);
    if (HP_UNLIKELY(p == NULL || !binance_tail(who, p, end))) return 0;
    int64_t first_ns, second_ns;
    if (HP_UNLIKELY(!binance_times(who, event_time, match_time, &first_ns, &second_ns))) return 0;
    hp_market_clear(event, HP_EVENT_DEPTH, symbol->instrument.id);
    binance_store(&event->first_id, hp_whole_pair(first, last));
    if (who != BINANCE_SPOT) event->prev_id = (uint64_t)hp_whole_one(previous);
    event->bid_count = bids;
    event->ask_count = (uint32_t)(level - levels->at) - bids;
    event->event_ns = first_ns;
    if (who != BINANCE_SPOT) event->match_ns = second_ns;
    return 1;
}

BINANCE_SCAN int binance_scan_ticker(enum binance_member who, binance_stream_t *stream,
                                     const hp_symbol_t *symbol, const char *p, const char *end,
                                     hp_event_t *event)
{
    __m128i best_bid, best_ask;
    hp_whole_t match_time, event_time;
    uint8_t *guess = stream->guess;
    hp_whole_t last = hp_whole_scan(p);
    HP_STEP(last.size, guess);
    if (who == BINANCE_COINM) {
        HP_EXPECT(",\"e\":\"bookT");
        HP_EXPECT("icker\"");
        if (HP_UNLIKELY(p >= end)) return 0;
    }
    if (HP_UNLIKELY((p = binance_symbol(who, p, end, stream)) == NULL || p >= end)) return 0;
    HP_EXPECT(",\"b\":\"");
    hp_decimal_t bid = hp_decimal_scan(p, &symbol->price);
    HP_STEP(bid.size, guess + 1);
    HP_EXPECT("\",\"B\":\"");
    hp_decimal_t bid_size = hp_decimal_scan(p, &symbol->size);
    HP_STEP(bid_size.size, guess + 2);
    HP_EXPECT("\",\"a\":\"");
    hp_decimal_t ask = hp_decimal_scan(p, &symbol->price);
    HP_STEP(ask.size, guess + 3);
    HP_EXPECT("\",\"A\":\"");
    hp_decimal_t ask_size = hp_decimal_scan(p, &symbol->size);
    HP_STEP(ask_size.size, guess + 4);
    if (who != BINANCE_SPOT) {
        HP_EXPECT("\",\"T\":");
        match_time = binance_time(who, p);
        HP_STEP(match_time.size, guess + 5);
        HP_EXPECT(",\"E\":");
        event_time = binance_time(who, p);
        HP_STEP(event_time.size, guess + 6);
    } else {
        HP_EXPECT("\"");
    }
    int good = hp_decimal_pair(bid, bid_size, &best_bid) &
               hp_decimal_pair(ask, ask_size, &best_ask);
    if (HP_UNLIKELY(!good || !binance_tail(who, p, end))) return 0;
    int64_t first_ns = 0, second_ns = 0;
    if (who != BINANCE_SPOT &&
        HP_UNLIKELY(!binance_times(who, event_time, match_time, &first_ns, &second_ns)))
        return 0;
    hp_market_clear(event, HP_EVENT_BOOK_TICKER, symbol->instrument.id);
    event->last_id = (uint64_t)hp_whole_one(last);
    binance_store(&event->body.top.bid_ticks, best_bid);
    binance_store(&event->body.top.ask_ticks, best_ask);
    event->event_ns = first_ns;
    event->match_ns = second_ns;
    return 1;
}

BINANCE_SCAN int binance_scan_aggregate(enum binance_member who, binance_stream_t *stream,
                                        const hp_symbol_t *symbol, const char *p, const char *end,
                                        hp_event_t *event)
{
    __m128i dealt;
    uint8_t *guess = stream->guess, flags;
    hp_whole_t event_time = binance_time(who, p);
    HP_STEP(event_time.size, guess);
    if (who == BINANCE_SPOT &&
        HP_UNLIKELY((p = binance_symbol(who, p, end, stream)) == NULL || p >= end))
        return 0;
    HP_EXPECT(",\"a\":");
    hp_whole_t trade = hp_whole_scan(p);
    HP_STEP(trade.size, guess + 1);
    if (who != BINANCE_SPOT &&
        HP_UNLIKELY((p = binance_symbol(who, p, end, stream)) == NULL || p >= end))
        return 0;
    HP_EXPECT(",\"p\":\"");
    hp_decimal_t price = hp_decimal_scan(p, &symbol->price);
    HP_STEP(price.size, guess + 2);
    HP_EXPECT("\",\"q\":\"");
    hp_decimal_t size = hp_decimal_scan(p, &symbol->size);
    HP_STEP(size.size, guess + 3);
    HP_EXPECT("\",\"f\":");
    hp_whole_t first = hp_whole_scan(p);
    HP_STEP(first.size, guess + 4);
    HP_EXPECT(",\"l\":");
    hp_whole_t last = hp_whole_scan(p);
    HP_STEP(last.size, guess + 5);
    HP_EXPECT(",\"T\":");
    hp_whole_t match_time = binance_time(who, p);
    HP_STEP(match_time.size, guess + 6);
    HP_EXPECT(",\"m\":");
    p = binance_last_flags(who, p, &flags);
    if (HP_UNLIKELY(p == NULL || !binance_tail(who, p, end))) return 0;
    if (HP_UNLIKELY(!hp_decimal_pair(price, size, &dealt))) return 0;
    int64_t first_ns, second_ns;
    if (HP_UNLIKELY(!binance_times(who, event_time, match_time, &first_ns, &second_ns))) return 0;
    hp_market_clear(event, HP_EVENT_AGG_TRADE, symbol->instrument.id);
    event->flags = flags;
    binance_store(&event->first_id, hp_whole_pair(first, last));
    binance_store(&event->body.trade.price_ticks, dealt);
    event->body.trade.trade_id = (uint64_t)hp_whole_one(trade);
    event->event_ns = first_ns;
    event->match_ns = second_ns;
    return 1;
}

BINANCE_SCAN int binance_scan_trade(enum binance_member who, binance_stream_t *stream,
                                    const hp_symbol_t *symbol, const char *p, const char *end,
                                    hp_event_t *event)
{
    __m128i dealt;
    uint8_t *guess = stream->guess, flags;
    hp_whole_t event_time = binance_time(who, p), match_time;
    HP_STEP(event_time.size, guess);
    if (who != BINANCE_SPOT) {
        HP_EXPECT(",\"T\":");
        match_time = binance_time(who, p);
        HP_STEP(match_time.size, guess + 1);
    }
    if (HP_UNLIKELY((p = binance_symbol(who, p, end, stream)) == NULL || p >= end)) return 0;
    HP_EXPECT(",\"t\":");
    hp_whole_t trade = hp_whole_scan(p);
    HP_STEP(trade.size, guess + 2);
    HP_EXPECT(",\"p\":\"");
    hp_decimal_t price = hp_decimal_scan(p, &symbol->price);
    HP_STEP(price.size, guess + 3);
    HP_EXPECT("\",\"q\":\"");
    hp_decimal_t size = hp_decimal_scan(p, &symbol->size);
    HP_STEP(size.size, guess + 4);
    if (who != BINANCE_SPOT) {
        HP_EXPECT("\",\"X\":\"");
        if (HP_LIKELY(hp_literal(p, "MARKET", 6))) p += 6;
        while (p < end && ((*p >= 'A' && *p <= 'Z') || *p == '_')) p++; /* INSURANCE_FUND, NA */
        if (HP_UNLIKELY(p >= end)) return 0;
    } else {
        HP_EXPECT("\",\"T\":");
        match_time = binance_time(who, p);
        HP_STEP(match_time.size, guess + 1);
    }
    if (who != BINANCE_SPOT) HP_EXPECT("\",\"m\":");
    else HP_EXPECT(",\"m\":");
    p = binance_last_flags(who, p, &flags);
    if (HP_UNLIKELY(p == NULL || !binance_tail(who, p, end))) return 0;
    if (HP_UNLIKELY(!hp_decimal_pair(price, size, &dealt))) return 0;
    int64_t first_ns, second_ns;
    if (HP_UNLIKELY(!binance_times(who, event_time, match_time, &first_ns, &second_ns))) return 0;
    hp_market_clear(event, HP_EVENT_TRADE, symbol->instrument.id);
    event->flags = flags;
    binance_store(&event->body.trade.price_ticks, dealt);
    event->body.trade.trade_id = (uint64_t)hp_whole_one(trade);
    event->event_ns = first_ns;
    event->match_ns = second_ns;
    return 1;
}

BINANCE_SCAN int binance_scan_mark(enum binance_member who, binance_stream_t *stream,
                                   const hp_symbol_t *symbol, const hp_scale_t *money,
                                   const char *p, const char *end, hp_event_t *event)
{
    __m128i prices, rates;
    uint8_t *guess = stream->guess;
    hp_whole_t event_time = binance_time(who, p);
    HP_STEP(event_time.size, guess);
    if (HP_UNLIKELY((p = binance_symbol(who, p, end, stream)) == NULL || p >= end)) return 0;
    HP_EXPECT(",\"p\":\"");
    hp_decimal_t mark = hp_decimal_scan(p, money), index = mark;
    HP_STEP(mark.size, guess + 1);
    const int indexed = who != BINANCE_COINM || hp_literal(p, "\",\"i\":\"", 7);
    if (indexed) {
        HP_EXPECT("\",\"i\":\"");
        index = hp_decimal_scan(p, money);
        HP_STEP(index.size, guess + 2);
    }
    HP_EXPECT("\",\"P\":\"");
    hp_decimal_t settle = hp_decimal_scan(p, money);
    HP_STEP(settle.size, guess + 3);
    HP_EXPECT("\",\"r\":\"");
    const int minus = *p == '-';
    p += minus;
    hp_decimal_t funding = hp_decimal_scan(p, money);
    HP_STEP(funding.size, guess + 4);
    HP_EXPECT("\",\"T\":");
    hp_whole_t next_time = binance_time(who, p);
    HP_STEP(next_time.size, guess + 5);
    int good = hp_decimal_pair(mark, index, &prices) & hp_decimal_pair(settle, funding, &rates);
    if (HP_UNLIKELY(!good || !binance_tail(who, p, end))) return 0;
    int64_t first_ns, second_ns;
    if (HP_UNLIKELY(!binance_times(who, event_time, next_time, &first_ns, &second_ns))) return 0;
    hp_market_clear(event, HP_EVENT_MARK_PRICE, symbol->instrument.id);
    binance_store(&event->body.mark.mark_e8, prices);
    event->body.mark.has = HP_MARK_ALL;
    if (!indexed) {
        event->body.mark.index_e8 = 0;
        event->body.mark.has = HP_MARK_ALL & ~HP_MARK_INDEX;
    }
    event->body.mark.settle_e8 = binance_low(rates);
    event->body.mark.funding_e8 = minus ? -binance_high(rates) : binance_high(rates);
    event->event_ns = first_ns;
    event->body.mark.next_funding_ns = second_ns;
    return 1;
}

/* 1 = an event, 0 = ask the general reader. */
BINANCE_SCAN int binance_scan_by(enum binance_member who, binance_state_t *state, const char *data,
                                 size_t size, hp_event_t *event, hp_levels_t *levels)
{
    if (HP_UNLIKELY(size < BINANCE_FRAME_BYTES_MIN || size > HP_FRAME_BYTES_MAX)) return 0;
    binance_stream_t *stream = binance_find_stream(state, data);
    if (HP_UNLIKELY(stream == NULL)) return 0;
    const hp_symbol_t *symbol = &state->market.symbols.at[stream->at];
    const char *p = data + stream->head_size, *end = data + size;
    switch (stream->kind) {
    case HP_EVENT_BOOK_TICKER: return binance_scan_ticker(who, stream, symbol, p, end, event);
    case HP_EVENT_TRADE: return binance_scan_trade(who, stream, symbol, p, end, event);
    case HP_EVENT_DEPTH: return binance_scan_depth(who, stream, symbol, p, end, event, levels);
    case HP_EVENT_AGG_TRADE: return binance_scan_aggregate(who, stream, symbol, p, end, event);
    default:
        if (who == BINANCE_SPOT) return 0;
        return binance_scan_mark(who, stream, symbol, &state->market.money, p, end, event);
    }
}

BINANCE_SCAN int binance_decode_by(enum binance_member who, void *opaque, const char *data,
                                   size_t size, hp_event_t *event, hp_levels_t *levels)
{
    binance_state_t *state = (binance_state_t *)opaque;
    int status = binance_scan_by(who, state, data, size, event, levels);
    if (HP_UNLIKELY(status == 0)) {
        status = binance_decode_general(opaque, data, size, event, levels);
        if (status == HP_DECODE_EVENT) {
            event->flags |= HP_EVENT_FALLBACK;
            state->market.fallback_count++;
        }
    }
    state->market.status_count[status]++;
    return status;
}

/* The market half; the member puts in its decode, and its orders where it has them. */
static inline void binance_table(binance_state_t *state, hp_codec_t *table)
{
    hp_market_table(&state->market, table, state->words->name, state->words->sequence_rule);
    table->decode_general = binance_decode_general;
    table->decode_snapshot = binance_decode_snapshot;
    table->put_instrument = binance_put_instrument;
}

#endif
