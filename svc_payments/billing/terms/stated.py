"""What a company has stated in its application becomes the first proposal of its payment terms.

The operator who approved the application proposes it, so another one puts it into force. Terms that somebody has
proposed already are not touched: they know more than the application did.
"""

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import database_time, today_of
from svc_payments.billing.terms.models import TermsVersion
from svc_payments.billing.terms.terms import AdvancePayment, ClosedHours, PartialPayment, Terms, TopUp
from svc_payments.oversight.audit import service as audit
from svc_payments.parties.providers.models import Provider

_REASON = "stated in the application to connect"


class StatedTerms(BaseModel):
    """As svc_services has them."""

    bill_sources: tuple[str, ...]
    amount_rule: str
    least_fen: int | None = None
    most_ahead_fen: int | None = None
    top_up_amounts_fen: tuple[int, ...] | None = None
    closed_hours: dict[str, str] | None = None


def terms_of(stated: StatedTerms) -> Terms:
    """The same as payment terms; what an application does not state holds as where nothing is agreed."""
    document: dict[str, Any] = {"bill_sources": stated.bill_sources}
    if stated.amount_rule != "exact":
        document["partial_payment"] = (
            PartialPayment(least_fen=stated.least_fen) if stated.least_fen else PartialPayment()
        )
    if stated.most_ahead_fen:
        document["advance_payment"] = AdvancePayment(most_fen=stated.most_ahead_fen)
    if stated.top_up_amounts_fen:
        document["top_up"] = TopUp(amounts_fen=stated.top_up_amounts_fen)
    if stated.closed_hours:
        document["closed_hours"] = ClosedHours.model_validate(stated.closed_hours)
    return Terms.model_validate(document)


async def propose_stated(tx: AsyncSession, provider_id: UUID, approved_by: UUID, stated: dict[str, Any]) -> None:
    """Propose what a company stated, unless something was proposed before. Idempotent."""
    terms = terms_of(StatedTerms.model_validate(stated))
    await tx.get_one(Provider, provider_id, with_for_update={"key_share": True})
    if await tx.scalar(select(TermsVersion.version).where(TermsVersion.provider_id == provider_id).limit(1)):
        return
    tx.add(
        TermsVersion(
            provider_id=provider_id,
            version=1,
            wanted_from=await today_of(tx),
            document=terms.model_dump(mode="json"),
            reason=_REASON,
            proposed_by=approved_by,
            proposed_at=await database_time(tx),
        )
    )
    await audit.record(tx, None, "propose_payment_terms", provider_id, reason=_REASON, version=1)
