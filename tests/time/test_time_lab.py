"""The client and the verdicts against real ptp4l and chronyd, alive and dying.

The tests stand in the order of the story: the last ones kill the grandmaster, then the boundary
clock, then the NTP server.
"""

import os
import re

import pytest
from clock_lab import wait_until

from runtime._shm import lib as pages
from runtime.pages.clock import ClockPage, ClockWatch
from tuning.time import Role, Verdict, Where, load_limits, observe
from tuning.time.chrony import Chronyc
from tuning.time.datasets import Id, PortState, Subscription
from tuning.time.judge_chrony import judge_chrony
from tuning.time.judge_ptp import judge_ptp
from tuning.time.kernel import find_writers
from tuning.time.management import ManagementClient
from tuning.time.role import role_of
from tuning.time.status import judge

pytestmark = pytest.mark.requires_root

LIMITS = load_limits("cloud-vm")
SMALL_NS = 1_000_000  # what a busy machine does to software stamps; a dead master does no more
TAI = (
    "SET GRANDMASTER_SETTINGS_NP clockClass 6 clockAccuracy 0x21 offsetScaledLogVariance 0xffff "
    "currentUtcOffset 37 leap61 0 leap59 0 currentUtcOffsetValid {0} ptpTimescale {0} "
    "timeTraceable {0} frequencyTraceable {0} timeSource 0x20"
)


def ask(socket: str):
    with ManagementClient(socket) as client:
        return client.facts()


def settled(lab):
    """Return the slave's facts once it has measured the way through the boundary clock."""

    def slave():
        facts = ask(lab.sockets.slave)
        done = facts.current.steps_removed == 2 and facts.current.mean_path_delay_ns > 0
        return facts if done else None

    return wait_until(slave)


def checks_of(status) -> dict[str, Verdict]:
    return {check.id: check.verdict for check in status.checks}


def bad_of(status) -> dict[str, Verdict]:
    return {id: one for id, one in checks_of(status).items() if one is not Verdict.OK}


def number(text: str) -> float | str:
    try:
        return float(int(text, 0)) if text.startswith("0x") else float(text)
    except ValueError:
        return {"true": 1.0, "false": 0.0}.get(text, text)


def rows_of(text: str) -> list[dict[str, float | str]]:
    """Return what pmc printed, one table per answer."""
    out: list[dict[str, float | str]] = []
    for line in text.splitlines():
        if "RESPONSE MANAGEMENT" in line:
            out.append({})
        elif out and (found := re.match(r"\s+(\S+)\s+(\S+)", line)):
            out[-1][found[1]] = number(found[2])
    return out


# Our field -> pmc's word.
WORDS = {
    Id.DEFAULT_DATA_SET: {
        "two_step": "twoStepFlag", "slave_only": "slaveOnly", "ports": "numberPorts",
        "priority1": "priority1", "priority2": "priority2", "clock": "clockIdentity",
        "domain": "domainNumber",
    },
    Id.CURRENT_DATA_SET: {
        "steps_removed": "stepsRemoved", "offset_ns": "offsetFromMaster",
        "mean_path_delay_ns": "meanPathDelay",
    },
    Id.PARENT_DATA_SET: {
        "parent_port": "parentPortIdentity", "priority1": "grandmasterPriority1",
        "priority2": "grandmasterPriority2", "grandmaster": "grandmasterIdentity",
    },
    Id.TIME_PROPERTIES_DATA_SET: {
        "utc_offset_s": "currentUtcOffset", "leap61": "leap61", "leap59": "leap59",
        "utc_offset_valid": "currentUtcOffsetValid", "ptp_timescale": "ptpTimescale",
        "time_traceable": "timeTraceable", "frequency_traceable": "frequencyTraceable",
        "time_source": "timeSource",
    },
    Id.PORT_DATA_SET: {
        "port": "portIdentity", "state": "portState", "log_delay_request": "logMinDelayReqInterval",
        "peer_delay_ns": "peerMeanPathDelay", "log_announce": "logAnnounceInterval",
        "announce_receipt_timeout": "announceReceiptTimeout", "log_sync": "logSyncInterval",
        "delay_mechanism": "delayMechanism",
    },
    Id.TIME_STATUS_NP: {
        "master_offset_ns": "master_offset", "ingress_ns": "ingress_time",
        "rate_offset": "cumulativeScaledRateOffset", "grandmaster_present": "gmPresent",
        "grandmaster": "gmIdentity",
    },
    Id.GRANDMASTER_SETTINGS_NP: {},  # quality and properties, see is_equal
    Id.PORT_PROPERTIES_NP: {
        "port": "portIdentity", "state": "portState", "stamping": "timestamping",
        "interface": "interface",
    },
    Id.PORT_STATS_NP: {"port": "portIdentity"},
    Id.SYNCHRONIZATION_UNCERTAIN_NP: {"value": "uncertain"},
}  # fmt: skip


