"""Who may set up the factor that opens roles: never somebody who only has the phone."""

import asyncio

import httpx
import pytest
import time_machine

from chassis.testing import Tokens, once
from svc_identity.fields import normalise_phone
from svc_identity.memberships import grant_operator
from svc_identity.people.factors.enrolment import FactorsExist, issue
from svc_identity.settings import Settings
from tests.authenticators import shown_on
from tests.svc_identity.app_client import AUTHENTICATORS, STAFF_CONSOLE, AppClient, Page, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone, proofed
from tests.svc_identity.oauth.test_codes import decoded

CODES, ORGANISATIONS = "/identity/v1/enrolment-codes", "/identity/v1/organisations"
STRONG = "urn:myili:sign-in:two-factors"
Headers = dict[str, str]


async def appointed(settings: Settings) -> str:
    """The phone of an operator without a factor."""
    phone = new_phone()
    await grant_operator(settings, normalise_phone(phone), reason="a test")
    return phone


async def type_in(app: AppClient, page: Page, phone: str, enrolment_code: str) -> httpx.Response:
    """Set up an authenticator app with some enrolment code."""
    data = {**page.forms[0].fields, "code": shown_on(page.answer.text).code(), "enrolment_code": enrolment_code}
    return await app.api.post(page.forms[0].action, data=data)


def roles(tokens: Tokens, answer: dict[str, str]) -> list[str]:
    return [each["role"] for each in decoded(answer["access_token"], tokens.key).claims["memberships"]]


async def test_who_stole_a_phone_number_sets_nothing_up(new_app_client: NewAppClient, settings: Settings) -> None:
    phone = await appointed(settings)
    of_another = await issue(settings, normalise_phone(await appointed(settings)), "a test")
    thief = new_app_client(STAFF_CONSOLE)
    page = await thief.factor_page(phone)
    for guess in ("", "AAAA-AAAA-AAAA-AAAA", of_another):
        assert (await type_in(thief, page, phone, guess)).status_code == 422
    app = new_app_client()
    page = await app.factor_page(phone, acr_values=STRONG)
    assert (await type_in(app, page, phone, "")).status_code == 422


async def test_a_code_sets_up_one_factor_within_a_day(
    new_app_client: NewAppClient, settings: Settings, clock: time_machine.Traveller
) -> None:
    phone = await appointed(settings)
    expired = await issue(settings, normalise_phone(phone), "a test")
    clock.shift(24 * 3_600)
    console = new_app_client(STAFF_CONSOLE)
    page = await console.factor_page(phone)
    assert (await type_in(console, page, phone, expired)).status_code == 422
    replaced = await issue(settings, normalise_phone(phone), "a test")
    current = await issue(settings, normalise_phone(phone), "a test")
    console = new_app_client(STAFF_CONSOLE)
    page = await console.factor_page(phone)
    assert (await type_in(console, page, phone, replaced)).status_code == 422
    answers = await asyncio.gather(*(type_in(console, page, phone, current) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [303, 303, 303]
    with pytest.raises(FactorsExist):
        await issue(settings, normalise_phone(phone), "a test")


async def test_what_a_thief_set_up_before_the_role_opens_nothing_and_ends(
    new_app_client: NewAppClient, settings: Settings, tokens: Tokens, phone: str
) -> None:
    thief = new_app_client()
    await thief.tokens(phone, acr_values=STRONG)
    stolen = AUTHENTICATORS[phone]
    await grant_operator(settings, normalise_phone(phone), reason="a test")
    last = await thief.renewed()
    assert roles(tokens, last) == []
    owner = new_app_client(STAFF_CONSOLE)
    headers = await proofed(owner, phone)
    assert (await owner.api.get(ORGANISATIONS, headers=headers)).status_code == 200
    again = new_app_client(STAFF_CONSOLE)
    page = await again.factor_page(phone)
    assert (await again.type_code(page, stolen.code())).status_code == 422
    refused = await thief.api.get(ORGANISATIONS, headers=bearer(last))
    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
    assert (await thief.refresh(thief.refresh_token)).json() == {"error": "invalid_grant"}


async def test_a_sign_in_by_text_message_alone_carries_no_role(
    new_app_client: NewAppClient, settings: Settings, tokens: Tokens
) -> None:
    phone = await appointed(settings)
    app = new_app_client()
    await proofed(app, phone)
    assert roles(tokens, await app.renewed()) == []
    assert roles(tokens, await new_app_client(STAFF_CONSOLE).tokens(phone)) == ["operator"]


async def test_an_operator_issues_codes_to_others_who_have_no_factor(
    api: httpx.AsyncClient, operator: Headers, new_app_client: NewAppClient, tokens: Tokens, phone: str
) -> None:
    body = {"phone": phone, "reason": "joins the office"}
    issued = await api.post(CODES, json=body, headers=operator | once())
    assert issued.status_code == 201, issued.text
    console = new_app_client(STAFF_CONSOLE)
    answer = await console.tokens(phone, enrolment_code=issued.json()["enrolment_code"])
    assert decoded(answer["access_token"], tokens.key).claims["sub"] == issued.json()["person_id"]
    again = await api.post(CODES, json=body, headers=operator | once())
    assert (again.status_code, again.json()["code"]) == (409, "second_factor_exists")


async def test_nobody_issues_a_code_to_themselves(new_app_client: NewAppClient, settings: Settings) -> None:
    phone = await appointed(settings)
    console = new_app_client(STAFF_CONSOLE)
    headers = await proofed(console, phone)
    own = await console.api.post(CODES, json={"phone": phone, "reason": "lost it"}, headers=headers | once())
    assert (own.status_code, own.json()["code"]) == (403, "second_person_needed")
