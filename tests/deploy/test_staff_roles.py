"""A service's copy of the staff's roles that somebody changed is found, and nothing else is."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import time_machine
from sqlalchemy import URL, text

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import emitted
from contracts.documents import placeholder_settings
from deploy.staff_roles import ON_ITS_WAY, differences, main
from kit.environment import environment
from kit.staff.consumers import handlers
from svc_identity.organisations.role_changes.at_once import appoint_operator
from svc_identity.organisations.service import platform
from svc_identity.people.persons.service import person_of_phone
from svc_identity.settings import Settings
from svc_identity.starter import load_starter_data
from svc_identity.vault.encryption import use_keys_of
from tests.databases import cloned, template_database

identity_template = template_database("svc_identity")
payments_template = template_database("svc_payments")
HOURS = 24
_LATER = ON_ITS_WAY.total_seconds() + 60


@pytest_asyncio.fixture
async def identity(identity_template: URL) -> AsyncIterator[Database]:
    """With two operators, appointed just now."""
    with environment(**placeholder_settings()):
        use_keys_of(Settings())
    async with cloned(identity_template) as url:
        database = Database(url)
        await load_starter_data(database)
        async with database.transaction() as tx:
            for phone in ("+8613800001111", "+8613900002222"):
                await appoint_operator(tx, await platform(tx), await person_of_phone(tx, phone), "a test")
        yield database
        await database.close()


@pytest_asyncio.fixture
async def payments(payments_template: URL) -> AsyncIterator[Database]:
    async with cloned(payments_template) as url:
        database = Database(url)
        yield database
        await database.close()


async def hear(identity: Database, payments: Database) -> None:
    """What the worker does with svc_identity's events."""
    (handler,) = handlers(HOURS)
    async with identity.read() as tx:
        events = [each for each in await emitted(tx) if each.type.endswith(".role_change.approved.v1")]
    async with payments.transaction() as tx:
        for each in events:
            data = handler.data.model_validate(each.data)
            await handler.handle(tx, Received(new_id(), each.type, now(), data))


async def found(identity: Database, payments: Database, after: float = 0) -> list[str]:
    with time_machine.travel(time.time() + after):
        return await differences(identity, {"payments": payments}, timedelta(hours=HOURS))


async def execute(database: Database, statement: str, **values: Any) -> None:  # noqa: ANN401 - SQL's
    async with database.transaction() as tx:
        await tx.execute(text(statement), values)


async def test_roles_that_the_worker_has_heard_of_are_right(identity: Database, payments: Database) -> None:
    await hear(identity, payments)
    assert await found(identity, payments) == []
    assert await found(identity, payments, _LATER) == []


async def test_a_change_may_be_on_its_way_for_some_minutes(identity: Database, payments: Database) -> None:
    assert await found(identity, payments) == []
    late = await found(identity, payments, _LATER)
    assert [each.split(" ", 3)[3] for each in late] == ["was granted and is not known there"] * 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("role = 'auditor'", "has another role there"),
        ("person_id = gen_random_uuid()", "has another person_id there"),
        ("organisation_id = gen_random_uuid()", "has another organisation_id there"),
        ("division_code = '650000'", "has another division_code there"),
        ("proposed_by = gen_random_uuid()", "has another proposed_by there"),
        ("granted_at = granted_at - interval '2 days'", "has another granted_at there"),
        ("granted_at = NULL", "has another granted_at there"),
        ("second_from = granted_at", "can decide as the second person there before the cooling-off time is over"),
        ("ended_at = now() - interval '1 hour'", "has ended there and holds"),
        ("membership_id = gen_random_uuid()", "is held there and was never granted"),
    ],
)
async def test_a_changed_copy_is_found(identity: Database, payments: Database, change: str, said: str) -> None:
    await hear(identity, payments)
    one = "membership_id = (SELECT min(membership_id::text)::uuid FROM staff_roles)"
    await execute(payments, f"UPDATE staff_roles SET {change} WHERE {one}")  # noqa: S608 - of the test
    assert [each.split(" ", 3)[3] for each in await found(identity, payments)] == [said]


async def test_a_role_that_ended_and_holds_in_a_service_is_found(identity: Database, payments: Database) -> None:
    await hear(identity, payments)
    await execute(identity, "UPDATE memberships SET ended_at = now()")
    assert await found(identity, payments) == []  # it may be on its way
    late = await found(identity, payments, _LATER)
    assert [each.split(" ", 3)[3] for each in late] == ["has ended and holds there"] * 2


def test_databases_that_cannot_be_read_are_no_good_news(capsys: pytest.CaptureFixture[str]) -> None:
    with environment(database_url="postgresql://nobody@127.0.0.1:1"):
        assert main([]) == 2
    assert capsys.readouterr().err.startswith("Not compared: ")
    assert main(["--help"]) == 2
