"""Codes for mini-apps' servers: made for a resident who has opened a mini-app, redeemed once by that mini-app alone."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound, Problem
from svc_identity.oauth import access_tokens
from svc_identity.oauth.app_access.models import AppAccess
from svc_identity.oauth.app_access.service import record
from svc_identity.oauth.login_codes import schemas
from svc_identity.oauth.login_codes.models import LoginCode
from svc_identity.oauth.models import Client
from svc_identity.oauth.subjects import SubjectType

LIFE = timedelta(minutes=5)
RELEASED = {"profile": "name", "phone": "phone"}
"""Scopes that release personal data, each time with a consent of its own."""
_NEVER = {"offline_access"}
_BYTES = 32

UNKNOWN, REUSED, WITHDRAWN = "login_code_unknown_or_expired", "login_code_reused", "login_code_withdrawn"
"""Why a code is refused, for the security log; the client is not told."""


class LoginCodeRefused(Problem):
    """`reason`: scopes."""

    status, code = 422, "login_code_refused"


class ConsentNeeded(Problem):
    status, code = 409, "consent_needed"


def hash_of(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()


async def make_code(
    tx: AsyncSession, caller: Caller, claims: Mapping[str, Any], new: schemas.NewLoginCode, language: str
) -> schemas.LoginCode:
    """Make the code for a mini-app; an earlier one of the same person that was not used ends.

    Args:
        tx: the transaction.
        caller: the resident, in an app of the platform.
        claims: of the resident's own access token, in force.
        new: for which mini-app, and what its server may learn.
        language: in which the resident has read what the mini-app asks for.

    Raises:
        NotFound: no such mini-app may be opened.
        LoginCodeRefused: a scope that the mini-app, or the token, was not granted.
        ConsentNeeded: `profile` or `phone` without a consent of this moment.
    """
    client = await tx.get(Client, new.client_id)
    if client is None or not client.in_force or client.subject_type != SubjectType.PAIRWISE or client.jwks is None:
        raise NotFound
    scopes = _narrowed(caller, client, new)
    await record(tx, caller.id, client.client_id, scopes, language)  # locks the person
    await tx.execute(delete(LoginCode).where(*_of(caller, client), LoginCode.used_at.is_(None)))
    code = secrets.token_urlsafe(_BYTES)
    proved = {name: claims[name] for name in ("sid", "auth_time", "acr", "amr")}
    tx.add(
        LoginCode(
            code_hash=hash_of(code),
            client_id=client.client_id,
            person_id=caller.id,
            scopes=scopes,
            opened_by=caller.client_id,
            expires_at=now() + LIFE,
            **proved,
        )
    )
    return schemas.LoginCode(code=code, expires_in=int(LIFE.total_seconds()), scopes=scopes)


def _narrowed(caller: Caller, client: Client, new: schemas.NewLoginCode) -> list[str]:
    scopes = list(dict.fromkeys(new.scopes))
    allowed = set(client.scopes) & caller.scopes - _NEVER
    if not set(scopes) <= allowed:
        raise LoginCodeRefused(scopes=", ".join(sorted(allowed)))
    if missing := RELEASED.keys() & set(scopes) - set(new.agreed):
        raise ConsentNeeded(scopes=", ".join(sorted(missing)))
    return scopes


def _of(caller: Caller, client: Client) -> Sequence[Any]:
    return LoginCode.person_id == caller.id, LoginCode.client_id == client.client_id


class Redemption(NamedTuple):
    code: LoginCode | None
    reason: str = ""
    """Why it may not be redeemed."""


def redeem(session: Session, client: Client, code: str) -> Redemption:
    """The code of a mini-app, locked until the transaction ends; used up by the first request of its client."""
    found = session.get(LoginCode, hash_of(code), with_for_update=True)
    if found is None or found.client_id != client.client_id or found.expires_at <= now():
        return Redemption(None, UNKNOWN)
    if found.used_at is not None:
        return Redemption(None, REUSED)
    found.used_at = now()
    of_app = {"kind": "person", "sub": str(found.person_id), "client_id": found.opened_by, "sid": found.sid}
    if not access_tokens.is_in_force(session, of_app) or not _is_allowed(session, found):
        return Redemption(None, WITHDRAWN)
    return Redemption(found)


def _is_allowed(session: Session, code: LoginCode) -> bool:
    """Whether the resident has not withdrawn what they allowed when the mini-app was opened."""
    held = select(AppAccess.scopes).where(
        AppAccess.person_id == code.person_id, AppAccess.client_id == code.client_id, AppAccess.withdrawn_at.is_(None)
    )
    return set(code.scopes) <= set(session.scalar(held) or ())


async def prune(tx: AsyncSession) -> None:
    """Delete codes that nothing can use again."""
    await tx.execute(delete(LoginCode).where(LoginCode.expires_at < now() - LIFE))
