"""What a take-down does: the listing is hidden and the client suspended, in the transaction that decides it."""

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from svc_miniapps.publishing.clients.service import resume_after_take_down, suspend_by_take_down
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.take_downs.events import AppRestored, AppTakenDown
from svc_miniapps.publishing.take_downs.models import TakeDown
from svc_miniapps.publishing.take_downs.queries import in_effect
from svc_miniapps.teams.webhooks.models import WebhookKind
from svc_miniapps.teams.webhooks.service import enqueue


async def put_in_effect(tx: AsyncSession, down: TakeDown) -> None:
    """Keep the app from residents; it is locked by the caller."""
    if listing := await tx.get(Listing, down.app_id, populate_existing=True):
        listing.hidden_at = listing.hidden_at or now()
    down.suspended_client = await suspend_by_take_down(tx, down.app_id, down.proposed_by)
    about = {"division_code": down.app.division_code, "kind": str(down.kind)}
    await emit(tx, AppTakenDown(app_id=down.app_id, take_down_id=down.id, **about))
    await _tell(tx, down, WebhookKind.APP_TAKEN_DOWN)


async def lift(tx: AsyncSession, down: TakeDown) -> None:
    """Give the app back to residents, unless another take-down keeps it; the app is locked by the caller."""
    await tx.flush()
    if others := await in_effect(tx, down.app_id):
        # Its client stays suspended, and is resumed with the last one.
        others[0].suspended_client = others[0].suspended_client or down.suspended_client
        return
    if listing := await tx.get(Listing, down.app_id, populate_existing=True):
        listing.hidden_at = None
    if down.suspended_client:
        await resume_after_take_down(tx, down.app_id)
    about = {"division_code": down.app.division_code, "kind": str(down.kind)}
    await emit(tx, AppRestored(app_id=down.app_id, take_down_id=down.id, **about))
    await _tell(tx, down, WebhookKind.APP_RESTORED)


async def _tell(tx: AsyncSession, down: TakeDown, kind: WebhookKind) -> None:
    team = down.app.organisation_id, down.app.division_code
    await enqueue(tx, *team, kind, down.app_id, take_down_id=down.id, kind_of_take_down=str(down.kind))
