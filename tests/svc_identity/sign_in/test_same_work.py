"""Until the code is right, the pages do the same for a phone of somebody and of nobody: no clock tells them apart."""

import time

import time_machine
from fastapi import FastAPI

from chassis.db import Database
from tests.bench.recorded_sql import recorded
from tests.svc_identity.app_client import AppClient, Page
from tests.svc_identity.conftest import NewAppClient, new_phone


async def statements(database: Database, app: AppClient, phone: str, typed: str) -> list[list[str]]:
    """The SQL of each step: the phone is posted, and what is no code, and a wrong one."""
    begun, steps = await app.begin(), []
    with recorded(database.engine) as record:
        sent = await app.type_phone(begun, phone)
        steps.append([statement for statement, _ in record.steps])
    assert sent.status_code == 303, sent.text
    page = Page(await app.api.get(sent.headers["location"]))
    right = await app.texted_code(phone)
    for code in (typed, f"{(int(right) + 1) % 10**6:06}"):
        with recorded(database.engine) as record:
            assert (await app.type_code(page, code)).status_code == 422
            steps.append([statement for statement, _ in record.steps])
    return steps


async def test_a_known_and_an_unknown_phone_cost_the_same_work(
    app: FastAPI, new_app_client: NewAppClient, phone: str
) -> None:
    await new_app_client().tokens(phone)
    database: Database = app.state.database
    with time_machine.travel(time.time() + 61):
        known = await statements(database, new_app_client(), phone, "12")
        unknown = await statements(database, new_app_client(), new_phone(), "12")
    assert [len(step) for step in known] == [len(step) for step in unknown]
    assert known == unknown
    assert all(len(step) > 1 for step in known)
