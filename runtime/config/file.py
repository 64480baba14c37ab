"""Read a configuration file: TOML to typed values, or every problem at once with file and line.

Owns:    parsing, types, bounds, unknown keys, keys that look like secrets, what may be reloaded.
Refuses: defaults and meanings (keys.py), environment and command line, applying anything.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime._shm import lib
from runtime.config import hours, limits
from runtime.config.keys import (
    AllLimits,
    Config,
    Limits,
    StrategyEntry,
    is_table,
    reloadable,
    table_type,
)

FILE_BYTES_MAX = 1024 * 1024
DEAD_MAN_MS_MIN = 4_000  # renewals weigh on the venue's budget
DEPLOYMENT = re.compile(r"[A-Za-z0-9_-]{1,32}")
SECRET_WORDS = {"secret", "password", "passwd", "passphrase", "token", "credential", "credentials"}
SECRET_PARTS = ("api_key", "apikey", "private_key", "privatekey", "secret")
REMEDY_SECRET = (
    "remove it (and change the secret: the file may have been read); give it by the environment or"
    " systemd credentials"
)
Path_ = tuple[str, ...]
Check = Callable[[StrategyEntry], str | None]


@dataclass(frozen=True)
class Problem:
    where: str  # file:line, or file
    found: str
    wanted: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; want {self.wanted}; {self.remedy}"


class ConfigError(Exception):
    """A configuration cannot be used; `problems` are all there are."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(one) for one in problems))
        self.problems = problems


def paths_of(value: Any, prefix: Path_) -> list[Path_]:
    out = []
    for name, inner in value.items():
        out.append((*prefix, name))
        if isinstance(inner, dict):
            out += paths_of(inner, (*prefix, name))
    return out


def line_numbers(text: str) -> dict[Path_, int]:
    """Return the line of each key and table of a valid TOML text.

    A statement is complete when the parser takes it alone, so multi-line values need no rules here.
    Tables of an array are numbered: ("strategies", "1", "source").
    """
    out: dict[Path_, int] = {}
    counts: dict[Path_, int] = {}
    prefix: Path_ = ()
    statement, start = "", 1
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        start = start if statement else number
        statement += line
        try:
            found: Any = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        head, statement = statement.lstrip(), ""
        if not found:
            continue
        if not head.startswith("["):
            for path in paths_of(found, prefix):
                out.setdefault(path, start)
            continue
        prefix = ()
        while found:
            name, inner = next(iter(found.items()))
            prefix = (*prefix, name)
            if isinstance(inner, list):
                counts[prefix] = counts.get(prefix, -1) + 1
                found = inner[0]
                prefix = (*prefix, str(counts[prefix]))
            else:
                found = inner
                if prefix in counts:  # [strategies.parameters]: of the last table of the array
                    prefix = (*prefix, str(counts[prefix]))
            out.setdefault(prefix, start)
    return out


def looks_secret(name: str) -> bool:
    plain = name.lower().replace("-", "_")
    return bool(SECRET_WORDS & set(plain.split("_"))) or any(p in plain for p in SECRET_PARTS)


def dotted(path: Path_) -> str:
    """Return a path as people write it: strategies[0].source."""
    return "".join(f"[{p}]" if p.isdecimal() else f".{p}" for p in path).lstrip(".")


def kind_text(value: Any) -> str:
    names = {bool: "true or false", int: "a whole number", str: "text", list: "a list"}
    return names.get(type(value), type(value).__name__)


