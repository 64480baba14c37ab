/* reports.h - what the venue says about orders: answers of its session, events of its user stream.
 *
 * Owns:    their field tables and what they mean as hp_report_t.
 * Refuses: order states (hotpath/order), speed: these frames are rare, the general reader takes
 *          them all.
 *
 * Answers:  {"id":OURS,"status":200,"result":{...}} or {"id":OURS,"status":4xx,"error":{"code":C}}.
 * Events:   {"e":KIND,...}, bare or as "data" of a combined stream.
 *
 * Fills are ORDER_TRADE_UPDATE only.  TRADE_LITE comes earlier and says the same trade without fee,
 * position side and cumulative size; as later copies of a trade are dropped by its id, taking the
 * lite one would lose those.  It is CONTROL.
 *
 * An unknown symbol refuses a frame about an order (the instrument must be put, then the frame can
 * be read again).  In ACCOUNT_UPDATE one unknown position must not hide the others: it is reported
 * as foreign, of instrument 0. */
#ifndef USDM_REPORTS_H
#define USDM_REPORTS_H

#include "errors.h"
#include "orders.h"
#include "quota.h"
#include "schema.h"

enum usdm_report_slot {
    USDM_R_ID, USDM_R_STATUS, USDM_R_RESULT, USDM_R_ERROR, USDM_R_STREAM, USDM_R_DATA, USDM_R_KIND,
    USDM_R_CODE,
    /* an order, in a result or an event */
    USDM_R_SYMBOL, USDM_R_ORDER_ID, USDM_R_CLIENT, USDM_R_STATE, USDM_R_PRICE, USDM_R_LOTS,
    USDM_R_DONE, USDM_R_SIDE, USDM_R_POSITION_SIDE, USDM_R_TIME, USDM_R_SINCE,
    USDM_R_EVENT_TIME, USDM_R_MATCH_TIME, USDM_R_ORDER,
    USDM_R_TIF, USDM_R_WHAT, USDM_R_LAST_LOTS, USDM_R_LAST_PRICE, USDM_R_FEE_ASSET, USDM_R_FEE,
    USDM_R_TRADE, USDM_R_MAKER, USDM_R_PNL, USDM_R_REASON,
    USDM_R_ACCOUNT, USDM_R_BALANCES, USDM_R_POSITIONS,
    USDM_R_ASSET, USDM_R_WALLET, USDM_R_AMOUNT, USDM_R_ENTRY,
    USDM_R_USAGES, USDM_R_USAGE, USDM_R_INTERVAL, USDM_R_INTERVALS, USDM_R_LIMIT, USDM_R_COUNT,
    USDM_R_REFUSAL, USDM_R_SERVER_MS, USDM_R_RETRY_MS
};

enum usdm_order_shape {
    USDM_R_FRAME_SHAPE, USDM_R_DATA_SHAPE, USDM_R_RESULT_SHAPE, USDM_R_ERROR_SHAPE,
    USDM_R_ORDER_SHAPE, USDM_R_ACCOUNT_SHAPE, USDM_R_BALANCE_SHAPE, USDM_R_POSITION_SHAPE,
    USDM_R_USAGE_SHAPE, USDM_R_REFUSAL_SHAPE
};

enum usdm_user_event { USDM_NO_EVENT, USDM_ORDER_UPDATE, USDM_ACCOUNT_UPDATE, USDM_KEY_EXPIRED };

#define USDM_WITHIN(key, type, flags, slot, shape) { key, type, flags, slot, shape }

