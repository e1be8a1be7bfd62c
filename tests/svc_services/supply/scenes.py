"""A company's outage that is changed and cancelled, and arrears that it asks for and drops."""

from uuid import UUID

import httpx

from chassis.testing import Tokens, once
from tests.svc_services.supply.arrears.conftest import NOTICES, ahead
from tests.svc_services.supply.outages.conftest import OUTAGES, planned


async def interrupt(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, account: str) -> None:
    headers = tokens.client(provider_id, "accounts:write")

    async def post(path: str, body: object = None) -> dict[str, str]:
        answer = await api.post(path, json=body, headers=headers | once())
        assert answer.status_code < 300, answer.text
        shown: dict[str, str] = answer.json()
        return shown

    outage = planned()
    path = f"{OUTAGES}/{(await post(OUTAGES, outage))['outage_id']}"
    del outage["nature"]
    await post(f"{path}/changes", {**outage, "note": "later", "version": 1})
    await post(f"{path}/cancel", {})
    notice = {"account_number": account, "bill_numbers": ["B-77"], "amount_fen": 100, "deadline": ahead(20)}
    notice_id = (await post(NOTICES, notice))["notice_id"]
    await post(f"{NOTICES}/{notice_id}/withdraw")