@dataclass
class Reader:
    """Reads one file; collects problems."""

    file: str
    lines: dict[Path_, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def report(self, path: Path_, found: str, wanted: str, remedy: str) -> None:
        while path and path not in self.lines:
            path = path[:-1]
        line = self.lines.get(path)
        where = self.file if line is None else f"{self.file}:{line}"
        self.problems.append(Problem(where, found, wanted, remedy))

    def secrets(self, value: Any, path: Path_) -> None:
        """Refuse what looks like a secret; its value is never shown."""
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, inner in items:
            at = (*path, str(name))
            is_named = isinstance(name, str) and looks_secret(name)
            if is_named or (isinstance(inner, str) and "-----BEGIN" in inner):
                self.report(
                    at, f"{dotted(at)} looks like a secret", "no secrets here", REMEDY_SECRET
                )
            elif isinstance(inner, dict | list):
                self.secrets(inner, at)

    def table(self, kind: type, found: Any, path: Path_, base: Any = None) -> Any:
        """Return a dataclass from a TOML table; what is absent is taken from `base`."""
        value = kind() if base is None else dataclasses.replace(base)
        if not isinstance(found, dict):
            self.report(
                path,
                f"{dotted(path)} is {kind_text(found)}",
                "a table",
                f"write [{dotted(path)}]",
            )
            return value
        known = {one.name: one for one in dataclasses.fields(kind)}
        for name in found:
            at = (*path, name)
            if name not in known:
                if looks_secret(name):
                    continue  # said already
                close = difflib.get_close_matches(name, known, 1, 0.6)
                self.report(
                    at,
                    f"{dotted(at)} is no key",
                    f"one of {', '.join(known)}",
                    f"did you mean {close[0]}?" if close else "remove it",
                )
                continue
            setattr(value, name, self.field(known[name], found[name], at, getattr(value, name)))
        return value

    def field(self, one: dataclasses.Field[Any], found: Any, at: Path_, default: Any) -> Any:
        if is_table(table_type(one)):
            read = self.table(table_type(one), found, at)
            if isinstance(read, AllLimits):
                read.instruments = self.overrides(found, at, read)
            return read
        if one.name == "strategies":
            return self.strategies(found, at)
        if one.name == "instruments":
            return default  # read by overrides()
        if one.name == "parameters":
            return self.parameters(found, at)
        return self.scalar(one, found, at, default)

    def scalar(self, one: dataclasses.Field[Any], found: Any, at: Path_, default: Any) -> Any:
        about, name = one.metadata, dotted(at)
        kind = type(default)
        if type(found) is not kind or (
            kind is list and not all(isinstance(item, str) for item in found)
        ):
            wanted = "a list of texts" if kind is list else kind_text(default)
            shown = "a list with other items" if kind is type(found) else kind_text(found)
            self.report(
                at, f"{name} is {shown}", wanted, f"for example {at[-1]} = {json.dumps(default)}"
            )
            return default
        if found in about.get("reserved", ()):
            self.report(
                at,
                f"{name} is {found!r}, which needs a second host",
                " | ".join(about["choices"]),
                "this build has no peer yet; local-disk is the strongest there is",
            )
            return default
        if about["choices"] and found not in about["choices"]:
            close = difflib.get_close_matches(found, about["choices"], 1, 0.5)
            self.report(
                at,
                f"{name} is {found!r}",
                " | ".join(about["choices"]),
                f"did you mean {close[0]!r}?" if close else f"the default is {default!r}",
            )
            return default
        if about["low"] is not None and not about["low"] <= found <= about["high"]:
            self.report(
                at,
                f"{name} is {found}",
                f"{about['low']}..{about['high']}",
                f"the default is {default}",
            )
            return default
        return list(found) if kind is list else found

    def strategies(self, found: Any, at: Path_) -> list[StrategyEntry]:
        if not isinstance(found, list) or not found:
            self.report(
                at,
                "strategies is empty or no array",
                "one [[strategies]] each",
                'write [[strategies]] and source = "demo"',
            )
            return [StrategyEntry()]
        return [self.table(StrategyEntry, one, (*at, str(n))) for n, one in enumerate(found)]

    def parameters(self, found: Any, at: Path_) -> dict[str, Any]:
        if not isinstance(found, dict):
            self.report(
                at,
                f"{dotted(at)} is {kind_text(found)}",
                "a table",
                "write [strategies.parameters]",
            )
            return {}
        for name, value in found.items():
            if not isinstance(value, bool | int | float | str):
                self.report(
                    (*at, name),
                    f"{dotted((*at, name))} is {kind_text(value)}",
                    "text, a number, true or false",
                    "give one value",
                )
        return dict(found)

    def overrides(self, found: Any, at: Path_, base: AllLimits) -> dict[str, Limits]:
        entries = found.get("instruments", {}) if isinstance(found, dict) else {}
        if not isinstance(entries, dict):
            self.report(
                (*at, "instruments"),
                "limits.instruments is no table",
                "one [limits.instruments.SYMBOL] each",
                "write it as a table",
            )
            return {}
        shared = Limits(**{f.name: getattr(base, f.name) for f in dataclasses.fields(Limits)})
        return {
            symbol: self.table(Limits, entry, (*at, "instruments", symbol), shared)
            for symbol, entry in entries.items()
        }

    def whole(self, config: Config) -> None:
        """Check what no key can say alone."""
        if not DEPLOYMENT.fullmatch(config.deployment):
            self.report(
                ("deployment",),
                f"deployment is {config.deployment!r}",
                "1 to 32 of A-Z a-z 0-9 _ -",
                "choose another name",
            )
        symbols = config.venue.symbols
        if not symbols or len(set(symbols)) != len(symbols):
            self.report(
                ("venue", "symbols"),
                "venue.symbols is empty or names one twice",
                "each instrument once",
                'for example symbols = ["BTCUSDT"]',
            )
        for symbol in config.limits.instruments:
            if symbol not in symbols:
                self.report(
                    ("limits", "instruments", symbol),
                    f"limits.instruments.{symbol} is for no instrument of venue.symbols",
                    f"one of {', '.join(symbols)}",
                    "add it to venue.symbols or remove it",
                )
        self.gate(config)
        if config.rate.reserve >= config.rate.burst:
            self.report(
                ("rate", "reserve"),
                f"rate.reserve is {config.rate.reserve}",
                f"less than rate.burst ({config.rate.burst})",
                "leave room for new orders",
            )
        if config.account.dead_man_ms and config.account.cancel_scope != "all":
            self.report(
                ("account", "dead_man_ms"),
                f"account.dead_man_ms is {config.account.dead_man_ms} with cancel_scope"
                f" {config.account.cancel_scope!r}",
                'cancel_scope = "all": this venue\'s timer takes every order of a symbol,'
                " whoever placed it",
                'set account.cancel_scope = "all", or dead_man_ms = 0',
            )
        if 0 < config.account.dead_man_ms < DEAD_MAN_MS_MIN:
            self.report(
                ("account", "dead_man_ms"),
                f"account.dead_man_ms is {config.account.dead_man_ms}",
                f"0, or at least {DEAD_MAN_MS_MIN}: it is renewed four times within",
                "give the renewals time",
            )


    def gate(self, config: Config) -> None:
        """Check what limits, profiles and hours cannot say alone."""
        for symbol, held in {"": config.limits, **config.limits.instruments}.items():
            at = ("limits", "instruments", symbol) if symbol else ("limits",)
            try:
                found = hours.windows(held.sessions, held.maintenance)
            except ValueError as error:
                self.report((*at, "sessions"), str(error), hours.WANTED, "correct it")
                continue
            if len(found) > lib.HP_WINDOWS_MAX:
                most = f"at most {lib.HP_WINDOWS_MAX}"
                self.report(at, f"{len(found)} windows of hours", most, "join some")
        for number, entry in enumerate(config.strategies):
            try:
                if entry.profile:
                    limits.profile(entry.profile, entry.capital, number)
            except ValueError as error:
                at = ("strategies", str(number), "profile")
                self.report(at, str(error), "a capital of 0 or more", "add capital = 10000")


def parse(text: str, file: str, check: Check | None = None) -> Config:
    """Return the configuration that a text holds.  Raises ConfigError with every problem.

    check: says what is wrong with a strategy, None when nothing is.
    """
    reader = Reader(file)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        where = f"{file}:{at[1]}" if at else file
        said = re.sub(r" \(at .*\)$", "", str(error))
        raise ConfigError(
            [Problem(where, said, "TOML", "correct the line; then the rest can be read")]
        ) from error
    reader.lines = line_numbers(text)
    reader.secrets(found, ())
    config: Config = reader.table(Config, found, ())
    reader.whole(config)
    for n, entry in enumerate(config.strategies if check and not reader.problems else ()):
        wrong = check(entry) if check else None
        if wrong is not None:
            reader.report(
                ("strategies", str(n), "source"), wrong, "a strategy that starts", "correct it"
            )
    if reader.problems:
        raise ConfigError(sorted(reader.problems, key=order))
    return config


def order(problem: Problem) -> tuple[int, str]:
    line = problem.where.rpartition(":")[2]
    return (int(line) if line.isdecimal() else 0, problem.found)


def load(path: Path, check: Check | None = None) -> Config:
    """Read a file.  Raises ConfigError."""
    try:
        data = path.read_bytes()
        if len(data) > FILE_BYTES_MAX:
            raise ConfigError(
                [
                    Problem(
                        str(path), f"{len(data)} bytes", f"at most {FILE_BYTES_MAX}", "shorten it"
                    )
                ]
            )
        text = data.decode()
    except OSError as error:
        raise ConfigError(
            [Problem(str(path), f"cannot read it: {error.strerror}", "a file", "check the path")]
        ) from error
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(
            [Problem(f"{path}:{line}", "bytes that are no UTF-8", "UTF-8", "save it as UTF-8")]
        ) from error
    return parse(text, str(path), check)


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return {dotted key: value} of a configuration."""
    out: dict[str, Any] = {}
    for one in dataclasses.fields(value):
        inner = getattr(value, one.name)
        if is_table(type(inner)):
            out |= flat(inner, f"{prefix}{one.name}.")
        else:
            out[prefix + one.name] = inner
    return out


def changes(before: Config, after: Config) -> tuple[list[str], list[str]]:
    """Return (keys that may be reloaded, keys that may not) of those that differ."""
    old, new, may = flat(before), flat(after), set(reloadable())
    differ = [name for name in old if old[name] != new[name]]
    return [n for n in differ if n in may], [n for n in differ if n not in may]
