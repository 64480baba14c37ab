"""As much of JSON Schema as docs/baseline.schema.json uses; another word is an error."""

from __future__ import annotations

import re
from typing import Any

KINDS = {"object": dict, "array": list, "string": str, "number": (int, float)}
SILENT = {"$schema", "title", "description"}


def faults(value: Any, schema: dict[str, Any], at: str = "$") -> list[str]:
    """Return what a value breaks of a schema, each with its place."""
    out: list[str] = []
    for word, wanted in schema.items():
        if word in SILENT:
            continue
        elif word == "type":
            kind = KINDS[wanted]
            if not isinstance(value, kind) or isinstance(value, bool):
                return [f"{at} is a {type(value).__name__}, want {wanted}"]
        elif word == "required":
            out += [f"{at} lacks {name}" for name in wanted if name not in value]
        elif word == "properties":
            for name in wanted.keys() & value.keys():
                out += faults(value[name], wanted[name], f"{at}.{name}")
        elif word == "additionalProperties":
            assert wanted is False
            out += [f"{at} has {name}" for name in value.keys() - schema["properties"].keys()]
        elif word == "items":
            for number, item in enumerate(value):
                out += faults(item, wanted, f"{at}[{number}]")
        elif word == "enum":
            out += [] if value in wanted else [f"{at} is {value!r}, want one of {wanted}"]
        elif word == "pattern":
            out += [] if re.search(wanted, value) else [f"{at} is {value!r}, want {wanted}"]
        elif word == "minimum":
            out += [] if value >= wanted else [f"{at} is {value}, want at least {wanted}"]
        elif word == "maximum":
            out += [] if value <= wanted else [f"{at} is {value}, want at most {wanted}"]
        else:
            raise ValueError(f"{at}: the schema says {word}, which is not checked here")
    return out
