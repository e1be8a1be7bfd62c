"""The audit trail: written with the action, readable by auditors, append-only."""

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_payments.oversight.audit import service
from tests.svc_payments.world import World

TRAIL = "/payments/v1/audit-records"


class InterruptedActionError(Exception):
    pass


async def record_and_fail(database: Database, subject: object) -> None:
    async with database.transaction() as tx:
        await service.record(tx, None, "look_at_bill", subject)
        raise InterruptedActionError


async def test_an_auditor_lists_the_records_of_a_subject_newest_first(
    api: httpx.AsyncClient, database: Database, tokens: Tokens
) -> None:
    subject, other = new_id(), new_id()
    for action, on in (("open_case", subject), ("open_case", other), ("close_case", subject)):
        async with database.transaction() as tx:
            await service.record(tx, None, action, on, reason="counted again", amount_fen=12)
    answer = await api.get(TRAIL, params={"subject": str(subject)}, headers=tokens.staff("auditor"))
    assert [(item["actor"], item["action"]) for item in answer.json()["items"]] == [
        ("system", "close_case"),
        ("system", "open_case"),
    ]
    assert answer.json()["items"][0]["details"] == {"amount_fen": 12}


async def test_an_action_that_is_rolled_back_leaves_no_record(
    api: httpx.AsyncClient, database: Database, tokens: Tokens
) -> None:
    subject = new_id()
    with pytest.raises(InterruptedActionError):
        await record_and_fail(database, subject)
    answer = await api.get(TRAIL, params={"subject": str(subject)}, headers=tokens.staff("auditor"))
    assert answer.json()["items"] == []


@pytest.mark.parametrize("change", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_trail_is_append_only(owner_tx: AsyncSession, change: str) -> None:
    await service.record(owner_tx, None, "look_at_bill", new_id())
    with pytest.raises(DBAPIError, match="only ever added to"):
        await owner_tx.execute(text(change.format("audit_records")))


async def test_residents_and_providers_do_not_read_the_trail(api: httpx.AsyncClient, tokens: Tokens) -> None:
    for headers in (tokens.resident(), tokens.client(new_id(), "bills:write"), tokens.staff("reviewer")):
        assert (await api.get(TRAIL, headers=headers)).status_code == 403


async def test_reading_a_holders_ledger_is_audited(world: World) -> None:
    person = new_id()
    await world.captured(person)
    auditor = world.tokens.staff("auditor")
    found = await world.api.get("/payments/v1/ledger/accounts", params={"holder": str(person)}, headers=auditor)
    (account,) = found.json()["items"]
    await world.api.get(f"/payments/v1/ledger/accounts/{account['account_id']}/entries", headers=auditor)
    for subject, action in (
        (str(person), "look_at_ledger_accounts"),
        (account["account_id"], "look_at_ledger_account"),
    ):
        trail = await world.api.get(TRAIL, params={"subject": subject}, headers=auditor)
        assert [item["action"] for item in trail.json()["items"]] == [action]
