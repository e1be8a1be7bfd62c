"""The client of a provider's endpoint: allowed addresses, accepted answers and time limits."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from chassis.db import new_id, now
from chassis.http_client import outside_client
from deploy.local.programs import free_port
from kit.public_addresses import Target, pinned
from kit.signatures.keys import thumbprint
from kit.signatures.messages import Request as SignedRequest
from kit.signatures.messages import verify_request
from svc_payments.collection.postings.models import Posting
from svc_payments.collection.postings.provider import (
    Booked,
    HttpProviderBooks,
    NotFound,
    NotHeard,
    Outcome,
    Refused,
    Unclear,
    _outcome,
)
from tests.svc_payments.served import served

PROVIDER_ID = "0198b5a0-0000-7000-8000-000000000001"


def posting() -> Posting:
    return Posting(
        id=new_id(),
        provider_id=UUID(PROVIDER_ID),
        payment_id=new_id(),
        receipt_number="202610010000000001",
        bill_number="B-1",
        account_number="1234567890",
        amount_fen=4140,
        paid_at=now(),
    )


async def book_outcome(endpoint_url: str, key: RSAPrivateKey, *, only_public: bool = False) -> Outcome:
    async with outside_client() as client:
        return await HttpProviderBooks(client, endpoint_url, PROVIDER_ID, key, 2.0, only_public).book(posting())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"result": "booked", "provider_reference": "R-1"}', Booked("R-1")),
        (b'{"result": "refused", "reason": "no_account"}', Refused("no_account")),
        (b'{"result": "not_found"}', NotFound()),
        (b'{"result": "booked"}', Unclear("answer_malformed")),
        (b'{"result": "refused"}', Unclear("answer_malformed")),
        (b'{"result": "booked", "provider_reference": "a\\u0000b"}', Unclear("answer_malformed")),
        (b'{"result": "perhaps"}', Unclear("answer_malformed")),
        (b'{"result": ["booked"]}', Unclear("answer_malformed")),
        (b"<html>Bad gateway</html>", Unclear("answer_malformed")),
        (b"", Unclear("answer_malformed")),
        (b'{"result": "refused", "result": "booked", "provider_reference": "R"}', Unclear("answer_malformed")),
        (b'{"result": "booked", "provider_reference": "R", "reason": "x", "reason": "y"}', Unclear("answer_malformed")),
        (b'{"result": "not_found", "more": NaN}', Unclear("answer_malformed")),
    ],
)
def test_only_a_complete_answer_is_accepted(body: bytes, expected: Outcome) -> None:
    assert _outcome(body) == expected


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(body: bytes) -> None:
    assert isinstance(_outcome(body), Booked | Refused | NotFound | Unclear)


async def test_a_call_is_signed_for_the_provider_at_its_address_over_the_bytes_that_arrive(
    rsa_keys: dict[str, RSAPrivateKey],
) -> None:
    key, port = rsa_keys["provider_signing_key"], free_port()

    async def book(request: Request) -> Response:
        keys, arrived = {thumbprint(key.public_key()): key.public_key()}, await request.body()
        signed = SignedRequest("POST", f"http://127.0.0.1:{port}/base/postings", request.headers)
        verify_request(keys, PROVIDER_ID, signed, arrived)
        assert json.loads(arrived)["provider_id"] == PROVIDER_ID
        return Response(b'{"result": "booked", "provider_reference": "R-1"}')

    async with served(Starlette(routes=[Route("/base/postings", book, methods=["POST"])]), port):
        assert await book_outcome(f"http://127.0.0.1:{port}/base/", key) == Booked("R-1")


async def trickle() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b" "
        await asyncio.sleep(0.1)


async def flood() -> AsyncIterator[bytes]:
    for _ in range(1_000):
        yield b" " * 10_000


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response(b'{"result": "booked", "provider_reference": "R-1"}', 500),
        lambda: Response(b"", 302, {"Location": "http://127.0.0.1/elsewhere"}),
        lambda: StreamingResponse(trickle()),
        lambda: StreamingResponse(flood()),
        lambda: Response(b"half", headers={"Content-Length": "1000"}),
        lambda: Response(b"no gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["failure", "redirect", "trickle", "flood", "half", "broken encoding"],
)
async def test_a_bad_answer_leaves_the_outcome_unclear(rsa_keys: dict[str, RSAPrivateKey], answer: Any) -> None:  # noqa: ANN401 - response factory
    port = free_port()

    async def book(_: Request) -> Response:
        made: Response = answer()
        return made

    async with served(Starlette(routes=[Route("/postings", book, methods=["POST"])]), port):
        outcome = await book_outcome(f"http://127.0.0.1:{port}", rsa_keys["provider_signing_key"])
    assert isinstance(outcome, Unclear)


async def test_a_refused_connection_means_nothing_was_sent(rsa_keys: dict[str, RSAPrivateKey]) -> None:
    outcome = await book_outcome(f"http://127.0.0.1:{free_port()}", rsa_keys["provider_signing_key"])
    assert outcome == NotHeard("ConnectError")


@pytest.mark.parametrize(
    ("endpoint_url", "reason"),
    [
        ("http://provider.example/api", "not_https"),
        ("https://127.0.0.1/api", "address_not_public"),
        ("https://localhost/api", "address_not_public"),
        ("https://[::1]/api", "address_not_public"),
        ("https://[::ffff:10.0.0.1]/api", "address_not_public"),
        ("https://169.254.169.254/latest", "address_not_public"),
        ("https://2130706433/", "address_not_public"),
        ("https://name.invalid/api", "name_unknown"),
        ("https://provider.example:port/api", "not_a_url"),
    ],
)
async def test_an_internal_endpoint_is_never_called(
    rsa_keys: dict[str, RSAPrivateKey], endpoint_url: str, reason: str
) -> None:
    assert await book_outcome(endpoint_url, rsa_keys["provider_signing_key"], only_public=True) == NotHeard(reason)


def certificate_of(name: str, folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate of a host name and its key to files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    cert_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return cert_file, key_file


@pytest.mark.parametrize(("name", "reached"), [("provider.example", True), ("other.example", False)])
async def test_the_checked_address_is_called_and_the_certificate_must_match_the_name(
    rsa_keys: dict[str, RSAPrivateKey], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, *, reached: bool
) -> None:
    cert_file, key_file = certificate_of("provider.example", tmp_path)
    port = free_port()
    hosts: list[str] = []

    async def book(request: Request) -> Response:
        hosts.append(request.headers["host"])
        return Response(b'{"result": "booked", "provider_reference": "R-1"}')

    monkeypatch.setattr("kit.public_addresses.is_public", lambda _: True)

    async def on_this_machine(url: httpx.URL) -> Target:
        async def resolver(_: str, __: int) -> list[str]:
            return ["127.0.0.1"]

        return await pinned(url, resolver)

    monkeypatch.setattr("svc_payments.parties.providers.signed_endpoint.pinned", on_this_machine)
    app = Starlette(routes=[Route("/api/postings", book, methods=["POST"])])
    trusting = ssl.create_default_context(cafile=cert_file)
    async with (
        served(app, port, ssl_certfile=cert_file, ssl_keyfile=key_file),
        httpx.AsyncClient(verify=trusting) as client,
    ):
        key = rsa_keys["provider_signing_key"]
        outcome = await HttpProviderBooks(
            client, f"https://{name}:{port}/api", PROVIDER_ID, key, 2.0, only_public=True
        ).book(posting())
    assert (outcome == Booked("R-1")) is reached
    assert hosts == ([f"{name}:{port}"] if reached else [])
