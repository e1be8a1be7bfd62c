"""A request whose token proves nothing reaches no service, not even a public endpoint of one."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.testing import Tokens
from tests.gateway.stage import Stage, answering, echo, read_head, say, scripted, serving, staying

OPERATIONS: dict[str, dict[str, object]] = {
    "GET /payments/v1/bills": {"security": [{"access_token": []}]},
    "GET /payments/v1/signing-keys": {},
}
PRIVATE, PUBLIC = "/payments/v1/bills", "/payments/v1/signing-keys"


NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


def part(content: bytes | dict[str, Any]) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_of(token: str) -> str:
    return token.split(".")[1]


def signed_with(header: dict[str, Any], token: str, key: bytes) -> str:
    """The claims of a good token under another header, with an HMAC in place of the signature."""
    signed = f"{part(header)}.{claims_of(token)}"
    return f"{signed}.{part(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def forged_tokens(tokens: Tokens) -> dict[str, str]:
    good = tokens.sign()
    stranger = ECKey.generate_key("P-256", auto_kid=True)
    namesake = ECKey.import_key({**stranger.as_dict(private=True), "kid": str(tokens.key.kid)})
    public_pem = tokens.key.as_pem(private=False)
    head, claims, signature = good.split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"assurance_level": 3}
    ids = {"kid": tokens.key.kid, "typ": "at+jwt"}
    return {
        "an unknown key": tokens.sign(key=stranger),
        "another key under a known name": tokens.sign(key=namesake),
        "changed claims": f"{head}.{part(changed)}.{signature}",
        "a changed signature": f"{head}.{claims}.{part(bytes(64))}",
        "no signature": f"{head}.{claims}.",
        "alg none": f"{part({'alg': 'none', **ids})}.{claims}.",
        "alg None": f"{part({'alg': 'None', **ids})}.{claims}.{signature}",
        "HS256 with the public PEM": signed_with({"alg": "HS256", **ids}, good, public_pem),
        "HS256 with the public JWK": signed_with(
            {"alg": "HS256", **ids}, good, json.dumps(tokens.key.as_dict(private=False)).encode()
        ),
        "HS256 with nothing": signed_with({"alg": "HS256", **ids}, good, b""),
        "a key of its own": jwt.encode(
            {"alg": "ES256", "typ": "at+jwt", "jwk": stranger.as_dict(private=False)},
            json.loads(base64.urlsafe_b64decode(claims + "==")),
            stranger,
        ),
    }


def bad_tokens(tokens: Tokens) -> dict[str, str]:
    _, claims, signature = tokens.sign().split(".")
    ids = {"kid": tokens.key.kid, "typ": "at+jwt"}
    return forged_tokens(tokens) | {
        "another issuer": tokens.sign(iss="https://elsewhere.example/identity"),
        "no issuer": tokens.sign(iss=None),
        "another audience": tokens.sign(aud="myili:services"),
        "no audience": tokens.sign(aud=None),
        "no expiry": tokens.sign(exp=None),
        "no subject": tokens.sign(sub=None),
        "not yet valid": tokens.sign(nbf=int(time.time()) + 3600),
        "an ID token": tokens.sign(typ="JWT"),
        "a critical extension": f"{part({'alg': 'ES256', 'crit': ['x'], 'x': 1, **ids})}.{claims}.{signature}",
        "a critical nonsense": f"{part({'alg': 'ES256', 'crit': 1, **ids})}.{claims}.{signature}",
        "a header that is a list": f"{part(b'[]')}.{claims}.{signature}",
        "no JWT": "not-a-token",
        "five parts": "a.b.c.d.e",
        "too long": "a" * 9_000,
    }


@pytest.mark.parametrize("path", [PRIVATE, PUBLIC])
async def test_a_bad_token_is_refused_and_reaches_no_service(
    stage: Stage, client: httpx.AsyncClient, tokens: Tokens, path: str
) -> None:
    stage.promise("payments", OPERATIONS)
    async with scripted(staying(NO_CONTENT)) as payments, stage.gateway(payments_url=payments.url) as gateway:
        for kind, token in bad_tokens(tokens).items():
            answer = await client.get(f"{gateway}{path}", headers={"Authorization": f"Bearer {token}"})
            assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid"), kind
            assert answer.headers["www-authenticate"].startswith('Bearer realm="myili", error="invalid_token"'), kind
        assert payments.connections == 0
        good = await client.get(f"{gateway}{path}", headers=tokens.resident())
        assert good.status_code == 204


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer x", "Bearer {expired}"])
async def test_a_stale_token_does_not_stop_its_renewal(
    stage: Stage, client: httpx.AsyncClient, tokens: Tokens, authorization: str
) -> None:
    """Apps put the token that they have into every request, also into the one that refreshes it."""
    stage.promise(
        "identity",
        {"POST /identity/v1/oauth/token": {"security": []}, "GET /identity/v1/me": OPERATIONS[f"GET {PRIVATE}"]},
    )
    stale = {"Authorization": authorization.format(expired=tokens.sign(exp=int(time.time()) - 3_600))}
    async with scripted(staying(NO_CONTENT)) as identity, stage.gateway(identity_url=identity.url) as gateway:
        assert (await client.post(f"{gateway}/identity/v1/oauth/token", headers=stale)).status_code == 204
        assert (await client.get(f"{gateway}/identity/v1/me", headers=stale)).status_code == 401


async def test_an_expired_token_is_told_as_expired(stage: Stage, client: httpx.AsyncClient, tokens: Tokens) -> None:
    stage.promise("payments", OPERATIONS)
    async with stage.gateway() as gateway:
        token = tokens.sign(exp=int(time.time()) - 60)
        answer = await client.get(f"{gateway}{PRIVATE}", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")
    assert 'error_description="the token has expired"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "bearer\t", "Bearer\xa0x", "Basic YTpi", "Token x"])
async def test_a_private_endpoint_needs_a_bearer_token(stage: Stage, authorization: str) -> None:
    stage.promise("payments", OPERATIONS)
    head = f"GET {PRIVATE} HTTP/1.1\r\nHost: my.ili\r\n"
    async with scripted(staying(NO_CONTENT)) as payments, stage.gateway(payments_url=payments.url) as gateway:
        for request in (f"{head}\r\n", f"{head}Authorization: {authorization}\r\n\r\n"):
            status, answer = await say(gateway, request.encode("latin-1"))
            assert (status, b'"token_missing"' in answer) == (401, True)
            assert b'www-authenticate: Bearer realm="myili"\r\n' in answer
        assert payments.connections == 0


async def test_a_good_token_reaches_the_service_as_it_is(
    stage: Stage, client: httpx.AsyncClient, tokens: Tokens
) -> None:
    stage.promise("payments", OPERATIONS)
    bearer = tokens.resident()["Authorization"].replace("Bearer", "bEARER")
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        answer = await client.get(f"{gateway}{PRIVATE}", headers={"Authorization": bearer})
    assert ["authorization", bearer] in answer.json()["headers"]


async def test_a_bound_token_reaches_the_service_with_its_proof_and_its_challenges_come_back(
    stage: Stage, client: httpx.AsyncClient, tokens: Tokens
) -> None:
    stage.promise("payments", OPERATIONS)
    sent = {"Authorization": f"DPoP {tokens.sign(cnf={'jkt': 'k'})}", "DPoP": "the proof"}
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        arrived = (await client.get(f"{gateway}{PRIVATE}", headers=sent)).json()["headers"]
        assert [["authorization", sent["Authorization"]], ["dpop", "the proof"]] == [
            header for header in arrived if header[0] in {"authorization", "dpop"}
        ]
        forged = await client.get(f"{gateway}{PRIVATE}", headers=sent | {"Authorization": "DPoP x"})
        assert (forged.status_code, forged.json()["code"]) == (401, "token_invalid")
    challenges = b'www-authenticate: Bearer\r\nwww-authenticate: DPoP error="use_dpop_nonce"\r\ndpop-nonce: n\r\n'
    answer = b"HTTP/1.1 401 Unauthorized\r\n" + challenges + b"content-length: 0\r\n\r\n"
    async with scripted(answering(answer)) as other, stage.gateway(payments_url=other.url) as gateway:
        asked = await client.get(f"{gateway}{PRIVATE}", headers=sent)
    assert asked.headers.get_list("www-authenticate") == ["Bearer", 'DPoP error="use_dpop_nonce"']
    assert asked.headers["dpop-nonce"] == "n"


async def test_a_public_endpoint_needs_no_token_and_takes_other_credentials(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    """Clients authenticate at the token endpoint by HTTP Basic; that is for svc_identity to judge."""
    stage.promise("payments", OPERATIONS)
    async with serving(echo) as payments, stage.gateway(payments_url=payments) as gateway:
        assert (await client.get(f"{gateway}{PUBLIC}")).status_code == 200
        answer = await client.get(f"{gateway}{PUBLIC}", headers={"Authorization": "Basic YTpi"})
    assert ["authorization", "Basic YTpi"] in answer.json()["headers"]


@pytest.mark.parametrize(
    ("security", "private"),
    [
        ([], False),
        ([{}], False),
        ([{}, {"access_token": []}], False),
        ([{"signature": []}], False),
        ([{"access_token": []}], True),
        ([{"access_token": []}, {"openid": []}], True),
        ([{"access_token": [], "signature": []}], True),
        ([{"access_token": []}, {"signature": []}], False),
    ],
)
async def test_the_contract_says_whether_a_token_is_needed(
    stage: Stage, client: httpx.AsyncClient, security: list[dict[str, list[str]]], private: object
) -> None:
    schemes = {
        "access_token": {"type": "http", "scheme": "Bearer"},
        "openid": {"type": "openIdConnect", "openIdConnectUrl": "/"},
        "signature": {"type": "apiKey", "in": "header", "name": "Signature"},
    }
    stage.promise("payments", {f"GET {PRIVATE}": {"security": security}}, components={"securitySchemes": schemes})
    async with stage.gateway() as gateway:
        assert (await client.get(f"{gateway}{PRIVATE}")).status_code == (401 if private else 503)


async def test_a_contract_can_ask_for_a_token_everywhere(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise(
        "payments", {f"GET {PRIVATE}": {}, f"GET {PUBLIC}": {"security": []}}, security=[{"access_token": []}]
    )
    async with stage.gateway() as gateway:
        assert (await client.get(f"{gateway}{PRIVATE}")).status_code == 401
        assert (await client.get(f"{gateway}{PUBLIC}")).status_code == 503


async def test_without_keys_tokens_wait_and_public_endpoints_work(
    stage: Stage, client: httpx.AsyncClient, tokens: Tokens
) -> None:
    fetches = 0

    async def keys(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal fetches
        fetches += 1
        await read_head(reader)
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    stage.promise("payments", OPERATIONS)
    async with (
        scripted(keys) as identity,
        serving(echo) as payments,
        stage.gateway(payments_url=payments, jwks_url=f"{identity.url}/jwks") as gateway,
    ):
        requests = (client.get(f"{gateway}{PRIVATE}", headers=tokens.resident()) for _ in range(30))
        for answer in await asyncio.gather(*requests):
            assert (answer.status_code, answer.json()["code"]) == (503, "try_later")
            assert "retry-after" in answer.headers
        assert (await client.get(f"{gateway}{PUBLIC}")).status_code == 200
        assert (await client.get(f"{gateway}{PRIVATE}")).status_code == 401
    assert fetches <= 3