static const hp_json_field_t usdm_r_frame_fields[] = {
    BINANCE_FIELD("id", HP_JSON_TEXT, HP_JSON_LOOSE, USDM_R_ID),
    BINANCE_FIELD("status", HP_JSON_WHOLE, 0, USDM_R_STATUS),
    USDM_WITHIN("result", HP_JSON_OBJECT, HP_JSON_LOOSE, USDM_R_RESULT, USDM_R_RESULT_SHAPE),
    USDM_WITHIN("error", HP_JSON_OBJECT, HP_JSON_LOOSE, USDM_R_ERROR, USDM_R_ERROR_SHAPE),
    USDM_WITHIN("rateLimits", HP_JSON_ROWS, HP_JSON_LOOSE, USDM_R_USAGES, USDM_R_USAGE_SHAPE),
    BINANCE_FIELD("e", HP_JSON_KIND, 0, USDM_R_KIND),
    BINANCE_FIELD("stream", HP_JSON_TEXT, 0, USDM_R_STREAM),
    USDM_WITHIN("data", HP_JSON_OBJECT, 0, USDM_R_DATA, USDM_R_DATA_SHAPE),
};
static const hp_json_field_t usdm_r_data_fields[] = {
    BINANCE_MUST("e", HP_JSON_KIND, USDM_R_KIND),
};
/* of an order; other results (logon, listen keys) have none of these, or only few */
static const hp_json_field_t usdm_r_result_fields[] = {
    BINANCE_FIELD("orderId", HP_JSON_WHOLE, 0, USDM_R_ORDER_ID),
    BINANCE_FIELD("symbol", HP_JSON_SYMBOL, 0, USDM_R_SYMBOL),
    BINANCE_FIELD("status", HP_JSON_TEXT, HP_JSON_LOOSE, USDM_R_STATE),
    BINANCE_FIELD("clientOrderId", HP_JSON_TEXT, 0, USDM_R_CLIENT),
    BINANCE_FIELD("price", HP_JSON_PRICE, HP_JSON_ROUND, USDM_R_PRICE),
    BINANCE_FIELD("origQty", HP_JSON_SIZE, 0, USDM_R_LOTS),
    BINANCE_FIELD("executedQty", HP_JSON_SIZE, 0, USDM_R_DONE),
    BINANCE_FIELD("side", HP_JSON_TEXT, 0, USDM_R_SIDE),
    BINANCE_FIELD("positionSide", HP_JSON_TEXT, 0, USDM_R_POSITION_SIDE),
    BINANCE_FIELD("updateTime", HP_JSON_TIME_MS, 0, USDM_R_TIME),
    BINANCE_FIELD("authorizedSince", HP_JSON_ANY, 0, USDM_R_SINCE),
};
static const hp_json_field_t usdm_r_error_fields[] = {
    BINANCE_FIELD("code", HP_JSON_WHOLE, HP_JSON_REQUIRED | HP_JSON_SIGNED, USDM_R_CODE),
    USDM_WITHIN("data", HP_JSON_OBJECT, HP_JSON_LOOSE, USDM_R_REFUSAL, USDM_R_REFUSAL_SHAPE),
};
static const hp_json_field_t usdm_r_refusal_fields[] = { /* when it may be asked again, UTC */
    BINANCE_FIELD("serverTime", HP_JSON_WHOLE, 0, USDM_R_SERVER_MS),
    BINANCE_FIELD("retryAfter", HP_JSON_WHOLE, 0, USDM_R_RETRY_MS),
};
static const hp_json_field_t usdm_r_usage_fields[] = { /* of rateLimits; other rows have no count */
    BINANCE_FIELD("rateLimitType", HP_JSON_TEXT, HP_JSON_LOOSE, USDM_R_USAGE),
    BINANCE_FIELD("interval", HP_JSON_TEXT, HP_JSON_LOOSE, USDM_R_INTERVAL),
    BINANCE_FIELD("intervalNum", HP_JSON_WHOLE, 0, USDM_R_INTERVALS),
    BINANCE_FIELD("limit", HP_JSON_WHOLE, 0, USDM_R_LIMIT),
    BINANCE_FIELD("count", HP_JSON_WHOLE, 0, USDM_R_COUNT),
};
static const hp_json_field_t usdm_r_update_fields[] = { /* ORDER_TRADE_UPDATE */
    BINANCE_MUST("T", HP_JSON_TIME_MS, USDM_R_MATCH_TIME),
    BINANCE_MUST("E", HP_JSON_TIME_MS, USDM_R_EVENT_TIME),
    USDM_WITHIN("o", HP_JSON_OBJECT, HP_JSON_REQUIRED, USDM_R_ORDER, USDM_R_ORDER_SHAPE),
};
static const hp_json_field_t usdm_r_order_fields[] = {
    BINANCE_MUST("s", HP_JSON_SYMBOL, USDM_R_SYMBOL),
    BINANCE_MUST("c", HP_JSON_TEXT, USDM_R_CLIENT),
    BINANCE_MUST("S", HP_JSON_TEXT, USDM_R_SIDE),
    BINANCE_MUST("f", HP_JSON_TEXT, USDM_R_TIF),
    BINANCE_MUST("q", HP_JSON_SIZE, USDM_R_LOTS),
    BINANCE_FIELD("p", HP_JSON_PRICE, HP_JSON_REQUIRED | HP_JSON_ROUND, USDM_R_PRICE),
    BINANCE_MUST("x", HP_JSON_TEXT, USDM_R_WHAT),
    BINANCE_MUST("X", HP_JSON_TEXT, USDM_R_STATE),
    BINANCE_MUST("i", HP_JSON_WHOLE, USDM_R_ORDER_ID),
    BINANCE_MUST("l", HP_JSON_SIZE, USDM_R_LAST_LOTS),
    BINANCE_MUST("z", HP_JSON_SIZE, USDM_R_DONE),
    BINANCE_MUST("L", HP_JSON_PRICE, USDM_R_LAST_PRICE),
    BINANCE_FIELD("N", HP_JSON_TEXT, HP_JSON_LOOSE, USDM_R_FEE_ASSET),
    BINANCE_FIELD("n", HP_JSON_MONEY, HP_JSON_SIGNED | HP_JSON_ROUND, USDM_R_FEE),
    BINANCE_MUST("T", HP_JSON_TIME_MS, USDM_R_TIME),
    BINANCE_MUST("t", HP_JSON_WHOLE, USDM_R_TRADE),
    BINANCE_MUST("m", HP_JSON_BOOL, USDM_R_MAKER),
    BINANCE_FIELD("ps", HP_JSON_TEXT, 0, USDM_R_POSITION_SIDE),
    BINANCE_FIELD("rp", HP_JSON_MONEY, HP_JSON_SIGNED | HP_JSON_ROUND, USDM_R_PNL),
    BINANCE_FIELD("er", HP_JSON_TEXT, HP_JSON_LOOSE, USDM_R_REASON),
};
static const hp_json_field_t usdm_r_account_update_fields[] = { /* ACCOUNT_UPDATE */
    BINANCE_MUST("E", HP_JSON_TIME_MS, USDM_R_EVENT_TIME),
    BINANCE_MUST("T", HP_JSON_TIME_MS, USDM_R_MATCH_TIME),
    USDM_WITHIN("a", HP_JSON_OBJECT, HP_JSON_REQUIRED, USDM_R_ACCOUNT, USDM_R_ACCOUNT_SHAPE),
};
static const hp_json_field_t usdm_r_account_fields[] = {
    USDM_WITHIN("B", HP_JSON_ROWS, 0, USDM_R_BALANCES, USDM_R_BALANCE_SHAPE),
    USDM_WITHIN("P", HP_JSON_ROWS, 0, USDM_R_POSITIONS, USDM_R_POSITION_SHAPE),
};
static const hp_json_field_t usdm_r_balance_fields[] = {
    BINANCE_MUST("a", HP_JSON_TEXT, USDM_R_ASSET),
    BINANCE_FIELD("wb", HP_JSON_MONEY, HP_JSON_REQUIRED | HP_JSON_SIGNED | HP_JSON_ROUND,
               USDM_R_WALLET),
};
static const hp_json_field_t usdm_r_position_fields[] = {
    BINANCE_MUST("s", HP_JSON_SYMBOL, USDM_R_SYMBOL),
    BINANCE_FIELD("pa", HP_JSON_SIZE, HP_JSON_REQUIRED | HP_JSON_SIGNED, USDM_R_AMOUNT),
    BINANCE_FIELD("ep", HP_JSON_MONEY, HP_JSON_REQUIRED | HP_JSON_SIGNED | HP_JSON_ROUND,
               USDM_R_ENTRY),
    BINANCE_MUST("ps", HP_JSON_TEXT, USDM_R_POSITION_SIDE),
};
static const hp_json_field_t usdm_r_expired_fields[] = {
    BINANCE_FIELD("E", HP_JSON_TIME_MS, 0, USDM_R_EVENT_TIME),
};

