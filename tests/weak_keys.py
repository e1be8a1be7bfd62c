"""Public keys that are keys in form only, as JWKs."""

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _ed25519(encoded: str) -> dict[str, Any]:
    return {"kty": "OKP", "crv": "Ed25519", "x": _base64url(bytes.fromhex(encoded))}


def _rsa(modulus: int, exponent: int = 65_537) -> dict[str, Any]:
    return {
        "kty": "RSA",
        "n": _base64url(modulus.to_bytes(256)),
        "e": _base64url(exponent.to_bytes((exponent.bit_length() + 7) // 8)),
    }


_MIDDLE = 2**1023 + 2**1022
"""The next two primes after it are 1,037 and 1,697 further."""

WEAK_KEYS: dict[str, dict[str, Any]] = {
    "ed25519_zero": _ed25519("00" * 32),
    "ed25519_one": _ed25519("01" + "00" * 31),
    "ed25519_one_negative": _ed25519("01" + "00" * 30 + "80"),
    "ed25519_one_not_reduced": _ed25519("ee" + "ff" * 30 + "7f"),
    "ed25519_minus_one": _ed25519("ec" + "ff" * 30 + "7f"),
    "ed25519_order_eight": _ed25519("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    "ed25519_order_eight_negative": _ed25519("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    "rsa_even": _rsa(2**2047 + 2),
    "rsa_small_factor": _rsa(2**2048 - 1),
    "rsa_close_factors": _rsa((_MIDDLE + 1_037) * (_MIDDLE + 1_697)),
    "rsa_exponent_3": _rsa(generate_private_key(65_537, 2048).public_key().public_numbers().n, 3),
    "p256_generator": {
        "kty": "EC",
        "crv": "P-256",
        "x": _base64url(bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")),
        "y": _base64url(bytes.fromhex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")),
    },
}
