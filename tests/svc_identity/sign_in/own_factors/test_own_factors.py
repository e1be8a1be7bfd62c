"""People's own second factors through the API: only after a fresh sign-in, and only with the factor they have."""

import time

import httpx
import pytest
import time_machine

from chassis.testing import Tokens, once
from svc_identity.settings import Settings
from tests.authenticators import Authenticator
from tests.svc_identity.app_client import AUTHENTICATORS, STAFF_CONSOLE, AppClient, bearer, returned_to_app
from tests.svc_identity.conftest import NewAppClient, new_operator
from tests.svc_identity.oauth.test_codes import decoded

ME = "/identity/v1/me"
STRONG = "urn:myili:sign-in:two-factors"
Headers = dict[str, str]


async def begin(api: httpx.AsyncClient, headers: Headers) -> httpx.Response:
    return await api.post(f"{ME}/authenticator-apps", headers=headers | once())


async def confirm(api: httpx.AsyncClient, headers: Headers, begun: httpx.Response, code: str) -> httpx.Response:
    body = {"set_up": begun.json()["set_up"], "code": code, "name": "我的手机"}
    return await api.post(f"{ME}/authenticator-apps/confirm", json=body, headers=headers | once())


async def added(app: AppClient, headers: Headers, phone: str) -> dict[str, object]:
    begun = await begin(app.api, headers)
    assert begun.status_code == 201, begun.text
    authenticator = Authenticator(begun.json()["key"])
    answer = await confirm(app.api, headers, begun, authenticator.code())
    assert answer.status_code == 201, answer.text
    AUTHENTICATORS[phone] = authenticator
    found: dict[str, object] = answer.json()
    return found


async def test_a_resident_adds_renames_uses_and_removes_a_factor(new_app_client: NewAppClient, phone: str) -> None:
    app = new_app_client()
    headers = bearer(await app.tokens(phone))
    factor = await added(app, headers, phone)
    assert len(factor["recovery_codes"]) == 10  # type: ignore[arg-type]
    weak = await app.api.delete(f"{ME}/factors/{factor['factor_id']}", headers=headers)
    assert (weak.status_code, weak.json()["code"]) == (401, "second_factor_needed")
    with time_machine.travel(time.time() + 61):
        again = new_app_client()
        headers = bearer(await again.tokens(phone, acr_values=STRONG))
        renamed = await again.api.patch(f"{ME}/factors/{factor['factor_id']}", json={"name": "新手机"}, headers=headers)
        assert (renamed.status_code, renamed.json()["name"]) == (200, "新手机")
        listed = (await again.api.get(f"{ME}/factors", headers=headers)).json()
        assert ([each["name"] for each in listed["items"]], listed["recovery_codes_left"]) == (["新手机"], 10)
        removed = await again.api.delete(f"{ME}/factors/{factor['factor_id']}", headers=headers)
        assert removed.status_code == 204
        left = (await again.api.get(f"{ME}/factors", headers=headers)).json()
        assert left == {"items": [], "recovery_codes_left": 0}


async def test_removing_a_factor_ends_the_other_sign_ins_that_it_proved(
    new_app_client: NewAppClient, phone: str
) -> None:
    app, thief, owner = new_app_client(), new_app_client(), new_app_client()
    factor = await added(app, bearer(await app.tokens(phone)), phone)
    with time_machine.travel(time.time() + 61):
        stolen = bearer(await thief.tokens(phone, acr_values=STRONG))
    with time_machine.travel(time.time() + 122):
        headers = bearer(await owner.tokens(phone, acr_values=STRONG))
        assert (await owner.api.delete(f"{ME}/factors/{factor['factor_id']}", headers=headers)).status_code == 204
        assert (await owner.api.get(ME, headers=headers)).status_code == 200
        assert (await owner.api.get(ME, headers=stolen)).status_code == 401
        assert (await thief.refresh(thief.refresh_token)).status_code == 400
        assert (await owner.refresh(owner.refresh_token)).status_code == 200


async def test_an_old_sign_in_changes_nothing_however_fresh_its_token_is(
    new_app_client: NewAppClient, phone: str
) -> None:
    app = new_app_client()
    await app.tokens(phone)
    with time_machine.travel(time.time() + 601):
        headers = bearer(await app.renewed())
        refused = await begin(app.api, headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_too_old")
    assert 'error="insufficient_user_authentication", max_age="600"' in refused.headers["www-authenticate"]


async def test_a_sign_in_that_was_ended_changes_nothing(new_app_client: NewAppClient, phone: str) -> None:
    app = new_app_client()
    headers = bearer(await app.tokens(phone))
    ended = {"token": app.refresh_token, "client_id": "myili-app"}
    assert (await app.api.post("/identity/v1/oauth/revoke", data=ended)).status_code == 200
    refused = await begin(app.api, headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")


async def test_a_set_up_is_the_callers_own_and_needs_the_right_code(new_app_client: NewAppClient, phone: str) -> None:
    app, stranger = new_app_client(), new_app_client()
    headers, others = bearer(await app.tokens(phone)), bearer(await stranger.tokens("13912345678"))
    begun = await begin(app.api, headers)
    right = Authenticator(begun.json()["key"]).code()
    for who, code in ((others, right), (headers, "abcdef"), (headers, f"{(int(right) + 1) % 10**6:06}")):
        refused = await confirm(app.api, who, begun, code)
        assert (refused.status_code, refused.json()["code"]) == (422, "wrong_factor_code")
    assert (await confirm(app.api, headers, begun, right)).status_code == 201
    assert (await confirm(app.api, headers, begun, right)).status_code == 401  # a factor is there now


async def test_nobody_touches_the_factor_of_another(new_app_client: NewAppClient, phone: str) -> None:
    app, stranger = new_app_client(), new_app_client()
    factor = await added(app, bearer(await app.tokens(phone)), phone)
    headers = bearer(await stranger.tokens("13912345679"))
    address = f"{ME}/factors/{factor['factor_id']}"
    assert (await stranger.api.delete(address, headers=headers)).status_code == 404
    assert (await stranger.api.patch(address, json={"name": "x"}, headers=headers)).status_code == 404


async def test_what_staff_adds_after_a_strong_sign_in_opens_roles(
    new_app_client: NewAppClient, settings: Settings, tokens: Tokens, phone: str
) -> None:
    console = new_app_client(STAFF_CONSOLE)
    headers = await new_operator(settings, console, phone)
    await added(console, headers, phone)
    with time_machine.travel(time.time() + 61):
        answer = await new_app_client(STAFF_CONSOLE).tokens(phone)
    memberships = decoded(answer["access_token"], tokens.key).claims["memberships"]
    assert [each["role"] for each in memberships] == ["operator"]


@pytest.mark.parametrize("which", ["old", "new"])
async def test_new_recovery_codes_end_those_before(new_app_client: NewAppClient, phone: str, which: str) -> None:
    app = new_app_client()
    headers = bearer(await app.tokens(phone, acr_values=STRONG))
    old = app.recovery_codes
    renewed = await app.api.post(f"{ME}/recovery-codes", headers=headers | once())
    new = renewed.json()["recovery_codes"]
    assert (len(new), set(new) & set(old)) == (10, set())
    with time_machine.travel(time.time() + 61):
        page = await app.factor_page(phone, acr_values=STRONG)
        answer = await app.type_code(page, (old if which == "old" else new)[0])
    if which == "old":
        assert answer.status_code == 422
    else:
        assert "code" in returned_to_app(answer)
