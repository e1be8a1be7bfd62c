"""Differences between versions: made by the worker, proven, and offered where they save half."""

import hashlib
import random
from pathlib import Path

import pytest
from sqlalchemy import text

from chassis.db import Database
from svc_miniapps.catalogue.deltas.patches import NotReproducedError, applied, difference
from svc_miniapps.catalogue.deltas.worker import VERSIONS, make_deltas
from svc_miniapps.packages.store import opened
from svc_miniapps.settings import Settings
from tests.svc_miniapps.catalogue.test_updates import changes, on_phone
from tests.svc_miniapps.publishing.uploads.stored import objects
from tests.svc_miniapps.sample_packages import Package, manifest_for
from tests.svc_miniapps.stage import Json, Stage, outcome


def version(app: Json, code: int, *, seed: int = 1) -> bytes:
    """A package with a picture that compresses badly, and a page that differs in each version."""
    package = Package(manifest_for(app["app_id"], app["name"], code))
    package.files["common/map.jpg"] = b"\xff\xd8\xff" + random.Random(seed).randbytes(60_000)  # noqa: S311 - no secret
    package.files["pages/index.html"] = f"<p>第 {code} 版</p>".encode()
    return package.packed()


async def publish(stage: Stage, app: Json, code: int, *, seed: int = 1) -> bytes:
    content = version(app, code, seed=seed)
    release_id = (await stage.upload(app, code, content)).json()["release_id"]
    for step in ("submit", "approve"):
        assert (await stage.step(release_id, step)).status_code == 200
    return content


async def fresh(stage: Stage) -> None:
    """The copy of the catalogue is read anew after any change by this process."""
    await stage.registered(name="图书馆")


async def offered(stage: Stage, app: Json, content: bytes) -> Json:
    (update,) = await changes(stage, on_phone(app, 1, sha256=hashlib.sha256(content).hexdigest()))
    return update


async def test_a_phone_makes_the_new_version_of_the_old_one_and_the_delta(
    stage: Stage, database: Database, settings: Settings
) -> None:
    app = await stage.registered()
    first = await publish(stage, app, 1)
    second = await publish(stage, app, 2)
    assert (await offered(stage, app, first))["delta"] is None
    assert await make_deltas(database, opened(settings.packages)) == 1
    await fresh(stage)
    update = await offered(stage, app, first)
    delta = update["delta"]
    assert delta["size_bytes"] * 2 < update["size_bytes"]
    answer = await stage.api.get(delta["url"])
    assert (len(answer.content), hashlib.sha256(answer.content).hexdigest()) == (delta["size_bytes"], delta["sha256"])
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert applied(first, answer.content, update["size_bytes"]) == second
    part = await stage.api.get(delta["url"], headers={"Range": "bytes=10-19"})
    assert part.content == answer.content[10:20]


async def test_a_phone_without_the_digest_or_with_other_bytes_gets_the_package(
    stage: Stage, database: Database, settings: Settings
) -> None:
    app = await stage.registered()
    await publish(stage, app, 1)
    await publish(stage, app, 2)
    await make_deltas(database, opened(settings.packages))
    await fresh(stage)
    for installed in (on_phone(app, 1), on_phone(app, 1, sha256="0" * 64)):
        (update,) = await changes(stage, installed)
        assert (update["change"], update["delta"]) == ("updated", None)


async def test_what_does_not_save_half_is_decided_once_and_not_kept(
    stage: Stage, database: Database, settings: Settings
) -> None:
    app = await stage.registered()
    first = await publish(stage, app, 1, seed=1)
    await publish(stage, app, 2, seed=2)
    store = opened(settings.packages)
    assert [await make_deltas(database, store) for _ in range(2)] == [1, 0]
    await fresh(stage)
    assert (await offered(stage, app, first))["delta"] is None


async def test_deltas_lead_from_the_last_versions_to_the_listed_one(
    stage: Stage, database: Database, settings: Settings
) -> None:
    app = await stage.registered()
    contents = [await publish(stage, app, code) for code in range(1, VERSIONS + 3)]
    assert await make_deltas(database, opened(settings.packages)) == VERSIONS
    await fresh(stage)
    *earlier, _listed = [await changes(stage, on_phone(app, 1, sha256=hashlib.sha256(c).hexdigest())) for c in contents]
    assert [bool(update["delta"]) for (update,) in earlier] == [False, *[True] * VERSIONS]


async def test_a_draft_is_never_part_of_a_delta(stage: Stage, database: Database, settings: Settings) -> None:
    app = await stage.registered()
    await publish(stage, app, 1)
    assert (await stage.upload(app, 2, version(app, 2))).status_code == 201
    assert await make_deltas(database, opened(settings.packages)) == 0


async def test_a_delta_to_a_version_that_is_no_longer_listed_is_not_served(
    stage: Stage, database: Database, settings: Settings
) -> None:
    app = await stage.registered()
    first = await publish(stage, app, 1)
    await publish(stage, app, 2)
    await make_deltas(database, opened(settings.packages))
    await fresh(stage)
    delta = (await offered(stage, app, first))["delta"]
    await publish(stage, app, 3)
    assert outcome(await stage.api.get(delta["url"])) == (404, "not_found")
    assert (await offered(stage, app, first))["delta"] is None


async def test_a_package_that_the_store_lost_keeps_no_other_from_its_delta(
    stage: Stage, database: Database, settings: Settings, package_folder: Path
) -> None:
    lost, sound = await stage.registered(), await stage.registered(name="公交到站")
    await publish(stage, lost, 1)
    for file in objects(package_folder):
        file.unlink()
    await publish(stage, lost, 2)
    await publish(stage, sound, 1)
    await publish(stage, sound, 2)
    assert await make_deltas(database, opened(settings.packages)) == 1
    async with database.read() as tx:
        kept = await tx.scalar(text("SELECT count(*) FROM package_deltas WHERE sha256 IS NOT NULL"))
    assert kept == 1


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_any_two_files_have_a_difference(size: int) -> None:
    older, newer = random.Random(1).randbytes(size), random.Random(2).randbytes(1000)  # noqa: S311 - no secret
    assert applied(older, difference(older, newer), len(newer)) == newer


def test_a_difference_that_does_not_give_the_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("svc_miniapps.catalogue.deltas.patches.applied", lambda *_: b"other bytes")
    with pytest.raises(NotReproducedError):
        difference(b"older", b"newer")
