"""A scripted attack on the running service: what happened is in its log, and nothing that was typed is."""

import json
import re
from collections import Counter
from typing import Any

import httpx

from chassis.db import new_id
from chassis.testing import Tokens, once
from tests.svc_identity.conftest import new_phone
from tests.svc_identity.identities import id_number, proof
from tests.svc_identity.served import Service, code_form, sign_in, texted_code

NAMES = ("努尔兰测试", "李四测试")
TOKEN = "/identity/v1/oauth/token"  # noqa: S105 - an address
ROLE_CHANGES = "/identity/v1/role-changes"


async def guess_codes(client: httpx.AsyncClient, service: Service, phone: str) -> list[str]:
    """Six guesses at the code of a phone; returns what was typed and what was sent."""
    action, fields = await code_form(client, service, phone)
    code = await texted_code(service, phone)
    wrong = [f"{(int(code) + step) % 1_000_000:06}" for step in range(1, 7)]
    for guess in wrong:
        assert (await client.post(action, data={**fields, "code": guess})).status_code in {422, 429}
    assert (await client.post(f"{action}/codes", data=fields)).status_code == 429
    return [code, *wrong]


async def try_tokens(client: httpx.AsyncClient, stolen: dict[str, Any], forged: str, phone: str) -> None:
    """Forged, altered and missing tokens; a refresh token used three times; a client that is none."""
    head, claims, signature = stolen["access_token"].split(".")
    for token in (forged, f"{head}.{claims[:-4]}AAAA.{signature}", phone):
        headers = {"Authorization": f"Bearer {token}"}
        assert (await client.get("/identity/v1/me", headers=headers)).status_code == 401
    assert (await client.get("/identity/v1/me")).status_code == 401
    refresh = {"grant_type": "refresh_token", "client_id": "myili-app", "refresh_token": stolen["refresh_token"]}
    second = (await client.post(TOKEN, data=refresh)).json()["refresh_token"]
    assert (await client.post(TOKEN, data=refresh | {"refresh_token": second})).status_code == 200
    assert (await client.post(TOKEN, data=refresh)).status_code == 400
    assert (await client.post(TOKEN, data=refresh | {"client_id": phone})).status_code == 401


async def test_an_attack_is_in_the_log_each_step_once_and_nothing_that_was_typed(
    client: httpx.AsyncClient, service: Service, tokens: Tokens
) -> None:
    before = len(service.written())
    phone, victim, number = new_phone(), new_phone(), id_number()
    signed_in, code = await sign_in(client, service, phone)
    headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
    codes = await guess_codes(client, service, victim)
    forged = tokens.sign(iss=f"{service.url}/identity", memberships=[])
    for name in NAMES:  # the first proves who they are, the second tries the number under another name
        body = proof(name, number)
        await client.post("/identity/v1/me/proofing", json=body, headers=headers | once())
    organisation = {"organisation_id": str(new_id()), "role": "operator"}
    grant = {"action": "grant", **organisation, "phone": victim, "reason": NAMES[1]}
    assert (await client.post(ROLE_CHANGES, json=grant, headers=headers | once())).status_code == 403
    await try_tokens(client, signed_in, forged, victim)

    written = service.written()[before:]
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    assert Counter(line["kind"] for line in lines if line["event"] == "security") == {
        "code_sent": 2,
        "code_refused": 1,
        "sign_in_passed": 1,
        "sign_in_failed": 6,
        "token_issued": 1,
        "token_invalid": 3,
        "unauthenticated": 1,
        "token_reused": 1,
        "client_refused": 1,
        "proof_passed": 1,
        "proof_failed": 1,
        "forbidden": 1,
    }
    typed = (phone, phone[3:], victim, victim[3:], number, number[6:14], *NAMES, forged)
    secrets = [str(signed_in[name]) for name in ("access_token", "id_token", "refresh_token")]
    assert [each for each in (*typed, *secrets) if each in written] == []
    assert [each for each in (code, *codes) if re.search(rf"\b{each}\b", written)] == []
