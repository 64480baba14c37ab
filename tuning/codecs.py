"""How a raw text becomes a value, and how a value is written back.

Owns:    one codec per shape that the kernel uses: integer, word, bracketed choice, CPU list, CPU
         mask, words, JSON object.
Refuses: I/O, and knowing any knob.

Two raw texts are the same when their canonical forms are: a mask `3` reads back as `00000003`, a
choice `never` as `always madvise [never]`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tuning import cpus


@dataclass(frozen=True, slots=True)
class Codec:
    """Text of one shape; the base class keeps it as a stripped word."""

    name: str

    def parse(self, raw: str) -> Any:
        return raw.strip()

    def write(self, value: Any) -> str:
        """Return the text that sets `value`."""
        return str(value)

    def show(self, value: Any) -> str:
        return str(value)

    def canonical(self, raw: str) -> str:
        """Return the text by which two raws are compared; unreadable text stands for itself."""
        try:
            return self.write(self.parse(raw))
        except ValueError:
            return raw.strip()

    def restore(self, raw: str) -> str:
        """Return what must be written so that `raw` reads back."""
        return raw.strip()


class Integer(Codec):
    def parse(self, raw: str) -> int:
        return int(raw.strip(), 0)


class Choice(Codec):
    """`always [madvise] never`: the bracketed word; a lone word counts as chosen."""

    def parse(self, raw: str) -> str:
        match = re.search(r"\[([^\]]+)\]", raw)
        return match[1] if match else raw.strip()

    def restore(self, raw: str) -> str:
        return self.parse(raw)


class CpuList(Codec):
    def parse(self, raw: str) -> frozenset[int]:
        return cpus.parse_list(raw)

    def write(self, value: frozenset[int]) -> str:
        return cpus.format_list(value)

    def show(self, value: frozenset[int]) -> str:
        return cpus.format_list(value) or "none"


class CpuMask(CpuList):
    def parse(self, raw: str) -> frozenset[int]:
        return cpus.parse_mask(raw)

    def write(self, value: frozenset[int]) -> str:
        return cpus.format_mask(value)


class Words(Codec):
    """Fields between blanks or tabs, kept as one text with single blanks."""

    def parse(self, raw: str) -> str:
        return " ".join(raw.split())


class Flag(Codec):
    """Y/N, 1/0, on/off as a truth; written in the letters of the kernel's module parameters."""

    def parse(self, raw: str) -> int:
        word = raw.strip().lower()
        if word in ("y", "1", "on", "yes", "enabled"):
            return 1
        if word in ("n", "0", "off", "no", "disabled"):
            return 0
        raise ValueError(f"{raw.strip()!r} is neither yes nor no")


class Json(Codec):
    """An object from a non-file address; keys sorted, so equal objects are equal texts."""

    def parse(self, raw: str) -> dict[str, Any]:
        value = json.loads(raw)
        if not isinstance(value, dict):
            raise ValueError(f"{raw.strip()[:40]!r} is no object")
        return value

    def write(self, value: Any) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    def show(self, value: Any) -> str:
        if isinstance(value, dict):
            return " ".join(f"{key} {_short(item)}" for key, item in value.items())
        return _short(value)


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (
        Codec("text"),
        Integer("int"),
        Choice("choice"),
        CpuList("cpulist"),
        CpuMask("cpumask"),
        Words("words"),
        Flag("flag"),
        Json("json"),
    )
}