def is_equal(id: Id, content, row: dict[str, float | str]) -> bool:
    """Compare one data set of ours with one table of pmc's, field by field."""
    pairs = []
    for field, word in WORDS[id].items():
        value = getattr(content, field)
        name = getattr(value, "name", None)
        pairs.append((name or (value if isinstance(value, str) else float(value)), row[word]))
    quality = getattr(content, "quality", None)
    if quality is not None:
        words = {key.lower().removeprefix("gm."): value for key, value in row.items()}
        pairs.append((quality.clock_class, words["clockclass"]))
        pairs.append((quality.accuracy, words["clockaccuracy"]))
        pairs.append((quality.variance, words["offsetscaledlogvariance"]))
    if id is Id.GRANDMASTER_SETTINGS_NP:
        for field, word in WORDS[Id.TIME_PROPERTIES_DATA_SET].items():
            pairs.append((float(getattr(content.properties, field)), row[word]))
    if id is Id.PORT_STATS_NP:
        pairs.append((content.received[0], row["rx_Sync"]))
        pairs.append((content.received[11], row["rx_Announce"]))
        pairs.append((content.sent[1], row["tx_Delay_Req"]))
    assert pairs
    return all(ours == theirs for ours, theirs in pairs)


@pytest.mark.parametrize("id", WORDS, ids=lambda id: id.name)
@pytest.mark.parametrize("clock", ["grandmaster", "boundary", "slave"])
def test_data_set_equals_what_pmc_prints(lab, clock, id):
    """Read on and on while pmc runs: one of our readings must be the one that it printed."""
    settled(lab)
    socket = getattr(lab.sockets, clock)
    expected = 2 if clock == "boundary" and id.name.startswith("PORT") else 1

    def agree():
        readings = []
        with ManagementClient(socket) as client:
            pmc = lab.pmc(socket, f"GET {id.name}")
            while pmc.poll() is None:
                contents = [reply.content for reply in client.get(id, expected)]
                if contents not in readings:
                    readings.append(contents)
        rows = rows_of(pmc.communicate()[0])
        return len(rows) == expected and any(
            all(is_equal(id, ours, row) for ours, row in zip(contents, rows, strict=True))
            for contents in readings
        )

    wait_until(agree)


def test_roles_follow_from_identities_and_ports(lab):
    facts = settled(lab)
    assert role_of(facts) is Role.SLAVE
    boundary = ask(lab.sockets.boundary)
    assert role_of(boundary) is Role.BOUNDARY
    assert (boundary.current.steps_removed, len(boundary.ports)) == (1, 2)
    grandmaster = ask(lab.sockets.grandmaster)
    assert role_of(grandmaster) is Role.GRANDMASTER
    assert facts.parent.grandmaster == grandmaster.default.clock


def test_unknown_id_is_refused_by_name(lab):
    with ManagementClient(lab.sockets.slave) as client:
        (reply,) = client.get(0x1FFF)
    assert (reply.id, reply.content.error) == (0x1FFF, "NO_SUCH_ID")


def test_subscription_is_read_too(lab):
    """The eleventh data set, which this pmc does not print: nobody has subscribed to anything."""
    with ManagementClient(lab.sockets.slave) as client:
        (reply,) = client.get(Id.SUBSCRIBE_EVENTS_NP)
    assert reply.content == Subscription(0, bytes(64))


def test_other_domain_and_transport_are_found(lab):
    socket = lab.ptp4l("profiled", "c", "domainNumber 24\ntransportSpecific 1\nslaveOnly 1\n", "lo")
    wait_until(lambda: "INIT_COMPLETE" in lab.log("profiled"))
    with ManagementClient(socket) as client:
        assert client.facts().default.domain == 24
        assert (client.domain, client.transport) == (24, 1)
    lab.kill("profiled")


def test_free_running_slave_fails_on_its_state_alone(lab):
    """Everything is good but the lock, and the lock is what counts."""
    known = frozenset({settled(lab).parent.grandmaster})

    def all_but_the_lock():
        status = judge_ptp(ask(lab.sockets.slave), LIMITS, grandmasters=known)
        bad = bad_of(status)
        assert status.verdict is Verdict.FAIL
        # free_running claims no UTC; anything else would be a machine too busy for its daemons
        return bad == {"ptp.state": Verdict.FAIL, "ptp.traceable": Verdict.WARN}

    wait_until(all_but_the_lock)


def test_real_tai_slip_of_37_seconds_is_named(lab):
    """A grandmaster that calls its UTC clock TAI moves every slave by 37 s."""
    settled(lab)
    lab.pmc(lab.sockets.grandmaster, TAI.format(1)).wait()

    def slipped():
        facts = ask(lab.sockets.slave)
        status = judge_ptp(facts, LIMITS)
        found = {check.id: check for check in status.checks}["ptp.offset"]
        return found if "TAI" in found.reason else None

    found = wait_until(slipped)
    assert found.verdict is Verdict.FAIL
    lab.pmc(lab.sockets.grandmaster, TAI.format(0)).wait()
    wait_until(lambda: abs(ask(lab.sockets.slave).current.offset_ns) < 1e9)


