"""Whether the access that a token gave still stands; services learn it by events, this one asks its own tables."""

from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from chassis.auth import Caller
from chassis.db import Database
from chassis.outbox import emit
from kit.ended.admission import AccessEnded
from svc_identity.oauth import removed_factors
from svc_identity.oauth.acting import principals
from svc_identity.oauth.events import ClientResumed, ClientSuspended
from svc_identity.oauth.models import Client, TokenFamily
from svc_identity.organisations.operators import with_standing_roles
from svc_identity.people.suspensions.queries import suspension_of


class Access(Protocol):
    """What a token says of whom it gave access to; a verified caller is one."""

    @property
    def subject(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def client_id(self) -> str: ...
    @property
    def client_key(self) -> str | None: ...
    @property
    def sid(self) -> str | None: ...
    @property
    def actor(self) -> str | None: ...
    @property
    def authority(self) -> str | None: ...


def has_ended(session: Session, access: Access) -> bool:
    """Whether its client or person is suspended, or the sign-in, the key or the authority that gave it has ended."""
    client = session.get(Client, access.client_id)
    if client is not None and not client.in_force:
        return True
    if access.kind == "client":
        return client is not None and access.client_key not in client.key_thumbprints()
    if access.sid is not None:  # the release before this one issued none
        family = session.get(TokenFamily, UUID(access.sid))
        if family is None or family.ended_at is not None or removed_factors.is_over(session, family):
            return True
        if not session.get_one(Client, family.client_id).in_force:  # another one, where the token was exchanged
            return True
    if any(session.scalar(suspension_of(UUID(each))) for each in {access.actor or access.subject, access.subject}):
        return True
    return access.actor is not None and not principals.still_stands(
        session, access.kind, access.actor, access.subject, access.authority
    )


async def admit(database: Database, caller: Caller) -> Caller:
    """The caller with the roles that still stand.

    Raises:
        AccessEnded
    """
    async with database.read() as tx:
        if await tx.run_sync(has_ended, caller):
            raise AccessEnded
    return await with_standing_roles(database, caller)


async def announce(tx: AsyncSession, client: Client) -> None:
    """Announce to all services that a locked client has lost its access, or has it again."""
    if client.in_force == client.announced_in_force:
        return
    client.standing += 1
    await tx.flush()
    event = ClientResumed if client.in_force else ClientSuspended
    await emit(tx, event(client_id=client.client_id, revision=client.standing))
