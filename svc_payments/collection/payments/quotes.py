"""A dry run of a payment."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.billing.bills.account_bills import Made
from svc_payments.collection.payments import schemas, service
from svc_payments.collection.payments.allocation import Plan, PlannedLine
from svc_payments.parties.providers.service import require_connected
from svc_payments.settings.channels import ChannelName


async def quote(
    tx: AsyncSession, person_id: UUID, new: schemas.NewQuote, available: Sequence[ChannelName]
) -> schemas.PaymentQuote:
    """What a payment would pay.

    Raises: as `service.create_payment` does for the same choice, but for its channel.
    """
    plan = await service.chosen(tx, person_id, new, locked=False)
    await require_connected(tx, plan.provider_id)
    return schemas.PaymentQuote(
        provider_id=plan.provider_id,
        lines=[*(_line(line) for line in plan.lines), *([_made(plan.made)] if plan.made else [])],
        amount_fen=plan.amount_fen,
        late_fee_fen=sum(line.late_fee_fen for line in plan.lines),
        channels=usable_channels(plan, available),
    )


def usable_channels(plan: Plan, available: Sequence[ChannelName]) -> list[schemas.QuotedChannel]:
    """Those of the available channels that the provider takes, and whether the amount is within their limits."""
    return [
        schemas.QuotedChannel(
            channel=limits.channel,
            least_fen=limits.least_fen,
            most_fen=limits.most_fen,
            usable=limits.least_fen <= plan.amount_fen <= limits.most_fen,
        )
        for limits in plan.terms.usable(available)
    ]


def _line(line: PlannedLine) -> schemas.QuotedLine:
    return schemas.QuotedLine(
        bill_id=line.bill.id,
        kind=line.bill.kind,
        bill_number=line.bill.bill_number,
        period=f"{line.bill.period:%Y-%m}",
        due_date=line.bill.due_date,
        owed_fen=line.owed_fen,
        late_fee_fen=line.late_fee_fen,
        amount_fen=line.amount_fen,
        partial=line.partial,
    )


def _made(made: Made) -> schemas.QuotedLine:
    return schemas.QuotedLine(
        bill_id=None,
        kind=made.kind,
        bill_number=None,
        period=None,
        due_date=None,
        owed_fen=made.amount_fen,
        late_fee_fen=0,
        amount_fen=made.amount_fen,
        partial=False,
    )
