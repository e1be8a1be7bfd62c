"""How and when somebody signed in: what an app may ask for, and what its tokens say."""

import time

import pytest
import time_machine

from chassis.testing import Tokens
from svc_identity.oauth.issuer import RESIDENT_SCOPES
from svc_identity.settings import Settings
from svc_identity.texts import languages
from tests.svc_identity.app_client import STAFF_CONSOLE, AppClient
from tests.svc_identity.conftest import NewAppClient, new_operator
from tests.svc_identity.oauth.test_codes import decoded
from tests.svc_identity.oauth.test_discovery import DISCOVERY

CONTEXT = ("auth_time", "acr", "amr", "sid")


async def test_both_tokens_say_the_same(app_client: AppClient, tokens: Tokens, phone: str) -> None:
    start = int(time.time())
    code = await app_client.sign_in(phone)
    with time_machine.travel(time.time() + 40):
        issued = (await app_client.redeem(code)).json()
    access, identity = (decoded(issued[name], tokens.key).claims for name in ("access_token", "id_token"))
    assert [access[name] for name in CONTEXT] == [identity[name] for name in CONTEXT]
    assert start <= access["auth_time"] <= start + 10
    assert (access["acr"], access["amr"]) == ("urn:myili:sign-in:one-factor", ["otp", "sms"])


async def test_a_refreshed_token_keeps_the_time_of_the_sign_in(
    app_client: AppClient, tokens: Tokens, phone: str
) -> None:
    first = decoded((await app_client.tokens(phone))["access_token"], tokens.key).claims
    with time_machine.travel(time.time() + 3_600):
        later = decoded((await app_client.renewed())["access_token"], tokens.key).claims
    assert [later[name] for name in CONTEXT] == [first[name] for name in CONTEXT]
    assert later["iat"] > first["iat"]


async def test_the_class_is_how_strong_the_sign_in_was(
    new_app_client: NewAppClient, settings: Settings, tokens: Tokens
) -> None:
    headers = await new_operator(settings, new_app_client(STAFF_CONSOLE))
    claims = decoded(headers["Authorization"].removeprefix("Bearer "), tokens.key).claims
    assert (claims["acr"], claims["amr"]) == ("urn:myili:sign-in:two-factors", ["otp", "sms", "mfa"])
    assert claims["assurance_level"] == 2


@pytest.mark.parametrize(
    "changes", [{"max_age": "0"}, {"max_age": "600", "prompt": "login"}, {"prompt": "select_account"}]
)
async def test_everybody_signs_in_anew(
    app_client: AppClient, tokens: Tokens, phone: str, changes: dict[str, str | None]
) -> None:
    first = await app_client.tokens(phone)
    with time_machine.travel(time.time() + 61):
        start = int(time.time())
        again = (await app_client.redeem(await app_client.sign_in(phone, **changes))).json()
    assert decoded(again["id_token"], tokens.key).claims["auth_time"] >= start
    assert decoded(first["id_token"], tokens.key).claims["auth_time"] < start


@pytest.mark.parametrize("language", ["zh", "en", "kk-Arab", "ug"])
async def test_consent_shows_what_the_app_asks_for(app_client: AppClient, language: str) -> None:
    usual = (await app_client.begin(ui_locales=language)).answer.text
    shown = (await app_client.begin(ui_locales=language, prompt="consent", scope="openid phone")).answer.text
    whole = (await app_client.begin(ui_locales=language, prompt="login consent")).answer.text
    said = languages()[language]
    assert said["asks"] in shown
    assert f"<li>{said['asks_phone']}</li>" in shown
    assert [text.count("<li>") for text in (usual, shown, whole)] == [0, 2, len(RESIDENT_SCOPES)]


async def test_discovery_names_what_an_app_may_ask_for(app_client: AppClient) -> None:
    metadata = (await app_client.api.get(DISCOVERY)).json()
    assert metadata["acr_values_supported"] == [
        *(f"urn:myili:sign-in:{how}" for how in ("one-factor", "two-factors", "phishing-resistant")),
        "urn:myili:identity:level-3",
    ]
    for prompt in metadata["prompt_values_supported"]:
        answer = (await app_client.begin(prompt=prompt)).answer
        assert (answer.status_code == 303) == (prompt == "none")
    assert {"acr", "amr", "auth_time", "sid"} <= set(metadata["claims_supported"])
