"""Every requirement of the page on security has one answer, and every test that it names exists."""

import ast
import importlib
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from svc_identity.oauth.issuer import Issuer
from svc_identity.settings import Settings
from svc_services.settings import Settings as ServicesSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text("utf-8")
ASVS = """
    6.1 3, 6.2 12, 6.3 8, 6.4 6, 6.5 8, 6.6 4, 6.7 2, 6.8 4, 7.1 3, 7.2 4, 7.3 2, 7.4 5, 7.5 3, 7.6 2,
    8.1 4, 8.2 4, 8.3 3, 8.4 2, 9.1 3, 9.2 4, 10.1 2, 10.2 3, 10.3 5, 10.4 16, 10.5 5, 10.6 2, 10.7 3
"""
"""How many requirements each section of the five chapters has, in the release 5.0.0."""
FAPI = "5.2.1 5, 5.2.2 2, 5.2.3 3, 5.3.2.1 14, 5.3.2.2 14, 5.3.3.1 13, 5.3.3.2 7, 5.3.4 5, 5.4.1 4, 5.4.2 3"
FAPI_UNNUMBERED = {"5.3.2.3", "5.4.3"}
RFC_9700 = {
    *("2.1", "2.1.1", "2.1.2", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6"),
    *(f"4.{attack}" for attack in range(1, 18)),
}
NAMED = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")
TESTS = re.compile(rf"{NAMED.pattern}(, {NAMED.pattern})*")
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
VERIFIED = "verified by "
Row = list[str]


def section(heading: str) -> str:
    """What stands below a heading, up to the next one of its rank."""
    rank = heading.split(" ", maxsplit=1)[0]
    return re.split(rf"^{rank} .*$", PAGE.partition(f"{heading}\n")[2], flags=re.MULTILINE)[0]


def rows(heading: str) -> list[Row]:
    lines = [line for line in section(heading).splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] not in {"number", "limit", "who", "what comes in"}]


def numbers(heading: str) -> list[str]:
    return [number for row in rows(heading) for number in row[0].split(", ")]


def requirements() -> list[Row]:
    return [row for heading in ("## RFC 9700", "## FAPI 2.0 Security Profile", "## ASVS 5.0") for row in rows(heading)]


def answers(answer: str) -> list[str]:
    """Which of the three answers a line has."""
    found = {
        "tests": TESTS.fullmatch(answer),
        "does not apply": re.fullmatch(r"does not apply: (?!.*::).+", answer),
        "not met": re.fullmatch(r"not met: (?!.*::).+", answer),
    }
    return [name for name, match in found.items() if match]


@cache
def collected(file: str) -> frozenset[str]:
    """The tests of a file by the names that pytest gives them; the file is read and not imported."""
    path = ROOT / file
    if not path.is_file() or not path.name.startswith("test_"):
        return frozenset()
    return frozenset(_tests(ast.parse(path.read_text("utf-8"))))


def _tests(tree: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from (f"{node.name}::{name}" for name in _tests(node))


def test_every_line_has_one_answer() -> None:
    assert len(requirements()) > 150
    assert [row for row in requirements() if len(row) != 3 or len(answers(row[2])) != 1] == []


def test_every_named_test_exists() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) > 200
    assert sorted({f"{file}::{name}" for file, name in named if name not in collected(file)}) == []


def test_what_does_not_exist_and_what_says_two_things_is_noticed() -> None:
    assert collected("tests/docs/test_nothing.py") == frozenset()
    assert "test_nothing" not in collected("tests/docs/test_decisions.py")
    assert "TestLimits::test_a_body_of_exactly_the_limit_passes" in collected("tests/gateway/test_body_limits.py")
    test = "`tests/docs/test_decisions.py::test_numbers_are_unique`"
    assert answers(f"{test}, {test}") == ["tests"]
    for wrong in ("", "met", "not met:", "does not apply: ", f"not met: {test}", f"{test} and more", "`tests/a.py`"):
        assert answers(wrong) == [], wrong


@pytest.mark.parametrize(
    ("heading", "counts", "dot", "more"),
    [("## ASVS 5.0", ASVS, ".", set()), ("## FAPI 2.0 Security Profile", FAPI, "-", FAPI_UNNUMBERED)],
    ids=["asvs", "fapi"],
)
def test_no_requirement_is_missing(heading: str, counts: str, dot: str, more: set[str]) -> None:
    parts = [part.split() for part in counts.split(",")]
    wanted = {f"{part}{dot}{number}" for part, count in parts for number in range(1, int(count) + 1)} | more
    found = numbers(heading)
    assert sorted(wanted - set(found)) == []
    assert sorted(found) == sorted(set(found) & wanted)  # none twice, and none that the document does not have


def test_every_section_of_rfc_9700_has_a_line() -> None:
    assert set(numbers("## RFC 9700")) == RFC_9700


def seconds(value: str) -> int:
    count, _, unit = value.partition(" ")
    return int(count) * SECONDS.get(unit, 1)


def in_code(named: str) -> float:
    if named.startswith("MYILI_"):
        fields = ServicesSettings.model_fields | Settings.model_fields
        default: float = fields[named.removeprefix("MYILI_").lower()].default
        unit = named.rpartition("_")[2].lower()
        return default * (SECONDS[unit] if unit in {"seconds", "hours", "days"} else 1)
    module, _, name = named.partition(":")
    value = getattr(importlib.import_module(module), name)
    return float(value.total_seconds() if isinstance(value, timedelta) else value)


def test_the_limits_are_those_of_the_code() -> None:
    limits = rows("## Limits")
    assert len(limits) > 20
    wrong = {what: in_code(by.strip("`")) for what, value, by in limits if in_code(by.strip("`")) != seconds(value)}
    assert wrong == {}


def test_every_way_in_is_on_the_page() -> None:
    ways = section("## Ways in")
    metadata = Issuer.metadata(SimpleNamespace(name="", address=str, signer=SimpleNamespace(algorithm="")), [])  # type: ignore[arg-type]
    grants, methods = metadata["grant_types_supported"], metadata["token_endpoint_auth_methods_supported"]
    assert {row[1].strip("`") for row in rows("## Ways in") if row[1].startswith("`")} == set(grants)
    assert [method for method in methods if f"`{method}`" not in ways] == []
    documents = [json.loads(path.read_text("utf-8")) for path in (ROOT / "contracts/openapi").glob("*.v1.json")]
    operations = [operation for each in documents for path in each["paths"].values() for operation in path.values()]
    proofs = {each["x-who-may-call"] for each in operations if str(each["x-who-may-call"]).startswith(VERIFIED)}
    assert {row[1] for row in rows("## Ways in") if row[1].startswith(VERIFIED)} == proofs
