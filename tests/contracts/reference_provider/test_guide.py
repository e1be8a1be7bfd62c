"""The guide names what the code does."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from contracts.reference_provider.__main__ import parser
from contracts.reference_provider.billing_month import SPOILT, Bill
from svc_payments.billing.bills.schemas import Amendment, Change, PushedBill, StatedReason
from svc_payments.reconciliation.statements.layouts import provider

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "contracts/reference_provider/README.md").read_text("utf-8")
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


@pytest.mark.parametrize("guide", [CHINESE, ENGLISH])
def test_the_requests_it_shows_are_offered_to_companies(guide: str) -> None:
    contract = json.loads((ROOT / "contracts/openapi/payments.v1.json").read_text("utf-8"))
    named = set(re.findall(r"`(GET|POST|PUT) (/payments/v1/[^\s`?]+)", guide))
    assert len(named) > 12
    for method, path in named:
        assert "bills:write" in contract["paths"][path][method.lower()]["x-who-may-call"] or path.endswith(
            "/payment-terms"
        ), (method, path)


@pytest.mark.parametrize("guide", [CHINESE, ENGLISH])
def test_the_bodies_it_shows_are_taken(guide: str) -> None:
    bodies = [json.loads(body) for body in re.findall(r"`(\{\"reason\".*?\})`", guide)]
    assert [Amendment.model_validate(bodies[0]).amount_fen, Change.model_validate(bodies[1]).reason] == [
        3580,
        "duplicate",
    ]
    (pushed,) = re.findall(r'`{"bills": \[{(.*?)}\]}`', guide)
    required = {name for name, field in PushedBill.model_fields.items() if field.is_required()}
    assert set(re.findall(r'"(\w+)"', pushed)) == required
    assert {f"`{reason}`" for reason in get_args(StatedReason)} <= set(re.findall(r"`\w+`", guide))
    assert all(f"`{column}`" in guide for column in provider.HEADER.split(","))
