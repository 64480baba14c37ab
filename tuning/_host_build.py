"""cffi module `tuning._host`: clocks, ioctls and the jitter loops that need C.

API mode only: the compiler checks each record.  What Python may call stands in the headers, between
their cffi markers; nothing is typed twice.
"""

import os
import re
import sys
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from setup import BASE, BUILD, FLAGS  # noqa: E402

# In the order of inclusion: a record stands before those that hold it.
HEADERS = [
    "hotpath/abi/clock.h", "hotpath/abi/histogram.h", "hotpath/abi/hiccup.h",
    "tuning/time/clocks.h", "tuning/jitter/spin.h", "tuning/jitter/wake.h",
]
UNITS = ["tuning/time/clocks.c", "tuning/jitter/spin.c", "tuning/jitter/wake.c"]

# Inline functions of the abi headers that Python calls.
INLINE = """
uint64_t hp_tsc(void);
uint64_t hp_mono_ns(void);
uint64_t hp_tsc_to_ns(const hp_calibration_t *c, uint64_t ticks);
void hp_calibrate(hp_calibration_t *c, uint64_t span_ns);
uint64_t hp_histogram_upper(uint32_t index);
void hp_histogram_record(hp_histogram_t *h, uint64_t value);
void hp_histogram_merge(hp_histogram_t *to, const hp_histogram_t *source);
uint64_t hp_histogram_quantile(const hp_histogram_t *h, uint32_t per_million);
"""

ffibuilder = FFI()
for header in HEADERS:
    text = (ROOT / header).read_text()
    ffibuilder.cdef("\n".join(re.findall(r"/\* cffi:begin \*/(.*?)/\* cffi:end \*/", text, re.S)))
ffibuilder.cdef(INLINE)

cflags, ldflags = FLAGS[BUILD]
ffibuilder.set_source(
    "tuning._host",
    "\n".join(f'#include "{header}"' for header in HEADERS),
    sources=UNITS,
    include_dirs=[".", "hotpath/abi"],
    extra_compile_args=["-std=c11", *BASE, "-Wno-unused-function", *cflags],
    extra_link_args=ldflags,
    depends=HEADERS,
)

if __name__ == "__main__":
    os.chdir(ROOT)
    ffibuilder.compile(verbose=True)
