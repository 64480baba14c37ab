"""Boot parameters: what the command line should hold, and a drop-in file that says so.

Owns:    the words, the whole line, the text of the drop-ins; writing one where it was asked for.
Refuses: editing a boot loader's own files, and running its update command.
"""

from __future__ import annotations

import os
from pathlib import Path

from tuning import cpus
from tuning.check import Report
from tuning.context import Context
from tuning.facts import boot_words
from tuning.model import WRONG, Settable
from tuning.probes.common import boot_word

GRUB_NAME = "90-corelane.cfg"
SYSTEMD_NAME = "90-corelane.conf"


def missing_words(context: Context, report: Report) -> list[str]:
    """Return the words that findings ask for, in the catalogue's order."""
    found = (
        boot_word(context, finding.knob)
        for finding in report.findings
        if finding.state in WRONG and finding.knob.settable is Settable.BOOT
    )
    return [word for word in found if word]


def whole_line(context: Context, words: list[str]) -> str:
    """Return the running command line with the words put in, older values of the same names out."""
    names = {name for word in words for name in boot_words(word)}
    line, tail = context.facts.command_line, ""
    if " -- " in line:  # what stands after it belongs to init
        line, _, tail = line.partition(" -- ")
        tail = f" -- {tail}"
    kept = [word for word in line.split() if not names & set(boot_words(word))]
    return " ".join([*kept, *words]) + tail


def grub_drop_in(words: list[str]) -> str:
    """Return a file for /etc/default/grub.d."""
    return (
        "# Offered by `corelane baseline plan`; read it, then run update-grub and reboot.\n"
        f'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {" ".join(words)}"\n'
    )


def systemd_drop_in(context: Context) -> str:
    """Return a file for /etc/systemd/system.conf.d."""
    return (
        "# Offered by `corelane baseline plan`; takes effect at the next boot.\n"
        f"[Manager]\nCPUAffinity={cpus.format_list(context.roles.housekeeping)}\n"
    )


def drop_ins(context: Context, report: Report) -> dict[str, str]:
    """Return the drop-in files that this report calls for, by name."""
    out = {}
    words = missing_words(context, report)
    if words:
        out[GRUB_NAME] = grub_drop_in(words)
    services = [f for f in report.findings if f.knob.id == "cpu.systemd_affinity"]
    if services and services[0].state in WRONG:
        out[SYSTEMD_NAME] = systemd_drop_in(context)
    return out


def write_drop_ins(files: dict[str, str], folder: str | Path) -> list[Path]:
    """Write the files into a folder that exists, each whole or not at all."""
    written = []
    for name, text in files.items():
        path = Path(folder) / name
        aside = path.with_suffix(".new")
        with open(aside, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(aside, path)
        written.append(path)
    return written
