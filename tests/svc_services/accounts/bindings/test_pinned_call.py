"""A call to a public endpoint goes to the address that was checked, under TLS for the name that was given."""

import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from chassis.db import new_id, now
from kit.calendar import today
from kit.endpoint_urls import Endpoints
from svc_services.accounts.bindings.provider import HttpAccountVerifier, Outcome, Question
from tests.svc_services.companies import ProviderSystem

NAME = "provider.example"


async def this_machine(_: str, __: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture(autouse=True)
def _this_machine_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.public_addresses.is_public", lambda _: True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for the name, and its key, in one file."""
    key, name = generate_private_key(SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(hours=1))
        .not_valid_after(now() + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "provider.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


@pytest.fixture
def company(certificate: Path) -> Iterator[ProviderSystem]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with ProviderSystem(tls).running() as system:
        yield system


async def ask(key: RSAPrivateKey, certificate: Path, host: str) -> Outcome:
    trusting = ssl.create_default_context(cafile=str(certificate))
    verifier = HttpAccountVerifier(key, Endpoints(anywhere=False, resolve=this_machine), tls=trusting)
    question = Question(
        new_id(), new_id(), new_id(), f"https://{host}/platform", "1234567895", SecretStr("张三"), today()
    )
    return (await verifier.ask(question)).outcome


async def test_a_provider_with_a_certificate_for_its_name_is_called(
    company: ProviderSystem, certificate: Path, signing_key: RSAPrivateKey
) -> None:
    assert await ask(signing_key, certificate, f"{NAME}:{company.port}") is Outcome.MATCH
    (request,) = company.requests
    assert (request.headers["Host"], request.path) == (f"{NAME}:{company.port}", "/platform/account-verifications")


async def test_a_provider_without_a_certificate_for_its_name_gets_no_request(
    company: ProviderSystem, certificate: Path, signing_key: RSAPrivateKey
) -> None:
    assert await ask(signing_key, certificate, f"elsewhere.example:{company.port}") is Outcome.NO_ANSWER
    assert company.requests == []
