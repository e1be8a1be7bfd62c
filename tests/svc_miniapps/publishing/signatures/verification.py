"""How strangers verify a package: by a JWT library, and by RFC 7515 and RFC 7518 alone."""

import base64
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tests.guides.markdown import LANGUAGES, blocks, text_of

Json = dict[str, Any]


def fits(keys: Json, signature: str, app_id: str, package: bytes) -> bool:
    """As the guide for app developers has it in both languages, word by word."""
    (shown,) = {
        block.text
        for language in LANGUAGES
        for block in blocks(text_of("app-developers", language))
        if block.text.startswith("import hashlib")
    }
    try:
        exec(shown, {"keys": keys, "signature": signature, "app_id": app_id, "package": package})  # noqa: S102 - ours
    except AssertionError:
        return False
    return True


def stated_by_hand(keys: Json, signature: str) -> Json:
    """What a signature states.

    Raises:
        InvalidSignature
    """
    header, payload, signed = signature.split(".")
    named = json.loads(_decoded(header))
    if (named["alg"], named["typ"]) != ("ES256", "miniapp-package+jwt"):
        raise InvalidSignature
    (key,) = (key for key in keys["keys"] if key["kid"] == named["kid"])
    x, y, r, s = (int.from_bytes(part, "big") for part in (_decoded(key["x"]), _decoded(key["y"]), *_halves(signed)))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    public.verify(encode_dss_signature(r, s), f"{header}.{payload}".encode(), ec.ECDSA(SHA256()))
    stated: Json = json.loads(_decoded(payload))
    return stated


def _halves(signed: str) -> tuple[bytes, bytes]:
    both = _decoded(signed)
    return both[:32], both[32:]


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
