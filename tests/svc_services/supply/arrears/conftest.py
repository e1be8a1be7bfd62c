"""A company that asks for arrears, the people who see it, and what svc_payments says."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest_asyncio
from sqlalchemy import text

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import emitted, once
from kit.calendar import today
from svc_services.supply.arrears.consumers import HANDLERS, ArrearsChanged
from tests.svc_services.accounts.bindings.conftest import bind, person_id, provider_id
from tests.svc_services.accounts.invitations.conftest import House, house

__all__ = ["bind", "house", "person_id", "provider_id"]

NOTICES, MINE = "/services/v1/arrears-notices", "/services/v1/me/arrears-notices"
Json = dict[str, Any]


def ahead(days: int) -> str:
    return (today() + timedelta(days=days)).isoformat()


def month(later: int) -> str:
    """The first day of a month: 0 is the present one."""
    first = today().replace(day=1)
    return (first + timedelta(days=31 * later)).replace(day=1).isoformat()


@dataclass
class Claim:
    """The one notice of a house, and who acts on it."""

    house: House
    database: Database
    notice_id: str = ""
    sequence: int = 0
    bill_ids: list[UUID] = field(default_factory=lambda: [new_id(), new_id()])

    @property
    def api(self) -> httpx.AsyncClient:
        return self.house.api

    @property
    def headers(self) -> dict[str, str]:
        return self.house.tokens.client(self.house.provider_id, "accounts:write")

    async def open(self, **changes: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        usual = {
            "account_number": self.house.account,
            "bill_numbers": ["B1", "B2"],
            "amount_fen": 12_300,
            "deadline": ahead(15),
        }
        answer = await self.api.post(NOTICES, json={**usual, **changes}, headers=self.headers | once())
        if answer.status_code == 201:
            self.notice_id, self.sequence = answer.json()["notice_id"], 0
        return answer

    async def act(self, action: str, body: object = None, key: dict[str, str] | None = None) -> httpx.Response:
        path = f"{NOTICES}/{self.notice_id}/{action}"
        return await self.api.post(path, json=body, headers=self.headers | (key or once()))

    async def announce(self, days: int) -> httpx.Response:
        return await self.act("announce-cut-off", {"cut_off_on": ahead(days)})

    async def said(self, outstanding_fen: int, *, sequence: int | None = None, **more: Any) -> None:  # noqa: ANN401 - JSON
        """What svc_payments says next, or again."""
        self.sequence = sequence or self.sequence + 1
        standing = {
            "being_paid": False,
            "unknown_bills": 0,
            "overdue_since": ahead(-60),
            "first_period": month(1),
            "paid_at": None,
            "bill_ids": [str(each) for each in self.bill_ids],
        }
        (handler,) = HANDLERS
        data = ArrearsChanged.model_validate(
            {
                "notice_id": self.notice_id,
                "sequence": self.sequence,
                "outstanding_fen": outstanding_fen,
                **standing,
                **more,
            }
        )
        async with self.database.transaction() as tx:
            await handler.handle(tx, Received(new_id(), handler.event_type, now(), data))

    async def past(self, days: int) -> None:
        """So many days go by."""
        moved = text(
            "UPDATE arrears_notices SET opened_at = opened_at - make_interval(days => :days), "
            "deadline = deadline - :days, overdue_since = overdue_since - :days, cut_off_on = cut_off_on - :days, "
            "cut_off_at = cut_off_at - make_interval(days => :days), "
            "reconnect_by = reconnect_by - make_interval(days => :days) WHERE id = :id"
        )
        async with self.database.transaction() as tx:
            await tx.execute(moved, {"days": days, "id": self.notice_id})

    async def announced(self) -> None:
        """The deadline is over, and the announced day has come."""
        assert (await self.open()).status_code == 201
        await self.said(12_300)
        await self.past(16)
        assert (await self.announce(3)).status_code == 200
        await self.past(3)

    async def calendar(self, *, free: int | None = None) -> None:
        """All days are working days but one, so that the tests do not depend on the day of the week."""
        days = text(
            "INSERT INTO calendar_days SELECT day, day <> :free, '{}'::jsonb, 1 "
            "FROM generate_series(:first ::date, :first ::date + 60, interval '1 day') AS day "
            "ON CONFLICT (day) DO UPDATE SET working = excluded.working"
        )
        off = today() + timedelta(days=-1 if free is None else free)
        async with self.database.transaction() as tx:
            await tx.execute(days, {"first": today(), "free": off})

    async def cut_off(self) -> Json:
        await self.announced()
        await self.report_cut_off()
        await self.answer(12_300)
        return await self.shown()

    async def report_cut_off(self) -> None:
        answer = await self.act("cut-off")
        assert answer.status_code == 200, answer.text
        assert (answer.json()["status"], answer.json()["cut_off_pending"]) == ("cut_off_announced", True)

    async def asked(self) -> list[str]:
        """The questions to svc_payments."""
        async with self.database.read() as tx:
            return [each.data["check_id"] for each in await emitted(tx) if ".cut_off_asked." in each.type]

    async def answer(self, outstanding_fen: int, **more: Any) -> None:  # noqa: ANN401 - JSON
        """What svc_payments answers to the last question."""
        await self.said(outstanding_fen, check_id=(await self.asked())[-1], **more)

    async def mine(self, person: UUID | None = None) -> list[Json]:
        headers = self.house.tokens.resident(person or self.house.owner_id)
        answer = await self.api.get(MINE, headers=headers)
        assert answer.status_code == 200, answer.text
        items: list[Json] = answer.json()["items"]
        return items

    async def shown(self) -> Json:
        answer = await self.api.get(f"{NOTICES}/{self.notice_id}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        notice: Json = answer.json()
        return notice

    async def steps(self) -> list[tuple[str, bool, str | None]]:
        return [(each["action"], each["by_company"], each["explanation"]) for each in (await self.shown())["steps"]]

    async def told(self) -> list[tuple[int, str, str, list[str]]]:
        async with self.database.read() as tx:
            found = [each.data for each in await emitted(tx) if ".arrears_notice.moved." in each.type]
        return [(each["position"], each["action"], each["status"], each["person_ids"]) for each in found]


@pytest_asyncio.fixture
async def claim(house: House, database: Database) -> Claim:
    made = Claim(house, database)
    await made.calendar()
    return made
