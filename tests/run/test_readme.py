"""The README's strategy runs as it stands there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def block():
    text = (ROOT / "README.md").read_text()
    found = re.search(r"<!-- tests/readme runs this block -->\n```python\n(.*?)```", text, re.S)
    assert found, "the marked block is gone from the README"
    return found.group(1)


def test_first_strategy_trades(tmp_path):
    (tmp_path / "lean.py").write_text(block())
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ops",
            "run",
            "--strategy",
            f"{tmp_path / 'lean.py'}:Lean",
            "--param",
            "depth=10",
            "--duration",
            "3",
            "--deployment",
            f"readme{os.getpid()}",
            "--metrics-port",
            "0",
            "--json",
        ],
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    end = json.loads(done.stdout.splitlines()[-1])
    assert end["orders"] > 0
    assert end["agrees_with_venue"], end


def test_first_strategy_has_about_fifteen_lines():
    assert len([line for line in block().splitlines() if line.strip()]) <= 18


def test_the_two_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target