static const hp_json_shape_t usdm_order_shapes[] = {
    BINANCE_SHAPE(NULL, usdm_r_frame_fields, 0),
    BINANCE_SHAPE(NULL, usdm_r_data_fields, 0),
    BINANCE_SHAPE(NULL, usdm_r_result_fields, 0),
    BINANCE_SHAPE(NULL, usdm_r_error_fields, 0),
    BINANCE_SHAPE(NULL, usdm_r_order_fields, 0),
    BINANCE_SHAPE(NULL, usdm_r_account_fields, 0),
    BINANCE_SHAPE(NULL, usdm_r_balance_fields, 0),
    BINANCE_SHAPE(NULL, usdm_r_position_fields, 0),
    BINANCE_SHAPE(NULL, usdm_r_usage_fields, 0),
    BINANCE_SHAPE(NULL, usdm_r_refusal_fields, 0),
    BINANCE_SHAPE("ORDER_TRADE_UPDATE", usdm_r_update_fields, USDM_ORDER_UPDATE),
    BINANCE_SHAPE("ACCOUNT_UPDATE", usdm_r_account_update_fields, USDM_ACCOUNT_UPDATE),
    BINANCE_SHAPE("listenKeyExpired", usdm_r_expired_fields, USDM_KEY_EXPIRED),
};

