"""Reminder preferences: per kind and per account, readable and writable by the resident only."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from svc_payments.billing.reminders.models import Reminder, ReminderKind
from svc_payments.parties.accounts.models import AccountBinding
from tests.svc_payments import past

PREFERENCES = "/payments/v1/reminder-preferences"
ALL = ["due_soon", "overdue", "large_change"]


@pytest.fixture
def person_id() -> UUID:
    return new_id()


async def bind(database: Database, person_id: UUID, **fields: Any) -> UUID:  # noqa: ANN401 - columns
    binding = AccountBinding(
        binding_id=new_id(),
        person_id=person_id,
        provider_id=new_id(),
        account_number=past.ACCOUNT,
        role="owner",
        **fields,
    )
    async with database.transaction() as tx:
        tx.add(binding)
    return binding.binding_id


async def put(api: httpx.AsyncClient, headers: dict[str, str], **off: list[str]) -> httpx.Response:
    items = [{"binding_id": binding_id, "off": kinds} for binding_id, kinds in off.items()]
    return await api.put(PREFERENCES, json={"items": items}, headers=headers)


async def test_every_kind_is_on_by_default_and_can_be_switched_off_and_on(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, person_id: UUID
) -> None:
    headers = tokens.resident(person_id)
    one, other = str(await bind(database, person_id)), str(await bind(database, person_id))
    before = (await api.get(PREFERENCES, headers=headers)).json()["items"]
    assert [(item["binding_id"], item["on"], item["off"]) for item in before] == [(one, ALL, []), (other, ALL, [])]
    for off in (["overdue", "large_change"], ["large_change"], []):
        answer = await put(api, headers, **{one: off})
        assert answer.status_code == 200, answer.text
        first, second = answer.json()["items"]
        assert (first["off"], second["off"]) == (off, [])
        assert sorted(first["on"] + first["off"]) == sorted(ALL)


async def test_bindings_of_others_and_ended_ones_are_not_found(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, person_id: UUID
) -> None:
    own = str(await bind(database, person_id))
    theirs, ended = str(await bind(database, new_id())), str(await bind(database, person_id, ended_at=now()))
    for binding in (theirs, ended, str(new_id())):
        answer = await put(api, tokens.resident(person_id), **{own: ["overdue"], binding: ["overdue"]})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    (kept,) = (await api.get(PREFERENCES, headers=tokens.resident(person_id))).json()["items"]
    assert kept["off"] == []


async def test_unknown_kinds_and_empty_lists_are_refused(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, person_id: UUID
) -> None:
    own = str(await bind(database, person_id))
    assert (await put(api, tokens.resident(person_id), **{own: ["weekly"]})).status_code == 422
    assert (await put(api, tokens.resident(person_id))).status_code == 422
    assert (await put(api, tokens.resident(person_id, assurance_level=1), **{own: []})).status_code == 403


async def test_residents_list_their_own_reminders_newest_first(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, person_id: UUID
) -> None:
    day = past.china(2026, 11, 20).date()
    rows = [
        Reminder(id=new_id(), bill_id=new_id(), person_id=who, kind=kind, stage=0, day=day)
        for who, kind in (
            (person_id, ReminderKind.DUE_SOON),
            (new_id(), ReminderKind.DUE_SOON),
            (person_id, ReminderKind.OVERDUE),
        )
    ]
    async with database.transaction() as tx:
        tx.add_all(rows)
    answer = await api.get("/payments/v1/reminders", headers=tokens.resident(person_id))
    assert [item["kind"] for item in answer.json()["items"]] == ["overdue", "due_soon"]
