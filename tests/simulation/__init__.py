"""One host, its processes and its venue in one thread, on a clock that only the simulator moves.

    python -m tests.simulation --seeds 1000        make sim SEEDS=1000
    python -m tests.simulation.canary              make canary

loop.py has the clock, host.py what the processes take for the world, network.py and venue.py what
is outside of it, lane.py and cold.py the processes, world.py one seed from start to judgement.
"""
