"""Persons and their steps over HTTP. A step asserts nothing and returns its answer."""

import struct
import zlib
from typing import Any
from uuid import UUID

import httpx

from chassis.db import new_id
from chassis.testing import Tokens, once
from svc_miniapps.publishing.reviews.checklist import checklist
from tests.svc_miniapps.sample_packages import Package, manifest_for

YINING, KUYTUN, PREFECTURE = "654002", "654003", "654000"
MEDIA_TYPE = {"Content-Type": "application/miniapp-pkg+zip"}
REASONS = [{"code": "broken_page", "where": "pages/index.html", "message": "页面空白，请修复"}]
CHECKLIST = [{"item": item} for item in checklist()]
BODIES = {"reject": {"reasons": REASONS}, "approve": {"checklist": CHECKLIST}}

Headers = dict[str, str]
Json = dict[str, Any]


class Stage:
    def __init__(self, api: httpx.AsyncClient, tokens: Tokens) -> None:
        self.api = api
        self.tokens = tokens
        self.team_organisation = new_id()
        self.team = self.team_of(YINING, self.team_organisation)
        self.reviewer = tokens.staff("reviewer", organisation_id=new_id(), division_code=PREFECTURE)
        self.operator, self.second_operator = (tokens.staff("operator", division_code=PREFECTURE) for _ in range(2))

    def team_of(self, division_code: str, organisation_id: UUID | None = None) -> Headers:
        return self.tokens.staff("county_team", organisation_id=organisation_id, division_code=division_code)

    def person(self, *memberships: tuple[str, UUID, str], person_id: UUID | None = None) -> Headers:
        """A person with several roles: (role, organisation, division)."""
        names = ("role", "organisation_id", "division_code")
        claims = [dict(zip(names, map(str, membership), strict=True)) for membership in memberships]
        token = self.tokens.sign(sub=str(person_id or new_id()), assurance_level=2, memberships=claims)
        return {"Authorization": f"Bearer {token}"}

    async def teams(self, caller: Headers | None = None) -> list[Json]:
        answer = await self.api.get("/miniapps/v1/teams", headers=caller or self.team)
        items: list[Json] = answer.json()["items"]
        return items

    async def set_role(
        self, person_id: object, role: str = "developer", lead: Headers | None = None, team_id: str | None = None
    ) -> httpx.Response:
        """Give a person a role in a team; by default in the usual team, by its lead."""
        team_id = team_id or (await self.teams(lead))[0]["team_id"]
        path = f"/miniapps/v1/teams/{team_id}/members/{person_id}"
        return await self.api.put(path, json={"role": role}, headers=lead or self.team)

    async def colleague(self, role: str = "developer", person_id: UUID | None = None) -> Headers:
        """Somebody else of the usual team, who has registered an app already."""
        person_id = person_id or new_id()
        caller = self.person(("county_team", self.team_organisation, YINING), person_id=person_id)
        await self.teams(caller)
        answer = await self.set_role(person_id, role)
        assert answer.status_code == 200, answer.text
        return caller

    async def register(self, caller: Headers | None = None, **changes: object) -> httpx.Response:
        app = {
            "name": "停车泊位",
            "short_description": "查看附近的停车泊位",
            "category": "transport",
            "division_code": YINING,
            "languages": ["zh-Hans", "kk-Arab"],
            **changes,
        }
        return await self.api.post("/miniapps/v1/apps", json=app, headers=(caller or self.team) | once())

    async def registered(self, caller: Headers | None = None, **changes: object) -> Json:
        """An app whose registration is approved, so that packages can be uploaded."""
        answer = await self.register(caller, **changes)
        assert answer.status_code == 201, answer.text
        app: Json = answer.json()
        waiting = await self.submit_registration(app, caller)
        assert waiting.status_code == 201, waiting.text
        approved = await decided(self, waiting.json())
        assert approved.status_code == 200, approved.text
        return app

    async def submit_registration(self, app: Json, caller: Headers | None = None, **changes: object) -> httpx.Response:
        caller, path = caller or self.team, f"/miniapps/v1/apps/{app['app_id']}"
        uploaded = await self.api.put(f"{path}/icon", content=icon(), headers=caller | {"Content-Type": "image/png"})
        body = registration_of(app, uploaded.json().get("sha256", "")) | changes
        return await self.api.post(f"{path}/registrations", json=body, headers=caller | once())

    async def upload(
        self, app: Json, version_code: int = 1, content: bytes | None = None, caller: Headers | None = None
    ) -> httpx.Response:
        body = package_of(app, version_code) if content is None else content
        path = f"/miniapps/v1/apps/{app['app_id']}/packages/{version_code}"
        return await self.api.put(path, content=body, headers=(caller or self.team) | MEDIA_TYPE)

    async def draft(self, app: Json, version_code: int = 1, caller: Headers | None = None) -> str:
        answer = await self.upload(app, version_code, caller=caller)
        assert answer.status_code == 201, answer.text
        release_id: str = answer.json()["release_id"]
        return release_id

    async def step(
        self,
        release_id: str,
        step: str,
        caller: Headers | None = None,
        body: Json | None = None,
        if_match: str | None = None,
    ) -> httpx.Response:
        """Submit, withdraw, approve, reject or publish; by default as the team or the reviewer whose step it is."""
        usual = self.reviewer if step in {"approve", "reject"} else self.team
        if step in BODIES and body is None:
            body = BODIES[step]
        path = f"/miniapps/v1/releases/{release_id}/{step}"
        condition = {} if if_match is None else {"If-Match": if_match}
        return await self.api.post(path, json=body, headers=(caller or usual) | once() | condition)

    async def published(self, app: Json, version_code: int = 1, caller: Headers | None = None) -> str:
        release_id = await self.draft(app, version_code, caller)
        for step, by in (("submit", caller), ("approve", None)):
            answer = await self.step(release_id, step, by)
            assert answer.status_code == 200, answer.text
        return release_id

    async def kept_back(self, app: Json, version_code: int = 2) -> str:
        """An approved release that is not published."""
        release_id = await self.draft(app, version_code)
        for step, body in (("submit", {"publish_on_approval": False}), ("approve", None)):
            answer = await self.step(release_id, step, body=body)
            assert answer.status_code == 200, answer.text
        return release_id

    async def gray(self, app: Json, version_code: int = 2) -> str:
        """A gray release at its first stage; a version is published before."""
        release_id = await self.kept_back(app, version_code)
        answer = await self.step(release_id, "gray")
        assert answer.status_code == 200, answer.text
        return release_id

    async def post(self, path: str, caller: Headers, body: Json | None = None) -> httpx.Response:
        return await self.api.post(f"/miniapps/v1/{path}", json=body, headers=caller | once())

    async def status(self, release_id: str) -> str:
        answer = await self.api.get(f"/miniapps/v1/releases/{release_id}", headers=self.team)
        status: str = answer.json()["status"]
        return status

    async def catalogue(self, division_code: str = YINING, **query: str) -> list[Json]:
        answer = await self.api.get("/miniapps/v1/catalogue", params={"division_code": division_code, **query})
        assert answer.status_code == 200, answer.text
        items: list[Json] = answer.json()["items"]
        return items


