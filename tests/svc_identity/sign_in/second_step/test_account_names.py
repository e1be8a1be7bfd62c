"""How a device calls an account where it offers a choice of passkeys: by the masked phone, in the reader's language."""

import urllib.parse

import pytest

from chassis.testing import once
from svc_identity.texts import languages
from tests.svc_identity.app_client import STAFF_CONSOLE, bearer
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.sign_in.second_step.test_passkeys import options_on

TAGS = ["zh", "en", "kk-Arab", "ug"]


def masked(phone: str) -> str:
    return f"{phone[:3]}****{phone[-4:]}"


def shown(phone: str, tag: str) -> str:
    number = f"\u2066{masked(phone)}\u2069" if tag in {"kk-Arab", "ug"} else masked(phone)
    return f"{languages()[tag]['product']} {number}"


@pytest.mark.parametrize("tag", TAGS)
async def test_a_passkey_of_the_pages_is_called_by_the_masked_phone(
    new_app_client: NewAppClient, phone: str, tag: str
) -> None:
    page = await new_app_client(STAFF_CONSOLE).factor_page(phone, ui_locales=tag)
    options = options_on(page)
    assert (options["user"]["name"], options["user"]["displayName"]) == (masked(phone), shown(phone, tag))
    assert options["rp"]["name"] == languages()[tag]["product"]
    assert phone not in page.answer.text


@pytest.mark.parametrize("tag", TAGS)
async def test_a_passkey_of_the_api_is_called_so_too(new_app_client: NewAppClient, phone: str, tag: str) -> None:
    app = new_app_client()
    headers = bearer(await app.tokens(phone)) | {"Accept-Language": tag}
    begun = await app.api.post("/identity/v1/me/passkeys", headers=headers | once())
    user = begun.json()["options"]["user"]
    assert (user["name"], user["displayName"]) == (masked(phone), shown(phone, tag))
    assert phone not in begun.text


async def test_an_authenticator_app_of_the_api_is_labelled_by_the_masked_phone(
    new_app_client: NewAppClient, phone: str
) -> None:
    app = new_app_client()
    headers = bearer(await app.tokens(phone))
    begun = await app.api.post("/identity/v1/me/authenticator-apps", headers=headers | once())
    address = urllib.parse.unquote(begun.json()["address"])
    assert address.startswith(f"otpauth://totp/我的伊犁:{masked(phone)}?")
