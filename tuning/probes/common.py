"""Probes that many knobs share: files, boot parameters, running programs, units.

Owns:    what can be said by data alone.
Refuses: anything that needs to know one knob.
"""

from __future__ import annotations

from tuning import cpus, want
from tuning.context import Context
from tuning.model import Knob, Sight, State
from tuning.probes import boot_sight, probe, read_sight, targets, unseen


@probe("file")
def files(context: Context, knob: Knob) -> list[Sight]:
    """Read each address of `where`; a wildcard makes one target per match.

    Options: `optional` - addresses that may be missing without a word; `hot_only` - only CPUs that
    lanes own (the target is cpuN); `cards_only` - only trading cards.
    """
    out: list[Sight] = []
    optional = tuple(knob.options.get("optional", ()))
    single = len(knob.where) == 1
    for pattern in knob.where:
        wild = "*" in pattern
        found = targets(context, pattern)
        if not wild:
            found = [("" if single else label(pattern, knob.where), pattern)]
        if knob.options.get("hot_only"):
            hot = context.roles.named("hot")
            found = [(t, a) for t, a in found if int(t.split("/")[0].removeprefix("cpu")) in hot]
            if not hot:
                return [unseen("", State.NOT_APPLICABLE, "no core is kept for lanes alone")]
        sights = [read_sight(context, knob, address, target) for target, address in found]
        if not sights:
            sights = [read_sight(context, knob, pattern.replace("*", "0"))]
        lost = (State.UNSUPPORTED, State.NOT_APPLICABLE)
        out += [s for s in sights if pattern not in optional or s.state not in lost]
    return out


def label(address: str, among: tuple[str, ...]) -> str:
    """Return the last part of an address, with the one before it where that is not enough."""
    last = address.rpartition("/")[2]
    if sum(other.rpartition("/")[2] == last for other in among) > 1:
        return "/".join(address.split("/")[-2:])
    return last


@probe("boot")
def boot(context: Context, knob: Knob) -> list[Sight]:
    """Compare one boot parameter with what the profile wants of it.

    Options: `word` - its name; `cpus` - it holds a CPU list; `also` - other names that do as well.
    """
    words = context.facts.boot_words
    if not context.facts.command_line:
        context.host.read("/proc/cmdline")
    name = knob.options["word"]
    wanted = context.wanted(knob)
    for other in (name, *knob.options.get("also", ())):
        if other in words:
            name = other
            break
    found = words.get(name)
    if knob.options.get("cpus"):
        _, listed = cpus.parse_flagged(
            found or "", last=context.facts.last, every=context.facts.online
        )
        sight = Sight(value=listed)
        shown = cpus.format_list(listed) or "not given"
    else:
        sight = Sight(value=found)
        shown = "not given" if found is None else (found or "given")
    if not wanted.demands:
        return [Sight(value=sight.value, shown=shown, writes=())]
    if wanted.kind == "cpus" and not context.terms.roles[wanted.operand]:
        return [unseen("", State.NOT_APPLICABLE, f"no CPU is {wanted.operand}", shown=shown)]
    good = found is not None and want.judge(wanted, sight, context.terms)
    return [boot_sight(context, boot_word(context, knob), shown, good)]


def boot_word(context: Context, knob: Knob) -> str:
    """Return the word that the command line should hold for a knob, '' where none is wanted."""
    wanted = context.wanted(knob)
    if not wanted.demands or "word" not in knob.options:
        return ""
    value = want.value_to_set(wanted, Sight(), context.terms)
    if isinstance(value, frozenset):
        if not value:
            return ""
        value = cpus.format_list(value)
    if value is None:
        return ""
    intel = context.facts.cpuinfo.get("vendor_id") == "GenuineIntel"
    word = knob.options.get("intel_word", knob.options["word"]) if intel else knob.options["word"]
    return f"{word}={knob.options.get('flags', '')}{value}"
