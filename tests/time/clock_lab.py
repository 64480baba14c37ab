"""Real ptp4l and chronyd in network namespaces of our own, without any power over the clock.

Owns:    namespaces, veth pairs, configuration files, processes; all gone at close().
Refuses: steering: ptp4l runs with free_running 1, chronyd with -x, and all of them without
         CAP_SYS_TIME, so that even a mistake could not touch this machine's clock.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "tools"
FOLDERS = ("usr/sbin", "usr/bin", "sbin", "bin")
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib", "lib")
NEEDED = ("ptp4l", "pmc", "chronyd", "chronyc", "ip", "setpriv")
POWERLESS = ["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time", "--"]

PTP = """\
[global]
free_running 1
time_stamping software
network_transport L2
logAnnounceInterval -3
announceReceiptTimeout 3
logSyncInterval -3
logMinDelayReqInterval -3
"""


def environment() -> dict[str, str]:
    """Return the environment in which also unpacked tools are found (`make test` unpacks them)."""
    out = dict(os.environ)
    folders = [str(TOOLS / one) for one in FOLDERS]
    out["PATH"] = os.pathsep.join([out.get("PATH", ""), "/usr/sbin", "/sbin", *folders])
    if (TOOLS / "usr").is_dir():
        out["LD_LIBRARY_PATH"] = os.pathsep.join(str(TOOLS / one) for one in LIBRARIES)
    return out


def lacking() -> list[str]:
    """Name what is missing for the lab."""
    path = environment()["PATH"]
    out = [] if os.geteuid() == 0 else ["root"]
    return out + [tool for tool in NEEDED if shutil.which(tool, path=path) is None]


class Lab:
    """Three namespaces in a row: a -- b -- c."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = {one: f"corelane-{os.getpid()}-{one}" for one in "abc"}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = environment()
        for name in self.names.values():
            self.run("ip", "netns", "add", name)
            self.run("ip", "-n", name, "link", "set", "lo", "up")
        self.wire("a", "to-b", "10.99.1.1", "b", "to-a", "10.99.1.2")
        self.wire("b", "to-c", "10.99.2.1", "c", "to-b", "10.99.2.2")

    def run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def wire(self, left: str, name: str, address: str, right: str, far: str, other: str) -> None:
        near_space, far_space = self.names[left], self.names[right]
        self.run("ip", "link", "add", name, "netns", near_space, "type", "veth",
                 "peer", "name", far, "netns", far_space)  # fmt: skip
        for space, link, ip in ((near_space, name, address), (far_space, far, other)):
            self.run("ip", "-n", space, "addr", "add", f"{ip}/24", "dev", link)
            self.run("ip", "-n", space, "link", "set", link, "up")

    def start(self, name: str, space: str, *command: str) -> None:
        prefix = ["ip", "netns", "exec", self.names[space], *POWERLESS]
        with open(self.folder / f"{name}.log", "wb") as log:
            self.processes[name] = subprocess.Popen(
                [*prefix, *command], stdout=log, stderr=log, env=self.environment, cwd=self.folder
            )

    def ptp4l(self, name: str, space: str, settings: str, *links: str) -> str:
        """Start a ptp4l and return its management socket."""
        socket = str(self.folder / f"{name}.sock")
        ports = "".join(f"[{link}]\n" for link in links)
        config = self.folder / f"{name}.conf"
        config.write_text(f"{PTP}{settings}uds_address {socket}\n{ports}")
        self.start(name, space, "ptp4l", "-m", "-f", str(config))
        return socket

    def chronyd(self, name: str, space: str, settings: str) -> str:
        """Start a chronyd and return its command socket."""
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        config = self.folder / f"{name}.conf"
        text = f"cmdport 0\nbindcmdaddress {folder}/sock\npidfile {folder}/pid\n{settings}"
        config.write_text(text)
        self.start(name, space, "chronyd", "-x", "-d", "-u", "root", "-f", str(config))
        return f"{folder}/sock"

    def pmc(self, socket: str, *commands: str) -> subprocess.Popen[str]:
        """Start linuxptp's own client; its answer is on stdout."""
        command = ["pmc", "-u", "-b", "0", "-i", str(self.folder / "pmc.sock"), "-s", socket]
        return subprocess.Popen(
            [*command, *commands], stdout=subprocess.PIPE, text=True, env=self.environment
        )

    def tool(self, name: str) -> str:
        return shutil.which(name, path=self.environment["PATH"]) or name

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def close(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False,
                           env=self.environment)  # fmt: skip


def wait_until(what, seconds: float = 30.0):
    """Call `what` until it returns something true and return that; fail with the last answer."""
    until = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"{getattr(what, '__name__', what)} gave {found!r} to the end")
        time.sleep(0.05)


def replies(name: str) -> dict[str, list[bytes]]:
    """Return captured management replies, by the name of their data set."""
    document = json.loads((Path(__file__).parent / "replies" / f"{name}.json").read_text())
    return {id: [bytes.fromhex(one) for one in found] for id, found in document.items()}
