"""The guide for utility companies names what the code does."""

import json
import re
from typing import get_args

import pytest

from contracts.reference_provider.__main__ import parser
from contracts.reference_provider.billing_month import SPOILT, Bill
from svc_payments.billing.bills.schemas import Amendment, Change, PushedBill, StatedReason
from svc_payments.reconciliation.statements.layouts import provider
from tests.guides.markdown import LANGUAGES, ROOT, text_of
from tests.guides.test_bodies import sent_bodies

each_language = pytest.mark.parametrize("language", LANGUAGES)


def guide(language: str) -> str:
    return text_of("providers", language)


@each_language
def test_every_column_and_every_reason_is_explained(language: str) -> None:
    reasons = {reason for reason, _ in SPOILT.values() if reason} | {"duplicate_in_file"}
    assert {name for name in {*Bill._fields, *reasons} if f"`{name}`" not in guide(language)} == set()


@each_language
def test_its_commands_are_those_of_the_tool(language: str) -> None:
    commands = re.findall(r"python -m contracts\.reference_provider ((?:\\\n|[^`\n|)>])+)", guide(language))
    assert len(commands) == 35
    given = {"$(date": "2026-01-01", "$COMPANY_PORT": "9000", "$OTHER_COMPANY_PORT": "9001", "+%Y": ""}
    given |= {"$TODAY": "2026-01-01", "$YESTERDAY": "2025-12-31"}
    for command in commands:
        words = [given.get(word, word) for word in command.replace("\\\n", " ").split()]
        assert callable(parser().parse_args([word for word in words if word]).run)


@each_language
def test_every_file_it_names_is_there(language: str) -> None:
    named = set(re.findall(r"`([a-z_]+\.py)`", guide(language)))
    files = {path.name for path in (ROOT / "contracts/reference_provider").glob("*.py")}
    assert files - {"__init__.py", "__main__.py"} == named


@each_language
def test_the_requests_with_the_companys_token_are_offered_to_companies(language: str) -> None:
    contract = json.loads((ROOT / "contracts/openapi/payments.v1.json").read_text("utf-8"))
    shown = guide(language)
    named = set(re.findall(r"`(GET|POST|PUT) (/payments/v1/[^\s`?]+)", shown))
    named |= {
        (method, path)
        for method, path, _ in sent_bodies("providers", language)
        if path.startswith("/payments/v1/bills")
    }
    assert len(named) > 3
    for method, path in named:
        assert "bills:write" in contract["paths"][path][method.lower()]["x-who-may-call"] or "/payment-terms" in path, (
            method,
            path,
        )


@each_language
def test_the_bodies_it_shows_are_taken(language: str) -> None:
    bodies = {path.rsplit("/", 1)[-1]: body for _, path, body in sent_bodies("providers", language)}
    assert Amendment.model_validate_json(bodies["amendments"]).amount_fen == 3580
    assert Change.model_validate_json(bodies["void"]).reason == "duplicate"
    assert Change.model_validate_json(bodies["expire"]).reason == "account_closed"
    required = {name for name, field in PushedBill.model_fields.items() if field.is_required()}
    assert set(re.findall(r'"(\w+)":', bodies["bills"])) == required | {"bills"}
    assert {f"`{reason}`" for reason in get_args(StatedReason)} <= set(re.findall(r"`\w+`", guide(language)))
    assert all(f"`{column}`" in guide(language) for column in provider.HEADER.split(","))
