"""The catalogue is whole and consistent."""

import pytest

from tuning import knobs, probes, want
from tuning.model import Settable, Severity

CATALOGUE = knobs.catalogue()
GROUPS = {
    "cpu": 19,
    "irq": 8,
    "power": 14,
    "memory": 16,
    "realtime": 13,
    "clock": 5,
    "network": 15,
    "nic": 12,
    "noise": 10,
}

# Set at run time, verified and put back on a real machine, as the study of the catalogue found.
SET_AND_RESTORED = [
    "cpu.cpuset_v1", "cpu.affinity_app", "cpu.timer_migration", "cpu.autogroup",
    "cpu.wq_cpumask", "cpu.writeback_mask", "irq.default", "irq.nic", "idle.dma_latency",
    "idle.states", "idle.guest_haltpoll", "mem.huge2m", "mem.huge1g", "mem.hugetlbfs",
    "mem.thp", "mem.numa_balancing", "mem.ksm", "mem.swappiness", "mem.mlock",
    "mem.stat_interval", "mem.compaction", "mem.zone_reclaim", "mem.min_free", "mem.dirty",
    "mem.numa_placement", "rt.policy", "rt.deadline", "rt.throttle", "rt.timerslack",
    "rt.eevdf_slice", "wd.softlockup", "wd.hung_task", "clk.source", "net.busy_read",
    "sock.busy_poll", "epoll.params", "napi.defer", "napi.irq_suspend", "napi.threaded",
    "net.buffers", "net.backlog", "tcp.idle_ss", "tcp.autocork", "tcp.nodelay", "tcp.legacy",
    "net.rps_xps", "net.rtentsk", "nic.channels", "nic.offload", "nic.queue_len_qdisc",
]  # fmt: skip


def test_catalogue_has_112_knobs_in_nine_groups():
    counted = {g: sum(k.group == g for k in CATALOGUE.values()) for g in GROUPS}
    assert counted == GROUPS
    assert sum(GROUPS.values()) == len(CATALOGUE) == 112


def test_all_that_was_set_and_restored_on_a_real_machine_is_marked_so_and_nothing_else():
    marked = [knob.id for knob in CATALOGUE.values() if knob.settable is Settable.RSW]
    assert marked == SET_AND_RESTORED and len(marked) == 50


@pytest.mark.parametrize("knob", CATALOGUE.values(), ids=lambda knob: knob.id)
def test_knob_says_what_why_cost_and_how_to_undo(knob):
    for text in (knob.title, knob.why, knob.cost, knob.fix, knob.undo, knob.source):
        assert len(text) > 4 and text.isascii() and text == text.strip()
    assert knob.where and all(place for place in knob.where)
    assert knob.why.endswith(".") and knob.cost.endswith(".")


def test_every_knob_has_a_probe_and_every_probe_a_knob():
    probes.load()
    used = {knob.probe for knob in CATALOGUE.values()}
    assert used == set(probes.PROBES)
    assert set(probes.SAMPLERS) <= used


def test_what_can_be_written_names_its_phase_and_its_undo():
    for knob in CATALOGUE.values():
        if knob.settable in (Settable.RSW, Settable.RW):
            assert knob.phase in knobs.PHASES and "nothing" not in knob.undo, knob.id
        else:
            assert not knob.phase, knob.id


def test_severity_falls_by_one_level_where_cores_are_shared_unless_it_is_firm():
    firm = {knob.id for knob in CATALOGUE.values() if knob.firm}
    assert firm == {
        "cpu.housekeeping",
        "clk.source",
        "clk.double_discipline",
        "tcp.nodelay",
        "svc.conflict",
        "vm.steal",
        "ct.limits",
    }
    assert Severity.CRITICAL.lower() is Severity.ADVISED
    assert [s.weight for s in (Severity.CRITICAL, Severity.ADVISED, Severity.INFO)] == [4, 2, 1]


def test_alias_finds_its_knob_and_a_wrong_name_its_neighbours():
    assert knobs.find("net.busy_poll").id == "net.busy_read"
    with pytest.raises(KeyError, match=r"mem\.swappiness"):
        knobs.find("mem.swapiness")
    assert [k.id for k in knobs.select(["tcp"])] == [
        "tcp.idle_ss",
        "tcp.autocork",
        "tcp.nodelay",
        "tcp.legacy",
    ]
    assert len(knobs.select(["memory", "mem.swap"])) == GROUPS["memory"]


@pytest.mark.parametrize(
    "spec", [{"most": 3}, {"max": 1, "min": 2}, {}, {"max": 1, "set": 0, "min": 0}]
)
def test_want_that_is_not_understood_is_refused(spec):
    with pytest.raises(ValueError, match="want"):
        want.parse(spec)


def test_page_of_the_catalogue_is_up_to_date():
    from pathlib import Path

    from tuning.knobs.__main__ import table

    page = Path(__file__).resolve().parents[2] / "docs" / "baseline-knobs.md"
    assert page.read_text() == table(), "run: python -m tuning.knobs > docs/baseline-knobs.md"
