"""Requests that could be read in two ways, or are too large, are refused before a service sees them."""

import asyncio
import contextlib
import json

import httpx
import pytest

from tests.gateway.stage import LONG_CHUNK, LONG_CHUNK_BYTES, Stage, dialogue, echo, read_head, say, scripted, serving

BILL: dict[str, dict[str, object]] = {"GET /payments/v1/bills/{bill_id}": {}, "POST /payments/v1/bills/{bill_id}": {}}
BILL_PATH = "/payments/v1/bills/1"
GOOD = "GET /payments/v1/bills/1 HTTP/1.1\r\nHost: my.ili\r\n"
POST = "POST /payments/v1/bills/1 HTTP/1.1\r\nHost: my.ili\r\n"


async def unseen(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """A service that must not be reached: the test looks at its count of connections."""


async def refusal(stage: Stage, request: str | bytes) -> tuple[int, str]:
    """Status and code of the answer; fails when the service was reached."""
    stage.promise("payments", BILL)
    async with scripted(unseen) as payments, stage.gateway(payments_url=payments.url) as gateway:
        status, answer = await say(gateway, request if isinstance(request, bytes) else request.encode("latin-1"))
        assert payments.connections == 0
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["instance"].encode().removeprefix(b"urn:myili:request:") in head
    return status, problem["code"]


@pytest.mark.parametrize(
    "path",
    [
        "/payments/v1/../v1/bills/1",
        "/payments/v1/./bills/1",
        "/payments//v1/bills/1",
        "//payments/v1/bills/1",
        "/payments/v1/bills/..",
        "/payments/v1/bills/%2e%2e",
        "/payments/v1/bills/%2E",
        "/payments/v1/bills/a%2Fb",
        "/payments/v1/bills/a%2fb",
        "/payments/v1/bills/a%5Cb",
        "/payments/v1/bills/a\\b",
        "/payments/v1/bills/a%00",
        "/payments/v1/bills/a%0d%0aX:1",
        "/payments/v1/bills/a%7f",
        "/payments/v1/bills/a%zz",
        "/payments/v1/bills/a%2",
        "/payments/v1/bills/%ff",
    ],
)
async def test_an_irregular_path_is_refused_rather_than_guessed(stage: Stage, path: str) -> None:
    assert await refusal(stage, f"GET {path} HTTP/1.1\r\nHost: my.ili\r\n\r\n") == (400, "bad_address")


async def test_an_encoded_letter_is_the_letter(stage: Stage, client: httpx.AsyncClient) -> None:
    """As for the services, so that a rule for one spelling of a path holds for all of them."""
    private: dict[str, object] = {"security": [{"access_token": []}]}
    stage.promise("payments", {"GET /payments/v1/bills/{bill_id}": {}, "GET /payments/v1/bills/all": private})
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        assert (await client.get(f"{gateway}/payments/v1/bills/%61bc")).status_code == 200
        assert (await client.get(f"{gateway}/payments/v1/bills/%61ll")).status_code == 401


@pytest.mark.parametrize(
    "request_head",
    [
        f"{POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        f"{POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        f"{POST}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        f"{POST}Content-Length: +4\r\n\r\nabcd",
        f"{POST}Content-Length: 4, 4\r\n\r\nabcd",
        f"{POST}Content-Length: 99999999999999999999999\r\n\r\n",
        f"{POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        f"{POST}Transfer-Encoding: gzip\r\n\r\n",
        f"{POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        f"{POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        f"{POST}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        f"{GOOD}Host: other.example\r\n\r\n",
        "GET /payments/v1/bills/1 HTTP/1.1\r\n\r\n",
        f"{GOOD}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
        f"{POST}Transfer-Encoding: chunked\r\nAuthorization: Bearer a\r\n\r\n0\r\nAuthorization: Bearer b\r\n\r\n",
        f"{GOOD} folded: 1\r\n\r\n",
        f"{GOOD}X: a\r\n b\r\n\r\n",
        f"{GOOD}X: a\nY: b\r\n\r\n",
        f"{GOOD}X: a\x00b\r\n\r\n",
        f"{GOOD}X Y: a\r\n\r\n",
        "GET /payments/v1/bills/1 HTTP/9.9\r\nHost: my.ili\r\n\r\n",
        "BREW /payments/v1/bills/1 HTTP/1.1\r\nHost: my.ili\r\n\r\n",
        "GET /payments/v1/bills/\xe4 HTTP/1.1\r\nHost: my.ili\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)  # fmt: skip
async def test_ambiguous_or_broken_heads_are_refused(stage: Stage, request_head: str) -> None:
    status, code = await refusal(stage, request_head)
    # The parser sees most of them first; what it lets pass is seen by the gateway.
    assert (status, code in {"bad_request", "bad_framing"}) == (400, True)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/", "/docs", "/docs/openapi/payments.v1.json", BILL_PATH])
@pytest.mark.parametrize(
    "hosts",
    [
        "",
        "Host: my.ili\r\nHost: my.ili\r\n",
        "Host: my.ili\r\nhost: other.example\r\n",
        "Host:\r\n",
        "Host: \t\r\n",
        "Host: somebody@my.ili\r\n",
        "Host: somebody:secret@my.ili\r\n",
        "Host: my.ili/elsewhere\r\n",
        "Host: my.ili, other.example\r\n",
        "Host: my.ili:port\r\n",
        "Host: :8080\r\n",
        "Host: [::1\r\n",
        "Host: my.\xefli\r\n",
    ],
)
async def test_a_request_without_one_good_host_is_refused_on_every_route(stage: Stage, path: str, hosts: str) -> None:
    assert await refusal(stage, f"GET {path} HTTP/1.1\r\n{hosts}\r\n") == (400, "bad_framing")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://my.ili/livez", 200),
        ("http://other.example/livez", 400),
        ("http://my.ili:81/livez", 400),
        ("http://somebody@my.ili/livez", 400),
        ("http://other.example?/livez", 400),
    ],
)
async def test_an_address_with_a_host_has_the_host_of_its_request(stage: Stage, target: str, status: int) -> None:
    """RFC 9112, 3.2.2: the host of an absolute address would come before the header, which services are told."""
    stage.promise("payments", BILL)
    async with stage.gateway() as gateway:
        answer, _ = await say(gateway, f"GET {target} HTTP/1.1\r\nHost: my.ili\r\n\r\n".encode())
    assert answer == status


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.0\r\n",
        "HTTP/1.1\r\nHost: MY.ili:8080\r\n",
        "HTTP/1.1\r\nHost: [::1]:80\r\n",
        "HTTP/1.1\r\nHost: 10.0.0.1\r\n",
    ],
)
async def test_every_good_host_is_served(stage: Stage, head: str) -> None:
    """HTTP/1.0 knows no Host."""
    stage.promise("payments", BILL)
    async with stage.gateway() as gateway:
        assert (await say(gateway, f"GET /livez {head}\r\n".encode()))[0] == 200


async def test_a_broken_chunk_never_reaches_the_service_as_a_whole_body(stage: Stage) -> None:
    begun, received = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        start = await reader.readexactly(LONG_CHUNK_BYTES)
        begun.set()
        received.set_result(start + await reader.read())

    stage.promise("payments", BILL)
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        dialogue(gateway) as (_, writer),
    ):
        writer.write(f"{POST}Transfer-Encoding: chunked\r\n\r\n".encode() + LONG_CHUNK)
        await asyncio.wait_for(begun.wait(), 5)
        writer.write(b"xyz\r\n")
        body = await asyncio.wait_for(received, 2)
    assert not body.endswith(b"0\r\n\r\n")


