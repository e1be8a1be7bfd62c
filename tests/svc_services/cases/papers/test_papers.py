"""Papers of a case: made once, verified by whoever holds them, and by no guess."""

import asyncio
import hashlib
import io
import secrets
from uuid import UUID

import httpx
import pypdf
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import DBAPIError

from chassis.db import Database, new_id
from chassis.testing import Tokens
from kit.papers import codes
from svc_services.cases.applications.consumers import erase_person
from svc_services.cases.data_reads.models import CaseRead
from svc_services.cases.papers.models import Paper, PaperCheck, PaperContent
from svc_services.cases.papers.service import forget_checks
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    KUYTUN,
    QUEUE,
    Case,
    Headers,
    acted,
    clerk,
    decided,
    outcome,
    submitted,
)
from tests.svc_services.cases.materials.files import uploaded
from tests.svc_services.cases.materials.test_cases import filed_with

VERIFICATIONS = "/services/v1/paper-verifications"
PAGE = "/services/v1/verify-paper"


async def paper(
    api: httpx.AsyncClient,
    headers: Headers,
    case: Case,
    position: int = 1,
    *,
    language: str = "zh",
    base: str = APPLICATIONS,
) -> httpx.Response:
    path = f"{base}/{case['application_id']}/papers/{position}"
    return await api.get(path, headers=headers | {"Accept-Language": language})


async def code_in(database: Database, language: str = "zh") -> str:
    async with database.read() as tx:
        code: str = (await tx.scalars(select(Paper.code).where(Paper.language == language))).one()
        return code


def words_of(content: bytes) -> str:
    return " ".join(pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text().split())


