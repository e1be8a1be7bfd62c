"""Writes deliveries in the transaction of what they tell, and repeats or pauses them at the company's word."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.calendar import database_time
from kit.leases import claimable
from kit.security_log import record_on_commit
from svc_services.providers.deliveries.models import WAITING, Delivery, DeliveryEndpoint, DeliveryKind, DeliveryStatus

TRIED_FOR = timedelta(hours=72)
MOST_AT_ONCE = 500
"""How many are ordered again, or given up, in one transaction."""
_BETWEEN = timedelta(minutes=1)
_LOGGED_FOR = timedelta(days=90)
"""As `svc_services.retention` has it."""
_PAUSED, _RESUMED = SecurityEvent("deliveries_paused"), SecurityEvent("deliveries_resumed")
_REPEATED = SecurityEvent("deliveries_repeated")


class RepeatedMomentsAgo(Problem):
    """Ordering again is for people, not for programs."""

    status, code = 429, "delivery_repeated_moments_ago"
    headers = {"Retry-After": str(int(_BETWEEN.total_seconds()))}  # noqa: RUF012 - as `Problem` has it


async def enqueue(
    tx: AsyncSession, provider_id: UUID, kind: DeliveryKind, subject_id: UUID, **details: str | int | bool | None
) -> None:
    """Have a company told of something. The caller holds the lock under which its subject changes."""
    said = {name: value for name, value in details.items() if value is not None}
    give_up_at = func.now() + TRIED_FOR
    tx.add(Delivery(provider_id=provider_id, kind=kind, subject_id=subject_id, details=said, give_up_at=give_up_at))
    # Now, not at the end of the transaction: positions are in the order in which things happened.
    await tx.flush()


async def delivery_of(tx: AsyncSession, provider_id: UUID, delivery_id: UUID, *, locked: bool = False) -> Delivery:
    """A delivery of a company.

    Raises:
        NotFound
    """
    found = await tx.get(Delivery, delivery_id, with_for_update=locked or None)
    if found is None or found.provider_id != provider_id:
        raise NotFound
    return found


async def repeat(tx: AsyncSession, caller: Caller, provider_id: UUID, delivery_id: UUID) -> Delivery:
    """Send a delivery again, under its id and for another 72 hours; one that waits is tried at once.

    Raises:
        NotFound
        RepeatedMomentsAgo
    """
    delivery = await delivery_of(tx, provider_id, delivery_id, locked=True)
    moment = await database_time(tx)
    if delivery.repeated_at and delivery.repeated_at > moment - _BETWEEN:
        raise RepeatedMomentsAgo
    _send_again(delivery, moment)
    record_on_commit(tx, _REPEATED, delivery_id=delivery_id, provider_id=provider_id, person_id=caller.id)
    return delivery


async def repeat_given_up(tx: AsyncSession, caller: Caller, provider_id: UUID, since: datetime) -> tuple[int, bool]:
    """Send again what was given up since a time, the oldest first. Returns how many, and whether there are more.

    Raises:
        RepeatedMomentsAgo
    """
    endpoint, moment = await locked_endpoint(tx, provider_id), await database_time(tx)
    if endpoint.repeated_at and endpoint.repeated_at > moment - _BETWEEN:
        raise RepeatedMomentsAgo
    since = min(max(since, moment - _LOGGED_FOR), moment)  # PostgreSQL has no time before the year 1 in some zone
    given_up = select(Delivery).where(
        Delivery.provider_id == provider_id, Delivery.status == DeliveryStatus.GIVEN_UP, Delivery.settled_at >= since
    )
    oldest = given_up.order_by(Delivery.id).limit(MOST_AT_ONCE + 1).with_for_update()
    found = (await tx.scalars(oldest)).all()
    for delivery in found[:MOST_AT_ONCE]:
        _send_again(delivery, moment)
    if found:
        endpoint.repeated_at = moment
        record_on_commit(tx, _REPEATED, provider_id=provider_id, person_id=caller.id)
    return len(found[:MOST_AT_ONCE]), len(found) > MOST_AT_ONCE


async def pause(tx: AsyncSession, caller: Caller, provider_id: UUID) -> DeliveryEndpoint:
    """Send a company nothing until it resumes. Idempotent. The 72 hours of what waits go on."""
    endpoint = await locked_endpoint(tx, provider_id)
    if endpoint.paused_at is None:
        endpoint.paused_at, endpoint.paused_by = await database_time(tx), caller.id
        record_on_commit(tx, _PAUSED, provider_id=provider_id, person_id=caller.id)
    return endpoint


async def resume(tx: AsyncSession, caller: Caller, provider_id: UUID) -> DeliveryEndpoint:
    """Send what waits now; where the endpoint was dead, the next delivery is tried at once. Idempotent."""
    endpoint = await locked_endpoint(tx, provider_id)
    if endpoint.paused_at is not None:
        record_on_commit(tx, _RESUMED, provider_id=provider_id, person_id=caller.id)
    endpoint.paused_at = endpoint.paused_by = None
    moment = await database_time(tx)
    sending = Delivery.status == DeliveryStatus.SENDING
    of_provider = select(Delivery.id).where(Delivery.provider_id == provider_id, sending)
    if endpoint.stalled_at is not None and await tx.scalar(of_provider.limit(1)) is None:
        endpoint.probe_at = moment
    await release_waiting(tx, provider_id)
    return endpoint


async def locked_endpoint(tx: AsyncSession, provider_id: UUID) -> DeliveryEndpoint:
    """How a company's endpoint fares, locked. Its row is made here, never by those who write deliveries.

    They hold locks on cases, and could wait for each other's new row with them.
    """
    await tx.execute(insert(DeliveryEndpoint).values(provider_id=provider_id).on_conflict_do_nothing())
    return await tx.get_one(DeliveryEndpoint, provider_id, with_for_update=True, populate_existing=True)


async def endpoint_of(tx: AsyncSession, provider_id: UUID) -> DeliveryEndpoint:
    """How a company's endpoint fares."""
    return await tx.get(DeliveryEndpoint, provider_id) or DeliveryEndpoint(provider_id=provider_id, failures=0)


