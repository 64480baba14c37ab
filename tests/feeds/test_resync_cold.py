"""Back-off, jitter and weight of snapshots, on a virtual clock."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.feeds.resync import Refused, Resync, Rules, Unanswered, WeightBudget

RULES = Rules(
    first_ms=100, back_off_ms_max=2000, jitter_percent=50, quiet_ms=5000, parallel_max=2, weight=20
)


class World:
    """A virtual clock, a venue that answers as it is told, and a lane that takes what it gets."""

    def __init__(self, per_minute=60_000, seed=7, answers=()):
        self.time = 1000.0
        self.answers = list(answers)
        self.asked, self.delivered = [], []
        self.sleepers = []
        self.room = True
        self.budget = WeightBudget(per_minute, per_minute, lambda: self.time)
        self.resync = Resync(
            fetch=self.fetch,
            deliver=self.deliver,
            budget=self.budget,
            rules=RULES,
            rng=random.Random(seed),
            now=lambda: self.time,
            sleep=self.sleep,
        )

    async def fetch(self, instrument):
        self.asked.append((instrument, self.time))
        answer = self.answers.pop(0) if self.answers else b"book"
        if isinstance(answer, Exception):
            raise answer
        return answer

    def deliver(self, instrument, body):
        if self.room:
            self.delivered.append((instrument, self.time))
        return self.room

    async def sleep(self, seconds):
        woken = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.time + seconds, woken))
        await woken

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)

    async def run_until_idle(self):
        """Let virtual time pass until nobody waits."""
        await self.settle()
        while self.sleepers:
            self.sleepers.sort(key=lambda one: one[0])
            due, woken = self.sleepers.pop(0)
            self.time = max(self.time, due)
            woken.set_result(None)
            await self.settle()

    @property
    def gaps_s(self):
        times = [at for _, at in self.asked]
        return [b - a for a, b in itertools.pairwise(times)]


def play(world, *instruments):
    async def main():
        for instrument in instruments:
            world.resync.want(instrument)
        await world.run_until_idle()

    asyncio.run(main())


def test_lone_wish_is_served_at_once():
    world = World()
    play(world, 1)
    assert world.asked == world.delivered == [(1, 1000.0)]


def test_wish_repeated_while_it_is_served_costs_no_request():
    world = World()
    play(world, 1, 1, 1)
    assert len(world.asked) == 1
    assert world.resync.counts.repeated == 2


def test_wish_right_behind_a_delivery_is_a_new_one():
    """A gap in the first event after a snapshot is not served by that snapshot."""
    world = World()

    def deliver(instrument, body):
        world.delivered.append((instrument, world.time))
        if len(world.delivered) == 1:
            asyncio.get_running_loop().call_soon(world.resync.want, instrument)
        return True

    world.resync.deliver = deliver
    play(world, 1)
    assert len(world.delivered) == 2 and world.resync.counts.repeated == 0


def test_failures_double_the_wait_up_to_its_bound():
    world = World(answers=[Unanswered("no")] * 8)
    play(world, 1)
    assert len(world.asked) == 9 and len(world.delivered) == 1
    for n, gap in enumerate(world.gaps_s):
        middle = min(0.1 * 2**n, 2.0)
        assert 0.5 * middle <= gap <= 1.5 * middle, (n, gap)


def test_snapshot_that_was_too_old_is_fetched_again_after_the_back_off():
    world = World()

    async def main():
        for _ in range(4):  # the lane wants the next one as soon as it has seen one
            world.resync.want(1)
            await world.run_until_idle()
        world.time += 6
        world.resync.want(1)
        await world.run_until_idle()

    asyncio.run(main())
    gaps = world.gaps_s
    assert all(0.5 * m <= gap <= 1.5 * m for gap, m in zip(gaps, (0.1, 0.2, 0.4), strict=False))
    assert gaps[3] == pytest.approx(6.0)  # a new series: at once


def test_book_that_was_in_sequence_in_between_begins_with_the_first_back_off():
    world = World()
    reached = 0
    world.resync.synced = lambda instrument: reached

    async def main():
        nonlocal reached
        for _ in range(6):
            world.resync.want(1)
            await world.run_until_idle()
            reached += 1
            world.time += 1

    asyncio.run(main())
    assert all(1.05 <= gap <= 1.15 for gap in world.gaps_s)


@pytest.mark.parametrize(("status", "retry_after", "wait_s"), [(429, 7.0, 7.0), (418, 0.0, 60.0)])
def test_refusal_for_weight_stops_every_instrument_for_as_long_as_the_venue_says(
    status, retry_after, wait_s
):
    world = World(answers=[Refused(status, retry_after)])
    play(world, 1, 2, 3)
    first = world.asked[0][1]
    assert all(at >= first + wait_s for _, at in world.asked[2:])
    assert world.resync.counts.refused == 1
    assert {i for i, _ in world.delivered} == {1, 2, 3}


def test_full_mail_is_tried_again():
    world = World()
    world.room = False

    async def main():
        world.resync.want(1)
        await world.settle()
        world.room = True
        await world.run_until_idle()

    asyncio.run(main())
    assert len(world.asked) == 2 and len(world.delivered) == 1


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1), st.integers(120, 2400))
def test_storm_of_wishes_never_spends_more_than_the_budget(count, seed, per_minute):
    """Any minute costs at most a minute's weight and what was saved up before it."""
    world = World(per_minute=per_minute, seed=seed)
    play(world, *range(1, count + 1))
    assert {i for i, _ in world.delivered} == set(range(1, count + 1))
    times = [at for _, at in world.asked]
    for start in times:
        spent = sum(RULES.weight for at in times if start <= at < start + 60)
        assert spent <= per_minute + max(per_minute / 10, RULES.weight) + 1e-6


def test_same_seed_gives_the_same_schedule():
    runs = []
    for _ in range(2):
        world = World(answers=[Unanswered("no")] * 5, seed=3)
        play(world, 1, 2, 3)
        runs.append(world.asked)
    assert runs[0] == runs[1]


def test_venue_count_near_its_limit_waits_for_the_next_minute():
    world = World(per_minute=600)
    world.budget.observe(539, 48.0)
    assert world.budget.wait_s(20) == 0.0
    world.budget.observe(540, 48.0)
    assert world.budget.wait_s(20) == pytest.approx(12.0)
