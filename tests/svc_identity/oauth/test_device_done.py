"""The page after a device was signed in says so to the browser that did it, and to nobody else."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from svc_identity.texts import languages
from tests.svc_identity.app_client import AUTHORIZE, AppClient, Page
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.oauth.test_devices import PAGE, codes, page_of, post_phone, screen

__all__ = ["screen"]


@pytest.mark.parametrize("language", ["zh", "en", "kk-Arab", "ug"])
async def test_only_who_signed_a_device_in_reads_that_it_is(
    app_client: AppClient, new_app_client: NewAppClient, language: str
) -> None:
    api, given, phone = app_client.api, await codes(app_client.api), new_phone()
    sent = await post_phone(api, await page_of(api, given["user_code"]), phone, given["user_code"])
    code_page = Page(await api.get(sent.headers["location"]))
    back = await app_client.type_code(code_page, await app_client.texted_code(phone))
    query = dict(parse_qsl(urlsplit(back.headers["location"]).query)) | {"ui_locales": language}
    stranger = new_app_client()
    page = await stranger.code_page(new_phone())
    own = page.answer.url.path.rpartition("/")[2]
    opened = [
        await stranger.api.get(f"{AUTHORIZE}/device/done", params=query | {"sign_in": each})
        for each in (query["sign_in"], own, "nonsense", "")
    ]
    opened.append(await api.get(f"{PAGE}/done", params={"ui_locales": language}, follow_redirects=True))
    said = languages()[language]
    for answer in opened:
        assert (answer.status_code, Page(answer).root["lang"]) == (200, language)
        assert said["device_done"] not in answer.text
        assert said["device_shown_there"] in answer.text
    assert said["device_done"] in (await api.get(f"{AUTHORIZE}/device/done", params=query)).text
