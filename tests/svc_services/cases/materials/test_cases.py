"""Materials of applications: attached by the applicant, opened by who handles the case, and nobody else."""

import asyncio
import json
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from chassis.db import Database, new_id
from chassis.outbox import outbox
from chassis.testing import Tokens
from svc_services.cases.data_reads.models import CaseRead
from svc_services.cases.materials import attached
from svc_services.cases.workflows.models import ApplicationKind, Workflow
from svc_services.cases.workflows.service import newest_of, number
from svc_services.reference.models import UtilityKind
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    FORM,
    KUYTUN,
    QUEUE,
    RECEIVED,
    YINING,
    Case,
    Headers,
    acted,
    clerk,
    decided,
    draft,
    outcome,
    provider,
    submit,
    submitted,
)
from tests.svc_services.cases.materials.files import MATERIALS, PHOTO, attach, begin, content_of, uploaded
from tests.svc_services.companies import approved


async def requiring(database: Database, *kinds: str) -> None:
    """Publish a version of the workflow of new water connections that needs these materials."""
    async with database.transaction() as tx:
        newest = await newest_of(tx, UtilityKind.WATER, ApplicationKind.NEW_CONNECTION)
        assert newest is not None
        definition = newest.definition | {"materials": [{"kind": kind, "required": True} for kind in kinds]}
        workflow = Workflow(
            utility_kind=newest.utility_kind,
            application_kind=newest.application_kind,
            definition=definition,
            form=newest.form,
            status="proposed",
        )
        await number(tx, workflow)
        tx.add(workflow)


async def filed_with(api: httpx.AsyncClient, headers: Headers, provider_id: UUID, *materials: Case) -> Case:
    begun: Case = (await draft(api, headers, provider_id)).json()
    for material in materials:
        answer = await attach(api, headers, begun["application_id"], material)
        assert answer.status_code == 200, answer.text
    answer = await submit(api, headers, begun)
    assert answer.status_code == 200, answer.text
    case: Case = answer.json()
    return case


async def test_what_the_workflow_needs_is_named_when_it_is_missing(
    api: httpx.AsyncClient, database: Database, resident: Headers, provider_id: UUID
) -> None:
    await requiring(database, "id_card", "house_title")
    begun = (await draft(api, resident, provider_id)).json()
    missing = await submit(api, resident, begun)
    assert (outcome(missing), missing.json()["missing"]) == ((422, "materials_missing"), ["house_title", "id_card"])
    card = await uploaded(api, resident)
    assert (await attach(api, resident, begun["application_id"], card)).status_code == 200
    still = await submit(api, resident, begun)
    assert still.json()["missing"] == ["house_title"]
    title = await uploaded(api, resident, kind="house_title")
    assert (await attach(api, resident, begun["application_id"], title)).status_code == 200
    filed = await submit(api, resident, begun)
    assert filed.status_code == 200
    assert {(each["kind"], each["sha256"], each["scanned"]) for each in filed.json()["materials"]} == {
        ("id_card", card["sha256"], False),
        ("house_title", title["sha256"], False),
    }
    assert {"id_card", "house_title"} <= filed.json()["labels"].keys()


