"""A published mini-app whose resident is signed in to it, on a running platform; and how long a take-down takes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx

from deploy.local.platform import LocalPlatform
from svc_miniapps.publishing.reviews.checklist import checklist
from tests.journeys.demo import sample_codes
from tests.journeys.demo.app import Person
from tests.journeys.demo.mini_app import approve_registration, package
from tests.journeys.demo.narrator import Narrator
from tests.journeys.demo.people import reviewer_of, team_member
from tests.journeys.demo.stage import DIVISION, Company, Stage, operators_of
from tests.kit.dpop.prover import Prover
from tests.svc_identity.app_client import TOKEN, AppClient
from tests.svc_identity.oauth.test_exchange import form
from tests.svc_identity.oauth.test_possession import redeem

CALLBACK = "https://parking.ili.gov.cn/callback"
CONNECTIONS = 4
MINIAPPS = "/miniapps/v1"
_PATIENCE = 30.0


@dataclass(frozen=True)
class Scene:
    operator: Person
    second_operator: Person
    app_id: str
    connections: list[httpx.AsyncClient]
    """Through the gateway."""
    prover: Prover
    token: str
    """Of the mini-app, from its resident's sign-in."""
    of_residents_app: str
    """A token of the residents' app, which it exchanges for one of the mini-app."""


@contextlib.asynccontextmanager
async def signed_in_mini_app(platform: LocalPlatform) -> AsyncIterator[Scene]:
    operator, second = operators_of(platform)
    app_id = await asyncio.to_thread(_published, platform, operator, second)
    async with contextlib.AsyncExitStack() as open_ones:
        open_ones.callback(operator.close)
        open_ones.callback(second.close)
        urls = [platform.sms_url, *[platform.public_url] * CONNECTIONS]
        clients = [await open_ones.enter_async_context(httpx.AsyncClient(base_url=url)) for url in urls]
        sms, *connections = clients
        prover = Prover()
        token = await _signed_in(AppClient(connections[0], sms), prover, f"miniapp-{app_id}")
        residents = Person(platform.public_url, platform.sms_url, sample_codes.phone())
        open_ones.callback(residents.close)
        own: dict[str, Any] = await asyncio.to_thread(residents.sign_in)
        yield Scene(operator, second, app_id, connections, prover, token, own["access_token"])


def _published(platform: LocalPlatform, operator: Person, second: Person) -> str:
    nobody = cast("Company", None)
    stage = Stage(Narrator(), platform, Path(), 0, operator, second, nobody, nobody, nobody)
    for each in (operator, second):
        each.sign_in_proofed()
    team, reviewer = team_member(stage, "Sample County Team"), reviewer_of(stage, "Sample Review Body")
    name = f"停车泊位 {sample_codes.uscc()[-6:]}"
    new = {"name": name, "short_description": "附近的泊位", "category": "transport", "languages": ["zh-Hans"]}
    app = _ok(team.call("POST", f"{MINIAPPS}/apps", json=new | {"division_code": DIVISION}))
    app_id: str = app["app_id"]
    approve_registration(stage, team, reviewer, app)
    path, kind = f"{MINIAPPS}/apps/{app_id}/packages/1", {"Content-Type": "application/miniapp-pkg+zip"}
    release_id = _ok(team.call("PUT", path, content=package(app_id, name, 1), headers=kind))["release_id"]
    _ok(team.call("POST", f"{MINIAPPS}/releases/{release_id}/submit"))
    checked = {"checklist": [{"item": item} for item in checklist()]}
    _ok(reviewer.call("POST", f"{MINIAPPS}/releases/{release_id}/approve", json=checked))
    asked = {"redirect_uris": [CALLBACK], "scopes": ["openid", "bills"], "reason": "显示停车账单"}
    request = _ok(team.call("POST", f"{MINIAPPS}/apps/{app_id}/client-requests", json=asked))
    _ok(reviewer.call("POST", f"{MINIAPPS}/client-requests/{request['client_request_id']}/approve"))
    team.close()
    reviewer.close()
    return app_id


def _ok(answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    assert answer.is_success, answer.text
    return answer.json()


async def _signed_in(app: AppClient, prover: Prover, client_id: str) -> str:
    app.client_id, app.redirect_uri = client_id, CALLBACK
    begun = time.monotonic()
    while (await app.api.get("/identity/v1/oauth/authorize", params=app.request())).status_code >= 400:
        assert time.monotonic() - begun < _PATIENCE, "svc_identity does not know the client"
        await asyncio.sleep(0.1)
    code = await app.sign_in(sample_codes.phone(), client_id=client_id, redirect_uri=CALLBACK, scope="openid bills")
    answer = await redeem(app, prover, code)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


WAYS = {
    "listing": f"{MINIAPPS}/catalogue/{{app_id}}",
    "package": f"{MINIAPPS}/catalogue/{{app_id}}/package",
    "payments": "/payments/v1/bills",
    "userinfo": "/identity/v1/oauth/userinfo",
}
ALL = frozenset({"catalogue", "exchange", *WAYS})


async def stands(scene: Scene, ways: frozenset[str] = ALL) -> frozenset[str]:
    """In which of these ways residents still reach the app, over any of the connections."""
    found = await asyncio.gather(*(_stands(scene, api, way) for api in scene.connections for way in sorted(ways)))
    return frozenset(way for way in found if way)


async def _stands(scene: Scene, api: httpx.AsyncClient, way: str) -> str | None:
    if way == "catalogue":
        listed = await api.get(f"{MINIAPPS}/catalogue", params={"division_code": DIVISION, "limit": "200"})
        return way if scene.app_id in listed.text else None
    if way == "exchange":
        asked = form(scene.of_residents_app, f"miniapp-{scene.app_id}", scope="openid")
        return way if (await api.post(TOKEN, data=asked)).is_success else None
    path = WAYS[way].format(app_id=scene.app_id)
    if way in {"listing", "package"}:
        return way if (await api.get(path)).status_code != httpx.codes.NOT_FOUND else None
    answer = await scene.prover.send(api, "GET", path, token=scene.token)
    return way if answer.status_code != httpx.codes.UNAUTHORIZED else None


async def seconds_until_gone(scene: Scene) -> tuple[float, str]:
    """Take the app down in an emergency: seconds from the operator's call to the last refusal, and the take-down."""
    begun = time.monotonic()
    path, body = f"{MINIAPPS}/apps/{scene.app_id}/take-downs", {"reason": "被篡改", "emergency": True}
    down = _ok(await asyncio.to_thread(scene.operator.call, "POST", path, json=body))
    left = ALL
    while left := await stands(scene, left):
        assert time.monotonic() - begun < _PATIENCE, left
    seconds = time.monotonic() - begun
    assert not await stands(scene), "something came back"
    return seconds, down["take_down_id"]


async def restored(scene: Scene, take_down_id: str) -> None:
    """Reject the take-down as the second operator, and wait until everything of the app stands again."""
    path = f"{MINIAPPS}/take-downs/{take_down_id}/reject"
    _ok(await asyncio.to_thread(scene.second_operator.call, "POST", path))
    begun = time.monotonic()
    while (found := await stands(scene)) != ALL:
        assert time.monotonic() - begun < _PATIENCE, found
