"""Isolation in reality: a Debian kernel boots in QEMU with and without isolation parameters.

Run by `make test-qemu`; not part of `make test` (no test_ in the name): it fetches 86 MB once and
takes one to five minutes.  The guest runs this package itself: Python and tuning/ are in its RAM
disk.
"""

import pytest
import qemu_guest

PARAMETERS = (
    "isolcpus=managed_irq,domain,1-3 nohz_full=1-3 rcu_nocbs=1-3 irqaffinity=0 skew_tick=1 "
    "processor.max_cstate=1 rcupdate.rcu_normal_after_boot=1 hugepages=256 audit=0"
)
JOB = """
import dataclasses, json, sys, traceback
out = {}
try:
    from tuning import boot, check, effect, knobs, plan
    from tuning.change import Changer
    from tuning.health import context_of
    from tuning.host import LiveHost, peek
    from tuning.journal import Journal

    def rows(**more):
        context = context_of(profile="bare-metal", **more)
        report = check.check(context)
        told = {f.knob.id: [str(f.state), f.observed, f.reason] for f in report.findings}
        return context, report, told

    context, report, out["rows"] = rows()
    out["line"] = boot.whole_line(context, boot.missing_words(context, report))
    out["cmdline"] = context.facts.command_line
    out["ticks"] = [effect.ticks_while_spinning(context, cpu) for cpu in (0, 3)]
    out["fitness"], out["coverage"] = report.fitness, report.coverage
    journal = Journal("/var/lib/corelane/host")
    chosen = [k for k in knobs.catalogue().values() if k.id in
              ("cpu.partition", "cpu.wq_cpumask", "irq.default", "wd.softlockup", "mem.swappiness")]
    watched = ["/sys/devices/virtual/workqueue/cpumask", "/proc/irq/default_smp_affinity",
               "/proc/sys/kernel/watchdog_cpumask", "/proc/sys/vm/swappiness",
               "/sys/fs/cgroup/cpuset.cpus.isolated", "dir:/sys/fs/cgroup/corelane"]
    before = [peek(LiveHost(), a) for a in watched]
    with journal.lock():
        changer = Changer(LiveHost(), journal, context.facts.boot_id)
        wanted = plan.make(context, check.check(context, chosen))
        out["applied"] = [[o.what, o.knob, o.detail] for o in changer.apply(wanted)]
        out["after"] = rows(brief=True)[2]
        out["undone"] = [[o.what, o.knob, o.detail] for o in changer.rollback()]
    out["same"] = [peek(LiveHost(), a) for a in watched] == before

    # A real card: its rings and coalescing as the profile wants them, and back.
    cards = ["ethtool:eth0/ring", "ethtool:eth0/coalesce"]
    before = [LiveHost().read(a) for a in cards]
    context = context_of(profile="bare-metal", cards=["eth0"], brief=True)
    chosen = [k for k in knobs.catalogue().values() if k.id in ("nic.ring", "nic.coalesce")]
    with journal.lock():
        changer = Changer(LiveHost(), journal, context.facts.boot_id)
        wanted = plan.make(context, check.check(context, chosen))
        out["card"] = [[o.what, o.knob, o.detail] for o in changer.apply(wanted)]
        out["card_states"] = {f.knob.id: str(f.state) for f in check.check(context_of(
            profile="bare-metal", cards=["eth0"], brief=True), chosen).findings}
        out["card_undone"] = [o.what for o in changer.rollback()]
    out["card_same"] = [LiveHost().read(a) for a in cards] == before

    # Interrupts whose mask the kernel keeps: refused once, remembered, no failure of the host.
    rows_of = LiveHost().read("/proc/interrupts").splitlines()
    kept = [r.split(":")[0].strip() for r in rows_of if "nvme0q" in r and "nvme0q0" not in r]
    out["nvme"] = len(kept)
    action = plan.Action("irq.nic", "nvme", f"/proc/irq/{kept[0]}/smp_affinity_list", "0",
        "cpulist", "irq-affinity", plan.Risk.NONE, "", "", False)
    masks = [peek(LiveHost(), f"/proc/irq/{n}/smp_affinity_list") for n in kept]
    first = kept[masks.index(next(m for m in masks if m != "0"))]
    action = dataclasses.replace(action, address=f"/proc/irq/{first}/smp_affinity_list")
    with journal.lock():
        changer = Changer(LiveHost(), journal, context.facts.boot_id)
        out["refused"] = [[o.what, o.detail] for o in changer.apply(plan.Plan((action,), (), ()))]
    context = context_of(profile="bare-metal", brief=True)
    seen = check.check(context, [knobs.find("irq.managed"), knobs.find("irq.effective")])
    out["managed"] = [seen.finding("irq.managed").observed, sorted(context.managed)]
    out["first"] = first
    out["changes"] = len(Journal("/var/lib/corelane/host").changes())

    # A hardware clock that stands still.
    from tuning.time import Where, get_hardware_timestamp, judge, load_limits, observe
    status = judge(observe(Where()), load_limits("bare-metal"))
    out["clock"] = {c.id: [c.verdict.name, c.reason] for s in status.sources for c in s.checks}
    out["clock_details"] = {s.name: s.details for s in status.sources}
    stamp = get_hardware_timestamp()
    out["stamp"] = [stamp.quality.name, stamp.ns, stamp.reason]
except BaseException:
    out["error"] = traceback.format_exc()
print("<<<" + json.dumps(out) + ">>>")
"""


