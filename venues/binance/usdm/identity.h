/* identity.h - how orders and requests are named in the venue's text, and read back.
 *
 * Owns:    client order id text: prefix "-" 16 hex digits (the prefix is the deployment's, perhaps
 *          empty); request id text: kind digit, 16 hex digits of the client id, "." request id in
 *          hex.
 * Refuses: guessing.  Text that is not exactly ours names nothing: such orders are foreign.
 *
 * Both are injective.  A request id leads back to kind, client id and request even when the answer
 * is an error that says nothing else.  The venue takes ^[.A-Z:/a-z0-9_-]{1,36}$ for client order
 * ids. */
#ifndef USDM_IDENTITY_H
#define USDM_IDENTITY_H

#include "state.h"

#define USDM_CLIENT_TEXT_MAX 36
#define USDM_REQUEST_TEXT_MAX 40

typedef struct usdm_request_name {
    uint64_t client_id;
    uint64_t request_id;
    uint8_t kind; /* enum hp_request_kind; 0 = not ours */
} usdm_request_name_t;

static inline char *usdm_put_hex(char *to, uint64_t value, int digits)
{
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[value >> shift & 15];
    return to;
}

/* Lower-case hex digits, all of them, 1 to 16; 0 = not. */
static inline int usdm_take_hex(const char *text, size_t size, uint64_t *value)
{
    uint64_t sum = 0;
    if (size == 0 || size > 16) return 0;
    for (size_t n = 0; n < size; n++) {
        const char c = text[n];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return 0;
        sum = sum << 4 | (uint64_t)digit;
    }
    *value = sum;
    return 1;
}

/* Set the deployment's prefix.  1, or 0: too long, or a byte that the venue does not take. */
static inline int usdm_set_prefix(usdm_state_t *state, const char *text, size_t size)
{
    if (size > USDM_PREFIX_MAX) return 0;
    for (size_t n = 0; n < size; n++) {
        const char c = text[n];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '.' || c == ':' || c == '/' || c == '_' || c == '-'))
            return 0;
    }
    memcpy(state->prefix, text, size);
    state->prefix_size = (uint32_t)size;
    return 1;
}

static inline char *usdm_put_client(const usdm_state_t *state, char *to, uint64_t client_id)
{
    memcpy(to, state->prefix, state->prefix_size);
    to += state->prefix_size;
    *to++ = '-';
    return usdm_put_hex(to, client_id, 16);
}

/* The client id of a text; 0 = foreign. */
static inline uint64_t usdm_take_client(const usdm_state_t *state, const char *text, size_t size)
{
    uint64_t id;
    if (size != state->prefix_size + 17u || memcmp(text, state->prefix, state->prefix_size) != 0)
        return 0;
    text += state->prefix_size;
    return *text == '-' && usdm_take_hex(text + 1, 16, &id) ? id : 0;
}

static inline char *usdm_put_request(char *to, uint8_t kind, uint64_t client_id,
                                     uint64_t request_id)
{
    *to++ = (char)('0' + kind);
    to = usdm_put_hex(to, client_id, 16);
    *to++ = '.';
    int digits = 1;
    while (digits < 16 && request_id >> (4 * digits) != 0) digits++;
    return usdm_put_hex(to, request_id, digits);
}

static inline usdm_request_name_t usdm_take_request(const char *text, size_t size)
{
    usdm_request_name_t name = { 0, 0, 0 };
    if (size < 19 || text[0] <= '0' || text[0] > '0' + HP_REQUEST_REPLACE || text[17] != '.')
        return name;
    if (!usdm_take_hex(text + 1, 16, &name.client_id) ||
        !usdm_take_hex(text + 18, size - 18, &name.request_id)) {
        name.client_id = name.request_id = 0;
        return name;
    }
    name.kind = (uint8_t)(text[0] - '0');
    return name;
}

#endif
