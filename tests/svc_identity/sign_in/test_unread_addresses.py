"""A browser gets a page with a way on at every address of the pages, whatever is wrong with what it sent."""

import httpx
import pytest

from chassis.db import new_id
from tests.svc_identity.app_client import AUTHORIZE, AppClient, Page
from tests.svc_identity.sign_in.test_refusal_pages import BROWSER, FORM, TAGS, opens_the_app, says, way_on

OAUTH = "/identity/v1/oauth"
OF_NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"
LATIN = b"code=\xff\xfe&ui_locales=ug"
POSTED_ONLY = ["holder/proofs", "holder/new", "password/forgotten", "certificate/skip"]


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", AUTHORIZE, 405),
        ("DELETE", f"{AUTHORIZE}/sign-ins", 405),
        ("GET", f"{OAUTH}/end-session/confirmations", 405),
        ("GET", f"{AUTHORIZE}/nothing", 404),
        ("GET", f"{OAUTH}/device/nothing", 404),
        ("GET", f"{OAUTH}/agreements/privacy_notice", 404),
    ],
)
async def test_an_address_without_a_page_leads_on(
    api: httpx.AsyncClient, method: str, path: str, status: int, tag: str
) -> None:
    answer = await api.request(method, path, headers={**BROWSER, "Accept-Language": tag})
    assert (answer.status_code, says(answer, tag, "no_page")) == (status, True)
    assert ("allow" in answer.headers) == (status == 405)
    assert opens_the_app(way_on(answer))


@pytest.mark.parametrize("path", POSTED_ONLY)
async def test_the_address_of_a_posted_form_leads_back_to_its_sign_in(api: httpx.AsyncClient, path: str) -> None:
    sign_in = f"{AUTHORIZE}/sign-ins/{new_id()}"
    answer = await api.get(f"{sign_in}/{path}", headers=BROWSER)
    assert (answer.status_code, way_on(answer)) == (405, sign_in)


@pytest.mark.parametrize("path", [f"{AUTHORIZE}/nothing", f"{AUTHORIZE}/device/done/nothing"])
async def test_a_program_gets_a_problem_there(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/identity/v1/oauth/authorized", "/identity/v1/me/nothing"])
async def test_addresses_of_programs_stay_problems_in_a_browser(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path, headers=BROWSER)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (LATIN, FORM["Content-Type"], 400),
        (b"ui_locales=ug&x=" + b"1" * 70_000, FORM["Content-Type"], 413),
        (b"ui_locales=ug&" + b"x=1&" * 100, FORM["Content-Type"], 400),
        (b"--x\r\n", "multipart/form-data; boundary=x", 415),
        (b"{", "application/json", 415),
    ],
)
@pytest.mark.parametrize("path", ["device", "phone-changes", "phone-stop", f"phone-changes/{OF_NOBODY}"])
async def test_a_form_that_cannot_be_read_leads_back_to_its_page(
    api: httpx.AsyncClient, path: str, content: bytes, kind: str, status: int
) -> None:
    headers = {**BROWSER, "Accept-Language": "ug", "Content-Type": kind}
    answer = await api.post(f"{AUTHORIZE}/{path}", content=content, headers=headers)
    assert (answer.status_code, says(answer, "ug", "unreadable")) == (status, True)
    assert way_on(answer) == f"{AUTHORIZE}/{path}"


async def test_a_state_of_nine_thousand_characters_is_refused_on_a_page(app_client: AppClient) -> None:
    request = app_client.request(state="s" * 9_000, ui_locales="kk-Arab")
    answer = await app_client.api.get(AUTHORIZE, params=request, headers=BROWSER)
    assert (answer.status_code, says(answer, "kk-Arab", "bad_request")) == (400, True)
    assert opens_the_app(way_on(answer))


@pytest.mark.parametrize("tag", TAGS)
async def test_a_refused_sign_out_leads_to_the_app(api: httpx.AsyncClient, tag: str) -> None:
    answer = await api.get(f"{OAUTH}/end-session", params={"ui_locales": tag}, headers=BROWSER)
    assert (answer.status_code, Page(answer).root["lang"]) == (400, tag)
    assert opens_the_app(way_on(answer))
