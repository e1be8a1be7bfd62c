"""Public keys that are keys in form only: anybody can sign for them, or can find their private half."""

import math

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_FIELD = 2**255 - 19
_ORDER_EIGHT = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER = frozenset({0, 1, _FIELD - 1, _ORDER_EIGHT, _FIELD - _ORDER_EIGHT})
"""The y of the eight points whose order divides eight: a constant signature is valid under them (RFC 8032, 8.1)."""
_P256_GENERATOR = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
"""The x of the public key whose private half is 1 (SEC 2, 2.4.2)."""
_RSA_EXPONENT = 65_537
_FERMAT_ROUNDS = 100
"""Of Fermat's factorisation, as the CA/Browser Forum's Baseline Requirements (6.1.1.3) have it."""
_PRIMES = math.prod(n for n in range(2, 10_000) if all(n % d for d in range(2, math.isqrt(n) + 1)))


def is_weak(key: object) -> bool:
    """Whether someone without the private half of a P-256, Ed25519 or RSA key could sign in its place.

    Raises:
        TypeError: a key of another kind.
    """
    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        return numbers.e != _RSA_EXPONENT or math.gcd(numbers.n, _PRIMES) > 1 or _has_close_factors(numbers.n)
    if isinstance(key, EllipticCurvePublicKey):
        return key.public_numbers().x == _P256_GENERATOR
    if not isinstance(key, Ed25519PublicKey):
        raise TypeError(type(key))
    y = int.from_bytes(key.public_bytes_raw(), "little") & (2**255 - 1)  # the last bit is the sign of x
    return y >= _FIELD or y in _SMALL_ORDER


def _has_close_factors(modulus: int) -> bool:
    middle = math.isqrt(modulus - 1) + 1
    for above in range(middle, middle + _FERMAT_ROUNDS):
        rest = above * above - modulus
        if math.isqrt(rest) ** 2 == rest:
            return True
    return False
