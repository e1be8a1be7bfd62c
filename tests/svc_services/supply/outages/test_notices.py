"""The people concerned are told of each version once, in batches, whatever is interrupted."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from chassis.db import Database
from chassis.outbox import emit
from svc_services.supply.outages import worker
from svc_services.supply.outages.worker import notify
from tests.svc_services.supply.outages.conftest import COUNTY, YINING, Company, hence, planned, sudden


async def test_those_concerned_are_told_once(company: Company) -> None:
    await company.supplied("解放西路12号")
    await company.neighbour("胜利路1号", 223456789)
    await company.neighbour(None, 323456789)
    await company.house.join()
    await company.announced(planned())
    people = {company.house.owner_id, company.house.guest_id}
    told = await company.told()
    assert sorted(told) == sorted((1, each, "announced", True) for each in people)
    assert await company.told() == told


async def test_an_event_says_nothing_of_where(company: Company) -> None:
    await company.supplied("解放西路12号")
    await company.announced(planned())
    await notify(company.database)
    async with company.database.read() as tx:
        payloads = (await tx.scalars(text("SELECT payload FROM outbox WHERE topic = 'ili.services.outage.v1'"))).all()
    assert len(payloads) == 1
    assert not any("解放" in bytes(each).decode() or "阀门" in bytes(each).decode() for each in payloads)


async def test_who_is_left_out_by_a_change_is_told_so_once(company: Company) -> None:
    await company.supplied("解放西路12号")
    stays = await company.neighbour("解放西路90号", 223456789)
    outage = await company.announced(planned())
    await company.told()
    changed = (await company.change(outage, areas=[{"division_code": YINING, "address": "解放西路90号"}])).json()
    again = (await company.change(changed, note="再次公告")).json()
    assert again["version"] == 3
    told = (await company.told())[2:]
    # Version 2 was out of date before anybody was told of it.
    assert sorted(told) == sorted([(3, stays, "announced", True), (3, company.house.owner_id, "announced", False)])
    await company.act(again, "cancel", {})
    assert (await company.told())[4:] == [(4, stays, "cancelled", True)]


async def test_nobody_is_told_of_the_end_of_what_they_were_not_told_of(company: Company) -> None:
    await company.supplied("解放西路12号")
    outage = await company.announced(sudden())
    await company.act(outage, "end", {"ended_at": hence()})
    assert await company.told() == []


async def test_a_person_with_two_accounts_there_is_told_once(company: Company) -> None:
    await company.bind("2234567894", person=company.house.owner_id)
    await company.announced(planned(areas=[{"division_code": YINING}, {"division_code": COUNTY}]))
    assert await company.told(1) == [(1, company.house.owner_id, "announced", True)]


async def test_an_interrupted_round_goes_on_and_tells_nobody_twice(
    company: Company, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = {company.house.owner_id} | {await company.neighbour(None, 223456789 + number) for number in range(6)}
    await company.announced(planned(areas=[{"division_code": YINING}, {"division_code": COUNTY}]))
    calls = 0

    async def failing(*given: Any) -> None:  # noqa: ANN401 - as the function
        nonlocal calls
        calls += 1
        await emit(*given)
        if calls in {2, 4}:
            raise ConnectionError

    monkeypatch.setattr(worker, "emit", failing)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await notify(database, 2)
    monkeypatch.undo()
    told = Counter(person for _, person, _, _ in await company.told(2))
    assert told == dict.fromkeys(people, 1)


async def test_two_workers_tell_nobody_twice(company: Company, database: Database) -> None:
    people = {company.house.owner_id} | {await company.neighbour(None, 223456789 + number) for number in range(6)}
    for _ in range(3):
        await company.announced(planned(areas=[{"division_code": YINING}, {"division_code": COUNTY}]))
    await asyncio.gather(*(notify(database, 1) for _ in range(3)))
    assert Counter(person for _, person, _, _ in await company.told()) == dict.fromkeys(people, 3)
