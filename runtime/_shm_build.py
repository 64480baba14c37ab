"""cffi module `runtime._shm`: shared pages and the headers' functions, for cold readers and tests.

API mode only: the compiler checks each layout.  The text comes from the headers' cffi blocks, so no
layout is typed twice.
"""

import os
import sys
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hotpath.abi.declare import cffi_blocks, prototypes  # noqa: E402
from setup import BASE, BUILD, FLAGS  # noqa: E402

# In the order of inclusion: a record stands before those that hold it.
HEADERS = [
    "atomic",
    "fixed",
    "clock",
    "histogram",
    "hiccup",
    "crc32c",
    "event",
    "instrument",
    "intent",
    "ask",
    "verdict",
    "limit",
    "limit_use",
    "rule",
    "order",
    "ring",
    "journal",
    "archive",
    "book",
    "feed",
    "flatten",
    "quota",
    "page",
    "ttl",
    "sentinel",
    "lease",
    "opening",
    "pair",
    "codec",
    "mail",
]

ffibuilder = FFI()
for header in HEADERS:
    text = (ROOT / "hotpath" / "abi" / f"{header}.h").read_text()
    ffibuilder.cdef(cffi_blocks(text) + "\n" + prototypes(text))

cflags, ldflags = FLAGS[BUILD]
ffibuilder.set_source(
    "runtime._shm",
    "\n".join(f'#include "{header}.h"' for header in HEADERS),
    include_dirs=[str(ROOT / "hotpath" / "abi")],
    extra_compile_args=["-std=c11", *BASE, "-Wno-unused-function", *cflags],
    extra_link_args=ldflags,
    depends=[f"hotpath/abi/{header}.h" for header in HEADERS],
)

if __name__ == "__main__":
    os.chdir(ROOT)
    ffibuilder.compile(verbose=True)
