"""A cffi module over the hot path's headers, compiled once per change for these tests."""

from __future__ import annotations

import hashlib
import importlib.util
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
    "risk/bucket",
    "risk/limits",
    "risk/gate",
    "journal/writer",
]
CDEF = """
enum hp_moved { HP_MOVED_REFUSED, HP_MOVED_STATE, HP_MOVED_FACT, HP_MOVED_REPEAT };
int t_apply(hp_order_t *o, const hp_report_t *r, uint64_t now, uint64_t read_lag_ns);
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

typedef struct { uint64_t period_ns, depth_ns, reserve_ns, empty_ns; } hp_bucket_t;
void hp_bucket_init(hp_bucket_t *b, uint64_t per_second, uint64_t burst, uint64_t reserve);
uint64_t hp_bucket_wait(const hp_bucket_t *b, uint64_t now, int may_use_reserve);
void hp_bucket_take(hp_bucket_t *b, uint64_t now);

typedef struct {
    uint64_t strategies; uint32_t accounts; uint32_t kinds;
    int64_t order_lots_max; int64_t position_lots_max;
    uint32_t open_orders_max; int32_t band_bps; uint64_t stale_ns, spare_ns;
    } hp_instrument_limits_t;
typedef struct {
    int64_t working_buy_lots, working_sell_lots; uint32_t open_orders; ...; } hp_exposure_t;
typedef struct { uint32_t words; uint32_t is_armed; hp_bucket_t orders[32];
    hp_time_record_t clock; uint64_t clock_ns_max; uint64_t warns;
    hp_limit_lease_t lease; } hp_gate_t;
uint32_t hp_gate_check(hp_gate_t *g, const hp_intent_t *in, const hp_instrument_t *i,
                       const hp_instrument_limits_t *limits, const hp_lane_position_t *position,
                       const hp_exposure_t *exposure, uint64_t now, hp_verdict_t *v);

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


@pytest.fixture(scope="session")
def steps():
    """The compiled module: .ffi and .lib."""
    from hotpath.abi.declare import cffi_blocks, prototypes
    from runtime._shm_build import HEADERS
    from setup import BASE, BUILD, FLAGS

    ffi = FFI()
    digest = hashlib.sha256((CDEF + SOURCE + BUILD).encode())
    for name in HEADERS:
        text = (ROOT / "hotpath" / "abi" / f"{name}.h").read_text()
        ffi.cdef(cffi_blocks(text) + "\n" + prototypes(text))
        digest.update(text.encode())
    ffi.cdef(CDEF)
    for name in STEPS:
        digest.update((ROOT / "hotpath" / f"{name}.h").read_bytes())
    module = f"_steps_{digest.hexdigest()[:16]}"
    folder = ROOT / "build" / "steps"
    folder.mkdir(parents=True, exist_ok=True)
    found = list(folder.glob(f"{module}*.so"))
    if not found:
        cflags, ldflags = FLAGS[BUILD]
        includes = [f'#include "{name}.h"' for name in HEADERS] + [
            f'#include "hotpath/{name}.h"' for name in STEPS
        ]
        ffi.set_source(
            module,
            "\n".join(includes) + SOURCE,
            include_dirs=[str(ROOT / "hotpath" / "abi"), str(ROOT)],
            extra_compile_args=["-std=c11", *BASE, "-Wno-unused-function", *cflags],
            extra_link_args=ldflags,
        )
        found = [Path(ffi.compile(tmpdir=str(folder)))]
    spec = importlib.util.spec_from_file_location(module, found[0])
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
