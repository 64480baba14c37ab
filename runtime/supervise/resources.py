"""What the host and the deployment's processes use: memory, processor, shared memory, disk.

Owns:    the reading, once a second, by psutil.
Refuses: judging it: the numbers go to the supervisor page as they are.
"""

from __future__ import annotations

import os

import psutil

from runtime.pages.page import SHM
from runtime.supervise import state


class Resources:
    """The last reading."""

    def __init__(self, deployment: str) -> None:
        self.directory = state.state_dir(deployment)
        self.processes: dict[int, psutil.Process] = {}
        self.memory_total_bytes = 0
        self.memory_available_bytes = 0
        self.shm_free_bytes = 0
        self.disk_free_bytes = 0
        self.load_permille = 0
        self.host()

    def host(self) -> None:
        memory = psutil.virtual_memory()
        self.memory_total_bytes = memory.total
        self.memory_available_bytes = memory.available
        for name, path in (("shm", SHM), ("disk", self.directory)):
            try:
                found = os.statvfs(path)
            except OSError:
                continue  # a figure of the last reading is better than none
            setattr(self, f"{name}_free_bytes", found.f_bavail * found.f_frsize)
        self.load_permille = int(psutil.getloadavg()[0] * 1000)

    def process(self, pid: int) -> tuple[int, int]:
        """Return (resident bytes, processor nanoseconds) of a process, zeros when it is gone."""
        if pid not in self.processes:
            self.processes = {p: about for p, about in self.processes.items() if about.is_running()}
        try:
            about = self.processes.setdefault(pid, psutil.Process(pid)) if pid else None
            if about is None:
                return 0, 0
            with about.oneshot():
                times = about.cpu_times()
                return about.memory_info().rss, int((times.user + times.system) * 1e9)
        except psutil.Error:
            self.processes.pop(pid, None)
            return 0, 0
