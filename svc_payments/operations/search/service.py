from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from svc_payments.operations.search import schemas
from svc_payments.operations.search.queries import lookups
from svc_payments.oversight.audit import service as audit


async def search(tx: AsyncSession, caller: Caller, number: str) -> schemas.Hits:
    """Everything that this number refers to. Each result is audited as a read of personal data."""
    hits = [
        schemas.Hit(kind=kind, found_by=found_by, id=identifier, payment_id=payment_id)
        for query in lookups(number)
        for kind, found_by, identifier, payment_id in await tx.execute(query)
    ]
    for hit in hits:
        await audit.record(tx, caller, f"find_{hit.kind}", hit.id, found_by=hit.found_by)
    return schemas.Hits(items=hits)
