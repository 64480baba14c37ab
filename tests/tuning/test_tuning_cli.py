"""The commands as a person or a script meets them: output, exit codes, JSON, without root."""

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest
import tuning_hosts
from schema_check import faults
from tuning_hosts import capture_of, texts

from ops.cli import main
from tuning import check, fingerprints, health, probes
from tuning.captured import CapturedHost, Recorder
from tuning.context import look_at
from tuning.journal import Journal

DOCS = Path(__file__).resolve().parents[2] / "docs"
# What may change between two looks of a machine on which others work: counters, programs, lanes.
MOVING = {"irq.counts", "fw.smi", "fw.thermal", "nic.drops", "vm.steal", "cpu.foreign_threads",
          "irq.effective", "clk.double_discipline", "svc.conflict"}  # fmt: skip


@pytest.fixture(autouse=True)
def short_samples(monkeypatch):
    """Counters are read twice 50 ms apart instead of 2 s: which rates there are does not matter."""
    monkeypatch.setattr(check, "SAMPLE_SECONDS", 0.05)


def save(host, path):
    """Write a constructed host as the folder that `capture` writes."""
    for name, text in host.tree.items():
        file = path / ("tree" + name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (path / "capture.json").write_text(json.dumps(host.record))
    return str(path)


@pytest.fixture
def server(tmp_path):
    return save(tuning_hosts.captured("two-socket-server"), tmp_path / "server")


def run(capsys, *words):
    code = main(list(words))
    out = capsys.readouterr()
    return code, out.out, out.err


def test_host_that_is_right_exits_0_and_says_score_and_coverage(capsys, server):
    code, out, _ = run(capsys, "baseline-check", "--from", server)
    assert code == 0
    last = out.splitlines()[-1]
    assert re.match(r"fitness 100 of 100 over \d\d % of the catalogue; .*; \d+\.\d s$", last)
    assert all(len(line) <= 100 for line in out.splitlines()), max(out.splitlines(), key=len)
    assert [line for line in out.splitlines() if line in ("cpu", "irq", "nic", "noise")]


@pytest.mark.parametrize(
    ("address", "text", "code"),
    [
        ("/proc/sys/vm/swappiness", "60", 0),  # advised
        ("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet", 1),  # critical
        ("/proc/irq/102/effective_affinity_list", "9", 1),  # critical, pending
    ],
)
def test_exit_is_1_only_when_a_critical_knob_is_wrong(capsys, tmp_path, address, text, code):
    tree, links = texts("two-socket-server")
    path = save(capture_of(tree, links, {address: text + "\n"}), tmp_path / "host")
    found, out, _ = run(capsys, "baseline-check", "--from", path)
    assert found == code
    assert "  1. " in out


def test_three_worst_come_first_in_plain_words_critical_before_advised(capsys, tmp_path):
    tree, links = texts("two-socket-server")
    wrong = {
        "/proc/sys/vm/swappiness": "60\n",
        "/proc/sys/vm/stat_interval": "1\n",
        "/proc/sys/kernel/sched_autogroup_enabled": "1\n",
        "/sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n",
    }
    path = save(capture_of(tree, links, wrong), tmp_path / "host")
    _, out, _ = run(capsys, "baseline-check", "--from", path)
    first = [line for line in out.splitlines() if re.match(r"  \d\. ", line)]
    assert [line.split()[1] for line in first] == [
        "clk.source:",
        "mem.swappiness:",
        "mem.stat_interval:",
    ]
    assert "A time stamp costs 22 ns" in out.replace("\n     ", " ")


@pytest.mark.parametrize("name", tuning_hosts.NAMES)
def test_report_fits_on_the_terminal_and_what_is_wrong_is_never_cut_short(capsys, tmp_path, name):
    path = save(tuning_hosts.captured(name), tmp_path / "host")
    for profile in ("bare-metal", "small-vm"):
        words = ["baseline-check", "--from", path, "--profile", profile]
        _, out, _ = run(capsys, *words)
        assert max(map(len, out.splitlines())) <= 100, max(out.splitlines(), key=len)
        _, text, _ = run(capsys, *words, "--json")
        joined = " ".join(out.split())
        for row in json.loads(text)["knobs"]:
            if row["state"] not in ("OK", "NOT_APPLICABLE"):
                for word in (row["observed"], row["expected"], row["target"]):
                    assert " ".join(word.split()) in joined, row
        _, out, _ = run(capsys, "baseline", "plan", *words[1:])
        plan = out.partition("kernel command line")[0]  # what follows is to be copied whole
        assert max(map(len, plan.splitlines())) <= 100, max(plan.splitlines(), key=len)


def test_coverage_of_a_part_is_not_called_that_of_the_catalogue(capsys, server):
    _, out, _ = run(capsys, "baseline-check", "--from", server, "--only", "irq")
    assert "of the 8 knobs asked for;" in out.splitlines()[-1]


SCHEMA = json.loads((DOCS / "baseline.schema.json").read_text())


@pytest.mark.parametrize("name", [*tuning_hosts.NAMES, "this machine"])
def test_json_has_the_promised_keys_in_order_and_follows_the_schema(capsys, tmp_path, name):
    words = ["baseline-check", "--json", "--profile", "bare-metal"]
    if name != "this machine":
        words += ["--from", save(tuning_hosts.captured(name), tmp_path / "host")]
    _, out, _ = run(capsys, *words)
    answer = json.loads(out)
    assert faults(answer, SCHEMA) == []
    assert list(answer) == SCHEMA["required"] and len(answer["knobs"]) == 112
    assert list(answer["knobs"][0]) == SCHEMA["properties"]["knobs"]["items"]["required"]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda a: a.update(fitness=101), "$.fitness is 101, want at most 100"),
        (lambda a: a.update(more=1), "$ has more"),
        (lambda a: a.pop("coverage"), "$ lacks coverage"),
        (lambda a: a["knobs"][0].update(state="GOOD"), "$.knobs[0].state is 'GOOD'"),
        (lambda a: a["knobs"][1].update(why=None), "$.knobs[1].why is a NoneType, want string"),
        (lambda a: a.update(fingerprint="xyz"), "$.fingerprint is 'xyz'"),
    ],
)
def test_answer_that_breaks_the_schema_is_found(server, spoil, fault):
    answer = check.check(look_at(CapturedHost.load(server), brief=True)).to_json()
    assert faults(answer, SCHEMA) == []
    spoil(answer)
    (found,) = faults(answer, SCHEMA)
    assert found.startswith(fault)


