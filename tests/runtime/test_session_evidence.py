"""A lane is opened by what its former life knew, however long it takes to read that."""

import asyncio
from types import SimpleNamespace

from runtime.session.process import SessionPart


def test_wish_that_comes_while_the_archive_is_read_waits_for_it():
    asked = []

    async def opened(generation, evidence, told):
        asked.append((generation, evidence))

    async def story():
        lane = SimpleNamespace(
            number=0,
            epoch=2,
            is_stopped=False,
            evidence=None,
            is_looked_for=asyncio.Event(),
            opener=SimpleNamespace(open=opened),
        )
        part = SessionPart.__new__(SessionPart)
        part.lanes = {0: lane}
        wish = asyncio.ensure_future(part.open_lane(lane, 1))
        for _ in range(5):
            await asyncio.sleep(0)
        assert asked == []
        lane.evidence = "what it knew"
        lane.is_looked_for.set()
        await wish

    asyncio.run(story())
    assert asked == [(1, "what it knew")]