typedef struct usdm_sink {
    usdm_state_t *state;
    hp_report_t *reports;
    int count;
    int max;
} usdm_sink_t;

static inline int64_t usdm_number(const hp_json_values_t *v, unsigned slot)
{
    return hp_json_seen(v, slot) ? v->at[slot].number : 0;
}

static inline int usdm_text_is(const hp_json_values_t *v, unsigned slot, const char *text)
{
    return hp_json_seen(v, slot) && v->at[slot].size == strlen(text) &&
           memcmp(v->at[slot].text, text, v->at[slot].size) == 0;
}

static inline uint8_t usdm_side_of(const hp_json_values_t *v)
{
    return usdm_text_is(v, USDM_R_SIDE, "BUY") ? HP_SIDE_BUY
           : usdm_text_is(v, USDM_R_SIDE, "SELL") ? HP_SIDE_SELL : HP_SIDE_NONE;
}

static inline uint8_t usdm_position_side_of(const hp_json_values_t *v)
{
    return usdm_text_is(v, USDM_R_POSITION_SIDE, "LONG") ? HP_POSITION_LONG
           : usdm_text_is(v, USDM_R_POSITION_SIDE, "SHORT") ? HP_POSITION_SHORT : HP_POSITION_BOTH;
}

static inline uint8_t usdm_state_of(const hp_json_values_t *v)
{
    static const struct { const char *text; uint8_t state; } states[] = {
        { "NEW", HP_ORDER_LIVE },          { "PARTIALLY_FILLED", HP_ORDER_PARTIAL },
        { "FILLED", HP_ORDER_FILLED },     { "CANCELED", HP_ORDER_CANCELED },
        { "EXPIRED", HP_ORDER_EXPIRED },   { "EXPIRED_IN_MATCH", HP_ORDER_EXPIRED },
        { "REJECTED", HP_ORDER_REJECTED },
    };
    for (size_t n = 0; n < sizeof states / sizeof states[0]; n++)
        if (usdm_text_is(v, USDM_R_STATE, states[n].text)) return states[n].state;
    return HP_ORDER_NONE;
}

