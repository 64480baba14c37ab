"""What tuning/_calls_build.py compiles."""

from typing import Any

ffi: Any
lib: Any
