"""Requests of the platform, signed for a sandbox under the address that the platform knows it by."""

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from starlette.requests import Request

from deploy.local.sandboxes.base import Refused
from kit.signatures import messages
from kit.signatures.messages import verify_request
from kit.signatures.refusals import BadSignature


def as_signed(url: str, request: Request) -> messages.Request:
    """The request under the sandbox's own address, whatever its Host header says."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return messages.Request(request.method, f"{url}{path}{'?' if query else ''}{query}", request.headers)


def authenticate(keys: Mapping[str, RSAPublicKey], recipient: str, request: messages.Request, raw: bytes) -> str:
    """The nonce of an authentic request."""
    try:
        return verify_request(keys, recipient, request, raw)
    except BadSignature as bad:
        raise Refused(401, bad.reason, "The signature of this request was not accepted.") from None
