from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.calendar import today_of
from svc_identity.organisations.models import CounterRole, Role
from svc_identity.people.persons.endpoints import Somebody
from svc_identity.privacy.corrections import schemas, service
from svc_identity.privacy.corrections.models import Correction

router = APIRouter(prefix="/identity/v1", tags=["my data"])
at_counters = APIRouter(prefix="/identity/v1/corrections", tags=["organisations"])

Clerk = Annotated[Caller, Depends(allow(scope="staff", role=CounterRole.CLERK))]

Watcher = Annotated[Caller, Depends(allow(scope="staff", role=(CounterRole.CLERK, Role.OPERATOR)))]
"""An operator sees what is late and presses the clerks, and neither reads nor answers it."""


@router.post("/me/corrections", status_code=201)
async def request_correction(
    tx: Tx, caller: Somebody, once: OnceKey, body: schemas.NewCorrection
) -> schemas.Correction:
    """Request a correction of what one cannot change oneself.

    A name that the population registry has already is corrected by `POST /identity/v1/me/proofing`, and a phone by
    changing it. Anything else, such as the holder of a utility account, is asked for here in one's own words. A clerk
    of the division answers by `due_on`.
    """
    return await once.do(tx, caller, service.ask(tx, caller.id, body))


@router.get("/me/corrections")
async def list_my_corrections(tx: ReadTx, caller: Somebody, page: PageQuery) -> Page[schemas.Correction]:
    """List the caller's requests for a correction, newest first, with their answers."""
    mine = service.of_person(caller.id)
    return await page_of(tx, mine, page, Correction.id, schemas.Correction.of, newest_first=True)


@router.post("/me/corrections/{correction_id}/withdraw")
async def withdraw_correction(tx: Tx, caller: Somebody, once: OnceKey, correction_id: UUID) -> schemas.Correction:
    """Withdraw one's own request for a correction."""
    return await once.do(tx, caller, service.withdraw(tx, caller.id, correction_id))


@at_counters.get("")
async def list_open_corrections(
    tx: ReadTx,
    caller: Watcher,
    page: PageQuery,
    late: Annotated[bool, Query(description="Only those whose last day for the answer is over.")] = False,  # noqa: FBT002 - a query
) -> Page[schemas.OpenCorrection]:
    """List the open requests of the divisions in which the caller is clerk or operator, oldest first; they name nobody.

    `late` says that the last day for the answer is over.
    """
    day = await today_of(tx)
    mine = service.open_for(caller, due_before=day if late else None)
    return await page_of(tx, mine, page, Correction.id, partial(schemas.OpenCorrection.of, day=day))


@at_counters.get("/{correction_id}")
async def get_correction(tx: Tx, caller: Clerk, correction_id: UUID) -> schemas.CorrectionAtCounter:
    """Get a request for a correction with its words.

    Name and phone are masked. Each read is logged, and its person sees it.
    """
    return await service.at_counter(tx, caller, correction_id)


@at_counters.post("/{correction_id}/answer")
async def answer_correction(
    tx: Tx, caller: Clerk, once: OnceKey, correction_id: UUID, body: schemas.CorrectionAnswer
) -> schemas.CorrectionAtCounter:
    """Record the answer to a request for a correction.

    The correction itself is made where the data is kept, such as by the company of the account. Nobody answers a
    request of their own.
    """
    return await once.do(tx, caller, service.answer(tx, caller, correction_id, body))
