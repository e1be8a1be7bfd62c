"""The life of a case over the API: in whose hands it is, its clock, and the ways in which it ends."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, emitted, once
from svc_payments.reconciliation.discrepancies.models import Discrepancy, DiscrepancyEntry
from svc_payments.settings import Settings
from tests.svc_payments.reconciliation.runs.books import bill, paid, reconcile, take_in
from tests.svc_payments.reconciliation.runs.test_runs import balances

CASES = "/payments/v1/cases"


@pytest_asyncio.fixture
async def case_id(database: Database, settings: Settings) -> str:
    """A case about 41.40 yuan that the channel has and we have not."""
    await take_in(database, bill(paid()))
    await reconcile(database, settings)
    async with database.transaction() as tx:
        found = await tx.execute(update(Discrepancy).values(owner_role="operator").returning(Discrepancy.id))
        return str(found.scalar_one())


class Person:
    """An operator with a token."""

    def __init__(self, api: httpx.AsyncClient, tokens: Tokens) -> None:
        self._api = api
        self.headers = tokens.staff("operator")

    async def act(self, case_id: str, verb: str, **body: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        return await self._api.post(f"{CASES}/{case_id}/{verb}", json=body, headers=self.headers | once())

    async def see(self, case_id: str) -> dict[str, Any]:
        answer = await self._api.get(f"{CASES}/{case_id}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        case: dict[str, Any] = answer.json()
        return case


@pytest.fixture
def operator(api: httpx.AsyncClient, tokens: Tokens) -> Person:
    return Person(api, tokens)


@pytest.fixture
def colleague(api: httpx.AsyncClient, tokens: Tokens) -> Person:
    return Person(api, tokens)


async def test_a_case_has_an_owner_and_a_clock(operator: Person, case_id: str) -> None:
    case = await operator.see(case_id)
    assert (case["status"], case["owner_role"], case["assignee_id"], case["flag"]) == ("open", "operator", None, None)
    assert [entry["act"] for entry in case["entries"]] == ["opened"]


@pytest.mark.parametrize(
    ("left", "flag"), [(timedelta(hours=9), None), (timedelta(hours=1), "yellow"), (-timedelta(hours=1), "red")]
)
async def test_a_flag_goes_up_as_time_runs_out(
    database: Database, operator: Person, case_id: str, left: timedelta, flag: str | None
) -> None:
    async with database.transaction() as tx:
        await tx.execute(update(Discrepancy).values(due_at=now() + left))
    assert (await operator.see(case_id))["flag"] == flag


async def test_red_cases_can_be_listed(
    api: httpx.AsyncClient, database: Database, operator: Person, case_id: str
) -> None:
    async with database.transaction() as tx:
        await tx.execute(update(Discrepancy).values(due_at=now() - timedelta(hours=1)))
    listed = {
        flag: (await api.get(f"{CASES}?flag={flag}&source=channel", headers=operator.headers)).json()["items"]
        for flag in ("red", "yellow")
    }
    assert [case["case_id"] for case in listed["red"]] == [case_id]
    assert listed["yellow"] == []


async def test_a_case_goes_from_hand_to_hand_with_reasons(operator: Person, case_id: str) -> None:
    colleague_id = str(new_id())
    answer = await operator.act(case_id, "hand-over", assignee_id=colleague_id, reason="知道该渠道的情况")
    assert answer.json()["assignee_id"] == colleague_id
    await operator.act(case_id, "comments", words="渠道说明天补发通知")
    entries = (await operator.see(case_id))["entries"]
    assert [entry["act"] for entry in entries] == ["opened", "handed_over", "commented"]
    assert entries[1]["words"] == "知道该渠道的情况"


async def test_a_settled_case_takes_back_what_was_in_suspense(
    database: Database, operator: Person, case_id: str
) -> None:
    assert await balances(database) == {"channel_receivable": 4140, "suspense": -4140}
    answer = await operator.act(case_id, "close", resolution="settled", reason="渠道已退回")
    assert (answer.json()["status"], answer.json()["resolution"]) == ("closed", "settled")
    assert await balances(database) == {"channel_receivable": 0, "suspense": 0}


async def test_a_closed_case_stays_closed(
    database: Database, settings: Settings, operator: Person, case_id: str
) -> None:
    await operator.act(case_id, "close", resolution="settled", reason="渠道已退回")
    for verb, body in (
        ("close", {"resolution": "settled", "reason": "再次"}),
        ("close", {"resolution": "written_off", "reason": "再次"}),
        ("hand-over", {"assignee_id": str(new_id()), "reason": "再次"}),
        ("write-off-decision", {"agreed": True, "reason": "再次"}),
    ):
        answer = await operator.act(case_id, verb, **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move")
    run = await reconcile(database, settings)
    assert (run.excess, run.cases_opened) == (1, 0)


async def test_nobody_writes_off_alone(operator: Person, case_id: str) -> None:
    proposed = await operator.act(case_id, "close", resolution="written_off", reason="金额小")
    assert proposed.json()["status"] == "proposed"
    alone = await operator.act(case_id, "write-off-decision", agreed=True, reason="同意")
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person_needed")


async def test_two_people_write_off(database: Database, operator: Person, colleague: Person, case_id: str) -> None:
    await operator.act(case_id, "close", resolution="written_off", reason="金额小")
    done = await colleague.act(case_id, "write-off-decision", agreed=True, reason="同意")
    assert (done.json()["status"], done.json()["resolution"]) == ("closed", "written_off")
    assert await balances(database) == {"channel_receivable": 4140, "suspense": 0, "fees": -4140}


async def test_a_refused_write_off_leaves_the_case_open(operator: Person, colleague: Person, case_id: str) -> None:
    await operator.act(case_id, "close", resolution="written_off", reason="金额小")
    answer = await colleague.act(case_id, "write-off-decision", agreed=False, reason="先问渠道")
    assert (answer.json()["status"], answer.json()["proposed_by"]) == ("open", None)


async def test_what_happened_to_a_case_cannot_be_changed(database: Database, case_id: str) -> None:
    with pytest.raises(DBAPIError, match="only ever added to"):
        async with database.transaction() as tx:
            await tx.execute(
                update(DiscrepancyEntry).where(DiscrepancyEntry.case_id == UUID(case_id)).values(words="anders")
            )


async def test_a_closing_is_told_without_words(database: Database, operator: Person, case_id: str) -> None:
    await operator.act(case_id, "close", resolution="settled", reason="渠道已退回")
    async with database.read() as tx:
        told = [event for event in await emitted(tx) if event.type.endswith("case.closed.v1")]
    assert told[0].data["resolution"] == "settled"
    assert "渠道" not in str(told[0].data)


@pytest.mark.parametrize("role", ["auditor", "reviewer"])
async def test_only_operators_act(api: httpx.AsyncClient, tokens: Tokens, case_id: str, role: str) -> None:
    body = {"resolution": "settled", "reason": "渠道已退回"}
    answer = await api.post(f"{CASES}/{case_id}/close", json=body, headers=tokens.staff(role) | once())
    assert answer.status_code == 403