/* A new report, or NULL when there is no room left. */
static inline hp_report_t *usdm_report(usdm_sink_t *sink, uint8_t kind)
{
    if (sink->count == sink->max) return NULL;
    hp_report_t *report = &sink->reports[sink->count++];
    memset(report, 0, sizeof *report);
    report->kind = kind;
    return report;
}

/* What both a result and an event say about an order. */
static inline void usdm_fill_order(const usdm_state_t *state, const hp_json_values_t *v,
                                   hp_report_t *report)
{
    report->instrument = v->symbol ? v->symbol->instrument.id : 0;
    report->state = usdm_state_of(v);
    report->side = usdm_side_of(v);
    report->position_side = usdm_position_side_of(v);
    report->venue_id = (uint64_t)usdm_number(v, USDM_R_ORDER_ID);
    report->price_ticks = usdm_number(v, USDM_R_PRICE);
    report->lots = usdm_number(v, USDM_R_LOTS);
    report->cum_lots = usdm_number(v, USDM_R_DONE);
    report->match_ns = usdm_number(v, USDM_R_TIME);
    if (hp_json_seen(v, USDM_R_CLIENT)) {
        const hp_json_value_t *text = &v->at[USDM_R_CLIENT];
        report->client_id = usdm_take_client(state, text->text, text->size);
        report->foreign = report->client_id == 0;
    }
}

/* Why did an order expire?  11 is the venue's word for a post-only order that would have taken. */
static inline uint8_t usdm_expiry_error(const hp_json_values_t *v)
{
    if (usdm_text_is(v, USDM_R_REASON, "11")) return HP_ERROR_POST_ONLY;
    const int said = hp_json_seen(v, USDM_R_REASON) && !usdm_text_is(v, USDM_R_REASON, "0");
    return !said && usdm_text_is(v, USDM_R_TIF, "GTX") && usdm_number(v, USDM_R_DONE) == 0
               ? HP_ERROR_POST_ONLY
               : HP_ERROR_NONE;
}

static inline void usdm_order_event(usdm_sink_t *sink, const hp_json_values_t *v)
{
    static const struct { const char *what; uint8_t kind; } kinds[] = {
        { "NEW", HP_REPORT_ACK }, { "TRADE", HP_REPORT_FILL }, { "CANCELED", HP_REPORT_CANCELED },
        { "EXPIRED", HP_REPORT_EXPIRED }, { "AMENDMENT", HP_REPORT_REPLACED },
        { "CALCULATED", HP_REPORT_FILL }, /* a liquidation's execution */
    };
    uint8_t kind = HP_REPORT_STATUS; /* the venue's word about the order, by a verb that is new */
    for (size_t n = 0; n < sizeof kinds / sizeof kinds[0]; n++)
        if (usdm_text_is(v, USDM_R_WHAT, kinds[n].what)) kind = kinds[n].kind;
    if (kind == HP_REPORT_FILL && usdm_number(v, USDM_R_LAST_LOTS) == 0) kind = HP_REPORT_STATUS;
    hp_report_t *report = usdm_report(sink, kind);
    if (report == NULL) return;
    usdm_fill_order(sink->state, v, report);
    if (kind == HP_REPORT_FILL) {
        report->trade_id = (uint64_t)usdm_number(v, USDM_R_TRADE);
        report->last_ticks = usdm_number(v, USDM_R_LAST_PRICE);
        report->last_lots = usdm_number(v, USDM_R_LAST_LOTS);
        report->fee_e8 = usdm_number(v, USDM_R_FEE);
        report->pnl_e8 = usdm_number(v, USDM_R_PNL);
        report->is_maker = usdm_number(v, USDM_R_MAKER) != 0;
        if (hp_json_seen(v, USDM_R_FEE_ASSET))
            report->asset = usdm_asset(sink->state, v->at[USDM_R_FEE_ASSET].text,
                                       v->at[USDM_R_FEE_ASSET].size);
    } else if (kind == HP_REPORT_EXPIRED) {
        report->error = usdm_expiry_error(v);
    }
}

