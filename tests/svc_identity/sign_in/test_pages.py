"""The sign-in pages as a browser gets them."""

import json
import re
from pathlib import Path
from string import Formatter

import httpx
import pytest
from sqlalchemy import update

import svc_identity.texts
from chassis.db import Database
from svc_identity.oauth.models import Client
from svc_identity.sign_in import pages, ways
from svc_identity.starter import APP, load_starter_data
from svc_identity.texts import choose_language
from tests.svc_identity.app_client import AppClient, Page, returned_to_app
from tests.svc_identity.conftest import NewAppClient

TEXTS = Path(svc_identity.texts.__file__).parent


@pytest.mark.parametrize(
    ("ui_locales", "accept_language", "language"),
    [
        ("", "", "zh"),
        ("", "en-GB,zh;q=0.5", "en"),
        ("", "fr, de;q=0.9", "zh"),
        ("", "zh;q=0.2, ug;q=0.9, en;q=0.5", "ug"),
        ("", "en;q=0, ug;q=0.1", "ug"),
        ("", "en;q=x", "zh"),
        ("kk-Arab en", "zh", "kk-Arab"),
        ("fr ug", "en", "ug"),
        ("KK", "", "kk-Arab"),
        ("kk-Cyrl", "", "kk-Arab"),
        ("", "kk-CN, zh;q=0.9", "kk-Arab"),
        ("x" * 5_000, ",".join(["fr"] * 5_000), "zh"),
    ],
)
def test_the_language_of_the_app_precedes_that_of_the_browser(
    ui_locales: str, accept_language: str, language: str
) -> None:
    assert choose_language(ui_locales, accept_language) == language


@pytest.mark.parametrize(("tag", "direction"), [("zh", "ltr"), ("en", "ltr"), ("kk-Arab", "rtl"), ("ug", "rtl")])
async def test_every_step_keeps_the_language_and_its_direction(
    app_client: AppClient, phone: str, tag: str, direction: str
) -> None:
    first = await app_client.begin(ui_locales=tag)
    second = await app_client.code_page(phone, ui_locales=tag)
    third = Page(await app_client.type_code(second, "000"))
    for page in (first, second, third):
        assert (page.root["lang"], page.root["dir"]) == (tag, direction)
        assert page.answer.headers["content-language"] == tag


def test_a_sign_in_that_an_earlier_release_began_in_kazakh_goes_on() -> None:
    answer = pages.refusal_page("kk", "sign_in_over", ways.to_phone(""), status=410)
    assert answer.headers["content-language"] == "kk-Arab"
    assert b'<html lang="kk-Arab" dir="rtl">' in answer.body


def test_the_header_has_the_name_in_the_language_of_the_page() -> None:
    for language, texts in {file.stem: json.loads(file.read_text("utf-8")) for file in TEXTS.glob("*.json")}.items():
        answer = pages.refusal_page(language, "sign_in_over", ways.to_phone(""), status=410)
        assert f'<p class="name">{texts["product"]}</p>' in bytes(answer.body).decode(), language


def test_every_language_has_the_same_texts_and_placeholders() -> None:
    def placeholders(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    chinese = json.loads((TEXTS / "zh.json").read_text("utf-8"))
    for file in TEXTS.glob("*.json"):
        texts = json.loads(file.read_text("utf-8"))
        assert texts.keys() == chinese.keys(), file.name
        for name, text in texts.items():
            assert text.strip(), (file.name, name)
            assert placeholders(text) == placeholders(chinese[name]), (file.name, name)


async def test_a_page_loads_nothing_runs_only_its_own_script_and_is_not_cached(
    app_client: AppClient, phone: str
) -> None:
    for page in (await app_client.begin(), await app_client.code_page(phone), await app_client.begin(client_id="x")):
        headers = page.answer.headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        nonce = re.search(r"'nonce-([^']+)'", policy)
        assert nonce
        assert f'<style nonce="{nonce[1]}">' in page.answer.text
        scripts = re.findall("<script[^>]*>", page.answer.text)
        assert set(scripts) <= {f'<script nonce="{nonce[1]}">'}
        assert ("script-src" in policy) == bool(scripts)
        assert not re.search(r"(src|href|action)=[\"']?(https?:)?//", page.answer.text)


async def test_a_browser_comes_back_by_https_only(app_client: AppClient, phone: str) -> None:
    for page in (await app_client.begin(), await app_client.code_page(phone), await app_client.begin(client_id="x")):
        assert page.answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("redirect_uri", "source"),
    [("myili://callback", "myili:"), ("http://127.0.0.1:53124/callback", "http://127.0.0.1:53124")],
)
async def test_the_form_may_redirect_to_the_app_only(app_client: AppClient, redirect_uri: str, source: str) -> None:
    policy = (await app_client.begin(redirect_uri=redirect_uri)).answer.headers["content-security-policy"]
    assert policy.endswith(f"form-action 'self' {source}")


