"""What residents, clerks and providers send about applications."""

from typing import Any
from uuid import UUID

import httpx

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import Tokens, once
from svc_services.accounts.bindings.models import AccountBinding, BindingStatus
from svc_services.cases.fees.consumers import HANDLERS as FEE_HANDLERS

APPLICATIONS = "/services/v1/applications"
QUEUE = "/services/v1/application-queue"
RECEIVED = "/services/v1/received-applications"
YINING, KUYTUN = "654002", "654003"
FORM = {"address": "解放西路1号", "phone": "13800000001", "purpose": "residential"}
NEW_ACCOUNT = "1234567897"
Headers = dict[str, str]
Case = dict[str, Any]


def clerk(tokens: Tokens, division_code: str = YINING, role: str = "clerk") -> Headers:
    return tokens.staff(role, division_code=division_code, person_id=new_id())


def provider(tokens: Tokens, provider_id: UUID) -> Headers:
    return tokens.client(provider_id, "accounts:write")


async def post(api: httpx.AsyncClient, path: str, headers: Headers, body: Any, version: int) -> httpx.Response:  # noqa: ANN401 - JSON
    return await api.post(path, json=body, headers=headers | once() | {"If-Match": f'"{version}"'})


async def draft(api: httpx.AsyncClient, headers: Headers, provider_id: UUID, **changes: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    usual = {"provider_id": str(provider_id), "kind": "new_connection", "division_code": YINING, "form": FORM}
    return await api.post(APPLICATIONS, json={**usual, **changes}, headers=headers | once())


async def submit(api: httpx.AsyncClient, headers: Headers, case: Case) -> httpx.Response:
    return await post(api, f"{APPLICATIONS}/{case['application_id']}/submit", headers, None, case["version"])


async def submitted(api: httpx.AsyncClient, headers: Headers, provider_id: UUID, **changes: Any) -> Case:  # noqa: ANN401 - JSON
    begun = await draft(api, headers, provider_id, **changes)
    assert begun.status_code == 201, begun.text
    answer = await submit(api, headers, begun.json())
    assert answer.status_code == 200, answer.text
    case: Case = answer.json()
    return case


async def act(
    api: httpx.AsyncClient,
    base: str,
    headers: Headers,
    case: Case,
    action: str,
    **parts: Any,  # noqa: ANN401 - JSON
) -> httpx.Response:
    path = f"{base}/{case['application_id']}/actions"
    return await post(api, path, headers, {"action": action, **parts}, case["version"])


async def acted(
    api: httpx.AsyncClient,
    base: str,
    headers: Headers,
    case: Case,
    action: str,
    **parts: Any,  # noqa: ANN401 - JSON
) -> Case:
    answer = await act(api, base, headers, case, action, **parts)
    assert answer.status_code == 200, answer.text
    moved: Case = answer.json()
    return moved


async def claim(api: httpx.AsyncClient, headers: Headers, case: Case) -> httpx.Response:
    return await api.post(f"{QUEUE}/{case['application_id']}/claim", headers=headers | once())


async def decided(api: httpx.AsyncClient, headers: Headers, case: Case, action: str, **parts: Any) -> Case:  # noqa: ANN401 - JSON
    """What a clerk does who claims a case first."""
    claimed = await claim(api, headers, case)
    assert claimed.status_code == 200, claimed.text
    return await acted(api, QUEUE, headers, case, action, **parts)


async def bound(database: Database, person_id: UUID, provider_id: UUID, account_number: str = "1234567895") -> str:
    async with database.transaction() as tx:
        binding = AccountBinding(person_id=person_id, provider_id=provider_id, account_number=account_number)
        binding.status = BindingStatus.PENDING
        tx.add(binding)
        binding.activate()
    return account_number


async def heard(database: Database, case: Case, what: str, sequence: int) -> None:
    """What svc_payments says about the fee of a case."""
    (handler,) = (each for each in FEE_HANDLERS if each.event_type == f"cn.ili.payments.application_fee.{what}.v1")
    moved = handler.data.model_validate({"fee_id": case["fee"]["bill_id"], "sequence": sequence})
    async with database.transaction() as tx:
        await handler.handle(tx, Received(new_id(), handler.event_type, now(), moved))


def outcome(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")
