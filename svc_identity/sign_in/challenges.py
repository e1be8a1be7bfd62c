"""Challenges that travel in a form: encrypted, for one purpose, for some minutes, good once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id, now
from svc_identity.keys import derive
from svc_identity.settings import Settings
from svc_identity.sign_in.models import UsedChallenge

LIFE = timedelta(minutes=10)
_HEADER = {"alg": "dir", "enc": "A256GCM"}


def seal(settings: Settings, purpose: str, **content: Any) -> str:  # noqa: ANN401 - JSON
    """A challenge of this purpose."""
    whole = {**content, "id": new_id().hex, "exp": (now() + LIFE).timestamp()}
    return jwe.encrypt_compact(_HEADER, json.dumps(whole), _key(settings, purpose), algorithms=[*_HEADER.values()])


def opened(settings: Settings, purpose: str, sealed: str) -> dict[str, Any] | None:
    """What a challenge of ours holds; None where it is of another purpose, changed or too old."""
    try:
        found = jwe.decrypt_compact(sealed, _key(settings, purpose), algorithms=[*_HEADER.values()])
        content: dict[str, Any] = json.loads(found.plaintext or b"{}")
    except (JoseError, ValueError, TypeError):
        return None
    return content if content["exp"] >= now().timestamp() else None


async def use(tx: AsyncSession, content: dict[str, Any]) -> bool:
    """Use a challenge up; false where it was used before. Of uses at once one is the first."""
    row = {"id": UUID(content["id"]), "expires_at": datetime.fromtimestamp(content["exp"], UTC)}
    take = insert(UsedChallenge).values(row).on_conflict_do_nothing()
    return await tx.scalar(take.returning(UsedChallenge.id)) is not None


async def prune(tx: AsyncSession) -> None:
    """Delete those that are too old to be used again."""
    await tx.execute(delete(UsedChallenge).where(UsedChallenge.expires_at < now()))


def _key(settings: Settings, purpose: str) -> OctKey:
    return OctKey.import_key(derive(settings.index_key.get_secret_value(), f"challenges of {purpose}"))
