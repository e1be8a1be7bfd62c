"""The authorization request: what the app may request, and where a refusal goes."""

import httpx
import pytest

from tests.svc_identity.app_client import AUTHORIZE, LOOPBACK, STAFF_CONSOLE, AppClient, Page, returned_to_app
from tests.svc_identity.conftest import PUBLIC_URL


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "myili://callback",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:53124/callback",
        "http://[::1]:53124/callback",
    ],
)
async def test_the_app_may_return_to_its_scheme_and_to_any_loopback_port(
    app_client: AppClient, redirect_uri: str
) -> None:
    page = await app_client.begin(redirect_uri=redirect_uri)
    assert page.answer.status_code == 200
    assert len(page.forms) == 1


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "",
        "myili://callback/",
        "myili://callback?x=1",
        "MYILI://callback",
        "https://127.0.0.1/callback",
        "http://127.0.0.1:53124/other",
        "http://127.0.0.1:53124/callback#part",
        "http://127.0.0.1:53124@evil.test/callback",
        "http://127.0.0.1:1:2/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:080/callback",
        "http://127.0.0.1:/callback",
        "http://[::1]:99999/callback",
        "http://[::ffff:127.0.0.1]:53124/callback",
        "http://127.0.0.1:53124/%63allback",
        "http://127.0.0.1:53124/callback/../callback",
        "http://127.0.0.1.evil.test/callback",
        "http://127.0.0.2:53124/callback",
        "http://localhost:53124/callback",
        "https://evil.test/callback",
        "javascript:alert(1)",
        "http://例子.test/callback",
    ],
)
async def test_any_other_address_gets_no_redirect(app_client: AppClient, redirect_uri: str | None) -> None:
    page = await app_client.begin(redirect_uri=redirect_uri)
    assert page.answer.status_code == 400
    assert "location" not in page.answer.headers
    assert page.forms == []
    assert "invalid_request" in page.answer.text


async def test_an_unknown_client_gets_no_redirect(app_client: AppClient) -> None:
    for client_id in (None, "", "nobody", "a" * 5_000):
        page = await app_client.begin(client_id=client_id)
        assert page.answer.status_code == 400
        assert "location" not in page.answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid bills:write"}, "invalid_scope"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"scope": "openid staff"}, "invalid_scope"),
        ({"scope": "openid pay", "client_id": STAFF_CONSOLE, "redirect_uri": LOOPBACK}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none", "max_age": "600"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "login create"}, "invalid_request"),
        ({"prompt": "Login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": ""}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.test/request"}, "request_uri_not_supported"),
    ],
)
async def test_other_faults_are_reported_to_the_app(
    app_client: AppClient, changes: dict[str, str | None], error: str
) -> None:
    returned = returned_to_app((await app_client.begin(**changes)).answer)
    assert returned["error"] == error
    assert returned["state"] == app_client.state
    assert returned["iss"] == f"{PUBLIC_URL}/identity"
    assert "code" not in returned


async def test_a_request_may_be_posted_too(app_client: AppClient, phone: str) -> None:
    page = Page(await app_client.api.post(AUTHORIZE, data=app_client.request()))
    sent = await app_client.type_phone(page, phone)
    assert sent.status_code == 303


@pytest.mark.parametrize(
    "name",
    [
        *("client_id", "redirect_uri", "state", "scope", "code_challenge", "code_challenge_method", "response_type"),
        *("nonce", "prompt", "max_age", "ui_locales", "response_mode", "login_hint", "anything"),
    ],
)
async def test_a_repeated_parameter_is_refused(app_client: AppClient, name: str) -> None:
    usual = app_client.request(nonce="n", prompt="login", max_age="1", ui_locales="en", response_mode="query")
    again = httpx.QueryParams({"login_hint": "x", "anything": "x"} | usual).add(name, usual.get(name, "x"))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for answer in (
        await app_client.api.get(AUTHORIZE, params=again),
        await app_client.api.post(AUTHORIZE, content=str(again), headers=form),
    ):
        assert answer.status_code in {303, 400}
        assert "invalid_request" in (answer.headers.get("location") or answer.text)
        if name in {"client_id", "redirect_uri"}:
            assert "location" not in answer.headers


@pytest.mark.parametrize(
    "query",
    ["client_id=%00", "client_id=%ff%fe", "&".join(f"p{n}=1" for n in range(100)), "state=" + "a" * 5_000],
)
async def test_undecodable_or_oversized_requests_are_refused(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"{AUTHORIZE}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_the_state_is_returned_unchanged(app_client: AppClient, phone: str) -> None:
    app_client.state = "空格 & = # % + \"<>' é"
    await app_client.sign_in(phone)
