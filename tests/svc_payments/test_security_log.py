"""Who decides over money, and who proves that it is theirs, is in the security log, without what people wrote."""

from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from chassis.db import Database
from chassis.testing import Tokens
from tests.security_log import SecurityLog
from tests.svc_payments.billing.terms.agreement import put_in_force
from tests.svc_payments.collection.mandates.conftest import giver, mandates
from tests.svc_payments.collection.mandates.giver import ACCOUNT, Giver
from tests.svc_payments.operations.manual_actions.test_manual_actions import REASON, Operators, correction
from tests.svc_payments.settlement.test_endpoints import Staff, one, other, settlement
from tests.svc_payments.tills.conftest import counter
from tests.svc_payments.tills.counter import Counter
from tests.svc_payments.tills.test_payer_proof import Case, another, case_of
from tests.svc_payments.world import World

__all__ = ["counter", "giver", "mandates", "one", "other", "settlement"]


@pytest_asyncio.fixture
async def case(world: World, counter: Counter) -> Case:
    return await case_of(world, counter)


async def test_terms_name_who_proposed_and_who_approved_them(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, security_log: SecurityLog
) -> None:
    security_log.must_not_hold("Agreement 2026-1")
    await put_in_force(api, tokens, provider_id, {})
    proposed, approved = security_log.lines()
    assert (proposed["kind"], proposed["reason"]) == ("payment_terms_changed", "propose_payment_terms")
    assert (approved["reason"], approved["object_id"]) == ("approve_payment_terms", str(provider_id))
    assert proposed["subject"] != approved["subject"]


async def test_a_transfer_file_leaves_one_line_for_each_step(
    settlement: dict[str, Any], one: Staff, other: Staff, security_log: SecurityLog
) -> None:
    assert settlement["status"] == "closed"
    security_log.must_not_hold("日常结算")
    security_log.forget()
    file_id = (await one.post("/transfer-files")).json()["transfer_file_id"]
    await one.get(f"/transfer-files/{file_id}/content")
    assert (await one.post(f"/transfer-files/{file_id}/sent")).status_code == 403
    for step in ("sent", "confirmed"):
        assert (await other.post(f"/transfer-files/{file_id}/{step}")).status_code == 200
    lines = security_log.lines()
    assert [line["reason"] for line in lines] == [
        *("generate_transfer_file", "fetch_transfer_file", "second_person_needed"),
        *("send_transfer_file", "confirm_transfer_file"),
    ]
    changed = [line for line in lines if line["kind"] == "settlement_changed"]
    assert {line["object_id"] for line in changed} == {file_id}


async def test_a_settlement_changed_past_the_service_is_an_event(
    owner: Database, settlement: dict[str, Any], one: Staff, security_log: SecurityLog
) -> None:
    async with owner.transaction() as tx:
        changed = text("UPDATE settlements SET booked_fen = booked_fen + 1, payable_fen = payable_fen + 1")
        await tx.execute(changed)
    security_log.forget()
    assert (await one.post("/transfer-files")).json()["code"] == "settlement_unproven", settlement
    assert security_log.kinds() == [("settlement_unproven", "settlement_unproven")]


async def test_codes_at_a_till_are_events_and_in_no_line(case: Case, security_log: SecurityLog) -> None:
    security_log.forget()
    code = await case.new_code()
    security_log.must_not_hold(code, another(code), case.number)
    assert (await case.pay_out(payout_code=another(code))).status_code == 422
    assert (await case.pay_out(payout_code=code)).status_code == 200
    lines = security_log.lines()
    assert [(line["kind"], line["reason"]) for line in lines] == [
        ("payout_allowed", "issue_payout_code"),
        ("payout_refused", "refuse_payout_code"),
        ("payout_allowed", "pay_out_refund"),
    ]
    assert {line["object_id"] for line in lines} == {case.refund["refund_id"]}
    assert lines[0]["subject"] == str(case.payer)
    assert lines[1]["subject"] == lines[2]["subject"]


async def test_the_steps_of_a_till_session(counter: Counter, security_log: SecurityLog) -> None:
    clerk, supervisor = counter.staff("clerk"), counter.staff("till_supervisor")
    session = await counter.opened(clerk)
    await counter.count(clerk, session, 50_000)
    await counter.post(supervisor, f"{session}/send-back", {"reason": "数错了"})
    security_log.must_not_hold("数错了")
    await counter.closed(clerk, session, 50_000)
    assert security_log.kinds() == [
        ("till_session_changed", f"{act}_till_session") for act in ("open", "send_back", "close")
    ]


async def test_manual_actions_and_who_decides_on_them(
    api: httpx.AsyncClient, tokens: Tokens, security_log: SecurityLog
) -> None:
    security_log.must_not_hold(REASON)
    operators = Operators(api, tokens)
    action_id = await operators.proposed(correction())
    assert (await operators.approve(action_id, operators.one)).status_code == 403
    assert (await operators.approve(action_id)).status_code == 200
    assert security_log.kinds() == [
        ("manual_action_decided", "propose_correct_ledger"),
        ("forbidden", "second_person_needed"),
        ("manual_action_decided", "approve_correct_ledger"),
    ]


@pytest.mark.usefixtures("mandates")
async def test_the_life_of_a_mandate(giver: Giver, security_log: SecurityLog) -> None:
    security_log.must_not_hold(ACCOUNT)
    mandate = await giver.active()
    for step in ("suspend", "resume", "cancel"):
        assert (await giver.post(f"{mandate}/{step}")).status_code == 200
    changed = [line for line in security_log.lines() if line["kind"] == "mandate_changed"]
    assert [line["reason"] for line in changed] == ["requested", "active", "suspended", "active", "cancelled"]
    assert {line["mandate_id"] for line in changed} == {mandate.removeprefix("/")}
