"""A person's own sign-ins: listed, and ended one by one, all others, or all."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound
from kit.security_log import record_on_commit
from svc_identity.oauth import refresh
from svc_identity.oauth.issuer import ACCESS_TOKEN_SECONDS
from svc_identity.oauth.models import AuthorizationCode, EndReason, TokenFamily
from svc_identity.oauth.security_log import SIGNED_OUT
from svc_identity.oauth.sign_ins import schemas


def lasting(person_id: UUID) -> Select[TokenFamily]:
    """The sign-ins of a person of which some token is good."""
    has_refresh_tokens = TokenFamily.scope.like("%offline_access%")
    return select(TokenFamily).where(
        TokenFamily.person_id == person_id,
        TokenFamily.ended_at.is_(None),
        TokenFamily.created_at > now() - refresh.WHOLE_LIFE,
        TokenFamily.rotated_at > now() - refresh.UNUSED_LIFE,
        or_(has_refresh_tokens, TokenFamily.rotated_at > now() - timedelta(seconds=ACCESS_TOKEN_SECONDS)),
    )


def shown(family: TokenFamily, caller: Caller) -> schemas.SignIn:
    return schemas.SignIn(
        sign_in_id=family.id,
        client_id=family.client_id,
        device=family.device,
        signed_in_at=family.created_at,
        last_used_at=family.rotated_at,
        current=str(family.id) == caller.sid,
    )


async def end_one(tx: AsyncSession, caller: Caller, sign_in_id: UUID) -> None:
    """End a sign-in of the caller. Idempotent.

    Raises:
        NotFound
    """
    family = await tx.get(TokenFamily, sign_in_id, with_for_update=True)
    if family is None or family.person_id != caller.id:
        raise NotFound
    if family.ended_at is None:
        await tx.run_sync(lambda _session: refresh.end(family, EndReason.REVOKED))
        _record(tx, family)


async def end_several(tx: AsyncSession, caller: Caller, *, keep_current: bool) -> None:
    """End the sign-ins of the caller, and those whose code is still on its way to an app."""
    await end_others(tx, caller.id, kept=UUID(caller.sid) if keep_current and caller.sid else None)


async def end_others(tx: AsyncSession, person_id: UUID, *, kept: UUID | None) -> None:
    """End the sign-ins of a person but for one, and those whose code is still on its way to an app."""
    under_way = update(AuthorizationCode).where(AuthorizationCode.person_id == person_id)
    if kept:  # the repeat of the request that began it
        redeemed = select(TokenFamily.created_at).where(TokenFamily.id == kept).scalar_subquery()
        under_way = under_way.where(AuthorizationCode.authenticated_at != redeemed)
    await tx.execute(under_way.values(expires_at=now()))
    for family in await tx.run_sync(refresh.end_all, person_id, EndReason.REVOKED, but=kept):
        _record(tx, family)


async def end_all(tx: AsyncSession, person_id: UUID) -> None:
    """End every sign-in of a person, whichever one the request came with."""
    await end_others(tx, person_id, kept=None)


def _record(tx: AsyncSession, family: TokenFamily) -> None:
    about = {"family_id": family.id, "person_id": family.person_id, "client_id": family.client_id}
    record_on_commit(tx, SIGNED_OUT, EndReason.REVOKED, **about)
