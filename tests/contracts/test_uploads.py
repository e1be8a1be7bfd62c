"""The header fields of uploads stand in the contracts, so that a generated client can send and read them."""

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.compatibility.document import METHODS
from kit.uploads.contract import STATE
from kit.uploads.headers import PARTIAL, state_of
from svc_services.cases.materials.models import Material
from tests.guides.contracts import documents

_SENT = {"Upload-Offset": True, "Upload-Complete": True, "Upload-Length": False, "Content-Digest": False}


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for document in documents():
        for path, offered in document["paths"].items():
            yield from ((f"{method.upper()} {path}", offered[method]) for method in METHODS if method in offered)


APPENDING = {
    name: operation
    for name, operation in operations()
    if PARTIAL in operation.get("requestBody", {}).get("content", {})
}


def test_four_kinds_of_files_are_uploaded_in_pieces() -> None:
    assert set(APPENDING) == {
        "PATCH /miniapps/v1/apps/{app_id}/package-uploads/{upload_id}",
        "PATCH /payments/v1/bill-file-uploads/{upload_id}",
        "PATCH /services/v1/materials/{material_id}",
        "PATCH /services/v1/counter-materials/{material_id}",
    }


@pytest.mark.parametrize("name", sorted(APPENDING))
def test_appending_names_each_header_that_is_read_or_sent(name: str) -> None:
    operation = APPENDING[name]
    sent = {each["name"]: each for each in operation["parameters"] if each["in"] == "header"}
    assert {header: sent[header]["required"] for header in _SENT} == _SENT
    assert all("example" in sent[header] for header in _SENT)
    assert set(operation["responses"]["204"]["headers"]) == {"Upload-Offset", "Upload-Complete"}
    assert "Upload-Offset" in operation["responses"]["default"]["headers"]


@pytest.mark.parametrize("name", sorted(APPENDING))
def test_the_offset_to_resume_at_is_a_header_of_an_answer(name: str) -> None:
    asked = dict(operations())[name.replace("PATCH", "HEAD")]
    assert set(asked["responses"]["204"]["headers"]) == set(STATE)


def test_the_headers_described_are_those_that_are_sent() -> None:
    upload = Material(kind="id_card", length=10, received=4)
    assert state_of(upload, 100, 60).keys() - STATE.keys() == {"Cache-Control"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "PUT /payments/v1/bill-files/{bill_file}",
            {"Upload-Complete", "Upload-Length", "Repr-Digest", "Content-Digest"},
        ),
        ("PUT /payments/v1/posting-statements/{day}", {"Repr-Digest", "Content-Digest"}),
        ("PUT /payments/v1/channel-statements/{channel}/{day}", {"Repr-Digest", "Content-Digest"}),
        ("PUT /miniapps/v1/apps/{app_id}/packages/{version_code}", {"Repr-Digest", "Content-Digest"}),
    ],
)
def test_a_whole_file_may_come_with_its_digests(name: str, expected: set[str]) -> None:
    sent = {each["name"] for each in dict(operations())[name]["parameters"] if each["in"] == "header"}
    assert expected <= sent
