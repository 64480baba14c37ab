"""Ring, histogram and fixed point against plain Python."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime._shm import ffi, lib

MONEY_BAD = -(2**63)


@settings(max_examples=200)
@given(st.lists(st.one_of(st.binary(max_size=300), st.none()), max_size=120))
def test_ring_equals_queue(steps_taken):
    """Bytes = put, None = take; refused exactly when the queue says that it cannot fit."""
    capacity = 1024
    memory = ffi.new("uint64_t[]", (384 + capacity) // 8)
    ring = ffi.cast("hp_ring_t *", memory)
    lib.hp_ring_init(ring, capacity)
    queue, refused = [], 0
    for n, step in enumerate(steps_taken):
        if step is None:
            record = lib.hp_ring_peek(ring)
            assert (record == ffi.NULL) is (not queue)
            if queue:
                kind, payload = queue.pop(0)
                assert (
                    record.kind,
                    bytes(ffi.buffer(lib.hp_ring_payload(record), record.length)),
                ) == (kind, payload)
                lib.hp_ring_pop(ring)
        elif lib.hp_ring_put(ring, n, 0, step, len(step)):
            queue.append((n, step))
        else:
            refused += 1
            assert (
                lib.hp_ring_used(ring) + lib.hp_ring_footprint(len(step)) > capacity - 320 or queue
            )
    assert ring.refused == refused
    while queue:
        record = lib.hp_ring_peek(ring)
        assert record.kind == queue.pop(0)[0]
        lib.hp_ring_pop(ring)
    assert lib.hp_ring_peek(ring) == ffi.NULL


def test_ring_refuses_a_record_over_half_its_size():
    memory = ffi.new("uint64_t[]", (384 + 1024) // 8)
    ring = ffi.cast("hp_ring_t *", memory)
    lib.hp_ring_init(ring, 1024)
    assert not lib.hp_ring_put(ring, 1, 0, bytes(600), 600)
    assert ring.refused == 1


@given(st.integers(0, 2**63))
def test_histogram_bucket_holds_its_value(value):
    index = lib.hp_histogram_index(value)
    assert 0 <= index < lib.HP_HISTOGRAM_BUCKETS
    if value < 2**40:
        lower = lib.hp_histogram_upper(index - 1) + 1 if index else 0
        assert lower <= value <= lib.hp_histogram_upper(index)
        assert lib.hp_histogram_upper(index) - lower <= max(0, value / 32)


@settings(max_examples=100)
@given(st.lists(st.integers(0, 2**39), min_size=1, max_size=200), st.integers(1, 1_000_000))
def test_histogram_quantile_is_within_one_bucket_of_the_sorted_list(values, per_million):
    histogram = ffi.new("hp_histogram_t *")
    for value in values:
        lib.hp_histogram_record(histogram, value)
    rank = max(1, -(-len(values) * per_million // 1_000_000))
    exact = sorted(values)[rank - 1]
    found = lib.hp_histogram_quantile(histogram, per_million)
    assert exact <= found <= exact + exact / 32 + 1
    assert (histogram.count, histogram.min, histogram.max) == (
        len(values),
        min(values),
        max(values),
    )


@settings(max_examples=300)
@given(
    st.integers(-(2**62), 2**62),
    st.integers(-(2**62), 2**62),
    st.integers(0, 18),
    st.integers(0, 18),
    st.integers(0, 1),
)
def test_linear_notional_equals_fractions(price, lots, price_decimals, size_decimals, rounding):
    exact = Fraction(price * lots * 10**8, 10 ** (price_decimals + size_decimals))
    whole = exact.numerator // exact.denominator
    if rounding and whole != exact:
        whole += 1
    wanted = whole if -(2**63) < whole < 2**63 else MONEY_BAD
    assert (
        lib.hp_notional_linear(price, lots, price_decimals, size_decimals, 10**8, rounding)
        == wanted
    )


@settings(max_examples=300)
@given(
    st.integers(1, 2**60),
    st.integers(-(2**40), 2**40),
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(1, 10**12),
    st.integers(0, 1),
)
def test_inverse_notional_equals_fractions_or_refuses(
    price, lots, price_decimals, size_decimals, multiplier, rounding
):
    exact = Fraction(lots * multiplier * 10**price_decimals, price * 10**size_decimals)
    whole = exact.numerator // exact.denominator
    if rounding and whole != exact:
        whole += 1
    found = lib.hp_notional_inverse(
        price, lots, price_decimals, size_decimals, multiplier, rounding
    )
    fits = -(2**63) < whole < 2**63 and abs(lots * multiplier) <= 2**126 // 10**price_decimals
    assert found == (whole if fits else MONEY_BAD)


@given(st.integers(-(2**62), 2**62), st.integers(1, 2**62))
def test_division_floors(a, b):
    assert lib.hp_div_floor(a, b) == a // b


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.integers(-(2**63) + 1, 2**63 - 1))
def test_money_addition_refuses_overflow(a, b):
    total = a + b
    assert lib.hp_money_add(a, b) == (total if -(2**63) < total < 2**63 else MONEY_BAD)



def test_held_records_are_seen_all_at_once_or_by_nobody():
    memory = ffi.new("uint64_t[]", (ffi.sizeof("hp_ring_t") + 1024) // 8)
    ring = ffi.cast("hp_ring_t *", memory)
    lib.hp_ring_init(ring, 1024)
    for held in (False, True, True):  # the third time over the ring's end
        if held:
            lib.hp_ring_hold(ring)
        for n in range(8):
            assert lib.hp_ring_put(ring, n, 0, bytes(40), 40)
            assert (lib.hp_ring_peek(ring) == ffi.NULL) == held
        lib.hp_ring_let_go(ring)
        for n in range(8):
            assert lib.hp_ring_peek(ring).kind == n
            lib.hp_ring_pop(ring)
    lib.hp_ring_hold(ring)
    lib.hp_ring_put(ring, 1, 0, bytes(40), 40)
    lib.hp_ring_take_up(ring)  # the writer died; its successor says something else
    lib.hp_ring_put(ring, 2, 0, bytes(40), 40)
    assert lib.hp_ring_peek(ring).kind == 2
    lib.hp_ring_pop(ring)
    assert lib.hp_ring_peek(ring) == ffi.NULL


def test_client_id_keeps_its_three_parts():
    value = lib.hp_client_id(65534, 63, 2**42 - 1)
    assert (value >> 48, value >> 42 & 63, value & (2**42 - 1)) == (65534, 63, 2**42 - 1)
