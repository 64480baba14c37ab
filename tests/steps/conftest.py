"""A cffi module over the hot path's headers, compiled once per change for these tests."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import sys
from pathlib import Path

import pytest
from cffi import FFI

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
STEPS = [
    "order/state",
    "order/table",
    "order/position",
    "order/ttl",
    "order/pace",
    "order/mark",
    "risk/bucket",
    "risk/governor",
    "risk/scope",
    "risk/pulse",
    "risk/own",
    "risk/figures",
    "risk/case",
    "risk/gate_quota",
    "risk/gate_who",
    "risk/gate_market",
    "risk/gate_limits",
    "risk/reservation",
    "risk/gate",
    "journal/writer",
]
CDEF = """
enum hp_moved { HP_MOVED_REFUSED, HP_MOVED_STATE, HP_MOVED_FACT, HP_MOVED_REPEAT };
int t_apply(hp_order_t *o, const hp_report_t *r, uint64_t now, uint64_t read_lag_ns);
int64_t hp_order_exposed_lots(const hp_order_t *o);
uint32_t t_transition(uint32_t state, uint32_t kind);

typedef struct { ...; } hp_orders_t;
size_t hp_orders_bytes(uint32_t capacity);
void hp_orders_init(hp_orders_t *t, void *memory, uint32_t capacity);
hp_order_t *hp_orders_find(const hp_orders_t *t, uint64_t client_id);
hp_order_t *hp_orders_add(hp_orders_t *t, uint64_t client_id);
void hp_orders_settle(hp_orders_t *t, hp_order_t *o);
hp_order_t *hp_orders_working(const hp_orders_t *t, uint32_t position);
uint32_t t_working_count(const hp_orders_t *t);

typedef struct { ...; } hp_fills_t;
int hp_fills_take(hp_fills_t *f, uint32_t account, uint32_t instrument, uint64_t trade_id,
                  uint8_t side);
int hp_position_fill(hp_lane_position_t *p, const hp_instrument_t *i, uint8_t position_side,
                     uint8_t side, int64_t price_ticks, int64_t lots, int64_t fee_e8);
#define HP_FILLS_KEPT 32768

typedef struct { uint8_t layer, is_emergency; uint32_t trades_per_s, queue, distance_bps,
    toxicity_permille; int64_t volatility_e8; ...; } hp_ttl_case_t;
uint64_t hp_ttl_ns(const hp_ttl_rule_t *r, const hp_ttl_case_t *c);
typedef struct { uint32_t per_s; int64_t mean_e4; ...; } hp_pace_t;
void hp_pace_trade(hp_pace_t *p, uint64_t trades, int64_t lots, uint64_t now);
uint32_t hp_pace_now(hp_pace_t *p, uint64_t now);
uint32_t hp_pace_orders(const hp_pace_t *p, int64_t lots);
int hp_order_mark(hp_order_t *o, uint8_t cause);
uint8_t hp_cancel_advice(uint8_t reason);

typedef struct { uint64_t period_ns, depth_ns, reserve_ns, empty_ns; } hp_bucket_t;
void hp_bucket_init(hp_bucket_t *b, uint64_t per_second, uint64_t burst, uint64_t reserve);

typedef struct {
    int64_t working_buy_lots, working_sell_lots; uint32_t open_orders, account;
    int64_t closing_lots[3]; } hp_exposure_t;
typedef struct { int64_t room_e8[2]; hp_bucket_t bucket; hp_limit_t limit;
    uint64_t ready_until_ns, shut_until_ns, cool_until_ns, half_end_ns;
    int64_t loss_e8, drawdown_bps, open_orders, failures, refused;
    int64_t orders[2], cancels[2], traded[2]; ...; } hp_scope_t;
typedef struct { int64_t band_low_ticks, band_high_ticks, fence_e8, size_lots_max, volume_lots_max;
    uint64_t frozen_until_ns, hours_span_ns; int64_t half_ticks, sigma_e8, usual_e4;
    uint64_t usual_count, slot_end_ns; uint32_t slot; ...; } hp_pulse_t;
typedef struct { uint32_t count; ...; } hp_own_t;
typedef struct { hp_lane_quota_t now; hp_quota_rule_t rule; uint64_t pace_ns, utc_less_mono_ns;
    ...; } hp_governor_t;
typedef struct { uint32_t mode, scope; int64_t found, wanted; uint64_t retry_ns; } hp_quota_no_t;
void hp_governor_init(hp_governor_t *g);
void hp_governor_put_rule(hp_governor_t *g, const hp_quota_rule_t *rule);
int hp_governor_turn(hp_governor_t *g, uint64_t utc_less_mono_ns, uint64_t now);
int hp_governor_sent(hp_governor_t *g, const hp_quota_cost_t *cost, uint64_t request_id,
                     uint64_t now);
