"""Latency histograms: the shared record of abi/histogram.h, held by Python.

Owns:    recording, merging, percentiles of samples, percentiles of time, the JSON form.
Refuses: units other than nanoseconds, floats as samples.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tuning._host import ffi, lib


class Histogram:
    """Counts of nanoseconds in log-linear buckets; two of them add up without loss."""

    def __init__(self, record: Any = None) -> None:
        """Start empty, or from a copy of a C `hp_histogram_t`."""
        self.pointer: Any = ffi.new("hp_histogram_t *")
        if record is not None:
            lib.hp_histogram_merge(self.pointer, ffi.addressof(record))

    count = property(lambda self: int(self.pointer.count))
    sum_ns = property(lambda self: int(self.pointer.sum))
    min_ns = property(lambda self: int(self.pointer.min))
    max_ns = property(lambda self: int(self.pointer.max))

    def record(self, nanoseconds: int) -> None:
        lib.hp_histogram_record(self.pointer, nanoseconds)

    def merge(self, other: Histogram) -> Histogram:
        """Add the other's samples to this one and return this one."""
        lib.hp_histogram_merge(self.pointer, other.pointer)
        return self

    def quantile(self, share: float) -> int:
        """Return the value that `share` of the samples do not exceed (0.5 = median)."""
        return int(lib.hp_histogram_quantile(self.pointer, round(share * 1_000_000)))

    def rows(self) -> list[tuple[int, int, int]]:
        """Return (bucket index, highest value in it, count) of every bucket that is not empty."""
        counts = self.pointer.buckets
        return [
            (index, min(int(lib.hp_histogram_upper(index)), self.max_ns), int(counts[index]))
            for index in range(lib.HP_HISTOGRAM_BUCKETS)
            if counts[index]
        ]

    def over(self, nanoseconds: int) -> int:
        """Count the samples whose bucket lies above `nanoseconds`."""
        return sum(count for _, upper, count in self.rows() if upper > nanoseconds)

    def arrival_quantile(self, share: float, elapsed_ns: int) -> int:
        """Return what a message that arrives at a random moment waits, at `share` of the moments.

        Samples are interruptions inside `elapsed_ns`.  Who arrives in one of length g waits for
        what is left of it, so the share of moments that wait longer than x is
        sum(max(0, g - x)) / elapsed.  Bucket ends are used as lengths: never too low.
        """
        allowed = elapsed_ns * (1_000_000 - round(share * 1_000_000))  # in millionths
        waiting = 0  # sum of (g - x) over interruptions longer than x, in millionths
        longer = 0
        rows = self.rows()
        for position in range(len(rows) - 1, -1, -1):
            _, upper, count = rows[position]
            longer += count * 1_000_000
            lower = rows[position - 1][1] if position else 0
            if waiting + longer * (upper - lower) > allowed:
                return upper - (allowed - waiting) // longer
            waiting += longer * (upper - lower)
        return 0

    def to_json(self) -> dict[str, Any]:
        return {
            "unit": "ns",
            "count": self.count,
            "sum": self.sum_ns,
            "min": self.min_ns,
            "max": self.max_ns,
            "buckets": [[index, count] for index, _, count in self.rows()],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Histogram:
        """Rebuild a histogram; ValueError when the counts do not add up."""
        out = cls()
        pairs: Iterable[list[int]] = document["buckets"]
        for index, count in pairs:
            if not 0 <= index < lib.HP_HISTOGRAM_BUCKETS or count < 0:
                raise ValueError(f"histogram bucket {index} with count {count}; want 0..1151, >= 0")
            out.pointer.buckets[index] = count
        record = out.pointer
        record.count, record.sum = document["count"], document["sum"]
        record.min, record.max = document["min"], document["max"]
        held = sum(count for _, count in document["buckets"])
        if held != record.count:
            raise ValueError(f"histogram says {record.count} samples, its buckets hold {held}")
        return out
