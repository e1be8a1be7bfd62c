"""A run from its start to its report: who may start it, how often, and what it says."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, once
from kit.endpoint_urls import Endpoints
from kit.fields.customer_parameters import TEN_DIGITS
from svc_services.providers.conformance.models import ConformanceRun
from svc_services.providers.conformance.roster import invented
from svc_services.providers.conformance.worker import run_due
from tests.contracts.reference_provider.processes import Platform
from tests.svc_services.providers.conformance.examined import (
    answering,
    applied,
    change_run,
    make_due,
    pass_run,
    prober,
    system_of,
)


async def test_the_reference_provider_passes(
    api: httpx.AsyncClient, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    report = await pass_run(applicant, database, platform, tmp_path)
    assert {each["rule"]: each["fault"] for each in report["rules"] if each["outcome"] != "passed"} == {}
    assert (report["status"], report["failed_rules"], len(report["rules"])) == ("passed", [], 51)
    listed = (await applicant.get("conformance-runs"))["items"]
    assert [each["run_id"] for each in listed] == [report["run_id"]]


async def test_the_report_has_sentences_in_four_languages_and_no_secret(
    api: httpx.AsyncClient, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    run_id = (await pass_run(applicant, database, platform, tmp_path))["run_id"]
    reports = [await applicant.report(run_id, language) for language in ("zh", "en", "kk-Arab", "ug")]
    sentences = [[rule["requirement"] for rule in report["rules"]] for report in reports]
    assert len({tuple(each) for each in sentences}) == 4
    assert all(len(set(each)) == len(each) for each in sentences)
    told = json.dumps(reports)
    assert applicant.token not in told
    assert "Signature" not in told
    invented_names = {each["holder_name"] for each in applicant.sandbox["accounts"]} | {"测试用户无此人"}
    exchanges = [one["sent"] for rule in reports[0]["rules"] for one in rule["exchanges"]]
    assert {each["holder_name"] for each in exchanges if "holder_name" in each} <= invented_names


async def test_only_names_are_kept_of_an_answer(
    api: httpx.AsyncClient, database: Database, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    applicant = await applied(api)
    run_id = await applicant.start()
    app = system_of(applicant, platform, tmp_path)
    monkeypatch.setattr(app.state.books, "verify_holder", lambda *_: "the holder is 张三, phone 13800000001")
    async with answering(app, applicant):
        await run_due(database, prober(platform))
    report = await applicant.report(run_id)
    assert report["status"] == "failed"
    assert report["rules"][0]["exchanges"][0]["answer"] == {"result": "…"}
    assert "13800000001" not in json.dumps(report)


async def test_a_company_that_cannot_be_reached_is_asked_once(
    api: httpx.AsyncClient, database: Database, platform: Platform
) -> None:
    applicant = await applied(api)
    run_id = await applicant.start()
    await run_due(database, prober(platform))
    report = await applicant.report(run_id)
    assert (report["status"], report["failed_rules"]) == ("failed", ["right_answer"])
    assert report["rules"][0]["fault"] == "not_reached"
    assert {each["outcome"] for each in report["rules"][1:]} == {"not_tried"}


async def test_an_address_that_has_become_private_is_not_called(
    api: httpx.AsyncClient, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    run_id = await applicant.start()

    async def inside(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    await change_run(database, run_id, endpoint_url=f"https://utility.example:{applicant.port}")
    examiner = prober(platform)
    strict = type(examiner)(examiner.key, Endpoints(anywhere=False, resolve=inside).target)
    async with answering(system_of(applicant, platform, tmp_path), applicant):
        await run_due(database, strict)
    report = await applicant.report(run_id)
    assert (report["status"], report["rules"][0]["fault"]) == ("failed", "address_refused")


async def test_one_run_at_a_time_also_for_starts_at_once(api: httpx.AsyncClient, database: Database) -> None:
    applicant = await applied(api)
    answers = await asyncio.gather(*(applicant.post("conformance-runs") for _ in range(6)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409, 409, 409]
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"conformance_run_open"}


async def test_a_run_that_no_worker_has_taken_for_days_is_still_open(
    api: httpx.AsyncClient, database: Database
) -> None:
    applicant = await applied(api)
    await change_run(database, await applicant.start(), created_at=now() - timedelta(days=3))
    refused = await applicant.post("conformance-runs")
    assert (refused.status_code, refused.json()["code"]) == (409, "conformance_run_open")


async def test_ten_runs_in_a_day(api: httpx.AsyncClient, database: Database, platform: Platform) -> None:
    applicant = await applied(api)
    runs = []
    for _ in range(10):
        runs.append(await applicant.start())
        await change_run(database, runs[-1], status="failed", ended_at=now())
    refused = await applicant.post("conformance-runs")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_conformance_runs")
    assert 86_000 < int(refused.headers["Retry-After"]) <= 86_400
    await change_run(database, runs[0], created_at=now() - timedelta(days=1, seconds=1))
    await applicant.start()


async def test_a_run_needs_a_sandbox_and_an_application_that_is_not_refused(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    applicant = await applied(api)
    refused = await api.post(
        f"{applicant.path}/refuse", json={"reason": "no utility"}, headers=tokens.staff("operator") | once()
    )
    assert refused.status_code == 200
    for operation, body in (("conformance-runs", {}), ("sandbox", {"endpoint_url": applicant.url})):
        answer = await applicant.post(operation, **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "application_closed")


@pytest.mark.parametrize("url", ["ftp://a.example", "http://u:p@a.example", "http://a.example/?q=1", "x" * 501, "", 7])
async def test_a_sandbox_is_named_by_the_rules_of_endpoints(api: httpx.AsyncClient, url: object) -> None:
    applicant = await applied(api)
    answer = await applicant.post("sandbox", endpoint_url=url)
    assert answer.status_code == 422, answer.text
    assert (await applicant.get("sandbox"))["endpoint_url"] == applicant.url


async def test_the_accounts_fit_the_declaration_and_stay_the_same(api: httpx.AsyncClient) -> None:
    applicant = await applied(api)
    again = await applicant.post("sandbox", endpoint_url=applicant.url)
    same = ("accounts", "unknown_account")
    assert [again.json()[name] for name in same] == [applicant.sandbox[name] for name in same]
    numbers = [each["account_number"] for each in applicant.sandbox["accounts"]] + [
        applicant.sandbox["unknown_account"]
    ]
    assert len(set(numbers)) == 9
    assert all(len(each) == 10 and each.isdecimal() for each in numbers)


def test_a_declaration_of_one_number_has_no_accounts() -> None:
    single = TEN_DIGITS.model_copy(update={"pattern": "^1234567897$"})
    assert invented(new_id(), single) is None


async def test_strangers_see_and_start_nothing(api: httpx.AsyncClient, tokens: Tokens) -> None:
    applicant, other = await applied(api), await applied(api)
    run_id = await applicant.start()
    for token in (b"wrong", other.token.encode(), "ٴ".encode()):
        keys = [(name.encode(), value.encode()) for name, value in once().items()]
        headers = httpx.Headers([(b"Application-Token", token), *keys])
        for method, operation in (
            *(("GET", each) for each in ("sandbox", "conformance-runs", f"conformance-runs/{run_id}")),
            *(("POST", each) for each in ("sandbox", "conformance-runs", f"conformance-runs/{run_id}/resume")),
        ):
            body = {"endpoint_url": "http://127.0.0.1:1"} if method == "POST" else None
            answer = await api.request(method, f"{applicant.path}/{operation}", json=body, headers=headers)
            assert answer.status_code == 404, (operation, answer.text)
    foreign = await other.post(f"conformance-runs/{run_id}/resume")
    assert foreign.status_code == 404
    elsewhere = tokens.staff("operator", division_code="654003")
    answer = await api.post(f"{applicant.path}/conformance-runs", headers=elsewhere | once())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_division")


async def test_an_operator_may_start_a_run_and_is_named(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    applicant, operator = await applied(api), new_id()
    headers = tokens.staff("operator", person_id=operator)
    answer = await api.post(f"{applicant.path}/conformance-runs", headers=headers | once())
    assert answer.status_code == 201
    replayed = await applicant.post("conformance-runs")
    assert replayed.json()["code"] == "conformance_run_open"
    async with database.read() as tx:
        run = await tx.get_one(ConformanceRun, UUID(answer.json()["run_id"]))
        assert run.started_by == operator


async def test_a_replayed_start_gets_the_first_answer(api: httpx.AsyncClient) -> None:
    applicant, key = await applied(api), once()
    headers = {"Application-Token": applicant.token} | key
    first, again = [await api.post(f"{applicant.path}/conformance-runs", headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["run_id"] == again.json()["run_id"]


async def test_a_run_that_is_not_resumed_in_time_fails(
    api: httpx.AsyncClient, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    run_id = await applicant.start()
    early = await applicant.resume(run_id)
    assert (early.status_code, early.json()["code"]) == (409, "restart_not_awaited")
    async with answering(system_of(applicant, platform, tmp_path), applicant):
        await run_due(database, prober(platform))
    waiting = await applicant.report(run_id)
    assert (waiting["status"], waiting["failed_rules"]) == ("awaiting_restart", [])
    assert waiting["continue_before"]
    await run_due(database, prober(platform))
    assert (await applicant.report(run_id))["status"] == "awaiting_restart"
    await make_due(database, run_id)
    late = await applicant.resume(run_id)
    assert late.json()["code"] == "restart_not_awaited"
    await run_due(database, prober(platform))
    report = await applicant.report(run_id)
    assert (report["status"], report["failed_rules"]) == ("failed", ["after_restart"])
    assert {each["fault"] for each in report["rules"] if each["fault"]} == {"not_continued"}
