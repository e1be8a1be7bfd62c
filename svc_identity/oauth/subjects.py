"""Who a person is to a client (OpenID Connect Core, section 8): others' apps cannot compare whom they know.

Nor can they by the sign-in: a token for one of them has it encrypted, so that only its issuer can tell.
"""

import hmac
from enum import StrEnum
from uuid import UUID

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from svc_identity.oauth.models import Client

_UUID_BYTES = 16
_HEADER = {"alg": "dir", "enc": "A256GCM"}
_ALGORITHMS = [*_HEADER.values()]


class SubjectType(StrEnum):
    PUBLIC = "public"
    """The platform's own clients, and those from before, know people by the id of the platform."""
    PAIRWISE = "pairwise"
    """The client has a name of its own for each person."""


def subject_for(key: bytes, client: Client, person_id: UUID) -> str:
    """The `sub` of a person at a client; each client is a sector of its own."""
    if client.subject_type == SubjectType.PUBLIC:
        return str(person_id)
    mac = hmac.digest(key, client.client_id.encode() + b"\n" + person_id.bytes, "sha256")
    return str(UUID(bytes=mac[:_UUID_BYTES]))


def hidden_sign_in(key: bytes, sid: str) -> str:
    """The sign-in of a token for somebody else's app; no two are alike."""
    return jwe.encrypt_compact(_HEADER, sid, OctKey.import_key(key), algorithms=_ALGORITHMS)


def shown_sign_in(key: bytes, hidden: str) -> str:
    """The sign-in that `hidden_sign_in` hid in a token of ours; those of the release before had it in clear."""
    try:
        opened = jwe.decrypt_compact(hidden, OctKey.import_key(key), algorithms=_ALGORITHMS)
    except (JoseError, ValueError):
        return hidden
    return (opened.plaintext or b"").decode()
