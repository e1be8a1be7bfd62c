"""`x-who-may-call` is compared by meaning: a caller who was admitted stays admitted, however it is worded."""

import pytest

from contracts.compatibility import breaks
from contracts.compatibility.access import callers_of
from contracts.documents import FOLDER, in_folder
from contracts.faults import faults

KEPT = [
    ("person as clerk", "person as clerk or operator"),
    ("person as clerk", "person"),
    ("person at assurance level 2", "person at assurance level 1"),
    ("person", "client or person"),
    ("client with scope bills:write", "person as operator; or client with scope bills:write"),
    ("client with scope bills:write", "client"),
    ("person as operator", "anyone: it is public"),
    ("anyone: it is public", "anyone: the figures are published"),
    ("whoever is verified by a signature", "verified by a signature"),
    ("whoever is verified by a signature", "anyone: it is public"),
    ("person as clerk or operator", "person as operator or clerk"),
]
LOST = [
    ("person as clerk or operator", "person as operator"),
    ("person", "person as clerk"),
    ("person at assurance level 1", "person at assurance level 2"),
    ("client or person", "person"),
    ("client", "client with scope bills:write"),
    ("person as operator; or client with scope bills:write", "person as operator"),
    ("anyone: it is public", "person"),
    ("anyone: it is public", "whoever is verified by a signature"),
    ("whoever is verified by a signature", "whoever is verified by a cookie"),
    ("person", "people who have been here before"),
    ("people who have been here before", "person"),
    ("person", ""),
]


def compared(before: str, now: str) -> list[str]:
    documents = [{"paths": {"/x/v1/y": {"get": {"responses": {}, "x-who-may-call": text}}}} for text in (before, now)]
    return breaks("openapi/x.v1.json", *documents)


@pytest.mark.parametrize(("before", "now"), KEPT)
def test_callers_who_were_let_in_are_let_in(before: str, now: str) -> None:
    assert compared(before, now) == []


@pytest.mark.parametrize(("before", "now"), LOST)
def test_callers_who_are_shut_out_are_a_break(before: str, now: str) -> None:
    assert compared(before, now) == [f"openapi/x.v1.json: GET /x/v1/y: x-who-may-call was “{before}” and is “{now}”"]


@pytest.mark.parametrize("path", [path for path in in_folder(FOLDER) if path.startswith("openapi/")])
def test_every_text_of_ours_has_a_form_that_can_be_compared(path: str) -> None:
    for item in in_folder(FOLDER)[path]["paths"].values():
        for operation in item.values():
            assert callers_of(operation["x-who-may-call"]) is not None, operation["x-who-may-call"]


def test_a_document_has_faults_of_its_own() -> None:
    operation = {"operationId": "get_file", "responses": {}}
    document = {
        "paths": {
            "/x/v1/files/{file_id}": {"get": operation},
            "/x/v1/files/{name}": {"put": operation},
            "/x/v1/files/{name}/rows": {"get": {"operationId": "list_rows"}},
        },
        "components": {"schemas": {name: {} for name in ("Bill2", "svc_x__bills__Bill", "Page_Bill_", "Bill-Input")}},
    }
    found = faults("openapi/x.v1.json", document)
    assert len([fault for fault in found if "no plain name" in fault]) == 3
    assert len([fault for fault in found if "address of another path" in fault]) == 2
    assert len([fault for fault in found if "used 2 times" in fault]) == 1
    assert len(found) == 6


def test_a_schema_of_an_event_has_none() -> None:
    assert faults("events/x.json", {"properties": {}}) == []
