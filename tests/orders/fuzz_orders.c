/* fuzz_orders.c - a lane's orders, positions and money beside a venue that is obviously right.
 *
 * usage: fuzz_orders SEED SEQUENCES.  A sequence is the life of up to three orders on one of three
 * instruments (linear cross, inverse isolated, spot): placed, changed, cancelled, filled, lost; its words
 * come late, twice, out of order or never, and then everything that can still be told is told.
 *
 * After each event: debug assertions (money is conserved: free + reserved + used = total, orders' and
 * positions' parts add up), and what is open at the venue is covered: the lane exposes and holds at
 * least as much.  After each sequence: states, positions, profit, fees, wallets and reservations are
 * the venue's to the last unit.  Exit 1 names the first difference. */
#include <stdio.h>

#include "hotpath/lane/inputs.h"
#include "hotpath/lane/park.h"

#define ORDERS 3
#define WORDS 512
#define ASSETS 4
#define LAG_NS 5000000u
#define DEADLINE_MS 2u
#define SLOTS 32u

enum { LINEAR = 1, INVERSE = 2, SPOT = 3 };

typedef struct truth {           /* an order at the venue */
    uint64_t client_id, venue_id;
    uint32_t instrument;
    uint8_t  side, state;        /* 0 = never arrived */
    int64_t  price, lots, filled;
    uint64_t changed_ns;         /* of the version */
} truth_t;

static hp_lane_t *lane;
static truth_t orders[ORDERS];
static int order_count;
static hp_report_t words[WORDS], fills[WORDS], heard[WORDS];
static int word_count, fill_count, heard_count;
static hp_request_t requests[64];
static uint64_t sent_ns[64];
static int request_count;
static uint64_t random_state, venue_ns, trade_id, last_venue_id, wanted[4], sequence, events;
static int64_t held[4], notional[4], profit[4], fees[4], wallet[ASSETS + 1];
static uint64_t counts[8];
static int is_losing;

static uint32_t below(uint32_t limit) /* xorshift */
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 11) % limit;
}

static void fail(const char *what, int64_t found, int64_t want)
{
    printf("sequence %llu: %s is %lld, the venue's is %lld\n", (unsigned long long)sequence, what, (long long)found, (long long)want);
    exit(1);
}

static void equal(const char *what, int64_t found, int64_t want) { if (found != want) fail(what, found, want); }

/* -- the lane's seams ------------------------------------------------------------------------------ */

static uint64_t env_now(void *self) { (void)self; return lane->now_ns; }
static uint64_t env_tsc(void *self) { (void)self; return 0; }
static int env_send(void *self, char *data, size_t size)
{
    (void)self;
    if (below(40) == 0) return 0;
    if (request_count == 64) return 1; /* the venue never sees it */
    sent_ns[request_count] = lane->now_ns;
    memcpy(&requests[request_count++], data, size);
    return 1;
}
static void env_want(void *self, uint32_t what, uint32_t aux)
{
    (void)self;
    if (what != HP_WANT_TRADES) return;
    for (uint32_t id = 1; id < 4; id++) if (aux == 0 || aux == id) wanted[id] = 1;
}
static size_t encode(void *state, const hp_request_t *request, char *to, size_t room)
{
    (void)state;
    if (room < sizeof *request) return 0;
    memcpy(to, request, sizeof *request);
    return sizeof *request;
}

/* -- the venue ------------------------------------------------------------------------------------- */

static truth_t *known(uint64_t client_id)
{
    for (int n = 0; n < order_count; n++) if (orders[n].client_id == client_id) return &orders[n];
    return NULL;
}

static void tell(const hp_report_t *r)
{
    if (is_losing && below(12) == 0) return; /* never heard */
    if (word_count < WORDS) words[word_count++] = *r;
}

