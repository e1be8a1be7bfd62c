"""Header fields in several lines are one list (RFC 9110, 5.3); a field of one value is refused with two."""

import json
from typing import Any

import pytest

from tests.gateway.stage import Stage, echo, say, serving

BILL: dict[str, dict[str, object]] = {"GET /payments/v1/bills/{bill_id}": {}, "POST /payments/v1/bills/{bill_id}": {}}
GET = "GET /payments/v1/bills/1 HTTP/1.1\r\nHost: my.ili\r\n"
ABSENT = "GET /payments/v1/nothing HTTP/1.1\r\nHost: my.ili\r\n"


async def answered(stage: Stage, head: str) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of the answer to a request in raw bytes; a service echoes what reaches it."""
    stage.promise("payments", BILL)
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        status, answer = await say(gateway, f"{head}\r\n".encode("latin-1"))
    lines, _, body = answer.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in lines.decode("latin-1").lower().split("\r\n")[1:])
    return status, headers, json.loads(body)


async def forwarded(stage: Stage, head: str, name: str) -> list[str]:
    """The lines of a field that reach the service."""
    status, _, seen = await answered(stage, head)
    assert status == 200, seen
    return [value for each, value in seen["headers"] if each == name]


@pytest.mark.parametrize(
    ("name", "lines", "joined"),
    [
        ("accept", ["text/csv;q=0.5", "application/json"], "text/csv;q=0.5, application/json"),
        ("accept-language", ["fr", "ug;q=0.9", "en;q=0.8"], "fr, ug;q=0.9, en;q=0.8"),
        ("accept-encoding", ["br", "gzip"], "br, gzip"),
        ("cookie", ["a=b", "c=d"], "a=b; c=d"),
        ("content-encoding", ["gzip", "gzip"], "gzip, gzip"),
        ("if-match", ['"1"', '"2"'], '"1", "2"'),
        ("if-none-match", ['"1"', 'W/"2"'], '"1", W/"2"'),
        ("signature", ["a=:AA==:", "b=:BB==:"], "a=:AA==:, b=:BB==:"),
        ("signature-input", ['a=("@method")', 'b=("@path")'], 'a=("@method"), b=("@path")'),
        ("content-digest", ["sha-256=:AA==:", "sha-512=:BB==:"], "sha-256=:AA==:, sha-512=:BB==:"),
        ("cache-control", ["no-cache", "no-store"], "no-cache, no-store"),
    ],
)
async def test_a_list_in_several_lines_reaches_the_service_in_one(
    stage: Stage, name: str, lines: list[str], joined: str
) -> None:
    head = GET + "".join(f"{name.title()}: {line}\r\nX-Between: 1\r\n" for line in lines)
    assert await forwarded(stage, head, name) == [joined]


async def test_every_line_of_connection_names_what_ends_at_the_gateway(stage: Stage) -> None:
    head = (
        f"{GET}Connection: X-First\r\nConnection: keep-alive, X-Second\r\nX-First: 1\r\nX-Second: 2\r\nX-Third: 3\r\n"
    )
    status, _, seen = await answered(stage, head)
    names = [name for name, _ in seen["headers"]]
    assert (status, [name for name in names if name in {"x-first", "x-second", "x-third"}]) == (200, ["x-third"])


async def test_a_clients_forwarded_addresses_do_not_pass_in_any_line(stage: Stage) -> None:
    lines = ("X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 10.0.0.2", "Forwarded: for=10.0.0.1", "Forwarded: for=x")
    head = GET + "".join(f"{line}\r\n" for line in lines)
    status, _, seen = await answered(stage, head)
    about = [(name, value) for name, value in seen["headers"] if "forwarded" in name and "host" not in name]
    assert (status, about) == (200, [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "http")])


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("content-type", "application/json", "text/csv"),
        ("idempotency-key", "first-key", "second-key"),
        ("x-request-id", "request-0001", "request-0002"),
        ("if-modified-since", "Sun, 29 Nov 2026 00:00:00 GMT", "Mon, 30 Nov 2026 00:00:00 GMT"),
        ("origin", "https://my.ili", "https://other.example"),
        ("range", "bytes=0-1", "bytes=2-3"),
        ("user-agent", "a", "b"),
    ],
)
async def test_a_field_of_one_value_is_refused_with_two(stage: Stage, name: str, first: str, second: str) -> None:
    head = f"{GET}Accept-Language: fr\r\n{name}: {first}\r\nAccept-Language: en\r\n{name.upper()}: {second}\r\n"
    status, headers, problem = await answered(stage, head)
    assert (status, problem["code"], problem["header"]) == (400, "header_repeated", name)
    assert headers["content-language"] == "en"  # the second line of the list


async def test_a_field_of_one_value_that_is_only_repeated_is_sent_on_once(stage: Stage) -> None:
    head = f"{GET}Content-Type: application/json\r\nContent-Type: application/json\r\n"
    assert await forwarded(stage, head, "content-type") == ["application/json"]


@pytest.mark.parametrize("name", ["Authorization: Bearer a", "Host: my.ili"])
async def test_the_token_and_the_host_are_refused_even_when_repeated_alike(stage: Stage, name: str) -> None:
    status, _, problem = await answered(
        stage, f"GET /payments/v1/bills/1 HTTP/1.1\r\nHost: my.ili\r\n{name}\r\n{name}\r\n"
    )
    assert (status, problem["code"]) == (400, "bad_framing")


@pytest.mark.parametrize("head", [ABSENT, f"{GET}Content-Type: a\r\nContent-Type: b\r\n", f"{GET} folded: 1\r\n"])
async def test_the_gateways_own_refusals_are_in_the_language_of_any_line(stage: Stage, head: str) -> None:
    parts = head.split("\r\n", 2)
    languages = "Accept-Language: fr\r\nAccept-Language: ug;q=0.5\r\nAccept-Language: en;q=0.9"
    _, headers, problem = await answered(stage, "\r\n".join([parts[0], languages, *parts[1:]]))
    assert (headers["content-language"], problem["status"] // 100) == ("en", 4)


async def test_the_gateways_own_pages_read_lists_and_refuse_two_values(stage: Stage) -> None:
    page = "GET /livez HTTP/1.1\r\nHost: my.ili\r\n"
    _, _, alive = await answered(stage, f"{page}Accept: text/html\r\nAccept: application/json\r\n")
    assert alive == {"status": "alive"}
    status, _, problem = await answered(stage, f"{page}Content-Type: a\r\nContent-Type: b\r\n")
    assert (status, problem["code"]) == (400, "header_repeated")


async def test_the_size_of_every_line_counts(stage: Stage) -> None:
    head = GET + "Cookie: a=b\r\n" * 101
    status, _, problem = await answered(stage, head)
    assert (status, problem["code"]) == (431, "headers_too_large")
