"""Derive the .pxd files (and probe.pyx) of this folder from its headers.

Owns:    one direction: header -> names that Cython may use (offsets stay the C compiler's
         business).
Refuses: guessing.  It reads the plain C that these headers are written in and fails on anything
         else.

    python -m hotpath.abi.declare          rewrite the .pxd files
    python -m hotpath.abi.declare --check  exit 1 when one is out of date
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
CTYPES = {"uint8_t", "uint16_t", "uint32_t", "uint64_t", "int8_t", "int16_t", "int32_t", "int64_t"}

BLOCK = re.compile(r"/\* cffi:begin \*/(.*?)/\* cffi:end \*/", re.S)
DEFINE = re.compile(r"^#define (HP_\w+) +(\(?-?[0-9][^\n/]*)", re.M)
ENUM = re.compile(r"^enum (\w+) \{(.*?)\};", re.M | re.S)
RECORD = re.compile(r"^typedef (struct|union) \w+ \{(.*?)\n\} (\w+);", re.M | re.S)
FUNCTION = re.compile(r"^static inline ([\w ]+?[ *]+)(hp_\w+)\(([^)]*)\)\s*\{", re.M)
POINTER_FIELD = re.compile(r"^([\w ]+?[ *]*)\(\*(\w+)\)\((.*)\)$", re.S)


def cffi_blocks(text: str) -> str:
    """Return what stands between the cffi markers of a header."""
    return "\n".join(BLOCK.findall(text))


def uncomment(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def arguments(text: str) -> str:
    text = " ".join(text.split())
    return "" if text == "void" else text.replace("enum ", "")


def fields(body: str) -> list[str]:
    out = []
    for statement in uncomment(body).split(";"):
        statement = " ".join(statement.split())
        if not statement:
            continue
        pointer = POINTER_FIELD.match(statement)
        if pointer:
            result, name, args = pointer.groups()
            out.append(f"{result.strip()} (*{name})({arguments(args)}) noexcept nogil")
        else:
            out.append(statement)
    return out


def declare(header: Path) -> str:
    """Return the .pxd text of one header."""
    text = header.read_text()
    plain = uncomment(text)
    lines: list[str] = []
    for name, value in DEFINE.findall(plain):
        wide = "uint64_t" if "ull" in value else "int64_t" if "ll" in value else ""
        lines.append(f"    const {wide} {name}" if wide else f"    enum: {name}")
    for name, body in ENUM.findall(plain):
        lines.append(f"    cdef enum {name}:")
        lines += [
            f"        {part.split('=')[0].strip()}" for part in body.split(",") if part.strip()
        ]
    for kind, body, name in RECORD.findall(text):
        lines.append(f"    ctypedef {kind} {name}:")
        lines += [f"        {field}" for field in fields(body)]
    for result, name, args in FUNCTION.findall(plain):
        if "clockid_t" in args or "hp_wide_t" in result + args:
            continue
        result = result.replace("enum ", "").strip()
        lines.append(f"    {result} {name}({arguments(args)}) noexcept nogil")
    if not lines:
        return ""
    body_text = "\n".join(lines)
    includes = [
        f"from hotpath.abi.{other} cimport *"
        for other in re.findall(r'^#include "(\w+)\.h"', text, re.M)
        if declare(HERE / f"{other}.h")
    ]
    used = sorted(t for t in CTYPES if re.search(rf"\b{t}\b", body_text))
    intro = text.split("\n", 1)[0].removeprefix("/* ").removesuffix(" */")
    head = [
        f"# {intro}",
        "# Names only; python -m hotpath.abi.declare derives them from the header.",
        "",
    ]
    if used:
        head.append(f"from libc.stdint cimport {', '.join(used)}")
    head += includes
    head += ["", f'cdef extern from "{header.name}" nogil:']
    return "\n".join(head).replace("\n\n\n", "\n\n") + "\n" + body_text + "\n"


def prototypes(text: str) -> str:
    """Return the C prototypes of a header's inline functions for cffi, which knows no __int128."""
    out = []
    for result, name, args in FUNCTION.findall(uncomment(text)):
        if "clockid_t" not in args and "hp_wide_t" not in result + args:
            out.append(f"{result.strip()} {name}({args});")
    return "\n".join(out)


def probe() -> str:
    """Return the text of probe.pyx.

    Sizes and offsets of every shared record as Cython sees them.
    """
    imports, rows = [], []
    for header in sorted(HERE.glob("*.h")):
        records = RECORD.findall(cffi_blocks(header.read_text()))
        if not records:
            continue
        imports.append(f"from hotpath.abi.{header.stem} cimport *")
        for _, body, name in records:
            rows.append(f'    out["{name}"] = sizeof({name})')
            for field in fields(body):
                for part in field.split(","):
                    member = re.sub(r"\[.*", "", part.split()[-1]).lstrip("*")
                    rows.append(f'    out["{name}.{member}"] = <size_t>&(<{name} *>0).{member}')
    return (
        '"""Sizes and offsets of every shared record, as Cython sees them; '
        "tests compare them with cffi.\n\n"
        'Derived: python -m hotpath.abi.declare writes this file.\n"""\n'
        + "\n".join(imports)
        + "\n\n\ndef layout():\n"
        + '    """Return {record: bytes, record.field: offset}."""\n    out = {}\n'
        + "\n".join(rows)
        + "\n    return out\n"
    )


def main(argv: list[str]) -> int:
    stale = []
    wanted = {header.with_suffix(".pxd"): declare(header) for header in sorted(HERE.glob("*.h"))}
    wanted[HERE / "probe.pyx"] = probe()
    for path, want in wanted.items():
        if not want:
            continue
        if not path.exists() or path.read_text() != want:
            stale.append(path.name)
            if "--check" not in argv:
                path.write_text(want)
    if stale:
        print(("out of date: " if "--check" in argv else "wrote ") + ", ".join(stale))
    return 1 if stale and "--check" in argv else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
