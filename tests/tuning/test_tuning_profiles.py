"""Profiles: inheritance, reasons for deviations, the choice by facts."""

import pytest
import tuning_hosts

from tuning import profiles
from tuning.check import check
from tuning.context import look_at
from tuning.facts import Facts


def site(tmp_path, text, name="site.toml"):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_site_profile_inherits_and_overrides_with_its_reason(tmp_path):
    path = site(
        tmp_path,
        'extends = "bare-metal"\nname = "sg"\n[sizes]\nhuge1g = 2\n'
        '[override."mem.swappiness"]\nwant = {max = 30}\nreason = "the database next door"\n',
    )
    profile = profiles.load(path)
    assert (profile.base, profile.sizes["huge1g"], profile.sizes["huge2m"]) == (
        "bare-metal",
        2,
        256,
    )
    host = tuning_hosts.captured("two-socket-server", **{"/proc/sys/vm/swappiness": "30\n"})
    found = check(look_at(host, profile)).finding("mem.swappiness")
    assert (found.state, found.expected) == ("OK", "<= 30")
    assert "the database next door" in found.reason


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('extends = "bare-metal"\n[override."mem.thp"]\nwant = "always"\n', "reason"),
        ('extends = "bare-metal"\n[override."mem.thp"]\nwant = "always"\nreason = " "\n', "reason"),
        ('extends = "bare-metal"\n[roles]\nisolated = "2-3"\n', "reason"),
        ('extends = "nothing.toml"\n', "no profile file"),
        ('extends = "site.toml"\n', "extends itself"),
        ('name = "x"\n', "extends none"),
        ('extends = "dev"\ncolour = 1\n', "unknown keys colour"),
        ("[", "no TOML"),
    ],
)
def test_profile_that_cannot_be_used_says_what_is_wanted(tmp_path, text, complaint):
    with pytest.raises(profiles.ProfileError, match=complaint):
        profiles.load(site(tmp_path, text))


def test_unknown_name_lists_the_shipped_ones():
    with pytest.raises(profiles.ProfileError, match="bare-metal, cloud-vm, small-vm, dev"):
        profiles.load("laptop")


@pytest.mark.parametrize("name", tuning_hosts.NAMES)
def test_choice_by_facts_fits_the_constructed_host(name):
    choice = profiles.choose(Facts(tuning_hosts.captured(name)))
    assert choice.profile.name == tuning_hosts.PROFILE[name]
    assert choice.reasons and choice.runner_up


def test_two_cpus_under_a_hypervisor_are_a_small_machine():
    tree, links = tuning_hosts.texts("cloud-vm")
    host = tuning_hosts.capture_of(tree, links, {"/sys/devices/system/cpu/online": "0-1\n"})
    assert profiles.choose(Facts(host)).profile.name == "small-vm"


def test_digest_changes_with_the_content(tmp_path):
    one = profiles.load(site(tmp_path, 'extends = "dev"\n[sizes]\nhuge2m = 1\n'))
    other = profiles.load(site(tmp_path, 'extends = "dev"\n[sizes]\nhuge2m = 2\n'))
    assert one.digest != other.digest == profiles.load(str(tmp_path / "site.toml")).digest
