"""What the programs of `make run` are given of a Kafka that authenticates."""

from pathlib import Path

import pytest

from deploy.local.keys import keys_in
from deploy.local.plan import PACKAGES, Plan
from deploy.local.platform import free_base_port
from tests.deploy.test_refusals import refusal

GIVEN = {
    "kafka": "kafka.example:9092",
    "kafka_ca": "-",
    "kafka_admin_password": "of-the-administrator",
    "kafka_server": "a-private-key",
    "database_passwords__payments": "of-another-server",
    **{f"kafka_passwords__{package.removeprefix('svc_')}": f"of-{package}" for package in PACKAGES},
}


def test_each_service_is_a_principal_of_its_own(tmp_path: Path) -> None:
    plan = Plan(tmp_path, 20_000, keys_in(tmp_path), GIVEN)
    programs = {program.name: program.environment for program in (*plan.services(), *plan.workers())}
    assert len(programs) == 2 * len(PACKAGES)
    for name, environment in programs.items():
        package = name.removesuffix(".worker")
        assert environment["MYILI_KAFKA_USERNAME"] == package.replace("svc_", "myili_")
        assert environment["MYILI_KAFKA_PASSWORD"] == f"of-{package}"
        assert not set(GIVEN.values()) - {"kafka.example:9092", "-", f"of-{package}"} & set(environment.values())


def test_programs_without_a_database_get_no_password(tmp_path: Path) -> None:
    plan = Plan(tmp_path, 20_000, keys_in(tmp_path), GIVEN)
    for program in plan.without_database():
        assert not {value for value in program.environment.values() if value.startswith("of-")}


@pytest.mark.parametrize("setting", ["KAFKA_USERNAME", "KAFKA_PASSWORD"])
def test_one_principal_for_all_services_is_refused(tmp_path: Path, setting: str) -> None:
    sentence = refusal(**{setting: "hunter2"}, PORT=str(free_base_port()), DATA=tmp_path)
    assert "MYILI_KAFKA_PASSWORDS__IDENTITY" in sentence
    assert "hunter2" not in sentence
