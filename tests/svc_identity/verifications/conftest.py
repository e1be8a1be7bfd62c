"""People whose faces and network identity certificates the stand-ins know, and the app that asks for them."""

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import pytest_asyncio

from chassis.testing import once
from svc_identity.people.agreements.documents import version_in_force
from svc_identity.settings import Settings
from tests.svc_identity.app_client import REDIRECT_URI
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.identities import NAME
from tests.svc_identity.organisations.claim_decisions.conftest import (
    Clash,
    Counter,
    Resident,
    clash,
    counter,
    new_resident,
)
from tests.svc_identity.people.proofing.proofs import on_record

__all__ = ["Clash", "Counter", "clash", "counter"]

VERIFICATIONS = "/identity/v1/me/verifications"
Capture = Callable[..., None]
Confirm = Callable[..., str]


async def begin(resident: Resident, method: str = "face", **changes: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    usual: dict[str, Any] = {"method": method, "consent_version": version_in_force()}
    if method == "network_certificate":
        usual |= {"redirect_uri": REDIRECT_URI, "state": secrets.token_urlsafe(24)}
    body = {name: value for name, value in {**usual, **changes}.items() if value is not None}
    return await resident.client.api.post(VERIFICATIONS, json=body, headers=resident.headers | once())


async def finish(resident: Resident, begun: dict[str, Any], code: str | None = None) -> httpx.Response:
    address = f"{VERIFICATIONS}/{begun['verification_id']}/finish"
    return await resident.client.api.post(address, json={"code": code}, headers=resident.headers | once())


async def begun(resident: Resident, method: str = "face") -> dict[str, Any]:
    answer = await begin(resident, method)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def capture(settings: Settings) -> Capture:
    """`capture(begun, number)`: the face of whoever has this ID number is before the camera."""

    def before_camera(begun: dict[str, Any], face_of: str = "", status: int = 200, **more: str) -> None:
        shown = {"sdk_token": begun["sdk_token"], "face_of": face_of, **more}
        answer = httpx.post(f"{settings.faces_url}/captures", json=shown)
        assert answer.status_code == status, answer.text

    return before_camera


def confirm(begun: dict[str, Any], id_number: str, name: str = NAME) -> dict[str, str]:
    """The person confirms in the app of the national service; returns what the browser brings back."""
    session = dict(parse_qsl(urlsplit(begun["address"]).query))["session"]
    fields = {"session": session, "decision": "confirm", "name": name, "id_number": id_number}
    answer = httpx.post(begun["address"].split("?")[0], data=fields)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{REDIRECT_URI}?")
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


class Person(Resident):
    """Somebody who has proved who they are."""

    id_number: str

    async def level(self) -> int:
        level: int = (await self.me())["assurance_level"]
        return level


async def new_person(settings: Settings, new_app_client: NewAppClient) -> Person:
    resident = await new_resident(new_app_client)
    person = Person(resident.client, resident.phone, resident.signed_in)
    person.id_number = on_record(settings)
    assert (await person.prove(person.id_number)).status_code == 200
    return person


@pytest_asyncio.fixture
async def person(settings: Settings, new_app_client: NewAppClient) -> Person:
    return await new_person(settings, new_app_client)


@pytest_asyncio.fixture
async def other(settings: Settings, new_app_client: NewAppClient) -> Person:
    return await new_person(settings, new_app_client)


async def verify(resident: Resident, capture: Capture, id_number: str) -> dict[str, Any]:
    """Level 3 by face."""
    started = await begun(resident)
    capture(started, id_number)
    done = await finish(resident, started)
    assert (done.status_code, done.json()["status"]) == (200, "passed"), done.text
    found: dict[str, Any] = done.json()
    return found


async def withdraw_consent(resident: Resident, activity: str) -> None:
    consents = await resident.client.api.get("/identity/v1/me/consents", headers=resident.headers)
    given = next(each for each in consents.json()["items"] if each["activity"] == activity)
    address = f"/identity/v1/me/consents/{given['consent_id']}/withdraw"
    answer = await resident.client.api.post(address, headers=resident.headers | once())
    assert answer.status_code == 200, answer.text
