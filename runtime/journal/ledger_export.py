"""A ledger as Parquet files, and SQL over it.

Owns:    three tables: entries, orders, positions; money stays 1e-8 in 64-bit integers.
Refuses: working without its extras: it says which one is missing and how it comes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runtime.journal import records
from runtime.journal.books import Entry
from runtime.journal.ledger import Ledger

REMEDY = "pip install 'corelane[ledger]' (pyarrow and duckdb)"
ORDER_FIELDS = ("client_id", "venue_id", "intent_id", "account", "instrument", "price_ticks",
                "lots", "filled_lots")  # fmt: skip


class ExportError(Exception):
    """An extra is missing, or a query is none."""


def extra(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise ExportError(f"{name} is not installed; {REMEDY}") from error


def tables(ledger: Ledger) -> dict[str, dict[str, list[Any]]]:
    """Return the tables as columns."""
    orders = []
    for source, record, order in ledger.orders.values():
        row: dict[str, Any] = {name: int(getattr(order, name)) for name in ORDER_FIELDS}
        words = records.ORDER_WORDS
        row |= {
            "real_ns": source.real(record),
            "lane": source.lane,
            "epoch": source.epoch,
            "venue": source.venue,
            "symbol": source.symbol(row["instrument"]),
            "strategy": source.names.get(int(order.strategy), "none"),
            **{name: str(words[name].get(getattr(order, name))) for name in ("side", "state")},
        }
        orders.append(row)
    positions = [
        {
            **{name: value for name, value in line.items() if name != "fees_e8"},
            "fees": ", ".join(f"{amount} {asset}" for asset, amount in line["fees_e8"].items()),
            "fees_e8": sum(line["fees_e8"].values()),
        }
        for line in ledger.lines()
    ]
    entries = [one._asdict() for one in ledger.entries]
    empty = {"entries": list(Entry._fields), "orders": [], "positions": []}
    return {
        name: {key: [row[key] for row in rows] for key in (rows[0] if rows else empty[name])}
        for name, rows in (("entries", entries), ("orders", orders), ("positions", positions))
    }


def arrow(ledger: Ledger) -> dict[str, Any]:
    pyarrow = extra("pyarrow")
    return {name: pyarrow.table(columns) for name, columns in tables(ledger).items()}


def write(ledger: Ledger, directory: Path) -> list[tuple[Path, int]]:
    """Write a Parquet file for each table; return (path, rows)."""
    made = arrow(ledger)
    parquet = __import__("pyarrow.parquet", fromlist=["write_table"])
    directory.mkdir(parents=True, exist_ok=True)
    out = []
    for name, table in made.items():
        path = directory / f"{name}.parquet"
        parquet.write_table(table, path)
        out.append((path, table.num_rows))
    return out


def query(ledger: Ledger, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run SQL over the tables; return column names and rows."""
    duckdb = extra("duckdb")
    connection = duckdb.connect(":memory:")
    for name, table in arrow(ledger).items():
        if table.num_columns:
            connection.register(name, table)
    try:
        found = connection.execute(sql)
        return [column[0] for column in found.description], found.fetchall()
    except duckdb.Error as error:
        raise ExportError(f"{sql!r}: {error}") from error
