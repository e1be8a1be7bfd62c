"""The floors of a service: its import-linter contract of type `layers`, top floor first."""

import re
import tomllib
from pathlib import Path
from typing import Any


def rooms(root: Path, service: str) -> list[str]:
    """The packages directly in a service."""
    return sorted(path.parent.name for path in (root / service).glob("*/__init__.py"))


def floors(root: Path, service: str) -> list[list[str]]:
    """The names on each floor, rooms and loose modules alike; none without a contract."""
    return [_names(layer, service) for contract in contracts(root, service) for layer in contract["layers"]]


def contracts(root: Path, service: str) -> list[dict[str, Any]]:
    """The layers contracts of a service."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    return [
        contract
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers" and (service in contract.get("containers", ()) or _within(contract, service))
    ]


def _within(contract: dict[str, Any], service: str) -> bool:
    return all(f"{service}." in layer for layer in contract["layers"])


def _names(layer: str, service: str) -> list[str]:
    # A layer may hold several modules, `a | b` or `a : b`, and one in parentheses may be absent.
    return [name.strip(" ()").removeprefix(f"{service}.") for name in re.split(r"[|:]", layer)]
