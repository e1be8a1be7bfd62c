"""Bindings and their events as stored, and the codes of refusals."""

import httpx
from sqlalchemy import select

from chassis.db import Database
from chassis.testing import Emitted, emitted
from svc_services.accounts.bindings.models import AccountBinding


async def binding_events(database: Database) -> list[Emitted]:
    async with database.read() as tx:
        return [event for event in await emitted(tx) if ".account_binding." in event.type]


async def bindings_in(database: Database) -> list[AccountBinding]:
    async with database.read() as tx:
        return list(await tx.scalars(select(AccountBinding).order_by(AccountBinding.id)))


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
