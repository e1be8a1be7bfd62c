"""Writes deliveries in the transaction of what they tell, and sets, pauses and repeats them at the word of a lead."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database, now
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.calendar import database_time
from kit.endpoint_urls import Endpoints
from kit.leases import claimable
from kit.security_log import record_on_commit
from svc_miniapps.teams.models import Team
from svc_miniapps.teams.service import lock_team, require_lead, team_of_caller
from svc_miniapps.teams.webhooks.models import WAITING, TeamWebhook, WebhookDelivery, WebhookKind, WebhookStatus

TRIED_FOR = timedelta(hours=72)
_BETWEEN = timedelta(minutes=1)
_MOST_AT_ONCE = 500
_CHANGED = SecurityEvent("team_webhook_changed")


class WebhookNotSet(Problem):
    status, code = 404, "webhook_not_set"


class WebhookRepeatedMomentsAgo(Problem):
    """Repeating is for people, not for programs."""

    status, code = 429, "webhook_repeated_moments_ago"
    headers = {"Retry-After": str(int(_BETWEEN.total_seconds()))}  # noqa: RUF012 - as `Problem` has it


async def enqueue(
    tx: AsyncSession,
    organisation_id: UUID,
    division_code: str,
    kind: WebhookKind,
    app_id: UUID,
    **details: str | int | UUID | None,
) -> None:
    """Have the team of an organisation in a division told of something about an app, which the caller has locked.

    Nothing is written for a team without an endpoint.
    """
    of_team = Team.organisation_id == organisation_id, Team.division_code == division_code
    team_id = await tx.scalar(select(Team.id).join(TeamWebhook, TeamWebhook.team_id == Team.id).where(*of_team))
    if team_id is not None:
        said = {name: str(value) if isinstance(value, UUID) else value for name, value in details.items()}
        await _write(tx, team_id, kind, app_id, said)


async def set_webhook(tx: AsyncSession, endpoints: Endpoints, caller: Caller, team_id: UUID, url: str) -> TeamWebhook:
    """Set a team's endpoint as its lead; a new address is proved before anything else is sent. Idempotent.

    Raises:
        NotFound, NotTeamLead, EndpointUrlRefused
    """
    stored = await endpoints.accepted(url)  # first: names are resolved while nothing is locked
    await _as_lead(tx, caller, team_id)
    webhook = await _locked(tx, team_id)
    if webhook and webhook.url == stored:
        return webhook
    if webhook is None:
        webhook = TeamWebhook(team_id=team_id, url=stored, set_by=caller.id)
        tx.add(webhook)
    webhook.url, webhook.set_by, webhook.set_at, webhook.proved_at = stored, caller.id, now(), None
    webhook.failures = webhook.probes = 0
    webhook.stalled_at = webhook.probe_at = None
    await _give_up(tx, team_id, WebhookDelivery.kind == WebhookKind.ENDPOINT_PROOF)
    await _write(tx, team_id, WebhookKind.ENDPOINT_PROOF, None, {})
    record_on_commit(tx, _CHANGED, team_id=team_id, step="set")
    return webhook


async def remove_webhook(tx: AsyncSession, caller: Caller, team_id: UUID) -> None:
    """Remove a team's endpoint; what waits is given up. Idempotent.

    Raises:
        NotFound, NotTeamLead
    """
    await _as_lead(tx, caller, team_id)
    if webhook := await _locked(tx, team_id):
        await _give_up(tx, team_id)
        await tx.delete(webhook)
        record_on_commit(tx, _CHANGED, team_id=team_id, step="removed")


async def pause(tx: AsyncSession, caller: Caller, team_id: UUID) -> TeamWebhook:
    """Send a team nothing until a lead resumes. Idempotent. The 72 hours of what waits go on.

    Raises:
        NotFound, NotTeamLead, WebhookNotSet
    """
    webhook = await _set_by_lead(tx, caller, team_id)
    if webhook.paused_at is None:
        webhook.paused_at, webhook.paused_by = await database_time(tx), caller.id
        record_on_commit(tx, _CHANGED, team_id=team_id, step="paused")
    return webhook


async def resume(tx: AsyncSession, caller: Caller, team_id: UUID) -> TeamWebhook:
    """Send what waits now; where the endpoint was dead, one delivery is tried at once. Idempotent.

    Raises:
        NotFound, NotTeamLead, WebhookNotSet
    """
    webhook = await _set_by_lead(tx, caller, team_id)
    webhook.paused_at = webhook.paused_by = None
    if webhook.stalled_at is not None:
        webhook.probe_at = await database_time(tx)
    await release_waiting(tx, team_id)
    record_on_commit(tx, _CHANGED, team_id=team_id, step="resumed")
    return webhook


async def webhook_of(tx: AsyncSession, caller: Caller, team_id: UUID) -> TeamWebhook:
    """The endpoint of a team of the caller.

    Raises:
        NotFound, WebhookNotSet
    """
    await team_of_caller(tx, caller, team_id)
    webhook = await tx.get(TeamWebhook, team_id)
    if webhook is None:
        raise WebhookNotSet
    return webhook


async def delivery_of(tx: AsyncSession, team_id: UUID, delivery_id: UUID, *, locked: bool = False) -> WebhookDelivery:
    """A delivery to a team.

    Raises:
        NotFound
    """
    found = await tx.get(WebhookDelivery, delivery_id, with_for_update=locked or None)
    if found is None or found.team_id != team_id:
        raise NotFound
    return found


async def repeat(tx: AsyncSession, caller: Caller, team_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Send a delivery again, under its id and for another 72 hours; one that waits is tried at once.

    Raises:
        NotFound, NotTeamLead, WebhookNotSet, WebhookRepeatedMomentsAgo
    """
    await _set_by_lead(tx, caller, team_id)
    delivery, moment = await delivery_of(tx, team_id, delivery_id, locked=True), await database_time(tx)
    if delivery.repeated_at and delivery.repeated_at > moment - _BETWEEN:
        raise WebhookRepeatedMomentsAgo
    delivery.repeated_at = moment
    if delivery.status != WebhookStatus.SENDING:
        _wait(delivery, moment)
    return delivery