static hp_report_t about(const truth_t *t, uint8_t kind)
{
    hp_report_t r;
    memset(&r, 0, sizeof r);
    r.kind = kind;
    r.client_id = t->client_id;
    r.venue_id = t->venue_id;
    r.instrument = t->instrument;
    r.side = t->side;
    r.state = kind == HP_REPORT_ACK ? HP_ORDER_NONE : t->state;
    r.price_ticks = t->price;
    r.lots = t->lots;
    r.cum_lots = t->filled;
    r.match_ns = (int64_t)venue_ns;
    return r;
}

static int is_open(const truth_t *t) { return t->state == HP_ORDER_LIVE || t->state == HP_ORDER_PARTIAL; }

static void say_balance(uint32_t asset)
{
    hp_report_t r;
    memset(&r, 0, sizeof r);
    r.kind = HP_REPORT_BALANCE;
    r.asset = asset;
    r.balance_e8 = wallet[asset];
    r.match_ns = (int64_t)venue_ns;
    tell(&r);
}

static void end(truth_t *t, uint8_t state)
{
    if (!is_open(t)) return;
    venue_ns += below(2) * 1000;
    t->state = state;
    hp_report_t r = about(t, state == HP_ORDER_CANCELED ? HP_REPORT_CANCELED : HP_REPORT_EXPIRED);
    tell(&r);
}

/* Notional of a fill as it is written in a contract: coins of 100 units of quote each, or price x size. */
static int64_t worth(const hp_instrument_t *i, int64_t ticks, int64_t lots, int is_buy)
{
    if (i->contract != HP_CONTRACT_INVERSE) return ticks * lots * 1000;
    hp_wide_t coins = (hp_wide_t)lots * 10000000000 * 100, by = (hp_wide_t)ticks * 1000;
    return (int64_t)(coins / by + (!is_buy && coins % by != 0));
}

static void trade(truth_t *t)
{
    int64_t lots = 1 + below(5), left = t->lots - t->filled;
    if (!is_open(t)) return;
    venue_ns += 1000; /* fills of one moment would leave a balance in doubt */
    if (lots > left) lots = left;
    t->filled += lots;
    t->state = t->filled == t->lots ? HP_ORDER_FILLED : HP_ORDER_PARTIAL;
    const hp_instrument_t *i = &lane->instruments[t->instrument].about;
    hp_report_t r = about(t, HP_REPORT_FILL);
    r.last_lots = lots;
    r.last_ticks = t->price + (t->side == HP_SIDE_BUY ? -(int64_t)below(3) : (int64_t)below(3));
    r.trade_id = ++trade_id;
    r.fee_e8 = (int64_t)below(1000);
    r.pnl_e8 = t->instrument == SPOT ? 0 : (int64_t)below(2000) - 1000;
    r.asset = below(2) ? i->settle_asset : 0;
    int sign = t->side == HP_SIDE_BUY ? 1 : -1;
    int64_t money = worth(i, r.last_ticks, lots, sign > 0);
    held[t->instrument] += sign * lots;
    notional[t->instrument] += sign * money;
    profit[t->instrument] += r.pnl_e8;
    fees[t->instrument] += r.fee_e8;
    wallet[i->settle_asset] += r.pnl_e8 - r.fee_e8;
    if (t->instrument == SPOT) {
        wallet[i->settle_asset] -= sign * money;
        wallet[i->base_asset] += sign * lots * 100000;
    }
    if (fill_count < WORDS) fills[fill_count++] = r;
    tell(&r);
    say_balance(i->settle_asset);
    if (t->instrument == SPOT) say_balance(i->base_asset);
    counts[0]++;
}

