/* orders.h - requests of ours as the text of the venue's WebSocket API.
 *
 * Owns:    order.place, order.modify, order.cancel and order.status for a session that is logged on (no key, no
 *          signature); what each attribute of a request becomes.
 * Refuses: what the venue cannot be told: 0 instead of a request that says less than was asked.
 *
 * Nothing is dropped silently: a type, a time in force or a flag that has no text here, or that the
 * venue ignores beside the others, refuses the whole request. */
#ifndef USDM_ORDERS_H
#define USDM_ORDERS_H

#include "identity.h"
#include "intent.h"

#define USDM_RECV_WINDOW_MS_MAX 60000 /* the venue's own bound */

/* value x 10^-decimals: 618002 with 1 is 61800.2 */
static inline char *usdm_put_decimal(char *to, int64_t value, int decimals)
{
    char digits[20];
    int count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0 || count <= decimals);
    while (count > 0) {
        if (count == decimals) *to++ = '.';
        *to++ = digits[--count];
    }
    return to;
}

/* The time in force of an order, NULL = there is none to say it. */
static inline const char *usdm_time_in_force(const hp_request_t *r)
{
    if (r->post_only) return r->time_in_force == HP_TIF_GTC ? "GTX" : NULL;
    switch (r->time_in_force) {
    case HP_TIF_GTC: return "GTC";
    case HP_TIF_IOC: return "IOC";
    case HP_TIF_FOK: return "FOK";
    default: return NULL;
    }
}

static inline const char *usdm_self_trade(const hp_request_t *r)
{
    switch (r->self_trade_mode) {
    case HP_STP_EXPIRE_TAKER: return "EXPIRE_TAKER";
    case HP_STP_EXPIRE_MAKER: return "EXPIRE_MAKER";
    case HP_STP_EXPIRE_BOTH: return "EXPIRE_BOTH";
    default: return NULL;
    }
}

/* Can an order be said at all?  What usdm_put_place writes relies on it. */
static inline int usdm_can_place(const hp_request_t *r)
{
    if (r->client_id == 0 || r->lots <= 0 || r->post_only > 1 || r->reduce_only > 1) return 0;
    if (r->side != HP_SIDE_BUY && r->side != HP_SIDE_SELL) return 0;
    if (r->type == HP_TYPE_LIMIT) {
        if (r->price_ticks <= 0 || usdm_time_in_force(r) == NULL) return 0;
    } else if (r->type == HP_TYPE_MARKET) {
        if (r->price_ticks != 0 || r->post_only || r->time_in_force != HP_TIF_NONE) return 0;
    } else {
        return 0; /* conditional orders are another service */
    }
    if (r->self_trade_mode != HP_STP_DEFAULT) {
        /* the venue heeds a mode on GTC and IOC (GTX rests, and is no taker), not on FOK */
        if (usdm_self_trade(r) == NULL || r->time_in_force == HP_TIF_FOK) return 0;
    }
    const int opens = (r->position_side == HP_POSITION_LONG) == (r->side == HP_SIDE_BUY);
    if (r->position_side >= HP_POSITION_SIDE_COUNT) return 0;
    return !(r->position_side != HP_POSITION_BOTH && r->reduce_only && opens);
}

static inline char *usdm_put_place(const usdm_state_t *state, char *p, const hp_request_t *r,
                                   const hp_instrument_t *i)
{
    p = binance_put_text(p, r->side == HP_SIDE_BUY ? ",\"side\":\"BUY\"" : ",\"side\":\"SELL\"");
    if (r->type == HP_TYPE_LIMIT) {
        p = binance_put_text(binance_put_text(p, ",\"type\":\"LIMIT\",\"timeInForce\":\""),
                          usdm_time_in_force(r));
        p = usdm_put_decimal(binance_put_text(p, "\",\"price\":\""), r->price_ticks,
                             i->price_decimals);
        *p++ = '"';
    } else {
        p = binance_put_text(p, ",\"type\":\"MARKET\"");
    }
    p = usdm_put_decimal(binance_put_text(p, ",\"quantity\":\""), r->lots, i->size_decimals);
    *p++ = '"';
    /* In hedge mode the venue refuses the flag; selling a long or buying a short only reduces
     * anyway. */
    if (r->position_side == HP_POSITION_LONG) p = binance_put_text(p, ",\"positionSide\":\"LONG\"");
    else if (r->position_side == HP_POSITION_SHORT)
        p = binance_put_text(p, ",\"positionSide\":\"SHORT\"");
    else if (r->reduce_only) p = binance_put_text(p, ",\"reduceOnly\":\"true\"");
    if (r->self_trade_mode != HP_STP_DEFAULT) {
        p = binance_put_text(binance_put_text(p, ",\"selfTradePreventionMode\":\""),
                             usdm_self_trade(r));
        *p++ = '"';
    }
    p = usdm_put_client(state, binance_put_text(p, ",\"newClientOrderId\":\""), r->client_id);
    return binance_put_text(p, "\",\"newOrderRespType\":\"ACK\"");
}

