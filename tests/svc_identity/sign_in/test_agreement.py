"""The agreements are ticked on the phone page, again for each version, and recorded when the sign-in is finished."""

import time
from typing import Any

import httpx
import pytest
import time_machine

from svc_identity.people.agreements import documents
from svc_identity.people.agreements.documents import version_in_force
from tests.svc_identity.app_client import AppClient, Page, bearer, returned_to_app
from tests.svc_identity.conftest import NewAppClient, new_phone

CONSENTS = "/identity/v1/me/consents"


async def consents(api: httpx.AsyncClient, tokens: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await api.get(CONSENTS, headers=bearer(tokens))).json()["items"]
    return items


@pytest.fixture
def newer_version(monkeypatch: pytest.MonkeyPatch) -> str:
    """A version of the day after tomorrow, whose texts are those of the one before."""
    before = documents.versions()
    monkeypatch.setattr(documents, "versions", lambda: (*before, "2099-01-01"))
    return "2099-01-01"


@pytest.mark.parametrize("agreed", [None, "", "1999-01-01", "on"])
async def test_without_the_tick_no_code_is_sent_whoevers_the_phone_is(
    app_client: AppClient, new_app_client: NewAppClient, phone: str, agreed: str | None
) -> None:
    await new_app_client().tokens(phone)
    for typed in (phone, new_phone()):
        page = await app_client.begin(ui_locales="en")
        answer = await app_client.type_phone(page, typed, agreed)
        assert answer.status_code == 422
        assert "tick that you agree" in answer.text
        assert Page(answer).forms[0].ticks == {"agreed": version_in_force()}


async def test_the_page_links_both_documents(app_client: AppClient) -> None:
    page = await app_client.begin(ui_locales="en")
    for name in documents.DocumentName:
        address = f"/identity/v1/oauth/agreements/{name}/{version_in_force()}?ui_locales=en"
        assert f'href="{address}"' in page.answer.text
        assert (await app_client.api.get(address)).status_code == 200


async def test_the_consent_is_recorded_with_version_time_way_and_language(app_client: AppClient, phone: str) -> None:
    signed_in = await app_client.redeem(await app_client.sign_in(phone, ui_locales="ug"))
    (consent,) = await consents(app_client.api, signed_in.json())
    shown = {name: consent[name] for name in ("activity", "version", "way", "client_id", "language", "withdrawn_at")}
    assert shown == {
        "activity": "account",
        "version": version_in_force(),
        "way": "sign_in_page",
        "client_id": "myili-app",
        "language": "ug",
        "withdrawn_at": None,
    }


async def test_a_browser_that_has_agreed_is_not_asked_again_for_its_phone(app_client: AppClient, phone: str) -> None:
    signed_in = await app_client.tokens(phone)
    page = await app_client.begin(ui_locales="en")
    assert page.forms[0].ticks == {}
    assert "You have agreed" in page.answer.text
    stranger = await app_client.type_phone(page, new_phone(), None)
    assert (stranger.status_code, Page(stranger).forms[0].ticks) == (422, {"agreed": version_in_force()})
    with time_machine.travel(time.time() + 61):
        assert (await app_client.type_phone(page, phone, None)).status_code == 303
    assert len(await consents(app_client.api, signed_in)) == 1


async def test_a_new_version_is_asked_for_again(app_client: AppClient, phone: str, newer_version: str) -> None:
    with pytest.MonkeyPatch.context() as before:
        before.setattr(documents, "versions", lambda: ("2026-12-01",))
        await app_client.tokens(phone)
    page = await app_client.begin()
    assert page.forms[0].ticks == {"agreed": newer_version}
    opened_before = await app_client.type_phone(page, phone, "2026-12-01")
    assert opened_before.status_code == 422
    with time_machine.travel(time.time() + 61):
        sent = await app_client.type_phone(page, phone, newer_version)
        code_page = Page(await app_client.api.get(sent.headers["location"]))
        back = await app_client.type_code(code_page, await app_client.texted_code(phone))
        signed_in = (await app_client.redeem(returned_to_app(back)["code"])).json()
        agreed = [each["version"] for each in await consents(app_client.api, signed_in)]
    assert agreed == [newer_version, "2026-12-01"]
