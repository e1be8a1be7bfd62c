"""Providers' systems: registered by event, authenticated by private_key_jwt."""

import asyncio
import base64
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from chassis.db import Database
from chassis.inbox import Poison
from chassis.testing import Tokens, emitted
from svc_identity.oauth import assertions
from svc_identity.oauth.models import Client
from tests.svc_identity.app_client import TOKEN, AppClient
from tests.svc_identity.conftest import PUBLIC_URL
from tests.svc_identity.oauth.providers import ProviderSystem, new_key
from tests.svc_identity.oauth.test_codes import refusal

INVALID_CLIENT = (401, "invalid_client")


@pytest_asyncio.fixture
async def provider(database: Database) -> ProviderSystem:
    return await registered(database, ProviderSystem())


async def registered(database: Database, provider: ProviderSystem) -> ProviderSystem:
    async with database.transaction() as tx:
        await provider.register(tx)
    return provider


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # what a company's older library says
@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [("EC", "ES256"), ("RSA", "RS256"), ("RSA", "PS256"), ("OKP", "Ed25519"), ("OKP", "EdDSA")],
)
async def test_an_approved_provider_gets_a_token_for_its_work(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, kind: str, algorithm: str
) -> None:
    provider = await registered(database, ProviderSystem(new_key(kind), algorithm))
    answer = await provider.token(api)
    assert answer.json().keys() == {"token_type", "access_token", "expires_in", "scope"}
    token = jwt.decode(answer.json()["access_token"], tokens.key, ["ES256"])
    assert token.header["typ"] == "at+jwt"
    assert token.claims.keys() == {"iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti", "kind", "client_key"}
    assert token.claims["sub"] == token.claims["client_id"] == provider.provider_id
    assert (token.claims["kind"], token.claims["scope"]) == ("client", "tariffs:write bills:write accounts:write")


@pytest.mark.parametrize(("stated", "used"), [("PS256", "RS256"), ("RS256", "PS256")])
async def test_a_key_signs_with_the_algorithm_that_it_states(
    api: httpx.AsyncClient, database: Database, stated: str, used: str
) -> None:
    key = new_key("RSA", stated)
    provider = await registered(database, ProviderSystem(key, stated))
    assert (await provider.token(api)).status_code == 200
    silent = RSAKey.import_key(key.as_pem(private=True))
    header = {"alg": used, "kid": key.kid}
    other = jwt.encode(header, provider.claims(), silent, algorithms=[used])
    assert refusal(await provider.token(api, other)) == INVALID_CLIENT


async def test_rs256_has_an_end_that_its_clients_are_told(
    api: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await registered(database, ProviderSystem(new_key("RSA"), "RS256"))
    told = await old.token(api)
    assert told.headers["sunset"] == "Wed, 30 Jun 2027 00:00:00 GMT"
    assert told.headers["deprecation"] == f"@{int(datetime(2026, 11, 30, tzinfo=UTC).timestamp())}"
    monkeypatch.setattr(assertions, "RS256_ENDS", datetime(2026, 1, 1, tzinfo=UTC))
    ended = await old.token(api)
    assert refusal(ended) == INVALID_CLIENT
    assert "PS256" in ended.json()["error_description"]
    same_key = ProviderSystem(old.key, "PS256", old.provider_id)
    answer = await same_key.token(api)
    assert (answer.status_code, answer.headers.get("sunset")) == (200, None)


async def test_the_audience_is_the_issuer_as_one_string(api: httpx.AsyncClient, provider: ProviderSystem) -> None:
    issuer = f"{PUBLIC_URL}/identity"
    assert (await provider.token(api, provider.assertion(aud=issuer))).status_code == 200
    for audience in ([issuer], [issuer, "https://other.test"], f"{PUBLIC_URL}{TOKEN}", f"{issuer}/", PUBLIC_URL):
        answer = await provider.token(api, provider.assertion(aud=audience))
        assert refusal(answer) == INVALID_CLIENT
        assert answer.json()["error_description"].endswith(issuer)


async def test_the_scope_is_the_requested_part_of_the_allowed_one(
    api: httpx.AsyncClient, provider: ProviderSystem
) -> None:
    assert (await provider.token(api, scope="bills:write")).json()["scope"] == "bills:write"
    for scope in ("openid", "bills:write openid", "everything"):
        assert refusal(await provider.token(api, scope=scope)) == (400, "invalid_scope")


async def test_an_assertion_is_accepted_once(api: httpx.AsyncClient, provider: ProviderSystem) -> None:
    assertion = provider.assertion()
    answers = await asyncio.gather(*(provider.token(api, assertion) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 7]
    assert refusal(await provider.token(api, assertion)) == INVALID_CLIENT


async def test_two_providers_may_use_the_same_jti(api: httpx.AsyncClient, database: Database) -> None:
    for provider in (ProviderSystem(), ProviderSystem()):
        await registered(database, provider)
        assert (await provider.token(api, provider.assertion(jti="1"))).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.test/token"},
        {"aud": None},
        {"aud": []},
        {"exp": None},
        {"exp": timedelta(seconds=-60)},
        {"exp": timedelta(seconds=3_600)},
        {"exp": "soon"},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"nbf": timedelta(seconds=3_600)},
        {"nbf": timedelta(seconds=600)},
        {"iat": timedelta(seconds=600)},
        {"jti": None},
        {"jti": 7},
        {"jti": ""},
        {"iss": "somebody else"},
        {"sub": "somebody else"},
        {"sub": None},
        {"sub": 7},
        {"sub": "myili-app", "iss": "myili-app"},
        {"sub": "a\0", "iss": "a\0"},
    ],
)
async def test_an_assertion_with_a_wrong_claim_is_refused(
    api: httpx.AsyncClient, provider: ProviderSystem, changes: dict[str, Any]
) -> None:
    now = int(time.time())  # not that of the collection, which may be long ago
    claims: dict[str, Any] = {
        name: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
        for name, value in changes.items()
    }
    assert refusal(await provider.token(api, provider.assertion(**claims))) == INVALID_CLIENT


