"""What a release changes of the published version."""

import io
from typing import Any

from chassis.db import Database
from svc_miniapps.packages.checks.scripts import MAX_BYTES
from svc_miniapps.publishing.differences.compare import content_of
from tests.svc_miniapps.sample_packages import Package, manifest_for
from tests.svc_miniapps.stage import Json, Stage, outcome
from tests.svc_miniapps.team_servers import proven


def changed_package(app: Json) -> bytes:
    """A second version: one file is added, one removed, one changed; it names a domain and asks for a permission."""
    asked = [{"name": "system.permission.LOCATION", "reason": "附近的泊位"}]
    manifest = manifest_for(app["app_id"], app["name"], 2, pages=["pages/index"], req_permissions=asked)
    package = Package(manifest)
    del package.files["pages/detail/detail.html"]
    package.files["common/new.js"] = b"const address = 'https://parking.localhost/v1'"
    package.files["app.css"] = b"page { margin: 0 }"
    return package.packed()


async def difference(stage: Stage, release_id: str) -> Any:  # noqa: ANN401 - JSON
    answer = await stage.api.get(f"/miniapps/v1/releases/{release_id}/difference", headers=stage.team)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_reviewer_sees_files_pages_permissions_and_domains(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await stage.published(app)
    domain = await proven(stage, database, app, "parking.localhost")
    uploaded = await stage.upload(app, 2, changed_package(app))
    assert uploaded.status_code == 201, uploaded.text
    release_id = uploaded.json()["release_id"]
    found = await difference(stage, release_id)
    kinds = {
        each["path"]: (each["before_sha256"] is not None, each["after_sha256"] is not None) for each in found["files"]
    }
    assert kinds == {
        "app.css": (True, True),
        "common/new.js": (False, True),
        "manifest.json": (True, True),
        "pages/detail/detail.html": (True, False),
    }
    assert found["published_version"]["code"] == 1
    assert found["domains"] == {"added": ["parking.localhost"], "removed": []}
    dates = {name: domain[name] for name in ("proven_at", "confirmed_at")}
    assert found["registered_domains"] == [{"host": "parking.localhost", "status": "proven", **dates}]
    assert found["permissions"] == {"added": ["system.permission.LOCATION"], "removed": []}
    assert found["pages"] == {"added": [], "removed": ["pages/detail/detail.html"]}
    path = f"/miniapps/v1/releases/{release_id}/difference"
    assert outcome(await stage.api.get(path, headers=stage.reviewer)) == (404, "not_found")  # still a draft
    await stage.step(release_id, "submit")
    assert (await stage.api.get(path, headers=stage.reviewer)).json() == found


def test_servers_are_named_as_phones_reach_them() -> None:
    package = Package(manifest_for("a", "b"))
    package.files |= {
        "app.js": rb"""
            fetch("https://good.example@one.cn/"); fetch("https://good.example:x@two.cn/"); fetch("//three.cn");
            fetch("HTTPS://FOUR.cn"); fetch("https:five.cn"); fetch("\x68ttps://six.cn");
            fetch("https://good.example" + ".seven.cn/"); e.innerHTML = "<img src=//eight.cn>";
        """,
        "app.css": rb'a { b: image-set("//nine.cn/x" 1x) } @\69mport "\2f\2f ten.cn/x.css";',
        "pages/index.html": rb"""<meta http-equiv=refresh content="0;//eleven.cn/"><a ping="//twelve.cn" href=b>
            <script type="importmap">{"imports": {"a": "https:\/\/thirteen.cn/a.js"}}</script>""",
        "common/data.json": rb'{"a": ["https:\u002f\u002ffourteen.cn/"]}',
    }
    numbers = "one two three four five six good.example.seven eight nine ten eleven twelve thirteen fourteen"
    assert content_of(io.BytesIO(package.packed())).domains == {f"{number}.cn" for number in numbers.split()}


def test_what_cannot_be_read_is_not_left_out_silently() -> None:
    package = Package(manifest_for("a", "b"))
    package.files["common/data.json"] = b'["https://one.cn", "' + b"x" * MAX_BYTES + b'"]'
    assert content_of(io.BytesIO(package.packed())).domains == {"…"}


async def test_everything_of_a_first_version_is_added(stage: Stage) -> None:
    app = await stage.registered()
    found = await difference(stage, await stage.draft(app))
    assert found["published_version"] is None
    assert {each["before_sha256"] for each in found["files"]} == {None}
    assert found["unchanged_files"] == 0


async def test_the_same_files_are_no_difference(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    found = await difference(stage, await stage.draft(app, 2))
    assert [each["path"] for each in found["files"]] == ["manifest.json"]
