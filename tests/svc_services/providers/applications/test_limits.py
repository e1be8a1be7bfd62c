"""A network address files few applications in an hour; whoever speaks for the company is never counted."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest_asyncio
import time_machine

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, client_of, once
from svc_services.app import create_app
from svc_services.providers.applications import limits
from svc_services.settings import Settings
from tests.service_settings import settings_at
from tests.svc_services.companies import APPLICATIONS, application, uscc
from tests.svc_services.providers.organisations.test_acting import acting
from tests.svc_services.providers.organisations.test_organisations import claimed, file, representative

MOST = 3
LIMITED = (429, "too_many_applications")


@pytest_asyncio.fixture
async def strict(database: Database, tokens: Tokens, surroundings: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    limited = settings_at(Settings, database.engine.url, tokens, **surroundings | {"applications_per_address": MOST})
    async with client_of(create_app(limited)) as client:
        yield client


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_of_many_at_once_only_so_many_are_judged(strict: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(file(strict, uscc()) for _ in range(3 * MOST)))
    assert [answer.status_code for answer in answers].count(201) == MOST
    late = [answer for answer in answers if answer.status_code != 201]
    assert {refused(answer) for answer in late} == {LIMITED}
    assert all(3_500 < int(answer.headers["retry-after"]) <= 3_600 for answer in late)


async def test_what_is_refused_counts_and_a_repeat_does_not(strict: httpx.AsyncClient) -> None:
    body, key = application(uscc=uscc()), once()
    for _ in range(2 * MOST):
        assert (await strict.post(APPLICATIONS, json=body, headers=key)).status_code == 201
    for _ in range(MOST - 1):
        assert refused(await file(strict, str(body["uscc"])))[1] == "application_exists"
    assert refused(await file(strict, uscc())) == LIMITED


async def test_who_speaks_for_the_company_is_not_counted_and_gets_through(
    strict: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    for _ in range(MOST):
        await file(strict, uscc())
    person, code, organisation = new_id(), uscc(), str(new_id())
    await claimed(database, code, person, organisation=organisation)
    stranger = await file(strict, code, representative(tokens, new_id()))
    assert refused(stranger) == (403, "not_for_organisation")
    assert (await file(strict, code, representative(tokens, person))).status_code == 201
    other = uscc()
    await claimed(database, other, new_id(), organisation=organisation)
    assert (await file(strict, other, acting(tokens, organisation))).status_code == 201


async def test_attempts_count_for_an_hour_and_are_forgotten(strict: httpx.AsyncClient, database: Database) -> None:
    for _ in range(MOST):
        await file(strict, uscc())
    assert refused(await file(strict, uscc())) == LIMITED
    with time_machine.travel(now() + timedelta(minutes=61)):
        await limits.forget_attempts(database)
    assert (await file(strict, uscc())).status_code == 201
