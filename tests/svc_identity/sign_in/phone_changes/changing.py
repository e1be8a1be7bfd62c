"""Residents who change their phones through the API."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import time_machine
from sqlalchemy import select

from chassis.db import Database, now
from chassis.testing import once
from svc_identity.settings import Settings
from svc_identity.sign_in.phone_changes.models import PhoneNotice
from svc_identity.sign_in.phone_changes.worker import PhoneNotifier
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.identities import proof

ME = "/identity/v1/me"
CHANGES = f"{ME}/phone-changes"
WAITED = 7 * 86_400 + 600
"""Seconds after which whoever has a number that was in use need not wait any more."""
Headers = dict[str, str]


@contextmanager
def later(seconds: float) -> Iterator[None]:
    with time_machine.travel(time.time() + seconds, tick=True):
        yield


async def code_of(sms: httpx.AsyncClient, phone: str) -> str:
    """The newest code for a change that was sent to a phone; empty where none was."""
    messages = (await sms.get("/messages", params={"phone": phone})).json()["items"]
    codes = [each["params"]["code"] for each in messages if each["template"] == "phone_change_code"]
    return str(codes[0]) if codes else ""


async def notices(sms: httpx.AsyncClient, phone: str) -> list[str]:
    """The templates of what is no code on a handset, the newest first."""
    messages = (await sms.get("/messages", params={"phone": phone})).json()["items"]
    return [each["template"] for each in messages if not each["template"].endswith("_code")]


async def deliver(database: Database, settings: Settings) -> None:
    """Send what is due, also what other tests have left."""
    notifier, before = PhoneNotifier(database, settings), -1
    while before != (left := await _due(database)):
        before = left
        await notifier.notify_due()


async def _due(database: Database) -> int:
    async with database.read() as tx:
        return len((await tx.scalars(select(PhoneNotice.id).where(PhoneNotice.try_at <= now()))).all())


async def resident(app: AppClient, phone: str, *, proofed: bool = False) -> tuple[Headers, dict[str, Any]]:
    """Somebody who has signed in just now, and the identity that they proved where they did."""
    headers, identity = bearer(await app.tokens(phone)), proof()
    if proofed:
        answer = await app.api.post(f"{ME}/proofing", json=identity, headers=headers | once())
        assert answer.status_code == 200, answer.text
    return headers, identity


async def begin(app: AppClient, headers: Headers, new_phone: str) -> httpx.Response:
    return await app.api.post(CHANGES, json={"new_phone": new_phone}, headers=headers | once())


async def begun(app: AppClient, headers: Headers, new_phone: str) -> dict[str, Any]:
    answer = await begin(app, headers, new_phone)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def confirm(app: AppClient, headers: Headers, change: dict[str, Any], **given: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    address = f"{CHANGES}/{change['phone_change_id']}/confirm"
    return await app.api.post(address, json=given, headers=headers | once())


async def codes(app: AppClient, old: str, new: str) -> dict[str, str]:
    return {"new_phone_code": await code_of(app.sms, new), "old_phone_code": await code_of(app.sms, old)}


async def person_id(app: AppClient, headers: Headers) -> str:
    return str((await app.api.get(ME, headers=headers)).json()["person_id"])


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", answer.json().get("status"))
