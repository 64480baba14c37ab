"""A guest that runs this very package on a Debian kernel under QEMU (TCG, no KVM).

Owns:    getting kernel, busybox and QEMU; packing Python, tuning/ and drivers into an initial RAM
         disk; booting it with given boot parameters and bringing back what it printed.
Refuses: networks and disks with anything behind them (the card has no peer, the disk no content),
         and anything on the host beyond build/qemu and the QEMU package.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "qemu"
CPUS = 4
DRIVERS = ("e1000e", "nvme")  # a card with a hardware clock, a disk with managed interrupts
MEMORY_MIB = 1536
BOOT_SECONDS_MAX = 420
SKIPPED = (
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "site-packages",
    "config-",
    "__pycache__",
    "pydoc_data",
    "distutils",
    "unittest",
    "xmlrpc",
    "sqlite3",
)
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /var/lib
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t cgroup2 cgroup /sys/fs/cgroup
/bin/busybox mount -t debugfs debug /sys/kernel/debug
/bin/busybox mount -t tracefs trace /sys/kernel/tracing
for driver in /drivers/*.ko; do /bin/busybox insmod $driver; done
/bin/busybox ip link set eth0 up
export PYTHONHOME={home} PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PATH=/bin HOME=/tmp
echo; echo "=== guest begins"
{python} /job.py
echo "=== guest ends"
/bin/busybox poweroff -f
"""


class Missing(RuntimeError):
    """Something that the guest needs cannot be had here."""


