"""Who a person is to a client (OpenID Connect Core, section 8): others' apps cannot compare whom they know."""

import hmac
from enum import StrEnum
from uuid import UUID

from svc_identity.oauth.models import Client

_UUID_BYTES = 16


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
