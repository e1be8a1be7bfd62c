"""In what a person speaks for an organisation now: its representative in everything, an agent within a mandate."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.db import now
from svc_identity.organisations.mandates.models import Mandate, MandateScope, MandateStatus
from svc_identity.organisations.representation.models import RepresentedOrganisation, authority_id
from svc_identity.people.authorities.service import Authority
from svc_identity.people.persons.models import PROOFED, Person

_PREFECTURE = "654000"


def authority_of(session: Session, person_id: UUID, organisation_id: UUID) -> Authority | None:
    """What lets a person act for an organisation; None also where it is unknown, so that nothing is disclosed."""
    organisation = session.get(RepresentedOrganisation, organisation_id, populate_existing=True)
    person = session.get(Person, person_id)
    if organisation is None or person is None or person.assurance_level < PROOFED:
        return None
    if organisation.representative_id == person_id:
        everything = frozenset(scope.value for scope in MandateScope)
        return Authority(authority_id(organisation.id, organisation.revision), everything, (_PREFECTURE,))
    current = select(Mandate).where(
        Mandate.organisation_id == organisation_id,
        Mandate.agent_id == person_id,
        Mandate.status == MandateStatus.ACTIVE,
        Mandate.valid_until > now(),
    )
    mandate = session.scalar(current.order_by(Mandate.id.desc()).limit(1))
    if mandate is None:
        return None
    return Authority(str(mandate.id), frozenset(mandate.scopes), tuple(mandate.division_codes), mandate.valid_until)
