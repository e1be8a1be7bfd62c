"""The webhooks in the documents are what the platform calls, and what the reference implementation answers."""

import copy
import re
from typing import Any

import jsonschema_rs
import pytest

from chassis.db import new_id, now
from contracts.compatibility import breaks
from contracts.documents import FOLDER, in_folder
from contracts.provider_calls import CALLS
from svc_payments.collection.postings.models import Posting
from svc_payments.collection.postings.provider import letter
from tests.guides.contracts import of_companies

OWN = {("GET", "/books"), ("POST", "/books/cards/{posting_id}"), ("GET", "/livez")}
"""Of the company itself; Starlette answers HEAD wherever it answers GET."""
OPERATIONS = [(service, *call) for service, calls in CALLS.items() for item in calls.values() for call in item.items()]


def test_the_documents_hold_every_call() -> None:
    documents = in_folder(FOLDER)
    for service, calls in CALLS.items():
        assert documents[f"openapi/{service}.v1.json"]["webhooks"] == calls


def test_the_reference_implementation_answers_every_call_and_no_other() -> None:
    described = {
        tuple(re.match(r"`(\w+) (\S+)` behind", call["description"]).groups())  # type: ignore[union-attr]
        for _, _, call in OPERATIONS
    }
    assert described == {each for each in of_companies() if each[0] != "HEAD"} - OWN


@pytest.mark.parametrize(("service", "method", "call"), OPERATIONS)
def test_every_call_names_its_company_and_its_signature(service: str, method: str, call: dict[str, Any]) -> None:
    names = [parameter["name"] for parameter in call["parameters"] if parameter["required"]]
    assert names == ["MyIli-Recipient", "Content-Digest", "Signature-Input", "Signature"]
    assert f"/{service}/v1/signing-keys" in call["description"]
    if method == "post":
        body = call["requestBody"]["content"]["application/json"]["schema"]
        assert "provider_id" in body["required"]


def changed(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The document of payments with another body of a cancellation or another answer to it."""
    document = copy.deepcopy(in_folder(FOLDER)["openapi/payments.v1.json"])
    call = document["webhooks"]["posting-cancellation"]["post"]
    if "reason" in members:
        body = call["requestBody"]["content"]["application/json"]["schema"]
        body["properties"]["reason"]["enum"] = members["reason"]
    if "result" in members:
        answer = call["responses"]["200"]["content"]["application/json"]["schema"]
        answer["properties"]["result"]["enum"] = members["result"]
    if members.get("unsigned"):
        call["parameters"] = [each for each in call["parameters"] if each["name"] != "Signature"]
    if members.get("gone"):
        del document["webhooks"]["posting-cancellation"]
    return document


@pytest.mark.parametrize(
    ("members", "faults"),
    [
        ({}, 0),
        ({"reason": ["refund"]}, 0),
        ({"reason": ["unanswered", "refund", "mistake"]}, 1),
        ({"result": ["cancelled", "booked", "later"]}, 0),
        ({"result": ["cancelled"]}, 1),
        ({"unsigned": True}, 1),
        ({"gone": True}, 1),
    ],
)
def test_a_company_built_by_a_released_webhook_is_never_called_otherwise(members: dict[str, Any], faults: int) -> None:
    path = "openapi/payments.v1.json"
    found = breaks(path, in_folder(FOLDER)[path], changed(**members))
    assert len(found) == faults, found


@pytest.mark.parametrize("bill_amount_fen", [None, 4140])
def test_a_posting_is_as_its_webhook_says(bill_amount_fen: int | None) -> None:
    posting = Posting(
        id=new_id(),
        provider_id=new_id(),
        payment_id=new_id(),
        receipt_number="202610010000000001",
        bill_number="B-1",
        account_number="1234567890",
        amount_fen=4140,
        paid_at=now(),
        kind="regular",
        late_fee_fen=0,
        bill_amount_fen=bill_amount_fen,
    )
    schema = CALLS["payments"]["posting"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "additionalProperties": False}, letter(posting))
