"""Keeps what has ended as svc_identity's events tell it, in whatever order they come, twice too."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from pydantic import AwareDatetime
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.inbox import AnyHandler, EventData, Handler, Received
from kit.ended.models import Kind, ended_access

_WITHOUT_END = datetime(9999, 1, 1, tzinfo=UTC)
_ONCE = 1


class SignInEnded(EventData):
    """What is used of svc_identity's `sign_in.ended`."""

    sign_in_id: UUID
    tokens_expire_at: AwareDatetime


class AuthorityEnded(EventData):
    """What is used of `authority.ended`."""

    authority_id: str
    tokens_expire_at: AwareDatetime


class PersonStanding(EventData):
    """What is used of `person.suspended` and `person.resumed`."""

    person_id: UUID
    revision: int


class ClientStanding(EventData):
    """What is used of `client.suspended` and `client.resumed`."""

    client_id: str
    revision: int


async def _end_sign_in(tx: AsyncSession, event: Received[SignInEnded]) -> None:
    await _keep(tx, Kind.SIGN_IN, str(event.data.sign_in_id), _ONCE, event.data.tokens_expire_at)


async def _end_authority(tx: AsyncSession, event: Received[AuthorityEnded]) -> None:
    await _keep(tx, Kind.AUTHORITY, event.data.authority_id, _ONCE, event.data.tokens_expire_at)


async def _suspend_person(tx: AsyncSession, event: Received[PersonStanding]) -> None:
    await _keep(tx, Kind.PERSON, str(event.data.person_id), event.data.revision, _WITHOUT_END)


async def _resume_person(tx: AsyncSession, event: Received[PersonStanding]) -> None:
    await _keep(tx, Kind.PERSON, str(event.data.person_id), event.data.revision, now())


async def _suspend_client(tx: AsyncSession, event: Received[ClientStanding]) -> None:
    await _keep(tx, Kind.CLIENT, event.data.client_id, event.data.revision, _WITHOUT_END)


async def _resume_client(tx: AsyncSession, event: Received[ClientStanding]) -> None:
    await _keep(tx, Kind.CLIENT, event.data.client_id, event.data.revision, now())


async def _keep(tx: AsyncSession, kind: Kind, subject: str, revision: int, ended_until: datetime) -> None:
    row = insert(ended_access).values(kind=kind, subject=subject, revision=revision, ended_until=ended_until)
    newer = row.excluded.revision > ended_access.c.revision
    told = {"revision": row.excluded.revision, "ended_until": row.excluded.ended_until}
    keys = [ended_access.c.kind, ended_access.c.subject]
    await tx.execute(row.on_conflict_do_update(index_elements=keys, set_=told, where=newer))


HANDLERS: Sequence[AnyHandler] = (
    Handler("cn.ili.identity.sign_in.ended.v1", SignInEnded, _end_sign_in),
    Handler("cn.ili.identity.authority.ended.v1", AuthorityEnded, _end_authority),
    Handler("cn.ili.identity.person.suspended.v1", PersonStanding, _suspend_person),
    Handler("cn.ili.identity.person.resumed.v1", PersonStanding, _resume_person),
    Handler("cn.ili.identity.client.suspended.v1", ClientStanding, _suspend_client),
    Handler("cn.ili.identity.client.resumed.v1", ClientStanding, _resume_client),
)


async def forget_expired(database: Database) -> None:
    """Delete the sign-ins and authorities all of whose tokens have expired."""
    over = (ended_access.c.kind.in_([Kind.SIGN_IN, Kind.AUTHORITY]), ended_access.c.ended_until < now())
    async with database.transaction() as tx:
        await tx.execute(delete(ended_access).where(*over))
