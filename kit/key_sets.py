"""The public keys of others' systems (JSON Web Key Sets, RFC 7517)."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from chassis.problems import Problem
from kit.public_keys import is_weak

MOST_KEYS = 10
_MOST_KID = 128
_P256_BYTES = 32
_RSA_BITS = range(2048, 8192 + 1)
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_PUBLIC_MEMBERS = {"EC": ("crv", "x", "y"), "RSA": ("n", "e"), "OKP": ("crv", "x")}
_KINDS: dict[str, type[ECKey | RSAKey | OKPKey]] = {"EC": ECKey, "RSA": RSAKey, "OKP": OKPKey}
_ALGORITHMS = {"EC": {"ES256"}, "RSA": {"PS256", "RS256"}, "OKP": {"Ed25519", "EdDSA"}}
"""What a key of a kind may sign with; EdDSA is the older name of Ed25519 (RFC 9864)."""
_DEPTH = 5


class PrivateKeySent(Problem):
    """A private key was disclosed: it is not kept, and its owner must retire it."""

    status, code = 422, "private_key_sent"


class BadKeySet(Problem):
    """`reason`: keys, kid, kid_twice, key_twice, key_type, use, algorithm, key, curve, rsa_size, weak."""

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
    if len(kids_by_thumbprint({"keys": accepted})) < len(accepted):
        raise BadKeySet(reason="key_twice")
    return {"keys": accepted}


def kids_by_thumbprint(jwks: Mapping[str, Any]) -> dict[str, str]:
    """The kids of an accepted set, by the RFC 7638 thumbprints of its keys."""
    if not jwks["keys"]:  # none is in force
        return {}
    keys = KeySet.import_key_set(jwks)  # type: ignore[arg-type]  # JSON, checked when it was accepted
    return {key.thumbprint(): str(key.kid) for key in keys}


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
    # A key that states its algorithm signs with no other (RFC 8725, section 3.1).
    stated = {"alg": key["alg"]} if "alg" in key else {}
    if not all(isinstance(name, str) and name in _ALGORITHMS[kind] for name in stated.values()):
        raise BadKeySet(reason="algorithm")
    members = _strong({"kty": kind, **{name: key.get(name) for name in _PUBLIC_MEMBERS[kind]}})
    return {"kty": kind, **members, "kid": kid, "use": "sig", **stated}


def _strong(key: dict[str, Any]) -> dict[str, str]:
    """The members of a strong key in their one form: leading zeros would give the same key another thumbprint."""
    try:
        imported = _KINDS[key["kty"]].import_key(key).public_key
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise BadKeySet(reason="key") from None
    if isinstance(imported, EllipticCurvePublicKey) and not isinstance(imported.curve, SECP256R1):
        raise BadKeySet(reason="curve")
    if isinstance(imported, RSAPublicKey) and imported.key_size not in _RSA_BITS:
        raise BadKeySet(reason="rsa_size")
    if not isinstance(imported, EllipticCurvePublicKey | RSAPublicKey | Ed25519PublicKey):
        raise BadKeySet(reason="curve")
    if is_weak(imported):
        raise BadKeySet(reason="weak")
    if isinstance(imported, EllipticCurvePublicKey):
        point = imported.public_numbers()
        return {"crv": "P-256", "x": _base64url(point.x, _P256_BYTES), "y": _base64url(point.y, _P256_BYTES)}
    if isinstance(imported, Ed25519PublicKey):
        return {"crv": "Ed25519", "x": base64.urlsafe_b64encode(imported.public_bytes_raw()).rstrip(b"=").decode()}
    numbers = imported.public_numbers()
    return {
        name: _base64url(value, (value.bit_length() + 7) // 8) for name, value in (("n", numbers.n), ("e", numbers.e))
    }


def _base64url(number: int, size: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(size)).rstrip(b"=").decode()