async def release_waiting(tx: AsyncSession, provider_id: UUID) -> None:
    """Have everything that waits for its next try tried now."""
    pending = (Delivery.provider_id == provider_id, Delivery.status == DeliveryStatus.PENDING)
    await tx.execute(update(Delivery).where(*pending, Delivery.try_at > func.now()).values(try_at=func.now()))


async def give_up_due(database: Database) -> None:
    """Give up what could not be tried in its time: the company is suspended or paused, or its endpoint dead."""
    while True:
        async with database.transaction() as tx:
            moment = await database_time(tx)
            # One that is being sent is not, unless its worker has not come back.
            idle = or_(Delivery.status == DeliveryStatus.PENDING, Delivery.try_at <= moment)
            due = select(Delivery).where(Delivery.status.in_(WAITING), Delivery.give_up_at <= moment, idle)
            found = (await tx.scalars(claimable(due, Delivery.give_up_at, limit=MOST_AT_ONCE))).all()
            for delivery in found:
                delivery.move_to(DeliveryStatus.GIVEN_UP)
                delivery.settled_at = moment
        if len(found) < MOST_AT_ONCE:
            return


def _send_again(delivery: Delivery, moment: datetime) -> None:
    delivery.repeated_at = moment
    if delivery.status == DeliveryStatus.SENDING:
        return
    if delivery.status != DeliveryStatus.PENDING:
        delivery.move_to(DeliveryStatus.PENDING)
        delivery.settled_at = None
    delivery.try_at, delivery.give_up_at, delivery.failures = moment, moment + TRIED_FOR, 0
