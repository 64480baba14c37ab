/* reserve.c - what does it cost to hold an order's money, and to set it free again?
 *
 * usage: reserve COUNT.  Per round: what an order of another price and size needs is reckoned, looked at
 * beside what is free, moved, and moved back when the order has ended: the lane's own two calls.  Time is
 * outside wall clock over batches of 1000 rounds; prints the median and the 99th percentile of a batch,
 * nanoseconds a round, for linear, inverse and spot, and a checksum. */
#include <stdio.h>

#include "hotpath/lane/hold.h"

#define BATCH 1000

static hp_lane_t *lane;

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void instrument(uint32_t id, uint8_t contract, uint32_t leverage)
{
    hp_instrument_t *i = &lane->instruments[id].about;
    i->id = id;
    i->contract = contract;
    i->price_decimals = 1;
    i->size_decimals = 3;
    i->settle_asset = id;
    i->base_asset = 4;
    i->leverage = leverage;
    i->fee_rate_e8 = 50000;
    i->margin = contract == HP_CONTRACT_SPOT ? HP_MARGIN_NONE : HP_MARGIN_CROSS;
    i->multiplier_e8 = contract == HP_CONTRACT_INVERSE ? 10000000000 : 100000000;
    hp_instrument_make(i);
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    long batches = atol(argv[1]) / BATCH;
    if (batches < 1) batches = 1;
    static const char *names[] = { "", "linear", "inverse", "spot" };
    double *ns = calloc((size_t)batches, sizeof *ns);
    lane = calloc(1, sizeof *lane);
    lane->page = calloc(1, sizeof *lane->page);
    lane->instruments = calloc(HP_LANE_INSTRUMENTS_MAX, sizeof *lane->instruments);
    lane->gate.funds = lane->page->funds;
    for (uint32_t asset = 1; asset <= 4; asset++) lane->page->funds[asset - 1].asset = asset;
    for (uint32_t asset = 1; asset <= 4; asset++) hp_funds_balance(&lane->page->funds[asset - 1], 1000000000000000, 1);
    instrument(1, HP_CONTRACT_LINEAR, 20);
    instrument(2, HP_CONTRACT_INVERSE, 20);
    instrument(3, HP_CONTRACT_SPOT, 1);
    uint64_t sum = 0;
    printf("{");
    for (uint32_t id = 1; id < 4; id++) {
        hp_order_t order;
        hp_intent_t in;
        hp_verdict_t verdict;
        memset(&order, 0, sizeof order);
        memset(&in, 0, sizeof in);
        memset(&verdict, 0, sizeof verdict);
        order.instrument = in.instrument = id;
        order.side = in.side = HP_SIDE_BUY;
        order.type = in.type = HP_TYPE_LIMIT;
        for (long b = 0; b < batches; b++) {
            uint64_t begin = hp_mono_ns();
            for (int n = 0; n < BATCH; n++) {
                order.price_ticks = in.price_ticks = 600000 + n % 97;
                order.lots = in.lots = 1 + n % 31;
                order.state = HP_ORDER_PENDING;
                if (!hp_reserve_allows(lane->page->funds, &lane->instruments[id].about, &in, NULL, &verdict)) return 1;
                hp_lane_hold(lane, &order);
                sum += (uint64_t)order.reserved_e8;
                order.state = HP_ORDER_CANCELED;
                hp_lane_hold(lane, &order);
            }
            ns[b] = (double)(hp_mono_ns() - begin) / BATCH;
        }
        qsort(ns, (size_t)batches, sizeof *ns, by_size);
        printf("\"%s\": {\"p50_ns\": %.2f, \"p99_ns\": %.2f}, ", names[id], ns[batches / 2], ns[batches * 99 / 100]);
        if (lane->page->funds[id - 1].free_e8 != 1000000000000000) return 1;
    }
    printf("\"rounds\": %ld, \"checksum\": %llu}\n", batches * BATCH, (unsigned long long)sum);
    return 0;
}
