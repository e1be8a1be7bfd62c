"""The register leaves out no table, no encrypted column and no outside system that the code has."""

import importlib
import inspect
from pathlib import Path

import pytest

from deploy.evidence.register import evidence_of, metadata_of, register, retention_of
from deploy.evidence.settings import SERVICES
from deploy.evidence.trails import command_of
from deploy.local.settings import REPOSITORY
from kit.evidence.facts import CHASSIS_TABLES, IMPERSONAL_CHASSIS_TABLES
from kit.evidence.retention import CHASSIS_RULES, Job, Kept, Period, carry_out
from svc_identity.evidence import ENCRYPTED
from svc_identity.people.consents.activities import Activity
from svc_identity.vault.encryption import Encrypted


@pytest.mark.parametrize("service", SERVICES)
def test_each_table_is_said_to_hold_something_of_residents_or_nothing(service: str) -> None:
    evidence = evidence_of(service)
    personal = {**CHASSIS_TABLES, **evidence.tables}.keys()
    impersonal = evidence.impersonal | (IMPERSONAL_CHASSIS_TABLES & metadata_of(service).tables.keys())
    assert not personal & impersonal
    assert set(metadata_of(service).tables) == personal | impersonal


@pytest.mark.parametrize("service", SERVICES)
def test_what_names_a_person_is_in_no_table_without_personal_data(service: str) -> None:
    telling = {"person_id", "phone", "phone_index", "account_number", "id_number", "email", "actor", "proposed_by"}
    evidence = evidence_of(service)
    for name in evidence.impersonal:
        assert not telling & set(metadata_of(service).tables[name].columns.keys()), name


@pytest.mark.parametrize("service", SERVICES)
def test_each_activity_is_one_of_the_record(service: str) -> None:
    named = {held.activity for held in (*CHASSIS_TABLES.values(), *evidence_of(service).tables.values())}
    assert named <= set(Activity)


@pytest.mark.parametrize("service", SERVICES)
def test_each_table_has_a_period_a_job_or_a_duty_to_keep_it(service: str) -> None:
    rules = retention_of(service).rules
    assert retention_of(service).service == service
    assert rules.keys() == evidence_of(service).tables.keys()
    assert CHASSIS_RULES.keys() == CHASSIS_TABLES.keys()
    for table, rule in (*rules.items(), *CHASSIS_RULES.items()):
        assert rule.law, table
        match rule:
            case Job():
                module, _, function = rule.function.partition(":")
                assert getattr(importlib.import_module(module), function), table
            case Period():
                columns = metadata_of(service).tables[table].columns.keys()
                assert {*rule.clears, *rule.along} <= set(columns), table
                assert rule.person is None or rule.person in columns, table
                assert rule.days > 0, table
                assert rule.why, table
            case Kept():
                assert "PIPL" in rule.law or "Accounting Archives" in rule.law, table


@pytest.mark.parametrize("service", SERVICES)
def test_no_row_that_is_sealed_is_removed_by_a_period(service: str) -> None:
    sealed = {table.name for table in command_of(service).trail.tables}
    removed = {table for table, rule in retention_of(service).periods() if not rule.clears}
    assert not removed & sealed


@pytest.mark.parametrize("service", SERVICES)
def test_a_worker_carries_out_the_periods_of_its_service(service: str) -> None:
    worker = importlib.import_module(f"svc_{service}.worker")
    has_periods = any(retention_of(service).periods())
    assert (getattr(worker, "carry_out", None) is carry_out) == has_periods
    assert ("carry_out, database, RETENTION" in inspect.getsource(worker)) == has_periods


def test_every_encrypted_column_is_counted_by_key() -> None:
    tables = metadata_of("identity").tables.values()
    found = {
        (table.name, column.name) for table in tables for column in table.columns if isinstance(column.type, Encrypted)
    }
    assert {(table, column) for table, columns in ENCRYPTED.items() for column in columns} == found


@pytest.mark.parametrize("service", SERVICES)
def test_every_outside_system_is_a_party_or_gets_nothing_of_residents(service: str) -> None:
    package = Path(importlib.import_module(f"svc_{service}").__path__[0])
    ports = {".".join(file.relative_to(REPOSITORY).with_suffix("").parts) for file in package.rglob("provider.py")}
    evidence = evidence_of(service)
    assert {party.port for party in evidence.parties} | evidence.impersonal_ports == ports


def test_the_register_has_operations_with_who_may_call_them() -> None:
    tables = {table.path: table for table in register()}
    operations = {(row[1], row[2]): row for row in tables["register/operations"].rows}
    proofing = operations["POST", "/identity/v1/me/proofing"]
    assert proofing[3] == "person with scope profile"
    assert "id_number" in proofing[4]
    assert ("GET", "/identity/v1/divisions") not in operations
    encrypted = {(row[0], row[1]): row[4] for row in tables["register/tables"].rows}
    assert encrypted["identity", "persons"] == "phone name id_number"
    assert encrypted["identity", "sent_codes"] == ""


def test_the_notices_are_listed_with_their_sums() -> None:
    notices = next(table for table in register() if table.path == "register/notices")
    assert {row[1] for row in notices.rows} == {"privacy_notice", "user_agreement"}
    assert all(len(row[3]) == 64 for row in notices.rows)
