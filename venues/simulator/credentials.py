"""Secrets that live as long as one venue: API keys, the test CA and its server certificate.

Owns:    making them, writing them with mode 0600.
Refuses: fixed secrets; names other than 127.0.0.1 and localhost.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import secrets
import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERTIFICATE_LIFE = datetime.timedelta(days=7)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read; an older one is replaced."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def api_key() -> str:
    """64 letters and digits, as the venue's."""
    return secrets.token_hex(32)


def make_keys(account: str, directory: Path) -> tuple[dict[str, Any], Ed25519PublicKey]:
    """Make an Ed25519 key and an HMAC key for one account; the private half goes to a file."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem_path = directory / f"{account}.ed25519.pem"
    write_private(pem_path, pem)
    secret, secret_path = secrets.token_hex(32), directory / f"{account}.hmac"
    write_private(secret_path, secret.encode())
    keys = {
        "account": account,
        "ed25519": {"api_key": api_key(), "private_key_file": str(pem_path)},
        "hmac": {"api_key": api_key(), "secret": secret, "secret_file": str(secret_path)},
    }
    return keys, private.public_key()


def write_credentials(directory: Path, accounts: list[dict[str, Any]]) -> Path:
    """Write what clients need to log on; the first account is the default one."""
    path = directory / "credentials.json"
    write_private(path, json.dumps({**accounts[0], "accounts": accounts}, indent=1).encode())
    return path


def make_tls(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a CA and a server certificate; give the server context and the CA's file.

    The CA's private key is never written: nothing else can be signed with it afterwards.
    """
    now = datetime.datetime.now(datetime.UTC)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Corelane embedded venue CA")])
    ca_identifier = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    certificate = _builder(ca_name, ca_name, ca_key.public_key(), now)
    ca = (
        certificate.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(ca_identifier, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    server = (
        _builder(name, ca_name, key.public_key(), now)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_identifier),
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    ca_path, chain_path = directory / "ca.pem", directory / "server.pem"
    write_private(ca_path, ca.public_bytes(pem))
    key_text = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(chain_path, key_text + server.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain_path)
    chain_path.unlink()
    return context, ca_path


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + CERTIFICATE_LIFE)
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
