"""Who opens an address in a browser reads a page, in their language; programs get a problem as before."""

import re

import httpx
import pytest

from chassis.problems import catalogue
from tests.gateway.stage import Stage

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
THINGS: dict[str, dict[str, object]] = {
    "GET /identity/v1/things/{thing_id}": {"security": []},
    "POST /identity/v1/things/{thing_id}": {"security": []},
    "GET /identity/v1/mine": {"security": [{"access_token": []}]},
}
REFUSED = [
    ("GET", "/identity/v1/things/..%2f..%2fetc", 400, "bad_address"),
    ("GET", "/docs/assets/..%2f..%2fapp.py", 404, "no_such_endpoint"),
    ("GET", "/docs/..%2f..%2fetc", 404, "no_such_endpoint"),
    ("GET", "/nothing", 404, "no_such_endpoint"),
    ("POST", "/docs", 405, "method_not_allowed"),
    ("DELETE", "/identity/v1/things/1", 405, "method_not_allowed"),
    ("GET", "/identity/v1/mine", 401, "token_missing"),
    ("GET", "/identity/v1/things/1", 503, "service_absent"),
    ("POST", "/identity/v1/things/1", 503, "service_absent"),
]


@pytest.mark.parametrize("language", ["zh", "en", "kk-Arab", "ug"])
@pytest.mark.parametrize(("method", "path", "status", "code"), REFUSED)
async def test_a_browser_reads_a_page(
    stage: Stage, client: httpx.AsyncClient, method: str, path: str, status: int, code: str, language: str
) -> None:
    stage.promise("identity", THINGS)
    asked = {"Accept": BROWSER, "Accept-Language": language}
    async with stage.gateway() as gateway:
        answer = await client.request(method, f"{gateway}{path}", headers=asked)
        program = await client.request(method, f"{gateway}{path}", headers={**asked, "Accept": "*/*"})
    assert (answer.status_code, program.status_code, program.json()["code"]) == (status, status, code)
    assert (answer.headers["content-type"], answer.headers["content-language"]) == (
        "text/html; charset=utf-8",
        language,
    )
    direction = "rtl" if language in {"kk-Arab", "ug"} else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in answer.text
    assert program.json()["title"] in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert answer.headers["cache-control"] == "no-store"
    own = catalogue("gateway")[language]["page"]
    retried = method == "GET" and status == 503
    assert ('<a href="">' in answer.text, own["back"] in answer.text) == (retried, not retried)


async def test_the_page_loads_nothing_and_runs_nothing(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("identity", THINGS)
    async with stage.gateway() as gateway:
        answer = await client.get(f"{gateway}/<script>alert(1)</script>", headers={"Accept": BROWSER})
    policy = answer.headers["content-security-policy"]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; frame-ancestors 'none'", policy
    )
    assert "<script" not in answer.text


@pytest.mark.parametrize("accept", ["application/json", "*/*", "", "text/html;q=0", "application/problem+json, */*"])
async def test_programs_get_a_problem(stage: Stage, client: httpx.AsyncClient, accept: str) -> None:
    stage.promise("identity", THINGS)
    async with stage.gateway() as gateway:
        answer = await client.get(f"{gateway}/docs/..%2fetc", headers={"Accept": accept})
        other = await client.get(f"{gateway}/identity/..%2fetc", headers={"Accept": accept})
    assert {each.headers["content-type"] for each in (answer, other)} == {"application/problem+json"}
