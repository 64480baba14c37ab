"""The user stream: each event that the venue documents gives exactly these reports."""

from __future__ import annotations

import pytest

from hotpath.decode.json import Status
from runtime import _shm
from tests.usdm.messages import (
    BNB,
    CLIENT_ID,
    CLIENT_TEXT,
    TRADE,
    USDT,
    account,
    positions,
    text,
    update,
)
from tests.venues.tables.binance_usdm import INSTRUMENT, MS, SYMBOL

LIB = _shm.lib

UPDATE = {
    "instrument": INSTRUMENT,
    "client_id": CLIENT_ID,
    "venue_id": 8886774,
    "side": LIB.HP_SIDE_BUY,
    "position_side": LIB.HP_POSITION_LONG,
    "price_ticks": 71005,
    "lots": 10,
    "event_ns": 1568879465651 * MS,
    "match_ns": 1568879465650 * MS,
}
FILL = {
    "kind": LIB.HP_REPORT_FILL,
    "state": LIB.HP_ORDER_PARTIAL,
    "trade_id": 12345678,
    "last_ticks": 71004,
    "last_lots": 1,
    "cum_lots": 4,
    "fee_e8": 1_000_000,
    "asset": USDT,
    "pnl_e8": -1_234_000_000,
    "is_maker": 1,
}


@pytest.mark.parametrize(
    ("change", "want"),
    [
        ({}, {"kind": LIB.HP_REPORT_ACK, "state": LIB.HP_ORDER_LIVE}),
        (TRADE, FILL),
        (
            {**TRADE, "X": "FILLED", "z": "0.010", "N": "BNB", "n": "-0.00000015", "m": False},
            {
                **{name: value for name, value in FILL.items() if name != "is_maker"},
                "state": LIB.HP_ORDER_FILLED,
                "cum_lots": 10,
                "asset": BNB,
                "fee_e8": -15,
            },
        ),
        (
            {"x": "CANCELED", "X": "CANCELED", "z": "0.004"},
            {"kind": LIB.HP_REPORT_CANCELED, "state": LIB.HP_ORDER_CANCELED, "cum_lots": 4},
        ),
        (
            {"x": "EXPIRED", "X": "EXPIRED", "f": "IOC"},
            {"kind": LIB.HP_REPORT_EXPIRED, "state": LIB.HP_ORDER_EXPIRED},
        ),
        (
            {"x": "EXPIRED", "X": "EXPIRED", "f": "GTX"},
            {
                "kind": LIB.HP_REPORT_EXPIRED,
                "state": LIB.HP_ORDER_EXPIRED,
                "error": LIB.HP_ERROR_POST_ONLY,
            },
        ),
        (
            {"x": "EXPIRED", "X": "EXPIRED", "f": "GTX", "er": "11"},
            {
                "kind": LIB.HP_REPORT_EXPIRED,
                "state": LIB.HP_ORDER_EXPIRED,
                "error": LIB.HP_ERROR_POST_ONLY,
            },
        ),
        (
            {"x": "EXPIRED", "X": "EXPIRED", "f": "GTX", "er": "5"},
            {"kind": LIB.HP_REPORT_EXPIRED, "state": LIB.HP_ORDER_EXPIRED},
        ),
        (
            {"x": "EXPIRED", "X": "EXPIRED", "f": "GTX", "z": "0.004"},
            {"kind": LIB.HP_REPORT_EXPIRED, "state": LIB.HP_ORDER_EXPIRED, "cum_lots": 4},
        ),
        (
            {"x": "EXPIRED", "X": "EXPIRED_IN_MATCH", "er": "1"},
            {"kind": LIB.HP_REPORT_EXPIRED, "state": LIB.HP_ORDER_EXPIRED},
        ),
        (
            {"x": "AMENDMENT", "p": "7100.60", "q": "0.020"},
            {
                "kind": LIB.HP_REPORT_REPLACED,
                "state": LIB.HP_ORDER_LIVE,
                "price_ticks": 71006,
                "lots": 20,
            },
        ),
        ({"x": "SOMETHING_NEW"}, {"kind": LIB.HP_REPORT_STATUS, "state": LIB.HP_ORDER_LIVE}),
        ({"x": "CALCULATED"}, {"kind": LIB.HP_REPORT_STATUS, "state": LIB.HP_ORDER_LIVE}),
        ({"X": "SOMETHING_NEW"}, {"kind": LIB.HP_REPORT_ACK}),
        (
            {"S": "SELL", "ps": "BOTH"},
            {
                "kind": LIB.HP_REPORT_ACK,
                "state": LIB.HP_ORDER_LIVE,
                "side": LIB.HP_SIDE_SELL,
                "position_side": 0,
            },
        ),
    ],
)
def test_order_update_gives_its_report(trader, change, want):
    expected = {
        name: value for name, value in {**UPDATE, **want}.items() if value or name == "kind"
    }
    assert trader.decode_reports(text(update(**change))) == [expected]


