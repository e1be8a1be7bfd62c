"""Mandates: proposed by the representative, accepted by the agent, withdrawn by either, over on their last day."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.fields.phones import mask_phone
from kit.security_log import record_on_commit
from svc_identity.organisations.mandates import schemas
from svc_identity.organisations.mandates.events import MandateAccepted, MandateEnded
from svc_identity.organisations.mandates.models import LIVE, Mandate, MandateStatus
from svc_identity.organisations.models import Division
from svc_identity.organisations.representation.models import RepresentedOrganisation
from svc_identity.organisations.role_changes.terms import end_of
from svc_identity.organisations.service import UnknownDivision
from svc_identity.people.authorities.service import announce_end
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import known_person, phone_index, require_proofed
from svc_identity.vault.blind_indexes import Index, blind_index
from svc_identity.vault.reindexing import settle

_EVENTS = {status: SecurityEvent(f"mandate_{status}") for status in MandateStatus}


class MandateExists(Problem):
    status, code = 409, "mandate_exists"


class MandateForOther(Problem):
    """The phone is theirs and the proved name is another: it was meant for whoever had the phone."""

    status, code, security = 403, "mandate_for_other", SecurityEvent("mandate_refused")


async def propose(
    tx: AsyncSession, representative_id: UUID, organisation_id: UUID, new: schemas.NewMandate
) -> schemas.Mandate:
    """Propose a mandate to the owner of a phone.

    Raises:
        NotFound, UnknownDivision, MandateExists, AssuranceTooLow
    """
    require_proofed(await known_person(tx, representative_id, for_update=True))
    organisation = await represented(tx, representative_id, organisation_id)
    for code in new.division_codes:
        if await tx.get(Division, code) is None:
            raise UnknownDivision(division_code=code)
    index = phone_index(new.phone)
    await settle(tx, index)
    live = Mandate.organisation_id == organisation.id, Mandate.phone_index == index, Mandate.status.in_(LIVE)
    if other := await tx.scalar(select(Mandate.id).where(*live)):
        raise MandateExists(mandate_id=str(other))
    mandate = Mandate(
        organisation_id=organisation.id,
        phone_index=index,
        phone_masked=mask_phone(new.phone),
        name_index=name_index(new.name),
        scopes=sorted(set(new.scopes)),
        division_codes=sorted(set(new.division_codes)),
        valid_until=end_of(new.until),
        proposed_by=representative_id,
    )
    tx.add(mandate)
    return await _shown(tx, mandate)


async def accept(tx: AsyncSession, person_id: UUID, mandate_id: UUID) -> schemas.Mandate:
    """Accept a mandate that was proposed to this person.

    Raises:
        NotFound, IllegalMove, MandateForOther, AssuranceTooLow
    """
    mandate, person = await _for_agent(tx, person_id, mandate_id)
    require_proofed(person)
    own = await read_personal_data(tx, [person_id], ["name"], reader=str(person_id), purpose=Purpose.OWN_PROFILE)
    if name_index(own[person_id].name or "") != mandate.name_index:
        raise MandateForOther
    if mandate.valid_until <= now():
        mandate.end(MandateStatus.EXPIRED, None)
    else:
        mandate.accept(person.id)
        names = ("scopes", "division_codes", "valid_until")
        about = {name: getattr(mandate, name) for name in names}
        await tx.flush()
        await emit(tx, MandateAccepted(**await _named(tx, mandate), **about))
    return await _shown(tx, mandate)


async def decline(tx: AsyncSession, person_id: UUID, mandate_id: UUID) -> schemas.Mandate:
    """Decline a mandate that was proposed to this person.

    Raises:
        NotFound, IllegalMove
    """
    mandate, _ = await _for_agent(tx, person_id, mandate_id)
    mandate.end(MandateStatus.DECLINED, person_id)
    return await _shown(tx, mandate)


async def withdraw(tx: AsyncSession, person_id: UUID, mandate_id: UUID) -> schemas.Mandate:
    """Withdraw a mandate, as the representative or as the agent.

    Raises:
        NotFound, IllegalMove
    """
    mandate = await _locked(tx, mandate_id)
    organisation = await tx.get_one(RepresentedOrganisation, mandate.organisation_id)
    if person_id not in {organisation.representative_id, mandate.agent_id}:
        raise NotFound
    await _end(tx, mandate, MandateStatus.WITHDRAWN, person_id)
    return await _shown(tx, mandate)


async def end_all_of(tx: AsyncSession, person_id: UUID) -> None:
    """End the mandates that a person gave or accepted, who loses the identity by which they did."""
    of_person = or_(Mandate.proposed_by == person_id, Mandate.agent_id == person_id)
    live = select(Mandate).where(of_person, Mandate.status.in_(LIVE))
    for mandate in await tx.scalars(live.order_by(Mandate.id).with_for_update()):
        await _end(tx, mandate, MandateStatus.WITHDRAWN, None)
        await _shown(tx, mandate)


async def expire(tx: AsyncSession) -> None:
    """End the mandates whose last day is over."""
    over = select(Mandate).where(Mandate.status.in_(LIVE), Mandate.valid_until <= now())
    for mandate in await tx.scalars(over.order_by(Mandate.id).with_for_update(skip_locked=True)):
        await _end(tx, mandate, MandateStatus.EXPIRED, None)
        await _shown(tx, mandate)


async def represented(tx: AsyncSession, person_id: UUID, organisation_id: UUID) -> RepresentedOrganisation:
    """An organisation of this representative, locked against proposals at once.

    Raises:
        NotFound: also where it is another's, so that nothing is disclosed.
    """
    organisation = await tx.get(RepresentedOrganisation, organisation_id, with_for_update=True)
    if organisation is None or organisation.representative_id != person_id:
        raise NotFound
    return organisation


def offered_to(person: Person) -> ColumnElement[bool]:
    """The mandates of an agent: those accepted, and those proposed to their phone."""
    proposed = and_(Mandate.phone_index == person.phone_index, Mandate.status == MandateStatus.PROPOSED)
    return or_(Mandate.agent_id == person.id, proposed)


def name_index(name: str) -> Index:
    return blind_index("mandates.name", "".join(name.split()))


async def _for_agent(tx: AsyncSession, person_id: UUID, mandate_id: UUID) -> tuple[Mandate, Person]:
    mandate, person = await _locked(tx, mandate_id), await known_person(tx, person_id, for_update=True)
    if mandate.phone_index != person.phone_index:
        raise NotFound
    return mandate, person


async def _locked(tx: AsyncSession, mandate_id: UUID) -> Mandate:
    mandate = await tx.get(Mandate, mandate_id, with_for_update=True, populate_existing=True)
    if mandate is None:
        raise NotFound
    return mandate


async def _end(tx: AsyncSession, mandate: Mandate, status: MandateStatus, by: UUID | None) -> None:
    mandate.end(status, by)
    if mandate.agent_id:
        about = {"status": status, "ended_at": mandate.ended_at}
        await emit(tx, MandateEnded(**await _named(tx, mandate), **about))
        await announce_end(tx, str(mandate.id))


async def _named(tx: AsyncSession, mandate: Mandate) -> dict[str, object]:
    organisation = await tx.get_one(RepresentedOrganisation, mandate.organisation_id)
    names = {"organisation_id": organisation.id, "uscc": organisation.uscc, "agent_id": mandate.agent_id}
    return {"mandate_id": mandate.id, **names}


async def _shown(tx: AsyncSession, mandate: Mandate) -> schemas.Mandate:
    await tx.flush()
    about = {"organisation_id": mandate.organisation_id, "agent_id": mandate.agent_id, "ended_by": mandate.ended_by}
    record_on_commit(tx, _EVENTS[MandateStatus(mandate.status)], "", mandate_id=mandate.id, **about)
    return schemas.Mandate.model_validate(mandate)
