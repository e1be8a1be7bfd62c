"""What counts as breaking a released contract, and what is an addition."""

import copy
import json
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
                    {"in": "query", "name": "kinds", "schema": {"type": "array", "items": {"type": "string"}}},
                    {"in": "header", "name": "if-none-match", "schema": {"type": "string"}},
                ],
                "responses": {
                    "200": {
                        "headers": {"ETag": {"required": True, "schema": {"type": "string", "pattern": "^W/"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Bill"}}},
                    }
                },
            }
        },
        "/payments/v1/payments": {
            "post": {
                "operationId": "create_payment",
                "security": [{"access_token": ["pay"]}, {"application_token": []}],
                "x-who-may-call": "person at assurance level 1 as clerk or operator; or client with scope bills:write",
                "x-max-body-bytes": 65_536,
                "x-timeout-seconds": 20,
                "x-signed": "body",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewPayment"}}},
                },
                "responses": {"201": {"content": {}}},
            }
        },
    },
    "components": {
        "schemas": {"Bill": BILL, "NewPayment": NEW_PAYMENT},
        "securitySchemes": {
            "access_token": {"type": "http", "scheme": "bearer"},
            "application_token": {"type": "apiKey", "in": "header", "name": "Application-Token"},
        },
    },
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


def _payment(document: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"]["/payments/v1/payments"]["post"]
    return operation


def _parameter(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in _operation(document)["parameters"] if each["name"] == name)


def _rename_path(document: dict[str, Any], template: str, parameter: str) -> None:
    document["paths"] = {template if "{" in path else path: item for path, item in document["paths"].items()}
    document["paths"][template]["get"]["parameters"][0]["name"] = parameter


def _rename_schema(document: dict[str, Any], before: str, after: str) -> None:
    text = json.dumps(document).replace(f"schemas/{before}", f"schemas/{after}").replace(f'"{before}":', f'"{after}":')
    document.clear()
    document.update(json.loads(text))


def _rename_scheme(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    schemes["bearer"] = schemes.pop("access_token")
    _payment(document)["security"] = [{"bearer": ["pay"]}, {"application_token": []}]


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
    "a member of a body is dropped": lambda d: _schema(d, "NewPayment")["properties"].pop("channel"),
    "a member of a body has a format": lambda d: _schema(d, "NewPayment")["properties"]["channel"].update(
        format="uuid"
    ),
    "an optional member of an answer is gone": lambda d: _schema(d, "Bill")["properties"].pop("note"),
    "a format of an answer is loosened": lambda d: _schema(d, "Bill")["properties"]["bill_id"].pop("format"),
    "a pattern of a header is loosened": lambda d: _operation(d)["responses"]["200"]["headers"]["ETag"].update(
        schema={"type": "string"}
    ),
    "a header of an answer is gone": lambda d: _operation(d)["responses"]["200"].pop("headers"),
    "a media type is gone": lambda d: _operation(d)["responses"]["200"].update(content={"text/csv": {}}),
    "no body is accepted": lambda d: _payment(d)["requestBody"]["content"].update(
        {"application/json": {"schema": False}}
    ),
    "a parameter is gone": lambda d: _operation(d)["parameters"].pop(),
    "a parameter is required": lambda d: _parameter(d, "limit").update(required=True),
    "a new parameter is required": lambda d: _operation(d)["parameters"].append(
        {"in": "header", "name": "Idempotency-Key", "required": True, "schema": {"type": "string"}}
    ),
    "a parameter accepts less": lambda d: _parameter(d, "limit")["schema"].update(maximum=50),
    "the style of a parameter changes": lambda d: _parameter(d, "kinds").update(style="pipeDelimited", explode=True),
    "a list is no longer exploded": lambda d: _parameter(d, "kinds").update(explode=False),
    "an operation is called otherwise": lambda d: _payment(d).update(operationId="make_payment"),
    "the server of an operation is another": lambda d: _payment(d).update(servers=[{"url": "/v2"}]),
    "a token is needed": lambda d: _operation(d).update(security=[{"access_token": []}]),
    "a token is needed where nothing else is said": lambda d: d.update(security=[{"access_token": []}]),
    "an alternative is gone": lambda d: _payment(d)["security"].pop(),
    "a scope is needed": lambda d: _payment(d)["security"][0]["access_token"].append("admin"),
    "a second proof is needed": lambda d: _payment(d)["security"][1].update(access_token=[]),
    "a scheme is another": lambda d: d["components"]["securitySchemes"]["application_token"].update(name="X-Token"),
    "bodies must be smaller": lambda d: _payment(d).update({"x-max-body-bytes": 1_024}),
    "bodies must be smaller than by default": lambda d: _operation(d).update({"x-max-body-bytes": 1_024}),
    "there is less time": lambda d: _payment(d).update({"x-timeout-seconds": 5}),
    "there is less time than by default": lambda d: _operation(d).update({"x-timeout-seconds": 5}),
    "another extension changes": lambda d: _payment(d).update({"x-signed": "headers"}),
}
ADDITIONS: dict[str, Change] = {
    "a path": lambda d: d["paths"].update({"/payments/v1/refunds": {"get": {"responses": {}}}}),
    "an optional parameter": lambda d: _operation(d)["parameters"].append(
        {"in": "query", "name": "status", "required": False, "schema": {"type": "string"}}
    ),
    "a member of an answer": lambda d: _schema(d, "Bill")["properties"].update(due_date={"type": "string"}),
    "an optional member of a body": lambda d: _schema(d, "NewPayment")["properties"].update(memo={"type": "string"}),
    "a parameter that accepts more": lambda d: _parameter(d, "limit")["schema"].update(maximum=500),
    "a parameter that may be left out": lambda d: _operation(d)["parameters"][0].update(required=False),
    "a parameter that accepts null": lambda d: _parameter(d, "limit").update(
        schema={"anyOf": [{"type": "integer", "maximum": 200}, {"type": "null"}]}
    ),
    "a header in other letters": lambda d: _parameter(d, "if-none-match").update(name="If-None-Match"),
    "the style said that holds anyway": lambda d: _parameter(d, "kinds").update(style="form", explode=True),
    "explode of a single value": lambda d: _parameter(d, "limit").update(explode=False),
    "the server said that holds anyway": lambda d: d.update(servers=[{"url": "/"}, {"url": "https://two.example"}]),
    "another name of a path's parameter": lambda d: _rename_path(d, "/payments/v1/bills/{bill}", "bill"),
    "another name of a schema": lambda d: _rename_schema(d, "Bill", "UtilityBill"),
    "another name of a scheme": _rename_scheme,
    "a name of an operation": lambda d: _operation(d).update(operationId="get_bill"),
    "an alternative proof": lambda d: _payment(d)["security"].append({"signature": []}),
    "a scope less": lambda d: _payment(d)["security"][0].update(access_token=[]),
    "no proof": lambda d: _payment(d).update(security=[]),
    "no proof said where none was needed": lambda d: _operation(d).update(security=[]),
    "larger bodies": lambda d: _payment(d).update({"x-max-body-bytes": 1_000_000}),
    "bodies as large as by default": lambda d: _payment(d).pop("x-max-body-bytes"),
    "more time": lambda d: _payment(d).update({"x-timeout-seconds": 60}),
    "as much time as by default": lambda d: _payment(d).pop("x-timeout-seconds"),
    "a new extension": lambda d: _operation(d).update({"x-cache": "no"}),
    "a header of an answer": lambda d: _operation(d)["responses"]["200"]["headers"].update({"Vary": {}}),
    "the same media type written otherwise": lambda d: _payment(d)["requestBody"].update(
        content={"Application/JSON": {"schema": {"$ref": "#/components/schemas/NewPayment"}}}
    ),
    "a format of an answer": lambda d: _schema(d, "Bill")["properties"]["status"].update(format="token"),
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


def test_another_server_is_a_break_of_every_operation() -> None:
    moved = _changed(RELEASED, lambda d: d.update(servers=[{"url": "https://pay.example"}]))
    assert [fault.rpartition(": ")[2] for fault in breaks("openapi/payments.v1.json", RELEASED, moved)] == [
        "server / is gone"
    ] * 2


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


def _with_value(document: dict[str, Any], name: str) -> dict[str, Any]:
    return _changed(document, lambda d: _schema(d, name)["enum"].append("one_more"))


def test_a_value_of_an_enum_that_only_requests_use_is_an_addition() -> None:
    document = in_folder(FOLDER)["openapi/payments.v1.json"]
    assert breaks("openapi/payments.v1.json", document, _with_value(document, "AccountKind")) == []


def test_a_value_of_an_enum_that_answers_use_too_is_a_break() -> None:
    document = in_folder(FOLDER)["openapi/services.v1.json"]
    found = breaks("openapi/services.v1.json", document, _with_value(document, "UtilityKind"))
    assert found
    assert all("may hold, unlike the released one" in fault for fault in found)
