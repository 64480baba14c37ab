"""The table of commands and what the modules add are one; a command imports its own module only."""

import subprocess
import sys

import pytest

from ops.cli import COMMANDS, parser


def choices(top):
    (found,) = (action.choices for action in top._actions if action.dest == "command")
    return list(found)


def test_help_lists_every_word_of_the_table_in_its_order():
    assert choices(parser()) == " ".join(COMMANDS.values()).split()


@pytest.mark.parametrize("words", COMMANDS.values())
def test_word_is_added_by_its_module(words):
    for word in words.split():
        assert choices(parser(word)) == words.split()


@pytest.mark.parametrize("word", ["nosuch", "", "-h", None])
def test_any_other_word_has_all_to_choose_from(word):
    assert choices(parser(word)) == choices(parser())


def test_status_loads_nothing_of_the_appliance():
    code = (
        "import sys; from ops.cli import main; sys.argv = ['corelane', 'status'];"
        " sys.exit(main() * 0 + ('runtime.appliance' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
