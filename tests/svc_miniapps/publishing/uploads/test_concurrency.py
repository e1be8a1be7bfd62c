"""Concurrent uploads of one app."""

import asyncio
from pathlib import Path

import pytest
from obstore.store import ObjectStore

from chassis.db import Database, new_id
from svc_miniapps.packages import inspection, store
from tests.svc_miniapps.publishing.uploads.stored import stored
from tests.svc_miniapps.sample_packages import Package, manifest_for
from tests.svc_miniapps.stage import Stage, outcome


async def test_one_of_two_concurrent_uploads_of_a_version_is_stored(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    other = Package(manifest_for(app["app_id"], app["name"]))
    other.files["app.js"] = b"App({other: true})"
    answers = await asyncio.gather(stage.upload(app), stage.upload(app, content=other.packed()))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert await stored(database) == (1, 1)


async def test_the_same_upload_sent_concurrently_is_one_package(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    answers = await asyncio.gather(*(stage.upload(app) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert len({answer.json()["package_id"] for answer in answers}) == 1
    assert await stored(database) == (1, 1)


async def test_a_lower_version_overtaken_by_a_higher_one_is_refused(
    stage: Stage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both pass the checks; the higher version is committed first."""
    app = await stage.registered()
    slow = asyncio.Event()
    real = store.put

    async def put(objects: ObjectStore, key: str, file: Path) -> None:
        if not slow.is_set():
            slow.set()
            assert (await stage.upload(app, 2)).status_code == 201
        await real(objects, key, file)

    monkeypatch.setattr(store, "put", put)
    refused = await stage.upload(app, 1)
    assert [finding["code"] for finding in refused.json()["findings"]] == ["version_too_low"]
    assert await stored(database) == (1, 1)


async def test_an_upload_that_gets_no_place_is_asked_to_come_back(
    stage: Stage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = inspection.Turns(most_seconds=0.1)
    monkeypatch.setattr(inspection, "_TURNS", turns)
    app = await stage.registered()
    async with turns.of(new_id()), turns.of(new_id()):
        busy = await stage.upload(app)
    assert outcome(busy) == (503, "checks_busy")
    assert busy.headers["Retry-After"] == "15"
    async with turns.of(stage.team_organisation):  # its own team's check is still running
        assert outcome(await stage.upload(app)) == (503, "checks_busy")
    assert (await stage.upload(app)).status_code == 201
    assert await stored(database) == (1, 1)