@pytest.mark.parametrize(
    "client", ["autoclose-1", "adl_autoclose", "settlement_autoclose-7", "delivery_autoclose-9", ""]
)
def test_fill_that_the_venue_made_is_foreign_and_still_counts(trader, client):
    (report,) = trader.decode_reports(text(update(**{**TRADE, "c": client, "x": "CALCULATED"})))
    assert report["foreign"] == 1 and "client_id" not in report
    assert (report["kind"], report["last_lots"], report["trade_id"]) == (
        LIB.HP_REPORT_FILL,
        1,
        12345678,
    )


@pytest.mark.parametrize(
    "client",
    [
        "site2-000108000000002a",
        "000108000000002a",
        "-000108000000002a",
        "site1-000108000000002A",
        "site1-000108000000002",
        "site1-000108000000002aa",
        "site1-0000000000000000",
        "site1_000108000000002a",
    ],
)
def test_client_id_that_is_not_exactly_ours_is_foreign(trader, client):
    (report,) = trader.decode_reports(text(update(c=client)))
    assert report["foreign"] == 1 and "client_id" not in report


def test_fill_is_not_lost_for_digits_of_its_fee(trader):
    (report,) = trader.decode_reports(
        text(update(**{**TRADE, "n": "0.123456789", "rp": "0.0000000019"}))
    )
    assert (report["fee_e8"], report.get("pnl_e8", 0)) == (12345678, 0)


def test_fee_of_an_asset_without_a_name_has_no_id(trader):
    (report,) = trader.decode_reports(text(update(**{**TRADE, "N": "DOGE"})))
    assert "asset" not in report and report["fee_e8"] == 1_000_000


def test_fill_finer_than_the_scale_is_refused_until_the_scale_is_known(trader):
    frame = text(update(**{**TRADE, "L": "7100.45"}))
    assert trader.decode_reports(frame) == Status.FINER
    assert trader.finer == (INSTRUMENT, 2, 3)
    assert trader.put_instrument(SYMBOL, *trader.finer)
    assert trader.decode_reports(frame)[0]["last_ticks"] == 710045


def test_update_of_an_unknown_symbol_is_refused_with_its_name(trader):
    assert trader.decode_reports(text(update(s="ETHUSDT"))) == Status.UNKNOWN_SYMBOL
    assert trader.symbol == b"ETHUSDT"


def test_order_update_in_a_combined_stream_gives_the_same(trader):
    frame = {"stream": "pqia91ma19a5s61cv6a81va65sdf19v8a65a1", "data": update(**TRADE)}
    assert trader.decode_reports(text(frame)) == [{**UPDATE, **FILL}]


def test_field_order_does_not_matter(trader):
    frame = update(**TRADE)
    frame["o"] = dict(reversed(frame["o"].items()))
    frame = dict(reversed(frame.items()))
    assert trader.decode_reports(text(frame)) == [{**UPDATE, **FILL}]


def test_account_update_gives_one_report_an_entry(trader):
    times = {"event_ns": 1564745798939 * MS, "match_ns": 1564745798938 * MS}
    balance, position = LIB.HP_REPORT_BALANCE, LIB.HP_REPORT_POSITION
    assert trader.decode_reports(account()) == [
        {"kind": balance, "asset": USDT, "balance_e8": 12262412345678, **times},
        {"kind": balance, "asset": BNB, "balance_e8": -100000000, **times},
        {"kind": position, "instrument": INSTRUMENT, **times},
        {
            "kind": position,
            "instrument": INSTRUMENT,
            "position_side": LIB.HP_POSITION_LONG,
            "position_lots": 20000,
            "entry_e8": 656366500000,
            **times,
        },
        {
            "kind": position,
            "instrument": INSTRUMENT,
            "position_side": LIB.HP_POSITION_SHORT,
            "position_lots": -10500,
            "entry_e8": 656386000000,
            **times,
        },
    ]
    assert len(trader.decode_reports(account(), most=5)) == 5
    assert trader.decode_reports(account(), most=4) == Status.TOO_LARGE


