"""API keys and the check of signatures, both kinds.

Owns:    key text -> account and secret; listen keys and their life.
Refuses: making secrets (credentials.py); deciding what a signature covers (rest.py, wsapi.py).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from venues.simulator.account import Account
from venues.simulator.usdm.errors import BAD_KEY, BAD_KEY_FORMAT, BAD_SIGNATURE, VenueError

RECV_WINDOW_MS = 5_000
RECV_WINDOW_MS_MAX = 60_000
AHEAD_MS_MAX = 1_000


@dataclass(slots=True, frozen=True)
class Key:
    """One API key; exactly one of the two secrets is set."""

    api_key: str
    account: Account
    hmac_secret: bytes = b""
    public_key: Ed25519PublicKey | None = None

    def verify(self, payload: bytes, signature: str) -> None:
        """Raise -1022 unless the signature is this key's over exactly these bytes."""
        if self.public_key is None:
            want = hmac.new(self.hmac_secret, payload, hashlib.sha256).hexdigest()
            if hmac.compare_digest(want.encode(), signature.lower().encode("utf-8", "replace")):
                return
        else:
            try:
                self.public_key.verify(base64.b64decode(signature, validate=True), payload)
                return
            except (InvalidSignature, binascii.Error, ValueError):
                pass
        raise VenueError(*BAD_SIGNATURE)


class Keyring:
    """All keys of the venue."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}

    def add(self, key: Key) -> None:
        self.keys[key.api_key] = key

    def find(self, api_key: str) -> Key:
        """Give the key, or raise -2014 or -2015 with status 401."""
        if not api_key:
            raise VenueError(*BAD_KEY_FORMAT, status=401)
        found = self.keys.get(api_key)
        if found is None:
            raise VenueError(*BAD_KEY, status=401)
        return found


class ListenKeys:
    """One key per account, alive for `life_ms` since the last POST or PUT."""

    def __init__(self, life_ms: int) -> None:
        self.life_ms = life_ms
        self.keys: dict[str, tuple[Account, int]] = {}

    def start(self, account: Account, now_ms: int) -> str:
        """Give the account's living key, extended, or a new one."""
        key = self.of(account) or secrets.token_urlsafe(48)[:64]
        self.keys[key] = (account, now_ms + self.life_ms)
        return key

    def of(self, account: Account) -> str:
        return next((key for key, (owner, _) in self.keys.items() if owner is account), "")

    def extend(self, account: Account, now_ms: int) -> str:
        """Extend the account's key and give it; empty when there is none."""
        key = self.of(account)
        if key:
            self.keys[key] = (account, now_ms + self.life_ms)
        return key

    def close(self, account: Account) -> str:
        key = self.of(account)
        self.keys.pop(key, None)
        return key

    def account(self, key: str) -> Account | None:
        found = self.keys.get(key)
        return found[0] if found else None

    def expired(self, now_ms: int) -> list[str]:
        """Take out the keys whose life is over and name them."""
        gone = [key for key, (_, due) in self.keys.items() if due <= now_ms]
        for key in gone:
            del self.keys[key]
        return gone
