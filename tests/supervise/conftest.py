"""Marks of this folder's tests."""

from tests.tuning.conftest import pytest_runtest_setup  # noqa: F401  (requires_root)
