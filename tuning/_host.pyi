# cffi builds this module from the headers that _host_build.py names; they hold the contract.
from typing import Any

ffi: Any
lib: Any
