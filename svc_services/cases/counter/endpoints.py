"""What clerks do at the counter."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import Problem
from kit.etags import IfMatch, etag_of
from svc_services.cases.counter import content, schemas, service
from svc_services.cases.counter.models import CounterFiling, FilingStatus
from svc_services.cases.counter.presenters import of_clerk, summaries
from svc_services.cases.workflows.definition import Actor

router = APIRouter(prefix="/services/v1/counter-filings", tags=["counter"])
Clerk = Annotated[Caller, Depends(allow(scope="staff", role=Actor.CLERK.value))]
_FORM = {"x-max-body-bytes": 131_072}


@router.post("", status_code=201, openapi_extra=_FORM)
async def create_counter_filing(
    tx: Tx, caller: Clerk, response: Response, once: OnceKey, body: schemas.NewCounterFiling
) -> schemas.CounterFiling:
    """Begin an application for somebody at the counter, also one that another county's office decides."""

    async def create() -> schemas.CounterFiling:
        return await of_clerk(tx, await service.create(tx, caller, body))

    return _tagged(response, await once.do(tx, caller, create()))


@router.get("")
async def list_counter_filings(
    tx: ReadTx, caller: Clerk, page: PageQuery, status: FilingStatus | None = None
) -> Page[schemas.CounterFilingSummary]:
    """List what one has taken in, newest first, and where each case stands."""
    query = select(CounterFiling).where(CounterFiling.clerk_id == caller.id, service.within_reach(caller))
    if status:
        query = query.where(CounterFiling.status == status)
    found = await page_of(tx, query, page, CounterFiling.id, lambda each: each, newest_first=True)
    return Page(items=await summaries(tx, found.items), next_cursor=found.next_cursor)


@router.get("/{filing_id}")
async def get_counter_filing(tx: ReadTx, caller: Clerk, response: Response, filing_id: UUID) -> schemas.CounterFiling:
    """Get a filing of one's own; once it is filed, where its case stands and nothing more."""
    return _tagged(response, await of_clerk(tx, await service.own(tx, caller, filing_id)))


@router.put("/{filing_id}/form", openapi_extra=_FORM)
async def save_counter_filing(
    tx: Tx, caller: Clerk, response: Response, filing_id: UUID, body: schemas.FilingForm, if_match: IfMatch = None
) -> schemas.CounterFiling:
    """Change what would be filed; an offer of what it was before ends."""
    return _tagged(response, await of_clerk(tx, await service.save(tx, caller, filing_id, body.form, if_match)))


@router.put("/{filing_id}/materials/{material_id}")
async def add_counter_material(
    tx: Tx, caller: Clerk, response: Response, filing_id: UUID, material_id: UUID
) -> schemas.CounterFiling:
    """Add a file that the clerk has uploaded; it becomes the applicant's when this is filed. Idempotent."""
    filing = await service.change_materials(tx, caller, filing_id, material_id, content.add_material)
    return _tagged(response, await of_clerk(tx, filing))


@router.delete("/{filing_id}/materials/{material_id}", status_code=204)
async def remove_counter_material(tx: Tx, caller: Clerk, filing_id: UUID, material_id: UUID) -> None:
    """Remove a file from a filing; it is deleted."""
    await service.change_materials(tx, caller, filing_id, material_id, content.remove_material)


@router.post("/{filing_id}/offer")
async def offer_counter_filing(tx: Tx, caller: Clerk, once: OnceKey, filing_id: UUID) -> schemas.CounterOffer:
    """Offer a complete filing to its person, by a code for their app that lives fifteen minutes.

    An earlier code opens nothing any more.
    """

    async def offer() -> schemas.CounterOffer:
        filing, code = await service.offer(tx, caller, filing_id)
        return schemas.CounterOffer(filing=await of_clerk(tx, filing), code=code)

    return await once.do(tx, caller, offer())


@router.post("/{filing_id}/admit")
async def admit_person(
    transactions: Transactions, caller: Clerk, once: OnceKey, filing_id: UUID, body: schemas.TypedMatchNumber
) -> schemas.CounterFiling:
    """Accept the phone in front of the counter by the number that it shows; its person reads the content then.

    The fifth wrong number ends the offer; the clerk makes another one at once.
    """
    async with transactions.transaction() as tx:
        await once.claim(tx, caller)
        outcome = await service.admit(tx, caller, filing_id, body.match_number)
        if not isinstance(outcome, Problem):
            return await once.do(tx, caller, of_clerk(tx, outcome))
    raise outcome  # after the commit: a refusal raised within would undo the count of tries


@router.post("/{filing_id}/withdraw")
async def withdraw_counter_filing(tx: Tx, caller: Clerk, once: OnceKey, filing_id: UUID) -> schemas.CounterFiling:
    """Withdraw what is not filed; its content and the files that were uploaded for it are deleted."""

    async def withdraw() -> schemas.CounterFiling:
        return await of_clerk(tx, await service.withdraw(tx, caller, filing_id))

    return await once.do(tx, caller, withdraw())


def _tagged(response: Response, filing: schemas.CounterFiling) -> schemas.CounterFiling:
    response.headers["ETag"] = etag_of(filing.version)
    return filing
