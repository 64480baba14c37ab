"""Measuring changes nothing: the machine's settings are compared before and after."""

from tests.host_guard import host_is_left_as_it_was  # noqa: F401 - a fixture of every test here
