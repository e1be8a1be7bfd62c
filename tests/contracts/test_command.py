"""`python -m contracts` where a merge or an editor has left a file that is no contract."""

import shutil
from pathlib import Path

import pytest

from contracts.__main__ import main
from contracts.documents import FOLDER

_PLACE = "events/cn.ili.identity.person.registered.v1.json"
_CONFLICT = '{\n<<<<<<< HEAD\n  "title": "a"\n=======\n  "title": "b"\n>>>>>>> theirs\n}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the contracts, which the command takes for its own."""
    copied = tmp_path / "contracts"
    for part in ("openapi", "events", "released"):
        shutil.copytree(FOLDER / part, copied / part)
    for module in ("contracts.documents", "contracts.__main__"):
        monkeypatch.setattr(f"{module}.FOLDER", copied)
    monkeypatch.setattr("contracts.__main__.RELEASED", copied / "released")
    return copied


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (_CONFLICT, "has a merge conflict in line 2"),
        ("{", "is no JSON: "),
        ("[]", "is no JSON object"),
    ],
)
def test_what_is_no_contract_is_named_and_written_anew(
    folder: Path, capsys: pytest.CaptureFixture[str], left: str, said: str
) -> None:
    whole = (folder / _PLACE).read_text("utf-8")
    (folder / _PLACE).write_text(left, "utf-8")
    assert main(["check"]) == 1
    assert capsys.readouterr().out.startswith(f"contracts/{_PLACE} {said}")
    assert main(["export"]) == 0
    assert (folder / _PLACE).read_text("utf-8") == whole


def test_bytes_that_are_no_text_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / _PLACE).write_bytes(b"\xff\xfe{}")
    assert main(["check"]) == 1
    assert capsys.readouterr().out.startswith(f"contracts/{_PLACE} is no text in UTF-8")


def test_a_broken_released_contract_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    oldest = min((folder / "released").iterdir())
    broken = next((oldest / "openapi").glob("*.json"))
    broken.write_text(_CONFLICT, "utf-8")
    assert main(["check"]) == 1
    place = f"contracts/released/{oldest.name}/openapi/{broken.name}"
    assert capsys.readouterr().out.startswith(f"{place} has a merge conflict in line 2")
