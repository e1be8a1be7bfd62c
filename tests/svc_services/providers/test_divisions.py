"""Operators of a county decide on companies that serve that county alone."""

from typing import Any

import httpx

from chassis.db import new_id
from chassis.testing import Tokens, once
from kit.calendar import today
from tests.svc_services.accounts.holder_changes.test_holder_changes import change
from tests.svc_services.companies import APPLICATIONS, ProviderSystem, apply
from tests.svc_services.providers.connections.companies import CHANGES, connected

YINING, KUYTUN, PREFECTURE = "654002", "654003", "654000"
BEYOND = (403, "not_your_division")
Headers = dict[str, str]


def operator(tokens: Tokens, division_code: str, role: str = "operator") -> Headers:
    return tokens.staff(role, division_code=division_code, person_id=new_id())


def outcome(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def test_an_application_is_decided_within_its_division(api: httpx.AsyncClient, tokens: Tokens) -> None:
    here, there = operator(tokens, YINING), operator(tokens, KUYTUN)
    one = await apply(api, division_codes=[YINING])
    both = await apply(api, division_codes=[YINING, KUYTUN])
    refusal = {"reason": "no such company"}
    for filed, refused in ((one, there), (both, here), (both, there)):
        path = f"{APPLICATIONS}/{filed['application_id']}"
        answers = [
            await api.post(f"{path}/approve", headers=refused | once()),
            await api.post(f"{path}/refuse", json=refusal, headers=refused | once()),
            await api.get(path, headers=refused),
        ]
        assert [outcome(each) for each in answers] == [BEYOND] * 3
    listed = (await api.get(APPLICATIONS, headers=here)).json()["items"]
    assert [each["application_id"] for each in listed] == [one["application_id"]]
    approved = await api.post(f"{APPLICATIONS}/{one['application_id']}/approve", headers=here | once())
    assert approved.status_code == 200
    whole = operator(tokens, PREFECTURE)
    approved = await api.post(f"{APPLICATIONS}/{both['application_id']}/approve", headers=whole | once())
    assert approved.status_code == 200


async def test_a_connection_is_changed_within_its_division(
    api: httpx.AsyncClient, tokens: Tokens, new_system: ProviderSystem
) -> None:
    company = await connected(api, tokens, division_codes=[YINING])
    here, there, other = operator(tokens, YINING), operator(tokens, KUYTUN), operator(tokens, YINING)
    body = {"reason": "asked by letter", "action": "correct_endpoint", "endpoint_url": new_system.url}

    async def propose(headers: Headers) -> httpx.Response:
        return await api.post(f"{company.path}/changes", json=body, headers=headers | once())

    async def step(proposed: dict[str, Any], name: str, headers: Headers) -> httpx.Response:
        return await api.post(f"{CHANGES}/{proposed['provider_change_id']}/{name}", headers=headers | once())

    suspension = await api.post(f"{company.path}/suspend", json={"reason": "attack"}, headers=there | once())
    refused = [suspension, await propose(there), await api.get(f"{company.path}/connection", headers=there)]
    assert [outcome(each) for each in refused] == [BEYOND] * 3
    proposed = (await propose(here)).json()
    assert [outcome(await step(proposed, name, there)) for name in ("approve", "reject")] == [BEYOND] * 2
    assert (await step(proposed, "approve", other)).status_code == 200
    listed = [(await api.get(CHANGES, headers=each)).json()["items"] for each in (here, there)]
    assert [len(each) for each in listed] == [1, 0]


async def test_a_holder_is_changed_within_the_companys_division(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company = await connected(api, tokens, division_codes=[YINING])
    here, there, auditor = operator(tokens, YINING), operator(tokens, KUYTUN), operator(tokens, KUYTUN, "auditor")
    path = f"{company.path}/holder-changes"
    body = change(today(), reason="the company's letter")
    assert outcome(await api.post(path, json=body, headers=there | once())) == BEYOND
    proposed = await api.post(path, json=body, headers=here | once())
    decide = f"{path}/{proposed.json()['holder_change_id']}"
    for name in ("approve", "reject"):
        assert outcome(await api.post(f"{decide}/{name}", headers=there | once())) == BEYOND
    assert [outcome(await api.get(path, headers=each)) for each in (there, auditor)] == [BEYOND] * 2
    assert (await api.post(f"{decide}/approve", headers=operator(tokens, YINING) | once())).status_code == 200