def test_unknown_position_does_not_hide_the_others(trader):
    reports = trader.decode_reports(positions(("BTCUSDT", "1"), ("ETHUSDT", "2"), ("BTCUSDT", "3")))
    assert [report.get("position_lots", 0) for report in reports] == [1000, 0, 3000]
    assert [report.get("foreign", 0) for report in reports] == [0, 1, 0]
    assert trader.symbol == b"ETHUSDT"


def test_finer_position_names_its_instrument_whatever_follows(trader):
    assert trader.put_instrument("ETHUSDT", 8, 2, 2)
    rows = ("BTCUSDT", "0.0001"), ("ETHUSDT", "0.12345"), ("XRPUSDT", "1")
    assert trader.decode_reports(positions(*rows)) == Status.FINER
    assert trader.finer == (INSTRUMENT, 1, 4)


def test_account_update_without_entries_is_control(trader):
    (report,) = trader.decode_reports(positions())
    assert report["kind"] == LIB.HP_REPORT_CONTROL


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ({"s": "BTCUSDT", "pa": "1", "ps": "BOTH"}, Status.MISSING),
        ({"s": "BTCUSDT", "pa": 1, "ep": "0", "ps": "BOTH"}, Status.TYPE),
        ({"s": "BTCUSDT", "pa": "x", "ep": "0", "ps": "BOTH"}, Status.NUMBER),
        ({"s": "BTCUSDT", "pa": "0.0001", "ep": "0", "ps": "BOTH"}, Status.FINER),
        ([], Status.TYPE),
    ],
)
def test_bad_entry_refuses_the_whole_account_update(trader, row, status):
    good = {"s": "BTCUSDT", "pa": "1", "ep": "0", "ps": "BOTH"}
    frame = {"e": "ACCOUNT_UPDATE", "E": 2, "T": 1, "a": {"P": [good, row, good]}}
    assert trader.decode_reports(text(frame)) == status


def test_expired_listen_key_ends_the_stream(trader):
    frame = {
        "e": "listenKeyExpired",
        "E": 1699596037418,
        "listenKey": "OfYGbUzi3PraNagEkdKuFwUHn48",
    }
    want = [{"kind": LIB.HP_REPORT_STREAM_END, "event_ns": 1699596037418 * MS}]
    assert trader.decode_reports(text(frame)) == want
    assert trader.decode_reports(text({"stream": "OfYGbUzi3Pra", "data": frame})) == want


CONTROL = [
    {
        "e": "TRADE_LITE",
        "E": 1568879465651,
        "T": 1568879465650,
        "s": "BTCUSDT",
        "q": "0.001",
        "p": "7100.50",
        "m": True,
        "c": CLIENT_TEXT,
        "S": "BUY",
        "L": "7100.50",
        "l": "0.001",
        "t": 12345678,
        "i": 8886774,
    },
    {
        "e": "ALGO_UPDATE",
        "T": 1750515742297,
        "E": 1750515742303,
        "o": {
            "caid": "Q5xaq5EGKgXXa0fD7fs0Ip",
            "aid": 2148719,
            "at": "CONDITIONAL",
            "o": "TAKE_PROFIT",
            "s": "BNBUSDT",
            "X": "NEW",
            "q": "0.01",
        },
    },
    {
        "e": "MARGIN_CALL",
        "E": 1587727187525,
        "cw": "3.16812045",
        "p": [{"s": "ETHUSDT", "ps": "LONG"}],
    },
    {
        "e": "ACCOUNT_CONFIG_UPDATE",
        "E": 1611646737479,
        "T": 1611646737476,
        "ac": {"s": "BTCUSDT", "l": 25},
    },
    {
        "e": "CONDITIONAL_ORDER_TRIGGER_REJECT",
        "E": 1685517224945,
        "T": 1685517224955,
        "or": {"s": "ETHUSDT", "i": 155618472834, "r": "Due to the order could not be filled"},
    },
    {"result": None, "id": 1},
]


@pytest.mark.parametrize("frame", CONTROL)
def test_known_frame_that_asks_nothing_of_us_is_control(trader, frame):
    assert trader.decode_reports(text(frame)) == [{"kind": LIB.HP_REPORT_CONTROL}]


@pytest.mark.parametrize(
    ("name", "id", "taken"),
    [("USDT", 5, True), ("X" * 16, 5, True), ("X" * 17, 5, False), ("", 5, False), ("X", 0, False)],
)
def test_asset_needs_a_name_and_an_id(trader, name, id, taken):
    assert trader.put_asset(name, id) == taken


def test_assets_are_bounded(trader):
    assert sum(trader.put_asset(f"A{n}", n + 1) for n in range(100)) == 62
