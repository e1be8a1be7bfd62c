"""Corrections: asked for by a person, answered by a clerk of the division, whose reads are logged."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.approvals import require_second_person
from kit.calendar import today_of, working_day_after
from kit.fields.phones import mask_phone
from kit.security_log import record_on_commit
from svc_identity.organisations.claim_decisions.service import NotOfCounter
from svc_identity.organisations.models import CounterRole, Division, Membership, Organisation, Role
from svc_identity.organisations.service import PREFECTURE, UnknownDivision
from svc_identity.people.names import mask_name
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data, record_read
from svc_identity.people.persons.service import known_person
from svc_identity.privacy.corrections import schemas
from svc_identity.privacy.corrections.models import WORKING_DAYS, Correction, CorrectionStatus

CORRECTION_ANSWERED = SecurityEvent("correction_answered")
_CLEAR = undefer(Correction.words), undefer(Correction.answer)


class CorrectionOpen(Problem):
    """The caller's request about the same waits for its answer until `due_on`."""

    status, code = 409, "correction_open"


async def ask(tx: AsyncSession, person_id: UUID, new: schemas.NewCorrection) -> schemas.Correction:
    """Ask for a correction.

    Raises:
        UnknownDivision, CorrectionOpen
    """
    await known_person(tx, person_id, for_update=True)
    if await tx.get(Division, new.division_code) is None:
        raise UnknownDivision(division_code=new.division_code)
    same = Correction.person_id == person_id, Correction.about == new.about, Correction.status == CorrectionStatus.OPEN
    if waiting := await tx.scalar(select(Correction).where(*same)):
        raise CorrectionOpen(correction_id=str(waiting.id), due_on=waiting.due_on.isoformat())
    due_on = working_day_after(await today_of(tx), WORKING_DAYS)
    correction = Correction(person_id=person_id, due_on=due_on, **new.model_dump())
    tx.add(correction)
    await tx.flush()
    return await _shown(tx, correction.id)


def of_person(person_id: UUID) -> Select[Correction]:
    """The requests of a person, with their words."""
    return select(Correction).where(Correction.person_id == person_id).options(*_CLEAR)


async def withdraw(tx: AsyncSession, person_id: UUID, correction_id: UUID) -> schemas.Correction:
    """Withdraw one's own request.

    Raises:
        NotFound, IllegalMove
    """
    correction = await _locked(tx, correction_id)
    if correction.person_id != person_id:
        raise NotFound
    correction.move_to(CorrectionStatus.WITHDRAWN)
    await tx.flush()
    return await _shown(tx, correction_id)


async def forget(tx: AsyncSession, person_id: UUID) -> None:
    """Erase the words of a person whose account closes, and withdraw what is open."""
    for correction in (await tx.scalars(of_person(person_id).with_for_update())).all():
        correction.words = correction.answer = None
        if correction.status == CorrectionStatus.OPEN:
            correction.move_to(CorrectionStatus.WITHDRAWN)


def open_for(caller: Caller, due_before: date | None = None) -> Select[Correction]:
    """The open requests of the divisions in which the caller is clerk or operator; only those due before a day."""
    watching = caller.memberships_as(CounterRole.CLERK, Role.OPERATOR)
    held = {each.division_code or PREFECTURE for each in watching}
    query = select(Correction).where(Correction.status == CorrectionStatus.OPEN)
    if due_before:
        query = query.where(Correction.due_on < due_before)
    return query if PREFECTURE in held else query.where(Correction.division_code.in_(held))


async def at_counter(tx: AsyncSession, caller: Caller, correction_id: UUID) -> schemas.CorrectionAtCounter:
    """A request with its words; the read is logged and shown to its person.

    Raises:
        NotFound, NotOfCounter
    """
    correction = await tx.scalar(select(Correction).where(Correction.id == correction_id))
    if correction is None:
        raise NotFound
    await _require_clerk(tx, caller, correction.division_code)
    reader, why = caller.subject, Purpose.CORRECTION
    record_read(tx, correction.person_id, ["correction"], reader=reader, purpose=why)
    fields = ["phone", "name"]
    clear = (await read_personal_data(tx, [correction.person_id], fields, reader=reader, purpose=why))[
        correction.person_id
    ]
    own = await _shown(tx, correction_id)
    return schemas.CorrectionAtCounter(
        **own.model_dump(),
        name=mask_name(clear.name) if clear.name else None,
        phone=mask_phone(clear.phone) if clear.phone else None,
        answered_by=correction.answered_by,
    )


async def answer(
    tx: AsyncSession, caller: Caller, correction_id: UUID, given: schemas.CorrectionAnswer
) -> schemas.CorrectionAtCounter:
    """Answer a request.

    Raises:
        NotFound, NotOfCounter, SecondPersonNeeded, IllegalMove
    """
    correction = await _locked(tx, correction_id)
    await _require_clerk(tx, caller, correction.division_code)
    require_second_person(caller.id, correction.person_id)
    correction.move_to(given.outcome)
    correction.answer, correction.answered_by = given.answer, caller.id
    await tx.flush()
    record_on_commit(tx, CORRECTION_ANSWERED, given.outcome, correction_id=correction.id)
    return await at_counter(tx, caller, correction_id)


async def exported(tx: AsyncSession, person_id: UUID) -> list[dict[str, Any]]:
    """The requests of a person, for the file of their data."""
    return [schemas.Correction.of(each).model_dump() for each in await tx.scalars(of_person(person_id))]


async def _require_clerk(tx: AsyncSession, caller: Caller, division_code: str) -> None:
    """Refuse whoever is no clerk of the division or the prefecture; read live, as a token is up to ten minutes old."""
    current = Membership.person_id == caller.id, Membership.ended_at.is_(None), Membership.expires_at > now()
    reaching = or_(Organisation.division_code == division_code, Organisation.division_code == PREFECTURE)
    held = select(Membership.id).join(Organisation, Organisation.id == Membership.organisation_id)
    clerk = held.where(*current, Membership.role == CounterRole.CLERK, reaching).limit(1)
    if await tx.scalar(clerk) is None:
        raise NotOfCounter(role=CounterRole.CLERK)


async def _locked(tx: AsyncSession, correction_id: UUID) -> Correction:
    correction = await tx.scalar(select(Correction).where(Correction.id == correction_id).with_for_update())
    if correction is None:
        raise NotFound
    return correction


async def _shown(tx: AsyncSession, correction_id: UUID) -> schemas.Correction:
    query = select(Correction).where(Correction.id == correction_id).options(*_CLEAR)
    return schemas.Correction.of((await tx.scalars(query.execution_options(populate_existing=True))).one())
