"""A legal representative claims their organisation: the registry compares their own name and ID number with its own.

Only whom it names gets it, so that nobody can take a USCC ahead of its representative, and a new representative takes
the place of the one before. The registry answers yes or no; whom it names instead is not disclosed.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from chassis.db import new_id, now
from chassis.outbox import emit
from chassis.problems import Problem
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.organisations.provider import Officer
from svc_identity.organisations.representation import schemas
from svc_identity.organisations.representation.events import OrganisationClaimed, RepresentationEnded
from svc_identity.organisations.representation.models import (
    Outcome,
    RepresentationCheck,
    RepresentedOrganisation,
    authority_id,
)
from svc_identity.organisations.service import LegalEntityNotActive
from svc_identity.people.authorities.service import announce_end
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import record_read
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import known_person, require_proofed

CLAIMS_A_DAY = 10
_DAY = timedelta(days=1)
CLAIMED, CLAIM_REFUSED = SecurityEvent("organisation_claimed"), SecurityEvent("organisation_claim_refused")
RELEASED = SecurityEvent("organisation_released")


class NotTheRepresentative(Problem):
    """The registry names another representative; whom is not disclosed."""

    status, code, security = 403, "not_the_representative", CLAIM_REFUSED


class TooManyClaims(Problem):
    status, code = 429, "too_many_organisation_claims"

    def __init__(self, free_at: datetime) -> None:
        super().__init__(claims_a_day=CLAIMS_A_DAY)
        self.headers = {"Retry-After": str(max(1, math.ceil((free_at - now()).total_seconds())))}


async def begin(tx: AsyncSession, person_id: UUID, uscc: str) -> tuple[UUID, Officer]:
    """Record that the registry is about to be queried; returns the record and the caller as it knows people.

    Raises:
        TooManyClaims
        AssuranceTooLow: the person is not proofed any more, though the token still says so.
    """
    person = await known_person(tx, person_id, for_update=True)  # so that claims at once count each other
    started = RepresentationCheck.started_at
    recent = select(started).where(RepresentationCheck.person_id == person_id, started > now() - _DAY)
    counted = recent.where(RepresentationCheck.outcome != Outcome.UNAVAILABLE).order_by(started.desc())
    made = (await tx.scalars(counted.limit(CLAIMS_A_DAY))).all()
    if len(made) >= CLAIMS_A_DAY:
        raise TooManyClaims(made[-1] + _DAY)
    require_proofed(person)
    check = RepresentationCheck(person_id=person_id, uscc=uscc)
    tx.add(check)
    await tx.flush()
    return check.id, await _officer(tx, person_id)


async def _officer(tx: AsyncSession, person_id: UUID) -> Officer:
    clear = select(Person).where(Person.id == person_id).options(undefer(Person.name), undefer(Person.id_number))
    person = (await tx.scalars(clear.execution_options(populate_existing=True))).one()
    record_read(tx, person_id, ["name", "id_number"], reader=str(person_id), purpose=Purpose.OWN_PROFILE)
    return Officer(person.name or "", person.id_number or "")


async def record_outcome(tx: AsyncSession, check_id: UUID, outcome: Outcome) -> None:
    """Record the registry's answer, even if the request fails later."""
    await tx.execute(update(RepresentationCheck).where(RepresentationCheck.id == check_id).values(outcome=outcome))


async def claim(tx: AsyncSession, person_id: UUID, uscc: str, outcome: Outcome) -> schemas.RepresentedOrganisation:
    """Give an organisation to the person whom the registry named.

    Raises:
        LegalEntityNotActive, NotTheRepresentative
        AssuranceTooLow: the identity was lost while the registry answered.
    """
    if outcome in {Outcome.NO_RECORD, Outcome.REVOKED}:
        raise LegalEntityNotActive(uscc=uscc, registry_says=outcome)
    if outcome is not Outcome.MATCH:
        raise NotTheRepresentative(uscc=uscc)
    require_proofed(await known_person(tx, person_id, for_update=True))
    row = {"id": new_id(), "uscc": uscc, "representative_id": person_id, "claimed_at": now(), "revision": 1}
    changes = {"representative_id": person_id, "claimed_at": now(), "revision": RepresentedOrganisation.revision + 1}
    changed = (
        insert(RepresentedOrganisation)
        .values(row)
        .on_conflict_do_update(
            index_elements=["uscc"],
            set_=changes,
            where=RepresentedOrganisation.representative_id.is_distinct_from(person_id),
        )
        .returning(RepresentedOrganisation.id)
    )
    if await tx.scalar(changed):
        organisation = await of_uscc(tx, uscc)
        await _announce(tx, organisation)
        await announce_end(tx, authority_id(organisation.id, organisation.revision - 1))
    return schemas.RepresentedOrganisation.model_validate(await of_uscc(tx, uscc))


async def end_all_of(tx: AsyncSession, person_id: UUID) -> None:
    """End what a person represents, who loses the identity that the registry knows."""
    own = select(RepresentedOrganisation).where(RepresentedOrganisation.representative_id == person_id)
    for each in await tx.scalars(own.order_by(RepresentedOrganisation.id).with_for_update()):
        ended = authority_id(each.id, each.revision)
        each.representative_id, each.revision = None, each.revision + 1
        await tx.flush()
        about = {"uscc": each.uscc, "representative_id": person_id, "revision": each.revision}
        await emit(tx, RepresentationEnded(organisation_id=each.id, ended_at=now(), **about))
        await announce_end(tx, ended)
        record_on_commit(tx, RELEASED, organisation_id=each.id, person_id=person_id)


async def _announce(tx: AsyncSession, organisation: RepresentedOrganisation) -> None:
    names = ("uscc", "representative_id", "claimed_at", "revision")
    about = {name: getattr(organisation, name) for name in names}
    await emit(tx, OrganisationClaimed(organisation_id=organisation.id, **about))
    record_on_commit(tx, CLAIMED, organisation_id=organisation.id, person_id=organisation.representative_id)


async def of_uscc(tx: AsyncSession, uscc: str) -> RepresentedOrganisation:
    query = select(RepresentedOrganisation).where(RepresentedOrganisation.uscc == uscc)
    return (await tx.scalars(query.execution_options(populate_existing=True))).one()


async def represented_by(tx: AsyncSession, person_id: UUID) -> Sequence[RepresentedOrganisation]:
    """The organisations of a representative, the first claimed first."""
    own = select(RepresentedOrganisation).where(RepresentedOrganisation.representative_id == person_id)
    return (await tx.scalars(own.order_by(RepresentedOrganisation.id))).all()
