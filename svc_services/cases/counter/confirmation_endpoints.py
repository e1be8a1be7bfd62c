"""What the person at the counter does in their own app."""

from uuid import UUID

from fastapi import APIRouter, Response

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from svc_services.cases.applications.endpoints import Applicant
from svc_services.cases.applications.presenters import shown, tagged
from svc_services.cases.applications.schemas import Application
from svc_services.cases.counter import confirmations, schemas
from svc_services.cases.counter.presenters import of_person
from svc_services.cases.workflows.definition import Actor

router = APIRouter(prefix="/services/v1/counter-confirmations", tags=["counter"])


@router.post("/open")
async def open_counter_code(
    tx: Tx, caller: Applicant, once: OnceKey, body: schemas.TypedCounterCode
) -> schemas.CounterConfirmation:
    """Open the code that the counter shows; the answer has the number that the clerk types next.

    The code belongs to the first person who opens it. What is to be filed comes once the clerk has typed the number.
    """

    async def open_code() -> schemas.CounterConfirmation:
        return await of_person(tx, await confirmations.open_code(tx, caller, body.code))

    return await once.do(tx, caller, open_code())


@router.get("/{filing_id}")
async def get_counter_confirmation(tx: ReadTx, caller: Applicant, filing_id: UUID) -> schemas.CounterConfirmation:
    """Get what the counter would file in one's name, with its digest."""
    return await of_person(tx, await confirmations.mine(tx, caller.id, filing_id))


@router.post("/{filing_id}/confirm")
async def confirm_counter_filing(
    tx: Tx, caller: Applicant, response: Response, once: OnceKey, filing_id: UUID, body: schemas.ReadContent
) -> Application:
    """Confirm what one has read: exactly this is filed, in one's own name.

    Where anything has changed since, the answer is 409 `filing_changed` and nothing is filed.
    """

    async def confirm() -> Application:
        case = await confirmations.confirm(tx, caller, filing_id, body.digest)
        return await shown(tx, case, {Actor.CITIZEN})

    return tagged(response, await once.do(tx, caller, confirm()))


@router.post("/{filing_id}/decline")
async def decline_counter_filing(
    tx: Tx, caller: Applicant, once: OnceKey, filing_id: UUID
) -> schemas.CounterConfirmation:
    """Decline what the counter would file; its content is deleted."""

    async def decline() -> schemas.CounterConfirmation:
        return await of_person(tx, await confirmations.decline(tx, caller.id, filing_id))

    return await once.do(tx, caller, decline())
