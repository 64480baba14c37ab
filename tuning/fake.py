"""A host in memory, for tests and rehearsals.

Owns:    texts by address, scripted errors, the few reflexes of the kernel that matter (a bracketed
         choice moves its brackets, a JSON object is merged, a made directory has its files).
Refuses: pretending to be complete: an address that was not given is absent.
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Mapping

from tuning.codecs import CODECS
from tuning.host import check_address, check_write, folders, refuse


class FakeHost:
    """Answers from `texts`; records each write in `written`."""

    kind = "fake"

    def __init__(
        self, texts: Mapping[str, str] | None = None, links: Mapping[str, str] | None = None
    ) -> None:
        self.texts = dict(texts or {})
        self.links = dict(links or {})
        self.read_errors: dict[str, int] = {}
        self.write_errors: dict[str, int] = {}
        self.written: list[tuple[str, str]] = []
        self.children: dict[str, dict[str, str]] = {}  # directory -> files that appear with it
        self.reflexes: dict[str, Callable[[FakeHost, str, str], str | None]] = {}
        self.on_pause: Callable[[FakeHost], None] | None = None
        self._known: set[str] = set()
        self._folders: dict[str, set[str]] = {}

    def read(self, address: str) -> str:
        check_address(address)
        if address in self.read_errors:
            raise refuse(self.read_errors[address], address)
        if address in self.texts:
            return self.texts[address]
        if address.startswith("dir:"):
            return "present" if self._is_directory(address.partition(":")[2]) else "absent"
        raise refuse(errno.EISDIR if self._is_directory(address) else errno.ENOENT, address)

    def write(self, address: str, text: str) -> None:
        check_write(address, text)
        if address in self.write_errors:
            raise refuse(self.write_errors[address], address)
        if address not in self.texts and not address.startswith("dir:"):
            raise refuse(errno.ENOENT, address)
        self.written.append((address, text))
        if address in self.reflexes:
            changed = self.reflexes[address](self, address, text)
            if changed is not None:
                self.texts[address] = changed
            return
        if address.startswith("dir:"):
            self._directory(address.partition(":")[2], text)
            return
        self.texts[address] = _settle(self.texts[address], text)

    def list(self, directory: str) -> list[str]:
        check_address(directory)
        known = {*self.texts, *self.links, *self.read_errors}
        if known != self._known:  # the index is made anew when an address came or went
            self._known = known
            self._folders = folders(path for path in known if path.startswith("/"))
        found = self._folders.get(directory.rstrip("/") or "/")
        if not found:
            raise refuse(errno.ENOENT, directory)
        return sorted(found)

    def link(self, path: str) -> str:
        if path not in self.links:
            raise refuse(errno.ENOENT, path)
        return self.links[path]

    def pause(self, seconds: float) -> float:
        if self.on_pause is None:
            return 0.0
        self.on_pause(self)
        return seconds

    def _is_directory(self, path: str) -> bool:
        return any(key.startswith(path.rstrip("/") + "/") for key in self.texts)

    def _directory(self, path: str, text: str) -> None:
        if text == "present":
            template = self.children.get(path)
            if template is None:
                raise refuse(errno.ENOENT, path, "no template says what this directory holds")
            self.texts.update({f"{path}/{name}": value for name, value in template.items()})
        else:
            for key in [key for key in self.texts if key.startswith(path + "/")]:
                del self.texts[key]


def _settle(old: str, text: str) -> str:
    """Return what reads back after `text` was written over `old`."""
    if re.search(r"\[[^\]]+\] ?", old) and not old.lstrip().startswith(("{", "[{")):
        words = old.replace("[", "").replace("]", "").split()
        if text not in words:
            raise refuse(errno.EINVAL, text, f"{text!r} is none of {', '.join(words)}")
        return " ".join(f"[{word}]" if word == text else word for word in words) + "\n"
    if old.lstrip().startswith("{") and text.lstrip().startswith("{"):
        return CODECS["json"].write({**json.loads(old), **json.loads(text)})
    return text + ("\n" if old.endswith("\n") else "")