void hp_governor_paced(hp_governor_t *g, uint64_t now);
void hp_governor_answered(hp_governor_t *g, uint64_t request_id);
int hp_governor_told(hp_governor_t *g, const hp_quota_told_t *t, uint64_t now);
int hp_governor_allows(const hp_governor_t *g, uint32_t rank, uint32_t what, uint64_t now,
                       hp_quota_no_t *no);
uint32_t hp_governor_what(const hp_intent_t *in);
typedef struct { uint32_t words; uint32_t is_armed; hp_time_record_t clock; hp_gate_rule_t rule;
    hp_limit_lease_t lease; hp_leader_lease_t leader; uint64_t utc_less_mono_ns, day;
    uint32_t told_accounts, told_venues; hp_governor_t quota; hp_own_t own; ...; } hp_gate_t;
hp_gate_t *t_gate(const hp_order_t *slots, uint32_t capacity);
void t_gate_free(hp_gate_t *g);
hp_scope_t *hp_gate_scope(hp_gate_t *g, uint32_t dimension, uint32_t id);
hp_pulse_t *t_pulse(hp_gate_t *g, uint32_t instrument);
int hp_gate_put_limit(hp_gate_t *g, const hp_limit_t *l, uint64_t now);
void t_put_rule(hp_gate_t *g, uint32_t instrument, const hp_instrument_limits_t *l);
int64_t t_sum(const hp_scope_t *s, uint32_t which);
int t_is_as_made(const hp_scope_t *s);
void hp_gate_expose(hp_gate_t *g, const hp_instrument_t *i, hp_exposure_t *e, const hp_order_t *o,
                    int sign);
void hp_gate_placed(hp_gate_t *g, const hp_instrument_t *i, const hp_instrument_limits_t *l,
                    const hp_order_t *o, uint64_t now);
void hp_gate_cancelled(hp_gate_t *g, const hp_instrument_t *i, const hp_order_t *o, uint64_t now);
void hp_gate_refused(hp_gate_t *g, const hp_instrument_t *i, const hp_order_t *o, uint64_t now);
void hp_gate_accepted(hp_gate_t *g, const hp_instrument_t *i, const hp_order_t *o);
void hp_gate_filled(hp_gate_t *g, const hp_instrument_t *i, hp_exposure_t *e,
                    const hp_lane_position_t *p, const hp_order_t *o, const hp_report_t *r,
                    uint32_t strategies, uint64_t now);
void hp_gate_revalue(hp_gate_t *g, const hp_instrument_t *i, const hp_exposure_t *e,
                     const hp_lane_position_t *p, uint32_t strategies);
void hp_gate_follow(hp_gate_t *g, const hp_instrument_t *i, const hp_exposure_t *e,
                    const hp_lane_position_t *p, uint32_t strategies);
void hp_gate_opened(hp_gate_t *g);
void hp_gate_put_clock(hp_gate_t *g, const hp_time_record_t *clock);
void hp_gate_new_day(hp_gate_t *g, uint64_t day);
void hp_gate_settle(hp_gate_t *g, const hp_instrument_t *i, uint32_t account, uint32_t strategy,
                    uint64_t now);
void hp_gate_refused_share(hp_gate_t *g, const hp_verdict_t *v);
void hp_own_move(hp_own_t *own, const hp_order_t *o);
void hp_own_add(hp_own_t *own, const hp_order_t *o);
void hp_own_remove(hp_own_t *own, const hp_order_t *o);
const hp_order_t *hp_own_facing(const hp_own_t *own, uint32_t account, uint32_t instrument,
                                uint32_t side);
void hp_pulse_mid(hp_pulse_t *p, const hp_instrument_limits_t *rule, const hp_limit_t *l,
                  int64_t half_ticks, uint64_t now);
void hp_pulse_mark(hp_pulse_t *p, const hp_instrument_t *i, int64_t mark_e8);
void hp_pulse_placed(hp_pulse_t *p, const hp_instrument_limits_t *l, int64_t lots);
void hp_pulse_set(hp_pulse_t *p, const hp_instrument_limits_t *l);
uint32_t hp_gate_check(hp_gate_t *g, const hp_intent_t *in, const hp_instrument_t *i,
                       const hp_instrument_limits_t *limits, const hp_lane_position_t *position,
                       const hp_exposure_t *exposure, uint64_t now, hp_verdict_t *v);

