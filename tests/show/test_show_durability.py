"""The durability classes: one table, the same in code, configuration and docs; peers refused."""

from pathlib import Path

import pytest

from ops.run_config import settings
from runtime._shm import lib
from runtime.config.archive import durable, rules
from runtime.config.file import ConfigError, parse
from runtime.config.keys import Config, StrategyEntry
from runtime.journal import durability

ROOT = Path(__file__).resolve().parents[2]


def test_docs_show_the_table():
    """docs/archive.md: `from runtime.journal.durability import table; print(table())`."""
    assert durability.table() in (ROOT / "docs" / "archive.md").read_text()


@pytest.mark.parametrize("word", durability.PEER)
@pytest.mark.parametrize("group", durability.GROUPS)
def test_peer_classes_are_refused_with_the_reason(group, word):
    with pytest.raises(ConfigError) as caught:
        parse(f'[durability]\n{group} = "{word}"\n', "site.toml", lambda _: None)
    (problem,) = caught.value.problems
    assert f"durability.{group} is '{word}', which needs a second host" in str(problem)
    assert "site.toml:2" in str(problem)


def test_orders_that_wait_are_those_of_the_strategies_that_say_so():
    config = Config(strategies=[StrategyEntry(), StrategyEntry(durability="local-disk")])
    assert durable(config) == 0b10
    config.durability.order = "local-disk"
    assert durable(config) == 0b11
    config.strategies[0].durability = "local-mem"
    assert durable(config) == 0b10
    assert settings(config).durable == 0b10
    assert rules(config)["durability"]["order"] == "local-disk"  # synced within block_ms


def test_urgent_kinds_follow_the_classes():
    usual = durability.urgent_kinds(None)
    assert usual >> lib.HP_RECORD_FILL & 1 and not usual >> lib.HP_RECORD_INTENT & 1
    orders = durability.urgent_kinds({"order": "local-disk", "fill": "local-mem"})
    assert orders >> lib.HP_RECORD_REQUEST & 1 and not orders >> lib.HP_RECORD_FILL & 1
