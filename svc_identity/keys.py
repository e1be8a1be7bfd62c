"""The secrets of this service. Each key has one purpose."""

import base64
import binascii
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from chassis.db import new_id

KEY_BYTES = 32
RETIRED_AFTER = timedelta(hours=1)
"""How long a key is published after the next one has begun to sign; longer than anything that is signed holds."""
_EVER = datetime.min.replace(tzinfo=UTC)
_SIGNS_FROM = "Signs-From: "
_NOT_KEYS = "must be EC P-256 private keys in PEM"
_PEM_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)


def read_key(encoded: str) -> bytes:
    """A key of 32 bytes from base64.

    Raises:
        ValueError: not such a key.
    """
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes in base64")
    return key


@dataclass(frozen=True)
class SigningKey:
    key: ECKey
    signs_from: datetime
    """It is published before, and for `RETIRED_AFTER` from when the next one signs."""

    def write(self) -> str:
        pem = self.key.as_pem(private=True).decode()
        return pem if self.signs_from == _EVER else f"{_SIGNS_FROM}{self.signs_from:%Y-%m-%dT%H:%M:%SZ}\n{pem}"


def read_signing_keys(pem: str) -> list[SigningKey]:
    """The EC P-256 private keys of a PEM text, in its order.

    A line `Signs-From: 2026-12-01T09:00:00Z` before a key is the schedule; RFC 7468 allows such text there.

    Raises:
        ValueError: there is none, or a key of another kind, or a time that cannot be read.
    """
    keys, position = [], 0
    for block in _PEM_BLOCK.finditer(pem):
        before, position = pem[position : block.start()], block.end()
        stated = [line.removeprefix(_SIGNS_FROM) for line in before.splitlines() if line.startswith(_SIGNS_FROM)]
        keys.append(SigningKey(_read_ec_key(block.group()), _read_time(stated[-1]) if stated else _EVER))
    if not keys:
        raise ValueError(_NOT_KEYS)
    return keys


def _read_ec_key(block: str) -> ECKey:
    try:
        key = ECKey.import_key(block, {"use": "sig", "alg": "ES256"})
    except (JoseError, ValueError, TypeError):
        raise ValueError(_NOT_KEYS) from None
    if not key.is_private or key.curve_name != "P-256":
        raise ValueError(_NOT_KEYS)
    key.ensure_kid()
    return key


def _read_time(text: str) -> datetime:
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("Signs-From must be a time in UTC, such as 2026-12-01T09:00:00Z") from None


def signing_at(keys: Sequence[SigningKey], moment: datetime) -> SigningKey:
    """The key that signs: the one whose time came last; the first of the text while none has a time.

    Raises:
        ValueError: the time of none has come.
    """
    begun = [each for each in keys if each.signs_from <= moment]
    if not begun:
        raise ValueError("one of the keys must sign already")
    return max(begun, key=lambda each: each.signs_from)


def published_at(keys: Sequence[SigningKey], moment: datetime) -> list[SigningKey]:
    """The keys that others need: that which signs, those that will, and those whose tokens may not have expired."""
    old = [each for each in keys if each.signs_from <= moment - RETIRED_AFTER]
    oldest = signing_at(old, moment).signs_from if old else _EVER
    return [each for each in keys if each.signs_from >= oldest]


def derive(index_key: str, purpose: str) -> bytes:
    """Derive a key for one purpose, independent of the keys of other purposes (RFC 5869)."""
    return HKDFExpand(SHA256(), KEY_BYTES, f"myili {purpose}".encode()).derive(read_key(index_key))


class Signer:
    """Signs what this service states: access tokens, ID tokens, attestations."""

    algorithm = "ES256"

    def __init__(self, issuer: str, pem: str) -> None:
        self.issuer = issuer
        self._pem = pem

    @cached_property
    def _keys(self) -> list[SigningKey]:
        return read_signing_keys(self._pem)

    @property
    def key(self) -> ECKey:
        """The key that signs now."""
        return signing_at(self._keys, datetime.now(UTC)).key

    def public_keys(self) -> dict[str, Any]:
        """Those by which others verify what was signed."""
        return dict(KeySet([each.key for each in published_at(self._keys, datetime.now(UTC))]).as_dict(private=False))

    @property
    def known_keys(self) -> KeySet:
        """All of them, also retired ones: an expired ID token still names its sign-in."""
        return KeySet([each.key for each in self._keys])

    def sign(self, typ: str, seconds: int, **claims: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
        """A JWT that holds for so many seconds; `typ` keeps one kind of statement from passing as another."""
        issued = int(time.time())
        own = {"iss": self.issuer, "iat": issued, "exp": issued + seconds, "jti": new_id().hex}
        key = self.key  # read once: another one may sign a moment later
        header = {"alg": self.algorithm, "typ": typ, "kid": key.kid}
        return jwt.encode(header, {**own, **claims}, key, algorithms=[self.algorithm])