@pytest.mark.parametrize(
    ("claim", "skew", "status"), [("iat", 20, 200), ("iat", 62, 401), ("nbf", 62, 401), ("exp", -62, 401)]
)
async def test_clocks_may_not_differ_by_more_than_a_minute(
    api: httpx.AsyncClient, provider: ProviderSystem, claim: str, skew: int, status: int
) -> None:
    at: dict[str, Any] = {claim: int(time.time()) + skew}
    assert (await provider.token(api, provider.assertion(**at))).status_code == status


async def test_a_client_id_beside_the_assertion_names_the_same_client(
    api: httpx.AsyncClient, provider: ProviderSystem
) -> None:
    assert (await provider.token(api, client_id=provider.provider_id)).status_code == 200
    assert refusal(await provider.token(api, client_id="myili-app")) == INVALID_CLIENT


@pytest.mark.parametrize(
    ("grant_type", "wanted"),
    [
        ("client_credentials", "a client_assertion with its client_assertion_type"),
        ("refresh_token", "the client_id or a client_assertion with its client_assertion_type"),
    ],
)
async def test_a_request_without_a_client_names_the_missing_credentials(
    api: httpx.AsyncClient, grant_type: str, wanted: str
) -> None:
    answer = await api.post(TOKEN, data={"grant_type": grant_type, "refresh_token": "some"})
    assert refusal(answer) == INVALID_CLIENT
    assert answer.json()["error_description"] == f"send {wanted} of a client that may make this request"


def raw_assertion(claims: str) -> str:
    parts = ('{"alg": "ES256"}', claims, "no signature")
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


@pytest.mark.parametrize("claims", ['{"sub": "\\ud800", "iss": "\\ud800"}', "[" * 1_200 + "]" * 1_200])
async def test_claims_that_python_fails_to_parse_are_refused(api: httpx.AsyncClient, claims: str) -> None:
    assert refusal(await ProviderSystem().token(api, raw_assertion(claims))) == INVALID_CLIENT


async def test_a_lone_surrogate_is_a_jti_like_any_other(api: httpx.AsyncClient, provider: ProviderSystem) -> None:
    claims = json.dumps(provider.claims(jti="\ud800"))
    assertion = jws.serialize_compact({"alg": "ES256", "kid": provider.key.kid}, claims, provider.key)
    assert (await provider.token(api, assertion)).status_code == 200
    assert refusal(await provider.token(api, assertion)) == INVALID_CLIENT


