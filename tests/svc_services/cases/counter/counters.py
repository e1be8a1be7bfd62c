"""What a clerk and a person do at a counter."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from chassis.db import new_id
from chassis.testing import Tokens, once
from tests.svc_services.cases.applications.cases import FORM, KUYTUN, YINING, Case, Headers

COUNTER_MATERIALS = "/services/v1/counter-materials"
FILINGS, CONFIRMATIONS = "/services/v1/counter-filings", "/services/v1/counter-confirmations"


@dataclass
class Counter:
    """A clerk of Kuytun, who takes in what Yining decides."""

    api: httpx.AsyncClient
    clerk: Headers
    clerk_id: UUID
    provider_id: UUID

    async def begun(self, **changes: Any) -> Case:  # noqa: ANN401 - JSON
        return _done(await self.begin(**changes), 201)

    async def begin(self, **changes: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        usual = {
            "counter_division_code": KUYTUN,
            "provider_id": str(self.provider_id),
            "kind": "new_connection",
            "division_code": YINING,
            "form": FORM,
        }
        return await self.api.post(FILINGS, json={**usual, **changes}, headers=self.clerk | once())

    async def post(self, filing: Case, action: str, body: object = None) -> httpx.Response:
        path = f"{FILINGS}/{filing['filing_id']}/{action}"
        return await self.api.post(path, json=body, headers=self.clerk | once())

    async def offered(self, filing: Case) -> str:
        code: str = _done(await self.post(filing, "offer"))["code"]
        return code

    async def open(self, person: Headers, code: str) -> httpx.Response:
        return await self.api.post(f"{CONFIRMATIONS}/open", json={"code": code}, headers=person | once())

    async def admitted(self, filing: Case, person: Headers) -> Case:
        """Offered, opened, and the number typed: what the person reads now."""
        opened = _done(await self.open(person, await self.offered(filing)))
        assert opened["content"] is None
        _done(await self.post(filing, "admit", {"match_number": opened["match_number"]}))
        return await self.read(filing, person)

    async def read(self, filing: Case, person: Headers) -> Case:
        return _done(await self.api.get(f"{CONFIRMATIONS}/{filing['filing_id']}", headers=person))

    async def confirm(self, filing: Case, person: Headers, digest: str, key: Headers | None = None) -> httpx.Response:
        path = f"{CONFIRMATIONS}/{filing['filing_id']}/confirm"
        return await self.api.post(path, json={"digest": digest}, headers=person | (key or once()))

    async def filed(self, person: Headers, **changes: Any) -> tuple[Case, Case]:  # noqa: ANN401 - JSON
        """A filing, and the case that its person confirmed."""
        filing = await self.begun(**changes)
        read = await self.admitted(filing, person)
        case = _done(await self.confirm(filing, person, read["content"]["digest"]))
        return filing, case

    async def save(self, filing: Case, form: object) -> httpx.Response:
        headers = self.clerk | {"If-Match": f'"{filing["version"]}"'}
        return await self.api.put(f"{FILINGS}/{filing['filing_id']}/form", json={"form": form}, headers=headers)

    async def seen(self, filing: Case) -> Case:
        return _done(await self.api.get(f"{FILINGS}/{filing['filing_id']}", headers=self.clerk))

    async def add(self, filing: Case, material: Case) -> httpx.Response:
        path = f"{FILINGS}/{filing['filing_id']}/materials/{material['material_id']}"
        return await self.api.put(path, headers=self.clerk)


def counter_of(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> Counter:
    clerk_id = new_id()
    headers = tokens.staff("clerk", division_code=KUYTUN, person_id=clerk_id)
    return Counter(api, headers, clerk_id, provider_id)


def _done(answer: httpx.Response, status: int = 200) -> Case:
    assert answer.status_code == status, answer.text
    content: Case = answer.json()
    return content
