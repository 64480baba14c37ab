"""nautilus_trader: its OrderBook fed the capture's deltas as objects that were made before.

    python nautilus.py CAPTURE     (in an environment with nautilus_trader)

No decoding, no strategy; the top is asked for after each delta, as every contender is.
"""

import sys
import time
from pathlib import Path

import nautilus_trader
from capture_lines import messages
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import BookAction, BookType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity
from rounds import serve

ID = InstrumentId.from_str("BTCUSDT.BINANCE")
MS = 1_000_000


def deltas(bids, asks, sequence, when, received, flags=0):
    out = []
    for side, levels in ((OrderSide.BUY, bids), (OrderSide.SELL, asks)):
        for price, size in levels:
            amount = Quantity.from_str(size)
            action = BookAction.UPDATE if float(size) else BookAction.DELETE
            order = BookOrder(side, Price.from_str(price), amount, 0)
            out.append(OrderBookDelta(ID, action, order, flags, sequence, when, received))
    return OrderBookDeltas(ID, out) if out else None


def main() -> None:
    snapshot, rows = messages(Path(sys.argv[1]))
    start = deltas(snapshot["bids"], snapshot["asks"], snapshot["lastUpdateId"], 0, 0)
    batches = [
        batch
        for when, data in rows
        if data["e"] == "depthUpdate"
        and (batch := deltas(data["b"], data["a"], data["u"], data["T"] * MS, when))
    ]
    levels = sum(len(batch.deltas) for batch in batches)

    def play():
        book = OrderBook(ID, BookType.L2_MBP)
        book.apply_deltas(start)
        tops = 0
        began = time.perf_counter_ns()
        for batch in batches:
            book.apply_deltas(batch)
            tops += book.best_bid_price().raw ^ book.best_ask_price().raw
        spent = time.perf_counter_ns() - began
        sizes = (book.best_bid_size(), book.best_ask_size())
        bid, ask = book.best_bid_price(), book.best_ask_price()
        return {
            "ns": spent,
            "batches": len(batches),
            "levels": levels,
            "tops": tops & (2**63 - 1),
            "top": [
                round(float(bid) * 10), round(float(sizes[0]) * 1000),
                round(float(ask) * 10), round(float(sizes[1]) * 1000),
            ],
        }

    about = {
        "nautilus_trader": nautilus_trader.__version__,
        "what": "OrderBook (L2_MBP) alone, delta objects made before",
    }
    serve(about, play)


if __name__ == "__main__":
    main()
