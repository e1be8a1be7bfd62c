"""The manifest: its form, and that it describes this app, this version and these files."""

import io
import json
from typing import Any
from uuid import UUID

import pytest

from chassis.db import new_id
from svc_miniapps.packages.checks.findings import Finding
from svc_miniapps.packages.checks.inspection import Sound, check
from svc_miniapps.packages.checks.manifest import Expected, check_manifest, read_manifest
from tests.svc_miniapps.sample_packages import Package, manifest_for

APP_ID: UUID = new_id()
NAME = "停车泊位"


def checked(changes: dict[str, Any] | None = None, latest_version_code: int = 0) -> list[Finding]:
    manifest = manifest_for(str(APP_ID), NAME, **(changes or {}))
    return list(check_manifest(manifest, Expected(APP_ID, NAME, 1, latest_version_code)))


def packed(changes: dict[str, Any]) -> list[str]:
    """The codes of a package with this manifest."""
    package = Package(manifest_for(str(APP_ID), NAME, **changes))
    package.files["pages/style.css"] = b""
    outcome = check(io.BytesIO(package.packed()), Expected(APP_ID, NAME, 1))
    return [] if isinstance(outcome, Sound) else codes([*outcome])


def codes(found: list[Finding]) -> list[str]:
    return [finding.code for finding in found]


def test_a_manifest_with_all_members_of_the_standard_is_accepted() -> None:
    everything: dict[str, Any] = {
        "short_name": "停车",
        "description": "查看附近的停车泊位",
        "dir": "ltr",
        "lang": "zh-Hans",
        "color_scheme": "auto",
        "device_type": ["phone"],
        "req_permissions": [{"name": "system.permission.LOCATION", "reason": "在地图上显示位置"}],
        "widgets": [{"name": "附近", "path": "pages/detail/detail", "min_code": 1}],
        "window": {"navigation_bar_title_text": "停车", "orientation": "portrait", "fullscreen": False},
        "of_another_vendor": {"anything": [1, 2.5, None]},
    }
    assert checked(everything) == []


@pytest.mark.parametrize("member", ["app_id", "icons", "name", "pages", "platform_version", "version"])
def test_a_missing_member_is_named(member: str) -> None:
    (finding,) = checked({member: None})
    assert (finding.code, finding.values) == ("manifest_member_missing", {"at": "/", "name": member})


@pytest.mark.parametrize(
    ("changes", "code", "at"),
    [
        ({"version": {"code": "1", "name": "1.0.0"}}, "manifest_wrong_type", "/version/code"),
        ({"version": {"code": 1.5, "name": "1.0.0"}}, "manifest_wrong_type", "/version/code"),
        ({"version": {"code": True, "name": "1.0.0"}}, "manifest_wrong_type", "/version/code"),
        ({"version": {"code": 0, "name": "1.0.0"}}, "manifest_wrong_value", "/version/code"),
        ({"version": {"code": -1, "name": "1.0.0"}}, "manifest_wrong_value", "/version/code"),
        ({"version": {"code": 2**31, "name": "1.0.0"}}, "manifest_wrong_value", "/version/code"),
        ({"version": {"code": 10**400, "name": "1.0.0"}}, "manifest_wrong_value", "/version/code"),
        ({"version": {"code": 1, "name": "one point zero"}}, "manifest_wrong_value", "/version/name"),
        ({"version": {"code": 1}}, "manifest_member_missing", "/version"),
        ({"version": "1.0.0"}, "manifest_wrong_type", "/version"),
        ({"platform_version": {}}, "manifest_member_missing", "/platform_version"),
        ({"pages": []}, "manifest_wrong_value", "/pages"),
        ({"pages": "pages/index"}, "manifest_wrong_type", "/pages"),
        ({"pages": ["pages/index", "pages/index"]}, "manifest_wrong_value", "/pages"),
        ({"pages": [7]}, "manifest_wrong_type", "/pages/0"),
        ({"icons": []}, "manifest_wrong_value", "/icons"),
        ({"icons": [{"sizes": "48x48"}]}, "manifest_member_missing", "/icons/0"),
        ({"name": ""}, "manifest_wrong_value", "/name"),
        ({"app_id": 7}, "manifest_wrong_type", "/app_id"),
        ({"dir": "down"}, "manifest_wrong_value", "/dir"),
        ({"window": {"orientation": "diagonal"}}, "manifest_wrong_value", "/window/orientation"),
    ],
)
def test_a_malformed_member_is_named_by_its_path(changes: dict[str, Any], code: str, at: str) -> None:
    (finding,) = checked(changes)
    assert (finding.code, finding.values["at"]) == (code, at)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"app_id": str(new_id())}, "other_app_id"),
        ({"app_id": "org.example.parking"}, "other_app_id"),
        ({"name": "别的名称"}, "other_name"),
        ({"version": {"code": 2, "name": "1.0.0"}}, "other_version_code"),
        ({"pages": ["pages/nowhere"]}, "page_missing"),
        ({"pages": ["pages/Index"]}, "page_missing"),
        ({"pages": ["pages"]}, "page_outside_pages"),
        ({"pages": ["app.js"]}, "page_outside_pages"),
        ({"pages": ["https://example.org/"]}, "page_outside_pages"),
        ({"pages": ["pages/../app.js"]}, "page_missing"),
        ({"pages": ["pages/index", "/pages/index.html"]}, "page_twice"),
        ({"pages": ["pages/detail"]}, "page_not_openable"),
        ({"pages": ["pages/style.css"]}, "page_not_openable"),
        ({"icons": [{"src": "common/none.png"}]}, "icon_missing"),
        ({"icons": [{"src": "https://example.org/icon.png"}]}, "icon_missing"),
        ({"widgets": [{"name": "附近", "path": "widgets/none"}]}, "widget_missing"),
    ],
)
def test_a_manifest_that_contradicts_the_package_is_refused(changes: dict[str, Any], code: str) -> None:
    assert packed(changes) == [code]


