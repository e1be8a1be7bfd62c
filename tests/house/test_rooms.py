"""A room that no layers contract names is a fault; a placed one is not."""

from pathlib import Path

import pytest

from tests.house.floors import floors
from tests.house.rooms import faults

HEAD = "[tool.importlinter]\nroot_packages = []\n"
ELSEWHERE = '[[tool.importlinter.contracts]]\ntype = "forbidden"\nsource_modules = ["svc_payments.ledger"]\n'
CONTAINED = """[[tool.importlinter.contracts]]
type = "layers"
containers = ["svc_payments"]
exhaustive = true
layers = ["app : worker", "collection", "billing | channels", "(ledger)", "settings"]
"""
WHOLE_NAMES = """[[tool.importlinter.contracts]]
type = "layers"
exhaustive = true
layers = ["svc_payments.collection", "svc_payments.billing | svc_payments.channels", "svc_payments.ledger"]
"""
OF_ANOTHER = CONTAINED.replace("svc_payments", "svc_identity")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for room in ("ledger", "billing", "channels", "collection"):
        (tmp_path / "svc_payments" / room).mkdir(parents=True)
        (tmp_path / "svc_payments" / room / "__init__.py").touch()
    for folder in ("migrations", "messages"):
        (tmp_path / "svc_payments" / folder).mkdir()
    return tmp_path


def found(house: Path, *contracts: str) -> list[str]:
    (house / "pyproject.toml").write_text('[project]\nname = "x"\n\n' + HEAD + "".join((ELSEWHERE, *contracts)))
    return [str(fault) for fault in faults(house)]


@pytest.mark.parametrize("contract", [CONTAINED, WHOLE_NAMES])
def test_placed_rooms_are_no_fault(house: Path, contract: str) -> None:
    assert found(house, contract) == []


def test_a_room_that_no_layer_names_is_a_fault(house: Path) -> None:
    assert found(house, CONTAINED.replace(" | channels", "")) == [
        "pyproject.toml:4: svc_payments/channels is on no floor: name it in the `layers` contract of svc_payments."
    ]


@pytest.mark.parametrize("contracts", [[], [OF_ANOTHER]])
def test_without_a_contract_every_room_is_a_fault(house: Path, contracts: list[str]) -> None:
    sentences = found(house, *contracts)
    assert len(sentences) == 4
    assert sentences[0].endswith(
        "svc_payments/billing is on no floor: "
        "give svc_payments an import-linter contract of type `layers` and name it there."
    )


def test_a_contract_that_modules_can_escape_is_a_fault(house: Path) -> None:
    assert found(house, CONTAINED.replace("exhaustive = true\n", "")) == [
        "pyproject.toml:4: the `layers` contract of svc_payments lets modules escape: add `exhaustive = true`."
    ]


@pytest.mark.parametrize("contract", [CONTAINED, WHOLE_NAMES])
def test_floors_are_read_from_the_top(house: Path, contract: str) -> None:
    found(house, contract)
    assert [floor for floor in floors(house, "svc_payments") if "settings" not in floor and "app" not in floor] == [
        ["collection"],
        ["billing", "channels"],
        ["ledger"],
    ]