int64_t hp_reserve_touch(const hp_instrument_t *i, const hp_intent_t *in);
int64_t hp_reserve_touches(const hp_instrument_t *i, const hp_intent_t *in,
                           const hp_order_t *target);
int64_t hp_reserve_order(const hp_instrument_t *i, const hp_order_t *o);
int64_t hp_reserve_position(const hp_instrument_t *i, const hp_lane_position_t *p);
int64_t hp_reserve_share(int64_t amount, int64_t rate_e8);
uint64_t t_divide(uint64_t seed, uint64_t count);
int hp_funds_balance(hp_lane_funds_t *f, int64_t balance_e8, uint64_t said_ns);
int hp_reserve_allows(hp_lane_funds_t *all, const hp_instrument_t *i, const hp_intent_t *in,
                      const hp_order_t *target, hp_verdict_t *v);

typedef struct { uint64_t number; uint64_t sequence; ...; } hp_journal_writer_t;
size_t hp_journal_bytes(uint64_t segment_bytes, uint64_t segment_count);
void hp_journal_init(hp_journal_writer_t *w, void *memory, uint64_t segment_bytes,
                     uint64_t segment_count, uint32_t lane, uint64_t epoch,
                     const hp_journal_clock_t *clock);
int hp_journal_append(hp_journal_writer_t *w, uint16_t kind, uint32_t aux, uint64_t recv_ns,
                      uint64_t mono_ns, const void *payload, uint32_t length);
void hp_journal_clock(hp_journal_writer_t *w, uint64_t mono_ns, uint64_t real_ns,
                      uint64_t uncertainty_ns, uint64_t tsc);
void t_write(hp_journal_writer_t *w, uint64_t count, uint32_t words_max);
"""
SOURCE = """
#include <stdlib.h>
static hp_gate_t *t_gate(const hp_order_t *slots, uint32_t capacity) {
    hp_gate_t *g = aligned_alloc(64, (sizeof *g + 63) & ~63ul);
    memset(g, 0, sizeof *g);
    hp_gate_init(g);
    hp_own_init(&g->own, calloc(capacity, sizeof(hp_own_node_t)), slots, capacity);
    return g; }
static void t_gate_free(hp_gate_t *g) { free(g->own.nodes); free(g); }
static hp_pulse_t *t_pulse(hp_gate_t *g, uint32_t n) { return &g->pulses[n]; }
static void t_put_rule(hp_gate_t *g, uint32_t n, const hp_instrument_limits_t *l) {
    hp_pulse_set(&g->pulses[n], l); }
static int64_t t_sum(const hp_scope_t *s, uint32_t which) {
    const hp_wide_t sums[] = { s->position_e8, s->gross_e8, s->buying_e8, s->selling_e8, s->pnl_e8,
                               s->leverage_gross_e8, s->peak_e8, s->day_pnl_e8 };
    return hp_held(sums[which]); }
static int t_is_as_made(const hp_scope_t *s) {
    hp_scope_t anew = *s;
    if (s->ready_until_ns == 0) return 1;
    hp_scope_make(&anew);
    return memcmp(&anew, s, sizeof anew) == 0; }
/* A number of any width, often near a power of two or ten. */
static uint64_t t_draw(uint64_t *seed) {
    uint64_t z = (*seed += 0x9e3779b97f4a7c15ull);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    if (z % 5 == 0) return ((uint64_t)1 << (z >> 8) % 64) + (z >> 16) % 5 - 2;
    if (z % 5 == 1) return (uint64_t)hp_pow10((int)((z >> 8) % 19)) + (z >> 16) % 5 - 2;
    return z >> (z >> 3) % 64; }
