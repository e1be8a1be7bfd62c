"""The versions of a bill."""

from uuid import UUID

from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.pagination import Page, PageRequest, page_of
from svc_payments.billing.bills import schemas
from svc_payments.billing.bills.models import BillKind, BillVersion
from svc_payments.billing.bills.queries import versions_of, visible_on
from svc_payments.billing.bills.service import visible_bill


async def list_versions(
    tx: AsyncSession, caller: Caller, bill_id: UUID, page: PageRequest
) -> Page[schemas.BillVersion]:
    """The versions of a bill, newest first. Of another account it may once have been on, a resident sees nothing.

    Raises:
        NotFound: as for the bill itself.
    """
    bill = await visible_bill(tx, caller, bill_id)
    versions = versions_of(bill)
    query = select(versions)
    if caller.kind != "client" and bill.kind != BillKind.APPLICATION_FEE:
        then = (literal(bill.provider_id), versions.account_number, versions.period, literal(bill.created_at))
        query = query.where(visible_on(caller.id, then))
    return await page_of(tx, query, page, versions.version, _shown, newest_first=True)


def _shown(version: BillVersion) -> schemas.BillVersion:
    return schemas.BillVersion(
        version=version.version,
        account_number=version.account_number,
        period=f"{version.period:%Y-%m}",
        usage=version.usage,
        amount_fen=version.amount_fen,
        due_date=version.due_date,
        meter_from=version.meter_from,
        meter_to=version.meter_to,
        meter_digits=version.meter_digits,
        expires_on=version.expires_on,
        reason=version.reason,
        note=version.note,
        replaced_at=version.replaced_at,
    )
