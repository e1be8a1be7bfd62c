"""Idempotent unsafe requests: the answer to an Idempotency-Key is stored in the transaction that did the work.

Same key and body: the stored answer, with `Idempotency-Replayed: true`. Same key, other body: 422. Still running: 409.
A refused request rolls its key back with everything else, so the key is free again. After
draft-ietf-httpapi-idempotency-key-header.

An answer may contain a secret that is shown once, such as a token that the service stores only as a hash. So answers
are encrypted with their idempotency key, which the table holds only as a hash: only a client's retry can read them.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Annotated, Any, TypeVar, cast

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import Column, Index, LargeBinary, PrimaryKeyConstraint, Table, Text, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Timestamp, chassis_metadata, now
from chassis.problems import Problem

RETENTION = timedelta(days=7)
_NONCE_BYTES = 12
_WELL_FORMED = re.compile(r"[\x21-\x7e]{1,255}")

idempotency_keys = Table(
    "idempotency_keys",
    chassis_metadata,
    Column("caller", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("request_hash", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("created_at", Timestamp, nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("caller", "key"),
)
Index("ix_idempotency_keys_created_at", idempotency_keys.c.created_at)

Answer = TypeVar("Answer", bound=BaseModel)


class IdempotencyKeyMissing(Problem):
    status, code = 400, "idempotency_key_missing"


class IdempotencyKeyReused(Problem):
    status, code = 422, "idempotency_key_reused"


class RequestInProgress(Problem):
    status, code = 409, "request_in_progress"
    headers = {"Retry-After": "1"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class _Replay(Exception):  # noqa: N818 - carries a stored answer past the endpoint
    def __init__(self, answer: Any) -> None:  # noqa: ANN401 - stored JSON
        self.answer = answer


class Once:
    """Dependency of an unsafe endpoint: `return await once.do(tx, caller, service.create_thing(tx, ...))`."""

    def __init__(self, request: Request, key: str, body: bytes) -> None:
        self._request = request
        self._key = hashlib.sha256(b"key\n" + key.encode()).hexdigest()
        self._cipher = AESGCM(hashlib.sha256(b"answer\n" + key.encode()).digest())
        # Keyed, because a body may be short enough to be guessed from its plain hash: a name and an ID number.
        said = b"\n".join((request.method.encode(), request.url.path.encode(), body))
        self._hash = hmac.digest(b"request\n" + key.encode(), said, "sha256")

    async def do(self, tx: AsyncSession, caller: Caller | str, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Do the work and store its answer, unless this key was answered before.

        Args:
            tx: the transaction of the work.
            caller: the owner of the key; for endpoints open to anyone, a name of the endpoint.
            work: the use case, not yet awaited.
        """
        try:
            await self.claim(tx, caller)
        except BaseException:
            work.close()  # a coroutine never awaited would warn
            raise
        answer = await work
        row = {"caller": _owner(caller), "key": self._key, "request_hash": self._hash, "answer": self._seal(answer)}
        await tx.execute(idempotency_keys.insert().values(row))
        return answer

    async def claim(self, tx: AsyncSession, caller: Caller | str) -> None:
        """Refuse or replay a known key before any work is done.

        `do` calls it first; work that calls an outside system between two transactions calls it in the first one.
        """
        owner = _owner(caller)
        # The lock ends with the transaction, so a crash leaves no key in progress forever.
        lock = func.pg_try_advisory_xact_lock(func.hashtextextended(f"{owner}\n{self._key}", 0))
        if not await tx.scalar(select(lock)):
            raise RequestInProgress
        known = (
            await tx.execute(
                select(idempotency_keys.c.request_hash, idempotency_keys.c.answer).where(
                    idempotency_keys.c.caller == owner, idempotency_keys.c.key == self._key
                )
            )
        ).one_or_none()
        if known is None:
            return
        if known.request_hash != self._hash:
            raise IdempotencyKeyReused
        raise _Replay(self._unseal(known.answer))

    def _seal(self, answer: BaseModel) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, answer.model_dump_json().encode(), self._hash)

    def _unseal(self, sealed: bytes) -> object:
        answer: object = json.loads(self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._hash))
        return answer


def _owner(caller: Caller | str) -> str:
    return caller if isinstance(caller, str) else f"{caller.actor or ''}{caller.subject}"


HEADER: Mapping[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A new value for each operation; the same value for its retries: 1 to 255 visible ASCII characters.",
    "schema": {"type": "string"},
}
"""The parameter as contracts declare it."""


# Optional here, though contracts declare it required: a missing key has a refusal of its own.
async def _once(request: Request, idempotency_key: Annotated[str | None, Header()] = None) -> Once:
    if idempotency_key is None or not _WELL_FORMED.fullmatch(idempotency_key):
        raise IdempotencyKeyMissing
    return Once(request, idempotency_key, await request.body())


OnceKey = Annotated[Once, Depends(_once)]


async def prune(tx: AsyncSession) -> None:
    """Delete keys too old for any client to retry."""
    await tx.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < now() - RETENTION))


def install(app: FastAPI) -> None:
    """Answer a known key with its stored answer."""
    app.add_exception_handler(_Replay, _on_replay)


async def _on_replay(request: Request, error: Exception) -> JSONResponse:
    replay = cast("_Replay", error)  # registered for this class alone
    route = request.scope["route"]
    return JSONResponse(replay.answer, route.status_code or 200, {"Idempotency-Replayed": "true"})
