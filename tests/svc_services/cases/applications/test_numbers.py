"""A case has one short number, the same everywhere, which tells nothing of other cases."""

import asyncio
import re
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    FORM,
    KUYTUN,
    QUEUE,
    RECEIVED,
    Case,
    Headers,
    clerk,
    decided,
    draft,
    provider,
    submitted,
)

SHAPE = re.compile(r"[0-9]{6}-654002-[0-9]{7}-[0-9]")


async def listed(api: httpx.AsyncClient, path: str, headers: Headers, number: str) -> list[Case]:
    answer = await api.get(path, params={"case_number": number}, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[Case] = answer.json()["items"]
    return items


async def test_a_case_has_one_number_everywhere(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    assert (await draft(api, resident, provider_id)).json()["case_number"] is None
    case = await submitted(api, resident, provider_id)
    number = case["case_number"]
    assert SHAPE.fullmatch(number)
    case = await decided(api, clerk(tokens), case, "refuse", reason="no pipe there")
    assert case["case_number"] == number
    async with database.read() as tx:
        moved = [each.data for each in await emitted(tx) if each.type.endswith(".application.moved.v1")]
    assert {(each["case_number"], each["division_code"]) for each in moved} == {(number, "654002")}


async def test_a_case_is_found_by_its_number_by_those_who_may_see_it(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    await submitted(api, resident, provider_id, form=FORM | {"address": "解放西路2号"})
    await decided(api, clerk(tokens), case, "refuse", reason="no pipe there")  # an ended one is found, too
    number = case["case_number"]
    may = {
        APPLICATIONS: (resident, tokens.resident(new_id())),
        QUEUE: (clerk(tokens), clerk(tokens, KUYTUN)),
        RECEIVED: (provider(tokens, provider_id), provider(tokens, new_id())),
    }
    for path, (yes, no) in may.items():
        found = await listed(api, path, yes, number)
        assert [each["application_id"] for each in found] == [case["application_id"]], path
        if path != RECEIVED:
            assert await listed(api, path, no, number) == []
    wide = number.replace("-", "").translate({ord(str(digit)): chr(0xFF10 + digit) for digit in range(10)})
    assert len(await listed(api, APPLICATIONS, resident, wide)) == 1


@pytest.mark.parametrize("typed", ["261130-654002-4829157", "x" * 41, "", "\u0660" * 20, "%00", "261130 654002 482915"])
async def test_what_is_no_number_is_refused(api: httpx.AsyncClient, resident: Headers, typed: str) -> None:
    answer = await api.get(APPLICATIONS, params={"case_number": typed}, headers=resident)
    assert answer.status_code == 422


async def test_a_mistyped_digit_is_noticed(api: httpx.AsyncClient, resident: Headers, provider_id: UUID) -> None:
    number = (await submitted(api, resident, provider_id))["case_number"]
    for at in (0, 8, 15, len(number) - 1):
        wrong = number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1 :]
        answer = await api.get(APPLICATIONS, params={"case_number": wrong}, headers=resident)
        assert answer.status_code == 422, wrong


async def test_numbers_differ_also_where_few_are_left(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn of ten, by ten filings at once: each draws again until it has one that nobody else has or is taking."""
    monkeypatch.setattr("svc_services.cases.applications.numbers.secrets.randbelow", lambda _: new_id().int % 10)
    cases = await asyncio.gather(*(submitted(api, tokens.resident(new_id()), provider_id) for _ in range(8)))
    assert len({case["case_number"] for case in cases}) == 8
