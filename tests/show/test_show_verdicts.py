"""Verdicts as sentences, and the record of one order found in a journal ring."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime._shm import ffi, lib
from runtime.pages import names
from runtime.pages.figures import duration, money, scaled
from runtime.show import verdicts, why
from runtime.show.verdicts import ROWS, Scale, sentence

BTC = Scale("BTCUSDT", 1, 3)
UNITS = {
    "",
    "ns",
    "bps",
    "money",
    "price",
    "size",
    "words",
    "kind",
    "status",
    "book",
    "order",
    "count",
}


@pytest.mark.parametrize("code", sorted(names.VERDICTS), ids=names.VERDICTS.get)
def test_every_verdict_has_a_sentence_with_units(code):
    row = ROWS[code]
    assert {row.found, row.wanted} <= UNITS
    assert ("{found}" in row.sentence) == bool(row.found)
    assert ("{wanted}" in row.sentence) == bool(row.wanted)
    assert re.match(r"(refused|throttled|passed)\b", row.sentence)
    said = sentence(code, 1234, 5678, BTC)
    assert "{" not in said
    if code not in (lib.HP_PASS, lib.HP_VERDICT_SEND_FAILED):
        assert said.startswith(("refused", "throttled"))


def test_table_has_no_row_without_a_verdict():
    assert set(ROWS) == set(names.VERDICTS)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.none() | st.builds(Scale, st.just("X"), st.integers(-8, 18), st.integers(-8, 18)),
)
def test_any_record_becomes_a_sentence(code, found, wanted, scale):
    assert len(sentence(code, found, wanted, scale)) > 10


def test_sentences_read_well():
    v = verdicts.V
    assert sentence(v["BOOK_STALE"], 1_250_000_000, 1_000_000_000) == (
        "refused: the top was 1.25 s old when judged; at most 1 s is quoted on"
    )
    assert sentence(v["POSITION_LIMIT"], 105, 100, BTC) == (
        "refused: the position could reach 0.105; the limit is 0.100"
    )
    assert sentence(v["CLOCK_UNSURE"], 2**63 - 1, 50_000_000) == (
        "refused: this host's clock may be unknown from UTC; at most 50 ms is allowed"
    )
    assert sentence(v["KILLED"], lib.HP_WORD_KILL | lib.HP_WORD_FREEZE, 0) == (
        "refused: killed (words: kill, freeze); `corelane resume` takes it back"
    )
    assert sentence(v["TICK_SIZE"], 1001, 5, BTC).endswith(
        "price 100.1 is no multiple of the venue's tick 0.5"
    )


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-8, 18))
def test_scaled_text_is_exact(value, decimals):
    from decimal import Decimal, localcontext

    with localcontext() as context:
        context.prec = 60
        assert Decimal(scaled(value, decimals)) == Decimal(value).scaleb(-decimals)


@given(st.integers(-(2**63), 2**63 - 1))
def test_money_is_cut_towards_zero(e8):
    from decimal import ROUND_DOWN, Decimal

    assert Decimal(money(e8)) == (Decimal(e8).scaleb(-8)).quantize(Decimal("0.01"), ROUND_DOWN)


@given(st.integers(0, 2**63 - 2))
def test_duration_is_within_one_per_cent(ns):
    value, unit = duration(ns).split()
    size = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}[unit]
    assert abs(float(value) * size - ns) <= ns / 100


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("17", 17), ("default-0001000000000011", 0x0001000000000011), ("-00000000000000ff", 255)],
)
def test_ids_are_read_as_numbers_or_as_the_venue_writes_them(text, wanted):
    assert why.parse_id(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "0", "x", "-1", "default-12", str(2**64), "a b-0001000000000011"]
)
def test_what_is_no_id_is_said(text):
    with pytest.raises(why.IdError, match="want a decimal number"):
        why.parse_id(text)


def made(struct, **fields):
    record = ffi.new(f"{struct} *")
    for name, value in fields.items():
        setattr(record, name, value)
    return bytes(ffi.buffer(record))


def test_records_of_an_order_are_told_in_order():
    """Placed, then a cancel that came too late: both decisions and the newest order."""
    from runtime.show.snapshot import Snapshot

    place = made("hp_intent_t", id=5, kind=1, side=1, instrument=2, price_ticks=1000, lots=7)
    cancel = made("hp_intent_t", id=9, kind=2, instrument=2, target=77)
    found = why.Trace(0)
    found.decisions = [
        (place, made("hp_verdict_t", intent_id=5, client_id=77, verdict=1, instrument=2)),
        (
            cancel,
            made(
                "hp_verdict_t",
                intent_id=9,
                client_id=77,
                verdict=lib.HP_VERDICT_UNKNOWN_ORDER,
                found=lib.HP_ORDER_FILLED,
                instrument=2,
            ),
        ),
    ]
    found.order = made("hp_order_t", client_id=77, instrument=2, state=5, lots=7, filled_lots=7)
    assert why.explain(found, Snapshot("x", 0)) == [
        "lane-0 intent 5: place buy 7 lots instrument 2 at 1000 ticks, strategy 0",
        "gate: passed every check, notional 0.00 quote",
        "lane-0 intent 9: cancel order 77 of instrument 2, strategy 0",
        "gate: refused: the order to cancel or replace is filled, not working",
        "order 77: filled, 7 lots of 7 lots filled",
    ]
