"""The key that signs heads of the archive.

Owns:    state_dir/archive.key (Ed25519, mode 0600, made at first use), its id, its rotation.
Refuses: what is signed (chain.py), keys of venues (the session's).

A key's id is the first 16 hex digits of SHA-256 of its public bytes; every head names it.  A
rotated key stays as archive.key.<id>, and its successor's public half is endorsed by it, so that
whoever trusts the first key can follow.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from runtime.journal import chain
from runtime.supervise.state import sync_folder, write_durably

NAME = "archive.key"
RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class ArchiveKeyError(Exception):
    """The key cannot be used."""


def key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]


class ArchiveKey:
    """The private key of one deployment."""

    def __init__(self, private: Ed25519PrivateKey, endorsed: dict[str, str] | None = None) -> None:
        self.private = private
        self.public = private.public_key().public_bytes(*RAW)
        self.id = key_id(self.public)
        self.endorsed = endorsed or {}

    @classmethod
    def load(cls, directory: Path) -> ArchiveKey:
        """Read the deployment's key, or make it."""
        path = directory / NAME
        try:
            mode = path.stat().st_mode & 0o777
        except FileNotFoundError:
            return cls.make(directory)
        if mode & 0o077:
            raise ArchiveKeyError(f"{path} has mode {mode:04o}; want 0600: run chmod 600 {path}")
        try:
            text = json.loads(path.read_text())
            private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text["private"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveKeyError(
                f"{path} holds no key ({type(error).__name__}); restore it, or move it aside: "
                "heads signed before then need its public half, which stands in RUN/keys"
            ) from error
        return cls(private, text.get("endorsed"))

    @classmethod
    def make(cls, directory: Path, endorsed: dict[str, str] | None = None) -> ArchiveKey:
        key = cls(Ed25519PrivateKey.generate(), endorsed)
        text = {"private": key.private.private_bytes_raw().hex(), "endorsed": key.endorsed}
        write_durably(directory / NAME, json.dumps(text) + "\n")
        return key

    def sign(self, head: dict[str, Any]) -> dict[str, Any]:
        """Return the head with our key's id and signature."""
        named = {**head, "key": self.id}
        return {**named, "signature": self.private.sign(chain.signed_text(named)).hex()}

    def publish(self, run: Path) -> None:
        """Leave the public half in a RUN."""
        path = run / chain.KEYS / f"{self.id}.json"
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            text = {"id": self.id, "public": self.public.hex(), **self.endorsed}
            write_durably(path, json.dumps(text) + "\n")
            sync_folder(run)

    def rotate(self, directory: Path) -> ArchiveKey:
        """Make a successor that this key vouches for; this one is kept beside it."""
        os.link(directory / NAME, directory / f"{NAME}.{self.id}")
        successor = Ed25519PrivateKey.generate()
        public = successor.public_key().public_bytes(*RAW)
        endorsed = {"endorsed_by": self.id, "endorsement": self.private.sign(public).hex()}
        text = {"private": successor.private_bytes_raw().hex(), "endorsed": endorsed}
        write_durably(directory / NAME, json.dumps(text) + "\n")
        return ArchiveKey(successor, endorsed)


def is_signed(head: dict[str, Any], public: bytes) -> bool:
    """Say whether a head's signature is this key's."""
    try:
        signature = bytes.fromhex(head["signature"])
        Ed25519PublicKey.from_public_bytes(public).verify(signature, chain.signed_text(head))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True


def known_ids(directory: Path) -> set[str]:
    """Return the ids of this host's own keys of a deployment, former ones included."""
    if not (directory / NAME).exists():
        return set()
    former = {path.name.removeprefix(f"{NAME}.") for path in directory.glob(f"{NAME}.*")}
    return {ArchiveKey.load(directory).id, *former}


def public_keys(run: Path, trusted: set[str]) -> tuple[dict[str, bytes], set[str]]:
    """Return the public keys that stand in a RUN, and the ids that trust reaches.

    A key that does not hash to its id is no key; a key that a trusted one endorsed is trusted.
    """
    out: dict[str, bytes] = {}
    endorsed: dict[str, tuple[str, bytes]] = {}
    for path in sorted((run / chain.KEYS).glob("*.json")):
        try:
            text = json.loads(path.read_text())
            public = bytes.fromhex(text["public"])
            if key_id(public) != path.stem:
                continue
            out[path.stem] = public
            if "endorsed_by" in text:
                endorsed[path.stem] = (text["endorsed_by"], bytes.fromhex(text["endorsement"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    reached = trusted & set(out)
    grows = True
    while grows:
        grows = False
        for name, (by, endorsement) in endorsed.items():
            if name in reached or by not in reached:
                continue
            try:
                Ed25519PublicKey.from_public_bytes(out[by]).verify(endorsement, out[name])
            except (InvalidSignature, ValueError):
                continue
            reached.add(name)
            grows = True
    return out, reached