/* One request arrives. */
static void serve(void)
{
    if (request_count == 0) return;
    hp_request_t q = requests[0];
    int is_late = lane->now_ns > sent_ns[0] + DEADLINE_MS * 1000000u; /* the venue's own fence */
    memmove(requests, requests + 1, (size_t)--request_count * sizeof requests[0]);
    memmove(sent_ns, sent_ns + 1, (size_t)request_count * sizeof sent_ns[0]);
    venue_ns += below(2) * 1000;
    truth_t *t = known(q.client_id);
    if (t == NULL) return;
    hp_report_t r;
    if (q.kind == HP_REQUEST_PLACE) {
        uint32_t fate = below(12);
        if (fate == 0) return; /* lost */
        t->venue_id = ++last_venue_id;
        t->changed_ns = venue_ns;
        if (fate == 1 || is_late) {
            t->state = HP_ORDER_REJECTED;
            r = about(t, HP_REPORT_REJECT);
            r.lots = 0;
        } else {
            t->state = HP_ORDER_LIVE;
            r = about(t, HP_REPORT_ACK);
            tell(&r);
        }
    } else if (q.kind == HP_REQUEST_CANCEL) {
        int was_open = is_open(t) && !is_late;
        if (was_open) end(t, HP_ORDER_CANCELED);
        r = about(t, was_open ? HP_REPORT_CANCELED : HP_REPORT_CANCEL_REJECT);
        if (!was_open) r.error = is_late ? HP_ERROR_CLOCK : HP_ERROR_UNKNOWN_ORDER, r.lots = 0, r.cum_lots = 0;
    } else if (q.kind == HP_REQUEST_REPLACE) {
        if (!is_open(t) || is_late || (q.price_ticks == t->price && q.lots == t->lots)) {
            r = about(t, HP_REPORT_CANCEL_REJECT);
            r.error = is_open(t) ? HP_ERROR_FILTER : HP_ERROR_UNKNOWN_ORDER;
            r.lots = r.cum_lots = 0;
        } else if (q.lots <= t->filled) {
            end(t, HP_ORDER_CANCELED);
            r = about(t, HP_REPORT_CANCELED);
        } else {
            t->price = q.price_ticks;
            t->lots = q.lots;
            r = about(t, HP_REPORT_REPLACED);
            tell(&r);
            counts[1]++;
        }
    } else {
        r = about(t, t->state == HP_ORDER_NONE || t->state == HP_ORDER_REJECTED ? HP_REPORT_NOT_FOUND : HP_REPORT_STATUS);
        if (r.kind == HP_REPORT_NOT_FOUND) r.lots = 0, r.venue_id = 0;
    }
    r.request = q.kind;
    r.request_id = q.request_id;
    r.recv_ns = lane->now_ns; /* asked and answered in this moment */
    tell(&r);
}

/* -- between the two ------------------------------------------------------------------------------- */

static int64_t needed(const truth_t *t)
{
    return hp_reserve_need(&lane->instruments[t->instrument].about, t->side, t->price, t->lots - t->filled);
}

/* What rests at the venue is exposed and held here, whatever has been heard. */
static void check_cover(void)
{
    for (uint32_t id = 1; id < 4; id++) {
        int64_t buy = 0, sell = 0;
        for (int n = 0; n < order_count; n++) {
            const truth_t *t = &orders[n];
            if (t->instrument != id || !is_open(t)) continue;
            const hp_order_t *o = hp_orders_find(&lane->orders, t->client_id);
            HP_ASSERT(o != NULL);
            if (o->reserved_e8 < needed(t)) fail("reservation of an open order", o->reserved_e8, needed(t));
            *(t->side == HP_SIDE_BUY ? &buy : &sell) += t->lots - t->filled;
        }
        const hp_exposure_t *e = &lane->instruments[id].exposure;
        int64_t ours = lane->page->positions[id].lots[0];
        if (ours + e->working_buy_lots < held[id] + buy) fail("worst long", ours + e->working_buy_lots, held[id] + buy);
        if (ours - e->working_sell_lots > held[id] - sell) fail("worst short", ours - e->working_sell_lots, held[id] - sell);
    }
}

static void hear(const hp_report_t *word)
{
    hp_report_t r = *word;
    if (r.recv_ns == 0) r.recv_ns = lane->now_ns;
    lane->recv_ns = lane->now_ns;
    hp_lane_report(lane, &r);
    if (heard_count < WORDS) heard[heard_count++] = *word;
    hp_lane_check_funds(lane);
    events++;
}

