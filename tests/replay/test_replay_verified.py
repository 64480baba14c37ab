"""`corelane replay` on every recording: the figures of the data's own verify.py, exactly.

`make recordings` runs verify.py itself, and compares every top of every recording; here stands what
it printed, and the tops of the short ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.replay import verified
from tests.replay.conftest import data_folder

pytestmark = pytest.mark.requires_data

PRINTED = verified.rows_of(
    """\
binance_usdm/btcusdt_20240808.jsonl.xz span_s=344.8 lines=93954 bookTicker=66089 trade=21313 dropped=4 first_ok=1 depth=6547 bbo_ok=629
binance_spot/btcusdt_20240808.jsonl.xz span_s=346.1 lines=41249 bookTicker=28040 trade=9757 dropped=2 first_ok=1 depth=3449 bbo_ok=564
binance_spot/btcusdt_20240809.jsonl.xz span_s=304.5 rest_snap=0 lines=58325 depth=3044 bookTicker=45134 trade=10147
binance_coinm/btcusd_perp_20240808.jsonl.xz span_s=343.8 lines=48270 bookTicker=19136 trade=2286 dropped=23 first_ok=1 depth=26824 bbo_ok=1124
binance_spot/cryptofeed_BINANCE.ws.1.0.xz span_s=30.0 symbols=4 depth@100ms=177 dropped=5 first_ok=4 bookTicker=84 aggTrade=2 kline_1m=2
binance_usdm/cryptofeed_BINANCE_FUTURES.ws.1.0.xz span_s=30.1 symbols=4 bookTicker=613 depth@100ms=764 dropped=12 first_ok=4 kline_1m=67 aggTrade=91
binance_coinm/cryptofeed_BINANCE_DELIVERY.ws.1.0.xz span_s=30.2 symbols=10 bookTicker=2240 depth@100ms=2047 dropped=259 aggTrade=51 first_ok=10 kline_1m=33
okx/cryptofeed_OKX.ws.1.0.xz span_s=10.8 insts=3 tickers=28 trades=74 books=290 snap=3 crc_ok=290
bybit/xrpusdt_ob500_20241201.jsonl.xz span_s=4.8 levels=500/500 snapshot=1 delta=49
hyperliquid/btcusd_20250126.jsonl.xz span_s=25.4 l2Book=46 trades=9
"""  # noqa: E501
)


@dataclass(frozen=True)
class More:
    """What verify.py does not count."""

    tickers: int = 0  # equal to a top of the same update id, all of those compared
    rescales: int = 0
    others: int = 0  # messages of kinds that are not carried
    problems: tuple[str, ...] = ()


SPOT = "binance_spot/btcusdt_20240808.jsonl.xz"
CONTINUED = "binance_spot/btcusdt_20240809.jsonl.xz"
MORE = {
    "binance_usdm/btcusdt_20240808.jsonl.xz": More(629),
    SPOT: More(564, rescales=1),
    CONTINUED: More(rescales=1, problems=("BTCUSDT ends BUFFERING",)),
    "binance_coinm/btcusd_perp_20240808.jsonl.xz": More(1124),
    "binance_spot/cryptofeed_BINANCE.ws.1.0.xz": More(26, others=2),
    "binance_usdm/cryptofeed_BINANCE_FUTURES.ws.1.0.xz": More(50, others=67),
    "binance_coinm/cryptofeed_BINANCE_DELIVERY.ws.1.0.xz": More(212, others=33),
    "okx/cryptofeed_OKX.ws.1.0.xz": More(others=28),
    "bybit/xrpusdt_ob500_20241201.jsonl.xz": More(),
    "hyperliquid/btcusd_20250126.jsonl.xz": More(),
}
SHORT = [path for path in PRINTED if "btcusdt" not in path and "btcusd_perp" not in path]


def test_every_recording_that_verify_knows_is_judged():
    found = {f"{path.parent.name}/{path.name}" for path in data_folder().glob("*/*.jsonl.xz")}
    found |= {f"{path.parent.name}/{path.name}" for path in data_folder().glob("*/*.ws.*.xz")}
    assert found == PRINTED.keys() == MORE.keys()


@pytest.mark.parametrize("path", PRINTED)
def test_recording_has_the_figures_of_verify(replay, path):
    answer, more = replay(data_folder() / path), MORE[path]
    assert verified.differences(PRINTED[path], answer.result) == []
    assert answer["venue"] == path.split("/")[0]
    assert answer["ticker_agreement"] == {"compared": more.tickers, "equal": more.tickers}
    assert (answer["rescales"], answer["unknown"], answer["resyncs"]) == (
        more.rescales,
        more.others,
        0,
    )
    assert tuple(answer["problems"]) == more.problems
    assert answer.code == (1 if more.problems else 0)


def test_second_day_goes_on_where_the_first_ended(replay):
    answer = replay(data_folder() / SPOT, data_folder() / CONTINUED)
    assert (answer.code, answer["problems"], answer["gaps"], answer["crossed"]) == (0, [], 0, 0)
    assert answer["messages"] == 41249 + 58325
    assert answer["ticker_agreement"] == {"compared": 1072, "equal": 1072}
    assert answer["states"] == {"BTCUSDT": "SYNCED"}


@pytest.mark.parametrize("path", SHORT)
def test_every_top_of_a_short_recording_is_that_of_a_plain_reading(path):
    ours = verified.replayed(data_folder() / path)
    assert verified.book_differences(verified.plain(data_folder() / path), ours) == []


def test_figure_and_top_that_differ_are_said():
    """Guard the comparison itself."""
    path = "bybit/xrpusdt_ob500_20241201.jsonl.xz"
    ours, books = verified.replayed(data_folder() / path), verified.plain(data_folder() / path)
    assert verified.differences({**PRINTED[path], "delta": "50"}, ours.result)
    assert verified.differences({**PRINTED[path], "gap": "1"}, ours.result)
    last, *best = ours.tops["XRPUSDT"][20]
    ours.tops["XRPUSDT"][20] = (last, *reversed(best))
    assert "first other one 20" in verified.book_differences(books, ours)[0]
