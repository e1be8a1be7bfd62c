"""What counts as breaking a released contract, and what is an addition."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from contracts.compatibility import breaks
from contracts.documents import FOLDER, in_folder

BILL = {
    "type": "object",
    "properties": {
        "bill_id": {"type": "string", "format": "uuid"},
        "amount_fen": {"type": "integer"},
        "status": {"type": "string", "enum": ["due", "paid"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["bill_id", "amount_fen", "status"],
}
NEW_PAYMENT = {
    "type": "object",
    "properties": {"bill_ids": {"type": "array", "items": {"type": "string"}}, "channel": {"type": "string"}},
    "required": ["bill_ids"],
}
RELEASED: dict[str, Any] = {
    "paths": {
        "/payments/v1/bills/{bill_id}": {
            "get": {
                "parameters": [
                    {"in": "path", "name": "bill_id", "required": True, "schema": {"type": "string"}},
                    {"in": "query", "name": "limit", "required": False, "schema": {"type": "integer", "maximum": 200}},
                ],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Bill"}}}}
                },
            }
        },
        "/payments/v1/payments": {
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewPayment"}}},
                },
                "responses": {"201": {"content": {}}},
            }
        },
    },
    "components": {"schemas": {"Bill": BILL, "NewPayment": NEW_PAYMENT}},
}
EVENT: dict[str, Any] = {
    "$id": "urn:myili:event:cn.ili.payments.bill.issued.v1",
    **BILL,
    "x-topic": "ili.payments.bill.v1",
    "x-key": "bill_id",
}

Change = Callable[[dict[str, Any]], None]


def _operation(document: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"]["/payments/v1/bills/{bill_id}"]["get"]
    return operation


def _schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    schema: dict[str, Any] = document["components"]["schemas"][name]
    return schema


BREAKS: dict[str, Change] = {
    "a path is gone": lambda d: d["paths"].pop("/payments/v1/payments"),
    "a method is gone": lambda d: d["paths"]["/payments/v1/payments"].pop("post"),
    "a member of an answer is gone": lambda d: _schema(d, "Bill")["properties"].pop("amount_fen"),
    "a member of an answer changes its type": lambda d: _schema(d, "Bill")["properties"].update(
        amount_fen={"type": "string"}
    ),
    "a member of an answer is no longer certain": lambda d: _schema(d, "Bill")["required"].remove("status"),
    "an answer may hold a new value of an enum": lambda d: _schema(d, "Bill")["properties"]["status"]["enum"].append(
        "x"
    ),
    "a status is gone": lambda d: _operation(d)["responses"].pop("200"),
    "a new member is required": lambda d: _schema(d, "NewPayment")["required"].append("channel"),
    "a parameter is gone": lambda d: _operation(d)["parameters"].pop(),
    "a parameter is required": lambda d: _operation(d)["parameters"][1].update(required=True),
    "a parameter accepts less": lambda d: _operation(d)["parameters"][1]["schema"].update(maximum=50),
    "a token is needed": lambda d: _operation(d).update(security=[{"access_token": []}]),
}
ADDITIONS: dict[str, Change] = {
    "a path": lambda d: d["paths"].update({"/payments/v1/refunds": {"get": {"responses": {}}}}),
    "an optional parameter": lambda d: _operation(d)["parameters"].append(
        {"in": "query", "name": "status", "required": False, "schema": {"type": "string"}}
    ),
    "a member of an answer": lambda d: _schema(d, "Bill")["properties"].update(due_date={"type": "string"}),
    "an optional member of a body": lambda d: _schema(d, "NewPayment")["properties"].update(memo={"type": "string"}),
    "a parameter that accepts more": lambda d: _operation(d)["parameters"][1]["schema"].update(maximum=500),
    "an answer that promises more": lambda d: _schema(d, "Bill")["required"].append("note"),
    "another status": lambda d: _operation(d)["responses"].update({"404": {"content": {}}}),
}


def _changed(document: dict[str, Any], change: Change) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    change(changed)
    return changed


@pytest.mark.parametrize("path", in_folder(FOLDER))
def test_no_contract_of_ours_breaks_itself_whatever_is_added_beside(path: str) -> None:
    document = in_folder(FOLDER)[path]
    more = copy.deepcopy(document)
    more.setdefault("components", {}).setdefault("schemas", {})["Addition"] = {"type": "object"}
    assert breaks(path, document, more) == []


def test_an_unchanged_contract_breaks_nothing() -> None:
    assert breaks("openapi/payments.v1.json", RELEASED, copy.deepcopy(RELEASED)) == []


@pytest.mark.parametrize("name", BREAKS)
def test_what_takes_something_away_is_a_break(name: str) -> None:
    assert len(breaks("openapi/payments.v1.json", RELEASED, _changed(RELEASED, BREAKS[name]))) == 1


@pytest.mark.parametrize("name", ADDITIONS)
def test_what_only_adds_is_none(name: str) -> None:
    assert breaks("openapi/payments.v1.json", RELEASED, _changed(RELEASED, ADDITIONS[name])) == []


def test_a_contract_that_is_gone_is_a_break() -> None:
    assert breaks("events/x.json", EVENT, None) == ["events/x.json: the contract is gone"]


def test_events_may_gain_members_and_not_lose_them() -> None:
    gained, lost, moved = (copy.deepcopy(EVENT) for _ in range(3))
    gained["properties"]["period"] = {"type": "string"}
    del lost["properties"]["amount_fen"]
    moved["x-topic"] = "ili.payments.bill.v2"
    assert breaks("events/x.json", EVENT, gained) == []
    assert len(breaks("events/x.json", EVENT, lost)) == 1
    assert len(breaks("events/x.json", EVENT, moved)) == 1
