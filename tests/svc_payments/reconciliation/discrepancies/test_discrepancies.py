"""The life of a discrepancy over the API: its owner, its clock, and the ways to close it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from chassis.db import CHINA, Database, new_id, now
from chassis.testing import Tokens, emitted, once
from kit.calendar import is_working_day, today
from kit.changed_days import HANDLERS
from svc_payments.reconciliation.discrepancies.models import Discrepancy, DiscrepancyEntry
from svc_payments.settings import Settings
from tests.svc_payments.parties.events import Event
from tests.svc_payments.reconciliation.runs.books import ingest, reconcile, sample_payment, statement_of
from tests.svc_payments.reconciliation.runs.test_runs import balances

DISCREPANCIES = "/payments/v1/cases"


@pytest_asyncio.fixture
async def discrepancy_id(database: Database, settings: Settings) -> str:
    """A discrepancy of ¥41.40: the channel has the payment, the ledger has not."""
    await ingest(database, statement_of(sample_payment()))
    await reconcile(database, settings)
    async with database.transaction() as tx:
        found = await tx.execute(update(Discrepancy).values(owner_role="operator").returning(Discrepancy.id))
        return str(found.scalar_one())


class Person:
    """An operator with a token."""

    def __init__(self, api: httpx.AsyncClient, tokens: Tokens) -> None:
        self._api = api
        self.headers = tokens.staff("operator")

    async def act(self, discrepancy_id: str, verb: str, **body: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        return await self._api.post(
            f"{DISCREPANCIES}/{discrepancy_id}/{verb}", json=body, headers=self.headers | once()
        )

    async def read(self, discrepancy_id: str) -> dict[str, Any]:
        answer = await self._api.get(f"{DISCREPANCIES}/{discrepancy_id}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        discrepancy: dict[str, Any] = answer.json()
        return discrepancy


@pytest.fixture
def operator(api: httpx.AsyncClient, tokens: Tokens) -> Person:
    return Person(api, tokens)


@pytest.fixture
def colleague(api: httpx.AsyncClient, tokens: Tokens) -> Person:
    return Person(api, tokens)


async def test_a_discrepancy_has_an_owner_and_a_clock(operator: Person, discrepancy_id: str) -> None:
    discrepancy = await operator.read(discrepancy_id)
    assert (discrepancy["status"], discrepancy["owner_role"], discrepancy["assignee_id"], discrepancy["flag"]) == (
        "open",
        "operator",
        None,
        None,
    )
    assert [entry["act"] for entry in discrepancy["entries"]] == ["opened"]


async def test_its_term_counts_the_working_days_that_operators_have_changed(
    database: Database, settings: Settings
) -> None:
    ahead = [today() + timedelta(days=passed) for passed in range(1, 15)]
    days = [{"day": day.isoformat(), "working": day == ahead[9]} for day in ahead[:10]]
    async with database.transaction() as tx:
        await Event("calendar.changed", {"revision": 1, "days": days}).consume(tx, HANDLERS)
    await ingest(database, statement_of(sample_payment()))
    await reconcile(database, settings)
    async with database.read() as tx:
        due_at = (await tx.scalars(select(Discrepancy.due_at))).one()
    assert due_at.astimezone(CHINA).date() == next(day for day in ahead[10:] if is_working_day(day))


@pytest.mark.parametrize(
    ("left", "flag"), [(timedelta(hours=9), None), (timedelta(hours=1), "yellow"), (-timedelta(hours=1), "red")]
)
async def test_the_flag_rises_as_time_runs_out(
    database: Database, operator: Person, discrepancy_id: str, left: timedelta, flag: str | None
) -> None:
    async with database.transaction() as tx:
        await tx.execute(update(Discrepancy).values(due_at=now() + left))
    assert (await operator.read(discrepancy_id))["flag"] == flag


async def test_red_discrepancies_can_be_listed(
    api: httpx.AsyncClient, database: Database, operator: Person, discrepancy_id: str
) -> None:
    async with database.transaction() as tx:
        await tx.execute(update(Discrepancy).values(due_at=now() - timedelta(hours=1)))
    listed = {
        flag: (await api.get(f"{DISCREPANCIES}?flag={flag}&source=channel", headers=operator.headers)).json()["items"]
        for flag in ("red", "yellow")
    }
    assert [discrepancy["case_id"] for discrepancy in listed["red"]] == [discrepancy_id]
    assert listed["yellow"] == []


async def test_a_discrepancy_is_handed_over_with_a_reason(operator: Person, discrepancy_id: str) -> None:
    colleague_id = str(new_id())
    answer = await operator.act(discrepancy_id, "hand-over", assignee_id=colleague_id, reason="知道该渠道的情况")
    assert answer.json()["assignee_id"] == colleague_id
    await operator.act(discrepancy_id, "comments", words="渠道说明天补发通知")
    entries = (await operator.read(discrepancy_id))["entries"]
    assert [entry["act"] for entry in entries] == ["opened", "handed_over", "commented"]
    assert entries[1]["words"] == "知道该渠道的情况"


async def test_settling_a_discrepancy_clears_suspense(
    database: Database, operator: Person, discrepancy_id: str
) -> None:
    assert await balances(database) == {"channel_receivable": 4140, "suspense": -4140}
    answer = await operator.act(discrepancy_id, "close", resolution="settled", reason="渠道已退回")
    assert (answer.json()["status"], answer.json()["resolution"]) == ("closed", "settled")
    assert await balances(database) == {"channel_receivable": 0, "suspense": 0}


async def test_a_closed_discrepancy_stays_closed(
    database: Database, settings: Settings, operator: Person, discrepancy_id: str
) -> None:
    await operator.act(discrepancy_id, "close", resolution="settled", reason="渠道已退回")
    for verb, body in (
        ("close", {"resolution": "settled", "reason": "再次"}),
        ("close", {"resolution": "written_off", "reason": "再次"}),
        ("hand-over", {"assignee_id": str(new_id()), "reason": "再次"}),
        ("write-off-decision", {"agreed": True, "reason": "再次"}),
    ):
        answer = await operator.act(discrepancy_id, verb, **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move")
    run = await reconcile(database, settings)
    assert (run.excess, run.cases_opened) == (1, 0)


async def test_a_write_off_needs_a_second_person(operator: Person, discrepancy_id: str) -> None:
    proposed = await operator.act(discrepancy_id, "close", resolution="written_off", reason="金额小")
    assert proposed.json()["status"] == "proposed"
    alone = await operator.act(discrepancy_id, "write-off-decision", agreed=True, reason="同意")
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person_needed")


async def test_two_people_write_off(
    database: Database, operator: Person, colleague: Person, discrepancy_id: str
) -> None:
    await operator.act(discrepancy_id, "close", resolution="written_off", reason="金额小")
    done = await colleague.act(discrepancy_id, "write-off-decision", agreed=True, reason="同意")
    assert (done.json()["status"], done.json()["resolution"]) == ("closed", "written_off")
    assert await balances(database) == {"channel_receivable": 4140, "suspense": 0, "fees": -4140}


async def test_a_refused_write_off_leaves_the_discrepancy_open(
    operator: Person, colleague: Person, discrepancy_id: str
) -> None:
    await operator.act(discrepancy_id, "close", resolution="written_off", reason="金额小")
    answer = await colleague.act(discrepancy_id, "write-off-decision", agreed=False, reason="先问渠道")
    assert (answer.json()["status"], answer.json()["proposed_by"]) == ("open", None)


async def test_the_history_of_a_discrepancy_is_append_only(owner: Database, discrepancy_id: str) -> None:
    with pytest.raises(DBAPIError, match="only ever added to"):
        async with owner.transaction() as tx:
            await tx.execute(
                update(DiscrepancyEntry).where(DiscrepancyEntry.case_id == UUID(discrepancy_id)).values(words="anders")
            )


async def test_the_closing_event_has_no_free_text(database: Database, operator: Person, discrepancy_id: str) -> None:
    await operator.act(discrepancy_id, "close", resolution="settled", reason="渠道已退回")
    async with database.read() as tx:
        events = [event for event in await emitted(tx) if event.type.endswith("case.closed.v1")]
    assert events[0].data["resolution"] == "settled"
    assert "渠道" not in str(events[0].data)


@pytest.mark.parametrize("role", ["auditor", "reviewer"])
async def test_only_operators_act(api: httpx.AsyncClient, tokens: Tokens, discrepancy_id: str, role: str) -> None:
    body = {"resolution": "settled", "reason": "渠道已退回"}
    answer = await api.post(f"{DISCREPANCIES}/{discrepancy_id}/close", json=body, headers=tokens.staff(role) | once())
    assert answer.status_code == 403
