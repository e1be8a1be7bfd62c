"""The guide for county teams explains every check of packages, and its own package passes them."""

import io
import json
import re
from uuid import UUID

import pytest

from chassis.problems import catalogue
from svc_miniapps.packages.checks import archive, manifest, names
from svc_miniapps.packages.checks.manifest import Expected
from svc_miniapps.packages.inspection import inspect
from tests.chromium.test_sample_app import SAMPLE
from tests.guides.markdown import LANGUAGES, text_of
from tests.svc_miniapps.sample_packages import Package
from tests.svc_miniapps.stage import Json

each_language = pytest.mark.parametrize("language", LANGUAGES)
APP_ID = "01a20290-3f5d-70d7-a909-3143a941de7c"


def guide(language: str) -> str:
    return text_of("county-teams", language)


def sample_manifest(text: str) -> Json:
    (shown,) = re.findall(r"manifest\.json <<END\n(.*?)\nEND$", text, re.DOTALL | re.MULTILINE)
    found: Json = json.loads(shown.replace("$APP_ID", APP_ID).replace("$APP_NAME", "便民电话"))
    return found


@each_language
def test_every_check_is_explained(language: str) -> None:
    explained = re.findall(r"^\| `([a-z0-9_]+)` \| (.+?) \| (.+) \|$", guide(language), re.MULTILINE)
    words = catalogue("svc_miniapps.packages")[language]
    expected = {
        code: tuple(re.sub(r"{[a-z]+}", "…", text[part]).replace("|", r"\|") for part in ("title", "detail"))
        for code, text in words.items()
    }
    table = {code: (problem, what_to_do) for code, problem, what_to_do in explained if code in words}
    assert table == expected


@each_language
def test_the_limits_are_the_ones_that_hold(language: str) -> None:
    mebibyte = 1024 * 1024
    assert archive.MAX_PACKAGE_BYTES == archive.MAX_MEMBER_BYTES == 20 * mebibyte
    assert (64 * mebibyte, mebibyte) == (archive.MAX_UNPACKED_BYTES, archive.RATIO_MATTERS_FROM)
    assert (archive.MAX_MEMBERS, archive.MAX_RATIO, names.MAX_DEPTH) == (2000, 100, 20)
    assert manifest.MAX_BYTES == 256 * 1024
    for limit in ("20 MiB", "2000", "64 MiB", "1 MiB", "100", "256 KiB"):
        assert limit in guide(language)


@each_language
def test_the_package_of_the_guide_passes(language: str) -> None:
    sample = sample_manifest(guide(language))
    (tree,) = re.findall(r"```text\n(.*?)```", guide(language), re.DOTALL)
    files = {str(path.relative_to(SAMPLE)): path.read_bytes() for path in SAMPLE.rglob("*") if path.is_file()}
    assert files.pop("manifest.json")  # the guide writes its own
    shown = {name.removeprefix("pages/") for name in files if not name.startswith("i18n/")}
    assert shown <= set(tree.split())
    content = io.BytesIO(Package(sample, files).packed())
    assert inspect(content, Expected(UUID(sample["app_id"]), sample["name"], 1, 0)).version_name == "1.0.0"
