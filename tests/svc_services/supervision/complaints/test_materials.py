"""Materials of complaints: attached by the complainant, opened by who handles the complaint, and nobody else."""

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import select, update

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from kit.evidence.retention import carry_out
from svc_services.cases.materials.models import Material, MaterialUse
from svc_services.cases.materials.worker import forget_old
from svc_services.retention import RETENTION
from svc_services.supervision.complaints.models import Complaint
from tests.svc_services.cases.applications.cases import KUYTUN, Headers
from tests.svc_services.cases.materials.files import MATERIALS, PHOTO, Shown, begin, uploaded
from tests.svc_services.supervision.complaints.filed import (
    COMPLAINTS,
    RECEIVED,
    TO_AUTHORITY,
    TO_PROVIDER,
    filed,
    office,
)
from tests.svc_services.supervision.scenes import Someone, done, events_of, refused


async def attach(api: httpx.AsyncClient, headers: Headers, complaint_id: str, material: Shown) -> httpx.Response:
    return await api.put(f"{COMPLAINTS}/{complaint_id}/materials/{material['material_id']}", headers=headers)


async def opened(api: httpx.AsyncClient, headers: Headers, complaint_id: str, material: Shown) -> httpx.Response:
    return await api.get(f"{RECEIVED}/{complaint_id}/materials/{material['material_id']}", headers=headers)


async def test_who_handles_it_opens_the_files_and_the_complainant_sees_it(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, company: Someone, person_id: UUID
) -> None:
    mine, complaint_id = tokens.resident(person_id), await filed(api, tokens, provider_id, person_id)
    photo = await uploaded(api, mine, kind="photo")
    for _ in range(2):
        (shown,) = (await attach(api, mine, complaint_id, photo)).json()
        assert (shown["material_id"], shown["kind"]) == (photo["material_id"], "photo")
    assert len((await api.get(f"{COMPLAINTS}/{complaint_id}", headers=mine)).json()["materials"]) == 1
    assert refused(await opened(api, company(), complaint_id, photo)) == (404, "not_found")
    await done(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_PROVIDER)
    for reader in (office(tokens), company()):
        saved = await opened(api, reader, complaint_id, photo)
        assert (saved.status_code, saved.content) == (200, PHOTO)
        assert saved.headers["content-disposition"].startswith("attachment")
        assert saved.headers["content-security-policy"].startswith("sandbox")
    reads = [each for each in await events_of(database, "personal_data") if each["action"] == "read_material"]
    assert [(each["role"], each["person_id"], each["data"]) for each in reads] == [
        (role, str(person_id), ["materials"]) for role in ("clerk", "provider_admin")
    ]


async def test_the_company_opens_nothing_of_what_the_authority_handles(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, company: Someone, person_id: UUID
) -> None:
    mine, complaint_id = tokens.resident(person_id), await filed(api, tokens, provider_id, person_id)
    photo = await uploaded(api, mine)
    await attach(api, mine, complaint_id, photo)
    await done(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_AUTHORITY)
    assert (await api.get(f"{RECEIVED}/{complaint_id}", headers=company())).json()["materials"] == []
    assert len((await api.get(f"{RECEIVED}/{complaint_id}", headers=office(tokens))).json()["materials"]) == 1
    for reader in (company(), office(tokens, division_code=KUYTUN)):
        assert refused(await opened(api, reader, complaint_id, photo)) == (404, "not_found")


async def test_only_ones_own_kept_files_are_attached_and_only_while_it_is_open(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID
) -> None:
    mine, complaint_id = tokens.resident(person_id), await filed(api, tokens, provider_id, person_id)
    stranger = tokens.resident(new_id())
    photo, theirs = await uploaded(api, mine), await uploaded(api, stranger)
    assert refused(await attach(api, mine, complaint_id, theirs)) == (404, "not_found")
    assert refused(await attach(api, stranger, complaint_id, theirs)) == (404, "not_found")
    begun = (await begin(api, mine, 10)).json()
    assert refused(await attach(api, mine, complaint_id, begun)) == (409, "material_not_ready")
    other = await uploaded(api, mine)
    assert refused(await opened(api, office(tokens), complaint_id, other)) == (404, "not_found")
    await done(api, f"{COMPLAINTS}/{complaint_id}/withdraw", mine)
    assert refused(await attach(api, mine, complaint_id, photo)) == (409, "complaint_over")


async def test_a_complaint_has_ten_files_also_at_once(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID
) -> None:
    mine, complaint_id = tokens.resident(person_id), await filed(api, tokens, provider_id, person_id)
    photos = [await uploaded(api, mine) for _ in range(12)]
    answers = await asyncio.gather(*(attach(api, mine, complaint_id, photo) for photo in photos))
    assert sorted(each.status_code for each in answers) == [200] * 10 + [409] * 2
    assert {refused(each)[1] for each in answers if each.status_code == 409} == {"too_many_attached"}


async def test_files_stay_as_long_as_the_complaint_is_kept(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    mine, complaint_id = tokens.resident(person_id), await filed(api, tokens, provider_id, person_id)
    photo = await uploaded(api, mine)
    await attach(api, mine, complaint_id, photo)
    refusal = await api.delete(f"{MATERIALS}/{photo['material_id']}", headers=mine)
    assert refused(refusal) == (409, "material_in_use")
    async with database.transaction() as tx:
        await tx.execute(update(Material).values(touched_at=now() - timedelta(days=40)))
    await done(api, f"{COMPLAINTS}/{complaint_id}/withdraw", mine)
    for years, left in ((2, 1), (2, 0)):
        async with database.transaction() as tx:
            await tx.execute(update(Complaint).values(ended_at=Complaint.ended_at - timedelta(days=365 * years)))
        await carry_out(database, RETENTION)
        await forget_old(database)
        async with database.read() as tx:
            assert len((await tx.scalars(select(MaterialUse))).all()) == left
            assert len((await tx.scalars(select(Material))).all()) == left


async def test_an_unscanned_file_is_opened_by_its_owner_alone(
    api: httpx.AsyncClient, tokens: Tokens, app: FastAPI, provider_id: UUID, person_id: UUID
) -> None:
    mine, complaint_id = tokens.resident(person_id), await filed(api, tokens, provider_id, person_id)
    photo = await uploaded(api, mine)
    await attach(api, mine, complaint_id, photo)
    app.state.settings = app.state.settings.model_copy(update={"material_scanner": "tcp://127.0.0.1:1"})
    assert refused(await opened(api, office(tokens), complaint_id, photo)) == (409, "material_not_scanned")
    assert (await api.get(f"{MATERIALS}/{photo['material_id']}/content", headers=mine)).content == PHOTO
