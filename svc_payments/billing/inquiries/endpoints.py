from typing import Annotated

from fastapi import APIRouter, Depends

from chassis.db import Transactions
from svc_payments.billing.inquiries import schemas
from svc_payments.billing.inquiries.exchange import Inquiries
from svc_payments.parties.callers import BilledResident
from svc_payments.parties.providers.live_query import TheQuestions, lifespan

router = APIRouter(prefix="/payments/v1", tags=["bill inquiries"], lifespan=lifespan)


async def _inquiries(transactions: Transactions, questions: TheQuestions) -> Inquiries:
    return Inquiries(transactions, questions)


# Once, bounded by MYILI_PROVIDER_TIMEOUT_SECONDS.
@router.post("/bill-inquiries", openapi_extra={"x-timeout-seconds": 30})
async def inquire_bills(
    caller: BilledResident, inquiries: Annotated[Inquiries, Depends(_inquiries)], body: schemas.NewBillInquiry
) -> schemas.BillInquiry:
    """Query amounts due from the provider of one of the caller's accounts.

    The bills can be paid at once. A repeated query within a moment gets the same answer, so it needs no Idempotency-
    Key.
    """
    return await inquiries.inquire(caller.id, body)
