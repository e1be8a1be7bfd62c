"""The second factor of a sign-in: when it is asked for, which codes are good, and that guesses are counted."""

import asyncio
import re
import time
from collections.abc import Sequence

import httpx
import pytest
import time_machine

from chassis.testing import Tokens
from svc_identity.people.factors.service import TRIES, WINDOW
from svc_identity.settings import Settings
from tests.authenticators import Authenticator
from tests.svc_identity.app_client import AUTHENTICATORS, STAFF_CONSOLE, AppClient, Page, bearer, returned_to_app
from tests.svc_identity.conftest import PUBLIC_URL, NewAppClient, new_operator, new_phone
from tests.svc_identity.oauth.test_codes import decoded

STRONG = "urn:myili:sign-in:two-factors"


def far_from(authenticator: Authenticator, count: int) -> Sequence[str]:
    """Codes of times that are hours away."""
    step = int(time.time()) // 30 + 1_000
    return [authenticator.at(step + each) for each in range(count)]


async def set_up(app: AppClient, phone: str) -> Authenticator:
    """A resident with an authenticator app; a step of time passes before it is used again."""
    await app.tokens(phone, acr_values=STRONG)
    return AUTHENTICATORS[phone]


async def test_an_app_gets_the_second_factor_that_it_asks_for_and_who_has_one_always_uses_it(
    new_app_client: NewAppClient, tokens: Tokens, phone: str
) -> None:
    without = await new_app_client().tokens(phone)
    first = await new_app_client().tokens(phone, acr_values=STRONG)
    again = await new_app_client().tokens(phone, acr_values=f"urn:other {STRONG}")
    unasked = await new_app_client().tokens(phone)
    said = [decoded(each["id_token"], tokens.key).claims for each in (without, first, again, unasked)]
    assert [(claims["acr"], claims["amr"]) for claims in said] == [
        ("urn:myili:sign-in:one-factor", ["otp", "sms"]),
        *[(STRONG, ["otp", "sms", "mfa"])] * 3,
    ]


async def test_a_refresh_keeps_how_somebody_signed_in(app_client: AppClient, tokens: Tokens, phone: str) -> None:
    await app_client.tokens(phone, acr_values=STRONG)
    claims = decoded((await app_client.renewed())["access_token"], tokens.key).claims
    assert (claims["acr"], claims["amr"]) == (STRONG, ["otp", "sms", "mfa"])


async def test_the_texted_code_alone_leads_to_the_second_factor_and_no_further(
    new_app_client: NewAppClient, phone: str
) -> None:
    await set_up(new_app_client(), phone)
    app = new_app_client()
    page = await app.code_page(phone, acr_values=STRONG)
    code = await app.texted_code(phone)
    answers = [await app.type_code(page, code) for _ in range(2)]
    assert [answer.headers["location"].rpartition("/")[2] for answer in answers] == ["factor", "factor"]
    assert (await app.api.get(page.forms[0].action)).headers["location"] == answers[0].headers["location"]
    kept = await app.api.post(f"{answers[0].headers['location']}/kept", data=page.forms[0].fields)
    assert kept.headers["location"] == answers[0].headers["location"]


async def test_a_second_tap_gets_the_first_ones_answer(new_app_client: NewAppClient, phone: str) -> None:
    authenticator = await set_up(new_app_client(), phone)
    app = new_app_client()
    page, code = await app.factor_page(phone, acr_values=STRONG), authenticator.code()
    answers = await asyncio.gather(*(app.type_code(page, code) for _ in range(3)))
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert "code" in returned_to_app(answers[0])


async def test_a_replayed_code_is_refused(new_app_client: NewAppClient, phone: str) -> None:
    authenticator = await set_up(new_app_client(), phone)
    one = new_app_client()
    page = await one.factor_page(phone, acr_values=STRONG)
    other = new_app_client()
    observer, code = await other.factor_page(phone, acr_values=STRONG), authenticator.code()
    assert "code" in returned_to_app(await one.type_code(page, code))
    refused = await other.type_code(observer, code)
    assert refused.status_code == 422
    assert "code" in returned_to_app(await other.type_code(Page(refused), authenticator.code()))


