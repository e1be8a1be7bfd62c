"""Compose names no sandbox of an outside system, requires what must be real, and starts services as `make run` does."""

import re

import pytest
from ruamel.yaml import YAML

from deploy.local.plan import PACKAGES
from deploy.local.settings import REPOSITORY

COMPOSED = (REPOSITORY / "deploy/compose/compose.yaml").read_text()
DEFAULTS = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSED))


def test_no_default_is_a_sandbox() -> None:
    assert DEFAULTS
    assert not [name for name, default in DEFAULTS.items() if "sandbox" in default]


@pytest.mark.parametrize("name", ["MYILI_SMS_URL", "MYILI_REGISTRIES_URL", "MYILI_MERCHANT_KEY", "MYILI_FIELD_KEY"])
def test_what_must_be_real_is_required(name: str) -> None:
    uses = re.findall(rf"\$\{{{name}(..)", COMPOSED)
    assert uses
    assert set(uses) == {":?"}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_service_refuses_what_it_cannot_parse_with_a_problem(package: str) -> None:
    command = YAML(typ="safe").load(COMPOSED)["services"][package.removeprefix("svc_")]["command"]
    assert command[command.index("--http") + 1] == "kit.connection:ServiceConnection"
