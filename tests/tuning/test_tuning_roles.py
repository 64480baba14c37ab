"""Roles of cores: every shape of machine, never without a core for housekeeping."""

import pytest
import tuning_hosts
from hypothesis import given, settings
from hypothesis import strategies as st

from tuning import cpus, profiles, roles
from tuning.facts import Facts
from tuning.fake import FakeHost

RULES = {name: profiles.load(name).roles for name in profiles.SHIPPED}


def machine(sockets, cores, threads):
    shape = {
        "sockets": sockets,
        "cores": cores,
        "threads": threads,
        "vendor": "x",
        "model": "x",
        "flags": "x",
    }
    return Facts(FakeHost(tuning_hosts._topology(shape, {"isolated": ""})))


@settings(max_examples=60)
@given(st.integers(1, 4), st.integers(1, 24), st.integers(1, 2), st.sampled_from(profiles.SHIPPED))
def test_every_machine_keeps_whole_cores_apart(sockets, cores, threads, profile):
    facts = machine(sockets, cores, threads)
    given_roles = roles.assign(facts, RULES[profile])
    assert given_roles.housekeeping and given_roles.lanes
    assert not given_roles.housekeeping & given_roles.isolated
    for core in facts.cores:
        assert core <= given_roles.isolated or not core & given_roles.isolated
        assert len(core & given_roles.lanes) <= 1
    assert given_roles.reasons
    if given_roles.isolated:
        assert given_roles.lanes <= given_roles.isolated
        assert given_roles.idle == given_roles.isolated - {
            min(c) for c in facts.cores if c <= given_roles.isolated
        }
    if profile == "bare-metal" and cores > 1:
        assert all(given_roles.housekeeping & members for members in facts.nodes.values())


def test_eight_cores_give_two_to_the_house_and_six_to_lanes():
    given_roles = roles.assign(machine(1, 8, 1), RULES["bare-metal"])
    assert cpus.format_list(given_roles.isolated) == "2-7"


@pytest.mark.parametrize("profile", profiles.SHIPPED)
def test_one_core_isolates_nothing_and_says_why(profile):
    given_roles = roles.assign(machine(1, 1, 2), RULES[profile])
    assert not given_roles.isolated and given_roles.lanes == {0}
    assert "one core" in given_roles.reasons[0]


def test_two_cores_of_a_small_machine_give_the_lane_the_second():
    given_roles = roles.assign(machine(1, 2, 1), RULES["small-vm"])
    assert (given_roles.housekeeping, given_roles.lanes, given_roles.isolated) == (
        {0},
        {1},
        frozenset(),
    )
    assert given_roles.named("hot") == {1}


def test_lanes_stay_on_the_node_of_the_card():
    given_roles = roles.assign(machine(2, 8, 1), RULES["bare-metal"], trading_node=1)
    assert cpus.format_list(given_roles.lanes) == "10-15"
    assert any("node 1" in reason for reason in given_roles.reasons)


def test_choice_by_hand_takes_whole_cores_and_never_all():
    facts = machine(1, 4, 2)
    chosen = roles.assign(facts, {"isolated": "3", "reason": "one lane is enough"})
    assert chosen.isolated == {3, 7} and chosen.idle == {7} and "one lane" in chosen.reasons[0]
    with pytest.raises(ValueError, match="every online CPU"):
        roles.assign(facts, {"isolated": "0-7", "reason": "all"})
