"""Proves that a request about the connection is the company's: a JWT by a key in force, for this request alone.

It goes with the application token, which people keep apart from the key.
"""

import base64
import hashlib
import secrets
import time

from joserfc import jwt
from joserfc.jwk import ECKey

PROOF_TYPE = "provider-proof+jwt"
AUDIENCE = "myili:services"
PROOF_SECONDS = 120


def company_proof(key: ECKey, provider_id: str, method: str, path: str, body: bytes = b"") -> str:
    """The `Company-Proof` of a request: valid once, for its method, its path without a query, and these bytes."""
    claims = {
        "sub": provider_id,
        "aud": AUDIENCE,
        "exp": int(time.time()) + PROOF_SECONDS,
        "jti": secrets.token_urlsafe(24),
        "htm": method,
        "htp": path,
        "body_sha256": base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode(),
    }
    return jwt.encode({"alg": "ES256", "typ": PROOF_TYPE, "kid": key.kid}, claims, key, algorithms=["ES256"])
