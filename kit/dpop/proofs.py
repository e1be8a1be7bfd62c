"""A proof: a JWT about one request, with the public key that signed it in its header (RFC 9449, section 4)."""

import base64
import hashlib
import hmac
import time
import warnings
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from kit.dpop.addresses import normalised
from kit.dpop.nonces import Nonces
from kit.public_keys import is_weak

ALGORITHMS = ["ES256", "PS256", "Ed25519", "EdDSA"]
SKEW_SECONDS = 60
LONGEST = 4_096
_LONGEST_ID = 256
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_RSA_BITS = range(2048, 4097)
_RSA_EXPONENT = "AQAB"
# joserfc raises the last two for headers that are JSON and no JOSE, and for keys of another kind than the algorithm's.
_NO_PROOF = (JoseError, ValueError, TypeError, KeyError, RecursionError)


class _Registry(jws.JWSRegistry):
    max_header_length = 2_048  # a public RSA key of 4096 bits is in it


_REGISTRY = _Registry(algorithms=ALGORITHMS)


class ProofError(Exception):
    """The proof does not belong to this request, or is no proof."""


class NonceWantedError(Exception):
    """The proof is good but for its nonce, which has to be one of ours and recent."""


@dataclass(frozen=True)
class Proof:
    """A proof that holds. Whether it is used for the first time is another question: see `replays`."""

    key: str
    """The RFC 7638 thumbprint of the key that signed it."""
    id: str


def check(proof: str, method: str, address: str, *, nonces: Nonces, token: str | None = None) -> Proof:
    """Check a proof for a request to this address, with this access token if there is one.

    Raises:
        ProofError, NonceWantedError
    """
    key, claims = _signed(proof)
    if claims.get("htm") != method or not _is_address(claims.get("htu"), address):
        raise ProofError("it is for another request")
    issued, identifier = claims.get("iat"), claims.get("jti")
    # Written so that NaN, which JSON parsers let through, is refused.
    if isinstance(issued, bool) or not isinstance(issued, int | float) or not abs(time.time() - issued) <= SKEW_SECONDS:
        raise ProofError("iat is not within a minute of now")
    if not isinstance(identifier, str) or not 0 < len(identifier) <= _LONGEST_ID:
        raise ProofError("jti is missing or too long")
    if token is not None and not _is_hash(claims.get("ath"), token):
        raise ProofError("ath is not the hash of the access token")
    if not nonces.accept(claims.get("nonce")):
        raise NonceWantedError
    return Proof(key, identifier)


def _signed(proof: str) -> tuple[str, dict[str, Any]]:
    """The thumbprint of the key in the header, and what it has signed."""
    if len(proof) > LONGEST:
        raise ProofError("it is too long")
    try:
        header = jws.extract_compact(proof.encode("ascii"), registry=_REGISTRY).headers()
        if header.get("typ") != "dpop+jwt" or header.get("alg") not in ALGORITHMS:
            raise ProofError("typ is not dpop+jwt, or alg not one that is accepted")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # of the name EdDSA, which clients still send
            key = _public_key(header["jwk"])
            return key.thumbprint(), jwt.decode(proof, key, registry=_REGISTRY).claims
    except _NO_PROOF:
        raise ProofError("it is not signed by the public key in its header") from None


def _public_key(given: Any) -> ECKey | OKPKey | RSAKey:  # noqa: ANN401 - JSON
    if not isinstance(given, dict) or _PRIVATE & given.keys():
        raise ProofError("jwk is not a public key")
    # Only the key itself is read: nobody vouches for its `use`, `key_ops` or certificates.
    key = import_key({name: given[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in given})
    match key:
        case RSAKey():
            usual = key.raw_value.key_size in _RSA_BITS and given["e"] == _RSA_EXPONENT
        case ECKey() | OKPKey():
            usual = key.curve_name in {"P-256", "Ed25519"}
        case _:
            raise ProofError("jwk is a key of another kind")
    if usual and not is_weak(key.public_key):
        return key
    raise ProofError("jwk is of a kind or size that is not accepted")


def _is_address(claimed: object, address: str) -> bool:
    try:
        return isinstance(claimed, str) and normalised(claimed) == normalised(address)
    except ValueError:
        return False


def _is_hash(claimed: object, token: str) -> bool:
    expected = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")
    return isinstance(claimed, str) and hmac.compare_digest(claimed.encode("utf-8", "surrogatepass"), expected.encode())