static void hear_any(void)
{
    if (word_count == 0) return;
    int n = (int)below((uint32_t)word_count);
    hp_report_t r = words[n];
    words[n] = words[--word_count];
    hear(&r);
}

static void hear_trades(void) /* the venue's list: no client id, no size of the order */
{
    for (int n = 0; n < fill_count; n++) {
        if (!wanted[fills[n].instrument]) continue;
        hp_report_t r = fills[n];
        r.client_id = 0;
        r.request = HP_REQUEST_STATUS;
        r.state = 0;
        r.price_ticks = r.lots = r.cum_lots = 0;
        hear(&r);
    }
    memset(wanted, 0, sizeof wanted);
}

static void pass(uint64_t ns)
{
    lane->now_ns += ns;
    hp_lane_order_timers(lane);
    hp_lane_check_funds(lane);
}

static void place(void)
{
    if (order_count == ORDERS) return;
    hp_intent_t in;
    memset(&in, 0, sizeof in);
    in.id = ++lane->intent_sequence;
    in.kind = HP_INTENT_PLACE;
    in.instrument = 1 + below(3);
    in.side = (uint8_t)(1 + below(2));
    in.type = HP_TYPE_LIMIT;
    in.time_in_force = HP_TIF_GTC;
    in.price_ticks = 10000 + below(5);
    in.lots = 1 + below(9);
    in.book_state = HP_BOOK_SYNCED;
    in.recv_ns = lane->now_ns;
    in.bid_ticks = 10001;
    in.ask_ticks = 10003;
    in.bid_lots = in.ask_lots = 5;
    uint64_t before = lane->client_sequence, sent = lane->count->orders_sent;
    int had = request_count;
    hp_lane_judge(lane, &in);
    if (lane->client_sequence == before) { counts[2]++; return; } /* refused */
    counts[3]++;
    if (lane->count->orders_sent == sent) return; /* not a byte left */
    HP_ASSERT(request_count == had + 1 || had == 64);
    orders[order_count++] = (truth_t){ hp_client_id(1, 0, lane->client_sequence), 0, in.instrument, in.side, 0, in.price_ticks, in.lots, 0, 0 };
}

static void wish(uint8_t kind)
{
    if (order_count == 0) return;
    const truth_t *t = &orders[below((uint32_t)order_count)];
    const hp_order_t *o = hp_orders_find(&lane->orders, t->client_id);
    hp_intent_t in;
    memset(&in, 0, sizeof in);
    in.id = ++lane->intent_sequence;
    in.kind = kind;
    in.target = t->client_id;
    in.instrument = t->instrument;
    in.side = t->side;
    in.type = HP_TYPE_LIMIT;
    in.time_in_force = HP_TIF_GTC;
    in.price_ticks = below(3) ? 10000 + below(5) : o->price_ticks;
    in.lots = 1 + below(14);
    in.book_state = HP_BOOK_SYNCED;
    in.recv_ns = lane->now_ns;
    in.bid_ticks = 10001;
    in.ask_ticks = 10003;
    in.bid_lots = in.ask_lots = 5;
    hp_lane_judge(lane, &in);
}

/* Everything that can still be told. */
static void settle(void)
{
    for (int n = 0; n < order_count; n++) if (below(2)) end(&orders[n], HP_ORDER_CANCELED);
    is_losing = 0;
    for (int turn = 0; turn < 60; turn++) {
        while (request_count > 0) serve();
        for (int n = 0; n < order_count && turn > 3; n++) end(&orders[n], HP_ORDER_EXPIRED);
        while (word_count > 0) hear_any();
        if (turn % 4 == 3) {
            hp_lane_session(lane, HP_SOCKET_USER, HP_SESSION_OPEN);
            hp_lane_session(lane, HP_SOCKET_USER, HP_SESSION_CURRENT);
        }
        hear_trades();
        pass(2 * LAG_NS);
        int missing = 0;
        for (int n = 0; n < order_count; n++) {
            const hp_order_t *o = hp_orders_find(&lane->orders, orders[n].client_id);
            missing |= o == NULL || hp_order_is_working(o->state) || hp_order_missing_lots(o) > 0;
        }
        if (!missing && lane->orders.working_count == 0 && request_count == 0 && word_count == 0 && turn > 4) break;
    }
}

