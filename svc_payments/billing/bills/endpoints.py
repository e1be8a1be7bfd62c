from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from kit.callers import ByKind
from svc_payments.billing.bills import changes, push, schemas, service, versions
from svc_payments.billing.explanations.schemas import ExplainedBill
from svc_payments.billing.explanations.service import explained_bill
from svc_payments.parties.callers import BillSender, Language, helping, record_helper_read
from svc_payments.parties.providers.account_numbers import AccountNumber

router = APIRouter(prefix="/payments/v1", tags=["bills"])


# A resident reads the bills of their accounts, a relative those of the person they help, a provider its own.
_READERS = ByKind(
    person=allow(scope="bills", assurance_level=2), relative=helping("bills"), client=allow(scope="bills:write")
)


async def _reader(request: Request, caller: Annotated[Caller, Depends(_READERS)]) -> Caller:
    return await record_helper_read(request, caller)


Reader = Annotated[Caller, Depends(_reader)]
BillNumber = Annotated[str | None, Query(pattern="^[A-Za-z0-9-]{1,32}$", description="The provider's own number.")]
Withdrawn = Annotated[bool, Query(description="Those that are void, expired or superseded, and only those.")]


@router.get("/bills")
async def list_bills(
    tx: ReadTx,
    caller: Reader,
    page: PageQuery,
    status: schemas.PayingStatus | None = None,
    account_number: AccountNumber | None = None,
    bill_number: BillNumber = None,
    withdrawn: Withdrawn = False,  # noqa: FBT002 - a query parameter
) -> Page[schemas.Bill]:
    """List a resident's bills, newest first, or a provider's by bill number.

    A page of a provider's list scans a bounded range of numbers: where few match it may be short or empty and still
    have a next one.
    """
    wanted = service.Wanted(status, account_number, bill_number, withdrawn)
    return await service.list_bills(tx, caller, wanted, page)


@router.get("/bills/{bill_id}")
async def get_bill(tx: ReadTx, caller: Reader, language: Language, bill_id: UUID) -> ExplainedBill:
    """Get a bill, with how its amount follows from the provider's tariff."""
    return await explained_bill(tx, caller, bill_id, language)


@router.get("/bills/{bill_id}/versions")
async def list_bill_versions(tx: ReadTx, caller: Reader, bill_id: UUID, page: PageQuery) -> Page[schemas.BillVersion]:
    """List the versions of a bill and the reasons of its changes, newest first."""
    return await versions.list_versions(tx, caller, bill_id, page)


@router.post("/bills", openapi_extra={"x-max-body-bytes": 4 * 1024 * 1024, "x-timeout-seconds": 60})
async def push_bills(
    tx: Tx, caller: BillSender, once: OnceKey, language: Language, body: schemas.BillPush
) -> schemas.PushReport:
    """Send up to 1,000 bills as JSON.

    The rules and reasons are those of bill files, and so is the effect of a repeated request.
    """
    return await once.do(tx, caller, push.push(tx, caller.id, body.bills, language))


@router.post("/bills/{bill_id}/amendments")
async def amend_bill(tx: Tx, caller: BillSender, once: OnceKey, bill_id: UUID, body: schemas.Amendment) -> schemas.Bill:
    """Amend a due bill.

    Earlier versions stay on record.
    """
    return await once.do(tx, caller, changes.amend(tx, caller.id, bill_id, body))


@router.post("/bills/{bill_id}/void")
async def void_bill(tx: Tx, caller: BillSender, once: OnceKey, bill_id: UUID, body: schemas.Change) -> schemas.Bill:
    """Void a due bill."""
    return await once.do(tx, caller, changes.void(tx, caller.id, bill_id, body))


@router.post("/bills/{bill_id}/expire")
async def expire_bill(tx: Tx, caller: BillSender, once: OnceKey, bill_id: UUID, body: schemas.Change) -> schemas.Bill:
    """Expire a due bill, so that it can no longer be paid."""
    return await once.do(tx, caller, changes.expire(tx, caller.id, bill_id, body))
