"""The README's strategy runs as it stands there."""

import re
from pathlib import Path

from tests.supervise.running import trade

ROOT = Path(__file__).resolve().parents[2]


def block():
    text = (ROOT / "README.md").read_text()
    found = re.search(r"<!-- tests/readme runs this block -->\n```python\n(.*?)```", text, re.S)
    assert found, "the marked block is gone from the README"
    return found.group(1)


def test_first_strategy_trades(tmp_path):
    (tmp_path / "lean.py").write_text(block())
    trade(tmp_path, "--strategy", f"{tmp_path / 'lean.py'}:Lean", "--param", "depth=10")


def test_first_strategy_has_about_fifteen_lines():
    assert len([line for line in block().splitlines() if line.strip()]) <= 18


def test_the_two_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target
