"""Every operation on a case looks at division, provider and standing of who calls, not at the role alone."""

from uuid import UUID

import httpx
from sqlalchemy import update

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, once
from kit.staff.models import staff_roles
from svc_services.providers.own_company.models import CompanyOrganisation
from tests.svc_services.cases.applications.cases import (
    KUYTUN,
    QUEUE,
    RECEIVED,
    YINING,
    Case,
    Headers,
    clerk,
    outcome,
    provider,
    submitted,
)
from tests.svc_services.companies import approved

READS, CHANGES = ("", "/papers/1"), ("/claim", "/release", "/actions", "/route", "/assign", "/extend")
OF_COMPANIES = ("/actions", "/extend")


def body_of(suffix: str, case: Case) -> object:
    return {
        "/actions": {"action": "accept"},
        "/route": {"division_code": KUYTUN, "provider_id": case["provider_id"], "reason": "because"},
        "/assign": {"clerk_id": str(new_id())},
        "/extend": {"days": 1, "reason": "because"},
    }.get(suffix)


async def answers(
    api: httpx.AsyncClient, base: str, headers: Headers, case: Case, *suffixes: str
) -> dict[str, tuple[int, str]]:
    path, found = f"{base}/{case['application_id']}", {}
    version = {"If-Match": f'"{case["version"]}"'}
    for suffix in suffixes:
        method = "GET" if suffix in READS else "POST"
        sent = await api.request(method, path + suffix, json=body_of(suffix, case), headers=headers | once() | version)
        found[suffix] = outcome(sent)
    return found


def always(refusal: tuple[int, str], *suffixes: str) -> dict[str, tuple[int, str]]:
    return dict.fromkeys(suffixes, refusal)


async def test_another_division_reaches_nothing_of_a_case(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    there = clerk(tokens, KUYTUN, role="operator")
    assert await answers(api, QUEUE, there, case, *READS, *CHANGES) == always(
        (403, "not_your_division"), *READS, *CHANGES
    )


async def test_an_ended_role_reaches_nothing_of_a_case(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case, person = await submitted(api, resident, provider_id), new_id()
    ended = tokens.staff("operator", division_code=YINING, person_id=person)
    assert (await answers(api, QUEUE, ended, case, ""))[""] == (200, "")
    async with database.transaction() as tx:
        await tx.execute(update(staff_roles).where(staff_roles.c.person_id == person).values(ended_at=now()))
    assert await answers(api, QUEUE, ended, case, *READS, *CHANGES) == always((403, "not_allowed"), *READS, *CHANGES)


async def test_another_company_reaches_nothing_of_a_case_nor_do_people_of_companies_the_queue(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    other = provider(tokens, await approved(api, tokens, division_codes=[YINING]))
    missing = (404, "not_found")
    assert await answers(api, RECEIVED, other, case, "", *OF_COMPANIES) == always(missing, "", *OF_COMPANIES)
    for role in ("provider_admin", "provider_operator"):
        people = tokens.staff(role, division_code=YINING)
        everything = (*READS, *CHANGES)
        assert await answers(api, QUEUE, people, case, *everything) == always((403, "not_allowed"), *everything)


async def test_who_holds_a_role_in_the_company_decides_nothing_of_its_cases(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case, organisation_id = await submitted(api, resident, provider_id), new_id()
    async with database.transaction() as tx:
        tx.add(CompanyOrganisation(organisation_id=organisation_id, provider_id=provider_id))
    roles = [
        {"organisation_id": str(organisation_id), "role": "provider_operator", "division_code": YINING},
        {"organisation_id": str(new_id()), "role": "operator", "division_code": YINING},
    ]
    insider = {"Authorization": f"Bearer {tokens.sign(sub=str(new_id()), assurance_level=2, memberships=roles)}"}
    deciding = [each for each in CHANGES if each != "/release"]
    assert await answers(api, QUEUE, insider, case, *deciding) == always((403, "own_company"), *deciding)


async def test_nobody_decides_their_own_application_in_any_way(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    own = tokens.staff("operator", division_code=YINING, person_id=person_id)
    second, claimed = ("/assign", "/extend"), ("/actions", "/route")
    assert await answers(api, QUEUE, own, case, *second) == always((403, "second_person_needed"), *second)
    own = tokens.staff("clerk", division_code=YINING, person_id=person_id)
    assert await answers(api, QUEUE, own, case, "/claim") == always((403, "second_person_needed"), "/claim")
    assert await answers(api, QUEUE, own, case, *claimed) == always((409, "claim_needed"), *claimed)
