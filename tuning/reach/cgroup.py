"""`dir:` - a control group directory: present or absent.

Owns:    making and removing empty directories below /sys/fs/cgroup.
Refuses: any other place.
"""

from __future__ import annotations

import errno
import os

PLACE = "/sys/fs/cgroup/"


def read(address: str, root: str) -> str:
    return "present" if os.path.isdir(root + address.partition(":")[2]) else "absent"


def write(address: str, text: str, root: str) -> None:
    path = address.partition(":")[2]
    if not path.startswith(PLACE):
        raise OSError(errno.EPERM, f"directories are made below {PLACE} only", address)
    if text == "present":
        _offer_cpuset(root + os.path.dirname(path))
        os.mkdir(root + path)
    elif text == "absent":
        os.rmdir(root + path)
    else:
        raise OSError(errno.EINVAL, "want present or absent", address)


def _offer_cpuset(parent: str) -> None:
    """Let groups below a cgroup 2 directory have the cpuset controller; most systems do already."""
    control = f"{parent}/cgroup.subtree_control"
    if not os.path.exists(control):
        return
    with open(control) as stream:
        if "cpuset" in stream.read().split():
            return
    with open(control, "w") as stream:
        stream.write("+cpuset\n")
