"""Back to an earlier release, and that only what was approved is published."""

from pathlib import Path

from sqlalchemy import text

from chassis.db import Database
from chassis.testing import emitted
from tests.svc_miniapps.stage import Stage, outcome


async def test_residents_get_an_earlier_version_back(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    first, second = await stage.published(app), await stage.published(app, 2)
    assert (await stage.status(first), await stage.status(second)) == ("superseded", "published")
    assert (await stage.step(first, "roll-back")).json()["status"] == "published"
    (listing,) = await stage.catalogue()
    assert (listing["release_id"], listing["version"]["code"]) == (first, 1)
    assert await stage.status(second) == "superseded"
    async with database.read() as tx:
        event = (await emitted(tx))[-1]
    assert (event.key, event.data["is_rollback"]) == (first, True)


async def test_it_goes_to_the_last_five_only(stage: Stage) -> None:
    app = await stage.registered()
    releases = [await stage.published(app, code) for code in range(1, 8)]
    assert outcome(await stage.step(releases[0], "roll-back")) == (409, "release_too_long_ago")
    assert outcome(await stage.step(releases[6], "roll-back")) == (409, "illegal_move")
    assert (await stage.step(releases[1], "roll-back")).status_code == 200


def alter_the_package_in(folder: Path) -> None:
    (stored,) = folder.rglob("*.ma")
    content = bytearray(stored.read_bytes())
    content[-30] ^= 1
    stored.write_bytes(content)


async def test_a_package_altered_in_the_store_is_not_published(stage: Stage, package_folder: Path) -> None:
    app = await stage.registered()
    release_id = await stage.kept_back(app, 1)
    alter_the_package_in(package_folder)
    assert outcome(await stage.step(release_id, "publish")) == (409, "package_altered")
    assert await stage.catalogue() == []


async def test_another_package_than_the_approved_one_is_not_published(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    release_id = await stage.kept_back(app, 1)
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE reviews SET approved_sha256 = repeat('0', 64)"))
    assert outcome(await stage.step(release_id, "publish")) == (409, "not_what_was_approved")
    assert await stage.catalogue() == []
