"""From registration to the resident's phone."""

from pathlib import Path

from chassis.db import Database
from chassis.testing import emitted
from tests.svc_miniapps.stage import KUYTUN, YINING, Stage, package_of


async def test_a_county_team_gets_its_app_to_its_residents(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    release_id = await stage.draft(app)
    assert await stage.catalogue() == []
    await stage.step(release_id, "submit")
    approved = await stage.step(release_id, "approve")
    assert approved.json()["status"] == "published"
    (listing,) = await stage.catalogue()
    assert (listing["name"], listing["version"]) == ("停车泊位", {"code": 1, "name": "1.1.0"})
    assert await stage.catalogue(KUYTUN) == []
    download = await stage.api.get(listing["package_url"])
    assert download.content == package_of(app)
    async with database.read() as tx:
        events = await emitted(tx)
    assert [(event.type.removeprefix("cn.ili.miniapps."), event.key) for event in events] == [
        ("app.registered.v1", app["app_id"]),
        ("release.submitted.v1", release_id),
        ("release.approved.v1", release_id),
        ("release.published.v1", release_id),
    ]
    shared = {"release_id": release_id, "app_id": app["app_id"], "version": "1.1.0", "version_code": 1}
    for event in events[1:]:
        assert event.data.items() >= {**shared, "division_code": YINING, "category": "transport"}.items()


async def test_the_package_is_stored_under_its_sha256(stage: Stage, package_folder: Path) -> None:
    uploaded = (await stage.upload(await stage.registered())).json()
    (stored,) = (package_folder / "packages").iterdir()
    assert (stored.name, stored.stat().st_size) == (f"{uploaded['sha256']}.ma", uploaded["size_bytes"])
