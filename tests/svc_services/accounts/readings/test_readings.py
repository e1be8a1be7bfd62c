"""Residents read their meters; the provider fetches the readings by number."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from kit.calendar import today
from svc_services.accounts.readings.rules import is_open, opens_on
from tests.svc_services.accounts.bindings.stored import code
from tests.svc_services.accounts.bindings.test_closures import close
from tests.svc_services.accounts.invitations.conftest import House, bind, house, person_id, provider_id
from tests.svc_services.companies import BINDINGS, ProviderSystem, account_number, approved, attestation

__all__ = ["bind", "house", "person_id", "provider_id"]


@dataclass
class Meter:
    house: House
    database: Database

    async def read(self, reading: object, *, by: UUID | None = None, **more: Any) -> httpx.Response:  # noqa: ANN401
        binding, person = more.pop("binding", self.house.binding_id), by or self.house.owner_id
        headers = self.house.tokens.resident(person) | once()
        path = f"{BINDINGS}/{binding}/meter-readings"
        return await self.house.api.post(path, json={"reading": reading, **more}, headers=headers)

    async def has_read(self, reading: str, days_ago: int, **more: Any) -> None:  # noqa: ANN401 - JSON
        """A reading of an earlier day: one of today that is moved back."""
        answer = await self.read(reading, **more)
        assert answer.status_code == 201, answer.text
        moved = text(
            "UPDATE meter_readings SET read_on = read_on - CAST(:days AS integer), "
            "submitted_at = submitted_at - make_interval(days => :days) WHERE id = :id"
        )
        async with self.database.transaction() as tx:
            await tx.execute(moved, {"days": days_ago, "id": answer.json()["reading_id"]})

    async def changed(self, first_reading: str, days_ago: int = 0, **more: Any) -> httpx.Response:  # noqa: ANN401
        on = (today() - timedelta(days=days_ago)).isoformat()
        body = {"account_number": self.house.account, "changed_on": on, "first_reading": first_reading, **more}
        return await self.house.api.post("/services/v1/meter-changes", json=body, headers=self.of_provider | once())

    async def days(self, **days: int | None) -> httpx.Response:
        path = "/services/v1/meter-reading-days"
        return await self.house.api.post(path, json=days, headers=self.of_provider | once())

    async def fetched(self, **query: Any) -> dict[str, Any]:  # noqa: ANN401 - parameters
        answer = await self.house.api.get("/services/v1/meter-readings", params=query, headers=self.of_provider)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    @property
    def of_provider(self) -> dict[str, str]:
        return self.house.tokens.client(self.house.provider_id, "accounts:write")


@pytest_asyncio.fixture
async def meter(house: House, database: Database) -> Meter:
    return Meter(house, database)


async def test_a_reading_reaches_the_provider(meter: Meter) -> None:
    first = (await meter.read("１２３４.５")).json()
    assert (first["reading"], first["usage"], first["read_on"]) == ("1234.5", None, today().isoformat())
    (fetched,) = (await meter.fetched())["items"]
    assert fetched == first | {"number": 1}
    assert (await meter.fetched(after_number=1))["items"] == []
    listed = await meter.house.api.get(
        f"{BINDINGS}/{meter.house.binding_id}/meter-readings",
        headers=meter.house.tokens.resident(meter.house.owner_id),
    )
    assert listed.json()["items"] == [first]


async def test_a_correction_of_the_day_leaves_a_trace(meter: Meter) -> None:
    await meter.has_read("100", 30)
    wrong, right = (await meter.read("130")).json(), (await meter.read("120")).json()
    assert (right["usage"], right["replaces"]) == ("20", wrong["reading_id"])
    numbers = [
        (each["number"], each["reading"], each["replaced_at"] is None) for each in (await meter.fetched())["items"]
    ]
    assert numbers == [(1, "100", True), (2, "130", False), (3, "120", True)]


@pytest.mark.parametrize("reading", [12, 12.5, "-1", "1e3", "NaN", "1234567890", "1.2345", "", "١٢"])
async def test_what_is_no_reading_is_refused(meter: Meter, reading: object) -> None:
    assert code(await meter.read(reading)) == (422, "invalid_request")


async def test_a_lower_reading_is_refused_until_the_provider_reports_another_meter(meter: Meter) -> None:
    await meter.has_read("900", 30)
    answer = await meter.read("12")
    assert code(answer) == (422, "reading_below_last")
    assert "900" in answer.json()["detail"]
    assert (await meter.changed("2", 3)).status_code == 201
    taken = (await meter.read("12")).json()
    assert (taken["usage"], taken["rolled_over"]) == ("10", False)


async def test_a_meter_begins_again_at_0(meter: Meter) -> None:
    await meter.changed("9980", 90, digits=4)
    assert code(await meter.read("10000")) == (422, "reading_beyond_register")
    assert code(await meter.read("10")) == (409, "reading_confirmation_needed")
    taken = (await meter.read("10", confirmed=True)).json()
    assert (taken["usage"], taken["rolled_over"], taken["confirmed"]) == ("30", True, True)
    # More than half a round is no second round.
    assert code(await meter.read("9000", confirmed=True)) == (422, "reading_below_last")


async def test_five_times_the_usual_has_to_be_meant(meter: Meter) -> None:
    for reading, ago in (("100", 60), ("130", 30)):  # 1 a day
        await meter.has_read(reading, ago)
    assert (await meter.read("280")).status_code == 201  # 5 a day
    answer = await meter.read("281")
    assert code(answer) == (409, "reading_confirmation_needed")
    assert "151" in answer.json()["detail"]
    taken = (await meter.read("281", confirmed=True)).json()
    assert (taken["usage"], taken["confirmed"]) == ("151", True)


async def test_readings_are_taken_on_the_providers_days(meter: Meter) -> None:
    tomorrow = today() + timedelta(days=1)
    closed = {"first_day": tomorrow.day, "last_day": tomorrow.day}
    assert (await meter.days(**closed)).json() == closed
    answer = await meter.read("5")
    assert code(answer) == (409, "readings_not_taken")
    assert opens_on(today(), tomorrow.day, tomorrow.day).isoformat() in answer.json()["detail"]
    assert (await meter.days(first_day=today().day, last_day=today().day)).status_code == 200
    assert (await meter.read("5")).status_code == 201
    assert (await meter.days()).json() == {"first_day": None, "last_day": None}
    assert code(await meter.days(first_day=3)) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("day", "first", "last", "taken"),
    [
        (date(2026, 2, 28), 29, 31, True),
        (date(2026, 2, 27), 29, 31, False),
        (date(2026, 3, 2), 28, 3, True),
        (date(2026, 3, 4), 28, 3, False),
        (date(2026, 2, 28), 30, 3, True),
    ],
)
def test_days_of_short_months_and_past_their_end(day: date, first: int, last: int, taken: bool) -> None:  # noqa: FBT001
    assert is_open(day, first, last) is taken


async def test_family_reads_the_meter_and_a_tenant_does_not(meter: Meter) -> None:
    family = await meter.house.join()
    tenant_id = new_id()
    tenant = await meter.house.join("tenant", tenant_id, access_until=today().isoformat())
    assert (await meter.read("5", by=meter.house.guest_id, binding=family["access_id"])).status_code == 201
    answer = await meter.read("6", by=tenant_id, binding=tenant["access_id"])
    assert code(answer) == (403, "not_for_your_role")
    await meter.house.remove(family["access_id"])
    answer = await meter.read("7", by=meter.house.guest_id, binding=family["access_id"])
    assert answer.status_code == 404
    assert (await meter.read("8", by=meter.house.guest_id)).status_code == 404


async def test_access_that_is_over_takes_no_reading_before_the_worker_ends_it(meter: Meter) -> None:
    family = await meter.house.join(access_until=today().isoformat())
    async with meter.database.transaction() as tx:
        await tx.execute(text("UPDATE account_bindings SET access_until = access_until - 1"))
    answer = await meter.read("5", by=meter.house.guest_id, binding=family["access_id"])
    assert answer.status_code == 404


async def test_the_next_holder_does_not_see_readings_of_before(meter: Meter, bind: Any) -> None:  # noqa: ANN401
    await meter.has_read("100", 30)
    change = {
        "account_number": meter.house.account,
        "kind": "new_holder",
        "effective_on": (today() - timedelta(days=2)).isoformat(),
    }
    api = meter.house.api
    await api.post("/services/v1/holder-changes", json=change, headers=meter.of_provider | once())
    next_holder = new_id()
    binding = (await bind(person=next_holder)).json()["binding_id"]
    # The meter goes on all the same.
    assert code(await meter.read("90", by=next_holder, binding=binding)) == (422, "reading_below_last")
    assert (await meter.read("110", by=next_holder, binding=binding)).status_code == 201
    path = f"{BINDINGS}/{binding}/meter-readings"
    listed = (await api.get(path, headers=meter.house.tokens.resident(next_holder))).json()["items"]
    assert [each["reading"] for each in listed] == ["110"]


async def test_parallel_readings_are_numbered_without_gaps_and_one_holds(meter: Meter) -> None:
    answers = await asyncio.gather(*(meter.read(str(100 + each)) for each in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    items = (await meter.fetched(limit=4))["items"]
    items += (await meter.fetched(after_number=4))["items"]
    assert [each["number"] for each in items] == [1, 2, 3, 4, 5, 6]
    assert [each["replaced_at"] is None for each in items] == [False] * 5 + [True]
    assert [each["replaces"] for each in items[1:]] == [each["reading_id"] for each in items[:-1]]


async def test_a_report_of_another_meter_is_kept_once(meter: Meter) -> None:
    first, again = [(await meter.changed("5", 1, digits=6)).json() for _ in range(2)]
    assert first == again
    assert code(await meter.changed("6", 1, digits=6)) == (409, "other_meter_change_known")
    for days_ago in (-1, 400):
        assert code(await meter.changed("5", days_ago)) == (422, "meter_change_day_refused")
    assert code(await meter.changed("1000", 2, digits=3)) == (422, "reading_beyond_register")


async def test_another_provider_neither_sees_nor_changes_it(
    meter: Meter, api: httpx.AsyncClient, tokens: Tokens, provider_system: ProviderSystem
) -> None:
    await meter.has_read("900", 30)
    meter.house.provider_id = await approved(api, tokens, endpoint_url=provider_system.url)
    assert (await meter.fetched())["items"] == []
    assert (await meter.changed("0", 1)).status_code == 201
    assert code(await meter.read("12")) == (422, "reading_below_last")


async def test_there_is_no_meter_for_television(
    meter: Meter, api: httpx.AsyncClient, tokens: Tokens, provider_system: ProviderSystem
) -> None:
    company = await approved(api, tokens, endpoint_url=provider_system.url, kind="cable_tv")
    person = new_id()
    body = {
        "provider_id": str(company),
        "account_number": account_number(7),
        "attestation": attestation(tokens, person),
    }
    bound = await api.post(BINDINGS, json=body, headers=tokens.resident(person) | once())
    answer = await meter.read("5", by=person, binding=bound.json()["binding_id"])
    assert code(answer) == (422, "no_meter")


async def test_who_read_is_forgotten_with_their_account(meter: Meter) -> None:
    await meter.read("5")
    await close(meter.database, meter.house.owner_id)
    async with meter.database.read() as tx:
        rows = (await tx.execute(text("SELECT binding_id, reading FROM meter_readings"))).all()
    assert [(row[0], int(row[1])) for row in rows] == [(None, 5)]
