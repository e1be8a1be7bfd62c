"""Conflict markers are found in any file, and what only looks like one is not."""

import subprocess
from pathlib import Path

import pytest

from tests.house.conflict_markers import faults, markers
from tests.house.tree import Fault

OPENING, BASE, MIDDLE, CLOSING = "<" * 7, "|" * 7, "=" * 7, ">" * 7


def lines(*those: str, end: str = "\n") -> str:
    return "".join(line + end for line in those)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(lines("a", f"{OPENING} HEAD", "b", MIDDLE, "c", f"{CLOSING} 04ea5d5 (x)"), [2, 4, 6], id="whole"),
        pytest.param(lines(OPENING, "b", MIDDLE, "c", CLOSING), [1, 3, 5], id="without labels"),
        pytest.param(lines(f"{OPENING} a", f"{BASE} b", MIDDLE, f"{CLOSING} c"), [1, 3, 4], id="with the base"),
        pytest.param(lines(OPENING, "b", MIDDLE, CLOSING, end="\r\n"), [1, 3, 4], id="Windows line ends"),
        pytest.param(lines("a", f"{CLOSING} theirs"), [2], id="a marker left over"),
        pytest.param(lines(f"{OPENING} HEAD", "a"), [1], id="another one left over"),
        pytest.param(f"a\n{OPENING} HEAD\nb\n{MIDDLE}\nc\n{CLOSING} x", [2, 4, 6], id="no line end at the end"),
    ],
)
def test_markers_are_found(text: str, found: list[int]) -> None:
    assert markers(text) == found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lines("Heading", MIDDLE, "text"), id="Markdown heading"),
        pytest.param(lines("Heading", CLOSING, "", "Another", OPENING), id="reStructuredText headings"),
        pytest.param(lines(MIDDLE, "Heading", MIDDLE), id="reStructuredText title"),
        pytest.param(lines(f"    {OPENING} HEAD", f"    {CLOSING} x"), id="quoted in a text"),
        pytest.param(lines(f"{OPENING}< HEAD", f"{CLOSING}> x", f"{MIDDLE}="), id="longer"),
    ],
)
def test_what_looks_like_a_marker_is_left_alone(text: str) -> None:
    assert markers(text) == []


def test_every_file_that_git_knows_or_would_add_is_read(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)  # noqa: S607
    (tmp_path / ".gitignore").write_text("ignored.md\n")
    (tmp_path / "sound.md").write_text(lines("# Guide", MIDDLE))
    (tmp_path / "image.bin").write_bytes(b"\xff\n" + f"{OPENING} HEAD\n".encode())
    (tmp_path / "guide.md").write_text(lines("# Guide", f"{CLOSING} theirs"))
    (tmp_path / "ignored.md").write_text(lines(f"{CLOSING} theirs"))
    subprocess.run(["git", "add", "guide.md"], cwd=tmp_path, check=True)  # noqa: S607
    found = [(fault.file, fault.line) for fault in faults(tmp_path)]
    assert found == [("guide.md", 2), ("image.bin", 2)]


def test_a_fault_reads_as_a_place_and_a_sentence() -> None:
    assert str(Fault("docs/a.md", 7, "mend it.")) == "docs/a.md:7: mend it."