@pytest.fixture(scope="module")
def guest():
    try:
        kernel, busybox = qemu_guest.prepare()
    except qemu_guest.Missing as error:
        pytest.skip(str(error))
    disk = qemu_guest.ram_disk(busybox, JOB)
    return lambda words: qemu_guest.boot(kernel, disk, words)


@pytest.fixture(scope="module")
def isolated(guest):
    return guest(PARAMETERS)


@pytest.fixture(scope="module")
def plain(guest):
    return guest("")


def test_isolated_kernel_is_seen_as_isolated(isolated):
    assert "error" not in isolated, isolated["error"]
    rows = isolated["rows"]
    for knob in ("cpu.isolcpus", "cpu.nohz_full", "cpu.rcu_nocbs"):
        assert rows[knob][:2] == ["OK", "1-3"], (knob, rows[knob])
    for knob in (
        "cpu.skew_tick",
        "irq.boot_affinity",
        "irq.default",
        "rcu.normal",
        "cpu.housekeeping",
    ):
        assert rows[knob][0] == "OK", (knob, rows[knob])
    assert rows["cpu.preempt_model"][1] == "PREEMPT_RT"
    assert rows["mem.huge2m"][0] == "OK", rows["mem.huge2m"]
    assert rows["cpu.partition"][0] == "NOT_APPLICABLE"
    assert rows["irq.effective"][0] == "OK", rows["irq.effective"]


def test_spinning_core_has_no_tick_only_where_it_is_isolated(isolated, plain):
    house, lane = isolated["ticks"]
    assert lane <= 2 < house, isolated["ticks"]
    assert min(plain["ticks"]) > 2, plain["ticks"]


def test_line_that_is_printed_for_the_plain_kernel_is_the_one_that_isolates_it(plain, isolated):
    assert "error" not in plain, plain["error"]
    assert plain["rows"]["cpu.isolcpus"][:2] == ["DRIFT", "none"]
    assert plain["rows"]["cpu.nohz_full"][0] == "DRIFT"
    given, printed = set(isolated["cmdline"].split()), set(plain["line"].split())
    assert printed - given <= {"audit=0"} and {"nohz_full=1-3", "rcu_nocbs=1-3"} <= printed
    assert isolated["fitness"] > plain["fitness"]


def test_partition_isolates_the_plain_kernel_at_run_time_and_is_taken_back(plain):
    done = {knob: what for what, knob, _ in plain["applied"]}
    assert done["cpu.partition"] == "applied", plain["applied"]
    assert plain["after"]["cpu.partition"][0] == "OK", plain["after"]["cpu.partition"]
    assert plain["after"]["cpu.isolcpus"][0] in ("NOT_APPLICABLE", "DRIFT")
    assert {what for what, _, _ in plain["undone"]} == {"undone"} and plain["same"]


def test_rings_and_coalescing_of_a_real_card_go_round(plain):
    assert {what for what, _, _ in plain["card"]} == {"applied"}, plain["card"]
    assert {knob for _, knob, _ in plain["card"]} == {"nic.ring", "nic.coalesce"}
    assert set(plain["card_states"].values()) == {"OK"}, plain["card_states"]
    assert set(plain["card_undone"]) == {"undone"} and plain["card_same"]


def test_interrupt_that_the_kernel_keeps_is_refused_and_remembered(plain):
    assert plain["nvme"] >= 2
    ((what, detail),) = plain["refused"]
    assert what == "failed" and detail.startswith("EIO"), detail
    assert plain["managed"][1] == [plain["first"]] and not plain["managed"][0].startswith("0 ")
    assert plain["changes"] == 0


def test_hardware_clock_that_stands_still_is_found_and_gives_no_stamp(plain):
    """The emulated card's clock can be read by every means and never moves."""
    assert plain["clock"]["phc.alive"][0] == "FAIL", plain["clock"]
    assert plain["clock_details"]["/dev/ptp0"]["interfaces"] == "eth0"
    assert plain["stamp"][:2] == ["NONE", 0] and "stands still" in plain["stamp"][2]
