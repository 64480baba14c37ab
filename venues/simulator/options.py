"""How a venue is served: one record, its command line, its check.

Owns:    defaults and their meaning.
Refuses: starting anything.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from venues.simulator.instrument import KNOWN, Instrument

LISTEN_KEY_MS = 3_600_000


@dataclass(slots=True, frozen=True)
class ServeOptions:
    """Options of one venue; the defaults are the demonstration."""

    port: int = 0  # 0: any free one
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT")
    seed: int = 1
    rate: float = 1.0  # intensity of the participants; 0: an unmoving book
    shape: int = 2026
    new_fields: bool = False  # also `nq` in aggTrade, `ap` in markPriceUpdate
    legacy_paths: bool = False  # serve /ws and /stream as before 2026-04-23
    tls: bool = False
    directory: str = ""  # credentials, test CA; empty: a new private temporary directory
    record: str = ""  # file for the record at exit
    limits: bool = True
    weight_1m: int = 2_400  # of an address
    orders_10s: int = 300  # of an account
    orders_1m: int = 1_200
    listen_key_ms: int = LISTEN_KEY_MS
    ping_ms: int = 180_000
    accounts: tuple[str, ...] = ("demo",)
    core: int = -1  # pin to this core
    exit_with_stdin: bool = False  # end when standard input ends: a parent's death

    def instruments(self) -> list[Instrument]:
        return [KNOWN[symbol] for symbol in self.symbols]

    @property
    def serves_legacy(self) -> bool:
        return self.legacy_paths or self.shape < 2026

    def problems(self) -> list[str]:
        """What is wrong, one sentence each."""
        found = [
            f"symbol {symbol} is unknown; want one of {', '.join(KNOWN)}"
            for symbol in self.symbols
            if symbol not in KNOWN
        ]
        if not self.symbols or len(set(self.symbols)) != len(self.symbols):
            found.append("symbols are empty or repeated; want each once")
        if not 0 <= self.port <= 65_535:
            found.append(f"port is {self.port}; want 0..65535")
        for name in ("weight_1m", "orders_10s", "orders_1m"):
            if not 0 < getattr(self, name) < 1_000_000_000:
                found.append(f"{name} is {getattr(self, name)}; want 1..999999999, or --no-limits")
        if not 0 <= self.rate <= 100:
            found.append(f"rate is {self.rate}; want 0..100")
        if self.shape not in (2024, 2026):
            found.append(f"shape is {self.shape}; want 2024 or 2026")
        if not self.accounts or len(set(self.accounts)) != len(self.accounts):
            found.append("accounts are empty or repeated; want each once")
        if self.directory and not Path(self.directory).is_dir():
            found.append(f"directory {self.directory} does not exist; make it first")
        return found

    def command_line(self) -> list[str]:
        """Arguments that parse back to these options."""
        line = [
            f"--port={self.port}",
            f"--symbols={','.join(self.symbols)}",
            f"--seed={self.seed}",
            f"--rate={self.rate}",
            f"--shape={self.shape}",
            f"--weight-1m={self.weight_1m}",
            f"--orders-10s={self.orders_10s}",
            f"--orders-1m={self.orders_1m}",
            f"--directory={self.directory}",
            f"--record={self.record}",
            f"--listen-key-ms={self.listen_key_ms}",
            f"--ping-ms={self.ping_ms}",
            f"--accounts={','.join(self.accounts)}",
            f"--core={self.core}",
        ]
        flags = {
            "--new-fields": self.new_fields,
            "--legacy-paths": self.legacy_paths,
            "--tls": self.tls,
            "--no-limits": not self.limits,
            "--exit-with-stdin": self.exit_with_stdin,
        }
        return line + [flag for flag, on in flags.items() if on]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options on a parser."""
    default = ServeOptions()
    add = parser.add_argument
    add("--port", type=int, default=default.port, help="port on 127.0.0.1 (0: any free one)")
    add("--symbols", type=_names, default=default.symbols, help="comma-separated symbols")
    add("--seed", type=int, default=default.seed, help="seed of the participants")
    add("--rate", type=float, default=default.rate, help="their intensity (0: none)")
    add("--shape", type=int, default=default.shape, help="field set: 2026 or 2024")
    add("--new-fields", action="store_true", help="also nq in aggTrade, ap in markPriceUpdate")
    add("--legacy-paths", action="store_true", help="serve /ws and /stream as before 2026")
    add("--tls", action="store_true", help="serve https and wss with an own test CA")
    add("--directory", default="", help="where credentials and the test CA are written")
    add("--record", default="", help="write the record to this file at exit")
    add("--no-limits", dest="limits", action="store_false", help="no rate limits")
    add("--weight-1m", type=int, default=default.weight_1m, help="weight of an address a minute")
    add("--orders-10s", type=int, default=default.orders_10s, help="orders of an account in 10 s")
    add("--orders-1m", type=int, default=default.orders_1m, help="orders of an account a minute")
    add("--listen-key-ms", type=int, default=default.listen_key_ms, help="life of a listen key")
    add("--ping-ms", type=int, default=default.ping_ms, help="period of server pings")
    add("--accounts", type=_names, default=default.accounts, help="comma-separated accounts")
    add("--core", type=int, default=default.core, help="pin the venue to this core")
    add("--exit-with-stdin", action="store_true", help="end when standard input ends")


def from_arguments(arguments: argparse.Namespace) -> ServeOptions:
    """Build the options from parsed arguments."""
    names = ServeOptions.__dataclass_fields__
    return ServeOptions(**{name: getattr(arguments, name) for name in names})
