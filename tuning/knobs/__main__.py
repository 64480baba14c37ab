"""Print the catalogue as a Markdown table: `python -m tuning.knobs > docs/baseline-knobs.md`.

Owns:    the table.
Refuses: words of its own about any knob.
"""

from __future__ import annotations

from tuning.knobs import PROFILES, catalogue
from tuning.model import Knob

HEAD = """# The catalogue of knobs

Made from `tuning/knobs/*.toml` by `python -m tuning.knobs`. RSW: set at run time, applied, verified
and restored on a real machine; RW: set at run time; BOOT: boot parameter or unit file, offered as a
drop-in; FIRMWARE, OWNER: a person's; NO: a figure. `-` not applicable, `=` left as it is, `?`
reported only. `!` keeps its severity in every profile.
"""


def cell(spec: object) -> str:
    """Return one want in the words of the catalogue."""
    if isinstance(spec, dict):
        return ", ".join(f"{key} {cell(value)}" for key, value in spec.items() if key != "set")
    if isinstance(spec, list):
        return " or ".join(str(item) for item in spec)
    return str(spec)


def row(knob: Knob) -> str:
    wants = (cell(knob.wants[profile]) for profile in PROFILES)
    severity = f"{knob.severity}{'!' if knob.firm else ''}"
    cells = (f"`{knob.id}`", knob.title, *wants, severity, str(knob.settable), knob.source)
    return "| " + " | ".join(text.replace("|", "/") for text in cells) + " |"


def table() -> str:
    """Return the whole page."""
    heads = ("id", "what", *PROFILES, "severity", "set", "source")
    out = [HEAD]
    group = ""
    for knob in catalogue().values():
        if knob.group != group:
            group = knob.group
            out += [f"\n## {group}\n", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        out.append(row(knob))
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    print(table(), end="")
