"""Personal data at rest: encrypted in its column, looked up by a keyed hash.

AES-256-GCM. Stored is: format (1 byte), key id (4), nonce (12), ciphertext and tag. The name of the table and column is
authenticated with it, so that a value copied into another column does not decrypt.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

from svc_identity.keys import derive, read_key
from svc_identity.settings import Settings

_FORMAT = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEADER_BYTES = len(_FORMAT) + _KEY_ID_BYTES


@dataclass
class _Keys:
    # Kept per process: SQLAlchemy gives column types no context to pass keys in.
    ciphers: dict[bytes, AESGCM] = field(default_factory=dict)
    index_key: str = field(default="", repr=False)


_keys = _Keys()


def use_keys_of(settings: Settings) -> None:
    """Give this process the keys of its personal data; needed once, before the first query."""
    keys = [read_key(encoded) for encoded in settings.field_key.get_secret_value().split(",")]
    _keys.ciphers = {hashlib.sha256(key).digest()[:_KEY_ID_BYTES]: AESGCM(key) for key in keys}
    _keys.index_key = settings.index_key.get_secret_value()


class CannotDecrypt(Exception):  # noqa: N818 - a fault of keys or of the stored bytes
    """The key is not among ours, or the bytes are not what was stored in this column."""


class Encrypted(TypeDecorator[str]):
    """Text that only this service can read; `place` is its `table.column`."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - SQLAlchemy's
        if value is None:
            return None
        key_id, cipher = next(iter(_keys.ciphers.items()))
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + key_id + nonce + cipher.encrypt(nonce, value.encode(), self.place.encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        if value is None:
            return None
        cipher = _keys.ciphers.get(value[len(_FORMAT) : _HEADER_BYTES])
        if value[: len(_FORMAT)] != _FORMAT or cipher is None:
            raise CannotDecrypt(f"{self.place}: unknown format or key")
        nonce, sealed = value[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES], value[_HEADER_BYTES + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, sealed, self.place.encode()).decode()
        except Exception as error:
            raise CannotDecrypt(self.place) from error

    def coerce_compared_value(self, op: Any, value: object) -> Any:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        raise TypeError(f"{self.place} is encrypted anew each time and never equal: compare its index")


def blind_index(place: str, value: str) -> bytes:
    """A hash by which equal values are found; without the key it cannot be tried against guesses."""
    return hmac.digest(derive(_keys.index_key, f"index of {place}"), value.encode(), "sha256")


def lock_of(index: bytes) -> int:
    """A blind index as the number of an advisory lock."""
    return int.from_bytes(index[:8], "big", signed=True)
