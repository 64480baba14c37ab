"""`unit:` - a systemd unit: active or inactive.

Owns:    asking and telling systemd by its own command, without a shell.
Refuses: enabling, disabling, masking: what happens at the next boot is the owner's.
"""

from __future__ import annotations

import errno
import os
import re
import subprocess

from tuning.reach import live_only

SECONDS_MAX = 20


def read(address: str, root: str) -> str:
    name = _name(address, root)
    done = _systemctl(address, "show", "--property=LoadState,ActiveState", name)
    fields = dict(line.split("=", 1) for line in done.splitlines() if "=" in line)
    if fields.get("LoadState") in (None, "not-found"):
        raise OSError(errno.ENOENT, "no such unit", address)
    return (
        "active"
        if fields.get("ActiveState") in ("active", "activating", "reloading")
        else "inactive"
    )


def write(address: str, text: str, root: str) -> None:
    name = _name(address, root)
    verbs = {"active": "start", "inactive": "stop"}
    if text not in verbs:
        raise OSError(errno.EINVAL, "want active or inactive", address)
    _systemctl(address, verbs[text], name)


def _name(address: str, root: str) -> str:
    live_only(address, root)
    name = address.partition(":")[2]
    if not re.fullmatch(r"[\w@.:-]+\.(service|timer|socket)", name):
        raise OSError(errno.EINVAL, "want NAME.service, .timer or .socket", address)
    if not os.path.isdir("/run/systemd/system"):
        raise OSError(errno.ENOENT, "systemd does not run here", address)
    return name


def _systemctl(address: str, *words: str) -> str:
    try:
        done = subprocess.run(
            ["systemctl", *words], capture_output=True, text=True, timeout=SECONDS_MAX
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OSError(errno.EIO, f"systemctl {words[0]}: {error}", address) from error
    if done.returncode:
        raise OSError(errno.EIO, f"systemctl {words[0]}: {done.stderr.strip()}", address)
    return done.stdout
