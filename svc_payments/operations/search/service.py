from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.data_reads.service import holders, record_read
from svc_payments.collection.mandates.models import Mandate
from svc_payments.collection.payments.models import Payment
from svc_payments.operations.search import schemas
from svc_payments.operations.search.queries import lookups

CHECKERS = ("operator", "auditor")
"""Who searches and opens records."""


async def search(tx: AsyncSession, caller: Caller, number: str) -> schemas.Hits:
    """Everything that this number refers to. Each result is audited as a read of personal data."""
    hits = [
        schemas.Hit(kind=kind, found_by=found_by, id=identifier, payment_id=payment_id)
        for query in lookups(number)
        for kind, found_by, identifier, payment_id in await tx.execute(query)
    ]
    for hit in hits:
        of = await _persons(tx, hit)
        action, data = f"find_{hit.kind}", [f"{hit.kind}s"]
        await record_read(tx, caller, action, hit.id, of=of, data=data, roles=CHECKERS, found_by=hit.found_by)
    return schemas.Hits(items=hits)


async def _persons(tx: AsyncSession, hit: schemas.Hit) -> Sequence[UUID]:
    """Whose a hit is; nobody's, if it is about no resident."""
    if hit.payment_id:
        return (await tx.scalars(select(Payment.person_id).where(Payment.id == hit.payment_id))).all()
    if hit.kind == "mandate":
        return (await tx.scalars(select(Mandate.person_id).where(Mandate.id == hit.id))).all()
    if hit.kind == "bill":
        bill = (await tx.scalars(select(Bill).where(Bill.id == hit.id))).one()
        return await holders(tx, bill.provider_id, bill.account_number)
    return []
