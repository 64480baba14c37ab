"""A real (virtual) card of our own: a veth pair in a network namespace that ends with the test.

Each test runs one scenario of this file in a process inside the namespace, with its own /sys.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]

pytestmark = [pytest.mark.requires_root, pytest.mark.usefixtures("needs_ip")]


def inside(scenario):
    """Run a scenario in a fresh namespace and return what it reports."""
    line = f'mount -t sysfs none /sys && exec "{sys.executable}" "{HERE}" {scenario}'
    done = subprocess.run(["unshare", "-nm", "sh", "-c", line], capture_output=True, text=True)
    if "Operation not permitted" in done.stderr and not done.stdout:
        pytest.skip("requires the right to make a network namespace")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_card_settings_go_round_with_the_same_answers_before_and_after():
    for name, outcome in inside("round").items():
        if outcome["what"] == "absent":
            continue
        assert outcome == {"what": "applied", "back": "undone", "same": True}, name


def test_feature_that_the_driver_silently_refuses_is_a_failure_not_a_success():
    report = inside("refused")
    assert report["what"] == "failed" and report["same"]


def test_threads_of_a_card_are_refused_as_the_kernel_refuses_them_and_nothing_changes():
    report = inside("threads")
    assert report["of a card without queues of its own"] in ("ENOTSUP", "EINVAL"), report
    assert report["a number that is no kind of thread"] in ("ERANGE", "EINVAL"), report
    assert report["same"]


def test_watch_tells_three_foreign_writes_and_a_link_that_fell_within_two_polls_and_once():
    if (os.cpu_count() or 1) < 2:
        pytest.skip("requires two cores")
    report = inside("watch")
    assert report["before"] == [] and report["again"] == []
    assert sorted(report["told"]) == [
        ["drift", "napi.defer"],
        ["drift", "net.rps_xps"],
        ["drift", "nic.link"],
        ["drift", "nic.queue_len_qdisc"],
    ]
    named = {knob: by for knob, by in report["by"] if by}
    assert all(by.startswith("sh ") for by in named.values()), named
    assert report["up"] == [["restored", "nic.link"]]


def test_features_restored_as_one_set_when_switching_one_drops_others():
    report = inside("dropped")
    assert len(report["lost"]) > 1, "the driver dropped nothing: the test proves nothing"
    assert report["same"]


def test_baseline_of_a_named_card_is_applied_and_rolled_back_by_the_command():
    report = inside("command")
    assert report["before"] == report["after"]
    assert report["drift"] and not report["left"]


# Inside the namespace -------------------------------------------------------------------------


def _scenes():
    sys.path[:0] = [str(ROOT), str(HERE.parent)]
    for words in ("add v0 type veth peer name v1", "set v0 up", "set v1 up", "set lo up"):
        subprocess.run(["ip", "link", *words.split()], check=True)
    from test_tuning_change import action, plan_of

    from tuning.change import Changer
    from tuning.host import LiveHost
    from tuning.journal import Journal

    host = LiveHost()
    changer = Changer(host, Journal(tempfile.mkdtemp()), "boot")
    return action, plan_of, host, changer


def _round(action, plan_of, host, changer):
    features = json.loads(host.read("ethtool:v0/features"))
    flipped = {"rx-gro": not features["rx-gro"], "tx-generic-segmentation": False}
    napis = json.loads(host.read("napi:v0"))
    cells = {
        "features": ("ethtool:v0/features", json.dumps(flipped), "json"),
        "channels": ("ethtool:v0/channels", '{"rx":2,"tx":2}', "json"),
        "queue length": ("/sys/class/net/v0/tx_queue_len", "777", "int"),
        "steering": ("/sys/class/net/v0/queues/rx-0/rps_cpus", "1", "cpumask"),
        "defer": ("/sys/class/net/v0/napi_defer_hard_irqs", "100", "int"),
        "flush": ("/sys/class/net/v0/gro_flush_timeout", "200000", "int"),
        "coalesce": ("ethtool:v0/coalesce", '{"rx_usecs":0}', "json"),
    }
    if not napis:  # a veth has queues of its own only while it does GRO
        host.write("ethtool:v0/features", '{"rx-gro":true}')
        napis = json.loads(host.read("napi:v0"))
    if napis:
        number = napis[0]["id"]
        cells["napi"] = (f"napi:v0/{number}", '{"defer":50,"irq_suspend_ns":20000000}', "json")
        cells["threaded"] = ("/sys/class/net/v0/threaded", "1", "int")
    out = {}
    for name, (address, value, codec) in cells.items():
        try:
            before = host.read(address)
        except OSError:
            out[name] = {"what": "absent"}
            continue
        with changer.journal.lock():
            what = changer.apply(plan_of(action(address, value, codec=codec)))[0].what
            back = changer.rollback()
        back = back[0].what if back else ""
        out[name] = {"what": what, "back": back, "same": host.read(address) == before}
    return out


def _refused(action, plan_of, host, changer):
    """The kernel takes the request for LRO and leaves it off."""
    fixed = json.loads(host.read("ethtool:v0/fixed"))
    name = next(n for n in ("rx-lro", "rx-fcs", "tx-udp_tnl-segmentation") if n in fixed)
    before = host.read("ethtool:v0/features")
    with changer.journal.lock():
        outcome = changer.apply(
            plan_of(
                action("ethtool:v0/features", json.dumps({name: not fixed[name]}), codec="json")
            )
        )[0]
    return {
        "what": outcome.what,
        "detail": outcome.detail,
        "same": host.read("ethtool:v0/features") == before,
    }


def _threads(action, plan_of, host, changer):
    """Queues have threads only while the veth does GRO, and a kind that is not known is refused."""
    address, out = "/sys/class/net/v0/threaded", {}
    before = host.read(address)

    def refusal(place, value, codec="int"):
        with changer.journal.lock():
            outcome = changer.apply(plan_of(action(place, value, codec=codec)))[0]
        return outcome.detail.split(":")[0]

    host.write("ethtool:v0/features", '{"rx-gro":false}')
    out["of a card without queues of its own"] = refusal(address, "1")
    host.write("ethtool:v0/features", '{"rx-gro":true}')
    number = json.loads(host.read("napi:v0"))[0]["id"]
    unknown = refusal(f"napi:v0/{number}", '{"threaded":9}', "json")
    out["a number that is no kind of thread"] = unknown
    assert changer.journal.changes() == []
    return {**out, "same": host.read(address) == before}


def _watch(action, plan_of, host, changer):
    from tuning import knobs
    from tuning.context import look_at
    from tuning.watch import Watch

    place = "/sys/class/net/v0"
    for name, value in (("napi_defer_hard_irqs", "100"), ("gro_flush_timeout", "200000")):
        host.write(f"{place}/{name}", value)

    def settled(state):
        """The kernel takes its time to say that a link came or went."""
        end = time.monotonic() + 90
        while host.read(f"{place}/operstate").strip() != state:
            assert time.monotonic() < end, state
            time.sleep(0.01)

    settled("up")
    chosen = ["napi.defer", "net.rps_xps", "nic.link", "nic.queue_len_qdisc"]
    context = look_at(host, "bare-metal", cards=["v0"], brief=True)
    watch = Watch(context, knobs.select(chosen))
    before = [e.line() for e in [*watch.poll(), *watch.poll()]]
    script = (
        f"echo 0 > {place}/napi_defer_hard_irqs; echo 5000 > {place}/tx_queue_len; "
        f"echo 3 > {place}/queues/rx-0/rps_cpus; ip link set v0 down; echo done; read last"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(["sh", "-c", script], stdin=pipe, stdout=pipe, text=True) as writer:
        writer.stdout.readline()
        settled("down")
        told = [*watch.poll(), *watch.poll()]
        writer.communicate("\n")
    again = [e.line() for e in [*watch.poll(), *watch.poll()]]
    subprocess.run(["ip", "link", "set", "v0", "up"], check=True)
    settled("up")
    up = [*watch.poll(), *watch.poll()]
    watch.close()
    return {
        "before": before,
        "told": [[e.kind, e.knob] for e in told],
        "by": [[e.knob, ",".join(e.suspects)] for e in told],
        "again": again,
        "up": [[e.kind, e.knob] for e in up],
    }


def _dropped(action, plan_of, host, changer):
    """Checksums off silently take segmentation offloads with them; rollback brings all back."""
    before = json.loads(host.read("ethtool:v0/features"))
    with changer.journal.lock():
        asked = json.dumps({"tx-checksum-ip-generic": False})
        changer.apply(plan_of(action("ethtool:v0/features", asked, codec="json")))
        now = json.loads(host.read("ethtool:v0/features"))
        changer.rollback()
    lost = [name for name in before if before[name] != now[name]]
    return {"lost": lost, "same": json.loads(host.read("ethtool:v0/features")) == before}


def _command(action, plan_of, host, changer):
    from ops.cli import main

    def look():
        answers = ("ethtool:v0/features", "ethtool:v0/channels", "/sys/class/net/v0/tx_queue_len")
        files = ("napi_defer_hard_irqs", "gro_flush_timeout", "threaded", "queues/rx-0/rps_cpus")
        return [host.read(a) for a in (*answers, *(f"/sys/class/net/v0/{f}" for f in files))]

    host.write("/sys/class/net/v0/tx_queue_len", "5000")
    before = look()
    state = tempfile.mkdtemp()
    common = [
        "--state",
        state,
        "--profile",
        "cloud-vm",
        "--nic",
        "v0",
        "--only",
        "nic",
        "napi",
        "net.rps_xps",
    ]
    import io

    sys.stdout, kept = io.StringIO(), sys.stdout
    try:
        main(["baseline", "apply", "--yes", *common])
        drift = look() != before
        main(["baseline", "confirm", "--state", state])
        main(["baseline", "rollback", "--yes", "--state", state])
    finally:
        sys.stdout = kept
    from tuning.journal import Journal

    return {
        "before": before,
        "after": look(),
        "drift": drift,
        "left": len(Journal(state).changes()),
    }


if __name__ == "__main__":
    print(
        json.dumps(
            {
                "round": _round,
                "refused": _refused,
                "threads": _threads,
                "watch": _watch,
                "dropped": _dropped,
                "command": _command,
            }[sys.argv[1]](*_scenes())
        )
    )
