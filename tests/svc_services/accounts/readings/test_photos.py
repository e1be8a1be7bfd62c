"""A photo shows the meter: the provider and the people of the account see it, and it goes before the reading does."""

from datetime import timedelta
from uuid import UUID

import httpx
from sqlalchemy import select, text, update

from chassis.db import Database, new_id, now
from kit.evidence.retention import carry_out
from svc_services.accounts.readings.models import MeterReading
from svc_services.cases.applications.consumers import erase_person
from svc_services.cases.materials.models import Material
from svc_services.cases.materials.worker import forget_old
from svc_services.retention import RETENTION
from tests.documents import pdf
from tests.svc_services.accounts.bindings.stored import code
from tests.svc_services.accounts.invitations.conftest import bind, house, person_id, provider_id
from tests.svc_services.accounts.readings.test_readings import Meter, meter
from tests.svc_services.cases.materials.files import MATERIALS, PHOTO, Shown, uploaded
from tests.svc_services.companies import BINDINGS

__all__ = ["bind", "house", "meter", "person_id", "provider_id"]
READINGS = "/services/v1/meter-readings"


async def photo_of(meter: Meter, content: bytes = PHOTO, person: UUID | None = None) -> Shown:
    headers = meter.house.tokens.resident(person or meter.house.owner_id)
    return await uploaded(meter.house.api, headers, content, kind="meter_photo")


async def opened(meter: Meter, path: str, headers: dict[str, str]) -> httpx.Response:
    return await meter.house.api.get(f"{path}/photo", headers=headers)


async def test_the_provider_and_the_resident_see_the_photo(meter: Meter) -> None:
    photo = await photo_of(meter)
    taken = (await meter.read("100", photo_id=photo["material_id"])).json()
    assert taken["photo_id"] == photo["material_id"]
    (fetched,) = (await meter.fetched())["items"]
    assert fetched == taken | {"number": 1}
    mine = f"{BINDINGS}/{meter.house.binding_id}/meter-readings/{taken['reading_id']}"
    owner = meter.house.tokens.resident(meter.house.owner_id)
    for path, headers in ((f"{READINGS}/{taken['reading_id']}", meter.of_provider), (mine, owner)):
        saved = await opened(meter, path, headers)
        assert (saved.status_code, saved.content) == (200, PHOTO)
        assert saved.headers["content-disposition"].startswith("attachment")
    assert code(await opened(meter, mine, meter.house.tokens.resident(new_id()))) == (404, "not_found")
    other = meter.house.tokens.client(new_id(), "accounts:write")
    assert (await opened(meter, f"{READINGS}/{taken['reading_id']}", other)).status_code in {403, 404}
    in_use = await meter.house.api.delete(f"{MATERIALS}/{photo['material_id']}", headers=owner)
    assert code(in_use) == (409, "material_in_use")


async def test_a_photo_that_cannot_be_used_takes_no_reading(meter: Meter) -> None:
    stranger = await photo_of(meter, person=new_id())
    assert code(await meter.read("100", photo_id=stranger["material_id"])) == (404, "not_found")
    paper = await photo_of(meter, pdf())
    assert code(await meter.read("100", photo_id=paper["material_id"])) == (422, "no_picture")
    assert (await meter.fetched())["items"] == []


async def test_a_reading_without_a_photo_has_none_to_open(meter: Meter) -> None:
    taken = (await meter.read("100")).json()
    assert taken["photo_id"] is None
    assert code(await opened(meter, f"{READINGS}/{taken['reading_id']}", meter.of_provider)) == (404, "not_found")


async def test_the_photo_goes_after_three_years_and_the_reading_stays(meter: Meter, database: Database) -> None:
    photo = await photo_of(meter)
    taken = (await meter.read("100", photo_id=photo["material_id"])).json()
    async with database.transaction() as tx:
        await tx.execute(update(Material).values(touched_at=now() - timedelta(days=1200)))
    await forget_old(database)
    assert (await opened(meter, f"{READINGS}/{taken['reading_id']}", meter.of_provider)).status_code == 200
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE meter_readings SET submitted_at = submitted_at - interval '1096 days'"))
    await carry_out(database, RETENTION)
    await forget_old(database)
    (fetched,) = (await meter.fetched())["items"]
    assert (fetched["reading"], fetched["photo_id"]) == ("100", None)
    async with database.read() as tx:
        assert (await tx.scalars(select(Material))).all() == []


async def test_the_photo_goes_with_the_account_of_the_person(meter: Meter, database: Database) -> None:
    photo = await photo_of(meter)
    await meter.read("100", photo_id=photo["material_id"])
    async with database.transaction() as tx:
        await erase_person(tx, meter.house.owner_id)
    async with database.read() as tx:
        (kept,) = (await tx.scalars(select(MeterReading))).all()
    assert (kept.photo_id, kept.binding_id) == (None, None)
