"""How each kind of knob is looked at.

Owns:    the registry of probes and what all of them share: reading with a verdict for what cannot
         be read, boot parameters, differences of counters.
Refuses: writing.

A probe gets the context and the knob and returns one sight per target.  Most need only `file`.
"""

from __future__ import annotations

import errno
import importlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from tuning.codecs import CODECS
from tuning.context import Context
from tuning.host import glob, names, peek
from tuning.model import Knob, Sight, State

Probe = Callable[[Context, Knob], list[Sight]]
PROBES: dict[str, Probe] = {}
MODULES = (
    "common",
    "cpu",
    "irq",
    "power",
    "memory",
    "process",
    "realtime",
    "clock",
    "network",
    "card",
    "noise",
)


def probe(name: str) -> Callable[[Probe], Probe]:
    """Register a probe under the name that the catalogue uses."""

    def register(function: Probe) -> Probe:
        if name in PROBES:
            raise ValueError(f"two probes are named {name!r}")
        PROBES[name] = function
        return function

    return register


def load() -> None:
    """Import every module of probes once."""
    for name in MODULES:
        importlib.import_module(f"tuning.probes.{name}")


def look(context: Context, knob: Knob) -> list[Sight]:
    """Look at one knob; whatever goes wrong becomes a verdict, never a guess."""
    load()
    try:
        return PROBES[knob.probe](context, knob) or [
            unseen("", State.NOT_APPLICABLE, "nothing here has it")
        ]
    except OSError as error:
        return [failed(context, knob, error)]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        return [unseen("", State.UNKNOWN, f"answer not understood: {error!r}")]


def unseen(target: str, state: State, reason: str, **more: Any) -> Sight:
    """Return a sight that carries its own verdict and nothing to write."""
    return Sight(target=target, state=state, reason=reason, writes=(), **more)


def failed(
    context: Context, knob: Knob, error: OSError, target: str = "", address: str = ""
) -> Sight:
    """Turn the kernel's refusal into a verdict that says why."""
    facts, code = context.facts, error.errno or 0
    place = address or str(error.filename or "")
    word = "EOPNOTSUPP" if code == errno.EOPNOTSUPP else errno.errorcode.get(code, str(code))
    if code in (errno.ENOENT, errno.ENOTDIR):
        if facts.container:
            state, reason = State.UNSUPPORTED, f"container: {place} is not shown to it"
        elif knob.options.get("guest_hides") and facts.hypervisor:
            state, reason = State.UNSUPPORTED, "hypervisor: hidden from the guest"
        else:
            state, reason = State.UNSUPPORTED, f"absent: {knob.absent or f'{place} is not there'}"
    elif code in (errno.EACCES, errno.EPERM):
        if not facts.root:
            state, reason = State.UNKNOWN, f"permission: {place} is for root only"
        elif facts.lockdown or place.startswith(("/sys/kernel/debug", "/dev/cpu/")):
            state, reason = State.UNSUPPORTED, f"lockdown: the kernel keeps {place} shut ({word})"
        else:
            state, reason = State.UNSUPPORTED, f"permission: {place} refused even root ({word})"
    elif code in (errno.EOPNOTSUPP, errno.ENODEV, errno.ENXIO, errno.ENOSYS, errno.ENOTTY):
        state, reason = State.UNSUPPORTED, f"not offered: {word} from {place}"
    elif code == errno.ENODATA:
        state, reason = State.UNKNOWN, f"not captured: {place}"
    else:
        state, reason = State.UNKNOWN, f"{word} from {place}"
    return unseen(target, state, reason)


def read_sight(
    context: Context, knob: Knob, address: str, target: str = "", codec: str = ""
) -> Sight:
    """Read one address as the knob's codec says and return it for the matcher."""
    codec = codec or knob.codec
    try:
        raw = context.host.read(address)
        value = CODECS[codec].parse(raw)
    except OSError as error:
        return failed(context, knob, error, target, address)
    except ValueError as error:
        return unseen(target, State.UNKNOWN, f"answer not understood: {error}", address=address)
    if codec in ("cpulist", "cpumask") and context.facts.present:
        value &= context.facts.present  # a mask may name CPUs that no socket holds
    return Sight(target, value, CODECS[codec].show(value), address, raw, codec)


def read_json(context: Context, address: str) -> Any:
    return json.loads(context.host.read(address))


def targets(context: Context, pattern: str) -> list[tuple[str, str]]:
    """Return (target, address) for each match: the target is what the wildcards stood for."""
    out = []
    places = [i for i, part in enumerate(pattern.split("/")) if "*" in part or "[" in part]
    for address in glob(context.host, pattern):
        parts = address.split("/")
        out.append(("/".join(parts[i] for i in places), address))
    return out


# Boot parameters ----------------------------------------------------------------------------

BOOT_FILES = ("/etc/default/grub", "/etc/kernel/cmdline")
BOOT_FOLDERS = ("/etc/default/grub.d", "/boot/loader/entries")


def configured_for_boot(context: Context, word: str) -> bool:
    """Say whether a boot loader file holds this word already: then it waits for a reboot."""
    host = context.host
    files = [
        *BOOT_FILES,
        *(f"{folder}/{n}" for folder in BOOT_FOLDERS for n in names(host, folder)),
    ]
    for path in files:
        text = peek(host, path) or ""
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        if any(word in line.replace('"', " ").replace("'", " ").split() for line in lines):
            return True
    return False


def boot_sight(context: Context, word: str, shown: str, good: bool, **more: Any) -> Sight:
    """Judge a boot parameter: right, waiting for a reboot, or wrong."""
    if good:
        return Sight(shown=shown, state=State.OK, writes=(), **more)
    if word and configured_for_boot(context, word):
        return Sight(
            shown=shown,
            state=State.PENDING,
            reason="configured; takes effect at the next boot",
            writes=(),
            **more,
        )
    return Sight(shown=shown, state=State.DRIFT, writes=(), **more)


# Counters -----------------------------------------------------------------------------------

Sampler = Callable[[Context], Any]
SAMPLERS: dict[str, Sampler] = {}


def sampler(name: str) -> Callable[[Sampler], Sampler]:
    """Register what is read twice for the probe of that name."""

    def register(function: Sampler) -> Sampler:
        SAMPLERS[name] = function
        return function

    return register


def between(context: Context, knob: Knob) -> tuple[Any, Any, float] | None:
    """Return both readings and the seconds between them, None where there is only one."""
    before, after, seconds = context.samples.get(knob.id, (None, None, 0.0))
    return None if before is None or after is None or seconds <= 0 else (before, after, seconds)


def once(context: Context) -> list[Sight]:
    """Say that a counter was read only once."""
    why = "the watch reads counters by itself" if context.brief else "a counter needs two readings"
    return [unseen("", State.UNKNOWN, why)]


def processes(context: Context, wanted: Iterable[str]) -> dict[str, int]:
    """Return running programs by name.  Raises OSError where tasks cannot be listed."""
    if not context.facts.tasks:
        context.host.read("tasks:")
    return context.facts.processes(*wanted)
