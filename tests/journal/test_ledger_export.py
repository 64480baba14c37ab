"""A ledger as tables: the same columns and types whether there are rows or none."""

import importlib.util

import pytest

from ops.cli import main
from runtime.journal import ledger
from runtime.journal.ledger import Ledger
from runtime.journal.ledger_export import COLUMNS, arrow, query, tables, write

from .story import TRADER, Story, trade

needs_extras = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("pyarrow", "duckdb")),
    reason="requires_third_party: pip install 'corelane[ledger]'",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    path = folder / "trader_of_export.py"
    path.write_text(TRADER)
    story = Story(folder / "run", path)
    for event in trade(300):
        story.happen(*event)
    story.end()
    return folder / "run"


@pytest.fixture(scope="module")
def found(run):
    return ledger.read(run)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A RUN in which nothing was ordered."""
    folder = tmp_path_factory.mktemp("quiet")
    path = folder / "trader_of_quiet.py"
    path.write_text(TRADER)
    Story(folder / "run", path).end()
    return folder / "run"


def test_tables_have_their_columns_without_a_row():
    made = tables(Ledger())
    assert {name: list(table) for name, table in made.items()} == {
        name: list(columns) for name, columns in COLUMNS.items()
    }
    assert all(rows == [] for table in made.values() for rows in table.values())


def test_columns_are_all_that_rows_hold(found):
    assert found.orders and found.entries
    line = found.lines()[0]
    assert COLUMNS["positions"].keys() == {*line, "fees"}
    kinds = {"string": str, "int64": int, "uint64": int, "bool_": bool}
    for name, columns in tables(found).items():
        for column, rows in columns.items():
            wanted = kinds[COLUMNS[name][column]]
            assert rows, (name, column)
            assert all(row is None or isinstance(row, wanted) for row in rows), (name, column)


@needs_extras
def test_sql_over_a_run_without_orders_finds_empty_tables(quiet, capsys):
    sql = (
        "select (select count(*) from orders), (select coalesce(sum(lots), 0) from positions),"
        " (select count(*) from entries where kind = 'fill')"
    )
    assert main(["ledger", "export", str(quiet), "--sql", sql]) == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t") == ["0", "0", "0"]


@needs_extras
def test_sql_and_parquet_hold_the_ledgers_rows_in_the_same_types(found, tmp_path):
    ((count, fees),) = query(found, "select count(*), sum(fee_e8) from entries")[1]
    assert (count, fees) == (len(found.entries), sum(one.fee_e8 for one in found.entries))
    assert dict((path.stem, rows) for path, rows in write(found, tmp_path)) == {
        "entries": len(found.entries), "orders": len(found.orders),
        "positions": len(found.lines()),
    }  # fmt: skip
    none = arrow(Ledger())
    assert {name: table.schema for name, table in arrow(found).items()} == {
        name: table.schema for name, table in none.items()
    }
