"""Containers start the services as the embedded run does."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from deploy.local.plan import PACKAGES

COMPOSE = Path(__file__).parents[2] / "deploy/compose/compose.yaml"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_service_refuses_what_it_cannot_parse_with_a_problem(package: str) -> None:
    command = YAML(typ="safe").load(COMPOSE)["services"][package.removeprefix("svc_")]["command"]
    assert command[command.index("--http") + 1] == "kit.connection:ServiceConnection"
