"""A published app with a server, its template, and residents who agree to its messages."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from chassis.db import new_id
from chassis.testing import once
from kit.openid_tickets import AUDIENCE, TYPE
from tests.svc_miniapps.publishing.clients.test_clients import approved as approved_client
from tests.svc_miniapps.stage import Headers, Json, Stage

FIELDS = [
    {"name": "matter", "kind": "word", "max_length": 20},
    {"name": "number", "kind": "code", "max_length": 32},
    {"name": "day", "kind": "date", "max_length": 10},
]
TEXTS = [
    {
        "language": "zh-Hans",
        "title": "办理进度提醒",
        "labels": {"matter": "事项", "number": "受理编号", "day": "日期"},
    },
    {
        "language": "kk-Arab",
        "title": "ٴىس بارىسى",
        "labels": {"matter": "شارۋا", "number": "ٴنومىرى", "day": "كۇنى"},
    },
]
TEMPLATE: Json = {"fields": FIELDS, "texts": TEXTS, "page": "pages/detail/detail", "no_advertising": True}
VALUES = {"matter": "停车月卡已办结", "number": "TC-2026-000017", "day": "2026-12-03"}


@dataclass
class Resident:
    """Somebody in the residents' app, with a name at each app."""

    person_id: UUID = field(default_factory=new_id)
    openids: dict[str, UUID] = field(default_factory=dict)

    def openid(self, app: Json) -> UUID:
        return self.openids.setdefault(app["app_id"], new_id())


class Runtime:
    def __init__(self, stage: Stage) -> None:
        self.stage, self.api, self.tokens = stage, stage.api, stage.tokens

    async def app(self, name: str = "停车泊位") -> Json:
        """A published app whose server has a client."""
        app = await self.stage.registered(name=name)
        await self.stage.published(app)
        await approved_client(self.stage, app)
        return app

    async def submit(self, app: Json, caller: Headers | None = None, **changes: Any) -> httpx.Response:  # noqa: ANN401 - fields
        path = f"/miniapps/v1/apps/{app['app_id']}/message-templates"
        return await self.api.post(path, json=TEMPLATE | changes, headers=(caller or self.stage.team) | once())

    async def decide(
        self, template: Json, step: str, caller: Headers | None = None, body: Json | None = None
    ) -> httpx.Response:
        usual = self.stage.reviewer if step in {"approve", "reject"} else self.stage.team
        path = f"message-templates/{template['template_id']}/{step}"
        return await self.stage.post(path, caller or usual, body)

    async def template(self, app: Json, **changes: Any) -> Json:  # noqa: ANN401 - fields
        submitted = await self.submit(app, **changes)
        assert submitted.status_code == 201, submitted.text
        approved = await self.decide(submitted.json(), "approve")
        assert approved.status_code == 200, approved.text
        template: Json = approved.json()
        return template

    def ticket(self, resident: Resident, app: Json, **claims: Any) -> str:  # noqa: ANN401 - claims
        about: dict[str, Any] = {"sub": str(resident.person_id), "openid": str(resident.openid(app))}
        about |= {"of_client": f"miniapp-{app['app_id']}", "aud": AUDIENCE}
        return self.tokens.sign(typ=TYPE, **about | claims)

    async def agree(
        self, resident: Resident, app: Json, *templates: Json, ticket: str | None = None, caller: Headers | None = None
    ) -> httpx.Response:
        body = {
            "openid_ticket": ticket or self.ticket(resident, app),
            "template_ids": [each["template_id"] for each in templates],
        }
        headers = (caller or self.tokens.resident(resident.person_id)) | once()
        return await self.api.post("/miniapps/v1/me/message-consents", json=body, headers=headers)

    async def agreed(self, resident: Resident, app: Json, *templates: Json) -> Json:
        answer = await self.agree(resident, app, *templates)
        assert answer.status_code == 201, answer.text
        items: Json = answer.json()["items"][0]
        return items

    def server(self, app: Json, **claims: Any) -> Headers:  # noqa: ANN401 - claims
        """The app's server with a token of its own."""
        client_id = f"miniapp-{app['app_id']}"
        usual: dict[str, Any] = {"sub": client_id, "client_id": client_id, "kind": "client", "assurance_level": None}
        token = self.tokens.sign(**usual | {"scope": "messages"} | claims)
        return {"Authorization": f"Bearer {token}"}

    async def send(
        self,
        app: Json,
        openid: UUID,
        template: Json,
        message_id: str = "m1",
        caller: Headers | None = None,
        **changes: object,
    ) -> httpx.Response:
        body = {"openid": str(openid), "template_id": template["template_id"], "values": VALUES, **changes}
        headers = caller or self.server(app)
        return await self.api.put(f"/miniapps/v1/app-messages/{message_id}", json=body, headers=headers)

    async def inbox(self, resident: Resident, **query: str) -> list[Json]:
        headers = self.tokens.resident(resident.person_id)
        answer = await self.api.get("/miniapps/v1/me/messages", params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        items: list[Json] = answer.json()["items"]
        return items

    async def consents(self, resident: Resident) -> list[str]:
        """The status of each, newest first."""
        headers = self.tokens.resident(resident.person_id)
        answer = await self.api.get("/miniapps/v1/me/message-consents", headers=headers)
        assert answer.status_code == 200, answer.text
        return [each["status"] for each in answer.json()["items"]]
