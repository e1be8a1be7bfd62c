"""Apps that are registered for HarmonyOS too: each package is checked for it, and the catalogue says so."""

import random

import httpx
import pytest

from chassis.testing import once
from tests.svc_miniapps.catalogue.test_deltas import fresh
from tests.svc_miniapps.sample_packages import Package, manifest_for
from tests.svc_miniapps.stage import MEDIA_TYPE, Json, Stage, decided, outcome


async def declared(stage: Stage, *targets: str) -> Json:
    """An app that is registered for these targets."""
    app = await stage.registered()
    waiting = await stage.submit_registration(app, targets=list(targets))
    assert waiting.status_code == 201, waiting.text
    assert waiting.json()["targets"] == list(targets)
    assert (await decided(stage, waiting.json())).status_code == 200
    return app


def of_size(app: Json, size: int, version_code: int = 1) -> bytes:
    package = Package(manifest_for(app["app_id"], app["name"], version_code))
    package.files["common/voice.mp3"] = b"ID3" + random.Random(1).randbytes(size)  # noqa: S311 - no secret
    return package.packed()


async def put(stage: Stage, app: Json, content: bytes, query: str = "", version_code: int = 1) -> httpx.Response:
    path = f"/miniapps/v1/apps/{app['app_id']}/packages/{version_code}{query}"
    return await stage.api.put(path, content=content, headers=stage.team | MEDIA_TYPE)


def found(answer: httpx.Response) -> list[str]:
    return [each["code"] for each in answer.json().get("findings", ())]


async def test_a_package_of_an_app_for_harmony_is_checked_for_it(stage: Stage) -> None:
    app = await declared(stage, "harmony")
    assert found(await put(stage, app, of_size(app, 2 * 1024 * 1024))) == ["harmony_part_too_large"]
    assert (await put(stage, app, of_size(app, 100_000))).status_code == 201


async def test_a_target_that_is_not_registered_is_a_finding(stage: Stage) -> None:
    app = await stage.registered()
    refused = await put(stage, app, of_size(app, 100), "?target=harmony")
    assert found(refused) == ["target_not_registered"]
    assert "harmony" in refused.json()["findings"][0]["message"]
    assert (await put(stage, app, of_size(app, 2 * 1024 * 1024))).status_code == 201


async def test_a_registration_that_only_waits_gives_no_target(stage: Stage) -> None:
    app = await stage.registered()
    assert (await stage.submit_registration(app, targets=["harmony"])).status_code == 201
    assert found(await put(stage, app, of_size(app, 100), "?target=harmony")) == ["target_not_registered"]


async def test_the_same_holds_for_uploads_in_several_requests(stage: Stage) -> None:
    app = await stage.registered()
    content = of_size(app, 100)
    path = f"/miniapps/v1/apps/{app['app_id']}/package-uploads"
    body = {"version_code": 1, "length": len(content), "targets": ["harmony"]}
    begun = await stage.api.post(path, json=body, headers=stage.team | once())
    assert begun.status_code == 201, begun.text
    headers = {"Content-Type": "application/partial-upload", "Upload-Offset": "0", "Upload-Complete": "?1"}
    last = await stage.api.patch(f"{path}/{begun.json()['upload_id']}", content=content, headers=stage.team | headers)
    assert found(last) == ["target_not_registered"]


async def test_the_catalogue_says_for_which_platforms_a_package_was_checked(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    await fresh(stage)
    assert [each["platforms"] for each in await stage.catalogue()] == [["w3c"]]
    waiting = await stage.submit_registration(app, targets=["harmony"])
    assert (await decided(stage, waiting.json())).status_code == 200
    assert [each["platforms"] for each in await stage.catalogue()] == [["w3c"]]  # that version was not checked for it
    await stage.published(app, 2)
    assert [each["platforms"] for each in await stage.catalogue()] == [["w3c", "harmony"]]


@pytest.mark.parametrize("targets", [["android"], ["harmony", "harmony"], "harmony", [None], ["HARMONY"]])
async def test_other_targets_are_refused(stage: Stage, targets: object) -> None:
    app = await stage.registered()
    assert outcome(await stage.submit_registration(app, targets=targets)) == (422, "invalid_request")


@pytest.mark.parametrize("query", ["?target=android", "?target=", "?target=harmony&target=harmony&target=harmony"])
async def test_other_targets_of_an_upload_are_refused(stage: Stage, query: str) -> None:
    app = await stage.registered()
    assert outcome(await put(stage, app, of_size(app, 10), query)) == (422, "invalid_request")
