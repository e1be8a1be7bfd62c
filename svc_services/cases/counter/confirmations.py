"""What the person does in their own app: open the code, read what would be filed, and confirm or decline it."""

import secrets
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound
from kit.approvals import SecondPersonNeeded
from kit.papers import codes
from svc_services.cases.applications import drafts
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.counter import content, service
from svc_services.cases.counter.models import OPEN, OVER, CounterFiling, CounterFilingMaterial, FilingStatus
from svc_services.cases.counter.refusals import CounterCodeUnknown, FilingChanged, FilingNotPossible, OfferOver
from svc_services.cases.materials.models import ApplicationMaterial


async def open_code(tx: AsyncSession, caller: Caller, typed: str) -> CounterFiling:
    """Bind an offer to the first person who opens it. Idempotent for that person.

    Raises:
        CounterCodeUnknown
        SecondPersonNeeded: the clerk does not confirm what they prepared, neither for themselves nor for others.
    """
    code = codes.read(typed)
    by_code = select(CounterFiling).where(CounterFiling.code_hash == codes.hash_of(code or ""))
    filing: CounterFiling | None = await tx.scalar(by_code.with_for_update())
    if code is None or filing is None or service.is_over(filing):
        raise CounterCodeUnknown
    if str(filing.clerk_id) in {caller.subject, caller.actor}:
        raise SecondPersonNeeded
    if filing.status == FilingStatus.OFFERED:
        filing.move_to(FilingStatus.OPENED)
        filing.person_id, filing.match_number = caller.id, f"{secrets.randbelow(10_000):04}"
        await tx.flush()
    elif filing.person_id != caller.id:
        raise CounterCodeUnknown
    return filing


async def mine(tx: AsyncSession, person_id: UUID, filing_id: UUID, *, locked: bool = False) -> CounterFiling:
    """A filing whose code the person has opened."""
    filing = await tx.get(CounterFiling, filing_id, with_for_update=locked or None)
    if filing is None or filing.person_id != person_id:
        raise NotFound
    return filing


async def confirm(tx: AsyncSession, caller: Caller, filing_id: UUID, digest: str) -> Application:
    """File what the person has read, in their name; the clerk is recorded as who took it in.

    Raises:
        NotFound, SecondPersonNeeded, FilingNotPossible, OfferOver
        FilingChanged: the person has read something else.
        AccountNotYours, FormRefused, MaterialsMissing, OpenAlready: as for every application.
    """
    filing = await mine(tx, caller.id, filing_id, locked=True)
    if str(filing.clerk_id) in {caller.subject, caller.actor}:
        raise SecondPersonNeeded
    if filing.status != FilingStatus.ADMITTED:
        raise FilingNotPossible
    if service.is_over(filing):
        raise OfferOver
    if (await content.content_of(tx, filing, locked=True)).digest != digest:
        raise FilingChanged
    case = await _begun(tx, filing, caller.id)
    await drafts.file(tx, case)
    filing.digest, filing.application_id, filing.filed_at = digest, case.id, now()
    filing.move_to(FilingStatus.FILED)
    await tx.flush()
    return case


async def decline(tx: AsyncSession, person_id: UUID, filing_id: UUID) -> CounterFiling:
    """End what the person does not want filed.

    Raises:
        NotFound, FilingNotPossible
    """
    filing = await mine(tx, person_id, filing_id, locked=True)
    if filing.status not in OPEN:
        raise FilingNotPossible
    await service.end(tx, filing)
    return filing


async def end_of_person(tx: AsyncSession, person_id: UUID) -> None:
    """End what is open for, or by, a person who has closed their account."""
    theirs = select(CounterFiling).where(
        (CounterFiling.person_id == person_id) | (CounterFiling.clerk_id == person_id),
        CounterFiling.status.not_in(OVER),
    )
    for filing in (await tx.scalars(theirs.order_by(CounterFiling.id).with_for_update())).all():
        await service.end(tx, filing)


async def _begun(tx: AsyncSession, filing: CounterFiling, person_id: UUID) -> Application:
    """The draft of a filing, with its files, which are the person's from now on."""
    workflow = await drafts.workflow_for(tx, filing.provider_id, filing.kind, filing.division_code)
    same = ("provider_id", "kind", "division_code", "account_number", "form", "counter_division_code")
    case = Application(
        person_id=person_id,
        workflow_id=workflow.id,
        version=1,
        status=CaseStatus.DRAFT,
        taken_in_by=filing.clerk_id,
        **{name: getattr(filing, name) for name in same},
    )
    tx.add(case)
    await tx.flush()
    for material in await content.materials_of(tx, filing, locked=True):
        material.person_id = person_id
        tx.add(ApplicationMaterial(application_id=case.id, material_id=material.id))
    await tx.execute(delete(CounterFilingMaterial).where(CounterFilingMaterial.filing_id == filing.id))
    await tx.flush()
    return case
