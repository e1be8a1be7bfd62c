"""Manual actions need a reason and a second person, run once, and are audited."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from svc_payments.operations.manual_actions.models import ManualAction
from svc_payments.oversight.incidents import service as incidents
from svc_payments.oversight.incidents.models import Incident, IncidentKind
from tests.svc_payments.world import World

ACTIONS = "/payments/v1/manual-actions"
TRAIL = "/payments/v1/audit-records"
REASON = "The bank has confirmed it by telephone."


def correction(amount_fen: Any = 120) -> dict[str, Any]:  # noqa: ANN401 - what clients send
    debit = {"kind": "suspense", "holder": "sandbox"}
    credit = {"kind": "channel_receivable", "holder": "sandbox"}
    return {"kind": "correct_ledger", "debit": debit, "credit": credit, "amount_fen": amount_fen}


class Operators:
    """Two operators who propose and approve manual actions."""

    def __init__(self, api: httpx.AsyncClient, tokens: Tokens) -> None:
        self._api = api
        self.one, self.other = (tokens.staff("operator") for _ in range(2))
        self.auditor = tokens.staff("auditor")

    async def propose(self, what: dict[str, Any], reason: str = REASON) -> httpx.Response:
        return await self._api.post(ACTIONS, json={"what": what, "reason": reason}, headers=self.one | once())

    async def proposed(self, what: dict[str, Any]) -> str:
        answer = await self.propose(what)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["manual_action_id"])

    async def approve(self, action_id: object, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self._api.post(f"{ACTIONS}/{action_id}/approve", headers=(headers or self.other) | once())

    async def reject(self, action_id: object, headers: dict[str, str]) -> httpx.Response:
        body = {"reason": "Counted again: nothing is missing."}
        return await self._api.post(f"{ACTIONS}/{action_id}/reject", json=body, headers=headers | once())

    async def trail_of(self, subject: object) -> list[str]:
        answer = await self._api.get(TRAIL, params={"subject": str(subject)}, headers=self.auditor)
        return [record["action"] for record in answer.json()["items"]]


@pytest.fixture
def operators(api: httpx.AsyncClient, tokens: Tokens) -> Operators:
    return Operators(api, tokens)


async def balances(api: httpx.AsyncClient, operators: Operators) -> dict[str, int]:
    balance = (await api.get("/payments/v1/ledger/trial-balance", headers=operators.auditor)).json()
    return {account["kind"]: account["balance_fen"] for account in balance["accounts"]}


async def test_a_second_operator_approves_a_proposal(api: httpx.AsyncClient, operators: Operators) -> None:
    action_id = await operators.proposed(correction())
    assert await balances(api, operators) == {}
    answer = await operators.approve(action_id)
    assert (answer.status_code, answer.json()["status"]) == (200, "done")
    assert await balances(api, operators) == {"suspense": 120, "channel_receivable": -120}
    assert await operators.trail_of(action_id) == ["approve_correct_ledger", "propose_correct_ledger"]


async def test_the_proposer_cannot_approve(api: httpx.AsyncClient, operators: Operators) -> None:
    action_id = await operators.proposed(correction())
    answer = await operators.approve(action_id, operators.one)
    assert (answer.status_code, answer.json()["code"]) == (403, "second_person_needed")
    assert await balances(api, operators) == {}
    assert (await operators.approve(action_id)).status_code == 200


async def test_ten_concurrent_approvals_execute_once(api: httpx.AsyncClient, operators: Operators) -> None:
    action_id = await operators.proposed(correction())
    answers = await asyncio.gather(*(operators.approve(action_id) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert await balances(api, operators) == {"suspense": 120, "channel_receivable": -120}


async def test_a_rejected_action_is_never_executed(api: httpx.AsyncClient, operators: Operators) -> None:
    for who in (operators.one, operators.other):
        action_id = await operators.proposed(correction())
        assert (await operators.reject(action_id, who)).json()["status"] == "rejected"
        assert (await operators.approve(action_id)).json()["code"] == "illegal_move"
    assert await balances(api, operators) == {}


async def test_the_database_requires_two_persons(tx: AsyncSession) -> None:
    alone = ManualAction(kind="correct_ledger", what={}, reason=REASON, status="done", proposed_by="a", decided_by="a")
    tx.add(alone)
    with pytest.raises(IntegrityError, match="ck_manual_actions_second_person"):
        await tx.flush()


async def test_an_incident_is_resolved_once(api: httpx.AsyncClient, operators: Operators, database: Database) -> None:
    subject = new_id()
    async with database.transaction() as tx:
        await incidents.record(tx, IncidentKind.MONEY_HELD, subject)
        incident_id = (await tx.scalars(text("SELECT id FROM incidents"))).one()
    what = {"kind": "resolve_incident", "incident_id": str(incident_id)}
    first, second = await operators.proposed(what), await operators.proposed(what)
    assert (await operators.approve(first)).status_code == 200
    assert (await operators.approve(second)).json()["code"] == "nothing_to_do"
    async with database.read() as tx:
        assert (await tx.get_one(Incident, incident_id)).resolved_at is not None
    assert await operators.trail_of(incident_id) == ["approve_resolve_incident"] + ["propose_resolve_incident"] * 2


async def test_only_an_order_open_at_the_channel_is_polled_early(world: World, tokens: Tokens) -> None:
    operators, person = Operators(world.api, tokens), new_id()
    created, pending = await world.created(person), await world.confirmed(person)
    refused = await operators.propose({"kind": "ask_channel", "payment_id": created})
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_do")
    await world.faults(drop_notices=1_000)
    await world.pay(pending)
    action_id = await operators.proposed({"kind": "ask_channel", "payment_id": pending})
    async with world.orders() as orders:
        assert await orders.ask_due() == 0
        await operators.approve(action_id)
        assert await orders.ask_due() == 1
    assert await world.status(person, pending) == "captured"


async def test_a_posting_is_delivered_early(world: World, tokens: Tokens) -> None:
    operators, person = Operators(world.api, tokens), new_id()
    await world.captured(person)
    async with world.database.transaction() as tx:
        await tx.execute(text("UPDATE postings SET try_at = now() + interval '1 hour'"))
        posting_id: UUID = (await tx.scalars(text("SELECT id FROM postings"))).one()
    action_id = await operators.proposed({"kind": "tell_provider", "posting_id": str(posting_id)})
    assert (await operators.approve(action_id)).status_code == 200
    async with world.database.read() as tx:
        assert (await tx.scalars(text("SELECT try_at <= now() FROM postings"))).one()


@pytest.mark.parametrize(
    "what",
    [
        {"kind": "ask_channel", "payment_id": "00000000-0000-7000-8000-000000000000"},
        {"kind": "tell_provider", "posting_id": "00000000-0000-7000-8000-000000000000"},
        {"kind": "resolve_incident", "incident_id": "00000000-0000-7000-8000-000000000000"},
    ],
    ids=lambda what: str(what["kind"]),
)
async def test_proposals_about_unknown_subjects_are_refused(operators: Operators, what: dict[str, str]) -> None:
    assert (await operators.propose(what)).status_code == 404


@pytest.mark.parametrize(
    "what",
    [
        correction(0),
        correction(-5),
        correction(1.5),
        correction("120"),
        correction(2**63),
        correction() | {"credit": {"kind": "suspense", "holder": "sandbox"}},
        correction() | {"debit": {"kind": "pocket", "holder": "mine"}},
        {"kind": "make_rich"},
    ],
    ids=["zero", "negative", "fraction", "text", "overflow", "one_account", "no_such_account", "no_such_kind"],
)
async def test_invalid_proposals_are_refused(operators: Operators, what: dict[str, Any]) -> None:
    assert (await operators.propose(what)).status_code == 422


async def test_a_proposal_needs_a_reason(operators: Operators) -> None:
    assert (await operators.propose(correction(), "    ")).status_code == 422


async def test_only_operators_act_and_auditors_read(
    api: httpx.AsyncClient, operators: Operators, tokens: Tokens
) -> None:
    action_id = await operators.proposed(correction())
    for headers in (tokens.resident(), tokens.staff("reviewer"), operators.auditor):
        assert (await operators.approve(action_id, headers)).status_code == 403
    assert (await api.get(f"{ACTIONS}/{action_id}", headers=operators.auditor)).status_code == 200
    assert (await api.get(ACTIONS, headers=tokens.resident())).status_code == 403
    assert (await operators.approve(uuid4())).status_code == 404
