"""Inspection of a whole package: all faults together, missing files, and random damage."""

import random
from collections.abc import Callable

import pytest

from tests.svc_miniapps.packages.inspected import entries, findings, package
from tests.svc_miniapps.sample_packages import Entry, zipped


def test_all_faults_are_reported_together() -> None:
    bad = [Entry(b"../a", b"x"), Entry(b"common/b", b"x", flags=0x0801), Entry(b"common/c.", b"x")]
    kept = [entry for entry in entries() if entry.name not in {b"app.css", b"common/icon.png"}]
    assert findings(zipped([*kept, *bad])) == [
        ("unsafe_path", "../a"),
        ("encrypted", "common/b"),
        ("dot_at_end", "common/c."),
        ("missing_file", "app.css"),
        ("icon_missing", "manifest.json"),
    ]


@pytest.mark.parametrize("name", ["manifest.json", "app.js", "app.css"])
def test_a_missing_root_file_is_named(name: str) -> None:
    kept = [entry for entry in entries() if entry.name != name.encode()]
    assert ("missing_file", name) in findings(zipped(kept))


def test_a_root_file_in_the_wrong_case_is_missing() -> None:
    renamed = [Entry(b"App.js", b"x") if entry.name == b"app.js" else entry for entry in entries()]
    assert findings(zipped(renamed)) == [("missing_file", "app.js")]


def test_missing_pages_are_named() -> None:
    kept = [entry for entry in entries() if not entry.name.startswith(b"pages/")]
    assert ("missing_pages", "pages/") in findings(zipped([*kept, Entry(b"pages/")]))


def test_a_package_wrapped_in_a_folder_is_reported_once() -> None:
    wrapped = [Entry(b"parking/" + entry.name, entry.content) for entry in entries()]
    assert findings(zipped(wrapped)) == [("wrapped_in_folder", "parking/manifest.json")]


def _flip(content: bytearray, chance: random.Random) -> None:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _overwrite(content: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(content))
    content[place : place + 8] = chance.randbytes(8)


def _cut_out(content: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(content))
    del content[place : place + chance.randrange(1, 40)]


@pytest.mark.parametrize("damage", [_flip, _overwrite, _cut_out])
def test_random_damage_is_refused_or_harmless_and_never_an_error(
    damage: Callable[[bytearray, random.Random], None],
) -> None:
    chance = random.Random(654002)  # noqa: S311 - reproducible
    whole = package().packed()
    for _ in range(400):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            damage(content, chance)
        findings(bytes(content))
