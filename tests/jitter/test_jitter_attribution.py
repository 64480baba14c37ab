"""Kernel tables are read as they are; differences and reasons follow from them."""

import os
from pathlib import Path

from tuning.jitter import attribution
from tuning.jitter.attribution import Counters

INTERRUPTS = """\
           CPU0       CPU2       CPU3
  0:         44          0          0   IO-APIC   2-edge      timer
 24:          1      70211          3  PCI-MSIX-0000:01:00.0   1-edge      eth1-rx-0
 25:          0          0          9  PCI-MSIX-0000:02:00.0   0-edge      nvme0q1, nvme0q2
LOC:     676170      86595         12   Local timer interrupts
RES:      11219       8266          0   Rescheduling interrupts
ERR:          7
MIS:          0
"""

SCHEDSTAT = """\
version 17
timestamp 4295011384
cpu0 0 0 0 0 0 0 811 1077 99
cpu2 0 0 0 0 0 0 4055 90210 17
domain0 SMT 0000000f 0 0 0
"""


def test_columns_follow_the_header_when_a_core_is_offline():
    assert attribution.parse_columns(INTERRUPTS, 2) == {
        "0 timer": 0,
        "24 eth1-rx-0": 70211,
        "25 nvme0q2": 0,
        "LOC": 86595,
        "RES": 8266,
    }


def test_core_without_a_column_has_no_figures():
    assert attribution.parse_columns(INTERRUPTS, 1) == {}
    assert attribution.parse_columns("", 0) == {}


def test_run_delay_is_the_eighth_figure_of_the_core():
    assert attribution.parse_core_schedstat(SCHEDSTAT, 2) == 90210
    assert attribution.parse_core_schedstat(SCHEDSTAT, 1) is None
    assert attribution.parse_core_schedstat("", 0) is None


def test_absent_files_give_no_figures_instead_of_zeros(tmp_path):
    counters = attribution.read_counters(0, tmp_path)
    assert counters.interrupts == counters.softirqs == {}
    assert not counters.figures.keys() & {"steal_ns", "core_run_delay_ns", "run_delay_ns"}


def test_live_reading_has_the_rows_of_this_kernel():
    core = min(os.sched_getaffinity(0))
    counters = attribution.read_counters(core)
    header = Path("/proc/softirqs").read_text().splitlines()
    assert len(counters.softirqs) == len(header) - 1
    assert "LOC" in counters.interrupts


def test_difference_leaves_out_rows_that_stood_still():
    before = Counters({"LOC": 10, "24 eth1": 5}, {"RCU": 1}, {"steal_ns": 7, "major_faults": 0})
    after = Counters({"LOC": 260, "24 eth1": 5, "25 new": 3}, {"RCU": 1}, {"steal_ns": 9})
    moved = attribution.difference(before, after)
    assert moved == Counters({"LOC": 250, "25 new": 3}, {}, {"steal_ns": 2})
    assert attribution.total([moved, moved]).interrupts == {"LOC": 500, "25 new": 6}


def test_causes_come_most_frequent_first_with_readable_names():
    counters = Counters({"LOC": 2500, "24 eth1": 9}, {"RCU": 30}, {"involuntary_switches": 20})
    found = [(cause.name, cause.per_second) for cause in attribution.causes(counters, 10)]
    assert found == [
        ("local timer tick (LOC)", 250.0),
        ("softirq RCU", 3.0),
        ("involuntary switch (other threads ran)", 2.0),
        ("interrupt 24 eth1", 0.9),
    ]


def test_contamination_names_other_threads_above_a_thousandth():
    noisy = Counters(figures={"run_delay_ns": 49_800_000, "involuntary_switches": 192})
    assert attribution.contamination(noisy, 10**10) == [
        "other threads ran on the core: waited 49.8 ms of 10000 ms, 192 involuntary switches"
    ]
    quiet = Counters(figures={"run_delay_ns": 800_000, "involuntary_switches": 21})
    assert attribution.contamination(quiet, 10**10) == []


def test_contamination_names_steal():
    stolen = Counters(figures={"steal_ns": 20_000_000})
    assert attribution.contamination(stolen, 10**9) == ["the hypervisor took 20 ms (steal)"]
