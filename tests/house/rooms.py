"""Every room of a service stands on a floor, and no module escapes them."""

from collections.abc import Iterator
from pathlib import Path

from tests.house.floors import contracts, floors, rooms
from tests.house.tree import SERVICES, Fault


def faults(root: Path) -> Iterator[Fault]:
    line = _line_of_contracts(root)
    for service in SERVICES:
        yield from (Fault("pyproject.toml", line, sentence) for sentence in _of_service(root, service))


def _of_service(root: Path, service: str) -> Iterator[str]:
    stated = contracts(root, service)
    todo = f"name it in the `layers` contract of {service}."
    if not stated:
        todo = f"give {service} an import-linter contract of type `layers` and name it there."
    if not all(contract.get("exhaustive") for contract in stated):
        yield f"the `layers` contract of {service} lets modules escape: add `exhaustive = true`."
    placed = {name for floor in floors(root, service) for name in floor}
    for room in rooms(root, service):
        if room not in placed:
            yield f"{service}/{room} is on no floor: {todo}"


def _line_of_contracts(root: Path) -> int:
    lines = (root / "pyproject.toml").read_text("utf-8").splitlines()
    return lines.index("[tool.importlinter]") + 1
