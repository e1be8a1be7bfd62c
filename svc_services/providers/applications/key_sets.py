"""The public keys of a provider's systems (JSON Web Key Sets, RFC 7517)."""

from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from chassis.problems import Problem

MOST_KEYS = 10
_MOST_KID = 128
_RSA_BITS = range(2048, 8192 + 1)
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_PUBLIC_MEMBERS = {"EC": ("crv", "x", "y"), "RSA": ("n", "e")}
_ALGORITHMS = {"EC": "ES256", "RSA": "RS256"}
_DEPTH = 5


class PrivateKeySent(Problem):
    """A private key was disclosed: it is not kept, and its owner must retire it."""

    status, code = 422, "private_key_sent"


class BadKeySet(Problem):
    """`reason`: keys, kid, kid_twice, key_type, use, algorithm, key, curve, rsa_size."""

    status, code = 422, "bad_key_set"


def public_key_set(jwks: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    """The set with only the members that verification needs.

    Raises:
        PrivateKeySent: something in it is secret.
        BadKeySet: it is not a set of good public keys.
    """
    if any(member in _PRIVATE_MEMBERS for member in _member_names(jwks, _DEPTH)):
        raise PrivateKeySent
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        raise BadKeySet(reason="keys")
    accepted = [_public_key(key) for key in keys]
    if len({key["kid"] for key in accepted}) < len(accepted):
        raise BadKeySet(reason="kid_twice")
    return {"keys": accepted}


def _member_names(value: object, depth: int) -> Iterator[str]:
    """Member names at every level that may hold a key, also of a bare key sent in place of a set."""
    if depth and isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _member_names(inner, depth - 1)
    elif depth and isinstance(value, list):
        for inner in value:
            yield from _member_names(inner, depth - 1)


def _public_key(key: object) -> dict[str, str]:
    if not isinstance(key, dict):
        raise BadKeySet(reason="key")
    kid, kind = key.get("kid"), key.get("kty")
    if not isinstance(kid, str) or not 1 <= len(kid) <= _MOST_KID or not kid.isprintable():
        raise BadKeySet(reason="kid")
    if not isinstance(kind, str) or kind not in _PUBLIC_MEMBERS:
        raise BadKeySet(reason="key_type")
    if key.get("use", "sig") != "sig":
        raise BadKeySet(reason="use")
    if key.get("alg", _ALGORITHMS[kind]) != _ALGORITHMS[kind]:
        raise BadKeySet(reason="algorithm")
    members: dict[str, Any] = {name: key.get(name) for name in _PUBLIC_MEMBERS[kind]}
    _require_strong({"kty": kind, **members})
    return {"kty": kind, **members, "kid": kid, "use": "sig", "alg": _ALGORITHMS[kind]}


def _require_strong(key: dict[str, Any]) -> None:
    try:
        imported = (ECKey if key["kty"] == "EC" else RSAKey).import_key(key).public_key
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise BadKeySet(reason="key") from None
    if isinstance(imported, EllipticCurvePublicKey) and not isinstance(imported.curve, SECP256R1):
        raise BadKeySet(reason="curve")
    if isinstance(imported, RSAPublicKey) and imported.key_size not in _RSA_BITS:
        raise BadKeySet(reason="rsa_size")
