"""The guide names what the code does."""

import re
from pathlib import Path

import pytest

from contracts.reference_provider.__main__ import parser
from contracts.reference_provider.billing_month import SPOILT, Bill

GUIDE = (Path(__file__).parents[3] / "contracts/reference_provider/README.md").read_text("utf-8")
CHINESE, ENGLISH = GUIDE.split("## English\n")


@pytest.mark.parametrize("guide", [CHINESE, ENGLISH])
def test_every_column_and_every_reason_is_explained_in_both_languages(guide: str) -> None:
    reasons = {reason for reason, _ in SPOILT.values() if reason} | {"duplicate_in_file"}
    assert {name for name in {*Bill._fields, *reasons} if f"`{name}`" not in guide} == set()


@pytest.mark.parametrize("guide", [CHINESE, ENGLISH])
def test_its_commands_are_those_of_the_tool(guide: str) -> None:
    commands = re.findall(r"python -m contracts\.reference_provider ((?:\\\n|[^`\n])+)", guide)
    assert len(commands) == 7
    day = {"日期": "2026-01-01", "DATE": "2026-01-01"}
    for command in commands:
        words = command.replace("\\\n", " ").replace("$PLATFORM", "http://127.0.0.1:8000").split()
        assert callable(parser().parse_args([day.get(word, word) for word in words]).run)


def test_every_file_it_names_is_there() -> None:
    folder = Path(__file__).parents[3] / "contracts/reference_provider"
    named = set(re.findall(r"`([a-z_]+\.py)`", GUIDE))
    assert {path.name for path in folder.glob("*.py")} - {"__init__.py", "__main__.py"} == named