def test_only_shows_the_group_that_was_asked_for(capsys, server):
    _, out, _ = run(
        capsys, "baseline-check", "--from", server, "--only", "irq", "mem.swap", "--json"
    )
    assert {row["id"].partition(".")[0] for row in json.loads(out)["knobs"]} == {"irq", "mem"}


def test_explain_says_what_why_cost_undo_and_source(capsys, server):
    code, out, _ = run(capsys, "baseline-check", "--from", server, "--explain", "net.busy_poll")
    assert code == 0 and out.startswith("net.busy_read  ")
    labels = {line.split()[0] for line in out.splitlines() if line[2:3].strip()}
    assert {"why", "cost", "undo", "source", "where", "fix"} <= labels
    code, _, err = run(capsys, "baseline-check", "--from", server, "--explain", "mem.swapines")
    assert code == 2 and "mem.swappiness" in err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["baseline-check", "--profile", "huge"], "no profile 'huge'"),
        (["baseline-check", "--only", "nonsense"], "no knob 'nonsense'"),
        (["baseline-check", "--from", "/nowhere.tar"], "nowhere"),
        (["baseline", "rollback", "--from", "x"], "cannot be changed|No such file"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_exit_2(capsys, words, complaint):
    code, _, err = run(capsys, *words)
    assert code == 2 and re.search(complaint, err) and err.count("\n") == 1


def test_plan_prints_the_exact_boot_line_and_writes_drop_ins_where_asked(capsys, tmp_path):
    tree, links = texts("laptop")
    path = save(capture_of(tree, links), tmp_path / "host")
    (tmp_path / "out").mkdir()
    code, out, _ = run(
        capsys,
        "baseline",
        "plan",
        "--from",
        path,
        "--profile",
        "bare-metal",
        "--drop-in",
        str(tmp_path / "out"),
    )
    words = (
        "isolcpus=managed_irq,domain,1-3,5-7 nohz_full=1-3,5-7 rcu_nocbs=1-3,5-7 skew_tick=1 "
        "irqaffinity=0,4 intel_idle.max_cstate=1"
    )
    assert code == 0
    line = "BOOT_IMAGE=/vmlinuz root=UUID=0 ro quiet splash " + words
    assert any(row.strip() == line for row in out.splitlines()), out
    drop_in = (tmp_path / "out" / "90-corelane.cfg").read_text()
    assert f'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {words}"' in drop_in
    assert "CPUAffinity=0,4" in (tmp_path / "out" / "90-corelane.conf").read_text()


def test_capture_of_this_host_gives_the_same_report_elsewhere(capsys, tmp_path):
    path = tmp_path / "host.tar.xz"
    code, out, _ = run(capsys, "baseline", "capture", str(path))
    assert code == 0 and "unreadable" in out and path.stat().st_size < 1_000_000
    host = CapturedHost.load(path)
    assert not host.constructed
    for profile in ("bare-metal", "dev"):
        here = check.check(health.context_of(profile=profile, brief=True))
        there = check.check(health.context_of(host, profile, brief=True))
        for live, captured in zip(here.findings, there.findings, strict=True):
            moves = probes.PROBES[live.knob.probe].__module__ == "tuning.probes.process"
            if not moves and live.knob.id not in MOVING:
                assert (live.state, live.expected) == (captured.state, captured.expected), (
                    live.knob.id
                )
    text = json.dumps(host.record) + json.dumps(host.tree)
    assert not re.search(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", text), "a MAC address was captured"


def test_capture_blanks_what_looks_like_a_secret(tmp_path):
    tree, links = texts("laptop")
    tree["/proc/cmdline"] = "ro quiet luks.password=hunter2 api_key=abc root=/dev/sda1\n"
    recorder = Recorder(capture_of(tree, links))
    recorder.read("/proc/cmdline")
    assert (
        "hunter2" not in recorder.texts["/proc/cmdline"]
        and "abc" not in recorder.texts["/proc/cmdline"]
    )


def test_fingerprint_is_stable_and_changes_with_a_setting_and_not_with_a_name():
    tree, links = texts("two-socket-server")
    plain = fingerprints.take(look_at(capture_of(tree, links)))
    renamed = fingerprints.take(
        look_at(capture_of(tree, links, {"/proc/sys/kernel/hostname": "other\n"}))
    )
    assert plain.short == renamed.short and re.fullmatch("[0-9a-f]{12}", plain.short)
    assert json.loads(plain.canonical) == plain.content
    for address, text in (
        ("/proc/sys/kernel/osrelease", "6.12.44\n"),
        ("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"),
        ("ethtool:eth1/coalesce", '{"adaptive_rx":1}'),
        ("/sys/devices/system/cpu/isolated", "4-15\n"),
    ):
        other = fingerprints.take(look_at(capture_of(tree, links, {address: text})))
        assert other.short != plain.short, address


def test_fingerprint_command_prints_the_hash_of_its_content(capsys, server):
    _, out, _ = run(capsys, "baseline", "fingerprint", "--from", server, "--json")
    answer = json.loads(out)
    assert fingerprints.Fingerprint(answer["content"]).short == answer["fingerprint"]


@pytest.mark.requires_root
def test_apply_status_and_rollback_of_one_real_setting(capsys, tmp_path):
    swap = Path("/proc/sys/vm/swappiness")
    before = swap.read_text()
    state = ["--state", str(tmp_path / "state")]
    site = tmp_path / "site.toml"
    other = int(before) + 1
    site.write_text(
        f'extends = "bare-metal"\n[override."mem.swappiness"]\nwant = {other}\nreason = "a test"\n'
    )
    words = ["--profile", str(site), "--only", "mem.swappiness", *state]
    try:
        code, out, _ = run(capsys, "baseline", "apply", "--yes", *words)
        assert code == 0 and "applied 1, failed 0" in out and swap.read_text() == f"{other}\n"
        _, out, _ = run(capsys, "baseline", "status", *state)
        assert "1 settings applied" in out
        _, out, _ = run(capsys, "baseline-check", "--json", *words)
        assert json.loads(out)["knobs"][0]["state"] == "OK"
        swap.write_text(str(other + 1))
        _, out, _ = run(capsys, "baseline-check", "--json", *words)
        assert json.loads(out)["knobs"][0]["state"] == "CONFLICT"
        code, out, _ = run(capsys, "baseline", "rollback", "--yes", *state)
        assert code == 1 and "conflict" in out
        code, out, _ = run(capsys, "baseline", "rollback", "--yes", "--force", *state)
        assert code == 0 and swap.read_text() == before
    finally:
        swap.write_text(before)
    assert Journal(tmp_path / "state").changes() == []


def test_apply_without_a_terminal_asks_for_yes_and_writes_nothing(capsys, tmp_path, monkeypatch):
    if os.geteuid() != 0:
        pytest.skip("requires root")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    before = Path("/proc/sys/vm/swappiness").read_text()
    words = ["--profile", "bare-metal", "--only", "mem.swappiness", "--state", str(tmp_path)]
    code, out, err = run(capsys, "baseline", "apply", *words)
    assert code == 2 and "--yes" in err
    code, out, err = run(capsys, "baseline", "apply", *words, "--json")
    assert code == 2 and "--yes" in err and out == ""
    assert Path("/proc/sys/vm/swappiness").read_text() == before


@pytest.mark.requires_root
def test_apply_with_nothing_to_do_and_confirm_answer_in_json_too(capsys, tmp_path):
    words = ["--state", str(tmp_path), "--json"]
    code, out, _ = run(capsys, "baseline", "apply", "--only", "cpu.housekeeping", *words)
    assert code == 0 and json.loads(out)["outcomes"] == []
    code, out, _ = run(capsys, "baseline", "confirm", *words)
    assert code == 1 and json.loads(out) == {"confirmed": None}
    assert Journal(tmp_path).records == []


def as_nobody(path, *words):
    """Run a command as user nobody in a child of this process; return exit code and output."""
    import importlib
    import pkgutil

    import tuning

    for module in pkgutil.walk_packages(
        tuning.__path__, "tuning."
    ):  # nobody may not read the checkout
        if not module.name.endswith("_build"):
            importlib.import_module(module.name)
    from ops.cli import parser
    from tuning import knobs, profiles

    parser()  # imports every command's module
    knobs.catalogue()
    profiles.load("bare-metal")
    tables = Path(tuning.__file__).parent.rglob("*.toml")
    sources = {p: p.read_text() for p in [*tables, *profiles.FOLDER.glob("*.toml")]}
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            with open(path, "w") as stream:
                os.dup2(stream.fileno(), 1)
                os.dup2(stream.fileno(), 2)
            sys.stdout = os.fdopen(1, "w")
            sys.stderr = os.fdopen(2, "w")
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.environ.pop("CORELANE_HOST_STATE", None)
            os.environ["HOME"] = "/nonexistent"
            Path.read_text = lambda self, *a, **k: sources[self]  # profiles, read before the drop
            code = main(list(words))
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), Path(path).read_text()


@pytest.mark.requires_root
def test_check_without_root_works_and_says_what_it_could_not_see(tmp_path):
    path = tmp_path / "out"
    code, out = as_nobody(path, "baseline-check", "--profile", "bare-metal")
    assert code in (0, 1), out
    assert re.search(r"not seen, because only root may: .*idle\.dma_latency", out), out[-400:]
    _, out = as_nobody(
        path, "baseline-check", "--profile", "bare-metal", "--json", "--only", "idle.dma_latency"
    )
    row = json.loads(out)["knobs"][0]
    assert (row["state"], row["fix"]) == ("UNKNOWN", "run as root to see it")
    code, out = as_nobody(path, "baseline", "apply", "--yes")
    assert code == 2 and "run it as root" in out
    for verb in ("rollback", "confirm"):
        code, out = as_nobody(path, "baseline", verb)
        assert code == 2 and "run it as root" in out
    code, out = as_nobody(path, "baseline", "plan", "--profile", "bare-metal")
    assert code == 0 and "plan " in out