async def release_waiting(tx: AsyncSession, team_id: UUID) -> None:
    """Have everything that waits for its next try tried now."""
    pending = WebhookDelivery.team_id == team_id, WebhookDelivery.status == WebhookStatus.PENDING
    later = update(WebhookDelivery).where(*pending, WebhookDelivery.try_at > func.now())
    await tx.execute(later.values(try_at=func.now()))


async def give_up_due(database: Database) -> None:
    """Give up what could not be delivered in its time."""
    async with database.transaction() as tx:
        moment = await database_time(tx)
        idle = or_(WebhookDelivery.status == WebhookStatus.PENDING, WebhookDelivery.try_at <= moment)
        due = select(WebhookDelivery).where(
            WebhookDelivery.status.in_(WAITING), WebhookDelivery.give_up_at <= moment, idle
        )
        for delivery in (await tx.scalars(claimable(due, WebhookDelivery.give_up_at, limit=_MOST_AT_ONCE))).all():
            delivery.move_to(WebhookStatus.GIVEN_UP)
            delivery.settled_at = moment


def _wait(delivery: WebhookDelivery, moment: datetime) -> None:
    if delivery.status != WebhookStatus.PENDING:
        delivery.move_to(WebhookStatus.PENDING)
        delivery.settled_at = None
    delivery.try_at, delivery.give_up_at, delivery.failures = moment, moment + TRIED_FOR, 0


async def _write(
    tx: AsyncSession, team_id: UUID, kind: WebhookKind, app_id: UUID | None, said: dict[str, str | int | None]
) -> None:
    give_up_at = func.now() + TRIED_FOR
    tx.add(WebhookDelivery(team_id=team_id, kind=kind, app_id=app_id, details=said, give_up_at=give_up_at))
    await tx.flush()  # now: positions are in the order in which things happened


async def _give_up(tx: AsyncSession, team_id: UUID, *which: ColumnElement[bool]) -> None:
    await tx.flush()
    waiting = WebhookDelivery.team_id == team_id, WebhookDelivery.status.in_(WAITING)
    ended = update(WebhookDelivery).where(*waiting, *which)
    await tx.execute(ended.values(status=WebhookStatus.GIVEN_UP, settled_at=func.now()))


async def _as_lead(tx: AsyncSession, caller: Caller, team_id: UUID) -> None:
    await require_lead(tx, caller, await lock_team(tx, team_id))


async def _set_by_lead(tx: AsyncSession, caller: Caller, team_id: UUID) -> TeamWebhook:
    await _as_lead(tx, caller, team_id)
    if (webhook := await _locked(tx, team_id)) is None:
        raise WebhookNotSet
    return webhook


async def _locked(tx: AsyncSession, team_id: UUID) -> TeamWebhook | None:
    return await tx.get(TeamWebhook, team_id, with_for_update=True, populate_existing=True)
