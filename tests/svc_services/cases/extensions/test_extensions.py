"""A promise is extended once, in time, within the bound of the workflow; the applicant reads why."""

import asyncio
import io
from datetime import date, timedelta
from uuid import UUID

import httpx
import pypdf
import pytest
import time_machine

from chassis.db import Database
from chassis.testing import Tokens
from svc_services.cases.applications.worker import note_due
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    KUYTUN,
    QUEUE,
    RECEIVED,
    YINING,
    Case,
    Headers,
    bound,
    clerk,
    decided,
    outcome,
    post,
    provider,
    submitted,
)
from tests.svc_services.companies import approved

MONDAY = date(2026, 3, 2)


def at_noon(day: date) -> time_machine.travel:
    return time_machine.travel(f"{day}T12:00:00+08:00")


async def extend(
    api: httpx.AsyncClient, base: str, headers: Headers, case: Case, days: int = 3, version: int | None = None
) -> httpx.Response:
    body = {"days": days, "reason": "the road has to be opened"}
    return await post(api, f"{base}/{case['application_id']}/extend", headers, body, version or case["version"])


async def processing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> Case:
    """A closure, of five working days, that the provider has."""
    number = await bound(database, person_id, provider_id)
    closing = {"kind": "closure", "form": {"last_day": "2026-12-31"}, "account_number": number}
    case = await submitted(api, tokens.resident(person_id), provider_id, **closing)
    return await decided(api, clerk(tokens), case, "accept")


async def test_an_extension_moves_the_promise_once_and_has_a_paper(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    with at_noon(MONDAY):
        case = await processing(api, tokens, database, provider_id, person_id)
        assert case["promised_on"] == "2026-03-09"
    with at_noon(MONDAY + timedelta(days=1)):
        company, resident = provider(tokens, provider_id), tokens.resident(person_id)
        answers = await asyncio.gather(*(extend(api, RECEIVED, company, case) for _ in range(3)))
        assert sorted(each.status_code for each in answers) == [200, 412, 412]
        mine = (await api.get(f"{APPLICATIONS}/{case['application_id']}", headers=resident)).json()
        assert (mine["promised_on"], mine["extended_days"], mine["consumed_days"]) == ("2026-03-12", 3, 1)
        assert [(each["cause"], each["moved_to"]) for each in mine["promise_moves"]] == [("extension", "2026-03-12")]
        assert mine["steps"][-1]["reason"] == "the road has to be opened"
        assert outcome(await extend(api, RECEIVED, company, mine)) == (409, "extended_already")
        path = f"{APPLICATIONS}/{case['application_id']}/papers"
        listed = (await api.get(path, headers=resident)).json()["items"]
        paper = await api.get(f"{path}/{len(mine['steps'])}", headers=resident)
    assert listed[-1]["kind"] == "extension"
    words = " ".join(pypdf.PdfReader(io.BytesIO(paper.content)).pages[0].extract_text().split())
    assert "延期通知书" in words
    assert "the road has to be opened" in words


@pytest.mark.parametrize(("extended", "flag"), [(False, "red"), (True, None)])
async def test_supervision_follows_the_extended_promise(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    person_id: UUID,
    *,
    extended: bool,
    flag: str | None,
) -> None:
    with at_noon(MONDAY):
        case = await processing(api, tokens, database, provider_id, person_id)
        if extended:
            assert (await extend(api, RECEIVED, provider(tokens, provider_id), case, 5)).status_code == 200
    with at_noon(MONDAY + timedelta(days=8)):  # six working days
        await note_due(database)
        seen = (await api.get(QUEUE, headers=clerk(tokens))).json()["items"][0]
        late = (await api.get("/services/v1/late-cases", headers=clerk(tokens))).json()["items"]
    assert seen["flag"] == flag
    assert len(late) == (flag is not None)
    if extended:
        with at_noon(MONDAY + timedelta(days=16)):
            await note_due(database)
            late = (await api.get("/services/v1/late-cases", headers=clerk(tokens))).json()["items"]
        assert [(each["flag"], each["limit_days"]) for each in late] == [("red", 10)]


async def test_only_who_has_the_case_extends_it(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    company, operator = provider(tokens, provider_id), clerk(tokens, role="operator")
    other = provider(tokens, await approved(api, tokens, division_codes=[YINING]))
    assert outcome(await extend(api, RECEIVED, company, case)) == (409, "nothing_to_extend")
    assert (await extend(api, RECEIVED, other, case)).status_code == 404
    far = clerk(tokens, KUYTUN, role="operator")
    assert outcome(await extend(api, QUEUE, far, case)) == (403, "not_your_division")
    own = tokens.staff("operator", division_code=YINING, person_id=person_id)
    assert outcome(await extend(api, QUEUE, own, case)) == (403, "second_person_needed")
    assert (await extend(api, QUEUE, clerk(tokens), case)).status_code == 403
    too_long = await extend(api, QUEUE, operator, case, 11)
    assert (outcome(too_long), too_long.json()["most"]) == ((422, "no_such_extension"), 10)
    for days in (0, -1, 61):
        assert (await extend(api, QUEUE, operator, case, days)).status_code == 422
    assert (await extend(api, QUEUE, operator, case, 10)).json()["extended_days"] == 10


async def test_a_broken_promise_is_not_extended_nor_one_that_stands(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    with at_noon(MONDAY):
        case = await processing(api, tokens, database, provider_id, person_id)
        asked = await submitted(api, tokens.resident(person_id), provider_id)
        asked = await decided(api, clerk(tokens), asked, "request_correction", reason="which door?")
        standing = await extend(api, QUEUE, clerk(tokens, role="operator"), asked)
        assert outcome(standing) == (409, "nothing_to_extend")
    with at_noon(MONDAY + timedelta(days=8)):
        late = await extend(api, RECEIVED, provider(tokens, provider_id), case)
        assert outcome(late) == (409, "extension_too_late")