static void check_end(void)
{
    int64_t kept[ASSETS + 1] = { 0 };
    equal("working orders", lane->orders.working_count, 0);
    for (int n = 0; n < order_count; n++) {
        const truth_t *t = &orders[n];
        const hp_order_t *o = hp_orders_find(&lane->orders, t->client_id);
        equal("state", o->state, t->state == HP_ORDER_NONE ? HP_ORDER_REJECTED : t->state);
        equal("filled lots", o->filled_lots, t->filled);
        equal("lots", o->lots, t->state == HP_ORDER_NONE || t->state == HP_ORDER_REJECTED ? o->lots : t->lots);
        equal("reservation of an ended order", o->reserved_e8, 0);
    }
    for (uint32_t id = 1; id < 4; id++) {
        const hp_lane_position_t *p = &lane->page->positions[id];
        const hp_instrument_t *i = &lane->instruments[id].about;
        equal("position", p->lots[0], held[id]);
        if (held[id] == 0) equal("cost of nothing", p->cost_e8[0], 0);
        int64_t earned = id == INVERSE ? -p->realised_e8 : p->realised_e8; /* of coins: in less out */
        equal("profit and open cost", earned - p->cost_e8[0], -notional[id]);
        equal("venue's profit", p->venue_pnl_e8, profit[id]);
        equal("fees", p->fees_e8, fees[id]);
        equal("exposure", lane->instruments[id].exposure.working_buy_lots + lane->instruments[id].exposure.working_sell_lots, 0);
        kept[i->settle_asset] += hp_reserve_position(i, p);
    }
    for (uint32_t asset = 1; asset <= ASSETS; asset++) {
        const hp_lane_funds_t *f = &lane->page->funds[asset - 1];
        equal("wallet", f->total_e8, wallet[asset]);
        equal("reserved", f->reserved_e8[0] + f->reserved_e8[1] + f->reserved_e8[2], 0);
        equal("free", f->free_e8, wallet[asset] - kept[asset]);
    }
    equal("refused as broken", lane->is_broken, 0);
}

