"""What can be complained about, how often, and how much of it is believed."""

import asyncio
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_services.supervision.complaints.service import MOST_A_DAY
from tests.svc_services.cases.applications.cases import KUYTUN, bound
from tests.svc_services.supervision.complaints.filed import (
    COMPLAINTS,
    about_service,
    file,
    filed,
)
from tests.svc_services.supervision.scenes import done, refused


async def test_what_this_service_cannot_know_is_marked(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    account = await bound(database, person_id, provider_id)
    for subject, reference, verified in (
        ("account", {"account_number": account}, True),
        ("bill", {"bill_id": str(new_id())}, False),
        ("payment", {"payment_id": str(new_id())}, False),
    ):
        body = about_service(provider_id, subject=subject, **reference)
        shown = (await file(api, tokens.resident(person_id), body)).json()
        assert (shown["subject_verified"], shown["subject_ref"]) == (verified, *reference.values())
    body = about_service(provider_id, subject="account", account_number=account)
    foreign = await file(api, tokens.resident(new_id()), body)
    assert refused(foreign) == (403, "account_not_yours")


async def test_one_complaint_about_one_thing_is_open_at_a_time(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID
) -> None:
    answers = await asyncio.gather(
        *(file(api, tokens.resident(person_id), about_service(provider_id)) for _ in range(3))
    )
    assert sorted(each.status_code for each in answers) == [201, 409, 409]
    assert {each.json().get("code", "complaint_open_already") for each in answers} == {"complaint_open_already"}
    (one,) = (each.json()["complaint_id"] for each in answers if each.status_code == 201)
    await done(api, f"{COMPLAINTS}/{one}/withdraw", tokens.resident(person_id))
    await filed(api, tokens, provider_id, person_id)
    await filed(api, tokens, provider_id, new_id())


async def test_a_person_files_ten_in_a_day(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID
) -> None:
    bodies = [about_service(provider_id, subject="bill", bill_id=str(new_id())) for _ in range(MOST_A_DAY + 3)]
    answers = await asyncio.gather(*(file(api, tokens.resident(person_id), body) for body in bodies))
    assert sorted(each.status_code for each in answers) == [201] * MOST_A_DAY + [429] * 3
    (late, *_) = (each for each in answers if each.status_code == 429)
    assert late.json()["code"] == "too_many_complaints"
    assert 86_000 < int(late.headers["retry-after"]) <= 86_400


@pytest.mark.parametrize(
    "changes",
    [
        {"words": "x" * 2001},
        {"words": ""},
        {"words": "a\u0000b"},
        {"words": "\u202eabc"},
        {"words": ["x"]},
        {"subject": "weather"},
        {"subject": "account"},
        {"subject": "application"},
        {"account_number": "1234567895"},
        {"bill_id": "x"},
        {"provider_id": "x"},
        {"division_code": "６５４００２"},
        {"contact_shared": True},
        {"contact_shared": "true"},
        {"contact": {"name": "", "phone": "13800000001"}},
        {"contact": {"name": "张三", "phone": "call me"}},
        {"contact": {"name": "张三"}},
        {"person_id": "00000000-0000-7000-8000-000000000000"},
    ],
)
async def test_a_complaint_that_cannot_be_meant_is_refused(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, changes: dict[str, object]
) -> None:
    answer = await file(api, tokens.resident(new_id()), {**about_service(provider_id), **changes})
    assert refused(answer) == (422, "invalid_request")


async def test_providers_are_those_of_the_division(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID
) -> None:
    for changes, code in (
        ({"division_code": KUYTUN}, "not_served_there"),
        ({"division_code": "110000"}, "unknown_division"),
        ({"provider_id": str(new_id())}, "unknown_provider"),
    ):
        answer = await file(api, tokens.resident(person_id), about_service(provider_id) | changes)
        assert refused(answer) == (422, code)
