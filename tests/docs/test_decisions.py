"""Every decision has its own number, a file named after its title, and a line of the index in its range."""

import re
from collections import Counter
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs/decisions"
RECORDS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
INDEX = (FOLDER / "README.md").read_text("utf-8")


def title(record: Path) -> str:
    return record.read_text("utf-8").splitlines()[0].removeprefix("# ")


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def lines_by_range() -> list[tuple[int, int, list[str]]]:
    parts = re.split(r"^## (\d{4})-(\d{4}) .*$", INDEX, flags=re.MULTILINE)[1:]
    return [
        (int(first), int(last), re.findall(r"^- .*$", lines, re.MULTILINE))
        for first, last, lines in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def test_numbers_are_unique() -> None:
    assert [number for number, count in Counter(path.name[:4] for path in RECORDS).items() if count > 1] == []


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name[:4])
def test_a_file_is_named_after_its_title(record: Path) -> None:
    assert re.match(r"# \d{4} \S", record.read_text("utf-8"))
    assert record.stem == slug(title(record))


def test_the_index_has_one_line_for_each_record_in_the_order_of_numbers() -> None:
    lines = [line for _, _, lines in lines_by_range() for line in lines]
    assert lines == [f"- [{title(record)}]({record.name})" for record in RECORDS]


def test_every_line_stands_in_its_range() -> None:
    for first, last, lines in lines_by_range():
        assert lines, (first, last)
        for line in lines:
            assert first <= int(line[3:7]) <= last, line
