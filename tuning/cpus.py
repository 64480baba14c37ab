"""CPU lists and CPU masks as the kernel writes them, and back.

Owns:    lists (`0-3,8`, `4-N`, `all`, `0-31:2/4`, `(null)`, flags before the list) and hexadecimal
         masks in comma-grouped 32-bit words.
Refuses: guessing: text that is neither raises ValueError with the piece that was not understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

CPU_MAX = 8192  # what the largest kernel configuration counts to
EMPTY: frozenset[int] = frozenset()
_PIECE = re.compile(r"(\d+|N)(?:-(\d+|N)(?::(\d+)/(\d+))?)?")


def parse_list(
    text: str, *, last: int | None = None, every: frozenset[int] = EMPTY
) -> frozenset[int]:
    """Return the CPUs of a list.

    `last` is what `N` stands for; `every` is what `all` stands for.  An empty list, `(null)` and
    `none` are no CPU at all.
    """
    text = text.strip().strip("\0").strip()
    if text in ("", "(null)", "none"):
        return EMPTY
    out: set[int] = set()
    for piece in re.split(r"[,\s]+", text):
        if piece == "all":
            out |= every
            continue
        match = _PIECE.fullmatch(piece)
        if match is None:
            raise ValueError(f"{piece!r} in {text!r} is no part of a CPU list")
        first = _number(match[1], last, text)
        final = first if match[2] is None else _number(match[2], last, text)
        if final < first or final >= CPU_MAX:
            raise ValueError(f"{piece!r} in {text!r} runs backwards or past CPU {CPU_MAX - 1}")
        if match[3] is None:
            out.update(range(first, final + 1))
            continue
        used, group = int(match[3]), int(match[4])
        if not 0 < used <= group:
            raise ValueError(f"{piece!r} in {text!r} takes {used} of each {group}")
        out.update(cpu for cpu in range(first, final + 1) if (cpu - first) % group < used)
    return frozenset(out)


def _number(word: str, last: int | None, text: str) -> int:
    if word != "N":
        return int(word)
    if last is None:
        raise ValueError(f"'N' in {text!r} stands for the last CPU, which is not known here")
    return last


def parse_flagged(
    text: str, *, last: int | None = None, every: frozenset[int] = EMPTY
) -> tuple[tuple[str, ...], frozenset[int]]:
    """Split `managed_irq,domain,2-7` into its flags and its CPUs."""
    words = [word for word in text.split(",") if word]
    flags: list[str] = []
    while words and re.fullmatch(r"[a-z_]+", words[0]) and words[0] not in ("all", "none"):
        flags.append(words.pop(0))
    return tuple(flags), parse_list(",".join(words), last=last, every=every)


def format_list(cpus: Iterable[int]) -> str:
    """Write CPUs as the shortest list; no CPU is an empty text."""
    out: list[str] = []
    run: list[int] = []
    for cpu in [*sorted(set(cpus)), None]:
        if run and (cpu is None or cpu != run[-1] + 1):
            out.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
            run = []
        if cpu is not None:
            run.append(cpu)
    return ",".join(out)


def parse_mask(text: str) -> frozenset[int]:
    """Return the CPUs of a hexadecimal mask; a leading 0x is allowed."""
    words = text.strip().removeprefix("0x").split(",")
    if not all(re.fullmatch(r"[0-9a-fA-F]+", word) for word in words):
        raise ValueError(f"{text.strip()!r} is no CPU mask")
    if any(len(word) > 8 for word in words[1:]):
        raise ValueError(f"{text.strip()!r} has a word of more than 32 bits after the first")
    bits = int("".join([words[0], *(word.rjust(8, "0") for word in words[1:])]), 16)
    if bits.bit_length() > CPU_MAX:
        raise ValueError(f"mask names CPU {bits.bit_length() - 1}; want at most {CPU_MAX - 1}")
    return frozenset(cpu for cpu in range(bits.bit_length()) if bits >> cpu & 1)


def format_mask(cpus: Iterable[int]) -> str:
    """Write CPUs as a mask in comma-grouped 32-bit words, as the kernel accepts it."""
    bits = 0
    for cpu in cpus:
        bits |= 1 << cpu
    text = f"{bits:x}"
    first = len(text) % 8 or 8
    return ",".join([text[:first], *(text[i : i + 8] for i in range(first, len(text), 8))])
