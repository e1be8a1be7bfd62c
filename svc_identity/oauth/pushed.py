"""Pushed authorization requests (RFC 9126): an app sends its request here, and its browser only a reference to it.

The reference is the request itself, encrypted, so that nothing is stored for those who push and never sign in. It leads
to one code at most, which `UsedRequest` remembers.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta

from authlib.oauth2.rfc6749 import InvalidRequestError
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from svc_identity.oauth.models import UsedRequest
from svc_identity.oauth.requests import Parameters

URN = "urn:ietf:params:oauth:request_uri:"
LIFE = timedelta(minutes=9)
"""Below the ten minutes that FAPI 2.0 allows: people go back to correct their phone number."""
_LONGEST = 2_400
"""Characters of a request, so that its reference fits into a parameter."""
_HEADER = {"alg": "dir", "enc": "A256GCM"}
_ALGORITHMS = [*_HEADER.values()]


class RequestOverError(InvalidRequestError):  # type: ignore[misc]  # Authlib ships no types
    """The reference is unknown, expired, used, or another client's: the answer does not disclose which."""

    def __init__(self) -> None:
        super().__init__("request_uri is not one that this client can use now; push the request again")


def is_reference(parameters: Parameters) -> bool:
    """Whether a browser brings the reference to a pushed request."""
    return dict(parameters).get("request_uri", "").startswith(URN)


def push(key: bytes, parameters: Parameters) -> str:
    """The request_uri of a checked authorization request, good for `LIFE`.

    Raises:
        InvalidRequestError: the request is too long.
    """
    content = json.dumps({"exp": (now() + LIFE).timestamp(), "request": [*parameters]}, ensure_ascii=False).encode()
    if len(content) > _LONGEST:
        raise InvalidRequestError(f"an authorization request may have {_LONGEST} bytes here")
    return URN + jwe.encrypt_compact(_HEADER, content, OctKey.import_key(key), algorithms=_ALGORITHMS)


def resolve(key: bytes, parameters: Parameters, at: datetime) -> Parameters:
    """The authorization request that a browser brings, itself or by a reference that was good at that time.

    Beside a reference only the language counts, which our own pages change.

    Raises:
        RequestOverError
        InvalidRequestError: a parameter is repeated beside the reference.
    """
    brought = dict(parameters)
    reference = brought.get("request_uri", "")
    if not reference.startswith(URN):
        return parameters
    if len(brought) < len(parameters):
        raise InvalidRequestError("a parameter is repeated")
    try:
        opened = jwe.decrypt_compact(reference.removeprefix(URN), OctKey.import_key(key), algorithms=_ALGORITHMS)
    except (JoseError, ValueError, TypeError):
        raise RequestOverError from None
    content = json.loads(opened.plaintext or b"{}")
    pushed = dict(content["request"])
    if at > datetime.fromtimestamp(content["exp"], UTC) or pushed.get("client_id") != brought.get("client_id"):
        raise RequestOverError
    language = {"ui_locales": brought["ui_locales"]} if "ui_locales" in brought else {}
    return [*(pushed | language).items()]


async def use(tx: AsyncSession, parameters: Parameters) -> None:
    """Use up the reference, if there is one; of several sign-ins with the same one, the first is the only one.

    Raises:
        RequestOverError
    """
    reference = dict(parameters).get("request_uri", "")
    if not reference.startswith(URN):
        return
    first = insert(UsedRequest).values(reference_hash=hashlib.sha256(reference.encode()).digest(), used_at=now())
    claimed = await tx.scalar(first.on_conflict_do_nothing().returning(UsedRequest.reference_hash))
    if claimed is None:
        raise RequestOverError
