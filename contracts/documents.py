"""The contracts as the code states them: OpenAPI 3.1 of each service, JSON Schema of each event."""

import base64
import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chassis.outbox import Event
from chassis.settings import ServiceSettings
from contracts.export import openapi
from contracts.own_answers import GATEWAY, of_gateway
from contracts.provider_contract import PROVIDER, of_provider
from kit.environment import environment

Document: TypeAlias = dict[str, Any]

SERVICES = ("identity", "services", "payments", "miniapps")
FOLDER = Path(__file__).parent
_CONFLICT = ("<<<<<<<", "=======", ">>>>>>>")


def current() -> dict[str, str]:
    """Every contract as the code states it now: path below `contracts/` -> the file's text."""
    documents: dict[str, Document] = {}
    with environment(**placeholder_settings()):
        for service in SERVICES:
            documents[f"openapi/{service}.v1.json"] = _openapi(service)
            for event in events_of(service):
                documents[f"events/{event.event_type}.json"] = _schema(event)
    of_services = {service: documents[f"openapi/{service}.v1.json"] for service in SERVICES}
    version = of_services["identity"]["info"]["version"]
    documents[f"openapi/{GATEWAY}.v1.json"] = of_gateway(of_services, version)
    documents[f"openapi/{PROVIDER}.v1.json"] = of_provider(version)
    return {path: as_text(document) for path, document in sorted(documents.items())}


def as_text(document: Document) -> str:
    """Stable text, so that a diff shows only what changed."""
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


class NotAContract(Exception):  # noqa: N818 - a fault of a file, which its sentence names
    """A file of a contract is no JSON object."""


def paths_in(folder: Path) -> list[str]:
    """The files of contracts in a folder, such as `openapi/…` and `events/…`, whatever is in them."""
    files = sorted([*(folder / "openapi").glob("*.json"), *(folder / "events").glob("*.json")])
    return [f"{file.parent.name}/{file.name}" for file in files]


def in_folder(folder: Path) -> dict[str, Document]:
    """The contracts in a folder: `openapi/…` and `events/…` -> document.

    Raises:
        NotAContract: a merge left its marks in one of them, or it is broken otherwise.
    """
    return {path: _read(folder / path) for path in paths_in(folder)}


def _read(file: Path) -> Document:
    place = f"contracts/{file.relative_to(FOLDER)}" if file.is_relative_to(FOLDER) else str(file)
    try:
        text = file.read_text("utf-8")
        document = json.loads(text)
    except json.JSONDecodeError as error:
        conflict = next((number for number, line in enumerate(text.splitlines(), 1) if line.startswith(_CONFLICT)), 0)
        fault = f"has a merge conflict in line {conflict}" if conflict else f"is no JSON: {error}"
        raise NotAContract(f"{place} {fault}") from None
    except UnicodeDecodeError:
        raise NotAContract(f"{place} is no text in UTF-8") from None
    if not isinstance(document, dict):
        raise NotAContract(f"{place} is no JSON object")
    return document


def events_of(service: str) -> Iterator[type[Event]]:
    """The event types a service publishes: the subclasses of Event in its slices' `events.py`."""
    package = importlib.import_module(f"svc_{service}")
    names = [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    for name in sorted(name for name in names if name.endswith(".events")):
        for _name, member in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if issubclass(member, Event) and member.__module__ == name and "event_type" in vars(member):
                yield member


def _openapi(service: str) -> Document:
    settings_class: type[ServiceSettings] = importlib.import_module(f"svc_{service}.settings").Settings
    app = importlib.import_module(f"svc_{service}.app").create_app(settings_class())
    return openapi(app)


def _schema(event: type[Event]) -> Document:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:myili:event:{event.event_type}",
        **event.model_json_schema(mode="serialization"),
        "title": event.event_type,
        "description": inspect.cleandoc(event.__doc__ or ""),
        "x-topic": event.topic(),
        "x-key": event.key_field,
    }


def placeholder_settings() -> Mapping[str, str]:
    # The application is built to read its routes and never started; its settings only have to be well-formed.
    elliptic, modular = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    private = PrivateFormat.PKCS8, NoEncryption()
    rsa_pem = modular.private_bytes(Encoding.PEM, *private).decode()
    nowhere = "http://127.0.0.1:1"
    return {
        "database_url": "postgresql://nobody@127.0.0.1:1",
        "kafka": "127.0.0.1:1",
        "public_url": nowhere,
        "jwks_url": nowhere,
        "sms_url": nowhere,
        "registries_url": nowhere,
        "channel_url": nowhere,
        "token_signing_key": elliptic.private_bytes(Encoding.PEM, *private).decode(),
        "package_signing_key": elliptic.private_bytes(Encoding.PEM, *private).decode(),
        "provider_signing_key": rsa_pem,
        "merchant_key": rsa_pem,
        "channel_public_key": modular.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode(),
        "field_key": base64.b64encode(bytes(32)).decode(),
        "index_key": base64.b64encode(bytes(32)).decode(),
        "packages": "file:///nowhere",
        "materials": "file:///nowhere",
        "ledger_anchors": "file:///nowhere",
    }
