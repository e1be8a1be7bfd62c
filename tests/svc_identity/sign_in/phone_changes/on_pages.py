"""A browser on the pages of a change of phone."""

import re
from typing import Any

import httpx

from svc_identity.sign_in.phone_changes.lost import STOP_PATH
from tests.svc_identity.app_client import AppClient, Page
from tests.svc_identity.sign_in.phone_changes.changing import code_of

START = "/identity/v1/oauth/authorize/phone-changes"


async def start(app: AppClient, old: str, new: str, *, lost: bool = False, language: str = "en") -> httpx.Response:
    """The answer to the form with both numbers."""
    query = {"ui_locales": language} | ({"lost": "1"} if lost else {})
    page = Page(await app.api.get(START, params=query))
    assert page.answer.status_code == 200, page.answer.text
    form = page.forms[0]
    return await app.api.post(form.action, data=form.fields | {"old_phone": old, "new_phone": new})


async def codes_page(app: AppClient, old: str, new: str, *, lost: bool = False, language: str = "en") -> Page:
    begun = await start(app, old, new, lost=lost, language=language)
    assert begun.status_code == 303, begun.text
    page = Page(await app.api.get(begun.headers["location"]))
    assert page.answer.status_code == 200, page.answer.text
    return page


async def submit(app: AppClient, page: Page, **fields: str) -> Page:
    """The page after a form, also where it redirects."""
    form = page.forms[0]
    answer = await app.api.post(form.action, data=form.fields | fields)
    if answer.status_code == 303:
        answer = await app.api.get(answer.headers["location"])
    return Page(answer)


async def with_codes(app: AppClient, page: Page, old: str, new: str, **fields: str) -> Page:
    typed = {"new_code": await code_of(app.sms, new)}
    if old:
        typed["old_code"] = await code_of(app.sms, old)
    return await submit(app, page, **typed, **fields)


def identity_of(proved: dict[str, Any]) -> dict[str, str]:
    return {"name": proved["name"], "id_number": proved["id_number"]}


async def link_of(sms: httpx.AsyncClient, phone: str) -> str:
    """The newest link to stop a change that came to a phone."""
    messages = (await sms.get("/messages", params={"phone": phone})).json()["items"]
    links = [each["params"]["link"] for each in messages if "link" in each["params"]]
    assert re.fullmatch(rf"https://[^/]+{STOP_PATH}\?code=[\w-]{{22}}", links[0])
    return str(links[0])
