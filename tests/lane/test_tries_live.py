"""Second tries against the embedded venue, whose record says how many orders there were."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from runtime._shm import lib
from runtime.journal import records
from runtime.journal.tailer import Tailer, rings
from runtime.pages.page import Page
from tests.feeds.live_stage import PATIENCE_S, LiveStage

STRATEGY = f"{Path(__file__).with_name('tries_strategy.py')}:Tries"


def roots_of(deployment):
    """{client id: client id of the first try}, by the lane's journal."""
    roots = {}
    for path in rings(deployment):
        tailer = Tailer(Page.open_path(path, "hp_page_t"))
        for record in tailer.read(kinds=frozenset((lib.HP_RECORD_ORDER,))):
            order = records.fields(record)
            roots[order["client_id"]] = order["parent"] or order["client_id"]
        tailer.close()
    return roots


def tries_at_venue(stage):
    """Return {client id of the first try: how many orders of it the venue took}."""
    at_venue = Counter()
    roots = roots_of(stage.name)
    for order in stage.call("GET", "/sim/record?lists=1")["orders"]:
        number = int(order["client_order_id"].rsplit("-", 1)[1], 16)
        at_venue[roots.get(number, number)] += 1
    return at_venue


def test_lost_answers_and_sessions_never_double_an_order_at_the_venue(tmp_path):
    """Answers are lost, late and ambiguous; sessions die with requests in them, over and over."""
    stage = LiveStage(
        tmp_path, name="tries", strategies=[STRATEGY], read_lag_ms=200, rate=(500, 500, 50)
    )
    with stage:
        flow = stage.page.flow
        stage.until(lambda: stage.page.counters.acks >= 4)
        counters = stage.page.counters

        def is_enough():
            return flow.retries >= 2 and flow.bursts >= 5

        def is_least():  # a slow host goes on until it has shown something
            return flow.bursts > 0 and counters.unknown > 0 and len(tries_at_venue(stage)) > 4

        usual, ends = time.monotonic() + 12, time.monotonic() + PATIENCE_S
        while not is_least() or not (is_enough() or time.monotonic() > usual):
            assert time.monotonic() < ends, stage.lines[-8:]
            stage.fault("drop_answer", count=2)
            stage.fault("timeout_answer", count=1)
            stage.fault("late_request", count=2, ms=1500)  # too old when it is taken: refused
            stage.fault("close_socket", group="ws-api", abort=True)
            time.sleep(0.4)
        at_venue = tries_at_venue(stage)
        assert len(at_venue) > 4
        assert [root for root, count in at_venue.items() if count > 1] == []
        assert flow.bursts > 0
        assert stage.page.counters.unknown > 0
