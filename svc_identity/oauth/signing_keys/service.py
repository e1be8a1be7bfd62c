"""Which key signed when: each process states it as it starts, and every few seconds while it runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

from fastapi import FastAPI
from sqlalchemy import func, select

from chassis.db import Database, now
from chassis.service import Every
from svc_identity.keys import Signer
from svc_identity.oauth.signing_keys.models import SigningKeyTerm

EVERY_SECONDS = 20.0
_GAP = timedelta(minutes=5)
"""Without a process that signs with it, a term has ended."""


async def note_signing_key(database: Database, signer: Signer) -> None:
    """State that this process signs with its key of now."""
    key, moment = signer.key, now()
    async with database.transaction() as tx:
        await tx.execute(select(func.pg_advisory_xact_lock(func.hashtext("myili signing keys"))))
        latest = select(SigningKeyTerm).where(SigningKeyTerm.kid == key.kid)
        term = await tx.scalar(latest.order_by(SigningKeyTerm.began_at.desc()).limit(1))
        if term is None or term.seen_at < moment - _GAP:
            public = key.as_dict(private=False)
            tx.add(SigningKeyTerm(kid=key.kid, jwk=public, began_at=moment, seen_at=moment))
        else:
            term.seen_at = max(term.seen_at, moment)


@contextlib.asynccontextmanager
async def signing_keys_noted(app: FastAPI) -> AsyncIterator[None]:
    """A lifespan: the key is noted as the process starts, and as long as it runs; it also starts without a database."""
    note = partial(note_signing_key, app.state.database, app.state.issuer.signer)
    noting = asyncio.create_task(Every(EVERY_SECONDS, note).run())
    try:
        yield
    finally:
        noting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await noting
