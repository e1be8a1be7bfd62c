"""A provider that is approved gets an OAuth client: its id, and the keys it applied with.

Its company gets an organisation, in which its people hold roles. Its client follows its connection: suspended or not,
and the keys in force. So does that of a mini-app, by what was approved for it in svc_miniapps.
"""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Poison, Received
from svc_identity.oauth.apps import check_notice_address
from svc_identity.oauth.issuer import PROVIDER_SCOPES, RESIDENT_SCOPES
from svc_identity.oauth.key_sets import signing_keys
from svc_identity.oauth.models import MINI_APP, Client
from svc_identity.oauth.service import Standing, register_client
from svc_identity.oauth.subjects import SubjectType
from svc_identity.organisations.companies.service import Connected, link


class ProviderApproved(EventData):
    provider_id: UUID
    uscc: str
    name: str
    division_codes: list[str]
    jwks: dict[str, Any]


class ProviderChanged(EventData):
    """The connection of a provider after a change."""

    provider_id: UUID
    revision: int
    jwks: dict[str, Any]
    suspended_at: AwareDatetime | None
    jwks_uri: str | None = None


async def register_provider(tx: AsyncSession, event: Received[ProviderApproved]) -> None:
    approved = event.data
    client_id = str(approved.provider_id)
    await register_client(tx, client_id, scopes=PROVIDER_SCOPES, jwks=signing_keys(approved.jwks))
    await link(tx, Connected(approved.provider_id, approved.uscc, approved.name, approved.division_codes))


async def follow_provider(tx: AsyncSession, event: Received[ProviderChanged]) -> None:
    """Keep the client as its provider's connection is; events may come in any order, also before the approval."""
    changed = event.data
    await register_client(
        tx,
        str(changed.provider_id),
        scopes=PROVIDER_SCOPES,
        jwks=signing_keys(changed.jwks),
        standing=Standing(changed.revision, changed.suspended_at is not None, changed.jwks_uri is not None),
    )


class AppClientChanged(EventData):
    """The client of a mini-app after a change."""

    app_id: UUID
    name: str | None = None
    """None in events of the release before."""
    revision: int
    redirect_uris: list[str]
    scopes: list[str]
    suspended: bool
    jwks: dict[str, Any] | None = None
    """Of its server, if it has one; None in events of the release before."""


async def follow_mini_app(tx: AsyncSession, event: Received[AppClientChanged]) -> None:
    """Keep the client of a mini-app as it was approved. Its name is never that of another kind of client.

    Raises:
        Poison: it has a scope that residents' apps have not, an address that no browser returns to safely, or neither
            addresses nor keys.
    """
    changed = event.data
    if not set(changed.scopes) <= set(RESIDENT_SCOPES):
        raise Poison("a mini-app has scopes of residents only")
    try:
        addresses = [check_notice_address(address) for address in changed.redirect_uris]
    except ValueError as error:
        raise Poison(str(error)) from None
    client_id = f"{MINI_APP}{changed.app_id}"
    standing = Standing(changed.revision, changed.suspended)
    keys = signing_keys(changed.jwks) if changed.jwks else None
    if keys is None and not addresses:
        raise Poison("a mini-app has an address to return to, or keys")
    await register_client(tx, client_id, scopes=changed.scopes, redirect_uris=addresses, jwks=keys, standing=standing)
    client = await tx.get_one(Client, client_id)
    client.dpop_required, client.subject_type = True, SubjectType.PAIRWISE
    if changed.name and client.revision == changed.revision:
        client.title = changed.name


HANDLERS: list[AnyHandler] = [
    Handler("cn.ili.services.provider.approved.v1", ProviderApproved, register_provider),
    Handler("cn.ili.miniapps.app.client_changed.v1", AppClientChanged, follow_mini_app),
    *(
        Handler(f"cn.ili.services.provider.{change}.v1", ProviderChanged, follow_provider)
        for change in ("suspended", "resumed", "updated")
    ),
]