@pytest.mark.parametrize("routes", [["pages/index"], ["pages/index.html"], ["/pages/detail/detail"]])
def test_a_page_may_have_its_extension_and_a_leading_slash(routes: list[str]) -> None:
    assert packed({"pages": routes}) == []


def test_a_name_may_differ_in_character_width() -> None:
    manifest = manifest_for(str(APP_ID), "ＡＢＣ 停车")
    assert list(check_manifest(manifest, Expected(APP_ID, "abc  停车", 1, 0))) == []


@pytest.mark.parametrize(("latest", "expected"), [(0, []), (1, ["version_too_low"]), (7, ["version_too_low"])])
def test_the_version_must_increase(latest: int, expected: list[str]) -> None:
    assert codes(checked(latest_version_code=latest)) == expected


def test_all_faults_of_a_manifest_are_reported_together() -> None:
    found = checked({"app_id": None, "name": 7, "pages": [], "version": {"code": 0, "name": "1"}})
    assert sorted(codes(found)) == [
        "manifest_member_missing",
        "manifest_wrong_type",
        "manifest_wrong_value",
        "manifest_wrong_value",
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "manifest_not_json"),
        (b"{", "manifest_not_json"),
        (b"{'app_id': 1}", "manifest_not_json"),
        (b'{"a": 1,}', "manifest_not_json"),
        (b"// comment\n{}", "manifest_not_json"),
        (b"[" * 100_000, "manifest_too_deep"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "manifest_number_too_large"),
        (b'{"a": 9007199254740993}', "manifest_number_too_large"),
        (b"[]", "manifest_wrong_type"),
        (b'"text"', "manifest_wrong_type"),
        (b"\xef\xbb\xbf{}", "manifest_byte_order_mark"),
        ("{}".encode("utf-16"), "manifest_not_utf8"),
        ('{"name": "停车"}'.encode("gb18030"), "manifest_not_utf8"),
        (b'{"a": 1, "a": 2}', "manifest_duplicate_member"),
        (b'{"a": {"b": 1, "b": 2}}', "manifest_duplicate_member"),
        (b'{"a": ' + b"[" * 32 + b"]" * 32 + b"}", "manifest_too_deep"),
        (b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}", "manifest_too_deep"),
        (b'{"pages": [' + b"1," * 120_000 + b"1]}", "manifest_too_many_values"),
        (b'{"a": NaN}', "manifest_impossible_value"),
        (b'{"a": -Infinity}', "manifest_impossible_value"),
        (b'{"a": 1e999}', "manifest_impossible_value"),
        (rb'{"a": "\ud800"}', "manifest_impossible_value"),
        (rb'{"\udfff": 1}', "manifest_impossible_value"),
        (rb'{"a": ["\u0000"]}', "manifest_impossible_value"),
        (rb'{"a\u0000b": 1}', "manifest_impossible_value"),
    ],
)
def test_ambiguous_or_invalid_json_is_refused(content: bytes, code: str) -> None:
    found = read_manifest(content)
    assert isinstance(found, Finding)
    assert found.code == code


def test_an_escaped_backslash_before_u0000_is_text() -> None:
    text = {"a": "\\u0000"}
    assert read_manifest(json.dumps(text).encode()) == text


def test_the_position_of_a_json_fault_is_reported() -> None:
    found = read_manifest(b'{\n  "name": "x"\n  "pages": []\n}')
    assert isinstance(found, Finding)
    assert found.values == {"line": 3, "column": 3}
