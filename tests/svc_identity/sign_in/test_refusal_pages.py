"""What a browser gets when a sign-in cannot go on: a page in its language, with a way on, and never JSON."""

import re
import time
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import time_machine

from chassis.db import new_id
from deploy.local.programs import free_port
from svc_identity.settings import Settings
from svc_identity.texts import languages
from tests.svc_identity.app_client import AUTHORIZE, AppClient, Page, returned_to_app
from tests.svc_identity.conftest import PUBLIC_URL, NewAppClient, browser_on, new_phone, running

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
TAGS = ["zh", "en", "kk-Arab", "ug"]
FORM = {**BROWSER, "Content-Type": "application/x-www-form-urlencoded"}


def way_on(answer: httpx.Response) -> str:
    """The address of the link of a refusal."""
    assert answer.headers["content-type"].startswith("text/html"), answer.text
    (address,) = re.findall(r'<a class="button" href="([^"]+)">[^<]+</a>', answer.text)
    return unescape(address)


def says(answer: httpx.Response, tag: str, text: str) -> bool:
    assert answer.headers["content-language"] == tag
    return languages()[tag][text] in unescape(answer.text)


def opens_the_app(address: str, error: str = "access_denied") -> bool:
    parts = urlsplit(address)
    returned = parse_qs(parts.query)
    return (parts.scheme, parts.netloc) == ("myili", "callback") and returned == {
        "error": [error],
        "iss": [f"{PUBLIC_URL}/identity"],
    }


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize(
    ("changes", "text", "error"),
    [
        ({"client_id": "nobody"}, "unknown_app", "invalid_client"),
        ({"client_id": None}, "unknown_app", "invalid_client"),
        ({"redirect_uri": "https://evil.test/callback"}, "unknown_return", "invalid_request"),
        ({"redirect_uri": None}, "unknown_return", "invalid_request"),
        ({"response_type": "é", "redirect_uri": None}, "bad_request", "invalid_request"),
        ({"response_type": "token", "client_id": "nobody"}, "bad_request", "unsupported_response_type"),
    ],
)
async def test_a_refused_app_is_explained_in_the_language_of_the_page(
    app_client: AppClient, tag: str, changes: dict[str, str | None], text: str, error: str
) -> None:
    answer = (await app_client.begin(**changes, ui_locales=tag)).answer
    assert answer.status_code == 400
    assert says(answer, tag, text)
    assert opens_the_app(way_on(answer), error)
    for english in ("client does not exist", "Missing", "is not one that is registered", "not supported", "OAuth"):
        assert english not in answer.text


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize(
    "query", ["response_type=%E9", "client_id=%FF", "client_id=%00", "state=" + "a" * 5_000, "&".join(["p=1"] * 100)]
)
async def test_a_request_that_cannot_be_read_is_a_page_for_a_browser(
    api: httpx.AsyncClient, tag: str, query: str
) -> None:
    answer = await api.get(f"{AUTHORIZE}?{query}&ui_locales={tag}", headers=BROWSER)
    assert answer.status_code == 400
    assert says(answer, tag, "bad_request")
    assert opens_the_app(way_on(answer))
    posted = await api.post(AUTHORIZE, content=f"{query}&ui_locales={tag}", headers=FORM)
    assert (posted.status_code, says(posted, tag, "bad_request")) == (400, True)


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html;q=0", "text/html; q=0.000, */*", "text/plain"]
)
async def test_a_program_still_gets_a_problem(api: httpx.AsyncClient, accept: str) -> None:
    answer = await api.get(f"{AUTHORIZE}?client_id=%FF", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("phone", ["%00", "138%FF"])
async def test_a_phone_that_cannot_be_read_leads_back_to_its_form(app_client: AppClient, phone: str) -> None:
    form = (await app_client.begin(ui_locales="ug")).forms[0]
    body = f"{httpx.QueryParams(form.fields)}&phone={phone}"
    answer = await app_client.api.post(form.action, content=body, headers=FORM)
    assert answer.status_code == 400
    assert says(answer, "ug", "unreadable")
    again = await app_client.api.get(way_on(answer), headers=BROWSER)
    assert len(Page(again).forms) == 1


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        ("code=%00&ui_locales=kk-Arab", "application/x-www-form-urlencoded", 400),
        ("code=1&ui_locales=kk-Arab", "text/plain", 415),
        ("ui_locales=kk-Arab&code=" + "1" * 70_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_a_code_that_cannot_be_read_leads_back_to_its_form(
    app_client: AppClient, phone: str, content: str, kind: str, status: int
) -> None:
    page = await app_client.code_page(phone)
    headers = {**BROWSER, "Accept-Language": "kk-Arab", "Content-Type": kind}
    answer = await app_client.api.post(page.forms[0].action, content=content, headers=headers)
    assert answer.status_code == status
    assert says(answer, "kk-Arab", "unreadable")
    again = Page(await app_client.api.get(way_on(answer), headers=BROWSER))
    assert again.forms[0].action == page.forms[0].action


async def test_an_address_of_no_sign_in_is_a_page(api: httpx.AsyncClient) -> None:
    for path in ("nonsense", str(new_id())):
        answer = await api.get(f"{AUTHORIZE}/sign-ins/{path}", headers={**BROWSER, "Accept-Language": "ug"})
        assert answer.status_code in {403, 422}
        assert opens_the_app(way_on(answer))
        assert answer.headers["content-language"] == "ug"


async def test_the_address_of_a_posted_form_leads_on_when_it_is_opened(app_client: AppClient, phone: str) -> None:
    first = await app_client.api.get(f"{AUTHORIZE}/sign-ins", headers={**BROWSER, "Accept-Language": "ug"})
    assert (first.status_code, says(first, "ug", "sign_in_over")) == (410, True)
    assert opens_the_app(way_on(first))
    page = await app_client.code_page(phone)
    opened = await app_client.api.get(page.forms[-1].action, headers=BROWSER)
    assert (opened.status_code, opened.headers["location"]) == (303, page.answer.url.path)


async def test_an_expired_sign_in_says_so_in_its_language_and_begins_again(app_client: AppClient, phone: str) -> None:
    page = await app_client.code_page(phone, ui_locales="kk-Arab")
    with time_machine.travel(time.time() + 1_801):
        answers = [await app_client.api.post(form.action, data=form.fields) for form in page.forms]
        for answer in (*answers, await app_client.api.get(page.answer.url.path)):
            assert (answer.status_code, says(answer, "kk-Arab", "sign_in_over")) == (410, True)
            again = Page(await app_client.api.get(way_on(answer)))
            assert again.root["lang"] == "kk-Arab"
            assert (await app_client.type_phone(again, new_phone())).status_code == 303


async def test_a_finished_sign_in_leads_to_its_app(app_client: AppClient, phone: str) -> None:
    page = await app_client.code_page(phone, ui_locales="ug")
    returned_to_app(await app_client.type_code(page, await app_client.texted_code(phone)))
    answer = await app_client.api.get(page.answer.url.path)
    assert (answer.status_code, says(answer, "ug", "sign_in_over")) == (410, True)
    assert opens_the_app(way_on(answer))


async def test_a_browser_that_lost_its_cookie_is_told_so_in_the_language_of_the_form(
    app_client: AppClient, new_app_client: NewAppClient, phone: str
) -> None:
    page = await app_client.begin(ui_locales="ug")
    code_page = await app_client.code_page(phone, ui_locales="ug")
    stranger = new_app_client()
    first, second = await stranger.type_phone(page, phone), await stranger.type_code(code_page, "123456")
    for answer in (first, second):
        assert (answer.status_code, says(answer, "ug", "not_from_here")) == (403, True)
    assert len(Page(await stranger.api.get(way_on(first))).forms) == 1
    assert opens_the_app(way_on(second))


async def test_a_lost_database_is_a_page_too(settings: Settings) -> None:
    nowhere = f"postgresql://myili_identity:x@127.0.0.1:{free_port()}"
    async with running(settings, database_url=nowhere) as app, browser_on(app) as api:
        answer = await api.get(AUTHORIZE, params={"ui_locales": "ug"}, headers=BROWSER)
    assert (answer.status_code, says(answer, "ug", "unavailable")) == (503, True)
    assert opens_the_app(way_on(answer))
