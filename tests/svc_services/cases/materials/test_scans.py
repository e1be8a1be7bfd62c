"""Where files are scanned, nobody but the owner opens one before its verdict."""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from obstore.store import ObjectStore
from sqlalchemy import update

from chassis.db import Database, now
from chassis.problems import TryLater
from chassis.testing import Tokens
from kit import objects
from kit.scanning import Scanner, scanner_at
from svc_services.cases.materials.models import Material
from svc_services.cases.materials.worker import remove_objects, scan_due
from svc_services.settings import Settings
from tests.clamd import TEST_VIRUS, ClamdServer
from tests.documents import jpeg, segment
from tests.svc_services.cases.applications.cases import QUEUE, Headers, clerk, outcome
from tests.svc_services.cases.materials.files import MATERIALS, attach, content_of, uploaded
from tests.svc_services.cases.materials.test_cases import filed_with


@pytest.fixture
def store(settings: Settings) -> ObjectStore:
    return objects.opened(settings.materials)


@pytest.fixture
def scanning(app: FastAPI) -> None:
    """The service as it is where a scanner is set up."""
    app.state.settings = app.state.settings.model_copy(update={"material_scanner": "tcp://127.0.0.1:1"})


def at(address: str) -> Scanner:
    scanner = scanner_at(address)
    assert scanner is not None
    return scanner


async def due_again(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute(update(Material).values(scan_at=now() - timedelta(seconds=1)))


@pytest.mark.usefixtures("scanning")
async def test_a_file_is_opened_by_others_after_its_verdict(
    api: httpx.AsyncClient,
    database: Database,
    tokens: Tokens,
    resident: Headers,
    provider_id: UUID,
    store: ObjectStore,
) -> None:
    card = await uploaded(api, resident)
    assert card["scan"] == "pending"
    case = await filed_with(api, resident, provider_id, card)
    path = content_of(QUEUE, case["application_id"], card)
    await scan_due(database, store, at("tcp://127.0.0.1:1"))
    early = await api.get(path, headers=clerk(tokens))
    assert (outcome(early), early.headers["retry-after"]) == ((409, "material_not_scanned"), "30")
    assert (await api.get(f"{MATERIALS}/{card['material_id']}/content", headers=resident)).status_code == 200
    async with ClamdServer().running() as server:
        await scan_due(database, store, at(server.address))
        assert server.scanned == []  # it is asked again after a pause
        await due_again(database)
        await scan_due(database, store, at(server.address))
    assert len(server.scanned) == 1
    assert (await api.get(f"{MATERIALS}/{card['material_id']}", headers=resident)).json()["scan"] == "clean"
    assert (await api.get(path, headers=clerk(tokens))).status_code == 200


@pytest.mark.usefixtures("scanning")
async def test_an_infected_file_is_refused_and_its_object_deleted(
    api: httpx.AsyncClient,
    database: Database,
    tokens: Tokens,
    resident: Headers,
    provider_id: UUID,
    store: ObjectStore,
) -> None:
    card = await uploaded(api, resident, jpeg(8, 8, segment(0xFE, TEST_VIRUS)))
    case = await filed_with(api, resident, provider_id, card)
    async with ClamdServer().running() as server:
        await scan_due(database, store, at(server.address))
    shown = (await api.get(f"{MATERIALS}/{card['material_id']}", headers=resident)).json()
    assert (shown["status"], shown["scan"], shown["problem"]["code"]) == ("refused", "infected", "material_infected")
    opened = await api.get(content_of(QUEUE, case["application_id"], card), headers=clerk(tokens))
    assert outcome(opened) == (404, "not_found")
    mine = await api.get(f"{MATERIALS}/{card['material_id']}/content", headers=resident)
    assert outcome(mine) == (409, "material_not_ready")
    seen = (await api.get(f"{QUEUE}/{case['application_id']}", headers=clerk(tokens))).json()
    assert seen["materials"] == []
    await remove_objects(database, store)
    with pytest.raises(TryLater):
        await objects.get(store, f"materials/{card['material_id']}")
    again = await attach(api, resident, case["application_id"], card)
    assert again.status_code == 409
