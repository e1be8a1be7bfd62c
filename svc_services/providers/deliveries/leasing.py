"""Leases deliveries of one company, and records what came of them: the endpoint's row is locked for both.

A worker leases and commits, calls outside of any transaction, and records the outcome if the lease still holds: the
number of the try is a fencing token against workers that come back late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.outbox import emit
from chassis.telemetry import log
from kit.deliveries import MOST_FAILURES, PAUSES, PROBE_PAUSES, DeliveryFault, Outcome
from kit.leases import claimable, pause_after
from svc_services.providers.applications.models import Provider
from svc_services.providers.deliveries.events import ProviderDeliveriesResumed, ProviderDeliveriesStalled
from svc_services.providers.deliveries.models import (
    WAITING,
    Delivery,
    DeliveryAttempt,
    DeliveryEndpoint,
    DeliveryStatus,
)
from svc_services.providers.deliveries.service import locked_endpoint, release_waiting


@dataclass(frozen=True)
class Try:
    """One worker's turn at a delivery."""

    delivery: Delivery
    number: int
    endpoint_url: str
    is_probe: bool
    """The endpoint is dead as far as we know."""


async def providers_due(tx: AsyncSession) -> Sequence[UUID]:
    """The companies for which something can be tried now."""
    of_provider = (Delivery.provider_id == Provider.id, Delivery.status.in_(WAITING))
    due = or_(
        DeliveryEndpoint.probe_at <= func.now(),
        and_(DeliveryEndpoint.probe_at.is_(None), exists().where(*of_provider, Delivery.try_at <= func.now())),
    )
    ready = select(Provider.id).outerjoin(DeliveryEndpoint, DeliveryEndpoint.provider_id == Provider.id)
    ready = ready.where(Provider.suspended_at.is_(None), DeliveryEndpoint.paused_at.is_(None))
    return (await tx.scalars(ready.where(due, exists().where(*of_provider)))).all()


@dataclass(frozen=True)
class Turn:
    """What one transaction knows of a company whose endpoint's row it has locked."""

    endpoint: DeliveryEndpoint
    provider: Provider
    moment: datetime


async def begin(tx: AsyncSession, provider_id: UUID) -> Turn:
    """Lock the endpoint of a company, to record outcomes and to lease deliveries."""
    query = (
        select(DeliveryEndpoint, Provider, func.now())
        .join(Provider, Provider.id == DeliveryEndpoint.provider_id)
        .where(DeliveryEndpoint.provider_id == provider_id)
        .with_for_update(of=DeliveryEndpoint)
        .execution_options(populate_existing=True)
    )
    found = (await tx.execute(query)).one_or_none()
    if found is None:
        await locked_endpoint(tx, provider_id)
        found = (await tx.execute(query)).one()
    return Turn(*found)


async def lease(tx: AsyncSession, turn: Turn, duration: timedelta, most: int) -> list[Try]:
    """Lease the next deliveries of a company: of each subject only the first that waits, none while it is paused.

    While its endpoint is dead, one is leased when its probe is due: the one that was tried the longest ago, so that one
    that the company never accepts does not keep the endpoint dead.
    """
    endpoint, moment = turn.endpoint, turn.moment
    if endpoint.paused_at is not None or turn.provider.suspended_at is not None or most < 1:
        return []
    due: ColumnElement[bool] = Delivery.try_at <= moment
    if endpoint.probe_at is not None:
        if endpoint.probe_at > moment:
            return []
        due, most = or_(due, Delivery.status == DeliveryStatus.PENDING), 1
    batch = claimable(_first_waiting(endpoint.provider_id).where(due), Delivery.try_at, Delivery.position, limit=most)
    tries, is_probe = [], endpoint.probe_at is not None
    for delivery in (await tx.scalars(batch)).all():
        delivery.move_to(DeliveryStatus.SENDING)
        tries.append(Try(delivery, delivery.lease(duration), turn.provider.endpoint_url, is_probe))
    if tries and is_probe:
        endpoint.probe_at = moment + duration
    await tx.flush()
    return tries


