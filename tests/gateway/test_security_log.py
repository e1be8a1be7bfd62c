"""What the gateway refuses for a token or a limit is in its security log, and what it passes on is not."""

import asyncio

import httpx

from chassis.testing import Tokens
from tests.gateway.stage import Stage, dialogue, echo, say, serving
from tests.security_log import SecurityLog

ACCOUNT = "6540021234567"
OPERATIONS: dict[str, dict[str, object]] = {
    "GET /payments/v1/accounts/{account_number}": {"security": [{"access_token": []}]},
    "POST /payments/v1/notices": {},
}
PATH = f"/payments/v1/accounts/{ACCOUNT}"


async def test_refused_tokens_are_logged_once_with_address_and_template(
    stage: Stage, client: httpx.AsyncClient, tokens: Tokens, security_log: SecurityLog
) -> None:
    stage.promise("payments", OPERATIONS)
    good, expired = tokens.sign(), tokens.sign(exp=1_000_000_000)
    forged = good[:-8] + "AAAAAAAA"
    security_log.must_not_hold(ACCOUNT, good, expired, forged, forged.split(".")[1])
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        for token in (good, expired, forged, None):
            headers = {"X-Request-ID": "attack-0001"} | ({"Authorization": f"Bearer {token}"} if token else {})
            await client.get(f"{gateway}{PATH}", headers=headers)
        await client.get(f"{gateway}/nothing/{ACCOUNT}")
    lines = security_log.lines()
    assert [(line["kind"], line["reason"]) for line in lines] == [
        ("token_expired", "token_expired"),
        ("token_invalid", "token_invalid"),
        ("unauthenticated", "token_missing"),
    ]
    names = ("address", "method", "route", "request_id")
    wanted = ("127.0.0.1", "GET", "/payments/v1/accounts/{account_number}", "attack-0001")
    assert {tuple(line[name] for name in names) for line in lines} == {wanted}


async def test_the_address_that_exceeds_a_limit_is_logged(stage: Stage, security_log: SecurityLog) -> None:
    stage.promise("payments", OPERATIONS)
    async with stage.gateway(connections_per_address=1) as gateway, dialogue(gateway, "127.0.0.7") as (_, writer):
        writer.write(b"GET /livez HTTP/1.1\r\nHost: my.ili\r\n\r\n")
        async with dialogue(gateway, "127.0.0.7") as (reader, _):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert b" 429 " in head
    line = security_log.one()
    assert (line["kind"], line["reason"]) == ("rate_limited", "too_many_connections")
    assert line["address"] == "127.0.0.7"


async def test_what_is_only_malformed_is_no_event(stage: Stage, security_log: SecurityLog) -> None:
    stage.promise("payments", OPERATIONS)
    async with stage.gateway() as gateway:
        await say(gateway, b"GET /payments/v1/../x HTTP/1.1\r\nHost: my.ili\r\n\r\n")
        await say(gateway, b"\x16\x03\x01\x02\x00\x01")
    assert security_log.lines() == []


async def test_a_refusal_of_the_service_is_the_services_to_log(
    stage: Stage, client: httpx.AsyncClient, tokens: Tokens, security_log: SecurityLog
) -> None:
    """Else each would be in the log of the platform twice."""

    async def forbidding(scope: dict[str, object], receive: object, send: object) -> None:
        async def refuse(message: dict[str, object]) -> None:
            await send(message | ({"status": 403} if message["type"] == "http.response.start" else {}))  # type: ignore[operator]

        await echo(scope, receive, refuse)

    stage.promise("payments", OPERATIONS)
    async with serving(forbidding) as payments, stage.gateway(payments_url=payments) as gateway:  # type: ignore[arg-type]
        answer = await client.get(f"{gateway}{PATH}", headers={"Authorization": f"Bearer {tokens.sign()}"})
    assert answer.status_code == 403
    assert security_log.lines() == []
