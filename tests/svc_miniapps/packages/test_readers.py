"""What ordinary packers write is accepted, and every common reader sees the same files with the same bytes in it."""

import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from svc_miniapps.packages.checks.inspection import Sound, check
from tests.svc_miniapps.packages.corpus import CASES
from tests.svc_miniapps.packages.inspected import EXPECTED, package
from tests.svc_miniapps.packages.packers import PACKERS, files_of
from tests.svc_miniapps.packages.readers import READERS

LEAST_PACKERS = 10


def skip_or_fail(name: str) -> None:
    message = f"{name} is not installed"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def app_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packers") / "app"
    for name, content in {**package().content, "common/图标说明.txt": "停车".encode(), "common/empty": b""}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


@pytest.mark.parametrize("name", PACKERS)
def test_what_an_ordinary_packer_writes_is_accepted(name: str, app_folder: Path, tmp_path: Path) -> None:
    present, pack = PACKERS[name]
    if not present:
        skip_or_fail(name)
    target = tmp_path / "packed.zip"
    pack(app_folder, target)
    outcome = check(io.BytesIO(target.read_bytes()), EXPECTED)
    assert isinstance(outcome, Sound), [(each.code, each.member) for each in outcome]


def test_there_are_at_least_ten_packers() -> None:
    assert sum(present for present, _ in PACKERS.values()) >= LEAST_PACKERS


@pytest.fixture(scope="session")
def accepted(app_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every sound package of the corpus, and one of each packer."""
    folder = tmp_path_factory.mktemp("accepted")
    files = []
    for place, case in enumerate(case for case in CASES if case.rule is None):
        file = folder / f"corpus-{place}.zip"
        file.write_bytes(case.content)
        files.append(file)
    for place, (present, pack) in enumerate(PACKERS.values()):
        if present:
            work = folder / str(place)
            work.mkdir()
            pack(app_folder, work / "packed.zip")
            files.append(work / "packed.zip")
    return files


@pytest.fixture(scope="session")
def trees(accepted: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The trees that Python sees: what the checks are written against."""
    _, read = READERS["Python zipfile"]
    return [dict(tree) for tree in read(accepted, tmp_path_factory.mktemp("python"))]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", READERS)
def test_every_reader_sees_the_same_tree_and_bytes(
    name: str, accepted: list[Path], trees: list[dict[str, str]], tmp_path: Path
) -> None:
    present, read = READERS[name]
    if not present:
        skip_or_fail(name)
    seen = read(accepted, tmp_path)
    if name == "Info-ZIP unzip":
        # It takes names from MS-DOS, Windows and Java for code page 850, also where they are marked as UTF-8.
        assert [_without_other_scripts(tree) for tree in seen] == [_without_other_scripts(tree) for tree in trees]
    else:
        assert seen == trees


def _without_other_scripts(tree: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted((name if name.isascii() else "", digest) for name, digest in tree.items())


def test_the_packed_files_are_those_of_the_folder(app_folder: Path, trees: list[dict[str, str]]) -> None:
    expected = {name: hashlib.sha256((app_folder / name).read_bytes()).hexdigest() for name in files_of(app_folder)}
    assert [tree for tree in trees if "common/图标说明.txt" in tree]
    assert all(tree == expected for tree in trees if "common/图标说明.txt" in tree)
