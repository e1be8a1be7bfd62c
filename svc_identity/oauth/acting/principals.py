"""For whom people act, and what says whether they may: each kind of subject has a function of its own here."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.orm import Session

from svc_identity.organisations.mandates import authority as mandates
from svc_identity.people.authorities.service import Authority
from svc_identity.people.families import authority as families

Find = Callable[[Session, UUID, UUID], Authority | None]
"""The authority of a person (the first id) to act for a subject (the second), as it is at this moment."""

PRINCIPALS: dict[str, Find] = {"organisation": mandates.authority_of, "relative": families.authority_of}
"""By the `kind` of the tokens whose `sub` the subject is."""
_TYPES = "urn:myili:principal:"


def kind_of(subject_token_type: str) -> str | None:
    """Whom a request to act names, such as `urn:myili:principal:organisation`."""
    kind = subject_token_type.removeprefix(_TYPES)
    return kind if subject_token_type.startswith(_TYPES) and kind in PRINCIPALS else None


def authority_of(session: Session, kind: str, person_id: UUID, subject: UUID) -> Authority | None:
    return None if person_id == subject else PRINCIPALS[kind](session, person_id, subject)


def still_stands(session: Session, kind: str, actor: str, subject: str, authority_id: str | None) -> bool:
    """Whether the authority that a token names is the actor's now."""
    found = authority_of(session, kind, UUID(actor), UUID(subject)) if kind in PRINCIPALS else None
    return found is not None and found.id == authority_id
