"""The configuration file: its manual, every problem at once with its line, and what reloads."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ops.cli import main
from ops.run_config import settings, strategy_problem
from runtime.config.file import ConfigError, changes, flat, line_numbers, load, looks_secret, parse
from runtime.config.keys import Config, example, is_table, reloadable, table_type
from runtime.config.reload import Reloader
from runtime.journal.archiver import rules_of
from runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
MANUAL = ROOT / "docs" / "corelane.example.toml"


def problems(text):
    with pytest.raises(ConfigError) as caught:
        parse(text, "site.toml", strategy_problem)
    return [str(one) for one in caught.value.problems]


def test_manual_is_the_schema():
    """`python -m runtime.config.keys > docs/corelane.example.toml` after a change."""
    assert MANUAL.read_text() == example()


def test_manual_parses_to_the_defaults():
    assert load(MANUAL, strategy_problem) == Config()


def test_manual_names_every_key_with_bounds_and_whether_it_reloads():
    text = MANUAL.read_text()
    found = tomllib.loads(text)
    for name in flat(Config()):
        *tables, last = name.split(".")
        inner = found
        for one in tables:
            inner = inner[one]
        if name not in ("limits.instruments", "strategies"):
            assert last in inner, name
            line = re.search(rf"(?m)((?:^#.*\n)+)^{last} = ", text)
            assert line, f"{name} has no comment"
    assert len(re.findall(r"[,(]\s(?:# )?reloads\)|\(reloads\)", text)) == len(list(reloadable()))


def test_examples_in_the_manuals_comments_are_right_too():
    lines = MANUAL.read_text().splitlines()
    shown = [line.removeprefix("# ") for line in lines]
    on = [
        s if re.match(r"(\[[a-z.A-Z]+\]|[a-z_]+ = \S+)$", s) else raw
        for s, raw in zip(shown, lines, strict=True)
    ]
    config = parse("\n".join(on), "manual", strategy_problem)
    assert config.limits.instruments["BTCUSDT"].order_notional_max == 5000
    assert config.strategies[0].parameters == {"depth": 5}


def test_defaults_are_what_a_run_without_a_file_does():
    made, default = settings(Config()), Settings()
    for one in dataclasses.fields(Settings):
        if one.name != "symbols":
            assert getattr(made, one.name) == getattr(default, one.name), one.name


def test_archive_is_written_as_the_file_says_also_where_it_says_nothing():
    config = Config()
    rules = rules_of(settings(config).archive)
    assert (rules.checkpoint_s, rules.checkpoints) == (60, 5)
    assert (rules.block_bytes, rules.block_ms, rules.lazy_ms) == (64 * 1024, 5, 50)
    assert rules.reserve_bytes == config.journal.reserve_mib * 2**20
    assert (rules.policy.compress, rules.policy.keep_days) == (True, config.journal.keep_days)
    config.journal.checkpoint_s = 0
    assert rules_of(settings(config).archive).checkpoint_s == 0


def test_all_problems_are_said_at_once_with_their_lines():
    found = problems(
        'deploymnt = "x"\n'
        "[venue]\n"
        "symbols = [\n"
        '  "BTCUSDT",\n'
        '  "BTCUSDT",\n'
        "]\n"
        'api_key = "abc"\n'
        "[[strategies]]\n"
        "source = 5\n"
        "[[strategies]]\n"
        'source = "demo"\n'
        "[strategies.parameters]\n"
        "depth = [1]\n"
        "[limits]\n"
        "order_notional_max = -3\n"
        "[limits.instruments.DOGE]\n"
        'band_bps = "x"\n'
        "[clock]\n"
        'policy = "wran"\n'
        "[rate]\n"
        "reserve = 50\n"
    )
    assert [one.split(": ")[0] for one in found] == [
        f"site.toml:{n}" for n in (1, 3, 7, 9, 13, 15, 16, 17, 19, 21)
    ]
    assert all("; want " in one and one.count("; ") >= 2 for one in found)
    assert "did you mean deployment?" in found[0]
    assert found[3] == (
        "site.toml:9: strategies[0].source is a whole number; want text; "
        'for example source = "demo"'
    )
    assert "did you mean 'warn'?" in found[8]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = 1\nb = = 2\n", r"^site.toml:2: Invalid value; want TOML"),
        ("[venue]\ntls = 1\n", r":2: venue.tls is a whole number; want true or false"),
        ("[venue]\nseed = true\n", r":2: venue.seed is true or false; want a whole number"),
        ("venue = 5\n", r":1: venue is a whole number; want a table; write \[venue\]"),
        ("strategies = []\n", r":1: strategies is empty or no array"),
        ("[venue]\nsymbols = []\n", r":2: venue.symbols is empty"),
        ("[venue]\nsymbols = [1]\n", r":2: venue.symbols is a list with other items"),
        ('deployment = "a/b"\n', r":1: deployment is 'a/b'; want 1 to 32 of"),
        (
            '[[strategies]]\nsource = "nothing"\n',
            r":2: .*want path.py:Class, module:Class or one of",
        ),
        ("[[strategies]]\n[strategies.parameters]\ndepth = 99\n", r":1: parameter depth is 99"),
        (
            '[topology]\nlane_core = -2\n',
            r":2: topology.lane_core is -2; want -1\.\.4095",
        ),
        ("[limits]\ninstruments = 5\n", r":2: limits.instruments is no table"),
    ],
)
def test_problem_says_what_where_wanted_and_remedy(text, words):
    found = problems(text)
    assert len(found) == 1, found
    assert re.search(words, found[0]), found[0]


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "hunter2"\n',
        '[venue]\nsecret = "hunter2"\n',
        '[strategies2]\nBOT_TOKEN = "hunter2"\n',
        "[[strategies]]\n[strategies.parameters]\nwallet_private_key = 'hunter2'\n",
        '[venue]\nname = "-----BEGIN PRIVATE KEY-----hunter2"\n',
        '[log]\npassword.inner = "hunter2"\n',
    ],
)
def test_secret_is_refused_with_its_line_and_never_shown(text):
    found = problems(text)
    assert any("looks like a secret" in one and re.match(r"site.toml:\d", one) for one in found)
    hidden = [one for one in found if "looks like a secret" in one]
    assert not any("hunter2" in one for one in hidden)
    if "BEGIN" not in text:
        assert not any("hunter2" in one for one in found)


def test_no_key_of_ours_looks_like_a_secret():
    assert not [name for name in flat(Config()) if looks_secret(name.split(".")[-1])]


KEYS = st.text("abcdefgh_", min_size=1, max_size=6)
SCALARS = st.one_of(st.integers(-(2**40), 2**40), st.booleans(), st.text("ab #[]=\"'", max_size=8))


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[\n" + "".join(f"  {toml(v)}, # ]\n" for v in value) + "]"
    if isinstance(value, str):
        return "'''\n" + value.replace("'", "") + "'''"
    return str(value)


@given(
    st.lists(
        st.tuples(KEYS, st.dictionaries(KEYS, SCALARS | st.lists(SCALARS, max_size=3), max_size=4)),
        max_size=5,
        unique_by=lambda item: item[0],
    ),
    st.booleans(),
)
def test_every_key_is_found_on_its_own_line(tables, is_array):
    """Built with known lines: values over several lines, brackets and hashes inside them."""
    out, wanted = [], {}
    for name, keys in tables:
        out.append(f"[[{name}]]" if is_array else f"[{name}]")
        prefix = (name, "0") if is_array else (name,)
        wanted[prefix] = len(out)
        for key, value in keys.items():
            wanted[(*prefix, key)] = len(out) + 1
            out += f"{key} = {toml(value)}".split("\n")
            out.append("# a comment = [")
    text = "\n".join(out)
    tomllib.loads(text)
    found = line_numbers(text)
    assert {path: found.get(path) for path in wanted} == wanted


@given(st.text(max_size=300))
def test_any_text_gives_a_configuration_or_problems(text):
    try:
        assert isinstance(parse(text, "x"), Config)
    except ConfigError as error:
        assert error.problems


@given(st.data())
def test_values_of_any_type_never_raise_anything_else(data):
    names = [one.name for one in dataclasses.fields(Config)]
    name = data.draw(st.sampled_from(names))
    kind = table_type(next(one for one in dataclasses.fields(Config) if one.name == name))
    inner = [one.name for one in dataclasses.fields(kind)] if is_table(kind) else ["x"]
    key = data.draw(st.sampled_from(inner))
    value = data.draw(SCALARS | st.lists(SCALARS, max_size=2))
    text = f"[{name}]\n{key} = {toml(value)}\n"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
    try:
        parse(text, "x")
    except ConfigError as error:
        assert all(re.match(r"x:\d+$", one.where) for one in error.problems)


def test_limits_of_an_instrument_take_the_rest_from_above():
    config = parse(
        "[limits]\nband_bps = 70\n[limits.instruments.BTCUSDT]\norder_notional_max = 9\n", "x"
    )
    held = config.limits_of("BTCUSDT")
    assert (held.order_notional_max, held.band_bps, held.open_orders_max) == (9, 70, 10)
    assert config.limits_of("ETHUSDT").order_notional_max == 2000
    assert settings(config).overrides["BTCUSDT"]["order_notional_max"] == 9


def test_reload_applies_what_may_and_names_what_may_not(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text('[log]\nlevel = "info"\n[ttl]\ntouch_ms = 1000\n')
    given_ = []
    reloader = Reloader(path, load(path), lambda config, keys: given_.append((config.log, keys)))
    assert reloader.reload() == {"applied": [], "refused": [], "problems": []}
    path.write_text('[log]\nlevel = "error"\n[ttl]\ntouch_ms = 600\n')
    answer = {"applied": ["log.level"], "refused": ["ttl.touch_ms"], "problems": []}
    assert reloader.reload() == answer
    assert given_[0][0].level == "error"
    assert reloader.reload() == {**answer, "applied": []}  # still waits for the restart
    path.write_text('[log]\nlevel = "loud"\ndays = 3\n')
    found = reloader.reload()
    assert (found["applied"], len(found["problems"]), len(given_)) == ([], 1, 1)


def test_changes_of_every_key_are_seen():
    for name, value in flat(Config()).items():
        after = Config()
        inner = after
        *tables, last = name.split(".")
        for one in tables:
            inner = getattr(inner, one)
        setattr(inner, last, ["changed", value])
        may, may_not = changes(Config(), after)
        assert [*may, *may_not] == [name]
        assert bool(may) == (name in set(reloadable()))


def test_run_says_every_problem_and_exits_2(tmp_path, capsys):
    path = tmp_path / "bad.toml"
    path.write_text("[limits]\nband_bps = -1\nopen_orders_max = 'x'\n")
    assert main(["run", "-c", str(path)]) == 2
    err = capsys.readouterr().err.splitlines()
    assert [line.split(" ")[2] for line in err] == [f"{path}:2:", f"{path}:3:"]
    assert main(["run", "-c", str(tmp_path / "absent.toml")]) == 2
    assert "cannot read it: No such file" in capsys.readouterr().err
