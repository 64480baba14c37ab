"""Orders that are changed, over real sockets: the venue's record is the judge."""

import asyncio
import json
import os
from pathlib import Path

from runtime.appliance import Appliance
from runtime.journal.rerun import rerun
from runtime.settings import Settings
from runtime.supervise.embedded import EmbeddedVenue

SYMBOLS = ["BTCUSDT", "ETHUSDT"]
PATIENCE_SECONDS = 90
MOVER = '''
from strategies import Strategy


class Mover(Strategy):
    """Rests one order on each side of the touch and moves it after the market."""

    def on_start(self):
        self.orders = {}
        self.moves = 0

    def on_book(self, book):
        order = self.orders.get(book.instrument)
        if order is None:
            if self.working(book.instrument) == 0:
                wish = self.sell if self.position(book.instrument) > 0 else self.buy
                price = book.ask_ticks if self.position(book.instrument) > 0 else book.bid_ticks
                wish(book.instrument, price_ticks=price - 20 * (wish == self.buy), lots=5)
            return
        self.moves += 1
        if self.moves % 40 == 39:
            self.cancel(order)
        elif self.moves % 5 == 0:  # now and then to where it trades
            price = book.bid_ticks - (self.moves % 3) * 10
            self.replace(order, price_ticks=price if self.moves % 4 else book.ask_ticks,
                         lots=5 + self.moves % 7)

    def on_order(self, order):
        if order.state in ("LIVE", "PARTIAL"):
            self.orders[order.instrument] = order.client_id
        elif self.orders.get(order.instrument) == order.client_id:
            del self.orders[order.instrument]
'''


async def until(what, condition):
    for _ in range(PATIENCE_SECONDS * 20):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"still no {what}")


async def day(folder: Path, run: Path, deployment: str) -> dict:
    (folder / "mover.py").write_text(MOVER)
    async with EmbeddedVenue(folder, SYMBOLS, seed=11, limits=False) as venue:
        settings = Settings(
            deployment,
            SYMBOLS,
            strategies=[f"{folder / 'mover.py'}:Mover"],
            spin=False,
            lock=False,
            rate=(200, 200, 50),
            read_lag_ms=300,
            journal=run,
        )
        appliance = Appliance(
            settings, venue.endpoints, venue.api_key, venue.key_path, venue.ca, lambda _: None
        )
        count = appliance.summary
        try:
            await appliance.start()
            page = appliance.lane_page.view
            await until("change", lambda: page.counters.replaced >= 5)
            for kind in ("drop_answer", "timeout_answer", "delay_answer"):
                fault = {"kind": kind, "count": 1} | ({"ms": 200} if "delay" in kind else {})
                await venue.call("POST", "/sim/fault", fault)
            replaced = page.counters.replaced
            await until("change behind faults", lambda: page.counters.replaced >= replaced + 5)
            await until("fill", lambda: count()["fills"] >= 1)
            await appliance.drain()
            record = await venue.call("GET", "/sim/record")
            money = page.funds[0]
            found = {
                "summary": count(),
                "record": record,
                "replaced": page.counters.replaced,
                "money": (sum(money.reserved_e8), money.free_e8 + sum(money.used_e8)),
                "total": money.total_e8,
            }
        finally:
            await appliance.abandon()
            await appliance.close()
    return found


def test_changed_orders_agree_with_the_venue_and_come_out_of_the_journal_again(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    run = tmp_path / "run"
    found = asyncio.run(day(tmp_path, run, f"rp{os.getpid()}"))
    summary, record = found["summary"], found["record"]
    assert found["replaced"] == record["counts"]["modify"] >= 10
    assert (summary["open_orders"], summary["unknown"], record["open_orders"]) == (0, 0, 0)
    assert summary["fills"] == record["counts"]["fill"]
    wallet = int(record["balance"].replace(".", ""))
    assert found["money"] == (0, wallet), json.dumps(summary)
    assert found["total"] == wallet
    (outcome,) = rerun(run)
    assert outcome.is_equal, outcome
    assert outcome.outputs["request"] > record["counts"]["modify"]
