"""The crowd: reproducible, two-sided, busy enough for the demonstration strategy."""

from __future__ import annotations

from collections import Counter

import pytest

from venues.simulator.effects import PublicTrade, TopChange
from venues.simulator.exchange import Denied, Exchange
from venues.simulator.instrument import KNOWN
from venues.simulator.order import BUY, SELL, Order, TimeInForce
from venues.simulator.participants import Crowd

MS = 1_000_000


def world(seed: int, rate: float = 1.0) -> tuple[Exchange, list[Crowd]]:
    exchange = Exchange([KNOWN["BTCUSDT"], KNOWN["ETHUSDT"]])
    crowds = [
        Crowd(market, exchange.next_order_id, seed, rate) for market in exchange.markets.values()
    ]
    for crowd in crowds:
        crowd.open(0)
    return exchange, crowds


def trades(seed: int, step_ms: int, seconds: int = 6) -> dict[str, list[tuple[int, ...]]]:
    """Each market's trades on a virtual clock that moves in steps of step_ms."""
    exchange, crowds = world(seed)
    seen: dict[str, list[tuple[int, ...]]] = {symbol: [] for symbol in exchange.markets}
    for now_ms in range(0, seconds * 1_000, step_ms):
        for crowd in crowds:
            crowd.advance(now_ms * MS, 0)
        for effect in exchange.drain():
            if isinstance(effect, PublicTrade):
                fields = (effect.trade_id, effect.price, effect.lots, effect.buyer_is_maker)
                seen[effect.market.symbol].append((*fields, effect.time_ms))
    return seen


def test_same_seed_gives_same_trades_however_time_is_cut():
    fine, coarse = trades(7, 1), trades(7, 500)
    for symbol in fine:
        assert len(fine[symbol]) > 50
        common = min(len(fine[symbol]), len(coarse[symbol]))
        assert fine[symbol][:common] == coarse[symbol][:common]
        assert common > len(fine[symbol]) * 3 // 4
    assert trades(7, 1) == fine


def test_other_seed_gives_other_trades():
    assert trades(7, 10) != trades(8, 10)


def test_rate_zero_leaves_the_book_alone():
    exchange, crowds = world(3, rate=0.0)
    before = exchange.ids.last
    for crowd in crowds:
        crowd.advance(10_000 * MS, 0)
    assert exchange.ids.last == before


def test_long_pause_is_not_made_up_for_in_a_burst():
    exchange, crowds = world(3)
    before = exchange.ids.last
    crowds[0].advance(3_600_000 * MS, 0)
    assert exchange.ids.last - before < 2_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_crowd_keeps_a_dense_two_sided_book(seed):
    exchange, crowds = world(seed)
    tops: Counter[str] = Counter()
    seconds = 10
    for now_ms in range(0, seconds * 1_000, 10):
        for crowd in crowds:
            crowd.advance(now_ms * MS, 0)
        for market in exchange.markets.values():
            bids = market.matching.bids.depth(20)
            asks = market.matching.asks.depth(20)
            assert len(bids) == len(asks) == 20
            assert bids[0][0] < asks[0][0]
        tops.update(e.market.symbol for e in exchange.drain() if isinstance(e, TopChange))
    for symbol in exchange.markets:
        assert 30 * seconds < tops[symbol] < 150 * seconds


def demonstrate(seed: int, seconds: int) -> tuple[int, Counter[int]]:
    """The demonstration strategy with one order at a time: orders, fills per side.

    It sees the book every 50 ms, joins the heavier side of the touch when flat, leaves the same
    way, and takes its order back after 500 ms.
    """
    exchange, crowds = world(seed)
    account = exchange.add_account("demo")
    live: dict[str, Order] = {}
    orders = 0
    for now_ms in range(0, seconds * 1_000, 50):
        for crowd in crowds:
            crowd.advance(now_ms * MS, 0)
        for symbol, market in exchange.markets.items():
            order = live.get(symbol)
            if order is not None and order.is_open:
                if now_ms - order.created_ms >= 500:
                    exchange.cancel(market, order, now_ms)
                continue
            bids = sum(lots for _, lots in market.matching.bids.depth(5))
            asks = sum(lots for _, lots in market.matching.asks.depth(5))
            heavy = 10_000 * bids // (bids + asks)
            held = account.position(market.instrument, "BOTH").lots
            side = BUY if heavy > 6_000 and not held else SELL if heavy < 4_000 and held else 0
            if side:
                price = market.matching.of(side).best()
                order = Order(
                    exchange.next_order_id(), account.number, side, price, 1, TimeInForce.GTX,
                    client_id=f"d{orders}",
                )
                try:
                    exchange.place(account, market, order, now_ms)
                except Denied:
                    continue
                orders += 1
                live[symbol] = order
    fills = Counter(
        BUY if entry["side"] == "BUY" else SELL
        for _, entry in exchange.record.entries
        if entry["kind"] == "fill"
    )
    return orders, fills


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_demonstration_strategy_trades_all_the_time(seed):
    orders, fills = demonstrate(seed, 30)
    assert orders >= 100
    assert fills[BUY] >= 10 and fills[SELL] >= 10
