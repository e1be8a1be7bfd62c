"""The parts of a request that reach its service, and of the answer that reach the client."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.gateway.stage import Stage, answering, dialogue, echo, read_head, say, scripted, serving, staying

BILL: dict[str, dict[str, object]] = {"GET /payments/v1/bills/{bill_id}": {}, "POST /payments/v1/bills/{bill_id}": {}}
PATH = "/payments/v1/bills/1"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def received(answer: httpx.Response) -> dict[str, str]:
    """The headers the echoing service received; a repeated one fails."""
    assert answer.status_code == 200
    pairs = answer.json()["headers"]
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


async def test_a_request_reaches_its_service_unchanged(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        answer = await client.post(
            f"{gateway}/payments/v1/bills/%E4%BC%8A%E7%8A%81?limit=2&cursor=a%2Fb",
            content=b'{"paid":true}',
            headers={"Content-Type": "application/json", "Idempotency-Key": "k-1", "Cookie": "a=b"},
        )
    headers = received(answer)
    assert answer.json()["method"] == "POST"
    assert answer.json()["target"] == "/payments/v1/bills/%E4%BC%8A%E7%8A%81?limit=2&cursor=a%2Fb"
    assert answer.json()["body"] == '{"paid":true}'
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == "13"
    assert headers["idempotency-key"] == "k-1"
    assert headers["cookie"] == "a=b"
    assert f"http://{headers['host']}" == payments


async def test_pages_of_other_sites_are_allowed_nothing(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    elsewhere = {"Origin": "https://evil.test"}
    preflight = elsewhere | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        refused = await client.options(f"{gateway}{PATH}", headers=preflight)
        answers = [await client.get(f"{gateway}{path}", headers=elsewhere) for path in (PATH, "/docs", "/nothing")]
    assert refused.status_code == 405
    for answer in (refused, *answers):
        assert [name for name in answer.headers if name.startswith("access-control-")] == []


async def test_a_body_of_unknown_length_reaches_its_service(stage: Stage, client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one,"
        yield b"two"

    stage.promise("payments", BILL)
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        answer = await client.post(f"{gateway}{PATH}", content=pieces())
    assert answer.json()["body"] == "one,two"
    assert received(answer)["transfer-encoding"] == "chunked"


async def test_headers_for_one_hop_go_no_further(stage: Stage) -> None:
    request = (
        f"GET {PATH} HTTP/1.1\r\nHost: my.ili\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\n"
        "Keep-Alive: timeout=5\r\nProxy-Authorization: Basic eDp5\r\nExpect: 100-continue\r\nX-Stays: 2\r\n\r\n"
    )
    stage.promise("payments", BILL)
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        status, answer = await say(gateway, request.encode())
    assert status == 200
    assert b'["x-stays", "2"]' in answer
    for gone in (b"x-hop", b'"te"', b"proxy-authorization", b'"keep-alive"', b'"connection"', b"expect"):
        assert gone not in answer


async def test_only_the_gateway_says_where_a_request_came_from(stage: Stage, client: httpx.AsyncClient) -> None:
    claims = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "elsewhere.example",
        "X-Forwarded-Prefix": "/x",
        "X-Real-IP": "203.0.113.9",
        "Forwarded": "for=203.0.113.9",
    }
    stage.promise("payments", BILL)
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        headers = received(await client.get(f"{gateway}{PATH}", headers=claims))
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-host"] == gateway.removeprefix("http://")
    assert not {"x-forwarded-prefix", "x-real-ip", "forwarded"} & set(headers)


async def test_a_well_formed_request_id_is_kept_and_returned(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        answer = await client.get(f"{gateway}{PATH}", headers={"X-Request-ID": "order-2024.17_a"})
    assert answer.headers.get_list("x-request-id") == ["order-2024.17_a"]
    assert received(answer)["x-request-id"] == "order-2024.17_a"


@pytest.mark.parametrize("unsafe", ["", "short", "a" * 65, "spaces in it", 'quote"quote', "伊犁伊犁伊犁"])
async def test_another_request_id_is_replaced_by_a_new_one(
    stage: Stage, client: httpx.AsyncClient, unsafe: str
) -> None:
    stage.promise("payments", BILL)
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        answer = await client.get(f"{gateway}{PATH}", headers=[(b"X-Request-ID", unsafe.encode())])
    made = answer.headers["x-request-id"]
    assert uuid.UUID(made).version == 7
    assert received(answer)["x-request-id"] == made


async def test_a_services_own_request_id_does_not_double_ours(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    answer = b"HTTP/1.1 200 OK\r\nX-Request-ID: of-the-service\r\nContent-Length: 0\r\n\r\n"
    async with scripted(answering(answer)) as payments, stage.gateway(payments_url=payments.url) as gateway:
        got = await client.get(f"{gateway}{PATH}", headers={"X-Request-ID": "of-the-client"})
    assert got.headers.get_list("x-request-id") == ["of-the-client"]


async def test_a_trace_goes_on(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        headers = received(
            await client.get(f"{gateway}{PATH}", headers={"traceparent": TRACEPARENT, "tracestate": "a=1"})
        )
    assert headers["traceparent"] == TRACEPARENT
    assert headers["tracestate"] == "a=1"


@pytest.mark.parametrize(
    "broken", [None, "nonsense", TRACEPARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32)]
)
async def test_without_a_valid_trace_a_new_one_begins(
    stage: Stage, client: httpx.AsyncClient, broken: str | None
) -> None:
    sent = {"tracestate": "a=1", **({"traceparent": broken} if broken else {})}
    stage.promise("payments", BILL)
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        headers = received(await client.get(f"{gateway}{PATH}", headers=sent))
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", headers["traceparent"])
    assert headers["traceparent"] != broken
    assert "tracestate" not in headers


async def test_an_answer_reaches_the_client_unchanged(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    answer = (
        b"HTTP/1.1 303 See Other\r\nLocation: /identity/v1/me\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        b"Retry-After: 3\r\nServer: inner/1.0\r\nConnection: X-Inner\r\nX-Inner: 1\r\nContent-Length: 4\r\n\r\ngone"
    )
    async with scripted(answering(answer)) as payments, stage.gateway(payments_url=payments.url) as gateway:
        got = await client.get(f"{gateway}{PATH}")
    assert got.status_code == 303
    assert got.headers["location"] == "/identity/v1/me"
    assert got.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert got.headers["retry-after"] == "3"
    assert not {"server", "x-inner"} & set(got.headers)
    assert got.headers["content-length"] == "4"
    assert got.text == "gone"


@pytest.mark.parametrize(
    ("head", "rest", "status", "body"),
    [
        pytest.param("204 No Content", "", 204, b"", id="no content"),
        pytest.param('304 Not Modified\r\nETag: "1"\r\nContent-Length: 9', "", 304, b"", id="not modified"),
        pytest.param(
            "200 OK\r\nTransfer-Encoding: chunked",
            "3\r\nabc\r\n2;x=1\r\nde\r\n0\r\nTrailer: 1\r\n\r\n",
            200,
            b"abcde",
            id="chunked",
        ),
        pytest.param("200 OK", "until the end", 200, b"until the end", id="until the end"),
        pytest.param(
            "100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2",
            "ok",
            200,
            b"ok",
            id="interim answers",
        ),
        pytest.param("422 Any Words\r\nContent-Length: 0", "", 422, b"", id="empty"),
    ],
)
async def test_every_framing_of_an_answer_is_understood(
    stage: Stage, client: httpx.AsyncClient, head: str, rest: str, status: int, body: bytes
) -> None:
    stage.promise("payments", BILL)
    answer = f"HTTP/1.1 {head}\r\n\r\n{rest}".encode()
    async with scripted(answering(answer)) as payments, stage.gateway(payments_url=payments.url) as gateway:
        got = await client.get(f"{gateway}{PATH}")
    assert (got.status_code, got.content) == (status, body)
    assert not {"link", "trailer"} & set(got.headers)


async def test_head_is_answered_without_a_body(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", {"HEAD /payments/v1/bills/{bill_id}": {}})
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    async with scripted(staying(answer)) as payments, stage.gateway(payments_url=payments.url) as gateway:
        for _ in range(2):
            got = await client.head(f"{gateway}{PATH}")
            assert (got.status_code, got.headers["content-length"], got.content) == (200, "1000", b"")


@pytest.mark.parametrize(
    ("framing", "header"),
    [
        ("Content-Length: 5\r\n\r\nwhole", b"content-length: 5\r\n"),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n", b""),
    ],
)
async def test_head_tells_what_get_would_on_connections_that_stay_usable(
    stage: Stage, framing: str, header: bytes
) -> None:
    stage.promise("payments", BILL)
    methods: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            methods.append((await read_head(reader)).split(b" ")[0])
            writer.write(f'HTTP/1.1 200 OK\r\nETag: "1"\r\n{framing}'.encode())

    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        for _ in range(3):
            writer.write(f"HEAD {PATH} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode())
            head = await asyncio.wait_for(read_head(reader), 5)
            assert head.startswith(b"HTTP/1.1 200 ")
            assert b'etag: "1"\r\n' in head
            assert header in head
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: my.ili\r\nConnection: close\r\n\r\n".encode())
        assert b"whole" in await asyncio.wait_for(reader.read(), 5)
        assert (payments.connections, methods) == (1, [b"GET"] * 4)


async def test_head_is_refused_without_a_body_too(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    async with stage.gateway() as gateway:
        for _ in range(2):
            got = await client.head(f"{gateway}{PATH}")
            assert (got.status_code, got.headers["content-type"]) == (503, "application/problem+json")
            assert (got.content, int(got.headers["content-length"]) > 0) == (b"", True)


@pytest.mark.parametrize("answer", ["204 No Content", "304 Not Modified\r\nContent-Length: 9"])
async def test_an_answer_without_a_body_leaves_the_clients_connection_usable(stage: Stage, answer: str) -> None:
    stage.promise("payments", BILL)
    request = f"GET {PATH} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode()
    async with (
        scripted(staying(f"HTTP/1.1 {answer}\r\n\r\n".encode())) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        for _ in range(3):
            writer.write(request)
            assert answer[:3].encode() in (await asyncio.wait_for(read_head(reader), 5))[:13]
        assert payments.connections == 1


async def test_an_http_1_0_service_is_understood(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    answer = b"HTTP/1.0 200 OK\r\n\r\nold"
    async with scripted(answering(answer)) as payments, stage.gateway(payments_url=payments.url) as gateway:
        got = await client.get(f"{gateway}{PATH}")
    assert (got.status_code, got.text) == (200, "old")


async def test_an_http_1_0_client_is_served(stage: Stage) -> None:
    stage.promise("payments", BILL)
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        status, answer = await say(gateway, f"GET {PATH} HTTP/1.0\r\n\r\n".encode())
    assert status == 200
    assert b"x-forwarded-host" not in answer
    assert b"connection: close" in answer
