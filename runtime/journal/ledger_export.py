"""A ledger as Parquet files, and SQL over it.

Owns:    three tables: entries, orders, positions, with their columns and types, rows or none; money
         stays 1e-8 in 64-bit integers.
Refuses: working without its extras: it says which one is missing and how it comes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_type_hints

from runtime.journal import records
from runtime.journal.books import Entry
from runtime.journal.ledger import Ledger

REMEDY = "pip install 'corelane[ledger]' (pyarrow and duckdb)"
ORDER_FIELDS = ("client_id", "venue_id", "intent_id", "account", "instrument", "price_ticks",
                "lots", "filled_lots")  # fmt: skip
TEXT, WHOLE, NATURAL, FLAG = "string", "int64", "uint64", "bool_"
TYPE_OF = {int: WHOLE, str: TEXT, bool: FLAG}
IDS = ("client_id", "venue_id", "intent_id")  # of 64 bits without a sign
TEXTS = ("venue", "symbol", "strategy", "side", "state", "position_side", "mark_source", "fees")
# Column: type.  What a column holds is said here; a test holds it against rows that there are.
COLUMNS: dict[str, dict[str, str]] = {
    "entries": {
        name: NATURAL if name in IDS else TYPE_OF[kind]
        for name, kind in get_type_hints(Entry).items()
    },
    "orders": {
        name: NATURAL if name in IDS else TEXT if name in TEXTS else WHOLE
        for name in (*ORDER_FIELDS, "real_ns", "lane", "epoch", "venue", "symbol", "strategy",
                     "side", "state")
    },
    "positions": {
        name: TEXT if name in TEXTS else WHOLE
        for name in ("venue", "account", "strategy", "instrument", "symbol", "position_side",
                     "lots", "size_decimals", "price_decimals", "cost_e8", "realised_e8",
                     "unrealised_e8", "fills", "bought_lots", "sold_lots", "mark_half_ticks",
                     "mark_source", "mark_age_ns", "fees", "fees_e8")
    },
}  # fmt: skip


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
    return {
        name: {key: [row[key] for row in rows] for key in COLUMNS[name]}
        for name, rows in (("entries", entries), ("orders", orders), ("positions", positions))
    }


def arrow(ledger: Ledger) -> dict[str, Any]:
    pyarrow = extra("pyarrow")
    return {
        name: pyarrow.table(
            columns,
            schema=pyarrow.schema(
                [(column, getattr(pyarrow, kind)()) for column, kind in COLUMNS[name].items()]
            ),
        )
        for name, columns in tables(ledger).items()
    }


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
        connection.register(name, table)
    try:
        found = connection.execute(sql)
        return [column[0] for column in found.description], found.fetchall()
    except duckdb.Error as error:
        raise ExportError(f"{sql!r}: {error}") from error