/* One entry of rateLimits: a window that is counted.  One that is not known says nothing. */
static inline int usdm_usage_row(usdm_sink_t *sink, const hp_json_values_t *v)
{
    static const struct { const char *text; uint32_t seconds; } units[] = {
        { "SECOND", 1 }, { "MINUTE", 60 }, { "HOUR", 3600 }, { "DAY", 86400 },
    };
    const uint32_t kind = usdm_text_is(v, USDM_R_USAGE, "REQUEST_WEIGHT") ? HP_QUOTA_WEIGHT
                          : usdm_text_is(v, USDM_R_USAGE, "ORDERS")       ? HP_QUOTA_ORDERS
                                                                          : HP_QUOTA_NONE;
    const int64_t intervals = usdm_number(v, USDM_R_INTERVALS);
    uint32_t seconds = 0;
    for (size_t n = 0; n < sizeof units / sizeof units[0]; n++)
        if (usdm_text_is(v, USDM_R_INTERVAL, units[n].text)) seconds = units[n].seconds;
    if (kind == HP_QUOTA_NONE || seconds == 0 || intervals <= 0 || intervals > 366 || !hp_json_seen(v, USDM_R_COUNT))
        return HP_DECODE_EVENT;
    hp_report_t *report = usdm_report(sink, HP_REPORT_QUOTA);
    if (report == NULL) return HP_DECODE_TOO_LARGE;
    report->quota = kind;
    report->quota_s = seconds * (uint32_t)intervals;
    report->quota_limit = usdm_number(v, USDM_R_LIMIT);
    report->quota_used = usdm_number(v, USDM_R_COUNT);
    return HP_DECODE_EVENT;
}

/* One entry of ACCOUNT_UPDATE, or of an answer's rateLimits. */
static inline int usdm_row(void *opaque, hp_json_values_t *v, uint32_t shape)
{
    usdm_sink_t *sink = (usdm_sink_t *)opaque;
    if (shape == USDM_R_USAGE_SHAPE) return usdm_usage_row(sink, v);
    if (v->missing) return HP_DECODE_MISSING;
    hp_report_t *report = usdm_report(sink, shape == USDM_R_BALANCE_SHAPE ? HP_REPORT_BALANCE
                                                                          : HP_REPORT_POSITION);
    if (report == NULL) return HP_DECODE_TOO_LARGE;
    if (shape == USDM_R_BALANCE_SHAPE) {
        report->asset = usdm_asset(sink->state, v->at[USDM_R_ASSET].text, v->at[USDM_R_ASSET].size);
        report->balance_e8 = usdm_number(v, USDM_R_WALLET);
        return HP_DECODE_EVENT;
    }
    report->position_side = usdm_position_side_of(v);
    report->entry_e8 = usdm_number(v, USDM_R_ENTRY);
    if (v->symbol == NULL) {
        report->foreign = 1;
        hp_market_refuse(&sink->state->family.market, HP_DECODE_UNKNOWN_SYMBOL); /* for symbol() */
        v->symbol_unknown = 0;
        return HP_DECODE_EVENT;
    }
    report->instrument = v->symbol->instrument.id;
    report->position_lots = usdm_number(v, USDM_R_AMOUNT);
    return HP_DECODE_EVENT;
}

