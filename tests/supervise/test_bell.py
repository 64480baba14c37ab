"""A blocking lane is woken by its bell: mail and control words do not wait for its timer."""

import asyncio
import os
import time

import pytest
import uvloop

from hotpath.lane.live import LiveLane
from runtime._shm import lib
from runtime.pages.page import LANE_BYTES, SHM, Control, Mail, Page
from venues.binance.usdm.codec import Codec

TRIALS = 40
LOOP_TURNS = 6  # of the loop, without sleeping: far less than the lane's timer


@pytest.fixture
def deployment():
    name = f"bell{os.getpid()}"
    yield name
    for path in SHM.glob(f"corelane.{name}.*"):
        path.unlink()


async def consumed_at_once(deployment, has_bell):
    """Return how many of TRIALS mails were taken within a few turns of the loop."""
    page = Page.make(deployment, "lane.0", "hp_lane_page_t", lib.HP_PAGE_LANE, LANE_BYTES)
    control = Control(deployment, "operator")
    bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    if has_bell:
        control.bells.append(bell)
    mail = Mail.make(deployment, "mail.in.0", 65536)
    mail.bell = bell if has_bell else -1
    out = Mail.make(deployment, "mail.out.0", 65536)
    lane = LiveLane(
        Codec(prefix="x"),
        page.map,
        mail_in=mail.page.map,
        mail_out=out.page.map,
        controls=[control.page.map],
        urls={"market": [], "orders": None, "user": None},
        bells={"lane": bell},
        spin=False,
    )
    running = asyncio.ensure_future(lane.run())
    await asyncio.sleep(0.05)
    count = 0
    for _ in range(TRIALS):
        control.page.header.heartbeat_ns = time.monotonic_ns()
        before = page.view.counters.mail_in
        mail.put(lib.HP_MAIL_LISTEN_KEY, b"ws://nowhere")
        for _ in range(LOOP_TURNS):
            await asyncio.sleep(0)
        count += page.view.counters.mail_in > before
        await asyncio.sleep(0.001)
    control.set(lib.HP_WORD_STOP, "done")
    await asyncio.wait_for(running, 30)
    os.close(bell)
    return count


@pytest.mark.parametrize("has_bell", [True, False])
def test_bell_brings_mail_within_a_few_turns_of_the_loop(deployment, has_bell):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        count = runner.run(consumed_at_once(deployment, has_bell))
    if has_bell:
        assert count == TRIALS
    else:
        assert count < TRIALS  # by the timer alone: the test can fail