async def test_a_paper_is_made_once_in_each_language(
    api: httpx.AsyncClient, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await filed_with(api, resident, provider_id, await uploaded(api, resident))
    listed = (await api.get(f"{APPLICATIONS}/{case['application_id']}/papers", headers=resident)).json()["items"]
    assert [(each["position"], each["kind"], each["action"]) for each in listed] == [(1, "receipt", "submit")]
    answers = await asyncio.gather(*(paper(api, resident, case) for _ in range(4)))
    assert {each.status_code for each in answers} == {200}
    assert len({each.content for each in answers}) == 1
    assert answers[0].headers["content-disposition"].startswith("attachment")
    words = words_of(answers[0].content)
    assert "材料接收凭证" in words
    assert "身份证" in words
    assert case["case_number"] in words
    assert codes.shown(await code_in(database)) in words
    for language in ("en", "kk-Arab", "ug"):
        other = await paper(api, resident, case, language=language)
        assert (other.status_code, other.headers["content-language"]) == (200, language)
        assert other.content != answers[0].content
        assert (await paper(api, resident, case, language=language)).content == other.content
    assert "Receipt of materials" in words_of((await paper(api, resident, case, language="en")).content)
    async with database.read() as tx:
        hashes = (await tx.scalars(select(Paper.sha256).where(Paper.language == "zh"))).all()
        assert await tx.scalar(select(func.count()).select_from(Paper)) == 4
    assert hashes == [hashlib.sha256(answers[0].content).hexdigest()]


async def test_a_kind_that_an_applicant_made_up_is_not_printed(
    api: httpx.AsyncClient, resident: Headers, provider_id: UUID
) -> None:
    odd = await uploaded(api, resident, kind="approved_free_of_charge")
    case = await filed_with(api, resident, provider_id, odd)
    words = words_of((await paper(api, resident, case, language="en")).content)
    assert "Other material" in words
    assert "free_of_charge" not in words.replace(" ", "")


async def test_each_step_with_a_paper_has_its_own(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    case = await decided(api, clerk(tokens), case, "request_correction", reason="缺少产权证明")
    case = await acted(api, APPLICATIONS, resident, case, "correct", form=case["form"])
    case = await decided(api, clerk(tokens), case, "refuse", reason="不在供水范围内")
    listed = (await api.get(f"{APPLICATIONS}/{case['application_id']}/papers", headers=resident)).json()["items"]
    assert [(each["position"], each["kind"]) for each in listed] == [(1, "receipt"), (2, "correction"), (4, "refusal")]
    correction = words_of((await paper(api, resident, case, 2)).content)
    assert "补正通知书" in correction
    assert "缺少产权证明" in correction
    assert "不予受理通知书" in words_of((await paper(api, resident, case, 4, base=APPLICATIONS)).content)
    assert outcome(await paper(api, resident, case, 3)) == (404, "not_found")
    assert outcome(await paper(api, resident, case, 99)) == (404, "not_found")


async def test_anyone_verifies_a_paper_and_learns_of_nobody(
    api: httpx.AsyncClient, database: Database, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    made = await paper(api, resident, case)
    code = await code_in(database)
    for typed in (code, codes.shown(code), codes.shown(code).lower()):
        found = await api.get(f"{VERIFICATIONS}/{typed}")
        assert found.status_code == 200, found.text
        assert found.json() == {
            "kind": "receipt",
            "case_number": case["case_number"],
            "application_kind": "new_connection",
            "issuer": "伊宁市",
            "issued_on": found.json()["issued_on"],
            "language": "zh",
            "sha256": hashlib.sha256(made.content).hexdigest(),
        }
        assert str(person_id) not in found.text
    page = await api.get(PAGE, params={"code": codes.shown(code)}, headers={"Accept-Language": "ug"})
    assert (page.status_code, page.headers["content-language"]) == (200, "ug")
    assert case["case_number"] in page.text
    assert 'dir="rtl"' in page.text
    assert (await api.get(PAGE)).status_code == 200


async def test_wrong_codes_are_all_alike_and_limited_for_an_address(
    api: httpx.AsyncClient, app: FastAPI, database: Database, resident: Headers, provider_id: UUID
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"paper_checks_per_address": 8})
    case = await submitted(api, resident, provider_id)
    await paper(api, resident, case)
    code = await code_in(database)
    forged = code[:-2] + secrets.choice([each for each in codes.ALPHABET if each != code[-2]]) + code[-1]
    wrong = [codes.new_code(), forged, "x", "%F0%9F%98%80", "0" * 100, code + code]
    answers = [await api.get(f"{VERIFICATIONS}/{each}") for each in wrong]
    assert {outcome(each) for each in answers} == {(404, "paper_not_found")}
    assert len({each.json()["detail"] for each in answers}) == 1
    page = await api.get(PAGE, params={"code": "<script>alert(1)</script>"})
    assert page.status_code == 404
    assert "<script>" not in page.text
    assert (await api.get(f"{VERIFICATIONS}/{code}")).status_code == 200
    many = await asyncio.gather(*(api.get(f"{VERIFICATIONS}/{codes.new_code()}") for _ in range(6)))
    assert sorted(each.status_code for each in many) == [404, *[429] * 5]
    limited = await api.get(f"{VERIFICATIONS}/{forged}")
    assert outcome(limited) == (429, "too_many_paper_checks")
    assert 3500 < int(limited.headers["retry-after"]) <= 3600
    page = await api.get(PAGE, params={"code": forged})
    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert 3500 < int(page.headers["retry-after"]) <= 3600
    # Whoever holds a paper is not kept from it by the wrong codes of others behind the same address.
    assert (await api.get(f"{VERIFICATIONS}/{code}")).status_code == 200
    assert (await api.get(PAGE, params={"code": code})).status_code == 200
    await forget_checks(database)
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(PaperCheck)) == 8


async def test_the_paper_of_another_person_and_of_another_division_is_not_had(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    stranger = tokens.resident(new_id())
    assert outcome(await paper(api, stranger, case)) == (404, "not_found")
    listed = await api.get(f"{APPLICATIONS}/{case['application_id']}/papers", headers=stranger)
    assert outcome(listed) == (404, "not_found")
    assert outcome(await paper(api, clerk(tokens, KUYTUN), case, base=QUEUE)) == (403, "not_your_division")
    async with database.read() as tx:
        assert (await tx.scalars(select(CaseRead))).all() == []
    handed_over = await paper(api, clerk(tokens), case, base=QUEUE)
    assert handed_over.content == (await paper(api, resident, case)).content
    async with database.read() as tx:
        assert (await tx.scalars(select(CaseRead.action))).all() == ["read_paper"]


async def test_a_closed_account_erases_files_and_papers_and_keeps_what_proves_them(
    api: httpx.AsyncClient, database: Database, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    case = await filed_with(api, resident, provider_id, await uploaded(api, resident))
    await paper(api, resident, case)
    code = await code_in(database)
    async with database.transaction() as tx:
        await erase_person(tx, person_id)
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(PaperContent)) == 0
    assert (await api.get(f"{VERIFICATIONS}/{code}")).status_code == 200
    assert outcome(await paper(api, resident, case)) == (404, "not_found")
    assert (await api.get("/services/v1/materials", headers=resident)).json()["items"] == []


async def test_the_service_never_removes_a_paper(
    api: httpx.AsyncClient, database: Database, resident: Headers, provider_id: UUID
) -> None:
    await paper(api, resident, await submitted(api, resident, provider_id))
    async with database.sessions() as tx:
        await tx.execute(delete(PaperContent))
        with pytest.raises(DBAPIError, match="papers"):
            await tx.execute(delete(Paper))
    async with database.read() as tx:
        sealed = await tx.scalar(text("SELECT content ->> 'code' FROM audit_seals WHERE table_name = 'papers'"))
    assert sealed == hashlib.sha256((await code_in(database)).encode()).hexdigest()