async def test_the_offices_of_the_case_open_its_materials_and_the_applicant_sees_it(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    card = await uploaded(api, resident)
    case = await filed_with(api, resident, provider_id, card)
    at = case["application_id"]
    for base, reader in ((QUEUE, clerk(tokens)), (RECEIVED, provider(tokens, provider_id))):
        seen = await api.get(f"{base}/{at}", headers=reader)
        assert [each["material_id"] for each in seen.json()["materials"]] == [card["material_id"]]
        saved = await api.get(content_of(base, at, card), headers=reader)
        assert (saved.status_code, saved.content) == (200, PHOTO)
        assert saved.headers["content-disposition"].startswith("attachment")
        assert saved.headers["content-security-policy"].startswith("sandbox")
    async with database.read() as tx:
        reads = (await tx.scalars(select(CaseRead).order_by(CaseRead.id))).all()
        told = [json.loads(each) for each in await tx.scalars(select(outbox.c.payload).order_by(outbox.c.position))]
    expected = [
        *(("clerk", "read_case"), ("clerk", "read_material")),
        *(("provider", "read_case"), ("provider", "read_material")),
    ]
    assert [(each.role, each.action) for each in reads] == expected
    about = [each["data"] for each in told if each["type"] == "cn.ili.services.personal_data.read.v1"]
    assert [(each["role"], each["action"]) for each in about] == expected
    assert {each["person_id"] for each in about} == {str(person_id)}
    assert [each["audit_record_id"] for each in about] == [str(each.id) for each in reads]


async def test_other_offices_companies_and_persons_open_nothing(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    card, other = await uploaded(api, resident), await uploaded(api, resident)
    case = await filed_with(api, resident, provider_id, card)
    at = case["application_id"]
    elsewhere = await approved(api, tokens, division_codes=[YINING])
    for base, reader, refusal in (
        (QUEUE, clerk(tokens, KUYTUN), (403, "not_your_division")),
        (QUEUE, resident, (403, "not_allowed")),
        (RECEIVED, provider(tokens, elsewhere), (404, "not_found")),
    ):
        assert outcome(await api.get(content_of(base, at, card), headers=reader)) == refusal
    stranger = tokens.resident(new_id())
    assert outcome(await api.get(f"{MATERIALS}/{card['material_id']}/content", headers=stranger)) == (404, "not_found")
    unattached = await api.get(content_of(QUEUE, at, other), headers=clerk(tokens))
    assert outcome(unattached) == (404, "not_found")
    unfiled = (await draft(api, resident, provider_id)).json()
    await attach(api, resident, unfiled["application_id"], card)
    hidden = await api.get(content_of(QUEUE, unfiled["application_id"], card), headers=clerk(tokens))
    assert outcome(hidden) == (404, "not_found")
    async with database.read() as tx:
        assert (await tx.scalars(select(CaseRead))).all() == []


async def test_only_ones_own_finished_materials_are_attached(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    begun = (await draft(api, resident, provider_id)).json()
    stranger = tokens.resident(new_id())
    theirs = await uploaded(api, stranger)
    assert outcome(await attach(api, resident, begun["application_id"], theirs)) == (404, "not_found")
    mine = await uploaded(api, resident)
    assert outcome(await attach(api, stranger, begun["application_id"], mine)) == (404, "not_found")
    assert outcome(await attach(api, resident, begun["application_id"], str(new_id()))) == (404, "not_found")
    unfinished = (await begin(api, resident, 10)).json()
    assert outcome(await attach(api, resident, begun["application_id"], unfinished)) == (409, "material_not_ready")


async def test_a_material_serves_several_applications_and_stays_while_one_is_filed(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    card = await uploaded(api, resident)
    case = await filed_with(api, resident, provider_id, card)
    second = (await draft(api, resident, provider_id)).json()
    assert (await attach(api, resident, second["application_id"], card)).status_code == 200
    assert (await attach(api, resident, second["application_id"], card)).status_code == 200
    path = f"{MATERIALS}/{card['material_id']}"
    assert outcome(await api.delete(path, headers=resident)) == (409, "material_in_use")
    taken_out = await api.delete(
        f"{APPLICATIONS}/{case['application_id']}/materials/{card['material_id']}", headers=resident
    )
    assert outcome(taken_out) == (409, "materials_closed")
    late = await attach(api, resident, case["application_id"], await uploaded(api, resident))
    assert outcome(late) == (409, "materials_closed")
    asked = await decided(api, clerk(tokens), case, "request_correction", reason="请补充产权证明")
    added = await attach(api, resident, case["application_id"], await uploaded(api, resident, kind="house_title"))
    assert added.status_code == 200
    corrected = await acted(api, APPLICATIONS, resident, asked, "correct", form=FORM)
    assert [each["kind"] for each in corrected["materials"]] == ["id_card", "house_title"]


async def test_a_draft_that_loses_its_material_is_not_submitted_with_it(
    api: httpx.AsyncClient, database: Database, resident: Headers, provider_id: UUID
) -> None:
    await requiring(database, "id_card")
    for _ in range(5):
        card = await uploaded(api, resident)
        begun = (await draft(api, resident, provider_id)).json()
        await attach(api, resident, begun["application_id"], card)
        gone, filed = await asyncio.gather(
            api.delete(f"{MATERIALS}/{card['material_id']}", headers=resident), submit(api, resident, begun)
        )
        assert (gone.status_code, filed.status_code) in {(204, 422), (409, 200)}


async def test_an_application_takes_so_many_also_of_requests_at_once(
    api: httpx.AsyncClient, resident: Headers, provider_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached, "MOST_FILES", 2)
    files = [await uploaded(api, resident) for _ in range(5)]
    begun = (await draft(api, resident, provider_id)).json()
    answers = await asyncio.gather(*(attach(api, resident, begun["application_id"], each) for each in files))
    assert sorted(each.status_code for each in answers) == [200, 200, 409, 409, 409]
    monkeypatch.setattr(attached, "MOST_BYTES", 2 * len(PHOTO))
    monkeypatch.setattr(attached, "MOST_FILES", 20)
    refused = next(files[at] for at, each in enumerate(answers) if each.status_code == 409)
    full = await attach(api, resident, begun["application_id"], refused)
    assert outcome(full) == (409, "application_full")


async def test_every_answer_with_the_file_of_a_case_is_a_read(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    await api.get(QUEUE, headers=clerk(tokens))
    await decided(api, clerk(tokens), case, "accept")
    await api.get(f"{APPLICATIONS}/{case['application_id']}", headers=resident)
    async with database.read() as tx:
        reads = (await tx.scalars(select(CaseRead.action))).all()
    assert reads == ["read_case", "read_case"]
