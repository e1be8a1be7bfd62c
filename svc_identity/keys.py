"""The secrets of this service. Each key has one purpose."""

import base64
import binascii
import re
import time
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from chassis.db import new_id
from kit.invariants import InvariantBrokenError

KEY_BYTES = 32
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


def read_signing_keys(pem: str) -> list[ECKey]:
    """The EC P-256 private keys of a PEM text, in its order.

    Raises:
        ValueError: there is none, or a key of another kind.
    """
    blocks = [block.group() for block in _PEM_BLOCK.finditer(pem)]
    try:
        keys = [ECKey.import_key(block, {"use": "sig", "alg": "ES256"}) for block in blocks]
    except (JoseError, ValueError, TypeError):
        keys = []
    if not keys or not all(key.is_private and key.curve_name == "P-256" for key in keys):
        raise ValueError("must be EC P-256 private keys in PEM")
    return keys


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
    def _keys(self) -> KeySet:
        return KeySet(list(read_signing_keys(self._pem)))

    @property
    def key(self) -> ECKey:
        """The key that signs; the others of the set are only still, or already, published."""
        key = self._keys.keys[0]
        if not isinstance(key, ECKey):
            raise InvariantBrokenError("the signing key is not an EC key")
        return key

    def public_keys(self) -> dict[str, Any]:
        return dict(self._keys.as_dict(private=False))

    def sign(self, typ: str, seconds: int, **claims: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
        """A JWT that holds for so many seconds; `typ` keeps one kind of statement from passing as another."""
        issued = int(time.time())
        own = {"iss": self.issuer, "iat": issued, "exp": issued + seconds, "jti": new_id().hex}
        header = {"alg": self.algorithm, "typ": typ, "kid": self.key.kid}
        return jwt.encode(header, {**own, **claims}, self.key, algorithms=[self.algorithm])
