"""Sends deliveries to teams: one after the other to each, a lane for each team, so that a slow one delays no other."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from uuid import UUID

import httpx

from chassis.db import Database
from chassis.http_client import outside_client
from chassis.telemetry import log
from kit.deliveries import Carrier, Letter
from kit.public_addresses import RESOLVE_SECONDS
from svc_miniapps.teams.webhooks.leasing import Try, lease, record, teams_due
from svc_miniapps.teams.webhooks.models import WebhookDelivery

_POLL_SECONDS = 2.0
_SLACK_SECONDS = 10.0


@dataclass
class Sender:
    """Sends what is due. Failures are outcomes that are recorded, not exceptions."""

    database: Database
    carrier: Carrier
    _busy: set[UUID] = field(default_factory=set)

    @property
    def lease_time(self) -> timedelta:
        """Longer than a try takes."""
        return timedelta(seconds=RESOLVE_SECONDS + self.carrier.seconds + _SLACK_SECONDS)

    async def run(self) -> None:
        """Deliver until cancelled. What is under way then is sent again when its lease has expired."""
        async with asyncio.TaskGroup() as lanes:
            while True:
                async with self.database.read() as tx:
                    due = await teams_due(tx)
                for team_id in set(due) - self._busy:
                    self._busy.add(team_id)
                    lanes.create_task(self._lane(team_id))
                await asyncio.sleep(_POLL_SECONDS)

    async def _lane(self, team_id: UUID) -> None:
        try:
            await self.work_off(team_id)
        except Exception as error:  # noqa: BLE001 - one team's trouble, whatever it is, must not end all lanes
            log.error("webhook_lane_failed", team_id=str(team_id), exc_info=error)
        finally:
            self._busy.discard(team_id)

    async def work_off(self, team_id: UUID) -> None:
        """Send a team what is due until nothing is."""
        async with outside_client() as client:
            while leased := await self._leased(team_id):
                await self._send(client, team_id, leased)

    async def _leased(self, team_id: UUID) -> Try | None:
        async with self.database.transaction() as tx:
            return await lease(tx, team_id, self.lease_time)

    async def _send(self, client: httpx.AsyncClient, team_id: UUID, leased: Try) -> None:
        outcome = await self.carrier.send(client, Letter(str(team_id), leased.url, letter(leased.delivery)))
        async with self.database.transaction() as tx:
            await record(tx, team_id, leased, outcome)


def letter(delivery: WebhookDelivery) -> bytes:
    """The body of a delivery: ids and steps, nothing personal; byte for byte the same at every try."""
    content = {
        "team_id": str(delivery.team_id),
        "delivery_id": str(delivery.id),
        "kind": str(delivery.kind),
        "app_id": delivery.app_id and str(delivery.app_id),
        "occurred_at": delivery.occurred_at.astimezone(UTC).isoformat(),
        "details": delivery.details,
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
