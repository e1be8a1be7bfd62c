"""RSA keys of signed messages, named by their thumbprints and published as key sets."""

import base64
import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

MIN_KEY_BITS = 2048


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
    return {"keys": [{**_members(key), "kid": thumbprint(key), "use": "sig", "alg": "PS512"} for key in keys]}


def _members(key: RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    n, e = (number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (numbers.n, numbers.e))
    return {"kty": "RSA", "n": _base64url(n), "e": _base64url(e)}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