def prepare() -> tuple[Path, Path]:
    """Return kernel and busybox, fetched from Debian's archive when they are not there."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if shutil.which("qemu-system-x86_64") is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise Missing("requires qemu-system-x86 (as root it is installed by apt)")
        _run("apt-get", "update", "-q")
        _run("apt-get", "install", "-y", "-q", "--no-install-recommends", "qemu-system-x86")
    kernels = sorted((FOLDER / "boot").glob("vmlinuz-*rt*"))
    if not (kernels and (FOLDER / "bin" / "busybox").exists() and (FOLDER / "drivers").exists()):
        if shutil.which("apt-get") is None:
            raise Missing("requires apt-get, to fetch a kernel image and busybox-static")
        depends = _run("apt-cache", "depends", "linux-image-rt-amd64")
        image = re.search(r"Depends: (linux-image-\S*rt-amd64)", depends)
        if image is None:
            raise Missing("requires Debian's linux-image-rt-amd64")
        for package in (image[1], "busybox-static"):
            if not list(FOLDER.glob(f"{package}_*.deb")):
                _run("apt-get", "download", "-q", package)
            for archive in FOLDER.glob(f"{package}_*.deb"):
                _run("dpkg-deb", "-x", str(archive), str(FOLDER / "unpacked"))
        for name in ("boot", "bin"):
            shutil.copytree(FOLDER / "unpacked" / name, FOLDER / name, dirs_exist_ok=True)
        _take_drivers(FOLDER / "unpacked" / "lib" / "modules")
        shutil.rmtree(FOLDER / "unpacked")
        kernels = sorted((FOLDER / "boot").glob("vmlinuz-*rt*"))
    return kernels[-1], FOLDER / "bin" / "busybox"


def _take_drivers(modules: Path) -> None:
    """Copy the drivers and what they depend on, numbered in the order of loading."""
    found = {path.stem.replace("-", "_"): path for path in modules.rglob("*.ko")}
    order: list[str] = []

    def need(name: str) -> None:
        if name in order:
            return
        content = found[name].read_bytes()
        depends = next(w for w in content.split(b"\0") if w.startswith(b"depends="))
        for other in depends.decode().removeprefix("depends=").split(","):
            if other:
                need(other.replace("-", "_"))
        order.append(name)

    for driver in DRIVERS:
        need(driver)
    (FOLDER / "drivers").mkdir(exist_ok=True)
    for number, name in enumerate(order):
        shutil.copy(found[name], FOLDER / "drivers" / f"{number:02}-{name}.ko")


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"requires `{' '.join(command)}` to work: {done.stderr.strip()[-300:]}")
    return done.stdout


def ram_disk(busybox: Path, job: str) -> Path:
    """Pack busybox, Python, tuning/ and the job into a compressed archive; return its path."""
    python = Path(os.path.realpath(sys.executable))
    library = Path(sysconfig.get_paths()["stdlib"])
    files: dict[str, Path] = {"/bin/busybox": busybox, str(python): python}
    for path in _tree(library, SKIPPED):
        files[str(path)] = path
    import _cffi_backend

    backend = Path(_cffi_backend.__file__)
    files[f"/app/{backend.name}"] = backend
    for path in (FOLDER / "drivers").glob("*.ko"):
        files[f"/drivers/{path.name}"] = path
    for name in ("tuning", "ops"):
        for path in _tree(ROOT / name, ("__pycache__",)):
            if path.suffix in (".py", ".toml", ".so"):
                files[f"/app/{path.relative_to(ROOT)}"] = path
    objects = [p for p in files.values() if p.suffix == ".so" or p == python]
    for library_path in _needed(objects):
        files[str(library_path)] = library_path
    texts = {"/init": INIT.format(home=library.parents[1], python=python), "/job.py": job}
    target = FOLDER / "initrd.gz"
    with gzip.open(target, "wb", compresslevel=1) as out:
        made: set[str] = set()
        for name, path in sorted(files.items()):
            _folders(out, name, made)
            _entry(out, name, path.read_bytes(), 0o755)
        for name, text in texts.items():
            _entry(out, name, text.encode(), 0o755)
        _entry(out, "TRAILER!!!", b"", 0)
    return target


def _tree(folder: Path, skipped: tuple[str, ...]) -> list[Path]:
    out = []
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(skipped)]
        out += [Path(base) / name for name in names if not name.endswith((".a", ".pyc", ".exe"))]
    return out


def _needed(objects: list[Path]) -> set[Path]:
    """Return the shared libraries that some programs need, the loader among them."""
    found: set[Path] = set()
    for path in objects:
        done = subprocess.run(["ldd", str(path)], capture_output=True, text=True)
        found |= {Path(name) for name in re.findall(r"(/\S+) \(0x", done.stdout)}
    return found


def _folders(out: gzip.GzipFile, name: str, made: set[str]) -> None:
    parts = name.strip("/").split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        folder = "/" + "/".join(parts[:depth])
        if folder not in made:
            made.add(folder)
            _entry(out, folder, b"", stat.S_IFDIR | 0o755)


def _entry(out: gzip.GzipFile, name: str, content: bytes, mode: int) -> None:
    """Write one entry of a `newc` archive: header of 8-digit hexadecimal fields, name, content."""
    kind = mode if mode >> 12 or name == "TRAILER!!!" else stat.S_IFREG | mode
    label = name.strip("/").encode() + b"\0"
    fields = (0, kind, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(label), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields)
    out.write(head + label + bytes(-(len(head) + len(label)) % 4))
    out.write(content + bytes(-len(content) % 4))


def boot(kernel: Path, disk: Path, words: str) -> dict[str, object]:
    """Boot once and return the JSON object that the job printed between its marks."""
    command = [
        "qemu-system-x86_64",
        "-accel",
        "tcg,thread=multi",
        "-cpu",
        "max",
        "-smp",
        str(CPUS),
        "-m",
        str(MEMORY_MIB),
        "-kernel",
        str(kernel),
        "-initrd",
        str(disk),
        "-nographic",
        "-no-reboot",
        "-nic",
        "none",
        "-device",
        "e1000e",
        "-drive",
        "if=none,id=disk,driver=null-co,size=64M",
        "-device",
        "nvme,drive=disk,serial=corelane",
        "-append",
        f"console=ttyS0 quiet panic=-1 {words}",
    ]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=BOOT_SECONDS_MAX,
    )
    match = re.search(r"<<<(.*?)>>>", done.stdout, re.S)
    if match is None:
        raise RuntimeError(
            f"the guest said nothing that counts:\n{done.stdout[-3000:]}{done.stderr}"
        )
    found: dict[str, object] = json.loads(match[1].replace("\r", "").replace("\n", ""))
    return found