def test_whole_observation_judges_both_sources_and_gives_no_record_for_an_unlocked_clock(lab):
    where = Where(ptp_socket=lab.sockets.slave, chrony_socket="/nowhere/sock")
    facts = observe(where)
    status = judge(facts, LIMITS, where)
    assert status.role is Role.SLAVE
    assert not status.is_synced
    assert not status.record.is_valid(status.record.taken_ns)
    assert "chronyd" in status.missing


def test_powerless_daemons_are_not_taken_for_writers_of_the_clock(lab):
    ours = {process.pid for process in lab.processes.values()}
    assert not ours & {writer.pid for writer in find_writers()}


@pytest.fixture
def clock_watch(lab, monkeypatch):
    """The appliance's clock page, fed by the lab's chronyd."""
    for name in ("PATH", "LD_LIBRARY_PATH"):  # where the lab's own chronyc is
        if name in lab.environment:
            monkeypatch.setenv(name, lab.environment[name])
    lines = []
    page = ClockPage(f"lab{os.getpid()}")
    where = Where(ptp_socket="/nowhere/sock", chrony_socket=lab.sockets.client)
    watch = ClockWatch(page, "dev", lines.append, where)
    watch.told_lines = lines
    yield watch
    page.page.remove()


def chrony(lab):
    return Chronyc(lab.sockets.client, lab.tool("chronyc")).facts()


def test_chrony_that_works_is_good_as_far_as_it_can_prove(lab):

    def good():
        facts = chrony(lab)
        status = judge_chrony(facts, LIMITS, utc_sources=frozenset({"10.99.1.1"}))
        bad = bad_of(status)
        # the server follows itself, and says so
        return (facts, status) if bad == {"ntp.traceable": Verdict.WARN} else None

    facts, status = wait_until(good)
    assert facts.missing == {}
    assert len(facts.sources) == len(facts.stats) == len(facts.ntpdata) == len(facts.selection) == 1
    assert facts.ntpdata[0].rx_stamping == "Kernel"
    assert not status.traceable
    assert abs(status.offset_ns) + status.uncertainty_ns == facts.tracking.bound_ns


def test_dead_grandmaster_behind_a_boundary_clock_shows_in_identity_and_class_only(lab):
    before = settled(lab)
    allowed = frozenset({before.parent.grandmaster})
    lab.kill("grandmaster")

    def replaced():
        facts = ask(lab.sockets.slave)
        return facts if facts.parent.grandmaster not in allowed else None

    facts = wait_until(replaced)
    status = judge_ptp(facts, LIMITS, grandmasters=allowed)
    verdicts = checks_of(status)
    assert facts.ports[0].state is before.ports[0].state  # the trap: nothing moved here
    assert abs(facts.current.offset_ns) < SMALL_NS  # nor here
    assert verdicts["ptp.grandmaster"] is Verdict.FAIL
    assert verdicts["ptp.class"] is Verdict.FAIL
    undeclared = judge_ptp(facts, LIMITS, previous=before)
    assert checks_of(undeclared)["ptp.grandmaster"] is Verdict.WARN


def test_dead_master_shows_in_state_and_age_though_the_offset_stays_small(lab):
    wait_until(lambda: ask(lab.sockets.slave).current.steps_removed == 1)
    lab.kill("boundary")

    def lost():
        facts = ask(lab.sockets.slave)
        return facts if facts.ports[0].state is PortState.LISTENING else None

    facts = wait_until(lost)
    assert abs(facts.current.offset_ns) < SMALL_NS  # the trap
    assert facts.status.grandmaster_present  # the trap
    verdicts = checks_of(judge_ptp(facts, LIMITS))
    assert verdicts["ptp.state"] is verdicts["ptp.fresh"] is Verdict.FAIL


def test_dead_ntp_server_shows_in_reach_though_the_leap_status_is_normal(lab, clock_watch):
    wait_until(lambda: chrony(lab).selected)
    view = clock_watch.page.page.view
    wait_until(lambda: clock_watch.look() or view.record.source == pages.HP_CLOCK_SOURCE_NTP)
    assert view.record.taken_ns < view.record.valid_until_ns
    lab.kill("server")

    def failed():
        facts = chrony(lab)
        verdicts = checks_of(judge_chrony(facts, LIMITS))
        told = Verdict.FAIL in (verdicts.get("ntp.reach"), verdicts["ntp.selected"])
        return facts if told else None

    facts = wait_until(failed)
    assert facts.tracking.leap == "Normal"  # the trap
    assert facts.tracking.stratum == 2  # the trap
    clock_watch.look()
    assert view.record.source == pages.HP_CLOCK_SOURCE_NONE  # lanes learn it in their next turn
    assert [line.split()[0] for line in clock_watch.told_lines] == ["clock.known", "clock.unsure"]