async def record(tx: AsyncSession, turn: Turn, outcomes: Sequence[tuple[Try, Outcome]]) -> None:
    """Record what came of tries, in the order in which they ended."""
    if not outcomes:
        return
    ids = [each.delivery.id for each, _ in outcomes]
    query = select(Delivery).where(Delivery.id.in_(ids)).order_by(Delivery.id).with_for_update()
    rows = {each.id: each for each in (await tx.scalars(query)).all()}
    for each, outcome in outcomes:
        delivery = rows.get(each.delivery.id)
        if delivery is None or delivery.tries != each.number or delivery.status != DeliveryStatus.SENDING:
            log.warning("delivery_result_too_late", delivery_id=str(each.delivery.id))
            continue
        tx.add(_attempt(each, outcome))
        _settle(delivery, outcome, turn.moment)
        await _note(tx, turn.endpoint, each, outcome, turn.moment)
    await tx.flush()


def _first_waiting(provider_id: UUID) -> Select[Delivery]:
    earlier = aliased(Delivery)
    # Of the same company: a case that was routed to another does not wait for an endpoint that is dead.
    same = (earlier.subject_id == Delivery.subject_id, earlier.provider_id == provider_id)
    waits = exists().where(*same, earlier.position < Delivery.position, earlier.status.in_(WAITING))
    return select(Delivery).where(Delivery.provider_id == provider_id, Delivery.status.in_(WAITING), ~waits)


def _attempt(each: Try, outcome: Outcome) -> DeliveryAttempt:
    return DeliveryAttempt(
        delivery_id=each.delivery.id,
        number=each.number,
        began_at=outcome.began_at,
        milliseconds=outcome.milliseconds,
        status=outcome.status,
        fault=outcome.fault,
        answer=outcome.answer,
    )


def _settle(delivery: Delivery, outcome: Outcome, moment: datetime) -> None:
    if outcome.fault is None:
        delivery.move_to(DeliveryStatus.DELIVERED)
        delivery.settled_at = moment
    elif delivery.give_up_at <= moment:
        delivery.move_to(DeliveryStatus.GIVEN_UP)
        delivery.settled_at = moment
    else:
        delivery.move_to(DeliveryStatus.PENDING)
        delivery.try_at = moment + pause_after(PAUSES, delivery.failures)
        delivery.failures += 1


async def _note(tx: AsyncSession, endpoint: DeliveryEndpoint, each: Try, outcome: Outcome, moment: datetime) -> None:
    """Count a failure, or find the endpoint alive; tell of it when it dies and when it lives again."""
    if outcome.is_alive:
        await _revive(tx, endpoint, moment)
        return
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or moment
    if endpoint.stalled_at is None and endpoint.failures >= MOST_FAILURES:
        endpoint.stalled_at, endpoint.probes = moment, 0
        endpoint.probe_at = moment + pause_after(PROBE_PAUSES, 0)
        await _tell_stalled(tx, endpoint, endpoint.failing_since, outcome)
    elif endpoint.stalled_at is not None and each.is_probe:  # not one that was under way when it died
        endpoint.probes += 1
        endpoint.probe_at = moment + pause_after(PROBE_PAUSES, endpoint.probes)


async def _tell_stalled(tx: AsyncSession, endpoint: DeliveryEndpoint, since: datetime, last: Outcome) -> None:
    await tx.flush()
    waiting = select(func.count()).where(Delivery.provider_id == endpoint.provider_id, Delivery.status.in_(WAITING))
    stalled = ProviderDeliveriesStalled(
        provider_id=endpoint.provider_id,
        failing_since=since,
        fault=last.fault or DeliveryFault.NO_ANSWER,
        waiting=await tx.scalar(waiting) or 0,
    )
    await emit(tx, stalled)


async def _revive(tx: AsyncSession, endpoint: DeliveryEndpoint, moment: datetime) -> None:
    if endpoint.failures:
        endpoint.failures, endpoint.failing_since = 0, None
    if endpoint.stalled_at is not None:
        since, endpoint.stalled_at = endpoint.stalled_at, None
        endpoint.probe_at, endpoint.probes = None, 0
        await release_waiting(tx, endpoint.provider_id)
        await emit(tx, ProviderDeliveriesResumed(provider_id=endpoint.provider_id, stalled_at=since, resumed_at=moment))
