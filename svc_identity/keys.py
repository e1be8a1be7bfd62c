"""The secrets of this service. Each key has one purpose."""

import base64
import binascii
import time
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from chassis.db import new_id
from kit.signing_keys import ALGORITHM, SigningKey, published_at, read_signing_keys, signing_at

KEY_BYTES = 32
RETIRED_AFTER = timedelta(hours=1)
"""How long a key is published after the next one has begun to sign; longer than anything that is signed holds."""


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


def derive(index_key: str, purpose: str) -> bytes:
    """Derive a key for one purpose, independent of the keys of other purposes (RFC 5869)."""
    return HKDFExpand(SHA256(), KEY_BYTES, f"myili {purpose}".encode()).derive(read_key(index_key))


class Signer:
    """Signs what this service states: access tokens, ID tokens, attestations."""

    algorithm = ALGORITHM

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
        return dict(
            KeySet([each.key for each in published_at(self._keys, datetime.now(UTC), RETIRED_AFTER)]).as_dict(
                private=False
            )
        )

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
