/* state.h - what the USD-M codec knows beside its market half: assets, the prefix of its orders.
 *
 * Owns:    usdm_state_t; it starts with the family's binance_state_t.
 * Refuses: market messages (../state.h, ../schema.h, ../shape.h), orders (orders.h). */
#ifndef USDM_STATE_H
#define USDM_STATE_H

#include "venues/binance/state.h"

#define USDM_PREFIX_MAX 12     /* of client order ids */
#define USDM_ASSETS_MAX 64
#define USDM_ASSET_BYTES 16

typedef struct usdm_asset {
    char text[USDM_ASSET_BYTES]; /* zero filled */
    uint32_t id;
    uint32_t size;
} usdm_asset_t;

typedef struct usdm_state {
    binance_state_t family;       /* first: a pointer to one is a pointer to the other */
    hp_json_plan_t *order;
    uint32_t prefix_size;         /* of client order ids */
    char prefix[USDM_PREFIX_MAX + 4];
    uint32_t asset_count;
    usdm_asset_t assets[USDM_ASSETS_MAX];
} usdm_state_t;

/* Name an asset of fees and balances.  1, or 0: full, or not a name. */
static inline int usdm_put_asset(usdm_state_t *state, const char *text, size_t size, uint32_t id)
{
    if (size == 0 || size > USDM_ASSET_BYTES || id == 0) return 0;
    uint32_t at = 0;
    while (at < state->asset_count &&
           (state->assets[at].size != size || memcmp(state->assets[at].text, text, size) != 0))
        at++;
    if (at == USDM_ASSETS_MAX) return 0;
    if (at == state->asset_count) state->asset_count++;
    memcpy(state->assets[at].text, text, size);
    state->assets[at].size = (uint32_t)size;
    state->assets[at].id = id;
    return 1;
}

/* The id of an asset; 0 = not named. */
static inline uint32_t usdm_asset(const usdm_state_t *state, const char *text, size_t size)
{
    for (uint32_t at = 0; at < state->asset_count; at++)
        if (state->assets[at].size == size && memcmp(state->assets[at].text, text, size) == 0)
            return state->assets[at].id;
    return 0;
}

#endif
