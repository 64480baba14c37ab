"""Jitter of a host: who takes a core away, how often, for how long.

    from tuning.jitter import benchmark_latency
    profile = benchmark_latency(cores=[1], seconds=10)
"""

from tuning.jitter.bench import JitterError
from tuning.jitter.benchmark import benchmark_latency
from tuning.jitter.histogram import Histogram
from tuning.jitter.profile import CoreProfile, LatencyProfile

__all__ = ["CoreProfile", "Histogram", "JitterError", "LatencyProfile", "benchmark_latency"]
