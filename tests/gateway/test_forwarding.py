"""What reaches the service, and what of its answer reaches the client."""

import re
import uuid

import httpx
import pytest

from tests.gateway.stage import Stage, answering, echo, scripted, serving

BILLS = {"GET /payments/v1/bills/{bill_id}": {}, "POST /payments/v1/bills/{bill_id}": {}}


def sent_headers(answer: httpx.Response) -> dict[str, str]:
    """The headers the service saw; a repeated one fails."""
    pairs = answer.json()["headers"]
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names))
    return dict(pairs)


async def test_a_request_reaches_its_service_unchanged(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILLS)
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        answer = await client.post(
            f"{gateway}/payments/v1/bills/%E4%BC%8A%E7%8A%81?limit=2&cursor=a%2Fb",
            content=b'{"paid":true}',
            headers={"Content-Type": "application/json", "Idempotency-Key": "k-1", "Cookie": "a=b"},
        )
    assert answer.status_code == 200
    seen = answer.json()
    assert seen["method"] == "POST"
    assert seen["target"] == "/payments/v1/bills/%E4%BC%8A%E7%8A%81?limit=2&cursor=a%2Fb"
    assert seen["body"] == '{"paid":true}'
    headers = sent_headers(answer)
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == "13"
    assert headers["idempotency-key"] == "k-1"
    assert headers["cookie"] == "a=b"
    assert f"http://{headers['host']}" == payments