async def test_the_cookie_is_limited_to_these_pages(app_client: AppClient) -> None:
    cookie = (await app_client.begin()).answer.headers["set-cookie"]
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        *("path=/identity/v1/oauth/authorize", "httponly", "secure", "samesite=lax", "max-age=34560000")
    }


async def test_user_input_is_escaped(app_client: AppClient) -> None:
    typed = '"><script>alert(1)</script>'
    page = Page(await app_client.type_phone(await app_client.begin(state=typed, nonce=typed), typed))
    assert page.answer.status_code == 422
    assert typed not in page.answer.text
    assert "&lt;script&gt;" in page.answer.text


async def test_the_authorization_request_in_a_form_is_checked_again(app_client: AppClient, phone: str) -> None:
    page = await app_client.begin()
    good = page.forms[0].fields["request"]
    for changed in (good.replace("myili%3A", "evil%3A"), good.replace("S256", "plain"), "", "client_id=%00"):
        page.forms[0].fields["request"] = changed
        answer = await app_client.type_phone(page, phone)
        assert answer.status_code in {303, 400}
        assert "/sign-ins/" not in answer.headers.get("location", "")
    assert (await app_client.sms.get("/messages", params={"phone": phone})).json()["items"] == []


async def test_a_scope_withdrawn_during_the_sign_in_is_refused_at_the_end(
    app_client: AppClient, database: Database, phone: str
) -> None:
    page = await app_client.code_page(phone)
    async with database.transaction() as tx:
        await tx.execute(update(Client).where(Client.client_id == APP).values(scopes=["openid"]))
    try:
        answer = await app_client.type_code(page, await app_client.texted_code(phone))
    finally:
        await load_starter_data(database)
    assert returned_to_app(answer)["error"] == "invalid_scope"


# Attacks from another site or another browser.


async def test_a_form_without_our_cookie_is_refused(
    app_client: AppClient, new_app_client: NewAppClient, phone: str
) -> None:
    page = await app_client.begin()
    stranger = new_app_client()
    assert (await stranger.type_phone(page, phone)).status_code == 403
    assert (await stranger.sms.get("/messages", params={"phone": phone})).json()["items"] == []


@pytest.mark.parametrize("forged", ["", "x", "0" * 64, "名"])
async def test_a_form_without_its_token_is_refused(app_client: AppClient, phone: str, forged: str) -> None:
    page = await app_client.begin()
    page.forms[0].fields["form_token"] = forged
    assert (await app_client.type_phone(page, phone)).status_code == 403


async def test_the_token_of_another_browser_is_refused(
    app_client: AppClient, new_app_client: NewAppClient, phone: str
) -> None:
    attackers = await new_app_client().begin()
    await app_client.begin()
    assert (await app_client.type_phone(attackers, phone)).status_code == 403


async def test_a_cookie_we_did_not_sign_is_replaced(app_client: AppClient, phone: str) -> None:
    page = await app_client.begin()
    app_client.api.cookies.clear()
    app_client.api.cookies.set("myili-sign-in", "made-up.made-up", domain="gateway.test")
    assert (await app_client.type_phone(page, phone)).status_code == 403
    assert "set-cookie" in (await app_client.begin()).answer.headers


async def test_a_sign_in_belongs_to_the_browser_that_began_it(
    app_client: AppClient, new_app_client: NewAppClient, phone: str
) -> None:
    page = await app_client.code_page(phone)
    code = await app_client.texted_code(phone)
    other = new_app_client()
    own = await other.begin()
    page.forms[0].fields["form_token"] = own.forms[0].fields["form_token"]
    address = page.answer.url.path
    answers: list[httpx.Response] = [
        await other.api.get(address),
        await other.type_code(page, code),
        await other.api.post(f"{address}/codes", data=page.forms[0].fields),
    ]
    assert [answer.status_code for answer in answers] == [410, 410, 410]


async def test_two_tabs_of_one_browser_are_independent(app_client: AppClient, phone: str) -> None:
    first_tab = await app_client.begin()
    second_tab = await app_client.begin(scope="openid")
    assert (await app_client.type_phone(first_tab, phone)).status_code == 303
    assert (await app_client.type_phone(second_tab, phone[:-1] + str(9 - int(phone[-1])))).status_code == 303
