"""`.env.example` names every setting that some process reads, and nothing else; as it stands it changes nothing."""

import re
from importlib import import_module
from itertools import pairwise
from typing import get_args

from dotenv import dotenv_values
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from chassis.migrations import AdministratorSettings
from deploy import kafka_acls
from deploy.evidence.settings import EvidenceSettings, GrantSettings
from deploy.local.plan import PACKAGES
from deploy.local.settings import REPOSITORY, LocalSettings
from gateway.settings import GatewaySettings
from kit.audit.settings import TrailSettings
from svc_payments.settings.ledger import LedgerSettings

# Read from the environment without a settings class, by the sandboxes.
SANDBOXES = {"sandbox_state", "channel_private_key", "merchant_public_key"}
# Read by compose alone.
COMPOSE = {"database_server", "kafka_admin_password", "kafka_server"}
PASSWORDS = {
    f"{server}_passwords__{package.removeprefix('svc_')}" for server in ("database", "kafka") for package in PACKAGES
}
# Read by what auditors run, which no container does.
AUDITORS = {"anchor_public_keys", "auditor_password"}
# Where the files of this repository and of the embedded run lie, which an image knows by itself.
OWN_FOLDERS = {"contracts", "data"}


def settings_classes() -> list[type[BaseSettings]]:
    return [
        LocalSettings,
        GatewaySettings,
        AdministratorSettings,
        kafka_acls.AdministratorSettings,
        *(import_module(f"{package}.settings").WorkerSettings for package in PACKAGES),
        LedgerSettings,
        TrailSettings,
        EvidenceSettings,
        GrantSettings,
    ]


def fields(settings: type[BaseModel], prefix: str = "") -> dict[str, FieldInfo]:
    """Every setting by the name of its variable; one that is several has a name for each of them."""
    found: dict[str, FieldInfo] = {}
    for name, field in settings.model_fields.items():
        parts = [part for part in get_args(field.annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
        for part in parts:
            found |= fields(part, f"{prefix}{name}__")
        if not parts:
            found[f"{prefix}{name}"] = field
    return found


def example() -> dict[str, str | None]:
    values = dotenv_values(REPOSITORY / ".env.example")
    return {name.removeprefix("MYILI_").lower(): value for name, value in values.items()}


def test_every_setting_is_named_and_no_other() -> None:
    names = {name for settings in settings_classes() for name in fields(settings)}
    assert set(example()) == (names - {"database_passwords", "kafka_passwords"}) | PASSWORDS | SANDBOXES | COMPOSE


def test_every_value_is_the_default_or_empty() -> None:
    for settings in settings_classes():
        for name, field in fields(settings).items():
            if value := example().get(name):
                assert str(field.default).removesuffix(".0") == value, name


def test_every_setting_has_a_comment() -> None:
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    for before, line in pairwise(lines):
        if line.startswith("MYILI_"):
            assert before.startswith("# "), line


def test_compose_hands_every_setting_on() -> None:
    composed = (REPOSITORY / "deploy/compose/compose.yaml").read_text()
    handed_on = {name.lower() for name in re.findall(r"\bMYILI_(\w+)", composed)}
    assert set(example()) - handed_on == OWN_FOLDERS | AUDITORS
