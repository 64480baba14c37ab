"""Keys of Binance USD-M and what is signed with them.

Owns:    loading a key (Ed25519 in PEM, or the text of an HMAC secret), signatures of requests.
Refuses: sockets, requests' meaning, printing a key.

The sentinel loads this and nothing of HTTP: cryptography is imported only where a key asks for it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def load_key(path: Path) -> Ed25519PrivateKey:
    """Load a PEM private key; it never leaves this process."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(
            f"{path} holds a {type(key).__name__}; "
            "want an Ed25519 private key (session.logon needs it)"
        )
    return key


def signer(path: Path) -> Callable[[str], str]:
    """Return what signs a request's text by the key in a file."""
    content = path.read_bytes()
    if content.startswith(b"-----BEGIN"):
        key = load_key(path)
        return lambda text: base64.b64encode(key.sign(text.encode())).decode()
    secret = content.strip()
    if not secret:
        raise ValueError(f"{path} is empty; want a PEM key or the text of an HMAC secret")
    return lambda text: hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
