"""chronyc's answers, and verdicts about them.

The answer lines were captured from chrony 4.3 (two namespaces, xleave, minpoll -4), addresses kept.
Those in answers/ are whole answers of two daemons on loopback, one file for each version.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from tuning.time import Verdict, load_limits
from tuning.time import chrony as client
from tuning.time.chrony import Chronyc, ChronyFacts
from tuning.time.judge_chrony import judge_chrony

LIMITS = load_limits("cloud-vm")
TRACKING = (
    "0A630001,10.99.0.1,2,1795204738.392288508,0.000000348,0.000000106,0.000000094,"
    "-0.007,-0.001,0.086,0.000001449,0.000001221,0.1,Normal\n"
)
SOURCES = "^,*,10.99.0.1,1,-4,377,0,-0.000000001,0.000000105,0.000000759\n"
STATS = "10.99.0.1,33,22,2,-0.001,0.082,-0.000000000,0.000000087\n"
NTPDATA = (
    "10.99.0.1,0A630001,123,10.99.0.2,0A630002,Normal,4,Server,1,-4,0,-26,0.000000015,"
    "0.000000,0.000000,7F7F0101,,1795204734.131077981,-0.000000105,0.000001449,0.000000035,"
    "0.000039432,-0.46,111,111,1111,Yes,No,Kernel,Kernel,60,60,60,59\n"
)
SELECT = "*,10.99.0.1,N,-,-,-,-,-,-,-,-,-,-,0,1.0,-0.000000660,0.000000869,Normal\n"
TAKEN = 1795204738_400000000


@pytest.fixture
def good() -> ChronyFacts:
    upstream = client.parse(NTPDATA.replace("7F7F0101", "50505300"), client.ntp_data)
    return ChronyFacts(
        tracking=client.parse(TRACKING, client.tracking)[0],
        sources=client.parse(SOURCES, client.source),
        stats=client.parse(STATS, client.source_stats),
        ntpdata=upstream,
        selection=client.parse(SELECT, client.selection),
        taken_ns=TAKEN,
    )


def only_bad(facts, **more) -> tuple[str, Verdict]:
    found = {one.id: one.verdict for one in judge_chrony(facts, LIMITS, **more).checks}
    bad = {id: v for id, v in found.items() if v is not Verdict.OK}
    assert len(bad) == 1, bad
    return next(iter(bad.items()))


UTC = frozenset({"10.99.0.1"})


def test_captured_answers_are_read_to_the_nanosecond(good):
    tracking = good.tracking
    assert tracking.reference_time_ns == 1795204738_392288508
    assert (tracking.system_time_ns, tracking.root_delay_ns) == (348, 1449)
    assert tracking.bound_ns == 348 + 1221 + 724
    assert good.selected.reach == 0o377
    assert good.selected.error_ns == 759
    assert (good.stats[0].points, good.stats[0].deviation_ns) == (33, 87)
    upstream = client.parse(NTPDATA, client.ntp_data)[0]
    assert (upstream.reference_id, upstream.offset_ns, upstream.peer_delay_ns) == (
        "7F7F0101", -105, 1449,
    )  # fmt: skip
    assert (upstream.interleaved, upstream.authenticated) == (True, False)
    assert (upstream.tx_stamping, upstream.rx_stamping) == ("Kernel", "Kernel")
    assert (good.selection[0].low_ns, good.selection[0].high_ns) == (-660, 869)


ANSWERS = sorted((Path(__file__).parent / "answers").glob("chrony-*.txt"))


def answers(path: Path) -> dict[str, str]:
    """Return what each command answered, by its name."""
    parts = path.read_text().split("# ")[1:]
    return {name: rest for name, _, rest in (part.partition("\n") for part in parts)}


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.stem)
def test_every_versions_answers_are_read_and_judged_alike(path):
    """Two daemons on loopback, interleaved, kernel stamps."""
    said = answers(path)
    assert set(said) == set(client.COMMANDS)
    facts = ChronyFacts(
        tracking=client.parse(said["tracking"], client.tracking)[0],
        sources=client.parse(said["sources"], client.source),
        stats=client.parse(said["sourcestats"], client.source_stats),
        ntpdata=client.parse(said["ntpdata"], client.ntp_data),
        selection=client.parse(said["selectdata"], client.selection),
        taken_ns=client.parse(said["tracking"], client.tracking)[0].reference_time_ns + 10**8,
    )
    assert facts.selected is not None and facts.selected.name == "127.0.0.1"
    (source,) = facts.ntpdata
    assert (source.leap, source.stratum, source.interleaved) == ("Normal", 1, True)
    assert (source.tx_stamping, source.rx_stamping) == ("Kernel", "Kernel")
    assert 0 < source.peer_delay_ns < 10**6
    assert facts.selection[0].low_ns < facts.selection[0].high_ns
    # its server follows nobody but itself: that, and nothing else, is wrong
    sources = frozenset({"127.0.0.1"})
    assert only_bad(facts, utc_sources=sources) == ("ntp.traceable", Verdict.WARN)


@pytest.mark.parametrize("line", ["", "1,2,3", TRACKING.replace("Normal", "Normal,new")])
def test_line_of_another_form_is_refused_and_shown(line):
    with pytest.raises(ValueError, match="chronyc answered"):
        client.parse(line + "\n", client.tracking)


def test_source_that_never_answered_has_no_age():
    line = SOURCES.replace(",377,0,", ",0,4294967295,")
    assert client.parse(line, client.source)[0].last_rx_s is None


def test_good_answers_and_a_declared_source_are_good_and_traceable(good):
    status = judge_chrony(good, LIMITS, utc_sources=UTC)
    assert status.verdict is Verdict.OK
    assert status.traceable
    assert status.offset_ns == -348  # chrony says slow, we say how far ahead
    assert status.uncertainty_ns == 1221 + 724


def test_undeclared_source_is_not_traceable(good):
    assert only_bad(good) == ("ntp.traceable", Verdict.WARN)
    assert not judge_chrony(good, LIMITS).traceable


def test_server_that_follows_itself_is_not_traceable_even_if_declared(good):
    looped = replace(good, ntpdata=client.parse(NTPDATA, client.ntp_data))
    assert only_bad(looped, utc_sources=UTC) == ("ntp.traceable", Verdict.WARN)


def test_chronyd_that_follows_itself_fails(good):
    own = replace(good, tracking=replace(good.tracking, reference_id="7F7F0101"))
    assert only_bad(own, utc_sources=UTC) == ("ntp.traceable", Verdict.FAIL)


def test_lost_selection_fails_though_tracking_says_normal(good):
    lost = tuple(replace(one, state="?") for one in good.sources)
    bad = only_bad(replace(good, sources=lost), utc_sources=UTC)
    assert bad == ("ntp.selected", Verdict.FAIL)


@pytest.mark.parametrize(
    ("reach", "verdict"), [(0o376, Verdict.WARN), (0o370, Verdict.FAIL), (0, Verdict.FAIL)]
)
def test_reach_counts_the_newest_polls(good, reach, verdict):
    sources = tuple(replace(one, reach=reach) for one in good.sources)
    assert only_bad(replace(good, sources=sources), utc_sources=UTC) == ("ntp.reach", verdict)


def test_old_reference_and_old_answer_are_stale(good):
    later = replace(good, taken_ns=TAKEN + 10 * 10**9)
    assert only_bad(later, utc_sources=UTC) == ("ntp.fresh", Verdict.FAIL)
    silent = tuple(replace(one, last_rx_s=30) for one in good.sources)
    assert only_bad(replace(good, sources=silent), utc_sources=UTC) == ("ntp.fresh", Verdict.FAIL)


@pytest.mark.parametrize(
    ("dispersion", "verdict"), [(60_000, Verdict.WARN), (110_000, Verdict.FAIL)]
)
def test_growing_dispersion_widens_the_bound(good, dispersion, verdict):
    wide = replace(good, tracking=replace(good.tracking, root_dispersion_ns=dispersion))
    assert only_bad(wide, utc_sources=UTC) == ("ntp.bound", verdict)


def test_leap_not_synchronised_fails(good):
    bad = replace(good, tracking=replace(good.tracking, leap="Not synchronised"))
    assert only_bad(bad, utc_sources=UTC) == ("ntp.leap", Verdict.FAIL)


def test_no_command_socket_is_unknown_with_the_reason(tmp_path):
    script = tmp_path / "chronyc"
    script.write_text("#!/bin/sh\necho '506 Cannot talk to daemon'\nexit 1\n")
    script.chmod(0o755)
    facts = Chronyc("/nowhere", str(script)).facts()
    assert facts.missing == {"tracking": "506 Cannot talk to daemon"}
    assert judge_chrony(facts, LIMITS).verdict is Verdict.UNKNOWN


def test_chronyc_that_is_not_installed_is_named(tmp_path):
    facts = Chronyc(binary=str(tmp_path / "chronyc")).facts()
    assert "is not installed" in facts.missing["tracking"]