async def test_an_assertion_of_another_key_is_refused(api: httpx.AsyncClient, provider: ProviderSystem) -> None:
    forger = ProviderSystem(provider_id=provider.provider_id)
    forged_kid = {"alg": "ES256", "kid": provider.key.kid}
    for assertion in (
        forger.assertion(),
        forger.assertion(header=forged_kid),
        forger.assertion(header={"alg": "ES256"}),
    ):
        assert refusal(await provider.token(api, assertion)) == INVALID_CLIENT


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
    return ".".join((*parts, ""))


async def test_an_unsigned_assertion_is_refused(api: httpx.AsyncClient, provider: ProviderSystem) -> None:
    for algorithm in ("none", "None", "NONE", ""):
        assertion = unsigned({"alg": algorithm, "kid": provider.key.kid}, provider.claims())
        assert refusal(await provider.token(api, assertion)) == INVALID_CLIENT


async def test_a_public_key_is_no_shared_secret(api: httpx.AsyncClient, database: Database) -> None:
    provider = await registered(database, ProviderSystem(new_key("RSA"), "RS256"))
    body = unsigned({"alg": "HS256", "kid": provider.key.kid}, provider.claims())[:-1]
    mac = hmac.digest(provider.key.as_pem(private=False), body.encode(), "sha256")
    assertion = f"{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    assert refusal(await provider.token(api, assertion)) == INVALID_CLIENT


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_an_algorithm_of_another_kind_of_key_is_refused(
    api: httpx.AsyncClient, database: Database, algorithm: str
) -> None:
    own, other = (new_key("EC"), new_key("RSA")) if algorithm == "RS256" else (new_key("RSA"), new_key("EC"))
    provider = await registered(database, ProviderSystem(own))
    confused = ProviderSystem(other, algorithm, provider.provider_id)
    assertion = confused.assertion(header={"alg": algorithm, "kid": own.kid})
    assert refusal(await provider.token(api, assertion)) == INVALID_CLIENT


@pytest.mark.parametrize(
    "assertion", ["", "x", "a.b.c", "..", "名.名.名", "e30.e30.e30", "bnVsbA.bnVsbA.", "a" * 4_000]
)
async def test_a_malformed_assertion_is_refused(
    api: httpx.AsyncClient, provider: ProviderSystem, assertion: str
) -> None:
    assert refusal(await provider.token(api, assertion)) == INVALID_CLIENT


async def test_a_system_cannot_start_a_sign_in(app_client: AppClient, provider: ProviderSystem) -> None:
    page = await app_client.begin(client_id=provider.provider_id)
    assert page.answer.status_code == 400
    assert "location" not in page.answer.headers


async def test_a_known_provider_can_change_its_keys(api: httpx.AsyncClient, database: Database) -> None:
    old = await registered(database, ProviderSystem())
    new = await registered(database, ProviderSystem(provider_id=old.provider_id))
    assert refusal(await old.token(api)) == INVALID_CLIENT
    assert (await new.token(api)).status_code == 200
    async with database.read() as tx:
        events = [event for event in await emitted(tx) if event.key == old.provider_id]
    assert [(event.type, event.data) for event in events] == [
        ("cn.ili.identity.client.registered.v1", {"client_id": old.provider_id})
    ]


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # the weak key is what is tested
async def test_only_usable_public_keys_are_stored(api: httpx.AsyncClient, database: Database) -> None:
    provider = ProviderSystem()
    others: list[ECKey | RSAKey | OctKey] = [
        RSAKey.generate_key(1024),
        ECKey.generate_key("P-384"),
        OctKey.generate_key(256),
    ]
    everything = KeySet([provider.key, *others]).as_dict(private=True)
    async with database.transaction() as tx:
        await provider.register(tx, jwks=everything)
    async with database.read() as tx:
        kept = ((await tx.get_one(Client, provider.provider_id)).jwks or {})["keys"]
    assert [key["kid"] for key in kept] == [provider.key.kid]
    assert "d" not in kept[0]
    assert (await provider.token(api)).status_code == 200


@pytest.mark.parametrize(
    "jwks",
    [{}, {"keys": []}, {"keys": [{}]}, {"keys": "x"}, {"keys": [OctKey.generate_key(256).as_dict(private=True)]}],
)
async def test_an_event_without_a_usable_key_is_poison(database: Database, jwks: dict[str, Any]) -> None:
    async with database.transaction() as tx:
        with pytest.raises(Poison):
            await ProviderSystem().register(tx, jwks=jwks)
