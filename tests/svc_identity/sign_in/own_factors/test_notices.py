"""The owner of the phone is told when a second factor of theirs comes or goes, whoever did it."""

import time
from collections.abc import Callable

import httpx
import time_machine
from sqlalchemy import select

from chassis.db import Database
from svc_identity.people.factors.models import FactorNotice
from svc_identity.settings import Settings
from svc_identity.sign_in.own_factors.worker import FactorNotifier
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.sign_in.own_factors.test_own_factors import ME, STRONG


async def told(sms: httpx.AsyncClient, phone: str) -> list[tuple[str, str]]:
    """Template and language of the notices on a handset, the newest first."""
    messages = (await sms.get("/messages", params={"phone": phone})).json()["items"]
    of_factors = [each for each in messages if each["template"].startswith("factor_")]
    return [(each["template"], each["params"]["language"]) for each in of_factors]


async def waiting(database: Database) -> int:
    async with database.read() as tx:
        return len((await tx.scalars(select(FactorNotice))).all())


async def deliver(notifier: FactorNotifier, database: Database) -> None:
    """Send what is due, also what other tests have left."""
    before = -1
    while (left := await waiting(database)) != before:
        before = left
        await notifier.notify_due()


async def test_adding_and_removing_are_told_in_the_language_of_the_person(
    new_app_client: NewAppClient, database: Database, settings: Settings, sms: httpx.AsyncClient, phone: str
) -> None:
    notifier = FactorNotifier(database, settings)
    app: AppClient = new_app_client()
    headers = bearer(await app.tokens(phone, acr_values=STRONG, ui_locales="ug"))
    await deliver(notifier, database)
    assert await told(sms, phone) == [("factor_added", "ug")]
    (factor,) = (await app.api.get(f"{ME}/factors", headers=headers)).json()["items"]
    assert (await app.api.delete(f"{ME}/factors/{factor['factor_id']}", headers=headers)).status_code == 204
    await deliver(notifier, database)
    assert await told(sms, phone) == [("factor_removed", "ug"), ("factor_added", "ug")]


async def test_a_message_that_did_not_leave_is_sent_later(
    new_app_client: NewAppClient,
    database: Database,
    settings: Settings,
    sms: httpx.AsyncClient,
    faults: Callable[..., None],
    phone: str,
) -> None:
    notifier = FactorNotifier(database, settings)
    await deliver(notifier, database)
    of_others = await waiting(database)
    await new_app_client().tokens(phone, acr_values=STRONG)
    faults("sms", unavailable=1)
    await notifier.notify_due()
    assert await told(sms, phone) == []
    assert await waiting(database) == of_others + 1
    with time_machine.travel(time.time() + 11):
        await notifier.notify_due()
    assert [template for template, _language in await told(sms, phone)] == ["factor_added"]
    assert await waiting(database) == of_others
