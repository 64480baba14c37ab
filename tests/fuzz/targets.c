/* targets.c - every codec, as the fuzz driver opens it.  Compiled with -fsanitize-coverage=trace-pc.
 *
 * To add a venue: its header, three lines and a row; its frames come from tests/venues/tables. */
#include "fuzz.h"

#include "venues/binance/coinm/coinm.h"
#include "venues/binance/spot/spot.h"
#include "venues/binance/usdm/usdm.h"
#include "venues/bybit/bybit.h"
#include "venues/hyperliquid/hyperliquid.h"
#include "venues/okx/okx.h"

/* state type, its table and close; what opens it follows */
#define TARGET(name, state_t, table_of, close_of) \
    static void table_##name(void *s, hp_codec_t *t) { table_of((state_t *)s, t); } \
    static void close_##name(void *s) { close_of((state_t *)s); } \
    static int open_##name(void *s, const hp_json_face_t *j, hp_json_reader_t *r)

TARGET(coinm, binance_state_t, coinm_table, binance_close)
{
    return coinm_open((binance_state_t *)s, j, r);
}
TARGET(spot, binance_state_t, spot_table, binance_close)
{
    return spot_open((binance_state_t *)s, j, r);
}
TARGET(usdm, usdm_state_t, usdm_table, usdm_close)
{
    usdm_state_t *state = (usdm_state_t *)s;
    return usdm_open(state, j, r) && usdm_put_asset(state, "USDT", 4, 11) &&
           usdm_set_prefix(state, "site1", 5);
}
TARGET(bybit, bybit_state_t, bybit_table, bybit_close)
{
    return bybit_open((bybit_state_t *)s, j, r, 500);
}
TARGET(hyperliquid, hyperliquid_state_t, hyperliquid_table, hyperliquid_close)
{
    return hyperliquid_open((hyperliquid_state_t *)s, j, r);
}
TARGET(okx, okx_state_t, okx_table, okx_close)
{
    return okx_open((okx_state_t *)s, j, r, OKX_BOOKS);
}

#define ROW(name, what, symbol, price, size, state_t) \
    { what, symbol, price, size, sizeof(state_t), open_##name, table_##name, close_##name }
/* symbols and scales are those of the tables */
const fuzz_target_t fuzz_targets[] = {
    ROW(coinm, "binance_coinm", "BTCUSD_PERP", 1, 0, binance_state_t),
    ROW(spot, "binance_spot", "BTCUSDT", 2, 5, binance_state_t),
    ROW(usdm, "binance_usdm", "BTCUSDT", 1, 3, usdm_state_t),
    ROW(bybit, "bybit", "XRPUSDT", 4, 1, bybit_state_t),
    ROW(hyperliquid, "hyperliquid", "BTC", 1, 5, hyperliquid_state_t),
    ROW(okx, "okx", "BTC-USDT-SWAP", 1, 2, okx_state_t),
};
const size_t fuzz_target_count = sizeof fuzz_targets / sizeof fuzz_targets[0];