/* A change gives side, price and whole size again; the venue takes it for limit orders only.  It puts the
 * order at the end of its new price's queue and ends its self-trade mode, so one that was asked for
 * cannot be kept. */
static inline int usdm_can_modify(const hp_request_t *r)
{
    return (r->client_id != 0 || (r->venue_id != 0 && r->venue_id <= INT64_MAX)) && r->type == HP_TYPE_LIMIT &&
           (r->side == HP_SIDE_BUY || r->side == HP_SIDE_SELL) && r->lots > 0 && r->price_ticks > 0 &&
           r->position_side < HP_POSITION_SIDE_COUNT && r->self_trade_mode == HP_STP_DEFAULT;
}

static inline char *usdm_put_modify(char *p, const hp_request_t *r, const hp_instrument_t *i)
{
    p = binance_put_text(p, r->side == HP_SIDE_BUY ? ",\"side\":\"BUY\"" : ",\"side\":\"SELL\"");
    p = usdm_put_decimal(binance_put_text(p, ",\"price\":\""), r->price_ticks, i->price_decimals);
    p = usdm_put_decimal(binance_put_text(p, "\",\"quantity\":\""), r->lots, i->size_decimals);
    *p++ = '"';
    if (r->position_side == HP_POSITION_LONG) p = binance_put_text(p, ",\"positionSide\":\"LONG\"");
    else if (r->position_side == HP_POSITION_SHORT)
        p = binance_put_text(p, ",\"positionSide\":\"SHORT\"");
    return p;
}

/* Which order a change, a cancel or an inquiry means: by our id, else by the venue's (an adopted order). */
static inline char *usdm_put_target(const usdm_state_t *state, char *p, const hp_request_t *r)
{
    if (r->client_id == 0)
        return usdm_put_decimal(binance_put_text(p, ",\"orderId\":"), (int64_t)r->venue_id, 0);
    p = usdm_put_client(state, binance_put_text(p, ",\"origClientOrderId\":\""), r->client_id);
    *p++ = '"';
    return p;
}

/* A request to HP_REQUEST_BYTES_MAX bytes at most; their number, or 0 when it cannot be said. */
static inline size_t usdm_put(const usdm_state_t *state, const hp_request_t *r, char *to)
{
    const hp_symbol_t *symbol = hp_symbols_by_id(&state->family.market.symbols, r->instrument);
    if (symbol == NULL || r->pad != 0) return 0;
    if (r->timestamp_ms == 0 || r->timestamp_ms > INT64_MAX ||
        r->deadline_ms > USDM_RECV_WINDOW_MS_MAX)
        return 0;
    const int place = r->kind == HP_REQUEST_PLACE;
    const int modify = r->kind == HP_REQUEST_REPLACE;
    if (place    ? !usdm_can_place(r)
        : modify ? !usdm_can_modify(r)
                 : r->client_id == 0 && (r->venue_id == 0 || r->venue_id > INT64_MAX))
        return 0;
    const char *method = place                             ? "order.place"
                         : modify                          ? "order.modify"
                         : r->kind == HP_REQUEST_CANCEL ? "order.cancel"
                         : r->kind == HP_REQUEST_STATUS ? "order.status" : NULL;
    if (method == NULL) return 0;
    char *p = usdm_put_request(binance_put_text(to, "{\"id\":\""), r->kind, r->client_id,
                               r->request_id);
    p = binance_put_text(binance_put_text(p, "\",\"method\":\""), method);
    p = binance_put_text(p, "\",\"params\":{\"symbol\":\"");
    memcpy(p, symbol->instrument.symbol, symbol->instrument.symbol_length);
    p += symbol->instrument.symbol_length;
    *p++ = '"';
    if (place) {
        p = usdm_put_place(state, p, r, &symbol->instrument);
    } else {
        p = usdm_put_target(state, p, r);
        if (modify) p = usdm_put_modify(p, r, &symbol->instrument);
    }
    if (r->deadline_ms != 0)
        p = usdm_put_decimal(binance_put_text(p, ",\"recvWindow\":"), (int64_t)r->deadline_ms, 0);
    p = usdm_put_decimal(binance_put_text(p, ",\"timestamp\":"), (int64_t)r->timestamp_ms, 0);
    p = binance_put_text(p, "}}");
    HP_ASSERT((size_t)(p - to) <= HP_REQUEST_BYTES_MAX);
    return (size_t)(p - to);
}

/* The same into a buffer of `room` bytes; 0 also when it does not fit. */
static inline size_t usdm_encode(void *opaque, const hp_request_t *r, char *to, size_t room)
{
    char text[HP_REQUEST_BYTES_MAX];
    const size_t size = usdm_put((const usdm_state_t *)opaque, r, text);
    if (size == 0 || size > room) return 0;
    memcpy(to, text, size);
    return size;
}

#endif
