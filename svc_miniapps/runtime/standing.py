"""Whether an app reaches residents now, asked under a lock that a take-down waits for."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound, Problem
from kit.security_log import CLIENT_REFUSED
from svc_miniapps.apps.models import App
from svc_miniapps.publishing.clients.models import AppClient
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.take_downs.queries import require_standing


class AppServerSuspended(Problem):
    status, code, security = 403, "app_server_suspended", CLIENT_REFUSED


class AppNotListed(Problem):
    status, code = 409, "app_not_listed"


async def hold_standing(tx: AsyncSession, app_id: UUID) -> None:
    """Refuse an app that residents cannot open; it stays as it is until the transaction ends.

    Raises:
        NotFound, AppTakenDown, AppNotListed
    """
    # A take-down locks the row for itself; the others do not wait for one another.
    app = select(App.id).where(App.id == app_id).with_for_update(read=True, key_share=True)
    if await tx.scalar(app) is None:
        raise NotFound
    await require_standing(tx, app_id)
    shown = select(Listing.app_id).where(Listing.app_id == app_id, Listing.hidden_at.is_(None))
    if await tx.scalar(shown) is None:
        raise AppNotListed


async def require_client(tx: AsyncSession, app_id: UUID) -> None:
    """Refuse the server of an app whose client is suspended, which its token may not know yet.

    Raises:
        AppServerSuspended
    """
    works = select(AppClient.app_id).where(AppClient.app_id == app_id, AppClient.suspended_at.is_(None))
    if await tx.scalar(works) is None:
        raise AppServerSuspended
