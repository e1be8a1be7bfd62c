"""Personal data at rest: encrypted in its column, looked up by a keyed hash.

AES-256-GCM, or SM4-GCM (GB/T 32907, RFC 8998) where the operator chooses it; both are read. Stored is: format (1 byte,
which names the cipher), key id (4), nonce (12), ciphertext and tag. The name of the table and column is authenticated
with it, so that a value copied into another column does not decrypt.
"""

import hashlib
import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

from svc_identity.keys import read_key
from svc_identity.settings import Settings
from svc_identity.vault import blind_indexes

_AES, _SM4 = b"\x01", b"\x02"
_FORMATS = {"aes-256-gcm": _AES, "sm4-gcm": _SM4}
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_SM4_KEY_BYTES = _TAG_BYTES = 16
HEADER_BYTES = len(_AES) + _KEY_ID_BYTES
"""Of format and key id, with which a stored value begins."""


class Sm4Gcm:
    """SM4 in Galois/Counter Mode, with the calls of `AESGCM`."""

    def __init__(self, key: bytes) -> None:
        """The key has 16 bytes."""
        self._cipher = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        encryptor = Cipher(self._cipher, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated_data)
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        sealed, tag = data[:-_TAG_BYTES], data[-_TAG_BYTES:]
        decryptor = Cipher(self._cipher, modes.GCM(nonce, tag)).decryptor()
        decryptor.authenticate_additional_data(associated_data)
        return decryptor.update(sealed) + decryptor.finalize()


@dataclass
class _Keys:
    # Kept per process: SQLAlchemy gives column types no context to pass keys in.
    ciphers: dict[bytes, AESGCM | Sm4Gcm] = field(default_factory=dict)
    """By the header of what each has encrypted; the first one encrypts."""


_keys = _Keys()


def use_keys_of(settings: Settings) -> None:
    """Give this process the keys of its personal data; needed once, before the first query."""
    keys = [read_key(encoded) for encoded in settings.field_key.get_secret_value().split(",")]
    first = _FORMATS[settings.field_cipher]
    formats = [first, *(each for each in _FORMATS.values() if each != first)]
    _keys.ciphers = {each + key_id(key): _cipher(each, key) for key in keys for each in formats}
    blind_indexes.use_keys(settings)


def key_id(key: bytes) -> bytes:
    """By which a stored value names its key."""
    return hashlib.sha256(key).digest()[:_KEY_ID_BYTES]


def _cipher(of_format: bytes, key: bytes) -> AESGCM | Sm4Gcm:
    if of_format == _AES:
        return AESGCM(key)
    return Sm4Gcm(HKDFExpand(SHA256(), _SM4_KEY_BYTES, b"myili fields by SM4").derive(key))


def current_header() -> bytes:
    """With which a value begins that is encrypted now."""
    return next(iter(_keys.ciphers))


class CannotDecrypt(Exception):  # noqa: N818 - a fault of keys or of the stored bytes
    """The key is not among ours, or the bytes are not what was stored in this column."""


class Encrypted(TypeDecorator[str]):
    """Text that only this service can read; `place` is its `table.column`."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: str | None, dialect: Dialect | None) -> bytes | None:  # noqa: ARG002 - SQLAlchemy's
        if value is None:
            return None
        header, cipher = next(iter(_keys.ciphers.items()))
        nonce = os.urandom(_NONCE_BYTES)
        return header + nonce + cipher.encrypt(nonce, value.encode(), self.place.encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect | None) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        if value is None:
            return None
        cipher = _keys.ciphers.get(value[:HEADER_BYTES])
        if cipher is None:
            raise CannotDecrypt(f"{self.place}: unknown format or key")
        nonce, sealed = value[HEADER_BYTES : HEADER_BYTES + _NONCE_BYTES], value[HEADER_BYTES + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, sealed, self.place.encode()).decode()
        except Exception as error:
            raise CannotDecrypt(self.place) from error

    def coerce_compared_value(self, op: Any, value: object) -> Any:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        raise TypeError(f"{self.place} is encrypted anew each time and never equal: compare its index")
