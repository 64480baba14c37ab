/* gate.c - the whole chain of the gate over and over, for a clock and for callgrind.
 *
 * gate DECISIONS ORDERS [moves]: 50 instruments, ORDERS resting orders of four strategies, every check on and
 * passed by every intent.  With `moves` a resting order has one lot more or less right before each decision,
 * and what that costs is in the time.  Prints the median over groups of 16 decisions, in nanoseconds, and a
 * sum of verdicts that says that all passed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hotpath/risk/gate.h"

#define INSTRUMENTS 50u
#define INTENTS 1024u
#define GROUP 16u
#define NOW 1000000000000ull

static hp_instrument_t abouts[INSTRUMENTS + 1];
static hp_instrument_limits_t rules[INSTRUMENTS + 1];
static hp_lane_position_t positions[INSTRUMENTS + 1];
static hp_exposure_t exposures[INSTRUMENTS + 1];
static hp_intent_t intents[INTENTS];

static uint64_t seed = 7;
static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33) % below;
}

static void limit(hp_gate_t *g, uint32_t dimension, uint32_t id)
{
    int64_t much = 1000000000000000000ll;
    hp_limit_t l;
    hp_limit_open(&l, dimension, id);
    l.order_notional_e8_max = l.net_notional_e8_max = l.gross_notional_e8_max = l.daily_loss_e8_max = much;
    l.open_orders_max = 100000;
    l.leverage_e4_max = 1000000;
    l.capital_e8 = much;
    l.drawdown_bps_max = 1000;
    l.failures_max = 3;
    l.cool_down_ns = 60000000000ll;
    l.fast_move_bps_max = 50;
    l.fast_window_ns = 1000000000;
    l.fast_freeze_ns = 5000000000;
    l.order_to_trade_max = 1000000;
    l.cancel_rate_bps_max = 9000;
    l.budget_window_ns = 10000000000ll;
    l.token_rate = l.token_burst = 500000000;
    l.token_reserve = 10;
    hp_gate_put_limit(g, &l, NOW);
}

static void instrument(hp_gate_t *g, uint32_t id)
{
    hp_instrument_t *i = &abouts[id];
    hp_instrument_limits_t *l = &rules[id];
    i->id = id;
    i->status = HP_STATUS_TRADING;
    i->contract = HP_CONTRACT_LINEAR;
    i->price_decimals = 1;
    i->size_decimals = 3;
    i->multiplier_e8 = 100000000;
    i->tick_size_ticks = 1;
    i->step_size_lots = i->size_min_lots = 1;
    i->size_max_lots = 1000000;
    i->price_min_ticks = 1;
    i->price_max_ticks = 100000000;
    i->notional_min_e8 = 500000000;
    i->band_up_bps = i->band_down_bps = 500;
    i->open_orders_max = 200;
    hp_instrument_make(i);
    hp_instrument_limits_open(l);
    l->strategies = l->kinds = 15;
    l->accounts = 1;
    l->order_lots_max = 1000;
    l->position_lots_max = 100000;
    l->open_orders_max = 10000;
    l->band_bps = 100;
    l->stale_ns = 1000000000;
    l->sigma_tenths = 20;
    l->sigma_alpha_e4 = 2000;
    l->sigma_floor_e8 = 500000;
    l->sigma_sample_ns = 1000000000;
    l->typical_lots = 100;
    l->typical_times_max = 10;
    l->distance_bps_max = 500;
    l->daily_volume_lots = 1000000;
    l->volume_share_bps_max = 100;
    l->window_count = 1;
    l->windows[0] = (hp_window_t){ 7200, 9000, 127, 1 };
    hp_pulse_set(&g->pulses[id], l);
    hp_pulse_mark(&g->pulses[id], i, 6000000000000ll);
    limit(g, HP_DIMENSION_INSTRUMENT, id);
    hp_pulse_mid(&g->pulses[id], l, &g->instruments[id].limit, 1200001, NOW);
    positions[id].lots[0] = 10;
    positions[id].cost_e8[0] = 60000000000ll;
    hp_gate_revalue(g, i, &exposures[id], &positions[id], 4);
}

static void rest(hp_gate_t *g, hp_order_t *o, uint32_t n)
{
    o->client_id = n + 1;
    o->instrument = 1 + n % INSTRUMENTS;
    o->strategy = draw(4);
    o->side = draw(2) ? HP_SIDE_BUY : HP_SIDE_SELL;
    o->state = HP_ORDER_LIVE;
    o->price_ticks = o->side == HP_SIDE_BUY ? 599800 - draw(500) : 600200 + draw(500);
    o->lots = 2 + draw(50);
    hp_own_add(&g->own, o);
    hp_gate_expose(g, &abouts[o->instrument], &exposures[o->instrument], o, 1);
}

static void wish(hp_intent_t *in, uint32_t n)
{
    in->id = n + 1;
    in->strategy = draw(4);
    in->instrument = 1 + draw(INSTRUMENTS);
    in->kind = HP_INTENT_PLACE;
    in->side = draw(2) ? HP_SIDE_BUY : HP_SIDE_SELL;
    in->type = HP_TYPE_LIMIT;
    in->time_in_force = HP_TIF_GTC;
    in->book_state = HP_BOOK_SYNCED;
    in->price_ticks = 600000 + (in->side == HP_SIDE_BUY ? -(int64_t)draw(100) : (int64_t)draw(100));
    in->lots = 1 + draw(100);
    in->bid_ticks = 600000;
    in->ask_ticks = 600001;
    in->bid_lots = in->ask_lots = 5;
    in->recv_ns = NOW - 1000;
}

/* Apart, so that callgrind can count what is inside. */
__attribute__((noinline)) static uint32_t judge(hp_gate_t *g, const hp_intent_t *in, uint64_t now, hp_verdict_t *v)
{
    uint32_t id = in->instrument;
    return hp_gate_check(g, in, &abouts[id], &rules[id], &positions[id], &exposures[id], now, v);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    uint32_t decisions = argc > 1 ? (uint32_t)atoi(argv[1]) : 160000, orders = argc > 2 ? (uint32_t)atoi(argv[2]) : 200;
    int moves = argc > 3;
    uint32_t capacity = 1024, groups = decisions / GROUP;
    hp_gate_t *g = aligned_alloc(64, (sizeof *g + 63) & ~63ul);
    hp_order_t *slots = calloc(capacity, sizeof *slots);
    double *took = calloc(groups + 1, sizeof *took);
    hp_verdict_t v;
    uint64_t passed = 0, now = NOW, at = 0;
    if (orders > capacity) return 2;
    memset(g, 0, sizeof *g);
    hp_gate_init(g);
    hp_own_init(&g->own, calloc(capacity, sizeof(hp_own_node_t)), slots, capacity);
    g->is_armed = 1;
    g->lease = (hp_limit_lease_t){ UINT64_MAX, 1, 1, 0 };
    g->leader = (hp_leader_lease_t){ UINT64_MAX, 1, 1, 0 };
    g->rule.clock_ns_max = 50000000;
    hp_time_record_t clock = { 1000, 1000, 100, NOW - 1, UINT64_MAX, HP_CLOCK_SOURCE_NTP, 1 };
    hp_gate_put_clock(g, &clock);
    for (uint32_t n = 0; n < 4; n++) limit(g, HP_DIMENSION_STRATEGY, n);
    limit(g, HP_DIMENSION_ACCOUNT, 0);
    limit(g, HP_DIMENSION_VENUE, 0);
    for (uint32_t id = 1; id <= INSTRUMENTS; id++) instrument(g, id);
    for (uint32_t n = 0; n < orders; n++) rest(g, &slots[n], n);
    for (uint32_t n = 0; n < INTENTS; n++) wish(&intents[n], n);
    for (uint32_t group = 0; group < groups; group++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        for (uint32_t n = 0; n < GROUP; n++) {
            const hp_intent_t *in = &intents[(group * GROUP + n) % INTENTS];
            now += 100;
            if (moves) { /* the order before has just changed the figures that this one is judged by */
                hp_order_t *o = &slots[at++ % orders];
                hp_footprint_t from = hp_gate_footprint(&abouts[o->instrument], o), to;
                o->filled_lots = !o->filled_lots;
                to = hp_gate_footprint(&abouts[o->instrument], o);
                hp_gate_tread(g, &abouts[o->instrument], &exposures[o->instrument], o, &from, &to);
            }
            passed += judge(g, in, now, &v) == HP_PASS;
        }
        clock_gettime(CLOCK_MONOTONIC, &b);
        took[group] = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / GROUP;
        if (passed != (uint64_t)(group + 1) * GROUP) { printf("refused %u\n", v.verdict); return 1; }
    }
    qsort(took, groups, sizeof *took, ascending);
    printf("%.1f %.1f %llu\n", took[groups / 2], took[groups * 99 / 100], (unsigned long long)passed);
    return 0;
}
