"""A schema that is named after its module is a fault, whichever place of a generic's name the module takes."""

import json
from pathlib import Path

import pytest

from tests.house.schema_names import faults


def found(root: Path, *names: str) -> list[str]:
    folder = root / "contracts/openapi"
    folder.mkdir(parents=True)
    document = {"components": {"schemas": {name: {"type": "object"} for name in names}}}
    (folder / "payments.v1.json").write_text(json.dumps(document, indent=2))
    return [str(fault) for fault in faults(root)]


def test_names_of_the_domain_are_no_fault(tmp_path: Path) -> None:
    assert found(tmp_path, "Bill", "Page_Bill_", "Page_Optional_Bill__", "Body_upload_file", "Bill-Input") == []


@pytest.mark.parametrize("name", ["svc_payments__cases__schemas__Decision", "Page_svc_payments__bills__schemas__Bill_"])
def test_a_module_path_is_a_fault(tmp_path: Path, name: str) -> None:
    (fault,) = found(tmp_path, "Bill", name)
    assert fault.startswith(f"contracts/openapi/payments.v1.json:7: the schema {name} is named after its module: ")


def test_a_document_without_schemas_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "contracts/openapi").mkdir(parents=True)
    (tmp_path / "contracts/openapi/a.v1.json").write_text('{"paths": {}}')
    assert list(faults(tmp_path)) == []
