"""Clients of the authorization server, and what is forgotten in time."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Boolean, delete, literal_column, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from svc_identity.oauth.devices import service as devices
from svc_identity.oauth.events import ClientKeyUnknown, ClientRegistered
from svc_identity.oauth.login_codes import service as login_codes
from svc_identity.oauth.models import AuthorizationCode, Client, TokenFamily, UsedAssertion, UsedRequest
from svc_identity.oauth.refresh import WHOLE_LIFE
from svc_identity.oauth.standing import announce

_REDEMPTION_LIFE = timedelta(hours=1)
"""How long a redeemed code without refresh tokens is known as such; longer than any repeat of it."""
_ASKED_EVERY = timedelta(minutes=1)
_USED_REQUEST_LIFE = timedelta(hours=2)
"""Longer than any sign-in that was begun with it."""


@dataclass(frozen=True)
class Standing:
    """What a client's producer says of it beside its keys or addresses, see `Client`."""

    revision: int = 0
    suspended: bool = False
    keys_fetched: bool = False


async def register_client(
    tx: AsyncSession,
    client_id: str,
    *,
    scopes: Sequence[str],
    redirect_uris: Sequence[str] = (),
    jwks: dict[str, Any] | None = None,
    standing: Standing | None = None,
) -> None:
    """Register a client, or update a known one; an earlier revision than the known one changes nothing."""
    standing = standing or Standing()
    values = {
        "scopes": list(scopes),
        "redirect_uris": list(redirect_uris),
        "jwks": jwks,
        **asdict(standing),
    }
    statement = (
        insert(Client)
        .values(client_id=client_id, **values)
        .on_conflict_do_update(
            index_elements=[Client.client_id], set_=values, where=Client.revision <= values["revision"]
        )
        .returning(literal_column("xmax = 0", Boolean))  # PostgreSQL's mark of a row that this statement inserted
    )
    if await tx.scalar(statement):
        await emit(tx, ClientRegistered(client_id=client_id))
    client = await tx.get_one(Client, client_id, populate_existing=True, with_for_update=True)
    await announce(tx, client)


async def ask_for_new_keys(tx: AsyncSession, client_id: str) -> None:
    """Emit that a client whose keys are fetched has signed with an unknown one, once a minute at most."""
    is_due = or_(Client.key_unknown_at.is_(None), Client.key_unknown_at < now() - _ASKED_EVERY)
    known = update(Client).where(Client.client_id == client_id, Client.keys_fetched, is_due)
    if await tx.scalar(known.values(key_unknown_at=now()).returning(Client.client_id)):
        await emit(tx, ClientKeyUnknown(client_id=client_id))


async def set_logout_addresses(
    tx: AsyncSession, client_id: str, *, redirect_uris: Sequence[str], notified: str | None = None
) -> None:
    """Set where browsers go on to after signing out of a registered app, and where it is notified of sign-ins' ends."""
    client = await tx.get_one(Client, client_id, populate_existing=True)
    client.post_logout_redirect_uris = list(redirect_uris)
    client.backchannel_logout_uri = notified


async def prune(tx: AsyncSession) -> None:
    """Delete codes, refresh tokens, assertions and used references that nothing can use again."""
    await devices.prune(tx)
    await login_codes.prune(tx)
    without_tokens = TokenFamily.scope.not_like("%offline_access%")
    await tx.execute(delete(TokenFamily).where(TokenFamily.created_at < now() - WHOLE_LIFE))
    await tx.execute(delete(TokenFamily).where(without_tokens, TokenFamily.created_at < now() - _REDEMPTION_LIFE))
    await tx.execute(delete(AuthorizationCode).where(AuthorizationCode.expires_at < now()))
    await tx.execute(delete(UsedAssertion).where(UsedAssertion.expires_at < now()))
    await tx.execute(delete(UsedRequest).where(UsedRequest.used_at < now() - _USED_REQUEST_LIFE))
