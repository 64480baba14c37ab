"""Hosts that were captured: record what a check reads, and answer from the record.

Owns:    the format of a capture (a folder, or a tar of it), recording, replaying.
Refuses: inventing: an address that was not looked at when the capture was made answers ENODATA,
         which becomes UNKNOWN; only one that was looked at and missing answers ENOENT.

    capture.json   format, constructed, euid, pause_s, and by address: errors, links, lists,
                   answers (schemes), later (the second reading of a counter)
    tree/...       one file per path that was read

A capture holds no MAC address and no IP address; words of the command line that look like secrets
are blanked when they are recorded.
"""

from __future__ import annotations

import errno
import io
import json
import re
import tarfile
import time
from pathlib import Path
from typing import Any

from tuning.host import Host, check_address, folders, refuse

FORMAT = 1
SECRET = re.compile(r"(?i)\b([\w.-]*(?:secret|passw|token|apikey|api_key)[\w.-]*)=\S+")


class CapturedHost:
    """A recorded machine: reads as it did, refuses writes as a read-only file system does."""

    kind = "captured"

    def __init__(self, record: dict[str, Any], tree: dict[str, str]) -> None:
        if record.get("format") != FORMAT:
            raise ValueError(
                f"capture has format {record.get('format')!r}; this build reads {FORMAT}"
            )
        self.record = record
        self.tree = tree
        self.constructed = bool(record.get("constructed", False))
        self._second = False
        known = [*tree, *record.get("links", {}), *record.get("errors", {})]
        self._folders = folders(path for path in known if path.startswith("/"))

    @classmethod
    def load(cls, path: str | Path) -> CapturedHost:
        """Read a folder or a tar (plain or compressed)."""
        path = Path(path)
        if path.is_dir():
            files = {
                str(p.relative_to(path)): p.read_text() for p in path.rglob("*") if p.is_file()
            }
        else:
            with tarfile.open(path) as archive:
                files = {
                    member.name.removeprefix("./"): stream.read().decode("utf-8", "replace")
                    for member in archive
                    if member.isfile() and (stream := archive.extractfile(member)) is not None
                }
        if "capture.json" not in files:
            raise ValueError(
                f"{path} holds no capture.json; want what `corelane baseline capture` wrote"
            )
        record = json.loads(files.pop("capture.json"))
        tree = {
            name.removeprefix("tree"): text
            for name, text in files.items()
            if name.startswith("tree/")
        }
        return cls(record, tree)

    def read(self, address: str) -> str:
        check_address(address)
        later = self.record.get("later", {})
        if self._second and address in later:
            return str(later[address])
        if address in self.record.get("errors", {}):
            raise refuse(self.record["errors"][address], address)
        for source in (self.tree, self.record.get("answers", {})):
            if address in source:
                return str(source[address])
        raise self._missing(address)

    def write(self, address: str, text: str) -> None:
        raise refuse(errno.EROFS, address, "a captured host cannot be changed")

    def list(self, directory: str) -> list[str]:
        check_address(directory)
        directory = directory.rstrip("/") or "/"
        lists = self.record.get("lists", {})
        if directory in lists:
            return list(lists[directory])
        if directory in self.record.get("errors", {}):
            raise refuse(self.record["errors"][directory], directory)
        if self.constructed and directory in self._folders:
            return sorted(self._folders[directory])
        raise self._missing(directory)

    def link(self, path: str) -> str:
        links = self.record.get("links", {})
        if path in links:
            return str(links[path])
        raise self._missing(path)

    def pause(self, seconds: float) -> float:
        self._second = True
        return float(self.record.get("pause_s", 0.0)) if self.record.get("later") else 0.0

    def _missing(self, address: str) -> OSError:
        """Tell what was absent from what was never asked."""
        parent, _, name = address.rpartition("/")
        lists = self.record.get("lists", {})
        while parent and parent not in lists:
            if self.record.get("errors", {}).get(parent) == errno.ENOENT:
                return refuse(errno.ENOENT, address)
            parent, _, name = parent.rpartition("/")
        known_absent = parent in lists and name not in lists[parent]
        if self.constructed or known_absent:
            return refuse(errno.ENOENT, address)
        return refuse(errno.ENODATA, address, "was not read when the host was captured")


class Recorder:
    """A host that notes all that passes through; `save` writes the capture."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.kind = host.kind
        self.texts: dict[str, str] = {}
        self.later: dict[str, str] = {}
        self.errors: dict[str, int] = {}
        self.links: dict[str, str] = {}
        self.lists: dict[str, list[str]] = {}
        self.pause_s = 0.0

    def read(self, address: str) -> str:
        try:
            text = self.host.read(address)
        except OSError as error:
            self.errors[address] = error.errno or errno.EIO
            raise
        if address == "/proc/cmdline":
            text = SECRET.sub(r"\1=...", text)
        if address not in self.texts:
            self.texts[address] = text
        elif self.pause_s and self.texts[address] != text:
            self.later[address] = text
        return text

    def write(self, address: str, text: str) -> None:
        raise refuse(errno.EROFS, address, "recording changes nothing")

    def list(self, directory: str) -> list[str]:
        try:
            found = self.host.list(directory)
        except OSError as error:
            self.errors[directory] = error.errno or errno.EIO
            raise
        self.lists.setdefault(directory.rstrip("/") or "/", found)
        return found

    def link(self, path: str) -> str:
        try:
            target = self.host.link(path)
        except OSError as error:
            self.errors[path] = error.errno or errno.EIO
            raise
        self.links[path] = target
        return target

    def pause(self, seconds: float) -> float:
        passed = self.host.pause(seconds)
        self.pause_s += passed
        return passed

    def files(self, **about: Any) -> dict[str, str]:
        """Return the files of the capture by name."""
        record = {
            "format": FORMAT,
            "constructed": False,
            **about,
            "pause_s": round(self.pause_s, 3),
            "errors": self.errors,
            "links": self.links,
            "lists": self.lists,
            "answers": {a: t for a, t in self.texts.items() if not a.startswith("/")},
            "later": self.later,
        }
        out = {"capture.json": json.dumps(record, indent=1, sort_keys=True)}
        out.update({"tree" + a: t for a, t in self.texts.items() if a.startswith("/")})
        return out

    def save(self, path: str | Path, **about: Any) -> int:
        """Write a folder, or a tar if the name ends in .tar, .tar.gz, .tar.xz; count files."""
        path = Path(path)
        files = self.files(**about)
        kind = re.search(r"\.tar(?:\.(gz|xz|bz2))?$", path.name)
        if kind is None:
            for name, text in files.items():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                (path / name).write_text(text)
            return len(files)
        with tarfile.open(path, "w:" + (kind[1] or "")) as archive:  # type: ignore[call-overload]
            for name, text in sorted(files.items()):
                content = text.encode()
                member = tarfile.TarInfo(name)
                member.size, member.mtime = len(content), int(time.time())
                archive.addfile(member, io.BytesIO(content))
        return len(files)
