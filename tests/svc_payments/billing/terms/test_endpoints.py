"""One operator proposes terms, another approves them; versions are immutable."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from tests.svc_payments.billing.terms.agreement import operator, put_in_force, today

Api = httpx.AsyncClient
LATE_FEE = {"late_fee": {"daily_ten_thousandths": 5}}


def proposal(terms: dict[str, Any] | None = None, day: date | None = None) -> dict[str, Any]:
    return {"terms": terms or {}, "in_force_from": f"{day or today()}", "reason": "Agreement 2026-1"}


def path(provider_id: UUID, part: str = "") -> str:
    return f"/payments/v1/providers/{provider_id}/payment-terms{part}"


async def propose(api: Api, provider_id: UUID, headers: dict[str, str], body: dict[str, Any]) -> httpx.Response:
    return await api.post(path(provider_id), json=body, headers=headers | once())


async def approve(api: Api, provider_id: UUID, headers: dict[str, str], version: int) -> httpx.Response:
    return await api.post(path(provider_id, f"/versions/{version}/approve"), headers=headers | once())


async def in_force(api: Api, tokens: Tokens, provider_id: UUID) -> dict[str, Any]:
    answer = await api.get(path(provider_id), headers=tokens.resident())
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_terms_take_effect_when_a_second_operator_approves_them(
    api: Api, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    proposed = await propose(api, provider_id, operator(tokens), proposal(LATE_FEE))
    assert (proposed.status_code, proposed.json()["version"]) == (201, 1)
    assert (await in_force(api, tokens, provider_id))["version"] is None
    approved = await approve(api, provider_id, operator(tokens), 1)
    assert (approved.status_code, approved.json()["in_force_from"]) == (200, f"{today()}")
    now = await in_force(api, tokens, provider_id)
    assert (now["version"], now["terms"]["late_fee"]["daily_ten_thousandths"]) == (1, 5)
    async with database.read() as tx:
        (event,) = await emitted(tx)
    assert event.type == "cn.ili.payments.payment_terms.published.v1"
    assert event.data == {"provider_id": f"{provider_id}", "version": 1, "in_force_from": f"{today()}"}


async def test_the_proposer_cannot_approve(api: Api, tokens: Tokens, provider_id: UUID) -> None:
    writer = operator(tokens)
    await propose(api, provider_id, writer, proposal())
    answer = await approve(api, provider_id, writer, 1)
    assert (answer.status_code, answer.json()["code"]) == (403, "second_person_needed")


async def test_the_database_requires_two_people(database: Database, provider_id: UUID) -> None:
    writer = new_id()
    version = text(
        "INSERT INTO payment_terms (provider_id, version, wanted_from, document, reason, proposed_by) "
        "VALUES (:provider, 1, CURRENT_DATE, '{}', 'x', :writer)"
    )
    approval = text(
        "INSERT INTO payment_terms_approvals (provider_id, version, proposed_by, approved_by, in_force_from) "
        "VALUES (:provider, 1, :named, :writer, CURRENT_DATE)"
    )
    values = {"provider": provider_id, "writer": writer}
    async with database.transaction() as tx:
        await tx.execute(version, values)
    for named in (writer, new_id()):  # unchanged, and with another author
        with pytest.raises(IntegrityError):
            async with database.transaction() as tx:
                await tx.execute(approval, {**values, "named": named})


@pytest.mark.parametrize("table", ["payment_terms", "payment_terms_approvals"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET version = 9"])
async def test_versions_are_append_only(owner: Database, table: str, change: str) -> None:
    with pytest.raises(DBAPIError, match="only ever added to"):
        async with owner.transaction() as tx:
            await tx.execute(text(change.format(table)))


async def test_only_first_terms_may_start_in_the_past(api: Api, tokens: Tokens, provider_id: UUID) -> None:
    last_year = today() - timedelta(days=365)
    await put_in_force(api, tokens, provider_id, LATE_FEE, since=last_year)
    assert (await in_force(api, tokens, provider_id))["in_force_from"] == f"{last_year}"
    yesterday = await propose(api, provider_id, operator(tokens), proposal(day=today() - timedelta(days=1)))
    assert (yesterday.status_code, yesterday.json()["code"]) == (422, "terms_begin_in_the_past")


async def test_terms_of_a_later_day_take_effect_on_it(api: Api, tokens: Tokens, provider_id: UUID) -> None:
    await put_in_force(api, tokens, provider_id, LATE_FEE)
    await put_in_force(api, tokens, provider_id, {}, since=today() + timedelta(days=2))
    assert (await in_force(api, tokens, provider_id))["version"] == 1


async def test_an_older_version_is_not_approved_after_a_newer_one(api: Api, tokens: Tokens, provider_id: UUID) -> None:
    for _ in range(2):
        await propose(api, provider_id, operator(tokens), proposal())
    codes = [(await approve(api, provider_id, operator(tokens), version)).json().get("code") for version in (2, 1, 2)]
    assert codes == [None, "terms_overtaken", "terms_already_approved"]


async def test_residents_do_not_see_fees_and_providers_see_only_their_own_versions(
    api: Api, tokens: Tokens, provider_id: UUID
) -> None:
    channels = [{"channel": "sandbox", "most_fen": 500, "fee": {"basis_points": 38}}]
    await put_in_force(api, tokens, provider_id, {"channels": channels})
    public = (await in_force(api, tokens, provider_id))["terms"]
    assert public["channels"] == [{"channel": "sandbox", "least_fen": 1, "most_fen": 500}]
    assert "posting_limit_seconds" not in public
    own = await api.get(path(provider_id, "/versions"), headers=tokens.client(provider_id, "bills:write"))
    assert own.json()["items"][0]["terms"]["channels"][0]["fee"]["basis_points"] == 38
    other = await api.get(path(provider_id, "/versions"), headers=tokens.client(new_id(), "bills:write"))
    assert other.status_code == 404
    resident = await api.get(path(provider_id, "/versions"), headers=tokens.resident())
    assert resident.status_code == 403


@pytest.mark.parametrize("role", ["auditor", "reviewer", "county_team"])
async def test_only_operators_write_terms(api: Api, tokens: Tokens, provider_id: UUID, role: str) -> None:
    assert (await propose(api, provider_id, tokens.staff(role), proposal())).status_code == 403


async def test_terms_of_an_unknown_provider_are_not_found(api: Api, tokens: Tokens) -> None:
    unknown = new_id()
    assert (await propose(api, unknown, operator(tokens), proposal())).status_code == 404
    assert (await api.get(path(unknown), headers=tokens.resident())).status_code == 404
    assert (await approve(api, unknown, operator(tokens), 1)).status_code == 404


async def test_every_step_is_in_the_audit_trail(api: Api, tokens: Tokens, provider_id: UUID) -> None:
    await put_in_force(api, tokens, provider_id, {})
    trail = await api.get(f"/payments/v1/audit-records?subject={provider_id}", headers=tokens.staff("auditor"))
    acts = [(record["action"], record["details"]) for record in trail.json()["items"]]
    assert acts == [("approve_payment_terms", {"version": 1}), ("propose_payment_terms", {"version": 1})]