async def test_a_broken_chunk_of_a_small_body_never_reaches_the_service(stage: Stage) -> None:
    assert await refusal(stage, f"{POST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n") == (400, "bad_request")


async def test_a_broken_chunk_does_not_put_a_second_answer_into_one_under_way(stage: Stage) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n")
        await reader.read()

    stage.promise("payments", BILL)
    async with (
        scripted(script) as payments,
        stage.gateway(payments_url=payments.url) as gateway,
        dialogue(gateway) as (reader, writer),
    ):
        writer.write(f"{POST}Transfer-Encoding: chunked\r\n\r\n".encode() + LONG_CHUNK)
        await asyncio.wait_for(reader.readuntil(b"begun\r\n"), 5)
        writer.write(b"xyz\r\n")
        rest = b""
        with contextlib.suppress(ConnectionError):
            rest = await asyncio.wait_for(reader.read(), 5)
        assert rest == b""


@pytest.mark.parametrize(
    ("request_head", "status", "code"),
    [
        (f"{GOOD}X: {'a' * 33_000}\r\n\r\n", 431, "headers_too_large"),
        (GOOD + "".join(f"X-{n}: a\r\n" for n in range(101)) + "\r\n", 431, "headers_too_large"),
        (f"{GOOD}{'X' * 40_000}", 431, "headers_too_large"),
        (f"{GOOD}X: {'a' * 40_000}", 431, "headers_too_large"),
        (f"GET /payments/v1/bills/1?{'a' * 8_200} HTTP/1.1\r\nHost: my.ili\r\n\r\n", 414, "address_too_long"),
        (f"GET /payments/v1/bills/{'a' * 8_200} HTTP/1.1\r\nHost: my.ili\r\n\r\n", 414, "address_too_long"),
        (f"GET /payments/v1/bills/{'a' * 40_000}", 431, "headers_too_large"),
    ],
    ids=["long line", "many lines", "endless name", "endless value", "long query", "long path", "endless path"],
)
async def test_a_head_has_its_size(stage: Stage, request_head: str, status: int, code: str) -> None:
    assert await refusal(stage, request_head) == (status, code)


async def test_endless_trailers_end_the_connection(stage: Stage) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    stage.promise("payments", BILL)
    async with scripted(script) as payments, stage.gateway(payments_url=payments.url) as gateway:
        status, answer = await say(
            gateway, f"{POST}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n".encode() + b"0\r\nX: " + b"a" * 400_000
        )
    assert (status, b"headers_too_large" in answer) == (431, True)


async def test_the_language_of_a_refusal_is_the_clients(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("payments", BILL)
    async with stage.gateway() as gateway:
        titles = {
            "en": "No such endpoint",
            "zh": "没有这个接口",
            "kk-Arab": "مۇنداي ينتەرفەيس جوق",
            "ug": "بۇنداق ئېغىز يوق",
        }
        asked = {
            "en": "en",
            "zh-CN,zh;q=0.9,en;q=0.5": "zh",
            "kk-Arab-CN": "kk-Arab",
            "kk-Cyrl-KZ, en;q=0.5": "kk-Arab",
            "kk;q=0.3, ug-CN;q=0.7": "ug",
            ", ".join([f"fr;q=0.{number}" for number in range(1, 500)] + ["en"]): "zh",
            "*": "zh",
            "": "zh",
        }
        for accepted, language in asked.items():
            answer = await client.get(f"{gateway}/payments/v1/nothing", headers={"Accept-Language": accepted})
            assert (answer.headers["content-language"], answer.headers["vary"]) == (language, "Accept-Language, Accept")
            assert answer.json()["title"] == titles[language]
