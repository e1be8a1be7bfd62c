"""What people allow to apps: recorded when they sign in there, and ended with the app's tokens."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from chassis.db import now
from chassis.problems import NotFound
from svc_identity.oauth import refresh
from svc_identity.oauth.app_access import schemas
from svc_identity.oauth.app_access.models import AppAccess
from svc_identity.oauth.issuer import ACCESS_TOKEN_SECONDS
from svc_identity.oauth.models import AuthorizationCode, EndReason, TokenFamily
from svc_identity.people.persons.service import known_person


async def record(tx: AsyncSession, person_id: UUID, client_id: str, scopes: Sequence[str], language: str) -> None:
    """Record what a sign-in allows to an app; what it was allowed before stays allowed."""
    await known_person(tx, person_id, for_update=True)
    known = await _in_force(tx, person_id, client_id)
    if known and set(scopes) <= set(known.scopes):
        return
    before = known.scopes if known else []
    if known:
        known.withdrawn_at = now()
        await tx.flush()
    merged = list(dict.fromkeys([*before, *scopes]))
    tx.add(AppAccess(person_id=person_id, client_id=client_id, scopes=merged, language=language))
    await tx.flush()


async def withdraw(tx: AsyncSession, person_id: UUID, access_id: UUID) -> schemas.AppAccessWithdrawal:
    """End what a person allows to an app, with its sign-ins. Idempotent.

    Raises:
        NotFound
    """
    await known_person(tx, person_id, for_update=True)
    access = await tx.get(AppAccess, access_id, with_for_update=True)
    if access is None or access.person_id != person_id:
        raise NotFound
    ended = 0
    if access.withdrawn_at is None:
        access.withdrawn_at = now()
        ended = await end_sign_ins(tx, person_id, access.client_id)
    return schemas.AppAccessWithdrawal(access=show(access), ended_sign_ins=ended, within_seconds=ACCESS_TOKEN_SECONDS)


async def end_sign_ins(tx: AsyncSession, person_id: UUID, client_id: str | None = None) -> int:
    """End a person's sign-ins of one app, or of all; codes that are under way, too."""
    families = select(TokenFamily).where(TokenFamily.person_id == person_id, TokenFamily.ended_at.is_(None))
    under_way = select(AuthorizationCode).where(AuthorizationCode.person_id == person_id)
    if client_id:
        families = families.where(TokenFamily.client_id == client_id)
        under_way = under_way.where(AuthorizationCode.client_id == client_id)
    for code in await tx.scalars(under_way.with_for_update()):
        code.expires_at = now()
    live = (await tx.scalars(families.with_for_update())).all()

    def end_all(_session: Session) -> None:
        for family in live:
            refresh.end(family, EndReason.REVOKED)

    await tx.run_sync(end_all)
    return len(live)


async def _in_force(tx: AsyncSession, person_id: UUID, client_id: str) -> AppAccess | None:
    held = select(AppAccess).where(
        AppAccess.person_id == person_id, AppAccess.client_id == client_id, AppAccess.withdrawn_at.is_(None)
    )
    access: AppAccess | None = await tx.scalar(held.with_for_update())
    return access


def show(access: AppAccess) -> schemas.AppAccess:
    return schemas.AppAccess(
        access_id=access.id,
        client_id=access.client_id,
        scopes=access.scopes,
        granted_at=access.granted_at,
        withdrawn_at=access.withdrawn_at,
    )