static inline uint8_t usdm_error_kind(uint8_t request, int64_t status, uint8_t error)
{
    switch (request) {
    case HP_REQUEST_LOGON:
        return HP_REPORT_SESSION;
    case HP_REQUEST_STATUS:
        /* an inquiry that was not answered is no evidence of anything */
        return error == HP_ERROR_UNKNOWN_ORDER && !usdm_is_open(status, error) ? HP_REPORT_NOT_FOUND
                                                                              : HP_REPORT_CONTROL;
    case HP_REQUEST_PLACE:
        return usdm_is_open(status, error) ? HP_REPORT_AMBIGUOUS : HP_REPORT_REJECT;
    case HP_REQUEST_CANCEL: case HP_REQUEST_REPLACE:
        return usdm_is_open(status, error) ? HP_REPORT_AMBIGUOUS : HP_REPORT_CANCEL_REJECT;
    default:
        return HP_REPORT_CONTROL;
    }
}

/* What a good answer means.  The state in it may already be a later one than was asked for. */
static inline uint8_t usdm_result_kind(uint8_t request, const hp_json_values_t *v)
{
    const uint8_t state = usdm_state_of(v);
    switch (request) {
    case HP_REQUEST_PLACE:
        return state == HP_ORDER_EXPIRED    ? HP_REPORT_EXPIRED
               : state == HP_ORDER_CANCELED ? HP_REPORT_CANCELED
               : state == HP_ORDER_REJECTED ? HP_REPORT_REJECT : HP_REPORT_ACK;
    case HP_REQUEST_CANCEL:
        return state == HP_ORDER_CANCELED ? HP_REPORT_CANCELED : HP_REPORT_STATUS;
    case HP_REQUEST_STATUS: return HP_REPORT_STATUS;
    case HP_REQUEST_REPLACE: /* a change that leaves nothing, or would take, cancels the order */
        return state == HP_ORDER_CANCELED  ? HP_REPORT_CANCELED
               : state == HP_ORDER_EXPIRED ? HP_REPORT_EXPIRED : HP_REPORT_REPLACED;
    case HP_REQUEST_LOGON: return HP_REPORT_SESSION;
    default: return hp_json_seen(v, USDM_R_SINCE) ? HP_REPORT_SESSION : HP_REPORT_CONTROL;
    }
}

/* 429 and 418: nothing more of the kind until the venue says.  Too many orders is the account's alone. */
static inline int usdm_refused(usdm_sink_t *sink, const hp_json_values_t *v, int64_t status, int64_t code)
{
    if (status != 429 && status != 418) return HP_DECODE_EVENT;
    hp_report_t *report = usdm_report(sink, HP_REPORT_QUOTA);
    if (report == NULL) return HP_DECODE_TOO_LARGE;
    const int64_t ms = usdm_number(v, USDM_R_RETRY_MS) - usdm_number(v, USDM_R_SERVER_MS);
    report->quota = code == USDM_TOO_MANY_ORDERS ? HP_QUOTA_ORDERS : HP_QUOTA_WEIGHT;
    report->stop_ms = hp_json_seen(v, USDM_R_RETRY_MS) && hp_json_seen(v, USDM_R_SERVER_MS)
                          ? (uint64_t)(ms > 0 ? ms : 1) : UINT64_MAX;
    report->venue_error = (int32_t)status;
    return HP_DECODE_EVENT;
}

