"""What every service keeps: a rule on each endpoint, words for each refusal, keys on unsafe requests, clean events."""

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import jsoncompat
import jsonschema_rs
import pytest
from fastapi import FastAPI

from chassis.auth import OpenRule, rules_by_route
from chassis.outbox import Event
from chassis.problems import Problem, catalogue
from chassis.settings import ServiceSettings
from contracts.__main__ import RELEASED
from contracts.documents import FOLDER, SERVICES, current, events_of, in_folder, placeholder_settings
from contracts.export import openapi
from kit.environment import environment

PACKAGES = ["chassis", "kit", "gateway", *(f"svc_{service}" for service in SERVICES)]
LANGUAGES = {"zh", "en"}
PERSONAL = re.compile(r"phone|id_number|holder|person_name|address|birth|(^|_)name_")
NOT_REFUSALS = {
    "invalid_request",
    "punctuation",
    "who_may_call",
    "approved_providers",
    "statement_fault",
    "page",
    "tariff_line",
}
"""Words that stand inside or around refusals."""
EVENTS = [event for service in SERVICES for event in events_of(service)]


@pytest.fixture(scope="session")
def apps() -> dict[str, FastAPI]:
    with environment(**placeholder_settings()):
        return {service: _app(service) for service in SERVICES}


def _app(service: str) -> FastAPI:
    settings: type[ServiceSettings] = importlib.import_module(f"svc_{service}.settings").Settings
    app: FastAPI = importlib.import_module(f"svc_{service}.app").create_app(settings())
    return app


@pytest.mark.parametrize("service", SERVICES)
def test_every_endpoint_states_who_may_call_it(apps: dict[str, FastAPI], service: str) -> None:
    endpoints = list(rules_by_route(apps[service]))
    assert len(endpoints) > 5
    without = [f"{method} {path} states {len(rules)} rules" for method, path, rules in endpoints if len(rules) != 1]
    assert without == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_open_endpoint_says_why_it_is_open(apps: dict[str, FastAPI], service: str) -> None:
    for method, path, rules in rules_by_route(apps[service]):
        for rule in rules:
            if isinstance(rule, OpenRule):
                assert len(rule.who_may_call.split()) > 2, f"{method} {path}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_refusal_has_words_in_chinese_and_english(package: str) -> None:
    words = catalogue(package)
    missing = [
        f"{problem.code} in {language}"
        for problem in _problems_of(package)
        for language in LANGUAGES
        if not words.get(language, {}).get(problem.code, {}).get("detail")
    ]
    assert missing == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_words_are_left_of_refusals_that_are_gone(package: str) -> None:
    codes = {problem.code for problem in _problems_of(package)} | set(_reasons_of(package)) | NOT_REFUSALS
    for language, words in catalogue(package).items():
        assert set(words) - codes == set(), language


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_is_summarised_for_its_readers(apps: dict[str, FastAPI], service: str) -> None:
    for path, operations in openapi(apps[service])["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"] != operation["operationId"].replace("_", " ").title(), f"{method} {path}"


def _problems_of(package: str) -> Iterator[type[Problem]]:
    return (kind for kind in _classes_of(package) if issubclass(kind, Problem) and hasattr(kind, "code"))


def _reasons_of(package: str) -> Iterator[str]:
    """Why rows of a file are refused: codes with words, too, though no answer of their own."""
    enums = (kind for kind in _classes_of(package) if issubclass(kind, StrEnum) and kind.__name__ == "Reason")
    return (str(reason) for enum in enums for reason in enum)


def _classes_of(package: str) -> Iterator[type[Any]]:
    root = importlib.import_module(package)
    names = [package, *(module.name for module in pkgutil.walk_packages(root.__path__, f"{package}."))]
    for name in names:
        if ".migrations" not in name and not name.endswith("__main__"):
            members = inspect.getmembers(importlib.import_module(name), inspect.isclass)
            yield from (member for _, member in members if member.__module__ == name)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.event_type)
def test_events_are_named_by_the_rule_and_hold_no_personal_data(event: type[Event]) -> None:
    assert re.fullmatch(r"cn\.ili\.[a-z]+\.[a-z_]+\.[a-z_]+\.v\d+", event.event_type)
    assert [field for field in event.model_fields if PERSONAL.search(field)] == []


@pytest.mark.parametrize("release", sorted(folder.name for folder in RELEASED.iterdir()))
def test_a_sample_of_every_event_fits_every_released_schema(release: str) -> None:
    now = current()
    for path, schema in in_folder(RELEASED / release).items():
        if path.startswith("events/"):
            validator = jsonschema_rs.validator_for(schema)
            for _ in range(20):
                sample = json.loads(jsoncompat.generate_value(_without_address(now[path]), 5))
                validator.validate(sample)


def _without_address(schema: str) -> str:
    # Only local references are followed by the generator, and an absolute $id makes them look remote to it.
    return json.dumps({name: value for name, value in json.loads(schema).items() if name != "$id"})


def test_the_change_log_names_every_release() -> None:
    text = (FOLDER / "CHANGELOG.md").read_text("utf-8")
    assert [folder.name for folder in RELEASED.iterdir() if f"## {folder.name}" not in text] == []


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_name_checks_as_they_are(service: str) -> None:
    """Without `op.f` the naming convention is applied to a name that follows it already."""
    versions = (FOLDER.parent / f"svc_{service}" / "migrations" / "versions").glob("*.py")
    assert [file.name for file in versions if 'name="ck_' in file.read_text("utf-8")] == []
