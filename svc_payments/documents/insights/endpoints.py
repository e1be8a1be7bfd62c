from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from chassis.db import ReadTx
from svc_payments.documents.insights import schemas, service
from svc_payments.parties.callers import BilledResident, PayingResident

router = APIRouter(prefix="/payments/v1", tags=["spending"])

_MONTH = "^2[01][0-9]{2}-(0[1-9]|1[0-2])$"
First = Annotated[
    str | None,
    Query(alias="from", pattern=_MONTH, description="The first month, YYYY-MM; by default eleven before the last."),
]
Last = Annotated[
    str | None, Query(alias="to", pattern=_MONTH, description="The last month; by default the present one in China.")
]
By = Annotated[str, Query(pattern="^(month|utility|month,utility|utility,month)$")]


@router.get("/spending")
async def get_spending(
    tx: ReadTx, caller: PayingResident, first: First = None, last: Last = None, by: By = "month,utility"
) -> schemas.Spending:
    """Get what the caller paid on any account, net of refunds, by month, by utility or by both."""
    return await service.spending_of(tx, caller.id, _first_day(first), _first_day(last), frozenset(by.split(",")))


@router.get("/usage")
async def get_usage(tx: ReadTx, caller: BilledResident, first: First = None, last: Last = None) -> schemas.Usage:
    """Get monthly usage and charges on the caller's accounts, beside the same month a year before.

    The answer does not say who paid.
    """
    return await service.usage_of(tx, caller.id, _first_day(first), _first_day(last))


def _first_day(month: str | None) -> date | None:
    return date.fromisoformat(f"{month}-01") if month else None
