"""The guide for county teams agrees with the service."""

import io
import json
import re
from pathlib import Path
from uuid import UUID

import pytest

from chassis.problems import catalogue
from svc_miniapps.packages import archive, manifest, names
from svc_miniapps.packages.inspection import inspect
from svc_miniapps.packages.manifest import Expected
from svc_miniapps.publishing.uploads import endpoints
from tests.svc_miniapps.sample_packages import PNG, Package
from tests.svc_miniapps.stage import REASONS, Json, Stage

_TEXT = (Path(__file__).parents[2] / "docs/guides/county-teams.md").read_text("utf-8")
CHINESE, ENGLISH = _TEXT.split("## English")
LANGUAGES = {"zh": CHINESE, "en": ENGLISH}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def sample_manifest(text: str) -> Json:
    found: Json = json.loads(blocks(text, "json")[0])
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_check_is_explained(language: str) -> None:
    explained = re.findall(r"^\| `([a-z0-9_]+)` \| (.+?) \| (.+) \|$", LANGUAGES[language], re.MULTILINE)
    words = catalogue("svc_miniapps.packages")[language]
    expected = {
        code: tuple(re.sub(r"{[a-z]+}", "…", text[part]).replace("|", r"\|") for part in ("title", "detail"))
        for code, text in words.items()
    }
    table = {code: (problem, what_to_do) for code, problem, what_to_do in explained if code in words}
    assert table == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_limits_are_those_of_the_code(language: str) -> None:
    mebibyte = 1024 * 1024
    assert endpoints.MAX_PACKAGE_BYTES == archive.MAX_MEMBER_BYTES == 20 * mebibyte
    assert (64 * mebibyte, mebibyte) == (archive.MAX_UNPACKED_BYTES, archive.RATIO_MATTERS_FROM)
    assert (archive.MAX_MEMBERS, archive.MAX_RATIO, names.MAX_DEPTH) == (2000, 100, 20)
    assert manifest.MAX_BYTES == 256 * 1024
    for limit in ("20 MiB", "2000", "64 MiB", "1 MiB", "100", "256 KiB"):
        assert limit in LANGUAGES[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_package_of_the_guide_passes(language: str) -> None:
    sample = sample_manifest(LANGUAGES[language])
    tree = blocks(LANGUAGES[language], "text")[0]
    files = {"common/icon.png": PNG, "app.js": b"", "app.css": b"", "i18n/zh-Hans.json": b"{}"}
    files |= {"pages/index.html": b"", "pages/detail/detail.html": b""}
    assert all(name.removeprefix("pages/") in tree for name in files)
    content = io.BytesIO(Package(sample, files).packed())
    assert inspect(content, Expected(UUID(sample["app_id"]), sample["name"], 1, 0)) == "1.0.0"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_requests_of_the_guide_succeed(stage: Stage, language: str) -> None:
    (registration,) = re.findall(r"-d '({\"name\".*?})'", LANGUAGES[language], re.DOTALL)
    (rejection,) = [json.loads(block) for block in blocks(LANGUAGES[language], "json")[1:]]
    app = await stage.registered(**json.loads(registration))
    release_id = await stage.draft(app)
    assert rejection["reasons"][0].keys() == REASONS[0].keys()
    for step, body in (("submit", {}), ("reject", rejection), ("submit", {"publish_on_approval": False})):
        assert (await stage.step(release_id, step, body=body)).status_code == 200
    for step in ("approve", "publish"):
        assert (await stage.step(release_id, step)).status_code == 200
    assert len(await stage.catalogue("654002")) == 1
