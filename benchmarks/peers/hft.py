"""hftbacktest: its own arrays of the capture, decoded before, the same strategy in numba.

    python hft.py CAPTURE [tickers]     (in an environment with hftbacktest)

Rows are those of its documented converter for Binance futures: depth levels and market trades;
with `tickers` also its two rows a bookTicker (its option "t"); with its corrections of time and
order.  The depth is its ROI vector, the faster of its two; orders have no latency; the queue model
is its plainest.  The strategy runs at each feed event that wait_next_feed returns; where it works
an order it waits without weighing levels, as ours does.
"""

import sys
import time
from pathlib import Path

import hftbacktest as hft
import numba
import numpy as np
from capture_lines import messages
from hftbacktest.data.validation import correct_event_order, correct_local_timestamp
from numba import njit
from rounds import serve

DEPTH, THRESHOLD_BPS, SIZE, TTL_NS = 5, 6000, 0.005, 500_000_000
TICK, LOT, WALK = 0.1, 0.001, 2000
MS = 1_000_000


def arrays(path: Path, with_tickers: bool) -> tuple[np.ndarray, np.ndarray]:
    snapshot, rows = messages(path)
    out = []
    for when, data in rows:
        if data["e"] == "depthUpdate":
            for side, key in ((hft.BUY_EVENT, "b"), (hft.SELL_EVENT, "a")):
                for price, size in data[key]:
                    row = (hft.DEPTH_EVENT | side, data["T"] * MS, when, float(price), float(size))
                    out.append((*row, 0, 0, 0))
        elif data["e"] == "trade" and data["X"] == "MARKET":
            side = hft.SELL_EVENT if data["m"] else hft.BUY_EVENT
            row = (hft.TRADE_EVENT | side, data["T"] * MS, when, float(data["p"]), float(data["q"]))
            out.append((*row, 0, 0, 0))
        elif data["e"] == "bookTicker" and with_tickers:
            for kind, price, size in ((103, "b", "B"), (104, "a", "A")):
                row = (kind, data["T"] * MS, when, float(data[price]), float(data[size]))
                out.append((*row, 0, 0, 0))
    events = correct_local_timestamp(np.array(out, hft.types.event_dtype), 0)
    events = correct_event_order(
        events, np.argsort(events["exch_ts"], kind="mergesort"),
        np.argsort(events["local_ts"], kind="mergesort"),
    )
    first = events["local_ts"][0] - 1
    start = [
        (hft.DEPTH_SNAPSHOT_EVENT | hft.EXCH_EVENT | hft.LOCAL_EVENT | side, first, first,
         float(price), float(size), 0, 0, 0)
        for side, key in ((hft.BUY_EVENT, "bids"), (hft.SELL_EVENT, "asks"))
        for price, size in snapshot[key]
    ]
    return events, np.array(start, hft.types.event_dtype)


@njit
def demo(hbt):
    """Join the heavier side of the touch; long or flat.  Returns (evaluations, orders, cancels)."""
    asset, order, sent_at, working = 0, 0, 0, False
    evaluations, orders, cancels = 0, 0, 0
    while True:
        answer = hbt.wait_next_feed(True, 10_000_000_000)
        if answer == 1:
            break
        depth = hbt.depth(asset)
        now = hbt.current_timestamp
        if working:
            known = hbt.orders(asset).get(order)
            if known is None or known.status in (hft.FILLED, hft.CANCELED, hft.EXPIRED):
                working = False
                hbt.clear_inactive_orders(asset)
            elif now - sent_at > TTL_NS and known.cancellable:
                hbt.cancel(asset, order, False)
                cancels += 1
            continue
        if answer != 2:
            continue
        evaluations += 1
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        bids, asks = 0.0, 0.0
        seen, tick = 0, bid
        while seen < DEPTH and tick > bid - WALK:
            qty = depth.bid_qty_at_tick(tick)
            if qty > 0:
                bids += qty
                seen += 1
            tick -= 1
        seen, tick = 0, ask
        while seen < DEPTH and tick < ask + WALK:
            qty = depth.ask_qty_at_tick(tick)
            if qty > 0:
                asks += qty
                seen += 1
            tick += 1
        lean = int(10000 * bids / (bids + asks)) if bids + asks > 0 else 5000
        held = hbt.position(asset)
        if held < LOT / 2 and lean > THRESHOLD_BPS:
            order += 1
            hbt.submit_buy_order(asset, order, bid * TICK, SIZE, hft.GTX, hft.LIMIT, False)
            orders, sent_at, working = orders + 1, now, True
        elif held > LOT / 2 and lean < 10000 - THRESHOLD_BPS:
            order += 1
            hbt.submit_sell_order(asset, order, ask * TICK, held, hft.GTX, hft.LIMIT, False)
            orders, sent_at, working = orders + 1, now, True
    return evaluations, orders, cancels


def main() -> None:
    events, start = arrays(Path(sys.argv[1]), "tickers" in sys.argv[2:])
    low, high = events["px"].min() - 1, events["px"].max() + 1

    def play():
        asset = (
            hft.BacktestAsset()
            .data(events)
            .initial_snapshot(start)
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.0002, 0.0005)
            .tick_size(TICK)
            .lot_size(LOT)
            .roi_lb(max(low, 30_000.0))
            .roi_ub(min(high, 90_000.0))
            .last_trades_capacity(0)
        )
        hbt = hft.ROIVectorMarketDepthBacktest([asset])
        began = time.perf_counter_ns()
        evaluations, orders, cancels = demo(hbt)
        spent = time.perf_counter_ns() - began
        depth, state = hbt.depth(0), hbt.state_values(0)
        out = {
            "ns": spent,
            "rows": len(events),
            "rows_checksum": int(np.bitwise_xor.reduce(events.view(np.uint64))),
            "evaluations": evaluations,
            "orders": orders,
            "cancels": cancels,
            "fills": int(state.num_trades),
            "top": [
                depth.best_bid_tick, round(depth.bid_qty_at_tick(depth.best_bid_tick) / LOT),
                depth.best_ask_tick, round(depth.ask_qty_at_tick(depth.best_ask_tick) / LOT),
            ],
        }
        hbt.close()
        return out

    about = {
        "hftbacktest": hft.__version__,
        "numba": numba.__version__,
        "what": "pre-decoded arrays of depth and trades, ROI vector depth, strategy in numba",
    }
    serve(about, play)


if __name__ == "__main__":
    main()
