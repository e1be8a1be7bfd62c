"""The secrets of the embedded run, generated once and kept in the data folder, readable by its owner only."""

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from deploy.local.folder import write_private

RSA_BITS = 3072
Keys = Mapping[str, str]


def keys_in(data: Path) -> Keys:
    """The keys of this data folder; generated for a new one."""
    file = data / "keys.json"
    if not file.exists():
        write_private(file, json.dumps(_new_keys(), indent=1))
    keys = cast(dict[str, str], json.loads(file.read_text()))
    if "second_operator_phone" not in keys:  # a folder of an earlier version
        keys["second_operator_phone"] = _operator_phone()
        write_private(file, json.dumps(keys, indent=1))
    return keys


def _new_keys() -> dict[str, str]:
    channel = rsa.generate_private_key(65537, RSA_BITS)
    merchant = rsa.generate_private_key(65537, RSA_BITS)
    return {
        "database_password": secrets.token_urlsafe(24),
        "operator_phone": _operator_phone(),
        "second_operator_phone": _operator_phone(),
        "token_signing_key": _private_pem(ec.generate_private_key(ec.SECP256R1())),
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


def _private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_pem(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
