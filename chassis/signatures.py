"""Signed calls between systems that share no login: RSASSA-PKCS1-v1_5 with SHA-256 over the raw body."""

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

MAX_CLOCK_SKEW = 300  # seconds either way; a receiver that refuses replays keeps nonces for twice this time
MIN_KEY_BITS = 2048
NONCE_HEADER = "MyIli-Nonce"
HEADERS = ("MyIli-Timestamp", NONCE_HEADER, "MyIli-Key-Id", "MyIli-Signature")

# Neither may contain a line break, or the same bytes could be split differently into timestamp, nonce and body.
TIMESTAMP = re.compile(r"[0-9]{1,12}")
NONCE = re.compile(r"[0-9A-Fa-f]{32,128}")


class BadSignature(Exception):  # noqa: N818 - the name is read where it is raised and caught
    """`reason` is one of headers_malformed, clock_skew, unknown_key, wrong_signature."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def sign(key: RSAPrivateKey, key_id: str, body: bytes) -> dict[str, str]:
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    signature = key.sign(_message(timestamp, nonce, body), PKCS1v15(), hashes.SHA256())
    return dict(zip(HEADERS, (timestamp, nonce, key_id, base64.b64encode(signature).decode()), strict=True))


def verify(keys: Mapping[str, RSAPublicKey], headers: Mapping[str, str], body: bytes) -> None:
    """Call before parsing: a body that was decoded and encoded again is not the one that was signed."""
    timestamp, nonce, key_id, encoded = (headers.get(name, "") for name in HEADERS)
    if not (TIMESTAMP.fullmatch(timestamp) and NONCE.fullmatch(nonce)):
        raise BadSignature("headers_malformed")
    if abs(time.time() - int(timestamp)) > MAX_CLOCK_SKEW:
        raise BadSignature("clock_skew")
    if key_id not in keys:
        raise BadSignature("unknown_key")
    try:
        signature = base64.b64decode(encoded, validate=True)
        keys[key_id].verify(signature, _message(timestamp, nonce, body), PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature) as wrong:  # ValueError: not base64
        raise BadSignature("wrong_signature") from wrong


@lru_cache(maxsize=16)  # checking its primes takes as long as seventy signatures
def load_private_key(pem: str) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"signing needs an RSA private key of at least {MIN_KEY_BITS} bits")
    return key


def load_public_keys(pem: str) -> dict[str, RSAPublicKey]:
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"checking signatures needs an RSA public key of at least {MIN_KEY_BITS} bits")
    return {thumbprint(key): key}


def thumbprint(key: RSAPublicKey) -> str:
    """Key id after RFC 7638: both sides can name a key without having agreed on a name."""
    canonical = json.dumps(_members(key), sort_keys=True, separators=(",", ":")).encode()
    return _base64url(hashlib.sha256(canonical).digest())


def public_jwks(keys: Iterable[RSAPublicKey]) -> dict[str, list[dict[str, str]]]:
    return {"keys": [{**_members(key), "kid": thumbprint(key), "use": "sig", "alg": "RS256"} for key in keys]}


def _message(timestamp: str, nonce: str, body: bytes) -> bytes:
    return b"%b\n%b\n%b\n" % (timestamp.encode(), nonce.encode(), body)


def _members(key: RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    n, e = (number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (numbers.n, numbers.e))
    return {"kty": "RSA", "n": _base64url(n), "e": _base64url(e)}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
