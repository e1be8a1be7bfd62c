"""Live queries to a provider while a resident waits."""

import asyncio
from uuid import UUID

import pytest
from pydantic import BaseModel

from chassis.db import Database
from chassis.testing import until
from kit.signatures.keys import load_private_key
from svc_payments.parties.providers.live_query import NotAnswered, NotUsable, Questions
from svc_payments.parties.providers.models import Provider
from svc_payments.settings import Settings
from tests.svc_payments.scripted import scripted


class Answer(BaseModel):
    result: str


async def test_concurrent_queries_to_a_provider_are_limited(
    database: Database, provider_id: UUID, settings: Settings
) -> None:
    key = load_private_key(settings.provider_signing_key.get_secret_value())
    questions = Questions(key, settings, most_at_once=2)
    async with scripted(database, provider_id) as company:
        company.answer_with("accepted")
        company.pause = asyncio.Event()
        async with database.read() as tx:
            provider = await tx.get_one(Provider, provider_id)

        async def ask() -> Answer:
            return await questions.ask(provider, "/questions", {"number": 1}, Answer)

        async def both_arrived() -> bool:
            return len(company.requests) == 2

        waiting = [asyncio.create_task(ask()) for _ in range(2)]
        await until(both_arrived)
        with pytest.raises(NotAnswered, match="too_many_at_once"):
            await ask()
        company.pause.set()
        assert [answer.result for answer in await asyncio.gather(*waiting)] == ["accepted"] * 2
        company.status = 404
        with pytest.raises(NotUsable, match="status_404"):
            await ask()
        company.status = 200
        assert (await ask()).result == "accepted"
