"""Proving one's number again under another name: refused, or a change that everybody can see."""

from typing import Any

import httpx
import pytest

from chassis.db import Database
from chassis.testing import emitted
from svc_identity.settings import Settings
from tests.security_log import SecurityLog
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.people.proofing.proofs import on_record, prove, refusal

NEW_NAME = "王五新"


def rename(settings: Settings, number: str) -> None:
    """The household registration office puts another name on record."""
    renaming = {"name": NEW_NAME, "id_number": number}
    changed = httpx.post(f"{settings.registries_url}/population/rename", json=renaming)
    assert changed.json() == {"renamed": True}


async def me(app_client: AppClient, signed_in: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = (await app_client.api.get("/identity/v1/me", headers=bearer(signed_in))).json()
    return shown


async def events_of(database: Database, person_id: str) -> list[str]:
    async with database.read() as tx:
        return [event.type.removeprefix("cn.ili.identity.") for event in await emitted(tx) if event.key == person_id]


async def test_a_name_that_the_registry_does_not_have_changes_nothing(
    app_client: AppClient, settings: Settings, database: Database, phone: str
) -> None:
    signed_in, number = await app_client.tokens(phone), on_record(settings)
    proved = (await prove(app_client.api, signed_in, number=number)).json()
    assert refusal(await prove(app_client.api, signed_in, name=NEW_NAME, number=number)) == (
        422,
        "identity_not_confirmed",
    )
    assert await me(app_client, signed_in) == proved
    assert await events_of(database, proved["person_id"]) == ["person.registered.v1", "person.proofed.v1"]


async def test_a_name_that_the_registry_has_now_is_taken_over_and_announced(
    app_client: AppClient, settings: Settings, database: Database, phone: str, security_log: SecurityLog
) -> None:
    signed_in, number = await app_client.tokens(phone), on_record(settings)
    await prove(app_client.api, signed_in, number=number)
    rename(settings, number)
    security_log.must_not_hold(NEW_NAME, number)
    security_log.forget()
    renamed = await prove(app_client.api, signed_in, name=NEW_NAME, number=number)
    assert (renamed.status_code, renamed.json()["name"]) == (200, "王**")
    assert await me(app_client, signed_in) == renamed.json()
    assert (await events_of(database, renamed.json()["person_id"]))[2:] == ["person.renamed.v1"]
    assert [line["person_id"] for line in security_log.lines() if line["kind"] == "person_renamed"] == [
        renamed.json()["person_id"]
    ]


@pytest.mark.usefixtures("database")
async def test_tries_at_another_name_are_limited(app_client: AppClient, settings: Settings, phone: str) -> None:
    signed_in, number = await app_client.tokens(phone), on_record(settings)
    assert (await prove(app_client.api, signed_in, number=number)).status_code == 200
    answers = [refusal(await prove(app_client.api, signed_in, name=NEW_NAME, number=number)) for _ in range(5)]
    assert answers == [(422, "identity_not_confirmed")] * 4 + [(429, "too_many_proofings")]
    assert (await prove(app_client.api, signed_in, number=number)).status_code == 200
