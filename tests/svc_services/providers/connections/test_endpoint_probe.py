"""An endpoint that is corrected is in force once it answers a signed call; until then the former one is called."""

import json
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from chassis.testing import Tokens
from tests.svc_services.companies import (
    Answer,
    ProviderSystem,
    answer_verifying,
    answer_with,
    answer_with_bytes,
)
from tests.svc_services.providers.connections.companies import connected
from tests.svc_services.providers.connections.test_operator_changes import Operators


@pytest.mark.parametrize(
    ("answer", "reasons"),
    [
        (answer_with("no_account"), {"accepted"}),
        (answer_with("match"), {"wrong_answer", "accepted"}),
        (answer_with("refused", 401), {"wrong_status"}),
        (answer_with("no_account", 500), {"wrong_status", "wrong_refusal"}),
        (answer_with_bytes(b"<h1>welcome</h1>"), {"wrong_answer", "accepted"}),
    ],
    ids=["verifies nothing", "knows everybody", "refuses everything", "is broken", "is a website"],
)
async def test_an_address_that_does_not_answer_rightly_is_refused(
    api: httpx.AsyncClient, tokens: Tokens, new_system: ProviderSystem, answer: Answer, reasons: set[str]
) -> None:
    company, operators = await connected(api, tokens), Operators(api, tokens)
    before = (await api.get(f"{company.path}/connection", headers=operators.first)).json()
    new_system.answer = answer
    wanted: dict[str, Any] = {"action": "correct_endpoint", "endpoint_url": new_system.url}
    for refused in (await company.change(api, **wanted), await operators.propose(company, **wanted)):
        assert (refused.status_code, refused.json()["code"]) == (422, "endpoint_probe_failed")
        assert refused.json()["reason"] in reasons
    assert (await api.get(f"{company.path}/connection", headers=operators.first)).json() == before


async def test_a_dead_address_is_refused_and_the_same_is_accepted_once_it_answers(
    api: httpx.AsyncClient, tokens: Tokens, new_system: ProviderSystem, signing_key: RSAPrivateKey
) -> None:
    company = await connected(api, tokens)
    dead = await company.change(api, action="correct_endpoint", endpoint_url="http://127.0.0.1:1/dead")
    assert (dead.json()["code"], dead.json()["reason"]) == ("endpoint_probe_failed", "not_reached")
    new_system.answer = answer_verifying(signing_key)
    moved = await company.change(api, action="correct_endpoint", endpoint_url=new_system.url)
    assert (moved.status_code, moved.json()["status"]) == (201, "approved")
    asked = [json.loads(each.body)["holder_name"] for each in new_system.requests]
    assert (len(asked), len(set(asked))) == (2, 1)


async def test_an_operator_of_another_division_has_no_address_called(
    api: httpx.AsyncClient, tokens: Tokens, new_system: ProviderSystem
) -> None:
    company = await connected(api, tokens, division_codes=["654002"])
    elsewhere = tokens.staff("operator", division_code="654003")
    wanted = {"action": "correct_endpoint", "endpoint_url": new_system.url, "reason": "moved"}
    answer = await api.post(f"{company.path}/changes", json=wanted, headers=elsewhere | {"Idempotency-Key": "k" * 20})
    assert (answer.status_code, new_system.requests) == (403, [])
