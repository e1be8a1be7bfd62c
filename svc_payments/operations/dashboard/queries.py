"""What is going on with the money, counted over a stretch of time that ends now."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.dead_letters import dead_letters
from chassis.outbox import outbox
from svc_payments.collection.payments.models import GIVEN_UP, Payment, PaymentStatus
from svc_payments.collection.postings.models import Posting, PostingStatus
from svc_payments.collection.refunds.models import Refund, RefundStatus
from svc_payments.operations.dashboard import schemas
from svc_payments.operations.dashboard.gauges import WAITS_FOR_PEOPLE
from svc_payments.operations.dashboard.overdue import OVERDUE
from svc_payments.operations.manual_actions.models import ActionStatus, ManualAction
from svc_payments.oversight.incidents.models import Incident
from svc_payments.reconciliation.discrepancies.models import Discrepancy, DiscrepancyStatus

_UUID_TIME_BITS = 80


def first_id_at(moment: datetime) -> UUID:
    """What no id made from this moment on is smaller than: a UUIDv7 begins with its milliseconds (RFC 9562, 5.7)."""
    return UUID(int=int(moment.timestamp() * 1000) << _UUID_TIME_BITS)


async def figures(tx: AsyncSession, since: datetime, at: datetime) -> schemas.Figures:
    return schemas.Figures(
        at=at,
        since=since,
        channels=await _channels(tx, since),
        providers=await _providers(tx, since),
        unknown=await _count(tx, Payment.status == PaymentStatus.UNKNOWN),
        overdue=await _count(tx, OVERDUE),
        open_incidents=await _count(tx, Incident.resolved_at.is_(None)),
        open_cases=await _count(tx, Discrepancy.status != DiscrepancyStatus.CLOSED),
        late_cases=await _count(
            tx, and_(Discrepancy.status != DiscrepancyStatus.CLOSED, Discrepancy.due_at <= func.now())
        ),
        refunds_waiting=await _count(tx, Refund.status.in_(WAITS_FOR_PEOPLE)),
        refunds_unknown=await _count(tx, Refund.status == RefundStatus.UNKNOWN),
        manual_actions_waiting=await _count(tx, ManualAction.status == ActionStatus.PROPOSED),
        events_waiting=await _count(tx, outbox.c.published_at.is_(None)),
        parked_events=await _count(tx, dead_letters.c.replayed_at.is_(None)),
    )


async def overdue_by_status(tx: AsyncSession) -> dict[str, int]:
    overdue = select(Payment.status, func.count().label("payments")).where(OVERDUE)
    return {row.status: row.payments for row in await tx.execute(overdue.group_by(Payment.status))}


async def _count(tx: AsyncSession, condition: ColumnElement[bool]) -> int:
    return (await tx.scalars(select(func.count()).where(condition))).one()


async def _channels(tx: AsyncSession, since: datetime) -> list[schemas.ChannelFigures]:
    captured = func.count().filter(Payment.captured_at.is_not(None))
    given_up = func.count().filter(Payment.status.in_(GIVEN_UP))
    begun = select(Payment.channel, func.count(), captured, given_up).where(Payment.id >= first_id_at(since))
    return [
        schemas.ChannelFigures(
            channel=channel,
            begun=total,
            captured=captured,
            given_up=given_up,
            under_way=total - captured - given_up,
            success=captured / (captured + given_up) if captured + given_up else None,
        )
        for channel, total, captured, given_up in await tx.execute(
            begun.group_by(Payment.channel).order_by(Payment.channel)
        )
    ]


async def _providers(tx: AsyncSession, since: datetime) -> list[schemas.ProviderFigures]:
    is_booked, is_refused = (Posting.status == status for status in (PostingStatus.BOOKED, PostingStatus.REFUSED))
    # created_at is the moment of the capture, for both are one transaction.
    seconds = func.extract("epoch", Posting.settled_at - Posting.created_at)
    query = select(
        Posting.provider_id,
        func.count(),
        func.count().filter(is_booked),
        func.count().filter(is_refused),
        func.count().filter(Posting.settled_at.is_(None)),
        func.percentile_cont(0.5).within_group(seconds).filter(is_booked),
        func.percentile_cont(0.95).within_group(seconds).filter(is_booked),
    ).where(Posting.id >= first_id_at(since))
    return [
        schemas.ProviderFigures(
            provider_id=provider_id,
            told=total,
            booked=booked,
            refused=refused,
            open=waiting,
            success=booked / (booked + refused) if booked + refused else None,
            median_seconds=median,
            slowest_twentieth_seconds=slowest,
        )
        for provider_id, total, booked, refused, waiting, median, slowest in await tx.execute(
            query.group_by(Posting.provider_id).order_by(Posting.provider_id)
        )
    ]
