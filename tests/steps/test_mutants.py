"""A share of the mutation check (`make mutants` runs all of it), and that it can fail."""

import subprocess
import sys

from tests.steps.flips import ROOT


def mutants(*words):
    command = [sys.executable, "-m", "tests.steps.mutants", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_flipped_comparison_fails_a_test():
    code, said = mutants("--sample", "16")
    assert code == 0, said
    assert "16 flipped, 16 killed, 0 survive" in said


def test_comparison_that_no_test_asks_is_a_survivor():
    code, said = mutants("--tests", "reservation", "--only", "risk/gate_who")
    assert code == 1, said
    assert "no test asks it" in said and ", 0 killed," in said