static inline int usdm_answer(usdm_sink_t *sink, const hp_json_values_t *v)
{
    usdm_request_name_t name = { 0, 0, 0 };
    const hp_json_value_t *id = &v->at[USDM_R_ID];
    if (hp_json_seen(v, USDM_R_ID) && id->text) name = usdm_take_request(id->text, id->size);
    const int64_t status = usdm_number(v, USDM_R_STATUS);
    const int failed = status != 200;
    const int64_t code = usdm_number(v, USDM_R_CODE);
    const uint8_t error = failed ? usdm_error(code) : HP_ERROR_NONE;
    if (code < INT32_MIN || code > INT32_MAX) return HP_DECODE_NUMBER;
    const uint8_t kind = failed ? usdm_error_kind(name.kind, status, error)
                                : usdm_result_kind(name.kind, v);
    const int of_order = !failed && kind != HP_REPORT_SESSION && kind != HP_REPORT_CONTROL;
    if (of_order && !(hp_json_seen(v, USDM_R_ORDER_ID) && hp_json_seen(v, USDM_R_SYMBOL) &&
                      hp_json_seen(v, USDM_R_CLIENT) && hp_json_seen(v, USDM_R_STATE)))
        return HP_DECODE_MISSING;
    if (usdm_refused(sink, v, status, code) != HP_DECODE_EVENT) return HP_DECODE_TOO_LARGE;
    for (int n = 0; n < sink->count; n++) { /* what was said of the quota: of which request's answer */
        sink->reports[n].request = name.kind;
        sink->reports[n].request_id = name.request_id;
    }
    hp_report_t *report = usdm_report(sink, kind);
    if (report == NULL) return HP_DECODE_TOO_LARGE;
    if (of_order) usdm_fill_order(sink->state, v, report);
    if (name.client_id != 0) report->client_id = name.client_id, report->foreign = 0;
    if (name.kind == HP_REQUEST_NONE) report->foreign = 1;
    report->request = name.kind;
    report->request_id = name.request_id;
    report->venue_error = (int32_t)code;
    /* whatever the code says, an open outcome is unknown */
    report->error = kind == HP_REPORT_AMBIGUOUS ? HP_ERROR_UNKNOWN_OUTCOME : error;
    return HP_DECODE_EVENT;
}

/* Reports of one frame; their number, or -enum hp_decode.  More than `max` is -HP_DECODE_TOO_LARGE:
 * half of an account's positions would be taken for all of them. */
static inline int usdm_decode_reports(void *opaque, const char *data, size_t size,
                                      hp_report_t *reports, int max)
{
    usdm_state_t *state = (usdm_state_t *)opaque;
    hp_json_values_t *v = &state->family.market.values;
    usdm_sink_t sink = { state, reports, 0, max };
    v->row = usdm_row;
    v->context = &sink;
    hp_market_t *m = &state->family.market;
    int status = m->json->read(m->reader, state->order, USDM_R_FRAME_SHAPE, &m->symbols, NULL,
                               data, size, NULL, v);
    if (status != HP_DECODE_EVENT && status != HP_DECODE_UNKNOWN_KIND)
        return -hp_market_refuse(m, status);
    if (hp_json_seen(v, USDM_R_STREAM) != hp_json_seen(v, USDM_R_DATA)) return -HP_DECODE_MISSING;
    if (v->kind == USDM_ORDER_UPDATE) {
        usdm_order_event(&sink, v);
    } else if (v->kind == USDM_KEY_EXPIRED) {
        usdm_report(&sink, HP_REPORT_STREAM_END);
    } else if (hp_json_seen(v, USDM_R_STATUS) && !hp_json_seen(v, USDM_R_KIND)) {
        status = usdm_answer(&sink, v);
        if (status != HP_DECODE_EVENT) return -status;
    } else if (!hp_json_seen(v, USDM_R_KIND)) {
        if (!hp_json_seen(v, USDM_R_ID) && !hp_json_seen(v, USDM_R_RESULT))
            return -HP_DECODE_MISSING;
    }
    if (sink.count == 0 && usdm_report(&sink, HP_REPORT_CONTROL) == NULL)
        return -HP_DECODE_TOO_LARGE;
    for (int n = 0; n < sink.count; n++) {
        if (hp_json_seen(v, USDM_R_EVENT_TIME))
            reports[n].event_ns = v->at[USDM_R_EVENT_TIME].number;
        if (hp_json_seen(v, USDM_R_MATCH_TIME) && reports[n].match_ns == 0)
            reports[n].match_ns = v->at[USDM_R_MATCH_TIME].number;
    }
    return sink.count;
}

#endif
