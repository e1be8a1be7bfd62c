"""What a service's server cannot parse is refused like everything else."""

import json

import pytest

from tests.gateway.stage import echo, say, serving
from tests.private_answers import faults_of


@pytest.mark.parametrize(
    "request_bytes",
    [b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"],
)
async def test_what_cannot_be_parsed_is_a_problem(request_bytes: bytes) -> None:
    async with serving(echo, "kit.connection:ServiceConnection") as service:
        status, answer = await say(service, request_bytes)
    head, _, body = answer.partition(b"\r\n\r\n")
    headers = [(name, value) for name, _, value in (line.partition(b": ") for line in head.split(b"\r\n")[1:])]
    assert faults_of("GET", "/", status, headers) == []
    assert (status, json.loads(body)["code"]) == (400, "bad_request")
    assert (b"content-type", b"application/problem+json") in headers


async def test_whole_requests_are_answered() -> None:
    async with serving(echo, "kit.connection:ServiceConnection") as service:
        status, answer = await say(service, b"GET /x HTTP/1.1\r\nHost: my.ili\r\n\r\n")
    assert (status, json.loads(answer.partition(b"\r\n\r\n")[2])["target"]) == (200, "/x")