/* Divisions as they are written in books, of random numbers: how many disagree? */
static uint64_t t_divide(uint64_t seed, uint64_t count) {
    uint64_t wrong = 0;
    for (uint64_t n = 0; n < count; n++) {
        hp_uwide_t size = (hp_uwide_t)t_draw(&seed) << 64 | t_draw(&seed);
        if (seed & 1) size = (uint64_t)size;
        hp_wide_t a = (hp_wide_t)(size >> 1), b = (hp_wide_t)(t_draw(&seed) >> 1), q, r;
        if (seed & 2) a = -a;
        if (b == 0) b = 1;
        q = a / b;
        r = a % b;
        wrong += hp_wide_div(a, b, HP_ROUND_DOWN) != q - (r < 0);
        wrong += hp_wide_div(a, b, HP_ROUND_UP) != q + (r > 0);
        int64_t amount = (int64_t)(t_draw(&seed) >> 1);
        int64_t rate = (int64_t)(t_draw(&seed) % 6400000000ull);
        hp_wide_t share = ((hp_wide_t)amount * rate + 99999999) / 100000000;
        wrong += hp_reserve_share(amount, rate) != hp_narrow(share);
        hp_instrument_t plain, made;
        memset(&plain, 0, sizeof plain);
        plain.contract = (uint8_t)(1 + t_draw(&seed) % 3);
        plain.price_decimals = (int8_t)(t_draw(&seed) % 11);
        plain.size_decimals = (int8_t)(t_draw(&seed) % 9);
        plain.multiplier_e8 = (int64_t)(t_draw(&seed) % 100000000001ull);
        made = plain;
        hp_instrument_make(&made);
        int64_t ticks = (int64_t)(t_draw(&seed) >> 1), lots = (int64_t)(t_draw(&seed) >> 1);
        if (seed & 4) lots = -lots;
        for (int up = 0; up < 2; up++) {
            int64_t slow = hp_instrument_notional_any(&plain, ticks, lots, up);
            int64_t fast = hp_instrument_notional(&made, ticks, lots, up);
            wrong += slow != fast && slow != HP_MONEY_BAD; /* the quick way may reach further */
        }
    }
    return wrong; }
static int t_apply(hp_order_t *o, const hp_report_t *r, uint64_t now, uint64_t lag) {
    return (int)hp_order_apply(o, r, now, lag); }
static uint32_t t_transition(uint32_t state, uint32_t kind) { return hp_transitions[state][kind]; }
static uint32_t t_working_count(const hp_orders_t *t) { return t->working_count; }
/* Append records whose words are all the record's own sequence. */
static void t_write(hp_journal_writer_t *w, uint64_t count, uint32_t words_max) {
    uint64_t words[640] = { 0 }; /* 5000 bytes are appended from it */
    for (uint64_t n = 0; n < count; n++) {
        uint32_t size = (uint32_t)(1 + n * 7 % words_max);
        if (w->at + 5000 > w->end) hp_journal_append(w, 65, 0, 0, 1, words, 5000); /* roll here */
        for (uint32_t k = 0; k < size; k++) words[k] = w->sequence + 1;
        hp_journal_append(w, 64, size, 0, 1, words, size * 8);
    }
}
"""


def module_name():
    """Return the module's name: of all that it is made of."""
    from runtime._shm_build import HEADERS
    from setup import BUILD

    digest = hashlib.sha256((CDEF + SOURCE + BUILD).encode())
    for name in [*(f"abi/{one}" for one in HEADERS), *STEPS]:
        digest.update((ROOT / "hotpath" / f"{name}.h").read_bytes())
    return f"_steps_{digest.hexdigest()[:16]}"


def builder():
    """Return cffi's builder of the module; nothing is compiled yet."""
    from hotpath.abi.declare import cffi_blocks, prototypes
    from runtime._shm_build import HEADERS
    from setup import BASE, BUILD, FLAGS

    ffi = FFI()
    for name in HEADERS:
        text = (ROOT / "hotpath" / "abi" / f"{name}.h").read_text()
        ffi.cdef(cffi_blocks(text) + "\n" + prototypes(text))
    ffi.cdef(CDEF)
    cflags, ldflags = FLAGS[BUILD]
    includes = [f'#include "{name}.h"' for name in HEADERS] + [
        f'#include "hotpath/{name}.h"' for name in STEPS
    ]
    ffi.set_source(
        module_name(),
        "\n".join(includes) + SOURCE,
        include_dirs=[str(ROOT / "hotpath" / "abi"), str(ROOT)],
        extra_compile_args=["-std=c11", *BASE, "-Wno-unused-function", *cflags],
        extra_link_args=ldflags,
    )
    return ffi


@pytest.fixture(scope="session")
def steps():
    """The compiled module: .ffi and .lib; CORELANE_STEPS names another build (mutants.py)."""
    module = module_name()
    folder = ROOT / "build" / "steps"
    folder.mkdir(parents=True, exist_ok=True)
    other = os.environ.get("CORELANE_STEPS")
    with (folder / "lock").open("w") as lock:  # of workers that run at the same time one compiles
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = [Path(other)] if other else list(folder.glob(f"{module}*.so"))
        if not found:
            found = [Path(builder().compile(tmpdir=str(folder)))]
    spec = importlib.util.spec_from_file_location(module, found[0])
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def case(steps):
    """An intent that passes; tests bend one thing."""
    from tests.steps.gate_case import Case

    return Case(steps)
