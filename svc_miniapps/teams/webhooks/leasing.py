"""Leases deliveries to one team, and records what came of them: the webhook's row is locked for both.

As with deliveries to companies (0144): the number of the try is a fencing token against workers that come back late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.telemetry import log
from kit.calendar import database_time
from kit.deliveries import MOST_FAILURES, PAUSES, PROBE_PAUSES, Outcome
from kit.leases import pause_after
from svc_miniapps.teams.webhooks.models import (
    WAITING,
    TeamWebhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookKind,
    WebhookStatus,
)
from svc_miniapps.teams.webhooks.service import release_waiting

_ALLOWED = or_(TeamWebhook.proved_at.is_not(None), WebhookDelivery.kind == WebhookKind.ENDPOINT_PROOF)
"""What may be sent: before the endpoint is proved, its proof alone."""


@dataclass(frozen=True)
class Try:
    """One worker's turn at a delivery."""

    delivery: WebhookDelivery
    number: int
    url: str
    is_probe: bool
    """The endpoint is dead as far as we know."""


async def teams_due(tx: AsyncSession) -> Sequence[UUID]:
    """The teams for which something can be tried now."""
    waits = WebhookDelivery.team_id == TeamWebhook.team_id, WebhookDelivery.status.in_(WAITING), _ALLOWED
    due = or_(
        and_(TeamWebhook.probe_at <= func.now(), exists().where(*waits)),
        and_(TeamWebhook.probe_at.is_(None), exists().where(*waits, WebhookDelivery.try_at <= func.now())),
    )
    return (await tx.scalars(select(TeamWebhook.team_id).where(TeamWebhook.paused_at.is_(None), due))).all()


async def lease(tx: AsyncSession, team_id: UUID, duration: timedelta) -> Try | None:
    """Lease the next delivery to a team: of each app only the first that waits, none while it is paused."""
    webhook = await tx.get(TeamWebhook, team_id, with_for_update=True, populate_existing=True)
    moment = await database_time(tx)
    if webhook is None or webhook.paused_at is not None:
        return None
    due: ColumnElement[bool] = WebhookDelivery.try_at <= moment
    is_probe = webhook.probe_at is not None
    if webhook.probe_at is not None:
        if webhook.probe_at > moment:
            return None
        due = or_(due, WebhookDelivery.status == WebhookStatus.PENDING)
    delivery = await tx.scalar(
        _first_waiting(webhook).where(due).order_by(WebhookDelivery.try_at, WebhookDelivery.position).limit(1)
    )
    if delivery is None:
        return None
    delivery.move_to(WebhookStatus.SENDING)
    leased = Try(delivery, delivery.lease(duration), webhook.url, is_probe)
    if is_probe:
        webhook.probe_at = moment + duration
    await tx.flush()
    return leased


def _first_waiting(webhook: TeamWebhook) -> Select[WebhookDelivery]:
    earlier = aliased(WebhookDelivery)
    same = earlier.app_id == WebhookDelivery.app_id, earlier.team_id == webhook.team_id
    waits = exists().where(*same, earlier.position < WebhookDelivery.position, earlier.status.in_(WAITING))
    query = select(WebhookDelivery).where(
        WebhookDelivery.team_id == webhook.team_id, WebhookDelivery.status.in_(WAITING), ~waits
    )
    if webhook.proved_at is None:
        query = query.where(WebhookDelivery.kind == WebhookKind.ENDPOINT_PROOF)
    return query.with_for_update(skip_locked=True)


async def record(tx: AsyncSession, team_id: UUID, leased: Try, outcome: Outcome) -> None:
    """Record what came of a try, if its lease still holds."""
    webhook = await tx.get(TeamWebhook, team_id, with_for_update=True, populate_existing=True)
    delivery = await tx.get(WebhookDelivery, leased.delivery.id, with_for_update=True, populate_existing=True)
    if delivery is None or delivery.tries != leased.number or delivery.status != WebhookStatus.SENDING:
        log.warning("webhook_result_too_late", delivery_id=str(leased.delivery.id))
        return
    moment = await database_time(tx)
    tx.add(_attempt(leased, outcome))
    _settle(delivery, outcome, moment)
    await tx.flush()
    # What came of an address that was replaced meanwhile says nothing of the new one.
    if webhook and webhook.url == leased.url:
        await _note(tx, webhook, leased, outcome, moment)


def _attempt(leased: Try, outcome: Outcome) -> WebhookAttempt:
    return WebhookAttempt(
        delivery_id=leased.delivery.id,
        number=leased.number,
        began_at=outcome.began_at,
        milliseconds=outcome.milliseconds,
        status=outcome.status,
        fault=outcome.fault,
    )


def _settle(delivery: WebhookDelivery, outcome: Outcome, moment: datetime) -> None:
    if outcome.fault is None:
        delivery.move_to(WebhookStatus.DELIVERED)
        delivery.settled_at = moment
    elif delivery.give_up_at <= moment:
        delivery.move_to(WebhookStatus.GIVEN_UP)
        delivery.settled_at = moment
    else:
        delivery.move_to(WebhookStatus.PENDING)
        delivery.try_at = moment + pause_after(PAUSES, delivery.failures)
        delivery.failures += 1


async def _note(tx: AsyncSession, webhook: TeamWebhook, leased: Try, outcome: Outcome, moment: datetime) -> None:
    if outcome.fault is None and leased.delivery.kind == WebhookKind.ENDPOINT_PROOF:
        webhook.proved_at = webhook.proved_at or moment
    if outcome.is_alive:
        webhook.failures, webhook.probes = 0, 0
        if webhook.stalled_at is not None:
            webhook.stalled_at = webhook.probe_at = None
            await release_waiting(tx, webhook.team_id)
        return
    webhook.failures += 1
    if webhook.stalled_at is None and webhook.failures >= MOST_FAILURES:
        webhook.stalled_at, webhook.probes = moment, 0
        webhook.probe_at = moment + pause_after(PROBE_PAUSES, 0)
    elif webhook.stalled_at is not None and leased.is_probe:  # not one that was under way when it died
        webhook.probes += 1
        webhook.probe_at = moment + pause_after(PROBE_PAUSES, webhook.probes)
