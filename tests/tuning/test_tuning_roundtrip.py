"""Every knob that can be written: made wrong, applied, right; rolled back, the bytes as before."""

import dataclasses

import pytest
import tuning_hosts
from tuning_spoils import SPOILS, host_for

from tuning import check, knobs, plan, profiles
from tuning.change import Changer
from tuning.context import look_at
from tuning.journal import Journal
from tuning.model import WRONG, Settable, State

SETTABLE = [k for k in knobs.catalogue().values() if k.settable in (Settable.RSW, Settable.RW)]


def profile_for(knob, spoil):
    profile = profiles.load("bare-metal")
    overrides = {knob.id: {"want": spoil.want, "reason": "test"}} if spoil.want is not None else {}
    return dataclasses.replace(profile, overrides=overrides, sizes={**profile.sizes, **spoil.size})


def test_every_settable_knob_has_its_round_trip():
    assert sorted(SPOILS) == sorted(knob.id for knob in SETTABLE)


@pytest.mark.parametrize("knob", SETTABLE, ids=lambda knob: knob.id)
def test_knob_applied_and_rolled_back_leaves_the_host_as_it_was(knob, tmp_path):
    spoil = SPOILS[knob.id]
    host, profile = host_for(spoil), profile_for(knob, spoil)
    context = look_at(host, profile)
    wrong = check.check(context, [knob])
    assert wrong.findings[0].state is State.DRIFT, wrong.findings[0]
    before = dict(host.texts)
    wanted = plan.make(context, wrong, named=[knob.id])
    assert {action.knob for action in wanted.actions} == {knob.id}

    changer = Changer(host, Journal(tmp_path), context.facts.boot_id)
    with changer.journal.lock():
        outcomes = changer.apply(wanted)
        assert [o.what for o in outcomes] == ["applied"] * len(wanted.actions), outcomes
        assert host.texts != before
        if spoil.reflected:
            after = check.check(look_at(host, profile), [knob]).findings[0]
            assert after.state is State.OK, after
            assert (
                plan.make(
                    look_at(host, profile), check.check(look_at(host, profile), [knob])
                ).actions
                == ()
            )
        undone = changer.rollback()
    assert [o.what for o in undone] == ["undone"] * len(wanted.actions), undone
    # The core that gets an interrupt stays until the next one: by value, not by effect.
    kept = [a for a in before if knob.exact or "effective" not in a]
    assert {a: t for a, t in host.texts.items() if knob.exact or "effective" not in a} == {
        a: before[a] for a in kept
    }
    assert changer.journal.changes() == []


def test_plan_of_everything_acts_in_the_order_of_phases_and_never_isolates_interrupts():
    tree, links = tuning_hosts.texts("two-socket-server")
    for name in (
        "nic.channels",
        "nic.ring",
        "nic.coalesce",
        "irq.nic",
        "mem.huge2m",
        "mem.swappiness",
    ):
        tree.update(SPOILS[name].texts)
    context = look_at(tuning_hosts.capture_of(tree, links))
    wanted = plan.make(context, check.check(context))
    order = [action.phase for action in wanted.actions]
    assert order == sorted(order, key=knobs.PHASES.index)
    assert order.index("nic-channels") < order.index("nic-coalesce") < order.index("irq-affinity")
    assert order[0] == "hugepages" and order[-1] == "sysctl"
    moved = [a for a in wanted.actions if a.phase == "irq-affinity"]
    assert moved and all(int(a.value) in context.roles.housekeeping for a in moved)


def test_plan_takes_one_of_two_knobs_that_exclude_each_other():
    host = host_for(SPOILS["cpu.partition"])
    host.texts.update({"/sys/fs/cgroup/cpuset/cpuset.cpus": "0-63\n"})
    context = look_at(host, "bare-metal")
    report = check.check(context)
    assert report.finding("cpu.isolcpus").state in WRONG
    wanted = plan.make(context, report)
    assert "cpu.partition" in {action.knob for action in wanted.actions}
    assert "cpu.isolcpus" in dict(wanted.manual)


def test_plan_takes_hardware_threads_away_only_when_asked_by_name():
    context = look_at(host_for(SPOILS["cpu.smt"]), "bare-metal")
    report = check.check(context)
    unnamed = plan.make(context, report)
    assert "--only cpu.smt" in dict(unnamed.skipped)["cpu.smt"]
    assert [a.knob for a in plan.make(context, report, named=["cpu.smt"]).actions].count(
        "cpu.smt"
    ) == 1


def test_plan_leaves_what_is_pending_or_in_conflict_alone_and_says_so():
    tree, links = tuning_hosts.texts("two-socket-server")
    tree["/proc/sys/vm/swappiness"] = "30\n"
    tree["/proc/irq/102/effective_affinity_list"] = "9\n"
    host = tuning_hosts.capture_of(tree, links)
    context = look_at(host, applied={"/proc/sys/vm/swappiness": "1\n"})
    report = check.check(context)
    wanted = plan.make(context, report)
    assert wanted.actions == () and set(dict(wanted.skipped)) == {
        "mem.swappiness",
        "irq.nic",
        "irq.effective",
    }
    forced = plan.make(context, report, force=True)
    assert [action.knob for action in forced.actions] == ["mem.swappiness"]


@pytest.mark.parametrize("name", tuning_hosts.NAMES)
def test_plan_of_a_host_that_is_right_is_empty(name):
    context = look_at(tuning_hosts.captured(name))
    assert plan.make(context, check.check(context)).actions == ()