@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (-1, 303), (0, 303), (1, 303), (2, 422)])
async def test_one_step_of_clock_skew_is_allowed(
    new_app_client: NewAppClient, phone: str, steps: int, status: int
) -> None:
    authenticator = await set_up(new_app_client(), phone)
    app = new_app_client()
    with time_machine.travel(time.time() + 600, tick=False):
        page = await app.factor_page(phone, acr_values=STRONG)
        answer = await app.type_code(page, authenticator.at(int(time.time()) // 30 + steps))
    assert answer.status_code == status


async def test_guesses_at_once_are_counted_one_by_one_and_the_owner_waits_a_quarter_of_an_hour(
    new_app_client: NewAppClient, phone: str
) -> None:
    authenticator = await set_up(new_app_client(), phone)
    app, later = new_app_client(), time.time() + 60
    with time_machine.travel(later):
        page = await app.factor_page(phone, acr_values=STRONG)
        guesses = far_from(authenticator, 16)
        answers = await asyncio.gather(*(app.type_code(page, guess) for guess in guesses))
        assert sorted(answer.status_code for answer in answers) == [*[422] * TRIES, *[429] * (16 - TRIES)]
        right = await app.type_code(page, authenticator.code())
        assert (right.status_code, int(right.headers["retry-after"]) <= WINDOW.total_seconds()) == (429, True)
    with time_machine.travel(later + WINDOW.total_seconds() + 1):
        page = await app.factor_page(phone, acr_values=STRONG)
        assert "code" in returned_to_app(await app.type_code(page, authenticator.code()))


async def test_a_form_that_is_posted_again_costs_one_try(new_app_client: NewAppClient, phone: str) -> None:
    authenticator = await set_up(new_app_client(), phone)
    app = new_app_client()
    with time_machine.travel(time.time() + 60, tick=False):
        page, (guess,) = await app.factor_page(phone, acr_values=STRONG), far_from(authenticator, 1)
        answers = await asyncio.gather(*(app.type_code(page, guess) for _ in range(TRIES + 6)))
        assert {answer.status_code for answer in answers} == {422}
        assert "code" in returned_to_app(await app.type_code(page, authenticator.code()))


async def test_each_recovery_code_signs_in_once(new_app_client: NewAppClient, phone: str) -> None:
    first = new_app_client()
    await first.tokens(phone, acr_values=STRONG)
    assert len(set(first.recovery_codes)) == 10
    code, one = first.recovery_codes[3], new_app_client()
    page = await one.factor_page(phone, acr_values=STRONG)
    assert "code" in returned_to_app(await one.type_code(page, code.lower().replace("-", " ")))
    other = new_app_client()
    page = await other.factor_page(phone, acr_values=STRONG)
    assert (await other.type_code(page, code)).status_code == 422
    assert "code" in returned_to_app(await other.type_code(page, first.recovery_codes[4]))


async def test_codes_of_somebody_else_are_none(new_app_client: NewAppClient, phone: str) -> None:
    strangers, mine = new_app_client(), new_app_client()
    await strangers.tokens(new_phone(), acr_values=STRONG)
    await mine.tokens(phone, acr_values=STRONG)
    page = await mine.factor_page(phone, acr_values=STRONG)
    assert (await mine.type_code(page, strangers.recovery_codes[0])).status_code == 422


async def test_another_browser_does_not_come_into_the_second_step(new_app_client: NewAppClient, phone: str) -> None:
    app, stranger = new_app_client(), new_app_client()
    page = await app.factor_page(phone, acr_values=STRONG)
    await stranger.begin()
    assert (await stranger.api.get(page.forms[0].action)).status_code == 410
    assert (await stranger.type_code(page, "123456")).status_code == 403
    assert (await app.api.post(page.forms[0].action, data={"code": "123456"})).status_code == 403


@pytest.mark.parametrize("scope", ["openid staff", "openid profile"])
async def test_the_staff_console_always_asks(
    new_app_client: NewAppClient, settings: Settings, phone: str, scope: str
) -> None:
    await new_operator(settings, new_app_client(STAFF_CONSOLE), phone)
    page = await new_app_client(STAFF_CONSOLE).factor_page(phone, scope=scope)
    assert 'name="code"' in page.answer.text
    assert 'class="key"' not in page.answer.text


@pytest.mark.parametrize("language", ["zh", "en", "kk-Arab", "ug"])
async def test_the_pages_speak_the_language_of_the_sign_in(
    new_app_client: NewAppClient, phone: str, language: str
) -> None:
    app = new_app_client(STAFF_CONSOLE)
    page = await app.factor_page(phone, ui_locales=language)
    assert page.root["lang"] == language
    assert page.root["dir"] == ("rtl" if language in {"kk-Arab", "ug"} else "ltr")
    assert "<svg" in page.answer.text
    (nonce,) = re.findall(r'<script nonce="([^"]+)">', page.answer.text)
    assert f"script-src 'nonce-{nonce}';" in page.answer.headers["content-security-policy"]


async def test_tokens_without_a_second_factor_open_no_role(api: httpx.AsyncClient, tokens: Tokens) -> None:
    membership = {"organisation_id": "01890000-0000-7000-8000-000000000000", "role": "operator"}
    token = tokens.sign(
        iss=f"{PUBLIC_URL}/identity",
        acr="urn:myili:sign-in:one-factor",
        assurance_level=2,
        memberships=[membership],
    )
    refused = await api.get("/identity/v1/organisations", headers=bearer({"access_token": token}))
    assert (refused.status_code, refused.json()["code"]) == (401, "second_factor_needed")
    challenge = refused.headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert f'acr_values="{STRONG} urn:myili:sign-in:phishing-resistant"' in challenge
