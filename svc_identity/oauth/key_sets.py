"""Key sets of clients (RFC 7517): the keys that can sign assertions."""

from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from chassis.inbox import Poison
from kit.key_terms import has_sound_terms
from kit.public_keys import is_weak

_SMALLEST_RSA = 2048


def signing_keys(jwks: dict[str, Any]) -> dict[str, Any]:
    """The public keys of a JWKS that can sign assertions.

    Raises:
        Poison: there is none.
    """
    try:
        keys = KeySet.import_key_set(jwks)  # type: ignore[arg-type]  # JSON, whose shape this call checks
    except (JoseError, ValueError, KeyError, TypeError):
        raise Poison("jwks is not a set of keys") from None
    usable = [key for key in keys if _can_sign(key)]
    if not all(has_sound_terms(key) for key in jwks["keys"]):
        raise Poison("jwks holds a key whose nbf or exp is no time")
    if not usable:
        raise Poison("jwks holds no EC P-256 key, no Ed25519 key and no RSA key of 2048 bits")
    return dict(KeySet(usable).as_dict(private=False))


def _can_sign(key: object) -> bool:
    # No symmetric keys: anyone who can read one can sign with it.
    match key:
        case ECKey():
            usual = key.curve_name == "P-256"
        case OKPKey():
            usual = key.curve_name == "Ed25519"
        case RSAKey():
            usual = key.public_key.key_size >= _SMALLEST_RSA
        case _:
            return False
    return usual and not is_weak(key.public_key)
