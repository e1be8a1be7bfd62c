"""The secrets of the embedded run, generated once and kept in the data folder, readable by its owner only."""

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from deploy.local.folder import write_private

RSA_BITS = 3072
SERVICES = ("identity", "services", "payments", "miniapps")
Keys = Mapping[str, str]


def keys_in(data: Path) -> Keys:
    """The keys of this data folder; generated for a new one."""
    file = data / "keys.json"
    if not file.exists():
        write_private(file, json.dumps(_new_keys(), indent=1))
    keys = cast(dict[str, str], json.loads(file.read_text()))
    if not keys.keys() >= _LATER.keys():  # a folder of an earlier version
        keys = {**{name: make() for name, make in _LATER.items()}, **keys}
        write_private(file, json.dumps(keys, indent=1))
    return {**keys, "anchor_public_keys": _anchor_public_key(keys["anchor_key"])}


def _anchor_public_key(private: str) -> str:
    key = load_pem_private_key(private.encode(), None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _new_keys() -> dict[str, str]:
    channel = rsa.generate_private_key(65537, RSA_BITS)
    merchant = rsa.generate_private_key(65537, RSA_BITS)
    return {
        "database_password": _password(),
        "operator_phone": _operator_phone(),
        **{name: make() for name, make in _LATER.items()},
        "token_signing_key": _elliptic_key(),
        "provider_signing_key": _private_pem(rsa.generate_private_key(65537, RSA_BITS)),
        "merchant_key": _private_pem(merchant),
        "merchant_public_key": _public_pem(merchant),
        "channel_private_key": _private_pem(channel),
        "channel_public_key": _public_pem(channel),
        "field_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        "index_key": base64.b64encode(secrets.token_bytes(32)).decode(),
    }


def _operator_phone() -> str:
    return f"199{secrets.randbelow(10**8):08}"


def _authenticator_key() -> str:
    """For an authenticator app (RFC 6238)."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def _password() -> str:
    return secrets.token_urlsafe(24)


def _anchor_key() -> str:
    return _private_pem(ed25519.Ed25519PrivateKey.generate())


def _elliptic_key() -> str:
    return _private_pem(ec.generate_private_key(ec.SECP256R1()))


_LATER = {
    "package_signing_key": _elliptic_key,
    "anchor_key": _anchor_key,
    "second_operator_phone": _operator_phone,
    "operator_authenticator": _authenticator_key,
    "second_operator_authenticator": _authenticator_key,
    **{f"{service}_database_password": _password for service in SERVICES},
}
"""Keys that folders of earlier versions lack."""


def _private_pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_pem(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