static void instrument(uint32_t id, uint8_t contract, uint8_t margin, uint32_t settle, uint32_t base, uint32_t leverage)
{
    hp_lane_instrument_t *i = &lane->instruments[id];
    i->about.id = id;
    i->about.contract = contract;
    i->about.status = HP_STATUS_TRADING;
    i->about.price_decimals = 2;
    i->about.size_decimals = 3;
    i->about.settle_asset = settle;
    i->about.base_asset = base;
    i->about.leverage = leverage;
    i->about.fee_rate_e8 = 50000;
    i->about.margin = margin;
    i->about.multiplier_e8 = contract == HP_CONTRACT_INVERSE ? 10000000000 : 100000000;
    hp_instrument_make(&i->about);
    i->limits.strategies = i->limits.accounts = 1;
    i->limits.kinds = 14;
    i->limits.order_lots_max = i->limits.position_lots_max = 1000000;
    i->limits.open_orders_max = 100;
    i->limits.band_bps = 10000;
    i->limits.stale_ns = UINT64_MAX;
    i->limits.typical_lots = 1000;
    i->limits.typical_times_max = 1000;
    i->limits.distance_bps_max = 10000;
    i->limits.sigma_tenths = i->limits.volume_share_bps_max = HP_LIMIT_NONE;
    hp_pulse_set(&lane->gate.pulses[id], &i->limits);
    lane->page->instrument_count = id;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    random_state = strtoull(argv[1], NULL, 10) * 2654435761u + 88172645463325252u;
    uint64_t count = strtoull(argv[2], NULL, 10);
    hp_codec_t codec = { .name = "fuzz", .encode = encode };
    lane = calloc(1, sizeof *lane);
    lane->page = calloc(1, sizeof *lane->page);
    lane->instruments = calloc(HP_LANE_INSTRUMENTS_MAX, sizeof *lane->instruments);
    lane->fills = calloc(1, sizeof *lane->fills);
    lane->count = &lane->page->counters;
    lane->codec = &codec;
    lane->epoch = 1;
    lane->now_ns = venue_ns = 1000000000;
    lane->env = (hp_env_t){ .self = lane, .now = env_now, .tsc = env_tsc, .send = env_send, .want = env_want };
    hp_orders_init(&lane->orders, calloc(1, hp_orders_bytes(SLOTS)), SLOTS);
    hp_gate_init(&lane->gate);
    hp_own_init(&lane->gate.own, calloc(SLOTS, sizeof(hp_own_node_t)), lane->orders.slots, SLOTS);
    lane->rests = calloc(SLOTS, sizeof *lane->rests);
    lane->agains = calloc(HP_AGAIN_MAX, sizeof *lane->agains);
    hp_ttl_open(&lane->ttl);
    lane->ack_timeout_ns = LAG_NS;
    lane->read_lag_ns = LAG_NS;
    lane->deadline_ms = DEADLINE_MS;
    lane->inquiry_ns = LAG_NS / 2;
    lane->is_session_ready = lane->is_user_ready = lane->is_open = lane->gate.is_armed = 1;
    lane->gate.rule.self_trade = HP_SELF_TRADE_WARN;
    lane->gate.funds = lane->page->funds;
    for (uint32_t asset = 1; asset <= ASSETS; asset++) lane->page->funds[asset - 1].asset = asset;
    instrument(LINEAR, HP_CONTRACT_LINEAR, HP_MARGIN_CROSS, 1, 0, 7);
    instrument(INVERSE, HP_CONTRACT_INVERSE, HP_MARGIN_ISOLATED, 2, 0, 20);
    instrument(SPOT, HP_CONTRACT_SPOT, HP_MARGIN_NONE, 3, 4, 1);
    wallet[1] = 10000000000; /* at first a few orders' worth: the reservation refuses now and then */
    wallet[2] = 400000000;
    wallet[3] = 300000000000;
    wallet[4] = 10000000;
    for (uint32_t asset = 1; asset <= ASSETS; asset++) say_balance(asset);
    while (word_count > 0) hear_any();
    for (sequence = 1; sequence <= count; sequence++) {
        order_count = fill_count = heard_count = word_count = 0;
        is_losing = below(3) == 0;
        place();
        check_cover();
        for (uint32_t n = 8 + below(40); n > 0; n--) {
            switch (below(16)) {
            case 0: place(); break;
            case 1: case 2: case 3: serve(); break;
            case 4: case 5: if (order_count > 0) trade(&orders[below((uint32_t)order_count)]); break;
            case 6: if (order_count > 0 && below(4) == 0) end(&orders[below((uint32_t)order_count)], HP_ORDER_EXPIRED); break;
            case 7: wish(HP_INTENT_REPLACE); break;
            case 8: if (below(3) == 0) wish(HP_INTENT_CANCEL); break;
            case 9: pass(below(4) ? 1000 : LAG_NS); break;
            case 10: if (heard_count > 0) hear(&heard[below((uint32_t)heard_count)]); break;
            case 11: hear_trades(); break;
            default: hear_any(); break;
            }
            check_cover();
        }
        settle();
        check_end();
    }
    printf("%llu sequences, %llu words, %llu orders, %llu refused, %llu fills, %llu replaced; %llu unknown, %llu inquiries, %llu duplicates\n",
           (unsigned long long)count, (unsigned long long)events, (unsigned long long)counts[3], (unsigned long long)counts[2],
           (unsigned long long)counts[0], (unsigned long long)counts[1], (unsigned long long)lane->count->unknown,
           (unsigned long long)lane->count->inquiries, (unsigned long long)lane->count->fills_duplicate);
    return 0;
}
