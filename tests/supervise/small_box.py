"""The appliance in a control group of its own; the venue stays outside.

    python -m tests.supervise.small_box GROUP_PROCS... < facts.json

Joins the groups whose cgroup.procs files are named, plans for what is left to it, trades for a
while, prints one JSON object: the summary, memory by process as the kernel counts it, the plan.
"""

import asyncio
import json
import os
import sys
from pathlib import Path


def memory(pid):
    """Return a process's resident bytes by kind: anon, file, shmem."""
    fields = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    found = {words[0].rstrip(":"): words for words in fields if words}
    return {kind: int(found[f"Rss{kind.capitalize()}"][1]) * 1024 for kind in KINDS}


KINDS = ("anon", "file", "shmem")


async def work(facts):
    from runtime._shm import lib
    from runtime.appliance import Appliance
    from runtime.sentinel.plan import Guard
    from runtime.settings import Settings
    from venues.binance.usdm.session import Endpoints

    def say(text):
        print(text, file=sys.stderr, flush=True)

    settings = Settings(
        deployment=facts["deployment"],
        symbols=["BTCUSDT", "ETHUSDT"],
        guard=Guard(facts["sentinel_key"][0], Path(facts["sentinel_key"][1])),
    )
    appliance = Appliance(
        settings,
        Endpoints(**facts["endpoints"]),
        facts["api_key"],
        Path(facts["key_path"]),
        None,
        say,
    )
    try:
        await appliance.start()
        await appliance.armed()
        counters = appliance.lane_page.view.counters
        while counters.orders_sent < facts["orders"]:
            await asyncio.sleep(0.05)
        table = appliance.supervisor.watched
        processes = {name: memory(row.pid) for name, row in table.items()}
        code = await appliance.drain()
        print(
            json.dumps(
                {
                    "code": code,
                    "topology": appliance.topology.text,
                    "roles": {name: row.plan.role for name, row in table.items()},
                    "merged": lib.HP_PROCESS_COLD,
                    "ring": appliance.journal_bytes(),
                    "processes": processes,
                    **appliance.summary(),
                }
            )
        )
    finally:
        await appliance.abandon()
        await appliance.close()


def main():
    for procs in sys.argv[1:]:
        Path(procs).write_text(str(os.getpid()))
    import uvloop

    facts = json.loads(sys.stdin.read())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work(facts))


if __name__ == "__main__":
    main()
