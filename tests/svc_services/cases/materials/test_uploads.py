"""Files come in parts over lines that are cut, are told by their bytes, and end once."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from obstore.store import ObjectStore
from sqlalchemy import func, select, update

from chassis.db import Database, new_id, now
from chassis.problems import TryLater
from chassis.testing import Tokens, once
from kit import objects
from svc_services.cases.materials import service
from svc_services.cases.materials.models import LARGEST_FILE, Material, MaterialPart, RemovedObject
from svc_services.cases.materials.worker import finish_left, forget_old, remove_objects
from svc_services.settings import Settings
from tests.documents import jpeg, packed, pdf, png
from tests.svc_services.cases.applications.cases import Headers, outcome
from tests.svc_services.cases.materials.files import MATERIALS, PHOTO, begin, send, uploaded


@pytest.fixture
def database(shared_database: Database) -> Database:
    return shared_database


@pytest.fixture
def store(settings: Settings) -> ObjectStore:
    return objects.opened(settings.materials)


async def test_a_file_in_parts_goes_on_after_a_cut(
    api: httpx.AsyncClient, database: Database, resident: Headers
) -> None:
    content = pdf(b"<< /Filler (" + b"x" * 500 + b") >>")
    begun = await begin(api, resident, len(content), sha256=hashlib.sha256(content).hexdigest())
    assert (begun.status_code, begun.json()["status"], begun.json()["scan"]) == (201, "receiving", None)
    material_id = begun.json()["material_id"]
    first = await send(api, resident, material_id, 0, content[:200], last=False)
    assert (first.status_code, first.headers["upload-offset"]) == (204, "200")

    cut = await send(api, resident, material_id, 200, content[200:300], last=False, **{"Content-Length": "400"})
    assert outcome(cut) == (400, "body_truncated")
    state = await api.head(f"{MATERIALS}/{material_id}", headers=resident)
    assert (state.status_code, state.headers["upload-complete"]) == (204, "?0")
    offset = int(state.headers["upload-offset"])
    assert offset == 300
    again = await send(api, resident, material_id, 0, content[:200], last=False)
    assert (outcome(again), again.headers["upload-offset"]) == ((409, "upload_offset_mismatch"), str(offset))
    last = await send(api, resident, material_id, offset, content[offset:], last=True)
    assert (last.status_code, last.json()["status"], last.json()["media_type"]) == (200, "kept", "application/pdf")
    assert last.json()["sha256"] == hashlib.sha256(content).hexdigest()
    assert last.json()["scan"] == "off"
    saved = await api.get(f"{MATERIALS}/{material_id}/content", headers=resident)
    assert (saved.status_code, saved.content) == (200, content)
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).where(MaterialPart.upload_id == material_id)) == 0


async def test_two_completions_at_once_have_one_outcome(
    api: httpx.AsyncClient, resident: Headers, store: ObjectStore
) -> None:
    for _ in range(5):
        material_id = (await begin(api, resident, len(PHOTO))).json()["material_id"]
        assert (await send(api, resident, material_id, 0, PHOTO, last=False)).status_code == 204
        ends = [send(api, resident, material_id, len(PHOTO), b"", last=True) for _ in range(4)]
        answers = await asyncio.gather(*ends)
        assert {each.status_code for each in answers} <= {200, 409}
        kept = [each.json() for each in answers if each.status_code == 200]
        assert kept
        assert all(each == kept[0] for each in kept)
        assert await objects.get(store, f"materials/{material_id}") == PHOTO
        late = await send(api, resident, material_id, len(PHOTO), b"", last=True)
        assert (late.status_code, late.json()) == (200, kept[0])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"GIF89a" + bytes(30), "document_unknown"),
        (b"<svg><script>1</script></svg>", "document_unknown"),
        (jpeg() + b"PK\x05\x06" + bytes(18), "document_ambiguous"),
        (pdf(packed(b"5 0 << /S /JavaScript >>")), "document_active"),
        (png(50_000, 50_000), "document_too_large"),
        (jpeg()[:-4], "document_damaged"),
    ],
)
async def test_what_a_client_says_of_a_file_counts_for_nothing(
    api: httpx.AsyncClient, database: Database, resident: Headers, content: bytes, code: str
) -> None:
    begun = await begin(api, resident, len(content), kind="photo_jpg")
    material_id = begun.json()["material_id"]
    lies = {"Content-Disposition": 'attachment; filename="card.jpg"', "X-Content-Type": "image/jpeg"}
    refused = await send(api, resident, material_id, 0, content, last=True, **lies)
    assert outcome(refused) == (422, code)
    assert outcome(await send(api, resident, material_id, len(content), b"", last=True)) == (422, code)
    shown = (await api.get(f"{MATERIALS}/{material_id}", headers=resident)).json()
    assert (shown["status"], shown["problem"]["code"], shown["media_type"]) == ("refused", code, None)
    assert outcome(await api.get(f"{MATERIALS}/{material_id}/content", headers=resident)) == (409, "material_not_ready")
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).where(MaterialPart.upload_id == material_id)) == 0


async def test_another_digest_at_the_end_refuses_the_file(api: httpx.AsyncClient, resident: Headers) -> None:
    begun = await begin(api, resident, len(PHOTO), sha256="0" * 64)
    refused = await send(api, resident, begun.json()["material_id"], 0, PHOTO, last=True)
    assert outcome(refused) == (400, "digest_mismatch")


async def test_a_file_is_as_long_as_was_said_and_never_too_long(api: httpx.AsyncClient, resident: Headers) -> None:
    for length in (0, LARGEST_FILE + 1, "5", 1.5):
        assert (await begin(api, resident, length)).status_code == 422  # type: ignore[arg-type]
    material_id = (await begin(api, resident, 10)).json()["material_id"]
    assert outcome(await send(api, resident, material_id, 0, PHOTO, last=False)) == (409, "upload_length_mismatch")


async def test_limits_of_a_person_hold_for_requests_at_once(
    api: httpx.AsyncClient, resident: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_BYTES", 3 * 1000)
    answers = await asyncio.gather(*(begin(api, resident, 1000) for _ in range(8)))
    assert sorted(each.status_code for each in answers) == [201, 201, 201, *[409] * 5]
    full = await begin(api, resident, 1)
    assert (outcome(full), full.json()["most_bytes"]) == ((409, "too_many_materials"), 3000)
    gone = [each.json()["material_id"] for each in answers if each.status_code == 201]
    assert (await api.delete(f"{MATERIALS}/{gone[0]}", headers=resident)).status_code == 204
    monkeypatch.setattr(service, "MOST_FILES", 3)
    answers = await asyncio.gather(*(begin(api, resident, 10) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]


async def test_a_file_is_its_owners_alone(api: httpx.AsyncClient, tokens: Tokens, resident: Headers) -> None:
    material_id = (await uploaded(api, resident))["material_id"]
    stranger = tokens.resident(new_id())
    path = f"{MATERIALS}/{material_id}"
    for answer in (
        await api.get(path, headers=stranger),
        await api.get(f"{path}/content", headers=stranger),
        await api.delete(path, headers=stranger),
        await send(api, stranger, material_id, 0, b"x", last=True),
    ):
        assert outcome(answer) == (404, "not_found")
    assert (await api.head(path, headers=stranger)).status_code == 404
    assert (await api.get(MATERIALS, headers=stranger)).json()["items"] == []
    assert len((await api.get(MATERIALS, headers=resident)).json()["items"]) == 1


async def test_a_replayed_beginning_is_one_file(api: httpx.AsyncClient, resident: Headers) -> None:
    key = once()
    body = {"kind": "id_card", "length": 10}
    first, second = [await api.post(MATERIALS, json=body, headers=resident | key) for _ in range(2)]
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"


async def test_what_is_served_can_run_nowhere(api: httpx.AsyncClient, resident: Headers) -> None:
    material_id = (await uploaded(api, resident))["material_id"]
    saved = await api.get(f"{MATERIALS}/{material_id}/content", headers=resident | {"Accept": "text/html"})
    assert saved.headers["content-type"] == "image/jpeg"
    assert saved.headers["content-disposition"] == f'attachment; filename="id_card-{material_id}.jpg"'
    assert saved.headers["x-content-type-options"] == "nosniff"
    assert saved.headers["cache-control"] == "no-store"
    assert saved.headers["content-security-policy"].startswith("sandbox")


async def test_other_bytes_in_the_store_are_not_served(
    api: httpx.AsyncClient, resident: Headers, store: ObjectStore
) -> None:
    material_id = (await uploaded(api, resident))["material_id"]
    await objects.put(store, f"materials/{material_id}", jpeg(16, 16))
    assert outcome(await api.get(f"{MATERIALS}/{material_id}/content", headers=resident)) == (503, "try_later")


async def test_what_a_store_that_was_away_left_is_finished(
    api: httpx.AsyncClient, app: FastAPI, database: Database, resident: Headers, store: ObjectStore, tmp_path: Path
) -> None:
    material_id = (await begin(api, resident, len(PHOTO))).json()["material_id"]
    (tmp_path / "materials").write_text("no folder")
    working = app.state.settings
    app.state.settings = working.model_copy(update={"materials": tmp_path.as_uri()})
    away = await send(api, resident, material_id, 0, PHOTO, last=True)
    app.state.settings = working
    assert outcome(away) == (503, "try_later")
    path = f"{MATERIALS}/{material_id}"
    await finish_left(database, store)
    assert (await api.get(path, headers=resident)).json()["status"] == "received"
    await touch(database, timedelta(minutes=1))
    await finish_left(database, store)
    assert (await api.get(path, headers=resident)).json()["status"] == "kept"


async def touch(database: Database, ago: timedelta) -> None:
    """Make as if everything had last been touched then."""
    async with database.transaction() as tx:
        await tx.execute(update(Material).values(touched_at=now() - ago))


async def test_what_nobody_uses_ends_with_its_object(
    api: httpx.AsyncClient, database: Database, resident: Headers, store: ObjectStore
) -> None:
    kept, unfinished = (await uploaded(api, resident))["material_id"], await begin(api, resident, 10)
    assert unfinished.status_code == 201
    for age, left in ((service.UNFINISHED, 1), (service.UNUSED, 0)):
        await touch(database, age - timedelta(minutes=1))
        await forget_old(database)
        assert len((await api.get(MATERIALS, headers=resident)).json()["items"]) == left + 1
        await touch(database, age + timedelta(minutes=1))
        await forget_old(database)
        assert len((await api.get(MATERIALS, headers=resident)).json()["items"]) == left
    assert await objects.get(store, f"materials/{kept}") == PHOTO
    await remove_objects(database, store)
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(RemovedObject)) == 0
    with pytest.raises(TryLater):
        await objects.get(store, f"materials/{kept}")
