"""What the exported documents say of operations, beyond what FastAPI knows."""

import importlib
from collections.abc import Iterator
from typing import Annotated, Any, get_args

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from chassis.settings import ServiceSettings
from contracts.documents import FOLDER, SERVICES, in_folder, placeholder_settings
from contracts.tags import ABOUT, TAGS
from kit.environment import environment

ALL = {path: document for path, document in in_folder(FOLDER).items() if path.startswith("openapi/")}
DOCUMENTS = {path: document for path, document in ALL.items() if path != "openapi/provider.v1.json"}
"""Of what the platform answers; what companies answer is tested in `test_provider_contract`."""
NUMBERS = (0, 0.5, 86_400, True, "0", "0.5", "86400", "1764028800", "1764028800.5", "1e9", "20260131", " 86400 ", "-1")
VERBS = frozenset(
    (  # noqa: SIM905 - a list of sixty would fill the page
        "Accept Add Admit Amend Append Apply Approve Ask Assign Begin Bind Cancel Capture Change Check Claim "
        "Close Compute Confirm Create Decline Download End Exchange Expire Export Extend Find Finish Generate "
        "Get Grant Ingest Issue Lift List Make Mark Offer Open Pause Pay Place Propose Publish Push Query "
        "Quote Receive Reconcile Record Refund Refuse Register Reject Remove Rename Reopen Repeat Request "
        "Resume Retry Revoke Route Send Set Show Start Submit Suspend Take Upload Verify Void Withdraw"
    ).split()
)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def application(service: str) -> FastAPI:
    settings: type[ServiceSettings] = importlib.import_module(f"svc_{service}.settings").Settings
    with environment(**placeholder_settings()):
        app: FastAPI = importlib.import_module(f"svc_{service}.app").create_app(settings())
    return app


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_summary_begins_with_what_the_operation_does(path: str) -> None:
    """A verb that is new here is added above, so that nothing else passes for one."""
    others = [place for place, operation in operations(DOCUMENTS[path]) if operation["summary"].split()[0] not in VERBS]
    assert others == []


@pytest.mark.parametrize("path", DOCUMENTS)
def test_an_idempotency_key_is_declared_required(path: str) -> None:
    declared = [
        parameter
        for _, operation in operations(DOCUMENTS[path])
        for parameter in operation.get("parameters", ())
        if parameter["name"].lower() == "idempotency-key"
    ]
    assert declared or not any(place.startswith("POST ") for place, _ in operations(DOCUMENTS[path]))
    assert all(parameter["name"] == "Idempotency-Key" and parameter["required"] for parameter in declared)


@pytest.mark.parametrize("path", ALL)
def test_tags_are_declared_and_used(path: str) -> None:
    document, service = ALL[path], path.removeprefix("openapi/").removesuffix(".v1.json")
    used = {tag for _, operation in operations(document) for tag in operation["tags"]}
    assert used == {tag["name"] for tag in document["tags"]} == TAGS[service].keys()
    assert document["info"]["description"] == ABOUT[service]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_open_operations_say_that_no_token_is_needed(path: str) -> None:
    assert [place for place, operation in operations(DOCUMENTS[path]) if "security" not in operation] == []
    assert DOCUMENTS[path]["servers"][0]["url"] == "/"


@pytest.mark.parametrize("service", SERVICES)
def test_days_and_times_are_never_taken_from_numbers(service: str) -> None:
    """Pydantic would take a number for seconds since 1970."""
    taken = [
        f"{name}: {number!r}"
        for name, field in fields_of(application(service))
        if "'format': 'date" in str(TypeAdapter(typed(field)).json_schema())
        for number in NUMBERS
        if takes(field, number)
    ]
    assert taken == []


def fields_of(app: FastAPI) -> Iterator[tuple[str, FieldInfo]]:
    """Every single value that a request of the app may hold."""
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)
        for each in flat(dependant) if dependant else ():
            for parameter in (*each.path_params, *each.query_params, *each.header_params, *each.cookie_params):
                yield f"{route.path_format} {parameter.name}", parameter.field_info
            for body in each.body_params:
                for model in models_in(body.field_info.annotation):
                    for name, field in model.model_fields.items():
                        if not list(models_in(field.annotation)):
                            yield f"{route.path_format} {model.__name__}.{name}", field


def flat(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from flat(inner)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for part in get_args(annotation):
        yield from models_in(part)


def typed(field: FieldInfo) -> Any:  # noqa: ANN401 - an annotation
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def takes(field: FieldInfo, value: object) -> bool:
    try:
        TypeAdapter(typed(field)).validate_python(value)
    except ValidationError:
        return False
    return True