def icon() -> bytes:
    """A PNG of 64 pixels a side."""
    parts = (b"IHDR" + struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0), b"IDAT" + zlib.compress(bytes(65 * 64)), b"IEND")
    packed = (struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def registration_of(app: Json, icon_sha256: str) -> Json:
    """What a team submits for an app."""
    declared = ("no_check_ins", "no_points", "no_install_rankings", "no_commercial_traffic")
    return {
        "texts": [{"language": each, "name": app["name"], "description": "说明"} for each in app["languages"]],
        "icon_sha256": icon_sha256,
        "purposes": ["方便居民"],
        "services": [],
        "privacy": [{"permission": "location", "purpose": "显示附近的泊位"}],
        "declaration": dict.fromkeys(declared, True),
    }


async def decided(
    stage: Stage, registration: Json, step: str = "approve", caller: Headers | None = None
) -> httpx.Response:
    """Approve or reject a registration."""
    path = f"/miniapps/v1/registrations/{registration['registration_id']}/{step}"
    body = {"reason": "请补充说明"} if step == "reject" else None
    return await stage.api.post(path, json=body, headers=(caller or stage.reviewer) | once())


def package_of(app: Json, version_code: int = 1) -> bytes:
    """A valid package."""
    return Package(manifest_for(app["app_id"], app["name"], version_code)).packed()


def outcome(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
